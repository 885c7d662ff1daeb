"""Which findings come again: who leads each category in every run, and what chance gives."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from math import comb
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from preamblelab.errors import SpecError, TableError
from preamblelab.stats.codes import SCORE_RANGE, Floats, column_codes, combined_codes, mean_over
from preamblelab.stats.intervals import IntervalRule, holm, holm_levels, summarise
from preamblelab.stats.sentences import counted, interval, points
from preamblelab.stats.tiers import tiers_by_repetition

LEAST_RUNS: Final = 3
"""Replicates below which nothing is called survived."""
LEAST_TASKS: Final = 5
"""Tasks of a category below which no interval is estimated."""
SURVIVED: Final = "survived"
CONSISTENT: Final = "consistent, not proven"

FINDING_COLUMNS = (
    "category", "leader", "runner_up", "n_runs", "n_tasks", "leaders", "mean", "gap", "low",
    "high", "level", "p_holm", "status", "reasons", "chance", "chance_any", "sentence",
)  # fmt: skip
"""What `category_findings` returns."""

GAP_COLUMNS = ("category", "first", "second", "n_tasks", "gap", "low", "high", "level")
"""What `category_gaps` returns."""


@cache
def leader_chance(arms: int, runs: int, tests: int | None = None) -> float:
    """Chance that one and the same of several equal arms leads in every run.

    With tests that have one winner each, the leader wins strictly more tests than every other arm;
    the count of ways is exact. Without them no two arms tie, as with scores of many steps: then it
    is arms ** (1 - runs), which is the most it can be.

    Args:
        arms: equal arms, 1 or more.
        runs: independent runs, 1 or more.
        tests: tests with one winner each; None: scores that never tie.

    Returns:
        0 to 1. Two arms, three runs: .25 with 3 tests, .107 with 10 (ties), .25 with scores.

    Examples:
        >>> round(leader_chance(2, 3, 3), 3), round(leader_chance(3, 3, 5), 3)
        (0.25, 0.028)

    Raises:
        SpecError: a count is below 1.
    """
    if arms < 1 or runs < 1 or (tests is not None and tests < 1):
        raise SpecError(f"chance: arms {arms}, runs {runs}, tests {tests}: give at least 1 of each")
    if tests is None:
        return float(arms) ** (1 - runs)
    ways = sum(
        comb(tests, won) * _spread(arms - 1, tests - won, won - 1) for won in range(1, tests + 1)
    )
    return float(arms * (ways / arms**tests) ** runs)


def any_chance(chance: float, categories: int) -> float:
    """Chance of at least one such category among several independent ones, 0 to 1."""
    return 1.0 - (1.0 - chance) ** categories


@cache
def _spread(boxes: int, tests: int, most: int) -> int:
    """Ways to spread labelled tests over boxes with at most so many in each."""
    if boxes == 0:
        return int(tests == 0)
    return sum(
        comb(tests, taken) * _spread(boxes - 1, tests - taken, most)
        for taken in range(min(most, tests) + 1)
    )


def category_findings(
    df: pd.DataFrame,
    *,
    unit: str = "model",
    groups: Mapping[str, Sequence[str]] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Who leads each category in every run, and whether that is proven.

    A finding has survived if (a) the same arm leads in every run, (b) its pooled paired difference
    to the runner-up clears 0 after Holm over all categories, (c) on 5 tasks or more, (d) above the
    lowest score, in 3 runs or more. The best of several is held against the second best by a
    two-sided test, which keeps its error although both were picked by the data (Hung and Fithian
    2019, Rank verification for exponential families). Repetitions and runs are averaged first: the
    task is the unit. Running the same tasks again removes the noise of sampling and judges, not
    that of which tasks were chosen.

    Args:
        df: columns `run, task, category, score` (0 to 100) and `unit`; where there `cluster`.
        unit: column with the arms: ``model`` or ``variant``.
        groups: compare groups of arms instead (``{"cloud": ["a", "b"]}``), each the mean of its
            arms on a task.
        level: confidence over all categories together, 0 to 1.

    Returns:
        A row per category, as `FINDING_COLUMNS`: figures in points, `status` one of ``survived``,
        ``consistent, not proven``, ``leaders differ``, ``at the floor``, ``single-run``,
        ``two-run``; `chance` that equal arms show the same leader every time, `chance_any` that
        some category of all would. No rows with fewer than two arms.

    Raises:
        TableError: a column is absent, or a group names an arm that no run has.
    """
    cube = _Cube.of(df, unit, groups)
    if len(cube.arms) < 2:
        return pd.DataFrame(columns=list(FINDING_COLUMNS))
    seen = [_Seen.of(cube, name) for name in cube.categories]
    p = np.array([each.p(level) for each in seen])
    # A category without an interval was looked at as well, and counts.
    known = np.where(np.isnan(p), 1.0, p)
    adjusted, levels = holm(known), 1.0 - holm_levels(known, 1.0 - level)
    rows = [
        each.row(len(seen), float(own), float(at), level)
        for each, own, at in zip(seen, adjusted, levels, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(FINDING_COLUMNS))


def category_gaps(df: pd.DataFrame, *, unit: str = "model", level: float = 0.95) -> pd.DataFrame:
    """Paired quality difference of every two arms in every category, pooled over the runs.

    Args:
        df: as in `category_findings`.
        unit: as in `category_findings`.
        level: confidence of each interval by itself, 0 to 1.

    Returns:
        A row per category and ordered pair, as `GAP_COLUMNS`: `gap` = first - second, in points;
        limits missing on fewer than 5 tasks.
    """
    cube = _Cube.of(df, unit, None)
    rows = []
    for name in cube.categories:
        pooled = mean_over(cube.scores[:, :, cube.category == name], 0)
        clusters = cube.cluster[cube.category == name]
        for first, one in enumerate(cube.arms):
            for second, other in enumerate(cube.arms):
                if first != second:
                    found = _difference(pooled[first], pooled[second], clusters, level)
                    rows.append((name, one, other, *found[:4], level))
    return pd.DataFrame(rows, columns=list(GAP_COLUMNS))


def run_tiers(df: pd.DataFrame, *, unit: str = "model", level: float = 0.95) -> pd.DataFrame:
    """Tier of each arm in every run by itself; the range over runs is named a range.

    Args:
        df: as in `category_findings`; runs are numbered in the order of their first row.
        unit: column with the arms.
        level: confidence of each run's tiers, 0 to 1.

    Returns:
        As `tiers_by_repetition`, a run in the place of a repetition: ``same tier`` in every run is
        what "stable" means, and ``at the floor`` is not stability.
    """
    keys = ["run", unit, "task"]
    carried = [name for name in ("cluster",) if name in df]
    means = df.groupby([*keys, *carried], sort=False, dropna=False)["score"].mean().reset_index()
    order = {run: place for place, run in enumerate(dict.fromkeys(df["run"]), start=1)}
    table = means.assign(
        model=means[unit], variant="all", repetition=means["run"].map(order).astype(int)
    )
    columns = ["model", "variant", "task", "repetition", "score", *carried]
    return tiers_by_repetition(table[columns], unit="model", level=level)


class _Cube:
    """Scores by run, arm and task; an arm or task that some run lacks is left out."""

    def __init__(
        self, arms: Sequence[str], scores: Floats, category: NDArray[np.object_],
        cluster: NDArray[np.int64],
    ) -> None:  # fmt: skip
        self.arms = list(arms)
        self.scores = scores
        """Runs x arms x tasks, NaN where missing."""
        self.category = category
        self.cluster = cluster
        self.categories = sorted(set(category))

    @classmethod
    def of(cls, df: pd.DataFrame, unit: str, groups: Mapping[str, Sequence[str]] | None) -> "_Cube":
        for column in ("run", unit, "task", "category", "score"):
            if column not in df:
                raise TableError(
                    f"findings need the column '{column}'; this table has {', '.join(df.columns)}"
                )
        if not bool(df["score"].notna().any()):
            raise TableError("no answer of any run has a score: nothing can be compared; score it")
        wide = df.pivot_table(index=["run", unit], columns="task", values="score")
        scored = set(wide.index.get_level_values("run"))
        runs = list(dict.fromkeys(df["run"]))
        lost = [str(run) for run in runs if run not in scored]
        if lost:
            raise TableError(f"run {lost[0]} has no score at all: score it, or leave it out")
        every = set.intersection(*(set(wide.loc[run].index) for run in runs))
        arms = sorted(str(arm) for arm in every)
        tasks = list(wide.columns)
        scores = np.stack([wide.loc[run].reindex(arms).to_numpy(dtype=float) for run in runs])
        of_task = df.drop_duplicates("task").set_index("task").reindex(tasks)
        cluster = np.arange(len(tasks), dtype=np.int64)
        if "cluster" in of_task and bool(of_task["cluster"].notna().any()):
            named = of_task["cluster"].where(of_task["cluster"].notna(), of_task.index.to_series())
            cluster = pd.factorize(named)[0].astype(np.int64)
        if groups is not None:
            scores, arms = _grouped(scores, arms, groups)
        return cls(arms, scores, of_task["category"].to_numpy(dtype=object), cluster)


def _grouped(
    scores: Floats, arms: Sequence[str], groups: Mapping[str, Sequence[str]]
) -> tuple[Floats, list[str]]:
    parts = []
    for name, members in groups.items():
        absent = [member for member in members if member not in arms]
        if absent or not members:
            raise TableError(
                f"group '{name}' names '{absent[0] if absent else 'nothing'}', which not every run "
                f"has; there are: {', '.join(arms)}"
            )
        # The mix must not differ from task to task: a task counts with all members only.
        parts.append(scores[:, [arms.index(member) for member in members]].mean(axis=1))
    return np.stack(parts, axis=1), list(groups)


class _Seen:
    """One category: who leads in each run, and the pooled difference to the runner-up."""

    def __init__(self, cube: _Cube, category: str) -> None:
        inside = cube.category == category
        own = cube.scores[:, :, inside]
        # Only tasks that all arms of a run share: another mix of tasks is another test.
        shared = np.isfinite(own).all(axis=1, keepdims=True)
        own = np.where(shared, own, np.nan)
        self.category, self.arms = category, cube.arms
        self.by_run = mean_over(own, 2)
        self.pooled = mean_over(own, 0)
        self.cluster = cube.cluster[inside]
        self.leaders = [_leader(row) for row in self.by_run]
        means = mean_over(self.pooled, 1)
        order = sorted(range(len(means)), key=lambda arm: (-np.nan_to_num(means[arm], nan=-1), arm))
        self.first, self.second = order[0], order[1]
        self.mean = float(means[self.first])

    @classmethod
    def of(cls, cube: _Cube, category: str) -> "_Seen":
        return cls(cube, category)

    def difference(self, level: float) -> tuple[int, float, float, float, float]:
        return _difference(self.pooled[self.first], self.pooled[self.second], self.cluster, level)

    def p(self, level: float) -> float:
        return self.difference(level)[4]

    def row(self, categories: int, p: float, at: float, level: float) -> tuple[object, ...]:
        tasks, gap, low, high, _ = self.difference(at)
        names = [None if leader is None else self.arms[leader] for leader in self.leaders]
        runs = len(names)
        same = names[0] is not None and len(set(names)) == 1 and self.leaders[0] == self.first
        floor = bool((self.by_run[:, self.first] <= SCORE_RANGE[0]).all())
        proven = tasks >= LEAST_TASKS and p <= 1.0 - level and gap > 0
        status = _status(same, floor, proven, runs)
        chance = leader_chance(len(self.arms), runs)
        why = _reasons(same, floor, proven, runs, tasks, names)
        row = {
            "category": self.category, "leader": self.arms[self.first],
            "runner_up": self.arms[self.second], "n_runs": runs, "n_tasks": tasks,
            "leaders": ", ".join(name or "a tie" for name in names), "mean": self.mean,
            "gap": gap, "low": low, "high": high, "level": at, "p_holm": p, "status": status,
            "reasons": why, "chance": chance, "chance_any": any_chance(chance, categories),
        }  # fmt: skip
        row["sentence"] = _sentence(row, same=same, categories=categories, arms=len(self.arms))
        return tuple(row[name] for name in FINDING_COLUMNS)


def _leader(means: Floats) -> int | None:
    """The arm with the highest mean; None where two share it or nothing is known."""
    if not np.isfinite(means).any():
        return None
    best = np.flatnonzero(means >= np.nanmax(means) - 1e-9)
    return int(best[0]) if len(best) == 1 else None


def _difference(
    first: Floats, second: Floats, cluster: NDArray[np.int64], level: float
) -> tuple[int, float, float, float, float]:
    """Tasks, mean difference, limits and two-sided p; limits missing on too few tasks."""
    there = np.isfinite(first) & np.isfinite(second)
    tasks = int(there.sum())
    if not tasks:
        return 0, np.nan, np.nan, np.nan, np.nan
    gap = (first - second)[there]
    code, _ = combined_codes([column_codes(pd.Series(cluster[there]))])
    summary = summarise(gap, np.zeros(tasks, dtype=np.int64), 1, code)
    if tasks < LEAST_TASKS or summary.n_units[0] < 2:
        return tasks, float(gap.mean()), np.nan, np.nan, np.nan
    limits = IntervalRule(level=level, score_range=SCORE_RANGE).limits(
        summary, np.array([first[there].mean()])
    )
    return tasks, float(gap.mean()), float(limits.low[0]), float(limits.high[0]), float(limits.p[0])


def _status(same: bool, floor: bool, proven: bool, runs: int) -> str:
    if runs < LEAST_RUNS:
        return "single-run" if runs == 1 else "two-run"
    if floor:
        return "at the floor"
    if not same:
        return "leaders differ"
    return SURVIVED if proven else CONSISTENT


def _reasons(
    same: bool, floor: bool, proven: bool, runs: int, tasks: int, names: Iterable[str | None]
) -> str:
    why = []
    if runs < LEAST_RUNS:
        why.append(f"{counted(runs, 'run')}, {LEAST_RUNS} needed")
    if floor:
        why.append("nobody scores anything: the floor is not stability")
    if not same:
        why.append(f"leaders: {', '.join(name or 'a tie' for name in names)}")
    if tasks < LEAST_TASKS:
        why.append(f"{counted(tasks, 'task')}, {LEAST_TASKS} needed for an interval")
    elif not proven:
        why.append("the interval holds 0 after Holm over all categories")
    return "; ".join(why)


def _sentence(row: Mapping[str, object], *, same: bool, categories: int, arms: int) -> str:
    low, high = float(str(row["low"])), float(str(row["high"]))
    limits = f" {interval(low, high)}" if np.isfinite(low) else ""
    on = counted(int(str(row["n_tasks"])), "task")
    runs = counted(int(str(row["n_runs"])), "run")
    text = (
        f"{row['category']}: {row['leader']} is ahead of {row['runner_up']} by "
        f"{points(float(str(row['gap'])))} points{limits} on {on} in {runs}: {row['status']}"
    )
    if row["reasons"]:
        text += f" ({row['reasons']})"
    if same and row["status"] != SURVIVED and int(str(row["n_runs"])) > 1:
        text += (
            f"; {counted(arms, 'equal arm')} would show one leader every time with chance "
            f"{float(str(row['chance'])):.1%}, and in at least one of "
            f"{categories} categories with {float(str(row['chance_any'])):.0%}"
        )
    return text + "."
