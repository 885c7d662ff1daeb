"""Tiers, not points: which models or variants the paired data can tell apart, and how far."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from preamblelab.errors import SpecError, TableError
from preamblelab.stats.codes import SCORE_RANGE, Floats, mean_over
from preamblelab.stats.grid import Grid, score_grid
from preamblelab.stats.intervals import (
    holm,
    no_variation_limits,
    no_variation_p_value,
    t_p_value,
    t_quantile,
)
from preamblelab.stats.sentences import spread_sentence

Unit = Literal["model", "variant", "pair"]

RANK_COLUMNS = (
    "unit",
    "n_tasks",
    "mean",
    "low",
    "high",
    "rank_low",
    "rank_high",
    "tier",
    "flags",
    "sentence",
)
"""What `rank_tiers` returns; best first."""


def rank_tiers(
    df: pd.DataFrame,
    *,
    unit: Unit = "model",
    variants: Sequence[str] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Sort models or variants into tiers that the shared tasks can tell apart.

    Every two are compared by a paired t over the tasks that both answered, all comparisons held
    together by Holm. A rank is an interval: 1 + those proven better, to all - those proven worse
    (Mogstad, Romano, Shaikh and Wilhelm 2024). The tier is only a label: it opens with the best
    of those proven worse than the leader of the tier before.

    Args:
        df: Long score table.
        unit: ``model`` (mean over variants), ``variant`` (mean over models), or ``pair``.
        variants: Variants to use; None: all. Give ``["baseline"]`` to rank the bare models.
        level: Confidence of the intervals and of all comparisons together, 0 to 1.

    Returns:
        A row per unit, best first: `unit, n_tasks, mean, low, high` (points), `rank_low, rank_high,
        tier, flags, sentence`. With one task nothing is told apart: `one_task`, and no tier.

    Examples:
        >>> from preamblelab.stats.simulate import simulate_scores
        >>> df = simulate_scores(models={"a": 80.0, "b": 30.0}, tasks=25, seed=1)
        >>> rank_tiers(df)["sentence"].tolist()
        ['a: tier 1, rank 1 of 2.', 'b: tier 2, rank 2 of 2.']

    Raises:
        TableError: The table has none of the variants.
    """
    names, scores, cluster = _units(score_grid(df), unit, variants)
    return _ranked(names, scores, cluster, level)


