"""Judges compared: closed forms against the libraries, and a rate that alone says little."""

import gzip
import json
from pathlib import Path

import krippendorff
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from preamblelab.errors import TableError
from preamblelab.stats.agreement import family_favour, judge_agreement
from preamblelab.stats.reliability import absolute_icc, clustered_mean, krippendorff_alpha
from preamblelab.stats.simulate import simulate_scores
from preamblelab.stats.tiers import rank_tiers


@settings(max_examples=60, deadline=None)
@given(arrays(float, (9, 3), elements=st.integers(0, 10).map(float)), st.integers(0, 2**27 - 1))
def test_alpha_equals_the_package_with_any_marks_missing(cells: np.ndarray, holes: int) -> None:
    cells = cells.copy()
    cells.ravel()[[bool(holes >> i & 1) for i in range(27)]] = np.nan
    paired = np.isfinite(cells).sum(axis=1) >= 2
    values = cells[paired][np.isfinite(cells[paired])]
    if len(np.unique(values)) < 2:
        assert np.isnan(krippendorff_alpha(cells))
        return
    expected = krippendorff.alpha(cells[paired].T, level_of_measurement="interval")
    assert krippendorff_alpha(cells) == pytest.approx(expected, abs=1e-12)


def test_alpha_of_krippendorffs_own_example() -> None:
    # Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", table E: interval .849.
    nan = np.nan
    table = np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
            [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
        ]
    )
    assert krippendorff_alpha(table.T) == pytest.approx(0.849, abs=5e-4)


