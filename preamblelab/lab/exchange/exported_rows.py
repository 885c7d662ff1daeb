"""What an export writes of an experiment, row by row: its trials, and their ratings."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from preamblelab.domain.records import Rating, Response
from preamblelab.lab.exchange.imported import NO_TEXT
from preamblelab.lab.exchange.trial_rows import FIELDS, SPREAD
from preamblelab.lab.exchange.writing import Kind
from preamblelab.store import Delivery, PlannedTrial, Store

if TYPE_CHECKING:
    from pandas import DataFrame

Place = tuple[str, str, str, int]
"""Model, variant, task and repetition: what a trial is called in its experiment."""

RATING_KINDS: Final[Mapping[str, Kind]] = {
    "experiment": "text", "model": "text", "variant": "text", "task": "text",
    "repetition": "whole", "scorer": "text", "judgement": "whole", "dimension": "text",
    "criterion": "whole", "points": "number", "status": "text", "reason": "text",
    "evidence": "text", "flags": "text", "response_key": "text",
}  # fmt: skip
"""Columns of exported ratings, and what they hold."""

_KINDS: Final[Mapping[str, Kind]] = {"number": "number", "whole": "whole", "switch": "switch"}
TRIAL_KINDS: Final[Mapping[str, Kind]] = {
    name: _KINDS.get(field.kind, "text")
    for name, field in FIELDS.items()
    if field.kind not in {"json", "points"}
}
"""Columns of a table of trials, before those of the dimensions."""

_BATCH: Final = 200


def trial_kinds(store: Store, name: str) -> dict[str, Kind]:
    """Columns of a table of trials: those of every experiment, then two for each dimension."""
    dimensions = dict.fromkeys(store.dimension_scores(name)["dimension"])
    spread: dict[str, Kind] = {
        start + dimension: "number" for start in SPREAD for dimension in dimensions
    }
    return {**TRIAL_KINDS, **spread, "output_hash": "text", "response_key": "text"}


def trial_rows(store: Store, name: str) -> Iterator[dict[str, Any]]:
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
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def _delivery(found: Delivery | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"state": found.state, "reasons": list(found.reasons), "evidence": found.evidence}


def _number(value: Any) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def rating_rows(store: Store, name: str) -> Iterator[dict[str, Any]]:
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
