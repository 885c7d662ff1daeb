"""Sizes: the two bounds, and how people write a parameter count."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preamblelab.domain.sizes import (
    LARGE_ABOVE_B,
    SIZES,
    TINY_BELOW_B,
    parse_parameters,
    size_class,
)

counts = st.floats(min_value=1e-4, max_value=50_000, allow_nan=False)


@pytest.mark.parametrize(
    ("total_b", "size"),
    [
        (0.0001, "tiny"),
        (2.999, "tiny"),
        (3.0, "mid"),  # the lower bound belongs to mid
        (3.03, "mid"),  # starcoder2:3b
        (10.0, "mid"),  # so does the upper one
        (10.001, "large"),
        (10.7, "large"),  # solar:10.7b
        (1000.0, "large"),
        (None, "unknown"),  # unpublished is a stratum of its own
    ],
)
def test_the_bounds(total_b, size):
    assert size_class(total_b) == size


@settings(deadline=None)
@given(counts, counts)
def test_more_parameters_are_never_a_smaller_class(one, other):
    low, high = sorted((one, other))
    assert SIZES.index(size_class(low)) <= SIZES.index(size_class(high))


@settings(deadline=None)
@given(counts)
def test_the_class_is_what_the_two_bounds_say(total_b):
    slow = "tiny" if total_b < TINY_BELOW_B else "large" if total_b > LARGE_ABOVE_B else "mid"
    assert size_class(total_b) == slow


@pytest.mark.parametrize("total_b", [0, -1, math.nan, math.inf])
def test_a_count_that_cannot_be_is_refused(total_b):
    with pytest.raises(ValueError, match="above 0"):
        size_class(total_b)


@pytest.mark.parametrize(
    ("written", "billions"),
    [
        ("8.2B", 8.2),
        ("1.5b", 1.5),
        ("270M", 0.27),
        ("135m", 0.135),
        (" 4.3 B ", 4.3),
        (".5b", 0.5),
        ("1T", 1000.0),
        ("7", 7.0),
        (8, 8.0),
        (4.3, 4.3),
    ],
)
def test_how_people_write_counts(written, billions):
    assert parse_parameters(written) == pytest.approx(billions)


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=900))
def test_millions_and_billions_agree(millions):
    assert parse_parameters(f"{millions}M") == pytest.approx(parse_parameters(millions / 1000))


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("8x7b", "cannot read '8x7b' as a parameter count"),
        ("big", "cannot read 'big'"),
        ("", "cannot read ''"),
        ("8,2B", "cannot read '8,2B'"),
        ("-1B", "cannot read '-1B'"),
        ("0B", "not a parameter count above 0"),
        (-3, "not a parameter count above 0"),
        (math.nan, "not a parameter count above 0"),
        (math.inf, "not a parameter count above 0"),
        (True, "not a parameter count"),
        (8_190_735_360, "a single count is written '8.19B'"),
        ("9" * 400, "not a parameter count above 0"),
    ],
)
def test_what_is_no_count_is_refused_with_the_mend(written, message):
    with pytest.raises(ValueError) as refused:
        parse_parameters(written)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