def test_icc_of_the_textbook_example() -> None:
    # Shrout and Fleiss 1979, six targets and four judges: ICC(2,1) = .29.
    table = np.array(
        [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    )
    assert absolute_icc(table.astype(float)) == pytest.approx(0.29, abs=0.005)
    assert np.isnan(absolute_icc(np.ones((5, 2))))


def test_leniency_is_found_with_its_sign_and_the_sentence_names_the_milder() -> None:
    df = simulate_scores(
        judges={"mild": 6.0, "strict": 0.0},
        judge_sd=3.0,
        tasks=30,
        floor=None,
        ceiling=None,
        models={"a": 40.0, "b": 60.0},
        task_sd=8,
    )
    df["score"] = 10 + 0.8 * df["score"]
    row = judge_agreement(df, threshold=5.0).iloc[0]
    assert row["judge_a"] == "mild"
    assert row["bias_low"] < 4.8 < row["bias_high"]
    assert row["judge_sd"] == pytest.approx(2.4, rel=0.1)
    assert "mild is milder" in row["sentence"]
    assert row["alpha"] > 0.9
    assert row["icc"] == pytest.approx(row["alpha"], abs=0.06)


def test_the_same_noise_gives_the_same_rate_and_very_different_alpha() -> None:
    # Section 8 of the measurements: SD 1.07 each, .29-.34 apart by 2; alpha .13 to .86.
    random = np.random.default_rng(0)
    seen = {}
    for spread in (0.5, 3.0):
        true = 5 + random.normal(0, spread, 20_000)
        marks = np.round(true[:, None] + random.normal(0, 1.07, (20_000, 2)))
        rate = float((np.abs(marks[:, 0] - marks[:, 1]) >= 2).mean())
        seen[spread] = (rate, krippendorff_alpha(marks))
    assert seen[0.5][0] == pytest.approx(seen[3.0][0], abs=0.02)
    assert seen[0.5][1] < 0.2
    assert seen[3.0][1] > 0.85


def test_low_agreement_is_flagged_and_no_overlap_is_said() -> None:
    random = np.random.default_rng(0)
    df = simulate_scores(models=2, tasks=20, judges=2)
    df["score"] = random.uniform(0, 100, len(df))
    row = judge_agreement(df).iloc[0]
    assert row["flags"] == "low_agreement"
    assert "do not rank on it" in row["sentence"]
    apart = df[(df["judge"] == "judge-1") == (df["model"] == "model-1")]
    row = judge_agreement(apart).iloc[0]
    assert row["flags"] == "no_shared_answers"
    assert np.isnan(row["disagreement"])
    same = judge_agreement(df.assign(score=70.0)).iloc[0]
    assert same["flags"] == "no_variation"
    assert same["disagreement_high"] > 0.05


def test_every_dimension_pair_and_total_has_its_row() -> None:
    df = simulate_scores(models=2, tasks=6, judges=3, judge_sd=5, dimensions={"a": 60, "b": 40})
    found = judge_agreement(df, maxima={"a": 60, "b": 40, "total": 100})
    assert len(found) == 3 * (3 + 1)
    assert list(found["dimension"].unique()) == ["a", "b", "total"]
    whole = found[(found["judge_a"] == "all") & (found["dimension"] == "a")].iloc[0]
    assert whole["threshold_share"] == pytest.approx(2 / 60)
    assert np.isnan(whole["bias"])
    pairs = found[(found["judge_a"] != "all") & (found["dimension"] == "a")]
    assert whole["disagreement"] == pytest.approx(pairs["disagreement"].mean())


def test_the_interval_covers_when_disagreement_varies_by_task() -> None:
    random = np.random.default_rng(2)
    inside, narrow = [], []
    for _ in range(300):
        rate = random.beta(1.0, 2.0, 20)
        apart = (random.random((20, 11)) < rate[:, None]).astype(float)
        found = clustered_mean(apart.ravel(), np.repeat(np.arange(20), 11), 0.95, (0.0, 1.0))
        inside.append(found.low <= 1 / 3 <= found.high)
        half = 1.96 * np.sqrt(apart.mean() * (1 - apart.mean()) / 220)
        narrow.append(abs(apart.mean() - 1 / 3) <= half)
    assert np.mean(inside) >= 0.9
    assert np.mean(narrow) < 0.8


def test_a_judge_that_favours_its_family_is_caught_and_a_lenient_one_is_not() -> None:
    df = simulate_scores(
        models={"a1": 40.0, "a2": 60.0, "b1": 50.0, "b2": 70.0},
        judges={"ja": 0.0, "jb": 8.0, "jc": -3.0},
        judge_sd=3.0,
        tasks=25,
        repetition_sd=4,
        task_sd=5,
        ceiling=None,
        floor=None,
    )
    own = (df["judge"] == "ja") & df["model"].isin(["a1", "a2"])
    df.loc[own, "score"] += 6.0
    df["score"] = df["score"].clip(0, 100)
    families = {"a1": "A", "a2": "A", "b1": "B", "b2": "B"}
    found = family_favour(df, families, {"ja": "A", "jb": "B", "jc": "C"}).set_index("judge")
    assert found.loc["ja", "favour"] == pytest.approx(6.0, abs=0.8)
    assert found.loc["ja", "low"] > 3
    # Judge b is not biased itself; judge a's favour for A makes it look milder to B by half.
    assert found.loc["jb", "favour"] == pytest.approx(3.0, abs=0.8)
    assert found.loc["jc", "flags"] == "no_own_answers"


def test_a_favour_that_cannot_be_measured_is_said() -> None:
    df = simulate_scores(models={"a": 40.0, "b": 60.0}, judges=2, tasks=1, repetitions=1)
    one = family_favour(df, {"a": "A"}, {"judge-1": "A"}).set_index("judge")
    assert np.isnan(one.loc["judge-1", "low"])
    alone = df[(df["judge"] == "judge-1") == (df["model"] == "a")]
    assert set(family_favour(alone, {"a": "A"}, {"judge-1": "A"})["flags"]) == {"no_other_judge"}


def test_row_order_does_not_matter_and_swapped_names_flip_the_bias() -> None:
    df = simulate_scores(models=2, tasks=8, judges={"a": 4.0, "b": 0.0}, judge_sd=2, missing=0.1)
    first = judge_agreement(df)
    pd.testing.assert_frame_equal(first, judge_agreement(df.sample(frac=1.0, random_state=0)))
    swapped = judge_agreement(df.assign(judge=df["judge"].map({"a": "b", "b": "a"})))
    assert swapped["bias"].iloc[0] == pytest.approx(-first["bias"].iloc[0])
    assert swapped["alpha"].iloc[0] == pytest.approx(first["alpha"].iloc[0])


def test_one_judge_agrees_with_nobody() -> None:
    with pytest.raises(TableError, match="needs the column 'judge'"):
        judge_agreement(simulate_scores(models=1, tasks=2))
    with pytest.raises(TableError, match="one judge alone"):
        judge_agreement(simulate_scores(models=1, tasks=2).assign(judge="j"))


def test_two_frontier_judges_of_the_published_benchmark(shared_data: Path) -> None:
    with gzip.open(shared_data / "epam_dual_judge.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    marks = [
        {
            "model": row["folder"],
            "variant": "none",
            "task": f"{row['category']} {row['dataset']}",
            "repetition": f"{place} {part}",
            "judge": judge,
            "score": row[f"{part}_{judge}"],
        }
        for place, row in enumerate(rows)
        for part in ("accuracy", "completeness")
        for judge in ("claude37", "o3mini")
        if row.get(f"{part}_{judge}") is not None and row["set"] == "v2"
    ]
    found = judge_agreement(pd.DataFrame(marks), threshold=1.0).iloc[0]
    # Published marks of 2025 recomputed: apart by 1 of 4 or more in 11.29 % of 824 cells.
    assert found["n"] == 824
    assert found["disagreement"] == pytest.approx(0.1129, abs=5e-5)
    assert found["disagreement_low"] < 0.1129 < found["disagreement_high"]


def test_a_constant_offset_is_full_disagreement_and_changes_no_rank() -> None:
    """G25: the rate alone says nothing of direction: the leniency does, and ranks do not move."""
    draw = np.random.default_rng(2)
    marks = [
        (model, "baseline", f"t{task}", 1, judge, skill + noise - 2 * (judge == "strict"))
        for model, skill in (("a", 60.0), ("b", 50.0), ("c", 40.0))
        for task in range(12)
        for noise in draw.normal(0, 3, 1)
        for judge in ("mild", "strict")
    ]
    names = ["model", "variant", "task", "repetition", "judge", "score"]
    table = pd.DataFrame(marks, columns=names)
    row = judge_agreement(table).iloc[0]
    assert row["disagreement"] == 1.0
    assert row["bias"] == pytest.approx(2.0)
    assert "on 100% of the answers" in row["sentence"]
    assert "mild is milder by 2" in row["sentence"]
    ranks = [
        rank_tiers(table[table["judge"] == judge].drop(columns="judge"))["unit"].tolist()
        for judge in ("mild", "strict")
    ]
    assert ranks[0] == ranks[1] == ["a", "b", "c"]
