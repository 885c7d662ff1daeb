"""The picture in the README is of the figures that stand above it."""

import difflib
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "pictures" / "quickstart.svg"


def test_the_picture_shows_the_effects_of_the_table() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
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
