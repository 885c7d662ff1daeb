"""Symbolic mathematics in a process of its own: equal forms, hostile forms, a process that dies."""

import subprocess
import sys

import pytest

from preamblelab.domain.records import Response
from preamblelab.scoring.verifiers import symbolic_process
from preamblelab.scoring.verifiers.catalogue import verify_one
from preamblelab.scoring.verifiers.verification import Verification
from tests.scoring.verifiers.answers import spec


def check(answer: str, text: str, **limits: float) -> Verification:
    return verify_one(spec({"symbolic": {"answer": answer, **limits}}), Response(text=text))


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("1/2", "0.5"),
        ("1/2", "Answer: 50 %"),
        ("3", "x = 3"),
        ("x^2+2*x+1", "Answer: (x+1)^2"),
        ("x**2+1", "Answer: $1+x^2$"),
        ("2*sqrt(3)", r"\boxed{\sqrt{12}}"),
        ("sin(2*x)", "2*sin(x)*cos(x)"),
        ("sin(x)^2+cos(x)^2", "1"),
        ("e^{2x}", "exp(2*x)"),
        ("(x+1)/(x-1)", r"\frac{x+1}{x-1}"),
        ("pi/4", r"\frac{\pi}{4}"),
        (r"\{1,2\}", r"\{2,1\}"),
        ("n*(n+1)/2", "So the sum = n(n+1)/2."),
        ("x <= 3", r"x \le 3"),
        ("log(8)", "3*log(2)"),
    ],
)
def test_equal_expressions_are_equal_in_any_form(answer: str, text: str):
    assert check(answer, text).share == 1


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("x^2", "y^2"),
        ("x^2", "x^3"),
        ("2", "I think the answer is a quadratic one"),
        ("x^2", "the answer is complicated"),
        ("2", "(((x"),
        (r"(1, 2)", r"(2, 1)"),
        ("2", "__import__('os').system('true')"),
        ("2", "9**9**9**9**9"),
    ],
)
def test_other_expressions_prose_and_code_earn_nothing(answer: str, text: str):
    assert check(answer, text).share == 0


@pytest.mark.whole
def test_an_expression_without_end_is_missing_and_the_next_one_is_compared():
    hung = check("2", "99999999!", seconds=0.5)
    assert hung.share is None
    assert hung.reason == "the comparison took longer than 0.5 s"
    assert check("2", "1 + 1").share == 1


@pytest.mark.slow
def test_a_process_that_died_is_started_anew():
    assert check("2", "1 + 1").share == 1
    symbolic_process.end_process()
    assert check("2", "1 + 1").share == 1


def test_a_task_whose_own_expression_is_not_understood_is_missing():
    found = check(r"\frac{", "2")
    assert found.share is None
    assert "the task's expression" in found.reason


def test_without_the_library_it_is_missing_with_the_way_to_mend_it(monkeypatch: pytest.MonkeyPatch):
    symbolic_process.end_process()
    monkeypatch.setattr(symbolic_process.importlib.util, "find_spec", lambda name: None)
    found = check("2", "2")
    assert found.share is None
    assert "pip install 'preamblelab[verifiers]'" in found.reason


@pytest.mark.slow
def test_the_process_ends_with_its_parent():
    """A worker that outlived the command would be a leak; stdin's end is its signal."""
    program = (
        "from preamblelab.scoring.verifiers.symbolic_process import compare, _process\n"
        "assert compare('2', '1+1', seconds=60) == 'equal'\n"
        "print(_process._child.pid)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    alive = subprocess.run(["kill", "-0", done.stdout.strip()], capture_output=True, check=False)
    assert alive.returncode != 0
    assert done.stderr == ""
