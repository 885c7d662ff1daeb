"""Every attack is made in every language, as the user of the tests and, by root, as another."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from preamblelab.scoring.sandbox import Language, Pool
from preamblelab.scoring.sandbox.unsafe import Unsafe
from tests.scoring.sandbox import attacks

pytestmark = pytest.mark.whole

HERE = Path(__file__).parent
ORDINARY_USER = 1500


NAMES = list(attacks.PYTHON)


def test_both_languages_make_the_same_twelve_attacks() -> None:
    assert list(attacks.JAVASCRIPT) == NAMES
    assert len(NAMES) == 12


@pytest.mark.parametrize("name", NAMES)
def test_attack_is_contained(pool: Pool, language: Language, name: str) -> None:
    execution, out = attacks.assault(pool, language, name)
    assert out == []
    assert execution.backend == "bubblewrap"


@pytest.fixture(scope="session")
def as_ordinary_user() -> dict[str, Any]:
    """All attacks, made by a process of an ordinary user that root starts."""
    if os.geteuid() != 0:
        pytest.skip("the tests run as an ordinary user already")
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed: apt-get install bubblewrap")
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if python is None or _version(python) < (3, 11):
        pytest.skip("no Python 3.11 that another user can start")
    root = HERE.parent.parent.parent
    with tempfile.TemporaryDirectory(prefix="as-user-") as folder:
        top = Path(folder)
        top.chmod(0o755)
        package = top / "preamblelab"
        shutil.copytree(
            root / "preamblelab/scoring/sandbox",
            package / "scoring/sandbox",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        for name in ("__init__.py", "errors.py", "scoring/__init__.py"):
            shutil.copy(root / "preamblelab" / name, package / name)
        shutil.copy(HERE / "attacks.py", top)
        for each in top.rglob("*"):
            each.chmod(0o755 if each.is_dir() else 0o644)
        made = subprocess.run(
            [python, "-B", "attacks.py"],
            user=ORDINARY_USER,
            group=ORDINARY_USER,
            extra_groups=[],
            cwd=top,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": "."},
            capture_output=True,
            timeout=120,
            check=False,
        )
    assert made.returncode == 0, made.stderr.decode()
    found: dict[str, Any] = json.loads(made.stdout)
    assert found["user"] == ORDINARY_USER
    return dict(found["found"])


def _version(python: str) -> tuple[int, ...]:
    told = subprocess.check_output([python, "-c", "import sys; print(*sys.version_info[:2])"])
    return tuple(map(int, told.split()))


@pytest.mark.parametrize("name", NAMES)
def test_attack_is_contained_for_an_ordinary_user(
    as_ordinary_user: dict[str, Any], language: Language, name: str
) -> None:
    assert as_ordinary_user[f"{language}: {name}"]["out"] == []


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("network", "it reached the network"),
        ("ssh key", "it knows the secret"),
        ("another's environment", "it knows the secret"),
        ("write outside", "it wrote outside"),
    ],
)
def test_the_same_attacks_get_out_without_isolation(
    language: Language, name: str, seen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attacks work: what contains them is the sandbox."""
    text = attacks.ATTACKS[language][name]
    if name == "write outside":  # on the real host only the place that is cleaned up
        text = re.sub(r'(/written"), "/.*?([\])]+)(:|\n)', r"\1\2\3", text, count=1)
        assert "/etc" not in text
    monkeypatch.setitem(attacks.ATTACKS[language], name, text)
    with Pool(workers=1, backend=Unsafe()) as pool:
        execution, out = attacks.assault(pool, language, name)
    assert seen in out
    assert "not isolated" in out
    assert execution.place.endswith("NOT ISOLATED")
