"""Stopping early on a table: what a look says, what is asked next, and what was saved."""

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from preamblelab.errors import SpecError, TableError
from preamblelab.stats.boundaries import Spending, nominal_alphas
from preamblelab.stats.grid import Floats, Grid, score_grid
from preamblelab.stats.looks import (
    DECISIONS,
    Decision,
    Plan,
    Walk,
    order_tasks,
    walk_looks,
)

__all__ = [
    "CallsSaved",
    "Decision",
    "Plan",
    "RepetitionRule",
    "Spending",
    "calls_saved",
    "look_history",
    "next_cells",
    "nominal_alphas",
    "order_tasks",
    "planned_repetitions",
    "review",
]

RepetitionRule = Literal["auto", "always-3", "seed"]


class CallsSaved(NamedTuple):
    """How many answers a plan asked for, against asking everything."""

    asked: int
    """Answers asked, baseline included."""
    full: int
    """Answers that all repetitions of all tasks would take."""
    settled: int
    """Pairs settled before the last look."""
    pairs: int
    """Pairs in all."""

    @property
    def share(self) -> float:
        """Asked answers as a share of all, 0 to 1."""
        return self.asked / self.full

    def __str__(self) -> str:
        return (
            f"{self.asked:,} of {self.full:,} answers were asked ({self.share:.0%}); "
            f"{self.settled} of {self.pairs} pairs settled early."
        )


