"""Nodes to specs: the field decides what a word means, and an error names line, field and mend."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from preamblelab.errors import SpecError
from preamblelab.library.nodes import Node, Step

Model = TypeVar("Model", bound=BaseModel)

SWITCH_WORDS: Final[Mapping[str, bool]] = {"on": True, "yes": True, "off": False, "no": False}
"""What a field that is true or false also takes, when it stands without quotes."""

_WANTED: Final = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false (on or off)",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping of names to values",
    "mapping_type": "a mapping of names to values",
    "model_type": "a mapping of fields to values",
    "model_attributes_type": "a mapping of fields to values",
}
_BOUNDS: Final = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}


def fit(spec: type[Model], node: Node, file: str, *, prefix: str = "") -> Model:
    """The spec that a tree describes.

    Types are strict, with two mends where a value without quotes can mean only one thing: a field
    of text takes a number as it is written (`version: 3.10` is "3.10"), and a field that is true
    or false takes on, off, yes and no.

    Args:
        spec: What to make.
        node: The tree, in the spec's own shape.
        file: The file's name, for messages.
        prefix: Where the tree hangs in its file: `gemma3-4b`.

    Raises:
        SpecError: The tree does not fit; one line with file, line, field, fault and mend.
    """
    while True:
        # JSON is the one strict mode of pydantic that takes lists for tuples.
        text = json.dumps(node.plain())
        try:
            return spec.model_validate_json(text, strict=True)
        except ValidationError as error:
            details = error.errors(include_url=False)
        mended = _mended(node, details)
        if mended is node:
            raise _translated(spec, node, details, file, prefix) from None
        node = mended


def near(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: what was meant, or what there is."""
    names = sorted(known)
    close = get_close_matches(word, names, n=1, cutoff=0.7)
    if close:
        return f"did you mean '{close[0]}'?"
    listed = ", ".join(names[:12]) + (f", and {len(names) - 12} more" if len(names) > 12 else "")
    return f"known: {listed or 'none'}"


def _mended(node: Node, details: Sequence[ErrorDetails]) -> Node:
    """The tree with values read as their fields want them; the same tree when nothing changed."""
    for detail in details:
        way = node.way(detail["loc"])
        found = node.at(way)
        if found.written is None:
            continue
        number = isinstance(found.value, (int, float)) and not isinstance(found.value, bool)
        if detail["type"] == "string_type" and number:
            node = node.with_changed(way, lambda each: replace(each, value=each.written))
        elif detail["type"] == "bool_type" and found.written in SWITCH_WORDS:
            switch = SWITCH_WORDS[found.written]
            node = node.with_changed(way, lambda each, on=switch: replace(each, value=on))  # type: ignore[misc]
    return node


def _translated(
    spec: type[BaseModel], node: Node, details: Sequence[ErrorDetails], file: str, prefix: str
) -> SpecError:
    """The error on the first line that is wrong, with the number of the others."""
    # pydantic calls a list too short when none of its items is right: the items say more.
    inner = {tuple(each["loc"][:end]) for each in details for end in range(len(each["loc"]))}
    told = [each for each in details if each["type"] != "too_short" or each["loc"] not in inner]
    found = [(_line(node, detail), _field(node, detail, prefix), detail) for detail in told]
    # A misspelt field is also a missing one: the word that stands there is named before it.
    line, field, detail = min(found, key=lambda each: (each[2]["type"] == "missing", each[0]))
    message = _message(spec, node, detail)
    label = f"{field}: " if field else ""
    others = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return SpecError(f"{file}:{line}: {label}{message}{others}")


def _line(node: Node, detail: ErrorDetails) -> int:
    at = node.at(detail["loc"])
    if detail["type"] != "value_error":
        return at.line
    # A rule over several fields says in words which one breaks it: point to that one.
    message = str(detail["ctx"]["error"])
    if message.startswith("mutant"):
        return mutant_line(at, message)
    words = message.split("'")[1::2] + message.replace(":", " ").split()
    return next((each.line for word in words for each in _called(at, word)), at.line)


def mutant_line(task: Node, message: str) -> int:
    """The line of the mutant that a message names in quotes first, or the nearest above it."""
    mutants = task.at(("evidence", "tests", "mutants"))
    found = mutants.named(message.split("'")[1]) if "'" in message else None
    return (found or mutants).line


def _called(node: Node, key: str) -> Iterator[Node]:
    """Entries of this name in a mapping, or one mapping further down."""
    if key in node.fields:
        yield node.fields[key]
    for inner in node.fields.values():
        if key in inner.fields:
            yield inner.fields[key]


def _field(node: Node, detail: ErrorDetails, prefix: str) -> str:
    way = list(node.way(detail["loc"]))
    if detail["type"] == "extra_forbidden":
        way = way[:-1]
    return ".".join(str(step) for step in ([prefix] if prefix else []) + way)


def _message(spec: type[BaseModel], node: Node, detail: ErrorDetails) -> str:
    kind, last = detail["type"], str(detail["loc"][-1]) if detail["loc"] else ""
    context: Mapping[str, Any] = detail.get("ctx", {})
    found = node.at(detail["loc"])
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden":
        return f"unknown field '{last}'; {near(last, _fields_at(spec, detail['loc'][:-1]))}"
    if kind == "missing":
        return f"'{last}' is missing"
    if kind in _WANTED:
        return f"must be {_WANTED[kind]}, not {found.kind}{_hint(kind, found)}"
    if kind in _BOUNDS:
        word, bound = _BOUNDS[kind]
        return f"must be {word} {context[bound]:g}, not {found.written}"
    if kind == "literal_error":
        return f"must be {context['expected']}, not '{_short(detail['input'])}'"
    if kind == "string_pattern_mismatch":
        return (
            f"'{_short(detail['input'])}' is not a name: write letters, digits, '.', '_' or '-', "
            "the first a letter or digit, at most 100"
        )
    if kind in {"too_short", "string_too_short"}:
        return "is empty; write at least one"
    # Other kinds are rare; pydantic's own words carry no value of the file.
    return detail["msg"][0].lower() + detail["msg"][1:]


def _hint(kind: str, found: Node) -> str:
    if kind == "string_type" and isinstance(found.value, bool):
        return '; put it in quotes if the word is meant: "' + str(found.written) + '"'
    quoted = isinstance(found.value, str) and found.written is None
    if kind in {"int_type", "float_type", "bool_type"} and quoted:
        return "; take the quotes away"
    if kind in {"tuple_type", "list_type"} and isinstance(found.value, str):
        return "; write [one, two]"
    return ""


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _fields_at(spec: type[BaseModel], loc: Sequence[Step]) -> list[str]:
    """Names of the fields that the spec allows at a path."""
    allowed = {spec}
    for step in loc:
        holders = [each for each in allowed if step in each.model_fields]
        if holders:
            allowed = {
                inner
                for each in holders
                for inner in specs_in(each.model_fields[str(step)].annotation)
            }
    return sorted({name for each in allowed for name in each.model_fields})


def specs_in(annotation: object) -> set[type[BaseModel]]:
    """The specs that a field's annotation names, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {spec for inner in get_args(annotation) for spec in specs_in(inner)}
