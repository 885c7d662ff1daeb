"""Prints what evidence of one answer costs: all mutants in one go, beside a bare process.

Python by pytest, JavaScript by our runner; then answers per second on one core and on all.

`python -m benchmarks.evidence` measures what is here; `--answers 1000` runs so many answers in one
go on all cores, both languages in turns, and nothing else; `--jest` also installs Jest 29 with npm
into a folder that is thrown away, and runs it once for each version of the module, as by hand.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from preamblelab.domain.tasks import Task
from preamblelab.library.suites import load_suite
from preamblelab.scoring.checks_reading import read_text
from preamblelab.scoring.evidence.javascript import JavaScriptTests
from preamblelab.scoring.evidence.protocol import SuiteJob, SuiteRun, SuiteRunner
from preamblelab.scoring.evidence.python_runner import PythonRunner
from preamblelab.scoring.sandbox import Pool
from preamblelab.scoring.sandbox.deno import Deno
from preamblelab.scoring.sandbox.records import Backend
from preamblelab.scoring.sandbox.runtimes import ENVIRONMENT, find_runtime

SUITE, TASK = "coding-tests", "station-report-tests"
MUTANTS = 24
MOST_SECONDS = 1.0
"""What one answer with 24 mutants may take in the pool, at the median."""
JEST = "29.7.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way to get the evidence of one answer."""

    way: str
    seconds: float
    """Median of rounds in turns."""
    ratio: float
    """To a bare process of the interpreter in the same rounds."""


def javascript_job() -> SuiteJob:
    """The golden answer of a shipped task, the right module thrice and 24 mutants."""
    task = next(each for each in load_suite(SUITE).tasks if each.name == TASK)
    return job_of(task)


def job_of(task: Task) -> SuiteJob:
    """A task's golden answer against its module and 24 mutants."""
    assert task.evidence is not None
    assert task.evidence.tests is not None
    spec = task.evidence.tests
    module = task.files[spec.module]
    mutants = [mutant.of(module) for mutant in spec.listed]
    mutants = (mutants * MUTANTS)[:MUTANTS]
    golden = task.golden if isinstance(task.golden, str) else "".join(task.golden or ())
    return SuiteJob(
        code=read_text(golden, spec.language).code,
        module=spec.module,
        versions=(module, *mutants[:12], module, *mutants[12:], module),
        traced=0,
        seconds=spec.seconds,
    )


def measured(ways: dict[str, Callable[[], object]], rounds: int, base: str) -> list[Row]:
    """Medians of all ways in turns, so that all see the same load; the first round is not counted.

    Args:
        ways: what is measured, by name.
        rounds: 1 or more.
        base: the way that ratios are to.
    """
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way, action in ways.items():
            began = time.perf_counter()
            action()
            if number:
                taken[way].append(time.perf_counter() - began)
    medians = {way: statistics.median(values) for way, values in taken.items()}
    return [
        Row(way=way, seconds=median, ratio=median / medians[base])
        for way, median in medians.items()
    ]


def javascript(rounds: int) -> list[Row]:
    """One process for all versions, a process for each, and the bare process."""
    job, runner, node = javascript_job(), JavaScriptTests(), find_runtime("javascript")
    if node is None:
        return []
    command = [str(node.executable), "-e", "0"]
    with Pool(workers=1) as chosen, Pool(workers=1, backend=_deno()) as deno:
        ways: dict[str, Callable[[], object]] = {
            "bare node process": lambda: _spawn(command),
            f"{MUTANTS} mutants, one process": lambda: _checked(runner.run(chosen, job)),
            f"{MUTANTS} mutants, a process each": lambda: _each(runner, chosen, job),
        }
        if _deno() is not None:
            ways[f"{MUTANTS} mutants, one process, deno"] = lambda: _checked(runner.run(deno, job))
        return measured(ways, rounds, "bare node process")


def python_job() -> SuiteJob:
    """The golden answer of the shipped Python task with the most mutants, against 24."""
    tasks = [task for task in load_suite(SUITE).tasks if task.evidence and task.evidence.tests]
    python = [task for task in tasks if task.expect.language == "python"]
    job = job_of(max(python, key=lambda task: len(_listed(task))))
    dead = PythonRunner().dead(job.versions[0])
    return replace(job, versions=(*job.versions, dead)) if dead else job


def _listed(task: Task) -> Sequence[object]:
    assert task.evidence is not None
    assert task.evidence.tests is not None
    return task.evidence.tests.listed


def python(rounds: int) -> list[Row]:
    """A child for each version of one process, a process for each, and the bare process."""
    job, runner, found = python_job(), PythonRunner(), find_runtime("python")
    if runner.missing() or found is None:
        return []
    command = [str(found.executable), "-c", "0"]
    with Pool(workers=1, read_only=runner.read_only()) as pool:
        ways: dict[str, Callable[[], object]] = {
            "bare python process": lambda: _spawn(command),
            "one version": lambda: _checked(
                runner.run(pool, replace(job, versions=job.versions[:1], traced=None))
            ),
            f"{MUTANTS} mutants, pytest, one process": lambda: _checked(runner.run(pool, job)),
            f"{MUTANTS} mutants, pytest, a process each": lambda: _each(runner, pool, job),
        }
        return measured(ways, rounds, "bare python process")


