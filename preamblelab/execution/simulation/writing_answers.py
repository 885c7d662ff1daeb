"""How a model answers a task whose right and wrong answers ship with it."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from preamblelab.execution.simulation.knowledge import AnswerKnowledge
from preamblelab.execution.simulation.skill import Skill

_FENCE: Final = re.compile(r"^```.*?^```[ \t]*$", re.MULTILINE | re.DOTALL)
_ENTRY: Final = re.compile(r"(?:[-*]|\d+\.) ")
_REST: Final = "(and so on for the rest)"
_KEPT_WHEN_BROKEN: Final = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The text of an answer, and the calls that come with it."""

    text: str
    again: str = ""
    """What is repeated without end."""
    calls: tuple[Mapping[str, Any], ...] = ()


def write_answer(
    knowledge: AnswerKnowledge, skill: Skill, draw: random.Random, *, tools: bool
) -> Written:
    """The right answer, thinned out by how much the model covers; or the wrong one.

    Args:
        knowledge: both answers.
        skill: the odds of the answer's parts.
        draw: where chance comes from.
        tools: whether tools are offered; only then are calls made.
    """
    calls = knowledge.right_calls if skill.right else knowledge.wrong_calls
    if tools and calls and skill.fate == "answers" and not skill.broken:
        return Written(text="", calls=calls)
    text = (knowledge.right if skill.right else knowledge.wrong).strip()
    if skill.right and not knowledge.bare:
        text = _thinned(text, skill, draw)
    if skill.fate == "loops":
        lines = [line for line in text.split("\n") if line.strip()]
        kept = lines[: draw.randint(1, min(3, len(lines)))]
        return Written(text="\n".join([*kept, ""]), again=kept[-1] + "\n")
    if skill.broken:
        return Written(text=text[: int(len(text) * _KEPT_WHEN_BROKEN)].rstrip(" ."))
    return Written(text=text + "\n")


def _thinned(text: str, skill: Skill, draw: random.Random) -> str:
    """A right answer without the parts that the model leaves out; its end is never left out."""
    *blocks, last = _blocks(text)
    kept: list[str] = []
    for place, block in enumerate(blocks):
        if block.startswith("```"):
            kept.append(block)
        elif _ENTRY.match(block):
            kept.append(_entries(block, skill, draw))
        elif place == 0:
            kept.append(_opening(block, skill, draw))
        elif draw.random() < skill.closely:
            kept.append(block)
    return "\n\n".join(part for part in (*kept, last) if part)


def _opening(block: str, skill: Skill, draw: random.Random) -> str:
    """The first words: the strategy with its reason, and the cases that are named."""
    if skill.strategy:
        return block
    if skill.analyses:
        return block.partition(", because")[0].partition(", since")[0].rstrip(".") + "."
    return "" if skill.brief else draw.choice(("Let me work this out.", "Here is my answer."))


def _entries(block: str, skill: Skill, draw: random.Random) -> str:
    """The entries of a list that the model writes, numbered as they stand."""
    entries = re.split(r"\n(?=(?:[-*]|\d+\.) )", block)
    kept: list[str] = []
    for entry in entries:
        if draw.random() < skill.covers:
            kept += [entry, entry] if draw.random() < skill.repeats else [entry]
    if skill.gap and kept:
        kept[len(kept) // 2 :] = [_REST]
    return "\n".join(kept)


def _blocks(text: str) -> list[str]:
    """Paragraphs, lists and fences, in order; a fence is one block whatever it holds."""
    found: list[str] = []
    place = 0
    for fence in _FENCE.finditer(text):
        found += [*text[place : fence.start()].split("\n\n"), fence.group()]
        place = fence.end()
    found += text[place:].split("\n\n")
    return [block.strip("\n") for block in found if block.strip()]
