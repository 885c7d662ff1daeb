"""Where names are looked up: the project that a file lies in, then what ships with the package."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from preamblelab.domain.base import NAME_PATTERN
from preamblelab.errors import SpecError
from preamblelab.library.files import Place
from preamblelab.library.fitting import near

Kind: TypeAlias = Literal["preambles", "models", "rubrics", "suites", "experiments"]
Origin: TypeAlias = Literal["project", "shipped"]

KINDS: Final[tuple[Kind, ...]] = ("preambles", "models", "rubrics", "suites", "experiments")
"""What can be listed and named."""

MODELS_FILE: Final = ("experiments", "models.yaml")
"""The catalogue of models, below a project."""

_FOLDERS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "preambles": ("preambles",),
    "rubrics": ("rubrics",),
    "suites": ("experiments", "suites"),
    "experiments": ("experiments",),
}
_SUFFIXES: Final = (".yaml", ".yml")
_SINGULAR: Final[Mapping[Kind, str]] = {
    "preambles": "preamble",
    "models": "model",
    "rubrics": "rubric",
    "suites": "suite",
    "experiments": "experiment",
}


def shipped_root(package: Path | None = None) -> Path:
    """The folder with the preambles, rubrics and experiments that come with preamblelab.

    Args:
        package: The package's folder; None is this one. In an installed wheel the files lie in
            its `shipped` folder, in a checkout beside it.

    Raises:
        SpecError: Neither is there; the installation is broken.
    """
    package = package or Path(__file__).resolve().parent.parent
    for folder in (package / "shipped", package.parent):
        if (folder / "preambles").is_dir() and (folder / "rubrics").is_dir():
            return folder
    raise SpecError(f"{package}: the shipped preambles are missing; install preamblelab again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Two places for a name, in this order: the user's project, and what ships."""

    root: Path | None
    """The nearest folder above that holds `preambles/`; None when there is none."""
    shipped: Path

    @classmethod
    def above(cls, start: Path | None = None) -> "Project":
        """The project that a file or folder lies in.

        Args:
            start: The file or folder; None is the current one.
        """
        begin = Path(os.path.abspath(start or Path.cwd()))  # noqa: PTH100 -- resolve() would follow links
        roots = (each for each in (begin, *begin.parents) if _is_folder(each / "preambles"))
        return cls(root=next(roots, None), shipped=shipped_root())

    @property
    def folder(self) -> Path:
        """Where a user's own modules are looked for: the project, else the current folder."""
        return self.root or Path.cwd()

    @property
    def roots(self) -> tuple[tuple[Origin, Path], ...]:
        """The folders to look in, the nearest first."""
        shipped: tuple[tuple[Origin, Path], ...] = (("shipped", self.shipped),)
        if self.root is None or self.root == self.shipped:
            return shipped
        return (("project", self.root), *shipped)

    def find(self, kind: Kind, name: str) -> Place:
        """The file of a name.

        Args:
            kind: Everything but models, which lie together in one file.
            name: A name as in `Name`; never a path.

        Raises:
            SpecError: This is no name, nothing is called so, or two files are.
        """
        if not re.fullmatch(NAME_PATTERN, name):
            raise SpecError(
                f"'{name[:60]}' is not the name of a {_SINGULAR[kind]}: a name has letters, "
                "digits, '.', '_' and '-', and is looked up in "
                f"{'/'.join(_FOLDERS[kind])}/ of the project"
            )
        for _, root in self.roots:
            folder = root.joinpath(*_FOLDERS[kind])
            named = [name + suffix for suffix in _suffixes(kind)]
            files = [file for file in named if os.path.lexists(folder / file)]
            if len(files) > 1:
                raise SpecError(
                    f"{folder}: {' and '.join(files)} have one name; rename one of the two"
                )
            if files and (*_FOLDERS[kind], files[0]) != MODELS_FILE:
                return Place(root=root, parts=(*_FOLDERS[kind], files[0]))
        raise SpecError(f"no {_SINGULAR[kind]} named '{name}'; {near(name, self.names(kind))}")

    def names(self, kind: Kind) -> tuple[str, ...]:
        """All names of a kind but models, sorted, those of the project and the shipped ones."""
        return tuple(sorted({name for _, root in self.roots for name in names_in(root, kind)}))


def names_in(root: Path, kind: Kind) -> tuple[str, ...]:
    """Names of the files of a kind below one root, sorted; models lie in one file instead."""
    folder = root.joinpath(*_FOLDERS[kind])
    try:
        files = list(folder.iterdir()) if _is_folder(folder) else []
    except OSError as error:
        raise SpecError(f"{folder}: cannot be listed: {error.strerror}") from None
    return tuple(
        sorted(
            file.stem
            for file in files
            if file.suffix in _suffixes(kind)
            and re.fullmatch(NAME_PATTERN, file.stem)
            and not (kind == "experiments" and file.name == MODELS_FILE[-1])
        )
    )


def place_of(kind: Kind, named: str | Path, start: Path | None = None) -> tuple[Place, Project]:
    """The file that a user names, and the project that it lies in.

    A `Path`, and a text with a separator or the suffix of a file, is a path; all else is a name.

    Args:
        kind: What is wanted; models have one file and are not named here.
        named: The name or path.
        start: Where names are looked up; None is the current folder.

    Raises:
        SpecError: Nothing is called so, or there is no such file.
    """
    if isinstance(named, str) and not _is_path(named, kind):
        place = Project.above(start).find(kind, named)
        return place, Project.above(place.path)
    path = Path(os.path.abspath(named))  # noqa: PTH100 -- resolve() would follow links
    if not os.path.lexists(path):
        named_so = f"; to name a shipped {_SINGULAR[kind]}, write '{path.stem}'"
        hint = named_so if path.stem in names_in(shipped_root(), kind) else ""
        raise SpecError(f"{' '.join(str(named).split())[:200]}: no such file{hint}")
    project = Project.above(path)
    if project.root is None:
        # Outside a project there is nothing to stay inside of: the user's word is the file.
        path = Path(os.path.realpath(path))
        return Place(root=path.parent, parts=(path.name,)), project
    return Place(root=project.root, parts=path.relative_to(project.root).parts), project


def _is_path(named: str, kind: Kind) -> bool:
    return "/" in named or os.sep in named or named.endswith((*_suffixes(kind), ".txt"))


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 -- says no where one may not look


def _suffixes(kind: Kind) -> tuple[str, ...]:
    return (*_SUFFIXES, ".md") if kind == "preambles" else _SUFFIXES
