"""Owns the measures of repetition at the end of a text: exact periods, counters, rewriting."""

import itertools
import re
import statistics
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Level = Literal["block", "line", "phrase", "character"]
Texture = Literal["bare", "sparse", "worded"]

ANCHOR = 24
LONGEST_ANCHOR = 160
CANDIDATES = 3
LONGEST_CHARACTER_PERIOD = 3
WORDED_LETTERS = 6
TEXTURE_SAMPLE = 400
SERIES_SAMPLE = 24
LONGEST_NUMBER = 15
REWRITE_SAMPLES = 16
WORDED_LINE_LETTERS = 20

_NUMBER = re.compile(r"\d+")
_LIST_ITEM = re.compile(r"[ \t]*\d+[.)][ \t]+(\S.*)")
# Rules, boxes and chess boards are drawn with these; long runs of them say nothing.
_DRAWN = frozenset(map(chr, range(0x2500, 0x2600))) | {"\u2b1b", "\u2b1c"}


class Work:
    """Counts the characters that the measures look at, so that a test can bound them.

    Attributes:
        characters: Characters searched, compared, substituted or compressed so far.
    """

    __slots__ = ("characters",)

    def __init__(self) -> None:
        self.characters = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A stretch that reaches to the end of a text and repeats.

    Attributes:
        period: Characters of one repetition.
        length: Characters of the whole stretch.
    """

    period: int
    length: int

    @property
    def repeats(self) -> float:
        """How often the period fits into the stretch."""
        return self.length / self.period


def common_tail(text: str, distance: int, work: Work) -> int:
    """Return how many last characters equal those `distance` characters before them.

    Doubles the compared slice until it differs, then bisects: slices are compared in C, so the
    cost is that of reading the common tail about twice.
    """
    end = len(text)
    limit = end - distance
    known = 0
    step = 32
    while True:
        step = min(step, limit - known)
        if step <= 0:
            return known
        work.characters += step
        stop = end - known
        if text[stop - step : stop] != text[stop - step - distance : stop - distance]:
            break
        known += step
        step *= 2
    low, high = 0, step
    while high - low > 1:
        middle = (low + high) // 2
        work.characters += middle
        stop = end - known
        if text[stop - middle : stop] == text[stop - middle - distance : stop - distance]:
            low = middle
        else:
            high = middle
    return known + low


def periodic_runs(text: str, reach: int, work: Work) -> Iterator[Run]:
    """Yield exactly periodic stretches at the end of `text`, the shortest period first.

    The last characters are looked up in the `reach` characters before them. A rule of dashes
    inside a longer period answers with period 1; so the next candidate must explain more than
    the last one did.
    """
    end = len(text)
    anchor = ANCHOR
    for _ in range(CANDIDATES):
        if end <= anchor:
            return
        low = max(0, end - anchor - reach)
        found = text.rfind(text[end - anchor :], low, end - 1)
        work.characters += end - (low if found < 0 else found)
        if found < 0:
            return
        distance = end - anchor - found
        length = common_tail(text, distance, work) + distance
        yield Run(period=distance, length=length)
        anchor = min(length - distance + 8, LONGEST_ANCHOR)


def texture(unit: str) -> Texture:
    """Say how much language one repetition holds.

    Empty table rows, drawings, rows of numbers and `null, null` repeat in good answers; words
    do not. Other scripts count as words at once: one of their characters carries more.
    """
    letters = 0
    characters = set(unit[:TEXTURE_SAMPLE])
    for character in characters:
        if character >= "\x80":
            if character not in _DRAWN and not character.isspace():
                return "worded"
        elif character.isalpha():
            letters += 1
    if letters >= WORDED_LETTERS:
        return "worded"
    return "sparse" if letters and len(characters) > 1 else "bare"


def level_of(unit: str) -> Level:
    """Name the level of a repetition from one period of it."""
    if len(unit) <= LONGEST_CHARACTER_PERIOD:
        return "character"
    breaks = unit.count("\n")
    if breaks == 0:
        return "phrase"
    # The unit may start anywhere in a line: its first and last pieces are one line.
    pieces = unit.split("\n")
    lines = [pieces[-1] + pieces[0], *pieces[1:-1]]
    return "block" if sum(1 for line in lines if line.strip()) > 1 else "line"


def counted_run(text: str, reach: int, work: Work) -> Run | None:
    """Find a stretch at the end that is periodic but for numbers that count.

    Every number of the period stays or moves by one constant step: a list that counts on with
    the same words. Numbers that move freely are data (tables, series, fixtures) and are left
    alone.

    Args:
        text: The text; only its end is measured.
        reach: Longest period looked for, in characters (each number counted as one).
        work: Takes the characters looked at.
    """
    plain = _NUMBER.sub("0", text)
    work.characters += len(text)
    if plain == text:
        return None
    numbers = _NUMBER.findall(text)
    for run in periodic_runs(plain, reach, work):
        fields = plain.count("0", len(plain) - run.period)
        if run.repeats < 4 or fields == 0:
            continue
        inside = numbers[-plain.count("0", len(plain) - run.length) :]
        if not _all_count(inside[1:-1], fields):
            continue
        length = run.length + sum(len(number) - 1 for number in inside)
        return Run(period=max(1, round(length / run.repeats)), length=length)
    return None


def _all_count(numbers: list[str], fields: int) -> bool:
    """Say whether each of `fields` interleaved series stays or moves by one step, and one moves."""
    moving = False
    for field in range(fields):
        series = numbers[field::fields][-SERIES_SAMPLE:]
        if any(len(number) > LONGEST_NUMBER for number in series):
            return False
        values = [int(number) for number in series]
        steps = {after - before for before, after in itertools.pairwise(values)}
        if len(steps) != 1:
            return False
        moving = moving or steps != {0}
    return moving


def same_list_items(text: str, work: Work) -> tuple[Run, int]:
    """Find a numbered list at the end in which every item says the same.

    Returns:
        The stretch of equal complete items (length 0 when there is none), and their number.
    """
    work.characters += len(text)
    lines = text.split("\n")
    length = len(lines.pop())  # the line still being written
    first: str | None = None
    count = whole = 0
    for line in reversed(lines):
        length += len(line) + 1
        if not line.strip():
            continue
        item = _LIST_ITEM.fullmatch(line)
        if item is None or (first is not None and item[1] != first):
            break
        first = item[1]
        count += 1
        whole = length
    return Run(period=max(1, whole // max(1, count)), length=whole), count


def few_lines(text: str, count: int, work: Work) -> tuple[Run, float] | None:
    """Measure how few different lines the last `count` complete lines are.

    Returns:
        The stretch of these lines (its period is the mean one of a different line's return) and
        the share of different ones, 0..1; None where fewer lines are there or where short lines
        (braces, tags, cells) hold more than a fifth of the characters.
    """
    work.characters += len(text)
    lines = text.split("\n")
    length = len(lines.pop())
    kept: list[str] = []
    for line in reversed(lines):
        if len(kept) == count:
            break
        length += len(line) + 1
        if line.strip():
            kept.append(line)
    different = set(kept)
    worded = {line for line in different if sum(map(str.isalpha, line)) >= WORDED_LINE_LETTERS}
    characters = sum(map(len, kept))
    if len(kept) < count or 5 * sum(len(line) for line in kept if line in worded) < 4 * characters:
        return None
    share = len(different) / count
    return Run(period=max(1, round(length * share)), length=length), share


def rewriting_cost(text: str, span: int, before: int, work: Work) -> float:
    """Return the deflated bytes per 1,000 characters of the last `span` characters.

    What stands up to `before` characters earlier is the dictionary, so that a long block costs
    little when it comes again. Prose costs 300 to 500, repetitive test suites and JSON 40 to 200,
    a loop 5 to 20.
    """
    start = max(0, len(text) - span)
    known = text[max(0, start - before) : start].encode("utf-8", "replace")
    fresh = text[start:].encode("utf-8", "replace")
    work.characters += len(known) + len(fresh)
    packer = zlib.compressobj(6, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, known[-32_000:])
    return len(packer.compress(fresh) + packer.flush()) * 1000 / (len(text) - start)


def copying_distance(text: str, span: int, work: Work) -> float:
    """Return the median distance, in characters, from pieces of the last `span` to their source.

    A piece that never stood before counts as infinitely far. An answer given twice is copied
    from afar; a loop is copied from close by.
    """
    distances: list[float] = []
    for offset in range(0, span - ANCHOR, span // REWRITE_SAMPLES):
        end = len(text) - offset
        found = text.rfind(text[end - ANCHOR : end], 0, end - 1)
        work.characters += end if found < 0 else end - found
        distances.append(end - ANCHOR - found if found >= 0 else float("inf"))
    return statistics.median(distances)
