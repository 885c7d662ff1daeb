"""How ratings become the points of a dimension; what is missing stays missing."""

import pytest

from preamblelab.domain.records import Rating
from preamblelab.domain.rubrics import Criterion, Dimension
from preamblelab.scoring.combine import combine

DIMENSION = Dimension(
    name="quality",
    points=15,
    criteria=(
        Criterion(points=5, text="parses", check="code_parses"),
        Criterion(points=10, text="reads well"),
    ),
)


def check(points: float | None) -> Rating:
    status = "ok" if points is not None else "crashed"
    return Rating(
        scorer="text", dimension="quality", criterion=0, points=points, status=status, reason="why"
    )


def judged(points: float | None, judge: str = "judge/a", judgement: int = 1) -> Rating:
    status = "ok" if points is not None else "no_json"
    return Rating(
        scorer=judge,
        dimension="quality",
        criterion=1,
        points=points,
        judgement=judgement,
        status=status,
    )


def whole(points: float | None) -> Rating:
    status = "ok" if points is not None else "invalid"
    return Rating(scorer="mine:share", dimension="quality", points=points, status=status)


@pytest.mark.parametrize(
    ("ratings", "points"),
    [
        ([check(5), judged(6)], 11),
        ([check(5), judged(6), judged(8, "judge/b"), judged(9, "judge/c")], 13),
        ([check(5), judged(6), judged(9, judgement=2)], 12.5),
        ([check(5), judged(None), judged(9, "judge/b")], 14),
        ([whole(12)], 12),
        ([check(5), judged(5), whole(12)], 11),
        ([check(0), judged(0)], 0),
    ],
)
def test_points(ratings, points):
    assert combine(DIMENSION, ratings).points == points


@pytest.mark.parametrize(
    ("ratings", "status"),
    [
        ([], "unmarked"),
        ([check(5)], "unmarked"),
        ([judged(6)], "unmarked"),
        ([check(5), judged(None)], "no_json"),
        ([check(None), judged(6)], "crashed"),
        ([check(5), judged(6), whole(None)], "invalid"),
    ],
)
def test_a_missing_part_makes_the_dimension_missing_not_zero(ratings, status):
    marks = combine(DIMENSION, ratings)
    assert marks.points is None
    assert marks.status == status
    assert marks.maximum == 15


def test_ratings_of_other_dimensions_do_not_count():
    other = Rating(scorer="text", dimension="other", criterion=0, points=99)
    assert combine(DIMENSION, [other, check(5), judged(6)]).points == 11
