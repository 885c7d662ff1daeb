"""One record for every way a program can end, and a pool that outlives all of them."""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from preamblelab.errors import SpecError
from preamblelab.scoring.sandbox import Language, Limits, Pool, Program
from preamblelab.scoring.sandbox.unsafe import Unsafe
from tests.scoring.sandbox.requirements import need

pytestmark = pytest.mark.whole


def program(text: str | bytes, language: Language = "python", **more: object) -> Program:
    name = {"python": "a.py", "javascript": "a.cjs"}[language]
    return Program(language=language, files={name: text}, entry=name, **more)  # type: ignore[arg-type]


def test_a_program_that_just_ends(pool: Pool, language: Language) -> None:
    text = {
        "python": "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)",
        "javascript": "console.log('out'); console.error('err'); process.exitCode = 3;",
    }[language]
    done = pool.run(program(text, language))
    assert (done.status, done.exit_code, done.signal, done.reason) == ("ok", 3, None, "")
    assert (done.stdout, done.stderr) == (b"out\n", b"err\n")
    assert done.seconds is not None
    assert done.seconds > 0
    assert done.peak_bytes is not None
    assert done.peak_bytes > 2**20
    assert done.backend == "bubblewrap"
    assert done.backend_version[0].isdigit()
    assert done.runtime.split()[0] in ("python", "node")


def test_arguments_stdin_files_and_environment_arrive(pool: Pool) -> None:
    need("python")
    made = Program(
        language="python",
        files={
            "src/main.py": "import sys, os, deep.inner as i\n"
            "print(sys.argv[1:], sys.stdin.read(), i.X, os.environ['MODE'], os.getcwd())",
            "src/deep/inner.py": "X = 'ü'",
            "data.bin": b"\x00\xff",
        },
        entry="src/main.py",
        arguments=("a b", "ü"),
        stdin=b"told\n" * 3,
        environment={"MODE": "x"},
    )
    done = pool.run(made)
    assert done.stdout.decode() == "['a b', 'ü'] told\ntold\ntold\n ü x /tmp/work\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("import os; os.abort()", "SIGABRT"),
        ("import os; os.kill(os.getpid(), 9)", "SIGKILL"),
    ],
)
def test_a_crash_is_named(pool: Pool, text: str, name: str) -> None:
    need("python")
    done = pool.run(program(text))
    assert (done.status, done.signal, done.exit_code) == ("crashed", name, None)


def test_recursion_without_end_is_the_programs_own_affair(pool: Pool) -> None:
    need("python")
    text = "import sys; sys.setrecursionlimit(10**9)\ndef f(): f()\nf()"
    limits = Limits(seconds=2, memory_bytes=64 * 2**20)
    done = pool.run(program(text), limits)
    # The interpreter may end it itself, with a RecursionError or MemoryError and exit code 1.
    assert done.status in ("crashed", "memory", "timeout") or done.exit_code == 1


def test_bytes_that_are_no_text_pass_through(pool: Pool) -> None:
    need("python")
    done = pool.run(program("import sys; sys.stdout.buffer.write(bytes(range(256)))"))
    assert done.stdout == bytes(range(256))


def test_output_at_the_limit_is_kept_and_beyond_it_is_not(pool: Pool) -> None:
    need("python")
    limits = Limits(output_bytes=1000)
    text = "import sys; sys.stdout.write('x' * {})"
    assert pool.run(program(text.format(1000)), limits).status == "ok"
    over = pool.run(program(text.format(1001)), limits)
    assert (over.status, len(over.stdout)) == ("output", 1000)


def test_a_large_file_is_cut_off(pool: Pool) -> None:
    need("python")
    text = "open('large', 'wb').write(b'x' * 3_000_000)"
    done = pool.run(program(text), Limits(file_bytes=2**20))
    assert (done.status, done.signal) == ("crashed", "SIGXFSZ") or b"OSError" in done.stderr


def test_many_at_once_each_get_their_own_answer(pool: Pool) -> None:
    need("python")
    programs = [program(f"print({number})") for number in range(8)]
    assert [int(done.stdout) for done in pool.map(programs)] == list(range(8))


def test_threads_may_share_a_pool(pool: Pool) -> None:
    need("python")
    found: dict[int, bytes] = {}

    def work(number: int) -> None:
        found[number] = pool.run(program(f"print({number})")).stdout

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == {number: b"%d\n" % number for number in range(6)}


