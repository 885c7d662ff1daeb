"""From a path to an open store: nothing foreign is touched, a new file is whole or not there."""

import os
import sqlite3
import stat
import time
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from preamblelab.errors import NoStoreError, StoreError
from preamblelab.store.faults import one_line
from preamblelab.store.schema import APPLICATION_ID, MIGRATIONS

BUSY_SECONDS: Final = 10.0
"""How long one transaction waits for another process's transaction."""

_MAGIC: Final = b"SQLite format 3\0"
_HEADER_BYTES: Final = 100


class Header(NamedTuple):
    """What the first bytes of a SQLite file say about it."""

    pages: int
    page_bytes: int
    user_version: int
    application_id: int


def open_database(path: Path, *, read_only: bool, clock: Callable[[], str]) -> sqlite3.Connection:
    """An open connection to a store of the newest schema version.

    Args:
        path: the file; it is made when it does not exist, its folder is not.
        read_only: neither make, migrate nor change anything.
        clock: tells the time in UTC.

    Raises:
        StoreError: the file is foreign, damaged, newer, locked, or cannot be used; it is unchanged.
    """
    with one_line(path, "open the store"):
        fresh = _is_fresh(path, read_only=read_only)
        if not fresh:
            _check_ours(path)
            fresh = _undo_creation(path) and _is_fresh(path, read_only=read_only)
        if not fresh:
            _check_whole(path, _check_ours(path))
            _check_log(path)
        connection = _connect(path, read_only=read_only, fresh=fresh)
    try:
        with one_line(path, "open the store"):
            if not fresh:
                _check_versions(connection, path)
            _prepare(connection, path, read_only=read_only, clock=clock)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_fresh(path: Path, *, read_only: bool) -> bool:
    """Whether there is nothing yet; an empty file is what an interrupted creation leaves."""
    if str(path) == ":memory:":
        raise StoreError(f"{path}: a store is a file; name one in a temporary folder")
    try:
        status = path.stat()
    except FileNotFoundError:
        if read_only:
            raise NoStoreError(f"{path}: there is no store; run an experiment first") from None
        if not path.parent.is_dir():
            raise StoreError(
                f"{path}: its folder does not exist; make it, or name another file"
            ) from None
        return True
    if stat.S_ISDIR(status.st_mode):
        raise NoStoreError(f"{path}: this is a folder; name a file in it, like {path / 'runs.db'}")
    if not stat.S_ISREG(status.st_mode):
        raise NoStoreError(f"{path}: this is no ordinary file; name another one")
    if status.st_size == 0 and read_only:
        raise NoStoreError(f"{path}: the store is empty; run an experiment first")
    if not read_only:
        _check_writable(path)
    return status.st_size == 0


def _check_writable(path: Path) -> None:
    """Refuse before anything is paid for; SQLite itself would only notice when it stores."""
    for place, what in (
        (path, "the file"),
        (path.parent, "its folder, where SQLite needs two more"),
    ):
        if not os.access(place, os.W_OK):
            raise StoreError(
                f"{path}: cannot open the store: {what}, cannot be written to; "
                "give write permission, or copy the store to where you may write"
            )


def _check_ours(path: Path) -> Header:
    """Refuse by its bytes what is not ours, before SQLite may touch it."""
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
    if not head.startswith(_MAGIC[: len(head)]):
        raise NoStoreError(
            f"{path}: this is not a store of preamblelab; name another file, it was not changed"
        )
    header = _parse(head) if len(head) == _HEADER_BYTES else None
    if header is None:
        raise _cut_off(path)
    if header.application_id != APPLICATION_ID:
        raise NoStoreError(
            f"{path}: this SQLite file belongs to another program; "
            "name another file, it was not changed"
        )
    _check_newer(path, header.user_version)
    return header


def _undo_creation(path: Path) -> bool:
    """Let SQLite take back a creation that was cut short; whether there was one.

    Only creation uses a rollback journal. A process that dies before it has removed that leaves
    a file of any length, which SQLite empties when it is opened.
    """
    journal = path.with_name(path.name + "-journal")
    if not journal.is_file() or journal.stat().st_size == 0:
        return False
    with closing(_plain(path, "rw")) as connection:
        _pragma(connection, "user_version")
    return True


def _check_whole(path: Path, header: Header) -> None:
    """Refuse a file that is shorter than its first bytes say, unless the log has the rest."""
    if path.stat().st_size < header.pages * header.page_bytes and not _survives(path, header):
        raise _cut_off(path)


def _parse(head: bytes) -> Header:
    """The fields of the file header (https://sqlite.org/fileformat2.html, section 1.3)."""

    def number(offset: int, size: int) -> int:
        return int.from_bytes(head[offset : offset + size], "big")

    page_bytes = number(16, 2)
    return Header(
        pages=number(28, 4),
        page_bytes=65536 if page_bytes == 1 else page_bytes,
        user_version=number(60, 4),
        application_id=number(68, 4),
    )


