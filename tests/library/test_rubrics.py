"""Rubric files: short and long forms, and points that must add up."""

from collections.abc import Callable
from pathlib import Path

import pytest

from preamblelab.errors import SpecError
from preamblelab.library import load_rubric

Write = Callable[[str, str], Path]

SHORT = """\
name: coding
dimensions:
  analysis:
    points: 40
    criteria:
      - 25: Names the rules
      - 7.5: Names the limits
      - {points: 7.5, text: Names the types, check: edge_cases}
  code: 60
"""
LONG = """\
name: coding
dimensions:
  - name: analysis
    points: 40
    criteria:
      - {points: 25, text: Names the rules}
      - {points: 7.5, text: Names the limits}
      - {points: 7.5, text: Names the types, check: edge_cases}
  - {name: code, points: 60}
"""


def test_the_short_and_the_long_form_are_one_rubric(write: Write):
    short, long = load_rubric(write("a.yaml", SHORT)), load_rubric(write("b.yaml", LONG))
    assert short == long
    assert [criterion.points for criterion in short.dimensions[0].criteria] == [25, 7.5, 7.5]
    assert short.dimensions[0].criteria[2].check == "edge_cases"


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("- 25:", "- 24:", 5, "dimensions.0: the criteria of analysis add up to 39 points, not to"),
        ("code: 60", "code: 50", 2, "the dimensions add up to 90 points, not to 100"),
        ("code: 60", "code: .nan", 9, "dimensions.1.points: must be a number, not a text"),
        ("code: 60", "code: -60", 9, "dimensions.1.points: must be above 0, not -60"),
        ("code: 60", "code: {weight: 60}", 9, "dimensions.1: unknown field 'weight'; known: "),
        ("code: 60", "code: {point: 60}", 9, "unknown field 'point'; did you mean 'points'?"),
        ("- 25: Names the rules", "- Names the rules", 6, "must be a mapping of fields to values"),
        ("- 25: Names the rules", "- 25: ''", 6, "dimensions.0.criteria.0.text: is empty"),
        ("- 25: Names the rules", "- x: Names the rules", 6, "unknown field 'x'; known: "),
        ("text: Names the types", "txet: N", 8, "unknown field 'txet'; did you mean 'text'?"),
        ("name: coding\n", "nam: coding\n", 1, "unknown field 'nam'; did you mean 'name'?"),
        ("dimensions:", "dimension:", 2, "unknown field 'dimension'; did you mean 'dimensions'?"),
        ("code: 60", "a/b: 60", 9, "dimensions.1.name: 'a/b' is not a name"),
    ],
)
def test_points_that_do_not_add_up_are_refused_with_their_line(
    write: Write, old: str, new: str, line: int, message: str
):
    assert old in SHORT
    with pytest.raises(SpecError) as caught:
        load_rubric(write("rubrics/x.yaml", SHORT.replace(old, new)))
    assert f"rubrics/x.yaml:{line}: " in str(caught.value)
    assert message in str(caught.value)


def test_a_rubric_without_a_mapping_says_how_one_looks(write: Write):
    with pytest.raises(SpecError, match=r"x.yaml:1: dimensions: must be a mapping, not a text"):
        load_rubric(write("x.yaml", "dimensions: many\n"))
