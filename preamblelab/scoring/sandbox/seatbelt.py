"""macOS: `sandbox-exec` with a profile that allows nothing but to compute. NOT TESTED on a Mac.

Written from the documentation of the profile language; the self-test decides on each machine
whether it holds, and refuses otherwise. There is no namespace of processes: a daemon left behind
is ended with its process group, one that leaves the group is not.
"""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from preamblelab.scoring.sandbox.direct import DirectWorker
from preamblelab.scoring.sandbox.endings import Place, refusal
from preamblelab.scoring.sandbox.records import Execution, Limits, Program, Talk
from preamblelab.scoring.sandbox.runtimes import INSTALL, find_runtime


class Seatbelt:
    """The system's own `sandbox-exec`."""

    name = "sandbox-exec"
    isolated = True
    version = ""

    def __init__(self, executable: str) -> None:
        self._executable = executable

    @classmethod
    def find(cls) -> "Seatbelt | str":
        """Return the backend, or a line that says what is missing."""
        if sys.platform != "darwin":
            return "sandbox-exec exists on macOS only"
        found = shutil.which("sandbox-exec")
        return cls(found) if found else "sandbox-exec is missing from this macOS"

    def open_worker(self, read_only: Mapping[str, Path]) -> "SeatbeltWorker":
        """Return a worker."""
        return SeatbeltWorker(self._executable, read_only)


def profile(readable: list[Path], work: Path) -> str:
    """Return a profile: read the runtime, write below `work`, no network, no other process."""
    quoted = [str(path).replace("\\", "\\\\").replace('"', '\\"') for path in readable]
    reads = " ".join(f'(subpath "{path}")' for path in quoted)
    inside = str(work).replace("\\", "\\\\").replace('"', '\\"')
    return "\n".join(
        [
            "(version 1)",
            "(deny default)",
            "(deny network*)",
            "(allow process-exec process-fork)",
            "(allow signal (target same-sandbox))",
            "(allow sysctl-read)",
            "(allow file-read-metadata)",
            f'(allow file-read* (subpath "/usr/lib") (subpath "/System") {reads})',
            '(allow file-read* file-write-data (literal "/dev/null") (literal "/dev/urandom"))',
            f'(allow file-read* file-write* (subpath "{inside}"))',
        ]
    )


class SeatbeltWorker:
    """Runs either language under the profile."""

    def __init__(self, executable: str, read_only: Mapping[str, Path]) -> None:
        self._executable = executable
        self._read_only = read_only

    def run(self, program: Program, limits: Limits, talk: Talk | None = None) -> Execution:
        """Run one program."""
        runtime = find_runtime(program.language)
        if runtime is None:
            return refusal(INSTALL[program.language])
        if any(Path(inside) != outside for inside, outside in self._read_only.items()):
            return refusal("sandbox-exec shows folders only at their own place")
        place = Place(backend="sandbox-exec", version="", runtime=runtime.label, isolated=True)
        readable = [runtime.prefix, Path("/bin/sh"), *self._read_only.values()]

        def command(work: Path, program: Program, limits: Limits) -> list[str]:  # noqa: ARG001
            started = runtime.command(program.entry, program.arguments)
            return [self._executable, "-p", profile(readable, work.parent), *started]

        worker = DirectWorker(place, command, memory_bytes=lambda limits: limits.memory_bytes)
        return worker.run(program, limits, talk)

    def close(self) -> None:
        """Nothing is kept running."""
