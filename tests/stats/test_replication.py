"""What comes again over runs: the chance of it among equals, and what is called survived."""

import numpy as np
import pandas as pd
import pytest

from preamblelab.errors import SpecError, TableError
from preamblelab.stats.replication import (
    any_chance,
    category_findings,
    category_gaps,
    leader_chance,
    run_tiers,
)

# Simulated figures of a note, to three places: chance for one category, and among ten.
PUBLISHED = {
    2: {2: (0.035, 0.30), 3: (0.252, 0.95), 5: (0.251, 0.94), 10: (0.108, 0.68)},
    3: {2: (0.004, 0.04), 3: (0.053, 0.42), 5: (0.027, 0.24), 10: (0.063, 0.48)},
    5: {2: (0.000, 0.00), 3: (0.005, 0.05), 5: (0.011, 0.11), 10: (0.014, 0.13)},
    11: {2: (0.000, 0.00), 3: (0.000, 0.00), 5: (0.002, 0.02), 10: (0.001, 0.01)},
}


@pytest.mark.parametrize("arms", PUBLISHED)
@pytest.mark.parametrize("tests", [2, 3, 5, 10])
def test_the_chance_of_one_leader_in_three_runs_among_equals(arms: int, tests: int) -> None:
    """The note simulated some thousand experiments a cell: the exact figures lie that near."""
    one, ten = PUBLISHED[arms][tests]
    found = leader_chance(arms, 3, tests)
    assert found == pytest.approx(one, abs=0.005)
    assert any_chance(found, 10) == pytest.approx(ten, abs=0.04)


def test_the_exact_chance_agrees_with_drawing() -> None:
    draw = np.random.default_rng(3)
    wins = draw.multinomial(5, [1 / 3] * 3, size=(60_000, 3))
    best = wins.max(axis=2)
    strict = (wins == best[..., None]).sum(axis=2) == 1
    leader = wins.argmax(axis=2)
    same = strict.all(axis=1) & (leader == leader[:, :1]).all(axis=1)
    assert leader_chance(3, 3, 5) == pytest.approx(same.mean(), abs=0.002)
    assert leader_chance(4, 3) == pytest.approx(1 / 16)
    with pytest.raises(SpecError, match="at least 1"):
        leader_chance(0, 3)


def scores(gains: dict[str, dict[str, float]], tasks: dict[str, int], runs: int = 3, seed: int = 0):
    """Runs of models that differ by a gain in a category; tasks stay, noise is drawn anew."""
    draw = np.random.default_rng(seed)
    hard = {c: draw.normal(0, 8, n) for c, n in tasks.items()}
    return pd.DataFrame(
        [
            (f"run-{run}", model, f"{category}-{n}", category, 50 + gain + hard[category][n] + e)
            for run in range(1, runs + 1)
            for category, count in tasks.items()
            for n in range(count)
            for model, gain in ((m, g.get(category, 0.0)) for m, g in gains.items())
            for e in draw.normal(0, 4, 1)
        ],
        columns=["run", "model", "task", "category", "score"],
    )


def test_a_clear_leader_survives_and_a_small_lead_only_comes_again() -> None:
    table = scores(
        {"a": {"talk": 20.0, "few": 30.0}, "b": {}, "c": {"code": 0.5}},
        {"talk": 8, "few": 3, "code": 8},
    )
    found = category_findings(table).set_index("category")
    assert found.loc["talk", "status"] == "survived"
    assert found.loc["talk", "leader"] == "a"
    assert found.loc["talk", "low"] > 0
    assert found.loc["few", "status"] == "consistent, not proven"
    assert "3 tasks, 5 needed" in found.loc["few", "reasons"]
    assert found.loc["few", "chance"] == pytest.approx(1 / 9)
    assert "11.1%" in found.loc["few", "sentence"]
    assert "30%" in found.loc["few", "sentence"]
    assert found.loc["code", "status"] in {"leaders differ", "consistent, not proven"}


