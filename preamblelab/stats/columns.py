"""Owns the columns of a score table: their names, and what is refused with a reason."""

import difflib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from preamblelab.errors import TableError
from preamblelab.stats.codes import Floats

SCORE_COLUMNS = ("model", "variant", "task", "repetition", "score")
OPTIONAL_COLUMNS = ("size", "judge", "dimension", "status", "output_hash", "cluster", "simulated")
ALIASES = {"preamble": "variant"}
CARRIED_COLUMNS = ("size", "status", "output_hash", "cluster", "simulated")


def check_columns(
    df: pd.DataFrame,
    required: Iterable[str] = SCORE_COLUMNS,
    *,
    score_range: tuple[float, float] = (0.0, 100.0),
) -> pd.DataFrame:
    """Check a score table and return it with our column names and a float `score`.

    Args:
        df: long table, one row per trial or per mark of a trial.
        required: columns that must be there.
        score_range: lowest and highest possible score, in points.

    Returns:
        The table under our names; the given one is not changed.

    Raises:
        TableError: a column is absent, a name is missing, a score is no number, or it lies
            further outside the range than the range is wide, so that its scale must be another.
    """
    table = renamed(df, required)
    for column in required:
        if column != "score":
            refuse_nameless(table[column])
    if "score" not in table.columns:
        return table
    return table.assign(score=numbers(table["score"], score_range))


def renamed(df: pd.DataFrame, required: Iterable[str]) -> pd.DataFrame:
    """The table under our names; refused when a required column is absent."""
    names = {old: new for old, new in ALIASES.items() if old in df and new not in df}
    table = df.rename(columns=names) if names else df
    for column in required:
        if column not in table.columns:
            raise TableError(_absent_column(column, [str(name) for name in df.columns]))
    return table


def refuse_nameless(column: "pd.Series[Any]") -> None:
    """Raise TableError when a name is missing."""
    nameless = np.flatnonzero(column.isna())
    if nameless.size:
        raise TableError(
            f"column '{column.name}' has no name in row {column.index[nameless[0]]}: name every "
            f"{column.name}, and read CSV files with read_scores (pandas takes the words NA and "
            "null for missing)"
        )


def close_column(column: str, present: list[str]) -> str | None:
    """The column that was probably meant by an absent one; None where none is close."""
    others = [name for name in present if name not in (*SCORE_COLUMNS, *OPTIONAL_COLUMNS)]
    return next(iter(difflib.get_close_matches(column, others, n=1, cutoff=0.5)), None)


def _absent_column(column: str, present: list[str]) -> str:
    close = close_column(column, present)
    hint = f"; did you mean '{close}'? rename it" if close else ""
    if column == "repetition" and not close:
        hint = "; add it: 1 everywhere when each task was asked once"
    return f"the score table has no column '{column}'; it has: {', '.join(present)}{hint}"


def numbers(column: "pd.Series[Any]", score_range: tuple[float, float]) -> Floats:
    """Scores as floats, missing ones NaN; refused when no number, or on another scale."""
    try:
        scores = column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        read = pd.to_numeric(column, errors="coerce")
        at = int(np.flatnonzero((read.isna() & column.notna()).to_numpy())[0])
        raise TableError(
            f"score {column.iloc[at]!r} in row {column.index[at]} is no number: leave the score "
            "empty where it is not known"
        ) from None
    low, high = score_range
    reach = high - low
    with np.errstate(invalid="ignore"):
        wrong = ~np.isfinite(scores) & ~np.isnan(scores)
        wrong |= (scores < low - reach) | (scores > high + reach)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise TableError(
            f"score {scores[at]:g} in row {column.index[at]} is on another scale than {low:g} to "
            f"{high:g}: rescale the scores, or pass score_range=(lowest, highest)"
        )
    return scores
