"""Evidence of an answer that is code: hidden calls and properties, compared outside the sandbox."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from preamblelab.domain.evidence import CodeEvidence, Property
from preamblelab.domain.evidence_records import Evidence, EvidenceMode, EvidencePair
from preamblelab.domain.tasks import Task
from preamblelab.scoring.checks_python import parse
from preamblelab.scoring.evidence.asking import Asked, ask, in_limits
from preamblelab.scoring.evidence.extraction import extract
from preamblelab.scoring.evidence.python_repairs import repair_frame
from preamblelab.scoring.evidence.relations import (
    Example,
    case_call,
    case_fault,
    example_fault,
    examples_of,
    follow_up,
)
from preamblelab.scoring.sandbox import Answer, Call, Pool
from preamblelab.scoring.sandbox.choice import runtime_label

CALLER_VERSION: Final = "1"
"""Changes whenever the same code may get other evidence."""


def label_of(spec: CodeEvidence) -> str:
    """What runs code of this language, with versions."""
    return f"calls {CALLER_VERSION}, {runtime_label(spec.language)}"


class GoldenFault(Exception):  # noqa: N818 - a state of the task, told as a reason
    """The golden answer did not answer; nothing can be compared with it."""


def execute_code(task: Task, text: str, pool: Pool) -> EvidencePair:
    """Call the functions of an answer, in both modes.

    Args:
        task: with evidence of the kind `code`.
        text: the answer.
        pool: where programs run.
    """
    assert task.evidence is not None
    spec = task.evidence.code
    assert spec is not None
    found = extract(text, spec.language, "code")
    strict = _evidence(task, spec, found.strict, "strict", (), pool)
    code, repairs = found.repaired, found.repairs
    if spec.language == "python":
        framed = repair_frame(code)
        code, repairs = framed.code, (*repairs, *framed.repairs)
    if code == found.strict:
        return EvidencePair(strict=strict, repaired=replace(strict, mode="repaired"))
    repaired = _evidence(task, spec, code, "repaired", repairs, pool)
    return EvidencePair(strict=strict, repaired=repaired)


def _evidence(
    task: Task,
    spec: CodeEvidence,
    code: str,
    mode: EvidenceMode,
    repairs: tuple[str, ...],
    pool: Pool,
) -> Evidence:
    base = Evidence(kind="code", mode=mode, repairs=repairs, runner=label_of(spec))
    examples = [(given, examples_of(given)) for given in spec.properties]
    tests = len(spec.cases) + sum(len(each) for _, each in examples)
    base = replace(base, tests=tests, failed=tests)
    if not code.strip():
        return replace(base, reason="there is no code in it")
    if spec.language == "python" and isinstance(fault := parse(code), str):
        return replace(base, reason=f"it does not parse: {fault}")
    calls = [case_call(case) for case in spec.cases]
    calls += [call for _, drawn in examples for each in drawn for call in each.calls]
    asked = ask(pool, code, spec, calls)
    if asked.refused:
        return replace(base, status="missing", reason=asked.refused, tests=0, failed=0)
    base = _placed(base, asked)
    if asked.load_fault:
        parses = not asked.load_fault.startswith("SyntaxError")
        return replace(base, parses=parses, reason=f"it does not load: {asked.load_fault}"[:400])
    try:
        return _compared(task, spec, code, base, examples, asked, pool)
    except GoldenFault as fault:
        return replace(base, status="missing", reason=str(fault), tests=0, failed=0)


def _compared(
    task: Task,
    spec: CodeEvidence,
    code: str,
    base: Evidence,
    examples: Sequence[tuple[Property, list[Example]]],
    asked: Asked,
    pool: Pool,
) -> Evidence:
    cases = [
        _Done(case.call, case_fault(case, answer), answer)
        for case, answer in zip(spec.cases, asked.answers, strict=False)
    ]
    rest = iter(asked.answers[len(spec.cases) :])
    properties: list[dict[str, Any]] = []
    within = [in_limits(answer) for answer in asked.answers]
    held = 0
    for given, drawn in examples:
        answers = [[next(rest) for _ in example.calls] for example in drawn]
        others = _others(task, spec, code, given, drawn, answers, pool)
        within += [in_limits(each) for each in others if each is not None and not _is_golden(given)]
        faults = [
            example_fault(given, example, said, other)
            for example, said, other in zip(drawn, answers, others, strict=True)
        ]
        held += faults.count("")
        properties.append(_property_details(given, drawn, faults))
    passed = held + sum(not each.fault for each in cases)
    return replace(
        base,
        parses=True,
        loads=True,
        passed=passed,
        failed=base.tests - passed,
        details={
            "cases": [each.document(case.arguments) for each, case in zip(cases, spec.cases)],  # noqa: B905
            "properties": properties,
            "calls": len(within),
            "within_limits": sum(within),
        },
    )


@dataclass(frozen=True, slots=True)
class _Done:
    call: str
    fault: str
    answer: Answer

    def document(self, arguments: Sequence[Any]) -> dict[str, Any]:
        return {
            "call": self.call,
            "arguments": list(arguments),
            "passed": not self.fault,
            "message": self.fault[:300],
            "seconds": self.answer.seconds,
        }


def _property_details(
    given: Property, drawn: Sequence[Example], faults: Sequence[str]
) -> dict[str, Any]:
    first = next((n for n, fault in enumerate(faults) if fault), None)
    return {
        "call": given.call,
        "holds": given.holds,
        "examples": len(drawn),
        "held": list(faults).count(""),
        "counterexample": None if first is None else list(drawn[first].arguments),
        "message": "" if first is None else faults[first][:300],
    }


def _is_golden(given: Property) -> bool:
    return given.holds == "same_as_golden"


def _others(
    task: Task,
    spec: CodeEvidence,
    code: str,
    given: Property,
    drawn: Sequence[Example],
    answers: Sequence[Sequence[Answer]],
    pool: Pool,
) -> list[Answer | None]:
    """For each example the answer to compare with: the golden one's, or that of a call behind."""
    if _is_golden(given):
        written = (spec.model_dump_json(), given.model_dump_json())
        return list(_golden(pool, task.golden or "", *written))
    follow = [follow_up(given, said[0]) for said in answers]
    calls = [call for call in follow if call is not None]
    if not calls:
        return [None] * len(drawn)
    behind = iter(ask(pool, code, spec, calls).answers)
    return [None if call is None else next(behind) for call in follow]


@lru_cache(maxsize=256)
def _golden(pool: Pool, golden: str, limits: str, asked_for: str) -> tuple[Answer, ...]:
    """What the golden answer's code says to the examples, in an execution of its own.

    Specs come as JSON, because they are remembered: those with mappings have no hash.

    Raises:
        GoldenFault: it does not say it.
    """
    spec = CodeEvidence.model_validate_json(limits)
    given = Property.model_validate_json(asked_for)
    code = extract(golden, spec.language, "code").strict
    calls = [Call(function=given.call, arguments=each.arguments) for each in examples_of(given)]
    asked = ask(pool, code, spec, calls)
    for answer in asked.answers:
        if answer.status == "missing":
            raise GoldenFault(f"the golden answer did not run: {answer.reason}")
    return asked.answers


def _placed(base: Evidence, asked: Asked) -> Evidence:
    where = asked.execution
    if where is None:
        return base
    return replace(
        base,
        backend=where.backend,
        backend_version=where.backend_version,
        isolated=where.isolated,
        seconds=where.seconds,
    )
