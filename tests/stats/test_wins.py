"""Win counts carry the noise of the tests drawn; repeating the same tests does not remove it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from preamblelab.errors import SpecError, TableError
from preamblelab.stats.wins import (
    group_wins,
    korn_graubard,
    ranged,
    win_floor,
    win_table,
    win_table_from_counts,
)


def drawn(random: np.random.Generator, shared: float, tests: int = 28, runs: int = 3):
    """Winners of 11 models; with chance `shared` a run repeats the test's first winner."""
    share = np.array([8, 5, 5, 4, 2.5, 2, 1.5, 0.7, 0.1, 0.1, 0.1])
    share = share / share.sum()
    first = random.choice(11, tests, p=share)
    rows = [
        (run, test, first[test] if random.random() < shared else random.choice(11, p=share))
        for run in range(runs)
        for test in range(tests)
    ]
    return pd.DataFrame(rows, columns=["run", "test", "winner"]), share


def test_the_floor_of_the_published_benchmark() -> None:
    assert win_floor(28, 11) == pytest.approx(1.521, abs=5e-4)
    # Published for 100 and 250 tests: 0.9 and 0.55; the formula gives these.
    assert win_floor(100, 11, per=28) == pytest.approx(0.805, abs=5e-4)
    assert win_floor(250, 11, per=28) == pytest.approx(0.509, abs=5e-4)
    assert win_floor(100, 11) == pytest.approx(2.87, abs=5e-3)
    with pytest.raises(SpecError, match="at least 1"):
        win_floor(0, 11)


def test_rank_sets_of_the_three_published_runs(shared_data: Path) -> None:
    published = json.loads((shared_data / "seed_tables.json").read_text())["seed1_wins_per_run"]
    counts = published["models"]
    apart = win_table_from_counts(counts, tests=28, repeats="new tests").set_index("model")
    sets = {m: (r["rank_low"], r["rank_high"]) for m, r in apart.iterrows()}
    assert sets["claude-opus"] == (1, 7)
    assert {sets[m] for m in ("claude-sonnet", "deepseek-v3-0324", "glm-5")} == {(1, 8)}
    middle = ("minimax-m2.5", "qwen2.5-coder:32b", "deepseek-r1:32b")
    assert {sets[m] for m in middle} == {(1, 11)}
    assert sets["qwen3.5-abliterated:35b-a3b"] == (2, 11)
    zeros = [m for m, wins in counts.items() if sum(wins) == 0]
    assert {sets[m] for m in zeros} == {(5, 11)}
    assert set(apart.loc[zeros, "flags"]) == {"at_the_floor"}
    # If the runs only repeat the 28 tests nothing is told apart.
    same = win_table_from_counts(counts, tests=28)
    assert (same["rank_low"] == 1).all()
    assert (same["rank_high"] == 11).all()
    assert same.attrs["win_floor"] == pytest.approx(1.521, abs=5e-4)


def test_the_published_share_of_one_model_both_ways(shared_data: Path) -> None:
    counts = json.loads((shared_data / "seed_tables.json").read_text())
    counts = counts["seed1_wins_per_run"]["models"]
    apart = win_table_from_counts(counts, tests=28, repeats="new tests").set_index("model")
    row = apart.loc["qwen2.5-coder:32b"]
    assert (28 * row["low"], 28 * row["high"]) == pytest.approx((1.6, 5.8), abs=0.06)
    # "If only the 28 tests count": 3 whole wins of 28.
    row = (
        win_table_from_counts({"qwen": [3], "others": [25]}, tests=28)
        .set_index("model")
        .loc["qwen"]
    )
    assert (28 * row["low"], 28 * row["high"]) == pytest.approx((0.6, 7.9), abs=0.06)


def test_one_observation_per_test_is_clopper_pearson() -> None:
    winners = [*"aaaaaaaaa", *"bbbbbb", *"ccccc"]
    table = win_table(pd.DataFrame({"test": range(20), "winner": winners})).set_index("model")
    exact = stats.binomtest(9, 20).proportion_ci(0.95, method="exact")
    # The variance divides by k - 1, so 19 of 20 observations are effective.
    assert table.loc["a", "low"] == pytest.approx(exact.low, abs=0.015)
    assert table.loc["a", "high"] == pytest.approx(exact.high, abs=0.015)


