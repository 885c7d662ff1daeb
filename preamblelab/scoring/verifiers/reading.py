"""Where the answer stands in a text, and when two texts are the same."""

import re
import unicodedata
from typing import Final, NamedTuple

from preamblelab.domain.verifiers import Read

# Each only matches within a line and has nothing to go back over: linear on any text.
_MARKER: Final = re.compile(
    r"(?<!\w)(?:(?:final|correct|my) )?(?:answer|result|solution)[*_`\"']{0,4} ?"
    r"(?:(?:is|would be|are)(?!\w)|:|=)[*_]{0,4}:?",
    re.IGNORECASE,
)
_BOXED: Final = "\\boxed{"
_MARKS: Final = "*_`\"'“”‘’«»"
_LONGEST_ANSWER: Final = 2_000


class Passage(NamedTuple):
    """A part of a text."""

    text: str
    """Without blanks at its ends; empty when there is none."""
    named: bool
    """Whether the text itself says that this is its answer."""


def passage(text: str, read: Read) -> Passage:
    r"""The part of a text in which the answer stands.

    Args:
        text: the whole answer.
        read: `whole`; `last_line`; or `answer`: what follows the last `Answer:`, `the answer is`
            or `result =` in its line (in the next line where that is blank), or stands in the
            last `\boxed{}`, whichever comes later; without both, the last line.
    """
    if read == "whole":
        return Passage(text.strip(), False)
    if read == "last_line":
        return Passage(_last_line(text), False)
    marker = max((found.end() for found in _MARKER.finditer(text)), default=-1)
    box = text.rfind(_BOXED)
    if box >= 0 and box >= marker:
        return Passage(_in_braces(text, box + len(_BOXED)), True)
    if marker < 0:
        return Passage(_last_line(text), False)
    lines = text[marker:].lstrip(" \t*_:").lstrip("\n\r \t").splitlines()
    return Passage(lines[0].strip() if lines else "", True)


def _last_line(text: str) -> str:
    lines = text.strip().rsplit("\n", 1)
    return lines[-1].strip()


def _in_braces(text: str, start: int) -> str:
    """What stands between an opened brace and the one that closes it."""
    depth = 1
    for place in range(start, min(len(text), start + _LONGEST_ANSWER)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return text[start:place].strip()
    return text[start : start + _LONGEST_ANSWER].split("\n", 1)[0].strip()


def normal(text: str) -> str:
    """A text without what rarely matters.

    Unicode forms (NFKC), letter case, runs of blanks, quotation and emphasis marks around it, and
    one full stop at its end.
    """
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    inner = folded.strip(_MARKS + " ")
    return inner.removesuffix(".").strip(_MARKS + " ") or folded
