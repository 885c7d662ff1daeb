"""Stored trials, marks and ratings as tables; sums are made in SQL, texts are never read."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from preamblelab.domain.rubrics import TOTAL_POINTS
from preamblelab.errors import SpecError
from preamblelab.store.marking import ROUNDING, Marking
from preamblelab.store.packing import load_tuple, visible
from preamblelab.store.rows import MarkingEntry

if TYPE_CHECKING:
    from pandas import DataFrame

_PORTION: Final = 5000

Kind = str
"""`text` (missing allowed), `share` (one of few texts), `number`, `whole`, `count`, `yes`."""

_NAMES: Final[Mapping[str, Kind]] = {
    "model": "share", "size": "share", "variant": "share", "task": "share", "repetition": "count",
}  # fmt: skip
_GROUPS: Final[Mapping[str, Kind]] = {
    "family": "share", "category": "share", "cluster": "share",
}  # fmt: skip
_PLACE: Final[Mapping[str, Kind]] = {
    "simulated": "yes", "delivery": "share", "part": "share", "version": "share",
    "response_key": "text",
}  # fmt: skip

SCORE_COLUMNS: Final[Mapping[str, Kind]] = {
    **_NAMES, "score": "number", **_GROUPS, "status": "share", "reason": "share",
    "output_hash": "text", "simulated": "yes", "seconds": "number",
    "first_token_seconds": "number", "prompt_tokens": "whole", "completion_tokens": "whole",
    "usd": "number", "delivery": "share", "response_key": "text", "part": "share",
    "version": "share",
}  # fmt: skip
"""Columns of `Store.scores`."""

DIMENSION_COLUMNS: Final[Mapping[str, Kind]] = {
    **_NAMES, "dimension": "share", "points": "number", "maximum": "number", "status": "share",
    "reason": "share", **_GROUPS, **_PLACE,
}  # fmt: skip
"""Columns of `Store.dimension_scores`."""

RATING_COLUMNS: Final[Mapping[str, Kind]] = {
    **_NAMES, "judge": "share", "judgement": "count", "dimension": "share", "criterion": "whole",
    "points": "number", "status": "share", "reason": "share", "flags": "share", **_GROUPS,
    **_PLACE, "judge_response_key": "text",
}  # fmt: skip
"""Columns of `Store.ratings`."""

_TRIAL: Final = "t.model, t.size, t.variant, t.task, t.repetition"
_GROUP: Final = "t.family, t.category, t.cluster"
_WHERE_FROM: Final = "t.simulated, coalesce(d.state, 'unknown'), t.part, t.version, t.response_key"
_DELIVERY: Final = """
LEFT JOIN deliveries d
    ON d.experiment_id = t.experiment_id AND d.model = t.model AND d.variant = t.variant
"""
_STATUS: Final = """
CASE WHEN r.status IS NOT NULL THEN r.status
    WHEN EXISTS (SELECT 1 FROM failures f WHERE f.key = t.response_key) THEN 'failed'
    ELSE 'pending' END
"""
_LAST_FAILURE: Final = """
CASE WHEN r.status IS NULL THEN (
    SELECT f.reason FROM failures f WHERE f.key = t.response_key ORDER BY f.id DESC LIMIT 1) END
"""

# The one min() makes SQLite take m.status and m.reason from the row of that missing dimension.
SCORE_VALUES: Final = f"""
{_TRIAL}, total(m.points), count(m.dimension), count(m.points), total(m.maximum),
    min(CASE WHEN m.points IS NULL THEN m.dimension END), m.status, m.reason,
    {_GROUP}, {_STATUS}, coalesce(r.reason, {_LAST_FAILURE}), r.output_hash, t.simulated,
    r.seconds, r.first_token_seconds, r.prompt_tokens, r.completion_tokens, r.usd,
    coalesce(d.state, 'unknown'), t.response_key, t.part, t.version
