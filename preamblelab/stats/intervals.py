"""Owns the arithmetic of intervals: group summaries, t limits, the no-variation bound, Holm.

Everything works on arrays with one entry per group, so that many pairs cost as much as one.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import special

from preamblelab.stats.codes import Codes, Floats, combined_codes

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Mean of each group and what is known of its error; arrays with one entry per group.

    Attributes:
        n_values: values per group.
        n_units: independent units per group: clusters, or values where nothing is clustered.
        mean: mean of the values, each with equal weight.
        se: standard error of the mean, missing with fewer than two units.
        df: degrees of freedom of `se`.
    """

    n_values: Floats
    n_units: Floats
    mean: Floats
    se: Floats
    df: Floats

    def where(self, chosen: Flags, other: "Summary") -> "Summary":
        """This summary where `chosen`, the other elsewhere."""
        return Summary(
            n_values=np.where(chosen, self.n_values, other.n_values),
            n_units=np.where(chosen, self.n_units, other.n_units),
            mean=np.where(chosen, self.mean, other.mean),
            se=np.where(chosen, self.se, other.se),
            df=np.where(chosen, self.df, other.df),
        )


def summarise(values: Floats, group: Codes, n_groups: int, cluster: Codes | None = None) -> Summary:
    """Mean, standard error and degrees of freedom of each group.

    Without clusters these are those of the one-sample t. With clusters the errors are summed per
    cluster first (sandwich with the factor G / (G - 1)) and the degrees of freedom are Kish's
    effective number of clusters - 1, which is n - 1 when every cluster holds one value.

    Args:
        values: one value per task.
        group: code of the group of each value.
        n_groups: number of groups.
        cluster: code of the source of each value, values of one source being dependent.
    """
    n_values = np.bincount(group, minlength=n_groups).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(group, weights=values, minlength=n_groups) / n_values
        error = values - mean[group]
        if cluster is None:
            unit, unit_group, size = np.arange(len(values)), group, np.ones(len(values))
        else:
            n_clusters = int(cluster.max(initial=-1)) + 1
            unit, first = combined_codes([(group, n_groups), (cluster, n_clusters)])
            unit_group, size = group[first], np.bincount(unit).astype(np.float64)
        n_units = np.bincount(unit_group, minlength=n_groups).astype(np.float64)
        sums = np.bincount(unit, weights=error, minlength=len(unit_group))
        squares = np.bincount(unit_group, weights=sums**2, minlength=n_groups)
        effective = n_values**2 / np.bincount(unit_group, weights=size**2, minlength=n_groups)
        several = n_units > 1
        variance = np.where(several, n_units / (n_units - 1) * squares / n_values**2, np.nan)
    return Summary(
        n_values=n_values,
        n_units=n_units,
        mean=mean,
        se=np.sqrt(variance),
        df=np.where(several, effective - 1, np.nan),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Interval and p-value of each group; `flat` marks those whose units all showed the same."""

    low: Floats
    high: Floats
    p: Floats
    flat: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalRule:
    """How intervals are made: confidence (0..1) and the lowest and highest possible score."""

    level: float
    score_range: tuple[float, float]

    @property
    def reach(self) -> float:
        """Largest possible effect, in points."""
        return self.score_range[1] - self.score_range[0]

    def limits(self, summary: Summary, variant_mean: Floats) -> Limits:
        """Give the t interval of each group, or the no-variation bound where no spread was seen.

        Args:
            summary: mean, error and units of each group.
            variant_mean: mean score of the variant in each group, in points.
        """
        mean, n_units = summary.mean, summary.n_units
        with np.errstate(invalid="ignore", divide="ignore"):
            flat = summary.se <= 1e-10 * self.reach
            half = t_quantile(self.level, summary.df) * summary.se
            p = t_p_value(mean / np.where(flat, np.nan, summary.se), summary.df)
        low, high = no_variation_limits(mean, variant_mean, n_units, self.level, self.score_range)
        exact = no_variation_p_value(mean, variant_mean, n_units, self.score_range)
        return Limits(
            low=np.clip(np.where(flat, low, mean - half), -self.reach, self.reach),
            high=np.clip(np.where(flat, high, mean + half), -self.reach, self.reach),
            p=np.where(flat, exact, p),
            flat=flat,
        )


def t_quantile(level: float | Floats, df: float | Floats) -> Floats:
    """Two-sided t quantile: half-width of an interval in standard errors.

    Args:
        level: confidence, between 0 and 1.
        df: degrees of freedom; infinity gives the normal quantile.
    """
    upper = (1.0 + np.asarray(level, dtype=np.float64)) / 2.0
    freedom = np.asarray(df, dtype=np.float64)
    upper, freedom = np.broadcast_arrays(upper, freedom)
    finite = np.isfinite(freedom)
    found = special.stdtrit(np.where(finite, freedom, 1.0), upper)
    return np.where(np.isnan(freedom), np.nan, np.where(finite, found, special.ndtri(upper)))


def t_p_value(ratio: float | Floats, df: float | Floats) -> Floats:
    """Two-sided p-value of an estimate in standard errors; infinite `df` means normal."""
    size = -np.abs(np.asarray(ratio, dtype=np.float64))
    freedom = np.asarray(df, dtype=np.float64)
    finite = np.isfinite(freedom)
    tail = np.where(finite, special.stdtr(np.where(finite, freedom, 1.0), size), special.ndtr(size))
    return np.where(np.isnan(freedom), np.nan, 2.0 * tail)


def unseen_share(n_units: Floats, alpha: float = 0.05) -> Floats:
    """Largest share of tasks that may behave in a way that none of `n_units` tasks showed."""
    with np.errstate(divide="ignore"):
        return np.where(n_units > 0, 1.0 - alpha ** (1.0 / n_units), np.nan)


def no_variation_limits(
    effect: Floats,
    variant_mean: Floats,
    n_units: Floats,
    level: float | Floats,
    score_range: tuple[float, float],
) -> tuple[Floats, Floats]:
    """Exact binomial limits for units that all show the same difference.

    A share of up to 1 - (alpha / 2)^(1 / n) of the units may differ unseen; in them the variant
    could fall to the lowest score, or rise to the highest.

    Args:
        effect: the common difference, in points.
        variant_mean: mean score of the variant, in points.
        n_units: number of independent units.
        level: confidence, between 0 and 1.
        score_range: lowest and highest possible score.
    """
    alpha = 1.0 - np.asarray(level, dtype=np.float64)
    share = 1.0 - (alpha / 2.0) ** (1.0 / np.where(n_units > 0, n_units, np.nan))
    low = effect - share * (variant_mean - score_range[0])
    high = effect + share * (score_range[1] - variant_mean)
    return low, high


def no_variation_p_value(
    effect: Floats, variant_mean: Floats, n_units: Floats, score_range: tuple[float, float]
) -> Floats:
    """Smallest alpha at which `no_variation_limits` leave out zero; 1 for an effect of zero."""
    room = np.where(effect >= 0, variant_mean - score_range[0], score_range[1] - variant_mean)
    with np.errstate(invalid="ignore", divide="ignore"):
        needed = np.where(room > 0, np.abs(effect) / room, 0.0)
    return np.minimum(1.0, 2.0 * np.maximum(0.0, 1.0 - needed) ** n_units)


def holm(p_values: Floats) -> Floats:
    """Holm's adjusted p-values; missing ones stay missing and do not count."""
    adjusted = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p_values[order] * factors))
    return adjusted


