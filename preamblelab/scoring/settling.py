"""Owns answers that one of several judges marked alone: the judge's own leniency is taken off.

A judge whose verdict was lost leaves the answer to the others. Where one is left, its points are
those of a mild or a strict judge, not of the panel; an arm that loses verdicts more often would
gain or lose by that alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, median
from typing import Final

from preamblelab.scoring.combine import combine
from preamblelab.scoring.marking import Marking
from preamblelab.store import MarkRow, Store

FEWEST_ANSWERS: Final = 30
"""Answers that a judge and another one marked both, before a judge's offset is believed."""

ONE_JUDGE: Final = "one_judge"
"""Status of a mark that is missing because one judge alone gave it."""

Place = tuple[str, str, str]
"""Address of the answer, digest of its task, dimension."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lone:
    """A dimension of an answer that one judge alone marked."""

    place: Place
    judge: str
    offset: float
    """Points that this judge gives more than all together do; 0 where nobody knows."""
    answers: int
    """From how many answers that is known."""


def lone_marks(cells: Iterable[tuple[Place, str, float | None]], judges: int) -> list[Lone]:
    """The places that one judge alone marked, with that judge's mean offset.

    The offset is from the mark of all judges, its own among them, so that what is left after it
    was taken off stands on the scale of the answers that all have marked.

    Args:
        cells: place, judge, and the points of one of its judgements; None where it is missing.
        judges: how many there are; what not all of them were asked about is left for later.
    """
    given: dict[Place, dict[str, list[float]]] = {}
    for place, judge, points in cells:
        own = given.setdefault(place, {}).setdefault(judge, [])
        if points is not None:
            own.append(points)
    known = {
        place: {judge: median(points) for judge, points in by_judge.items() if points}
        for place, by_judge in given.items()
    }
    apart: dict[tuple[str, str], list[float]] = {}
    for (_, _, dimension), marks in known.items():
        for judge, value in marks.items() if len(marks) > 1 else ():
            apart.setdefault((judge, dimension), []).append(value - median(marks.values()))
    found = []
    for place, marks in sorted(known.items()):
        if len(marks) == 1 and len(given[place]) == judges > 1:
            (judge,) = marks
            seen = apart.get((judge, place[2]), [])
            offset = fmean(seen) if seen else 0.0
            found.append(Lone(place=place, judge=judge, offset=offset, answers=len(seen)))
    return found


def settle(store: Store, marking: Marking, tasks: Iterable[str]) -> int:
    """Mark anew what one judge alone marked; twice is once.

    Args:
        store: where ratings are, and marks go.
        marking: who marks.
        tasks: digests of the tasks.

    Returns:
        How many marks that were.
    """
    judges, digests = list(marking.judges), list(dict.fromkeys(tasks))
    if len(judges) < 2:
        return 0
    keys = {marking.mark_key(judge, digest): digest for judge in judges for digest in digests}
    lone = lone_marks(_cells(store, keys), len(judges))
    store.put_marks([_mark(store, marking, each) for each in lone])
    return len(lone)


def _cells(store: Store, keys: Mapping[str, str]) -> Iterable[tuple[Place, str, float | None]]:
    for row in store.judgements(keys):
        place = (row.response_key, keys[row.mark_key], row.dimension)
        yield place, row.scorer, row.points


def _mark(store: Store, marking: Marking, lone: Lone) -> MarkRow:
    response_key, digest, name = lone.place
    dimension = marking.rubric.dimension(name)
    names = [each.name for each in marking.scorers] + list(marking.judges)
    names += ["text"] if marking.checks else []
    mark_keys = dict.fromkeys(marking.mark_key(each, digest) for each in names)
    ratings = [r for key in mark_keys for r in store.ratings_of(response_key, key)]
    plain = combine(dimension, ratings)
    points, status, reason = plain.points, plain.status, plain.reason
    # A scorer of one's own marks the whole dimension beside the judges, who are then a part of it.
    parts = 1 + sum(r.criterion is None and r.dimension == name for r in ratings)
    if points is not None:
        points = round(points - lone.offset / parts, 6)
        alone = f"{lone.judge} alone marked it"
        offset = f"its {lone.offset:+.2f} points of leniency, from {lone.answers} answers"
        reason = f"{alone}; {offset}, are taken off"
        if lone.answers < FEWEST_ANSWERS:
            reason = (
                f"{alone}, and its leniency is known from {lone.answers} answers; "
                f"{FEWEST_ANSWERS} are needed"
            )
            points, status = None, ONE_JUDGE
        elif not 0 <= points <= plain.maximum:
            reason, points, status = f"{alone}; {offset}, lead off the scale", None, ONE_JUDGE
    return MarkRow(
        response_key=response_key,
        task_digest=digest,
        marking=marking.digest,
        dimension=name,
        points=points,
        maximum=plain.maximum,
        status=status,
        reason=reason,
    )
