"""A new project: copies of what ships, with schemas beside them for editors."""

from collections.abc import Iterator
from pathlib import Path

from preamblelab.errors import SpecError
from preamblelab.library.projects import shipped_root
from preamblelab.library.schemas import SCHEMA_KINDS, write_schemas

SCHEMAS_BESIDE = ".schemas"
"""The folder of a project whose schemas the first line of each YAML file names."""


def init_project(folder: Path) -> list[Path]:
    """Write a project that runs at once: preambles, rubrics, models, suites, the quickstart.

    Nothing is written when anything is in the way.

    Args:
        folder: The project's folder; made when it is not there.

    Returns:
        The files, in the order in which they were written.

    Raises:
        SpecError: A file that would be written is there already, or cannot be written.
    """
    shipped = shipped_root()
    copies = {folder / file.relative_to(shipped): file for file in _files(shipped)}
    beside = [folder / SCHEMAS_BESIDE / f"{kind}.schema.json" for kind in SCHEMA_KINDS]
    taken = next((file for file in (*copies, *beside) if file.exists() or file.is_symlink()), None)
    if taken is not None:
        raise SpecError(f"{taken}: is there already, and nothing is overwritten; take a new folder")
    try:
        for target, file in copies.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as out:
                out.write(file.read_bytes())
        return [*copies, *write_schemas(folder / SCHEMAS_BESIDE)]
    except OSError as error:
        where = error.filename or folder
        raise SpecError(f"{where}: cannot be written: {error.strerror or error}") from None


def _files(shipped: Path) -> Iterator[Path]:
    """What a project begins with; other shipped experiments are found by name."""
    yield from _below(shipped / "preambles")
    yield from _below(shipped / "rubrics")
    yield from (shipped / "experiments" / name for name in ("models.yaml", "quickstart.yaml"))
    yield from _below(shipped / "experiments" / "suites")


def _below(folder: Path) -> list[Path]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return sorted(file for file in files if not file.name.startswith("."))
