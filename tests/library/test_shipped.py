"""What ships: every file loads, fits its schema, and makes a project that runs."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from preamblelab.errors import SpecError
from preamblelab.library import (
    SCHEMA_KINDS,
    init_project,
    json_schema,
    list_names,
    load_experiment,
    load_models,
    load_preamble,
    load_rubric,
    load_suite,
    schema_text,
    write_schemas,
)
from preamblelab.library.strict_yaml import parse_yaml
from tests.library.published import validator

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = {
    "preambles": "preamble",
    "rubrics": "rubric",
    "experiments": "experiment",
    "experiments/suites": "suite",
}
FILES = [
    (kind if file.name != "models.yaml" else "models", file)
    for folder, kind in FOLDERS.items()
    for file in sorted((ROOT / folder).glob("*.yaml"))
]


def plain(file: Path) -> Any:
    return parse_yaml(file.read_text(encoding="utf-8"), file.name).plain()


def fits(kind: Any, value: Any) -> bool:
    return bool(validator(kind).is_valid(value))


@pytest.mark.parametrize("kind", SCHEMA_KINDS)
def test_the_published_schema_is_the_one_that_the_specs_say(kind: Any):
    published = (ROOT / "preamblelab" / "schemas" / f"{kind}.schema.json").read_text("utf-8")
    assert published == schema_text(kind), (
        "stale: run `preamblelab schema --write preamblelab/schemas`"
    )
    jsonschema.Draft202012Validator.check_schema(json.loads(published))


@pytest.mark.parametrize(("kind", "file"), FILES, ids=[file.name for _, file in FILES])
def test_every_shipped_file_fits_its_schema_and_says_so_in_its_first_line(kind: str, file: Path):
    assert fits(kind, plain(file))
    first = file.read_text("utf-8").split("\n", 1)[0]
    mark, _, relative = first.partition("$schema=")
    assert mark == "# yaml-language-server: "
    assert (file.parent / relative).name == f"{kind}.schema.json"
    assert (file.parent / relative).is_file()


def test_every_shipped_name_loads(tmp_path: Path):
    for load, kind in (
        (load_preamble, "preambles"),
        (load_rubric, "rubrics"),
        (load_suite, "suites"),
        (load_experiment, "experiments"),
    ):
        names = list_names(kind, start=tmp_path)
        assert names
        for name in names:
            assert load(name, start=tmp_path).name == name
    assert load_models(start=tmp_path)


@pytest.mark.whole
def test_a_new_project_is_whole_and_loads_by_itself(tmp_path: Path):
    folder = tmp_path / "new"
    written = init_project(folder)
    assert all(file.is_file() for file in written)
    assert {file for file in folder.rglob("*") if file.is_file()} == set(written)
    assert load_experiment(folder / "experiments/quickstart.yaml").arms[0] == "baseline"
    assert load_experiment("quickstart", start=folder).name == "quickstart"
    for file in (file for file in written if file.suffix == ".yaml"):
        first = file.read_text("utf-8").split("\n", 1)[0]
        assert (file.parent / first.partition("$schema=")[2]).is_file()


def test_a_new_project_overwrites_nothing(tmp_path: Path):
    (tmp_path / "rubrics").mkdir()
    mine = tmp_path / "rubrics" / "coding.yaml"
    mine.write_text("mine")
    with pytest.raises(SpecError, match=r"coding.yaml: is there already"):
        init_project(tmp_path)
    assert mine.read_text() == "mine"
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [mine]


def test_a_new_project_that_cannot_be_written_says_why(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SpecError, match="cannot be written"):
        init_project(tmp_path / "file")


def test_schemas_are_written_beside(tmp_path: Path):
    assert [file.name for file in write_schemas(tmp_path / "s")] == [
        f"{kind}.schema.json" for kind in SCHEMA_KINDS
    ]


def test_an_unknown_schema_is_refused_by_name():
    with pytest.raises(SpecError, match="no schema 'experiments'; did you mean 'experiment'"):
        json_schema("experiments")  # type: ignore[arg-type]


PLAN = "{models: [a/b], variants: [x], suite: s, rubric: r"
# The same texts go to the schema and, in the other tests, to the loader: both must agree.
GOOD = [
    ("experiment", PLAN + "}"),
    ("experiment", PLAN + ", brevity: [on, off], warm_up: no, clauses: {loop_guard: on}}"),
    ("experiment", PLAN + ", judges: {a/b: {settings: {temperature: 0}}, c: d/e}}"),
    ("experiment", PLAN.replace("suite: s", "suite: [s, {name: t, prompt: p}]") + "}"),
    ("experiment", PLAN.replace("[a/b]", "[{id: a/b, parameters: 8}]") + "}"),
    ("preamble", "{version: 3.10, text: a, brevity: b}"),
    ("rubric", "{dimensions: {a: 40, b: {points: 60, criteria: [{60: words}]}}}"),
    ("rubric", "{dimensions: [{name: a, points: 100, criteria: [{points: 100, text: w}]}]}"),
    ("suite", "{tasks: [{name: t, prompt: p, files: {a.py: files/a.py}}]}"),
    ("models", "{a: b/c, d: {id: e/f, size: tiny}, g/h: {parameters: 8B}}"),
]
WRONG = [
    ("experiment", PLAN + ", repetition: 3}"),
    ("experiment", PLAN + ", repetitions: 0}"),
    ("experiment", PLAN + ", brevity: [maybe]}"),
    ("experiment", "{models: [a/b]}"),
    ("experiment", PLAN.replace("[a/b]", "[{name: x}]") + "}"),
    ("preamble", "{text: a, verson: 1}"),
    ("preamble", "{text: a, sizes: {tny: b}}"),
    ("rubric", "{dimensions: {a: {points: 0}}}"),
    ("rubric", "{dimensions: {a: {points: 100, criteria: [{x: words}]}}}"),
    ("suite", "{tasks: []}"),
    ("suite", "{tasks: [{prompt: p}]}"),
    ("models", "{a: {id: b/c, size: tny}}"),
    ("models", "[a]"),
]


@pytest.mark.parametrize(("kind", "text"), GOOD)
def test_the_schema_knows_the_short_forms(kind: str, text: str):
    assert fits(kind, parse_yaml(text, "f").plain())


@pytest.mark.parametrize(("kind", "text"), WRONG)
def test_the_schema_refuses_what_the_loader_refuses(kind: str, text: str):
    assert not fits(kind, parse_yaml(text, "f").plain())


LOADERS = {"preamble": load_preamble, "rubric": load_rubric}


@pytest.mark.parametrize(("kind", "text"), [each for each in (*GOOD, *WRONG) if each[0] in LOADERS])
def test_schema_and_loader_agree(tmp_path: Path, kind: str, text: str):
    file = tmp_path / "x.yaml"
    file.write_text(text)
    try:
        LOADERS[kind](file)
        loads = True
    except SpecError:
        loads = False
    assert fits(kind, parse_yaml(text, "f").plain()) == loads


TRY_OUT = """
from pathlib import Path
from preamblelab.library import init_project, list_entries, load_experiment, shipped_root
assert shipped_root().name == "shipped", shipped_root()
assert {entry.origin for entry in list_entries("preambles")} == {"shipped"}
assert load_experiment("quickstart").preambles
init_project(Path("new"))
assert load_experiment("new/experiments/quickstart.yaml") == load_experiment("quickstart")
"""


def try_out(site_packages: Path, where: Path) -> None:
    """Run the installed package from a folder that is no project."""
    where.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(site_packages), "PYTHONSAFEPATH": "1"}
    subprocess.run([sys.executable, "-c", TRY_OUT], cwd=where, env=environment, check=True)


@pytest.mark.whole
def test_an_installed_package_finds_what_the_wheel_carries(tmp_path: Path):
    # Laid out as the build table of pyproject.toml says, without building.
    table = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = table["tool"]["hatch"]["build"]["targets"]["wheel"]
    site_packages = tmp_path / "site-packages"
    for package in wheel["packages"]:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, site_packages / package, ignore=ignored)
    for folder, target in wheel["force-include"].items():
        shutil.copytree(ROOT / folder, site_packages / target)
    try_out(site_packages, tmp_path / "elsewhere")


@pytest.mark.slow
def test_a_built_wheel_carries_preambles_rubrics_suites_and_schemas(tmp_path: Path):
    uv = shutil.which("uv", path=os.pathsep.join((str(Path(sys.executable).parent), os.defpath)))
    if uv is None:
        pytest.skip("no uv to build a wheel with")
    subprocess.run([uv, "build", "--wheel", "--out-dir", tmp_path, ROOT], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site-packages")
    schemas = tmp_path / "site-packages" / "preamblelab" / "schemas"
    assert len(list(schemas.glob("*.schema.json"))) == len(SCHEMA_KINDS)
    try_out(tmp_path / "site-packages", tmp_path / "elsewhere")


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(SpecError, match=r"taken.*: cannot be written: Not a directory"):
        write_schemas(tmp_path / "taken" / "s")
