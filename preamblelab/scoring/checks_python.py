"""Python as far as its text shows it: whether it parses, and which names nobody defines.

Nothing is run or imported: a module that does not exist and a wrong value pass unnoticed here.
"""

import ast
import builtins
import warnings
from functools import lru_cache
from typing import Final

LONGEST_CODE: Final = 200_000
"""Characters; a longer block is not parsed, since the time and memory of parsing are not ours."""

_DEEPEST: Final = 90
_BUILT_IN: Final = frozenset(dir(builtins)) | {"__file__", "__name__", "__doc__"}


@lru_cache(maxsize=8)
def parse(code: str) -> ast.Module | str:
    """The module's tree, or what keeps it from being parsed, in one line."""
    if len(code) > LONGEST_CODE:
        return f"longer than {LONGEST_CODE:,} characters: not parsed"
    if _too_deep(code):
        return f"nested deeper than {_DEEPEST} brackets: not parsed"
    try:
        with warnings.catch_warnings():
            # What the parser thinks of somebody's escapes is not for our users to read.
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except SyntaxError as error:
        return f"line {error.lineno or '?'}: {error.msg}"[:200]
    except (ValueError, MemoryError, RecursionError) as error:
        return f"{type(error).__name__} while parsing"


def _too_deep(code: str) -> bool:
    """Whether brackets or indentation nest deeper than people write; counts, does not parse."""
    depth = 0
    for sign in code:
        if sign in "([{":
            depth += 1
            if depth > _DEEPEST:
                return True
        elif sign in ")]}" and depth:
            depth -= 1
    return False


def undefined_names(tree: ast.Module) -> tuple[str, ...]:
    """Names that are read somewhere in the module and bound nowhere in it, sorted.

    Scopes are not told apart, so a name that is bound in another function counts as bound.
    """
    bound: set[str] = set()
    used: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                used.add(name)
            case ast.Name(id=name):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                bound.add(name)
            case ast.ClassDef(name=name):
                bound.add(name)
            case ast.arg(arg=name):
                bound.add(name)
            case ast.alias(name=module, asname=given):
                if module == "*":
                    return ()
                bound.add(given or module.partition(".")[0])
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                bound.add(name)
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                bound.add(name)
            case _:
                pass
    return tuple(sorted(used - bound - _BUILT_IN))


def identifiers(tree: ast.Module) -> tuple[str, ...]:
    """Names that the module gives: functions, classes, parameters, variables; each once."""
    names: dict[str, None] = {}
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names[name] = None
            case ast.ClassDef(name=name) | ast.arg(arg=name):
                names[name] = None
            case ast.Name(id=name, ctx=ast.Store()):
                names[name] = None
            case _:
                pass
    return tuple(names)


def functions(tree: ast.Module) -> tuple[ast.FunctionDef | ast.AsyncFunctionDef, ...]:
    """Functions of the module and methods of its classes, in the order of their lines."""
    found: list[ast.FunctionDef | ast.AsyncFunctionDef] = []
    waiting: list[ast.stmt] = list(reversed(tree.body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(node)
        elif isinstance(node, ast.ClassDef):
            waiting.extend(reversed(node.body))
    return tuple(found)
