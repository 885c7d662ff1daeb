"""Runs an answer's Python tests with pytest against every version of a module."""

import ast
import re
import sys
import time
from collections.abc import Mapping
from functools import cached_property
from importlib import resources
from pathlib import Path
from types import CodeType
from typing import Final

from preamblelab.domain.evidence import CodeLanguage
from preamblelab.scoring.checks_python import parse
from preamblelab.scoring.evidence import drivers, python_facts, python_repairs
from preamblelab.scoring.evidence.protocol import Repaired, SuiteJob, SuiteRun
from preamblelab.scoring.evidence.python_packages import INSTALL, find_packages
from preamblelab.scoring.evidence.python_talk import START_SECONDS, VersionTalk
from preamblelab.scoring.sandbox import Limits, Pool, Program
from preamblelab.scoring.sandbox.runtimes import find_runtime

RUNNER_VERSION: Final = "2"
"""Changes whenever our own part may give other outcomes."""
TESTS: Final = "test_answer.py"
"""The file in which the tests lie."""
_DRIVER: Final = "run_pytest.py"
_BESIDE: Final = ("under_test.py", "lean_pytest.py", "warm_up.py")
_FOLDER: Final = "evidence_driver"
_ROUNDS: Final = 12
"""All versions together may take as long as so many that use up their time."""
_DEAD: Final = "__preamblelab_dead__"
_UNSPOKEN: Final[Mapping[str, tuple[str, ...]]] = {
    "log": ("logging",),
    "warn": ("warnings", "threadexception", "unraisableexception"),
    "faulthandler": ("faulthandler",),
    "doctest": ("doctest",),
    "setup_only": ("setuponly", "setupplan"),
    "skip|xfail": ("skipping",),
    "unittest|testcase": ("unittest",),
    "tmp|testdir": ("legacypath", "tmpdir"),
    "subtest": ("subtests",),
}
"""Parts of pytest that wrap every phase of a test, by the words without which they do nothing."""
_NOT_IMPORTED: Final = frozenset({"antigravity", "this", "__main__"})
"""Modules of Python's own library that do something when they are imported."""
_CAPTURED: Final = re.compile("cap|stdout|stderr|readouterr")
"""Without these words no test asks for what was printed."""


class PythonRunner:
    """pytest in the sandbox: one process for all versions, one child of it for each."""

    language: CodeLanguage = "python"

    @cached_property
    def label(self) -> str:
        """`pytest 9.2.0, pytest-asyncio 1.5.0, python 3.11.7, runner 2`."""
        packages, runtime = find_packages(), find_runtime("python")
        parts = [
            packages.label if packages else "no pytest",
            runtime.label if runtime else "no python",
            f"runner {RUNNER_VERSION}",
        ]
        return ", ".join(parts)

    def missing(self) -> str:
        """How to install pytest; empty when it is there."""
        return "" if find_packages() else INSTALL

    def read_only(self) -> Mapping[str, Path]:
        """The folders of pytest and its plugins, and nothing else of the environment."""
        packages = find_packages()
        return dict(packages.shown) if packages else {}

    def parse_fault(self, pool: Pool, code: str) -> str:  # noqa: ARG002
        """Why it is no Python, in one line."""
        found = parse(code)
        return found if isinstance(found, str) else ""

    def repair(self, pool: Pool, code: str, job: SuiteJob) -> Repaired:  # noqa: ARG002
        """The code after small named repairs."""
        return python_repairs.repair(code, job.module, job.versions[0], tuple(job.files))

    def dead(self, module: str) -> str | None:
        """The module with an error in the place of every function's body."""
        try:
            tree = ast.parse(module)
        except (SyntaxError, ValueError):
            return None
        # Not an Exception: `pytest.raises(Exception)` must not be content with it.
        error = ast.parse(f"class {_DEAD}(BaseException): pass").body
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                node.body = [ast.Raise(exc=ast.Name(id=_DEAD, ctx=ast.Load()))]
        last = [place for place, node in enumerate(tree.body) if _goes_first(node, place)]
        at = last[-1] + 1 if last else 0
        tree.body[at:at] = error
        return ast.unparse(ast.fix_missing_locations(tree)) + "\n"

    def run(self, pool: Pool, job: SuiteJob) -> SuiteRun:
        """Run the tests against every version."""
        began = time.perf_counter()
        tree = parse(job.code)
        if isinstance(tree, str):
            return SuiteRun(parse_fault=tree)
        packages = find_packages()
        assert packages is not None, "missing() was not asked"
        files = {**_packages_of(job.module), **job.files}
        files.pop(job.module, None)
        # A conftest.py among the files speaks for the tests.
        spoken = "\n".join([job.code, *files.values()])
        plugins, options = _plugins(spoken, packages.plugins)
        entry = f"{_FOLDER}/{_DRIVER}"
        program = Program(
            language="python", files={**files, TESTS: job.code, **_drivers()}, entry=entry
        )
        backend = pool.choice("python").backend
        opening = {
            "packages": list(packages.folders),
            "plugins": plugins,
            "options": options,
            "imports": _library_of(job.code, job.versions[0]),
            "captured": _CAPTURED.search(spoken) is not None,
            "tests": TESTS,
            "module": job.module,
            # Only there no process but the answer's own can be ended by it.
            "alone": backend is not None and backend.name == "bubblewrap",
        }
        versions = [_plain(text) for text in job.versions]
        talk = VersionTalk(opening, versions, seconds=job.seconds, traced=job.traced)
        limits = Limits(
            seconds=START_SECONDS + _ROUNDS * job.seconds, memory_bytes=job.memory_bytes
        )
        execution = pool.converse(program, talk, limits)
        lines = None
        if job.traced is not None and talk.lines is not None:
            lines = _line_share(versions[job.traced], talk.lines)
        return SuiteRun(
            facts=python_facts.facts(tree, job.module, python_repairs.names_of(job.versions[0])),
            versions=talk.runs(execution.reason),
            line_share=lines,
            execution=execution,
            fault=talk.fault,
            seconds=time.perf_counter() - began,
        )


