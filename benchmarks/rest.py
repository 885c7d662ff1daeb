"""Streams under the breaker, finished runs again, judges, and how long starting takes."""

import sys
from collections.abc import Iterator
from statistics import median as middle

from benchmarks.bench import Bench
from benchmarks.loads.streams import STREAMS
from benchmarks.measure import Cost, ProgramFailed, median, rounds, run
from benchmarks.peers import Absent
from benchmarks.table import Row, at_least, at_most, limit, not_measured

CHUNKS = 200
HEAVY = ("litellm", "dspy", "pandas", "numpy", "scipy", "aiohttp")


def streams(bench: Bench) -> Iterator[Row]:
    """Twenty streams of 200 chunks, one chunk in 10 ms, with the circuit breaker on."""
    path = f"size-1000/chunks-{CHUNKS}/pace-10"
    passes = 1 if bench.quick else 3
    chunks = STREAMS * CHUNKS * passes

    def one(how: str) -> Cost:
        return bench.load("streams", how, bench.server, path, passes)

    programs = {"bare": lambda: one("bare"), "ours": lambda: one("ours")}
    if "litellm" in bench.peers:
        programs["litellm"] = lambda: one("litellm")
    costs = rounds(bench.rounds, **programs)
    assert all(each.told["characters"] == STREAMS * 1000 * passes for each in costs["ours"])
    each = {
        name: middle([cost.told["cpu"] for cost in of]) / chunks * 1e6 for name, of in costs.items()
    }
    what = f"CPU per chunk, {STREAMS} streams, breaker on"
    ours = f"{each['ours']:.0f} us"
    yield at_most(
        each["ours"] / each["bare"], 1.5,
        what=what, ours=ours, peer="bare aiohttp reader", theirs=f"{each['bare']:.0f} us",
    )  # fmt: skip
    if "litellm" in each:
        yield at_least(
            each["litellm"] / each["ours"], 6.0,
            what=what, ours=ours, peer="litellm", theirs=f"{each['litellm']:.0f} us",
        )  # fmt: skip


def again(bench: Bench) -> Iterator[Row]:
    """`preamblelab run` on finished trials, against `promptfoo --resume` on as many."""
    trials = bench.trials
    project = bench.project(trials)
    command = ("run", "speed", "--store", "again.db", "--quiet")
    bench.command(project, *command)
    programs = {"ours": lambda: bench.command(project, *command)}
    reason: Exception | None = None
    if "promptfoo" in bench.peers:
        folder = bench.fresh("promptfoo")
        try:
            bench.promptfoo_eval(folder, trials)
            programs["theirs"] = lambda: bench.promptfoo(folder, "eval", "--resume", "--no-table")
        except (Absent, ProgramFailed) as error:
            reason = error
    costs = rounds(bench.rounds, **programs)
    what = f"`preamblelab run` on {trials:,} finished trials"
    wall = median(costs["ours"], "wall_seconds")
    yield limit(wall, 0.5, "s", f"{what}, whole time")
    yield limit(median(costs["ours"], "peak_mb"), 60, "MB", f"{what}, peak memory")
    if "theirs" in costs:
        theirs = median(costs["theirs"], "wall_seconds")
        yield at_least(
            theirs / wall, 5.0,
            what=f"{what}, whole time", ours=f"{wall:.2f} s", peer="promptfoo --resume",
            theirs=f"{theirs:.2f} s",
        )  # fmt: skip
    elif reason is not None:
        yield not_measured(what, "promptfoo --resume", reason)


def judges(bench: Bench) -> Iterator[Row]:
    """A dspy program on our engine, streamed, against `dspy.Predict` on dspy's own."""
    calls = 300 if bench.quick else 1_000
    address = f"{bench.server}/verdict-1/chunks-20/v1"
    costs = rounds(
        bench.rounds,
        ours=lambda: bench.load("judging", "ours", address, calls, 50),
        theirs=lambda: bench.load("judging", "theirs", address, calls, 50),
    )
    ours, theirs = (
        middle([cost.told["cpu"] for cost in costs[name]]) / calls * 1e3
        for name in ("ours", "theirs")
    )
    yield at_most(
        ours / theirs, 0.5,
        what="CPU per judgement of a dspy judge", ours=f"{ours:.2f} ms",
        peer="dspy.Predict, dspy's engine", theirs=f"{theirs:.2f} ms",
    )  # fmt: skip


def starting(bench: Bench) -> Iterator[Row]:
    """What `import preamblelab` loads, and the CPU of `--help`."""
    code = f"import preamblelab, sys; sys.exit(any(name in sys.modules for name in {HEAVY!r}))"
    try:
        run([sys.executable, "-c", code])
        met = "yes"
    except ProgramFailed:
        met = "NO"
    yield Row(what="import preamblelab loads none of", peer=", ".join(HEAVY), met=met)
    project = bench.project(100)
    costs = rounds(5, ours=lambda: bench.command(project, "--help"))
    yield limit(median(costs["ours"]), 0.35, "s", "CPU of `preamblelab --help`")
