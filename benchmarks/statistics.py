"""Prints the CPU that the statistics take: a large table, ten times as many rows, plans, looks."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.table import Row, as_text, limit
from preamblelab.stats.boundaries import nominal_alphas
from preamblelab.stats.effects import effects
from preamblelab.stats.looks import Plan
from preamblelab.stats.noise import components, noise_floor
from preamblelab.stats.overall import overall_effect
from preamblelab.stats.planning import plan_design, power
from preamblelab.stats.segments import segment_effects
from preamblelab.stats.sequential import review
from preamblelab.stats.simulate import simulate_scores
from preamblelab.stats.tiers import rank_tiers
from preamblelab.stats.verdicts import verdicts

MODELS, TASKS, REPETITIONS, JUDGES, DIMENSIONS = 12, 200, 5, 2, 5
VARIANTS = ("plain", "careful", "careful+brief")
SPREADS = {"task_variant": 36.0, "repetition": 64.0, "judge": 25.0}


def table(tasks: int = TASKS) -> pd.DataFrame:
    """Marks of models x (baseline + variants) x tasks x repetitions x judges x dimensions."""
    return simulate_scores(
        models=MODELS,
        tasks=tasks,
        repetitions=REPETITIONS,
        variants=VARIANTS,
        judges=JUDGES,
        dimensions=DIMENSIONS,
        judge_sd=4.0,
        effect=3.0,
        seed=1,
    )


def seconds(work: Callable[[], Any], times: int = 3) -> float:
    """CPU of the fastest of several goes, in seconds."""
    best = float("inf")
    for _ in range(times):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def conclusions(scores: pd.DataFrame) -> dict[str, Callable[[], Any]]:
    """What a report draws from a score table, by name."""
    return {
        "effects with verdicts": lambda: verdicts(effects(scores)),
        "effects over all models": lambda: verdicts(overall_effect(scores)),
        "segments by tier": lambda: segment_effects(scores),
        "segments by tier and size": lambda: segment_effects(scores, by="tier x size"),
        "noise floor": lambda: noise_floor(scores),
        "components": lambda: components(scores),
        "tiers": lambda: rank_tiers(scores),
    }


def run(tasks: int = TASKS, *, times: int = 3) -> list[Row]:
    """Measure everything once.

    Args:
        tasks: tasks of the smaller table; the larger has ten times as many.
        times: goes, of which the fastest counts.
    """
    small, large = table(tasks), table(10 * tasks)
    rows, sums = [], [0.0, 0.0]
    at_large = conclusions(large)
    for what, work in conclusions(small).items():
        once, tenfold = seconds(work, times), seconds(at_large[what], times)
        sums = [sums[0] + once, sums[1] + tenfold]
        ours = f"{once:.3f} s; ten times the rows {tenfold / once:.1f} x"
        rows.append(Row(what=f"{what}, {len(small):,} rows", ours=ours))
    rows.append(limit(sums[0], 3.0, "s", f"all of these, {len(small):,} rows"))
    rows.append(limit(sums[1] / sums[0], 12.0, "x", "all of these, ten times the rows"))
    return rows + planning(times)


def planning(times: int = 3) -> list[Row]:
    """Plans, boundaries of looks, and one settled look."""
    pairs = MODELS * len(VARIANTS)
    scores = simulate_scores(
        models=MODELS, tasks=TASKS, repetitions=3, variants=VARIANTS, effect=30.0, seed=2
    )
    plan = Plan.for_tasks([str(task) for task in scores["task"].unique()])
    shares = iter(np.linspace(0.3, 0.7, 4 * times))

    def boundaries() -> None:
        # A new plan each time: those of an old one are remembered.
        nominal_alphas([0.2, float(next(shares)), 1.0])

    settled = seconds(lambda: review(scores, plan), times) / pairs
    return [
        limit(seconds(lambda: plan_design(SPREADS, 3.0), times), 1.0, "s", "planner"),
        limit(seconds(lambda: power(SPREADS, 100, effect=5.0), times), 1.0, "s", "power"),
        limit(seconds(boundaries, times), 1.0, "s", "boundaries of three looks"),
        limit(settled, 0.1, "s", "a settled look, per pair"),
    ]


def main() -> int:
    """Print every figure beside its bar; 1 when one is over."""
    rows = run()
    print(as_text(rows), end="")
    return int(any(row.met == "NO" for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
