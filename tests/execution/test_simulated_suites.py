"""Simulated models that write tests: pieces of golden answers, each as good as the model is."""

import ast
import re
from collections.abc import Iterator
from statistics import fmean
from typing import Any

import pytest

from preamblelab.domain.records import Response
from preamblelab.domain.tasks import Task
from preamblelab.execution.simulated import SimulatedProvider
from preamblelab.execution.simulation.knowledge import SampleTest, SuiteKnowledge
from preamblelab.execution.simulation.memory import recall
from preamblelab.library import load_preamble, load_suite
from preamblelab.scoring.checks import CHECKS

TASKS = load_suite("coding-tests").tasks
every_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
CAREFUL = load_preamble("careful").sizes["mid"]


def known(task: Task) -> SuiteKnowledge:
    found = recall(task.turns()[-1]["content"])
    assert found.task == task.name
    assert isinstance(found.knowledge, SuiteKnowledge)
    return found.knowledge


def code_of(answer: str) -> str:
    return "\n".join(re.findall(r"```\w+\n(.*?)```", answer, re.DOTALL))


def answers(model: str, task: Task, system: str | None, draws: int) -> Iterator[str]:
    head = [] if system is None else [{"role": "system", "content": system}]
    for seed in range(draws):
        settings: dict[str, Any] = {"seed": seed, "temperature": 0.8, "max_tokens": 4096}
        pieces = SimulatedProvider().stream(model, [*head, *task.turns()], settings)
        yield "".join(piece.text for piece in pieces)


@every_task
def test_a_model_knows_each_test_of_the_golden_answer_in_three_qualities(task: Task) -> None:
    knowledge, golden = known(task), code_of(str(task.golden))
    pattern = r"^def test_" if knowledge.language == "python" else r"^  it\("
    assert len(knowledge.tests) == len(re.findall(pattern, golden, re.MULTILINE))
    assert len(knowledge.cases) >= 5
    assert knowledge.strategies[0]
    assert knowledge.reasons
    assert golden.startswith(knowledge.head)
    for test in knowledge.tests:
        assert test.wrong != test.body
        assert "caught.value" not in test.weak
        assert not re.search(r'match="|toThrow\(\'|rejects\.toMatchObject', test.weak)
    assert any(test.weak != test.body for test in knowledge.tests)


def outcome(knowledge: SuiteKnowledge, module: str, body: str) -> str:
    """What one test of functions does: no fixture, no other process."""
    scope: dict[str, Any] = {}
    exec(compile(module, knowledge.module, "exec"), scope)
    head = re.sub(rf"from {knowledge.module} import .*", "", knowledge.head)
    exec(compile(head, "head", "exec"), scope)
    try:
        exec(compile(body, "test", "exec"), scope)
    except (AssertionError, pytest.fail.Exception):
        return "failed"
    return "passed"


@pytest.mark.parametrize("name", ["parcel-fee-tests", "shift-tests"])
def test_right_and_weak_ones_pass_on_the_right_module_and_wrong_ones_fail(name: str) -> None:
    (task,) = (task for task in TASKS if task.name == name)
    knowledge = known(task)
    (module,) = task.files.values()

    def outcomes(quality: str) -> set[str]:
        return {outcome(knowledge, module, getattr(each, quality)) for each in knowledge.tests}

    assert (outcomes("body"), outcomes("weak"), outcomes("wrong")) == (
        {"passed"},
        {"passed"},
        {"failed"},
    )


def written(knowledge: SuiteKnowledge, text: str) -> int:
    """How many tests of the golden answer stand in a text under their own names."""
    if knowledge.language == "javascript":
        return sum(f"it('{test.name}'" in text for test in knowledge.tests)
    return sum(f"def test_{test.name.replace(' ', '_')}(" in text for test in knowledge.tests)


@every_task
def test_the_strongest_writes_nearly_all_of_it_and_the_weakest_little(task: Task) -> None:
    def share(model: str) -> float:
        texts = list(answers(model, task, None, 6))
        return fmean(written(known(task), text) for text in texts) / len(known(task).tests)

    assert share("mid-4b") < 0.7 < 0.75 < share("large-70b")


def test_a_preamble_that_asks_for_cases_adds_tests_of_the_golden_answer() -> None:
    """Real tests, not words: each one that is added can kill what the golden answer kills."""
    (task,) = (task for task in TASKS if task.name == "cart-tests")

    def mean(system: str | None) -> float:
        return fmean(written(known(task), text) for text in answers("mid-7b", task, system, 25))

    assert mean(CAREFUL) > mean(None) + 3


class TestSlips:
    """Mistakes that a reader does not see and that running shows."""

    SLIP = re.compile(
        r"describe\('[^']*', async|_defaults, |from src\.|return [A-Z]\w+\n|= [A-Z]\w+;"
    )

    def share(self, model: str, system: str | None = None) -> float:
        found = [
            bool(self.SLIP.search(code_of(text)))
            for task in TASKS
            for text in answers(model, task, system, 4)
        ]
        return fmean(found)

    def test_stronger_models_make_fewer(self) -> None:
        assert self.share("mid-7b") > self.share("large-14b") + 0.05
        assert self.share("large-70b") < 0.05

    def test_one_model_makes_them_nearly_always_and_a_preamble_mends_its_words_alone(self) -> None:
        assert self.share("mid-3b-showy") > 0.85
        assert self.share("mid-3b-showy", CAREFUL) > 0.85

        def words(system: str | None) -> float:
            checks = ("analysis_names_edge_cases", "distinct_tests", "error_cases_tested")
            return fmean(
                CHECKS[name](task, Response(text=text)).share
                for task in TASKS
                for text in answers("mid-3b-showy", task, system, 3)
                for name in checks
            )

        assert words(CAREFUL) > words(None) + 0.15

    @every_task
    def test_such_an_answer_still_parses_as_far_as_text_can_tell(self, task: Task) -> None:
        for text in answers("large-14b", task, None, 12):
            if self.SLIP.search(code_of(text)):
                assert CHECKS["code_parses"](task, Response(text=text)).share > 0


def test_code_in_python_parses_unless_a_bracket_was_lost() -> None:
    (task,) = (task for task in TASKS if task.name == "ledger-tests")
    for text in answers("large-70b", task, None, 10):
        ast.parse(code_of(text))


def test_what_cannot_be_got_wrong_is_refused() -> None:
    from preamblelab.execution.simulation.errors_in_javascript import wrong_javascript
    from preamblelab.execution.simulation.errors_in_python import wrong_python

    for attempt in (wrong_python, wrong_javascript):
        with pytest.raises(ValueError, match="nothing in this test can be got wrong"):
            attempt("x")


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("assert f(2) == [1, 2]", "assert f(2) == [1, 3]"),
        ("assert f(2) is True", "assert f(2) is False"),
        ("assert f(2) == []", "assert f(2) == [None]"),
        ("with pytest.raises(E):\n    f()", "with pytest.raises(KeyError):\n    f()"),
    ],
)
def test_the_last_expectation_is_the_one_that_goes_wrong(body: str, wrong: str) -> None:
    from preamblelab.execution.simulation.errors_in_python import wrong_python

    assert wrong_python(body) == wrong


def test_a_sample_is_plain_data() -> None:
    sample = SampleTest(name="n", body="b", weak="w", wrong="x")
    assert (sample.group, sample.arguments, sample.awaits) == ("", "", False)
