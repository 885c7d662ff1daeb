"""How a right test in Python turns out in weaker hands."""

import ast
import re
from typing import Final

_MATCH: Final = re.compile(r', match="[^"\n]*"')


def weak_python(body: str) -> str:
    """The statements without a look at an error's message and fields.

    Where nothing else is asserted, what is left still demands the error.
    """
    lines = body.split("\n")
    for node in reversed(ast.parse(body).body):
        segment = ast.get_source_segment(body, node) or ""
        if isinstance(node, ast.Assert) and "caught.value" in segment:
            del lines[node.lineno - 1 : node.end_lineno]
    return _MATCH.sub("", "\n".join(lines)).replace(" as caught", "")


def wrong_python(body: str) -> str:
    """The statements with one wrong expectation: the last that can be got wrong.

    Raises:
        ValueError: nothing in it can be got wrong.
    """
    tree = ast.parse(body)
    asserts = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    for asserted in sorted(asserts, key=lambda each: -each.lineno):
        if isinstance(asserted.test, ast.Compare):
            expected = asserted.test.comparators[-1]
            constants = [each for each in ast.walk(expected) if isinstance(each, ast.Constant)]
            if constants:
                last = max(constants, key=lambda each: (each.lineno, each.col_offset))
                return _replaced(body, last, _off(last.value))
            if isinstance(expected, ast.List):
                return _replaced(body, expected, "[None]")
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "match":
            assert isinstance(node.value, ast.Constant)
            return _replaced(body, node.value, _off(node.value.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.raises":
            return _replaced(body, node.args[0], "KeyError")
    raise ValueError(f"nothing in this test can be got wrong: {body}")


def _off(value: object) -> str:
    """A value that is not the right one, as source."""
    match value:
        case bool():
            return repr(not value)
        case int() | float():
            return repr(value + 1)
        case str():
            return f'"invalid {value}"'
        case _:
            return "0"


def _replaced(body: str, node: ast.expr, instead: str) -> str:
    lines = body.split("\n")
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    # Columns count bytes; the tests of golden answers are ASCII, or this would be noticed.
    before = "\n".join([*lines[: node.lineno - 1], lines[node.lineno - 1][: node.col_offset]])
    after = [lines[node.end_lineno - 1][node.end_col_offset :], *lines[node.end_lineno :]]
    return before + instead + "\n".join(after)
