"""The paired effect of a variant: what it equals, when it has no interval, what leaves it be."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from preamblelab.errors import TableError
from preamblelab.stats.effects import effects


def score_table(
    baseline: list[float | None], variant: list[float | None], model: str = "m"
) -> pd.DataFrame:
    """One repetition of each task in both arms; None is a missing score."""
    rows = [
        (model, name, f"t{task}", 1, score)
        for name, scores in (("baseline", baseline), ("v", variant))
        for task, score in enumerate(scores)
    ]
    return pd.DataFrame(rows, columns=["model", "variant", "task", "repetition", "score"])


def test_equals_scipys_paired_t():
    rng = np.random.default_rng(1)
    before, after = rng.uniform(40, 60, 12), rng.uniform(45, 70, 12)
    row = effects(score_table(list(before), list(after))).iloc[0]
    known = stats.ttest_rel(after, before)
    low, high = known.confidence_interval(0.95)
    assert row["effect"] == pytest.approx((after - before).mean())
    assert row["p"] == pytest.approx(known.pvalue)
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    assert (row["df"], row["n_tasks"], row["scope"]) == (11, 12, "tasks like these")


def test_one_task_gives_a_figure_and_no_interval():
    row = effects(score_table([57.0], [66.0])).iloc[0]
    assert row["effect"] == 9
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])
    assert np.isnan(row["p"])
    assert "one_task" in row["flags"]


def test_a_ceiling_is_no_certainty():
    row = effects(score_table([100.0] * 20, [100.0] * 20)).iloc[0]
    assert row["low"] == pytest.approx(-16.843, abs=1e-3)
    assert row["high"] == 0
    assert "zero_variance" in row["flags"]


def test_an_unknown_baseline_names_what_there_is():
    with pytest.raises(TableError, match=r"no variant is named 'none'; there are: baseline, v"):
        effects(score_table([1.0], [2.0]), baseline="none")
