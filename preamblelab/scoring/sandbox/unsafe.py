"""No isolation: limits only, for a user who said so; every record says that it was not isolated."""

from collections.abc import Mapping
from pathlib import Path

from preamblelab.scoring.sandbox.direct import DirectWorker
from preamblelab.scoring.sandbox.endings import Place, refusal
from preamblelab.scoring.sandbox.records import Execution, Limits, Program, Talk
from preamblelab.scoring.sandbox.runtimes import INSTALL, find_runtime


class Unsafe:
    """Runs a program with the rights of the user."""

    name = "unsafe"
    version = ""
    isolated = False

    def open_worker(self, read_only: Mapping[str, Path]) -> "UnsafeWorker":
        """Return a worker; all of the host is readable anyway."""
        return UnsafeWorker(read_only)


class UnsafeWorker:
    """A process group with limits; a daemon that leaves the group survives."""

    def __init__(self, read_only: Mapping[str, Path]) -> None:
        self._read_only = read_only

    def run(self, program: Program, limits: Limits, talk: Talk | None = None) -> Execution:
        """Run one program."""
        runtime = find_runtime(program.language)
        if runtime is None:
            return refusal(INSTALL[program.language])
        if any(Path(inside) != outside for inside, outside in self._read_only.items()):
            return refusal("without isolation folders are shown only at their own place")
        place = Place(backend="unsafe", version="", runtime=runtime.label, isolated=False)

        def command(work: Path, program: Program, limits: Limits) -> list[str]:  # noqa: ARG001
            return runtime.command(program.entry, program.arguments)

        worker = DirectWorker(place, command, memory_bytes=lambda limits: limits.memory_bytes)
        return worker.run(program, limits, talk)

    def close(self) -> None:
        """Nothing is kept running."""
