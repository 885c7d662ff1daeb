"""CPU of asking, against a bare loop and against the peers; memory; how close to the ideal time."""

from collections.abc import Callable, Iterator
from statistics import median as middle

from benchmarks.bench import CONCURRENCY, Bench, per_call, per_trial
from benchmarks.measure import Cost, ProgramFailed, median, median_ratio, rounds
from benchmarks.peers import Absent
from benchmarks.table import Row, at_least, at_most, known, limit, not_measured

LATENCY = 0.2
"""Seconds, where the server is not instant."""


def cpu(bench: Bench) -> Iterator[Row]:
    """Ask, stream, store; and the same with marking, as inspect_ai and promptfoo mark too."""
    trials = bench.trials
    project = bench.project(trials)
    costs = rounds(
        bench.rounds,
        bare=lambda: bench.bare(trials),
        ask=lambda: bench.ours(project, "ask"),
        mark=lambda: bench.ours(project, "mark"),
    )
    for each in (*costs["ask"], *costs["mark"]):
        assert each.told["answered"] == trials
    ask, mark = (median(costs[how]) / trials * 1e3 for how in ("ask", "mark"))
    what = f"CPU per trial, {trials:,} streamed, stored"
    yield at_most(
        median_ratio(costs["ask"], costs["bare"]), 2.5,
        what=what, ours=f"{ask:.3f} ms", peer="bare aiohttp loop",
        theirs=f"{median(costs['bare']) / trials * 1e3:.3f} ms",
    )  # fmt: skip
    marked = f"{what}, marked"
    yield from _against(
        bench, "litellm", what, ask, 10.0, bench.litellm, (100, 600 if bench.quick else 1_600)
    )
    yield from _against(
        bench, "inspect", marked, mark, 50.0, bench.inspect, (100, 400 if bench.quick else 1_100)
    )
    if "promptfoo" in bench.peers:
        yield _promptfoo(bench, marked, mark)


def _against(
    bench: Bench,
    peer: str,
    what: str,
    ours: float,
    bar: float,
    program: Callable[[int, str], Cost],
    calls: tuple[int, int],
) -> Iterator[Row]:
    """Milliseconds of ours against a peer's: streamed, and as it comes."""
    if peer not in bench.peers:
        return
    for how in ("stream", "whole"):
        name = f"{peer}, streamed" if how == "stream" else f"{peer}, not streamed"
        try:
            theirs = middle(
                per_trial(program(calls[0], how), program(calls[1], how), calls, bench.trials)
                for _ in range(bench.rounds)
            )
        except (Absent, ProgramFailed) as reason:
            yield not_measured(what, name, reason)
            continue
        texts = {"what": what, "ours": f"{ours:.3f} ms", "peer": name, "theirs": f"{theirs:.2f} ms"}
        ratio = theirs / ours
        yield at_least(ratio, bar, **texts) if how == "stream" else known(ratio, **texts)


def _promptfoo(bench: Bench, what: str, ours: float) -> Row:
    name = "promptfoo, not streamed"
    try:
        whole = bench.promptfoo_eval(bench.fresh("promptfoo"), bench.trials)
    except (Absent, ProgramFailed) as reason:
        return not_measured(what, name, reason)
    theirs = whole.cpu_seconds / bench.trials * 1e3
    return at_least(
        theirs / ours, 20.0,
        what=what, ours=f"{ours:.3f} ms", peer=name, theirs=f"{theirs:.2f} ms",
    )  # fmt: skip


def litellm_route(bench: Bench) -> Iterator[Row]:
    """Our engine on litellm against litellm alone: both stream, both without starting."""
    if "litellm" not in bench.peers:
        return
    few, many = 100, 600 if bench.quick else 1_100
    small, large = (bench.project(calls, route="litellm") for calls in (few, many))
    found = []
    for _ in range(bench.rounds):
        alone = per_call(bench.litellm(few, "stream"), bench.litellm(many, "stream"), (few, many))
        ours = per_call(bench.ours(small, "ask"), bench.ours(large, "ask"), (few, many))
        found.append((ours / alone, ours, alone))
    ratio, ours, alone = sorted(found)[len(found) // 2]
    yield at_most(
        ratio, 1.15,
        what="CPU per streamed trial on the litellm route", ours=f"{ours:.2f} ms",
        peer="litellm loop", theirs=f"{alone:.2f} ms",
    )  # fmt: skip


def memory(bench: Bench) -> Iterator[Row]:
    """Peak memory of asking and marking, and how it grows."""
    few, many = 1_000, 10_000
    small, large = bench.project(few), bench.project(many)
    costs = rounds(
        1 if bench.quick else bench.rounds,
        few=lambda: bench.ours(small, "mark"),
        many=lambda: bench.ours(large, "mark"),
    )
    least, most = (median(costs[name], "peak_mb") for name in ("few", "many"))
    yield limit(most, 120, "MB", f"peak memory, {many:,} trials asked and marked")
    growth = (most - least) * 1e3 / (many - few)
    yield limit(growth, 3, "kB", f"its growth per trial, {few:,} to {many:,}")
    report = bench.command(large, "run", "speed", "--store", "report.db", "--quiet")
    yield Row(
        what=f"peak memory of `preamblelab run` with its report (pandas), {many:,} trials",
        ours=f"{report.peak_mb:.0f} MB",
    )


def latency(bench: Bench) -> Iterator[Row]:
    """2,000 trials at 200 ms: the whole process against the time that waiting alone takes."""
    trials = 2_000
    slow = f"{bench.server}/latency-{LATENCY * 1000:.0f}/chunks-20/v1"
    project = bench.project(trials, address=slow)
    costs = rounds(
        bench.rounds,
        ours=lambda: bench.ours(project, "ask"),
        bare=lambda: bench.bare(trials, address=slow),
    )
    ideal = trials / CONCURRENCY * LATENCY
    ours, bare = (median(costs[name], "wall_seconds") for name in ("ours", "bare"))
    what = f"whole time, {trials:,} trials at 200 ms, {CONCURRENCY} at once"
    yield at_most(
        ours / ideal, 1.3, what=what, ours=f"{ours:.2f} s", peer="ideal", theirs=f"{ideal:.1f} s"
    )
    yield Row(
        what=what, ours=f"{ours:.2f} s", peer="bare aiohttp loop", theirs=f"{bare:.2f} s",
        ratio=f"{ours / bare:.2f} x",
    )  # fmt: skip


def rate(bench: Bench) -> Iterator[Row]:
    """500 at once: trials a second of asking alone, against the bare loop in the same round."""
    trials, at_once = 5_000, 500
    slow = f"{bench.server}/latency-{LATENCY * 1000:.0f}/chunks-20/v1"
    project = bench.project(trials, address=slow, concurrency=at_once)
    costs = rounds(
        bench.rounds,
        ours=lambda: bench.ours(project, "ask"),
        bare=lambda: bench.bare(trials, address=slow, concurrency=at_once),
    )
    pairs = zip(costs["ours"], costs["bare"], strict=True)
    share = middle([b.told["seconds"] / a.told["seconds"] for a, b in pairs])
    ours, bare = (middle([c.told["seconds"] for c in costs[name]]) for name in ("ours", "bare"))
    yield Row(
        what=f"rate, {trials:,} trials at 200 ms, {at_once} at once",
        ours=f"{trials / ours:,.0f}/s", peer="bare aiohttp loop", theirs=f"{trials / bare:,.0f}/s",
        ratio=f"{share:.0%}", bar=">= 60%", met="yes" if share >= 0.6 else "NO",
    )  # fmt: skip
