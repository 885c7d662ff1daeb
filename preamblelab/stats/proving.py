"""Owns what a suite can prove: chances of a promotion and of a guard, by seeded simulation.

The truth that is drawn: right or wrong on each task with a chance p ~ Beta(3, 1) that differs from
task to task (0.75 on average), and a challenger whose own chance is p plus a shift, give or take
0.10, within 0 to 1; the shift is such that the mean gain is the stated one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import sqrt

import numpy as np
from scipy.optimize import brentq

from preamblelab.stats.codes import Floats
from preamblelab.stats.differences import score_step_floor, tango_limits
from preamblelab.stats.intervals import Flags, t_quantile

HETEROGENEITY = 0.10
"""Standard deviation of the gain from task to task."""

EXPERIMENTS = 600
"""Simulated experiments behind each chance: it is known to about 2 %."""

GAINS = tuple(round(0.025 * step, 3) for step in range(10))
"""True mean gains that are tried; 0.25 is all that such tasks leave."""

WANTED = 0.8
"""The chance that makes a gain provable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What a gate asks.

    Attributes:
        tasks: number of tasks by category.
        weights: share of the overall score by category; they sum to 1.
        margins: margin of each non-inferiority guard.
        repetitions: trials of each task.
        alpha: one-sided error of every limit.
        success_margin: the gain that must be exceeded.
        critical: tasks that a tripwire watches.
    """

    tasks: Mapping[str, int]
    weights: Mapping[str, float]
    margins: Mapping[str, float]
    repetitions: int
    alpha: float = 0.05
    success_margin: float = 0.0
    critical: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Provable:
    """What a design can show.

    Attributes:
        gains: chance that a true gain is shown, by gain; at 0 it is the chance of an error.
        smallest: the smallest gain tried that is shown with `WANTED` chance; None: none is.
        guards: chance that each guard is shown not worse where both are equal.
        promoted: chance of a promotion (gain and all guards shown) at the smallest gain, or at the
            largest tried.
        tripped: chance that an equal challenger loses a critical task by luck.
    """

    gains: Mapping[float, float]
    smallest: float | None
    guards: Mapping[str, float]
    promoted: float
    tripped: float


def provable(design: Design, *, seed: int = 0, experiments: int = EXPERIMENTS) -> Provable:
    """What a design can show, before anything is spent.

    Args:
        design: what the gate asks.
        seed: of the draw.
        experiments: simulated experiments behind each chance.
    """
    gains = {gain: float(_shown(design, gain, seed, experiments).mean()) for gain in GAINS}
    smallest = next((gain for gain, chance in gains.items() if gain and chance >= WANTED), None)
    guards = {
        name: float(_guarded(design, name, seed, experiments).mean()) for name in design.margins
    }
    tried = _shown(design, smallest or GAINS[-1], seed, experiments)
    for name in design.margins:
        tried = tried & _guarded(design, name, seed, experiments, gain=smallest or GAINS[-1])
    return Provable(
        gains=gains,
        smallest=smallest,
        guards=guards,
        promoted=float(tried.mean()),
        tripped=_tripped(design, seed, experiments),
    )


def _tripped(design: Design, seed: int, experiments: int) -> float:
    """Chance that an equal challenger fails once where the champion never does."""
    rng = np.random.default_rng([seed, 1_000_000])
    shape = (experiments, design.critical)
    chance = rng.beta(3.0, 1.0, shape)
    noise = rng.normal(0.0, HETEROGENEITY, shape)
    other = np.clip(chance + _shift(0.0) + noise, 0.0, 1.0)
    held = rng.binomial(design.repetitions, chance) == design.repetitions
    lost = rng.binomial(design.repetitions, other) < design.repetitions
    return float((held & lost).any(axis=1).mean())


def _shown(design: Design, gain: float, seed: int, experiments: int) -> Flags:
    """Whether each simulated experiment shows the overall gain."""
    estimate, variance, spread = (np.zeros(experiments) for _ in range(3))
    for name, weight in design.weights.items():
        n = design.tasks[name]
        if weight == 0 or n < 2:
            continue
        values = _differences(design, name, gain, seed, experiments)
        floor = score_step_floor(1.0, n, design.repetitions)
        part = weight**2 * np.maximum(values.std(axis=1, ddof=1), floor) ** 2 / n
        estimate += weight * values.mean(axis=1)
        variance += part
        spread += part**2 / (n - 1)
    quantile = t_quantile(1.0 - 2.0 * design.alpha, variance**2 / spread)
    return np.asarray(estimate - quantile * np.sqrt(variance) > design.success_margin)


def _guarded(design: Design, name: str, seed: int, experiments: int, *, gain: float = 0.0) -> Flags:
    """Whether each simulated experiment shows a guard not worse by its margin."""
    n, margin = design.tasks[name], design.margins[name]
    if n < 2:
        return np.zeros(experiments, dtype=np.bool_)
    values = _differences(design, name, gain, seed, experiments)
    if design.repetitions == 1:
        gained, lost = (values > 0).sum(axis=1), (values < 0).sum(axis=1)
        low = [
            tango_limits(int(g), int(c), n, design.alpha)[0]
            for g, c in zip(gained, lost, strict=True)
        ]
        return np.asarray(np.array(low) > -margin)
    floor = score_step_floor(1.0, n, design.repetitions)
    se = np.maximum(values.std(axis=1, ddof=1), floor) / sqrt(n)
    quantile = float(t_quantile(1.0 - 2.0 * design.alpha, float(n - 1)))
    return np.asarray(values.mean(axis=1) - quantile * se > -margin)


def _differences(design: Design, name: str, gain: float, seed: int, experiments: int) -> Floats:
    """Differences by task of each simulated experiment; the same draw for every gain."""
    # By place, so that a category keeps its draw whatever it is called.
    place = list(design.tasks).index(name)
    rng = np.random.default_rng([seed, place])
    shape = (experiments, design.tasks[name])
    chance = rng.beta(3.0, 1.0, shape)
    noise = rng.normal(0.0, HETEROGENEITY, shape)
    other = np.clip(chance + _shift(gain) + noise, 0.0, 1.0)
    repetitions = design.repetitions
    champion = rng.binomial(repetitions, chance) / repetitions
    return np.asarray(rng.binomial(repetitions, other) / repetitions - champion)


@cache
def _shift(gain: float) -> float:
    """What must be added to every chance so that, after the ceiling, the mean gain is `gain`."""
    rng = np.random.default_rng(0)
    chance = rng.beta(3.0, 1.0, 40_000)
    noise = rng.normal(0.0, HETEROGENEITY, 40_000)

    def beyond(shift: float) -> float:
        return float((np.clip(chance + shift + noise, 0.0, 1.0) - chance).mean()) - gain

    return float(brentq(beyond, -1.0, 2.0))
