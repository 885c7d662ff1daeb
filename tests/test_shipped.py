"""What ships: the files load, their words and points agree, and what is known by heart is true."""

import ast
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.preambles import Preamble
from preamblelab.domain.rubrics import Rubric
from preamblelab.domain.tasks import Suite, Task
from preamblelab.execution.simulated import PROFILES
from preamblelab.execution.simulation.knowledge import (
    FunctionKnowledge,
    Passage,
    TestKnowledge,
    TextKnowledge,
)
from preamblelab.execution.simulation.task_booking import BOOKING
from preamblelab.execution.simulation.task_lending import LENDING
from preamblelab.execution.simulation.task_query import QUERY
from preamblelab.execution.simulation.task_texts import POSTERS, RELEASE
from preamblelab.library import load_experiment, load_preamble
from preamblelab.scoring.checks import CHECKS
from preamblelab.scoring.checks_analysis import find_cases

DIMENSIONS = {
    "problem_analysis": 20,
    "code_completeness": 30,
    "test_coverage": 25,
    "code_quality": 15,
    "strategy_explanation": 10,
}


def load(root: Path, *parts: str) -> Any:
    """A file as plain YAML: what ships needs none of our loader's mercies."""
    text = root.joinpath(*parts).read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=")
    return yaml.safe_load(text)


@pytest.fixture(scope="module")
def suite(project_root: Path) -> Suite:
    return Suite(**load(project_root, "experiments", "suites", "smoke.yaml"))


def task_of(suite: Suite, name: str) -> Task:
    (task,) = [task for task in suite.tasks if task.name == name]
    return task


class TestFiles:
    @pytest.mark.parametrize("name", ["coding", "coding-judged"])
    def test_rubrics_share_their_dimensions(self, project_root: Path, name: str) -> None:
        rubric = Rubric(**load(project_root, "rubrics", f"{name}.yaml"))
        assert {d.name: d.points for d in rubric.dimensions} == DIMENSIONS
        checks = [c.check for d in rubric.dimensions for c in d.criteria]
        if name == "coding":
            assert sorted(checks, key=str) == sorted(CHECKS), "each check marks once"
        else:
            assert set(checks) == {None}

    def test_every_text_of_the_preamble_has_its_reason(self, project_root: Path) -> None:
        preamble = Preamble(**load(project_root, "preambles", "careful.yaml"))
        assert set(preamble.reasons) == {"text", *preamble.sizes, *preamble.clauses}
        assert {"tiny", "mid", "large"} == set(preamble.sizes)
        assert {"brevity", "loop_guard"} == set(preamble.clauses)

    def test_the_tiny_text_is_tiny(self, project_root: Path) -> None:
        sizes = Preamble(**load(project_root, "preambles", "careful.yaml")).sizes
        assert len(sizes["tiny"]) // 4 <= 60
        assert len(sizes["tiny"]) < len(sizes["mid"]) < len(sizes["large"])

    def test_the_markdown_family_loads(self) -> None:
        preamble = load_preamble("plain-steps")
        assert preamble.text is not None
        assert preamble.text.startswith("Think first")
        assert "---" not in preamble.text

    def test_every_simulated_model_is_in_the_catalogue(self, project_root: Path) -> None:
        catalogue = load(project_root, "experiments", "models.yaml")
        models = {name: ModelSpec(name=name, **fields) for name, fields in catalogue.items()}
        assert {model.id for model in models.values()} == {p.id for p in PROFILES.values()}
        for model in models.values():
            profile = PROFILES[model.id.removeprefix("sim/")]
            assert (model.facts().total_b, model.family) == (profile.total_b, profile.family)

    def test_the_quickstart_is_small_and_offline(self) -> None:
        experiment = load_experiment("quickstart")
        assert all(model.id.startswith("sim/") for model in experiment.models)
        trials = (
            len(experiment.models)
            * len(experiment.arms)
            * len(experiment.suite.tasks)
            * experiment.repetitions
        )
        assert trials == 225
        assert experiment.scorers == ("text",)

    def test_the_second_part_of_the_demo_is_small_offline_judged_and_run(self) -> None:
        experiment = load_experiment("judged")
        assert all(model.simulated for model in experiment.models)
        assert experiment.scorers == ("judge/sim/judge-by-looks",)
        assert all(task.evidence for task in experiment.suite.tasks)
        answers = len(experiment.models) * len(experiment.arms) * len(experiment.suite.tasks)
        assert (answers, experiment.repetitions) == (16, 1)


