"""From ratings to the points of a dimension; a missing mark makes the dimension missing.

The rule, in words. Checks and judges share a dimension: a criterion that names a check is marked
by the check, all others by the judges. Of the judges' judgements the median of their sums counts.
A scorer of one's own marks a whole dimension. Where a dimension has both, the mean of the two
counts. Points are never filled in: if any of these parts is missing, so is the dimension.
"""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from preamblelab.domain.records import Rating
from preamblelab.domain.rubrics import Dimension


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Points of one dimension of one response."""

    dimension: str
    points: float | None
    """From 0 to `maximum`; None is missing, for `reason`."""
    maximum: float
    status: str = "ok"
    reason: str = ""


def combine(dimension: Dimension, ratings: Iterable[Rating]) -> Marks:
    """The points of one dimension from all ratings of one response.

    Args:
        dimension: the dimension and its criteria.
        ratings: ratings of any dimension; the others are left out.
    """
    own = [rating for rating in ratings if rating.dimension == dimension.name]
    whole = [rating for rating in own if rating.criterion is None]
    parts = [rating for rating in own if rating.criterion is not None]
    totals: list[float] = []
    for rating in whole:
        if rating.points is None:
            return _missing(dimension, rating.status, f"{rating.scorer}: {rating.reason}")
        totals.append(rating.points)
    if parts or not whole:
        total = _total_of_criteria(dimension, parts)
        if isinstance(total, Marks):
            return total
        totals.append(total)
    points = round(statistics.fmean(totals), 6)
    return Marks(dimension=dimension.name, points=points, maximum=dimension.points)


def _total_of_criteria(dimension: Dimension, ratings: list[Rating]) -> float | Marks:
    """Points of checks plus the median of the judges' sums, or why they are missing."""
    judged: dict[tuple[str, int], dict[int, float | None]] = {}
    checked: dict[int, float] = {}
    for rating in ratings:
        place = rating.criterion or 0
        if rating.scorer.startswith("judge/"):
            judged.setdefault((rating.scorer, rating.judgement), {})[place] = rating.points
        elif rating.points is None:
            return _missing(dimension, rating.status, f"{rating.scorer}: {rating.reason}")
        else:
            checked[place] = rating.points
    rest = [place for place in range(len(dimension.marked)) if place not in checked]
    if not rest:
        return sum(checked.values())
    sums = []
    for marks in judged.values():
        points = [marks.get(place) for place in rest]
        if None not in points:
            sums.append(sum(p for p in points if p is not None))
    if sums:
        return sum(checked.values()) + statistics.median(sums)
    for rating in ratings:
        if rating.points is None:
            return _missing(dimension, rating.status, f"{rating.scorer}: {rating.reason}")
    unmarked = f"{len(rest)} of {len(dimension.marked)} criteria have no mark"
    return _missing(dimension, "unmarked", unmarked)


def _missing(dimension: Dimension, status: str, reason: str) -> Marks:
    return Marks(
        dimension=dimension.name,
        points=None,
        maximum=dimension.points,
        status=status,
        reason=reason,
    )
