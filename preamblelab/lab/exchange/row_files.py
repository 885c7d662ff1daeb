"""Files of rows, JSONL or CSV, plain or gzipped: read whole, within limits, with line numbers."""

import csv
import gzip
import io
import json
import os
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NoReturn

from preamblelab.errors import SpecError

MAX_BYTES: Final = 1_000_000_000
"""The most that a file may hold, unpacked; all of it is checked before anything is stored."""
MAX_ROW: Final = 32_000_000
"""Characters of one row."""
MAX_RATIO: Final = 1_000
"""Bytes unpacked per packed byte. Looping answers pack well; a bomb packs to the limit (1,032)."""
RATIO_COUNTS_FROM: Final = 50_000_000
"""Unpacked bytes below which the ratio does not matter."""

_CHUNK: Final = 1 << 20
_NAMED: Final = 6
_GZIP: Final = b"\x1f\x8b"
_OTHER_FORMATS: Final = {
    b"PK": "a zip or spreadsheet file; save it as CSV",
    b"SQLi": "an SQLite file, perhaps a store already; name it with --store",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
    b"PAR1": "a Parquet file; save it as JSONL or CSV",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFile:
    """The rows of a file with the line on which each begins."""

    shown: str
    """The file's name for messages."""
    form: Literal["jsonl", "csv"]
    rows: tuple[tuple[int, dict[str, Any]], ...]
    """Line, from 1, and fields. Fields of a CSV are texts; empty ones are left out."""


def read_row_file(path: str | Path) -> RowFile:
    """The rows of a file; what it is follows from its content, not from its name.

    Args:
        path: JSONL (one object a line) or CSV (with a header), UTF-8, plain or gzipped.

    Raises:
        SpecError: there is no such file, it is too large, or a row cannot be read; the message
            names the line.
    """
    path = Path(path)
    shown = str(path)
    text = _decoded(_unpacked(path, shown), shown)
    start = text.lstrip()[:1]
    if not start:
        raise SpecError(f"{shown}: the file is empty")
    if start == "[":
        raise SpecError(f"{shown}:1: a JSON array; write one object on each line, without brackets")
    if start == "{":
        return RowFile(shown=shown, form="jsonl", rows=tuple(_json_rows(text, shown)))
    return RowFile(shown=shown, form="csv", rows=tuple(_csv_rows(text, shown)))


def _unpacked(path: Path, shown: str) -> bytes:
    try:
        # Without O_NONBLOCK, opening a FIFO waits for a writer that never comes.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise SpecError(f"{shown}: no such file") from None
    except (OSError, ValueError) as error:
        raise SpecError(f"{shown}: cannot be read: {error}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SpecError(f"{shown}: not a regular file; name a JSONL or CSV file")
    with os.fdopen(descriptor, "rb") as file:
        try:
            head = file.read(4)
            file.seek(0)
            for magic, what in _OTHER_FORMATS.items():
                if head.startswith(magic):
                    raise SpecError(f"{shown}: this is {what}")
            pieces = _gunzipped(file, shown) if head.startswith(_GZIP) else _plain(file)
            return _joined(pieces, shown)
        except OSError as error:
            raise SpecError(f"{shown}: cannot be read: {error}") from None


def _plain(file: io.BufferedReader) -> Iterator[bytes]:
    while piece := file.read(_CHUNK):
        yield piece


def _gunzipped(file: io.BufferedReader, shown: str) -> Iterator[bytes]:
    packed, unpacked = os.fstat(file.fileno()).st_size, 0
    try:
        with gzip.GzipFile(fileobj=file) as stream:
            while piece := stream.read(_CHUNK):
                unpacked += len(piece)
                if unpacked > max(RATIO_COUNTS_FROM, MAX_RATIO * packed):
                    raise SpecError(
                        f"{shown}: unpacks to more than {MAX_RATIO} times its size; if you trust "
                        "it, unpack it yourself and import the plain file"
                    )
                yield piece
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SpecError(f"{shown}: a damaged gzip file ({error}); fetch it again") from None


def _joined(pieces: Iterator[bytes], shown: str) -> bytes:
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > MAX_BYTES:
            raise SpecError(
                f"{shown}: more than {MAX_BYTES:,} bytes; split it by experiment and import each"
            )
    return bytes(content)


def _decoded(content: bytes, shown: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SpecError(f"{shown}:{line}: not UTF-8 text; save the file as UTF-8") from None


def _json_rows(text: str, shown: str) -> Iterator[tuple[int, dict[str, Any]]]:
    # Not splitlines: a text may hold U+2028 and other ends of lines that JSON does not escape.
    for line, written in enumerate(text.split("\n"), 1):
        if not written.strip():
            continue
        if len(written) > MAX_ROW:
            raise SpecError(f"{shown}:{line}: a row of more than {MAX_ROW:,} characters")
        try:
            row = _json_object(written, f"{shown}:{line}")
        except SpecError as error:
            if isinstance(error.__context__, json.JSONDecodeError):
                _refuse_whole(text, shown)
            raise
        yield line, row


def _refuse_whole(text: str, shown: str) -> None:
    """Say what the file is, where it is one JSON object over several lines.

    Raises:
        SpecError: it is.
    """
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return
    fields = ", ".join(str(name)[:40] for name in list(whole)[:_NAMED])
    more = ", ..." if len(whole) > _NAMED else ""
    raise SpecError(
        f"{shown}: one JSON object ({fields}{more}), and neither an Inspect log nor a promptfoo "
        "result: write one trial on each line, each a JSON object with at least model, variant, "
        "task (docs/formats.md)"
    ) from None


def _json_object(written: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(written, parse_constant=_no_constant, object_pairs_hook=_no_doubles)
    except json.JSONDecodeError as error:
        raise SpecError(
            f"{where}: not one whole JSON object: {error.msg} at character {error.pos + 1}"
        ) from None
    except RecursionError:
        raise SpecError(f"{where}: nested too deeply to be a row") from None
    except ValueError as error:
        raise SpecError(f"{where}: {error}") from None
    if not isinstance(value, dict):
        raise SpecError(f"{where}: a row is a JSON object, {{...}}, not {written[:40]!r}")
    return value


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number in JSON; write null where a value is missing")


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{double!r} stands twice in one object; keep one of the two")
    return fields


def _csv_rows(text: str, shown: str) -> Iterator[tuple[int, dict[str, Any]]]:
    # The limit is one for the whole process: put back what was there.
    before = csv.field_size_limit(MAX_ROW)
    try:
        yield from _csv_rows_within(text, shown)
    finally:
        csv.field_size_limit(before)


def _csv_rows_within(text: str, shown: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    line = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise SpecError(f"{shown}:{line}: not CSV: {error}") from None
        if cells is None:
            return
        if header is None:
            header = _header(cells, shown)
        elif cells:
            if len(cells) != len(header):
                raise SpecError(
                    f"{shown}:{line}: {len(cells)} cells under a header of {len(header)}; "
                    "put cells that hold commas or line ends in double quotes"
                )
            yield line, {name: cell for name, cell in zip(header, cells, strict=True) if cell}
        line = reader.line_num + 1


def _header(cells: list[str], shown: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    if "" in names:
        raise SpecError(f"{shown}:1: column {names.index('') + 1} has no name; name it")
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise SpecError(f"{shown}:1: two columns are called {double!r}; rename one")
    return names
