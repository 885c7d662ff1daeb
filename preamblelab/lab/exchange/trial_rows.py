"""The documented shape of one imported or exported trial: its fields, and how each is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from preamblelab.domain.records import Rating, RatingStatus, Status
from preamblelab.domain.rubrics import TOTAL_POINTS
from preamblelab.domain.sizes import SIZES
from preamblelab.errors import SpecError
from preamblelab.lab.exchange.row_values import (
    Kind,
    as_label,
    as_mapping,
    as_name,
    as_parameters,
    as_plain,
    as_switch,
    as_text,
    cell_number,
    cell_value,
    inside,
    listed,
    number,
    one_of,
    whole,
)
from preamblelab.library.fitting import near
from preamblelab.store import MarkRow

PENDING: Final = "pending"
STATUSES: Final = (*get_args(Status), PENDING)
STATES: Final = ("delivered", "undelivered", "unknown")
SPREAD: Final[Mapping[str, str]] = {"score_": "scores", "maximum_": "maxima"}
"""Beginnings of CSV columns, one for each dimension, and the field that they make up."""
IGNORED: Final = frozenset({"output_hash", "response_key"})
"""Written by an export for readers; an import computes them anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRow:
    """One trial as a file has it; what the file does not say is None."""

    line: int
    """Where it stands in its file."""
    where: str
    """File and line: tells it from the rows of other files, and names it in messages."""
    model: str
    variant: str
    task: str
    experiment: str | None = None
    question: str | None = None
    baseline: str | None = None
    variants: tuple[str, ...] | None = None
    """Labels in the order in which tables list them."""
    model_id: str | None = None
    parameters: str | float | None = None
    size: str | None = None
    family: str | None = None
    simulated: bool | None = None
    part: str | None = None
    version: str | None = None
    category: str | None = None
    cluster: str | None = None
    repetition: int = 1
    system: str | None = None
    prompt: str | None = None
    messages: tuple[dict[str, Any], ...] | None = None
    settings: Mapping[str, Any] | None = None
    response: str | None = None
    reasoning: str | None = None
    status: str | None = None
    reason: str | None = None
    finish: str | None = None
    loop: Mapping[str, Any] | None = None
    tool_calls: tuple[dict[str, Any], ...] = ()
    flags: tuple[str, ...] = ()
    seconds: float | None = None
    first_token_seconds: float | None = None
    load_seconds: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    estimated: bool | None = None
    usd: float | None = None
    attempts: int | None = None
    served_model: str | None = None
    route: str | None = None
    rubric: str | None = None
    score: float | None = None
    scores: Mapping[str, float | None] | None = None
    maxima: Mapping[str, float] | None = None
    marks: tuple[MarkRow, ...] | None = None
    """Without their addresses."""
    ratings: tuple[Rating, ...] = ()
    delivery: Mapping[str, Any] | None = None
    """`state`, `reasons`, and the `evidence` that both rest on."""


def trial_row(fields: Mapping[str, Any], line: int, where: str, *, csv: bool = False) -> TrialRow:
    """One trial from the fields of a row.

    Args:
        fields: as a JSON object has them, or texts of a CSV.
        line: the row's line.
        where: file and line, for messages.
        csv: the values are texts that have to be read as numbers, switches and lists first.

    Raises:
        SpecError: a field is wrong or missing; the message names it.
    """
    given = _gathered(fields, where) if csv else dict(fields)
    read: dict[str, Any] = {}
    for name, value in given.items():
        if value is None or name in IGNORED or name not in FIELDS:
            continue
        try:
            read[name] = FIELDS[name].read(value)
        except ValueError as error:
            raise SpecError(f"{where}: {name}: {error}") from None
    for name in ("model", "variant", "task"):
        if name not in read:
            raise SpecError(f"{where}: {name}: every row needs one")
    return TrialRow(line=line, where=where, **read)


def unknown_fields(fields: Mapping[str, Any], where: str, *, csv: bool = False) -> set[str]:
    """Fields that are not read.

    Raises:
        SpecError: one of them looks like a misspelt one.
    """
    unread = set()
    for name in fields:
        spread = csv and any(name.startswith(start) for start in SPREAD)
        if name in FIELDS or name in IGNORED or spread:
            continue
        hint = near(name, FIELDS)
        if hint.startswith("did you mean"):
            raise SpecError(f"{where}: no field is called {name!r}; {hint}")
        unread.add(name)
    return unread


def _gathered(cells: Mapping[str, str], where: str) -> dict[str, Any]:
    """Cells as values, `score_x` and `maximum_x` gathered into `scores` and `maxima`."""
    values: dict[str, Any] = {}
    for column, cell in cells.items():
        start = next((start for start in SPREAD if column.startswith(start)), None)
        try:
            if start is not None:
                name = column.removeprefix(start)
                values.setdefault(SPREAD[start], {})[name] = cell_number(cell)
            elif column in FIELDS:
                values[column] = cell_value(FIELDS[column].kind, cell)
        except ValueError as error:
            raise SpecError(f"{where}: {column}: {error}") from None
    return values


def _scores(value: Any) -> dict[str, float | None]:
    read = number(0.0, TOTAL_POINTS)
    return {
        as_name(dimension): None if points is None else inside(dimension, points, read)
        for dimension, points in as_mapping(value).items()
    }