"""
"""What `score_row` reads; further columns may follow."""

SCORE_SOURCE: Final = f"""
FROM trials t
LEFT JOIN responses r ON r.key = t.response_key
LEFT JOIN marks m
    ON m.marking = ?2 AND m.response_key = t.response_key AND m.task_digest = t.task_digest
{_DELIVERY}
WHERE t.experiment_id = ?1 GROUP BY t.ordinal ORDER BY t.ordinal
"""
"""Trials of experiment ?1 with their answers and their marks under marking ?2."""

_SCORES: Final = f"SELECT {SCORE_VALUES} {SCORE_SOURCE}"

_DIMENSIONS: Final = f"""
WITH dimensions AS (
    SELECT m.dimension, max(m.maximum) AS maximum FROM trials t JOIN marks m
        ON m.marking = ?2 AND m.response_key = t.response_key AND m.task_digest = t.task_digest
    WHERE t.experiment_id = ?1 GROUP BY m.dimension)
SELECT {_TRIAL}, n.dimension, m.points, coalesce(m.maximum, n.maximum),
    coalesce(m.status, CASE WHEN r.status IS NOT NULL THEN 'unmarked' ELSE {_STATUS} END),
    coalesce(m.reason, {_LAST_FAILURE}), {_GROUP}, {_WHERE_FROM}
FROM trials t CROSS JOIN dimensions n
LEFT JOIN responses r ON r.key = t.response_key
LEFT JOIN marks m ON m.marking = ?2 AND m.response_key = t.response_key
    AND m.task_digest = t.task_digest AND m.dimension = n.dimension
{_DELIVERY}
WHERE t.experiment_id = ?1 ORDER BY t.ordinal, n.dimension
"""  # noqa: S608 - our own constants

_MAXIMA: Final = """
SELECT m.dimension, max(m.maximum) FROM marks m WHERE m.marking = ? GROUP BY m.dimension
"""

_RATINGS: Final = f"""
SELECT a.mark_key, t.task_digest, {_TRIAL}, a.scorer, a.judgement, a.dimension, a.criterion,
    a.points, a.status, a.reason, a.flags, {_GROUP}, {_WHERE_FROM}, a.judge_response_key
