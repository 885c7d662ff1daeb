"""How a model writes tests of a module that it is shown: tests of a golden answer, in its quality.

Besides the flaws that a reader sees there are slips that only running shows: a group that is
asynchronous, methods called on the class, a name that the module does not have.
"""

import random
import re
from textwrap import indent
from typing import Final

from preamblelab.execution.simulation.knowledge import SampleTest, SuiteKnowledge
from preamblelab.execution.simulation.skill import Skill
from preamblelab.execution.simulation.writing_tests import (
    COUNTED,
    COUNTING_SHARE,
    POOR_NAMES,
    Code,
    gap,
    without_a_bracket,
)

_MADE: Final = re.compile(r"= new \w+\(.*\);$", re.MULTILINE)
_FIXTURE: Final = re.compile(r"^    return ([A-Z]\w*)\(.*\)$", re.MULTILINE)


def write_suite(knowledge: SuiteKnowledge, skill: Skill, draw: random.Random) -> Code:
    """The code of an answer that tests a module."""
    chosen = [test for test in knowledge.tests if draw.random() < skill.covers]
    chosen = chosen or [draw.choice(knowledge.tests)]
    tests: list[tuple[str, str]] = []
    for number, test in enumerate(chosen, 1):
        written = (test.group, _one(knowledge.language, test, skill, draw, number))
        tests += [written, written] if draw.random() < skill.repeats else [written]
    if skill.gap:
        tests[-max(1, len(tests) // 4) :] = [(tests[-1][0], gap(knowledge.language))]
    if skill.broken:
        at = len(tests) // 2
        tests[at] = (tests[at][0], without_a_bracket(tests[at][1], draw))
    head, opening = _head(knowledge, skill, draw)
    if skill.fate == "loops":
        kept = [text for _, text in tests[: draw.randint(1, min(4, len(tests)))]]
        again = kept[-1]
        if draw.random() < COUNTING_SHARE:
            pattern, instead = COUNTED[knowledge.language]
            again = pattern.sub(instead, again, count=1)
        return Code(text=f"{head}\n\n" + "".join(kept), again=again)
    return Code(text=f"{head}\n\n{_grouped(knowledge, tests, skill, opening)}")


def _one(language: str, test: SampleTest, skill: Skill, draw: random.Random, number: int) -> str:
    """One test, as well as the model happens to write it."""
    body = test.body if draw.random() < skill.closely else test.weak
    if draw.random() < skill.wrong:
        body = test.wrong
    if test.awaits and draw.random() > skill.awaits:
        body = body.replace("await ", "").replace("asyncio.run(", "(")
    name = test.name
    if draw.random() > skill.names_well:
        name = draw.choice(POOR_NAMES).format(number=number)
        name = f"{name} {number}" if name == "works" else name
    if language == "python":
        called = "test_" + re.sub(r"\W+", "_", name)
        return f"\ndef {called}({test.arguments}):\n{indent(body, '    ')}\n\n"
    mark = "async " if test.awaits else ""
    return f"it('{name}', {mark}() => {{\n{indent(body, '  ')}\n}});\n\n"


def _head(knowledge: SuiteKnowledge, skill: Skill, draw: random.Random) -> tuple[str, str]:
    """Imports and fixtures, and how a group is opened: here are the slips that no reader sees."""
    head = knowledge.head
    slips, kind = draw.random() < skill.slips, draw.random()
    if skill.unimported:
        # The usual slip: the framework, or the module, is used and never imported.
        head = head.replace("import pytest\n\n", "", 1)
        head = re.sub(r"^const \{[^}]*\} = require\([^)]*\);\n*", "", head, count=1)
    if not slips:
        return head, "() =>"
    if knowledge.language == "javascript":
        static = _MADE.sub(lambda made: f"= {made[0].split()[2].partition('(')[0]};", head)
        return (static, "() =>") if static != head and kind < 0.6 else (head, "async () =>")
    static = _FIXTURE.sub(r"    return \1", head)
    if static != head and kind < 0.6:
        return static, ""
    imported = f"from {knowledge.module} import "
    if kind < 0.8:
        return head.replace(imported, f"{imported}{knowledge.module}_defaults, "), ""
    return head.replace(imported, f"from src.{knowledge.module} import "), ""


def _grouped(
    knowledge: SuiteKnowledge, tests: list[tuple[str, str]], skill: Skill, opening: str
) -> str:
    """The tests under one describe for each group; in Python, and in no order, as they come."""
    if knowledge.language == "python":
        return "".join(text for _, text in tests).rstrip("\n") + "\n"
    groups: dict[str, list[str]] = {}
    for group, text in tests:
        groups.setdefault(group if skill.orders else knowledge.module, []).append(text)
    parts = [
        f"describe('{name}', {opening} {{\n"
        + indent("".join(texts).rstrip("\n"), "  ", lambda line: bool(line.strip()))
        + "\n});\n"
        for name, texts in groups.items()
    ]
    return "\n".join(parts)
