"""Effects by baseline tier, by size and by both, free of regression to the mean."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from preamblelab.errors import SpecError
from preamblelab.stats.codes import Floats
from preamblelab.stats.folds import (
    Bools,
    Estimate,
    Folds,
    estimate,
    halves,
    leave_one_repetition_out,
    naive_folds,
    predicted_cells,
)
from preamblelab.stats.grid import Grid, score_grid
from preamblelab.stats.sentences import LIKE_THESE, MODELS_LIKE_THESE, points

Tier = Literal["low", "mid", "high"]
Unit = Literal["model", "cell"]
By = Literal["tier", "size", "tier x size", "all"]
Method = Literal["auto", "leave_one_repetition_out", "random_halves", "additive_prediction"]

LOW_BELOW = 50.0
"""A baseline score under this many points is *low*."""

HIGH_ABOVE = 90.0
"""A baseline score over this many points is *high*; what lies between is *mid*, both bounds in."""

CUTS: tuple[float, float] = (LOW_BELOW, HIGH_ABOVE)
"""The two bounds of the tiers; their only home. Fix them before looking at the data."""

TIERS: tuple[Tier, Tier, Tier] = ("low", "mid", "high")
"""The tiers in order of the baseline."""

SIZES = ("tiny", "mid", "large", "unknown")
"""The usual sizes in their order; other labels follow in the order of the alphabet."""

_HALVES = 20
_LEAST_TASKS_FOR_HALVES = 8
_LEAST_TASKS_AS_CLUSTERS = 5

COLUMNS = (
    "variant",
    "tier",
    "size",
    "effect",
    "low",
    "high",
    "se",
    "n_effective",
    "models",
    "cells",
    "borderline",
    "naive_effect",
    "coupling",
    "method",
    "scope",
    "flags",
    "sentence",
)
"""What `segment_effects` returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    """One tier, size or both; None stands for every one."""

    tier: Tier | None
    size: str | None

    @property
    def name(self) -> str:
        parts = [f"{self.tier}-baseline"] if self.tier else []
        return " ".join([*parts, *([self.size] if self.size else [])]) or "all"


def baseline_tier(score: float, cuts: tuple[float, float] = CUTS) -> Tier:
    """Tier of one baseline score.

    Args:
        score: Mean baseline score, 0 to 100.
        cuts: Lower and upper bound in points.

    Returns:
        ``low`` under the lower bound, ``high`` over the upper one, else ``mid``.
    """
    if score < cuts[0]:
        return "low"
    return "high" if score > cuts[1] else "mid"


