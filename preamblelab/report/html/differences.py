"""Two texts side by side, line against line, with what differs marked."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final, NamedTuple

from preamblelab.report.markup import Markup, element, foreign, joined

MOST_LINES: Final = 400
"""Lines of each text that are compared; a page that shows more is read by nobody."""
MOST_CHARACTERS: Final = 12_000
_ALIKE: Final = 0.5
"""From this share of equal words on, single words are marked and not the whole line."""
_WORDS: Final = re.compile(r"\w+|\s+|[^\w\s]")


class Line(NamedTuple):
    """One row: a line of each text, or None where only the other has one."""

    left: str | None
    right: str | None
    same: bool


def shortened(words: str) -> tuple[str, int]:
    """The beginning of a text that a page shows, and how many characters it leaves out."""
    kept = words[:MOST_CHARACTERS]
    lines = kept.split("\n")
    if len(lines) > MOST_LINES:
        kept = "\n".join(lines[:MOST_LINES])
    return kept, len(words) - len(kept)


def side_by_side(left: str, right: str, names: tuple[str, str]) -> Markup:
    """A table with a line of each text in each row; what only one has is `del` or `ins`.

    Args:
        left: one text, as a model wrote it.
        right: the other.
        names: what the columns are called.
    """
    (one, lost_one), (two, lost_two) = shortened(left), shortened(right)
    rows = [_row(each) for each in aligned(one, two)]
    for lost, side in ((lost_one, names[0]), (lost_two, names[1])):
        if lost:
            told = f"{lost:,} more characters of “{side}” are in the store."
            rows.append(element("tr", element("td", told, colspan=2, class_="cut")))
    head = element("tr", (element("th", name, scope="col") for name in names))
    return element(
        "table",
        element("caption", said_of(left, right), class_="quiet"),
        element("thead", head),
        element("tbody", rows),
        class_="diff",
    )


def said_of(left: str, right: str) -> str:
    """How far two texts are alike, in words."""
    if left == right:
        return "Both answers are one text, byte for byte."
    same = 0
    for same, (one, two) in enumerate(zip(left, right, strict=False)):  # noqa: B007
        if one != two:
            break
    begin = f" Their first {same:,} characters are the same." if same >= 100 else ""
    return f"{len(left):,} and {len(right):,} characters.{begin}"


def aligned(left: str, right: str) -> Iterator[Line]:
    """Lines of both texts, equal ones beside each other."""
    one, two = left.split("\n"), right.split("\n")
    for kind, a, b, c, d in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from (Line(each, each, same=True) for each in one[a:b])
            continue
        for step in range(max(b - a, d - c)):
            yield Line(
                one[a + step] if a + step < b else None,
                two[c + step] if c + step < d else None,
                same=False,
            )


def _row(line: Line) -> Markup:
    if line.same:
        cells = (element("td", foreign(line.left or "")), element("td", foreign(line.right or "")))
        return element("tr", cells)
    if line.left is None or line.right is None:
        return element("tr", _side(line.left, "del"), _side(line.right, "ins"))
    one, two = _WORDS.findall(line.left), _WORDS.findall(line.right)
    matcher = SequenceMatcher(None, one, two, autojunk=False)
    if len(one) + len(two) > 800 or matcher.ratio() < _ALIKE:
        return element("tr", _side(line.left, "del"), _side(line.right, "ins"))
    first: list[Markup] = []
    second: list[Markup] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        before, after = foreign("".join(one[a:b])), foreign("".join(two[c:d]))
        same = kind == "equal"
        first.append(before if same or a == b else element("del", before))
        second.append(after if same or c == d else element("ins", after))
    return element(
        "tr",
        element("td", joined(first), class_="near"),
        element("td", joined(second), class_="near"),
    )


def _side(words: str | None, tag: str) -> Markup:
    if words is None:
        return element("td", class_="gap")
    if not words.strip():
        return element("td", foreign(words))
    return element("td", element(tag, foreign(words)), class_="far")