def _survives(path: Path, header: Header) -> bool:
    """Whether a file that is too short is made whole by its write-ahead log.

    A process that dies while it moves pages from the log into the file leaves such a pair.
    """
    there = path.stat().st_size // header.page_bytes
    return _has_log(path) and set(range(there + 1, header.pages + 1)) <= _logged_pages(path)


def _logged_pages(path: Path) -> set[int]:
    """Numbers of the pages in the log (https://sqlite.org/fileformat2.html, section 4.1)."""
    committed: set[int] = set()
    open_: set[int] = set()
    with path.with_name(path.name + "-wal").open("rb") as file:
        start = file.read(32)
        page_bytes, salts = int.from_bytes(start[8:12], "big"), start[16:24]
        while len(frame := file.read(24)) == 24 and frame[8:16] == salts:
            open_.add(int.from_bytes(frame[:4], "big"))
            if any(frame[4:8]):  # the last page of a transaction
                committed |= open_
            file.seek(page_bytes, os.SEEK_CUR)
    return committed


def _has_log(path: Path) -> bool:
    """Whether the write-ahead log holds anything."""
    log = path.with_name(path.name + "-wal")
    return log.is_file() and log.stat().st_size > 0


def _check_log(path: Path) -> None:
    """Ask for the version in the log of a killed process before anything moves it to the file."""
    if _has_log(path):
        with closing(_plain(path, "ro")) as connection:
            _check_versions(connection, path)


def _check_newer(path: Path, version: int) -> None:
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{path}: a newer preamblelab made this store (schema {version}, this one knows "
            f"{len(MIGRATIONS)}); upgrade preamblelab, the file was not changed"
        )


def _cut_off(path: Path) -> StoreError:
    return StoreError(
        f"{path}: the end of the store is missing; put back a copy of it, or name another file; "
        "it was not changed"
    )


def _connect(path: Path, *, read_only: bool, fresh: bool) -> sqlite3.Connection:
    """A connection whose transactions are begun and ended by us alone."""
    if fresh:
        return _plain(path, "rwc")
    if not read_only or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        # Readers too, where they may: only so does the last one remove SQLite's side files.
        return _plain(path, "rw")
    # Where nothing can be written there is no place for the side files; without a log nobody
    # writes, and the file can be read as it lies.
    return _plain(path, "ro" if _has_log(path) else "ro&immutable=1")


def _plain(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )


def _check_versions(connection: sqlite3.Connection, path: Path) -> None:
    """Ask SQLite itself: the log may hold a newer truth than the first bytes of the file."""
    _check_newer(path, _pragma(connection, "user_version"))
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise NoStoreError(
            f"{path}: this SQLite file belongs to another program; "
            "name another file, it was not changed"
        )


def _prepare(
    connection: sqlite3.Connection, path: Path, *, read_only: bool, clock: Callable[[], str]
) -> None:
    """Bring schema and settings to where the rest of the store expects them."""
    if read_only:
        if _pragma(connection, "user_version") < len(MIGRATIONS):
            raise StoreError(
                f"{path}: an older preamblelab made this store; open it once for writing "
                "(`preamblelab report` does), which keeps a copy and brings it up to date"
            )
        connection.execute("PRAGMA query_only = ON")
        return
    # Before the log is switched on: a rollback journal makes creation all or nothing.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")
    _migrate(connection, path, clock)
    _log_ahead(connection, path)


def _migrate(connection: sqlite3.Connection, path: Path, clock: Callable[[], str]) -> None:
    """Apply what is missing, all or nothing; also shows that the file can be written at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _pragma(connection, "user_version")
        _check_newer(path, version)
        if version < len(MIGRATIONS):
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                _back_up(path, version)
            for number in range(version + 1, len(MIGRATIONS) + 1):
                migration = MIGRATIONS[number - 1]
                migration(connection)
                connection.execute(
                    "INSERT INTO migrations VALUES (?, ?, ?)",
                    (number, migration.__name__, clock()),
                )
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _back_up(path: Path, version: int) -> Path:
    """A copy of an older store beside it, whole or not there, that replaces no other file."""
    copy = path.with_name(f"{path.name}.v{version}.backup")
    number = 2
    while copy.exists():
        copy = path.with_name(f"{path.name}.v{version}.backup-{number}")
        number += 1
    draft = copy.with_name(f"{copy.name}.{os.getpid()}.draft")
    try:
        with closing(_plain(path, "ro")) as source, closing(sqlite3.connect(draft)) as target:
            source.backup(target)
        draft.rename(copy)
    finally:
        draft.unlink(missing_ok=True)
    return copy


def _log_ahead(connection: sqlite3.Connection, path: Path) -> None:
    """Switch the write-ahead log on: readers then never wait for a writer, nor it for them."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            break
        except sqlite3.OperationalError:
            # SQLite does not wait here by itself when two processes make one store.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    if mode != "wal":
        warnings.warn(
            f"{path}: its folder knows no write-ahead log; answers are as safe, "
            "but storing is slower and reports wait while a run stores",
            RuntimeWarning,
            stacklevel=5,
        )


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
