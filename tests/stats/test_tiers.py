"""Tiers hold on fresh tasks; ranks are intervals; a range is called a range."""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from preamblelab.errors import SpecError, TableError
from preamblelab.stats.simulate import simulate_scores
from preamblelab.stats.tiers import (
    rank_tiers,
    separations,
    spread_sentence,
    tier_labels,
    tiers_by_repetition,
)


def slow_separations(scores: np.ndarray, alpha: float) -> np.ndarray:
    """The obvious version: a paired t of scipy for each pair, Holm of statsmodels."""
    pairs = list(combinations(range(len(scores)), 2))
    p = [stats.ttest_rel(scores[a], scores[b], nan_policy="omit").pvalue for a, b in pairs]
    proven = multipletests(p, alpha=alpha, method="holm")[0]
    above = np.zeros((len(scores), len(scores)), dtype=bool)
    for (a, b), yes in zip(pairs, proven, strict=True):
        both = np.isfinite(scores[a] - scores[b])
        above[a, b] = yes and scores[a][both].mean() > scores[b][both].mean()
        above[b, a] = yes and not above[a, b]
    return above


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 100_000), st.integers(2, 7), st.integers(3, 12), st.booleans())
def test_the_array_version_equals_scipy_and_statsmodels(
    seed: int, units: int, tasks: int, holes: bool
) -> None:
    random = np.random.default_rng(seed)
    scores = 50 + random.normal(0, 8, (units, 1)) + random.normal(0, 6, (units, tasks))
    if holes:
        scores[0, 0] = np.nan
    found = separations(scores, np.arange(tasks), 0.05)
    np.testing.assert_array_equal(found, slow_separations(scores, 0.05))


def test_clusters_come_apart_and_equals_do_not() -> None:
    # Small version of section 6 of the measurements; the full one is in the slow file.
    random = np.random.default_rng(0)
    levels = np.repeat([70.0, 60.0, 45.0], [4, 4, 3])
    apart, split = [], 0
    for _ in range(60):
        tasks, noise = random.normal(0, 12, 28), random.normal(0, 10, (11, 28))
        apart.append(separations(levels[:, None] + tasks + noise, np.arange(28), 0.05).sum())
        split += bool(separations(60 + tasks + noise, np.arange(28), 0.05).any())
    assert np.mean(apart) >= 15
    assert split / 60 <= 0.12


def test_a_table_gives_tiers_with_rank_intervals() -> None:
    df = simulate_scores(
        models={"a": 80.0, "b": 78.0, "c": 30.0}, tasks=25, repetitions=2, repetition_sd=6, seed=1
    )
    ranks = rank_tiers(df).set_index("unit")
    assert list(ranks.index[-1:]) == ["c"]
    assert ranks.loc["c", "tier"] == 2
    assert (ranks.loc["c", "rank_low"], ranks.loc["c", "rank_high"]) == (3, 3)
    assert ranks.loc["a", "rank_low"] == 1
    assert ranks.loc["a", "rank_high"] >= 2
    assert ranks.loc["c", "sentence"] == "c: tier 2, rank 3 of 3."


def test_one_task_tells_nothing_apart() -> None:
    ranks = rank_tiers(simulate_scores(models=4, tasks=1, repetitions=1))
    assert ranks["tier"].isna().all()
    assert (ranks["flags"] == "one_task").all()
    assert (ranks["rank_low"] == 1).all()
    assert (ranks["rank_high"] == 4).all()
    assert ranks["sentence"].str.contains("one task cannot tell").all()


def test_variants_and_pairs_can_be_ranked_too() -> None:
    df = simulate_scores(
        models=4, tasks=30, variants=("good", "bad"), effect={"good": 20.0, "bad": -20.0}, seed=2
    )
    order = rank_tiers(df, unit="variant")
    assert list(order["unit"]) == ["good", "baseline", "bad"]
    assert list(order["tier"]) == [1, 2, 3]
    assert len(rank_tiers(df, unit="pair")) == 12
    only = df[~((df["model"] == "model-1") & (df["variant"] == "bad"))]
    assert list(rank_tiers(only, unit="variant")["unit"]) == ["good", "baseline", "bad"]
    with pytest.raises(TableError, match="no model has a score with every one"):
        rank_tiers(df[(df["model"] == "model-1") ^ (df["variant"] == "bad")], unit="variant")
    with pytest.raises(SpecError, match="unit is 'task'"):
        rank_tiers(df, unit="task")  # type: ignore[arg-type]


