"""What was acknowledged is there, whenever the process dies and whatever the disk says."""

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from preamblelab.domain.records import Response
from preamblelab.errors import StoreError
from preamblelab.store import Store

pytestmark = pytest.mark.whole

WRITER = """
import importlib.util, sys
from preamblelab.domain.records import Response
from preamblelab.store import Store
spec = importlib.util.spec_from_file_location("builders", "tests/store/conftest.py")
made = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made)
first, most = int(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
with Store(sys.argv[1]) as store, store.lock("write"):
    for group in range(first, first + most, 5):
        five = range(group, group + 5)
        store.put([(made.request(n), Response(text="text %d " % n * 200)) for n in five])
        store.put_marks([mark for n in five for mark in made.marks(n)])
        print(group, flush=True)
"""
"""Stores five answers at a time and says so after each five."""


def survived(path: Path, made: SimpleNamespace, acknowledged: list[int]) -> None:
    """The store is sound and holds every acknowledged group of five."""
    if not path.exists():
        assert acknowledged == []
        return
    with Store(path) as store, store.lock("look"):
        assert store.verify() == []
        keys = [made.request(n).key for group in acknowledged for n in range(group, group + 5)]
        assert store.answered(keys) == set(keys)
        for group in acknowledged:
            answer = store.response(made.request(group).key)
            assert answer is not None
            assert answer.text == f"text {group} " * 200


def groups(output: str) -> list[int]:
    return [int(line) for line in output.split() if line.isdigit()]


def kill_and_look(
    path: Path, made: SimpleNamespace, child: Any, *, times: int, seed: int
) -> list[int]:
    """Kill a writer at random moments, again and again on one store."""
    draw = random.Random(seed)
    acknowledged: list[int] = []
    for round_ in range(times):
        process = child(WRITER, path, round_ * 10_000, 5000)
        assert process.stdout.readline() == "ready\n"
        time.sleep(draw.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        output, _ = process.communicate()
        assert process.returncode == -signal.SIGKILL, "it really died by that signal"
        acknowledged += groups(output)
        survived(path, made, acknowledged)
    return acknowledged


def test_kill_9_loses_nothing_that_was_acknowledged(
    path: Path, made: SimpleNamespace, child: Any
) -> None:
    assert kill_and_look(path, made, child, times=4, seed=1)


@pytest.mark.slow
def test_kill_9_at_many_random_moments(path: Path, made: SimpleNamespace, child: Any) -> None:
    assert len(kill_and_look(path, made, child, times=60, seed=2)) > 100


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("fault", ["signal=KILL", "error=EIO", "error=ENOSPC"])
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync", "ftruncate", "unlink"])
def test_every_single_system_call_may_be_the_last(
    tmp_path: Path, made: SimpleNamespace, child: Any, call: str, fault: str
) -> None:
    """The n-th call dies or fails, for n from 1 until the run passes untouched."""
    trace = tmp_path / "trace"
    # Of a hundred writes that may fail every third is tried; that takes minutes already.
    step = 3 if call == "pwrite64" and fault != "signal=KILL" else 1
    for number in range(1, 400, step):
        path = tmp_path / f"{number}" / "runs.db"
        path.parent.mkdir()
        inject = f"inject={call}:{fault}:when={number}"
        prefix = ("strace", "-f", "-qq", "-o", str(trace))
        process = child(WRITER, path, 0, 10, prefix=(*prefix, "-e", f"trace={call}", "-e", inject))
        output, err = process.communicate(timeout=60)
        survived(path, made, groups(output))
        if err:
            assert err.splitlines()[-1].startswith("preamblelab.errors.StoreError: "), err
        with Store(path) as store, store.lock("resume"):
            store.put([made.answer(n) for n in range(10)])
            assert store.verify() == []
            assert len(store.answered(made.request(n).key for n in range(10))) == 10
        shutil.rmtree(path.parent)
        if "INJECTED" not in trace.read_text() and "KILL" not in trace.read_text():
            assert (process.returncode, groups(output)) == (0, [0, 5])
            assert number > 1, f"the run makes no {call}"
            return
    pytest.fail("the run never passed untouched")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A folder on a disk of its own, and a way to change the disk's size."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a file system takes root")

    def resize(size: str) -> Path:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)
        return folder

    try:
        yield resize
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill_up(store: Store, made: SimpleNamespace, most: int = 1000) -> tuple[list[str], str]:
    """Store until it is refused: keys that were acknowledged, and the message."""
    acknowledged: list[str] = []
    for number in range(most):
        row = (made.request(number), Response(text=f"text {number} " * 1000))
        try:
            store.put([row])
        except StoreError as error:
            return acknowledged, str(error)
        acknowledged.append(row[0].key)
    pytest.fail("the disk never filled up")


