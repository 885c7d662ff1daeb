"""JavaScript as far as its text shows it: brackets, strings and comments, no grammar, no engine.

It notices what is cut off, unbalanced or unterminated, and an `await` in a test that is not async.
It does not notice a wrong statement with balanced brackets, an unknown name or a missing module:
only running the code shows those.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_PAIRS: Final[Mapping[str, str]] = {")": "(", "]": "[", "}": "{"}
_STOPS: Final = re.compile(r"[\"'`/()\[\]{}]")
_STRING_STOPS: Final[Mapping[str, re.Pattern[str]]] = {
    '"': re.compile(r'[\\"\n]'),
    "'": re.compile(r"[\\'\n]"),
    "`": re.compile(r"[\\`]|\$\{"),
    "/": re.compile(r"[\\/\n\[\]]"),
}
_BEFORE_REGEX: Final = frozenset("(,=:[!&|?{};+-*%~^<>")
_WORDS_BEFORE_REGEX: Final = ("return", "typeof", "case", "in", "of", "void", "throw", "await")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A JavaScript text with its strings and comments told apart from its code."""

    source: str
    bare: str
    """The same length as the source; strings and comments blanked."""
    closing: Mapping[int, int]
    """Place of each opening bracket to the place of its closing one."""
    faults: tuple[str, ...]
    """What keeps it from being parsed, as far as brackets and quotes show it."""


@lru_cache(maxsize=8)
def scan(source: str) -> Script:
    """The script's brackets, strings and comments; total, and linear in its length."""
    return _Scanner(source).run()


class _Scanner:
    """One pass over a text; each state jumps to the next character that matters to it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.hidden: list[tuple[int, int]] = []
        self.closing: dict[int, int] = {}
        self.open: list[tuple[str, int]] = []
        self.faults: list[str] = []

    def run(self) -> Script:
        place = 0
        while (stop := _STOPS.search(self.source, place)) is not None:
            place = self._at(stop.group(), stop.start())
        for sign, start in self.open[:3]:
            self._fault(f"'{'${' if sign == '$' else sign}' is never closed", start)
        return Script(
            source=self.source,
            bare=_blank(self.source, self.hidden),
            closing=self.closing,
            faults=tuple(self.faults),
        )

    def _at(self, sign: str, place: int) -> int:
        """Deal with one sign; the place to go on from."""
        if sign in "\"'`":
            return self._string(sign, place, place + 1)
        if sign == "/":
            return self._slash(place)
        if sign in "([{":
            self.open.append((sign, place))
            return place + 1
        return self._close(sign, place)

    def _close(self, sign: str, place: int) -> int:
        if sign == "}" and self.open and self.open[-1][0] == "$":
            # The end of ${...}: back into the template around it.
            self.open.pop()
            return self._string("`", place, place + 1)
        if self.open and self.open[-1][0] == _PAIRS[sign]:
            self.closing[self.open.pop()[1]] = place
        else:
            self._fault(f"'{sign}' closes nothing", place)
        return place + 1

    def _string(self, quote: str, start: int, place: int) -> int:
        """Jump over a string or a template; one that does not end ends with its line."""
        stops = _STRING_STOPS[quote]
        while (stop := stops.search(self.source, place)) is not None:
            sign, place = stop.group(), stop.end()
            if sign == "\\":
                place += 1
            elif sign == "${":
                self.hidden.append((start, place))
                self.open.append(("$", stop.start()))
                return place
            elif sign == "\n":
                self._fault("a string does not end", start)
                self.hidden.append((start, stop.start()))
                return stop.start()
            else:
                self.hidden.append((start, place))
                return place
        self._fault("a string does not end", start)
        self.hidden.append((start, len(self.source)))
        return len(self.source)

    def _slash(self, place: int) -> int:
        following = self.source[place + 1 : place + 2]
        if following == "/":
            end = self.source.find("\n", place)
            end = len(self.source) if end < 0 else end
            self.hidden.append((place, end))
            return end
        if following == "*":
            end = self.source.find("*/", place + 2)
            if end < 0:
                self._fault("a comment does not end", place)
                end = len(self.source)
            self.hidden.append((place, end + 2))
            return end + 2
        return self._regex(place) if self._begins_regex(place) else place + 1

    def _begins_regex(self, place: int) -> bool:
        """Whether a slash begins a regular expression, by what stands before it on its line."""
        before = self.source[max(0, place - 40) : place].rstrip()
        if not before or before[-1] in _BEFORE_REGEX:
            return True
        word = re.search(r"[A-Za-z]{1,10}$", before)
        return word is not None and word.group() in _WORDS_BEFORE_REGEX

    def _regex(self, start: int) -> int:
        place, in_class = start + 1, False
        while (stop := _STRING_STOPS["/"].search(self.source, place)) is not None:
            sign, place = stop.group(), stop.end()
            if sign == "\\":
                place += 1
            elif sign == "\n":
                break
            elif sign in "[]":
                in_class = sign == "["
            elif not in_class:
                self.hidden.append((start, place))
                return place
        # Not a regular expression after all: the slash was a division.
        return start + 1

    def _fault(self, what: str, place: int) -> None:
        if len(self.faults) < 5:
            self.faults.append(f"line {self.source.count(chr(10), 0, place) + 1}: {what}")


def _blank(source: str, hidden: list[tuple[int, int]]) -> str:
    """The source with the hidden stretches replaced by blanks, line ends kept."""
    pieces, place = [], 0
    for start, end in hidden:
        if start < place:
            continue
        pieces.append(source[place:start])
        pieces.append("\n".join(" " * len(line) for line in source[start:end].split("\n")))
        place = min(end, len(source))
    pieces.append(source[place:])
    return "".join(pieces)
