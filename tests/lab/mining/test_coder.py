"""A coder's case: the commit's own tests fail before it and pass after it, in the sandbox."""

from pathlib import Path

import pytest

import preamblelab as pl
from preamblelab.domain.tasks import Task
from preamblelab.lab.mining.mine import Mined, mine
from preamblelab.lab.mining.surroundings import import_root, needed
from preamblelab.lab.suites import check_suites
from preamblelab.library import load_suite
from preamblelab.scoring.evidence.executing_change import execute_change
from preamblelab.scoring.evidence.python_runner import PythonRunner
from preamblelab.scoring.sandbox import Pool
from tests.lab.mining.histories import FAULTY, FIX, RIGHT, TESTS, begun, lines

pytestmark = [
    pytest.mark.whole,
    pytest.mark.skipif(
        Pool().choice("python").backend is None, reason=Pool().choice("python").reason
    ),
]

LIMITS = '"""Limits."""\n\nHEAVY = 30\n'
INSIDE = "from post.limits import HEAVY\n\n" + RIGHT.replace(">= 30", ">= HEAVY")
FORGED = """
import sys
for frame in sys._current_frames().values():
    pass
print("3 passed")
def fee(weight): return 0
"""


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Mined:
    """A fix in a package, one in a flat module, and commits whose tests tell nothing."""
    made = begun(tmp_path_factory.mktemp("made") / "post")
    package = {
        "src/post/__init__.py": "\n",
        "src/post/limits.py": LIMITS,
        "src/post/unused.py": lines(9),
        "src/post/parcels.py": INSIDE.replace("if weight >= HEAVY", "if weight > HEAVY"),
    }
    made.commit("Add the fees of parcels as a package of its own", package)
    tests = TESTS.replace("from parcels", "from post.parcels")
    made.commit(
        FIX, {"src/post/parcels.py": INSIDE + "\n\n# told apart\n", "tests/test_fee.py": tests}
    )
    made.commit("Add a flat module that does the same thing", {"parcels.py": FAULTY})
    made.commit(f"{FIX}, flat", {"parcels.py": RIGHT, "test_parcels.py": TESTS})
    made.commit(
        "Rename things and add a test that passed before",
        {
            "parcels.py": RIGHT + lines(6),
            "test_parcels.py": TESTS + "\n\ndef test_x():\n    pass\n",
        },
    )
    made.commit(
        "Use a library that the sandbox does not have",
        {"parcels.py": "import numpy\n" + RIGHT, "test_parcels.py": TESTS + lines(3)},
    )
    made.commit("Add boxes that cost what parcels cost", {"boxes.py": FAULTY})
    made.commit(
        f"{FIX}, with a version and other tests",
        {
            "boxes.py": RIGHT,
            "setup.py": lines(3),
            "test_aside.py": "def test_aside():\n    assert True\n" + lines(20),
            "test_boxes.py": TESTS.replace("from parcels", "from boxes"),
        },
    )
    made.commit(
        "Add the fees of crates, which are those of parcels",
        {
            "boxes.py": RIGHT + "\n\ndef crate(weight):\n    return 2 * fee(weight)\n",
            "test_crates.py": (
                "from boxes import crate\n\n\ndef test_crate():\n    assert crate(2) == 8\n"
            ),
        },
    )
    file = tmp_path_factory.mktemp("suites") / "cases.yaml"
    return mine(made.folder, roles=("coder",), file=file)


def case(mined: Mined, module: str) -> Task:
    return next(task for task in mined.tasks if module in task.files)


def test_only_commits_whose_tests_tell_before_from_after(mined: Mined):
    assert [list(task.files) for task in mined.tasks] == [
        ["boxes.py"], ["boxes.py"], ["parcels.py"], ["post/parcels.py"]
    ]  # fmt: skip
    told = " ".join(mined.not_of_role)
    assert "no test fails on the parent and passes on the commit" in told
    assert "its tests do not run in the sandbox alone" in told


def test_the_file_of_tests_that_tells_is_found_among_several(mined: Mined):
    newer, task = (each for each in mined.tasks if "boxes.py" in each.files)
    assert task.evidence is not None
    assert task.evidence.change is not None
    assert "from boxes import fee" in task.evidence.change.tests
    # What a commit adds is no less a case: its tests cannot even be loaded on the parent.
    assert newer.evidence is not None
    assert newer.evidence.change is not None
    assert newer.evidence.change.must_pass == ("test_crate",)


