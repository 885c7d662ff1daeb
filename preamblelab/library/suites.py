"""Suite files to `Suite`, with the texts of the files that tasks name."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from preamblelab.domain.tasks import Suite, Task
from preamblelab.errors import SpecError
from preamblelab.library.files import Place
from preamblelab.library.fitting import fit, mutant_line
from preamblelab.library.nodes import Node, Source
from preamblelab.library.preambles import as_name
from preamblelab.library.projects import place_of
from preamblelab.library.strict_yaml import parse_fields


class LoadedSuite(NamedTuple):
    """A suite, and the lines it stands on."""

    suite: Suite
    source: Source


def load_suite(named: str | Path, *, start: Path | None = None) -> Suite:
    """The suite of a name or a file, with the texts of the files that its tasks name.

    Args:
        named: A name in the project or among the shipped ones, or the path of a YAML file.
        start: Where the project is looked for; None is the current folder.

    Raises:
        SpecError: There is none, or its file or a file of a task is wrong; the message names
            the line.
    """
    place, _ = place_of("suites", named, start)
    return read_suite(place).suite


def read_suite(place: Place) -> LoadedSuite:
    """The suite in a file, with its source."""
    file = place.shown
    root = parse_fields(place.read(), file)
    shaped = root
    if "name" not in root.fields:
        shaped = root.with_fields(name=Node(as_name(Path(place.parts[-1]).stem), 1))
    suite = fit(Suite, shaped, file)
    nodes = root.fields["tasks"].items
    tasks = tuple(
        with_files(task, node, place) for task, node in zip(suite.tasks, nodes, strict=True)
    )
    return LoadedSuite(suite.model_copy(update={"tasks": tasks}), Source(file=file, root=root))


def with_files(task: Task, node: Node, place: Place) -> Task:
    """The task with the texts of its files in place of their paths.

    Args:
        task: The task as written: a file's value of one line is its path, of several its text.
        node: Where it stands.
        place: The file it stands in; paths are seen from its folder.
    """
    texts = _texts(task.files, node, place, ("files",))
    if not texts:
        return task
    try:
        if task.evidence is not None:
            task.evidence.check_files(texts)
    except ValueError as error:
        line = mutant_line(node, str(error))
        raise SpecError(f"{place.shown}:{line}: tasks.{task.name}.evidence: {error}") from None
    change = task.evidence.change if task.evidence is not None else None
    if change is None or task.evidence is None:
        return task.model_copy(update={"files": texts})
    hidden = _texts(change.files, node, place, ("evidence", "change", "files"))
    evidence = task.evidence.model_copy(
        update={"change": change.model_copy(update={"files": hidden})}
    )
    return task.model_copy(update={"files": texts, "evidence": evidence})


def _texts(
    files: Mapping[str, str], node: Node, place: Place, field: tuple[str, ...]
) -> dict[str, str]:
    """The texts of files, read where a path stands in their place."""
    texts = dict(files)
    for name, written in files.items():
        if "\n" in written:
            # Several lines are the text itself: no path has a line end.
            continue
        try:
            texts[name] = place.beside(written).read()
        except SpecError as error:
            line = node.at((*field, name)).line
            raise SpecError(f"{place.shown}:{line}: {'.'.join(field)}.{name}: {error}") from None
    return texts