FROM trials t JOIN ratings a ON a.response_key = t.response_key
{_DELIVERY}
WHERE t.experiment_id = ?1
ORDER BY t.ordinal, a.scorer, a.judgement, a.dimension, a.criterion, a.id
"""  # noqa: S608 - our own constants

_RATED: Final = """
SELECT a.mark_key, t.task_digest
FROM trials t JOIN ratings a ON a.response_key = t.response_key WHERE t.experiment_id = ?
"""
_RATERS: Final = "SELECT DISTINCT mark_key, scorer, dimension FROM ratings"


class Tables(Marking):
    """What analysis reads: one DataFrame per question, missing where missing."""

    def scores(self, experiment: str, *, marking: str | None = None) -> "DataFrame":
        """One row per trial, in the order of the plan: the seam to everything that concludes.

        Args:
            experiment: its name.
            marking: address of a marking; None takes the current one.

        Returns:
            Columns as in `SCORE_COLUMNS`. `score` is 0 to 100, or missing when the answer or any
            dimension's points are missing, for the reason in `reason`. `status` is that of the
            answer, `failed` when every call so far failed, `pending` when none was made.
            `delivery` is `unknown` where nobody has looked.

        Raises:
            SpecError: there is no such experiment or marking.
        """
        number = self._experiment_id(experiment)
        entry = self._chosen_marking(experiment, marking)
        with self._reading("read scores") as connection:
            found = connection.execute(_SCORES, (number, entry.marking if entry else None))
            return _table(SCORE_COLUMNS, found, score_row)

    def dimension_scores(self, experiment: str, *, marking: str | None = None) -> "DataFrame":
        """One row per trial and dimension; no rows at all before the first mark.

        Returns:
            Columns as in `DIMENSION_COLUMNS`. `points` is 0 to `maximum` or missing; `status` is
            that of the mark, or `unmarked`, `failed`, `pending`.

        Raises:
            SpecError: there is no such experiment or marking.
        """
        number = self._experiment_id(experiment)
        entry = self._chosen_marking(experiment, marking)
        with self._reading("read the scores of dimensions") as connection:
            found = connection.execute(_DIMENSIONS, (number, entry.marking if entry else None))
            return _table(DIMENSION_COLUMNS, found, _dimension_row)

    def scores_and_means(self, experiment: str) -> "tuple[DataFrame, DataFrame]":
        """The scores, and the points by dimension with repetitions averaged, read in one go.

        Returns:
            The table of `scores`; and one with a row for each model, variant, task and dimension
            that has points, in the order of dimensions and of the plan: `model, size, variant,
            task, cluster, dimension, points, maximum`. It has no rows for what is missing.

        Raises:
            SpecError: there is no such experiment.
        """
        number = self._experiment_id(experiment)
        entry = self._chosen_marking(experiment, None)
        marking = entry.marking if entry else None
        with self._reading("read scores") as connection:
            maxima: dict[str, float] = dict(connection.execute(_MAXIMA, (marking,)).fetchall())
            columns = {_points_of(name): place for place, name in enumerate(maxima, start=3)}
            # An answer has one mark of a dimension, so that the sum is that mark's points.
            sums = (f"sum(m.points) FILTER (WHERE m.dimension = ?{n})" for n in columns.values())
            found = connection.execute(
                f"SELECT {', '.join((SCORE_VALUES, *sums))} {SCORE_SOURCE}",
                (number, marking, *maxima),
            )
            kinds = {**SCORE_COLUMNS, **dict.fromkeys(columns, "number")}
            table = _table(kinds, found, score_row)
        return table[list(SCORE_COLUMNS)], _means(table, maxima)

    def ratings(self, experiment: str, *, marking: str | None = None) -> "DataFrame":
        """One row per trial, scorer, judgement, dimension and criterion, where it was rated so.

        Returns:
            Columns as in `RATING_COLUMNS`. `judge` is the scorer; `criterion` counts from 0 and is
            missing for a rating of the whole dimension; `flags` are joined by commas.

        Raises:
            SpecError: there is no such experiment or marking, or the marking's document does not
                tell by `mark_keys` which ratings belong to it.
        """
        number = self._experiment_id(experiment)
        entry = self._chosen_marking(experiment, marking)
        belongs = belongs_to(entry, f"{self.path}: marking of '{experiment}'")
        with self._reading("read ratings") as connection:
            found = connection.execute(_RATINGS, (number,))
            return _table(RATING_COLUMNS, found, _rating_row, keep=belongs)

    def raters(self, experiment: str) -> dict[str, set[str]]:
        """Which dimensions each scorer may have marked here; no scorer where nothing was rated.

        Cheaper than `ratings` by far: where a marking is shared with other experiments of the
        store, a scorer may stand here that marked a dimension only there.

        Raises:
            SpecError: there is no such experiment, or its marking does not tell its `mark_keys`.
        """
        number = self._experiment_id(experiment)
        entry = self._chosen_marking(experiment, None)
        belongs = belongs_to(entry, f"{self.path}: marking of '{experiment}'")
        told = entry.document["mark_keys"] if entry else []
        keys = {*told} if isinstance(told, list) else {key for its in told.values() for key in its}
        found: dict[str, set[str]] = {}
        with self._reading("read who rated") as connection:
            if not any(map(belongs, connection.execute(_RATED, (number,)))):
                return found
            for key, scorer, dimension in connection.execute(_RATERS):
                if key in keys:
                    found.setdefault(scorer, set()).add(dimension)
        return found


def score_row(row: Sequence[Any]) -> tuple[Any, ...]:
    """A row of `SCORE_COLUMNS` from one of `SCORE_VALUES`; what follows them stays as it is."""
    points, marks, given, maximum, dimension, mark_status, mark_reason = row[5:12]
    status, reason = row[15], visible(row[16])
    score = None
    if row[15] not in {"pending", "failed"}:
        if marks == 0:
            why = "not marked"
        elif given < marks:
            detail = f": {visible(mark_reason)}" if mark_reason else ""
            why = f"{dimension} has no points ({mark_status}{detail})"
        elif abs(maximum - TOTAL_POINTS) > ROUNDING:
            why = f"marks cover {maximum:g} of {TOTAL_POINTS} points"
        else:
            why, score = "", points
        reason = f"{reason}; {why}" if reason and why else reason or why
    return (*row[:5], score, *row[12:15], status, reason, *row[17:])


def _points_of(dimension: str) -> str:
    """The column of a dimension's points, apart from those that every table has."""
    return f"points of {dimension}"


