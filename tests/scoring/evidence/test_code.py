"""Code that a model wrote is called with hidden arguments; its values are compared outside."""

from typing import Any

import pytest
from parcels import fenced

from preamblelab.domain.evidence import Property
from preamblelab.domain.tasks import Task
from preamblelab.scoring.evidence.drawing import arguments_of
from preamblelab.scoring.evidence.executing_code import execute_code

GOLDEN = """
def to_roman(n):
    if not 1 <= n <= 3999:
        raise ValueError(f"out of range: {n}")
    parts = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
             (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]
    text = ""
    for value, sign in parts:
        text += sign * (n // value)
        n %= value
    return text


def from_roman(text):
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
    found = [values[sign] for sign in text]
    pairs = zip(found, [*found[1:], 0])
    return sum(-one if one < two else one for one, two in pairs)
"""
CASES = [
    {"call": "to_roman", "arguments": [4], "returns": "IV"},
    {"call": "to_roman", "arguments": [1994], "returns": "MCMXCIV"},
    {"call": "to_roman", "arguments": [0], "raises": "ValueError", "message": "out of range"},
]
SAME = {"call": "to_roman", "holds": "same_as_golden", "draw": [{"integer": [-5, 4005]}]}
BACK = {
    "call": "to_roman",
    "holds": "round_trip",
    "through": "from_roman",
    "draw": [{"integer": [1, 3999]}],
}


def task(language: str = "python", **evidence: Any) -> Task:
    given = {"cases": CASES, **evidence}
    return Task.model_validate(
        {
            "name": "roman",
            "prompt": "Write to_roman(n).",
            "golden": fenced(GOLDEN),
            "evidence": {"code": {"language": language, **given}},
        }
    )


def run(pool: Any, code: str, **evidence: Any) -> Any:
    return execute_code(task(**evidence), fenced(code), pool).strict


def test_the_golden_answer_passes_cases_and_properties(pool) -> None:
    found = run(pool, GOLDEN, properties=[SAME, BACK])
    assert (found.parses, found.loads, found.tests, found.passed) == (True, True, 63, 63)
    assert found.details["calls"] == found.details["within_limits"] == 93
    assert [each["held"] for each in found.details["properties"]] == [30, 30]


def test_wrong_code_is_told_by_the_case_and_by_a_counterexample(pool) -> None:
    wrong = GOLDEN.replace('(4, "IV"), ', "")
    found = run(pool, wrong, properties=[SAME])
    assert [each["passed"] for each in found.details["cases"]] == [False, False, True]
    assert found.details["cases"][0]["message"] == "returned 'IIII', not 'IV'"
    seen = found.details["properties"][0]
    assert 0 < seen["held"] < 30
    assert seen["counterexample"][0] % 10 == 4
    assert found.passed == 1 + seen["held"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def f(x):\n    return {'a': [x, True]}", ""),
        ("def f(x):\n    return {'a': [x, 1]}", "returned {'a': [1, 1]}, not {'a': [1, True]}"),
        ("def f(x):\n    raise KeyError(x)", "raised KeyError: 1"),
        ("def f(x):\n    while True: pass", "no answer within 0.5 s"),
        ("def f(x):\n    import os; os._exit(0)", "it ended with exit code 0 before it answered"),
        ("def g(x):\n    return x", "raised AttributeError: module 'answer' has no attribute 'f'"),
        ("class A(dict):\n    def __eq__(s, o): return True\ndef f(x):\n    return A()", None),
    ],
)
def test_a_value_is_equal_or_it_is_not(pool, code: str, message: str | None) -> None:
    case = {"call": "f", "arguments": [1], "returns": {"a": [1, True]}}
    found = run(pool, code, cases=[case], seconds=0.5)
    said = found.details["cases"][0]["message"]
    assert found.passed == (message == "")
    if message is not None:
        assert said == message


