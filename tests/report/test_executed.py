"""The report shows what answers did beside what they were given, and names contradictions."""

import itertools
import json
from typing import Any

import pandas as pd
import pytest

from preamblelab.report.contradictions import contradictions
from preamblelab.report.executed_evidence import executed_arms
from preamblelab.report.findings import Judged
from preamblelab.report.reports import Report

ARMS = ("baseline", "careful")
TASKS = range(6)


def scores(careful: float = 90.0) -> pd.DataFrame:
    """The judge gives the variant much more."""
    rows = [
        {"model": "m", "size": "mid", "variant": arm, "task": f"t{task}", "repetition": 1}
        | {"score": (40.0 if arm == "baseline" else careful) + task, "output_hash": f"{arm}{task}"}
        for arm, task in itertools.product(ARMS, TASKS)
    ]
    return pd.DataFrame(rows)


def executed(**careful: Any) -> pd.DataFrame:
    """The baseline kills 5 of 10 mutants in either mode; the variant does as the test says."""
    good = {"loads": True, "parses": True, "tests": 4, "passed": 4, "failed": 0, "killed": 5}
    rows = []
    for arm, task, mode in itertools.product(ARMS, TASKS, ("strict", "repaired")):
        own = good if arm == "baseline" else {**good, **careful}
        rows.append(
            {"model": "m", "variant": arm, "task": f"t{task}", "repetition": 1, "mode": mode}
            | {"kind": "tests", "status": "ok", "reason": "", "mutants": 10, "line_share": 1.0}
            | {"repairs": "", "backend": "bubblewrap", "backend_version": "0.8", "seconds": 0.1}
            | {"runner": "pytest 9", "isolated": True, "response_key": f"{arm}{task}"}
            | own
        )
    return pd.DataFrame(rows)


def report(table: pd.DataFrame, careful: float = 90.0, **fields: Any) -> Report:
    return Report(experiment="e", scores=scores(careful), executed=table, **fields)


NOTHING = {"loads": False, "passed": 0, "killed": 0, "tests": 0}


def test_judged_and_executed_gain_stand_beside_each_other() -> None:
    text = " ".join(str(report(executed(**NOTHING))).split())
    assert "Executed evidence" in text
    assert "careful: +50.0 points of 100 judged; executed worth −50.0 points of 100" in text
    assert "run by pytest 9; sandbox: bubblewrap" in text


def test_what_is_praised_and_does_not_run_is_listed_with_its_numbers() -> None:
    shown = report(executed(**NOTHING))
    table = contradictions(shown)
    assert set(table["says"]) == {"praised"}
    assert len(table) == 6
    text = " ".join(str(shown).split())
    assert "6 answers of 12 got 70 % or more of some points for code though nothing of it" in text
    assert "does not load" in text
    document = json.loads(shown.to_json())
    assert len(document["contradictions"]) == 6
    assert document["executed_arms"][1]["strict_loads"] == 0
    assert {row["mode"] for row in document["calibration"]} == {"strict", "repaired"}


def test_what_is_blamed_and_runs_is_listed_too() -> None:
    table = contradictions(report(executed(killed=9), careful=10.0))
    assert set(table["says"]) == {"blamed"}
    assert set(table["variant"]) == {"careful"}


def test_praise_for_an_explanation_is_no_contradiction() -> None:
    marks = scores()[["model", "variant", "task", "repetition"]].assign(judge="j", score=10.0)
    both = pd.concat(
        [marks.assign(dimension="strategy_explanation"), marks.assign(dimension="test_coverage")]
    )
    judged = Judged(read=lambda: both, shared=False)
    shown = report(
        executed(**NOTHING), 50.0, judged=judged, maxima=dict.fromkeys(set(both["dimension"]), 10)
    )
    assert set(contradictions(shown)["dimension"]) == {"test_coverage"}


def test_repaired_stands_apart_from_strict() -> None:
    table = executed(**NOTHING)
    repaired = (table["variant"] == "careful") & (table["mode"] == "repaired")
    table.loc[repaired, ["loads", "passed", "killed", "tests"]] = [True, 4, 8, 4]
    table.loc[repaired, "repairs"] = "module path"
    arms = executed_arms(report(table)).set_index("variant")
    assert arms["strict_killed"]["careful"] == 0
    assert arms["repaired_killed"]["careful"] == 48
    assert "repairs: module path (6)" in str(report(table))


def test_what_could_not_be_run_and_what_was_not_isolated_is_said() -> None:
    table = executed()
    lost = (table["variant"] == "careful") & (table["task"] == "t0")
    table["isolated"] = False
    table.loc[lost, "status"] = "missing"
    table.loc[lost, "reason"] = "no sandbox for python: install one"
    text = " ".join(str(report(table)).split())
    assert "1 answer could not be run: no sandbox for python: install one" in text
    assert "WITHOUT ISOLATION" in text


def test_agreement_is_said_as_well() -> None:
    assert "None in 12 answers" in str(report(executed(), 45.0))


@pytest.mark.parametrize("form", ["to_markdown", "__str__"])
def test_nothing_is_said_where_nothing_was_run(form: str) -> None:
    text = getattr(Report(experiment="e", scores=scores()), form)()
    assert "Executed evidence" not in text


def test_points_that_rest_on_running_are_not_compared_with_it() -> None:
    shown = str(report(executed(**NOTHING), points_from_running=True))
    assert "Executed evidence" in shown
    assert "Contradictions" not in shown
    assert "calibrated" not in shown


def test_what_could_not_be_run_after_repairs_is_missing_and_no_zero() -> None:
    """Without a sandbox: as written it does not parse, which is known; what repairs gain is not."""
    table = executed(**NOTHING)
    after = (table["mode"] == "repaired") & (table["variant"] == "careful")
    table.loc[after & (table["task"] != "t0"), ["status", "reason"]] = ["missing", "no sandbox"]
    arms = executed_arms(report(table)).set_index("variant")
    assert (arms.loc["careful", "strict_missing"], arms.loc["careful", "repaired_missing"]) == (
        0,
        5,
    )
    text = " ".join(str(report(table)).split())
    assert "after repairs (without 5 answers that could not be run)" in text
    assert "0 (5 missing)" in text
    assert "5 answers could not be run after repairs: no sandbox" in text
    table.loc[after, ["status", "reason"]] = ["missing", "no sandbox"]
    row = next(
        each for each in str(report(table)).splitlines() if each.startswith("m      careful")
    )
    assert row.split()[-3:] == ["missing", "-", "-"]
