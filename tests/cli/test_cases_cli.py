"""`preamblelab cases mine`: what was made, why the rest was not, and an exit code that says so."""

import json
from pathlib import Path

import pytest

from preamblelab.cli import main
from tests.lab.mining.histories import FAULTY, FIX, RIGHT, TESTS, begun


def call(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["preamblelab", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def test_cases_go_into_the_project_and_reasons_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    made = begun(tmp_path / "parcels")
    made.commit("Add the fees of parcels and what is written on them", {"parcels.py": FAULTY})
    fix = made.commit(FIX, {"parcels.py": RIGHT, "test_parcels.py": TESTS})
    (tmp_path / "project" / "preambles").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    mine = ("cases", "mine", "--repo", str(made.folder), "--role", "review", "--role", "reason")
    assert call(*mine, monkeypatch=monkeypatch) == 0
    said = capsys.readouterr()
    assert ": 2 cases (1 review, 1 reason)" in " ".join(said.out.split())
    assert "the first commit" in said.out
    assert f"{fix}-review: {FIX}" in said.err
    assert Path("experiments/suites/cases.yaml").is_file()
    assert call(*mine, "--since", "HEAD", "--name", "none", monkeypatch=monkeypatch) == 3
    assert "nothing was written. Try" in capsys.readouterr().err
    assert call(*mine, "--name", "j", "--format", "json", monkeypatch=monkeypatch) == 0
    assert json.loads(capsys.readouterr().out)["found"] == {"review": 1, "reason": 1}
    assert call(*mine, "--name", "../x", monkeypatch=monkeypatch) == 1
    assert "make a name" in capsys.readouterr().err
