"""Coefficients of agreement on arrays of marks: alpha, ICC, and means whose tasks repeat."""

from typing import NamedTuple

import numpy as np

from preamblelab.stats.codes import Codes, Floats
from preamblelab.stats.intervals import no_variation_limits, summarise, t_quantile


class Share(NamedTuple):
    """A mean or share with its interval."""

    value: float
    """The estimate."""
    low: float
    """Lower limit."""
    high: float
    """Upper limit."""


def krippendorff_alpha(cells: Floats) -> float:
    """Krippendorff's alpha for interval data, in closed form; missing marks are allowed.

    Args:
        cells: Answers x judges, NaN where a judge gave no mark.

    Returns:
        1 for perfect agreement, 0 for chance; NaN where no two marks differ or none pair up.
        Equal to the package `krippendorff` at level ``interval``.

    Examples:
        >>> krippendorff_alpha(np.array([[1.0, 1.0], [3.0, 3.0], [5.0, 5.0]]))
        1.0
    """
    there = np.isfinite(cells)
    count = there.sum(axis=1)
    paired = count >= 2
    values, there, count = cells[paired], there[paired], count[paired]
    n = int(count.sum())
    if n < 2:
        return float("nan")
    filled = np.where(there, values, 0.0)
    mean = filled.sum(axis=1) / count
    within = np.where(there, (values - mean[:, None]) ** 2, 0.0).sum(axis=1)
    observed = float((2.0 * count * within / (count - 1)).sum() / n)
    known = values[there]
    expected = float(2.0 * ((known - known.mean()) ** 2).sum() / (n - 1))
    return 1.0 - observed / expected if expected > 0.0 else float("nan")


def absolute_icc(cells: Floats) -> float:
    """ICC(A,1) of McGraw and Wong (1996): absolute agreement of single judges.

    Args:
        cells: Answers x judges; answers that a judge left out are not used.

    Returns:
        The coefficient, or NaN with fewer than two complete answers or no variation.
    """
    full = cells[np.isfinite(cells).all(axis=1)]
    n, k = full.shape
    if n < 2 or k < 2:
        return float("nan")
    grand = full.mean()
    rows = k * ((full.mean(axis=1) - grand) ** 2).sum() / (n - 1)
    columns = n * ((full.mean(axis=0) - grand) ** 2).sum() / (k - 1)
    rest = full - full.mean(axis=1, keepdims=True) - full.mean(axis=0) + grand
    error = (rest**2).sum() / ((n - 1) * (k - 1))
    below = rows + (k - 1) * error + k * (columns - error) / n
    return float((rows - error) / below) if below > 0 else float("nan")


def clustered_mean(
    values: Floats, cluster: Codes, level: float = 0.95, within: tuple[float, float] | None = None
) -> Share:
    """Mean of values whose tasks repeat, with an interval over the tasks.

    Args:
        values: One value per answer.
        cluster: Code of its task.
        level: Confidence, 0 to 1.
        within: Lowest and highest possible value. When no variation is seen, the limits then are
            the exact ones for what the tasks may not have shown.

    Returns:
        The mean; its limits are missing with fewer than two tasks.
    """
    known = np.isfinite(values)
    values, code = values[known], np.unique(cluster[known], return_inverse=True)[1]
    if not len(values):
        return Share(np.nan, np.nan, np.nan)
    group = np.zeros(len(values), dtype=np.int64)
    found = summarise(values, group, 1, code.astype(np.int64))
    mean, se, units = float(found.mean[0]), float(found.se[0]), float(found.n_units[0])
    if units < 2:
        return Share(mean, np.nan, np.nan)
    if se <= 1e-12 and within is not None:
        limits = no_variation_limits(found.mean, found.mean, found.n_units, level, within)
        return Share(mean, *(float(limit[0]) for limit in limits))
    half = float(t_quantile(level, found.df[0])) * se
    low, high = mean - half, mean + half
    return Share(mean, *((max(low, within[0]), min(high, within[1])) if within else (low, high)))
