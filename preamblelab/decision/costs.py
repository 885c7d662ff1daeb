"""Owns what each contender used up; what is unknown stays unknown, never zero."""

from collections.abc import Mapping, Sequence
from math import ceil
from statistics import median

from preamblelab.decision.records import Cost, Observation


def costs_of(rows: Sequence[Observation], arms: Mapping[str, str]) -> dict[str, Cost]:
    """What each contender used up, by `champion` and `challenger`.

    Args:
        rows: all trials, smoke test included.
        arms: digest by contender.
    """
    return {name: _cost([r for r in rows if r.arm == digest]) for name, digest in arms.items()}


def _cost(rows: Sequence[Observation]) -> Cost:
    asked = [row for row in rows if row.status != "not_run"]
    seconds = [row.seconds for row in asked if row.seconds is not None]
    return Cost(
        calls=len(asked),
        usd=_sum([row.usd for row in asked]),
        prompt_tokens=_whole([row.prompt_tokens for row in asked]),
        completion_tokens=_whole([row.completion_tokens for row in asked]),
        seconds=median(seconds) if seconds else None,
        seconds_p95=_p95(seconds),
    )


def _p95(values: Sequence[float]) -> float | None:
    """The smallest value that 95 % lie at or below."""
    return sorted(values)[ceil(0.95 * len(values) - 1e-9) - 1] if values else None


def _sum(values: Sequence[float | None]) -> float | None:
    """The sum; None where one of them is unknown."""
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _whole(values: Sequence[int | None]) -> int | None:
    total = _sum(values)
    return None if total is None else int(total)
