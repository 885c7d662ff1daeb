"""The files that docs/files.md shows make a project, and load."""

import re
from pathlib import Path

import pytest

from preamblelab.library import load_experiment, load_preamble
from preamblelab.library.strict_yaml import parse_yaml
from tests.library.published import validator

ROOT = Path(__file__).resolve().parent.parent.parent
BLOCK = re.compile(
    r"```(?:yaml\n# |markdown\n<!-- )(\S+\.(?:yaml|md))(?: -->)?\n(.*?)```", re.DOTALL
)
KINDS = {
    "preambles": "preamble",
    "rubrics": "rubric",
    "experiments": "experiment",
    "suites": "suite",
}


@pytest.fixture
def shown(tmp_path: Path) -> Path:
    """A project of the documented files."""
    text = (ROOT / "docs" / "files.md").read_text("utf-8")
    files = {**dict(BLOCK.findall(text)), "experiments/suites/files/user.py": "class User: ...\n"}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    return tmp_path


def test_the_documented_experiment_loads_with_the_documented_arms(shown: Path):
    experiment = load_experiment(shown / "experiments/brevity.yaml")
    assert experiment.arms == (
        "baseline", "thorough", "thorough+brevity", "brief:tiny", "brief:tiny+brevity",
    )  # fmt: skip
    assert experiment.preambles["thorough"].version == "2.10"
    assert experiment.judges["big-cloud"].id == "openai/some-model"
    assert len(experiment.rubric.dimensions) == 3
    assert experiment.claims is not None
    assert experiment.claims.source == "Their blog, in May"


def test_the_documented_markdown_is_read_as_it_says(shown: Path):
    preamble = load_preamble("brief", start=shown)
    assert "## Rules" in str(preamble.text)
    assert (set(preamble.sizes), set(preamble.clauses)) == ({"tiny"}, {"brevity"})


def test_the_documented_files_fit_their_schemas(shown: Path):
    seen = set()
    for file in shown.rglob("*.yaml"):
        if file.parent.name == "claims":
            continue  # sentences have no schema of their own; the experiment reads them
        kind = "models" if file.name == "models.yaml" else KINDS[file.parent.name]
        value = parse_yaml(file.read_text("utf-8"), file.name).plain()
        validator(kind).validate(value)  # type: ignore[arg-type]
        seen.add(kind)
    assert seen == {"models", *KINDS.values()}


def test_the_documented_error_is_the_one_that_is_given(
    shown: Path, monkeypatch: pytest.MonkeyPatch
):
    path = shown / "experiments" / "brevity.yaml"
    path.write_text(path.read_text("utf-8").replace("repetitions:", "repetition:"))
    monkeypatch.chdir(shown)
    with pytest.raises(ValueError, match=r"^experiments/brevity.yaml:\d+: unknown field") as caught:
        load_experiment("experiments/brevity.yaml")
    line = (ROOT / "docs" / "files.md").read_text("utf-8")
    assert re.sub(r":\d+:", ":18:", str(caught.value)) in line
