"""Makes repositories with git itself, for tests that read them."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

RIGHT = '''\
"""Fees of parcels."""


def fee(weight: float) -> int:
    """What a parcel costs."""
    if weight <= 0:
        raise ValueError("weight must be above 0")
    if weight >= 30:
        return 9
    return 4


def label(weight: float) -> str:
    """What stands on a parcel."""
    return "heavy" if weight >= 30 else "light"


def parcels(total: float) -> int:
    """How many parcels a load makes."""
    return -int(-total // 30)


def total(weights: list[float]) -> int:
    """What all parcels cost."""
    return sum(fee(weight) for weight in weights)
'''
"""The module after the planted fix."""

FAULTY = RIGHT.replace(
    """    if weight <= 0:
        raise ValueError("weight must be above 0")
    if weight >= 30:
        return 9
    return 4
""",
    """    if weight > 30:
        return 9
    return 4
""",
)
"""The module before it."""

TESTS = """\
import pytest

from parcels import fee


def test_the_limit_is_heavy():
    assert fee(30) == 9


def test_nothing_weighs_nothing():
    with pytest.raises(ValueError, match="above 0"):
        fee(0)


def test_light():
    assert fee(2) == 4
"""

FIX = "Fix the price of parcels at exactly 30 kg and refuse empty ones"


@dataclass(frozen=True, slots=True)
class Made:
    """A repository that is being made."""

    folder: Path

    def git(self, *arguments: str, when: str = "2026-03-01T12:00:00+0000") -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_DATE": when,
            "GIT_COMMITTER_DATE": when,
        }
        for role in ("AUTHOR", "COMMITTER"):
            environment |= {f"GIT_{role}_NAME": "Nora Person", f"GIT_{role}_EMAIL": "n@example.org"}
        done = subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, message: str, files: dict[str, str | bytes | None]) -> str:
        """Write (or with None delete) files and commit them; returns the first 12 of the id."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")[:12]


def lines(count: int, word: str = "line") -> str:
    return "".join(f"{word}_{number} = {number}\n" for number in range(count))


def begun(folder: Path) -> Made:
    folder.mkdir()
    made = Made(folder)
    made.git("init", "-q", "-b", "main")
    made.commit("Begin with an empty house", {"README.md": "# Parcels\n"})
    return made
