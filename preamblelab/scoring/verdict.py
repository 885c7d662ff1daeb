"""Reads a judge's verdict strictly: what is not exactly right is missing, with a named status."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from preamblelab.domain.records import RatingStatus

LONGEST_REPLY: Final = 200_000
"""Characters of a reply that are searched; no honest verdict is longer."""
MOST_OBJECTS: Final = 500
"""Places at which an object is looked for: a reply of braces must not take for ever."""

Place = tuple[str, int]
"""Dimension and the criterion's place in it, from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a judge said, or why nothing can be taken from it."""

    status: RatingStatus
    reason: str = ""
    points: Mapping[Place, int] = field(default_factory=dict)
    evidence: Mapping[Place, str] = field(default_factory=dict)


class _DuplicateKeyError(ValueError):
    """One object has a key twice: which of the two is meant cannot be known."""


def read_verdict(
    reply: str, *, nonce: str, asked: Mapping[str, Sequence[tuple[int, float]]]
) -> Verdict:
    """The verdict in a judge's reply.

    A verdict is one JSON object `{"check": nonce, "control": 0, "marks": {dimension: [{"evidence",
    "points"}, ...]}}`; text around it is ignored, and so is every object without the right nonce: a
    text that was written before the nonce was drawn cannot carry it.

    Args:
        reply: the judge's answer.
        nonce: what the verdict must echo under `check`.
        asked: per dimension the criteria in the order asked: place in the dimension, most points.

    Returns:
        Status `ok` with whole points for every criterion that was asked, or a status that says
        what is wrong. Nothing is clamped, filled in or taken partly.
    """
    if not reply.strip():
        return Verdict(status="empty", reason="the judge answered nothing")
    try:
        objects = list(_objects(reply[:LONGEST_REPLY]))
    except _DuplicateKeyError as error:
        return Verdict(status="duplicate_key", reason=f"a key stands twice: {error}")
    except RecursionError:
        return Verdict(status="invalid", reason="the reply nests too deep")
    if not objects:
        return Verdict(status="no_json", reason="the reply holds no JSON object")
    ours = [each for each in objects if each.get("check") == nonce]
    if not ours:
        return Verdict(status="no_nonce", reason="no object echoes the nonce under 'check'")
    if len(ours) > 1:
        return Verdict(status="two_verdicts", reason=f"{len(ours)} objects echo the nonce")
    return _read_marks(ours[0], asked)


def _read_marks(
    verdict: Mapping[str, Any], asked: Mapping[str, Sequence[tuple[int, float]]]
) -> Verdict:
    control = verdict.get("control")
    if control != 0 or isinstance(control, bool):
        return Verdict(status="control", reason=f"the control line got {control!r} instead of 0")
    marks = verdict.get("marks")
    if not isinstance(marks, dict):
        return _invalid("marks", "is missing")
    points: dict[Place, int] = {}
    evidence: dict[Place, str] = {}
    for dimension, criteria in asked.items():
        given = marks.get(dimension)
        if not isinstance(given, list) or len(given) != len(criteria):
            found = len(given) if isinstance(given, list) else "none"
            return _invalid(dimension, f"{len(criteria)} marks were asked for, {found} given")
        for (place, most), mark in zip(criteria, given, strict=True):
            fault = _fault(mark, most)
            if fault:
                return _invalid(f"{dimension}[{place}]", fault)
            points[dimension, place] = int(mark["points"])
            evidence[dimension, place] = str(mark.get("evidence", ""))
    return Verdict(status="ok", points=points, evidence=evidence)


def _fault(mark: object, most: float) -> str:
    """What is wrong with one mark; empty when nothing is."""
    if not isinstance(mark, dict) or "points" not in mark:
        return "has no points"
    points = mark["points"]
    if isinstance(points, bool) or not isinstance(points, int | float) or not math.isfinite(points):
        return f"{points!r} is not a number of points"
    if points != int(points):
        return f"{points!r} is not a whole number of points"
    if not 0 <= points <= most:
        return f"{points!r} lies outside 0 to {most:g}"
    return ""


def _invalid(where: str, what: str) -> Verdict:
    return Verdict(status="invalid", reason=f"{where}: {what}")


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Every top-level JSON object in a text."""
    decoder = json.JSONDecoder(object_pairs_hook=_unique)
    start = text.find("{")
    tried = 0
    while start != -1 and tried < MOST_OBJECTS:
        tried += 1
        try:
            value, end = decoder.raw_decode(text, start)
        except json.JSONDecodeError:
            end = start + 1
        else:
            yield value
        start = text.find("{", end)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique: dict[str, Any] = {}
    for name, value in pairs:
        if name in unique:
            raise _DuplicateKeyError(name)
        unique[name] = value
    return unique
