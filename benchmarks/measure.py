"""Runs programs and says what their whole process took: CPU, time, peak memory."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIMIT_SECONDS = 900.0


class ProgramFailed(Exception):  # noqa: N818 - it is reported as a reason, not raised further
    """A measured program ended with an error; nothing may be concluded from its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one process took, from its first instruction to its last."""

    cpu_seconds: float
    """User and system time, of the process and of those it waited for."""
    wall_seconds: float
    peak_mb: float
    """Largest resident memory, in 10**6 bytes."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """The last line of output, where it is a JSON object."""


def run(
    command: Sequence[str | Path],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    accept: Sequence[int] = (0,),
) -> Cost:
    """Run a program to its end.

    Args:
        command: the program and its arguments.
        folder: where it runs; None is the checkout.
        environment: variables besides those of this process.
        accept: exit codes that are no failure.

    Raises:
        ProgramFailed: it ended with another exit code, or took too long.
    """
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "SPEED_API_KEY": "none"}
    # An installed program has its compiled files; without them every start compiles them anew.
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    variables |= environment or {}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.monotonic()
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder or ROOT, env=variables, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
        )  # fmt: skip
        status, used = _wait(process, started)
        wall = time.monotonic() - started
        text, words = _text(out), _text(err)
    if status not in accept:
        last = (words.strip() or text.strip()).splitlines()[-1:] or ["no output"]
        raise ProgramFailed(f"{Path(command[0]).name} ended with {status}: {last[0][:200]}")
    return Cost(
        cpu_seconds=used.ru_utime + used.ru_stime,
        wall_seconds=wall,
        peak_mb=used.ru_maxrss * 1024 / 1e6,
        told=_told(text),
    )


def _wait(process: "subprocess.Popen[bytes]", started: float) -> tuple[int, Any]:
    while True:
        found, status, used = os.wait4(process.pid, os.WNOHANG)
        if found:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, used
        if time.monotonic() - started > LIMIT_SECONDS:
            process.kill()
            os.wait4(process.pid, 0)
            process.returncode = -9
            raise ProgramFailed(f"it took more than {LIMIT_SECONDS:.0f} s")
        time.sleep(0.005)


def _text(file: Any) -> str:
    file.seek(0)
    return bytes(file.read()).decode("utf-8", "replace")


def _told(text: str) -> dict[str, Any]:
    lines = text.strip().splitlines()
    try:
        value = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def rounds(count: int, **runs: Callable[[], Cost]) -> dict[str, list[Cost]]:
    """Run each program `count` times, one after the other within a round.

    What slows the machine down for a while so slows all of them down.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in runs}
    for _ in range(count):
        for name, one in runs.items():
            costs[name].append(one())
    return costs


def median(costs: Sequence[Cost], what: str = "cpu_seconds") -> float:
    """The median of one of the figures."""
    return float(statistics.median(getattr(cost, what) for cost in costs))


def median_ratio(first: Sequence[Cost], second: Sequence[Cost], what: str = "cpu_seconds") -> float:
    """The median over rounds of the first figure divided by the second of the same round."""
    pairs = zip(first, second, strict=True)
    return float(statistics.median(getattr(a, what) / getattr(b, what) for a, b in pairs))


@contextmanager
def server() -> Iterator[str]:
    """An instant server in a process of its own; gives its address without `/v1`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
