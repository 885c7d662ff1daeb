"""A judge is calibrated by execution: a rank correlation, its interval, and honest counts."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from preamblelab.stats.calibration import judged_and_run


def table(judged: object, executed: object, **columns: object) -> pd.DataFrame:
    made = pd.DataFrame({"judged": judged, "executed": executed})
    made["answer"] = made.index.astype(str)
    return made.assign(judge="j", dimension="d", **columns)


def drawn(rho: float, n: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    pairs = random.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=n)
    return table(pairs[:, 0], pairs[:, 1])


def test_it_is_spearmans_correlation() -> None:
    made = drawn(0.6, 40, 1)
    row = judged_and_run(made).iloc[0]
    assert row["correlation"] == pytest.approx(spearmanr(made["judged"], made["executed"])[0])
    assert row["low"] < row["correlation"] < row["high"]


@pytest.mark.slow
def test_the_interval_holds_as_often_as_it_says() -> None:
    """The truth for a bivariate normal is (6 / pi) asin(rho / 2)."""
    truth = 6 / np.pi * np.arcsin(0.6 / 2)
    rows = [judged_and_run(drawn(0.6, 30, seed)).iloc[0] for seed in range(400)]
    held = np.mean([row["low"] <= truth <= row["high"] for row in rows])
    assert 0.92 <= held <= 0.98


def test_identical_answers_are_one_observation() -> None:
    made = drawn(0.5, 12, 2)
    many = pd.concat([made, *[made.iloc[:1]] * 50])
    once, often = judged_and_run(made).iloc[0], judged_and_run(many).iloc[0]
    assert (often["answers"], often["distinct"]) == (62, 12)
    assert often["correlation"] == once["correlation"]


def test_what_cannot_be_said_is_missing_with_a_flag() -> None:
    few = judged_and_run(drawn(0.9, 7, 3)).iloc[0]
    assert few["flags"] == "few"
    assert not np.isnan(few["correlation"])
    assert np.isnan(few["low"])
    constant = judged_and_run(table([1.0, 2.0, 3.0], [0.0, 0.0, 0.0])).iloc[0]
    assert constant["flags"] == "constant"
    assert np.isnan(constant["correlation"])
    assert constant["tied"] == 1.0
    assert judged_and_run(table([np.nan], [1.0])).empty


def test_modes_and_dimensions_stay_apart() -> None:
    both = pd.concat([drawn(0.9, 30, 4).assign(mode="strict"), drawn(0, 30, 5).assign(mode="r")])
    found = judged_and_run(both, by=("judge", "dimension", "mode")).set_index("mode")
    assert found["correlation"]["strict"] > 0.7 > abs(found["correlation"]["r"])
