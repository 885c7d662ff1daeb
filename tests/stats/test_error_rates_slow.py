"""Error rates and coverage by simulation: the bars of the measurements, on data drawn afresh."""

from typing import Any

import krippendorff
import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from preamblelab.stats.agreement import judge_agreement
from preamblelab.stats.looks import Plan, walk_looks
from preamblelab.stats.reliability import clustered_mean, krippendorff_alpha
from preamblelab.stats.segments import TIERS, segment_effects
from preamblelab.stats.tiers import separations
from preamblelab.stats.wins import win_table

pytestmark = pytest.mark.slow

Floats = np.ndarray


def long_table(baseline: Floats, variant: Floats) -> pd.DataFrame:
    """Arrays models x tasks x repetitions as a long table."""
    at = np.indices(baseline.shape).reshape(3, -1)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "model": at[0],
                    "variant": label,
                    "task": at[1],
                    "repetition": at[2],
                    "score": scores.ravel(),
                }
            )
            for label, scores in (("baseline", baseline), ("preamble", variant))
        ],
        ignore_index=True,
    )


# --- section 2: tiers -----------------------------------------------------------------------


def tier_rates(
    unit: str, runs: int, draws: int, *, missing: float = 0.0, effect: float = 0.0, sd: float = 15.0
) -> pd.DataFrame:
    """Bias and coverage of every tier over fresh tables, the naive reading beside them."""
    random = np.random.default_rng(20)
    found = []
    for _ in range(draws):
        if unit == "cell":
            true = random.uniform(10, 98, (8, 1)) + random.normal(0, 20, 20)
        else:
            true = random.uniform(10, 98, (8, 1)) + random.normal(0, 8, 20)
        true = np.clip(true, 10, 98)[..., None]
        arms = [true + shift + random.normal(0, sd, (8, 20, runs)) for shift in (0.0, effect)]
        if effect == 0.0:
            arms = [np.clip(arm, 0, 100) for arm in arms]
        else:
            # A constant effect stays constant only without a ceiling: keep clear of it.
            arms = [(arm + 60) / 2.3 for arm in arms]
        df = long_table(*arms)
        df.loc[random.random(len(df)) < missing, "score"] = np.nan
        cuts = (50.0, 90.0) if effect == 0.0 else tuple((c + 60) / 2.3 for c in (50.0, 90.0))
        found.append(segment_effects(df, unit=unit, cuts=cuts))  # type: ignore[arg-type]
    table = pd.concat(found)
    goal = effect / (2.3 if effect else 1.0)
    table["inside"] = ((table["low"] <= goal) & (table["high"] >= goal)).where(table["low"].notna())
    table["bias"] = table["effect"] - goal
    table["naive"] = table["naive_effect"] - goal
    return table.groupby("tier")[["bias", "naive", "inside"]].mean().loc[list(TIERS)]


@pytest.mark.parametrize("runs", [2, 3])
def test_cell_tiers_with_repetitions_show_no_effect_where_there_is_none(runs: int) -> None:
    rates = tier_rates("cell", runs, 500)
    assert (rates.loc[["low", "mid"], "bias"].abs() <= 0.8).all()
    assert abs(rates.loc["high", "bias"]) <= 1.6
    assert (rates["inside"] >= 0.86).all()
    # The naive reading of the same tables is wrong where it matters most.
    assert rates.loc["high", "naive"] < -4
    assert rates.loc["low", "naive"] > 1.5


def test_cell_tiers_with_one_answer_hold_too() -> None:
    rates = tier_rates("cell", 1, 500)
    assert (rates.loc[["low", "mid"], "bias"].abs() <= 1.2).all()
    assert abs(rates.loc["high", "bias"]) <= 3.0
    assert (rates["inside"].dropna() >= 0.84).all()
    assert rates.loc["high", "naive"] < -8


@pytest.mark.parametrize("runs", [1, 2])
def test_model_tiers_cover_a_constant_effect_with_missing_rows(runs: int) -> None:
    rates = tier_rates("model", runs, 400, missing=0.15, effect=6.0)
    assert (rates.loc[["low", "mid"], "inside"] >= 0.9).all()
    assert rates.loc["high", "inside"] >= 0.84
    assert (rates.loc[["low", "mid"], "bias"].abs() <= 0.8).all()


# --- section 5: looks -----------------------------------------------------------------------


