"""Item statistics against what is known of made tables."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preamblelab.stats.items import ITEM_COLUMNS, item_statistics


def table(scores: dict[str, dict[str, list[float]]]) -> pd.DataFrame:
    """Scores by task and model, one for each repetition."""
    return pd.DataFrame(
        [
            {"model": model, "variant": "baseline", "task": task, "repetition": n, "score": score}
            for task, models in scores.items()
            for model, values in models.items()
            for n, score in enumerate(values, 1)
        ]
    )


def finding(scores: dict[str, list[float]]) -> str:
    (row,) = item_statistics(table({"t": scores})).to_dict("records")
    return str(row["finding"])


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ({"a": [99.0, 97.0], "b": [95.0, 100.0]}, "ceiling"),
        ({"a": [0.0, 1.0], "b": [5.0, 2.0]}, "floor"),
        ({"a": [50.0, 52.0], "b": [53.0, 54.0]}, "no difference"),
        ({"a": [20.0, 80.0], "b": [30.0, 90.0]}, "within noise"),
        ({"a": [20.0, 22.0], "b": [80.0, 82.0]}, ""),
        ({"a": [20.0], "b": [80.0]}, ""),
        ({"a": [np.nan], "b": [np.nan]}, "unscored"),
    ],
)
def test_what_keeps_a_task_from_telling(scores: dict[str, list[float]], said: str) -> None:
    assert finding(scores) == said


def test_a_task_on_which_the_weak_do_better_runs_backwards() -> None:
    ranks = {"a": 10.0, "b": 50.0, "c": 90.0}
    right = {f"t{n}": {model: [score + n] for model, score in ranks.items()} for n in range(3)}
    odd = {"odd": {model: [100.0 - score] for model, score in ranks.items()}}
    found = item_statistics(table(right | odd)).set_index("task")
    assert found.loc["odd", "finding"] == "backwards"
    assert found.loc["odd", "discrimination"] == pytest.approx(-1.0)
    assert set(found.loc[["t0", "t1", "t2"], "finding"]) == {""}


def test_missing_scores_are_counted_and_never_zero() -> None:
    (row,) = item_statistics(table({"t": {"a": [80.0, np.nan], "b": [60.0, 60.0]}})).to_dict(
        "records"
    )
    assert (row["answers"], row["missing"], row["mean"]) == (3, 1, 70.0)


@pytest.mark.slow
def test_equal_models_stay_within_the_noise_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(7)
    tasks = {
        f"t{n}": {model: list(rng.normal(50, 10, size=4)) for model in "abc"} for n in range(150)
    }
    found = item_statistics(table(tasks), margin=0.001)
    share = float((found["spread"] < found["noise"]).mean())
    assert 0.90 <= share <= 0.99


@settings(max_examples=10)
@given(
    scores=st.lists(st.lists(st.floats(0, 100), min_size=3, max_size=3), min_size=2, max_size=5),
    seed=st.integers(0, 99),
)
def test_the_order_of_rows_does_not_matter(scores: list[list[float]], seed: int) -> None:
    rows = table(
        {
            f"t{n}": dict(zip("abc", ([v] for v in part), strict=True))
            for n, part in enumerate(scores)
        }
    )
    mixed = rows.sample(frac=1, random_state=seed)
    one, other = item_statistics(rows), item_statistics(mixed)
    assert tuple(one.columns) == ITEM_COLUMNS
    pd.testing.assert_frame_equal(one, other)
