"""Quantiles of measured times with limits that assume no shape, from order statistics."""

from dataclasses import dataclass
from math import ceil, log

import numpy as np
from scipy.stats import binom

from preamblelab.stats.codes import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantile:
    """A quantile with one-sided limits."""

    value: float
    """The smallest observed value that at least the share lies at or below."""
    low: float | None
    """Lower limit; None where so few values have none."""
    high: float | None
    """Upper limit; None where so few values have none: 59 are needed for the 95th at 5 %."""
    n: int


def quantile(values: Floats, share: float, *, alpha: float = 0.05) -> Quantile:
    """A quantile and its distribution-free limits, each with an error of at most `alpha`.

    The number of values below the true quantile is binomial, whatever their distribution, so that
    order statistics are limits (David and Nagaraja, Order Statistics, 3rd ed., section 7.1).

    Args:
        values: at least one, none missing; taken as independent.
        share: 0.5 for the median, 0.95 for the 95th percentile.
        alpha: one-sided error of each limit.

    Examples:
        >>> found = quantile(np.arange(1.0, 60.0), 0.95)
        >>> (found.value, found.high)
        (57.0, 59.0)
        >>> quantile(np.arange(1.0, 59.0), 0.95).high is None
        True
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = len(ordered)
    below = binom.cdf(np.arange(-1, n + 1), n, share)  # at most -1, 0, 1, ... values below
    lows = np.flatnonzero(below[: n + 1] <= alpha)  # place k: P(at most k - 1 below) <= alpha
    highs = np.flatnonzero(1.0 - below <= alpha)  # place k: P(at least k below) <= alpha
    low, high = int(lows.max(initial=0)), int(highs.min(initial=n + 1))
    return Quantile(
        value=float(ordered[max(ceil(n * share - 1e-9), 1) - 1]),
        low=float(ordered[low - 1]) if low >= 1 else None,
        high=float(ordered[high - 1]) if high <= n else None,
        n=n,
    )


def fewest_for_upper(share: float, alpha: float) -> int:
    """How many values an upper limit of a quantile takes.

    Examples:
        >>> fewest_for_upper(0.95, 0.05), fewest_for_upper(0.5, 0.05)
        (59, 5)
    """
    return ceil(log(alpha) / log(share) - 1e-9)
