"""What the text of Python tests shows: assertions, copies, and what replaces the module."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from preamblelab.scoring.evidence.protocol import TestFacts

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_PATCHERS: Final = frozenset({"patch", "setattr", "delattr", "object", "dict", "multiple", "spy"})
_RAISERS: Final = frozenset({"raises", "assertRaises", "assertRaisesRegex"})
_FAILERS: Final = frozenset({"fail"})
_OWN_OF_EXCEPTIONS: Final = frozenset({"args", "with_traceback", "add_note"})


@dataclass(slots=True)
class _Suite:
    """Names of a suite that matter to each of its tests."""

    helpers: Mapping[str, Function]
    modules: set[str] = field(default_factory=set)
    """Names under which the module is imported."""
    members: set[str] = field(default_factory=set)
    """Names that are imported from it."""
    paths: tuple[str, ...] = ()
    """What the module is called where its name is a text: `parcel`."""
    own: frozenset[str] = frozenset()
    """What the module defines itself: to replace what it imports is fair."""


def facts(tree: ast.Module, module: str, own: frozenset[str]) -> dict[str, TestFacts]:
    """Facts by the tests' names as pytest gives them, without parameters.

    Args:
        tree: the suite.
        module: the file's name of the module under test.
        own: names that the module defines.
    """
    suite = _suite(tree, module, own)
    everywhere = any(
        _replaces(node, suite)
        for node in tree.body
        if not isinstance(node, Function | ast.ClassDef)
    ) or any(_replaces(each, suite) for each in _fixtures_for_all(tree))
    found: dict[str, TestFacts] = {}
    bodies: dict[str, str] = {}
    for name, function in _tests(tree):
        body = _body(function)
        first = bodies.setdefault(body, name)
        counted = _Counted(suite).of(function)
        found[name] = TestFacts(
            assertions=counted.assertions,
            duplicate_of="" if first == name else first,
            replaces_module=everywhere or _replaces(function, suite),
            errors=counted.errors,
            messages=counted.messages,
            fields=counted.fields,
        )
    return found


def _tests(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    """Tests as pytest finds them: `test_x`, `TestX::test_y`."""
    for node in tree.body:
        if isinstance(node, Function) and node.name.startswith("test"):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, Function) and inner.name.startswith("test"):
                    yield f"{node.name}::{inner.name}", inner


def _fixtures_for_all(tree: ast.Module) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, Function) and (
            any("autouse" in ast.unparse(each) for each in node.decorator_list)
            or node.name in {"setup_module", "setup_function", "setup_method", "setUp"}
        ):
            yield node


def _suite(tree: ast.Module, module: str, own: frozenset[str]) -> _Suite:
    dotted = module.removesuffix(".py").replace("/", ".")
    suite = _Suite(
        helpers={node.name: node for node in tree.body if isinstance(node, Function)},
        paths=(dotted, dotted.rpartition(".")[2]),
        own=own,
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in suite.paths:
                    suite.modules.add(alias.asname or alias.name.partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if node.module in suite.paths:
                    suite.members.add(alias.asname or alias.name)
                elif alias.name in suite.paths:
                    suite.modules.add(alias.asname or alias.name)
    return suite


def _body(function: Function) -> str:
    """The body without its docstring, and the parameters it is called with."""
    body = function.body
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        body = body[1:]
    marks = [each for each in function.decorator_list if "parametrize" in ast.unparse(each)]
    return "\n".join([*map(ast.dump, marks), ast.dump(function.args), *map(ast.dump, body)])


def _replaces(part: ast.AST, suite: _Suite) -> bool:
    """Whether it mocks, patches or overwrites a part of the module under test."""
    for node in ast.walk(part):
        if isinstance(node, ast.Call):
            name = _last(node.func)
            if name in _PATCHERS and node.args and _is_of_module(node, suite):
                return True
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.Delete):
            targets = [node.target] if isinstance(node, ast.AugAssign) else node.targets
            if any(_overwrites(target, suite) for target in targets):
                return True
    return False


def _is_of_module(call: ast.Call, suite: _Suite) -> bool:
    target = call.args[0]
    if isinstance(target, ast.Constant) and isinstance(target.value, str):
        return any(
            target.value.startswith(path + ".")
            and target.value[len(path) + 1 :].partition(".")[0] in suite.own
            for path in suite.paths
        )
    if _last(call.func) == "dict":  # patch.dict("sys.modules", ...)
        return "sys.modules" in ast.unparse(target) and _names_module(call, suite)
    if not isinstance(target, ast.Name):
        return False
    named = call.args[1] if len(call.args) > 1 else None
    return target.id in suite.members or (
        target.id in suite.modules and isinstance(named, ast.Constant) and named.value in suite.own
    )


def _names_module(call: ast.Call, suite: _Suite) -> bool:
    return any(
        isinstance(node, ast.Constant) and node.value in suite.paths for node in ast.walk(call)
    )


def _overwrites(target: ast.expr, suite: _Suite) -> bool:
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
        return target.value.id in suite.members or (
            target.value.id in suite.modules and target.attr in suite.own
        )
    if isinstance(target, ast.Subscript):
        return "sys.modules" in ast.unparse(target.value) and any(
            isinstance(node, ast.Constant) and node.value in suite.paths
            for node in ast.walk(target.slice)
        )
    return False


class _Counted:
    """Counts the assertions of one test, those of the suite's helpers that it calls included."""

    def __init__(self, suite: _Suite) -> None:
        self.suite = suite
        self.assertions = self.errors = self.messages = self.fields = 0

    def of(self, function: Function) -> "_Counted":
        """Count in a test, and one step into its helpers."""
        called = {node.func.id for node in _calls(function) if isinstance(node.func, ast.Name)}
        parts = [function, *(self.suite.helpers[name] for name in called & {*self.suite.helpers})]
        for part in parts:
            self._count(part)
        return self

    def _count(self, function: Function) -> None:
        caught = _caught(function)
        for node in ast.walk(function):
            if isinstance(node, ast.Assert):
                self.assertions += 1
                self._of_error(node.test, caught)
            elif isinstance(node, ast.Call):
                name = _last(node.func)
                if name in _RAISERS:
                    self.assertions += 1
                    self.errors += 1
                    self.messages += name == "assertRaisesRegex" or any(
                        each.arg == "match" for each in node.keywords
                    )
                elif name.startswith("assert") or name in _FAILERS:
                    self.assertions += 1
                    for argument in node.args:
                        self._of_error(argument, caught)

    def _of_error(self, asserted: ast.expr, caught: set[str]) -> None:
        """Count what an assertion says of an error's text and its data."""
        message = data = False
        for node in ast.walk(asserted):
            if isinstance(node, ast.Call) and _last(node.func) in {"str", "repr"}:
                message = message or any(_names(each) & caught for each in node.args)
            elif isinstance(node, ast.Attribute) and _root(node) in caught:
                if node.attr in {"args", "message", "msg"}:
                    message = True
                elif node.attr not in {"value", "exception", "type"} | _OWN_OF_EXCEPTIONS:
                    data = True
        self.messages += message
        self.fields += data


def _caught(function: Function) -> set[str]:
    """Names that stand for a raised error: of `with raises(...) as`, of `except ... as`."""
    names = set()
    for node in ast.walk(function):
        if isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                raised = isinstance(item.context_expr, ast.Call) and (
                    _last(item.context_expr.func) in _RAISERS
                )
                if raised and isinstance(item.optional_vars, ast.Name):
                    names.add(item.optional_vars.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
    return names


def _calls(part: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(part) if isinstance(node, ast.Call))


def _last(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _names(part: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(part) if isinstance(node, ast.Name)}
