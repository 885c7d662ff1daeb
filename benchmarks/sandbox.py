"""Prints what a sandboxed execution costs beside the bare process, and what many cost at once."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from preamblelab.scoring.sandbox import Call, Language, Limits, Pool, Program
from preamblelab.scoring.sandbox.bubblewrap import Bubblewrap, arguments
from preamblelab.scoring.sandbox.runtimes import ENVIRONMENT, find_runtime

SOURCES: dict[Language, str] = {"python": "print('done')\n", "javascript": "console.log('done')\n"}
ENTRIES: dict[Language, str] = {"python": "program.py", "javascript": "program.cjs"}
MOST_RATIO = 1.5
"""What the pool may cost at the median, in bare processes."""
MUTANTS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Medians of one way to run one language."""

    language: Language
    way: str
    milliseconds: float
    ratio: float
    """To the bare process, both measured in turns."""


def run(rounds: int = 40) -> list[Row]:
    """Measure every way in turns, so that all see the same load.

    Args:
        rounds: executions of each way and language (1 or more).
    """
    rows = []
    with Pool(workers=1) as pool, tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        for language, source in SOURCES.items():
            choice = pool.choice(language)
            runtime = find_runtime(language)
            if choice.backend is None or runtime is None:
                continue
            path = Path(folder) / ENTRIES[language]
            path.write_text(source)
            program = Program(
                language=language, files={ENTRIES[language]: source}, entry=ENTRIES[language]
            )
            bare = runtime.command(str(path), ())
            ways: dict[str, Callable[[], object]] = {
                "bare process": lambda bare=bare: _spawn(bare),  # type: ignore[misc]
                f"pool ({choice.backend.name})": lambda program=program: pool.run(program),  # type: ignore[misc]
            }
            if isinstance(choice.backend, Bubblewrap):
                lean = _lean(runtime.command("/work/" + path.name, ()), Path(folder))
                ways["one bubblewrap each"] = lambda lean=lean: _spawn(lean)  # type: ignore[misc]
            rows += _measured(language, ways, rounds)
    return rows


def _measured(language: Language, ways: dict[str, Callable[[], object]], rounds: int) -> list[Row]:
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 2):
        for way, action in ways.items():
            began = time.perf_counter()
            action()
            if number >= 2:  # the first start of each warms files and workers
                taken[way].append((time.perf_counter() - began) * 1e3)
    medians = {way: statistics.median(values) for way, values in taken.items()}
    return [
        Row(
            language=language,
            way=way,
            milliseconds=median,
            ratio=median / medians["bare process"],
        )
        for way, median in medians.items()
    ]


def _lean(command: list[str], folder: Path) -> list[str]:
    """Return the command line that sets everything up anew for each program."""
    runtimes = [found for name in SOURCES if (found := find_runtime(name)) is not None]
    shown = {"/work": folder}
    bubblewrap = ["bwrap", *arguments(runtimes, shown, root=os.geteuid() == 0), "--"]
    if os.geteuid() == 0:
        bubblewrap += ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        bubblewrap += ["--inh-caps=-all", "--bounding-set=-all"]
    for tool in ("setpriv", "prlimit"):
        place = bubblewrap.index("--remount-ro")
        bubblewrap[place:place] = ["--ro-bind", f"/usr/bin/{tool}", f"/usr/bin/{tool}"]
    limits = ["--nproc=64", f"--data={2**29}", "--core=0", "--nofile=256"]
    return [*bubblewrap, "/usr/bin/prlimit", *limits, *command]


def _spawn(command: list[str]) -> None:
    subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, check=True, env=ENVIRONMENT
    )


def throughput(programs: int = 100) -> dict[str, float]:
    """Return executions per second for one worker and for one per core, by their number."""
    program = Program(language="python", files={"a.py": "sum(range(10**6))"}, entry="a.py")
    found = {}
    for workers in sorted({1, os.cpu_count() or 1}):
        with Pool(workers=workers) as pool:
            list(pool.map([program] * workers))
            began = time.perf_counter()
            list(pool.map([program] * programs))
            found[f"{workers} workers"] = programs / (time.perf_counter() - began)
    return found


def seconds_for_mutants(language: Language) -> float:
    """Return how long one set of calls takes on 24 versions of a module, on all workers."""
    source = {"python": "def f(a): return a + {0}", "javascript": "const f = (a) => a + {0};"}
    entry = ENTRIES[language]
    calls = [Call(function="f", arguments=[number]) for number in range(10)]
    with Pool() as pool:
        versions = [
            Program(language=language, files={entry: source[language].format(n)}, entry=entry)
            for n in range(MUTANTS)
        ]
        pool.ask(versions[0], calls)
        began = time.perf_counter()
        for version in versions:
            pool.ask(version, calls, Limits(seconds=5))
        return time.perf_counter() - began


def main() -> int:
    """Print the figures; return 1 when the pool costs more than it may."""
    print(f"median of executions in turns; load {os.getloadavg()[0]:.1f}")
    print(f"{'language':<12}{'way':<24}{'ms':>8}{'ratio':>8}")
    rows = run()
    for row in rows:
        print(f"{row.language:<12}{row.way:<24}{row.milliseconds:>8.1f}{row.ratio:>8.2f}")
    for name, rate in throughput().items():
        print(f"{name}: {rate:.0f} executions per second")
    for language in SOURCES:
        print(
            f"{MUTANTS} versions of a module, 10 calls each, one after the other, {language}: "
            f"{seconds_for_mutants(language):.2f} s"
        )
    return int(any(row.ratio > MOST_RATIO for row in rows if row.way.startswith("pool")))


if __name__ == "__main__":
    sys.exit(main())