def tiers_by_repetition(
    df: pd.DataFrame,
    *,
    unit: Unit = "model",
    variants: Sequence[str] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Tier of each unit in every repetition by itself, and what moving between them means.

    The spread over repetitions is a range, highest - lowest, and is named so: it grows with the
    number of repetitions and is no standard deviation. A unit that scores nothing every time is
    at the floor, which is not stability.

    Args:
        df: Long score table.
        unit: As in `rank_tiers`.
        variants: As in `rank_tiers`.
        level: Confidence of each repetition's tiers, 0 to 1.

    Returns:
        A row per unit: `unit, mean`, for each repetition `mean_1, tier_1, ...`, `range` (points),
        `repetitions`, `status` (``at the floor``, ``at the ceiling``, ``one repetition``, ``same
        answers`` where all are copies, ``same tier``, ``changes tier``) and `sentence`.
    """
    # Here a repetition is shown as it was marked: merging copies would leave holes in it.
    grid = score_grid(df, merge_copies=False)
    names, whole, _ = _units(grid, unit, variants)
    result = pd.DataFrame({"unit": names, "mean": _row_means(whole)})
    means, tiers = [], []
    for number in range(grid.repetitions):
        _, scores, cluster = _units(grid, unit, variants, number)
        if not np.isfinite(scores).any():
            continue
        own = _ranked(names, scores, cluster, level).set_index("unit")
        result[f"mean_{number + 1}"] = _row_means(scores)
        result[f"tier_{number + 1}"] = own["tier"].reindex(names).to_numpy()
        means.append(_row_means(scores))
        tiers.append(result[f"tier_{number + 1}"])
    seen = np.stack(means, axis=1)
    present = np.isfinite(seen)
    top = np.where(present, seen, -np.inf).max(axis=1)
    bottom = np.where(present, seen, np.inf).min(axis=1)
    result["range"] = np.where(present.any(axis=1), top - bottom, np.nan)
    result["repetitions"] = present.sum(axis=1)
    copies = _copies(grid, unit, variants)
    result["status"] = [
        _status(seen[i], [column.iloc[i] for column in tiers], bool(copies[i]))
        for i in range(len(names))
    ]
    result["sentence"] = [
        spread_sentence(str(row["unit"]), seen[i], str(row["status"]))
        for i, (_, row) in enumerate(result.iterrows())
    ]
    return result.sort_values("mean", ascending=False, kind="stable", ignore_index=True)


def _units(
    grid: Grid, unit: Unit, variants: Sequence[str] | None, repetition: int | None = None
) -> tuple[list[str], Floats, NDArray[np.int64]]:
    """Names, scores units x tasks, and the cluster of each task."""
    if unit not in ("model", "variant", "pair"):
        raise SpecError(f"rank_tiers: unit is {unit!r}; use 'model', 'variant' or 'pair'")
    chosen = [grid.variant(label) for label in (variants or grid.variants)]
    cells = grid.mean[:, chosen]
    if repetition is not None:
        cells = grid.score[..., repetition][:, chosen]
    labels = [grid.variants[place] for place in chosen]
    if unit == "model":
        # A task counts only with all its variants, or the mix would differ between models.
        return list(grid.models), cells.mean(axis=1), grid.cluster
    if unit == "variant":
        # A model that never saw one of the variants would make their mean a matter of models.
        complete = np.asarray(np.isfinite(cells).any(axis=2)).all(axis=1)
        if not complete.any():
            raise TableError(
                f"no model has a score with every one of {', '.join(labels)}: name variants that "
                "the same models answered"
            )
        return labels, cells[complete].mean(axis=0), grid.cluster
    names = [f"{model} / {label}" for model in grid.models for label in labels]
    return names, cells.reshape(-1, cells.shape[-1]), grid.cluster


def _copies(grid: Grid, unit: Unit, variants: Sequence[str] | None) -> NDArray[np.bool_]:
    """Units in which every cell that was asked twice answered the same text twice."""
    chosen = [grid.variant(label) for label in (variants or grid.variants)]
    repeats = grid.repeats[:, chosen]
    twice = grid.asked[:, chosen].sum(axis=-1) > 1
    axes = {"model": (1, 2), "variant": (0, 2), "pair": (2,)}[unit]
    return np.asarray(
        (repeats.sum(axis=axes) == twice.sum(axis=axes)) & (repeats.sum(axis=axes) > 0)
    ).ravel()


def _row_means(scores: Floats) -> Floats:
    return mean_over(scores, -1)


def _ranked(
    names: Sequence[str], scores: Floats, cluster: NDArray[np.int64], level: float
) -> pd.DataFrame:
    if not np.isfinite(scores).any():
        raise TableError("no unit has a score on any task: nothing to rank")
    above = separations(scores, cluster, 1.0 - level)
    mean, low, high, tasks = _marginals(scores, cluster, level)
    known = np.isfinite(mean)
    rank_low = 1 + above.sum(axis=0)
    rank_high = known.sum() - above.sum(axis=1)
    comparable = bool((np.isfinite(scores).sum(axis=1) > 1).any())
    tiers = tier_labels(mean, above) if comparable else [None] * len(names)
    order = np.lexsort((np.array(names, dtype=object).astype(str), -np.where(known, mean, -1e9)))
    rows = []
    for i in order:
        flag = "no_score" if not known[i] else "one_task" if tasks[i] < 2 else ""
        tier = None if flag else tiers[i]
        row = (names[i], int(tasks[i]), mean[i], low[i], high[i])
        ranks = (int(rank_low[i]), int(rank_high[i]))
        rows.append((*row, *ranks, tier, flag, _sentence(names[i], tier, ranks, len(names), flag)))
    result = pd.DataFrame(rows, columns=list(RANK_COLUMNS))
    result["tier"] = result["tier"].astype("Int64")
    return result


def separations(scores: Floats, cluster: NDArray[np.int64], alpha: float) -> NDArray[np.bool_]:
    """Which units are proven better than which, all pairs held together by Holm.

    Args:
        scores: Units x tasks, NaN where missing.
        cluster: Group of each task; each group is one observation.
        alpha: Chance of any wrong claim when all are equal, 0 to 1.

    Returns:
        Units x units: the first is proven better than the second.
    """
    units = scores.shape[0]
    first, second = np.triu_indices(units, 1)
    difference = _by_cluster(scores[first] - scores[second], cluster)
    there = np.isfinite(difference)
    n = there.sum(axis=1)
    count = np.maximum(n, 1)
    mean = np.where(there, difference, 0.0).sum(axis=1) / count
    squares = np.where(there, (difference - mean[:, None]) ** 2, 0.0).sum(axis=1)
    se = np.sqrt(squares / np.maximum(n - 1, 1) / count)
    flat = se <= 1e-10
    p = t_p_value(mean / np.where(flat, 1.0, se), np.maximum(n - 1, 1).astype(float))
    arm = np.where(np.isfinite(scores[first] - scores[second]), scores[first], np.nan)
    exact = no_variation_p_value(mean, np.nan_to_num(_row_means(arm)), n.astype(float), SCORE_RANGE)
    adjusted = holm(np.where(n > 1, np.where(flat, exact, p), np.nan))
    with np.errstate(invalid="ignore"):
        proven = adjusted <= alpha
    above = np.zeros((units, units), dtype=bool)
    above[first, second] = proven & (mean > 0)
    above[second, first] = proven & (mean < 0)
    return above


def tier_labels(mean: Floats, above: NDArray[np.bool_]) -> list[int | None]:
    """Tier numbers from 1; a tier opens with the best unit proven worse than the last leader."""
    labels: list[int | None] = [None] * len(mean)
    leader, tier = -1, 0
    for unit in sorted(np.flatnonzero(np.isfinite(mean)), key=lambda u: -mean[u]):
        if leader < 0 or above[leader, unit]:
            leader, tier = int(unit), tier + 1
        labels[unit] = tier
    return labels


def _by_cluster(values: Floats, cluster: NDArray[np.int64]) -> Floats:
    groups, code = np.unique(cluster, return_inverse=True)
    if len(groups) == values.shape[1]:
        return values
    there = np.isfinite(values)
    member = np.eye(len(groups))[code]
    count = there @ member
    total = np.where(there, values, 0.0) @ member
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _marginals(
    scores: Floats, cluster: NDArray[np.int64], level: float
) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    """Mean score of each unit with its own interval, which says nothing of differences."""
    grouped = _by_cluster(scores, cluster)
    there = np.isfinite(grouped)
    n = there.sum(axis=1)
    mean = _row_means(grouped)
    residual = np.where(there, grouped - mean[:, None], 0.0)
    se = np.sqrt((residual**2).sum(axis=1) / np.maximum(n - 1, 1) / np.maximum(n, 1))
    half = t_quantile(level, np.maximum(n - 1, 1).astype(float)) * se
    exact = no_variation_limits(mean, mean, n.astype(float), level, SCORE_RANGE)
    flat = se <= 1e-10
    low = np.where(flat, exact[0], np.maximum(mean - half, 0.0))
    high = np.where(flat, exact[1], np.minimum(mean + half, 100.0))
    return mean, np.where(n > 1, low, np.nan), np.where(n > 1, high, np.nan), n.astype(np.int64)


def _sentence(name: str, tier: int | None, ranks: tuple[int, int], units: int, flag: str) -> str:
    if flag == "no_score":
        return f"{name}: no score on the shared tasks."
    if flag == "one_task" or tier is None:
        return f"{name}: one task cannot tell {units} apart; no tier."
    place = f"rank {ranks[0]}" if ranks[0] == ranks[1] else f"rank {ranks[0]} to {ranks[1]}"
    return f"{name}: tier {tier}, {place} of {units}."


def _status(means: Floats, tiers: Sequence[float | None], copies: bool) -> str:
    known = means[np.isfinite(means)]
    if len(known) and (known <= 0.0).all():
        return "at the floor"
    if len(known) and (known >= 100.0).all():
        return "at the ceiling"
    if len(known) < 2:
        return "one repetition"
    if copies:
        return "same answers"
    labels = {tier for tier in tiers if tier is not None and not pd.isna(tier)}
    if not labels:
        return "no tiers"
    return "same tier" if len(labels) == 1 else "changes tier"
