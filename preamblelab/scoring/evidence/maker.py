"""Makes the evidence of any answer: the right runner, the right sandbox, both modes."""

import os
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Final

from preamblelab.domain.evidence import CodeLanguage
from preamblelab.domain.evidence_records import EvidencePair
from preamblelab.domain.tasks import Task
from preamblelab.scoring.evidence.executing_change import execute_change
from preamblelab.scoring.evidence.executing_code import CALLER_VERSION, execute_code, label_of
from preamblelab.scoring.evidence.executing_tests import execute_tests, missing_pair
from preamblelab.scoring.evidence.javascript import JavaScriptTests
from preamblelab.scoring.evidence.javascript.runner import VERSION as JAVASCRIPT_VERSION
from preamblelab.scoring.evidence.protocol import SuiteRunner
from preamblelab.scoring.evidence.python_runner import RUNNER_VERSION, PythonRunner
from preamblelab.scoring.sandbox import Pool

RUNNERS: Final[Mapping[CodeLanguage, SuiteRunner]] = {
    "python": PythonRunner(),
    "javascript": JavaScriptTests(),
}
"""What runs tests of a language."""

EVIDENCE_VERSION: Final = f"{RUNNER_VERSION}.{JAVASCRIPT_VERSION}.{CALLER_VERSION}"
"""Changes whenever our own part of running may give other evidence; versions of interpreters and
of pytest are told by each piece of evidence instead."""


def runner_label(task: Task) -> str:
    """What would run an answer to the task today, with all versions; empty without evidence."""
    if task.evidence is None:
        return ""
    if task.evidence.code is not None:
        return label_of(task.evidence.code)
    return RUNNERS[task.evidence.language].label


class EvidenceMaker:
    """Runs answers; may be used from several threads; a context manager.

    Args:
        allow_unsafe: run without isolation where no sandbox holds; all evidence then says so.
        workers: answers at one time; the number of cores when not given.
    """

    def __init__(self, *, allow_unsafe: bool = False, workers: int | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1
        self._allow_unsafe = allow_unsafe
        self._pools: dict[tuple[CodeLanguage, bool], Pool] = {}
        self._open = ExitStack()
        self._lock = threading.Lock()

    def __enter__(self) -> "EvidenceMaker":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the sandboxes."""
        self._open.close()

    def make(self, task: Task, text: str) -> EvidencePair:
        """The evidence of one answer in both modes.

        An error of our own is missing evidence with its reason: the run goes on.

        Args:
            task: a task with `evidence`.
            text: the answer.
        """
        assert task.evidence is not None
        kind, language = task.evidence.kind, task.evidence.language
        try:
            if task.evidence.code is not None:
                return execute_code(task, text, self._pool(language, tests=False))
            pool = self._pool(language, tests=True)
            if task.evidence.change is not None:
                return execute_change(task, text, RUNNERS[language], pool)
            return execute_tests(task, text, RUNNERS[language], pool)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next answer is not to blame
            reason = f"our own error: {type(error).__name__}: {error}"[:400]
            return missing_pair(kind, reason, runner_label(task))

    def _pool(self, language: CodeLanguage, *, tests: bool) -> Pool:
        """The sandboxes of a language; those for tests also show the packages of its runner."""
        with self._lock:
            place = (language, tests)
            if place not in self._pools:
                shown = RUNNERS[language].read_only() if tests else {}
                pool = Pool(workers=self.workers, allow_unsafe=self._allow_unsafe, read_only=shown)
                self._pools[place] = self._open.enter_context(pool)
            return self._pools[place]
