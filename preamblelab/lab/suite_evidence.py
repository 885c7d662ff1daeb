"""What running a task's own answers says about the task."""

from preamblelab.domain.evidence_records import Evidence
from preamblelab.domain.tasks import Task
from preamblelab.scoring.verifiers.verification import Verification


def verification_of(task: Task, evidence: Evidence) -> Verification:
    """The evidence of a golden or wrong answer, as one more verifier would tell it.

    Tests pass when they load, none that counts fails on the right module, and at least the
    task's share of mutants is killed; code passes when every case and example holds.
    """
    name = f"run {evidence.kind}"
    if evidence.status == "missing":
        return Verification(verifier=name, version=evidence.runner, reason=evidence.reason)
    if evidence.kind == "tests":
        share, said, passes = _of_tests(task, evidence)
    else:
        share = evidence.passed / evidence.tests if evidence.tests else 0.0
        said = f"{evidence.passed} of {evidence.tests} cases and examples hold"
        passes = evidence.loads and evidence.failed == 0
    lines = [said, *([evidence.reason] if evidence.reason else []), *_faults(evidence)]
    return Verification(
        verifier=name,
        version=evidence.runner,
        # 1 says that the answer passes, whatever is left of mutants that nobody can kill.
        share=1.0 if passes else min(share, 0.99),
        evidence=tuple(lines),
    )


def alive_of(evidence: Evidence) -> tuple[str, ...]:
    """Mutants that no test of the answer kills."""
    return tuple(
        str(each["name"]) for each in evidence.details.get("mutants", ()) if not each["killed"]
    )


def _of_tests(task: Task, evidence: Evidence) -> tuple[float, str, bool]:
    assert task.evidence is not None
    assert task.evidence.tests is not None
    least = task.evidence.tests.least_golden_kills
    share = evidence.killed / evidence.mutants if evidence.mutants else 0.0
    said = (
        f"{evidence.passed} of {evidence.tests} tests pass, {evidence.killed} of "
        f"{evidence.mutants} mutants killed (golden: {least:.0%} at least)"
    )
    return share, said, evidence.loads and evidence.failed == 0 and share >= least


def _faults(evidence: Evidence) -> list[str]:
    """The first few tests or cases that went wrong."""
    tests = [
        f"{each['name']}: {each['message']}"
        for each in evidence.details.get("tests", ())
        if each["counts"] and not each["passed"]
    ]
    cases = [
        f"{each['call']}{tuple(each['arguments'])}: {each['message']}"
        for each in evidence.details.get("cases", ())
        if not each["passed"]
    ]
    properties = [
        f"{each['holds']} of {each['call']}: {each['message']}"
        for each in evidence.details.get("properties", ())
        if each["message"]
    ]
    return [*tests, *cases, *properties][:3]