def _drivers() -> dict[str, str]:
    """What runs beside the tests, by its place in the sandbox."""
    folder = resources.files(drivers)
    return {
        f"{_FOLDER}/{name}": folder.joinpath(name).read_text(encoding="utf-8")
        for name in (_DRIVER, *_BESIDE)
    }


def _packages_of(module: str) -> dict[str, str]:
    """What makes the folders above a module packages: `shop/parcel.py` is `shop.parcel`."""
    parts = module.split("/")[:-1]
    return {"/".join([*parts[: n + 1], "__init__.py"]): "" for n in range(len(parts))}


def _plain(module: str) -> str:
    """The module without comments and layout: what an answer may have seen is not this text."""
    try:
        return ast.unparse(ast.parse(module)) + "\n"
    except (SyntaxError, ValueError, RecursionError):
        return module


def _goes_first(node: ast.stmt, place: int) -> bool:
    """Whether a statement has to stay at the top: the docstring, imports from the future."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "__future__"
    return place == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _plugins(code: str, known: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Plugins that the tests speak of, and their options; the others would only cost time."""
    names, options = [], []
    if "pytest-asyncio" in known and ("async " in code or "asyncio" in code):
        names.append(known["pytest-asyncio"])
        options += ["-o", "asyncio_mode=auto"]
    if "pytest-mock" in known and "mocker" in code:
        names.append(known["pytest-mock"])
    said = code.lower()
    left = [
        part for words, parts in _UNSPOKEN.items() if not re.search(words, said) for part in parts
    ]
    options += [option for part in left for option in ("-p", f"no:{part}")]
    return names, options


def _library_of(*texts: str) -> list[str]:
    """Modules of Python's own library that texts import, so that they are imported once."""
    names: set[str] = set()
    for text in texts:
        found = parse(text)
        for node in () if isinstance(found, str) else ast.walk(found):
            if isinstance(node, ast.Import):
                names |= {each.name for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
    library = sys.stdlib_module_names - _NOT_IMPORTED
    return sorted(name for name in names if name.partition(".")[0] in library)


def _line_share(module: str, run: frozenset[int]) -> float | None:
    """Lines of the module's functions that were run, of those that there are."""
    lines: set[int] = set()
    waiting: list[CodeType] = [compile(module, "module", "exec", dont_inherit=True)]
    while waiting:
        code = waiting.pop()
        waiting += [each for each in code.co_consts if isinstance(each, CodeType)]
        if code.co_flags & 1:  # a function's own, not that of a class or the module
            own = {line for _, _, line in code.co_lines() if line is not None}
            lines |= own - {code.co_firstlineno} if len(own) > 1 else own
    return len(lines & run) / len(lines) if lines else None
