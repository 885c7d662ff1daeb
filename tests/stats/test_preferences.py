"""Judges that pick winners: published figures of recorded judges, and planted biases."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.inter_rater import cohens_kappa

from preamblelab.errors import TableError
from preamblelab.stats.preferences import (
    cohen_kappa,
    exact_share,
    label_agreement,
    length_preference,
    length_slope,
    order_effect,
    repeatability,
)


def recorded(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


def test_one_judge_asked_three_times(shared_data: Path) -> None:
    rows = recorded(shared_data / "prometheus_gpt4_triple.jsonl.gz")
    found = repeatability(np.array([row["gpt4_scores"] for row in rows], dtype=float))
    # notes: 55.9 % not unanimous, 7.2 % range >= 2, within-item SD 0.507.
    assert found.not_unanimous.value == pytest.approx(0.559, abs=5e-4)
    assert found.wide.value == pytest.approx(0.072, abs=5e-4)
    assert found.sd == pytest.approx(0.507, abs=5e-4)
    assert str(found).startswith("Asked again, the judge changed its mark on 55.9% of 320 answers")


def test_swapping_the_order_of_recorded_answers(shared_data: Path) -> None:
    rows = [
        row
        for row in recorded(shared_data / "llmbar_judges.jsonl.gz")
        if row["strategy"] == "Vanilla"
    ]
    long = pd.DataFrame(
        [
            {
                "judge": row["evaluator"],
                "item": f"{row['subset']} {row['i']}",
                "first": first,
                "winner": row[side],
                "label": str(row["label"]),
                "longer": None
                if row["len_1"] == row["len_2"]
                else ("1" if row["len_1"] > row["len_2"] else "2"),
            }
            for row in rows
            for side, first in (("winner_ab", "1"), ("winner_ba", "2"))
        ]
    )
    found = order_effect(long).set_index("judge")
    # Published figures recomputed on 419 items: GPT-4 92.8 %, ChatGPT-0301 57.8, Falcon 41.5.
    for judge, published in (("GPT-4", 0.928), ("ChatGPT-0301", 0.578), ("Falcon", 0.415)):
        row = found.loc[judge]
        assert row["n"] + row["unreadable"] >= 419
        assert row["consistent"] == pytest.approx(published, abs=0.006)
        assert row["low"] < published < row["high"]
    lengths = length_preference(long).set_index("judge")
    # The right answer is the longer one in 27.1 % (notes).
    gpt4 = lengths.loc["GPT-4"]
    assert gpt4["right_is_longer"] == pytest.approx(0.271, abs=0.01)
    ab = length_preference(long[long["first"] == "1"]).set_index("judge")
    assert ab.loc["GPT-4", "picks_longer"] == pytest.approx(0.381, abs=5e-4)
    assert gpt4["favour_low"] > 0.05


def test_three_people_on_recorded_pairs(shared_data: Path) -> None:
    human = np.array([row["human"] for row in recorded(shared_data / "pandalm_judges.jsonl.gz")])
    kappas = [
        cohen_kappa(human[:, a].astype(object), human[:, b].astype(object))
        for a, b in ((0, 1), (0, 2), (1, 2))
    ]
    # Published on 999 pairs: .85, .88, .86; half of them are here.
    for found, published in zip(kappas, (0.852, 0.879, 0.862), strict=True):
        assert found.low < published < found.high
        assert found.value == pytest.approx(published, abs=0.035)


def test_unreadable_replies_are_neither_right_nor_hidden(shared_data: Path) -> None:
    rows = recorded(shared_data / "pandalm_judges.jsonl.gz")
    label = [max(set(row["human"]), key=row["human"].count) for row in rows]
    names = {"1": 1, "2": 2, "Tie": 0}
    df = pd.DataFrame({"verdict": [names.get(row["gpt35"]) for row in rows], "label": label})
    found = label_agreement(df).iloc[0]
    unread = sum(row["gpt35"] not in names for row in rows)
    assert found["unreadable"] == unread > 0
    right = sum(names.get(r["gpt35"]) == own for r, own in zip(rows, label, strict=True))
    assert found["accuracy_all"] == pytest.approx(right / len(rows))
    assert found["accuracy"] > found["accuracy_all"]
    assert f"{unread} replies could not be read" in found["sentence"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=4, max_size=60))
def test_kappa_and_its_interval_equal_statsmodels(pairs: list[tuple[int, int]]) -> None:
    table = np.zeros((3, 3))
    for a, b in pairs:
        table[a, b] += 1
    if (table.sum(axis=0) @ table.sum(axis=1)) == table.sum() ** 2:
        return
    # statsmodels divides by a spread that is 0 when one rater says one thing only.
    if min((table.sum(axis=0) > 0).sum(), (table.sum(axis=1) > 0).sum()) < 2:
        return
    expected = cohens_kappa(table)
    found = cohen_kappa(*np.array(pairs, dtype=object).T)
    assert found.value == pytest.approx(expected.kappa, abs=1e-12)
    if expected.var_kappa > 1e-12 and found.low > -1 and found.high < 1:
        assert found.high == pytest.approx(expected.kappa_upp, abs=1e-6)


def test_kappa_of_one_word_says_nothing() -> None:
    assert np.isnan(cohen_kappa(np.array(["a"] * 5, dtype=object), np.array(["a"] * 5)).value)


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (3, 10), (10, 10)])
def test_exact_shares_equal_scipy(hits: int, n: int) -> None:
    expected = stats.binomtest(hits, n).proportion_ci(0.95, "exact")
    assert exact_share(hits, n)[1:] == pytest.approx((expected.low, expected.high))


def test_a_share_of_nothing_is_missing() -> None:
    assert np.isnan(exact_share(0, 0)).all()


def test_a_judge_that_always_picks_the_first_is_named() -> None:
    df = pd.DataFrame(
        {"item": np.repeat(range(30), 2), "first": ["a", "b"] * 30, "winner": ["a", "b"] * 30}
    )
    row = order_effect(df).iloc[0]
    assert row["consistent"] == 0.0
    assert row["first_share"] == 1.0
    assert row["high"] == pytest.approx(1 - 0.025 ** (1 / 30))
    fair = order_effect(df.assign(winner="a")).iloc[0]
    assert (fair["consistent"], fair["first_share"]) == (1.0, 0.5)
    tied = order_effect(df.assign(winner="tie")).iloc[0]
    assert tied["first_share"] == 0.5


def test_items_judged_in_one_order_or_without_reply_are_left_out_and_counted() -> None:
    df = pd.DataFrame(
        {
            "item": [1, 1, 2, 2, 3],
            "first": ["a", "b", "a", "b", "a"],
            "winner": ["a", "a", "a", None, "a"],
        }
    )
    row = order_effect(df).iloc[0]
    assert (row["n"], row["unreadable"]) == (1, 1)


def test_a_planted_price_of_length_is_found_within_tasks() -> None:
    random = np.random.default_rng(0)
    task = np.repeat(np.arange(40), 6)
    length = 2.0 ** random.uniform(6, 11, len(task))
    score = (
        20 + 2.5 * np.log2(length) + random.normal(0, 9, 40)[task] + random.normal(0, 3, len(task))
    )
    found = length_slope(pd.DataFrame({"task": task, "length": length, "score": score})).iloc[0]
    assert found["low"] < 2.5 < found["high"]
    assert found["slope"] == pytest.approx(2.5, abs=0.4)
    same = length_slope(pd.DataFrame({"task": task, "length": 9, "score": score})).iloc[0]
    assert np.isnan(same["slope"])


def test_absent_columns_and_absent_repeats_are_refused() -> None:
    with pytest.raises(TableError, match="needs the column 'first'"):
        order_effect(pd.DataFrame({"item": [1], "winner": ["a"]}))
    with pytest.raises(TableError, match="marked twice"):
        repeatability(np.array([[1.0, np.nan]]))
