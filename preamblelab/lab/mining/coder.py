"""A coder's case: implement what a commit's message says; the commit's own tests tell.

The tests are run before anything is written: on the parent's module some must fail, on the
commit's module all must pass, in the sandbox and with no more of the repository than they import.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from preamblelab.domain.evidence import ChangeEvidence, TaskEvidence
from preamblelab.domain.tasks import Task
from preamblelab.lab.mining.cases import Edit, NoCaseError
from preamblelab.lab.mining.eligible import is_test, task_text
from preamblelab.lab.mining.git import Commit, History
from preamblelab.lab.mining.secrets import secret_in
from preamblelab.lab.mining.surroundings import (
    MOST_CHARACTERS,
    MOST_FILES,
    beside,
    import_root,
    needed,
    with_absolute_imports,
)
from preamblelab.scoring.evidence.executing_change import passed, run_versions
from preamblelab.scoring.evidence.protocol import SuiteRunner
from preamblelab.scoring.sandbox import Pool

MOST_SHOWN: Final = 600_000
"""Characters of a case: the module twice, as it was and as it became, and its tests."""

MOST_SUITES: Final = 3
"""Files of tests that are tried, those with most new lines first."""
ASIDE: Final = frozenset({"setup.py", "conf.py", "noxfile.py"})
"""Python that packs or documents a project, and is part of none of its modules."""

Verify = Callable[[ChangeEvidence, str, str], tuple[frozenset[str], frozenset[str]]]
"""Names of the tests that pass on the module before, and after."""


def coder_case(
    shared: Mapping[str, Any],
    history: History,
    commit: Commit,
    edits: tuple[Edit, ...],
    verify: Verify,
) -> Task:
    """The change of one Python module, with the tests that came with it.

    Raises:
        NoCaseError: the commit is no such change, or its tests do not tell before from after.
    """
    code, suites = _sides(edits)
    error: NoCaseError | None = None
    for tests in suites[:MOST_SUITES]:
        try:
            return _case(shared, history, commit, (code, tests), verify)
        except NoCaseError as found:
            error = error or found  # another file of tests may tell
    raise error or NoCaseError("no file of Python tests beside it")


def _case(
    shared: Mapping[str, Any],
    history: History,
    commit: Commit,
    sides: tuple[Edit, Edit],
    verify: Verify,
) -> Task:
    """The case of a module and one file of tests."""
    code, tests = sides
    before, after = code.before or "", code.after or ""
    if 2 * len(before) + len(after) + len(tests.after or "") > MOST_SHOWN:
        raise NoCaseError(f"module and tests of more than {MOST_SHOWN:,} characters")
    root, files = _surroundings(history, commit, code, tests)
    secret = secret_in(files.values())
    if secret:
        raise NoCaseError(f"what it needs holds {secret}")
    module = code.path.removeprefix(root)
    stem = module.rpartition("/")[2].removesuffix(".py")
    if "/" in module and stem in sys.stdlib_module_names:
        raise NoCaseError("a module named like one of Python's own")
    draft = ChangeEvidence(
        module=module,
        tests=with_absolute_imports(tests.after or "", tests.path, root),
        files=files,
        must_pass=("to be found out",),
    )
    then, now = verify(draft, before, after)
    fixed = sorted(now - then)
    if not fixed:
        raise NoCaseError("no test fails on the parent and passes on the commit, in the sandbox")
    evidence = draft.model_copy(
        update={"must_pass": tuple(fixed), "still_pass": tuple(sorted(now & then))}
    )
    return Task(
        **shared,
        prompt=(
            f"Change the module below so that it does what this says:\n\n"
            f"{task_text(commit.message)}\n\nReply with the whole new text of {module} in one "
            "fence. Keep what is not concerned as it is. Tests that you do not see will be run."
        ),
        files={module: before},
        evidence=TaskEvidence(change=evidence),
        golden=f"```python\n{after.rstrip()}\n```",
        wrong=f"```python\n{before.rstrip()}\n```",
    )


def verifier_in(pool: Pool, runner: SuiteRunner) -> Verify:
    """Runs tests before and after in a sandbox.

    Args:
        pool: it shows what the runner needs.
        runner: of Python.
    """

    def verify(
        spec: ChangeEvidence, before: str, after: str
    ) -> tuple[frozenset[str], frozenset[str]]:
        # What is right comes first, or tests that cannot even be loaded on the parent (they import
        # what the commit has added) would end the run before the commit's own module.
        run = run_versions(spec, (after, before), runner, pool)
        if run.fault or (run.execution is not None and run.execution.status == "refused"):
            reason = run.fault or (run.execution.reason if run.execution else "")
            raise NoCaseError(f"nothing can be run here: {reason}")
        if run.parse_fault or len(run.versions) < 2:
            raise NoCaseError("its tests do not run in the sandbox alone")
        new, old = run.versions
        if new.load_fault or new.reason:
            why = (new.load_fault or new.reason).partition(" (")[0][:80]  # no path of this machine
            raise NoCaseError(f"its tests do not run in the sandbox alone ({why})")
        return passed(old), passed(new)

    return verify


def _sides(edits: tuple[Edit, ...]) -> tuple[Edit, list[Edit]]:
    """The module and the files of tests that a commit changed."""
    python = [edit for edit in edits if edit.path.endswith(".py") and _name(edit) not in ASIDE]
    code = [edit for edit in python if not is_test(edit.path)]
    tests = [edit for edit in python if is_test(edit.path) and edit.after]
    if len(code) != 1 or code[0].before is None or code[0].after is None:
        raise NoCaseError("not one Python module, there before and after")
    if not tests:
        raise NoCaseError("no file of Python tests beside it")
    return code[0], sorted(tests, key=_new_lines, reverse=True)


def _name(edit: Edit) -> str:
    return edit.path.rpartition("/")[2]


def _new_lines(edit: Edit) -> int:
    return len(set((edit.after or "").splitlines()) - set((edit.before or "").splitlines()))


def _surroundings(
    history: History, commit: Commit, code: Edit, tests: Edit
) -> tuple[str, dict[str, str]]:
    """The folder that is imported from, and the other files that module and tests need."""
    entries = {entry.path: entry for entry in history.files(commit.tree)}
    root = import_root(entries, code.path)
    texts = _Texts(history, {p: e.object for p, e in entries.items() if p.endswith(".py")})
    starts = {code.path: code.after or "", tests.path: tests.after or ""}
    helpers = beside(texts, tests.path, tests.after or "", root)
    starts |= {path: texts[path] for path in helpers.values()}
    paths = sorted(needed(texts, starts, root))
    files = {path.removeprefix(root): texts[path] for path in paths if not is_test(path)}
    files |= {name: texts[path] for name, path in helpers.items()}
    if len(files) > MOST_FILES or sum(map(len, files.values())) > MOST_CHARACTERS:
        raise NoCaseError(
            f"it needs more than {MOST_FILES} files or {MOST_CHARACTERS:,} characters"
        )
    # A file of one line would be taken for a path.
    return root, {path: text if "\n" in text else f"{text}\n" for path, text in files.items()}


class _Texts(dict[str, str]):
    """Texts of a tree by path, read when they are asked for."""

    def __init__(self, history: History, objects: Mapping[str, str]) -> None:
        super().__init__(dict.fromkeys(objects, ""))
        self._history = history
        self._objects = objects
        self._read: set[str] = set()

    def __getitem__(self, path: str) -> str:
        if path not in self._read:
            content = self._history.blob(self._objects[path]) or b""
            self[path] = content.decode("utf-8", "replace")
            self._read.add(path)
        return super().__getitem__(path)
