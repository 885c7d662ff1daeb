"""JSON in the strict sense: no key twice, no NaN, no depth without end."""

import json
from collections import Counter
from typing import Any, Final

DEEPEST: Final = 64
"""Objects and lists inside one another; deeper ones are an attack."""
_OPENERS: Final = ("```json", "```JSON", "```Json", "```jsonc", "```")


class NotJsonError(ValueError):
    """A text that is no JSON in the strict sense; the message says why."""


def parse_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        NotJsonError: it is none.
    """
    if _depth(text) > DEEPEST:
        raise NotJsonError(f"deeper than {DEEPEST} levels")
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except NotJsonError:
        raise
    except ValueError as error:
        raise NotJsonError(str(error)) from None


def unfenced(text: str) -> str:
    """A text without the one fence that stands around all of it."""
    inner = text.strip()
    for opener in _OPENERS:
        if inner.startswith(opener) and inner.endswith("```") and len(inner) >= len(opener) + 3:
            return inner[len(opener) : -3].strip()
    return inner


def last_json(text: str) -> str | None:
    """The last object or list of a text that stands by itself, brackets balanced; or None."""
    end = len(text)
    for _ in range(20):
        end = max(text.rfind("}", 0, end), text.rfind("]", 0, end))
        if end < 0:
            return None
        start = _opening(text, end)
        if start is not None:
            return text[start : end + 1]
    return None


def _opening(text: str, end: int) -> int | None:
    """Where the bracket that closes at `end` opens; brackets within strings do not count."""
    stack: list[tuple[str, int]] = []
    outermost: int | None = None
    in_string = False
    place = 0
    while place <= end:
        letter = text[place]
        if in_string:
            # A JSON string ends in its line: a lone quotation mark in prose opens none for long.
            if letter == "\\":
                place += 1
            elif letter in '"\n':
                in_string = False
        elif letter == '"':
            in_string = bool(stack)
        elif letter in "{[":
            stack.append((letter, place))
        elif letter in "}]":
            wanted = "{" if letter == "}" else "["
            while stack and stack[-1][0] != wanted:
                stack.pop()
            outermost = stack.pop()[1] if stack else None
        place += 1
    return outermost


def _depth(text: str) -> int:
    """How deep brackets go outside strings; found without recursion."""
    depth = deepest = 0
    in_string = escaped = False
    for letter in text:
        if in_string:
            if escaped:
                escaped = False
            elif letter == "\\":
                escaped = True
            elif letter == '"':
                in_string = False
        elif letter == '"':
            in_string = True
        elif letter in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "}]":
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        double = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise NotJsonError(f"the key '{double[:60]}' stands there twice")
    return fields


def _constant(name: str) -> Any:
    raise NotJsonError(f"{name} is no JSON")
