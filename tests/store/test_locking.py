"""One writer at a time, told who holds the store; a lock dies with its process."""

import errno
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from preamblelab.errors import StoreError
from preamblelab.store import Store, connection, locking, opening

HOLDER = """
import sys
from preamblelab.store import Store
with Store(sys.argv[1]) as store, store.lock("run brevity"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_second_process_is_refused_at_once_and_told_who_holds_the_store(
    path: Path, made: SimpleNamespace, child: Any
) -> None:
    holder = child(HOLDER, path)
    assert holder.stdout.readline() == "held\n"
    with Store(path) as store:
        with (
            pytest.raises(StoreError, match=rf"process {holder.pid} is at work.*run brevity"),
            store.lock("score brevity"),
        ):
            pytest.fail("two writers held one store")
        assert store.answered([made.request(0).key]) == set(), "reading goes on"
        holder.communicate("done\n")
        with store.lock("score brevity"):
            pass


def test_a_lock_left_by_a_killed_process_is_no_obstacle(path: Path, child: Any) -> None:
    holder = child(HOLDER, path)
    assert holder.stdout.readline() == "held\n"
    holder.send_signal(signal.SIGKILL)
    assert holder.wait() == -signal.SIGKILL
    assert locking.lock_path(path).stat().st_size > 0, "what it wrote is still there"
    with Store(path) as store, store.lock("run"):
        pass


def test_one_process_cannot_hold_it_twice_either(path: Path) -> None:
    with (
        Store(path) as first,
        Store(path) as second,
        first.lock("run a"),
        pytest.raises(StoreError, match=rf"process {os.getpid()} .*run a"),
        second.lock("run b"),
    ):
        pass


def test_a_symlink_is_the_same_store(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.db"
    link.symlink_to(path)
    with (
        Store(path) as first,
        Store(link) as second,
        first.lock("run a"),
        pytest.raises(StoreError, match="run a"),
        second.lock("run b"),
    ):
        pass


def test_an_error_gives_the_lock_back(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.lock("run"):
        raise ZeroDivisionError
    with store.lock("run again"):
        pass


@pytest.mark.parametrize("content", [b"", b"not json", b"[1]", b"\xff\xfe", b'{"pid": null}'])
def test_whatever_the_side_file_holds_the_refusal_is_one_line(path: Path, content: bytes) -> None:
    with Store(path) as store, store.lock("run"):
        locking.lock_path(path).write_bytes(content)
        with pytest.raises(StoreError) as error, store.lock("again"):
            pass
    assert "\n" not in str(error.value)
    assert "is at work on this store" in str(error.value)


def test_a_folder_that_cannot_lock_is_used_with_a_word(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(_: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locking, "_lock", cannot)
    with pytest.warns(RuntimeWarning, match="cannot lock files .No locks available"):  # noqa: SIM117
        with store.lock("run"):
            pass


def test_a_python_without_fcntl_works_with_a_word(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.warns(RuntimeWarning, match="neither fcntl nor msvcrt"):  # noqa: SIM117
        with store.lock("run"):
            pass


def test_windows_locks_one_byte_behind_the_text(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The branch for Windows, against a stand-in for its msvcrt."""
    held: set[int] = set()

    def lock(descriptor: int, mode: int, size: int) -> None:
        place = os.lseek(descriptor, 0, os.SEEK_CUR)
        assert (mode, size) == (2, 1)
        if place in held:
            raise OSError(errno.EACCES, "Permission denied")
        held.add(place)

    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=lock, LK_NBLCK=2))
    monkeypatch.setattr(sys, "platform", "win32")
    with Store(path) as store, store.lock("run"):
        assert locking.lock_path(path).read_bytes().startswith(b'{"pid"')
        with pytest.raises(StoreError, match="run"), store.lock("again"):
            pass
    assert held == {1 << 30}


def test_a_store_that_stays_locked_is_one_line(
    path: Path, made: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(path).close()
    monkeypatch.setattr(opening, "BUSY_SECONDS", 0.05)
    with Store(path) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"another process is writing to it .SQLITE_BUSY"):
            store.put([made.answer()])
        with pytest.raises(StoreError, match="cannot open the store: another process"):
            Store(path)
        with Store(path, read_only=True) as reader:
            assert reader.experiments() == []
        other.execute("ROLLBACK")
        store.put([made.answer()])


def test_times_have_one_width() -> None:
    now = connection.utc_now()
    assert len(now) == len("2026-01-01T00:00:00.000000Z")
    assert now.endswith("Z")
