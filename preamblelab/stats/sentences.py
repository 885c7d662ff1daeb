"""Owns the words for figures: effects, intervals, verdicts and what would decide them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from preamblelab.stats.codes import Floats

LIKE_THESE = "tasks like these"
THESE = "these tasks"
MODELS_LIKE_THESE = "models like these"

Row = Mapping[str, Any] | pd.Series


def points(value: float, digits: int = 1) -> str:
    """A signed number of points with a true minus sign: "+4.2", "−1.0", "0.0"."""
    rounded = round(float(value), digits)
    sign = "+" if rounded > 0 else "−" if rounded < 0 else ""
    return f"{sign}{abs(rounded):.{digits}f}"


def interval(low: float, high: float) -> str:
    """Both limits in brackets: "(−1.0 to +9.4)"."""
    return f"({points(low)} to {points(high)})"


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 task", "22 tasks"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def roughly(number: int) -> int:
    """The number rounded up to two significant digits: 438 is 440, a forecast is not exact."""
    step = int(10 ** max(len(str(number)) - 2, 0))
    return -(-number // step) * step


def sentence(row: Row) -> str:
    """Say in one sentence what is known of one effect.

    Args:
        row: a row of `verdicts` (a mapping or a pandas Series).

    Returns:
        For example "gemma3:4b with mini: +4.2 points (−1.0 to +9.4), undecided: 22 more tasks like
        these would decide it at a margin of 5, if the effect is really this large".
    """
    subject = f"{row['model']} with {row['variant']}"
    if pd.isna(row["effect"]):
        return f"{subject}: no effect can be computed: {row['reason']}"
    figure = f"{points(row['effect'])} points"
    if not pd.isna(row["adjusted_low"]):
        figure += f" {interval(row['adjusted_low'], row['adjusted_high'])}"
    return f"{subject}: {figure}, {row['verdict']}: {row['reason']}"


def reason(row: Row) -> str:
    """Why a row of `verdicts` has its verdict, in words."""
    margin, scope = f"{row['margin']:g}", row["scope"]
    low, high = row["adjusted_low"], row["adjusted_high"]
    if row["verdict"] == "refused":
        return _refusal(row)
    if row["verdict"] == "undecided":
        return _remedy(row)
    if row["verdict"] == "equivalent":
        return f"on {scope} the difference is smaller than {margin} points either way"
    if row["verdict"] == "better":
        word, nearest, furthest = "gain", low, high
    else:
        word, nearest, furthest = "loss", -high, -low
    if nearest >= row["margin"]:
        return f"a {word} of more than {margin} points on {scope}"
    if furthest < row["margin"]:
        return f"a {word} on {scope}, but of less than the {margin} points that matter"
    return f"a {word} on {scope}"


def _refusal(row: Row) -> str:
    flags = str(row["flags"]).split(";")
    if not pd.isna(row["low"]):
        return _missing(row)
    if "no_common_task" in flags:
        return "no task has a score in both arms; ask or score the same tasks in both"
    if "one_model" in flags and "one_task" in flags:
        return "one model and one task say nothing about others; add tasks"
    if "model_with_one_task" in flags:
        return "some model has only one task in both arms; add tasks there, or leave it out"
    if "one_task" in flags:
        return (
            "one task says nothing about other tasks, and the two arms do not both have two "
            "different answers to it; add tasks, or repetitions to speak of this task alone"
        )
    if "needs_repetitions" in flags:
        return "to speak of these tasks alone each needs two different answers in each arm"
    if "one_cluster" in flags:
        return "all tasks come from one source, which says nothing about others; add sources"
    return "too little was seen for an interval; add tasks"


def _missing(row: Row) -> str:
    count = counted(int(row["missing"]), "score")
    verb = "is" if int(row["missing"]) == 1 else "are"
    against = f"{points(row['worst_effect'])} points (from {points(row['worst_low'])})"
    in_favour = f"{points(row['best_effect'])} points (up to {points(row['best_high'])})"
    if row["low"] > 0:
        claim, ends = "better", f"were all against the variant it would be {against}"
    elif row["high"] < 0:
        claim, ends = "worse", f"were all in its favour it would be {in_favour}"
    else:
        claim, ends = "equivalent", f"it could be anything from {against} to {in_favour}"
    return f"{count} {verb} missing and could undo '{claim}': {ends}; score what is missing"


def _remedy(row: Row) -> str:
    tasks, models = row["more_tasks"], row.get("more_models", pd.NA)
    repetitions = row["more_repetitions"]
    margin = f"at a margin of {row['margin']:g}"
    ways: list[str] = []
    if not pd.isna(models):
        ways.append(f"{counted(roughly(int(models)), 'more model')} like these")
    if not pd.isna(tasks):
        kind = "source" if row["method"] == "cluster_t" else "task"
        ways.append(f"{counted(roughly(int(tasks)), f'more {kind}')} like these")
    if not pd.isna(repetitions):
        ways.append(f"{counted(int(repetitions), 'more repetition')} of each")
    if ways:
        decides = f"{' or '.join(ways)} would decide it {margin}"
        return f"{decides}, if the effect is really this large"
    if row["n_units"] < 3 and row["scope"] != THESE:
        kind = "models" if row["scope"] == MODELS_LIKE_THESE else "tasks"
        return f"too few {kind} to say how many more would decide it {margin}"
    kind = "repetitions" if row["scope"] == THESE else "tasks"
    return f"no affordable number of {kind} would decide it {margin}"


def spread_sentence(name: str, values: Floats, status: str, what: str = "") -> str:
    """One line on repeated figures that calls a range a range."""
    known = values[np.isfinite(values)]
    listed = ", ".join(f"{value:.4g}" for value in known)
    unit = f" {what}" if what else ""
    if len(known) < 2:
        return f"{name}: {listed or 'nothing'}{unit}; one figure shows no spread."
    width = f"range {known.max() - known.min():.4g} over {len(known)} repetitions"
    return f"{name}: {listed}{unit} ({width}){f': {status}' if status else ''}."