def test_equal_scores_have_no_zero_width_and_a_certain_gap_is_seen() -> None:
    df = simulate_scores(models=2, tasks=20, repetitions=1)
    df["score"] = np.where(df["model"] == "model-1", 100.0, 0.0)
    ranks = rank_tiers(df).set_index("unit")
    assert ranks.loc["model-1", "low"] < 90
    assert list(ranks["tier"]) == [1, 2]
    df["score"] = 100.0
    assert list(rank_tiers(df)["tier"]) == [1, 1]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_row_order_and_a_common_constant_change_nothing(seed: int) -> None:
    df = simulate_scores(models=4, tasks=8, missing=0.1, floor=10, ceiling=80, seed=seed)
    shown = ["unit", "rank_low", "rank_high", "tier"]
    first = rank_tiers(df)[shown]
    pd.testing.assert_frame_equal(first, rank_tiers(df.sample(frac=1, random_state=1))[shown])
    pd.testing.assert_frame_equal(first, rank_tiers(df.assign(score=df["score"] + 9))[shown])


def test_tasks_of_one_source_count_once() -> None:
    random = np.random.default_rng(0)
    source = np.array([-3.0, 9.0, 1.0, 6.0, -1.0, 8.0])
    scores = np.stack([50 + np.repeat(source, 10), np.full(60, 50.0)])
    scores += random.normal(0, 1, scores.shape)
    assert separations(scores, np.arange(60), 0.05)[0, 1]
    assert not separations(scores, np.repeat(np.arange(6), 10), 0.001)[0, 1]


def test_a_tier_opens_with_the_first_proven_worse_than_its_leader() -> None:
    above = np.zeros((4, 4), dtype=bool)
    above[0, 2] = above[0, 3] = True
    assert tier_labels(np.array([9.0, 8.0, 7.0, 6.0]), above) == [1, 1, 2, 2]
    assert tier_labels(np.array([9.0, np.nan, 7.0, 6.0]), above) == [1, None, 2, 2]


def test_each_repetition_has_its_own_tiers_and_the_floor_is_not_stability() -> None:
    df = simulate_scores(
        models={"a": 80.0, "b": 60.0, "dead": 0.0}, tasks=20, repetition_sd=25, seed=3
    )
    df.loc[df["model"] == "dead", "score"] = 0.0
    runs = tiers_by_repetition(df).set_index("unit")
    assert runs.loc["dead", "status"] == "at the floor"
    assert runs.loc["dead", "range"] == 0.0
    assert runs.loc["a", "status"] in ("same tier", "changes tier")
    own = [runs.loc["a", f"mean_{n}"] for n in (1, 2, 3)]
    assert runs.loc["a", "range"] == pytest.approx(max(own) - min(own))
    assert "range" in runs.loc["a", "sentence"]
    assert "±" not in runs.loc["a", "sentence"]


def test_copies_are_named_as_the_same_answers() -> None:
    df = simulate_scores(models=2, tasks=5, repetitions=3, copied=1.0)
    assert (tiers_by_repetition(df)["status"] == "same answers").all()


def test_every_status_is_named() -> None:
    df = simulate_scores(models=3, tasks=6, repetitions=2)
    full = tiers_by_repetition(df.assign(score=100.0))
    assert (full["status"] == "at the ceiling").all()
    once = tiers_by_repetition(df[df["repetition"] == 1])
    assert (once["status"] == "one repetition").all()
    assert once["sentence"].str.contains("one figure shows no spread").all()
    single = tiers_by_repetition(df[df["task"] == "task-1"])
    assert (single["status"] == "no tiers").all()
    lost = df.assign(score=df["score"].where(df["repetition"] == 1))
    assert "tier_2" not in tiers_by_repetition(lost)
    with pytest.raises(TableError, match="nothing to rank"):
        rank_tiers(df.assign(score=np.nan))
    part = df.assign(score=df["score"].where(df["model"] != "model-2"))
    row = rank_tiers(part).set_index("unit").loc["model-2"]
    assert (row["flags"], row["sentence"]) == ("no_score", "model-2: no score on the shared tasks.")


def test_published_spreads_were_ranges(shared_data: Path) -> None:
    wins = json.loads((shared_data / "seed_tables.json").read_text())["seed1_wins_per_run"]
    ranges = {m: max(w) - min(w) for m, w in wins["models"].items() if sum(w)}
    assert list(ranges.values()) == [2, 2, 2, 0, 3, 3, 2, 1]
    line = spread_sentence("claude-opus", np.array([8.0, 6.0, 6.0]), "changes tier", "wins")
    assert line == "claude-opus: 8, 6, 6 wins (range 2 over 3 repetitions): changes tier."
