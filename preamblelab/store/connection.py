"""The open file under the store: one thread at a time, whole transactions, errors in one line."""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Self, TypeVar

from preamblelab.errors import SpecError, StoreError
from preamblelab.store.faults import as_store_error, is_disk_error, one_line
from preamblelab.store.opening import open_database

Item = TypeVar("Item")


def utc_now() -> str:
    """The time in UTC, always of one width, so that times compare as texts."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def portions(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of at most this many."""
    rest = iter(items)
    while portion := list(islice(rest, size)):
        yield portion


class Connection:
    """What every room of the store builds on; may be used from several threads."""

    def __init__(
        self,
        path: str | Path,
        *,
        read_only: bool = False,
        clock: Callable[[], str] = utc_now,
    ) -> None:
        """Open a store.

        Args:
            path: the file. It is made when it does not exist, in a folder that does.
            read_only: change nothing, not even an older schema.
            clock: tells the time in UTC, always in one width.

        Raises:
            StoreError: the file cannot be used; it was not changed.
        """
        self.path = Path(path)
        self.read_only = read_only
        self._clock = clock
        self._turn = threading.RLock()
        self._broken: StoreError | None = None
        self._connection = open_database(self.path, read_only=read_only, clock=clock)

    def close(self) -> None:
        """Give the file back; the store cannot be used after it, closing again does nothing."""
        with self._turn, one_line(self.path, "close the store"):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _reading(self, doing: str) -> Iterator[sqlite3.Connection]:
        """The connection for reading; what goes wrong becomes one line."""
        with self._turn, one_line(self.path, doing):
            yield self._connection

    @contextmanager
    def _writing(self, doing: str, *, counts: bool = True) -> Iterator[sqlite3.Connection]:
        """One durable transaction: when the block is left, everything in it is on the disk.

        Args:
            doing: what is done, to follow "cannot" in a message.
            counts: whether a change is counted, so that a rendered report is out of date.
        """
        with self._turn:
            if self._broken is not None:
                raise StoreError(str(self._broken))
            if self.read_only:
                raise StoreError(f"{self.path}: cannot {doing}: it was opened for reading only")
            try:
                with one_line(self.path, doing), self._transaction(counts=counts):
                    yield self._connection
            except StoreError as error:
                cause = error.__cause__
                if isinstance(cause, sqlite3.Error) and is_disk_error(cause):
                    # After a failed write or sync nobody knows what the disk holds: a second
                    # try on this connection could be called good without being it.
                    self._broken = as_store_error(cause, self.path, doing)
                raise

    @contextmanager
    def together(self, doing: str) -> Iterator[None]:
        """Everything that is stored in this block, in one durable transaction: all or nothing.

        Args:
            doing: what is done, to follow "cannot" in a message.
        """
        with self._writing(doing):
            yield

    @contextmanager
    def _transaction(self, *, counts: bool) -> Iterator[None]:
        if self._connection.in_transaction:
            yield  # within `together`: the outer transaction commits, or undoes, all of it
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            before = self._connection.total_changes
            yield
            if counts and self._connection.total_changes != before:
                self._connection.execute(
                    "UPDATE counters SET value = value + 1 WHERE name = 'changes'"
                )
            self._connection.execute("COMMIT")
        except BaseException:
            try:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                pass  # The first error tells more, and what is not committed is not there.
            raise

    def _experiment_id(self, experiment: str) -> int:
        """The number of an experiment.

        Raises:
            SpecError: there is none of this name; the message says which there are.
        """
        with self._reading("find an experiment") as connection:
            row = connection.execute(
                "SELECT id FROM experiments WHERE name = ?", (experiment,)
            ).fetchone()
            if row is not None:
                return int(row[0])
            names = [
                name for (name,) in connection.execute("SELECT name FROM experiments ORDER BY name")
            ]
        raise SpecError(
            f"{self.path}: no experiment named '{experiment}'{_known(experiment, names)}"
        )


def _known(name: str, names: list[str]) -> str:
    """The end of a message about a name that does not exist."""
    if not names:
        return "; the store holds none yet, run one first"
    close = get_close_matches(name, names, n=1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    return f"{hint}; known: {shown}" if not close else f"{hint} known: {shown}"
