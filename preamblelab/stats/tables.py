"""Owns the seam between runs and statistics: the long score table, its checks and its reductions.

The table has one row per trial (or per mark of a trial, when the columns `judge` or `dimension` are
there). `preamble` is read as `variant`. A score that is not known is missing, never zero.
"""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from preamblelab.errors import TableError

SCORE_COLUMNS = ("model", "variant", "task", "repetition", "score")
OPTIONAL_COLUMNS = ("size", "judge", "dimension", "status", "output_hash", "cluster", "simulated")
ALIASES = {"preamble": "variant"}
CARRIED_COLUMNS = ("size", "status", "output_hash", "cluster", "simulated")

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


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
    names = {old: new for old, new in ALIASES.items() if old in df and new not in df}
    table = df.rename(columns=names) if names else df
    for column in required:
        if column not in table.columns:
            raise TableError(_absent_column(column, [str(name) for name in df.columns]))
        if column != "score" and bool(table[column].isna().any()):
            row = table.index[int(np.flatnonzero(table[column].isna())[0])]
            raise TableError(
                f"column '{column}' has no name in row {row}: name every {column}, and read CSV "
                "files with read_scores (pandas takes the words NA and null for missing)"
            )
    if "score" not in table.columns:
        return table
    return table.assign(score=_numbers(table["score"], score_range))


def _absent_column(column: str, present: list[str]) -> str:
    close = difflib.get_close_matches(column, present, n=1, cutoff=0.5)
    hint = f"; did you mean '{close[0]}'? rename it" if close else ""
    if column == "repetition" and not close:
        hint = "; add it: 1 everywhere when each task was asked once"
    return f"the score table has no column '{column}'; it has: {', '.join(present)}{hint}"


def _numbers(column: "pd.Series[Any]", score_range: tuple[float, float]) -> Floats:
    try:
        scores = column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        numbers = pd.to_numeric(column, errors="coerce")
        at = int(np.flatnonzero((numbers.isna() & column.notna()).to_numpy())[0])
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


