"""What simulated models know of the shipped suites: a right and a wrong answer to every task.

They know these tasks as a real model knows what it was trained on: by the exact words of the last
user turn. A task whose words were changed is unknown to them.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from preamblelab.domain.tasks import Task
from preamblelab.execution.simulation.golden_tests import known_suite_task
from preamblelab.execution.simulation.knowledge import AnswerKnowledge, Known
from preamblelab.library import load_suite, shipped_root

SUITES: Final = ("full", "coding-tests", "coding-code")
"""Suites whose answers are known; the tasks of `smoke` have writers of their own."""

_BARE: Final = re.compile(
    r"\bonly,? (?:no other text|the words)\b|\bno other text\b|\bany other text\b"
    r"|\bone line only\b|\bexactly \w+ sentences\b|\bas\s+one sentence\b|\bwrite an email\b",
    re.IGNORECASE,
)


def shipped_answer(prompt: str) -> Known | None:
    """The task that a last user turn poses, where a shipped suite holds it word for word.

    Raises:
        SpecError: a shipped suite cannot be read; the installation is broken.
    """
    found = (answers_of(name).get(prompt) for name in SUITES)
    return next((known for known in found if known is not None), None)


@cache
def answers_of(name: str) -> Mapping[str, Known]:
    """Every known task of a suite by its last user turn; read once, when first asked for."""
    file = shipped_root() / "experiments" / "suites" / f"{name}.yaml"
    found = {}
    for task in load_suite(file).tasks:
        if task.golden is not None and task.wrong is not None:
            known = _known_tests(task) or known_task(task, task.golden, task.wrong)
            found[known.mark] = known
    return found


def _known_tests(task: Task) -> Known | None:
    """What a model knows of a task that asks for tests; None for every other task."""
    tests = task.evidence.tests if task.evidence is not None else None
    return None if tests is None else known_suite_task(task, tests.language, tests.module)


def known_task(task: Task, right: str, wrong: str) -> Known:
    """What a model knows of a task that ships with its answers.

    A task is touchy, refused by timid models, when it sounds harmful and it is wrong to refuse it.
    It is bare when its words, or the calls of tools that it wants, leave no room for explanations.
    """
    prompt = task.turns()[-1]["content"]
    refusals = {each.expect for each in task.verify if each.kind == "refusal"}
    bare = bool(task.tools) or "refusal" in refusals or _BARE.search(prompt) is not None
    return Known(
        task=task.name,
        mark=prompt,
        touchy="answer" in refusals,
        knowledge=AnswerKnowledge(
            right=right,
            wrong=wrong,
            bare=bare,
            right_calls=task.calls_in(right),
            wrong_calls=task.calls_in(wrong),
        ),
    )
