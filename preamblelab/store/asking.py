"""Answers by the content of their request: which there are, storing them, what they used up."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, cast

from preamblelab.domain.base import content_digest
from preamblelab.domain.records import Request, Response, Status
from preamblelab.store.connection import Connection, portions
from preamblelab.store.packing import (
    dump,
    dump_messages,
    load_tuple,
    pack,
    pack_optional,
    unpack,
    unpack_optional,
    visible,
)
from preamblelab.store.rows import Spend

_PORTION: Final = 200
"""Answers held in memory at a time; a text may have megabytes."""

_KEYS: Final = 5000
"""Keys asked about in one statement."""

_PUT_RESPONSE: Final = """
INSERT INTO responses (key, role, endpoint, model_id, digest, settings, messages_digest, repetition,
    output_hash, status, reason, finish, prompt_tokens, completion_tokens, estimated, usd, seconds,
    first_token_seconds, load_seconds, served_model, route, flags, attempts, simulated, created)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO NOTHING
"""

_PUT_FAILURE: Final = """
INSERT INTO failures (key, role, endpoint, model_id, kind, reason, attempts, prompt_tokens,
    completion_tokens, usd, seconds, route, created)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_GET_RESPONSES: Final = """
SELECT r.key, x.text, r.status, r.reason, x.reasoning, r.finish, r.prompt_tokens,
    r.completion_tokens, r.estimated, r.usd, r.seconds, r.first_token_seconds, r.load_seconds,
    r.served_model, r.route, x.loop, x.tool_calls, r.flags, r.attempts
FROM responses r JOIN texts x ON x.response_id = r.id
WHERE r.key IN (SELECT value FROM json_each(?))
"""

# Imported answers were paid for elsewhere, if at all.
_SPEND: Final = """
SELECT role, count(*), total(attempts), total(prompt_tokens), total(completion_tokens), total(usd),
    sum(usd IS NULL)
FROM (
    SELECT role, attempts, prompt_tokens, completion_tokens, usd, route, created, key FROM responses
    UNION ALL
    SELECT role, attempts, prompt_tokens, completion_tokens, usd, route, created, key FROM failures
)
WHERE route <> 'imported' AND created >= ?1
    AND (?2 IS NULL OR key IN (SELECT value FROM json_each(?2)))
GROUP BY role ORDER BY role
"""


