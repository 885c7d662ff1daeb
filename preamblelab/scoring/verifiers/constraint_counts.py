"""What constraints count in a text: words, sentences, bullets ... each in linear time."""

import re
from typing import Final

_WORD: Final = re.compile(r"\w+")
_TOKEN: Final = re.compile(r"\w+(?:[-.'’]\w+)*\.?")
_SENTENCE_END: Final = re.compile(r"[.!?…。！？]+[)\]\"'”’»*_]*(?=\s|$)")
_ABBREVIATIONS: Final = frozenset({
    "mr", "mrs", "ms", "dr", "prof", "rev", "st", "sr", "jr", "vs", "etc", "inc", "ltd", "co",
    "corp", "dept", "est", "fig", "gen", "gov", "hon", "no", "vol", "jan", "feb", "mar", "apr",
    "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "e.g", "i.e", "a.m", "p.m", "u.s",
    "u.k", "u.n", "ph.d", "m.d", "b.a", "d.c",
})  # fmt: skip
_LONGEST_ABBREVIATION: Final = 12


def words(text: str) -> int:
    """Runs of letters, digits and underscores, as IFEval counts them."""
    return sum(1 for _ in _WORD.finditer(text))


def sentences(text: str) -> int:
    """Sentences: what ends with a full stop, `!` or `?`, and a rest without one.

    A full stop ends none after an abbreviation, an initial or the number of a list item, nor
    before a small letter in a text that begins sentences with capital ones.
    """
    count, start = 0, 0
    capitals = not text.islower()
    for end in _SENTENCE_END.finditer(text):
        if _ends(text, start, end, capitals=capitals):
            count += 1
            start = end.end()
    return count + bool(text[start:].strip())


def _ends(text: str, start: int, end: re.Match[str], *, capitals: bool) -> bool:
    """Whether punctuation ends a sentence that began at `start`."""
    if not any(letter.isalnum() for letter in text[max(start, end.start() - 200) : end.start()]):
        return False
    if end.group()[0] not in ".…" or {"!", "?"} & set(end.group()):
        return True
    following = _next_letter(text, end.end())
    before = text[max(start, end.start() - _LONGEST_ABBREVIATION) : end.start()].split()
    last = before[-1].lstrip("(\"'“‘*_[") if before else ""
    abbreviated = (
        last.casefold() in _ABBREVIATIONS
        or (len(last) == 1 and last.isalpha() and last.isupper() and last != "I")
        or (last.isdigit() and _opens_line(text, end.start(), last))
    )
    return not abbreviated and not (capitals and following.islower())


def _next_letter(text: str, place: int) -> str:
    while place < len(text) and text[place].isspace():
        place += 1
    return text[place : place + 1]


def _opens_line(text: str, end: int, last: str) -> bool:
    begin = end - len(last)
    line_start = text.rfind("\n", 0, begin) + 1
    return not text[line_start:begin].strip(" \t*_#>-")


def bullets(text: str) -> int:
    """Lines that open with `-`, or with `*` and something else behind it."""
    lines = [line.lstrip() for line in text.split("\n")]
    return sum(
        line.startswith("-") or (line.startswith("*") and line[1:2] not in {"", "*"})
        for line in lines
    )


def capital_words(text: str) -> int:
    """Words with a letter and without any small one; what a hyphen or a dot joins is one word."""
    return sum(1 for token in _TOKEN.finditer(text) if token.group().isupper())


def highlights(text: str) -> int:
    """Pieces `*so*` or `**so**` within a line.

    As in IFEval, `**so**` counts on its own beside the single-starred pieces that a reader going
    from star to star meets.
    """
    single = re.findall(r"\*[^\n*]*\*", text)
    double = re.findall(r"\*\*[^\n*]*\*\*", text)
    return sum(bool(each.strip("*").strip()) for each in (*single, *double))


def placeholders(text: str) -> int:
    """Pieces `[so]` within a line."""
    count = 0
    for line in text.split("\n"):
        place = 0
        while (opened := line.find("[", place)) >= 0:
            closed = line.find("]", opened)
            if closed < 0:
                break
            count += 1
            place = closed + 1
    return count


def paragraphs(text: str, separator: str) -> int | None:
    """Parts between separators, blank ones at the ends aside; None when one inside is blank."""
    parts = [part.strip() for part in text.split(separator)]
    if not separator.strip():
        # Blank lines: several in a row separate no more than one does.
        return sum(bool(part) for part in parts)
    if not all(parts[1:-1]):
        return None
    return sum(bool(part) for part in parts)


def has_title(text: str) -> bool:
    """Whether a line holds a text in `<<these>>`."""
    for line in text.split("\n"):
        opened = line.find("<<")
        closed = line.rfind(">>")
        if opened >= 0 and closed > opened + 1 and line[opened:closed].lstrip("<").strip(" >"):
            return True
    return False