def _means(table: "DataFrame", maxima: Mapping[str, float]) -> "DataFrame":
    """Points by dimension and cell, repetitions averaged, from the table of scores with them."""
    import numpy as np
    import pandas as pd

    names = ["model", "size", "variant", "task", "cluster"]
    cells = table.groupby(["model", "variant", "task"], sort=False).ngroup().to_numpy()
    parts = []
    for dimension, maximum in maxima.items():
        points = table[_points_of(dimension)].to_numpy()
        known = np.flatnonzero(~np.isnan(points))
        own, places = pd.factorize(cells[known], sort=False)
        first = known[np.unique(own, return_index=True)[1]]
        means = np.bincount(own, points[known], len(places)) / np.bincount(own, None, len(places))
        part = table.loc[first, names]
        part["dimension"] = pd.Series(dimension, index=part.index, dtype=object)
        parts.append(part.assign(points=means, maximum=maximum))
    columns = [*names, "dimension", "points", "maximum"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _dimension_row(row: Sequence[Any]) -> tuple[Any, ...]:
    return (*row[:9], visible(row[9]), *row[10:])


def _rating_row(row: Sequence[Any]) -> tuple[Any, ...]:
    return (*row[2:13], visible(row[13]), ",".join(load_tuple(row[14])), *row[15:])


def belongs_to(entry: MarkingEntry | None, where: str) -> Callable[[Sequence[Any]], bool]:
    """Whether a row of `_RATINGS` belongs to the marking: by mark key, and by task if told so."""
    if entry is None:
        return lambda _: False
    keys = entry.document.get("mark_keys")
    if isinstance(keys, list):
        every = frozenset(keys)
        return lambda row: row[0] in every
    if isinstance(keys, dict):
        by_task = {task: frozenset(its) for task, its in keys.items()}
        return lambda row: row[0] in by_task.get(row[1], ())
    raise SpecError(
        f"{where} does not say which ratings it is made from; "
        "give its document 'mark_keys' when it is set"
    )


def _portions(cursor: sqlite3.Cursor) -> Iterator[list[tuple[Any, ...]]]:
    while rows := cursor.fetchmany(_PORTION):
        yield rows


def _table(
    kinds: Mapping[str, Kind],
    cursor: sqlite3.Cursor,
    shape: Callable[[Sequence[Any]], tuple[Any, ...]],
    keep: Callable[[Sequence[Any]], bool] | None = None,
) -> "DataFrame":
    """A frame with a settled type for each column, whatever the rows hold."""
    import pandas as pd

    columns: list[list[Any]] = [[] for _ in kinds]
    # Thousands of rows repeat a few names: one object each, or the frame needs ten times the room.
    seen: dict[Any, Any] = {}
    for rows in _portions(cursor):
        wanted = rows if keep is None else [row for row in rows if keep(row)]
        if not wanted:
            continue
        parts = zip(*(shape(row) for row in wanted), strict=True)
        for column, kind, part in zip(columns, kinds.values(), parts, strict=True):
            column.extend(map(seen.setdefault, part, part) if kind == "share" else part)
    types = {
        "share": object, "text": object, "number": "float64", "whole": "Int64", "count": "int64",
        "yes": "bool",
    }  # fmt: skip
    series = {
        name: pd.Series(column, dtype=types[kind])  # type: ignore[call-overload]
        for (name, kind), column in zip(kinds.items(), columns, strict=True)
    }
    return pd.DataFrame(series)