class Asking(Connection):
    """The answers of models, subjects and judges alike."""

    def answered(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys that have an answer; a failed call is none."""
        found: set[str] = set()
        for portion in portions(keys, _KEYS):
            with self._reading("look for answers") as connection:
                rows = connection.execute(
                    "SELECT key FROM responses WHERE key IN (SELECT value FROM json_each(?))",
                    (json.dumps(portion),),
                )
                found.update(key for (key,) in rows)
        return found

    def put(self, rows: Sequence[tuple[Request, Response]]) -> None:
        """Store answers durably: when this returns, they survive a crash and a power cut.

        One transaction: all rows or none. Failed calls go to a log of their own, where they count
        as spent, not as answered. An answer that is already there stays as it is.

        Args:
            rows: what was asked, and what came back.

        Raises:
            StoreError: nothing of it was stored; what was stored before is safe.
        """
        if not rows:
            return
        created = self._clock()
        # Repetitions share one tuple of messages: it is hashed and stored once per transaction.
        digests: dict[int, str] = {}
        with self._writing("store answers") as connection:
            for request, response in rows:
                if response.answered:
                    place = id(request.messages)
                    if place not in digests:
                        digests[place] = _put_messages(connection, request)
                    _put_answer(connection, request, digests[place], response, created)
                else:
                    _put_failure(connection, request, response, created)

    def response(self, key: str) -> Response | None:
        """The answer of this key, or None."""
        with self._reading("read an answer") as connection:
            row = connection.execute(_GET_RESPONSES, (json.dumps([key]),)).fetchone()
            return None if row is None else _as_response(row)

    def responses(self, keys: Iterable[str]) -> Iterator[tuple[str, Response]]:
        """Key and answer for those of the keys that have one, few of them in memory at a time."""
        for portion in portions(keys, _PORTION):
            with self._reading("read answers") as connection:
                rows = connection.execute(_GET_RESPONSES, (json.dumps(portion),)).fetchall()
                found = {row[0]: _as_response(row) for row in rows}
            for key in dict.fromkeys(portion):
                if key in found:
                    yield key, found[key]

    def messages(self, key: str) -> list[dict[str, Any]] | None:
        """The messages exactly as they were sent for the answer of this key, or None."""
        with self._reading("read messages") as connection:
            row = connection.execute(
                "SELECT m.body FROM responses r JOIN messages m ON m.digest = r.messages_digest "
                "WHERE r.key = ?",
                (key,),
            ).fetchone()
            return None if row is None else cast("list[dict[str, Any]]", json.loads(row[0]))

    def failures(self, keys: Iterable[str]) -> dict[str, tuple[int, str]]:
        """For each of the keys that ever failed: how many calls failed, and why the last did."""
        found: dict[str, tuple[int, str]] = {}
        for portion in portions(keys, _KEYS):
            with self._reading("read failures") as connection:
                # SQLite takes a bare column from the row that holds the one max().
                rows = connection.execute(
                    "SELECT key, count(*), max(id), reason FROM failures "
                    "WHERE key IN (SELECT value FROM json_each(?)) GROUP BY key",
                    (json.dumps(portion),),
                )
                found.update((key, (count, visible(reason))) for key, count, _, reason in rows)
        return found

    def spend(self, since: str | None = None, keys: Iterable[str] | None = None) -> Spend:
        """What calls have used up, those without an answer included, imported ones left out.

        Args:
            since: only calls stored at this time (UTC, as the store's clock writes it) or later.
            keys: only calls with these keys.
        """
        wanted = None if keys is None else json.dumps(list(keys))
        with self._reading("add up what was spent") as connection:
            rows = connection.execute(_SPEND, (since or "", wanted)).fetchall()
        by_role = {row[0]: _as_spend(row[1:]) for row in rows}
        totals = [sum(column) for column in zip(*(row[1:] for row in rows), strict=True)]
        return _as_spend(totals or [0] * 6, by_role)


def _put_messages(connection: sqlite3.Connection, request: Request) -> str:
    """Store what was sent, unless it is there; returns its address."""
    messages = [dict(message) for message in request.messages]
    digest = content_digest(messages)
    connection.execute(
        "INSERT INTO messages VALUES (?, ?) ON CONFLICT (digest) DO NOTHING",
        (digest, dump_messages(messages)),
    )
    return digest


def _put_answer(
    connection: sqlite3.Connection,
    request: Request,
    messages_digest: str,
    response: Response,
    created: str,
) -> None:
    stored = connection.execute(
        _PUT_RESPONSE,
        (
            request.key,
            request.role,
            request.endpoint,
            request.model.id,
            request.digest,
            dump(request.settings),
            messages_digest,
            request.repetition,
            response.output_hash,
            response.status,
            pack(response.reason),
            pack_optional(response.finish),
            response.prompt_tokens,
            response.completion_tokens,
            response.estimated,
            response.usd,
            response.seconds,
            response.first_token_seconds,
            response.load_seconds,
            pack_optional(response.served_model),
            response.route,
            dump(response.flags),
            response.attempts,
            request.model.simulated,
            created,
        ),
    )
    if stored.rowcount != 1:
        return
    connection.execute(
        "INSERT INTO texts VALUES (?, ?, ?, ?, ?)",
        (
            stored.lastrowid,
            pack(response.text),
            pack(response.reasoning) if response.reasoning else None,
            dump(response.loop),
            dump(response.tool_calls),
        ),
    )


def _put_failure(
    connection: sqlite3.Connection, request: Request, response: Response, created: str
) -> None:
    kind = response.reason.partition(":")[0].strip().partition(" ")[0]
    connection.execute(
        _PUT_FAILURE,
        (
            request.key,
            request.role,
            request.endpoint,
            request.model.id,
            visible(kind),
            pack(response.reason),
            response.attempts,
            response.prompt_tokens,
            response.completion_tokens,
            response.usd,
            response.seconds,
            response.route,
            created,
        ),
    )


def _as_response(row: tuple[Any, ...]) -> Response:
    """A response from a row of `_GET_RESPONSES`."""
    return Response(
        text=unpack(row[1]),
        status=cast("Status", row[2]),
        reason=unpack(row[3]),
        reasoning=unpack_optional(row[4]) or "",
        finish=unpack_optional(row[5]),
        prompt_tokens=row[6],
        completion_tokens=row[7],
        estimated=bool(row[8]),
        usd=row[9],
        seconds=row[10],
        first_token_seconds=row[11],
        load_seconds=row[12],
        served_model=unpack_optional(row[13]),
        route=row[14],
        loop=None if row[15] is None else json.loads(row[15]),
        tool_calls=load_tuple(row[16]),
        flags=load_tuple(row[17]),
        attempts=row[18],
    )


def _as_spend(sums: Sequence[Any], by_role: dict[str, Spend] | None = None) -> Spend:
    calls, attempts, prompt_tokens, completion_tokens, usd, unpriced = sums
    return Spend(
        calls=int(calls),
        attempts=int(attempts),
        prompt_tokens=int(prompt_tokens),
        completion_tokens=int(completion_tokens),
        usd=float(usd),
        unpriced=int(unpriced),
        by_role=by_role or {},
    )
