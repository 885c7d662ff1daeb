"""Which lines of a file a change touched, and in which function they lie."""

import ast
import difflib
from typing import NamedTuple


class Lines(NamedTuple):
    """Lines of a text, counted from 1, both ends included."""

    first: int
    last: int


def touched(before: str, after: str) -> list[Lines]:
    """The lines of `before` that are changed or deleted; of an insertion, the lines around it."""
    old, new = before.splitlines(), after.splitlines()
    found = []
    for kind, first, last, _, _ in difflib.SequenceMatcher(
        a=old, b=new, autojunk=False
    ).get_opcodes():
        if kind == "equal":
            continue
        if kind == "insert":
            found.append(Lines(max(first, 1), min(first + 1, max(len(old), 1))))
        else:
            found.append(Lines(first + 1, last))
    return found


def numbered(text: str, shown: Lines) -> str:
    """A part of a text, each line under its number."""
    lines = text.splitlines()
    width = len(str(shown.last))
    return "\n".join(
        f"{number:>{width}} | {lines[number - 1]}" for number in range(shown.first, shown.last + 1)
    )


def window(text: str, places: list[Lines], *, most: int) -> Lines | None:
    """At most so many lines of a text that hold all the places; None where they lie too far apart.

    The places are not in its middle: where they lie in the file decides where they lie in it.
    """
    count = len(text.splitlines())
    first, last = min(place.first for place in places), max(place.last for place in places)
    if last - first >= most:
        return None
    if count <= most:
        return Lines(1, count)
    room = most - (last - first + 1)
    before = round(room * (first - 1) / (count - (last - first)))
    start = max(1, first - before)
    return Lines(start, min(count, start + most - 1))


def functions_at(source: str, places: list[Lines]) -> set[str]:
    """The innermost Python functions around the places, `Class.method` for methods.

    Raises:
        SyntaxError: this is no Python.
    """
    spans = python_functions(source)
    found = set()
    for place in places:
        around = [
            (span.last - span.first, name)
            for name, span in spans.items()
            if span.first <= place.first and place.last <= span.last
        ]
        found.add(min(around)[1] if around else "")
    return found


def python_functions(source: str) -> dict[str, Lines]:
    """Every function of a Python source by its dotted name, with its lines.

    Raises:
        SyntaxError: this is no Python.
    """
    found: dict[str, Lines] = {}

    def walk(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{prefix}{child.name}"
                found[name] = Lines(child.lineno, child.end_lineno or child.lineno)
                walk(child, f"{name}.")
            elif isinstance(child, ast.ClassDef):
                walk(child, f"{prefix}{child.name}.")
            else:
                walk(child, prefix)

    try:
        walk(ast.parse(source), "")
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error)) from None
    return found
