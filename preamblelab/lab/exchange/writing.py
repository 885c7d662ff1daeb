"""Rows into files: JSONL, JSON, CSV, Markdown and Parquet; whole, or not at all."""

import csv
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, Literal, TextIO

from preamblelab.errors import MissingExtraError, SpecError, StoreError
from preamblelab.lab.exchange.trial_rows import SPREAD
from preamblelab.report.escaping import for_markdown, for_spreadsheet

Form = Literal["jsonl", "json", "csv", "md", "parquet"]
Kind = Literal["text", "number", "whole", "switch"]

LONG: Final = frozenset({"question", "system", "prompt", "response", "reasoning"})
"""Columns that a table for people leaves out."""
_BATCH: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What is written: one row per what is said."""

    kinds: Mapping[str, Kind]
    """Columns of a table with what they hold; JSON writes what rows have besides, too."""
    rows: Iterator[dict[str, Any]]
    """Read once."""


def write_rows(rows: Rows, target: str | Path | TextIO, *, form: Form, raw: bool = False) -> int:
    """Write rows; a file is replaced only when it has been written whole.

    Args:
        rows: what.
        target: a file, or an open text stream.
        form: how.
        raw: leave cells as they are that a spreadsheet would run as formulas; only for CSV.

    Returns:
        Rows written, the header not counted.

    Raises:
        StoreError: the file cannot be written.
        MissingExtraError: Parquet without pyarrow.
        SpecError: Parquet into a stream of text that has no bytes below it.
    """
    if form == "parquet":
        with _opened_bytes(target) as binary:
            return _write_parquet(rows, binary)
    writers: dict[str, Callable[[TextIO], int]] = {
        "jsonl": lambda stream: _write_jsonl(rows, stream),
        "json": lambda stream: _write_json(rows, stream),
        "csv": lambda stream: _write_csv(rows, stream, raw=raw),
        "md": lambda stream: _write_markdown(rows, stream),
    }
    with _opened(target) as stream:
        return writers[form](stream)


def write_text(text: str, target: str | Path | TextIO) -> None:
    """Write a text; a file is replaced only when it has been written whole."""
    with _opened(target) as stream:
        stream.write(text)


def _opened(target: str | Path | TextIO) -> AbstractContextManager[TextIO]:
    if isinstance(target, str | Path):
        return _replaced(Path(target), "w")
    return nullcontext(target)


def _opened_bytes(target: str | Path | TextIO) -> AbstractContextManager[IO[bytes]]:
    if isinstance(target, str | Path):
        return _replaced(Path(target), "wb")
    below = getattr(target, "buffer", None)
    if below is None or target.isatty():
        raise SpecError("parquet is no text: name a file with --output")
    return nullcontext(below)


@contextmanager
def _replaced(path: Path, mode: str) -> Iterator[Any]:
    """A stream whose content becomes the file's, all of it or nothing."""
    try:
        descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from None
    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
    try:
        with open(descriptor, mode, **text) as stream:  # noqa: PTH123
            yield stream
        os.chmod(beside, 0o644)  # noqa: PTH101 - as a file opened in the usual way
        Path(beside).replace(path)
    except StoreError:
        raise  # The store's own fault, which is an OSError too, says more.
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        Path(beside).unlink(missing_ok=True)


def _write_jsonl(rows: Rows, stream: TextIO) -> int:
    count = 0
    for line in _objects(rows):
        count += 1
        stream.write(line + "\n")
    return count


def _write_json(rows: Rows, stream: TextIO) -> int:
    count = 0
    for line in _objects(rows):
        stream.write(("[\n" if not count else ",\n") + line)
        count += 1
    stream.write("\n]\n" if count else "[]\n")
    return count


def _objects(rows: Rows) -> Iterator[str]:
    for row in rows.rows:
        # An answer without a character is an answer; without the field there would be none.
        given = {
            name: value
            for name, value in row.items()
            if not _absent(value) or (name == "response" and value == "")
        }
        yield json.dumps(given, ensure_ascii=True, allow_nan=False)


def _write_csv(rows: Rows, stream: TextIO, *, raw: bool) -> int:
    # Under this line terminator a lone carriage return is quoted too; under "\n" it is not.
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(rows.kinds)
    count = 0
    for row in rows.rows:
        count += 1
        flat = _flat(row)
        cells = (_cell(flat.get(column)) for column in rows.kinds)
        writer.writerow(
            [
                cell if raw or kind in {"number", "whole", "switch"} else for_spreadsheet(cell)
                for cell, kind in zip(cells, rows.kinds.values(), strict=True)
            ]
        )
    return count


def _write_markdown(rows: Rows, stream: TextIO) -> int:
    """A table for people: no long texts, no empty columns, numbers to four places."""
    flat = [_flat(row) for row in rows.rows]
    columns = [
        name
        for name in rows.kinds
        if name not in LONG and any(not _absent(row.get(name)) for row in flat)
    ]
    if not columns:
        return 0
    rules = ["---" if rows.kinds[name] == "text" else "---:" for name in columns]
    stream.write(f"| {' | '.join(columns)} |\n| {' | '.join(rules)} |\n")
    for row in flat:
        cells = (_rounded(row.get(name)) for name in columns)
        stream.write(f"| {' | '.join(for_markdown(_cell(cell)) for cell in cells)} |\n")
    return len(flat)


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _write_parquet(rows: Rows, stream: IO[bytes]) -> int:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError(
            "Parquet needs the package pyarrow: pip install 'preamblelab[parquet]'"
        ) from None
    types = {
        "text": pa.string(), "number": pa.float64(), "whole": pa.int64(), "switch": pa.bool_()
    }  # fmt: skip
    schema = pa.schema([(name, types[kind]) for name, kind in rows.kinds.items()])
    count = 0
    with pq.ParquetWriter(stream, schema) as writer:
        while batch := list(islice(rows.rows, _BATCH)):
            flat = [_typed(_flat(row), rows.kinds) for row in batch]
            writer.write_table(pa.Table.from_pylist(flat, schema=schema))
            count += len(batch)
    return count


def _typed(row: Mapping[str, Any], kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """Cells of one type per column; texts as UTF-8 can hold them."""
    made: dict[str, Any] = {}
    for name, kind in kinds.items():
        value = row.get(name)
        if name == "response" and value == "":
            made[name] = ""
        elif _absent(value):
            made[name] = None
        else:
            made[name] = _visible(str(value)) if kind == "text" else value
    return made


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its objects spread over columns."""
    flat = dict(row)
    for start, field in SPREAD.items():
        for dimension, points in (flat.pop(field, None) or {}).items():
            flat[start + dimension] = points
    delivery = flat.get("delivery")
    if isinstance(delivery, Mapping):
        flat["delivery"] = delivery["state"]
    for name in ("variants", "flags", "evidence"):
        values = flat.get(name)
        if isinstance(values, list):
            flat[name] = json.dumps(values) if name == "evidence" else ",".join(values)
    return flat


def _cell(value: Any) -> str:
    if _absent(value):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return _visible(str(value)).replace("\0", "\\x00")


def _visible(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _absent(value: Any) -> bool:
    return value is None or value == "" or value == [] or value == {}
