"""Points that add up, or are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from preamblelab.domain.rubrics import Criterion, Dimension, Rubric

FIVE = {"analysis": 20, "code": 30, "tests": 25, "quality": 15, "strategy": 10}


def rubric(points: dict[str, float]) -> Rubric:
    dimensions = tuple(Dimension(name=name, points=each) for name, each in points.items())
    return Rubric(name="r", dimensions=dimensions)


def test_five_dimensions_of_a_hundred_points_are_a_rubric():
    assert rubric(FIVE).dimension("tests").points == 25
    with pytest.raises(KeyError):
        rubric(FIVE).dimension("style")


@given(st.dictionaries(st.sampled_from(list("abcdef")), st.integers(1, 60), min_size=1))
def test_a_rubric_is_accepted_exactly_when_its_points_are_a_hundred(points):
    if sum(points.values()) == 100:
        rubric(dict(points))
    else:
        with pytest.raises(ValidationError, match=r"add up to \d+ points, not to 100"):
            rubric(dict(points))


def test_fractions_that_add_up_but_for_rounding_are_accepted():
    rubric({"a": 0.1, "b": 0.2, "c": 99.7})
    parts = (Criterion(points=0.1, text="x"), Criterion(points=0.2, text="y"))
    Dimension(name="a", points=0.3, criteria=parts)


def test_criteria_add_up_to_their_dimension():
    with pytest.raises(ValidationError, match="criteria of a add up to 8 points, not to its 10"):
        Dimension(name="a", points=10, criteria=(Criterion(points=8, text="x"),))


@pytest.mark.parametrize("points", [0, -5, 101, float("nan"), float("inf")])
def test_impossible_points_are_refused(points):
    with pytest.raises(ValidationError):
        Criterion(points=points, text="x")
    with pytest.raises(ValidationError):
        Dimension(name="a", points=points)


def test_two_dimensions_of_one_name_are_refused():
    twice = (Dimension(name="a", points=50), Dimension(name="a", points=50))
    with pytest.raises(ValidationError, match="one name"):
        Rubric(name="r", dimensions=twice)


def test_a_dimension_without_criteria_is_marked_as_one():
    (criterion,) = Dimension(name="code_quality", points=15).marked
    assert (criterion.points, criterion.text, criterion.check) == (15, "code quality", None)


def test_the_address_changes_with_a_word_or_a_point_and_not_with_the_name():
    assert rubric(FIVE).digest == rubric(FIVE).model_copy(update={"name": "other"}).digest
    assert rubric(FIVE).digest != rubric({**FIVE, "code": 25, "tests": 30}).digest
