"""The picture in the README is of the figures that stand above it."""

import difflib
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.scoring.sandbox.requirements import need

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "pictures" / "quickstart.svg"


def test_the_picture_shows_the_effects_of_the_table() -> None:
    readme = (ROOT / "README.md").read_text("utf-8").partition("<!-- /quickstart -->")[0]
    rows = re.findall(
        r"^(sim-\S+) +\S+ +(\S+) +([\d.]+) +([\d.]+) +([+−\d.]+) ", readme, re.MULTILINE
    )
    assert len(rows) == 10
    told = "".join(ET.parse(PICTURE).getroot().itertext())
    assert "simulated models" in told
    for _, variant, before, after, effect in rows:
        line = rf"{re.escape(variant)}: {before} without, {after} with; effect {re.escape(effect)} "
        assert re.search(line, told), line


@pytest.mark.slow
def test_the_picture_is_what_the_command_makes(tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    from make_readme import filled, made

    text, picture = made(tmp_path)
    readme = (ROOT / "README.md").read_text("utf-8")
    assert filled(readme, text) == readme, "README.md is out of date: python docs/make_readme.py"
    old, new = PICTURE.read_text("utf-8"), picture.read_text("utf-8")
    assert old == new, "\n".join(difflib.unified_diff(old.split(">"), new.split(">"), n=0))[:2000]


@pytest.mark.slow
def test_what_stands_there_of_judge_and_execution_is_what_the_command_prints(
    tmp_path, monkeypatch
) -> None:
    for language in ("python", "javascript"):
        need(language)
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    from make_readme import filled, judged

    readme = (ROOT / "README.md").read_text("utf-8")
    said = judged(tmp_path)
    assert "judge and execution" in said
    assert filled(readme, said, "judged") == readme, (
        "README.md is out of date: python docs/make_readme.py"
    )


def test_the_readme_shows_a_model_whose_words_gain_while_its_tests_stay_worth_nothing() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    row = r"^sim-mid-3b-showy +\w+ +\d+ +([\d.]+) +\d+ +\d+ of \d+ +(\d+) of (\d+) "
    before, after = re.findall(row, readme, re.MULTILINE)
    assert float(after[0]) > float(before[0]) + 20
    assert (int(after[1]), int(after[2]) > 50) == (0, True)
