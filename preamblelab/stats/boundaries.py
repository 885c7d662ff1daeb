"""How much error each interim look may spend, so that looking early stays honest."""

from functools import lru_cache
from typing import Literal

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri

from preamblelab.errors import SpecError
from preamblelab.stats.codes import Floats

Spending = Literal["obrien-fleming", "pocock", "none"]

_NODES = 160
"""Points of the Gauss-Legendre rule: the boundaries are then exact to 1e-6."""


def spent_error(information: Floats, alpha: float, spending: Spending) -> Floats:
    """Error that may be spent by the time a share of the information is in (Lan and DeMets 1983).

    Args:
        information: Shares of the final information, 0 to 1.
        alpha: Two-sided error of the whole plan, 0 to 1.
        spending: ``obrien-fleming`` spends almost nothing early; ``pocock`` spends evenly;
            ``none`` spends all at the end.

    Returns:
        Cumulative two-sided error, one value per share.
    """
    share = np.asarray(information, dtype=float)
    if spending == "obrien-fleming":
        return np.asarray(4.0 * ndtr(ndtri(alpha / 4.0) / np.sqrt(share)), dtype=float)
    if spending == "pocock":
        return np.asarray(alpha * np.log1p((np.e - 1.0) * share), dtype=float)
    return np.where(share >= 1.0, alpha, 0.0)


def nominal_alphas(
    information: tuple[float, ...] | list[float] | Floats,
    alpha: float = 0.05,
    spending: Spending = "obrien-fleming",
) -> Floats:
    """Two-sided error to use at each look for its own interval.

    The chance that a plan of looks ever excludes the truth is then ``alpha``: boundaries by the
    recursion of Armitage, McPherson and Rowe (1969) on the spending function.

    Args:
        information: Share of the final information at each look, rising, the last one 1.
        alpha: Two-sided error of the whole plan, above 0 and below 1.
        spending: Which spending function, see `spent_error`.

    Returns:
        One nominal error per look; five even looks of O'Brien-Fleming at .05 give the published
        critical values 4.877, 3.357, 2.680, 2.290 and 2.031.

    Examples:
        >>> nominal_alphas([0.5, 1.0]).round(4).tolist()
        [0.0031, 0.049]

    Raises:
        SpecError: The shares do not rise to 1, or alpha is not between 0 and 1.
    """
    shares = tuple(float(share) for share in information)
    if not shares or abs(shares[-1] - 1.0) > 1e-9 or any(b <= a for a, b in _steps(shares)):
        raise SpecError(f"nominal_alphas: information {shares} must rise from above 0 to 1")
    if not 0.0 < alpha < 1.0:
        raise SpecError(f"nominal_alphas: alpha is {alpha}; give a share between 0 and 1")
    return np.array(_nominal(shares, alpha, spending))


def _steps(shares: tuple[float, ...]) -> list[tuple[float, float]]:
    return list(zip((0.0, *shares[:-1]), shares, strict=True))


@lru_cache(maxsize=256)
def _nominal(shares: tuple[float, ...], alpha: float, spending: Spending) -> tuple[float, ...]:
    spent = spent_error(np.array(shares), alpha, spending)
    unit, weight = np.polynomial.legendre.leggauss(_NODES)
    at = np.zeros(1)
    mass = np.ones(1)
    result: list[float] = []
    before = 0.0
    for (last, now), total in zip(_steps(shares), spent, strict=True):
        step = np.sqrt(now - last)
        bound = _bound(at, mass, step, max(float(total) - before, 0.0), np.sqrt(now))
        before = max(float(total), before)
        result.append(float(2.0 * ndtr(-bound / np.sqrt(now))))
        # Eight standard deviations hold all the mass that the next look can see.
        edge = min(bound, 8.5 * np.sqrt(now))
        new = edge * unit
        density = np.exp(-0.5 * ((new[:, None] - at) / step) ** 2) / (step * np.sqrt(2 * np.pi))
        mass = (density @ mass) * weight * edge
        at = new
    return tuple(result)


def _bound(at: Floats, mass: Floats, step: float, error: float, scale: float) -> float:
    """Where the process must stand so that it is beyond with the given chance, two-sided."""
    if error <= 0.0:
        return np.inf
    low, high = 0.0, 40.0 * scale
    log_mass = np.log(np.maximum(mass, 1e-300))
    target = np.log(error / 2.0)
    for _ in range(80):
        middle = 0.5 * (low + high)
        # In logs: an early O'Brien-Fleming look spends 1e-15 and less.
        tail = np.logaddexp.reduce(log_mass + log_ndtr((at - middle) / step))
        low, high = (middle, high) if tail > target else (low, middle)
    return 0.5 * (low + high)
