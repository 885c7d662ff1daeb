"""The process in which mathematics is compared: started when first needed, ended when it hangs.

A computer algebra system on a stranger's text may compute for ever or take all memory, and it is
not safe in threads. So it runs apart, one question at a time, and is given up after its limit.
"""

import atexit
import importlib.util
import json
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final

from preamblelab.errors import MissingExtraError
from preamblelab.scoring.verifiers.verification import UnverifiableError

_WORKER: Final = Path(__file__).with_name("symbolic_worker.py")
_START_SECONDS: Final = 120
"""Importing the algebra system takes two seconds; a busy machine may need many more."""


class _Process:
    """One worker process, or none yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._replies: queue.Queue[str] = queue.Queue()

    def ask(self, question: dict[str, str], seconds: float) -> dict[str, Any]:
        """The worker's reply; the worker is ended when none comes in time."""
        with self._lock:
            child = self._child
            if child is None or child.poll() is not None:
                child = self._start()
            assert child.stdin is not None
            try:
                child.stdin.write(json.dumps(question) + "\n")
                child.stdin.flush()
                reply = self._replies.get(timeout=seconds)
            except queue.Empty:
                self._end()
                raise UnverifiableError(f"the comparison took longer than {seconds:g} s") from None
            except OSError:
                reply = ""
            if not reply:
                self._end()
                raise UnverifiableError("the process that compares mathematics died")
            answer: dict[str, Any] = json.loads(reply)
            return answer

    def end(self) -> None:
        """End the worker, if there is one."""
        with self._lock:
            self._end()

    def _start(self) -> subprocess.Popen[str]:
        if importlib.util.find_spec("math_verify") is None:
            raise MissingExtraError(
                "symbolic mathematics needs the package math-verify: "
                "pip install 'preamblelab[verifiers]'"
            )
        self._end()
        # -P keeps the worker's folder, our own, out of where its libraries are looked up.
        self._child = subprocess.Popen(  # noqa: S603 - our own program, by its path
            [sys.executable, "-P", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        self._replies = queue.Queue()
        reader = threading.Thread(
            target=_read, args=(self._child, self._replies), daemon=True, name="symbolic-replies"
        )
        reader.start()
        try:
            ready = self._replies.get(timeout=_START_SECONDS)
        except queue.Empty:
            ready = ""
        if not ready:
            self._end()
            raise UnverifiableError("the process that compares mathematics did not start")
        return self._child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    # What was left in the pipe cannot be written any more, and need not be.
                    continue


def _read(child: subprocess.Popen[str], replies: "queue.Queue[str]") -> None:
    """Hand on every line; an empty text says that no more will come."""
    assert child.stdout is not None
    try:
        for line in child.stdout:
            replies.put(line)
    except ValueError:
        # The stream was closed under the reader: the worker was ended.
        pass
    replies.put("")


# One worker for the whole process: its start costs two seconds, a comparison milliseconds.
_process: Final = _Process()
atexit.register(_process.end)


def compare(wanted: str, found: str, *, seconds: float) -> str:
    """How two expressions in LaTeX relate: `equal`, `different`, or `unread` for the second.

    Args:
        wanted: the task's.
        found: the answer's, from a stranger.
        seconds: the longest that the comparison may take; the first one starts the process
            besides.

    Raises:
        UnverifiableError: it took longer, the worker died, or the task's own is not understood.
        MissingExtraError: the package math-verify is not installed.
    """
    reply = _process.ask({"wanted": wanted, "found": found}, seconds)
    relation = str(reply["relation"])
    if relation == "wanted_unread":
        raise UnverifiableError(f"the task's expression '{wanted[:80]}' is not understood")
    if relation == "failed":
        raise UnverifiableError(f"the comparison failed: {reply.get('reason', '')}")
    return relation


def end_process() -> None:
    """End the worker; the next comparison starts a new one."""
    _process.end()
