"""JavaScript on any system: deno, which gives a program no right that it is not handed."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from preamblelab.scoring.sandbox.direct import DirectWorker
from preamblelab.scoring.sandbox.endings import Place, refusal
from preamblelab.scoring.sandbox.records import Execution, Limits, Program, Talk
from preamblelab.scoring.sandbox.runtimes import version_of

MEMORY_FLOOR_BYTES = 1536 * 2**20
"""Deno maps more than a gigabyte before it starts; the heap itself is bounded by V8."""


class Deno:
    """The `deno` executable, reading its own files only; the PyPI package `deno` is the binary."""

    name = "deno"
    isolated = True

    def __init__(self, executable: str) -> None:
        self._executable = executable
        found = version_of([executable, "-V"])
        self.version = found

    @classmethod
    def find(cls) -> "Deno | str":
        """Return the backend, or a line that says what is missing."""
        # From PyPI it lies beside the interpreter, which need not be on the PATH.
        found = shutil.which("deno") or shutil.which("deno", path=str(Path(sys.executable).parent))
        return cls(found) if found else "deno is not installed: `pip install deno`"

    def open_worker(self, read_only: Mapping[str, Path]) -> "DenoWorker":
        """Return a worker; `read_only` folders cannot be shown to deno."""
        return DenoWorker(self._executable, self.version, read_only)


class DenoWorker:
    """Runs JavaScript; refuses Python."""

    def __init__(self, executable: str, version: str, read_only: Mapping[str, Path]) -> None:
        self._executable = executable
        self._read_only = read_only
        self._place = Place(
            backend="deno", version=version, runtime=f"deno {version}", isolated=True
        )
        self._direct = DirectWorker(
            self._place,
            self._command,
            memory_bytes=lambda limits: limits.memory_bytes + MEMORY_FLOOR_BYTES,
            talk_on_standard_streams=True,
            environment={"DENO_NO_UPDATE_CHECK": "1", "DENO_NO_PROMPT": "1"},
        )

    def run(self, program: Program, limits: Limits, talk: Talk | None = None) -> Execution:
        """Run one JavaScript program."""
        if program.language != "javascript":
            return refusal("deno runs JavaScript only", self._place)
        if self._read_only:
            return refusal("deno cannot be shown folders; use bubblewrap", self._place)
        return self._direct.run(program, limits, talk)

    def close(self) -> None:
        """Nothing is kept running."""

    def _command(self, work: Path, program: Program, limits: Limits) -> list[str]:
        heap = limits.memory_bytes // 2**20
        return [
            self._executable,
            "run",
            "--quiet",
            "--no-prompt",
            "--no-remote",
            "--no-npm",
            "--no-config",
            "--no-lock",
            "--no-check",
            f"--allow-read={work}",  # the driver imports the program by name
            f"--v8-flags=--max-old-space-size={heap}",
            str(work / program.entry),
            *program.arguments,
        ]
