"""Runs in the sandbox: spares each child what pytest can do once, or does for readers alone.

Nothing here decides an outcome. Each step leans on how pytest is made within; where another release
is made otherwise the step is left out, and the children take longer.
"""

# pathlib, like asyncio, would cost each start more than all the rest.
# ruff: noqa: PTH118, PTH120, PTH123

import contextlib
import importlib
import os
import sys
from typing import Any

WARM = "warm_up.py"
MOST_PATTERN = 300
"""Characters of a pattern that is compiled before a test asks for it."""


def make_lean(session: Any, tests: str, opening: dict[str, Any]) -> None:
    """Prepare all that is the same for every version.

    Args:
        session: has begun and found nothing yet.
        tests: path of the file with the tests.
        opening: `imports` are modules of Python's own library that tests or module import,
            `captured` whether tests may ask for what was printed, `plugins` those of others.
    """
    import_once(opening["imports"])
    compile_once(tests)
    with contextlib.suppress(Exception):
        report_little(session.config)
    if not opening["plugins"]:
        with contextlib.suppress(Exception):
            make_once()
    if not opening["captured"]:
        print_once(session.config)
    if not opening["plugins"]:
        with contextlib.suppress(Exception):
            warm_up(session)
    rewrite_once(session.config, tests)
    find_once(session)
    ask_once(session)


def warm_up(session: Any) -> None:
    """Let pytest run tests of nothing: what Python learns of its code is then not learnt anew.

    A child that only reads memory shares it; one that writes, as an interpreter does where code
    runs for the first time, has each page copied.
    """
    if session.config.pluginmanager._conftest_plugins:
        return  # it may hold fixtures that are for the tests alone
    paths = list(sys.path)
    try:
        session.perform_collect([os.path.join(os.path.dirname(__file__), WARM)])
        session.config.hook.pytest_runtestloop(session=session)
    finally:
        session.testsfailed = session.testscollected = 0
        session.items = []
        sys.path[:] = paths
        sys.modules.pop(WARM.removesuffix(".py"), None)


def import_once(names: list[str]) -> None:
    """Import what every child would import; nothing of the answer or the module is among it."""
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def rewrite_once(config: Any, path: str) -> None:
    """Rewrite the assertions of the tests here instead of in every child; nothing of them runs."""
    with contextlib.suppress(Exception):  # a pytest that does it otherwise does it in the children
        from pathlib import Path

        from _pytest.assertion import rewrite

        original = rewrite._rewrite_test
        made = original(Path(path), config)
        rewrite._rewrite_test = lambda fn, config: made if str(fn) == path else original(fn, config)


def find_once(session: Any) -> None:
    """Find the file of the tests here instead of in every child; it is loaded only there."""
    with contextlib.suppress(Exception):  # a pytest that finds them otherwise does so in each child
        found = session.perform_collect(genitems=False)

        def collect() -> list[Any]:
            session.items = [item for node in found for item in session.genitems(node)]
            hook = session.config.hook
            session.config.pluginmanager.check_pending()
            hook.pytest_collection_modifyitems(
                session=session, config=session.config, items=session.items
            )
            hook.pytest_collection_finish(session=session)
            session.testscollected = len(session.items)
            return list(session.items)

        session.perform_collect = collect


def compile_once(path: str) -> None:
    """Compile patterns of `match=` here: `re` keeps them, and every child begins with those."""
    import ast
    import re

    with contextlib.suppress(Exception), open(path, "rb") as file:
        for node in ast.walk(ast.parse(file.read())):
            value = node.value if isinstance(node, ast.keyword) and node.arg == "match" else None
            pattern = value.value if isinstance(value, ast.Constant) else None
            if isinstance(pattern, str) and len(pattern) <= MOST_PATTERN:
                with contextlib.suppress(re.error, OverflowError, RecursionError):
                    re.compile(pattern)


def ask_once(session: Any) -> None:
    """Keep which hooks are asked for a path: all files of conftest.py have been read."""
    original, known = session.gethookproxy, {}

    def gethookproxy(path: Any) -> Any:
        if path not in known:
            known[path] = original(path)
        return known[path]

    session.gethookproxy = gethookproxy


def report_little(config: Any) -> None:
    """Leave out of reports what only a person would read, and those of phases that went well."""
    runner: Any = importlib.import_module("_pytest.runner")
    python: Any = importlib.import_module("_pytest.python")
    nodes: Any = importlib.import_module("_pytest.nodes")

    def say_nothing(*_: Any, **__: Any) -> str:
        return ""

    python.Function._repr_failure_py = say_nothing
    nodes.Item.location = property(lambda item: (item.path.name, None, item.name))
    runner._update_current_test_var = say_nothing
    original = runner.call_and_report

    class Passed:
        passed = True

    def call_and_report(item: Any, when: str, log: bool = True, **given: Any) -> Any:
        hooks = item.ihook
        if len(hooks.pytest_runtest_makereport.get_hookimpls()) > 1:
            return original(item, when, log, **given)  # others may change what it says
        try:
            getattr(hooks, f"pytest_runtest_{when}")(item=item, **given)
        except BaseException as error:  # noqa: BLE001 - `from_call` raises it anew where pytest does
            raised = error
        else:
            return Passed
        call = runner.CallInfo.from_call(lambda: throw(raised), when, reraise=reraise)
        report = hooks.pytest_runtest_makereport(item=item, call=call)
        hooks.pytest_runtest_logreport(report=report)
        if runner.check_interactive_exception(call, report):
            hooks.pytest_exception_interact(node=item, call=call, report=report)
        return report

    reraise = runner.get_reraise_exceptions(config)
    runner.call_and_report = call_and_report


def throw(error: BaseException) -> None:
    """Raise."""
    raise error


def make_once() -> None:
    """Make one item of a test that has no parameters; pytest makes two, and drops the first."""
    python: Any = importlib.import_module("_pytest.python")
    original = python.PyCollector._genfunctions

    def _genfunctions(self: Any, name: str, funcobj: Any) -> Any:
        if getattr(funcobj, "pytestmark", None) or gives_parameters(self):
            return original(self, name, funcobj)
        item = python.Function.from_parent(self, name=name, callobj=funcobj)
        fixtures = item._fixtureinfo.name2fixturedefs.values()
        if any(each.params is not None for several in fixtures for each in several):
            return original(self, name, funcobj)
        for given in ("_obj", "_instance"):  # each test of a class has an instance of its own
            item.__dict__.pop(given, None)
        return iter([item])

    python.PyCollector._genfunctions = _genfunctions


def gives_parameters(collector: Any) -> bool:
    """Return whether a mark or a hook of a class or module may give its tests parameters."""
    known: bool | None = collector.__dict__.get("_gives_parameters")
    if known is None:
        holders = [each.obj for each in collector.listchain() if hasattr(each, "obj")]
        known = any(hasattr(each, "pytest_generate_tests") for each in holders)
        known = known or any(True for _ in collector.iter_markers("parametrize"))
        collector.__dict__["_gives_parameters"] = known
    return known


def print_once(config: Any) -> None:
    """Keep what is printed in one place: nobody asks which test has printed it."""
    manager = config.pluginmanager.get_plugin("capturemanager")
    if manager is not None:
        manager.resume_global_capture()
        config.pluginmanager.unregister(manager)