def segment_effects(
    df: pd.DataFrame,
    *,
    by: By = "tier",
    unit: Unit = "model",
    baseline: str = "baseline",
    cuts: tuple[float, float] = CUTS,
    method: Method = "auto",
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Mean effect of each variant in each segment, the tier never judged by the effect's answers.

    A tier read from the same baseline answers that the effect subtracts finds gains at the bottom
    and losses at the top where there is no effect at all. Here the tier comes from other answers:
    with two or more repetitions from the other repetitions of the baseline, each left out in turn;
    with one from other tasks (models) or from what the other cells predict (cells). The naive
    figure stands beside it, and `coupling` is what it owes to chance.

    Args:
        df: Long score table.
        by: ``tier``, ``size``, ``tier x size``, or ``all`` (every model).
        unit: What a tier sorts: whole models, or cells (model x task).
        baseline: Label of the baseline arm.
        cuts: Bounds of the tiers in points, fixed before looking.
        method: How the tier is kept apart; ``auto`` takes the best that the table allows.
        level: Confidence level, 0 to 1.
        seed: Seed of the random halves.

    Returns:
        A row per variant and segment: `variant, tier, size, effect, low, high, se` (points),
        `n_effective` (effective clusters), `models`, `cells`, `borderline` (models whose tier hangs
        on which answers judge them; they count in part), `naive_effect`, `coupling` (naive -
        effect), `method`, `scope` ("tasks like these", for these models; "models like these", on
        these tasks), `flags` and `sentence`. Where nothing can be estimated, effect is missing and
        `flags` says why: `needs_independent_baseline` (one task and one answer, or too few of
        both), `empty`, `too_few_clusters` (no interval).

    Examples:
        >>> import preamblelab as pl
        >>> print(segment_effects(pl.simulate_scores(tasks=1, repetitions=1))["flags"][0])
        needs_independent_baseline

    Raises:
        TableError: The table lacks a column, or the baseline.
        SpecError: An argument is none of its choices.
    """
    _refuse(by, unit)
    grid = score_grid(df, baseline)
    grid.variant(baseline)
    rows: list[dict[str, object]] = []
    for place, variant in enumerate(grid.variants):
        if variant == baseline:
            continue
        arm = grid.mean[:, place]
        folds, name = _folds(grid, arm, unit, by, method, seed)
        naive = naive_folds(grid.mean[:, 0, :, None], arm, unit)
        rows += [
            {"variant": variant} | _row(grid, segment, (folds, naive), name, arm, cuts, unit, level)
            for segment in _segments(by, grid)
        ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _refuse(by: str, unit: str) -> None:
    """Raise SpecError for an argument that is none of its choices."""
    if by not in ("tier", "size", "tier x size", "all") or unit not in ("model", "cell"):
        raise SpecError(f"segment_effects: by={by!r}, unit={unit!r}: see its choices with help()")


def model_tiers(
    df: pd.DataFrame,
    *,
    baseline: str = "baseline",
    cuts: tuple[float, float] = CUTS,
    level: float = 0.95,
) -> pd.DataFrame:
    """Tier of every model by its own baseline, and whether the data are sure of it.

    Args:
        df: Long score table.
        baseline: Label of the baseline arm.
        cuts: Bounds of the tiers in points.
        level: Confidence level of the interval, 0 to 1.

    Returns:
        A row per model: `model, size, baseline_mean, low, high, tier, sure` (the whole interval
        lies in one tier). With one task there is no interval and nothing is sure.
    """
    grid = score_grid(df, baseline)
    scores = grid.mean[:, grid.variant(baseline)]
    folds = Folds(baseline=scores[None], effect=scores[None])
    rows = []
    for number, model in enumerate(grid.models):
        member = np.zeros((1, *scores.shape), dtype=bool)
        member[:, number] = True
        found = estimate(folds, member, "model", grid.cluster, scores, level)
        known = np.isfinite(found.effect)
        low, high = max(found.low, 0.0), min(found.high, 100.0)
        rows.append(
            {
                "model": model,
                "size": grid.sizes[model],
                "baseline_mean": found.effect,
                "low": low if np.isfinite(found.low) else np.nan,
                "high": high if np.isfinite(found.high) else np.nan,
                "tier": baseline_tier(found.effect, cuts) if known else None,
                "sure": bool(
                    np.isfinite(found.low) and baseline_tier(low, cuts) == baseline_tier(high, cuts)
                ),
            }
        )
    return pd.DataFrame(rows)


def _segments(by: By, grid: Grid) -> list[_Segment]:
    sizes = list(dict.fromkeys(grid.sizes.values()))
    sizes.sort(key=lambda s: (SIZES.index(s) if s in SIZES else len(SIZES), s))
    tiers: tuple[Tier | None, ...] = TIERS if "tier" in by else (None,)
    groups: tuple[str | None, ...] = tuple(sizes) if "size" in by else (None,)
    return [_Segment(tier=tier, size=size) for size in groups for tier in tiers]


def _folds(
    grid: Grid, arm: Floats, unit: Unit, by: By, method: Method, seed: int
) -> tuple[Folds | None, str]:
    """The pairs of (what judges the tier, what measures the effect), or None when there is none."""
    repeated_baseline = grid.score[:, 0]
    if "tier" not in by:
        return naive_folds(grid.mean[:, 0, :, None], arm, unit), "fixed_groups"
    cells = np.isfinite(repeated_baseline).sum(axis=-1)[np.isfinite(arm)]
    repeated = bool(cells.size and (cells >= 2).sum() * 2 >= (cells >= 1).sum())
    models, tasks = arm.shape
    chosen = method
    if method == "auto":
        if repeated:
            chosen = "leave_one_repetition_out"
        elif unit == "cell":
            chosen = "additive_prediction"
        else:
            chosen = "random_halves"
    if chosen == "leave_one_repetition_out" and (cells >= 2).any():
        return leave_one_repetition_out(repeated_baseline, arm, unit), chosen
    if chosen == "random_halves" and tasks >= _LEAST_TASKS_FOR_HALVES:
        return halves(grid.mean[:, 0], arm, _HALVES, seed), chosen
    if chosen == "additive_prediction" and models >= 3 and tasks >= 3:
        return predicted_cells(grid.mean[:, 0], arm), chosen
    return None, "none"


def _member(segment: _Segment, folds: Folds, grid: Grid, cuts: tuple[float, float]) -> Bools:
    known = np.isfinite(folds.baseline)
    if segment.tier == "low":
        known &= folds.baseline < cuts[0]
    elif segment.tier == "high":
        known &= folds.baseline > cuts[1]
    elif segment.tier == "mid":
        known &= (folds.baseline >= cuts[0]) & (folds.baseline <= cuts[1])
    if segment.size is not None:
        known &= np.array([grid.sizes[m] == segment.size for m in grid.models])[None, :, None]
    return known


def _row(
    grid: Grid,
    segment: _Segment,
    folds: tuple[Folds | None, Folds],
    method: str,
    arm: Floats,
    cuts: tuple[float, float],
    unit: Unit,
    level: float,
) -> dict[str, object]:
    honest, naive = folds
    clusters, scope = _clusters(grid, arm)
    plain = estimate(naive, _member(segment, naive, grid, cuts), unit, clusters, arm, level)
    found, flags = Estimate.absent(), []
    if honest is None:
        flags.append("needs_independent_baseline" if plain.cells else "empty")
    else:
        member = _member(segment, honest, grid, cuts)
        found = estimate(honest, member, unit, clusters, arm, level)
        flags = _flags(found, method)
    shown = found.without_interval() if "thin_tier" in flags else found
    return {
        "tier": segment.tier or "all",
        "size": segment.size or "all",
        "effect": shown.effect,
        "low": shown.low,
        "high": shown.high,
        "se": shown.se,
        "n_effective": shown.n_effective,
        "models": shown.models if honest else plain.models,
        "cells": shown.cells if honest else plain.cells,
        "borderline": shown.borderline,
        "naive_effect": plain.effect,
        "coupling": plain.effect - shown.effect,
        "method": method,
        "scope": scope,
        "flags": ";".join(flags),
        "sentence": _sentence(segment, shown, plain, flags, scope),
    }


def _clusters(grid: Grid, arm: Floats) -> tuple[NDArray[np.int64], str]:
    """Group of each cell for the interval, and what the interval generalises over."""
    seen = np.isfinite(arm).any(axis=0)
    if len(np.unique(grid.cluster[seen])) >= _LEAST_TASKS_AS_CLUSTERS:
        return grid.cluster, LIKE_THESE
    return np.repeat(
        np.arange(arm.shape[0], dtype=np.int64)[:, None], arm.shape[1], 1
    ), MODELS_LIKE_THESE


def _flags(found: Estimate, method: str) -> list[str]:
    if found.cells == 0:
        return ["empty"]
    flags = []
    if found.n_effective < 2.0:
        flags.append("too_few_clusters")
    elif found.n_effective < 5.0:
        # Predicted tiers cover .83 only where few tasks carry them: better no interval than that.
        flags.append("thin_tier" if method == "additive_prediction" else "few_clusters")
    if found.filled < 0.75:
        flags.append("unstable_membership")
    if found.flat:
        flags.append("zero_variance")
    return flags


def _sentence(
    segment: _Segment, found: Estimate, plain: Estimate, flags: list[str], scope: str
) -> str:
    who = f"{segment.name} models" if segment.name != "all" else "all models"
    if "needs_independent_baseline" in flags:
        return (
            f"{who}: no honest figure: tier and effect would come from the same answers, which "
            f"alone makes low baselines seem to gain and high ones to lose (naive figure "
            f"{points(plain.effect)}); ask every model's baseline once more."
        )
    if "empty" in flags:
        return f"{who}: none."
    span = "no interval"
    if np.isfinite(found.low):
        span = f"{points(found.low)} to {points(found.high)}"
    where = scope if scope == LIKE_THESE else f"{scope}, on these tasks"
    text = f"{who}: {points(found.effect)} points ({span}; {where})"
    owed = plain.effect - found.effect
    if np.isfinite(owed) and abs(owed) >= 0.05:
        text += f"; naive reading {points(plain.effect)}, off by {points(owed)} (tier and effect"
        text += " from the same answers: regression to the mean)"
    if found.borderline:
        text += f"; {found.borderline} near a bound of the tier"
    return text + "."
