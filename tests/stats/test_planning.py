"""Planning: the cheapest design for a precision, and what a design at hand can show."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from preamblelab.errors import TableError
from preamblelab.stats.planning import (
    Spreads,
    design_half_width,
    plan_design,
    power,
    spreads_of,
)

TYPICAL = {"task": 144, "task_model": 64, "task_variant": 36, "repetition": 64, "judge": 25}


def test_one_repetition_and_one_judge_are_cheapest_and_three_runs_cost_more_than_twice():
    found = plan_design(TYPICAL, 3.0)
    best = found.iloc[0]
    assert best[["n_tasks", "n_repetitions", "n_judges", "cost"]].tolist() == [110, 1, 1, 440]
    habit = found.query("n_repetitions == 3 and n_judges == 2").iloc[0]
    assert habit[["n_tasks", "cost"]].tolist() == [55, 990]
    assert found["cost"].is_monotonic_increasing
    assert (found["half_width"] <= 3).all()


def test_each_plan_is_the_smallest_that_does():
    for row in plan_design(TYPICAL, 4.0).itertuples():
        fewer = design_half_width(TYPICAL, row.n_tasks - 1, row.n_repetitions, row.n_judges)
        assert fewer > 4.0 >= row.half_width


def test_many_judges_pay_only_when_they_are_free():
    dear = plan_design(TYPICAL, 3.0, cost_generation=1.0, cost_judge=1.0).iloc[0]
    free = plan_design(TYPICAL, 3.0, cost_generation=1.0, cost_judge=0.0).iloc[0]
    assert (dear["n_judges"], free["n_judges"]) == (1, 3)


def test_a_goal_beyond_the_tasks_at_hand_gives_no_plan_or_more_repetitions():
    assert plan_design(TYPICAL, 1.0, most_tasks=35).empty
    few = plan_design(TYPICAL, 4.0, most_tasks=35)
    assert (few["n_tasks"] <= 35).all()
    assert (few["n_repetitions"] > 1).all()


def test_the_half_width_is_what_a_simulation_gives():
    rng = np.random.default_rng(0)
    n_tasks, n_repetitions, n_judges = 12, 2, 2
    cells = rng.normal(0, 6, (4000, 2, n_tasks, 1, 1))
    runs = rng.normal(0, 8, (4000, 2, n_tasks, n_repetitions, 1))
    marks = rng.normal(0, 5, (4000, 2, n_tasks, n_repetitions, n_judges))
    means = (cells + runs + marks).mean(axis=(3, 4))
    difference = means[:, 1] - means[:, 0]
    quantile = stats.t.ppf(0.975, n_tasks - 1)
    seen = quantile * np.sqrt((difference.var(axis=1, ddof=1) / n_tasks).mean())
    planned = design_half_width(TYPICAL, n_tasks, n_repetitions, n_judges)
    assert planned == pytest.approx(seen, rel=0.02)


def test_power_equals_that_of_statsmodels():
    from statsmodels.stats.power import TTestPower

    spread = float(np.sqrt(2 * (36 + 64 + 25)))
    known = TTestPower().power(6.0 / spread, nobs=20, alpha=0.05)
    found = power(TYPICAL, 20, effect=6.0)
    assert found.chance_of_effect == pytest.approx(known, abs=1e-4)
    again = power(TYPICAL, 20, effect=found.smallest_effect)
    assert again.chance_of_effect == pytest.approx(0.8, abs=1e-6)


def test_power_in_words():
    assert power(TYPICAL, 20, 1, 1, effect=6).sentence == (
        "20 tasks x 1 repetition x 1 judge: an effect is known to ±7.4 points; one of 10.4 is "
        "found in 80% of such experiments. The effect asked for is found in 36%."
    )


def test_without_spread_every_effect_is_seen():
    assert power({"task_variant": 0.0}, 5, effect=1.0).chance_of_effect == pytest.approx(1.0)


def component_table(**flags: str) -> pd.DataFrame:
    names = list(TYPICAL)
    return pd.DataFrame(
        {
            "component": names,
            "variance": [np.nan if name in flags else TYPICAL[name] for name in names],
            "flags": [flags.get(name, "") for name in names],
        }
    )


def test_what_cannot_be_told_apart_counts_where_it_sits():
    found = spreads_of(component_table(judge="not_separable: inside repetition"))
    assert found == Spreads(task_variant=36, repetition=64, judge=0)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (component_table(task_variant="not_estimable"), "needs a baseline and a variant"),
        ({"repetition": 4.0}, "variances are named task_variant, repetition, judge"),
        ({"task_variant": 4.0, "run": 1.0}, "got run, task_variant"),
        ({"task_variant": -4.0}, "variance task_variant is -4"),
    ],
)
def test_a_pilot_that_cannot_plan_says_why(source, message: str):
    with pytest.raises(TableError, match=message):
        design_half_width(source, 20)


@pytest.mark.parametrize("design", [(1, 1, 1), (20, 0, 1), (20, 1, 0)])
def test_no_design(design: tuple[int, int, int]):
    with pytest.raises(TableError, match="at least 2 tasks, 1 repetition and 1 judge"):
        design_half_width(TYPICAL, *design)


def test_no_precision():
    with pytest.raises(TableError, match="half-width 0 is not above 0"):
        plan_design(TYPICAL, 0)
