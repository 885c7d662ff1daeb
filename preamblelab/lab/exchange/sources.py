"""What kind of file it is, and its rows: ours, a recorded benchmark's, or another tool's."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from preamblelab.lab.exchange.inspect_logs import inspect_rows, is_inspect_log
from preamblelab.lab.exchange.promptfoo_results import is_promptfoo_file, promptfoo_rows
from preamblelab.lab.exchange.recorded import READ, is_recorded, read_prompts, recorded_rows
from preamblelab.lab.exchange.row_files import MAX_BYTES, read_row_file

_HEAD: Final = 4096
"""Bytes that tell what a file is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The rows of one file."""

    shown: str
    """The file's name for messages."""
    rows: list[tuple[int, dict[str, Any]]]
    """Place in the file, from 1, and fields in the shape of `trial_rows`."""
    csv: bool = False
    """Whether the fields are texts."""
    known: frozenset[str] = frozenset()
    """Fields that are not read, and need not be told of."""


def read_source(path: Path, best: Mapping[str, float]) -> Source:
    """The rows of a file; what it is follows from its content, not from its name.

    Args:
        path: the file.
        best: the best value of another tool's scorers, by name.

    Raises:
        SpecError: the file cannot be used.
    """
    head = _head(path)
    if is_inspect_log(head):
        return Source(shown=str(path), rows=inspect_rows(path, best))
    if is_promptfoo_file(head):
        return Source(shown=str(path), rows=promptfoo_rows(path, best))
    file = read_row_file(path)
    rows = list(file.rows)
    if rows and file.form == "jsonl" and is_recorded(rows[0][1]):
        recorded = recorded_rows(rows, file.shown, read_prompts(path))
        return Source(shown=file.shown, rows=recorded, known=READ)
    return Source(shown=file.shown, rows=rows, csv=file.form == "csv")


def _head(path: Path) -> bytes:
    """The first bytes; none of what is no regular file of a size that is read."""
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        return b""
    with path.open("rb") as file:
        return file.read(_HEAD)
