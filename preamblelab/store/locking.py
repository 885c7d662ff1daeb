"""One writer at a time: a lock on a file beside the store, which dies with its process."""

import errno
import json
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from preamblelab.errors import StoreError
from preamblelab.store.faults import one_line

# Windows forbids others to read a locked range: lock one byte far behind the text.
_WINDOWS_BYTE: Final = 1 << 30

_HELD: Final = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK, errno.EWOULDBLOCK})
"""What the system says when another process holds the lock; anything else: it cannot lock."""


def lock_path(path: Path) -> Path:
    """The file that is locked; it stays when the lock is given back, and is no obstacle."""
    return path.with_name(path.name + ".lock")


@contextmanager
def writer_lock(path: Path, purpose: str, since: str) -> Iterator[None]:
    """Hold the store for one writer; readers are not kept out.

    The lock is the system's, not the file's existence: it ends with the process, however that ends.

    Args:
        path: the store.
        purpose: what the holder does, told to whoever is refused: "run brevity".
        since: when it began, in UTC.

    Raises:
        StoreError: another writer holds it; the message names its process and its purpose.
    """
    side = lock_path(path.resolve())
    with one_line(side, "lock the store"):
        descriptor = os.open(side, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        _take(descriptor, path)
        holder = json.dumps({"pid": os.getpid(), "purpose": purpose, "since": since})
        with one_line(side, "lock the store"):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, holder.encode("ascii"), 0) if hasattr(os, "pwrite") else os.write(
                descriptor, holder.encode("ascii")
            )
        yield
    finally:
        # Closing gives the lock back. The file stays: removing it would race with the next taker.
        os.close(descriptor)


def _take(descriptor: int, path: Path) -> None:
    """Lock the open file at once, or say who holds it."""
    try:
        _lock(descriptor)
    except OSError as error:
        if error.errno in _HELD:
            raise StoreError(_refusal(descriptor, path)) from error
        _warn(path, error.strerror or str(error))
    except ImportError:
        _warn(path, "this Python has neither fcntl nor msvcrt")


def _lock(descriptor: int) -> None:
    """An exclusive lock on the open file, or OSError."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _WINDOWS_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _warn(path: Path, reason: str) -> None:
    warnings.warn(
        f"{path}: its folder cannot lock files ({reason}): "
        "nothing but you keeps a second run from asking the same again",
        RuntimeWarning,
        stacklevel=6,
    )


def _refusal(descriptor: int, path: Path) -> str:
    """Why the lock is not to be had, with what its holder wrote about itself."""
    holder: Any = None
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        holder = json.loads(os.read(descriptor, 10_000))
    except (OSError, ValueError):
        pass  # It is just being written, or not ours: then the holder stays nameless.
    if not isinstance(holder, dict):
        holder = {}
    pid = holder.get("pid", "unknown")
    purpose = holder.get("purpose", "something unknown")
    since = f" since {holder['since']}" if "since" in holder else ""
    line = (
        f"{path}: process {pid} is at work on this store{since} ({purpose}); "
        "wait until it is done or stop it, reading is possible meanwhile"
    )
    return " ".join(line.split())