def _deno() -> Backend | None:
    found = Deno.find()
    return None if isinstance(found, str) else found


def _checked(run: SuiteRun) -> None:
    if not run.versions or not run.versions[0].tests:
        raise SystemExit(f"nothing was run: {run}")


def _each(runner: SuiteRunner, pool: Pool, job: SuiteJob) -> None:
    for version in job.versions:
        runner.run(pool, replace(job, versions=(version,), traced=None))


def _spawn(command: Sequence[str], folder: str | None = None) -> None:
    subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, check=False, env=ENVIRONMENT,
        cwd=folder,
    )  # fmt: skip


def jest_seconds(versions: int = 5) -> float | None:
    """Seconds that Jest itself takes for all versions; None where it cannot be installed.

    Args:
        versions: of how many the mean is taken; each is one start of Jest.
    """
    job = javascript_job()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "package.json").write_text(json.dumps({"private": True}))
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", f"jest@{JEST}"]
        try:
            subprocess.run(install, cwd=place, check=True, capture_output=True, timeout=300)
        except (OSError, subprocess.SubprocessError):
            return None
        (place / "answer.test.js").write_text(job.code)
        run = [
            "node", "node_modules/jest/bin/jest.js", "--runInBand", "--silent", "--ci=false",
        ]  # fmt: skip
        taken = []
        for version in job.versions[: versions + 1]:
            (place / job.module).write_text(version)
            began = time.perf_counter()
            _spawn(run, folder)
            taken.append(time.perf_counter() - began)
        return statistics.mean(taken[1:]) * len(job.versions)


def throughput(answers: int, job: SuiteJob, runner: SuiteRunner) -> dict[int, float]:
    """Answers per second by number of workers: one, and one for each core."""
    found = {}
    from concurrent.futures import ThreadPoolExecutor

    for workers in sorted({1, os.cpu_count() or 1}):
        with (
            Pool(workers=workers, read_only=runner.read_only()) as pool,
            ThreadPoolExecutor(workers) as threads,
        ):
            list(threads.map(lambda _: runner.run(pool, job), range(workers)))
            began = time.perf_counter()
            list(threads.map(lambda _: runner.run(pool, job), range(answers)))
            found[workers] = answers / (time.perf_counter() - began)
    return found


def many(answers: int) -> None:
    """Run so many answers on all cores, both languages in turns; print rate and cores in use."""
    from concurrent.futures import ThreadPoolExecutor

    sides = [(javascript_job(), JavaScriptTests()), (python_job(), PythonRunner())]
    workers = os.cpu_count() or 1
    shown = PythonRunner().read_only()
    with (
        Pool(workers=workers) as scripts,
        Pool(workers=workers, read_only=shown) as modules,
        ThreadPoolExecutor(workers) as threads,
    ):

        def one(number: int) -> float:
            job, runner = sides[number % 2]
            run = runner.run(modules if number % 2 else scripts, job)
            _checked(run)
            return (run.execution.cpu_seconds if run.execution else None) or 0.0

        list(threads.map(one, range(2 * workers)))
        began, ours = time.perf_counter(), time.process_time()
        inside = sum(threads.map(one, range(answers)))
        seconds = time.perf_counter() - began
        ours = time.process_time() - ours
    print(
        f"{answers} answers with {MUTANTS} mutants, {workers} workers: {seconds:.0f} s, "
        f"{answers / seconds:.2f} answers per second; CPU {inside + ours:.0f} s "
        f"({(inside + ours) / seconds:.2f} cores in use, {ours:.0f} s of it the host's); "
        f"load {os.getloadavg()[0]:.1f}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; return 1 when one answer takes longer than it may."""
    given = sys.argv[1:] if arguments is None else arguments
    if "--answers" in given:
        many(int(given[given.index("--answers") + 1]))
        return 0
    rounds = 3 if "--quick" in given else 9
    print(f"evidence of one answer, medians of {rounds} in turns; load {os.getloadavg()[0]:.1f}")
    print(f"{'way':<40}{'seconds':>9}{'ratio':>8}")
    rows = [*python(rounds), *javascript(rounds)]
    for row in rows:
        print(f"{row.way:<40}{row.seconds:>9.3f}{row.ratio:>8.1f}")
    answers = 4 if "--quick" in given else 20
    sides = [("JavaScript", javascript_job(), JavaScriptTests())]
    if not PythonRunner().missing():
        sides.insert(0, ("Python", python_job(), PythonRunner()))
    for name, job, runner in sides:
        for workers, rate in throughput(answers, job, runner).items():
            print(f"{name}, {workers} workers: {rate:.2f} answers per second")
    if "--jest" in given:
        jest = jest_seconds()
        if jest is None:
            print("Jest could not be installed: npm or its registry is not there")
        else:
            bare = next(row.seconds for row in rows if row.way == "bare node process")
            print(f"{f'Jest {JEST}, a start each':<40}{jest:>9.3f}{jest / bare:>8.1f}")
    late = [row for row in rows if "one process" in row.way and row.seconds > MOST_SECONDS]
    for row in late:
        print(f"bar missed: {row.way} takes {row.seconds:.2f} s; it may take {MOST_SECONDS:g} s")
    return int(bool(late))


if __name__ == "__main__":
    sys.exit(main())
