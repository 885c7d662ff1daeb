"""Owns the verdict on an effect: what may be claimed at a margin, why, and what would decide it."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import special

from preamblelab.errors import TableError
from preamblelab.stats.codes import Codes, Floats, column_codes
from preamblelab.stats.intervals import (
    Flags,
    holm_levels,
    no_variation_limits,
    t_quantile,
)
from preamblelab.stats.sentences import MODELS_LIKE_THESE, THESE, reason, sentence

Family = Literal["model", "all", "none"]
__all__ = ["VERDICTS", "Family", "expected_wrong_claims", "sentence", "verdicts"]

VERDICTS = ("better", "worse", "equivalent", "undecided", "refused")
MOST_TASKS = 10_000
"""Tasks, or models, beyond which nobody is advised to ask for more."""
MOST_REPETITIONS = 20
"""Repetitions of a cell beyond which more tasks are the better advice."""
FEWEST_UNITS = 3
"""Sampled tasks, or models, below which their spread is too little known to plan by."""
LIKELY = 0.8


def verdicts(
    effects_table: pd.DataFrame,
    *,
    margin: float = 5.0,
    family: Family = "model",
    score_range: tuple[float, float] = (0.0, 100.0),
) -> pd.DataFrame:
    """Say of each effect: better, worse, equivalent, undecided, or refused; and why.

    One interval makes all claims: better when it lies above zero, worse when below, equivalent
    when within the margin. Several variants of one model are corrected by Holm: the clearest
    difference must hold at level alpha / m, the next at alpha / (m - 1), and so on; what is not
    told from zero is read at alpha / m. A claim that the missing
    scores could undo, were they all as unlucky as the score range allows, is refused.

    Args:
        effects_table: as `effects` or `overall_effect` gives it; its `level` is the confidence for
            a family of claims.
        margin: smallest effect that matters, in points.
        family: what is corrected together: the variants of a "model", "all" rows, or "none".
        score_range: lowest and highest possible score, as it was given to `effects`.

    Returns:
        The rows with verdict, reason (words), margin, adjusted_level, adjusted_low, adjusted_high,
        and what would decide an open one with a chance of about 80 %, were the effect as
        estimated: more_tasks (from new sources, where tasks are clustered), more_models (where
        models were sampled), more_repetitions per cell; missing where it is not known (from fewer
        than 3 tasks or models), or where no affordable number would.

    Raises:
        TableError: the margin is not positive, or the table is no table of effects.
    """
    if not margin > 0:
        raise TableError(f"margin {margin!r} is not above 0: give the smallest effect that matters")
    absent = {"effect", "level", "se", "df", "low", "high", "p", "flags", "method"} - set(
        effects_table
    )
    if absent:
        raise TableError(
            f"verdicts need a table of effects; it lacks {', '.join(sorted(absent))}: pass what "
            "effects() returned"
        )
    table = effects_table.reset_index(drop=True)
    claims = _Claims(table, margin, score_range)
    claims.correct(_families(table, family))
    verdict = claims.verdicts()
    needs = claims.needs(verdict)
    result = table.assign(
        verdict=verdict,
        margin=margin,
        adjusted_level=claims.levels,
        adjusted_low=claims.low,
        adjusted_high=claims.high,
        **needs,
    )
    result["reason"] = [reason(row) for _, row in result.iterrows()]
    return result


def _families(table: pd.DataFrame, family: Family) -> Codes:
    if family == "all":
        return np.zeros(len(table), dtype=np.int64)
    if family == "none":
        return np.arange(len(table), dtype=np.int64)
    if family != "model":
        raise TableError(f"family {family!r} is unknown: use 'model', 'all' or 'none'")
    return column_codes(table["model"])[0]


class _Claims:
    """The claims that each row allows at its own level; arrays with one entry per row."""

    def __init__(
        self,
        table: pd.DataFrame,
        margin: float,
        score_range: tuple[float, float],
    ) -> None:
        self.table, self.margin, self.score_range = table, margin, score_range
        names = ("effect", "se", "df", "low", "high", "p", "variant_mean", "n_units")
        self.of: dict[str, Floats] = {name: self._column(name) for name in names}
        self.flat: Flags = (table["method"] == "no_variation_bound").to_numpy(dtype=bool)
        self.known: Flags = ~np.isnan(self.of["low"])
        self.level = self._column("level")
        self.levels = self.level.copy()
        self.low, self.high = self.of["low"], self.of["high"]

    def _column(self, name: str) -> Floats:
        return self.table[name].to_numpy(dtype=np.float64)

    def limits(self, levels: Floats | float) -> tuple[Floats, Floats]:
        """Interval of each row at these levels."""
        reach = self.score_range[1] - self.score_range[0]
        effect = self.of["effect"]
        half = t_quantile(levels, self.of["df"]) * self.of["se"]
        low, high = no_variation_limits(
            effect, self.of["variant_mean"], self.of["n_units"], levels, self.score_range
        )
        low = np.where(self.flat, low, effect - half)
        high = np.where(self.flat, high, effect + half)
        clipped = np.clip(low, -reach, reach), np.clip(high, -reach, reach)
        return np.where(self.known, clipped[0], np.nan), np.where(self.known, clipped[1], np.nan)

    def correct(self, family: Codes) -> None:
        """Give each row the level at which Holm tests its claim."""
        for code in np.unique(family[self.known]):
            rows = np.flatnonzero((family == code) & self.known)
            self.levels[rows] = 1.0 - holm_levels(
                self.of["p"][rows], 1.0 - float(self.level[rows[0]])
            )
        self.low, self.high = self.limits(self.levels)

    def verdicts(self) -> "np.ndarray[Any, np.dtype[np.str_]]":
        """The verdict of each row."""
        claim = self._claims(self.low, self.high)
        worst, best = self._outer()
        undone = np.select(
            [claim == "better", claim == "worse", claim == "equivalent"],
            [worst <= 0, best >= 0, (worst <= -self.margin) | (best >= self.margin)],
            False,
        )
        claim[undone | ~self.known] = "refused"
        return claim

    def _claims(self, low: Floats, high: Floats) -> "np.ndarray[Any, np.dtype[np.str_]]":
        with np.errstate(invalid="ignore"):
            within = (low > -self.margin) & (high < self.margin)
            return np.select(
                [low > 0, high < 0, within], ["better", "worse", "equivalent"], "undecided"
            ).astype("<U10")

    def _outer(self) -> tuple[Floats, Floats]:
        """Limits at the row's level, were all missing scores against, or for, the variant."""
        if "worst_low" not in self.table:
            return self.low, self.high
        low, high = self.limits(self.level)
        with np.errstate(invalid="ignore", divide="ignore"):
            effect = self.of["effect"]
            wider_low = np.where(effect > low, (effect - self.low) / (effect - low), 1.0)
            wider_high = np.where(high > effect, (self.high - effect) / (high - effect), 1.0)
        worst, best = self._column("worst_effect"), self._column("best_effect")
        nothing_missing = self.table["missing"].to_numpy() == 0
        worst_low = worst - (worst - self._column("worst_low")) * wider_low
        best_high = best + (self._column("best_high") - best) * wider_high
        return (
            np.where(nothing_missing, self.low, worst_low),
            np.where(nothing_missing, self.high, best_high),
        )

    def needs(self, verdict: "np.ndarray[Any, np.dtype[np.str_]]") -> dict[str, Any]:
        """What would decide the open rows: further tasks, models, repetitions."""
        is_open = (verdict == "undecided") & self.known
        scope = self.table["scope"].to_numpy(dtype=object)
        is_open &= (scope == THESE) | (self.of["n_units"] >= FEWEST_UNITS)
        further = np.where(is_open, self._units_needed() - self.of["n_units"], np.nan)
        further[further > MOST_TASKS] = np.nan
        models = scope == MODELS_LIKE_THESE
        further[scope == THESE] = np.nan
        found = {"more_tasks": _whole(np.where(models, np.nan, further))}
        if "n_models" in self.table:
            found["more_models"] = _whole(np.where(models, further, np.nan))
        found["more_repetitions"] = _whole(
            np.where(is_open & ~self.flat & ~models, self._repetitions_needed(scope), np.nan)
        )
        return found

    def _decides(self, se: Floats, df: Floats) -> Flags:
        """Whether this error would decide: likely at this effect, or surely by its size."""
        size = np.abs(self.of["effect"])
        quantile = t_quantile(self.levels, df)
        target = np.maximum(size, self.margin - size)
        likely = (quantile + special.ndtri(LIKELY)) * se <= target
        # An interval narrower than the margin either leaves out zero or lies within the margin.
        return np.asarray(likely | (2 * quantile * se < self.margin), dtype=np.bool_)

    def _units_needed(self) -> Floats:
        n_units = self.of["n_units"]
        variance = np.where(self.flat, np.nan, self.of["se"] ** 2 * n_units)

        def enough(number: Floats) -> Flags:
            return self._decides(np.sqrt(variance / number), number - 1)

        found = _smallest(enough, n_units + 1, MOST_TASKS)
        return np.where(self.flat, self._flat_units_needed(), found)

    def _flat_units_needed(self) -> Floats:
        effect, mean = self.of["effect"], self.of["variant_mean"]
        below, above = mean - self.score_range[0], self.score_range[1] - mean
        with np.errstate(invalid="ignore", divide="ignore"):
            equivalent = np.fmin((self.margin + effect) / below, (self.margin - effect) / above)
            clear = np.where(effect > 0, effect / below, -effect / above)
            share = np.clip(np.fmax(equivalent, clear), 0.0, 0.999)
            needed = np.log((1 - self.levels) / 2) / np.log1p(-share)
        return np.asarray(np.ceil(needed + 1e-9), dtype=np.float64)

    def _repetitions_needed(self, scope: Any) -> Floats:
        repetitions, df = self._column("distinct_outputs"), self.of["df"]
        noise = self._column("se_repetitions") ** 2
        fixed = scope == THESE
        tasks = np.where(fixed, 0.0, np.maximum(self.of["se"] ** 2 - noise, 0.0))

        def enough(number: Floats) -> Flags:
            with np.errstate(invalid="ignore", divide="ignore"):
                se = np.sqrt(tasks + noise * repetitions / number)
                # With the tasks fixed the freedom comes from the repetitions themselves.
                return self._decides(se, np.where(fixed, df * (number - 1) / (repetitions - 1), df))

        start = np.floor(repetitions) + 1
        return _smallest(enough, start, MOST_REPETITIONS) - np.floor(repetitions)


def _smallest(enough: Callable[[Floats], Flags], start: Floats, most: int) -> Floats:
    """Smallest whole number from `start` to `most` that is enough; missing where none is."""
    low, high = np.nan_to_num(start, nan=1.0) - 1, np.full(len(start), float(most))
    possible = enough(high)
    while bool((high - low > 1).any()):
        middle = np.floor((low + high) / 2)
        good = enough(np.maximum(middle, 1.0))
        low, high = np.where(good, low, middle), np.where(good, middle, high)
    return np.where(possible, high, np.nan)


def _whole(values: Floats) -> "pd.Series[Any]":
    return pd.Series(values).round().astype("Int64")


def expected_wrong_claims(n_claims: int, *, level: float = 0.95) -> float:
    """Number of wrong claims to expect among `n_claims` uncorrected ones with no true effect."""
    return n_claims * (1.0 - level)