@pytest.mark.slow
def test_equal_arms_seldom_survive_anywhere() -> None:
    """Ten categories, two equal arms: the bare rule "same leader" would fire nearly always."""
    bare = survived = 0
    for seed in range(25):
        found = category_findings(
            scores({"a": {}, "b": {}}, {f"c{n}": 6 for n in range(10)}, 3, seed)
        )
        survived += (found["status"] == "survived").any()
        bare += found["status"].isin(["survived", "consistent, not proven"]).any()
    assert bare >= 20
    assert survived <= 4  # 5 % of 25 is 1.25; five or more would come by chance once in 140 times


@pytest.mark.parametrize(("runs", "label"), [(1, "single-run"), (2, "two-run")])
def test_fewer_than_three_runs_are_labelled_whatever_they_show(runs: int, label: str) -> None:
    found = category_findings(scores({"a": {"talk": 40.0}, "b": {}}, {"talk": 9}, runs))
    assert found["status"].tolist() == [label]


def test_nothing_scored_every_time_is_the_floor() -> None:
    """A finding at the floor is none, however stable."""
    table = scores({"a": {}, "b": {}}, {"talk": 8}).assign(score=0.0)
    assert category_findings(table)["status"].tolist() == ["at the floor"]


def test_an_arm_that_one_run_lacks_is_left_out() -> None:
    """Edge cases: a replicate lacks an arm; only one arm is left."""
    table = scores({"a": {"talk": 30.0}, "b": {}, "late": {"talk": 60.0}}, {"talk": 8})
    table = table[(table["model"] != "late") | (table["run"] == "run-3")]
    assert category_findings(table)["leader"].tolist() == ["a"]
    one = table[table["model"] == "a"]
    assert category_findings(one).empty


def test_groups_of_arms_are_tested_the_same_way() -> None:
    table = scores({"a": {"talk": 25.0}, "b": {"talk": 20.0}, "c": {}, "d": {}}, {"talk": 8})
    found = category_findings(table, groups={"cloud": ["a", "b"], "local": ["c", "d"]})
    assert found.loc[0, ["leader", "runner_up", "status"]].tolist() == [
        "cloud", "local", "survived",
    ]  # fmt: skip
    with pytest.raises(TableError, match="'nobody'"):
        category_findings(table, groups={"cloud": ["nobody"]})


def test_tasks_of_one_source_count_once() -> None:
    table = scores({"a": {"talk": 6.0}, "b": {}}, {"talk": 12})
    alone = category_findings(table).iloc[0]
    table["cluster"] = "one repository"
    assert alone["status"] == "survived"
    assert category_findings(table)["status"].tolist() == ["consistent, not proven"]


def test_gaps_stand_for_every_two_arms_with_opposite_signs() -> None:
    gaps = category_gaps(scores({"a": {"talk": 10.0}, "b": {}}, {"talk": 8, "few": 2}))
    talk = gaps[gaps["category"] == "talk"].set_index("first")
    assert talk.loc["a", "gap"] == pytest.approx(-talk.loc["b", "gap"])
    assert talk.loc["a", "low"] == pytest.approx(-talk.loc["b", "high"])
    assert gaps[gaps["category"] == "few"]["low"].isna().all()


def test_each_run_has_its_tiers_and_its_range_is_a_range() -> None:
    table = scores({"a": {"talk": 40.0}, "b": {}}, {"talk": 8})
    zero = scores({"none": {}}, {"talk": 8}).assign(score=0.0)
    tiers = run_tiers(pd.concat([table, zero])).set_index("unit")
    assert tiers.loc["a", ["tier_1", "tier_2", "tier_3", "status"]].tolist() == [
        1,
        1,
        1,
        "same tier",
    ]
    assert tiers.loc["none", "status"] == "at the floor"
    means = table[table["model"] == "a"].groupby("run")["score"].mean()
    assert tiers.loc["a", "range"] == pytest.approx(means.max() - means.min())