def test_a_call_without_end_costs_itself_only(pool) -> None:
    code = "def f(x):\n    while x == 2: pass\n    return x"
    cases = [{"call": "f", "arguments": [n], "returns": n} for n in (1, 2, 3)]
    found = run(pool, code, cases=cases, seconds=0.5)
    assert [each["passed"] for each in found.details["cases"]] == [True, False, True]
    assert (found.details["calls"], found.details["within_limits"]) == (3, 2)


def test_memory_has_a_limit(pool) -> None:
    code = "def f(x):\n    return len(bytearray(10**9))"
    case = {"call": "f", "arguments": [1], "returns": 10**9}
    found = run(pool, code, cases=[case], memory_mb=64)
    assert (found.passed, found.details["within_limits"]) == (0, 0)


def test_errors_are_compared_with_their_data(pool) -> None:
    code = "class E(ValueError):\n    pass\ndef f(x):\n    e = E('too big'); e.limit = 3; raise e"
    case = {"call": "f", "arguments": [1], "raises": "E", "message": "big", "fields": {"limit": 3}}
    assert run(pool, code, cases=[case]).passed == 1
    other = run(pool, code, cases=[{**case, "fields": {"limit": 4}}])
    assert other.details["cases"][0]["message"] == "its field 'limit' is 3, not 4"


@pytest.mark.parametrize(
    ("holds", "draw", "good", "bad"),
    [
        ("idempotent", [{"text": [0, 6]}], "return x.strip()", "return x + ' '"),
        (
            "order_invariant",
            [{"list": {"of": {"integer": [0, 9]}}}],
            "return sum(x)",
            "return x[:1]",
        ),
        ("symmetric", [{"integer": [0, 9]}, {"integer": [0, 9]}], "return x * y", "return x - y"),
    ],
)
def test_relations_need_no_expected_value(pool, holds, draw, good, bad) -> None:
    given = [{"call": "f", "holds": holds, "draw": draw}]
    for body, all_hold in ((good, True), (bad, False)):
        found = run(pool, f"def f(x, y=0):\n    {body}", cases=[], properties=given)
        seen = found.details["properties"][0]
        assert (seen["held"] == seen["examples"]) is all_hold


def test_code_that_does_not_load_says_why(pool) -> None:
    assert run(pool, "def f(:").reason.startswith("it does not parse: line 1")
    found = run(pool, "import nothing_of_this_name")
    assert (found.parses, found.loads, found.passed, found.failed) == (True, False, 0, 3)
    assert "nothing_of_this_name" in found.reason


def test_a_leaked_token_is_repaired_and_kept_apart(pool) -> None:
    pair = execute_code(task(), fenced(GOLDEN + "\n<|im_end|>"), pool)
    assert (pair.strict.parses, pair.strict.passed) == (False, 0)
    assert pair.repaired.repairs == ("leaked special token",)
    assert pair.repaired.passed == 3


def test_what_is_expected_is_in_no_file_and_no_memory_of_the_sandbox(pool) -> None:
    code = """
import gc, os

def f(x):
    word = "".join(["expec", "ted-", "word"])
    seen = [str(each) for each in gc.get_objects() if isinstance(each, (dict, list, tuple))]
    seen += [str(dict(os.environ)), *(open(each).read() for each in os.listdir(".")
                                      if os.path.isfile(each))]
    return word if sum(word in each for each in seen) else "unknown"
"""
    case = {"call": "f", "arguments": [1], "returns": "expected-word"}
    found = run(pool, code, cases=[case])
    assert found.details["cases"][0]["message"] == "returned 'unknown', not 'expected-word'"


def test_draws_begin_with_the_ends_and_repeat_for_a_seed() -> None:
    given = Property.model_validate(
        {"call": "f", "holds": "idempotent", "draw": [{"kind": "integer", "between": (-3, 900)}]}
    )
    first = arguments_of(given)
    assert first[:3] == [[-3], [900], [0]]
    assert first == arguments_of(given)
    assert len(first) == len({each[0] for each in first}) == 30
    assert first != arguments_of(given.model_copy(update={"seed": 1}))
