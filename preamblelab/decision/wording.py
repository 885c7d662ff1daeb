"""Owns the phrases that rules are told in: names of tasks, why they are missing, figures."""

from collections.abc import Mapping, Sequence
from textwrap import shorten

from preamblelab.decision.records import Measured

_MOST_NAMED = 6
"""Tasks that a sentence names."""
_MOST_CAUSES = 3
"""Causes that a sentence tells."""
_LONGEST_CAUSE = 160
"""Characters of a cause; servers write pages."""


def named(tasks: Sequence[str]) -> str:
    """Names in a sentence, the first few of many."""
    more = f" and {len(tasks) - _MOST_NAMED} more" if len(tasks) > _MOST_NAMED else ""
    return ", ".join(tasks[:_MOST_NAMED]) + more


def named_with_causes(tasks: Sequence[str], causes: Mapping[str, str]) -> str:
    """Names of missing tasks by why they are missing: "a, b (server: 503) and c (never asked)".

    Args:
        tasks: names.
        causes: why, by name; a task without one was never asked.
    """
    by_cause: dict[str, list[str]] = {}
    for task in tasks:
        why = shorten(causes.get(task) or "never asked", _LONGEST_CAUSE, placeholder=" ...")
        by_cause.setdefault(why, []).append(task)
    groups = [f"{named(group)} ({why})" for why, group in by_cause.items()]
    shown = groups[:_MOST_CAUSES]
    rest = sum(len(group) for group in list(by_cause.values())[_MOST_CAUSES:])
    return ", ".join(shown) + (f" and {rest} more for other reasons" if rest else "")


def figures(measured: Measured) -> str:
    """Both contenders and the difference with its limits, in one phrase."""
    interval = measured.interval
    assert interval is not None
    return (
        f"{shown(measured.challenger)} against {shown(measured.champion)}, difference "
        f"{interval.estimate:+.3f} ({interval.low:+.3f} to {interval.high:+.3f}), "
        f"n = {measured.n}"
    )


def shown(value: float | None) -> str:
    """A share with three decimals; a dash where there is none."""
    return "-" if value is None else f"{value:.3f}"


def numbers_of(measured: Measured) -> dict[str, float | int | str | bool | None]:
    """The figures that a rule rests on."""
    interval = measured.interval
    limits = {} if interval is None else {"low": interval.low, "high": interval.high}
    return {
        "n": measured.n,
        "champion": measured.champion,
        "challenger": measured.challenger,
        "difference": None if interval is None else interval.estimate,
        **limits,
    }
