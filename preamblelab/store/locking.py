"""One writer at a time: a lock on a file beside the store, which dies with its process."""

import errno
import json
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
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
        try:
            yield
        finally:
            # Whoever only looks (`holder_of`) sees that nobody is at work any more.
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
    finally:
        # Closing gives the lock back. The file stays: removing it would race with the next taker.
        os.close(descriptor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who writes to a store."""

    pid: int
    purpose: str
    """What it does: "run brevity"."""
    since: str
    """When it began, in UTC."""


def holder_of(path: Path) -> Holder | None:
    """Who is at work on a store, as far as it can be told without touching the lock.

    A try to lock would refuse a run that starts in the same moment. So this reads what the holder
    wrote and asks the system for its process: a number that was given to another process after a
    kill, or a process in another container, can be told wrongly.
    """
    try:
        told = json.loads(lock_path(path.resolve()).read_bytes()[:10_000])
        holder = Holder(pid=int(told["pid"]), purpose=str(told["purpose"]), since=told["since"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return holder if _alive(holder.pid) else None


def _alive(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # signal 0 would end the process there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # somebody else's process is a process
    return True


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
