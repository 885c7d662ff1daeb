"""Writes docs/cli.md from the program's own --help."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from preamblelab import cli
from preamblelab.cli.root import app


def commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command that the help lists, in its order, a group before its own."""
    yield words
    for name, each in getattr(command, "commands", {}).items():
        if not each.hidden:
            yield from commands(each, (*words, name))


def help_of(words: tuple[str, ...]) -> str:
    """What a user sees who asks a command for help."""
    sys.argv = ["preamblelab", *words, "--help"]
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.suppress(SystemExit):
        cli.main()
    return shown.getvalue().strip()


def page() -> str:
    """The page: one block for each command."""
    os.environ.update(COLUMNS="90", TERM="dumb", NO_COLOR="1")
    parts = ["# The command line\n\nWritten by `make docs` from `--help`; a test compares.\n"]
    help_of(())  # brings the commands into the order of the help
    for words in commands(typer.main.get_command(app)):
        name = " ".join(("preamblelab", *words))
        parts.append(f"## {name}\n\n```\n{help_of(words)}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    Path(__file__).with_name("cli.md").write_text(page(), encoding="utf-8")
