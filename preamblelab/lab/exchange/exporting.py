"""The use case of an export: trials or ratings of one experiment as JSONL or CSV, row by row."""

import csv
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

from preamblelab.domain.records import Rating, Response
from preamblelab.errors import StoreError
from preamblelab.lab.exchange.imported import NO_TEXT
from preamblelab.lab.exchange.trial_rows import FIELDS, SPREAD
from preamblelab.report.escaping import for_spreadsheet
from preamblelab.store import Delivery, PlannedTrial, Store

if TYPE_CHECKING:
    from pandas import DataFrame

Form = Literal["jsonl", "csv"]
What = Literal["trials", "ratings"]
Place = tuple[str, str, str, int]
"""Model, variant, task and repetition: what a trial is called in its experiment."""

RATING_FIELDS: Final = (
    "experiment", "model", "variant", "task", "repetition", "scorer", "judgement", "dimension",
    "criterion", "points", "status", "reason", "evidence", "flags", "response_key",
)  # fmt: skip
"""Columns of exported ratings."""
TRIAL_COLUMNS: Final = tuple(
    name for name, field in FIELDS.items() if field.kind not in {"json", "points"}
)
"""Columns of a CSV of trials, before those of the dimensions."""

_BATCH: Final = 200


def export_experiment(
    store: Store,
    name: str,
    target: str | Path | TextIO,
    *,
    format: Form = "jsonl",  # noqa: A002 - the word that the command line uses
    what: What = "trials",
    raw: bool = False,
) -> int:
    """Write the trials or the ratings of an experiment in the shape of docs/formats.md.

    Trials as JSONL hold all that an import needs to give the same scores, outcomes and report.
    A file is replaced only when it has been written whole.

    Args:
        store: where the experiment is.
        name: the experiment.
        target: a file, or an open text stream.
        format: `jsonl` (ASCII; loses nothing) or `csv` (UTF-8; lone surrogates and NUL as visible
            escapes).
        what: one row per trial, or one per rating.
        raw: leave cells as they are that a spreadsheet would run as formulas; only for CSV.

    Returns:
        Rows written, the header of a CSV not counted.

    Raises:
        SpecError: there is no such experiment.
        StoreError: the store cannot be read, or the file not be written.
    """
    rows = _trial_rows(store, name) if what == "trials" else _rating_rows(store, name)
    columns = _columns(store, name) if what == "trials" else RATING_FIELDS
    write: Callable[[Iterator[dict[str, Any]], TextIO], int]
    if format == "jsonl":
        write = _write_jsonl
    else:

        def write(rows: Iterator[dict[str, Any]], stream: TextIO) -> int:
            return _write_csv(rows, stream, columns, raw=raw)

    with _opened(target) as stream:
        return write(rows, stream)


def _opened(target: str | Path | TextIO) -> AbstractContextManager[TextIO]:
    if isinstance(target, str | Path):
        return _replaced(Path(target))
    return nullcontext(target)


@contextmanager
def _replaced(path: Path) -> Iterator[TextIO]:
    """A stream whose content becomes the file's, all of it or nothing."""
    try:
        descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as stream:  # noqa: PTH123
            yield stream
        os.chmod(beside, 0o644)  # noqa: PTH101 - as a file opened in the usual way
        Path(beside).replace(path)
    except StoreError:
        raise  # The store's own fault, which is an OSError too, says more.
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        Path(beside).unlink(missing_ok=True)


def _write_jsonl(rows: Iterator[dict[str, Any]], stream: TextIO) -> int:
    count = 0
    for row in rows:
        count += 1
        # An answer without a character is an answer; without the field there would be none.
        given = {
            name: value
            for name, value in row.items()
            if not _absent(value) or (name == "response" and value == "")
        }
        stream.write(json.dumps(given, ensure_ascii=True, allow_nan=False) + "\n")
    return count


def _write_csv(
    rows: Iterator[dict[str, Any]], stream: TextIO, columns: Sequence[str], *, raw: bool
) -> int:
    # Under this line terminator a lone carriage return is quoted too; under "\n" it is not.
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(columns)
    count = 0
    for row in rows:
        count += 1
        flat = _flat(row)
        writer.writerow([_cell(flat.get(column), raw=raw) for column in columns])
    return count


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


