"""Paired differences on 0 to 1 against published limits, a slow obvious version and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from preamblelab.errors import TableError
from preamblelab.stats.differences import (
    binary_difference,
    one_sided_p,
    paired_difference,
    score_step_floor,
    tango_limits,
    weighted_difference,
)


@pytest.mark.parametrize(
    ("gained", "lost", "n", "low", "high"),
    [
        (0, 1, 6, -0.5024, 0.1959),
        (0, 0, 6, -0.3108, 0.3108),
        (0, 0, 35, -0.072, 0.072),
        (0, 0, 100, -0.026, 0.026),
        (6, 1, 35, 0.0223, 0.2771),
        (7, 1, 35, 0.0458, 0.3095),
    ],
)
def test_tango_gives_the_limits_that_were_computed_elsewhere(gained, lost, n, low, high):
    digits = 4 if abs(low) != round(abs(low), 3) else 3
    assert tuple(round(x, digits) for x in tango_limits(gained, lost, n)) == (low, high)


def test_tango_on_a_large_table_at_two_sided_95():
    assert tuple(round(x, 4) for x in tango_limits(40, 20, 160, 0.025)) == (0.0309, 0.2181)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_tango_is_antisymmetric_and_holds_its_estimate(gained, lost, equal):
    n = gained + lost + equal
    if n == 0:
        return
    low, high = tango_limits(gained, lost, n)
    assert -1 <= low <= (gained - lost) / n <= high <= 1
    other = tango_limits(lost, gained, n)
    assert other == pytest.approx((-high, -low), abs=1e-7)


def test_tango_refuses_counts_that_cannot_be():
    with pytest.raises(TableError, match="5 gained and 3 lost of 7"):
        tango_limits(5, 3, 7)


@pytest.mark.parametrize(
    ("counts", "estimate", "low", "high"),
    [
        (((20, 0.1), (10, 0.0), (5, -0.1)), 0.0429, 0.0217, 0.0640),
        (((12, 1 / 3), (15, 0.0), (8, -1 / 3)), 0.0381, -0.0341, 0.1103),
    ],
)
def test_t_limits_of_35_tasks(counts, estimate, low, high):
    values = np.concatenate([np.full(n, value) for n, value in counts])
    found = paired_difference(values)
    figures = (found.estimate, found.low, found.high)
    assert tuple(round(x, 4) for x in figures) == (estimate, low, high)
    assert found.n == 35


def test_equal_differences_on_all_tasks_are_no_proof():
    flat = paired_difference(np.full(6, 0.0), step=1.0)
    assert flat.low < 0 < flat.high
    assert flat.se * np.sqrt(6) == pytest.approx(score_step_floor(1.0, 6, 1))
    assert paired_difference(np.full(6, 0.0), step=1.0, repetitions=3).high < flat.high


def test_tasks_of_one_source_are_one_unit():
    values = np.array([0.1, 0.1, 0.1, -0.1, -0.1, -0.1, 0.2, 0.2, 0.2])
    apart = paired_difference(values)
    together = paired_difference(values, cluster=np.repeat([0, 1, 2], 3))
    assert together.n == 3
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_one_difference_has_no_spread():
    with pytest.raises(TableError, match="1 paired difference: a spread"):
        paired_difference(np.array([0.1]))
    with pytest.raises(TableError, match="missing"):
        paired_difference(np.array([0.1, np.nan]))


def test_a_sum_of_two_categories_is_welchs_interval():
    rng = np.random.default_rng(1)
    one, two = rng.normal(0.1, 0.1, 12), rng.normal(-0.05, 0.3, 7)
    # The difference one - (-two) of two samples has the same error as their sum.
    theirs = CompareMeans(DescrStatsW(one), DescrStatsW(-two))
    low, high = theirs.tconfint_diff(alpha=0.1, usevar="unequal")
    parts = [(0.5, paired_difference(one)), (0.5, paired_difference(two))]
    found = weighted_difference(parts)
    assert (2 * found.low, 2 * found.high) == pytest.approx((low, high))
    assert found.n == 19


def test_p_values_agree_with_limits():
    found = paired_difference(np.array([0.1, 0.2, 0.05, 0.0, 0.15, 0.1]))
    assert one_sided_p(found, found.low) == pytest.approx(0.05)


def test_raising_one_score_can_lower_the_limit():
    # A known property of t limits, told in docs/decisions.md: never test the opposite.
    even = np.tile([0.05, 0.05], 6)
    one_far = np.array([0.05] * 11 + [1.0])
    assert paired_difference(even).low == pytest.approx(0.05)
    assert paired_difference(one_far).low == pytest.approx(-0.013, abs=0.001)


def test_the_limits_err_in_about_five_percent():
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(2000):
        pairs = rng.random((30, 2)) < 0.8
        gained = int((pairs[:, 0] & ~pairs[:, 1]).sum())
        lost = int((pairs[:, 1] & ~pairs[:, 0]).sum())
        wrong += binary_difference(gained, lost, 30).low > 0
    assert 0.03 < wrong / 2000 < 0.07
