"""Readers of single values in imported rows; each says in a `ValueError` what would be right."""

import math
import re
from collections.abc import Callable
from typing import Any, Literal

from preamblelab.domain.base import NAME_PATTERN
from preamblelab.domain.preambles import parse_label
from preamblelab.domain.sizes import parse_parameters
from preamblelab.report.escaping import for_spreadsheet

Kind = Literal["text", "number", "whole", "switch", "words", "points", "json"]
"""How a cell of a CSV is read; `points` are spread over columns, `json` stands in JSONL only."""

_SWITCHES = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def cell_value(kind: Kind, cell: str) -> Any:
    """The value that a cell of a CSV stands for; the cell is not empty."""
    word = cell.strip()
    if kind == "number":
        return cell_number(cell)
    if kind == "whole":
        if not re.fullmatch(r"\d{1,18}(\.0+)?", word):
            raise ValueError(f"{cell[:40]!r} is no whole number")
        return int(word.partition(".")[0])
    if kind == "switch":
        if word.lower() not in _SWITCHES:
            raise ValueError(f"{cell[:40]!r} is not true or false")
        return _SWITCHES[word.lower()]
    if kind == "words":
        return [each.strip() for each in cell.split(",")]
    if kind in {"points", "json"}:
        raise ValueError("cannot stand in a CSV; import JSONL, or leave the column out")
    return _unescaped(cell)


def _unescaped(cell: str) -> str:
    """A cell without the apostrophe that an export puts before what looks like a formula."""
    return cell[1:] if cell[:1] == "'" and for_spreadsheet(cell[1:]) == cell else cell


def cell_number(cell: str) -> float:
    """The number in a cell of a CSV; the cell is not empty."""
    if not re.fullmatch(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*", cell):
        raise ValueError(f"{cell[:40]!r} is no number; leave the cell empty where it is missing")
    return float(cell)


def as_text(value: Any) -> str:
    """Any text."""
    if not isinstance(value, str):
        raise ValueError(f"must be a text in quotes, not {str(value)[:40]}")
    return value


def as_plain(value: Any) -> str:
    """A text that can stand in a table: nothing invisible, no lone surrogates."""
    text = as_text(value)
    if not text.strip() or len(text) > 300 or not text.isprintable():
        raise ValueError(
            f"{text[:40]!r} cannot be a name: write 1 to 300 characters, none of them invisible"
        )
    return text


def as_name(value: Any) -> str:
    """A name as experiments and tasks have them."""
    text = as_plain(value)
    if not re.fullmatch(NAME_PATTERN, text):
        raise ValueError(
            f"{text[:60]!r} is no name: use letters, digits, '.', '_' and '-', "
            f"as in {mended_name(text)!r}"
        )
    return text


def mended_name(text: str) -> str:
    """The nearest text that is a name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:100] or "unnamed"


def as_label(value: Any) -> str:
    """A variant's label, `name[:size][+clause]`."""
    text = as_plain(value)
    parts = parse_label(text)
    for part in (parts.name, *parts.clauses):
        as_name(part)
    return text


def one_of(*allowed: str) -> Callable[[Any], str]:
    """A reader of one of these words."""

    def read(value: Any) -> str:
        text = as_text(value)
        if text not in allowed:
            raise ValueError(f"{text[:40]!r} is none of: {', '.join(allowed)}")
        return text

    return read


def number(low: float = 0.0, high: float = math.inf) -> Callable[[Any], float]:
    """A reader of a finite number from `low` to `high`, both included."""

    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"must be a number, not {str(value)[:40]!r}")
        if not math.isfinite(value) or not low <= value <= high:
            most = f" to {high:g}" if math.isfinite(high) else " or more"
            raise ValueError(f"{str(value)[:40]} is out of range: it must be {low:g}{most}")
        return float(value)

    return read


def whole(low: int, high: int = 2**53) -> Callable[[Any], int]:
    """A reader of a whole number from `low` to `high`, both included."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}, not {str(value)[:40]}")
        return value

    return read


def as_switch(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {str(value)[:40]!r}")
    return value


def as_parameters(value: Any) -> str | float:
    """A count of parameters: a number of billions, or `3.8B`, `270M`."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be a number of billions, or a text like '3.8B'")
    parse_parameters(value)
    return value


def as_mapping(value: Any) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise ValueError(f"must be an object, {{...}}, not {str(value)[:40]!r}")
    return value


def listed(read: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    """A reader of a list of such values."""

    def read_list(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError(f"must be a list, [...], not {str(value)[:40]!r}")
        return tuple(read(each) for each in value)

    return read_list


def inside(place: str, value: Any, read: Callable[[Any], Any]) -> Any:
    """The value at a place inside another; an error names the place."""
    try:
        return read(value)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
