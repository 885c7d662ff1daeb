"""Holding the store for one writer, and finding out whether it is sound."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Final

from preamblelab.domain.base import content_digest
from preamblelab.domain.records import answer_digest
from preamblelab.errors import StoreError
from preamblelab.store.connection import Connection
from preamblelab.store.locking import writer_lock
from preamblelab.store.packing import load_mapping, load_tuple, unpack

_PORTION: Final = 200

_ADDRESSED: Final = """
SELECT r.id, r.key, r.endpoint, r.model_id, r.digest, r.settings, m.body, r.repetition,
    r.messages_digest, r.output_hash, x.text, x.tool_calls
FROM responses r
LEFT JOIN messages m ON m.digest = r.messages_digest
LEFT JOIN texts x ON x.response_id = r.id
WHERE r.id > ? ORDER BY r.id LIMIT ?
"""


class Upkeep(Connection):
    """The store as a file."""

    def lock(self, purpose: str) -> AbstractContextManager[None]:
        """Hold the store for one writer as long as the block runs; readers are not kept out.

        Args:
            purpose: what the holder does, told to whoever is refused: "run brevity".

        Raises:
            StoreError: another process holds it; the message names its process id and purpose.
        """
        return writer_lock(self.path, purpose, self._clock())

    def verify(self) -> list[str]:
        """What is wrong with the store, one line each; empty when all is well.

        Checks the file's structure and references, and computes every address anew from what is
        stored under it: a changed answer, message or setting does not go unseen.
        """
        try:
            with self._reading("verify the store") as connection:
                faults = [
                    f"{self.path}: {' '.join(line.split())}"
                    for (line,) in connection.execute("PRAGMA integrity_check(20)")
                    if line != "ok"
                ]
                faults += [
                    f"{self.path}: {table} {row} refers to {parent}, which is not there"
                    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check")
                ]
            return faults + [f"{self.path}: {line}" for line in self._wrong_addresses()]
        except StoreError as error:
            return [str(error)]

    def _wrong_addresses(self) -> Iterator[str]:
        last = 0
        while True:
            with self._reading("verify the store") as connection:
                rows = connection.execute(_ADDRESSED, (last, _PORTION)).fetchall()
            for row in rows:
                yield from _faults_of(row)
            if len(rows) < _PORTION:
                return
            last = rows[-1][0]


def _faults_of(row: tuple[Any, ...]) -> Iterator[str]:
    """What is wrong with one answer."""
    _, key, endpoint, model_id, digest, settings, body, repetition, told, output_hash = row[:10]
    text, calls = row[10:]
    if body is None or text is None:
        yield f"answer {key} has lost its {'messages' if body is None else 'text'}"
        return
    try:
        messages = json.loads(body)
        found = content_digest(
            [endpoint, model_id, digest, load_mapping(settings), messages, repetition]
        )
        if content_digest(messages) != told:
            yield f"the messages of answer {key} were changed"
        elif found != key:
            yield f"answer {key} does not belong to the request stored with it"
        if answer_digest(unpack(text), load_tuple(calls)) != output_hash:
            yield f"the text of answer {key} was changed"
    except (ValueError, TypeError, sqlite3.Error) as error:
        yield f"answer {key} cannot be read: {error}"
