"""Small named repairs of Python tests; none of them touches what a test asserts."""

import ast
import re
import sys
import textwrap
from collections.abc import Iterator
from typing import Final

from preamblelab.scoring.checks_python import parse, undefined_names
from preamblelab.scoring.evidence.protocol import Repaired

INDENTATION: Final = "indentation of the whole"
CUT_OFF: Final = "cut-off end"
DROPPED: Final = "one test dropped"
MODULE_PATH: Final = "module path"
MISSING_IMPORT: Final = "import added"

_STARTS: Final = re.compile(r"^(?: {4}|\t)?(?:@\w|(?:async )?def |class )")
_TEST_STARTS: Final = re.compile(r"^\s*(?:async )?def test")
_MOST_PIECES: Final = 80
_USUAL: Final = ("pytest", "asyncio", "math", "re", "json", "unittest", "datetime", "itertools")
"""Modules that are imported when a test speaks of them and nobody imported them."""
_AVAILABLE: Final = frozenset({"pytest", "pytest_asyncio", "pytest_mock"}) | sys.stdlib_module_names


def repair(code: str, module: str, text: str, files: tuple[str, ...] = ()) -> Repaired:
    """The code after the repairs that it needs.

    Args:
        code: tests that may not parse, and may import the module by another name.
        module: the module's file, `parcel.py`.
        text: the right module.
        files: names of the other files that lie beside it.
    """
    repairs: list[str] = []
    if isinstance(parse(code), str):
        code, found = _parsing(code)
        repairs += found
    tree = parse(code)
    if isinstance(tree, str):
        return Repaired(code=code, repairs=tuple(repairs))
    name = module.removesuffix(".py").replace("/", ".")
    own = names_of(text)
    known = _AVAILABLE | {name, name.rpartition(".")[2]}
    known |= {each.removesuffix(".py").replace("/", ".") for each in files}
    moved = _with_module_path(code, tree, name, own, known)
    if moved != code:
        code = moved
        repairs.append(MODULE_PATH)
        tree = parse(code)
        assert isinstance(tree, ast.Module)
    missing = _missing_imports(tree, name, own)
    if missing:
        code = _after_future("\n".join(missing), code, tree)
        repairs.append(MISSING_IMPORT)
    return Repaired(code=code, repairs=tuple(repairs))


def repair_frame(code: str) -> Repaired:
    """The code after the repairs that need to know nothing of a module: for code, not tests."""
    dedented = textwrap.dedent(code)
    if isinstance(parse(code), str) and not isinstance(parse(dedented), str):
        return Repaired(code=dedented, repairs=(INDENTATION,))
    return Repaired(code=code)


def names_of(module: str) -> frozenset[str]:
    """Names that a module defines at its top: functions, classes, constants; no imports."""
    tree = parse(module)
    if isinstance(tree, str):
        return frozenset()
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {each.id for each in targets if isinstance(each, ast.Name)}
    return frozenset(names)


def _parsing(code: str) -> tuple[str, list[str]]:
    """The code with what keeps it from being parsed taken away, if little is enough."""
    dedented = textwrap.dedent(code)
    if dedented != code and not isinstance(parse(dedented), str):
        return dedented, [INDENTATION]
    lines = code.split("\n")
    starts = [number for number, line in enumerate(lines) if _STARTS.match(line)]
    starts = _with_decorators(lines, starts)[-_MOST_PIECES:]
    if not starts:
        return code, []
    ends = [*starts[1:], len(lines)]
    pieces = [
        (start, end)
        for start, end in zip(starts, ends, strict=True)
        if any(_TEST_STARTS.match(line) for line in lines[start:end])
    ]
    for start, end in reversed(pieces):
        rest = "\n".join([*lines[:start], *lines[end:]])
        if not isinstance(parse(rest), str):
            return rest, [CUT_OFF if end == len(lines) else DROPPED]
    return code, []


def _with_decorators(lines: list[str], starts: list[int]) -> list[int]:
    """Beginnings of pieces: decorators belong to the function below them."""
    return [
        start
        for place, start in enumerate(starts)
        if not (
            place > 0
            and starts[place - 1] == start - 1
            and lines[start - 1].lstrip().startswith("@")
        )
    ]


def _with_module_path(
    code: str, tree: ast.Module, name: str, own: frozenset[str], known: frozenset[str]
) -> str:
    """Imports of the module's names from somewhere else lead to the module."""
    lines = code.split("\n")
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            strange = node.level > 0 or (node.module or "").partition(".")[0] not in known
            wanted = {alias.name for alias in node.names}
            if strange and wanted and (wanted <= own or wanted == {"*"}):
                names = ", ".join(map(ast.unparse, node.names))
                _replace(lines, node, f"from {name} import {names}")
            elif strange and wanted == {name.rpartition(".")[2]}:
                alias = node.names[0].asname or node.names[0].name
                _replace(lines, node, f"import {name} as {alias}")
        elif isinstance(node, ast.Import) and len(node.names) == 1:
            only = node.names[0]
            called = only.asname or only.name
            if only.name.partition(".")[0] not in known and _read_of(tree, called) & own:
                if "." in called:
                    continue
                _replace(lines, node, f"import {name} as {called}")
    return "\n".join(lines)


def _read_of(tree: ast.Module, name: str) -> set[str]:
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    }


def _replace(lines: list[str], node: ast.stmt, text: str) -> None:
    """Put a statement in the place of another; the number of lines stays."""
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    lines[first] = lines[first][: node.col_offset] + text
    for number in range(first + 1, last + 1):
        lines[number] = ""


def _missing_imports(tree: ast.Module, name: str, own: frozenset[str]) -> list[str]:
    undefined = undefined_names(tree)
    wanted = sorted(set(undefined) & own)
    made = [f"import {each}" for each in _USUAL if each in undefined]
    short = name.rpartition(".")[2]
    if short in undefined:
        made.append(f"import {name} as {short}")
    if wanted:
        made.append(f"from {name} import {', '.join(wanted)}")
    return made


def _after_future(imports: str, code: str, tree: ast.Module) -> str:
    last = 0
    for node in _head(tree):
        last = node.end_lineno or node.lineno
    lines = code.split("\n")
    return "\n".join([*lines[:last], imports, *lines[last:]])


def _head(tree: ast.Module) -> Iterator[ast.stmt]:
    for place, node in enumerate(tree.body):
        docstring = (
            place == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        )
        if docstring or (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            yield node
        else:
            return
