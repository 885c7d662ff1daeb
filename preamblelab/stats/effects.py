"""Owns the paired effect of a variant on a model: estimate, interval, p-value and scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from preamblelab.errors import TableError
from preamblelab.stats.intervals import (
    Flags,
    Summary,
    holm,
    moderated,
    no_variation_limits,
    no_variation_p_value,
    summarise,
    t_p_value,
    t_quantile,
    unseen_share,
)
from preamblelab.stats.tables import (
    Codes,
    Floats,
    cells_of_trials,
    column_codes,
    combined_codes,
    reduced_trials,
)

Estimand = Literal["auto", "tasks", "these_tasks"]
ESTIMANDS = ("auto", "tasks", "these_tasks")
LIKE_THESE = "tasks like these"
THESE = "these tasks"
FEW_TASKS = 8
MODERATED_TASKS = 5
INFORMATIVE_SHARE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Cells of every variant beside those of the baseline; arrays, one entry per task of a pair.

    Attributes:
        names: one row per pair (model x variant): its names, and size where given.
        pair: code of the pair of each entry.
        task: code of the task.
        cluster: code of the source of the task, or None when no task has one.
        variant: columns score, variance, n_repetitions, distinct_outputs, missing of the variant.
        baseline: the same of the baseline; missing where the baseline has no such cell.
        met: both arms have the cell, scored or not.
    """

    names: pd.DataFrame
    pair: Codes
    task: Codes
    cluster: Codes | None
    variant: dict[str, Floats]
    baseline: dict[str, Floats]
    met: Flags

    @property
    def difference(self) -> Floats:
        """Variant minus baseline, in points; missing where either is."""
        return self.variant["score"] - self.baseline["score"]


def effects(
    df: pd.DataFrame,
    *,
    baseline: str = "baseline",
    level: float = 0.95,
    estimand: Estimand = "auto",
    by: Sequence[str] = (),
    pool_variance: bool = False,
    score_range: tuple[float, float] = (0.0, 100.0),
) -> pd.DataFrame:
    """Paired effect of every variant on every model, in points.

    Repetitions are averaged first, each task weighs the same, and the task is what was sampled: a
    one-sample t interval over the differences per task (sandwich by `cluster` when the table has
    that column). With `estimand="these_tasks"` the tasks are fixed and only the spread between
    repetitions counts (Satterthwaite); "auto" takes that for a single task that was repeated.

    Args:
        df: long score table, see `preamblelab.stats.tables`.
        baseline: name of the variant to compare with.
        level: confidence of the intervals, between 0 and 1.
        estimand: "tasks", "these_tasks" or "auto".
        by: further columns; effects are computed within each of their values.
        pool_variance: squeeze the variances of pairs with 5 tasks or fewer towards each other.
        score_range: lowest and highest possible score, in points.

    Returns:
        One row per model x variant, sorted by name: model, variant, (size), n_tasks,
        n_repetitions and distinct_outputs (mean per cell), baseline_mean, variant_mean, effect,
        se, df, low, high, p, p_holm (over all rows), scope, method, n_units (what was sampled),
        se_repetitions (error that repeating alone leaves), missing (answers without a score),
        missing_baseline_share, missing_variant_share, unseen_share, worst_effect, worst_low,
        best_effect, best_high (were all missing scores as bad, or as good, as they can be for the
        variant) and flags (joined by ";").

    Raises:
        TableError: the table cannot be used, or holds no such baseline.
    """
    if estimand not in ESTIMANDS:
        raise TableError(f"estimand {estimand!r} is unknown: use one of {', '.join(ESTIMANDS)}")
    if not 0.0 < level < 1.0:
        raise TableError(f"level {level!r} is no confidence: give a number between 0 and 1")
    trials, flags = reduced_trials(df, score_range=score_range, keep=by)
    pairs = paired_cells(cells_of_trials(trials, keep=by), baseline=baseline, by=by)
    plan = _Interval(level=level, score_range=score_range, pool=pool_variance)
    table = _effect_table(pairs, plan, estimand)
    if "simulated" in trials and bool(trials["simulated"].fillna(False).astype(bool).any()):
        flags = (*flags, "simulated")
    for flag in flags:
        table["flags"] = [";".join(filter(None, (text, flag))) for text in table["flags"]]
    return table


