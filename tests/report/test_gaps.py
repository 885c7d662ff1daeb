"""What a report says of what it lacks."""

import itertools
import json

import pandas as pd
import pytest

from preamblelab.report.reports import Report


def table(**columns: object) -> pd.DataFrame:
    """Six tasks under a baseline and a variant that gains 10 points, all answered."""
    rows = [
        {"model": "m", "variant": variant, "task": f"t{task}", "repetition": 1}
        | {"score": 50.0 + 7 * task + gain, "status": "ok", "reason": ""}
        for (variant, gain), task in itertools.product({"baseline": 0, "x": 10}.items(), range(6))
    ]
    return pd.DataFrame(rows).assign(**columns)


def text(scores: pd.DataFrame) -> str:
    return " ".join(str(Report(experiment="e", scores=scores)).split())


def test_a_whole_table_lacks_nothing() -> None:
    assert "missing" not in text(table())


def test_missing_scores_stand_in_the_head_with_their_variants() -> None:
    scores = table()
    scores.loc[[0, 6, 7, 8], "score"] = None
    scores.loc[8, "status"] = "pending"
    shown = text(scores)
    assert "4 of 12 scores are missing, 3 of them under x, 1 of them under baseline" in shown
    assert "(1 not asked yet)" in shown
    assert "6 tasks (of which 3 with scores in both arms, by the median)" in shown
    assert "With 3 tasks" in shown or "spread is not known" in shown


@pytest.mark.parametrize("status", ["failed", "pending"])
def test_a_run_without_any_answer_claims_nothing_at_all(status: str) -> None:
    scores = table(score=float("nan"), status=status, reason="connect: refused")
    shown = str(Report(experiment="e", scores=scores, facts=(("store", "here"),)))
    assert "nan" not in shown
    assert "Verdict" not in shown
    assert "model " not in shown
    assert "store: here" in shown
    why = "12 failed: connect: refused." if status == "failed" else "12 trials still to be asked."
    assert f"Nothing was answered yet: {why}" in shown
    document = json.loads(Report(experiment="e", scores=scores).to_json())
    assert [each["effect"] for each in document["models"]] == [None]


def test_reasons_are_grouped_the_commonest_first() -> None:
    scores = table()
    scores.loc[:2, ["score", "status", "reason"]] = [None, "failed", "timeout: 60 s"]
    scores.loc[6:6, ["score", "status", "reason"]] = [None, "failed", "permanent: 404"]
    scores.loc[7:8, ["score", "reason"]] = [None, "boom crashed: ValueError: oops"]
    report = Report(experiment="e", scores=scores)
    lines = str(report).splitlines()
    assert lines[-3:] == [
        "3 failed: timeout: 60 s",
        "1 failed: permanent: 404",
        "2 of 8 answers without a score: boom crashed: ValueError: oops",
    ]
    assert sum(each["trials"] for each in json.loads(report.to_json())["missing"]) == 6


def test_answers_without_any_score_say_why() -> None:
    scores = table(score=float("nan"), reason="boom crashed: ValueError: oops")
    assert (
        "No answer has a score yet: 12 of 12 answers without a score: boom crashed: ValueError: "
        "oops." in text(scores)
    )


def test_a_csv_without_outcomes_has_no_reasons_to_tell() -> None:
    scores = table().drop(columns=["status", "reason"])
    scores.loc[0, "score"] = None
    shown = text(scores)
    assert "1 of 12 scores is missing, 1 of them under baseline." in shown
    assert "failed" not in shown
