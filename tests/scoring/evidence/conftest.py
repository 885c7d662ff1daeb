"""One pool for all tests of Python evidence: starting a worker costs more than a test."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from preamblelab.domain.evidence_records import EvidencePair
from preamblelab.domain.tasks import Task
from preamblelab.scoring.evidence.executing_tests import execute_tests
from preamblelab.scoring.evidence.python_runner import PythonRunner
from preamblelab.scoring.sandbox import Pool

sys.path.insert(0, str(Path(__file__).parent))

Execute = Callable[..., EvidencePair]


@pytest.fixture(scope="session")
def runner() -> PythonRunner:
    return PythonRunner()


@pytest.fixture(scope="session")
def pool(runner: PythonRunner) -> Iterator[Pool]:
    with Pool(workers=1, read_only=runner.read_only()) as pool:
        choice = pool.choice("python")
        if choice.backend is None:
            pytest.skip(choice.reason)
        yield pool


@pytest.fixture
def execute(runner: PythonRunner, pool: Pool) -> Execute:
    def run(task: Task, text: str) -> EvidencePair:
        return execute_tests(task, text, runner, pool)

    return run
