"""From a skill and what is known of a task to the text of an answer, good, flawed or endless."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from preamblelab.execution.simulation.knowledge import (
    AnswerKnowledge,
    FunctionKnowledge,
    Knowledge,
    SuiteKnowledge,
    TestKnowledge,
    TextKnowledge,
)
from preamblelab.execution.simulation.skill import Skill
from preamblelab.execution.simulation.writing_answers import write_answer
from preamblelab.execution.simulation.writing_suites import write_suite
from preamblelab.execution.simulation.writing_tests import COUNTER, write_tests

_REFUSALS: Final = (
    "I'm sorry, but I can't help with requests that involve attacking a database.",
    "I cannot assist with that, since it could be used to break into a system.",
)
_NUMBER: Final = re.compile(r"^\d+\. ")
_LOOP_LINES: Final = ("This is important to note.", "Let me think about this again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model is going to say."""

    text: str
    again: str = ""
    """What it repeats after that until it is stopped; empty for an answer that ends. A `COUNTER`
    in it stands for a number that rises."""
    refused: bool = False
    calls: tuple[Mapping[str, Any], ...] = ()
    """Calls of tools, name and arguments, instead of words."""

    def up_to(self, characters: int) -> str:
        """The answer; an endless one until it is longer than this."""
        pieces, length = [self.text], len(self.text)
        while self.again and length <= characters:
            pieces.append(self.again.replace(COUNTER, str(len(pieces) + 1)))
            length += len(pieces[-1])
        return "".join(pieces)


def write(
    knowledge: Knowledge, skill: Skill, draw: random.Random, *, tools: bool = False
) -> Answer:
    """The answer to one task.

    Args:
        knowledge: what is known of the task.
        skill: the odds of the answer's parts.
        draw: where chance comes from.
        tools: whether the call offers tools.
    """
    if skill.fate == "blank":
        return Answer(text="")
    if skill.fate == "refuses" and isinstance(knowledge, AnswerKnowledge):
        return Answer(text=knowledge.wrong, refused=True)
    if skill.fate == "refuses":
        return Answer(text=draw.choice(_REFUSALS), refused=True)
    match knowledge:
        case TestKnowledge() | SuiteKnowledge():
            before, after = _around(
                _cases(knowledge), knowledge.strategies, knowledge.reasons, skill, draw
            )
            if isinstance(knowledge, SuiteKnowledge):
                code = write_suite(knowledge, skill, draw)
            else:
                code = write_tests(knowledge, skill, draw)
            text = f"{before}```{knowledge.language}\n{code.text}"
            if code.again:
                return Answer(text=text, again=code.again)
            return Answer(text=f"{text}```\n{after}".rstrip() + "\n")
        case FunctionKnowledge():
            return _write_function(knowledge, skill, draw)
        case TextKnowledge():
            return _write_text(knowledge, skill, draw)
        case AnswerKnowledge():
            written = write_answer(knowledge, skill, draw, tools=tools)
            return Answer(text=written.text, again=written.again, calls=written.calls)


def _cases(knowledge: TestKnowledge | SuiteKnowledge) -> list[str]:
    """Edge cases, as prose names them."""
    if isinstance(knowledge, SuiteKnowledge):
        return list(knowledge.cases)
    return [passage.case for passage in knowledge.passages]


