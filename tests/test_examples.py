"""Every example runs as it stands, offline, in an empty folder, and prints what it promises."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROMISED = {
    "try_a_prompt.py": "Verdict on text-",
    "run_an_experiment.py": "quickstart (simulated results)",
    "choose_by_size.py": "expected gain",
    "own_scorer.py": "no_placeholders",
    "somebody_elses_runs.py": "on tasks like these",
    "admit_a_challenger.py": "SIMULATED: INCONCLUSIVE: sim-large-70b",
    "known_truth.py": "of 40 intervals hold the truth",
    "three_runs_three_winners.py": "a to d together: [20, 19, 22]",
    "challenger_for_a_role.py": "By intervals: SIMULATED: INCONCLUSIVE",
    "preamble_by_size.py": "sim/large-70b: SIMULATED: none: large/any",
}


def test_every_example_is_tried():
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == set(PROMISED)


# The tests of the pages run the same calls: these only run with the slow tests.
LONG = (
    "admit_a_challenger.py",
    "challenger_for_a_role.py",
    "preamble_by_size.py",
    "run_an_experiment.py",
    "try_a_prompt.py",
)
NAMES = [
    pytest.param(name, marks=pytest.mark.slow if name in LONG else pytest.mark.whole)
    for name in PROMISED
]


@pytest.mark.parametrize("name", NAMES)
def test_an_example_runs_and_prints(name, tmp_path):
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert PROMISED[name] in done.stdout


def test_examples_are_short():
    for path in (ROOT / "examples").glob("*.py"):
        code = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
        assert len(code) <= 16, path.name
