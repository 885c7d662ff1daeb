"""What a report lacks and why: trials without an answer, answers without a score."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from preamblelab.report.layout import counted

if TYPE_CHECKING:
    from pandas import DataFrame, Series

UNANSWERED: Final = ("pending", "failed")
"""Outcomes of a trial that has no answer."""

MOST_REASONS: Final = 8
"""Reasons that a report lists; its JSON has them all."""

UNKNOWN: Final = "no reason was kept"

LONGEST_REASON: Final = 200
"""Characters of one reason that a report shows."""


def missing_line(scores: "DataFrame") -> str:
    """How many scores are missing, and under which variants; empty where none is.

    Args:
        scores: score table, one row per trial.
    """
    lost = scores[scores["score"].isna()]
    if lost.empty:
        return ""
    by_variant = lost["variant"].astype(str).value_counts()
    each = ", ".join(f"{number:,} of them under {label}" for label, number in by_variant.items())
    verb = "is" if len(lost) == 1 else "are"
    text = f"{len(lost):,} of {counted(len(scores), 'score')} {verb} missing, {each}"
    waiting = int((lost["status"] == "pending").sum()) if "status" in lost else 0
    return f"{text} ({waiting:,} not asked yet)." if waiting else f"{text}."


def nothing_line(scores: "DataFrame") -> str:
    """Why there is nothing to report; empty where any score is known.

    Args:
        scores: score table, one row per trial.
    """
    if scores["score"].notna().any():
        return ""
    if not answered(scores):
        why = _joined(_failures(scores)) or f"{counted(len(scores), 'trial')} still to be asked"
        return f"Nothing was answered yet: {why}."
    why = _joined(unmarked_lines(scores))
    return f"No answer has a score yet: {why or 'every score is missing'}."


def answered(scores: "DataFrame") -> bool:
    """Whether any trial has an answer, scored or not."""
    if "status" not in scores:
        return bool(scores["score"].notna().any())
    return bool((~scores["status"].isin(UNANSWERED)).any())


def failure_lines(scores: "DataFrame") -> list[str]:
    """Why calls failed, the commonest last reason first: "12 failed: ...".

    Args:
        scores: score table; without `status` and `reason` nothing is known of failures.
    """
    return _shortened(_failures(scores))


def unmarked_lines(scores: "DataFrame") -> list[str]:
    """Why answers have no score, the commonest reason first: "60 of 60 answers ...".

    Args:
        scores: score table; without `status` nothing is known of answers.
    """
    if "status" not in scores:
        return []
    answers = scores[~scores["status"].isin(UNANSWERED)]
    lost = answers[answers["score"].isna()]
    reasons = _reasons(lost)
    return _shortened(
        f"{number:,} of {counted(len(answers), 'answer')} without a score: {_cut(reason)}"
        for reason, number in reasons.value_counts().items()
    )


def reasons_of(scores: "DataFrame") -> list[dict[str, Any]]:
    """Every reason for a missing score with its outcome and number of trials, for a program."""
    if "status" not in scores or "reason" not in scores:
        return []
    lost = scores[scores["score"].isna()]
    table = lost.assign(status=lost["status"].astype(str), reason=_reasons(lost))
    counts = table.groupby(["status", "reason"], sort=True).size()
    return [
        {"status": row.status, "reason": row.reason, "trials": row.trials}
        for row in counts.reset_index(name="trials").itertuples()
    ]


def _failures(scores: "DataFrame") -> list[str]:
    if "status" not in scores:
        return []
    rows = scores[scores["status"] == "failed"]
    return [
        f"{number:,} failed: {_cut(reason)}"
        for reason, number in _reasons(rows).value_counts().items()
    ]


def _reasons(rows: "DataFrame") -> "Series[str]":
    if "reason" not in rows:
        return rows["variant"].map(lambda _: UNKNOWN).astype(str)
    reasons = rows["reason"].astype(object)
    return reasons.where(reasons.notna() & (reasons != ""), UNKNOWN).astype(str)


def _cut(reason: object) -> str:
    text = " ".join(str(reason).split())
    return text if len(text) <= LONGEST_REASON else f"{text[: LONGEST_REASON - 3]}..."


def _shortened(lines: Iterable[str]) -> list[str]:
    every = list(lines)
    if len(every) <= MOST_REASONS:
        return every
    rest = len(every) - MOST_REASONS
    return [*every[:MOST_REASONS], f"and {counted(rest, 'more reason')}; the JSON report has them"]


def _joined(lines: list[str]) -> str:
    return "; ".join(_shortened(lines))
