"""The array that the fast paths work on says the same as the table it came from."""

import numpy as np
import pandas as pd
import pytest

from preamblelab.errors import TableError
from preamblelab.stats.grid import score_grid
from preamblelab.stats.simulate import simulate_scores


def rows(*given: tuple[str, str, str, int, float, str]) -> pd.DataFrame:
    names = ["model", "variant", "task", "repetition", "score", "output_hash"]
    return pd.DataFrame(given, columns=names)


def test_the_array_holds_the_table_whatever_the_order_of_its_rows() -> None:
    df = simulate_scores(models=3, tasks=4, repetitions=2, variants=("zeta", "alpha"))
    grid = score_grid(df)
    assert grid.variants == ("baseline", "alpha", "zeta")
    shuffled = score_grid(df.sample(frac=1.0, random_state=1))
    np.testing.assert_array_equal(grid.score, shuffled.score)
    row = df.iloc[17]
    at = (
        grid.models.index(row["model"]),
        grid.variants.index(row["variant"]),
        grid.tasks.index(row["task"]),
        row["repetition"] - 1,
    )
    assert grid.score[at] == row["score"]


def test_copies_of_one_text_are_one_answer_whose_marks_are_averaged() -> None:
    grid = score_grid(
        rows(
            ("m", "baseline", "t", 1, 40.0, "x"),
            ("m", "baseline", "t", 2, 44.0, "x"),
            ("m", "baseline", "t", 3, 90.0, "y"),
            ("m", "preamble", "t", 1, 10.0, ""),
            ("m", "preamble", "t", 2, 20.0, ""),
        )
    )
    np.testing.assert_array_equal(grid.score[0, 0, 0], [42.0, np.nan, 90.0])
    np.testing.assert_array_equal(grid.score[0, 1, 0], [10.0, 20.0, np.nan])
    assert grid.copied == 1


def test_a_cell_that_repeats_itself_needs_no_third_asking() -> None:
    grid = score_grid(
        rows(
            ("m", "baseline", "t", 1, 40.0, "x"),
            ("m", "baseline", "t", 2, 40.0, "x"),
            ("m", "baseline", "u", 3, 40.0, "z"),
        )
    )
    np.testing.assert_array_equal(grid.repeats[0, 0], [True, False])
    assert not grid.asked[0, 0, 1, :2].any()


def test_tasks_of_one_source_share_a_cluster_and_a_task_of_two_is_refused() -> None:
    df = simulate_scores(models=1, tasks=4, repetitions=1)
    df["cluster"] = df["task"].map({"task-1": "a", "task-2": "a", "task-3": "b"})
    cluster = score_grid(df).cluster
    assert cluster[0] == cluster[1]
    assert len(set(cluster)) == 3
    df["cluster"] = [f"c{i}" for i in range(len(df))]
    with pytest.raises(TableError, match="two clusters"):
        score_grid(df)


def test_a_model_of_two_sizes_is_refused() -> None:
    df = simulate_scores(models=1, tasks=2, repetitions=1)
    df["size"] = ["tiny", "mid"] * 2
    with pytest.raises(TableError, match="more than one size"):
        score_grid(df)
