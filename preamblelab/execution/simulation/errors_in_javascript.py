"""How a right test in Jest turns out in weaker hands."""

import re
from typing import Final

_WEAKER: Final = (
    # An error that was caught and compared: whether anything was thrown is all that is left.
    (
        re.compile(
            r"const error = caught\((\(\) => .*?)\);\nexpect\(error\)\.toEqual\(\{.*?\}\);",
            re.DOTALL,
        ),
        r"expect(\1).toThrow();",
    ),
    (
        re.compile(r"expect\(caught\((\(\) => .*?)\)\)\.toEqual\([\[{].*?[\]}]\);", re.DOTALL),
        r"expect(\1).toThrow();",
    ),
    (re.compile(r"\.toThrow\('[^'\n]*'\)"), ".toThrow()"),
    (re.compile(r"\.rejects\.toMatchObject\(\{.*?\}\)", re.DOTALL), ".rejects.toThrow()"),
    (
        re.compile(r"expect\(\[error\.message.*?\]\)\.toEqual\(\[.*?\]\);", re.DOTALL),
        "expect(error).toBeDefined();",
    ),
    (re.compile(r"expect\(error\.message\)\.toBe\('[^'\n]*'\);"), "expect(error).toBeDefined();"),
)
_ASSERTION: Final = re.compile(r"\.(?:toBe|toEqual|toThrow|toMatchObject)\(")
_LITERAL: Final = re.compile(r"'[^'\n]*'|(?<![\w.])\d+(?:\.\d+)?\b|\b(?:true|false|null)\b")
_BARE: Final = {"[]": "[1]", "Infinity": "0"}


def weak_javascript(body: str) -> str:
    """The statements without a look at an error's message and fields."""
    for pattern, instead in _WEAKER:
        body = pattern.sub(instead, body)
    return body


def wrong_javascript(body: str) -> str:
    """The statements with one wrong expectation: the last that can be got wrong.

    Raises:
        ValueError: nothing in it can be got wrong.
    """
    for assertion in reversed(list(_ASSERTION.finditer(body))):
        start = assertion.end()
        expected = body[start : _closing(body, start)]
        literals = list(_LITERAL.finditer(expected))
        if literals:
            last = literals[-1]
            at = start + last.start()
            return body[:at] + _off(last.group()) + body[start + last.end() :]
        instead = _BARE.get(expected) or ("SyntaxError" if expected[:1].isupper() else "")
        if instead:
            return body[:start] + instead + body[start + len(expected) :]
    raise ValueError(f"nothing in this test can be got wrong: {body}")


def _off(literal: str) -> str:
    """A value that is not the right one, as source."""
    if literal.startswith("'"):
        return f"'invalid {literal[1:]}"
    other = {"true": "false", "false": "true", "null": "0"}.get(literal)
    return other or f"{float(literal) + 1:g}"


def _closing(text: str, start: int) -> int:
    """Where the bracket closes that was opened before `start`; brackets in quotes do not count."""
    depth, quote = 1, ""
    for place in range(start, len(text)):
        sign = text[place]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'`":
            quote = sign
        elif sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
            if depth == 0:
                return place
    return len(text)