def moderated(summary: Summary) -> Summary:
    """Squeeze the variances of several groups towards each other (Smyth 2004, limma).

    Groups without a spread teach nothing and stay as they are; so do fewer than three groups.
    """
    usable = (summary.se > 0) & (summary.df > 0)
    if int(usable.sum()) < 3:
        return summary
    n_units, freedom = summary.n_units[usable], summary.df[usable]
    variance = summary.se[usable] ** 2 * n_units
    logs = np.log(variance) - special.digamma(freedom / 2) + np.log(freedom / 2)
    centre = float(logs.mean())
    spread = float(logs.var(ddof=1) - special.polygamma(1, freedom / 2).mean())
    if spread > 0:
        prior_df = 2.0 * _inverse_trigamma(spread)
        prior = float(np.exp(centre + special.digamma(prior_df / 2) - np.log(prior_df / 2)))
        squeezed = (prior_df * prior + freedom * variance) / (prior_df + freedom)
    else:
        prior_df, squeezed = np.inf, np.full(len(variance), np.exp(centre))
    se, df = summary.se.copy(), summary.df.copy()
    se[usable] = np.sqrt(squeezed / n_units)
    df[usable] = np.minimum(freedom + prior_df, freedom.sum())
    return replace(summary, se=se, df=df)


