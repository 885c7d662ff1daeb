"""Finds the interpreters that programs run under, and how they are started."""

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from preamblelab.scoring.sandbox.records import Language, Limits

ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "NO_COLOR": "1",
}
"""All that a program sees of the world, next to HOME. Nothing of ours, so no key of ours."""

INSTALL = {
    "python": "no Python runtime found: install Python 3.11 or newer",
    "javascript": "no node on PATH: `apt-get install nodejs`, or `pip install deno`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """One interpreter of the host."""

    language: Language
    executable: Path
    """With links resolved."""
    prefix: Path
    """What must be visible for it to start: a folder, or the executable alone."""
    label: str
    """Such as `python 3.11.7`."""

    def command(self, entry: str, arguments: tuple[str, ...]) -> list[str]:
        """Return what starts `entry`."""
        return [str(self.executable), entry, *arguments]

    def address_space_bytes(self, limits: Limits) -> int | None:
        """Return the bound of mapped memory; None where a runtime maps more than it uses.

        Shared mappings escape the limit of private data; V8 maps tens of gigabytes untouched.
        """
        return 2 * limits.memory_bytes if self.language == "python" else None


@cache
def find_runtime(language: Language) -> Runtime | None:
    """Return the runtime of `language`, or None: this interpreter's own Python; node from PATH."""
    if language == "python":
        return _python()
    found = shutil.which("node")
    if found is None:
        return None
    version = version_of([found, "--version"]).removeprefix("v")
    executable = Path(found).resolve()
    return Runtime(
        language=language, executable=executable, prefix=executable, label=f"node {version}"
    )


def _python() -> Runtime:
    # A virtual environment's interpreter needs the one it was made from, and nothing else.
    base = getattr(sys, "_base_executable", None) or sys.executable
    executable = Path(base).resolve()
    prefix = Path(sys.base_prefix).resolve()
    if prefix == Path("/usr"):
        prefix = executable
    return Runtime(
        language="python",
        executable=executable,
        prefix=prefix,
        label=f"python {platform.python_version()}",
    )


def version_of(command: list[str]) -> str:
    """Return the last word of the first line that `command` prints; empty when it fails."""
    try:
        told = subprocess.run(  # noqa: S603 - a tool found on PATH, asked for its version
            command, capture_output=True, timeout=30, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    words = told.stdout.decode(errors="replace").split("\n", 1)[0].split()
    return words[-1] if words else ""


def free_user(index: int) -> int | None:
    """Return the user id for worker `index` when we are root; None for an ordinary user.

    The kernel counts processes by user and counts none of root's, so each worker gets an id that
    nobody has: far above all accounts where such ids exist (not in most containers), else nobody.
    """
    if os.geteuid() != 0:
        return None
    wanted = 1_878_000_000 + (os.getpid() * 64 + index) % 100_000_000
    for line in Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines():
        first, _, count = map(int, line.split())
        if first <= wanted < first + count:
            return wanted
    return 65534
