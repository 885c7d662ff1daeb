"""Writes docs/cli.md from the program's own --help."""

import os
import subprocess
import sys
from pathlib import Path

COMMANDS = (
    (), ("check",), ("run",), ("score",), ("report",), ("compare",), ("power",), ("choose",), ("decide",), ("gate",),
    ("gate", "plan"), ("gate", "run"), ("gate", "decide"), ("gate", "apply"), ("gate", "adopt"),
    ("gate", "history"), ("gate", "rollback"), ("gate", "trial"), ("gate", "revert"), ("resolve",),
    ("policy", "show"), ("policy", "history"), ("policy", "rollback"), ("policy", "fallbacks"),
    ("claims",), ("wins",), ("agreement",), ("judge-check",), ("suite", "check"),
    ("suite", "stats"), ("models",),
    ("models", "describe"), ("list",), ("import",), ("export",), ("init",), ("schema",),
)  # fmt: skip


def page() -> str:
    """The page: one block for each command."""
    parts = ["# The command line\n\nWritten by `make docs` from `--help`; a test compares.\n"]
    environment = {**os.environ, "COLUMNS": "90", "TERM": "dumb", "NO_COLOR": "1"}
    for command in COMMANDS:
        run = subprocess.run(
            [sys.executable, "-m", "preamblelab", *command, "--help"],
            capture_output=True, text=True, check=True, env=environment,
        )  # fmt: skip
        name = " ".join(("preamblelab", *command))
        parts.append(f"## {name}\n\n```\n{run.stdout.strip()}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    Path(__file__).with_name("cli.md").write_text(page(), encoding="utf-8")