def looks_rates(world: str, tasks: int, pairs: int, plan: Plan, seed: int = 5) -> dict[str, float]:
    """Calls, decisions and wrong claims of a plan over many pairs."""
    random = np.random.default_rng(seed)
    kind = random.choice(4, pairs, p=[0.25, 0.25, 0.35, 0.15])
    sign = random.choice([-1.0, 1.0], pairs)
    true = np.choose(
        kind,
        [
            np.zeros(pairs),
            random.uniform(-2, 2, pairs),
            random.uniform(4, 12, pairs) * sign,
            random.uniform(30, 60, pairs) * sign,
        ],
    )
    if world != "mixed":
        true = np.full(pairs, 0.0 if world == "null" else plan.margin)
    task_sd = np.exp(random.uniform(np.log(3), np.log(14), (pairs, 1, 1)))
    repetition_sd = np.exp(random.uniform(np.log(1.5), np.log(15), (pairs, 1, 1)))
    shape = (pairs, tasks, plan.n_repetitions)
    low = 50 + repetition_sd * random.normal(size=shape)
    high = 50 + true[:, None, None] + task_sd * random.normal(size=(pairs, tasks, 1))
    high = high + repetition_sd * random.normal(size=shape)
    walk = walk_looks(low, high, plan)
    last = np.minimum(walk.settled_at, len(plan.looks) - 1)
    said = walk.decision[np.arange(pairs), last]
    wrong = ((said == 0) & (true <= 0)) | ((said == 1) & (true >= 0))
    wrong |= (said == 2) & (np.abs(true) >= plan.margin)
    return {
        "calls": float(np.array(plan.looks)[last].mean() / (tasks * 3)),
        "decided": float((said < 3).mean()),
        "wrong": float(wrong.mean()),
    }


def test_looking_early_keeps_the_error_and_saves_most_calls() -> None:
    mixed = looks_rates("mixed", 35, 6000, Plan(n_tasks=35))
    assert mixed["calls"] <= 0.45
    assert mixed["decided"] >= 0.74
    assert mixed["wrong"] <= 0.03
    null = looks_rates("null", 35, 4000, Plan(n_tasks=35))
    assert null["wrong"] <= 0.065
    assert null["calls"] <= 0.56
    assert looks_rates("margin", 35, 4000, Plan(n_tasks=35))["wrong"] <= 0.065


def test_a_hundred_tasks_save_three_quarters() -> None:
    found = looks_rates("mixed", 100, 2000, Plan(n_tasks=100))
    assert found["calls"] <= 0.32
    assert found["decided"] >= 0.95
    assert found["wrong"] <= 0.02


def test_the_full_design_and_a_shared_error_for_comparison() -> None:
    full = looks_rates("null", 35, 4000, Plan(n_tasks=35, spending="none"))
    assert full["calls"] == 1.0
    assert full["wrong"] == pytest.approx(0.05, abs=0.015)
    # Twelve pairs sharing the error: any wrong claim in about 5 % of experiments.
    shared = looks_rates("null", 35, 6000, Plan(n_tasks=35, sharing=12))
    assert 1 - (1 - shared["wrong"]) ** 12 <= 0.07


def test_peeking_without_a_plan_is_what_this_prevents() -> None:
    random = np.random.default_rng(1)
    d = random.normal(0, 10, (3000, 35))
    n = np.arange(1, 36)
    mean = d.cumsum(axis=1) / n
    sd = np.sqrt(np.maximum((d**2).cumsum(axis=1) - n * mean**2, 0)[:, 2:] / (n[2:] - 1))
    claims = np.abs(mean[:, 2:]) > t.ppf(0.975, n[2:] - 1) * sd / np.sqrt(n[2:])
    assert claims.any(axis=1).mean() > 0.2


def test_intervals_up_to_stopping_cover_together() -> None:
    random = np.random.default_rng(8)
    plan = Plan(n_tasks=35)
    shape = (3000, 35, 3)
    low = 50 + 8 * random.normal(size=shape)
    high = 53 + 8 * random.normal(size=(3000, 35, 1)) + 8 * random.normal(size=shape)
    walk = walk_looks(low, high, plan)
    seen = np.arange(len(plan.looks)) <= walk.settled_at[:, None]
    inside = ((walk.low <= 3) & (walk.high >= 3)) | ~seen
    assert inside.all(axis=1).mean() >= 0.95


# --- section 6: tiers of systems --------------------------------------------------------------


