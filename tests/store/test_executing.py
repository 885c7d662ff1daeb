"""Evidence is kept by text and task, found by trial, and never made twice for one runner."""

from dataclasses import replace
from types import SimpleNamespace

from preamblelab.domain.evidence_records import MODES, Evidence
from preamblelab.domain.records import Response
from preamblelab.store import EvidenceRow, Store

GOOD = Evidence(
    kind="tests",
    mode="strict",
    parses=True,
    loads=True,
    tests=4,
    passed=3,
    failed=1,
    mutants=10,
    killed=6,
    line_share=0.75,
    backend="bubblewrap",
    backend_version="0.8.0",
    runner="pytest 9",
    seconds=0.5,
    details={"tests": [{"name": "test_a", "status": "passed"}]},
)


def _row(number: int, evidence: Evidence) -> EvidenceRow:
    return EvidenceRow(Response(text=f"answer {number}").output_hash, f"digest-{number}", evidence)


def test_evidence_is_found_by_trial_in_both_modes(store: Store, made: SimpleNamespace) -> None:
    store.put([made.answer(0), made.answer(1), made.answer(2)])
    made.register(store, 3)
    repaired = replace(GOOD, mode="repaired", killed=8, repairs=("module path", "fence"))
    store.put_evidence([_row(0, GOOD), _row(0, repaired)])
    table = store.evidence("e")
    assert table["mode"].tolist() == ["strict", "repaired"]
    assert table["killed"].tolist() == [6, 8]
    assert table["repairs"].tolist() == ["", "module path, fence"]
    assert set(table["response_key"]) == {made.request(0).key}
    assert store.evidence_details(made.request(0).key)["strict"] == dict(GOOD.details)
    again = store.evidence_of([Response(text="answer 0").output_hash])
    assert again[Response(text="answer 0").output_hash, "digest-0"]["strict"] == GOOD


def test_only_what_todays_runner_has_not_run_is_open(store: Store, made: SimpleNamespace) -> None:
    store.put([made.answer(n) for n in range(4)])
    made.register(store, 5)
    for mode in MODES:
        store.put_evidence(
            [
                _row(0, replace(GOOD, mode=mode)),
                _row(1, replace(GOOD, mode=mode, runner="pytest 8")),
                _row(2, replace(GOOD, mode="strict")),
                _row(2, replace(GOOD, mode="repaired", status="missing", reason="no sandbox")),
            ]
        )
    runners = {f"digest-{n}": "pytest 9" for n in range(5) if n != 3}
    assert [t.task for t in store.unexecuted("e", runners)] == ["task-1", "task-2"]


def test_what_is_missing_has_a_reason_and_no_numbers(store: Store, made: SimpleNamespace) -> None:
    store.put([made.answer(0)])
    made.register(store, 1)
    store.put_evidence([_row(0, replace(GOOD, status="missing", reason="no sandbox"))])
    row = store.evidence("e").iloc[0]
    assert row["reason"] == "no sandbox"
    assert row[["parses", "loads", "tests", "killed", "line_share"]].isna().all()


def test_newer_evidence_replaces_the_older(store: Store, made: SimpleNamespace) -> None:
    store.put([made.answer(0)])
    made.register(store, 1)
    before = store.fingerprint("e")
    store.put_evidence([_row(0, GOOD)])
    store.put_evidence([_row(0, replace(GOOD, killed=7, details={}))])
    assert store.evidence("e")["killed"].tolist() == [7]
    assert store.evidence_details(made.request(0).key) == {}
    assert store.fingerprint("e") != before


def test_only_marks_that_rest_on_older_evidence_are_forgotten(
    store: Store, made: SimpleNamespace
) -> None:
    store.put([made.answer(0), made.answer(1)])
    made.register(store, 2)
    for marking, checks in (("runs", {"built_in": "1", "evidence": "1"}), ("reads", None)):
        store.set_marking("e", marking, {"checks": checks, "mark_keys": []})
        store.put_marks([*made.marks(0, marking=marking), *made.marks(1, marking=marking)])
    store.put_evidence([_row(0, GOOD), _row(1, GOOD)])
    store.put_evidence([_row(0, replace(GOOD, runner="pytest 10")), _row(1, GOOD)])
    assert [trial.task for trial in store.unmarked("e", "runs")] == ["task-0"]
    assert store.count_unmarked("e", "reads") == 0
