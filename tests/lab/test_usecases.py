"""What a script calls: names, files and specs in; refusals with their line."""

from pathlib import Path

import pytest

import preamblelab as pl
from preamblelab.domain.models import ModelSpec
from preamblelab.errors import SpecError
from preamblelab.lab.commands import checked, ran
from preamblelab.lab.loading import load_planned
from preamblelab.lab.usecases import comparison, models_of, preamble_of, remarked
from preamblelab.store import Store
from preamblelab.testing import answers

EXPERIMENT = """\
name: e
models:
  - sim/mid-4b
  - {id: openai/mystery, name: mystery}
variants: [only]
suite: smoke
rubric: two
scorers:
  - text
"""
RUBRIC = """\
name: two
dimensions:
  code:
    points: 60
    criteria:
      - {points: 20, text: Whole, check: no_placeholders}
      - {points: 40, text: Right}
  style: 40
"""
SCORERS = """\
import preamblelab as pl

@pl.scorer(dimension="code")
def half(task, response):
    return 0.5

@pl.scorer(dimension="style")
def full(task, response):
    return 1.0
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {
        "preambles/only.yaml": "name: only\ntext: Be careful.\n",
        "rubrics/two.yaml": RUBRIC,
        "experiments/e.yaml": EXPERIMENT,
        "own_scorers_of_a_project.py": SCORERS,
    }
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(project: Path, *, names: str = "experiments/e.yaml") -> str:
    with pytest.raises(SpecError) as caught:
        load_planned(Path(names))
    return str(caught.value)


def change(project: Path, file: str, old: str, new: str) -> None:
    path = project / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_dimension_that_nobody_marks_is_refused_with_both_lines(project):
    line = refused(project)
    assert line.startswith("experiments/e.yaml:8: scorers: nobody marks 'code' of rubric 'two'")
    assert "rubrics/two.yaml:7" in line
    change(project, "rubrics/two.yaml", "text: Right", "text: Right, check: code_parses")
    line = refused(project)
    assert "nobody marks 'style'" in line
    assert "rubrics/two.yaml:8" in line


def test_a_check_that_nobody_knows_is_refused_with_the_rubrics_line(project):
    change(project, "rubrics/two.yaml", "check: no_placeholders", "check: no_placeholder")
    assert refused(project).startswith("rubrics/two.yaml:6: dimensions: no check 'no_placeholder'")


def test_a_scorer_that_is_not_there_is_refused_with_its_line(project):
    change(
        project, "experiments/e.yaml", "  - text\n", "  - text\n  - own_scorers_of_a_project:no\n"
    )
    line = refused(project)
    assert line.startswith("experiments/e.yaml:10: scorers: scorer 'own_scorers_of_a_project:no'")


def test_a_preamble_without_a_text_for_a_model_is_refused_with_the_models_line(project):
    change(project, "experiments/e.yaml", "  - text\n", "  - judge/sim/mid-4b\n")
    (project / "preambles/only.yaml").write_text("name: only\nsizes: {mid: Care.}\n")
    line = refused(project)
    assert line.startswith("experiments/e.yaml:4: models: 'mystery' under 'only'")
    assert "no text for size unknown" in line


def test_an_experiment_of_another_folder_finds_its_own_projects_scorers(project, monkeypatch):
    own = "  - own_scorers_of_a_project:half\n  - own_scorers_of_a_project:full\n"
    change(project, "experiments/e.yaml", "  - text\n", own)
    (project / "elsewhere").mkdir()
    monkeypatch.chdir(project / "elsewhere")
    path = project / "experiments" / "e.yaml"
    report = pl.run(path, project / "a.db", client=answers("x"))
    assert set(report.scores["score"]) == {70.0}
    assert checked(str(path), project / "none.db").trials > 0


def test_a_scorer_handed_over_in_python_counts_as_well(project):
    @pl.scorer(dimension="style")
    def full(task, response):
        return 1.0

    @pl.scorer(dimension="code")
    def half(task, response):
        return 0.5

    report = pl.run("e", project / "a.db", scorers=[full, half], client=answers("x"))
    assert report.scores["score"].notna().all()


def test_score_marks_anew_with_another_rubric_and_keeps_own_scorers(project):
    own = "  - own_scorers_of_a_project:half\n  - own_scorers_of_a_project:full\n"
    change(project, "experiments/e.yaml", "  - text\n", own)
    pl.run("e", project / "a.db", client=answers("x"))
    change(project, "rubrics/two.yaml", "name: two", "name: turned")
    change(project, "rubrics/two.yaml", "style: 40", "style: 20\n  other: 20")
    (project / "rubrics/two.yaml").rename(project / "rubrics/turned.yaml")
    with pytest.raises(SpecError, match="nobody marks 'other'"):
        pl.score("e", project / "a.db", rubric="turned")
    change(project, "rubrics/turned.yaml", "  style: 20\n  other: 20", "  style: 10\n  code2: 30")
    assert set(pl.analyze(pl.Store(project / "a.db"), "e").scores["score"]) == {70.0}
    with Store(project / "a.db") as store:
        plan = remarked(store, "e", judges=["sim/mid-4b"])
        assert plan.scorers == (
            "own_scorers_of_a_project:half",
            "own_scorers_of_a_project:full",
            "judge/sim-mid-4b",
        )


def test_judges_are_called_as_the_user_calls_them_and_each_once(project):
    near = ModelSpec(id="openai/judge", name="near", api_base="http://127.0.0.1:1/v1")
    far = ModelSpec(id="openai/judge", name="far")
    options = {
        "suite": "smoke", "repetitions": 1, "rubric": "coding", "settings": {},
        "budget": pl.Budget(), "seed": 0,
    }  # fmt: skip
    plan = comparison("only", ["sim/mid-4b"], judges=[near, far], **options)
    assert plan.scorers == ("text", "judge/near", "judge/far")
    assert plan.judges == {"near": near, "far": far}
    with pytest.raises(SpecError, match="'judge/far' stands here twice"):
        comparison("only", ["sim/mid-4b"], judges=[far, far], **options)


def test_a_preamble_is_a_text_a_file_a_name_or_itself(project):
    itself = pl.Preamble(name="p", text="x")
    assert preamble_of(itself) is itself
    assert preamble_of("only").text == "Be careful."
    assert preamble_of(Path("preambles/only.yaml")).name == "only"
    text = preamble_of("Be very careful indeed.")
    assert (text.text, text.name) == ("Be very careful indeed.", preamble_of(text).name)
    assert text.name != preamble_of("Be careless indeed.").name
    with pytest.raises(SpecError, match="no preamble named 'carefull'; did you mean 'careful'"):
        preamble_of("carefull")


def test_models_are_specs_names_or_ids():
    spec = ModelSpec(id="openai/x", name="x")
    found = models_of([spec, "sim-mid-4b", "sim/mid-4b", "openai/unheard-of"])
    assert [model.name for model in found] == ["x", "sim-mid-4b", "sim-mid-4b", "openai/unheard-of"]


def test_a_command_says_what_is_open_and_how_to_go_on(project):
    change(project, "experiments/e.yaml", "  - {id: openai/mystery, name: mystery}\n", "")
    change(project, "experiments/e.yaml", "rubric: two", "rubric: coding")
    change(project, "experiments/e.yaml", "scorers:", "budget: {calls: 5}\nscorers:")
    result = ran(
        "e",
        project / "a.db",
        limit=None,
        until_decided=False,
        allow_unsafe=False,
        quiet=True,
        margin=5.0,
        form="text",
    )
    assert not result.complete
    (line,) = result.open_lines("preamblelab run e")
    assert line.startswith("stopped (budget.calls: 5): ")
    assert line.endswith("To go on: preamblelab run e")
