"""Runs in the sandbox: the same tests against one version of a module after the other.

The parent imports pytest once and forks a child for every version. It never sees a version: the
child reads its own from the channel, under a nonce of its own, and whatever the child leaves
behind (processes, files) is gone before the next one starts. So no process and no file ever holds
two versions, and a test has nothing to compare the module with.
"""

# pathlib, like asyncio, would cost each start more than all the rest.
# ruff: noqa: PTH100, PTH101, PTH103, PTH107, PTH109, PTH118
# ruff: noqa: PTH120, PTH123, PTH208

import contextlib
import gc
import json
import os
import shutil
import signal
import stat
import sys
import time
from typing import Any

import lean_pytest  # type: ignore[import-not-found]
from under_test import Finder, trace_lines, watch_looks  # type: ignore[import-not-found]

Facts = dict[str, Any]
MESSAGE = 300
"""Characters of a message that are told."""
MOST_TESTS = 1000
PASS_ON_SECONDS = 0.02
PIPE_BYTES = 1 << 16
MOST_BYTES = 1 << 24
"""What a child can leave unread at its end: a pipe may be made longer, but not without end."""


def read_line(descriptor: int) -> bytes:
    """Read one line and not a byte more; empty when no more comes."""
    line = bytearray()
    while not line.endswith(b"\n"):
        part = os.read(descriptor, 1)
        if not part:
            return b""
        line += part
    return bytes(line)


def read_exactly(descriptor: int, length: int) -> bytes:
    """Read so many bytes."""
    parts = b""
    while len(parts) < length:
        part = os.read(descriptor, length - len(parts))
        if not part:
            return b""
        parts += part
    return parts


def drain(descriptor: int, most: int) -> bytes:
    """Read what has come so far, about so many bytes at most; without waiting."""
    parts = b""
    with contextlib.suppress(BlockingIOError):
        while len(parts) < most and (part := os.read(descriptor, PIPE_BYTES)):
            parts += part
    return parts


def write(descriptor: int, text: bytes) -> None:
    """Write all of it."""
    while text:
        text = text[os.write(descriptor, text) :]


