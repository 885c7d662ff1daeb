"""What the plain table says, delivered or not, is shown even where nothing varies."""

import pandas as pd

from preamblelab.report.reports import Arrival, Report


def test_constant_scores_and_an_undelivered_preamble_still_make_a_report():
    rows = [
        {"model": model, "variant": arm, "task": task, "repetition": 1, "score": 50.0}
        for model in ("a", "b")
        for arm in ("baseline", "new")
        for task in range(4)
    ]
    report = Report(
        experiment="flat",
        scores=pd.DataFrame(rows),
        arrivals={("b", "new"): Arrival(state="undelivered", reasons=("dropped",))},
    )
    text = str(report)
    assert "As measured, delivered or not: new 0.0 points (50.0 to 50.0) over 2 models" in text
    assert "nan" not in text