def test_a_full_disk_is_one_line_and_a_larger_one_goes_on(
    made: SimpleNamespace, small_disk: Callable[[str], Path]
) -> None:
    path = small_disk("1m") / "runs.db"
    with Store(path) as store:
        acknowledged, message = fill_up(store, made)
        assert "cannot store answers: no space is left on the disk (SQLITE_FULL)" in message
        assert "\n" not in message
        assert acknowledged
        assert store.answered(acknowledged) == set(acknowledged)
        small_disk("8m")
        store.put([made.answer(5000)])
    with Store(path) as store:
        assert store.verify() == []
        assert store.answered(acknowledged) == set(acknowledged)
        assert store.response(made.request(5000).key) is not None


def test_a_store_cannot_be_made_on_a_full_disk(small_disk: Callable[[str], Path]) -> None:
    folder = small_disk("1m")
    with (folder / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    with pytest.raises(StoreError, match="no space is left"):
        Store(folder / "runs.db")
    (folder / "filler").unlink()
    Store(folder / "runs.db").close()


def test_a_store_that_may_not_grow_is_one_line(path: Path, made: SimpleNamespace) -> None:
    with Store(path) as store:
        with store._reading("limit") as connection:
            connection.execute("PRAGMA max_page_count = 100")
        acknowledged, message = fill_up(store, made)
        assert "no space is left on the disk" in message
        assert store.answered(acknowledged) == set(acknowledged)
        assert store.verify() == []


def test_after_a_failed_write_nothing_more_is_trusted_to_the_connection(
    path: Path, made: SimpleNamespace
) -> None:
    """A limit on the size of files stands for a disk that reports errors."""
    Store(path).close()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    store = Store(path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    try:
        acknowledged, message = fill_up(store, made)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "the disk reported an error (SQLITE_IOERR_WRITE)" in message
    assert acknowledged
    with pytest.raises(StoreError, match="the disk reported an error"):
        store.put([made.answer(5000)])
    store.close()
    with Store(path) as store:
        assert store.verify() == []
        assert store.answered(acknowledged) == set(acknowledged)
        store.put([made.answer(5000)])


def test_a_file_that_is_destroyed_under_an_open_store_is_one_line(
    path: Path, made: SimpleNamespace
) -> None:
    with Store(path) as store:
        store.put([(made.request(n), Response(text="x" * 5000)) for n in range(200)])
    with Store(path) as store:
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(os.urandom(path.stat().st_size - 4096))
        with pytest.raises(StoreError, match="damaged or incomplete"):
            store.answered(made.request(n).key for n in range(200))
        (fault,) = store.verify()[:1]
        assert "damaged" in fault or "malformed" in fault or "btree" in fault.lower()


def test_another_program_may_read_meanwhile(
    store: Store, path: Path, made: SimpleNamespace
) -> None:
    other = sqlite3.connect(path)
    store.put([made.answer(0)])
    rows = other.execute("SELECT count(*) FROM responses")
    store.put([made.answer(1)])
    assert rows.fetchone()[0] in {1, 2}
    other.close()