@pytest.mark.slow
@pytest.mark.parametrize("shared", [0.0, 1.0])
def test_intervals_cover_whether_runs_share_their_tests_or_not(shared: float) -> None:
    random = np.random.default_rng(7)
    inside = []
    for _ in range(150):
        df, share = drawn(random, shared)
        table = win_table(df, models=range(11)).set_index("model").loc[range(11)]  # type: ignore[arg-type]
        inside.append((table["low"] <= share) & (share <= table["high"]))
    cover = np.mean(inside, axis=0)
    assert cover.mean() >= 0.95
    assert cover.min() >= 0.90


def test_repeating_the_same_winners_narrows_nothing() -> None:
    random = np.random.default_rng(0)
    df, _ = drawn(random, 1.0, runs=1)
    thrice = pd.concat([df.assign(run=r) for r in range(3)])
    once, more = win_table(df), win_table(thrice)
    assert ((more["high"] - more["low"]) >= 0.95 * (once["high"] - once["low"])).all()
    assert (more["rank_low"] == once["rank_low"]).all()


def test_judges_share_one_win_and_a_silent_judge_is_counted() -> None:
    df = pd.DataFrame(
        {
            "task": [1, 1, 2, 2, 3, 3],
            "judge": ["x", "y"] * 3,
            "winner": ["a", "b", "a", "a", "b", None],
        }
    )
    table = win_table(df, models=["a", "b", "c"]).set_index("model")
    assert table["wins"].to_dict() == {"a": 1.5, "b": 1.5, "c": 0.0}
    assert win_table(df).attrs["unnamed"] == 1
    assert table.loc["c", "high"] > 0.5
    assert "not stability" in table.loc["c", "sentence"]


def test_row_order_does_not_matter() -> None:
    df, _ = drawn(np.random.default_rng(3), 0.4)
    mixed = df.sample(frac=1.0, random_state=0)
    pd.testing.assert_frame_equal(win_table(df), win_table(mixed))


def test_a_clear_winner_is_separated() -> None:
    df = pd.DataFrame({"test": range(40), "winner": ["a"] * 34 + ["b"] * 3 + ["c"] * 3})
    table = win_table(df).set_index("model")
    assert (table.loc["a", "rank_low"], table.loc["a", "rank_high"]) == (1, 1)
    assert (table.loc["c", "rank_low"], table.loc["c", "rank_high"]) == (2, 3)


def test_all_wins_and_no_wins_have_no_zero_width() -> None:
    low, high = korn_graubard(np.array([[1.0, 0.0]] * 10), np.ones(10))
    assert low[0] == pytest.approx(0.025 ** (1 / 10))
    assert (low[1], high[0]) == (0.0, 1.0)
    assert high[1] == pytest.approx(1 - 0.025 ** (1 / 10))


def test_wrong_tables_are_refused_in_words() -> None:
    with pytest.raises(TableError, match="needs the column 'winner'"):
        win_table(pd.DataFrame({"test": [1]}))
    with pytest.raises(TableError, match="no winner is named"):
        win_table(pd.DataFrame({"test": [1], "winner": [None]}))
    with pytest.raises(TableError, match="'z' is not among"):
        win_table(pd.DataFrame({"test": [1], "winner": ["z"]}), models=["a"])
    with pytest.raises(TableError, match="add up to"):
        win_table_from_counts({"a": [3], "b": [1]}, tests=5)


def test_the_published_ranges_are_ranges_and_the_floor_is_not_stability(shared_data: Path) -> None:
    """Three runs of one benchmark, 28 tests each, eleven models."""
    published = json.loads((shared_data / "seed_tables.json").read_text())["seed1_wins_per_run"]
    counts = pd.DataFrame(published["models"]).T
    counts.columns = ["wins_1", "wins_2", "wins_3"]
    found = ranged(counts).set_index("model")
    assert found.loc[list(counts.index), "range"].tolist() == [2, 2, 2, 0, 3, 3, 2, 1, 0, 0, 0]
    at_floor = [name for name in found.index if "at the floor" in found.loc[name, "sentence"]]
    assert sorted(at_floor) == sorted(counts.index[-3:])
    stable = [name for name in found.index if "stable" in found.loc[name, "sentence"]]
    assert stable == ["glm-5"]
    first = ["claude-opus", "claude-sonnet", "deepseek-v3-0324", "glm-5"]
    assert group_wins(found.reset_index(), first) == (20.0, 19.0, 22.0)
    with pytest.raises(TableError, match="'nobody'"):
        group_wins(found.reset_index(), ["nobody"])
