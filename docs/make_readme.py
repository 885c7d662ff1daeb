"""Puts parts of the demo's two reports into README.md, and a picture beside it."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
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


def judged(folder: Path) -> str:
    """Of the second report: what the judge says, what running shows, how often they contradict."""
    store = folder / "judged.db"
    printed = preamblelab("run", ROOT / "experiments/judged.yaml", "--store", store, "--quiet")
    head, _, rest = printed.partition("\nBy model (margin")
    _, _, evidence = rest.partition("\nExecuted evidence\n")
    table, _, rest = evidence.partition("\n  load, tests pass")
    _, _, contradictions = rest.partition("\nContradictions between judge and execution\n")
    said, _, _ = contradictions.partition("\n\n")
    title = "Contradictions between judge and execution"
    return f"{head}\n\nExecuted evidence\n{table}\n\n{title}\n{said}"


def preamblelab(*arguments: object) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "preamblelab", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def filled(readme: str, text: str, name: str = "quickstart") -> str:
    """The README with the text between the markers of that name."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = readme.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n```\n{text}\n```\n{end}{after}"


if __name__ == "__main__":
    page = ROOT / "README.md"
    with tempfile.TemporaryDirectory() as folder:
        text, picture = made(Path(folder))
        PICTURE.parent.mkdir(exist_ok=True)
        shutil.copyfile(picture, PICTURE)
        said = judged(Path(folder))
    readme = filled(page.read_text("utf-8"), text)
    page.write_text(filled(readme, said, "judged"), encoding="utf-8")
