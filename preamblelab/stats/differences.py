"""Owns paired differences on the scale 0 to 1: t with a floor, Tango's score limits, their sum.

Every limit is one-sided at `alpha`: the two together are the two-sided interval at 1 - 2 alpha.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf, sqrt

import numpy as np
from scipy import special
from scipy.optimize import brentq

from preamblelab.errors import TableError
from preamblelab.stats.codes import Codes, Floats
from preamblelab.stats.intervals import summarise, t_quantile
from preamblelab.stats.sentences import counted

_TWO_SIDED = 0.025
"""Error on each side of the 95 % interval that stands beside every other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A mean paired difference with its limits.

    Attributes:
        estimate: mean difference, -1 to 1.
        se: standard error that a sum of categories takes.
        df: degrees of freedom of `se`.
        low: one-sided lower limit at `alpha`.
        high: one-sided upper limit at `alpha`.
        low95: lower end of the two-sided 95 % interval.
        high95: its upper end.
        n: independent units.
        method: `t`, `tango` or `welch`.
        alpha: error of one limit.
    """

    estimate: float
    se: float
    df: float
    low: float
    high: float
    low95: float
    high95: float
    n: int
    method: str
    alpha: float


def score_step_floor(step: float, n: int, repetitions: int) -> float:
    """Smallest standard deviation that a mean over repetitions can be believed to have.

    Equal differences on all tasks are no proof that the next one is equal, too.

    Args:
        step: the smallest step between two scores; 1 for right or wrong.
        n: tasks.
        repetitions: trials behind each task's score.
    """
    return step * sqrt(0.5 / (n * repetitions))


def paired_difference(
    differences: Floats,
    *,
    alpha: float = 0.05,
    step: float = 0.0,
    repetitions: int = 1,
    cluster: Codes | None = None,
) -> Difference:
    """Mean of paired differences with t limits; repetitions are averaged beforehand.

    The unit is the task, or the source that several tasks share (Miller 2024, arXiv 2411.00640:
    question-level paired differences, clustered errors).

    Args:
        differences: one per task.
        alpha: error of one limit.
        step: the smallest step between two scores, see `score_step_floor`; 0: no floor.
        repetitions: trials behind each task's score.
        cluster: code of the source of each task; None: each is its own.

    Raises:
        TableError: fewer than two units, or a difference is missing.
    """
    values = np.asarray(differences, dtype=np.float64)
    if not np.isfinite(values).all():
        raise TableError("a paired difference is missing: leave out pairs without both scores")
    one = np.zeros(len(values), dtype=np.int64)
    found = summarise(values, one, 1, cluster)
    n = int(found.n_units[0])
    if n < 2:
        raise TableError(f"{counted(n, 'paired difference')}: a spread needs two at least")
    least = score_step_floor(step, len(values), repetitions) / sqrt(len(values))
    return _around(
        float(found.mean[0]), max(float(found.se[0]), least), float(found.df[0]), n, "t", alpha
    )


def binary_difference(gained: int, lost: int, n: int, *, alpha: float = 0.05) -> Difference:
    """Difference of two paired proportions, with Tango's limits.

    Args:
        gained: pairs in which only the challenger is right.
        lost: pairs in which only the champion is right.
        n: pairs.
        alpha: error of one limit.
    """
    low, high = tango_limits(gained, lost, n, alpha)
    low95, high95 = tango_limits(gained, lost, n, _TWO_SIDED)
    estimate = (gained - lost) / n
    # For a sum of categories: the Wald error of a mean, never below that of a binary step.
    spread = sqrt(max((gained + lost) / n - estimate**2, 0.0) * n / max(n - 1, 1))
    return Difference(
        estimate=estimate,
        se=max(spread, score_step_floor(1.0, n, 1)) / sqrt(n),
        df=float(n - 1),
        low=low,
        high=high,
        low95=low95,
        high95=high95,
        n=n,
        method="tango",
        alpha=alpha,
    )


@lru_cache(maxsize=20_000)
def tango_limits(gained: int, lost: int, n: int, alpha: float = 0.05) -> tuple[float, float]:
    """Score limits of a difference of paired proportions.

    Method: T. Tango, Statistics in Medicine 17 (1998) 891-908; the restricted estimate in closed
    form as in R's `PropCIs::scoreci.mp`.

    Args:
        gained: pairs in which only the first is right.
        lost: pairs in which only the second is right.
        n: pairs, at least 1.
        alpha: error of one limit.

    Returns:
        Lower and upper limit of (gained - lost) / n, within -1 to 1.

    Raises:
        TableError: the counts are negative, or more than n.
    """
    if gained < 0 or lost < 0 or n < 1 or gained + lost > n:
        raise TableError(f"no paired counts: {gained} gained and {lost} lost of {n}")
    z = float(special.ndtri(1.0 - alpha))
    estimate = (gained - lost) / n

    def beyond(delta: float, sign: float) -> float:
        return sign * _tango_score(delta, gained, lost, n) - z

    low = high = estimate
    if estimate > -1.0:
        low = float(brentq(beyond, -1.0 + 1e-12, estimate, args=(1.0,), xtol=1e-10))
    if estimate < 1.0:
        high = float(brentq(beyond, estimate, 1.0 - 1e-12, args=(-1.0,), xtol=1e-10))
    return low, high


def _tango_score(delta: float, gained: int, lost: int, n: int) -> float:
    """Distance of the counts from a difference `delta`, in its standard errors."""
    b = -(gained + lost) + (2 * n - gained + lost) * delta
    c = -lost * delta * (1.0 - delta)
    second = (sqrt(max(b * b - 8.0 * n * c, 0.0)) - b) / (4.0 * n)
    variance = n * (2.0 * second + delta * (1.0 - delta))
    away = gained - lost - n * delta
    if variance <= 0.0:
        return 0.0 if away == 0 else inf if away > 0 else -inf
    return away / sqrt(variance)


def weighted_difference(
    parts: Sequence[tuple[float, Difference]], *, alpha: float = 0.05
) -> Difference:
    """Weighted sum of independent differences, as of the categories of a suite.

    Degrees of freedom after Welch (1947) and Satterthwaite (1946).

    Args:
        parts: weight and difference of each; weights sum to 1.
        alpha: error of one limit.

    Raises:
        TableError: there is nothing to sum.
    """
    used = [(weight, part) for weight, part in parts if weight > 0]
    if not used:
        raise TableError("no category with a weight can be estimated")
    variances = [weight**2 * part.se**2 for weight, part in used]
    total = sum(variances)
    terms = [variance**2 / part.df for variance, (_, part) in zip(variances, used, strict=True)]
    return _around(
        sum(weight * part.estimate for weight, part in used),
        sqrt(total),
        total**2 / sum(terms) if sum(terms) > 0 else inf,
        sum(part.n for _, part in used),
        "welch" if len(used) > 1 else "t",
        alpha,
    )


def one_sided_p(found: Difference, against: float) -> float:
    """Chance of so large a difference where the true one is `against` at most."""
    if found.se == 0:
        return 0.0 if found.estimate > against else 1.0
    ratio = (against - found.estimate) / found.se
    df = found.df
    return float(special.ndtr(ratio) if np.isinf(df) else special.stdtr(df, ratio))


def _around(mean: float, se: float, df: float, n: int, method: str, alpha: float) -> Difference:
    half = float(t_quantile(1.0 - 2.0 * alpha, df)) * se
    half95 = float(t_quantile(1.0 - 2.0 * _TWO_SIDED, df)) * se
    return Difference(
        estimate=mean,
        se=se,
        df=df,
        low=max(mean - half, -1.0),
        high=min(mean + half, 1.0),
        low95=max(mean - half95, -1.0),
        high95=min(mean + half95, 1.0),
        n=n,
        method=method,
        alpha=alpha,
    )
