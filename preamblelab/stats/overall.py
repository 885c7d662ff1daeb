"""Owns the effect of a variant over all models: one row per variant, with its scope."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from preamblelab.errors import TableError
from preamblelab.stats.codes import Codes, Floats, column_codes, combined_codes, group_sums
from preamblelab.stats.effects import (
    FEW_TASKS,
    informative,
    joined_flags,
    simulated_flag,
)
from preamblelab.stats.intervals import IntervalRule, Summary, holm, summarise, unseen_share
from preamblelab.stats.marks import reduced
from preamblelab.stats.pairs import (
    Pairs,
    filled_scores,
    mean_columns,
    paired_cells,
    repetition_summary,
)
from preamblelab.stats.sentences import LIKE_THESE, MODELS_LIKE_THESE
from preamblelab.stats.tables import cells_of_trials

Over = Literal["auto", "tasks", "models"]
ALL_MODELS = "all models"


def overall_effect(
    df: pd.DataFrame,
    *,
    baseline: str = "baseline",
    level: float = 0.95,
    over: Over = "auto",
    score_range: tuple[float, float] = (0.0, 100.0),
) -> pd.DataFrame:
    """Mean over the models of each variant's effect, in points; every model weighs the same.

    Over tasks, the models are fixed and the error comes from the tasks they share (linearised mean
    of the models' means, sandwich by task or `cluster`). Over models, the tasks are fixed and the
    error is the spread between the models: a one-sample t interval.

    Args:
        df: long score table, see `preamblelab.stats.tables`.
        baseline: name of the variant to compare with.
        level: confidence of the intervals, between 0 and 1.
        over: what was sampled: "tasks" or "models"; "auto" takes tasks where every model was
            compared on at least two, else models.
        score_range: lowest and highest possible score, in points.

    Returns:
        One row per variant with the columns of `effects`, `model` being "all models", and
        n_models. `scope` is "tasks like these" or "models like these".

    Raises:
        TableError: the table cannot be used, or holds no such baseline.
    """
    if over not in ("auto", "tasks", "models"):
        raise TableError(f"over {over!r} is unknown: use 'auto', 'tasks' or 'models'")
    reduction = reduced(df, score_range=score_range)
    trials = reduction.trials
    pairs = paired_cells(cells_of_trials(trials), baseline=baseline)
    rule = IntervalRule(level=level, score_range=score_range)
    variant, first = combined_codes([column_codes(pairs.names["variant"])])
    frame = _Frame(
        pairs=pairs,
        variant=variant,
        names=pairs.names["variant"].iloc[first].reset_index(drop=True),
        unit=pairs.task if pairs.cluster is None else pairs.cluster,
    )
    return _overall_table(frame, rule, over, (*reduction.flags, *simulated_flag(trials)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """The pairs, the code of the variant of each, and the sampled unit of each of their tasks."""

    pairs: Pairs
    variant: Codes
    names: "pd.Series[Any]"
    unit: Codes

    def over_models(self, values: Floats, pair: Codes) -> tuple[Summary, Floats]:
        """Give the t summary over the models' means, and those means."""
        n_pairs = len(self.pairs.names)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = group_sums(values, pair, n_pairs) / np.bincount(pair, minlength=n_pairs)
        known = ~np.isnan(means)
        return summarise(means[known], self.variant[known], len(self.names)), means

    def over_tasks(self, values: Floats, pair: Codes, unit: Codes) -> Summary:
        """Mean of the models' means, its error from the sampled units that the models share."""
        models, means = self.over_models(values, pair)
        n_pairs, n_variants = len(self.pairs.names), len(self.names)
        variant = self.variant[pair]
        n_tasks = np.bincount(pair, minlength=n_pairs)
        weight = 1.0 / (n_tasks[pair] * models.n_values[variant])
        key, first = combined_codes([(variant, n_variants), (unit, int(unit.max(initial=0)) + 1)])
        of_variant = variant[first]
        errors = group_sums(weight * (values - means[pair]), key, len(first))
        weights = group_sums(weight, key, len(first))
        n_units = np.bincount(of_variant, minlength=n_variants).astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            square = group_sums(errors**2, of_variant, n_variants) * n_units / (n_units - 1)
            effective = 1.0 / group_sums(weights**2, of_variant, n_variants)
        several = n_units > 1
        return Summary(
            n_values=models.n_values,
            n_units=n_units,
            mean=models.mean,
            se=np.sqrt(np.where(several, square, np.nan)),
            df=np.where(several, effective - 1, np.nan),
        )

    def summary(self, values: Floats, entries: Codes, by_models: Any) -> Summary:
        """Over models where `by_models`, over tasks elsewhere."""
        pair, unit = self.pairs.pair[entries], self.unit[entries]
        models, _ = self.over_models(values, pair)
        return models.where(by_models, self.over_tasks(values, pair, unit))


def _overall_table(
    frame: _Frame, rule: IntervalRule, over: Over, flags: tuple[str, ...]
) -> pd.DataFrame:
    pairs, n_variants = frame.pairs, len(frame.names)
    both = np.flatnonzero(~np.isnan(pairs.difference))
    n_tasks, fewest = _tasks(frame, both)
    # A model with one task says nothing of how the effect varies from task to task.
    by_models = (fewest < 2) if over == "auto" else np.full(n_variants, over == "models")
    summary = frame.summary(pairs.difference[both], both, by_models)
    unknown = (fewest < 2) & ~by_models
    summary = replace(summary, se=np.where(unknown, np.nan, summary.se))
    columns = _model_means(frame)
    limits = rule.limits(summary, columns["variant_mean"])
    none = summary.n_values == 0
    shares = _missing(frame)
    table = pd.DataFrame({"model": ALL_MODELS, "variant": frame.names}).assign(
        n_models=summary.n_values.astype(np.int64),
        n_tasks=n_tasks,
        **columns,
        effect=summary.mean,
        level=rule.level,
        se=summary.se,
        df=summary.df,
        low=limits.low,
        high=limits.high,
        p=limits.p,
        p_holm=holm(limits.p),
        scope=np.select([none, by_models], ["", MODELS_LIKE_THESE], LIKE_THESE),
        method=np.select(
            [np.isnan(limits.low), limits.flat, by_models],
            ["none", "no_variation_bound", "t_over_models"],
            "t_over_tasks",
        ),
        n_units=summary.n_units,
        unseen_share=unseen_share(summary.n_units),
        **shares,
        **_worst_case(frame, rule, by_models),
    )
    marks = {
        "no_common_task": none,
        "one_task": n_tasks == 1,
        "model_with_one_task": unknown & (n_tasks > 1),
        "one_model": summary.n_values == 1,
        "few_tasks": ~by_models & (summary.n_units > 1) & (summary.n_units < FEW_TASKS),
        "few_models": by_models & (summary.n_units > 1) & (summary.n_units < FEW_TASKS),
        "zero_variance": limits.flat,
        "missing_informative": informative(shares),
        **{flag: np.ones(n_variants, dtype=bool) for flag in flags},
    }
    return table.assign(flags=joined_flags(marks, n_variants))


def _tasks(frame: _Frame, entries: Codes) -> tuple[Codes, Codes]:
    """Per variant: different tasks compared on any model, and the fewest of a compared model."""
    pairs, n_variants = frame.pairs, len(frame.names)
    pair, task = pairs.pair[entries], pairs.task[entries]
    n_tasks = np.bincount(pair, minlength=len(pairs.names))
    fewest = np.full(n_variants, np.iinfo(np.int64).max)
    np.minimum.at(fewest, frame.variant[n_tasks > 0], n_tasks[n_tasks > 0])
    variant = frame.variant[pair]
    _, first = combined_codes([(variant, n_variants), (task, int(task.max(initial=0)) + 1)])
    return np.bincount(variant[first], minlength=n_variants).astype(np.int64), fewest


def _model_means(frame: _Frame) -> dict[str, Floats]:
    """Means over the compared models of their means, and the error that repeating leaves."""
    pairs, n_variants = frame.pairs, len(frame.names)
    both = ~np.isnan(pairs.difference)
    n_tasks = np.bincount(pairs.pair[both], minlength=len(pairs.names)).astype(np.float64)
    compared = n_tasks > 0
    variant = frame.variant[compared]
    n_models = np.bincount(variant, minlength=n_variants)
    _, _, se_repetitions = repetition_summary(pairs, both)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = {
            name: group_sums(values[compared], variant, n_variants) / n_models
            for name, values in mean_columns(pairs, n_tasks).items()
        }
        squares = group_sums(se_repetitions[compared] ** 2, variant, n_variants)
        return {**means, "se_repetitions": np.sqrt(squares) / n_models}


def _missing(frame: _Frame) -> dict[str, Any]:
    """As `missing_shares`, over all models of a variant."""
    pairs, n_variants = frame.pairs, len(frame.names)
    variant = frame.variant[pairs.pair[pairs.met]]
    found: dict[str, Any] = {"missing": np.zeros(n_variants)}
    for name, arm in (("baseline", pairs.baseline), ("variant", pairs.variant)):
        missing = group_sums(arm["missing"][pairs.met], variant, n_variants)
        scored = group_sums(arm["distinct_outputs"][pairs.met], variant, n_variants)
        with np.errstate(invalid="ignore", divide="ignore"):
            found[f"missing_{name}_share"] = missing / (missing + scored)
        found["missing"] = found["missing"] + missing
    found["missing"] = found["missing"].astype(np.int64)
    return found


def _worst_case(frame: _Frame, rule: IntervalRule, by_models: Any) -> dict[str, Floats]:
    """Effect and outer limit, were every missing score as bad, or as good, as it can be."""
    pairs = frame.pairs
    entries = np.flatnonzero(pairs.met)
    found: dict[str, Floats] = {}
    for name in ("worst", "best"):
        variant, baseline = filled_scores(pairs, rule.score_range, against=name == "worst")
        summary = frame.summary(variant - baseline, entries, by_models)
        level, _ = frame.over_models(variant, pairs.pair[entries])
        limits = rule.limits(summary, level.mean)
        found[f"{name}_effect"] = summary.mean
        side, limit = ("low", limits.low) if name == "worst" else ("high", limits.high)
        found[f"{name}_{side}"] = limit
    return found
