"""Checks of what an answer says before and around its code: analysis, strategy, reasons.

They find words and their places. A list of edge cases that is nonsense but uses the right words
earns the same: that is for judges and for execution to tell apart.
"""

import re
from typing import Final

from preamblelab.domain.records import Response
from preamblelab.domain.tasks import Task
from preamblelab.errors import SpecError
from preamblelab.scoring.checks_reading import (
    CheckResult,
    Reading,
    list_items,
    part,
    read,
    sentences,
    words,
)

SUBSTANCE_WORDS: Final = 15
"""A text with fewer words says too little to be called whole, ordered or free of faults."""

_ANALYSIS_WORDS: Final = 30
_GENERIC_CASES_WANTED: Final = 5
_UNIT_LIMIT: Final = 20_000

_GENERIC_CASES: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\bempty\b|\bblank\b", r"\bnull\b|\bnone\b|\bundefined\b|\bmissing\b",
        r"\bboundar|\blimits?\b|\boff[- ]by[- ]one", r"\bnegative\b|\bzero\b",
        r"\binvalid\b|\bwrong type|\bmalformed\b", r"\bduplicat|\brepeated\b|\btwice\b",
        r"\b(very )?(large|long)\b|\bmaximum\b|\boverflow", r"\bunicode\b|\bspecial character",
        r"\btime ?out|\bconcurren|\brace\b", r"\berror|\bexception|\bfail",
    )
)  # fmt: skip

_ASYNC: Final = re.compile(r"\basync|\bawait|\bpromise|\bresolve|\breject", re.IGNORECASE)
_STRATEGY: Final = re.compile(
    r"\bstrateg|\bapproach\b|\bmy plan\b|\bplan:|\bi'll\b|\bfirst\b"
    r"|\bwe (?:will|test|group|cover)\b"
    r"|\bi (?:will|group|chose|choose|test|cover|keep|begin|start|first|order)",
    re.IGNORECASE,
)
_REASON: Final = re.compile(
    r"\bbecause\b|\bsince\b|\bso that\b|\bso (?:a|an|the|each|every|no|it|that)\b|\btherefore\b"
    r"|\bto (?:make sure|ensure|keep|avoid|show|prove)\b|\bin order to\b|\bthis way\b"
    r"|\bwhich keeps\b|\bthat is why\b|\bthe reason\b|\botherwise\b",
    re.IGNORECASE,
)


def find_cases(task: Task, text: str) -> list[str]:
    """Names of the task's edge cases that its patterns find in a text.

    Raises:
        SpecError: one of the task's patterns is no regular expression.
    """
    found = []
    for name, pattern in task.expect.edge_cases.items():
        try:
            expression = re.compile(pattern, re.IGNORECASE)
        except re.error as error:
            raise SpecError(
                f"task '{task.name}': edge case '{name}' is no regular expression: {error}"
            ) from None
        # A pattern sees one stretch at a time, so that one with a bad habit stays affordable.
        stretches = range(0, len(text), _UNIT_LIMIT)
        if any(expression.search(text, at, at + _UNIT_LIMIT + 200) for at in stretches):
            found.append(name)
    return found


def analysis_names_edge_cases(task: Task, response: Response) -> CheckResult:
    """Share of the task's edge cases that the prose before the code names.

    Half of them earn everything: nobody has to name all before testing them. A task that lists
    none is searched for five general kinds (empty, missing, limit, ...). Where no code is asked
    for, the whole text is searched.
    """
    before = read(task, response).before
    if task.expect.edge_cases:
        found = find_cases(task, before)
        wanted = (len(task.expect.edge_cases) + 1) // 2
    else:
        found = [m.group().lower() for p in _GENERIC_CASES if (m := p.search(before))]
        wanted = _GENERIC_CASES_WANTED
    return CheckResult(part(len(found), wanted), (f"{len(found)} named, {wanted} wanted", *found))


