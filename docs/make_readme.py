"""Puts the first part of the quickstart's report into README.md, and its picture beside it."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- quickstart -->", "<!-- /quickstart -->"
PICTURE = ROOT / "docs" / "pictures" / "quickstart.svg"


def made(folder: Path) -> tuple[str, Path]:
    """Head and effects of the quickstart's report, and its first picture, from a fresh store."""
    store = folder / "quickstart.db"
    printed = preamblelab("run", ROOT / "experiments/quickstart.yaml", "--store", store, "--quiet")
    preamblelab("report", "quickstart", "--store", store, "-o", folder / "report.md")
    head, _, _ = printed.partition("\nBy baseline tier and size\n")
    lines = head.rstrip().splitlines()
    last = max(place for place, line in enumerate(lines) if line.startswith("sim-"))
    return "\n".join(lines[: last + 1]), folder / "report-pictures" / "effects.svg"


def preamblelab(*arguments: object) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "preamblelab", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def filled(readme: str, text: str) -> str:
    """The README with the text between its markers."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n```\n{text}\n```\n{END}{after}"


if __name__ == "__main__":
    page = ROOT / "README.md"
    with tempfile.TemporaryDirectory() as folder:
        text, picture = made(Path(folder))
        PICTURE.parent.mkdir(exist_ok=True)
        shutil.copyfile(picture, PICTURE)
    page.write_text(filled(page.read_text("utf-8"), text), encoding="utf-8")
