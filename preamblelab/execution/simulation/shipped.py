"""What simulated models know of the shipped suites: a right and a wrong answer to every task.

They know these tasks as a real model knows what it was trained on: by the exact words of the last
user turn. A task whose words were changed is unknown to them.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from preamblelab.domain.tasks import Task
from preamblelab.execution.simulation.knowledge import AnswerKnowledge, Known
from preamblelab.library import load_suite, shipped_root

SUITES: Final = ("full",)
"""Suites whose answers are known; the tasks of `smoke` have writers of their own."""

_BARE: Final = re.compile(
    r"\bonly,? (?:no other text|the words)\b|\bno other text\b|\bany other text\b"
    r"|\bone line only\b|\bexactly \w+ sentences\b|\bas\s+one sentence\b|\bwrite an email\b",
    re.IGNORECASE,
)


@cache
def shipped_answers() -> Mapping[str, Known]:
    """Every known task by the text of its last user turn; read once, when first asked for.

    Raises:
        SpecError: a shipped suite cannot be read; the installation is broken.
    """
    found = {}
    for name in SUITES:
        file = shipped_root() / "experiments" / "suites" / f"{name}.yaml"
        for task in load_suite(file).tasks:
            if task.golden is not None and task.wrong is not None:
                known = known_task(task, task.golden, task.wrong)
                found[known.mark] = known
    return found


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
