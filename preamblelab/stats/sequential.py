"""Stopping early on a table: what a look says, what is asked next, and what was saved."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from preamblelab.errors import SpecError, TableError
from preamblelab.stats.boundaries import Spending, nominal_alphas
from preamblelab.stats.codes import Floats
from preamblelab.stats.grid import Grid, score_grid
from preamblelab.stats.looks import (
    DECISIONS,
    Plan,
    Walk,
    order_tasks,
    walk_looks,
)
from preamblelab.stats.sentences import counted, points

__all__ = [
    "CallsSaved",
    "Plan",
    "RepetitionRule",
    "Spending",
    "calls_saved",
    "look_history",
    "next_trials",
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
    given_up: int = 0
    """Pairs of those settled that no claim was to be expected of any more."""

    @property
    def share(self) -> float:
        """Asked answers as a share of all, 0 to 1."""
        return self.asked / self.full

    def __str__(self) -> str:
        text = (
            f"{self.asked:,} of {self.full:,} answers were asked ({self.share:.0%}); "
            f"{self.settled} of {counted(self.pairs, 'pair')} settled early"
        )
        if not self.given_up:
            return f"{text}."
        return (
            f"{text}: {self.settled - self.given_up} decided, {self.given_up} given up (the "
            "planned answers would hardly decide them)."
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
        look: Number of the look, from 1; None: the last one whose trials were all asked.
        baseline: Label of the baseline arm.

    Returns:
        A row per model and variant: `model, variant, look` (which settled it, or this one),
        `trials` per arm, `n_tasks, effect, low, high` (points), `alpha` of the look's interval,
        `verdict` (as in `verdicts`: better, worse, equivalent, undecided), `settled,
        stopped_early, next_trials` (trials per arm to ask before the next look), `flags`
        (``futile``: no claim is to be expected any more; ``waiting``: not all was asked) and
        `sentence`.

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
        The columns of `review`, one row per pair and look whose trials were asked.
    """
    grid, walk, pairs = _replay(df, plan, baseline)
    rows = []
    for place, pair in enumerate(pairs):
        last = min(int(walk.settled_at[place]), len(plan.looks) - 1)
        for look in range(last + 1):
            row = _row(grid, walk, plan, place, pair, look)
            if row["flags"] != "waiting":
                rows.append(row)
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def next_trials(
    df: pd.DataFrame, plan: Plan, look: int | None = None, *, baseline: str = "baseline"
) -> pd.DataFrame:
    """The trials to ask before the next look: open pairs only, and no third copy of one text.

    Args:
        df: Long score table of what was asked so far.
        plan: The recorded plan.
        look: The look just taken; None: the last one whose trials were all asked.
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
        trials = plan.looks[reach]
        for arm in (0, variant):
            wanted[model, arm] = max(wanted.get((model, arm), 0), trials)
    asked = _asked(grid, plan)
    rows = []
    for (model, arm), trials in sorted(wanted.items()):
        for trial in range(trials):
            done, task = divmod(trial, plan.n_tasks)
            if not asked[model, arm, task, done]:
                rows.append((grid.models[model], grid.variants[arm], order[task], done + 1))
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
    early = np.flatnonzero(walk.settled_at < len(plan.looks) - 1)
    ends = walk.decision[early, walk.settled_at[early]]
    return CallsSaved(
        asked=int(df[["model", _arm(df), "task", "repetition"]].drop_duplicates().shape[0]),
        full=arms * plan.n_tasks * plan.n_repetitions,
        settled=len(early),
        pairs=len(pairs),
        given_up=int((ends == DECISIONS.index("futile")).sum()),
    )


def planned_repetitions(first_score: float, rule: RepetitionRule, most: int = 3) -> int:
    """Repetitions of a trial under the rules that `auto` is compared with.

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
    "trials",
    "n_tasks",
    "effect",
    "low",
    "high",
    "alpha",
    "verdict",
    "settled",
    "stopped_early",
    "next_trials",
    "flags",
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
    result = np.full((*grid.score.shape[:2], plan.n_tasks, plan.n_repetitions), np.nan)
    repetitions = min(plan.n_repetitions, grid.repetitions)
    result[:, :, _places(grid, plan), :repetitions] = grid.score[..., :repetitions]
    return result


def _asked(grid: Grid, plan: Plan) -> NDArray[np.bool_]:
    """Where a trial was asked, or repeats itself and need not be, in the plan's order."""
    result = np.zeros((*grid.score.shape[:2], plan.n_tasks, plan.n_repetitions), dtype=bool)
    repetitions = min(plan.n_repetitions, grid.repetitions)
    places = _places(grid, plan)
    result[:, :, places, :repetitions] = grid.asked[..., :repetitions]
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
    row: dict[str, object] = {
        "model": grid.models[pair[0]],
        "variant": grid.variants[pair[1]],
        "look": look + 1,
        "trials": plan.looks[look],
        "n_tasks": int(walk.n_tasks[place, look]),
        "effect": float(walk.effect[place, look]),
        "low": float(walk.low[place, look]),
        "high": float(walk.high[place, look]),
        "alpha": float(plan.nominal_alphas[look]),
        "verdict": "undecided" if decision in ("futile", "waiting") else decision,
        "settled": settled,
        "stopped_early": settled and not last,
        "next_trials": 0 if settled or last else plan.looks[look + 1] - plan.looks[look],
        "flags": decision if decision in ("futile", "waiting") else "",
    }
    return row | {"sentence": _sentence(row, plan)}


def _sentence(row: Mapping[str, Any], plan: Plan) -> str:
    """The verdict in words, the interval first: an estimate at an early stop is inflated."""
    who = f"{row['model']} with {row['variant']}"
    where = f"look {row['look']} of {len(plan.looks)}"
    if row["flags"] == "waiting":
        return f"{who}: {where} waits for answers not asked yet."
    verdict = row["verdict"]
    if verdict == "equivalent":
        verdict = f"equivalent within {plan.margin:g} points"
    if row["flags"] == "futile":
        verdict = "undecided, and more answers would hardly decide it"
    seen = (
        f"{points(row['low'])} to {points(row['high'])} points (estimate {points(row['effect'])})"
    )
    early = ", stopped early" if row["stopped_early"] else ""
    return f"{who}: {seen}, {verdict} ({where}{early})."