def test_a_lost_worker_is_replaced() -> None:
    need("python")
    with Pool(workers=1) as one:
        assert one.run(program("print(1)")).status == "ok"
        worker = one._idle["bubblewrap"][0]
        process = worker._process  # type: ignore[attr-defined]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert one.run(program("print(2)")).stdout == b"2\n"


def test_a_killed_host_takes_its_programs_along(project_root: Path) -> None:
    """Also when the pool was first used by a thread that has ended."""
    need("python")
    marker = secrets.token_hex(12)
    text = f"""
import threading
from preamblelab.scoring.sandbox import Pool, Program
pool = Pool(workers=1)
long = Program(language="python", files={{"a.py": "while True: pass"}}, entry="a.py",
               arguments=("{marker}",))
quick = Program(language="python", files={{"a.py": "pass"}}, entry="a.py")
first = threading.Thread(target=pool.run, args=(quick,))
first.start(); first.join()
pool.run(long)
"""
    host = subprocess.Popen([sys.executable, "-c", text], cwd=project_root)
    try:
        assert soon(lambda: len(running(marker)) > 1)
    finally:
        host.kill()
        host.wait()
    assert soon(lambda: not running(marker))


def running(marker: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def soon(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + 30
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_a_closed_pool_leaves_no_process_and_takes_no_program() -> None:
    need("python")
    pool = Pool(workers=1)
    pool.run(program("pass"))
    worker = pool._idle["bubblewrap"][0]
    process = worker._process  # type: ignore[attr-defined]
    pool.close()
    assert process.returncode is not None
    with pytest.raises(SpecError, match="closed"):
        pool.run(program("pass"))


def test_folders_of_the_host_are_shown_only_when_named_and_only_to_read(tmp_path: Path) -> None:
    need("python")
    (tmp_path / "helper.py").write_text("X = 'shown'")
    for each in (tmp_path, *tmp_path.parents[:2]):
        each.chmod(0o755)
    text = "import sys; sys.path.append('/packages'); import helper; print(helper.X)\n"
    text += "open('/packages/x', 'w')"
    with Pool(workers=1, read_only={"/packages": tmp_path}) as pool:
        done = pool.run(program(text))
    assert done.stdout == b"shown\n"
    assert b"Read-only file system" in done.stderr or b"Permission denied" in done.stderr


@pytest.mark.parametrize("name", ["/etc/passwd", "../a.py", "a/../../b", "", "a\0b"])
def test_files_lie_inside_the_program(name: str) -> None:
    with pytest.raises(SpecError, match="no relative path"):
        Program(language="python", files={"a.py": "", name: ""}, entry="a.py")


def test_entry_and_limits_are_checked() -> None:
    with pytest.raises(SpecError, match="is no file of it"):
        Program(language="python", files={"a.py": ""}, entry="b.py")
    with pytest.raises(SpecError, match="seconds is 0"):
        Limits(seconds=0)
    with pytest.raises(SpecError, match="workers is 0"):
        Pool(workers=0)


def test_without_isolation_limits_hold_and_the_record_says_so(language: Language) -> None:
    text = {"python": "while True: pass", "javascript": "for (;;);"}[language]
    output = {
        "python": "while True: print('x' * 999)",
        "javascript": "for (;;) console.log('xxx');",
    }
    with Pool(workers=1, backend=Unsafe()) as pool:
        done = pool.run(program(text, language), Limits(seconds=0.5))
        assert (done.status, done.isolated) == ("timeout", False)
        assert done.place.endswith("NOT ISOLATED")
        assert pool.run(program(output[language], language)).status == "output"


def test_a_folder_where_every_program_gets_a_disk_of_its_own_can_be_shown() -> None:
    need("python")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        shown = Path(folder) / "deep" / "shown.py"
        shown.parent.mkdir(mode=0o755)
        shown.write_text("X = 7\n")
        (Path(folder) / "hidden.py").write_text("Y = 8\n")
        text = f"""
import os, sys
sys.path.insert(0, {str(shown.parent)!r})
import shown
print(shown.X, os.path.exists({folder + "/hidden.py"!r}))
try:
    open({str(shown)!r}, "w")
except OSError as error:
    print(error.strerror)
"""
        with Pool(workers=1, read_only={str(shown): shown}) as pool:
            done = pool.run(program(text), Limits(seconds=20))
    assert done.stdout.split(b"\n")[0] == b"7 False", done.stderr
    assert done.stdout.split(b"\n")[1] in {b"Read-only file system", b"Permission denied"}
