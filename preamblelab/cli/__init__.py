"""The command line: arguments, one use case, print."""

import sys

from typer.models import CommandInfo

from preamblelab.cli import (
    cases,
    claiming,
    concluding,
    files,
    gating,
    judging,
    measuring,
    policies,
    replicating,
    roles,
    routing,
    suites,
    viewing,
)
from preamblelab.cli.printing import guarded
from preamblelab.cli.root import app

__all__ = [
    "cases",
    "claiming",
    "concluding",
    "files",
    "gating",
    "judging",
    "main",
    "measuring",
    "policies",
    "replicating",
    "roles",
    "routing",
    "suites",
    "viewing",
]


_FIRST = ("init", "check", "run", "report", "compare", "score", "choose", "resolve", "power")
"""Commands that a user needs first stand first in the help."""


def main() -> None:
    """Run the command line; an error of ours is one line and exit code 1."""
    app.registered_commands.sort(key=_place)
    sys.exit(guarded(app))


def _place(command: CommandInfo) -> int:
    name = str(command.name or getattr(command.callback, "__name__", ""))
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)