def _cell(value: Any, *, raw: bool) -> str:
    if _absent(value):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value).encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")
    return text if raw else for_spreadsheet(text)


def _absent(value: Any) -> bool:
    return value is None or value == "" or value == [] or value == {}


def _columns(store: Store, name: str) -> tuple[str, ...]:
    """Columns of a CSV of trials: those of every experiment, then two for each dimension."""
    dimensions = dict.fromkeys(store.dimension_scores(name)["dimension"])
    spread = [start + dimension for start in SPREAD for dimension in dimensions]
    return (*TRIAL_COLUMNS, *spread, "output_hash", "response_key")


def _trial_rows(store: Store, name: str) -> Iterator[dict[str, Any]]:
    """One row per trial, in the order of the plan."""
    document = store.document(name)
    marking = store.marking(name)
    rubric = (marking[1].get("rubric") or {}).get("name") if marking else None
    whole = {
        "experiment": name,
        "question": document.get("question"),
        "baseline": document.get("baseline"),
        "variants": list(document.get("variants", ())),
        "rubric": rubric,
    }
    models = {str(each["name"]): each for each in document.get("models", ())}
    deliveries = {(each.model, each.variant): each for each in store.deliveries(name)}
    scores = _scores(store.scores(name))
    marks = _marks(store.dimension_scores(name))
    ratings = _Ratings(store, name)
    for trial, response in _answers(store, name):
        place = (trial.model, trial.variant, trial.task, trial.repetition)
        score, status, reason, output_hash = scores[place]
        answered = status not in {"failed", "pending"}
        yield {
            **whole,
            **_names(trial, models.get(trial.model, {})),
            **_asked(store, trial, response),
            "status": status,
            "reason": response.reason if response else reason,
            **_came(response),
            "score": score,
            **(_points(marks.get(place, [])) if answered else {}),
            "ratings": [_rating(each) for each in ratings.of(trial)] if answered else [],
            "delivery": _delivery(deliveries.get((trial.model, trial.variant))),
            "output_hash": output_hash,
            "response_key": trial.response_key,
        }


def _names(trial: PlannedTrial, model: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model": trial.model,
        "model_id": model.get("id"),
        "parameters": model.get("parameters"),
        "size": trial.size,
        "family": trial.family,
        "simulated": trial.simulated or None,
        "variant": trial.variant,
        "part": trial.part,
        "version": trial.version,
        "task": trial.task,
        "category": trial.category,
        "cluster": trial.cluster,
        "repetition": trial.repetition,
    }


def _asked(store: Store, trial: PlannedTrial, response: Response | None) -> dict[str, Any]:
    """What was sent: the messages, and for tables the system text and the user's last words."""
    messages = store.messages(trial.response_key) if response is not None else None
    if messages is None:
        return {}
    system = [str(each["content"]) for each in messages if each["role"] == "system"]
    user = [str(each["content"]) for each in messages if each["role"] == "user"]
    return {
        "system": "\n".join(system),
        "prompt": user[-1] if user else None,
        "messages": messages,
    }


def _came(response: Response | None) -> dict[str, Any]:
    """What came back; nothing for a trial without an answer."""
    if response is None:
        return {}
    fields = asdict(response)
    for name in ("status", "reason", "text"):
        del fields[name]
    fields["flags"] = [flag for flag in response.flags if flag != NO_TEXT]
    fields["tool_calls"] = list(response.tool_calls)
    tokens = response.prompt_tokens is not None or response.completion_tokens is not None
    fields["estimated"] = response.estimated if tokens else None
    return {"response": None if NO_TEXT in response.flags else response.text, **fields}


def _answers(store: Store, name: str) -> Iterator[tuple[PlannedTrial, Response | None]]:
    """Trials with their answers, few of them in memory at a time."""
    trials = store.trials(name)
    while batch := list(islice(trials, _BATCH)):
        found = dict(store.responses([trial.response_key for trial in batch]))
        yield from ((trial, found.get(trial.response_key)) for trial in batch)


