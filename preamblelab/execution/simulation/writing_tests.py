"""How a model writes tests: which it writes, how well, and what it forgets."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import indent
from typing import Final

from preamblelab.execution.simulation.knowledge import Passage, TestKnowledge
from preamblelab.execution.simulation.skill import Skill

_MESSAGE: Final = (
    (re.compile(r', match="[^"\n]*"'), ""),
    (re.compile(r"\.toThrow\('[^'\n]*'\)"), ".toThrow()"),
    (re.compile(r"\.toThrow\(\n[^\n]*\n\)"), ".toThrow()"),
    (re.compile(r"\.toMatchObject\(\{[^)]*\}\)"), ".toThrow()"),
)
COUNTER: Final = "<n>"
"""Stands in a repeated text for a number that rises with each repetition."""

COUNTING_SHARE: Final = 0.3
COUNTED: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    "python": (re.compile(r"def \w+"), rf"\g<0>_{COUNTER}"),
    "javascript": (re.compile(r"it\('[^']*"), rf"\g<0> {COUNTER}"),
}
POOR_NAMES: Final = ("works", "test {number}", "basic {number}", "case {number}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """The inside of a fence."""

    text: str
    again: str = ""
    """One test that is repeated from here on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    group: str
    text: str


def write_tests(knowledge: TestKnowledge, skill: Skill, draw: random.Random) -> Code:
    """The code of an answer that tests a module."""
    chosen = [passage for passage in knowledge.passages if draw.random() < skill.covers]
    chosen = chosen or [draw.choice(knowledge.passages)]
    tests: list[_Test] = []
    for number, passage in enumerate(chosen, 1):
        test = _Test(group=passage.group, text=_one(knowledge, passage, skill, draw, number))
        tests.append(test)
        if draw.random() < skill.repeats:
            tests.append(test)
    if skill.gap:
        tests[-max(1, len(tests) // 4) :] = [
            _Test(group=tests[-1].group, text=gap(knowledge.language))
        ]
    if skill.broken:
        at = len(tests) // 2
        tests[at] = _Test(group=tests[at].group, text=without_a_bracket(tests[at].text, draw))
    head = _head(knowledge, skill)
    if skill.fate == "loops":
        kept = tests[: draw.randint(1, min(4, len(tests)))]
        body = "".join(test.text for test in kept)
        again = kept[-1].text
        if draw.random() < COUNTING_SHARE:
            pattern, instead = COUNTED[knowledge.language]
            again = pattern.sub(instead, again, count=1)
        return Code(text=f"{head}\n{body}", again=again)
    if knowledge.language == "javascript" and skill.orders:
        return Code(text=f"{head}\n{_grouped(knowledge, tests)}")
    return Code(text=f"{head}\n" + "".join(test.text for test in tests).rstrip("\n") + "\n")


def _one(
    knowledge: TestKnowledge, passage: Passage, skill: Skill, draw: random.Random, number: int
) -> str:
    """One test, as well as the model happens to write it."""
    body = passage.body
    if draw.random() < skill.wrong:
        body = body.replace(*passage.wrong)
    if draw.random() > skill.closely:
        for pattern, instead in _MESSAGE:
            body = pattern.sub(instead, body)
    if passage.awaits and draw.random() > skill.awaits:
        body = body.replace("await ", "")
    name = passage.name
    if draw.random() > skill.names_well:
        name = draw.choice(POOR_NAMES).format(number=number)
    if knowledge.language == "python":
        return _python(knowledge, name, body, skill, number)
    return _javascript(knowledge, name, body, skill, passage.awaits)


def _python(knowledge: TestKnowledge, name: str, body: str, skill: Skill, number: int) -> str:
    called = "test_" + re.sub(r"\W+", "_", name)
    called = f"{called}_{number}" if name == "works" else called
    if skill.orders:
        return f"\ndef {called}({knowledge.subject}):\n{indent(body, '    ')}\n\n"
    return f"\ndef {called}():\n    {knowledge.setup}\n{indent(body, '    ')}\n\n"


def _javascript(knowledge: TestKnowledge, name: str, body: str, skill: Skill, awaits: bool) -> str:
    if not skill.orders:
        body = f"const {knowledge.setup}\n{body}"
    mark = "async " if awaits else ""
    return f"it('{name}', {mark}() => {{\n{indent(body, '  ')}\n}});\n\n"


def _head(knowledge: TestKnowledge, skill: Skill) -> str:
    """Imports, and the fixture or group that the tests stand in."""
    imports = knowledge.imports
    if knowledge.language == "python":
        if skill.unimported:
            # The usual slip: the framework is used and never imported.
            imports = imports.replace("import pytest\n\n", "")
        if skill.orders:
            imports += (
                f"\n\n\n@pytest.fixture\ndef {knowledge.subject}():\n"
                f"    return {knowledge.setup.partition(' = ')[2]}\n"
            )
        return imports + "\n"
    if skill.unimported:
        imports = imports.partition("\n\n")[2]
    if skill.fate == "loops" or not skill.orders:
        return imports + "\n"
    return (
        f"{imports}\n\nlet {knowledge.subject};\n\nbeforeEach(() => {{\n  {knowledge.setup}\n}});\n"
    )


def _grouped(knowledge: TestKnowledge, tests: list[_Test]) -> str:
    """Tests under one describe for each part of the module."""
    groups: dict[str, list[str]] = {}
    for test in tests:
        groups.setdefault(test.group, []).append(test.text)
    parts = [
        f"  describe('{name}', () => {{\n"
        + indent("".join(texts).rstrip("\n"), "    ", lambda line: bool(line.strip()))
        + "\n  });\n"
        for name, texts in groups.items()
    ]
    title = knowledge.setup.partition("new ")[2].partition("(")[0] or "module"
    return f"describe('{title}', () => {{\n" + "\n".join(parts) + "});\n"


def gap(language: str) -> str:
    """What a lazy model writes instead of tests."""
    if language == "python":
        return "\n# TODO: add more tests here\n\n"
    return "// TODO: add more tests here\n\n"


def without_a_bracket(text: str, draw: random.Random) -> str:
    """The text with one closing bracket lost."""
    places = [at for at, sign in enumerate(text) if sign in ")}"]
    if not places:
        return text + "("
    at = draw.choice(places)
    return text[:at] + text[at + 1 :]
