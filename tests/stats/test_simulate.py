"""A simulated table carries its own truth, and the truth is what the scores average to."""

import numpy as np
import pandas as pd
import pytest

from preamblelab.errors import SpecError
from preamblelab.stats.simulate import simulate_scores


def means(df: pd.DataFrame) -> pd.Series:
    return df.groupby(["model", "variant"])["score"].mean()


def test_the_same_seed_draws_the_same_table_and_another_seed_does_not() -> None:
    first, again = simulate_scores(seed=3), simulate_scores(seed=3)
    pd.testing.assert_frame_equal(first, again)
    assert not first["score"].equals(simulate_scores(seed=4)["score"])


def test_a_world_without_noise_scores_its_truth() -> None:
    still = {"task_sd": 0.0, "model_task_sd": 0.0, "variant_task_sd": 0.0, "repetition_sd": 0.0}
    df = simulate_scores(models={"m": 97.0}, effect=8.0, **still)  # type: ignore[arg-type]
    assert df.attrs["truth"]["effects"]["preamble"]["m"] == 3.0
    assert set(df["score"]) == {97.0, 100.0}


def test_every_row_says_that_it_is_simulated() -> None:
    df = simulate_scores(models=2, tasks=2, repetitions=1)
    assert df["simulated"].all()
    assert list(df.columns) == [
        "model", "size", "variant", "task", "repetition", "score", "output_hash", "simulated",
    ]  # fmt: skip
    assert len(df) == 2 * 2 * 2 * 1


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        (7.0, [7.0, 7.0, 7.0]),
        ({"low": 30.0, "high": -4.0}, [30.0, 0.0, -4.0]),
        ({"b": 9.0}, [0.0, 9.0, 0.0]),
        ({"preamble": {"mid": 3.0}}, [0.0, 3.0, 0.0]),
        ({"preamble": 2.0}, [2.0, 2.0, 2.0]),
    ],
)
def test_an_effect_may_be_one_number_or_by_tier_by_model_by_variant(
    effect: object, expected: list[float]
) -> None:
    df = simulate_scores(
        models={"a": 30.0, "b": 70.0, "c": 95.0},
        effect=effect,  # type: ignore[arg-type]
        ceiling=None,
        floor=None,
    )
    truth = df.attrs["truth"]["effects"]["preamble"]
    assert [round(truth[m], 9) for m in "abc"] == expected


def test_the_truth_is_the_long_run_mean_even_where_floor_and_ceiling_cut() -> None:
    df = simulate_scores(
        models={"bad": 5.0, "good": 92.0},
        tasks=40_000,
        repetitions=1,
        effect=6.0,
        judges={"mild": 5.0, "strict": -5.0},
        judge_sd=4.0,
    )
    seen = means(df).unstack()  # noqa: PD010
    truth = df.attrs["truth"]
    for model in ("bad", "good"):
        assert seen.loc[model, "baseline"] == pytest.approx(truth["baselines"][model], abs=0.3)
        effect = seen.loc[model, "preamble"] - seen.loc[model, "baseline"]
        assert effect == pytest.approx(truth["effects"]["preamble"][model], abs=0.25)
    assert truth["effects"]["preamble"]["good"] < 5.0


def test_dimensions_add_up_to_the_score_and_judges_differ_by_their_leniency() -> None:
    df = simulate_scores(
        judges={"mild": 8.0, "strict": 0.0},
        dimensions={"a": 70.0, "b": 30.0},
        ceiling=None,
        floor=None,
    )
    keys = ["model", "variant", "task", "repetition"]
    total = df.groupby([*keys, "judge"])["score"].sum().unstack()  # noqa: PD010
    np.testing.assert_allclose(total["mild"] - total["strict"], 8.0)


def test_copies_share_their_text_and_missing_marks_stay_missing() -> None:
    df = simulate_scores(copied=1.0, missing={"baseline": 0.5}, tasks=100)
    cells = df.groupby(["model", "variant", "task"])
    assert cells["output_hash"].nunique().max() == 1
    absent = df["score"].isna().groupby(df["variant"]).mean()
    assert absent["preamble"] == 0.0
    assert absent["baseline"] == pytest.approx(0.5, abs=0.05)


def test_spreads_come_out_as_asked() -> None:
    df = simulate_scores(
        models={"m": 50.0}, tasks=3000, repetitions=4, repetition_sd=9.0, floor=None, ceiling=None
    )
    runs = df.groupby(["variant", "task"])["score"].std()
    assert np.sqrt((runs**2).mean()) == pytest.approx(9.0, rel=0.03)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"tasks": 0}, "tasks is 0"),
        ({"variants": ("baseline",)}, "leave it out"),
        ({"missing": 1.5}, "share from 0 to 1"),
        ({"dimensions": {"a": 60.0}}, "add up to 100"),
        ({"effect": {"low": 1.0, "nobody": 2.0}}, "not a mixture"),
    ],
)
def test_a_wrong_world_is_refused_in_words(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        simulate_scores(**arguments)  # type: ignore[arg-type]


def test_half_a_million_rows_are_drawn_at_once() -> None:
    df = simulate_scores(
        models=12, tasks=200, variants=("a", "b", "c"), repetitions=5, judges=2, dimensions=5
    )
    assert len(df) == 480_000