def paired_cells(cells: pd.DataFrame, *, baseline: str, by: Sequence[str] = ()) -> Pairs:
    """Put the cells of every variant beside the baseline's cells of the same model and task.

    Args:
        cells: as `cell_means` gives them.
        baseline: name of the variant to compare with.
        by: further columns that tell cells apart.

    Raises:
        TableError: no cells, or no such baseline.
    """
    if cells.empty:
        raise TableError("the score table has no rows: run or score something first")
    is_baseline = (cells["variant"] == baseline).to_numpy(dtype=bool)
    if not is_baseline.any():
        known = ", ".join(sorted({str(name) for name in cells["variant"]}))
        raise TableError(
            f"no variant is named '{baseline}'; there are: {known}; name one with baseline="
        )
    place, _ = combined_codes([column_codes(cells[name]) for name in (*by, "model", "task")])
    partner = np.full(int(place.max()) + 1, -1, dtype=np.int64)
    partner[place[is_baseline]] = np.flatnonzero(is_baseline)
    rows = np.flatnonzero(~is_baseline)
    match = partner[place[rows]]
    keys = [*by, "model", "variant"]
    chosen = cells.iloc[rows]
    pair, first = (
        combined_codes([column_codes(chosen[name]) for name in keys]) if len(rows) else (rows, rows)
    )
    carried = [name for name in ("size",) if name in cells and name not in keys]
    figures = ("score", "variance", "n_repetitions", "distinct_outputs", "missing")
    columns = {name: cells[name].to_numpy(dtype=np.float64) for name in figures}
    return Pairs(
        names=chosen.iloc[first][[*keys, *carried]].reset_index(drop=True),
        pair=pair,
        task=column_codes(chosen["task"])[0],
        cluster=_clusters(chosen),
        variant={name: values[rows] for name, values in columns.items()},
        baseline={
            name: np.where(match >= 0, values[match], np.nan) for name, values in columns.items()
        },
        met=match >= 0,
    )


def _clusters(cells: pd.DataFrame) -> Codes | None:
    """Code of the source of each task; a task without one is its own source."""
    if "cluster" not in cells or not bool(cells["cluster"].notna().any()):
        return None
    named = cells[["task", "cluster"]].drop_duplicates()
    if bool(named["task"].duplicated().any()):
        task = named.loc[named["task"].duplicated(), "task"].iloc[0]
        raise TableError(f"task {task!r} is in two clusters: give each task one source")
    codes, _ = pd.factorize(cells["cluster"], sort=True)
    tasks, _ = column_codes(cells["task"])
    return np.where(codes >= 0, codes, codes.max() + 1 + tasks).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Interval:
    """How intervals are made: confidence, possible scores, and whether variances are pooled."""

    level: float
    score_range: tuple[float, float]
    pool: bool = False

    def of(self, summary: Summary, variant_mean: Floats) -> tuple[Floats, Floats, Floats, Flags]:
        """Limits and p-value of each group, and which of them showed no variation."""
        with np.errstate(invalid="ignore", divide="ignore"):
            flat = summary.se <= 1e-10 * (self.score_range[1] - self.score_range[0])
            half = t_quantile(self.level, summary.df) * summary.se
            p = t_p_value(summary.mean / np.where(flat, np.nan, summary.se), summary.df)
        low, high = no_variation_limits(
            summary.mean, variant_mean, summary.n_units, self.level, self.score_range
        )
        exact = no_variation_p_value(summary.mean, variant_mean, summary.n_units, self.score_range)
        reach = self.score_range[1] - self.score_range[0]
        low = np.clip(np.where(flat, low, summary.mean - half), -reach, reach)
        high = np.clip(np.where(flat, high, summary.mean + half), -reach, reach)
        return low, high, np.where(flat, exact, p), flat