def read_scores(
    path: str | Path, *, score_range: tuple[float, float] = (0.0, 100.0)
) -> pd.DataFrame:
    """Read a CSV of scores; names such as NA, null or nan stay names.

    Args:
        path: CSV file with a header, UTF-8.
        score_range: lowest and highest possible score, in points.

    Returns:
        The checked table. A score is missing only where its field is empty; so is any optional
        column.

    Raises:
        TableError: no such file, no table, or what `check_columns` refuses.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise TableError(f"no file at {path}: give the path of a CSV of scores") from None
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise TableError(f"{path} is no CSV table in UTF-8 with a header: {error}") from None
    for column in set(table.columns).intersection((*OPTIONAL_COLUMNS, "score")):
        table[column] = table[column].mask(table[column] == "")
    if "score" in table:
        table["score"] = _parsed_scores(table["score"])
    if "repetition" in table and table["repetition"].str.fullmatch(r"\d{1,9}").all():
        table["repetition"] = table["repetition"].astype(np.int64)
    if "simulated" in table:
        table["simulated"] = table["simulated"].str.lower().isin(("true", "1", "yes"))
    return check_columns(table, score_range=score_range)


def _parsed_scores(column: "pd.Series[Any]") -> "pd.Series[float]":
    scores = pd.to_numeric(column, errors="coerce").astype(np.float64)
    odd = np.flatnonzero(~np.isfinite(scores.to_numpy()) & column.notna().to_numpy())
    if odd.size:
        raise TableError(
            f"score {column.iloc[odd[0]]!r} in line {odd[0] + 2} is no number: leave the field "
            "empty where the score is not known"
        )
    return scores


def column_codes(column: "pd.Series[Any]") -> tuple[Codes, int]:
    """Number the distinct values of a column in sorted order; missing values are one value."""
    codes, values = pd.factorize(column, sort=True, use_na_sentinel=False)
    return codes.astype(np.int64), len(values)


def combined_codes(parts: Sequence[tuple[Codes, int]]) -> tuple[Codes, Codes]:
    """Number the distinct combinations of several code columns in sorted order.

    Args:
        parts: (codes, number of values) of each column, all of one length.

    Returns:
        The code of each row, and for each code the first row that has it.
    """
    codes, size = parts[0]
    for more, n_values in parts[1:]:
        if size * n_values > 2**62:
            codes, first = _compressed(codes, size)
            size = len(first)
        codes, size = codes * n_values + more, size * n_values
    return _compressed(codes, size)


def _compressed(codes: Codes, size: int) -> tuple[Codes, Codes]:
    if size > 4 * len(codes) + 1000:
        _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
        return inverse.astype(np.int64), first.astype(np.int64)
    present = np.zeros(size, dtype=bool)
    present[codes] = True
    inverse = (np.cumsum(present) - 1)[codes]
    first = np.empty(int(present.sum()), dtype=np.int64)
    first[inverse[::-1]] = np.arange(len(codes))[::-1]
    return inverse, first


def group_sums(values: Floats, group: Codes, n_groups: int) -> Floats:
    """Sum of the values of each group; 0 for a group without values."""
    return np.bincount(group, weights=values, minlength=n_groups).astype(np.float64)


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
    return reduced_trials(df, score_range=score_range)[0]


def reduced_trials(
    df: pd.DataFrame,
    *,
    score_range: tuple[float, float] = (0.0, 100.0),
    keep: Sequence[str] = (),
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """As `trial_scores`, with the flags that the reduction raised and the columns `keep` kept.

    Returns:
        The trials, and the flags: `judges_not_linked` when two judges never marked the same
        answer, so that their leniency cannot be compared and was not corrected;
        `outside_score_range` when a given score lies outside the range.
    """
    table = check_columns(df, (*SCORE_COLUMNS, *keep), score_range=score_range)
    parts = [column_codes(table[name]) for name in SCORE_COLUMNS[:-1]]
    trial, first = combined_codes(parts)
    carried = [name for name in dict.fromkeys((*CARRIED_COLUMNS, *keep)) if name in table]
    trials = table.iloc[first][[*SCORE_COLUMNS, *carried]].reset_index(drop=True)
    given = table["score"].to_numpy(dtype=np.float64)
    with np.errstate(invalid="ignore"):
        outside = bool(((given < score_range[0]) | (given > score_range[1])).any())
    flags: tuple[str, ...] = ()
    if "judge" in table or "dimension" in table:
        scores, flags = _marks_to_scores(table, trial, len(first))
        trials["score"] = _numbers(pd.Series(scores), score_range)
    elif len(first) < len(table):
        _refuse_repeats(table, trial, len(first), "trial")
    return trials, (*flags, "outside_score_range") if outside else flags


def _refuse_repeats(table: pd.DataFrame, codes: Codes, n_codes: int, what: str) -> None:
    twice = np.flatnonzero(np.bincount(codes, minlength=n_codes) > 1)
    if twice.size == 0:
        return
    row = table.iloc[int(np.flatnonzero(codes == twice[0])[0])]
    names = ("model", "variant", "task", "repetition", "judge", "dimension")
    where = ", ".join(f"{name} {row[name]}" for name in names if name in table)
    raise TableError(
        f"a {what} is in the table twice ({where}): number the repetitions, or name the judge and "
        "dimension of each mark"
    )


def _marks_to_scores(
    table: pd.DataFrame, trial: Codes, n_trials: int
) -> tuple[Floats, tuple[str, ...]]:
    """Score of each trial from its marks, and the flags of the reduction."""
    marks, judge, n_judges, dimension, n_dimensions = mark_codes(table)
    of_trial = trial[marks]
    key, first = combined_codes(
        [(of_trial, n_trials), (dimension, n_dimensions), (judge, n_judges)]
    )
    if len(first) < len(marks):
        _refuse_repeats(table.iloc[marks], key, len(first), "mark")
    values = table["score"].to_numpy(dtype=np.float64)[marks]
    linked = True
    if n_judges > 1:
        for number in range(n_dimensions):
            chosen = np.flatnonzero(dimension == number)
            offsets, groups = fitted_offsets(values[chosen], of_trial[chosen], judge[chosen])
            values[chosen] -= offsets[judge[chosen]]
            linked = linked and groups == 1
    place = of_trial * n_dimensions + dimension
    counts = np.bincount(place, minlength=n_trials * n_dimensions)
    sums = np.bincount(place, weights=values, minlength=n_trials * n_dimensions)
    with np.errstate(invalid="ignore"):
        means = np.where(counts > 0, sums / counts, np.nan)
    # A plain sum keeps a missing dimension missing; nansum would mark it 0.
    scores = means.reshape(n_trials, n_dimensions).sum(axis=1)
    return scores, () if linked else ("judges_not_linked",)


def mark_codes(table: pd.DataFrame) -> tuple[Codes, Codes, int, Codes, int]:
    """Rows with a mark, and the judge and dimension of each of them."""
    marks = np.flatnonzero(table["score"].notna().to_numpy())
    named = np.zeros(len(marks), dtype=np.int64)
    judge, n_judges, dimension, n_dimensions = named, 1, named, 1
    if "judge" in table:
        judge, n_judges = column_codes(table["judge"].iloc[marks])
    if "dimension" in table:
        some = table["dimension"].notna().to_numpy()
        if some[marks].any() and not some[marks].all():
            row = table.index[int(marks[np.flatnonzero(~some[marks])[0]])]
            raise TableError(
                f"row {row} has a score and no dimension, others have one: totals and their parts "
                "cannot be summed together; keep one kind"
            )
        # A dimension that nobody could mark still belongs to the rubric.
        codes, values = pd.factorize(table["dimension"], sort=True)
        if len(values):
            dimension, n_dimensions = codes.astype(np.int64)[marks], len(values)
    return marks, judge, n_judges, dimension, n_dimensions


def fitted_offsets(marks: Floats, answer: Codes, judge: Codes) -> tuple[Floats, int]:
    """Leniency of each judge by least squares, with the answers as fixed effects.

    Args:
        marks: points, one per mark.
        answer: code of the answer that was marked.
        judge: code of the judge who marked it.

    Returns:
        Points that each judge gives above the average of the judges linked with them (judges are
        linked when they marked a common answer), and the number of groups without a link.
    """
    n_judges = int(judge.max(initial=-1)) + 1
    present = np.bincount(judge, minlength=n_judges) > 0
    code, first = _compressed(answer, int(answer.max(initial=-1)) + 1)
    table = np.zeros((len(first), n_judges))
    table[code, judge] = 1.0
    counts = table.sum(axis=1)
    answer_means = np.bincount(code, weights=marks, minlength=len(first)) / counts
    matrix = np.diag(table.sum(axis=0)) - table.T @ (table / counts[:, None])
    right = np.bincount(judge, weights=marks - answer_means[code], minlength=n_judges)
    values, vectors = np.linalg.eigh(matrix)
    kept = values > 1e-9 * max(1.0, float(values.max(initial=0.0)))
    # The solution of least norm has mean zero within every group of linked judges.
    offsets: Floats = vectors[:, kept] @ ((vectors[:, kept].T @ right) / values[kept])
    return offsets, int(present.sum()) - int(kept.sum())


def cell_means(
    df: pd.DataFrame,
    *,
    score_range: tuple[float, float] = (0.0, 100.0),
    keep: Sequence[str] = (),
) -> pd.DataFrame:
    """Average the repetitions of each model x variant x task.

    Answers that are equal byte for byte (same `output_hash`) are one repetition: their scores are
    averaged first.

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
    trials, _ = reduced_trials(df, score_range=score_range, keep=keep)
    return cells_of_trials(trials, keep=keep)


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
        means = np.bincount(inside, weights=values, minlength=n_cells) / distinct
        squares = np.bincount(inside, weights=(values - means[inside]) ** 2, minlength=n_cells)
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
