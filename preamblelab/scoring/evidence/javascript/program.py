"""The runner as a program for the sandbox, and what is bundled into it."""

import json
from functools import cache
from importlib import resources

from preamblelab.scoring.sandbox import Program

RUNNER = ("run_tests.mjs", "sources.mjs", "repairs.mjs", "facts.mjs")
CONTEXT = ("world.js", "collecting.js", "asserting.js", "modules.js", "running.js")
BUNDLES = ("assertions.js", "extras.js", "acorn.mjs")


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def bundled_versions() -> dict[str, str]:
    """Versions of the bundled packages by name."""
    found: dict[str, str] = json.loads(_text("bundle/versions.json"))
    return found


@cache
def runner_program() -> Program:
    """The runner; neither answer nor module is among its files: both come by the channel."""
    files = {name: _text(name) for name in RUNNER}
    files |= {f"context/{name}": _text(f"context/{name}") for name in CONTEXT}
    files |= {name: _text(f"bundle/{name}") for name in BUNDLES}
    return Program(language="javascript", files=files, entry="run_tests.mjs")
