"""A task's evidence says what is run; whatever does not fit the module is refused by name."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from preamblelab.domain.evidence import TaskEvidence
from preamblelab.domain.tasks import Task
from preamblelab.errors import SpecError
from preamblelab.library.suites import load_suite

MODULE = (
    'def fee(weight):\n    if weight > 30:\n        raise ValueError("too heavy")\n    return 5\n'
)
LIMIT = {"name": "limit", "kind": "boundary", "replace": "weight > 30", "by": "weight >= 30"}


def task(mutants: Any, *, text: str = MODULE, **fields: Any) -> Task:
    return Task.model_validate(
        {
            "name": "parcel",
            "prompt": "Write tests.",
            "files": {"parcel.py": text},
            "evidence": {
                "tests": {
                    "language": "python",
                    "module": "parcel.py",
                    "mutants": mutants,
                    **fields,
                }
            },
        }
    )


def test_a_mutant_replaces_one_piece_of_the_module() -> None:
    tests = task([LIMIT]).evidence.tests  # type: ignore[union-attr]
    assert tests is not None
    assert tests.listed[0].of(MODULE) == MODULE.replace("weight > 30", "weight >= 30")
    assert tests.auto is None
    assert tests.least_golden_kills == 0.9


@pytest.mark.parametrize(("written", "most"), [("auto", 24), ({"auto": 20, "seed": 3}, 20)])
def test_a_library_makes_mutants_where_the_task_says_auto(written: Any, most: int) -> None:
    tests = task(written).evidence.tests  # type: ignore[union-attr]
    assert tests is not None
    assert tests.auto is not None
    assert tests.auto.auto == most
    assert tests.listed == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"replace": "weight"}, "stands there 2 times"),
        ({"replace": "height > 30"}, "'height > 30' stands there 0 times"),
        ({"by": "weight > 30"}, "changes nothing"),
        ({"by": "weight > ("}, "mutant 'limit' is no Python: line 2"),
        ({"kind": "bound"}, "boundary"),
    ],
)
def test_a_mutant_that_does_not_fit_is_refused_by_name(change: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words.replace("(", r"\(")):
        task([{**LIMIT, **change}])


def test_two_mutants_of_one_name_or_one_text_are_refused() -> None:
    with pytest.raises(ValidationError, match="two mutants are called 'limit'"):
        task([LIMIT, {**LIMIT, "by": "weight > 31"}])
    with pytest.raises(ValidationError, match="'limit' and 'other' are one text"):
        task([LIMIT, {**LIMIT, "name": "other"}])


def test_auto_is_for_python() -> None:
    with pytest.raises(ValidationError, match="auto is for Python"):
        task("auto", language="javascript")


def test_the_module_is_among_the_files() -> None:
    with pytest.raises(ValidationError, match=r"'other\.py' is not among the files: parcel"):
        task([LIMIT], module="other.py")


def test_a_file_of_a_path_is_checked_when_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "parcel.py").write_text(MODULE)
    suite = tmp_path / "s.yaml"
    written = (
        "tasks:\n  - name: parcel\n    prompt: x\n    files: {parcel.py: parcel.py}\n"
        "    evidence:\n      tests:\n        language: python\n        module: parcel.py\n"
        "        mutants:\n"
        "          - {name: limit, kind: boundary, replace: 'weight > 30', by: 'weight > 31'}\n"
        "          - {name: far, kind: value, replace: 'return 6', by: 'return 7'}\n"
    )
    suite.write_text(written.replace("return 6", "return 5"))
    assert load_suite(suite).tasks[0].files["parcel.py"] == MODULE
    suite.write_text(written)
    with pytest.raises(SpecError, match=r"s.yaml:11: .*mutant 'far': .*stands there 0 times"):
        load_suite(suite)


def code(**fields: Any) -> TaskEvidence:
    return TaskEvidence.model_validate({"code": {"language": "python", **fields}})


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ({}, "give 'returns' or 'raises'"),
        ({"returns": 1, "raises": "ValueError"}, "keep one"),
        ({"returns": 1, "message": "x"}, "need 'raises'"),
        ({"call": "f(1)", "returns": 1}, "pattern"),
    ],
)
def test_a_case_says_what_comes_of_a_call(case: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        code(cases=[{"call": "f", **case}])


def test_nothing_is_a_value_too() -> None:
    spec = code(cases=[{"call": "f", "returns": None}]).code
    assert spec is not None
    assert spec.cases[0].raises is None


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (
            {"holds": "round_trip", "draw": [{"text": [0, 4]}]},
            "round_trip needs 'through', the function",
        ),
        (
            {"holds": "idempotent", "through": "g", "draw": ["boolean"]},
            "'through' belongs to round_trip; idempotent has no way back",
        ),
        ({"holds": "idempotent", "draw": [{"text": [0, 20_000]}]}, "a length lies from 0 to"),
        ({"holds": "symmetric", "draw": ["boolean"]}, "takes 2 drawn arguments, not 1"),
        ({"holds": "order_invariant", "draw": ["boolean"]}, "needs a list"),
        ({"holds": "idempotent", "draw": [{"integer": [5, 1]}]}, r"write \[1, 5\], not \[5, 1\]"),
        ({"holds": "idempotent", "draw": ["integr"]}, "did you mean 'integer'"),
    ],
)
def test_a_property_fits_its_relation(written: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        code(properties=[{"call": "f", **written}])


def test_evidence_is_of_one_kind() -> None:
    with pytest.raises(ValidationError, match="one of 'tests', 'code' and 'change'"):
        TaskEvidence.model_validate({})
    with pytest.raises(ValidationError, match="'cases' or 'properties'"):
        code()


def test_a_task_without_evidence_keeps_its_address() -> None:
    plain = Task(name="t", prompt="p")
    assert plain.digest == "b2:a40a7389eb36d8a8e0838db737dff086"
    assert "evidence" not in plain.document()
    assert task([LIMIT]).digest != task([{**LIMIT, "by": "weight > 31"}]).digest


def test_the_golden_answer_counts_where_it_tells_what_is_right() -> None:
    def asked(golden: str | None, holds: str) -> Task:
        draw = [{"kind": "integer", "between": [0, 9]}]
        evidence = code(properties=[{"call": "f", "holds": holds, "draw": draw}])
        return Task(name="t", prompt="p", golden=golden, evidence=evidence)

    with pytest.raises(ValidationError, match="there is no golden answer"):
        asked(None, "same_as_golden")
    assert asked("a", "same_as_golden").digest != asked("b", "same_as_golden").digest
    assert asked("a", "idempotent").digest == asked("b", "idempotent").digest
