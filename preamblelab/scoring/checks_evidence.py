"""The checks that read what running an answer has shown; by these names a rubric calls them.

Each has a rule and a ceiling. All follow one ceiling: an answer that does not load earns nothing.
Each check also exists with `repaired.` before its name, and then reads the evidence after repairs.

A check of the other kind of task passes its points on: for code every check of tests (but
`tests_load`) is the share of cases and examples that hold; for tests every check of code is the
share of mutants killed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from preamblelab.domain.evidence_records import MODES, Evidence, EvidenceMode
from preamblelab.domain.records import Response
from preamblelab.domain.tasks import Task
from preamblelab.scoring.checks_reading import CheckResult, part

MANY_TESTS: Final = 8
"""Tests of a full answer where the task does not say how many it wants (`expect.tests`)."""
_OF_ERRORS: Final = frozenset({"error", "message", "field"})

Rule = Callable[[Task, Evidence], CheckResult]


class NoEvidenceError(Exception):
    """Nothing was run, for the reason in the message; points are missing then, not zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceCheck:
    """A check of an answer that was run."""

    name: str
    mode: EvidenceMode
    rule: Rule

    def __call__(self, task: Task, response: Response) -> CheckResult:  # noqa: ARG002
        """As other checks are called: by its text alone nothing was run.

        Raises:
            NoEvidenceError: always.
        """
        raise NoEvidenceError("it has to be run: `preamblelab score` does it")

    def of(self, task: Task, evidence: Mapping[str, Evidence]) -> CheckResult:
        """The share that the evidence of an answer earns.

        Args:
            task: the task.
            evidence: by mode.

        Raises:
            NoEvidenceError: the evidence is missing.
        """
        found = evidence.get(self.mode)
        if found is None:
            why = "" if task.evidence is not None else ": the task says nothing to run"
            raise NoEvidenceError(f"the answer was not run{why}")
        if found.status == "missing":
            raise NoEvidenceError(found.reason)
        if not found.loads:
            return CheckResult(0.0, (found.reason or "it does not load",))
        return self.rule(task, found)


def tests_load(task: Task, evidence: Evidence) -> CheckResult:  # noqa: ARG001
    """Whether the tests, or the code, can be loaded: all or nothing."""
    return CheckResult(1.0, (f"it loads; {evidence.tests} tests count",))


def tests_pass(task: Task, evidence: Evidence) -> CheckResult:
    """Passing tests, of the tests that count; none that counts earns nothing."""
    if evidence.kind == "code":
        return all_that_holds(task, evidence)
    words = f"{evidence.passed} of {evidence.tests} tests that count pass on the right module"
    return CheckResult(_share(evidence.passed, evidence.tests), (words,))


def mutants_killed(task: Task, evidence: Evidence) -> CheckResult:
    """Mutants killed, of all mutants of the task."""
    if evidence.kind == "code":
        return all_that_holds(task, evidence)
    left = [each["name"] for each in evidence.details.get("mutants", ()) if not each["killed"]]
    words = f"{evidence.killed} of {evidence.mutants} mutants killed"
    lines = (words, f"alive: {', '.join(left[:12])}") if left else (words,)
    return CheckResult(_share(evidence.killed, evidence.mutants), lines)


def lines_covered(task: Task, evidence: Evidence) -> CheckResult:
    """Lines of the module that run; nothing where no test that counts passes."""
    if evidence.kind == "code":
        return all_that_holds(task, evidence)
    share = evidence.line_share if evidence.passed else 0.0
    if share is None:
        raise NoEvidenceError("the lines that ran were not counted")
    return CheckResult(share, (f"{100 * share:.0f} % of the module's lines run",))


def errors_asserted(task: Task, evidence: Evidence) -> CheckResult:
    """Killed mutants that get an error, its text or its data wrong; all mutants where none does."""
    if evidence.kind == "code":
        return all_that_holds(task, evidence)
    of_errors = [m for m in evidence.details.get("mutants", ()) if m["kind"] in _OF_ERRORS]
    if not of_errors:
        return mutants_killed(task, evidence)
    killed = sum(bool(each["killed"]) for each in of_errors)
    words = f"{killed} of {len(of_errors)} faults in errors, their texts and data are noticed"
    return CheckResult(_share(killed, len(of_errors)), (words,))


