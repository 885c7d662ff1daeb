"""An answer taken apart: what is prose, what is code, and in which order they come."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from preamblelab.domain.records import Response
from preamblelab.domain.tasks import Task

_ALIASES: Final[Mapping[str, frozenset[str]]] = {
    "python": frozenset({"python", "py", "python3", "pytest"}),
    "javascript": frozenset(
        {"javascript", "js", "jsx", "mjs", "cjs", "node", "typescript", "ts", "tsx", "jest"}
    ),
}  # fmt: skip

_FENCE: Final = re.compile(r"[ \t>]{0,12}(`{3,}|~{3,})[ \t]*([^\s`]{0,40})[^\n`]{0,200}$")

# An answer without a fence: code begins at the first line that can only be code.
_BARE_CODE: Final[Mapping[str, re.Pattern[str]]] = {
    "python": re.compile(r"(import \w|from [\w.]+ import |(async )?def \w+\(|class \w+[(:]|@\w)"),
    "javascript": re.compile(
        r"(const |let |var |import .*from|describe\(|(it|test)\(|(async )?function[ *]"
        r"|class \w+ ?[\w ]*\{)"
    ),
}

_WORD: Final = re.compile(r"[^\W\d_][\w'-]*")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?:])\s+|\n+")
_LIST_ITEM: Final = re.compile(r"[ \t]{0,12}(?:[-*•]|\d{1,3}[.)])[ \t]+(\S[^\n]*)")


class CheckResult(NamedTuple):
    """What one check found in one answer."""

    share: float
    """From 0 (nothing of it) to 1 (all that the task asks for)."""
    evidence: tuple[str, ...]
    """Counts or quotes that the share rests on; short lines for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One piece of code of an answer."""

    language: str
    """The fence's word, in lower case; empty when it has none."""
    code: str
    closed: bool
    """Whether its closing fence came; False for an answer that was cut off in it."""
    fenced: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An answer, taken apart for a task of one language."""

    text: str
    before: str
    """Prose before the first code; the whole text where no code is asked for."""
    prose: str
    """All prose: what stands outside of code."""
    blocks: tuple[Block, ...]
    """Code in the task's language, in order; empty where none is asked for."""

    @property
    def code(self) -> str:
        """All code, the blocks one below the other."""
        return "\n".join(block.code for block in self.blocks)


def read(task: Task, response: Response) -> Reading:
    """The answer taken apart; only code in the language that the task asks for is code."""
    return read_text(response.text, task.expect.language)


@lru_cache(maxsize=4)
def read_text(text: str, language: str) -> Reading:
    """The text taken apart; a pure function, remembered because each check reads the same answer.

    Args:
        text: the answer; any text at all.
        language: `python`, `javascript`, or `text` where no code is asked for.
    """
    if language not in _ALIASES:
        return Reading(text=text, before=text, prose=text, blocks=())
    pieces = list(_pieces(text))
    blocks = [piece for piece in pieces if isinstance(piece, Block)]
    if not blocks:
        return _without_fences(text, language)
    tagged = any(block.language in _ALIASES[language] for block in blocks)
    tags = _ALIASES[language] if tagged else frozenset({""})
    chosen = [block for block in blocks if block.language in tags]
    first = next(
        (
            i
            for i, piece in enumerate(pieces)
            if isinstance(piece, Block) and piece.language in tags
        ),
        len(pieces),
    )
    before = "\n".join(piece for piece in pieces[:first] if isinstance(piece, str))
    prose = "\n".join(piece for piece in pieces if isinstance(piece, str))
    return Reading(text=text, before=before, prose=prose, blocks=tuple(chosen))


def _pieces(text: str) -> list[str | Block]:
    """Prose and blocks in their order."""
    pieces: list[str | Block] = []
    lines: list[str] = []
    fence, language = "", ""
    for line in text.split("\n"):
        # A fence is short: a long line need not be searched for one.
        match = _FENCE.match(line) if len(line) < 300 else None
        if match is None or (fence and match[1][0] != fence[0]):
            lines.append(line)
            continue
        if not fence:
            pieces.append("\n".join(lines))
            fence, language, lines = match[1], match[2].lower(), []
        elif match[2]:
            # A new block begins although the last one was not closed: models do that.
            pieces.append(Block(language=language, code="\n".join(lines), closed=False))
            fence, language, lines = match[1], match[2].lower(), []
        elif len(match[1]) >= len(fence):
            pieces.append(Block(language=language, code="\n".join(lines), closed=True))
            fence, lines = "", []
        else:
            lines.append(line)
    rest = "\n".join(lines)
    pieces.append(Block(language=language, code=rest, closed=False) if fence else rest)
    return pieces


def _without_fences(text: str, language: str) -> Reading:
    lines = text.split("\n")
    begins = _BARE_CODE[language]
    for number, line in enumerate(lines):
        if begins.match(line[:400]):
            before = "\n".join(lines[:number])
            code = "\n".join(lines[number:])
            block = Block(language="", code=code, closed=True, fenced=False)
            return Reading(text=text, before=before, prose=before, blocks=(block,))
    return Reading(text=text, before=text, prose=text, blocks=())


def words(text: str) -> list[str]:
    """The words of a prose text, in order."""
    return _WORD.findall(text)


def sentences(text: str) -> list[str]:
    """Sentences, list items and lines of a prose text, stripped, without empty ones."""
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def list_items(text: str) -> list[str]:
    """What the entries of the text's lists say."""
    matches = (_LIST_ITEM.match(line[:2000]) for line in text.split("\n"))
    return [match[1].strip() for match in matches if match]


def part(found: int, wanted: int) -> float:
    """The share found of what is wanted, at most 1; wanting nothing is having all."""
    return 1.0 if wanted <= 0 else min(1.0, found / wanted)
