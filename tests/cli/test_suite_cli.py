"""`preamblelab suite`: what is amiss with a suite is said, and so is which task tells nothing."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

import preamblelab as pl
from preamblelab import testing
from preamblelab.cli import main

SUITE = """\
name: own
tasks:
  - name: sum
    category: reasoning
    prompt: "What is 2 + 2? End with a line `Answer: N`."
    golden: "Answer: 4"
    wrong: "Answer: 5"
    verify: [{numeric: "4"}]
  - name: hard
    category: reasoning
    prompt: "What is 17 * 23? End with a line `Answer: N`."
    golden: "Answer: 391"
    wrong: "Answer: 381"
    verify: [{numeric: "391"}]
  - name: easy
    prompt: Say blue.
    golden: blue
    wrong: red
    verify: [{exact: [blue]}]
"""


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    out, err = io.StringIO(), io.StringIO()
    given, before, sys.argv = sys.argv, Path.cwd(), ["preamblelab", *arguments]
    os.chdir(folder)
    try:
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
            main()
    finally:
        os.chdir(before)
        sys.argv = given
    code = left.value.code
    return subprocess.CompletedProcess(
        arguments, code if isinstance(code, int) else 0, out.getvalue(), err.getvalue()
    )


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own.yaml").write_text(SUITE, encoding="utf-8")
    return tmp_path


class TestCheck:
    def test_the_shipped_suites_are_sound(self, tmp_path: Path) -> None:
        done = run("suite", "check", folder=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert "40 of 40 tasks pass their golden answer and fail their wrong one." in done.stdout

    def test_a_file_of_ones_own_is_checked(self, own: Path) -> None:
        done = run("suite", "check", "own.yaml", folder=own)
        assert done.returncode == 0
        assert "3 of 3 tasks" in done.stdout

    def test_a_golden_answer_that_fails_and_a_wrong_one_that_passes_are_named(
        self, own: Path
    ) -> None:
        text = (own / "own.yaml").read_text("utf-8")
        text = text.replace('golden: "Answer: 4"', 'golden: "Answer: 3"')
        (own / "own.yaml").write_text(text.replace('wrong: "Answer: 381"', 'wrong: "391"'), "utf-8")
        done = run("suite", "check", "own.yaml", folder=own)
        assert done.returncode == 1
        assert "own/sum: the golden answer fails: numeric:" in done.stdout
        assert "own/hard: the wrong answer passes: numeric:" in done.stdout
        assert "1 of 3 tasks" in done.stdout

    def test_a_verifier_that_cannot_tell_is_no_failure_of_the_answer(self, own: Path) -> None:
        text = (own / "own.yaml").read_text("utf-8").replace(
            "[{exact: [blue]}]", "[{regex: {pattern: '(a|aa)+$', seconds: 0.01}}]"
        ).replace('golden: blue', f'golden: "{"a" * 60}b"')  # fmt: skip
        (own / "own.yaml").write_text(text, encoding="utf-8")
        done = run("suite", "check", "own.yaml", folder=own)
        assert done.returncode == 1
        assert "own/easy: the golden answer could not be checked: regex: the pattern" in done.stdout

    def test_what_cannot_be_checked_is_said_and_is_no_error(self, own: Path) -> None:
        text = (own / "own.yaml").read_text("utf-8").replace("    wrong: red\n", "")
        (own / "own.yaml").write_text(text, encoding="utf-8")
        done = run("suite", "check", "own.yaml", folder=own)
        assert done.returncode == 0
        assert "Not checked, for want of verifiers or answers: easy." in done.stdout

    def test_as_json(self, own: Path) -> None:
        rows = json.loads(run("suite", "check", "own.yaml", "--format", "json", folder=own).stdout)
        assert [(row["task"], row["golden"]["state"]) for row in rows] == [
            ("sum", "as wanted"),
            ("hard", "as wanted"),
            ("easy", "as wanted"),
        ]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which a large model does all, a middling one all but one."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "own.yaml").write_text(SUITE, encoding="utf-8")

    def answer(trial: pl.Trial) -> str:
        knows = {"small": {"easy"}, "middling": {"easy", "sum"}, "big": {"easy", "sum", "hard"}}
        golden = trial.task.name in knows[trial.model.name]
        return str(trial.task.golden if golden else trial.task.wrong)

    models = [
        pl.ModelSpec(name=name, id=f"openai/{name}", size=size)
        for name, size in (("small", "tiny"), ("middling", "mid"), ("big", "large"))
    ]
    pl.compare(
        "Think first.",
        models=models,
        suite=folder / "own.yaml",
        rubric="verified",
        store=folder / "preamblelab.db",
        client=testing.answers(answer, answer),
    )
    return folder


class TestStats:
    def test_tasks_without_information_are_named(self, measured: Path) -> None:
        done = run("suite", "stats", folder=measured)
        assert (done.returncode, done.stderr) == (0, "")
        last = done.stdout.split("Tasks that carry no information")[1]
        assert "ceiling (every model has nearly all points): easy" in last
        assert "hard" not in last

    def test_difficulty_and_discrimination_are_told(self, measured: Path) -> None:
        rows = json.loads(run("suite", "stats", "--format", "json", folder=measured).stdout)
        table = {row["task"]: row for row in rows}
        assert table["hard"]["mean"] == pytest.approx(100 / 3)
        assert table["hard"]["difficulty"] == pytest.approx(200 / 3)
        assert table["hard"]["category"] == "reasoning"
        assert table["easy"]["discrimination"] is None
        # Over small, middling, big: hard is 0, 0, 1; the rest is 1/2, 1, 1. r is 1/2.
        assert table["hard"]["discrimination"] == pytest.approx(0.5)

    def test_a_store_without_an_experiment_is_said_to_be_empty(self, tmp_path: Path) -> None:
        pl.Store(tmp_path / "empty.db").close()
        done = run("suite", "stats", "--store", "empty.db", folder=tmp_path)
        assert done.returncode == 1
        assert "holds no experiment yet" in done.stderr
