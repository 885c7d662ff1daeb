"""The documentation runs: Python blocks in order, commands in an empty folder."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from preamblelab.cli import main as _registered  # noqa: F401 -- brings the commands in
from preamblelab.cli.root import app

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "docs" / name
    for name in (
        "guide.md",
        "policy.md",
        "statistics.md",
        "suites.md",
        "evidence.md",
        "decisions.md",
    )
]
FILE = re.compile(r"# (\S+\.yaml)\n")
EXITS = re.compile(r"  # exits (\d+)$")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


ONE_AFTER_THE_OTHER = """
import json, sys
from preamblelab.cli import main
for command, wanted in json.loads(sys.argv[1]):
    sys.argv, code = command, 0
    try:
        main()
    except SystemExit as left:
        code = left.code or 0
    if code != wanted:
        sys.exit(f"{command}: exit code {code}, not {wanted}")
"""


def exits(line: str) -> int:
    """The exit code that a page promises behind a command; 0 where it says nothing."""
    found = EXITS.search(line)
    return int(found[1]) if found else 0


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(page.read_text("utf-8")) if kind == language]


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONWARNINGS": "default"}
    return subprocess.run(
        arguments, cwd=folder, capture_output=True, text=True, env=environment, check=False
    )


@pytest.mark.whole
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page, tmp_path):
    script = tmp_path / "page.py"
    script.write_text("\n\n".join(blocks(page, "python")), encoding="utf-8")
    done = run([sys.executable, str(script)], tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]


# Hundreds of simulated answers each; their commands are tried one by one elsewhere.
LONG = {"decisions.md", "policy.md", "suites.md"}
COMMANDS = [
    pytest.param(
        page, marks=pytest.mark.slow if page.name in LONG else pytest.mark.whole, id=page.name
    )
    for page in PAGES
]


@pytest.mark.parametrize("page", COMMANDS)
def test_the_commands_of_a_page_run(page, tmp_path):
    lines = [
        line.removeprefix("$ ")
        for block in blocks(page, "console")
        for line in block.splitlines()
        if line.startswith("$ ")
    ]
    assert lines
    for text in blocks(page, "yaml"):
        if named := FILE.match(text):
            file = tmp_path / named[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    commands = [(shlex.split(EXITS.sub("", line)), exits(line)) for line in lines]
    assert {name for (name, *_), _ in commands} == {"preamblelab"}
    # One process for all: importing the model libraries anew for each line is dear.
    done = run([sys.executable, "-c", ONE_AFTER_THE_OTHER, json.dumps(commands)], tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Traceback" not in done.stderr


def typed(page: Path) -> list[str]:
    """The commands of ours that a page shows."""
    text = page.read_text("utf-8").replace("\\\n", " ")
    return re.findall(r"^\$ (preamblelab .*)$", text, re.MULTILINE)


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_the_program_has_every_option_that_a_page_shows(page):
    for line in typed(page):
        name, *words = shlex.split(re.split(r" [>|] ", line)[0], comments=True)
        command, parent = typer.main.get_command(app), None
        while words and hasattr(command, "resolve_command"):
            parent = command.make_context(name, words, parent=parent)
            words = [*parent._protected_args, *parent.args]
            if words:
                name, command, words = command.resolve_command(parent, words)
        if not hasattr(command, "resolve_command"):
            command.make_context(name, words, parent=parent)


def test_the_command_line_page_is_up_to_date():
    done = run(
        [sys.executable, "-c", "import make_cli; print(make_cli.page(), end='')"], ROOT / "docs"
    )
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    assert done.stdout == page, "docs/cli.md is out of date: make docs"