def analysis_before_code(task: Task, response: Response) -> CheckResult:
    """Whether at least thirty words of prose stand before the code; fewer earn their part.

    Where no code is asked for: before the answer's last paragraph, its conclusion.
    """
    reading = read(task, response)
    before = reading.before
    if task.expect.language == "text":
        before = before.rstrip().rpartition("\n")[0]
    elif not reading.blocks:
        return CheckResult(0.0, ("no code that it could stand before",))
    count = len(words(before))
    return CheckResult(part(count, _ANALYSIS_WORDS), (f"{count} words before",))


def async_recognised(task: Task, response: Response) -> CheckResult:
    """Whether the prose speaks of what is asynchronous, and names it: half each.

    A task with nothing asynchronous passes these points on to `analysis_names_edge_cases`.
    """
    if not task.expect.async_symbols:
        return analysis_names_edge_cases(task, response)
    prose = read(task, response).prose
    spoken = _ASYNC.search(prose) is not None
    named = [name for name in task.expect.async_symbols if name in prose]
    share = 0.5 * spoken + 0.5 * part(len(named), len(task.expect.async_symbols)) * spoken
    return CheckResult(share, ("speaks of it" if spoken else "does not speak of it", *named))


def strategy_before_code(task: Task, response: Response) -> CheckResult:
    """Whether a sentence of eight words or more says, before the code, how the task is gone about.

    After the code it earns two fifths. Where no code is asked for, it belongs into the first half.
    """
    reading = read(task, response)
    if task.expect.language == "text":
        early = _opening_half(reading)
    else:
        early = reading.before if reading.blocks else ""
    for share, text in ((1.0, early), (0.4, reading.prose)):
        for sentence in sentences(text):
            if _STRATEGY.search(sentence[:_UNIT_LIMIT]) and len(words(sentence)) >= 8:
                return CheckResult(share, (sentence[:120],))
    return CheckResult(0.0, ("no strategy is stated",))


def _opening_half(reading: Reading) -> str:
    parts = sentences(reading.prose)
    return "\n".join(parts[: (len(parts) + 1) // 2])


def strategy_names_reasons(task: Task, response: Response) -> CheckResult:
    """Sentences of prose that give a reason (because, so that, to ensure ...); two are enough."""
    reading = read(task, response)
    if task.expect.language != "text" and not reading.blocks:
        return CheckResult(0.0, ("no code that it could explain",))
    found = list(
        dict.fromkeys(s for s in sentences(reading.prose) if _REASON.search(s[:_UNIT_LIMIT]))
    )
    return CheckResult(part(len(found), 2), tuple(sentence[:120] for sentence in found[:2]))


def topical(task: Task, response: Response) -> CheckResult:
    """Share of the prompt's most frequent long words that the answer takes up; half are enough.

    What is left to look at where a task names nothing that an answer must hold.
    """
    counts: dict[str, int] = {}
    for word in words(task.turns()[-1]["content"].lower()):
        if len(word) >= 6:
            counts[word] = counts.get(word, 0) + 1
    wanted = sorted(counts, key=lambda word: (-counts[word], word))[:12]
    text = response.text.lower()
    found = [word for word in wanted if word in text]
    enough = (len(wanted) + 1) // 2
    share = part(len(found), enough) if len(words(text)) >= SUBSTANCE_WORDS else 0.0
    return CheckResult(share, (f"{len(found)} of the prompt's words, {enough} wanted",))


def steps(task: Task, response: Response) -> CheckResult:
    """Distinct entries or sentences of a text, against the number that the task asks for (or 5)."""
    wanted = task.expect.tests or 5
    text = read(task, response).prose
    entries = list_items(text) if task.expect.tests else sentences(text)
    found = {" ".join(entry.lower().split()) for entry in entries}
    return CheckResult(part(len(found), wanted), (f"{len(found)} distinct, {wanted} wanted",))
