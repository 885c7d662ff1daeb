"""Whatever SQLite or the disk reports, as one `StoreError` line: what, where, how to go on."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from pathlib import Path

from preamblelab.errors import PreamblelabError, StoreError

# By primary result code (https://sqlite.org/rescode.html); extended codes carry it in 8 low bits.
_BUSY, _LOCKED, _READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _NOTADB = (
    5, 6, 8, 10, 11, 13, 14, 26,
)  # fmt: skip
_PERM, _NOMEM, _TOOBIG = 3, 7, 18

_SAFE = "everything stored before is safe"
_CAUSES = {
    _BUSY: ("another process is writing to it", "wait until that one is done and run again"),
    _LOCKED: ("another process is writing to it", "wait until that one is done and run again"),
    _READONLY: ("it cannot be written to", "give write permission to the file and its folder"),
    _PERM: ("permission is denied", "give yourself permission to the file and its folder"),
    _IOERR: (
        "the disk reported an error",
        f"check the disk and run again: {_SAFE}",
    ),
    _CORRUPT: (
        "the file is damaged or incomplete",
        "put back a copy of it, or name another file; it was not changed",
    ),
    _FULL: ("no space is left on the disk", f"free some space and run again: {_SAFE}"),
    _CANTOPEN: ("it cannot be opened", "check that file and folder exist and may be used"),
    _NOTADB: (
        "it is not a store of preamblelab",
        "name another file; it was not changed",
    ),
    _NOMEM: ("not enough memory", f"free some memory and run again: {_SAFE}"),
    _TOOBIG: ("a text is too long for SQLite", "shorten it to less than 1 GB"),
}


def is_disk_error(error: sqlite3.Error) -> bool:
    """Whether the disk failed, so that nothing more should be trusted to this connection."""
    return _primary(error) == _IOERR


def as_store_error(error: Exception, path: Path, doing: str) -> StoreError:
    """The one line for an error of SQLite, of the file system or of a value.

    Args:
        error: what was raised.
        path: the store.
        doing: what could not be done, to follow "cannot": "store answers".
    """
    cause, mend = "", "see `design/store.md`"
    if isinstance(error, sqlite3.Error):
        cause, mend = _CAUSES.get(_primary(error), (str(error), mend))
        name = getattr(error, "sqlite_errorname", None)
        if name and cause != str(error):
            cause = f"{cause} ({name})"
    elif isinstance(error, UnicodeEncodeError):
        cause, mend = "a name holds half a character (a lone surrogate)", "rename it"
    elif isinstance(error, (UnicodeDecodeError, JSONDecodeError)):
        cause, mend = _CAUSES[_CORRUPT]
    elif isinstance(error, OverflowError):
        cause, mend = "a number has more than 64 bits", "it cannot be a count of anything real"
    elif isinstance(error, OSError):
        cause, mend = error.strerror or type(error).__name__, "check the file and its folder"
    else:
        cause = f"{type(error).__name__}: {error}"
    line = f"{path}: cannot {doing}: {cause}; {mend}"
    return StoreError(" ".join(line.split()))


@contextmanager
def one_line(path: Path, doing: str) -> Iterator[None]:
    """Turn what SQLite, the file system or an unstorable value raises into a `StoreError`."""
    try:
        yield
    except PreamblelabError:
        raise
    except (sqlite3.Error, OSError, OverflowError, UnicodeError, JSONDecodeError) as error:
        raise as_store_error(error, path, doing) from error


def _primary(error: sqlite3.Error) -> int:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # Python's own complaints carry no code; a closed connection is the usual one.
        return 0
    return int(code) & 0xFF
