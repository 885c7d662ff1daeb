"""Registry and archive are old or new, whatever the process dies at; one writes at a time."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from preamblelab.domain.registry import Holder, Registry, Slot
from preamblelab.errors import StoreError
from preamblelab.store.durable import write_file, write_folder
from preamblelab.store.locking import writer_lock
from preamblelab.store.registry_file import change_registry, read_registry, registry_text

CALLS = ("open", "write", "fsync", "replace", "rename", "mkdir", "close", "ftruncate", "pwrite")


def dies_at_every_call(work: Callable[[], object], look: Callable[[], None]) -> int:
    """Do the work in a child that dies before its first system call, its second, and so on.

    Returns:
        How many calls the work takes.
    """
    for last in range(1, 200):
        with warnings.catch_warnings():
            # Newer Pythons warn of threads; the child only writes files and is gone.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            _count_down(last)
            try:
                work()
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        look()
        if os.waitstatus_to_exitcode(status) != 9:
            assert os.waitstatus_to_exitcode(status) == 0, "untouched, the work succeeds"
            return last
    pytest.fail("the work never passed untouched")


def _count_down(calls: int) -> None:
    """Let so many system calls pass but one; a write that is the last is cut in half."""
    left = [calls]

    def dying(name, real):
        def call(*given, **named):
            left[0] -= 1
            if left[0] == 0:
                if name == "write":
                    real(given[0], bytes(given[1])[: len(given[1]) // 2])
                os._exit(9)
            return real(*given, **named)

        return call

    for name in CALLS:
        setattr(os, name, dying(name, getattr(os, name)))


def holder(name: str) -> Holder:
    return Holder.of_preamble(name, {"common": f"You are {name}. " * 50})


def naming(name: str) -> Callable[[Registry], Registry]:
    one = holder(name)

    def change(registry: Registry) -> Registry:
        return registry.model_copy(
            update={
                "holders": {**registry.holders, one.digest: one},
                "slots": {**registry.slots, "chat": Slot(champion=one.digest)},
            }
        )

    return change


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.json"


def test_what_is_written_is_read_again_and_counted(path):
    assert read_registry(path) == Registry()
    first = change_registry(path, "test", naming("old"))
    second = change_registry(path, "test", naming("new"))
    assert (first.version, second.version) == (1, 2)
    assert read_registry(path) == second
    assert second.champion("chat") == holder("new")


def test_no_change_writes_nothing(path):
    change_registry(path, "test", naming("old"))
    before = path.stat().st_mtime_ns
    assert change_registry(path, "test", lambda registry: registry).version == 1
    assert path.stat().st_mtime_ns == before


def test_g16_a_kill_at_every_call_leaves_the_old_registry_or_the_new(path):
    change_registry(path, "test", naming("old"))
    seen = set()

    def look():
        found = read_registry(path)
        seen.add(found.champion("chat").name)
        assert found.champion("chat") in (holder("old"), holder("new"))
        path.write_text(registry_text(naming("old")(Registry())), "utf-8")

    calls = dies_at_every_call(lambda: change_registry(path, "test", naming("new")), look)
    assert seen == {"old", "new"}
    assert calls > 8


def test_a_kill_at_every_call_leaves_no_archive_or_a_whole_one(tmp_path):
    folder = tmp_path / "run-1"
    files = {"decision.json": b"{}" * 5000, "report.md": b"# Kept\n"}
    seen = set()

    def look():
        whole = folder.exists()
        seen.add(whole)
        if whole:
            assert {each.name: each.read_bytes() for each in folder.iterdir()} == files
            for each in folder.iterdir():
                each.unlink()
            folder.rmdir()

    dies_at_every_call(lambda: write_folder(folder, files), look)
    assert seen == {False, True}


def test_an_archive_is_never_written_over(tmp_path):
    write_folder(tmp_path / "run-1", {"a": b"first"})
    with pytest.raises(StoreError, match="never written over"):
        write_folder(tmp_path / "run-1", {"a": b"second"})
    assert (tmp_path / "run-1" / "a").read_bytes() == b"first"


def test_what_a_killed_writer_left_is_no_obstacle(tmp_path):
    (tmp_path / ".run-1.new").mkdir()
    (tmp_path / ".run-1.new" / "half").write_bytes(b"x")
    (tmp_path / ".a.new").write_bytes(b"x")
    write_folder(tmp_path / "run-1", {"a": b"whole"})
    write_file(tmp_path / "a", b"whole")
    assert [each.name for each in (tmp_path / "run-1").iterdir()] == ["a"]


def test_a_second_writer_is_refused_by_name(path):
    with (
        writer_lock(path, "promote new", "2026-11-28T12:00:00Z"),
        pytest.raises(StoreError, match="promote new"),
    ):
        change_registry(path, "test", naming("new"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "this is no registry"),
        ('{"schema": 2}', "schema"),
        ('{"slots": {"chat": {"champion": "b2:1"}}}', "not listed"),
    ],
)
def test_a_file_that_is_no_registry_is_one_line_and_stays(path, text, message):
    path.write_text(text, "utf-8")
    with pytest.raises(StoreError, match=message) as refused:
        change_registry(path, "test", naming("new"))
    assert "\n" not in str(refused.value)
    assert path.read_text("utf-8") == text
