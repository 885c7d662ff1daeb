"""Where names are looked up: the nearest project, then what ships, in a checkout or a wheel."""

from collections.abc import Callable
from pathlib import Path

import pytest

from preamblelab.errors import SpecError
from preamblelab.library import (
    Project,
    describe_location,
    list_entries,
    list_names,
    load_experiment,
    load_models,
    load_preamble,
    load_suite,
    shipped_root,
)

Write = Callable[[str, str], Path]


def test_the_project_is_the_nearest_folder_that_holds_preambles(project: Path):
    (project / "inner" / "preambles").mkdir(parents=True)
    assert Project.above(project / "experiments" / "plan.yaml").root == project
    assert Project.above(project / "inner" / "x.yaml").root == project / "inner"


def test_without_a_project_names_are_the_shipped_ones(tmp_path: Path, project_root: Path):
    assert Project.above(tmp_path).root is None
    assert Project.above(tmp_path).shipped == project_root
    assert load_preamble("careful", start=tmp_path).name == "careful"
    assert "no project here" in describe_location(start=tmp_path)


def test_the_project_comes_before_what_ships(project: Path, tmp_path: Path):
    assert load_preamble("careful", start=project).version == "2.1.0"
    assert load_preamble("careful", start=tmp_path).version != "2.1.0"
    assert {entry.name: entry.origin for entry in list_entries("preambles", start=project)} == {
        "careful": "project",
        "plain-steps": "shipped",
    }
    assert "NO" in load_models(start=project)
    assert "sim-mid-4b" in load_models(start=project)


def test_a_name_that_the_project_lacks_is_found_among_the_shipped(write: Write, plan: str):
    path = write("experiments/x.yaml", plan.replace("[careful]", "[careful, plain-steps]"))
    assert set(load_experiment(path).preambles) == {"careful", "plain-steps"}


def test_in_a_wheel_the_shipped_files_lie_in_the_package(tmp_path: Path):
    wheel = tmp_path / "site-packages" / "preamblelab"
    for kind in ("preambles", "rubrics"):
        (wheel / "shipped" / kind).mkdir(parents=True)
    assert shipped_root(wheel) == wheel / "shipped"


def test_in_a_checkout_the_shipped_files_lie_beside_the_package(project_root: Path):
    assert shipped_root() == shipped_root(project_root / "preamblelab") == project_root


def test_a_broken_installation_says_so(tmp_path: Path):
    with pytest.raises(SpecError, match="install preamblelab again"):
        shipped_root(tmp_path / "preamblelab")


def test_names_are_listed_by_kind(project: Path):
    assert "plan" in list_names("experiments", start=project)
    assert "models" not in list_names("experiments", start=project)
    assert list_names("suites", start=project) == ("coding-code", "coding-tests", "full", "smoke")
    assert set(list_names("models", start=project)) >= {"gemma", "big", "NO", "sim-mid-4b"}
    assert "coding" in list_names("rubrics", start=project)
    with pytest.raises(SpecError, match="nothing to list called 'preamble'; did you mean"):
        list_names("preamble", start=project)  # type: ignore[arg-type]


def test_a_broken_file_hides_no_other_in_a_list(project: Path):
    (project / "preambles" / "broken.yaml").write_text("[")
    assert "broken" in list_names("preambles", start=project)
    assert "careful" in list_names("preambles", start=project)


def test_the_location_names_the_project(project: Path):
    assert describe_location(start=project).startswith(f"project {project};")


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..\\x", "%2e%2e", "~", "", "a/b", "-x", "n" * 101]
)
def test_what_is_no_name_is_never_looked_up(project: Path, name: str):
    with pytest.raises(SpecError, match="is not the name of a preamble"):
        Project.above(project).find("preambles", name)


def test_two_files_of_one_name_are_refused(write: Write, project: Path):
    write("preambles/careful.md", "Think.")
    with pytest.raises(SpecError, match=r"careful.yaml and careful.md have one name"):
        load_preamble("careful", start=project)


def test_an_unknown_name_is_answered_with_what_there_is(project: Path, tmp_path: Path):
    with pytest.raises(SpecError, match="no preamble named 'carefull'; did you mean 'careful'"):
        load_preamble("carefull", start=project)
    with pytest.raises(
        SpecError, match="no suite named 'zzz'; known: coding-code, coding-tests, full, smoke"
    ):
        load_suite("zzz", start=tmp_path)


def test_a_path_that_is_not_there_hints_at_the_shipped_name(tmp_path: Path):
    missing = tmp_path / "experiments" / "quickstart.yaml"
    with pytest.raises(SpecError, match="no such file; to name a shipped experiment, write 'quick"):
        load_experiment(missing)
    with pytest.raises(SpecError, match=r"nowhere.yaml: no such file$"):
        load_experiment(str(tmp_path / "nowhere.yaml"))


def test_a_text_taken_for_a_path_is_answered_in_one_short_line():
    with pytest.raises(SpecError, match="no such file") as caught:
        load_preamble("You are and/or were\n" * 100)
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


def test_a_link_that_leads_to_itself_is_no_file(tmp_path: Path):
    (tmp_path / "loop.md").symlink_to(tmp_path / "loop.md")
    with pytest.raises(SpecError, match="symbolic link"):
        load_preamble(tmp_path / "loop.md")


def test_the_catalogue_may_not_be_taken_for_an_experiment(project: Path):
    with pytest.raises(SpecError, match="no experiment named 'models'"):
        load_experiment("models", start=project)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- gemma", "models.yaml:1: must be a mapping"),
        ("gemma: {}", "models.yaml:1: gemma: 'id' is missing"),
        (
            "a: {id: a/b}\ngemma: {id: x/y, sise: tiny}",
            "models.yaml:2: gemma: unknown field 'sise'",
        ),
        ("gemma:\n  id: x/y\n  parameters: lots", "models.yaml:3: gemma.parameters: cannot read"),
        (
            "gemma:\n  id: x/y\n  settings: {think: off}",
            "models.yaml:3: gemma.settings.think: 'off'",
        ),
        (
            "gemma: {id: x/y, size: tiny, parameters: 70B}",
            "models.yaml:1: gemma: size: 'tiny' contra",
        ),
        ("gemma: {id: x/y, parameters: true}", "models.yaml:1: gemma.parameters"),
        ("gemma: {id: x/y, concurrency: 0}", "gemma.concurrency: must be at least 1, not 0"),
    ],
)
def test_a_wrong_catalogue_is_named_with_its_line(project: Path, text: str, message: str):
    (project / "experiments/models.yaml").write_text(text)
    with pytest.raises(SpecError) as caught:
        load_models(start=project)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_id_of_two_entries_is_refused_by_name(write: Write, project: Path, plan: str):
    write("experiments/models.yaml", "warm: a/b\ncold: a/b\n")
    path = write("experiments/x.yaml", plan.replace("[gemma, big]", "[a/b]"))
    with pytest.raises(SpecError, match=r"'a/b' is the id of several models: warm, cold"):
        load_experiment(path)