def review(
    df: pd.DataFrame, plan: Plan, look: int | None = None, *, baseline: str = "baseline"
) -> pd.DataFrame:
    """What the plan may conclude about every model and variant at one look.

    A pair that an earlier look settled keeps what that look said. Cells beyond the look are not
    used, even when they are in the table: another order would break the error's promise.

    Args:
        df: Long score table; tasks outside the plan's order are refused.
        plan: The recorded plan.
        look: Number of the look, from 1; None: the last one whose cells were all asked.
        baseline: Label of the baseline arm.

    Returns:
        A row per model and variant: `model, variant, look` (which settled it, or this one),
        `cells` per arm, `n_tasks, effect, lo, hi` (points), `alpha` of the look's interval,
        `decision, settled, stopped_early, next_cells` (cells per arm to ask before the next look)
        and `sentence`.

    Raises:
        SpecError: There is no such look.
        TableError: The table has no baseline, or tasks that the plan does not know.
    """
    grid, walk, pairs = _replay(df, plan, baseline)
    rows = [
        _row(grid, walk, plan, place, pair, _chosen_look(walk, place, plan, look))
        for place, pair in enumerate(pairs)
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def look_history(df: pd.DataFrame, plan: Plan, *, baseline: str = "baseline") -> pd.DataFrame:
    """What each look saw, for every pair, up to the look that settled it.

    Args:
        df: Long score table.
        plan: The recorded plan.
        baseline: Label of the baseline arm.

    Returns:
        The columns of `review`, one row per pair and look whose cells were asked.
    """
    grid, walk, pairs = _replay(df, plan, baseline)
    rows = []
    for place, pair in enumerate(pairs):
        last = min(int(walk.settled_at[place]), len(plan.looks) - 1)
        for look in range(last + 1):
            row = _row(grid, walk, plan, place, pair, look)
            if row["decision"] != "waiting":
                rows.append(row)
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def next_cells(
    df: pd.DataFrame, plan: Plan, look: int | None = None, *, baseline: str = "baseline"
) -> pd.DataFrame:
    """The trials to ask before the next look: open pairs only, and no third copy of one text.

    Args:
        df: Long score table of what was asked so far.
        plan: The recorded plan.
        look: The look just taken; None: the last one whose cells were all asked.
        baseline: Label of the baseline arm; it is asked while any variant of the model is open.

    Returns:
        Rows `model, variant, task, repetition` (from 1), in the order of asking; empty when all
        is settled.
    """
    grid, walk, pairs = _replay(df, plan, baseline)
    order = np.array(_order(plan, grid))
    wanted: dict[tuple[int, int], int] = {}
    for place, (model, variant) in enumerate(pairs):
        at = _chosen_look(walk, place, plan, look)
        closed = int(walk.settled_at[place]) <= at
        waiting = DECISIONS[walk.decision[place, at]] == "waiting"
        reach = at if waiting else at + 1
        if closed or reach >= len(plan.looks):
            continue
        cells = plan.looks[reach]
        for arm in (0, variant):
            wanted[model, arm] = max(wanted.get((model, arm), 0), cells)
    asked = _asked(grid, plan)
    rows = []
    for (model, arm), cells in sorted(wanted.items()):
        for cell in range(cells):
            run, task = divmod(cell, plan.n_tasks)
            if not asked[model, arm, task, run]:
                rows.append((grid.models[model], grid.variants[arm], order[task], run + 1))
    return pd.DataFrame(rows, columns=["model", "variant", "task", "repetition"])


def calls_saved(df: pd.DataFrame, plan: Plan, *, baseline: str = "baseline") -> CallsSaved:
    """How many answers were asked, against all repetitions of all tasks.

    Args:
        df: Long score table.
        plan: The recorded plan.
        baseline: Label of the baseline arm.

    Returns:
        The counts; as text, a sentence.
    """
    grid, walk, pairs = _replay(df, plan, baseline)
    arms = len(grid.models) * len(grid.variants)
    settled = int((walk.settled_at < len(plan.looks) - 1).sum())
    return CallsSaved(
        asked=int(df[["model", _arm(df), "task", "repetition"]].drop_duplicates().shape[0]),
        full=arms * plan.n_tasks * plan.n_runs,
        settled=settled,
        pairs=len(pairs),
    )


def planned_repetitions(first_score: float, rule: RepetitionRule, most: int = 3) -> int:
    """Repetitions of a cell under the rules that `auto` is compared with.

    Args:
        first_score: Score of the model's first baseline answers, 0 to 100.
        rule: ``always-3``; ``seed``: three under 60, two up to 80, one above; ``auto``: one, and
            the plan of looks adds more where the verdict is open.
        most: Bound for all rules.

    Returns:
        How many repetitions to ask at first.
    """
    if rule == "auto":
        return 1
    if rule == "always-3":
        return min(3, most)
    if not np.isfinite(first_score):
        raise SpecError(
            "repetitions: the seed rule needs a baseline score and this model has none; "
            "use 'always-3' or 'auto'"
        )
    return min(3 if first_score < 60 else 2 if first_score <= 80 else 1, most)


_COLUMNS = (
    "model",
    "variant",
    "look",
    "cells",
    "n_tasks",
    "effect",
    "lo",
    "hi",
    "alpha",
    "decision",
    "settled",
    "stopped_early",
    "next_cells",
    "sentence",
)


def _arm(df: pd.DataFrame) -> str:
    return "variant" if "variant" in df.columns else "preamble"


def _order(plan: Plan, grid: Grid) -> tuple[str, ...]:
    order = plan.order or order_tasks(grid.tasks, seed=plan.seed)
    foreign = sorted(set(grid.tasks) - set(order))
    if not plan.order and len(order) < plan.n_tasks:
        raise TableError(
            f"the plan has {plan.n_tasks} tasks and no order, the table only {len(order)} of them: "
            "make the plan with Plan.for_tasks(tasks) so that it knows which come first"
        )
    if foreign or len(order) != plan.n_tasks:
        raise TableError(
            f"the plan has {plan.n_tasks} tasks, the table {len(grid.tasks)}"
            + (f", among them {foreign[0]!r} outside the plan" if foreign else "")
            + ": review a table with the plan it was asked under"
        )
    return order


def _scores(grid: Grid, plan: Plan) -> Floats:
    """Scores with the tasks in the plan's order and exactly the plan's repetitions."""
    result = np.full((*grid.score.shape[:2], plan.n_tasks, plan.n_runs), np.nan)
    runs = min(plan.n_runs, grid.repetitions)
    result[:, :, _places(grid, plan), :runs] = grid.score[..., :runs]
    return result


def _asked(grid: Grid, plan: Plan) -> NDArray[np.bool_]:
    """Where a cell was asked, or repeats itself and need not be, in the plan's order."""
    result = np.zeros((*grid.score.shape[:2], plan.n_tasks, plan.n_runs), dtype=bool)
    runs = min(plan.n_runs, grid.repetitions)
    places = _places(grid, plan)
    result[:, :, places, :runs] = grid.asked[..., :runs]
    result[:, :, places] |= grid.repeats[..., None]
    return result


def _cluster(grid: Grid, plan: Plan) -> NDArray[np.int64] | None:
    """Group of each task in the plan's order; None where each task is its own."""
    if len(np.unique(grid.cluster)) == len(grid.tasks):
        return None
    # A task not asked yet has no score, so any group of its own will do.
    result = np.arange(plan.n_tasks, dtype=np.int64) + int(grid.cluster.max()) + 1
    result[_places(grid, plan)] = grid.cluster
    return result


def _places(grid: Grid, plan: Plan) -> NDArray[np.intp]:
    place = {task: i for i, task in enumerate(_order(plan, grid))}
    return np.array([place[task] for task in grid.tasks], dtype=np.intp)


def _replay(
    df: pd.DataFrame, plan: Plan, baseline: str
) -> tuple[Grid, Walk, list[tuple[int, int]]]:
    grid = score_grid(df, baseline)
    grid.variant(baseline)
    score = _scores(grid, plan)
    asked = _asked(grid, plan)
    pairs = [
        (model, variant)
        for model in range(len(grid.models))
        for variant in range(1, len(grid.variants))
        if asked[model, variant].any()
    ]
    if not pairs:
        raise TableError(
            f"the table holds no variant beside {baseline!r}: nothing to compare; add one"
        )
    models, variants = (np.array(axis, dtype=np.intp) for axis in zip(*pairs, strict=True))
    both = asked[models, 0] & asked[models, variants]
    cluster = _cluster(grid, plan)
    walk = walk_looks(score[models, 0], score[models, variants], plan, both, cluster)
    return grid, walk, pairs


def _chosen_look(walk: Walk, place: int, plan: Plan, look: int | None) -> int:
    settled = int(walk.settled_at[place])
    if look is None:
        done = [i for i, d in enumerate(walk.decision[place]) if DECISIONS[d] != "waiting"]
        return min(settled, max(done, default=0))
    if not 1 <= look <= len(plan.looks):
        raise SpecError(f"look {look} is not in the plan: it has looks 1 to {len(plan.looks)}")
    return min(settled, look - 1)


def _row(
    grid: Grid, walk: Walk, plan: Plan, place: int, pair: tuple[int, int], look: int
) -> dict[str, object]:
    settled = int(walk.settled_at[place]) <= look
    last = look == len(plan.looks) - 1
    decision = DECISIONS[walk.decision[place, look]]
    effect, lo, hi = (float(part[place, look]) for part in (walk.effect, walk.lo, walk.hi))
    model, variant = grid.models[pair[0]], grid.variants[pair[1]]
    step = 0 if settled or last else plan.looks[look + 1] - plan.looks[look]
    return {
        "model": model,
        "variant": variant,
        "look": look + 1,
        "cells": plan.looks[look],
        "n_tasks": int(walk.n_tasks[place, look]),
        "effect": effect,
        "lo": lo,
        "hi": hi,
        "alpha": float(plan.nominal_alphas[look]),
        "decision": decision,
        "settled": settled,
        "stopped_early": settled and not last,
        "next_cells": step,
        "sentence": _sentence(f"{variant} on {model}", decision, (effect, lo, hi), plan, look),
    }


def _sentence(
    who: str, decision: Decision, numbers: tuple[float, float, float], plan: Plan, look: int
) -> str:
    effect, lo, hi = numbers
    where = f"look {look + 1} of {len(plan.looks)}"
    seen = f"interval {lo:+.1f} to {hi:+.1f} points (estimate {effect:+.1f})"
    early = ", stopped early" if look < len(plan.looks) - 1 else ""
    match decision:
        case "waiting":
            return f"{who}: {where} waits for answers not asked yet."
        case "futile":
            return f"{who}: undecided, {seen}; more answers would hardly decide it ({where})."
        case "undecided":
            return f"{who}: undecided, {seen} ({where})."
        case "equivalent":
            return f"{who}: equivalent within {plan.margin:g} points, {seen} ({where}{early})."
    return f"{who}: {decision}, {seen} ({where}{early})."
