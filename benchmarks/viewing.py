"""The viewer on a large store: what a page of trials costs, wherever it stands in the list."""

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

from benchmarks.bench import Bench
from benchmarks.report import simulated
from benchmarks.table import Row, limit
from preamblelab.viewer.pages import pair, trials
from preamblelab.viewer.source import Source

ROUNDS = 9
MOST_MILLISECONDS = 100


def pages(bench: Bench) -> Iterator[Row]:
    """Pages of the viewer on 100,000 trials: from the query to the finished page."""
    count = 10_000 if bench.quick else 100_000
    store = bench.fresh("viewer") / "large.db"
    simulated(store, count)
    source = Source(store)
    try:
        began = time.process_time()
        source.snapshot("large")
        once = time.process_time() - began
        yield limit(once, 10, "s", f"viewer, first look at {count:,} trials, once, CPU")
        for what, page in _questions(source, count).items():
            yield limit(_milliseconds(page), MOST_MILLISECONDS, "ms", f"viewer, {what}, CPU")
    finally:
        source.close()


def _questions(source: Source, count: int) -> dict[str, Callable[[], Any]]:
    def asked(**more: str) -> Callable[[], Any]:
        return lambda: trials.page(source, {"experiment": "large", **more})

    middle = str(count // 2)
    return {
        "50 trials in the order of the plan": asked(),
        "50 trials from the middle": asked(after=middle),
        "50 trials by gain": asked(sort="gain", direction="down"),
        "50 trials by gain from the middle": asked(sort="gain", direction="down", after=middle),
        "50 trials by score, backwards": asked(sort="score", before=middle),
        "looped trials of one model": asked(model="sim-a", status="looped"),
        "a pair of answers": lambda: pair.page(source, {"experiment": "large", "trial": middle}),
    }


def _milliseconds(page: Callable[[], Any]) -> float:
    """CPU of the middle one of several goes."""
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time()
        page()
        taken.append((time.process_time() - began) * 1e3)
    return median(taken)
