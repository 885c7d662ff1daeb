"""Cross-fitting: what judges a tier and what measures its effect come from different answers."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from preamblelab.stats.codes import SCORE_RANGE, Floats, mean_over
from preamblelab.stats.intervals import no_variation_limits

Bools = NDArray[np.bool_]
Unit = Literal["model", "cell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folds:
    """Pairs of independent readings, folds x models x tasks, NaN where there is none."""

    baseline: Floats
    """Baseline score that judges the tier, points."""
    effect: Floats
    """Variant minus baseline, from answers that do not enter `baseline`, points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Mean effect of a segment, averaged over the folds."""

    effect: float
    """Points."""
    low: float
    """Lower end of the interval, points."""
    high: float
    """Upper end."""
    se: float
    """Standard error, points."""
    n_effective: float
    """Clusters of equal weight that would carry as much."""
    models: int
    """Models that are in the segment in any fold."""
    cells: int
    """Model x task cells that are."""
    borderline: int
    """Models that are in the segment in some folds and not in others: near a bound."""
    filled: float
    """Share of folds in which the segment is not empty, 0 to 1."""
    flat: bool
    """No variation was seen; the interval is the exact bound for what was not seen."""

    @classmethod
    def absent(cls) -> "Estimate":
        """The estimate of an empty segment."""
        nan = float("nan")
        figures = {
            "effect": nan,
            "low": nan,
            "high": nan,
            "se": nan,
            "n_effective": 0.0,
            "filled": 0.0,
        }
        return cls(**figures, models=0, cells=0, borderline=0, flat=False)

    def without_interval(self) -> "Estimate":
        """The same effect with no claim about its precision."""
        return replace(self, low=float("nan"), high=float("nan"))


def naive_folds(repeated: Floats, arm: Floats, unit: Unit) -> Folds:
    """Tier and effect from the same baseline answers: the reading to compare with.

    Args:
        repeated: Baseline scores, models x tasks x repetitions.
        arm: Mean scores of the variant, models x tasks.
        unit: What the tier sorts.

    Returns:
        One fold.
    """
    mean = mean_over(repeated, axis=-1)
    effect = arm - mean
    judged = np.where(np.isfinite(effect), mean, np.nan)
    return Folds(baseline=_by_unit(judged, unit)[None], effect=effect[None])


def leave_one_repetition_out(repeated: Floats, arm: Floats, unit: Unit) -> Folds:
    """Each repetition of the baseline measures the effect once; the others judge the tier.

    Args:
        repeated: Baseline scores, models x tasks x repetitions.
        arm: Mean scores of the variant, models x tasks.
        unit: What the tier sorts.

    Returns:
        One fold per repetition; a cell takes part where it has another repetition to judge it.
    """
    there = np.isfinite(repeated)
    filled = np.where(there, repeated, 0.0)
    others = there.sum(axis=-1, keepdims=True) - there
    judge = np.where(
        others > 0, (filled.sum(axis=-1, keepdims=True) - filled) / np.maximum(others, 1), np.nan
    )
    effect = arm[..., None] - repeated
    usable = np.isfinite(effect) & np.isfinite(judge)
    judge = np.moveaxis(np.where(usable, judge, np.nan), -1, 0)
    effect = np.moveaxis(np.where(usable, effect, np.nan), -1, 0)
    used = usable.any(axis=(0, 1))
    judge, effect = judge[used], effect[used]
    return Folds(baseline=np.stack([_by_unit(fold, unit) for fold in judge]), effect=effect)


def halves(baseline: Floats, arm: Floats, draws: int, seed: int) -> Folds:
    """Models judged on one random half of the tasks, measured on the other, then swapped.

    The difficulty of the tasks is removed first, so that a hard half does not lower every model.

    Args:
        baseline: Mean baseline scores, models x tasks.
        arm: Mean scores of the variant, models x tasks.
        draws: Number of splits; each gives two folds.
        seed: Seed of the splits.

    Returns:
        Twice as many folds as draws.
    """
    effect = arm - baseline
    paired = np.where(np.isfinite(effect), baseline, np.nan)
    centred = paired
    if baseline.shape[0] >= 3:
        # With fewer models the mean of a task is mostly the model's own noise.
        _, task, _ = _additive(paired)
        centred = paired - task[None, :]
    tasks = baseline.shape[1]
    random = np.random.default_rng(seed)
    first = random.permuted(np.tile(np.arange(tasks), (draws, 1)), axis=1) < tasks // 2
    inside = np.concatenate([first, ~first])[:, None, :]
    judge = mean_over(np.where(inside, centred[None], np.nan), axis=-1)
    # A model without a task in the judging half is known only as a whole: leave it out there.
    judged = np.repeat(judge[..., None], tasks, axis=-1)
    return Folds(baseline=judged, effect=np.where(inside, np.nan, effect[None]))


def predicted_cells(baseline: Floats, arm: Floats) -> Folds:
    """Each cell judged by what the other cells say of its model and its task.

    Additive model mean + task mean, exact leave-one-out: y - e / (1 - h).

    Args:
        baseline: Mean baseline scores, models x tasks.
        arm: Mean scores of the variant, models x tasks.

    Returns:
        One fold; a cell that alone carries its model or task cannot be predicted.
    """
    model, task, leverage = _additive(baseline)
    residual = baseline - model[:, None] - task[None, :]
    lone = leverage > 1.0 - 1e-9
    predicted = baseline - residual / np.where(lone, np.nan, 1.0 - leverage)
    effect = arm - baseline
    return Folds(
        baseline=np.where(np.isfinite(effect), predicted, np.nan)[None], effect=effect[None]
    )


def estimate(
    folds: Folds,
    member: Bools,
    unit: Unit,
    clusters: NDArray[np.int64],
    arm: Floats,
    level: float,
) -> Estimate:
    """Average of the folds' segment means, with an interval over clusters.

    Args:
        folds: Independent readings.
        member: Where a fold puts a cell into the segment.
        unit: ``model``: each model weighs the same; ``cell``: each cell does.
        clusters: Group of each task, or of each cell (models x tasks).
        arm: Mean scores of the variant, models x tasks: bounds what an unseen task may do.
        level: Confidence level, 0 to 1.

    Returns:
        The estimate; its interval is missing with fewer than two effective clusters.
    """
    inside: Bools = np.asarray(member & np.isfinite(folds.effect), dtype=bool)
    weight = _weights(inside, unit)
    filled = weight.sum(axis=(1, 2)) > 0
    if not filled.any():
        return Estimate.absent()
    effect = np.where(inside, folds.effect, 0.0)
    means = (weight * effect).sum(axis=(1, 2))
    residual = np.where(inside, effect - means[:, None, None], 0.0)
    used = max(int(filled.sum()), 1)
    share = weight.sum(axis=0) / used
    pull = (weight * residual).sum(axis=0) / used
    group = np.broadcast_to(clusters, share.shape).ravel()
    carried = np.bincount(group, weights=share.ravel())
    psi = np.bincount(group, weights=pull.ravel())
    k = int((carried > 0).sum())
    n_effective = float(carried.sum() ** 2 / (carried**2).sum())
    value = float(means[filled].mean())
    se = float(np.sqrt(k / (k - 1) * (psi**2).sum())) if k > 1 else float("nan")
    # Residues of rounding are no variation.
    flat = k > 1 and se <= 1e-10
    mean = (share * np.where(share > 0, arm, 0.0)).sum()
    low, high = _limits((value, se, n_effective), mean, flat, level)
    cells = np.asarray(inside.any(axis=0), dtype=bool)
    return Estimate(
        effect=value,
        low=low,
        high=high,
        se=se,
        n_effective=n_effective,
        models=int(cells.any(axis=1).sum()),
        cells=int(cells.sum()),
        borderline=_borderline(inside, np.isfinite(folds.effect)) if unit == "model" else 0,
        filled=float(filled.mean()),
        flat=flat,
    )


def _limits(
    found: tuple[float, float, float], mean: float, flat: bool, level: float
) -> tuple[float, float]:
    """Interval of a value from its error and effective clusters; missing with fewer than two."""
    value, se, n_effective = found
    if flat:
        units = np.array(n_effective)
        limits = no_variation_limits(np.array(value), np.array(mean), units, level, SCORE_RANGE)
        return float(limits[0]), float(limits[1])
    if n_effective < 2.0:
        return float("nan"), float("nan")
    half = -float(stdtrit(n_effective - 1.0, (1.0 - level) / 2.0)) * se
    return max(value - half, -100.0), min(value + half, 100.0)


def _borderline(inside: Bools, there: Bools) -> int:
    """Models whose segment depends on which answers judge them."""
    inner, present = inside.any(axis=2).sum(axis=0), there.any(axis=2).sum(axis=0)
    return int(((inner > 0) & (inner < present)).sum())


def _weights(inside: Bools, unit: Unit) -> Floats:
    """Weight of each cell within its fold; each fold that is not empty adds up to one."""
    if unit == "cell":
        total = inside.sum(axis=(1, 2), keepdims=True)
        return np.asarray(inside / np.maximum(total, 1), dtype=float)
    tasks = inside.sum(axis=2, keepdims=True)
    models = (tasks > 0).sum(axis=1, keepdims=True)
    return np.asarray(inside / np.maximum(tasks, 1) / np.maximum(models, 1), dtype=float)


def _by_unit(judged: Floats, unit: Unit) -> Floats:
    if unit == "cell":
        return judged
    return np.repeat(mean_over(judged, axis=-1)[:, None], judged.shape[1], axis=1)


def _additive(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Least squares of models + tasks: model means, task deviations, leverage of each cell.

    The tasks are swept out first, so that only a models x models system is solved.
    """
    there = np.isfinite(values)
    weight = there.astype(float)
    filled = np.where(there, values, 0.0)
    per_task = np.maximum(weight.sum(axis=0), 1e-300)
    shared = weight / per_task
    schur = np.diag(weight.sum(axis=1)) - shared @ weight.T
    inverse = np.linalg.pinv(schur, rcond=1e-10, hermitian=True)
    model = inverse @ (filled.sum(axis=1) - shared @ filled.sum(axis=0))
    task = (filled.sum(axis=0) - weight.T @ model) / per_task
    task = np.where(weight.sum(axis=0) > 0, task, np.nan)
    level = float(np.nanmean(task)) if np.isfinite(task).any() else 0.0
    spread = inverse @ shared
    leverage = (
        np.diag(inverse)[:, None]
        - 2.0 * spread
        + (1.0 / per_task + (shared * spread).sum(axis=0))[None, :]
    )
    return model + level, task - level, np.where(there, leverage, np.nan)
