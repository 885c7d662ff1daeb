"""What every benchmark is given: sizes, peers, folders, and the programs it runs."""

import shutil
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks import peers
from benchmarks.loads.promptfoo_config import write_config
from benchmarks.matrix import CHUNKS, Matrix, write_project
from benchmarks.measure import Cost, run

CONCURRENCY = 100
PROMPTFOO_SETTINGS = {
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
}


@dataclass(slots=True, kw_only=True)
class Bench:
    """One run of the benchmarks."""

    server: str
    folder: Path
    """For projects and stores; thrown away at the end."""
    quick: bool = False
    peers: tuple[str, ...] = peers.ALL
    _made: int = field(default=0)

    @property
    def trials(self) -> int:
        """Trials of the great matrix."""
        return 2_000 if self.quick else 10_000

    @property
    def rounds(self) -> int:
        """Interleaved rounds."""
        return 2 if self.quick else 3

    @property
    def instant(self) -> str:
        """Address of answers without delay, in pieces that are written at once."""
        return f"{self.server}/chunks-{CHUNKS}/v1"

    def fresh(self, name: str) -> Path:
        """A new empty folder."""
        self._made += 1
        folder = self.folder / f"{self._made}-{name}"
        folder.mkdir()
        return folder

    def project(
        self, trials: int, *, address: str = "", concurrency: int = CONCURRENCY,
        route: str = "direct",
    ) -> Path:  # fmt: skip
        """A project with the experiment `speed` of so many trials."""
        folder = self.fresh("project")
        matrix = Matrix(
            trials=trials, address=address or self.instant, concurrency=concurrency, route=route
        )
        write_project(folder, matrix)
        return folder

    def load(self, name: str, *arguments: object) -> Cost:
        """Run one of the programs below `loads/` in our own environment."""
        words = [str(argument) for argument in arguments]
        return run([sys.executable, "-m", f"benchmarks.loads.{name}", *words])

    def ours(self, project: Path, how: str) -> Cost:
        """Ask and store (`ask`), and mark as well (`mark`), into a new store."""
        return self.load("our_run", project, self.fresh("store") / "speed.db", how)

    def command(self, project: Path, *arguments: str) -> Cost:
        """The command line `preamblelab` in a project."""
        program = Path(sys.executable).with_name("preamblelab")
        return run([program, *arguments], folder=project)

    def bare(self, calls: int, *, address: str = "", concurrency: int = CONCURRENCY) -> Cost:
        """The bare aiohttp loop, which streams and stores nothing."""
        return self.load("bare_loop", address or self.instant, calls, concurrency, "stream")

    def litellm(self, calls: int, how: str) -> Cost:
        """The litellm loop."""
        return self.load("litellm_loop", self.instant, calls, CONCURRENCY, how)

    def inspect(self, calls: int, how: str) -> Cost:
        """inspect_ai in its own environment."""
        python = peers.inspect_python()
        folder = self.fresh("inspect")
        arguments = [self.instant, str(calls), str(CONCURRENCY), str(folder), how]
        return run([python, "-m", "benchmarks.loads.inspect_eval", *arguments], folder=folder)

    def promptfoo(self, folder: Path, *arguments: str) -> Cost:
        """Promptfoo with its database in `folder`."""
        node, program = peers.promptfoo_command()
        settings = {**PROMPTFOO_SETTINGS, "PROMPTFOO_CONFIG_DIR": str(folder / "database")}
        run_it = partial(run, folder=folder, environment=settings)
        return run_it([node, program, *arguments])

    def promptfoo_eval(self, folder: Path, calls: int) -> Cost:
        """Promptfoo on the same cells, repeated as often as needed."""
        file = write_config(folder, self.instant)
        return self.promptfoo(
            folder, "eval", "-c", str(file), "-j", str(CONCURRENCY), "--no-cache",
            "--no-progress-bar", "--no-table", "--repeat", str(calls // 100),
        )  # fmt: skip

    def close(self) -> None:
        """Throw the projects and stores away."""
        shutil.rmtree(self.folder, ignore_errors=True)


def per_call(few: Cost, many: Cost, calls: tuple[int, int]) -> float:
    """Milliseconds of CPU of one more call, without what starting takes."""
    return (many.cpu_seconds - few.cpu_seconds) / (calls[1] - calls[0]) * 1e3


def per_trial(few: Cost, many: Cost, calls: tuple[int, int], trials: int) -> float:
    """Milliseconds of CPU per trial of a whole process with so many trials.

    Peers are measured on fewer: starting is counted once, and each trial as one more call.
    """
    more = (trials - calls[0]) * per_call(few, many, calls)
    return (few.cpu_seconds * 1e3 + more) / trials
