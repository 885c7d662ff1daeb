"""Simulated judges: they speak the protocol of real ones and mark by what an answer looks like.

They count words, lines and signs as LLM judges were seen to reward them, run nothing and know
nothing of the task. So they show what judged scores are worth where execution can tell.
"""

import hashlib
import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from preamblelab.domain.base import canonical_json


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeProfile:
    """One simulated judge."""

    name: str
    mildness: float
    """Added to the share of every criterion's points."""
    spread: float
    """Standard deviation of the share, by chance."""
    sees_length: float
    """Share of the points that length alone earns."""


JUDGES: Final[Mapping[str, JudgeProfile]] = {
    judge.name: judge
    for judge in (
        JudgeProfile(name="judge-by-looks", mildness=0.0, spread=0.06, sees_length=0.15),
        JudgeProfile(name="judge-mild", mildness=0.15, spread=0.1, sees_length=0.3),
    )
}
"""Every simulated judge by the name that follows `sim/`."""

_LONG: Final = 2500
"""Characters from which on an answer is as long as such a judge can wish."""
_QUOTED: Final = 80

# What a criterion speaks of; what such a judge looks for then; how often it has to be there.
_LOOKS: Final[Sequence[tuple[re.Pattern[str], re.Pattern[str], int]]] = tuple(
    (re.compile(asks, re.IGNORECASE), re.compile(cue, re.IGNORECASE | re.MULTILINE), wanted)
    for asks, cue, wanted in (
        (r"strateg", r"strateg\w+|approach|\bmy plan|\bi (?:will|test|go|cover)\b", 1),
        (r"\breasons?\b|\bwhy\b", r"\bbecause\b|\bsince\b|\bso that\b", 2),
        (r"edge cases?|rules of the problem", r"edge cases?|^- .+|limit|boundar\w+|missing", 6),
        (r"asynchronous|await", r"\basync\b|\bawait\b|promise|asyncio", 4),
        (r"analysis stands", r"edge cases?|^- .+|\bfirst\b", 3),
        (r"syntax|imports|load|runs?\b", r"^```\w+|^import .+|^from .+|require\(.+", 3),
        (r"placeholder|todo", r"^(?:def|it|\s+it|\s+expect|\s+assert)\b.+", 12),
        (r"limits? (?:are|is)? ?tested|exactly at the limit", r"\d{2,}|limit|zero", 8),
        (r"errors? (?:are|is)? ?provoked|messages", r"raises\(.+|toThrow\(.*|match=.+|rejects", 6),
        (r"distinct tests|tests? for each", r"^\s*(?:def test_\w+|it\('.+)", 14),
        (r"names say", r"def test_\w{12,}|it\('[^']{15,}", 8),
        (r"ordered|repetition", r"^describe\(.+|fixture|beforeEach|^- .+", 4),
        (r"true of the module|invented", r"\b[a-z]+[A-Z_]\w+\(", 10),
    )
)
_USUAL: Final = re.compile(r"^\w.{20,}", re.MULTILINE)
_CRITERION: Final = re.compile(r"- 0 to (\d+(?:\.\d+)?): (.*)")


def judge(profile: JudgeProfile, messages: Sequence[Mapping[str, Any]], chance: str) -> str:
    """The judge's reply: a verdict in the form that its instructions ask for.

    Args:
        profile: the judge.
        messages: the instructions, then rubric, task, nonce and response under plain headings.
        chance: what is drawn from besides what is judged; the nonce has no say.
    """
    asked = str(messages[-1].get("content", "")) if messages else ""
    nonce = re.search(r"^NONCE\n(\w+)$", asked, re.MULTILINE)
    if nonce is None:
        return "I am a judge: I mark a response by a rubric, and there is none in this request."
    mark = f"RESPONSE {nonce[1]}\n"
    before, _, after = asked.partition(mark)
    response = after.rpartition("\n" + mark.rstrip())[0]
    rubric = before.partition("RUBRIC\n")[2].partition("\ncontrol:")[0]
    said = canonical_json([profile.name, before.partition("NONCE\n")[0], response, chance])
    draw = random.Random(hashlib.sha256(said.encode("ascii")).hexdigest())  # noqa: S311
    marks: dict[str, list[dict[str, Any]]] = {}
    for line in rubric.splitlines():
        criterion = _CRITERION.match(line)
        if criterion is not None and marks:
            given = _mark(profile, float(criterion[1]), criterion[2], response, draw)
            marks[list(marks)[-1]].append(given)
        elif line.endswith(":"):
            marks[line[:-1]] = []
    return json.dumps({"check": nonce[1], "control": 0, "marks": marks}, ensure_ascii=False)


def _mark(
    profile: JudgeProfile, most: float, criterion: str, response: str, draw: random.Random
) -> dict[str, Any]:
    """Points for one criterion, with the first thing that looked like it as evidence."""
    cue, wanted = next(
        ((cue, wanted) for asks, cue, wanted in _LOOKS if asks.search(criterion)), (_USUAL, 8)
    )
    found = [match.group() for match in cue.finditer(response)]
    looks = min(1.0, len(found) / wanted)
    length = min(1.0, len(response) / _LONG)
    share = (1 - profile.sees_length) * looks + profile.sees_length * length
    share += profile.mildness + draw.gauss(0.0, profile.spread)
    points = round(most * min(1.0, max(0.0, share)))
    # Points without anything to show for them are given too; the first words have to do then.
    first = response.strip().partition("\n")[0] if points else ""
    return {"evidence": (found[0] if found else first)[:_QUOTED], "points": points}
