"""Owns the seam between measuring and statistics: the score table, its checks and reductions.

The table has one row per trial (or per mark of a trial, when the columns `judge` or `dimension` are
there). `preamble` is read as `variant`. A score that is not known is missing, never zero.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from preamblelab.errors import TableError
from preamblelab.stats.codes import Codes, column_codes, combined_codes
from preamblelab.stats.columns import (
    OPTIONAL_COLUMNS,
    SCORE_COLUMNS,
    check_columns,
    close_column,
    renamed,
)
from preamblelab.stats.marks import reduced

__all__ = [
    "OPTIONAL_COLUMNS",
    "SCORE_COLUMNS",
    "cell_means",
    "cells_of_trials",
    "check_columns",
    "column_codes",
    "combined_codes",
    "distinct_answers",
    "read_scores",
    "read_table",
    "trial_scores",
]


def read_scores(
    path: str | Path,
    *,
    score_range: tuple[float, float] = (0.0, 100.0),
    scale: float | None = None,
) -> pd.DataFrame:
    """Read a CSV of scores; names such as NA, null or nan stay names.

    Args:
        path: CSV file with a header, UTF-8; without a column `repetition` every row is the first.
        score_range: lowest and highest possible score, in points.
        scale: what every score is multiplied by, so that it becomes points: 100 for shares, 1 for
            what is in points although it looks like shares. None: as it is, shares refused.

    Returns:
        The checked table. A score is missing only where its field is empty; so is any optional
        column.

    Raises:
        TableError: no such file, no table, what `check_columns` refuses, or scores that all lie
            from 0 to 1 where points of 100 are expected. The message begins with the file.
    """
    table = _read_texts(path)
    try:
        return check_columns(_typed(table, score_range, scale), score_range=score_range)
    except TableError as error:
        raise TableError(f"{path}: {error}") from None


def _typed(
    table: pd.DataFrame, score_range: tuple[float, float], scale: float | None
) -> pd.DataFrame:
    """The texts of a CSV as names, numbers and missing values."""
    for column in set(table.columns).intersection((*OPTIONAL_COLUMNS, "score")):
        table[column] = table[column].mask(table[column] == "")
    if "score" in table:
        table["score"] = _parsed_scores(table["score"])
        if scale is not None:
            if not (np.isfinite(scale) and scale > 0):
                raise TableError(f"scale {scale!r} is not above 0: give what scores are times")
            table["score"] = table["score"] * scale
        elif score_range == (0.0, 100.0):
            _refuse_shares(table["score"])
    if "repetition" not in table and not close_column("repetition", list(table.columns)):
        table = renamed(table, [name for name in SCORE_COLUMNS if name != "repetition"])
        table["repetition"] = 1
    elif "repetition" in table and table["repetition"].str.fullmatch(r"\d{1,9}").all():
        table["repetition"] = table["repetition"].astype(np.int64)
    if "simulated" in table:
        table["simulated"] = table["simulated"].str.lower().isin(("true", "1", "yes"))
    return table


def _refuse_shares(scores: "pd.Series[float]") -> None:
    """Raise TableError for shares: as points of 100 no two of them would seem to differ."""
    if bool(scores.between(0.0, 1.0).where(scores.notna(), other=True).all()) and scores.max() > 0:
        raise TableError(
            "scores lie from 0 to 1 and points of 100 are expected: multiply them by 100 "
            "(scale 100), or say that they are points already (scale 1)"
        )


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a CSV of any columns; an empty field is missing, and NA or null stay names.

    Args:
        path: CSV file with a header, UTF-8; `.csv.gz` is unpacked.

    Raises:
        TableError: no such file, or no table.
    """
    table = _read_texts(path)
    return table.mask(table == "")