def _effect_table(pairs: Pairs, plan: _Interval, estimand: Estimand) -> pd.DataFrame:
    n_pairs = len(pairs.names)
    difference = pairs.difference
    both = ~np.isnan(difference)
    pair = pairs.pair[both]
    cluster = None if pairs.cluster is None else pairs.cluster[both]

    def total(values: Floats, chosen: Flags) -> Floats:
        return np.bincount(pairs.pair[chosen], weights=values[chosen], minlength=n_pairs)

    sampled = summarise(difference[both], pair, n_pairs, cluster)
    n_tasks = sampled.n_values
    repeated, every_cell_repeated, se_repetitions = _repetition_summary(pairs, both)
    with np.errstate(invalid="ignore", divide="ignore"):
        baseline_mean = total(pairs.baseline["score"], both) / n_tasks
        variant_mean = total(pairs.variant["score"], both) / n_tasks
        per_cell = {
            name: (total(pairs.variant[name], both) + total(pairs.baseline[name], both))
            / (2 * n_tasks)
            for name in ("n_repetitions", "distinct_outputs")
        }
    one_task = n_tasks == 1
    # One source has no spread between sources either: only its own tasks can be spoken of.
    one_unit = (sampled.n_units == 1) & every_cell_repeated
    fixed = one_unit if estimand == "auto" else np.full(n_pairs, estimand == "these_tasks")
    squeezed = np.zeros(n_pairs, dtype=bool)
    if plan.pool and cluster is None:
        squeezed = (n_tasks >= 2) & (n_tasks <= MODERATED_TASKS) & (sampled.se > 0) & ~fixed
        se, df = moderated(sampled.se, sampled.df, n_tasks)
        squeezed &= df != sampled.df
        sampled = Summary(
            n_values=n_tasks,
            n_units=sampled.n_units,
            mean=sampled.mean,
            se=np.where(squeezed, se, sampled.se),
            df=np.where(squeezed, df, sampled.df),
        )
    fixed_ready = fixed & every_cell_repeated
    summary = _chosen(fixed, repeated, sampled)
    summary = _without(summary, fixed & ~every_cell_repeated)
    low, high, p, flat = plan.of(summary, variant_mean)
    known = ~np.isnan(low)
    table = pairs.names.assign(
        n_tasks=n_tasks.astype(np.int64),
        **per_cell,
        baseline_mean=baseline_mean,
        variant_mean=variant_mean,
        effect=summary.mean,
        se=summary.se,
        df=summary.df,
        low=low,
        high=high,
        p=p,
        p_holm=holm(p),
        scope=np.where(n_tasks == 0, "", np.where(fixed | one_task, THESE, LIKE_THESE)),
        method=np.select(
            [~known, flat, fixed_ready, squeezed],
            ["none", "no_variation_bound", "repetition_t", "moderated_t"],
            "paired_t" if cluster is None else "cluster_t",
        ),
        n_units=summary.n_units,
        se_repetitions=se_repetitions,
        unseen_share=unseen_share(sampled.n_units),
    )
    shares = _missing(pairs, n_pairs)
    bounds = _worst_case(pairs, plan, n_pairs, fixed, low - summary.mean, high - summary.mean)
    table = table.assign(**shares, **bounds)
    apart = np.abs(shares["missing_variant_share"] - shares["missing_baseline_share"])
    marks = {
        "no_common_task": n_tasks == 0,
        "one_task": one_task,
        "one_cluster": (n_tasks > 1) & (sampled.n_units == 1),
        "few_tasks": (n_tasks > 1) & (sampled.n_units < FEW_TASKS) & ~fixed,
        "needs_repetitions": fixed & ~every_cell_repeated & (n_tasks > 0),
        "zero_variance": flat,
        "missing_informative": apart > INFORMATIVE_SHARE,
    }
    return table.assign(flags=joined_flags(marks, n_pairs))


def joined_flags(marks: dict[str, Any], n_rows: int) -> list[str]:
    """Names of the true flags of each row, joined by semicolons."""
    return [";".join(name for name, on in marks.items() if on[row]) for row in range(n_rows)]


def _chosen(first: Flags, one: Summary, other: Summary) -> Summary:
    return Summary(
        n_values=np.where(first, one.n_values, other.n_values),
        n_units=np.where(first, one.n_units, other.n_units),
        mean=np.where(first, one.mean, other.mean),
        se=np.where(first, one.se, other.se),
        df=np.where(first, one.df, other.df),
    )


def _without(summary: Summary, where: Flags) -> Summary:
    return Summary(
        n_values=summary.n_values,
        n_units=summary.n_units,
        mean=summary.mean,
        se=np.where(where, np.nan, summary.se),
        df=np.where(where, np.nan, summary.df),
    )