def _maxima(value: Any) -> dict[str, float]:
    read = number(0.0, TOTAL_POINTS)
    return {as_name(name): inside(name, most, read) for name, most in as_mapping(value).items()}


def _message(value: Any) -> dict[str, Any]:
    message = as_mapping(value)
    if set(message) != {"role", "content"}:
        raise ValueError("a message has 'role' and 'content', and nothing else")
    return {"role": as_plain(message["role"]), "content": as_text(message["content"])}


def _mark(value: Any) -> MarkRow:
    fields = as_mapping(value)
    maximum = inside("maximum", fields.get("maximum"), number(0.0, TOTAL_POINTS))
    points = fields.get("points")
    return MarkRow(
        response_key="",
        task_digest="",
        marking="",
        dimension=inside("dimension", fields.get("dimension"), as_name),
        points=None if points is None else inside("points", points, number(0.0, maximum)),
        maximum=maximum,
        status=inside("status", fields.get("status", "ok"), as_plain),
        reason=inside("reason", fields.get("reason", ""), as_text),
    )


def _rating(value: Any) -> Rating:
    fields = as_mapping(value)
    criterion, points = fields.get("criterion"), fields.get("points")
    status: RatingStatus = inside(  # the words are checked by the reader
        "status", fields.get("status", "ok"), one_of(*get_args(RatingStatus))
    )
    return Rating(
        scorer=inside("scorer", fields.get("scorer"), as_plain),
        dimension=inside("dimension", fields.get("dimension"), as_name),
        criterion=None if criterion is None else inside("criterion", criterion, whole(0)),
        points=None if points is None else inside("points", points, number(0.0, TOTAL_POINTS)),
        status=status,
        reason=inside("reason", fields.get("reason", ""), as_text),
        evidence=inside("evidence", fields.get("evidence", []), listed(as_text)),
        judgement=inside("judgement", fields.get("judgement", 1), whole(1)),
        flags=inside("flags", fields.get("flags", []), listed(as_plain)),
    )


def _delivery(value: Any) -> dict[str, Any]:
    """State, reasons and evidence by kind; a bare state is evidence of the kind `recorded`."""
    fields = {"state": value} if isinstance(value, str) else as_mapping(value)
    state = inside("state", fields.get("state"), one_of(*STATES))
    reasons = inside("reasons", fields.get("reasons", []), listed(as_text))
    told = {"state": state, "reasons": reasons, "notes": (), "evidence": {}}
    evidence = as_mapping(fields.get("evidence") or {"recorded": told})
    return {
        "state": state,
        "reasons": reasons,
        "evidence": {kind: inside(kind, each, _finding) for kind, each in evidence.items()},
    }


def _finding(value: Any) -> dict[str, Any]:
    fields = as_mapping(value)
    return {
        "state": inside("state", fields.get("state"), one_of(*STATES)),
        "reasons": inside("reasons", fields.get("reasons", []), listed(as_text)),
        "notes": inside("notes", fields.get("notes", []), listed(as_text)),
        "evidence": as_mapping(fields.get("evidence", {})),
    }


@dataclass(frozen=True, slots=True)
class Field:
    """How one field is read."""

    kind: Kind
    read: Callable[[Any], Any]


FIELDS: Final[Mapping[str, Field]] = {
    "experiment": Field("text", as_name),
    "question": Field("text", as_text),
    "model": Field("text", as_plain),
    "model_id": Field("text", as_plain),
    "parameters": Field("text", as_parameters),
    "size": Field("text", one_of(*SIZES)),
    "family": Field("text", as_plain),
    "simulated": Field("switch", as_switch),
    "variant": Field("text", as_label),
    "baseline": Field("text", as_label),
    "variants": Field("words", listed(as_label)),
    "part": Field("text", as_plain),
    "version": Field("text", as_plain),
    "task": Field("text", as_name),
    "category": Field("text", as_name),
    "cluster": Field("text", as_plain),
    "repetition": Field("whole", whole(1, 1000)),
    "system": Field("text", as_text),
    "prompt": Field("text", as_text),
    "messages": Field("json", listed(_message)),
    "settings": Field("json", as_mapping),
    "response": Field("text", as_text),
    "reasoning": Field("text", as_text),
    "status": Field("text", one_of(*STATUSES)),
    "reason": Field("text", as_text),
    "finish": Field("text", as_text),
    "loop": Field("json", as_mapping),
    "tool_calls": Field("json", listed(as_mapping)),
    "flags": Field("words", listed(as_plain)),
    "seconds": Field("number", number()),
    "first_token_seconds": Field("number", number()),
    "load_seconds": Field("number", number()),
    "prompt_tokens": Field("whole", whole(0)),
    "completion_tokens": Field("whole", whole(0)),
    "estimated": Field("switch", as_switch),
    "usd": Field("number", number()),
    "attempts": Field("whole", whole(0)),
    "served_model": Field("text", as_text),
    "route": Field("text", as_text),
    "rubric": Field("text", as_name),
    "score": Field("number", number(0.0, TOTAL_POINTS)),
    "scores": Field("points", _scores),
    "maxima": Field("points", _maxima),
    "marks": Field("json", listed(_mark)),
    "ratings": Field("json", listed(_rating)),
    "delivery": Field("text", _delivery),
}
"""Every field that is read, in the order in which an export writes them."""
