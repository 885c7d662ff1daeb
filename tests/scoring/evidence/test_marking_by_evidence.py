"""Answers are run when they are marked, once; what running shows earns points by stated rules."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from parcels import TESTS, fenced, task

import preamblelab as pl
from preamblelab.domain.evidence_records import Evidence
from preamblelab.domain.experiments import Experiment
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Response
from preamblelab.domain.rubrics import Rubric
from preamblelab.domain.tasks import Suite, Task
from preamblelab.errors import SpecError
from preamblelab.lab import executing
from preamblelab.scoring.checks_evidence import EVIDENCE_CHECKS, NoEvidenceError
from preamblelab.scoring.evidence.maker import EvidenceMaker
from preamblelab.scoring.sandbox import Pool

GOOD = Evidence(
    kind="tests",
    mode="strict",
    parses=True,
    loads=True,
    tests=10,
    passed=6,
    failed=4,
    mutants=4,
    killed=3,
    line_share=0.9,
    details={
        "mutants": [
            {"name": "a", "kind": "boundary", "killed": True},
            {"name": "b", "kind": "message", "killed": True},
            {"name": "c", "kind": "field", "killed": False},
            {"name": "d", "kind": "error", "killed": True},
        ]
    },
)
SHARES = {
    "tests_load": 1.0,
    "tests_pass": 0.6,
    "mutants_killed": 0.75,
    "lines_covered": 0.9,
    "errors_asserted": 2 / 3,
    "distinct_executed_tests": 0.75,
}


@pytest.mark.parametrize(("name", "share"), SHARES.items())
def test_each_check_has_its_rule(name: str, share: float) -> None:
    found = EVIDENCE_CHECKS[name].of(task(), {"strict": GOOD})
    assert found.share == pytest.approx(share)
    assert found.evidence


@pytest.mark.parametrize("name", EVIDENCE_CHECKS)
def test_what_does_not_load_earns_nothing_and_what_is_missing_is_missing(name: str) -> None:
    mode: Any = "repaired" if name.startswith("repaired.") else "strict"
    broken = replace(GOOD, mode=mode, loads=False, reason="it does not load: no")
    assert EVIDENCE_CHECKS[name].of(task(), {mode: broken}).share == 0
    missing = replace(GOOD, mode=mode, status="missing", reason="no sandbox")
    with pytest.raises(NoEvidenceError, match="no sandbox"):
        EVIDENCE_CHECKS[name].of(task(), {mode: missing})
    with pytest.raises(NoEvidenceError, match="was not run"):
        EVIDENCE_CHECKS[name].of(task(), {})


def rubric() -> Rubric:
    criteria = [
        {"points": 20, "text": "loads", "check": "tests_load"},
        {"points": 30, "text": "passes", "check": "tests_pass"},
        {"points": 50, "text": "kills", "check": "mutants_killed"},
    ]
    return Rubric.model_validate(
        {"name": "r", "dimensions": [{"name": "d", "points": 100, "criteria": criteria}]}
    )


def plan(*tasks: Task, **fields: Any) -> Experiment:
    return Experiment.model_validate(
        {
            "name": "e",
            "models": [ModelSpec(id="openai/x", name="x", api_base="http://127.0.0.1:9")],
            "baseline": "baseline",
            "variants": ["careful"],
            "preambles": {"careful": {"name": "careful", "text": "Be good."}},
            "suite": Suite(name="s", tasks=tasks or (task(),)),
            "rubric": rubric(),
            "delivery": False,
            **fields,
        }
    )


def answers(trial: Any) -> Response:
    """The baseline writes tests that a special token breaks, the variant good ones."""
    return Response(text=fenced(TESTS + ("<|end|>" if trial.variant.text is None else "")))


def test_a_run_runs_each_answer_once_and_marks_by_it(pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    report = pl.run(plan(), path, client=answers)
    with pl.Store(path) as store:
        table = store.evidence("e")
        scores = store.scores("e").set_index("variant")["score"]
        assert dict(scores) == {"baseline": 0.0, "careful": 100.0}
        assert table["killed"].tolist() == [0, 5, 5, 5] or table["killed"].tolist() == [5, 5, 0, 5]
        assert not list(store.unexecuted("e", {}))
        assert not executing.unexecuted(plan(), store)
    assert report is not None


def test_without_a_sandbox_evidence_is_missing_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run, with a sandbox, makes what was missing, and marks it."""
    path = tmp_path / "runs.db"
    with monkeypatch.context() as broken:

        def refused(self: Pool, *args: Any, **options: Any) -> Any:
            from preamblelab.scoring.sandbox.endings import refusal

            return refusal("no sandbox for python: bubblewrap is not installed")

        broken.setattr(Pool, "converse", refused)
        pl.run(plan(), path, client=answers)
    with pl.Store(path) as store:
        table = store.evidence("e").set_index(["variant", "mode"])
        assert table["status"].drop(("baseline", "strict")).eq("missing").all()
        assert table["reason"]["careful", "strict"].startswith("no sandbox for python: bubblewrap")
        assert table["reason"]["baseline", "strict"].startswith("it does not parse"), "needs no run"
        scores = store.scores("e").set_index("variant")
        assert scores["score"].fillna(-1).to_dict() == {"baseline": 0, "careful": -1}
        assert "bubblewrap" in scores["reason"]["careful"]
    pl.run(plan(), path, client=answers)
    with pl.Store(path) as store:
        assert store.scores("e").set_index("variant")["score"]["careful"] == 100
        assert store.evidence("e")["status"].eq("ok").all()


def test_an_error_of_our_own_is_missing_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr("preamblelab.scoring.evidence.maker.execute_tests", broken)
    with EvidenceMaker() as maker:
        pair = maker.make(task(), "x")
    assert (pair.strict.status, pair.repaired.status) == ("missing", "missing")
    assert pair.strict.reason == "our own error: RuntimeError: a bug"


def test_a_rubric_that_runs_answers_wants_something_to_run() -> None:
    from preamblelab.scoring.marking import marking_of

    with pytest.raises(SpecError, match="'bare' of suite 's' has nothing to run"):
        marking_of(plan(task(), Task(name="bare", prompt="p")))


def test_permission_to_run_unsafe_is_part_of_the_plan_only_where_given() -> None:
    assert plan().digest == plan(allow_unsafe=False).digest != plan(allow_unsafe=True).digest
