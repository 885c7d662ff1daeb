"""Puts the first part of the quickstart's report into README.md, between its markers."""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- quickstart -->", "<!-- /quickstart -->"


def shown() -> str:
    """Head and effects of the quickstart's report, as a fresh store gives it."""
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            [sys.executable, "-m", "preamblelab", "run", str(ROOT / "experiments/quickstart.yaml"),
             "--store", str(Path(folder) / "demo.db"), "--quiet"],
            capture_output=True, text=True, check=True, cwd=ROOT,
        )  # fmt: skip
    head, _, _ = run.stdout.partition("\nBy baseline tier and size\n")
    lines = head.rstrip().splitlines()
    last = max(place for place, line in enumerate(lines) if line.startswith("sim-"))
    return "\n".join(lines[: last + 1])


def filled(readme: str, text: str) -> str:
    """The README with the text between its markers."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n```\n{text}\n```\n{END}{after}"


if __name__ == "__main__":
    page = ROOT / "README.md"
    page.write_text(filled(page.read_text("utf-8"), shown()), encoding="utf-8")