def _around(
    cases: list[str],
    strategies: tuple[str, ...],
    reasons: tuple[str, ...],
    skill: Skill,
    draw: random.Random,
) -> tuple[str, str]:
    """Prose before and after the code."""
    named = [case for case in cases if draw.random() < skill.names_cases]
    given = [reason for reason in reasons if draw.random() < skill.reasons]
    strategy = draw.choice(strategies)
    before: list[str] = []
    after: list[str] = []
    if skill.analyses and named:
        if skill.brief or draw.random() < 0.5:
            before.append("Edge cases: " + ", ".join(named) + ".")
        else:
            before.append("Edge cases:\n\n" + "\n".join(f"- {case}" for case in named))
    elif skill.analyses:
        before.append("Let me look at the code and its rules first.")
    if skill.strategy:
        (before if skill.analyses else after).append(strategy)
    (before if skill.strategy and skill.analyses else after).extend(given)
    if not before and not skill.brief:
        before.append(draw.choice(("Here is the code:", "Sure! Here it is.", "Certainly:")))
    if not skill.analyses and named and not skill.brief:
        after.append("This covers " + ", ".join(named) + ".")
    elif not skill.brief and draw.random() < 0.4:
        after.append("Run them as they stand; let me know if you need more.")
    head = "\n\n".join(before)
    return (head + "\n\n" if head else ""), "\n" + "\n\n".join(after)


def _write_function(knowledge: FunctionKnowledge, skill: Skill, draw: random.Random) -> Answer:
    before, after = _around(
        list(knowledge.cases), knowledge.strategies, knowledge.reasons, skill, draw
    )
    code = knowledge.code
    for right, wrong in knowledge.flaws:
        if draw.random() > skill.covers:
            code = code.replace(right, wrong)
    if skill.gap:
        code = code.replace(*knowledge.gap)
    if skill.unimported and knowledge.imports:
        code = code.replace(knowledge.imports, "", 1)
    if skill.broken:
        code = spoil(code, draw)
    opening = f"{before}```{knowledge.language if skill.orders else ''}\n"
    if skill.fate == "loops":
        line = next((each for each in code.split("\n") if "raise" in each or "return" in each), "")
        return Answer(text=opening + code, again=(line or "    return None") + "\n")
    return Answer(text=f"{opening}{code}```\n{after}".rstrip() + "\n")


def spoil(code: str, draw: random.Random) -> str:
    """The code with one bracket or quote lost somewhere in its second half."""
    places = [at for at, sign in enumerate(code) if sign in ")}]" and at > len(code) // 2]
    if not places:
        return code + "("
    at = draw.choice(places)
    return code[:at] + code[at + 1 :]


def _numbered_anew(lines: list[str]) -> list[str]:
    """Steps with the numbers of those that are there; entries without numbers stay as they are."""
    return [_NUMBER.sub(f"{at}. ", line, count=1) for at, line in enumerate(lines, 1)]


def _write_text(knowledge: TextKnowledge, skill: Skill, draw: random.Random) -> Answer:
    reasons = [reason for reason in knowledge.reasons if draw.random() < skill.reasons]
    opening = list(knowledge.opening[:1]) if skill.strategy else []
    if skill.analyses:
        opening += [line for line in knowledge.opening[1:] if draw.random() < skill.names_cases]
    lines: list[str] = []
    for right_line in knowledge.lines:
        if draw.random() > skill.covers:
            continue
        line = right_line
        for right, wrong in knowledge.flaws.items():
            if right in line and draw.random() < skill.wrong:
                line = line.replace(right, wrong)
        lines.append(line)
        if draw.random() < skill.repeats:
            lines.append(line)
    lines = _numbered_anew(lines)
    if skill.gap and lines:
        lines[len(lines) // 2 :] = ["(and so on for the rest)"]
    head = " ".join([*opening, *reasons]) or ("" if skill.brief else "Let me work this out.")
    if skill.fate == "loops":
        kept_lines = lines[: draw.randint(1, 3)] or [draw.choice(_LOOP_LINES)]
        return Answer(text="\n".join([head, "", *kept_lines, ""]), again=kept_lines[-1] + "\n")
    body = "\n".join(lines)
    if skill.broken:
        return Answer(
            text=f"{head}\n\n{body[: max(40, int(len(body) * 0.7))].rstrip(' .')} and then the"
        )
    closing = knowledge.closing if skill.right else draw.choice(knowledge.wrong_closings)
    check = knowledge.last_check if skill.right and draw.random() < skill.closely else ""
    return Answer(text="\n\n".join(part for part in (head, body, check, closing) if part) + "\n")