class Place:
    """The files as they were, to be as they were before every version."""

    def __init__(self, alone: bool) -> None:
        self.home = os.path.realpath(os.environ.get("HOME", "."))
        self.alone = alone and os.getppid() == 1
        self.files: dict[str, bytes] = {}
        for folder, _, names in os.walk("."):
            for name in names:
                path = os.path.abspath(os.path.join(folder, name))
                with open(path, "rb") as file:
                    self.files[path] = file.read()
        self.folders = {os.path.dirname(path) for path in self.files} | {os.getcwd()}

    def end_all(self, child: int) -> None:
        """End whatever a child has started; all other processes where all are of this sandbox."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        if self.alone:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(-1, signal.SIGKILL)  # never this process, never process 1

    def restore(self) -> None:
        """Remove every file that was not there, write every other one that was changed."""
        for top in [self.home, *(["/dev/shm"] if self.alone else [])]:  # noqa: S108
            self._clear(top)
        for path, content in self.files.items():
            try:
                with open(path, "rb") as file:
                    same = file.read() == content
            except OSError:
                same = False
            if not same:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as file:
                    file.write(content)

    def _clear(self, folder: str) -> None:
        try:
            names = os.listdir(folder)
        except OSError:
            return
        for name in names:
            path = os.path.join(folder, name)
            kept = any(each == path or each.startswith(path + "/") for each in self.folders)
            mode = os.lstat(path).st_mode
            if stat.S_ISDIR(mode) and kept:
                os.chmod(path, 0o700)
                self._clear(path)
            elif stat.S_ISDIR(mode):
                shutil.rmtree(path, ignore_errors=True)
            elif path not in self.files or not stat.S_ISREG(mode):
                with contextlib.suppress(OSError):
                    os.remove(path)


class Reporter:
    """A plugin of pytest that says what each test does, as it happens."""

    def __init__(self) -> None:
        self.begin(json.dumps, [])

    def begin(self, say: Any, skip: list[str]) -> None:
        """Forget all that was seen, and tell from now on what is seen to `say`."""
        self.say = say
        self.skip = set(skip)
        self.now = ""
        self.seen: set[str] = set()
        self.loading: set[str] = set()
        self.finder: Finder | None = None
        self.outcome: Facts = {}
        self.collected = 0
        self.loaded = True

    def told(self, what: str) -> None:
        """Keep what was seen of the test that runs now, or of the suite while it loads."""
        (self.seen if self.now else self.loading).add(what)

    def pytest_collectreport(self, report: Any) -> None:
        """Say why the tests cannot be loaded."""
        if report.failed:
            self.loaded = False
            self.say({"load": last_line(report)})

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Leave out what never ends, and what is too much."""
        items[:] = [item for item in items if name_of(item.nodeid) not in self.skip][:MOST_TESTS]
        self.collected = len(items)
        if self.finder is not None and self.finder.gone():
            self.loading.add("replaces")

    def pytest_pyfunc_call(self, pyfuncitem: Any) -> object:
        """Run a test that is a coroutine, where no plugin does it."""
        import inspect

        if not inspect.iscoroutinefunction(pyfuncitem.obj):
            return None
        import asyncio

        given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
        asyncio.run(pyfuncitem.obj(**given))
        return True

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Say which test begins: it may be the last that is heard."""
        self.now = name_of(nodeid)
        self.seen = set(self.loading)
        self.outcome = {"status": "passed", "message": ""}
        self.say({"start": self.now})

    def pytest_exception_interact(self, call: Any) -> None:
        """Take what an error says: a report of one line would only have its class."""
        if self.now:
            error = call.excinfo.value
            text = text_of(error).strip()
            name = "" if isinstance(error, AssertionError) and text else type(error).__name__
            said = ": ".join(filter(None, [name, *text.splitlines()[:1]]))[:MESSAGE]
            self.outcome["message"] = self.outcome["message"] or said

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Put the phases of a test together."""
        if report.skipped and self.outcome["status"] == "passed":
            self.outcome = {"status": "skipped", "message": ""}
        elif report.failed and self.outcome["status"] == "passed":
            status = "failed" if report.when == "call" else "error"
            self.outcome = {"status": status, "message": ""}

    def pytest_runtest_logfinish(self) -> None:
        """Say what became of the test."""
        if self.finder is not None and self.finder.gone():
            self.seen.add("replaces")
        self.say({"test": self.now, **self.outcome, "seen": sorted(self.seen)})
        self.now = ""


def text_of(error: BaseException) -> str:
    """Return what an error says; nothing when it cannot."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an error that cannot speak is one all the same
        return ""


def name_of(nodeid: str) -> str:
    """Return a test's name within its file."""
    return nodeid.partition("::")[2] or nodeid


def last_line(report: Any) -> str:
    """Return the line of a report that says why the tests could not be loaded."""
    lines = [line.strip() for line in str(report.longrepr).splitlines() if line.strip()]
    return (lines[-1] if lines else "").removeprefix("E   ").strip()[:MESSAGE]


def run_version(
    session: Any, reporter: Reporter, opening: Facts, request: Facts, writing: int
) -> None:
    """As the child: run all tests against one version and say what they do."""
    nonce, dumps, send = request["nonce"].encode(), json.dumps, write

    def say(said: Facts) -> None:
        send(writing, b"\n" + nonce + dumps(said).encode() + b"\n")

    reporter.begin(say, request["skip"])
    path = os.path.abspath(opening["module"])
    finder = reporter.finder = Finder(opening["module"], request.pop("source"), reporter.told)
    sys.meta_path.insert(0, finder)
    sys.path[0] = os.getcwd()
    hook = session.config.hook
    lines: set[int] = set()
    if request["trace"]:
        lines = trace_lines(path)
    else:
        watch_looks(reporter, path, opening["tests"])
    try:
        hook.pytest_collection(session=session)
        if reporter.loaded:
            hook.pytest_runtestloop(session=session)
    except BaseException as error:  # noqa: BLE001 - leaving is no way not to answer
        say({"load": f"{type(error).__name__}: {error}"[:MESSAGE]})
    sys.settrace(None)
    say({"end": True, "collected": reporter.collected, "lines": sorted(lines)[:100_000]})


