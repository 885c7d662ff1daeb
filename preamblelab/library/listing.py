"""What can be named from here, and where it lies."""

import os
from dataclasses import dataclass
from pathlib import Path

from preamblelab.errors import SpecError
from preamblelab.library.catalogue import read_models
from preamblelab.library.files import Place
from preamblelab.library.fitting import near
from preamblelab.library.projects import KINDS, MODELS_FILE, Kind, Origin, Project, names_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One name that an experiment or a command can use."""

    name: str
    origin: Origin
    """Whether it lies in the project or ships with preamblelab."""
    file: str
    """The file as messages write it."""


def list_entries(kind: Kind, *, start: Path | None = None) -> tuple[Entry, ...]:
    """Everything of a kind that can be named from here, sorted by name.

    Files are not opened (models apart, which lie in one), so that a broken one hides no other.

    Args:
        kind: `preambles`, `models`, `rubrics`, `suites` or `experiments`.
        start: Where the project is looked for; None is the current folder.

    Raises:
        SpecError: There is no such kind, or a catalogue of models is wrong.
    """
    if kind not in KINDS:
        raise SpecError(f"nothing to list called '{kind}'; {near(kind, KINDS)}")
    entries: dict[str, Entry] = {}
    project = Project.above(start)
    for origin, root in project.roots:
        for name, place in _named(kind, root):
            entry = Entry(name=name, origin=origin, file=place.shown)
            entries.setdefault(name, entry)
    return tuple(entries[name] for name in sorted(entries))


def list_names(kind: Kind, *, start: Path | None = None) -> tuple[str, ...]:
    """The names of `list_entries`."""
    return tuple(entry.name for entry in list_entries(kind, start=start))


def describe_location(*, start: Path | None = None) -> str:
    """Where names are looked up from here, in one line."""
    project = Project.above(start)
    if project.root is None or project.root == project.shipped:
        where = "no project here" if project.root is None else "this is preamblelab's own folder"
        return f"{where}: names are looked up among the shipped files in {project.shipped}"
    return f"project {project.root}; what it does not have comes from {project.shipped}"


def _named(kind: Kind, root: Path) -> list[tuple[str, Place]]:
    if kind != "models":
        only_here = Project(root=None, shipped=root)
        return [(name, only_here.find(kind, name)) for name in names_in(root, kind)]
    place = Place(root=root, parts=MODELS_FILE)
    return [(name, place) for name in read_models(place)] if os.path.lexists(place.path) else []
