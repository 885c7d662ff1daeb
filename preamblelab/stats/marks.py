"""Owns the way from marks to trials: judges' leniency taken off, dimensions summed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from preamblelab.errors import TableError
from preamblelab.stats.codes import (
    Codes,
    Floats,
    column_codes,
    combined_codes,
    compressed,
    group_sums,
)
from preamblelab.stats.columns import (
    CARRIED_COLUMNS,
    SCORE_COLUMNS,
    numbers,
    refuse_nameless,
    renamed,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The known marks; arrays with one entry per mark.

    Attributes:
        points: the mark, in points.
        trial: code of the trial, its row in the reduced table.
        judge: code of the judge; 0 where judges are not named.
        dimension: code of the dimension; 0 where there is but one.
        n_judges: number of judges.
        n_dimensions: number of dimensions, also of those that nobody could mark.
    """

    points: Floats
    trial: Codes
    judge: Codes
    dimension: Codes
    n_judges: int
    n_dimensions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """A score table brought to one row per trial.

    Attributes:
        trials: the table, as `trial_scores` gives it.
        marks: what it was made from; None where the table held one score per trial.
        flags: `judges_not_linked` when two judges never marked the same answer, so that their
            leniency cannot be compared and was not corrected; `outside_score_range` when a given
            score lies outside the range.
    """

    trials: pd.DataFrame
    marks: Marks | None
    flags: tuple[str, ...]


def reduced(
    df: pd.DataFrame,
    *,
    score_range: tuple[float, float] = (0.0, 100.0),
    keep: Sequence[str] = (),
) -> Reduction:
    """As `trial_scores`, with the columns `keep` kept, the marks and the flags."""
    table = renamed(df, (*SCORE_COLUMNS, *keep))
    points = numbers(table["score"], score_range)
    trial, first = combined_codes([_name_codes(table[name]) for name in SCORE_COLUMNS[:-1]])
    carried = [name for name in dict.fromkeys((*CARRIED_COLUMNS, *keep)) if name in table]
    trials = table.iloc[first][[*SCORE_COLUMNS, *carried]].reset_index(drop=True)
    marks, flags = None, []
    if "judge" in table or "dimension" in table:
        marks = _marks(table, points, trial, len(first))
        scores, linked = _marks_to_scores(marks, len(first))
        trials["score"] = numbers(pd.Series(scores), score_range)
        flags = [] if linked else ["judges_not_linked"]
    else:
        if len(first) < len(table):
            _refuse_repeats(table, trial, "trial")
        trials["score"] = points[first]
    with np.errstate(invalid="ignore"):
        if bool(((points < score_range[0]) | (points > score_range[1])).any()):
            flags.append("outside_score_range")
    return Reduction(trials=trials, marks=marks, flags=tuple(flags))


def _name_codes(column: "pd.Series[Any]") -> tuple[Codes, int]:
    codes, values = pd.factorize(column, sort=True)
    if bool((codes < 0).any()):
        refuse_nameless(column)
    return codes.astype(np.int64, copy=False), len(values)


def _refuse_repeats(table: pd.DataFrame, codes: Codes, what: str) -> None:
    twice = np.flatnonzero(np.bincount(codes) > 1)
    row = table.iloc[int(np.flatnonzero(codes == twice[0])[0])]
    names = ("model", "variant", "task", "repetition", "judge", "dimension")
    where = ", ".join(f"{name} {row[name]}" for name in names if name in table)
    raise TableError(
        f"a {what} is in the table twice ({where}): number the repetitions, or name the judge and "
        "dimension of each mark"
    )


def _marks(table: pd.DataFrame, points: Floats, trial: Codes, n_trials: int) -> Marks:
    marked = ~np.isnan(points)
    everything = bool(marked.all())
    zero = np.zeros(len(table), dtype=np.int64)
    judge, n_judges, dimension, n_dimensions = zero, 1, zero, 1
    if "judge" in table:
        judge, n_judges = column_codes(table["judge"])
    if "dimension" in table:
        # A dimension that nobody could mark still belongs to the rubric.
        codes, values = pd.factorize(table["dimension"], sort=True)
        nameless = np.flatnonzero((codes < 0) & marked)
        if nameless.size and bool(((codes >= 0) & marked).any()):
            raise TableError(
                f"row {table.index[nameless[0]]} has a score and no dimension, others have one: "
                "totals and their parts cannot be summed together; keep one kind"
            )
        if len(values) and not nameless.size:
            dimension, n_dimensions = codes.astype(np.int64, copy=False), len(values)
    rows = slice(None) if everything else np.flatnonzero(marked)
    of_trial, of_dimension, of_judge = trial[rows], dimension[rows], judge[rows]
    key, first = combined_codes(
        [(of_trial, n_trials), (of_dimension, n_dimensions), (of_judge, n_judges)]
    )
    if len(first) < len(key):
        _refuse_repeats(table.iloc[rows], key, "mark")
    return Marks(
        points=points[rows],
        trial=of_trial,
        judge=of_judge,
        dimension=of_dimension,
        n_judges=n_judges,
        n_dimensions=n_dimensions,
    )


def _marks_to_scores(marks: Marks, n_trials: int) -> tuple[Floats, bool]:
    """Score of each trial, and whether all judges of each dimension could be compared."""
    points, linked = marks.points.copy(), True
    if marks.n_judges > 1:
        for number in range(marks.n_dimensions):
            chosen = np.flatnonzero(marks.dimension == number)
            judge = marks.judge[chosen]
            offsets, groups = fitted_offsets(points[chosen], marks.trial[chosen], judge)
            points[chosen] -= offsets[judge]
            linked = linked and groups <= 1
    means = dimension_means(marks, points, n_trials)
    # A plain sum keeps a missing dimension missing; nansum would mark it 0.
    return means.sum(axis=1), linked


def dimension_means(marks: Marks, points: Floats, n_trials: int) -> Floats:
    """Mean over the judges of each trial x dimension; missing where none marked it."""
    size = n_trials * marks.n_dimensions
    place = marks.trial * marks.n_dimensions + marks.dimension
    counts = np.bincount(place, minlength=size)
    with np.errstate(invalid="ignore"):
        means = group_sums(points, place, size) / counts
    return means.reshape(n_trials, marks.n_dimensions)


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
    code, first = compressed(answer, int(answer.max(initial=-1)) + 1)
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
