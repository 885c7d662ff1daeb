"""Environments of the peers that cannot share ours, made once below `.bench/`."""

import json
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.measure import ROOT

CACHE = ROOT / ".bench"
INSPECT = ("inspect-ai==0.3.285", "openai>=3.4")
"""litellm needs openai below 3, inspect's OpenAI-compatible provider 3.4 or newer."""
PROMPTFOO = ("promptfoo@0.123.1", "node@22")
"""It refuses node 20; `node@22` brings its own."""
ALL = ("litellm", "inspect", "promptfoo")


class Absent(Exception):  # noqa: N818 - it is reported as a reason
    """A peer could not be installed; its rows say why."""


def inspect_python() -> Path:
    """The interpreter of the environment with inspect_ai.

    Raises:
        Absent: it cannot be installed.
    """
    folder = CACHE / "inspect"
    python = folder / "bin/python"
    if not _is_made(folder, INSPECT):
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        _install([*pip, *INSPECT], ROOT)
        _note_made(folder, INSPECT)
    return python


def promptfoo_command() -> tuple[Path, Path]:
    """Node 22, and promptfoo's program for it.

    Raises:
        Absent: it cannot be installed.
    """
    folder = CACHE / "promptfoo"
    node = folder / "node_modules/node/bin/node"
    program = folder / "node_modules/promptfoo/dist/src/entrypoint.js"
    if not _is_made(folder, PROMPTFOO):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        _install(["npm", "install", "--no-audit", "--no-fund", *PROMPTFOO], folder)
        if not node.exists():
            raise Absent("npm ran no install script of node@22, so there is no node 22")
        _note_made(folder, PROMPTFOO)
    return node, program


def _is_made(folder: Path, what: tuple[str, ...]) -> bool:
    note = folder / "made.json"
    return note.exists() and json.loads(note.read_text()) == list(what)


def _note_made(folder: Path, what: tuple[str, ...]) -> None:
    (folder / "made.json").write_text(json.dumps(what))


def _install(command: list[str], folder: Path) -> None:
    print(f"installing: {' '.join(command[-2:])}", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900)  # noqa: PLW1510
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Absent(f"cannot install: {error}") from None
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:] or ["no output"]
        raise Absent(f"cannot install: {last[0][:200]}")


if __name__ == "__main__":
    print(inspect_python())
    print(*promptfoo_command())
