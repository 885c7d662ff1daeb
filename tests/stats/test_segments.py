"""Tiers that do not borrow from the effect: no gain at the bottom where there is none to find."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preamblelab.errors import SpecError, TableError
from preamblelab.stats.folds import _additive, halves, leave_one_repetition_out
from preamblelab.stats.segments import (
    CUTS,
    TIERS,
    baseline_tier,
    model_tiers,
    segment_effects,
)
from preamblelab.stats.simulate import simulate_scores


def null_table(
    random: np.random.Generator, unit: str, runs: int, models: int = 8, tasks: int = 20
) -> pd.DataFrame:
    """No effect at all: cells (or models) from 10 to 98 points, runs with a spread of 15."""
    if unit == "cell":
        # Models and tasks carry part of a cell's baseline, as they do in life.
        true = random.uniform(10, 98, (models, 1)) + random.normal(0, 25, tasks)
    else:
        true = random.uniform(10, 98, (models, 1)) + random.normal(0, 8, tasks)
    true = np.clip(true, 10, 98)
    at = np.indices((models, tasks, runs)).reshape(3, -1)
    arms = [
        pd.DataFrame(
            {
                "model": at[0],
                "variant": arm,
                "task": at[1],
                "repetition": at[2],
                "score": np.clip(
                    true[..., None] + random.normal(0, 15, (models, tasks, runs)), 0, 100
                ).ravel(),
            }
        )
        for arm in ("baseline", "preamble")
    ]
    return pd.concat(arms, ignore_index=True)


def test_the_bounds_belong_to_the_middle() -> None:
    assert [baseline_tier(s) for s in (49.99, 50.0, 90.0, 90.01)] == ["low", "mid", "mid", "high"]
    assert CUTS == (50.0, 90.0)


@pytest.mark.slow
@pytest.mark.parametrize(("unit", "runs"), [("cell", 1), ("cell", 2), ("model", 1), ("model", 2)])
def test_no_effect_stays_no_effect_where_the_naive_reading_finds_one(unit: str, runs: int) -> None:
    random = np.random.default_rng(runs)
    found = pd.concat(
        segment_effects(null_table(random, unit, runs), unit=unit)  # type: ignore[arg-type]
        for _ in range(60)
    )
    mean = found.groupby("tier")[["effect", "naive_effect"]].mean()
    assert abs(mean.loc["low", "effect"]) < 1.2
    assert abs(mean.loc["mid", "effect"]) < 1.2
    assert abs(mean.loc["high", "effect"]) < 3.0
    if unit == "cell":
        assert mean.loc["low", "naive_effect"] > 1.5
        assert mean.loc["high", "naive_effect"] < -4.0


def test_a_true_difference_between_tiers_is_found_and_the_naive_figure_stands_beside_it() -> None:
    df = simulate_scores(
        models=12,
        tasks=40,
        repetitions=3,
        effect={"low": 20.0, "mid": 5.0, "high": -5.0},
        floor=None,
        ceiling=None,
        seed=1,
    )
    df["score"] = df["score"].clip(0, 100)
    found = segment_effects(df).set_index("tier")
    assert list(found.index) == list(TIERS)
    assert found.loc["low", "low"] > 10
    assert found.loc["low", "low"] < found.loc["low", "effect"] < found.loc["low", "high"]
    assert found.loc["mid", "effect"] == pytest.approx(5, abs=4)
    np.testing.assert_allclose(found["coupling"], found["naive_effect"] - found["effect"])
    assert (found["method"] == "leave_one_repetition_out").all()
    assert "tasks like these" in found.loc["low", "sentence"]


def test_one_task_and_one_answer_are_refused_in_words() -> None:
    df = simulate_scores(models=6, tasks=1, repetitions=1)
    found = segment_effects(df)
    assert found["effect"].isna().all()
    assert found["naive_effect"].notna().any()
    some = found[found["cells"] > 0]
    assert (some["flags"] == "needs_independent_baseline").all()
    assert some["sentence"].str.contains("ask every model's baseline once more").all()


def test_the_recorded_benchmark_yields_no_tier_effect_but_shows_what_was_published(
    shared_data: Path,
) -> None:
    with gzip.open(shared_data / "mimir_runs.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    df = pd.DataFrame([r for r in rows if r["run"] == 1])
    df = df.rename(columns={"preamble": "variant", "total": "score"}).assign(task="t", repetition=1)
    base = next(v for v in df["variant"].unique() if "baseline" in v)
    df = df[["model", "variant", "task", "repetition", "score"]]
    found = segment_effects(df, baseline=base).set_index("tier")
    assert found["effect"].isna().all()
    # The rows that the published tier table rests on: 15, 35, 43 | 57 | 95, 99. notes: +34.3
    # was read from three models under 50.
    assert found["naive_effect"].round(1).to_dict() == {"low": 34.3, "mid": 9.0, "high": -6.5}


def test_every_fold_judges_a_tier_by_answers_that_do_not_enter_its_effect() -> None:
    random = np.random.default_rng(0)
    runs, arm = random.normal(50, 20, (4, 9, 3)), random.normal(50, 20, (4, 9))
    before = leave_one_repetition_out(runs, arm, "cell")
    shifted = runs.copy()
    shifted[..., 1] += 40
    after = leave_one_repetition_out(shifted, arm, "cell")
    np.testing.assert_allclose(before.baseline[1], after.baseline[1])
    np.testing.assert_allclose(after.effect[1], before.effect[1] - 40)
    np.testing.assert_array_equal(before.effect[0], after.effect[0])
    split = halves(runs[..., 0], arm, 5, seed=1)
    measured = np.isfinite(split.effect)
    assert measured.any(axis=(1, 2)).all()
    np.testing.assert_array_equal(measured[:5], ~measured[5:])


def test_the_swept_regression_equals_the_obvious_one_with_missing_cells() -> None:
    random = np.random.default_rng(5)
    values = random.normal(50, 20, (4, 7))
    values[random.random((4, 7)) < 0.2] = np.nan
    there = np.argwhere(np.isfinite(values))
    design = np.zeros((len(there), 11))
    for row, (model, task) in enumerate(there):
        design[row, model] = design[row, 4 + task] = 1.0
    y = values[there[:, 0], there[:, 1]]
    hat = design @ np.linalg.pinv(design)
    model, task, leverage = _additive(values)
    fitted = model[there[:, 0]] + task[there[:, 1]]
    np.testing.assert_allclose(fitted, hat @ y)
    np.testing.assert_allclose(leverage[there[:, 0], there[:, 1]], np.diag(hat))


def slow_leave_one_out(df: pd.DataFrame, tier: str) -> float:
    """The obvious version for model tiers: loops over repetitions, models and tasks."""
    folds = []
    for run in sorted(df["repetition"].unique()):
        effects = []
        for _, own in df.groupby("model"):
            base = own[own["variant"] == "baseline"]
            others = base[base["repetition"] != run].groupby("task")["score"].mean()
            if baseline_tier(others.mean()) != tier:
                continue
            left = base[base["repetition"] == run].set_index("task")["score"]
            arm = own[own["variant"] == "preamble"].groupby("task")["score"].mean()
            effects.append((arm - left).mean())
        if effects:
            folds.append(np.mean(effects))
    return float(np.mean(folds)) if folds else float("nan")


@pytest.mark.parametrize("seed", range(3))
def test_the_array_version_equals_the_loops(seed: int) -> None:
    df = simulate_scores(models=5, tasks=6, repetitions=3, repetition_sd=20, seed=seed)
    found = segment_effects(df).set_index("tier")["effect"]
    for tier in TIERS:
        assert found[tier] == pytest.approx(slow_leave_one_out(df, tier), nan_ok=True)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["model", "cell"]), st.integers(1, 3))
def test_row_order_does_not_matter(seed: int, unit: str, runs: int) -> None:
    df = simulate_scores(models=4, tasks=9, repetitions=runs, missing=0.1, seed=seed)
    mixed = df.sample(frac=1.0, random_state=seed)
    first = segment_effects(df, unit=unit)  # type: ignore[arg-type]
    second = segment_effects(mixed, unit=unit)  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(first, second, rtol=1e-9)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_copies_of_every_answer_change_nothing(seed: int) -> None:
    df = simulate_scores(models=4, tasks=9, repetitions=2, seed=seed)
    copies = df.assign(repetition=df["repetition"] + 2)
    pd.testing.assert_frame_equal(segment_effects(df), segment_effects(pd.concat([df, copies])))


def test_sizes_have_no_coupling_and_tier_by_size_shows_every_square() -> None:
    df = simulate_scores(models=6, tasks=10, repetitions=2, effect=6.0, seed=2)
    by_size = segment_effects(df, by="size")
    assert list(by_size["size"]) == ["tiny", "mid", "large"]
    np.testing.assert_allclose(by_size["coupling"], 0.0, atol=1e-12)
    assert len(segment_effects(df, by="tier x size")) == 9
    whole = segment_effects(df, by="all").iloc[0]
    cells = df.pivot_table(index=["model", "task"], columns="variant", values="score")
    assert whole["effect"] == pytest.approx((cells["preamble"] - cells["baseline"]).mean())


def test_equal_scores_give_no_zero_width() -> None:
    df = simulate_scores(models=6, tasks=12, repetitions=2)
    df["score"] = 100.0
    high = segment_effects(df).set_index("tier").loc["high"]
    assert high["flags"] == "zero_variance"
    assert high["low"] < -20
    assert high["high"] == pytest.approx(0.0, abs=1e-9)


def test_a_model_on_the_bound_is_counted_and_said() -> None:
    df = simulate_scores(
        models={"a": 20.0, "b": 50.0, "c": 75.0}, tasks=10, task_sd=0, model_task_sd=0, seed=2
    )
    # The three baseline answers of b average to both sides of 50.
    df.loc[(df["model"] == "b") & (df["repetition"] == 1), "score"] -= 9
    found = segment_effects(df).set_index("tier")
    assert found.loc[["low", "mid"], "borderline"].tolist() == [1, 1]
    assert "1 near a bound of the tier" in found.loc["low", "sentence"]
    assert segment_effects(df, by="size")["borderline"].sum() == 0


def test_few_tasks_make_models_the_clusters_and_say_so() -> None:
    found = segment_effects(simulate_scores(models=9, tasks=3, repetitions=2, seed=4))
    assert (found["scope"] == "models like these").all()
    assert "models like these, on these tasks" in found["sentence"].iloc[0]


def test_tasks_of_one_source_widen_the_interval() -> None:
    df = simulate_scores(
        models=4, tasks=24, repetitions=2, variant_task_sd=0, repetition_sd=3, seed=3
    )
    source = {task: i // 4 for i, task in enumerate(sorted(df["task"].unique()))}
    shift = np.random.default_rng(1).normal(0, 12, 6)
    own = df["task"].map(source).to_numpy()
    df["score"] = (df["score"] + np.where(df["variant"] == "preamble", shift[own], 0)).clip(0, 100)
    plain = segment_effects(df, by="all").iloc[0]
    grouped = segment_effects(df.assign(cluster=own), by="all").iloc[0]
    assert grouped["se"] > 1.4 * plain["se"]
    assert grouped["n_effective"] == pytest.approx(6)


def test_model_tiers_say_when_they_are_sure() -> None:
    df = simulate_scores(
        models={"weak": 20.0, "edge": 50.0, "good": 75.0}, tasks=30, repetition_sd=6, seed=0
    )
    tiers = model_tiers(df).set_index("model")
    assert tiers["tier"].to_dict()["weak"] == "low"
    assert tiers["sure"].to_dict() == {"edge": False, "good": True, "weak": True}
    one = model_tiers(simulate_scores(models=2, tasks=1, repetitions=1))
    assert not one["sure"].any()
    assert one["low"].isna().all()


def test_wrong_questions_are_refused() -> None:
    df = simulate_scores(models=2, tasks=2)
    with pytest.raises(SpecError, match="by='colour'"):
        segment_effects(df, by="colour")  # type: ignore[arg-type]
    with pytest.raises(TableError, match="no variant 'none'"):
        segment_effects(df, baseline="none")
