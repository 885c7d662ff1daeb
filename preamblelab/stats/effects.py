"""Owns the paired effect of a variant on a model: estimate, interval, p-value and scope."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from preamblelab.errors import TableError
from preamblelab.stats.codes import Floats
from preamblelab.stats.intervals import (
    Flags,
    IntervalRule,
    Limits,
    Summary,
    holm,
    moderated,
    summarise,
    unseen_share,
)
from preamblelab.stats.marks import reduced
from preamblelab.stats.pairs import (
    Pairs,
    filled_scores,
    mean_columns,
    missing_shares,
    paired_cells,
    repetition_summary,
)
from preamblelab.stats.sentences import LIKE_THESE, THESE
from preamblelab.stats.tables import cells_of_trials

Estimand = Literal["auto", "tasks", "these_tasks"]
ESTIMANDS = ("auto", "tasks", "these_tasks")
FEW_TASKS = 8
MODERATED_TASKS = 5
INFORMATIVE_SHARE = 0.05


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
        level, se, df, low, high, p, p_holm (over all rows), scope, method, n_units (sampled),
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
    reduction = reduced(df, score_range=score_range, keep=by)
    trials = reduction.trials
    pairs = paired_cells(cells_of_trials(trials, keep=by), baseline=baseline, by=by)
    rule = IntervalRule(level=level, score_range=score_range)
    estimate = _estimate(pairs, estimand, pool_variance)
    return _table(pairs, estimate, rule).pipe(
        _with_flags, (*reduction.flags, *simulated_flag(trials))
    )


def simulated_flag(trials: pd.DataFrame) -> tuple[str, ...]:
    """("simulated",) when any trial was made up by a simulation."""
    if "simulated" not in trials:
        return ()
    return ("simulated",) if bool(trials["simulated"].eq(True).any()) else ()


def _with_flags(table: pd.DataFrame, flags: Sequence[str]) -> pd.DataFrame:
    texts = [";".join(filter(None, (text, *flags))) for text in table["flags"]]
    return table.assign(flags=texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Estimate:
    """Summary of each pair and how it came about; arrays with one entry per pair.

    Attributes:
        summary: what the interval rests on.
        n_tasks: tasks with a score in both arms.
        n_sources: tasks, or clusters of tasks.
        fixed: the tasks are held fixed; only the spread between repetitions counts.
        lacking: fixed was asked for, but some cell was not repeated.
        squeezed: the variance was pooled with that of other pairs.
        se_repetitions: error that repeating alone leaves, in points.
    """

    summary: Summary
    n_tasks: Floats
    n_sources: Floats
    fixed: Flags
    lacking: Flags
    squeezed: Flags
    se_repetitions: Floats


def _estimate(pairs: Pairs, estimand: Estimand, pool_variance: bool) -> _Estimate:
    n_pairs = len(pairs.names)
    both = ~np.isnan(pairs.difference)
    cluster = None if pairs.cluster is None else pairs.cluster[both]
    sampled = summarise(pairs.difference[both], pairs.pair[both], n_pairs, cluster)
    repeated, ready, se_repetitions = repetition_summary(pairs, both)
    # One source has no spread between sources: only its own tasks can be spoken of.
    alone = (sampled.n_units == 1) & ready
    fixed = alone if estimand == "auto" else np.full(n_pairs, estimand == "these_tasks")
    squeezed = np.zeros(n_pairs, dtype=bool)
    if pool_variance and cluster is None:
        few = (sampled.n_values <= MODERATED_TASKS) & (sampled.se > 0) & ~fixed
        pooled = moderated(sampled)
        squeezed = few & (pooled.df != sampled.df)
        sampled = pooled.where(squeezed, sampled)
    summary = repeated.where(fixed, sampled)
    lacking = fixed & ~ready
    return _Estimate(
        summary=replace(
            summary,
            se=np.where(lacking, np.nan, summary.se),
            df=np.where(lacking, np.nan, summary.df),
        ),
        n_tasks=sampled.n_values,
        n_sources=sampled.n_units,
        fixed=fixed,
        lacking=lacking & (sampled.n_values > 0),
        squeezed=squeezed,
        se_repetitions=se_repetitions,
    )


def _table(pairs: Pairs, estimate: _Estimate, rule: IntervalRule) -> pd.DataFrame:
    n_tasks, fixed, summary = estimate.n_tasks, estimate.fixed, estimate.summary
    means = mean_columns(pairs, n_tasks)
    limits = rule.limits(summary, means["variant_mean"])
    shares = missing_shares(pairs)
    table = pairs.names.assign(
        n_tasks=n_tasks.astype(np.int64),
        **means,
        effect=summary.mean,
        level=rule.level,
        se=summary.se,
        df=summary.df,
        low=limits.low,
        high=limits.high,
        p=limits.p,
        p_holm=holm(limits.p),
        scope=np.select([n_tasks == 0, fixed | (n_tasks == 1)], ["", THESE], LIKE_THESE),
        method=np.select(
            [np.isnan(limits.low), limits.flat, fixed, estimate.squeezed],
            ["none", "no_variation_bound", "repetition_t", "moderated_t"],
            "paired_t" if pairs.cluster is None else "cluster_t",
        ),
        n_units=summary.n_units,
        se_repetitions=estimate.se_repetitions,
        unseen_share=unseen_share(estimate.n_sources),
        **shares,
        **_worst_case(pairs, rule, fixed, limits, summary.mean),
    )
    marks = {
        "no_common_task": n_tasks == 0,
        "one_task": n_tasks == 1,
        "one_cluster": (n_tasks > 1) & (estimate.n_sources == 1),
        "few_tasks": (estimate.n_sources > 1) & (estimate.n_sources < FEW_TASKS) & ~fixed,
        "needs_repetitions": estimate.lacking,
        "zero_variance": limits.flat,
        "missing_informative": informative(shares),
    }
    return table.assign(flags=joined_flags(marks, len(table)))


def informative(shares: dict[str, Any]) -> Flags:
    """Whether one arm lacks so many more scores than the other that being missing may mean more."""
    apart = np.abs(shares["missing_variant_share"] - shares["missing_baseline_share"])
    return np.asarray(apart > INFORMATIVE_SHARE, dtype=np.bool_)


def joined_flags(marks: dict[str, Flags], n_rows: int) -> list[str]:
    """Names of the true flags of each row, joined by semicolons."""
    return [";".join(name for name, on in marks.items() if on[row]) for row in range(n_rows)]


def _worst_case(
    pairs: Pairs, rule: IntervalRule, fixed: Flags, limits: Limits, effect: Floats
) -> dict[str, Floats]:
    """Effect and outer limit, were every missing score as bad, or as good, as it can be."""
    n_pairs = len(pairs.names)
    pair = pairs.pair[pairs.met]
    cluster = None if pairs.cluster is None else pairs.cluster[pairs.met]
    found: dict[str, Floats] = {}
    for name, outer in (("worst", limits.low), ("best", limits.high)):
        variant, baseline = filled_scores(pairs, rule.score_range, against=name == "worst")
        summary = summarise(variant - baseline, pair, n_pairs, cluster)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.bincount(pair, weights=variant, minlength=n_pairs) / summary.n_values
        refitted = rule.limits(summary, mean)
        shifted = np.clip(outer + summary.mean - effect, -rule.reach, rule.reach)
        side, limit = ("low", refitted.low) if name == "worst" else ("high", refitted.high)
        found[f"{name}_effect"] = summary.mean
        # With the tasks held fixed a filled score moves the effect and adds no spread of its own.
        found[f"{name}_{side}"] = np.where(fixed, shifted, limit)
    return found
