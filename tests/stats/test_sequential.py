"""Looking early is legal only with a plan: its boundaries, its decisions, what it asks next."""

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtri

from preamblelab.errors import SpecError, TableError
from preamblelab.stats.looks import walk_looks
from preamblelab.stats.sequential import (
    Plan,
    calls_saved,
    look_history,
    next_trials,
    nominal_alphas,
    order_tasks,
    planned_repetitions,
    review,
)
from preamblelab.stats.simulate import simulate_scores


def test_five_even_looks_give_the_published_boundaries() -> None:
    # Published: Lan-DeMets O'Brien-Fleming, two-sided .05 (R packages gsDesign and GroupSeq).
    z = -ndtri(nominal_alphas([0.2, 0.4, 0.6, 0.8, 1.0]) / 2)
    np.testing.assert_allclose(z, [4.877, 3.357, 2.680, 2.290, 2.031], atol=0.002)


def test_pocock_spending_is_nearly_even_and_one_look_spends_everything() -> None:
    z = -ndtri(nominal_alphas([0.2, 0.4, 0.6, 0.8, 1.0], 0.05, "pocock") / 2)
    # Published: Lan-DeMets Pocock, two-sided .05, five even looks.
    np.testing.assert_allclose(z, [2.438, 2.427, 2.410, 2.397, 2.386], atol=0.003)
    assert nominal_alphas([1.0], 0.03)[0] == pytest.approx(0.03, rel=1e-9)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.floats(0.05, 0.95), min_size=1, max_size=5, unique=True),
    st.sampled_from([0.01, 0.05, 0.2]),
)
def test_the_chance_of_ever_leaving_the_boundary_is_alpha(
    shares: list[float], alpha: float
) -> None:
    information = [s for s in sorted(shares) if s > 0.05]
    information = [b for a, b in pairwise([0.0, *information]) if b - a > 0.03] + [1.0]
    z = -ndtri(nominal_alphas(information, alpha) / 2)
    random = np.random.default_rng(0)
    steps = np.sqrt(np.diff([0.0, *information]))
    paths = (random.normal(size=(40_000, len(steps))) * steps).cumsum(axis=1)
    crossed = (np.abs(paths) > z * np.sqrt(information)).any(axis=1).mean()
    assert crossed == pytest.approx(alpha, abs=5 * np.sqrt(alpha / 40_000))


def test_looks_take_new_tasks_first_and_repeats_last() -> None:
    plan = Plan(n_tasks=35)
    assert plan.looks == (7, 14, 21, 28, 35, 52, 70, 87, 105)
    assert Plan(n_tasks=3, n_repetitions=1).looks == (1, 2, 3)
    assert Plan(n_tasks=35, spending="none").looks == (105,)
    assert plan.information[-1] == 1.0
    # Half of the variance is the run's: 35 tasks once carry 1/(1/2 + 1/2) / (1/(1/2 + 1/6)).
    assert plan.information[4] == pytest.approx(2 / 3)


@pytest.mark.parametrize("wrong", [[], [0.5, 0.9], [0.5, 0.5, 1.0]])
def test_information_must_rise_to_the_whole(wrong: list[float]) -> None:
    with pytest.raises(SpecError, match="must rise"):
        nominal_alphas(wrong)
    with pytest.raises(SpecError, match=r"alpha is 1\.5"):
        nominal_alphas([1.0], 1.5)


def test_a_look_that_may_spend_nothing_decides_nothing() -> None:
    assert nominal_alphas([0.001, 1.0])[0] == 0.0
    assert nominal_alphas([0.5, 1.0], 0.05, "none").tolist() == pytest.approx([0.0, 0.05])


