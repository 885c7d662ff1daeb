"""One clause across models and variants: its main effect, and where it differs."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from preamblelab.errors import TableError
from preamblelab.stats.factors import factor_effects
from preamblelab.stats.simulate import simulate_scores

ARMS = ("mini", "mini+brief", "long", "long+brief")


def brevity(effect: dict[str, object], **settings: object) -> pd.DataFrame:
    world = {"models": {"a": 55.0, "b": 60.0, "c": 50.0}, "tasks": 40, "task_sd": 8.0} | settings
    return simulate_scores(variants=ARMS, effect=effect, floor=None, ceiling=None, **world)  # type: ignore[arg-type]


def test_the_main_effect_and_the_model_where_it_differs() -> None:
    df = brevity(
        {
            "mini": 5.0,
            "mini+brief": {"a": 1.0, "b": 1.0, "c": 17.0},
            "long": 8.0,
            "long+brief": {"a": 4.0, "b": 4.0, "c": 20.0},
        },
        seed=1,
    )
    df["score"] = df["score"].clip(0, 100)
    found = factor_effects(df, "brief").set_index(["group", "name"])
    main = found.loc[("all", "brief")]
    assert main["low"] < (-4 - 4 + 12) / 3 < main["high"]
    assert found.loc[("model", "c"), "differs"]
    assert found.loc[("model", "c"), "difference"] == pytest.approx(16, abs=3)
    assert "it differs here" in found.loc[("model", "c"), "sentence"]
    assert not found.loc[("variant", "long"), "differs"]
    assert ("model x variant", "c / long") in found.index


def test_what_has_no_interval_is_not_said_to_differ() -> None:
    df = brevity({"mini+brief": {"a": 1.0, "b": 1.0, "c": 40.0}}, tasks=3, seed=3)
    df["score"] = df["score"].clip(0, 100)
    found = factor_effects(df, "brief")
    bare = found["low"].isna()
    assert bare[found["group"] == "model"].all()
    assert not found.loc[bare, "differs"].any()
    assert not found.loc[bare, "sentence"].str.contains("differs").any()


def test_the_main_effect_of_complete_data_is_the_plain_mean_of_paired_differences() -> None:
    df = brevity({}, repetitions=2)
    df["score"] = df["score"].clip(0, 100)
    cells = df.pivot_table(index="task", columns="variant", values="score")
    d = (cells["mini+brief"] - cells["mini"] + cells["long+brief"] - cells["long"]) / 2
    row = factor_effects(df, "brief").iloc[0]
    expected = stats.ttest_1samp(d, 0).confidence_interval()
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))


def test_a_column_says_the_same_as_labels() -> None:
    df = brevity({"mini+brief": -6.0})
    df["score"] = df["score"].clip(0, 100)
    wide = df.assign(
        brief=df["variant"].str.endswith("+brief"), variant=df["variant"].str.removesuffix("+brief")
    )
    pd.testing.assert_frame_equal(factor_effects(df, "brief"), factor_effects(wide, "brief"))


def test_swapped_arms_flip_the_sign_and_row_order_does_not_matter() -> None:
    df = brevity({"mini+brief": -6.0}, missing=0.1)
    df["score"] = df["score"].clip(0, 100)
    other = {"mini": "mini+brief", "mini+brief": "mini", "long": "long+brief"}
    swapped = df.assign(variant=df["variant"].replace(other | {"long+brief": "long"}))
    first, second = factor_effects(df, "brief"), factor_effects(swapped, "brief")
    np.testing.assert_allclose(first["effect"], -second["effect"])
    np.testing.assert_allclose(first["low"], -second["high"])
    mixed = factor_effects(df.sample(frac=1.0, random_state=0), "brief")
    pd.testing.assert_frame_equal(first, mixed)


@pytest.mark.slow
def test_no_difference_is_claimed_where_there_is_none() -> None:
    wrong = 0
    for seed in range(40):
        df = brevity({"mini+brief": 5.0, "long+brief": 5.0}, seed=seed, tasks=20, repetitions=1)
        df["score"] = df["score"].clip(0, 100)
        found = factor_effects(df, "brief")
        wrong += bool(found.loc[found["group"] == "model", "differs"].any())
    assert wrong / 40 <= 0.15


def test_clauses_without_partner_are_refused_in_words() -> None:
    df = simulate_scores(variants=("mini+brief",))
    with pytest.raises(TableError, match="label them name and name\\+brief"):
        factor_effects(df, "brief")
    both = simulate_scores(variants=("mini+brief+tone", "mini+tone"), models=1)
    assert factor_effects(both, "brief")["name"].tolist() == ["brief"]


def test_equal_scores_and_few_tasks_are_flagged() -> None:
    df = brevity({})
    flat = factor_effects(df.assign(score=80.0), "brief").iloc[0]
    assert flat["flags"] == "zero_variance"
    assert flat["high"] - flat["low"] > 5
    df["score"] = df["score"].clip(0, 100)
    few = factor_effects(df[df["task"].isin(["task-01", "task-02"])], "brief")
    assert (few["scope"] == "models like these").all()
    one = factor_effects(df[(df["task"] == "task-01") & (df["model"] == "a")], "brief").iloc[0]
    assert one["flags"] == "too_few_clusters"
    assert np.isnan(one["low"])


def test_the_recorded_brevity_clause(shared_data: Path) -> None:
    with gzip.open(shared_data / "alpaca_brevity.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    df = pd.DataFrame(
        [
            {
                "model": row["family"],
                "variant": {"plain": "plain", "concise": "plain+brief", "verbose": "plain+detail"}[
                    row["variant"]
                ],
                "task": row["idx"],
                "repetition": 1,
                "score": 100 * (row["judge_preference"] - 1),
            }
            for row in rows
            if row["family"].startswith("gpt-3.5") and row["judge_preference"] is not None
        ]
    )
    # notes, 805 instructions: -1.762 (paired SE .664) and +3.585 (.832).
    for clause, effect, se in (("brief", -1.762, 0.664), ("detail", 3.585, 0.832)):
        row = factor_effects(df, clause, baseline="plain").iloc[0]
        assert row["n_tasks"] == 805
        assert row["effect"] == pytest.approx(effect, abs=5e-4)
        half = stats.t.ppf(0.975, 804) * se
        assert (row["high"] - row["low"]) / 2 == pytest.approx(half, abs=2e-3)
