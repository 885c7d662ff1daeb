"""The tests in an answer's code, one record each, whether the code parses or not."""

import ast
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from preamblelab.scoring.checks_javascript import Script, scan
from preamblelab.scoring.checks_python import functions, parse
from preamblelab.scoring.checks_reading import Reading

_JS_CALL: Final = re.compile(r"\b(?:it|test)(?:\.(?:only|concurrent|failing))?(\.each)?\s*(?=\()")
_PY_DEF: Final = re.compile(r"^([ \t]*)(?:async[ \t]+)?def[ \t]+(test\w*)[ \t]*\(", re.MULTILINE)
_PY_NEXT: Final = re.compile(r"^[ \t]*(?:@|class |(?:async )?def )", re.MULTILINE)

_PY_ASSERT: Final = re.compile(
    r"\bassert\b(?! *(?:True|1|not False)\b *$)|\braises\(|\.assert\w+\(",
    re.MULTILINE,
)
_PY_ERROR: Final = re.compile(r"\braises\(|\.assertRaises\w*\(|\bexcept\b")
_PY_MESSAGE: Final = re.compile(
    r"\bmatch *=|\.assertRaisesRegex\(|\bstr\( *\w+(?:\.value)?"
    r"|\.value\.\w+|\.exception\.\w+|\.args\b"
)
_JS_ASSERT: Final = re.compile(r"\bexpect(?:\.\w+)?\((?! *(?:true|false|1) *\))|\bassert\b")
_JS_ERROR: Final = re.compile(r"\.toThrow\w*\(|\.rejects\b|\bcatch\b|\.throws\(|assert\.rejects")
_JS_MESSAGE: Final = re.compile(
    r"\.toThrow\w*\( *[\"'`/]|\.message\b|\bmessage:|\.field\b|\bfield:|toHaveProperty|ContainEqual"
)
_PARAMETRISED: Final = re.compile(r"parametrize\(")


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCase:
    """One test as its text shows it."""

    __test__ = False

    name: str
    """What it says it tests."""
    source: str
    """Its text, name and decorators with it."""
    body: str
    """Its statements without blanks: equal bodies are one test, whatever their names."""
    count: int
    """Cases it stands for: the rows of its table, else 1."""
    asserts: bool
    """Whether it asserts anything but a constant."""
    error: bool
    """Whether it provokes an error."""
    message: bool
    """Whether it looks at the message or the fields of that error."""


def cases(reading: Reading, language: str) -> tuple[TestCase, ...]:
    """All tests of an answer, repeated and empty ones too, in order."""
    found: list[TestCase] = []
    for block in reading.blocks:
        found.extend(_python(block.code) if language == "python" else _javascript(block.code))
    return tuple(found)


def distinct(tests: tuple[TestCase, ...]) -> tuple[TestCase, ...]:
    """The tests that assert something, each body once."""
    bodies = {test.body: test for test in reversed(tests) if test.asserts}
    return tuple(reversed(bodies.values()))


@lru_cache(maxsize=8)
def _python(code: str) -> tuple[TestCase, ...]:
    tree = parse(code)
    if isinstance(tree, str):
        return _python_by_lines(code)
    lines = code.split("\n")
    found = []
    for node in functions(tree):
        if not node.name.startswith("test"):
            continue
        first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
        begin = node.body[0]
        if _is_docstring(begin) and len(node.body) > 1:
            begin = node.body[1]
        head, last = lines[begin.lineno - 1 : node.end_lineno], node.end_lineno
        source = "\n".join(lines[first - 1 : last])
        rows = sum(_rows(mark) for mark in node.decorator_list)
        marks = "\n".join(lines[first - 1 : node.lineno - 1])
        # One line can hold the whole test; then the body begins within it.
        text = "\n".join(head)[begin.col_offset if begin.lineno == node.lineno else 0 :]
        found.append(_python_case(node.name, source, marks + text, max(rows, 1)))
    return tuple(found)


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _rows(decorator: ast.expr) -> int:
    """Rows of a `parametrize` decorator whose table stands in the code; else 0."""
    match decorator:
        case ast.Call(
            func=ast.Attribute(attr="parametrize"),
            args=[_, ast.List(elts=rows) | ast.Tuple(elts=rows), *_],
        ):
            return len(rows)
    return 0


def _python_by_lines(code: str) -> tuple[TestCase, ...]:
    """Tests of code that does not parse: from each `def test...` to the next definition."""
    found = []
    for match in _PY_DEF.finditer(code):
        following = _PY_NEXT.search(code, match.end())
        source = code[match.start() : following.start() if following else len(code)]
        body = source.partition("\n")[2]
        found.append(_python_case(match[2], source, body, 1))
    return tuple(found)


def _python_case(name: str, source: str, body: str, count: int) -> TestCase:
    return TestCase(
        name=name,
        source=source,
        body=_without_blanks(body),
        count=count,
        asserts=_PY_ASSERT.search(body) is not None,
        error=_PY_ERROR.search(source) is not None,
        message=_PY_MESSAGE.search(source) is not None,
    )


@lru_cache(maxsize=8)
def _javascript(code: str) -> tuple[TestCase, ...]:
    script = scan(code)
    starts = list(_JS_CALL.finditer(script.bare))
    found: list[TestCase] = []
    past = 0
    for number, match in enumerate(starts):
        if match.start() < past:
            # A test within a test is part of the outer one.
            continue
        limit = starts[number + 1].start() if number + 1 < len(starts) else len(code)
        opening = match.end()
        count = 1
        if match[1]:
            table_end = script.closing.get(opening, limit)
            count = max(1, _elements(script, opening + 1, table_end))
            opening = script.bare.find("(", table_end + 1)
        end = past = script.closing.get(opening, limit)
        found.append(_javascript_case(script, opening, end, count))
    return tuple(found)


def _javascript_case(script: Script, opening: int, end: int, count: int) -> TestCase:
    source = script.source[opening + 1 : end] if opening >= 0 else ""
    bare = script.bare[opening + 1 : end] if opening >= 0 else ""
    name = _first_string(source)
    body = source.lstrip()[len(name) + 2 :] if name else source
    return TestCase(
        name=name,
        source=source,
        body=_without_blanks(_without_comments(body)),
        count=count,
        asserts=_JS_ASSERT.search(bare) is not None,
        error=_JS_ERROR.search(bare) is not None,
        message=_JS_MESSAGE.search(source) is not None,
    )


def _elements(script: Script, start: int, end: int) -> int:
    """Elements of the array that begins in a stretch of code; 0 when none does."""
    opening = script.bare.find("[", start, end)
    if opening < 0:
        return 0
    last = script.closing.get(opening, end)
    commas, place = 0, opening + 1
    while place < last:
        sign = script.bare[place]
        if sign in "([{" and place in script.closing:
            place = script.closing[place]
        commas += sign == ","
        place += 1
    tail = script.source[opening + 1 : last].rstrip()
    return commas + (bool(tail) and not tail.endswith(","))


def _first_string(source: str) -> str:
    """What stands in the quotes with which a stretch of code begins."""
    head = source.lstrip()[:300]
    if head[:1] not in {"'", '"', "`"}:
        return ""
    end = head.find(head[0], 1)
    return head[1:end] if end > 0 else head[1:]


def _without_comments(source: str) -> str:
    kept = (line for line in source.split("\n") if not line.lstrip().startswith("//"))
    return "\n".join(kept)


def _without_blanks(source: str) -> str:
    return "".join(source.split())