class TestSmokeSuite:
    def test_five_tasks_of_four_kinds(self, suite: Suite) -> None:
        assert len(suite.tasks) == 5
        kinds = {task.category for task in suite.tasks}
        assert kinds == {"coding", "reasoning", "instructions", "safety"}
        assert all(task.source for task in suite.tasks)

    def test_the_files_of_a_task_hold_what_it_demands(self, suite: Suite) -> None:
        for name, file in (("lending-tests", "lending.py"), ("booking-tests", "bookingRules.js")):
            task = task_of(suite, name)
            assert all(symbol in task.files[file] for symbol in task.expect.symbols)

    def test_no_pattern_finds_its_case_in_an_empty_or_an_unrelated_text(self, suite: Suite) -> None:
        for task in suite.tasks:
            for pattern in task.expect.edge_cases.values():
                assert not re.search(pattern, "The weather is nice today.", re.IGNORECASE)

    def test_every_case_can_be_found(self, suite: Suite) -> None:
        """What the models know by heart names every edge case of its task."""
        for known in (LENDING, BOOKING, POSTERS, RELEASE, QUERY):
            task = task_of(suite, known.task)
            text = _everything(known.knowledge)
            assert set(find_cases(task, text)) == set(task.expect.edge_cases), task.name


def _everything(knowledge: TestKnowledge | FunctionKnowledge | TextKnowledge) -> str:
    match knowledge:
        case TestKnowledge(passages=passages):
            return "\n".join(f"{each.name}\n{each.body}" for each in passages)
        case FunctionKnowledge(code=code, cases=cases):
            return code + "\n".join(cases)
        case TextKnowledge():
            parts = (*knowledge.opening, *knowledge.lines, knowledge.last_check, knowledge.closing)
            return "\n".join(parts)


class TestLending:
    """Each test that the models know passes on the right module, and fails when they err."""

    @pytest.fixture
    def module(self, suite: Suite) -> ModuleType:
        module = ModuleType("lending")
        source = task_of(suite, "lending-tests").files["lending.py"]
        exec(compile(source, "lending.py", "exec"), module.__dict__)
        return module

    @pytest.fixture
    def known(self) -> TestKnowledge:
        assert isinstance(LENDING.knowledge, TestKnowledge)
        return LENDING.knowledge

    def run(self, module: ModuleType, known: TestKnowledge, body: str) -> None:
        from datetime import date

        scope = {"pytest": pytest, "date": date, **vars(module)}
        exec(compile(f"{known.setup}\n{body}", "test", "exec"), scope)

    def test_right_ones_pass(self, module: ModuleType, known: TestKnowledge) -> None:
        for passage in known.passages:
            self.run(module, known, passage.body)

    def test_wrong_ones_fail(self, module: ModuleType, known: TestKnowledge) -> None:
        for passage in known.passages:
            body = passage.body.replace(*passage.wrong)
            assert body != passage.body
            with pytest.raises((AssertionError, pytest.fail.Exception, module.LendingError)):
                self.run(module, known, body)

    def test_there_are_as_many_as_the_task_asks_for(
        self, suite: Suite, known: TestKnowledge
    ) -> None:
        for task, knowledge in ((LENDING, known), (BOOKING, BOOKING.knowledge)):
            assert isinstance(knowledge, TestKnowledge)
            assert len(knowledge.passages) >= (task_of(suite, task.task).expect.tests or 0)