def _read_texts(path: str | Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise TableError(f"no file at {path}: give the path of a CSV") from None
    except (OSError, pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise TableError(f"{path} is no CSV table in UTF-8 with a header: {error}") from None


def _parsed_scores(column: "pd.Series[Any]") -> "pd.Series[float]":
    scores = pd.to_numeric(column, errors="coerce").astype(np.float64)
    odd = np.flatnonzero(~np.isfinite(scores.to_numpy()) & column.notna().to_numpy())
    if odd.size:
        raise TableError(
            f"score {column.iloc[odd[0]]!r} in line {odd[0] + 2} is no number: leave the field "
            "empty where the score is not known"
        )
    return scores


def trial_scores(
    df: pd.DataFrame, *, score_range: tuple[float, float] = (0.0, 100.0)
) -> pd.DataFrame:
    """Reduce marks of several judges and dimensions to one score per trial.

    Per dimension a mark is answer + judge offset; the offsets are fitted by least squares with the
    answers as fixed effects, centred and taken off, so that a lenient judge who is missing on one
    arm does not shift it. The judges that did mark are averaged, the dimensions summed. A trial
    that lacks a dimension has no score.

    Args:
        df: long table; the columns `judge` and `dimension` are optional.
        score_range: lowest and highest possible score, in points.

    Returns:
        One row per trial, sorted by name: the required columns and those of `size`, `status`,
        `output_hash`, `cluster`, `simulated` that were there.

    Raises:
        TableError: see `check_columns`; also when a trial, or a mark, is there twice.
    """
    return reduced(df, score_range=score_range).trials


def cell_means(
    df: pd.DataFrame,
    *,
    score_range: tuple[float, float] = (0.0, 100.0),
    keep: Sequence[str] = (),
) -> pd.DataFrame:
    """Average the repetitions of each model x variant x task.

    The mean is over all answers with a score. Answers that are equal byte for byte (same
    `output_hash`) are one answer to the variance: their scores are averaged first.

    Args:
        df: long table, see `trial_scores`.
        score_range: lowest and highest possible score, in points.
        keep: further columns by which cells are told apart.

    Returns:
        One row per cell, sorted: model, variant, task, `keep`, score (points), variance (points
        squared, between distinct answers, missing with fewer than two), n_repetitions (trials with
        a score), distinct_outputs (different answers with a score), missing (answers without one),
        and size, cluster, simulated where given.
    """
    return cells_of_trials(reduced(df, score_range=score_range, keep=keep).trials, keep=keep)


def cells_of_trials(trials: pd.DataFrame, *, keep: Sequence[str] = ()) -> pd.DataFrame:
    """As `cell_means`, from a table that holds one row per trial already."""
    names = [*dict.fromkeys((*keep, "model", "variant", "task"))]
    cell, first = combined_codes([column_codes(trials[name]) for name in names])
    n_cells = len(first)
    scores = trials["score"].to_numpy(dtype=np.float64)
    scored = ~np.isnan(scores)
    output, n_outputs = distinct_answers(trials, cell, n_cells)
    counts = np.bincount(output[scored], minlength=n_outputs)
    sums = np.bincount(output[scored], weights=scores[scored], minlength=n_outputs)
    cell_of = np.empty(n_outputs, dtype=np.int64)
    cell_of[output] = cell
    known = counts > 0
    values = sums[known] / counts[known]
    inside = cell_of[known]
    distinct = np.bincount(inside, minlength=n_cells)
    with np.errstate(invalid="ignore", divide="ignore"):
        # The mean is over all answers: how often a text comes is part of what a model does. Only
        # how well the mean is known is told by texts that differ.
        n_scored = np.bincount(cell[scored], minlength=n_cells)
        means = np.bincount(cell[scored], weights=scores[scored], minlength=n_cells) / n_scored
        middle = np.bincount(inside, weights=values, minlength=n_cells) / distinct
        squares = np.bincount(inside, weights=(values - middle[inside]) ** 2, minlength=n_cells)
        variances = np.where(distinct > 1, squares / (distinct - 1), np.nan)
    carried = [name for name in ("size", "cluster", "simulated") if name in trials]
    cells = trials.iloc[first][[*dict.fromkeys((*names, *carried))]].reset_index(drop=True)
    return cells.assign(
        score=means,
        variance=variances,
        n_repetitions=np.bincount(cell[scored], minlength=n_cells),
        distinct_outputs=distinct,
        missing=np.bincount(cell_of[~known], minlength=n_cells),
    )


def distinct_answers(trials: pd.DataFrame, cell: Codes, n_cells: int) -> tuple[Codes, int]:
    """Code of the answer of each trial: copies within a cell share one; no hash, no copy."""
    if "output_hash" not in trials:
        return np.arange(len(trials), dtype=np.int64), len(trials)
    hashes = trials["output_hash"]
    codes, values = pd.factorize(hashes.mask(hashes == ""), sort=False)
    unknown = codes < 0
    codes = codes.astype(np.int64)
    codes[unknown] = len(values) + np.arange(int(unknown.sum()))
    output, first = combined_codes([(cell, n_cells), (codes, len(values) + int(unknown.sum()))])
    return output, len(first)