def distinct_executed_tests(task: Task, evidence: Evidence) -> CheckResult:
    """Passing tests that count, of those that the task asks for (8 where it does not say)."""
    if evidence.kind == "code":
        return all_that_holds(task, evidence)
    wanted = task.expect.tests or MANY_TESTS
    words = f"{evidence.passed} distinct tests pass; a full answer has {wanted}"
    return CheckResult(part(evidence.passed, wanted), (words,))


def cases_pass(task: Task, evidence: Evidence) -> CheckResult:
    """Hidden cases that come out as expected; properties where the task has no cases."""
    if evidence.kind == "tests":
        return mutants_killed(task, evidence)
    cases, properties = (evidence.details.get(name, ()) for name in ("cases", "properties"))
    if not cases:
        return (properties_hold if properties else all_that_holds)(task, evidence)
    passed = sum(bool(each["passed"]) for each in cases)
    words = [f"{passed} of {len(cases)} hidden cases pass"]
    words += [f"{each['call']}: {each['message']}" for each in cases if not each["passed"]][:3]
    return CheckResult(_share(passed, len(cases)), tuple(words))


def properties_hold(task: Task, evidence: Evidence) -> CheckResult:
    """Drawn examples for which the properties hold; cases where the task has no properties."""
    if evidence.kind == "tests":
        return mutants_killed(task, evidence)
    cases, properties = (evidence.details.get(name, ()) for name in ("cases", "properties"))
    if not properties:
        return (cases_pass if cases else all_that_holds)(task, evidence)
    held = sum(each["held"] for each in properties)
    examples = sum(each["examples"] for each in properties)
    words = [f"properties hold for {held} of {examples} drawn inputs"]
    words += [_counterexample(each) for each in properties if each["message"]][:3]
    return CheckResult(_share(held, examples), tuple(words))


def within_limits(task: Task, evidence: Evidence) -> CheckResult:
    """Calls that end within time and memory; nothing where nothing comes out right."""
    if evidence.kind == "tests":
        return mutants_killed(task, evidence)
    if not evidence.passed:
        return CheckResult(0.0, ("nothing comes out right, however fast",))
    calls, within = evidence.details.get("calls", 0), evidence.details.get("within_limits", 0)
    return CheckResult(_share(within, calls), (f"{within} of {calls} calls keep to the limits",))


def _counterexample(found: Mapping[str, Any]) -> str:
    return f"{found['call']}, {found['holds']}: {found['counterexample']}: {found['message']}"[:200]


def all_that_holds(task: Task, evidence: Evidence) -> CheckResult:
    """Cases, examples and hidden tests that hold; mutants where the answer is tests."""
    if evidence.kind == "tests":
        return mutants_killed(task, evidence)
    words = f"{evidence.passed} of {evidence.tests} cases, examples or hidden tests hold"
    return CheckResult(_share(evidence.passed, evidence.tests), (words,))


def _share(found: int, of: int) -> float:
    return found / of if of else 0.0


_RULES: Final[tuple[Rule, ...]] = (
    tests_load, tests_pass, mutants_killed, lines_covered, errors_asserted,
    distinct_executed_tests, cases_pass, properties_hold, within_limits,
)  # fmt: skip

EVIDENCE_CHECKS: Final[Mapping[str, EvidenceCheck]] = {
    ("" if mode == "strict" else f"{mode}.") + rule.__name__: EvidenceCheck(
        name=("" if mode == "strict" else f"{mode}.") + rule.__name__, mode=mode, rule=rule
    )
    for mode in MODES
    for rule in _RULES
}
"""By the name under which a rubric's criterion calls it."""


PROVEN: Final = EvidenceCheck(name="proven", mode="strict", rule=all_that_holds)
"""What stands for a task's verifiers where it has none, and something to run."""