def prepare(opening: Facts) -> tuple[Any, Reporter]:
    """Import pytest and begin its session once, for all versions; as `_pytest.main` does."""
    # What else the interpreter has installed is another on every machine: nobody may lean on it.
    standard = [path for path in sys.path if "-packages" not in path]
    sys.path[:] = [*standard, *opening["packages"]]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    from _pytest.config import _prepareconfig
    from _pytest.main import Session

    arguments = ["-c", os.devnull, "--rootdir", os.getcwd(), "--capture=sys"]
    for name in ("cacheprovider", "terminal", "junitxml", "pastebin", "stepwise"):
        arguments += ["-p", f"no:{name}"]
    for name in opening["plugins"]:
        arguments += ["-p", name]
    config = _prepareconfig([*arguments, *opening["options"], opening["tests"]])
    config.option.tbstyle = "line"  # a traceback with its source would cost more than the test
    config._do_configure()
    session = Session.from_config(config)
    config.hook.pytest_sessionstart(session=session)
    import pytest  # noqa: F401 - imported once here instead of in every child

    reporter = Reporter()
    config.pluginmanager.register(reporter, "reporter")
    lean_pytest.make_lean(session, os.path.abspath(opening["tests"]), opening)
    return session, reporter


def await_child(child: int, seconds: float, listening: int, writing: int) -> str:
    """Wait for a child's end, no longer than this; return why it had to be ended.

    What it says is passed on from time to time: to wake the host for each test costs more than
    the test, and when the whole sandbox is ended little that was said is lost.
    """
    deadline = time.monotonic() + seconds
    while True:
        ended, _ = os.waitpid(child, os.WNOHANG)
        if ended:
            return ""
        left = deadline - time.monotonic()
        if left <= 0:
            return "timeout"
        if hasattr(signal, "sigtimedwait"):
            signal.sigtimedwait({signal.SIGCHLD}, min(left, PASS_ON_SECONDS))
        else:
            time.sleep(min(left, 0.005))
        write(writing, drain(listening, PIPE_BYTES))


def main() -> None:
    """Fork a child for each version that the host sends."""
    reading, writing = map(int, os.environ.pop("SANDBOX_CHANNEL", "3,4").split(","))
    opening = json.loads(read_line(reading))
    place = Place(opening["alone"])
    gc.disable()  # what is imported stays: to look for garbage meanwhile is a tenth of the start
    try:
        session, reporter = prepare(opening)
    except BaseException as error:  # noqa: BLE001 - the host has to hear why
        write(writing, json.dumps({"fault": f"{type(error).__name__}: {error}"}).encode() + b"\n")
        return
    write(writing, b'\n{"ready": true}\n')
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    gc.collect()
    gc.enable()
    gc.freeze()  # what the children share stays shared: a collection would touch every page
    while header := read_line(reading):
        told = json.loads(header)
        sys.stdout.flush()
        began = time.monotonic()
        listening, saying = os.pipe()
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            request = json.loads(read_exactly(reading, told["length"]))
            for each in (reading, writing, listening):
                os.close(each)
            with contextlib.suppress(BaseException):
                run_version(session, reporter, opening, request, saying)
            os._exit(0)
        os.close(saying)
        os.set_blocking(listening, False)
        why = await_child(child, told["seconds"], listening, writing)
        place.end_all(child)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)
        last = drain(listening, MOST_BYTES)
        os.close(listening)
        place.restore()
        said = {"ended": told["number"], "why": why, "seconds": time.monotonic() - began}
        write(writing, last + b"\n" + json.dumps(said).encode() + b"\n")


if __name__ == "__main__":
    main()