@pytest.mark.parametrize("world", ["three clusters", "all equal"])
def test_tiers_hold_on_fresh_tasks(world: str) -> None:
    random = np.random.default_rng(6)
    levels = np.repeat([70.0, 60.0, 45.0], [4, 4, 3]) if world[0] == "t" else np.full(11, 60.0)

    def answers() -> Floats:
        noise = random.normal(0, 6, (11, 28)) + random.normal(0, 8, (11, 28))
        return levels[:, None] + random.normal(0, 12, 28) + noise

    apart, reversed_, top, split = [], 0, [], 0
    for _ in range(400):
        above = separations(answers(), np.arange(28), 0.05)
        fresh = answers().mean(axis=1)
        better, worse = np.nonzero(above)
        reversed_ += int((fresh[better] < fresh[worse]).sum())
        apart.append(len(better))
        top.append(above[:4, 8:].mean())
        split += bool(above.any())
    if world == "all equal":
        assert split / 400 <= 0.12
    else:
        assert np.mean(apart) >= 15
        assert reversed_ / sum(apart) <= 0.005
        assert np.mean(top) >= 0.97


# --- section 4: wins ---------------------------------------------------------------------------


def test_win_shares_are_covered_for_every_amount_of_sharing() -> None:
    share = np.array([8, 5, 5, 4, 2.5, 2, 1.5, 0.7, 0.1, 0.1, 0.1])
    share = share / share.sum()
    means, worst, widths = [], [], []
    for shared in (0.0, 0.3, 0.6, 0.9, 1.0):
        random = np.random.default_rng(1)
        inside, width = [], []
        for _ in range(500):
            first = random.choice(11, 28, p=share)
            again = random.random((3, 28)) < shared
            winner = np.where(again, first, random.choice(11, (3, 28), p=share))
            run, test = np.indices((3, 28)).reshape(2, -1)
            df = pd.DataFrame({"run": run, "test": test, "winner": winner.ravel()})
            table = win_table(df, models=list(range(11)))  # type: ignore[arg-type]
            table = table.set_index("model").loc[list(range(11))]
            inside.append((table["low"] <= share) & (share <= table["high"]))
            width.append((table["high"] - table["low"]).mean())
        means.append(np.mean(inside))
        worst.append(np.mean(inside, axis=0).min())
        widths.append(np.mean(width))
    assert min(means) >= 0.95
    assert min(worst) >= 0.92
    assert np.mean(widths) <= 0.21


# --- section 8: judges -------------------------------------------------------------------------


def test_disagreement_intervals_cover_when_it_varies_by_task() -> None:
    random = np.random.default_rng(8)
    tasks, models = 20, 11
    inside = []
    for _ in range(600):
        # Noise of both judges differs between tasks: the rate in the population is their mean.
        sd = np.repeat(random.choice([0.4, 1.6], tasks), models)
        gap = np.round(random.normal(0, 1, (tasks * models, 2)) * sd[:, None] + 6)
        apart = (np.abs(gap[:, 0] - gap[:, 1]) >= 2).astype(float)
        found = clustered_mean(apart, np.repeat(np.arange(tasks), models), 0.95, (0.0, 1.0))
        inside.append((found.low, found.high))
    many = np.concatenate([np.full(200_000, 0.4), np.full(200_000, 1.6)])
    gap = np.round(random.normal(0, 1, (len(many), 2)) * many[:, None] + 6)
    truth = float((np.abs(gap[:, 0] - gap[:, 1]) >= 2).mean())
    assert np.mean([low <= truth <= high for low, high in inside]) >= 0.9


def test_alpha_on_tables_with_missing_judges_equals_the_package() -> None:
    random = np.random.default_rng(0)
    for _ in range(100):
        true = random.normal(50, 12, 60)
        cells = true[:, None] + random.normal(0, random.uniform(2, 15), (60, 3))
        cells[random.random(cells.shape) < 0.25] = np.nan
        expected = krippendorff.alpha(cells.T, level_of_measurement="interval")
        assert krippendorff_alpha(cells) == pytest.approx(expected, abs=1e-12)


def test_leniency_is_covered() -> None:
    random = np.random.default_rng(3)
    inside = 0
    for _ in range(300):
        marks: list[dict[str, Any]] = []
        per_task = random.normal(5.0, 3.0, 12)
        for task in range(12):
            for model in range(3):
                answer = random.normal(50, 10)
                gap = per_task[task] + random.normal(0, 4)
                row = {"model": model, "variant": "v", "task": task, "repetition": 1}
                marks.append({**row, "judge": "a", "score": np.clip(answer + gap, 0, 100)})
                marks.append({**row, "judge": "b", "score": np.clip(answer, 0, 100)})
        found = judge_agreement(pd.DataFrame(marks)).iloc[0]
        inside += bool(found["bias_low"] <= 5.0 <= found["bias_high"])
    assert inside / 300 >= 0.91
