"""`suite check` runs golden and wrong answers, and names mutants that nobody kills."""

from dataclasses import replace
from typing import Any

import pytest

from preamblelab.domain.tasks import Task
from preamblelab.lab.suites import AnswerCheck, TaskCheck, check_task, checks_text
from preamblelab.scoring.evidence.maker import EvidenceMaker

pytestmark = pytest.mark.whole

MODULE = "def double(n):\n    if n > 9:\n        raise ValueError('too big')\n    return 2 * n\n"
GOLDEN = (
    "from double import double\nimport pytest\n"
    "def test_two():\n    assert double(2) == 4\n"
    "def test_limit():\n    assert double(9) == 18\n"
    "def test_big():\n    with pytest.raises(ValueError):\n        double(10)\n"
)
WEAK = "from double import double\ndef test_two():\n    assert double(2) == 4\n"
MUTANTS = [
    {"name": "limit", "kind": "boundary", "replace": "n > 9", "by": "n > 8"},
    {"name": "text", "kind": "message", "replace": "too big", "by": "no"},
    {"name": "sum", "kind": "value", "replace": "2 * n", "by": "3 * n"},
]


def task(golden: str, wrong: str, **fields: Any) -> Task:
    spec = {"language": "python", "module": "double.py", "mutants": MUTANTS, **fields}
    return Task.model_validate(
        {
            "name": "double",
            "prompt": "Write tests.",
            "files": {"double.py": MODULE},
            "golden": f"```python\n{golden}```",
            "wrong": f"```python\n{wrong}```",
            "evidence": {"tests": spec},
        }
    )


@pytest.fixture(scope="module")
def maker() -> Any:
    with EvidenceMaker(workers=1) as maker:
        yield maker


def test_a_task_is_as_wanted_and_its_survivors_are_named(maker: EvidenceMaker) -> None:
    check = check_task("own", task(GOLDEN, WEAK, golden_kills=0.6), maker)
    assert check.verifiers == ("run tests",)
    assert (check.golden.state, check.wrong.state) == ("as wanted", "as wanted")
    assert check.alive == ("text",)
    assert "own/double: text" in checks_text([check])


def test_a_golden_answer_that_kills_too_little_is_a_fault(maker: EvidenceMaker) -> None:
    check = check_task("own", task(WEAK, GOLDEN, golden_kills=0.6), maker)
    assert [each.answer for each in check.faults] == ["golden", "wrong"]
    assert check.golden.evidence[0].startswith(
        "run tests: 1 of 1 tests pass, 1 of 3 mutants killed (golden: 60% at least)"
    )


def test_without_a_maker_nothing_is_run() -> None:
    assert check_task("own", task(GOLDEN, WEAK)).golden.state == "no verifier"


def test_answers_run_without_isolation_are_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    from preamblelab.scoring.sandbox import choice

    nothing = choice.Choice(language="python", backend=None, tried=("nothing holds",))
    monkeypatch.setattr(choice, "_isolated", lambda language: nothing)
    assert "--allow-unsafe" in nothing.reason
    with EvidenceMaker(workers=1, allow_unsafe=True) as bare:
        found = check_task("own", task(GOLDEN, WEAK), bare)
    assert found.unsafe
    assert "Run without isolation, with your own rights: answers of 1 task." in checks_text([found])


def test_one_reason_for_many_answers_is_said_once() -> None:
    def stopped(name: str, reason: str) -> TaskCheck:
        golden, wrong = (
            AnswerCheck(answer=answer, state="missing", evidence=(reason,))
            for answer in ("golden", "wrong")
        )
        return TaskCheck(
            suite="own", task=name, category="coding", severity="normal",
            verifiers=("run code",), golden=golden, wrong=wrong,
        )  # fmt: skip

    alone = stopped("c", "broken")
    alone = replace(alone, wrong=replace(alone.wrong, evidence=("other",)))
    text = checks_text([stopped("a", "no sandbox"), stopped("b", "no sandbox"), alone])
    assert text.count("no sandbox") == 1
    assert "4 answers could not be checked: no sandbox (own/a, own/b)" in text
    assert "own/c: the golden answer could not be checked: broken" in text