def _scores(table: "DataFrame") -> dict[Place, tuple[float | None, str, str, str | None]]:
    """Score, status, reason and hash of each trial."""
    columns = ("score", "status", "reason", "output_hash")
    values = zip(*(table[column] for column in columns), strict=True)
    return {
        place: (_number(score), status, reason, output_hash)
        for place, (score, status, reason, output_hash) in zip(_places(table), values, strict=True)
    }


def _marks(table: "DataFrame") -> dict[Place, list[dict[str, Any]]]:
    """The marks of each trial; a dimension that nobody has marked yet is none."""
    marks: dict[Place, list[dict[str, Any]]] = {}
    columns = ("dimension", "points", "maximum", "status", "reason")
    values = zip(*(table[column] for column in columns), strict=True)
    for place, (dimension, points, maximum, status, reason) in zip(
        _places(table), values, strict=True
    ):
        if status == "unmarked" and not reason:
            continue
        mark = {"dimension": dimension, "points": _number(points), "maximum": float(maximum)}
        marks.setdefault(place, []).append({**mark, "status": status, "reason": reason})
    return marks


def _places(table: "DataFrame") -> Iterator[Place]:
    columns = (table[column] for column in ("model", "variant", "task"))
    return zip(*columns, (int(each) for each in table["repetition"]), strict=True)


def _points(marks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "scores": {mark["dimension"]: mark["points"] for mark in marks},
        "maxima": {mark["dimension"]: mark["maximum"] for mark in marks},
        "marks": list(marks),
    }


def _rating(rating: Rating) -> dict[str, Any]:
    fields = {**asdict(rating), "evidence": list(rating.evidence), "flags": list(rating.flags)}
    return {name: value for name, value in fields.items() if not _absent(value)}


def _delivery(found: Delivery | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"state": found.state, "reasons": list(found.reasons), "evidence": found.evidence}


def _number(value: Any) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def _rating_rows(store: Store, name: str) -> Iterator[dict[str, Any]]:
    """One row per rating, in the order of the plan."""
    ratings = _Ratings(store, name)
    for trial in store.trials(name):
        for rating in ratings.of(trial):
            yield {
                "experiment": name,
                "model": trial.model,
                "variant": trial.variant,
                "task": trial.task,
                "repetition": trial.repetition,
                **_rating(rating),
                "response_key": trial.response_key,
            }


class _Ratings:
    """The ratings of trials under the current marking, with their evidence."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        marking = store.marking(name)
        keys = marking[1].get("mark_keys", []) if marking else []
        self._by_task: Mapping[str, Sequence[str]] = keys if isinstance(keys, dict) else {}
        self._all: Sequence[str] = keys if isinstance(keys, list) else []
        self._useful: dict[str, list[str]] = {}
        self._expected: dict[Place, int] = {}
        for place in _places(store.ratings(name)) if marking else ():
            self._expected[place] = self._expected.get(place, 0) + 1

    def of(self, trial: PlannedTrial) -> list[Rating]:
        """The ratings of one trial, in the order in which they were given."""
        place = (trial.model, trial.variant, trial.task, trial.repetition)
        expected = self._expected.get(place, 0)
        if not expected:
            return []
        # A list of keys names those of every task: look only where this task had ratings before.
        known = self._useful.get(trial.task_digest, [])
        found = self._read(trial.response_key, known)
        if len(found) != expected:
            every = self._by_task.get(trial.task_digest, self._all)
            known = [key for key in every if self._store.ratings_of(trial.response_key, key)]
            before = self._useful.get(trial.task_digest, [])
            self._useful[trial.task_digest] = list(dict.fromkeys([*before, *known]))
            found = self._read(trial.response_key, known)
        return found

    def _read(self, response_key: str, mark_keys: Sequence[str]) -> list[Rating]:
        return [
            rating
            for mark_key in mark_keys
            for rating in self._store.ratings_of(response_key, mark_key)
        ]
