"""Rubric files to `Rubric`."""

import re
from pathlib import Path
from typing import Final, NamedTuple

from preamblelab.domain.rubrics import Rubric
from preamblelab.errors import SpecError
from preamblelab.library.files import Place
from preamblelab.library.fitting import fit
from preamblelab.library.nodes import Node, Source
from preamblelab.library.preambles import as_name
from preamblelab.library.projects import place_of
from preamblelab.library.strict_yaml import parse_fields

_POINTS: Final = re.compile(r"[0-9]+(\.[0-9]+)?")


class LoadedRubric(NamedTuple):
    """A rubric, and the lines it stands on."""

    rubric: Rubric
    source: Source


def load_rubric(named: str | Path, *, start: Path | None = None) -> Rubric:
    """The rubric of a name or a file.

    Args:
        named: A name in the project or among the shipped ones, or the path of a YAML file.
        start: Where the project is looked for; None is the current folder.

    Raises:
        SpecError: There is none, its file is wrong, or its points do not add up; the message
            names the line.
    """
    place, _ = place_of("rubrics", named, start)
    return read_rubric(place).rubric


def read_rubric(place: Place) -> LoadedRubric:
    """The rubric in a file, with its source."""
    file = place.shown
    root = parse_fields(place.read(), file)
    shaped = root
    if "name" not in root.fields:
        shaped = shaped.with_fields(name=Node(as_name(Path(place.parts[-1]).stem), 1))
    dimensions = root.fields.get("dimensions")
    if dimensions is not None:
        shaped = shaped.with_fields(dimensions=_dimensions(dimensions, file))
    return LoadedRubric(fit(Rubric, shaped, file), Source(file=file, root=root))


def _dimensions(node: Node, file: str) -> Node:
    """The list that the noun has, from a mapping of names to dimensions or from a list."""
    if isinstance(node.value, dict):
        named = [_dimension(name, each) for name, each in node.fields.items()]
    elif isinstance(node.value, tuple):
        named = [_with_criteria(each) for each in node.items]
    else:
        raise SpecError(
            f"{file}:{node.line}: dimensions: must be a mapping, not {node.kind}; "
            "write 'name: {points: 20, criteria: [...]}'"
        )
    return Node(tuple(named), node.line)


def _dimension(name: str, node: Node) -> Node:
    if not isinstance(node.value, dict):
        # `strategy: 10` is a dimension of 10 points without criteria.
        return Node({"name": Node(name, node.line), "points": node}, node.line)
    return _with_criteria(node.with_fields(name=Node(name, node.line)))


def _with_criteria(node: Node) -> Node:
    criteria = node.fields.get("criteria")
    if criteria is None or not isinstance(criteria.value, tuple):
        return node
    return node.with_fields(
        criteria=Node(tuple(_criterion(each) for each in criteria.items), criteria.line)
    )


def _criterion(node: Node) -> Node:
    """`8: words` as `{points: 8, text: words}`; the long form as it is."""
    if len(node.fields) != 1:
        return node
    (key, words), *_ = node.fields.items()
    if not _POINTS.fullmatch(key):
        return node
    return Node({"points": Node(float(key), node.line, key), "text": words}, node.line)