def _repetition_summary(pairs: Pairs, both: Flags) -> tuple[Summary, Flags, Floats]:
    """Error of the effect with the tasks held fixed: Satterthwaite over the cells.

    Returns:
        The summary, where every cell was repeated, and the error that repeating alone leaves
        (from the cells that were repeated, where some were not).
    """
    n_pairs = len(pairs.names)
    pair = pairs.pair[both]
    arms = [
        {name: values[both] for name, values in arm.items()}
        for arm in (pairs.variant, pairs.baseline)
    ]
    repeated = np.logical_and.reduce([arm["distinct_outputs"] >= 2 for arm in arms])

    def total(values: Floats) -> Floats:
        return np.bincount(pair[repeated], weights=values[repeated], minlength=n_pairs)

    with np.errstate(invalid="ignore", divide="ignore"):
        parts = [arm["variance"] / arm["distinct_outputs"] for arm in arms]
        squares = [
            part**2 / (arm["distinct_outputs"] - 1) for part, arm in zip(parts, arms, strict=True)
        ]
        variance = total(parts[0] + parts[1])
        n_tasks = np.bincount(pair, minlength=n_pairs).astype(np.float64)
        n_repeated = total(np.ones(len(pair)))
        every = (n_repeated == n_tasks) & (n_tasks > 0)
        df = variance**2 / total(squares[0] + squares[1])
        trials = [
            np.bincount(pair, weights=arm["distinct_outputs"], minlength=n_pairs) for arm in arms
        ]
        mean = np.bincount(pair, weights=pairs.difference[both], minlength=n_pairs) / n_tasks
        se_repetitions = np.sqrt(variance / n_repeated / n_tasks)
    summary = Summary(
        n_values=n_tasks,
        n_units=np.minimum(trials[0], trials[1]),
        mean=mean,
        se=np.sqrt(variance) / np.maximum(n_tasks, 1.0),
        df=df,
    )
    return summary, every, se_repetitions


def _missing(pairs: Pairs, n_pairs: int) -> dict[str, Any]:
    """Answers without a score, and their share in each arm of the tasks both arms were given."""
    found: dict[str, Any] = {"missing": np.zeros(n_pairs)}
    pair = pairs.pair[pairs.met]
    for name, arm in (("baseline", pairs.baseline), ("variant", pairs.variant)):
        missing = np.bincount(pair, weights=arm["missing"][pairs.met], minlength=n_pairs)
        scored = np.bincount(pair, weights=arm["distinct_outputs"][pairs.met], minlength=n_pairs)
        with np.errstate(invalid="ignore", divide="ignore"):
            found[f"missing_{name}_share"] = missing / (missing + scored)
        found["missing"] = found["missing"] + missing
    found["missing"] = found["missing"].astype(np.int64)
    return found


def _worst_case(
    pairs: Pairs, plan: _Interval, n_pairs: int, fixed: Flags, below: Floats, above: Floats
) -> dict[str, Floats]:
    """Effect and outer limit, were every missing score as bad, or as good, as it can be."""
    met = pairs.met
    pair = pairs.pair[met]
    cluster = None if pairs.cluster is None else pairs.cluster[met]
    lowest, highest = plan.score_range
    found: dict[str, Floats] = {}
    for name, variant_fill, baseline_fill in (
        ("worst", lowest, highest),
        ("best", highest, lowest),
    ):
        variant = _filled(pairs.variant, met, variant_fill)
        summary = summarise(
            variant - _filled(pairs.baseline, met, baseline_fill), pair, n_pairs, cluster
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.bincount(pair, weights=variant, minlength=n_pairs) / summary.n_values
        low, high, _, _ = plan.of(summary, mean)
        reach = highest - lowest
        found[f"{name}_effect"] = summary.mean
        shifted = summary.mean + (below if name == "worst" else above)
        limit = np.where(fixed, np.clip(shifted, -reach, reach), low if name == "worst" else high)
        found["worst_low" if name == "worst" else "best_high"] = limit
    return found


def _filled(arm: dict[str, Floats], met: Flags, value: float) -> Floats:
    """Cell means with every missing score put at `value`."""
    scored, missing = arm["distinct_outputs"][met], arm["missing"][met]
    sums = np.where(scored > 0, arm["score"][met] * scored, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (sums + missing * value) / (scored + missing)