def test_what_is_needed_lies_beside_the_suite_and_nothing_else(mined: Mined):
    assert mined.file is not None
    assert load_suite(mined.file).tasks == mined.tasks
    task = case(mined, "post/parcels.py")
    beside = mined.file.with_name("cases.files") / task.name
    found = {str(path.relative_to(beside)) for path in beside.rglob("*.py")}
    assert found == {"post/__init__.py", "post/limits.py"}


def test_names_of_the_tests_that_tell(mined: Mined):
    task = case(mined, "parcels.py")
    assert task.evidence is not None
    assert task.evidence.change is not None
    assert set(task.evidence.change.must_pass) == {
        "test_the_limit_is_heavy", "test_nothing_weighs_nothing"
    }  # fmt: skip
    assert task.evidence.change.still_pass == ("test_light",)


def test_neither_tests_nor_golden_answer_are_sent(mined: Mined):
    task = case(mined, "parcels.py")
    sent = str(task.turns())
    assert "test_the_limit_is_heavy" not in sent
    assert "must be above 0" not in sent
    assert "if weight > 30" in sent


@pytest.mark.parametrize("module", ["parcels.py", "post/parcels.py"])
def test_answers_are_told_apart(mined: Mined, module: str):
    task = case(mined, module)
    runner = PythonRunner()
    half = (task.golden or "").replace('"weight must be above 0"', '"no"')
    with Pool(workers=1, read_only=runner.read_only()) as pool:

        def strict(text: str) -> tuple[bool, bool, int]:
            found = execute_change(task, text, runner, pool).strict
            assert (found.status, found.tests) == ("ok", 3), found.reason
            return found.parses, found.loads, found.passed

        assert strict(task.golden or "") == (True, True, 3)
        assert strict(half) == (True, True, 2)
        assert strict(task.wrong or "")[2] < 3
        assert strict(f"```python\n{FORGED}```") == (True, True, 0)
        assert strict("```python\nimport sys\nsys.exit(0)\n```") == (True, False, 0)
        assert strict("```python\ndef fee(:\n```") == (False, False, 0)
        assert strict("I would rather not.")[2] == 0


def test_a_golden_answer_that_fails_here_makes_the_evidence_missing(mined: Mined):
    task = case(mined, "parcels.py").model_copy(update={"golden": "```python\nx = 1\n```"})
    runner = PythonRunner()
    with Pool(workers=1, read_only=runner.read_only()) as pool:
        found = execute_change(task, "```python\nx = 2\n```", runner, pool).strict
    assert (found.status, found.tests) == ("missing", 0)
    assert "fails on its golden answer here" in found.reason


def test_where_modules_are_imported_from():
    assert import_root({"src/post/a.py": 1}, "src/post/a.py") == "src/"
    assert import_root({"src/__init__.py": 1}, "src/post/a.py") == ""
    assert import_root({}, "post/a.py") == ""


def test_imports_are_followed_absolute_and_relative():
    tree = {
        "pkg/__init__.py": "from .a import x\n",
        "pkg/a.py": "from . import b\nfrom .sub.c import y\nimport os\n",
        "pkg/b.py": "import pkg.d as d\n",
        "pkg/d.py": "broken (\n",
        "pkg/e.py": "",
        "pkg/sub/__init__.py": "",
        "pkg/sub/c.py": "from ..b import z\n",
        "conftest.py": "",
    }
    found = needed(tree, {"pkg/a.py": tree["pkg/a.py"]}, "")
    assert found == set(tree) - {"pkg/a.py", "pkg/e.py"}


def test_a_suite_of_cases_is_asked_and_marked_like_any_other(mined: Mined, tmp_path: Path):
    suite = load_suite(mined.file)  # type: ignore[arg-type]
    golden = {task.name: task.golden or "" for task in suite.tasks}
    wrong = {task.name: task.wrong or "" for task in suite.tasks}

    def client(trial: pl.Trial) -> pl.Response:
        answers = wrong if trial.variant.text is None else golden
        return pl.Response(text=answers[trial.task.name])

    report = pl.compare(
        "Think about the limits.", ["sim/mid-4b"], suite=suite, rubric="verified", name="better",
        repetitions=1, store=tmp_path / "runs.db", client=client,
    )  # fmt: skip
    with pl.Store(tmp_path / "runs.db") as store:
        scores = store.scores("compare-better").set_index(["variant", "task"])["score"]
    assert report is not None
    assert set(scores.loc["better"]) == {100}
    assert sorted(scores.loc["baseline"]) == pytest.approx([0, 100 / 3, 100 / 3, 200 / 3], abs=1e-4)


def test_golden_and_wrong_answers_of_cases_are_sound(mined: Mined):
    checks = check_suites([str(mined.file)])
    states = {state for each in checks for state in (each.golden.state, each.wrong.state)}
    assert states == {"as wanted"}