def test_a_plan_survives_its_record_and_a_changed_one_is_refused() -> None:
    plan = Plan(n_tasks=3, order=("b", "c", "a"), seed=4)
    record = json.loads(json.dumps(plan.to_dict()))
    assert Plan.from_dict(record) == plan
    plan.refuse_change(record)
    with pytest.raises(SpecError, match=r"margin was 5.0, is 2.0"):
        Plan(n_tasks=3, order=("b", "c", "a"), seed=4, margin=2.0).refuse_change(record)
    with pytest.raises(SpecError, match="order was"):
        Plan(n_tasks=3, order=("a", "b", "c"), seed=4).refuse_change(record)
    with pytest.raises(SpecError, match="unknown fields"):
        Plan.from_dict({**record, "peek": True})


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_tasks": 0},
        {"alpha": 1.0},
        {"n_repetitions": 0},
        {"futility": 1.0},
        {"order": ("a", "a", "b")},
        {"margin": -1.0},
        {"sharing": 0},
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SpecError, match="plan: "):
        Plan(**{"n_tasks": 3, **wrong})  # type: ignore[arg-type]


def test_the_order_mirrors_the_categories_and_ignores_how_tasks_were_listed() -> None:
    tasks = [f"t{i:02d}" for i in range(30)]
    strata = {task: "abc"[i % 3] for i, task in enumerate(tasks)}
    order = order_tasks(tasks, seed=5, strata=strata)
    assert order == order_tasks(tasks[::-1], seed=5, strata=strata)
    assert order != order_tasks(tasks, seed=6, strata=strata)
    assert sorted(order) == tasks
    for part in range(3, 31, 3):
        counts = [sum(strata[task] == c for task in order[:part]) for c in "abc"]
        assert max(counts) - min(counts) <= 2


def test_the_last_look_of_one_look_is_the_plain_paired_t() -> None:
    df = simulate_scores(models=2, tasks=12, repetitions=1, effect=3.0)
    plan = Plan(n_tasks=12, n_repetitions=1, spending="none")
    row = review(df, plan).iloc[0]
    scores = df[df["model"] == row["model"]].pivot_table(
        index="task", columns="variant", values="score"
    )
    expected = stats.ttest_rel(scores["preamble"], scores["baseline"]).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))