_SHIM = """
const { BookingRules, BookingError } = require('./bookingRules');
class Like { constructor(fields) { this.fields = fields; } }
const like = (got, want) => {
  if (want instanceof Like) return like(got, want.fields);
  if (Array.isArray(want)) {
    return Array.isArray(got) && got.length === want.length
      && want.every((each, at) => like(got[at], each));
  }
  if (want === null || typeof want !== 'object') return Object.is(got, want);
  return got !== null && typeof got === 'object'
    && Object.keys(want).every((key) => like(got[key], want[key]));
};
const must = (good) => { if (!good) throw new Error('assertion failed'); };
const thrown = (error, want) => must(
  error !== undefined && (want === undefined
    || (typeof want === 'string' ? error.message.includes(want) : like(error, want))));
const expect = (got) => ({
  toBe: (want) => must(Object.is(got, want)),
  toThrow: (want) => { let error; try { got(); } catch (e) { error = e; } thrown(error, want); },
  resolves: { toEqual: async (want) => {
    const value = await got;
    must(like(value, want) && Object.keys(value).length === Object.keys(want).length);
  } },
  rejects: {
    toThrow: async (want) => { let e; await got.catch((x) => { e = x; }); thrown(e, want); },
    toMatchObject: async (want) => {
      let e; await got.catch((x) => { e = x; }); must(like(e, want));
    },
  },
});
expect.objectContaining = (fields) => new Like(fields);
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
class TestBooking:
    """The same for JavaScript, under the few of Jest's assertions that the tests use."""

    def outcomes(self, suite: Suite, folder: Path, bodies: list[tuple[Passage, str]]) -> list[str]:
        assert isinstance(BOOKING.knowledge, TestKnowledge)
        module = task_of(suite, "booking-tests").files["bookingRules.js"]
        (folder / "bookingRules.js").write_text(module, encoding="utf-8")
        head = BOOKING.knowledge.imports.partition("\n\n")[2]
        tests = "".join(
            f"await (async () => {{ const {BOOKING.knowledge.setup}\n{body}\n}})()"
            ".then(() => console.log('passed'), () => console.log('failed'));\n"
            for _, body in bodies
        )
        script = f"{_SHIM}\n{head}\n(async () => {{\n{tests}\n}})();\n"
        (folder / "tests.js").write_text(script, encoding="utf-8")
        done = subprocess.run(
            ["node", "tests.js"], cwd=folder, capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout.split()

    def test_right_ones_pass_and_wrong_ones_fail(self, suite: Suite, tmp_path: Path) -> None:
        assert isinstance(BOOKING.knowledge, TestKnowledge)
        passages = BOOKING.knowledge.passages
        right = [(each, each.body) for each in passages]
        wrong = [(each, each.body.replace(*each.wrong)) for each in passages]
        outcomes = self.outcomes(suite, tmp_path, right + wrong)
        assert outcomes == ["passed"] * len(right) + ["failed"] * len(wrong)


class TestQuery:
    def find(self, code: str) -> Any:
        scope: dict[str, Any] = {}
        exec(compile(code, "query", "exec"), scope)
        return scope["find_customers"]

    @pytest.fixture
    def connection(self) -> Any:
        connection = sqlite3.connect(":memory:")
        connection.execute("CREATE TABLE customers (id INTEGER, name TEXT)")
        names = ["O'Hara", "50% off", "a_b", "back\\slash", "aXb"]
        connection.executemany("INSERT INTO customers VALUES (?, ?)", enumerate(names))
        yield connection
        connection.close()

    @pytest.mark.parametrize(
        ("part", "found"),
        [
            ("'", ["O'Hara"]),
            ("%", ["50% off"]),
            ("_", ["a_b"]),
            ("\\", ["back\\slash"]),
            ("' OR '1'='1", []),
            ("b", ["aXb", "a_b", "back\\slash"]),
        ],
    )
    def test_the_known_function_is_right(
        self, connection: Any, part: str, found: list[str]
    ) -> None:
        assert isinstance(QUERY.knowledge, FunctionKnowledge)
        rows = self.find(QUERY.knowledge.code)(connection, part)
        assert [name for _, name in rows] == found

    @pytest.mark.parametrize(("part", "limit"), [("  ", 5), ("a", 0), ("a", 101)])
    def test_it_refuses_what_it_should(self, connection: Any, part: str, limit: int) -> None:
        assert isinstance(QUERY.knowledge, FunctionKnowledge)
        with pytest.raises(ValueError, match=repr(part) if not part.strip() else str(limit)):
            self.find(QUERY.knowledge.code)(connection, part, limit)

    def test_each_flaw_changes_the_code_and_leaves_it_whole(self) -> None:
        assert isinstance(QUERY.knowledge, FunctionKnowledge)
        for right, wrong in (*QUERY.knowledge.flaws, QUERY.knowledge.gap):
            flawed = QUERY.knowledge.code.replace(right, wrong)
            assert flawed != QUERY.knowledge.code
            ast.parse(flawed)


def test_the_39th_poster_is_ready_when_the_task_says() -> None:
    """Each machine minute by minute, the slow way."""
    ready: list[int] = []
    spent = {4: 0, 6: 0, 9: 0}
    for minute in range(1, 200):
        for needed, before in spent.items():
            if needed == 6 and 40 < minute <= 60:
                continue
            spent[needed] = (before + 1) % needed
            if spent[needed] == 0:
                ready.append(minute)
    at = ready[38]
    assert ready.count(at) == 1, "no tie: the answer is one time"
    assert isinstance(POSTERS.knowledge, TextKnowledge)
    assert POSTERS.knowledge.closing == f"Answer: {8 + at // 60:02d}:{at % 60:02d}"
