"""Which installed packages the tests of an answer may use, and where the sandbox finds them."""

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

INSTALL: Final = "tests of Python need pytest: pip install 'preamblelab[evidence]'"

_NEEDED: Final = ("pytest", "pluggy", "iniconfig", "packaging", "pygments")
_PLUGINS: Final[Mapping[str, str]] = {
    "pytest-asyncio": "pytest_asyncio.plugin",
    "pytest-mock": "pytest_mock",
}
_SUPPORT: Final = ("typing-extensions", "backports-asyncio-runner")


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """Where pytest and its plugins lie on the host."""

    label: str
    """`pytest 9.2.0, pytest-asyncio 1.3.0`."""
    folders: tuple[str, ...]
    """To be searched for modules; the sandbox shows nothing in them but what is in `shown`."""
    shown: Mapping[str, Path]
    """As `Pool` takes it; every path is the same inside, as not every backend can move one."""
    plugins: Mapping[str, str]
    """Module of each installed plugin, by its distribution."""


@cache
def find_packages() -> Packages | None:
    """The packages of this environment; None without pytest."""
    names = [name for name in _NEEDED if _version(name)]
    if "pytest" not in names:
        return None
    plugins = {name: module for name, module in _PLUGINS.items() if _version(name)}
    shown: dict[str, Path] = {}
    folders: dict[str, None] = {}
    for name in (*names, *plugins, *(each for each in _SUPPORT if _version(each))):
        for path in _tops(name):
            shown[str(path)] = path
            folders[str(path.parent)] = None
    labelled = ("pytest", *plugins)
    return Packages(
        label=", ".join(f"{name} {_version(name)}" for name in labelled),
        folders=tuple(folders),
        shown=shown,
        plugins=plugins,
    )


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _tops(name: str) -> list[Path]:
    """Folders and modules of a distribution, without scripts and path files."""
    distribution = importlib.metadata.distribution(name)
    found: dict[Path, None] = {}
    for file in distribution.files or ():
        top = file.parts[0]
        if top in {"..", "__pycache__"} or top.endswith(".pth"):
            continue
        path = Path(str(distribution.locate_file(top))).resolve()
        if path.exists():
            found[path] = None
    return list(found)