def slow_look(df: pd.DataFrame, plan: Plan, look: int) -> tuple[float, float, float]:
    """The obvious version: keep the trials of the look, average, one t interval."""
    order = plan.order or order_tasks(list(df["task"].unique()), seed=plan.seed)
    kept = [(order[c % plan.n_tasks], 1 + c // plan.n_tasks) for c in range(plan.looks[look - 1])]
    differences = []
    for task in order:
        means = []
        for arm in ("preamble", "baseline"):
            own = df[(df["task"] == task) & (df["variant"] == arm)]
            values = [
                s
                for s, r in zip(own["score"], own["repetition"], strict=True)
                if (task, r) in kept and np.isfinite(s)
            ]
            means.append(np.mean(values) if values else np.nan)
        differences.append(means[0] - means[1])
    seen = np.array([d for d in differences if np.isfinite(d)])
    half = stats.t.ppf(1 - plan.nominal_alphas[look - 1] / 2, len(seen) - 1) * stats.sem(seen)
    return float(seen.mean()), float(seen.mean() - half), float(seen.mean() + half)


@pytest.mark.parametrize("look", [2, 3, 5, 6, 7])
def test_every_look_equals_the_obvious_computation(look: int) -> None:
    df = simulate_scores(
        models={"m": 50.0}, tasks=11, repetitions=2, missing=0.1, repetition_sd=12.0, seed=look
    )
    plan = Plan(n_tasks=11, n_repetitions=2, futility=0.0, seed=9, margin=0.0, alpha=0.001)
    history = look_history(df, plan).set_index("look")
    row = history.loc[look]
    assert (row["effect"], row["low"], row["high"]) == pytest.approx(
        np.clip(slow_look(df, plan, look), -100, 100)
    )


def test_a_strong_effect_stops_early_says_so_and_is_asked_nothing_more() -> None:
    df = simulate_scores(
        models={"big": 40.0, "none": 60.0},
        tasks=40,
        repetitions=3,
        effect={"big": 40.0},
        repetition_sd=14.0,
        variant_task_sd=10.0,
        seed=2,
    )
    plan = Plan.for_tasks(list(df["task"].unique()))
    after = review(df, plan, 3).set_index("model")
    assert after.loc["big", "verdict"] == "better"
    assert after.loc["big", "look"] < 4
    assert after.loc["big", "stopped_early"]
    assert after.loc["big", "next_trials"] == 0
    assert "stopped early" in after.loc["big", "sentence"]
    assert not after.loc["none", "settled"]
    first = df[df["task"].isin(plan.order[:24])]
    asked = next_trials(first[first["repetition"] == 1], plan, 3)
    assert set(asked["model"]) == {"none"}
    assert set(asked["variant"]) == {"baseline", "preamble"}
    assert len(asked) == 2 * 8


def test_a_first_look_waits_until_its_trials_were_asked() -> None:
    df = simulate_scores(models=1, tasks=20, repetitions=1)
    order = order_tasks(list(df["task"].unique()))
    begun = df[df["task"].isin(order[:3])]
    plan = Plan(n_tasks=20, n_repetitions=1, order=order)
    row = review(begun, plan).iloc[0]
    assert (row["verdict"], row["flags"]) == ("undecided", "waiting")
    assert "not asked yet" in row["sentence"]
    assert list(next_trials(begun, plan)["task"]) == [order[3]] * 2
    assert look_history(begun, plan).empty


def test_a_cell_that_repeats_itself_is_not_asked_a_third_time() -> None:
    df = simulate_scores(models=1, tasks=10, repetitions=2, copied=1.0)
    plan = Plan(n_tasks=10, n_repetitions=3, futility=0.0, margin=0.0)
    assert next_trials(df, plan).empty
    free = simulate_scores(models=1, tasks=10, repetitions=2)
    assert len(next_trials(free, plan)) == 2 * 5


def test_identical_scores_decide_nothing_at_once_and_give_no_zero_width() -> None:
    df = simulate_scores(models=1, tasks=20, repetitions=1)
    df["score"] = 100.0
    history = look_history(df, Plan(n_tasks=20, n_repetitions=1))
    assert (history["high"] - history["low"] > 0).all()
    assert history["verdict"].iloc[0] == "undecided"
    assert history["low"].iloc[-1] < -10


def test_futility_ends_a_hopeless_pair_and_is_named() -> None:
    random = np.random.default_rng(0)
    scores = np.clip(50 + random.normal(0, 40, (200, 20, 1)), 0, 100)
    others = np.clip(50 + random.normal(0, 40, (200, 20, 1)), 0, 100)
    futile = walk_looks(scores, others, Plan(n_tasks=20, n_repetitions=1, futility=0.2))
    patient = walk_looks(scores, others, Plan(n_tasks=20, n_repetitions=1, futility=0.0))
    assert (futile.decision == 4).any()
    assert not (patient.decision == 4).any()
    assert futile.settled_at.mean() < patient.settled_at.mean()
    df = simulate_scores(models=20, tasks=20, repetitions=1, repetition_sd=40, seed=1)
    rows = review(df, Plan(n_tasks=20, n_repetitions=1, futility=0.3))
    hopeless = rows[rows["flags"] == "futile"]
    assert (hopeless["verdict"] == "undecided").all()
    assert hopeless["sentence"].str.contains("would hardly decide it").all()
    assert len(hopeless) > 0


def test_swapped_arms_swap_the_decisions_and_a_constant_changes_nothing() -> None:
    random = np.random.default_rng(1)
    low = 40 + random.normal(0, 9, (300, 20, 2))
    high = low + random.normal(0, 9, (300, 20, 2)) + random.normal(0, 8, (300, 1, 1))
    plan = Plan(n_tasks=20, n_repetitions=2)
    there, back = walk_looks(low, high, plan), walk_looks(high, low, plan)
    np.testing.assert_allclose(there.low, -back.high)
    mirrored = np.array([1, 0, 2, 3, 4, 5])
    np.testing.assert_array_equal(there.decision, mirrored[back.decision])
    np.testing.assert_array_equal(there.settled_at, walk_looks(low + 7, high + 7, plan).settled_at)


def test_tasks_of_one_source_are_not_independent_at_a_look() -> None:
    random = np.random.default_rng(4)
    source = np.repeat(np.arange(6), 5)
    low = 40 + random.normal(0, 2, (200, 30, 1))
    high = low + random.normal(0, 8, (200, 6))[:, source, None] + random.normal(0, 2, low.shape)
    plan = Plan(n_tasks=30, n_repetitions=1, spending="none", futility=0.0)
    alone = walk_looks(low, high, plan)
    grouped = walk_looks(low, high, plan, cluster=source)
    assert (alone.decision[:, 0] < 2).mean() > 0.25
    assert (grouped.decision[:, 0] < 2).mean() < 0.1
    own = walk_looks(low, high, plan, cluster=np.arange(30))
    np.testing.assert_allclose(own.low, alone.low)
    df = simulate_scores(models=1, tasks=10, repetitions=1, effect=9.0, variant_task_sd=20)
    df["cluster"] = df["task"].str[-1].isin(list("01234"))
    plain = review(
        df.drop(columns="cluster"), Plan(n_tasks=10, n_repetitions=1, spending="none")
    ).iloc[0]
    wide = review(df, Plan(n_tasks=10, n_repetitions=1, spending="none")).iloc[0]
    assert wide["high"] - wide["low"] > plain["high"] - plain["low"]


def test_saved_calls_are_counted_and_said() -> None:
    df = simulate_scores(models=2, tasks=10, repetitions=1)
    saved = calls_saved(df, Plan(n_tasks=10, n_repetitions=3))
    assert (saved.asked, saved.full, saved.share) == (40, 120, pytest.approx(1 / 3))
    assert str(saved).startswith("40 of 120 answers were asked (33%)")


def test_the_rules_to_compare_with() -> None:
    assert [planned_repetitions(s, "seed") for s in (59.9, 60, 80, 80.1)] == [3, 2, 2, 1]
    assert planned_repetitions(10, "always-3") == 3
    assert planned_repetitions(10, "auto") == 1
    with pytest.raises(SpecError, match="needs a baseline score"):
        planned_repetitions(float("nan"), "seed")


def test_a_table_that_is_not_of_the_plan_is_refused() -> None:
    df = simulate_scores(models=1, tasks=4, repetitions=1)
    with pytest.raises(TableError, match="outside the plan"):
        review(df, Plan(n_tasks=3, order=("task-1", "task-2", "task-3")))
    with pytest.raises(TableError, match="the plan has 9 tasks and no order"):
        review(df, Plan(n_tasks=9))
    with pytest.raises(SpecError, match="looks 1 to 4"):
        review(df, Plan(n_tasks=4, n_repetitions=1), 7)
    with pytest.raises(TableError, match="nothing to compare"):
        review(df[df["variant"] == "baseline"], Plan(n_tasks=4))


def test_error_and_saving_of_a_small_simulation() -> None:
    # The full table of rates is in test_error_rates_slow.py.
    random = np.random.default_rng(3)
    task, run = random.uniform(3, 14, (800, 1, 1)), random.uniform(1.5, 15, (800, 1, 1))
    low = run * random.normal(size=(800, 35, 3))
    high = task * random.normal(size=(800, 35, 1)) + run * random.normal(size=(800, 35, 3))
    plan = Plan(n_tasks=35)
    walk = walk_looks(50 + low, 50 + high, plan)
    last = np.minimum(walk.settled_at, len(plan.looks) - 1)
    final = walk.decision[np.arange(800), last]
    assert (final < 2).mean() <= 0.065
    assert np.array(plan.looks)[last].mean() / 105 <= 0.56