def _inverse_trigamma(value: float) -> float:
    """Newton's method of Smyth (2004), appendix."""
    found = 0.5 + 1.0 / value
    for _ in range(50):
        trigamma = float(special.polygamma(1, found))
        step = trigamma * (1.0 - trigamma / value) / float(special.polygamma(2, found))
        found += step
        if abs(step) < 1e-10 * found:
            break
    return found


def holm_levels(p_values: Floats, alpha: float) -> Floats:
    """Alpha at which the interval of each claim is to be read; all p-values must be known.

    Holm's step-down: the smallest p-value is held against alpha / m, the next against
    alpha / (m - 1), and so on until one fails. That one and all behind it get alpha / m: were they
    eased too, the claims of equivalence among them would err too often (.077 of families at a
    nominal .05, four variants without effect).
    """
    count = len(p_values)
    order = np.argsort(p_values, kind="stable")
    steps = alpha / np.arange(count, 0, -1)
    failed = np.flatnonzero(p_values[order] > steps)
    stop = int(failed[0]) if failed.size else count
    levels = np.full(count, alpha / max(count, 1))
    levels[order[:stop]] = steps[:stop]
    return levels


def visible_effect(se: Floats, df: Floats, *, level: float, chance: float) -> Floats:
    """True effect whose interval leaves out zero with this chance (noncentral t, by bisection).

    Args:
        se: standard error of the estimate, in points.
        df: its degrees of freedom.
        level: confidence of the interval, between 0 and 1.
        chance: power wanted, between 0 and 1.
    """
    quantile = t_quantile(level, df)
    low, high = np.zeros(len(se)), 2.0 * quantile + 6.0
    for _ in range(60):
        middle = (low + high) / 2
        found = found_chance(middle, df, quantile)
        # The noncentral t of scipy is missing far out, where the chance is 1.
        enough = (found >= chance) | np.isnan(found)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.asarray(high * se, dtype=np.float64)


def found_chance(ratio: Floats, df: Floats, quantile: Floats) -> Floats:
    """Chance that |t| exceeds the quantile when the true effect is `ratio` standard errors."""
    upper = 1.0 - special.nctdtr(df, ratio, quantile)
    return np.asarray(upper + special.nctdtr(df, ratio, -quantile), dtype=np.float64)


def binomial_limits(share: Floats, n: Floats, level: float) -> tuple[Floats, Floats]:
    """Clopper-Pearson limits of a share of `n` observations, which need not be a whole number."""
    tail = (1.0 - level) / 2.0
    hits, misses = share * n, (1.0 - share) * n
    low = special.betaincinv(np.maximum(hits, 1e-12), misses + 1.0, tail)
    high = special.betaincinv(hits + 1.0, np.maximum(misses, 1e-12), 1.0 - tail)
    return np.where(hits > 0, low, 0.0), np.where(misses > 0, high, 1.0)
