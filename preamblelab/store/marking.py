"""Ratings of single scorers, the marks made from them, and the ways of marking."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, cast

from preamblelab.domain.base import canonical_json
from preamblelab.domain.records import Rating, RatingStatus
from preamblelab.domain.rubrics import TOTAL_POINTS
from preamblelab.errors import SpecError
from preamblelab.store.naming import TRIAL_COLUMNS, Naming
from preamblelab.store.packing import dump, load_mapping, load_tuple, pack, unpack
from preamblelab.store.rows import (
    JudgementRow,
    MarkingEntry,
    MarkRow,
    PlannedTrial,
    RatingRow,
)

ROUNDING: Final = 1e-6
"""Maxima are floats; their sum may miss the total by this much."""

# `failed` means that a judge could not be reached: like a failed call, it is tried again.
_UNMARKED: Final = f"""
SELECT {TRIAL_COLUMNS} FROM trials t JOIN responses r ON r.key = t.response_key
WHERE t.experiment_id = ?1 AND t.ordinal > ?2 AND (
    SELECT total(m.maximum) FROM marks m
    WHERE m.marking = ?4 AND m.response_key = t.response_key AND m.task_digest = t.task_digest
        AND m.status <> 'failed'
) < {TOTAL_POINTS - ROUNDING}
ORDER BY t.ordinal LIMIT ?3
"""  # noqa: S608 - our own constants


_JUDGEMENTS: Final = """
SELECT response_key, mark_key, scorer, dimension, total(points), total(points IS NULL)
FROM ratings
WHERE mark_key IN (SELECT value FROM json_each(?1)) AND scorer LIKE 'judge/%'
    AND status <> 'failed'
GROUP BY response_key, mark_key, scorer, judgement, dimension
ORDER BY response_key, mark_key, scorer, judgement, dimension
"""


class Marking(Naming):
    """Points: as they were given, and as they count."""

    def unmarked(self, experiment: str, marking: str) -> Iterator[PlannedTrial]:
        """Answered trials that this marking has not marked in all dimensions.

        Marks with the status `failed` do not count: their judge could not be reached.
        Marks may be stored while this is read.

        Raises:
            SpecError: there is no such experiment.
        """
        return self._pages(_UNMARKED, self._experiment_id(experiment), marking)

    def put_ratings(self, rows: Sequence[RatingRow]) -> None:
        """Store ratings durably, in one transaction.

        What one judgement of one scorer said on one dimension of one response under one mark key
        is replaced as a whole: give all its criteria in one call.
        """
        if not rows:
            return
        now = self._clock()
        with self._writing("store ratings") as connection:
            connection.executemany(
                "DELETE FROM ratings WHERE response_key = ? AND mark_key = ? AND scorer = ? "
                "AND judgement = ? AND dimension = ?",
                dict.fromkeys(
                    (
                        row.response_key,
                        row.mark_key,
                        row.rating.scorer,
                        row.rating.judgement,
                        row.rating.dimension,
                    )
                    for row in rows
                ),
            )
            connection.executemany(
                "INSERT INTO ratings (response_key, mark_key, judge_response_key, scorer, "
                "judgement, dimension, criterion, points, status, reason, evidence, flags, created)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (_rating_values(row, now) for row in rows),
            )

    def put_marks(self, rows: Sequence[MarkRow]) -> None:
        """Store marks durably, in one transaction; they replace those of the same place."""
        if not rows:
            return
        with self._writing("store marks") as connection:
            connection.executemany(
                "INSERT INTO marks VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (marking, response_key, task_digest, dimension) DO UPDATE SET "
                "points = excluded.points, maximum = excluded.maximum, status = excluded.status, "
                "reason = excluded.reason",
                (
                    (
                        row.marking,
                        row.response_key,
                        row.task_digest,
                        row.dimension,
                        row.points,
                        row.maximum,
                        row.status,
                        pack(row.reason),
                    )
                    for row in rows
                ),
            )

    def judgements(self, mark_keys: Iterable[str]) -> Iterator[JudgementRow]:
        """The sum of each judgement on each dimension, under any of these mark keys.

        A judgement that lacks a criterion has no sum. One that could not be had at all, because
        its judge was out of reach, is left out: it is tried again.
        """
        with self._reading("read judgements") as connection:
            rows = connection.execute(_JUDGEMENTS, (json.dumps(list(mark_keys)),)).fetchall()
        for response_key, mark_key, scorer, dimension, total, missing in rows:
            yield JudgementRow(
                response_key=response_key,
                mark_key=mark_key,
                scorer=scorer,
                dimension=dimension,
                points=None if missing else float(total),
            )

    def ratings_of(self, response_key: str, mark_key: str) -> list[Rating]:
        """The ratings of one response under one mark key, in the order they were given."""
        with self._reading("read ratings") as connection:
            rows = connection.execute(
                "SELECT scorer, dimension, criterion, points, status, reason, evidence, judgement, "
                "flags FROM ratings WHERE response_key = ? AND mark_key = ? ORDER BY id",
                (response_key, mark_key),
            ).fetchall()
            return [
                Rating(
                    scorer=row[0],
                    dimension=row[1],
                    criterion=row[2],
                    points=row[3],
                    status=cast("RatingStatus", row[4]),
                    reason=unpack(row[5]),
                    evidence=load_tuple(row[6]),
                    judgement=row[7],
                    flags=load_tuple(row[8]),
                )
                for row in rows
            ]

    def set_marking(self, experiment: str, marking: str, document: Mapping[str, Any]) -> None:
        """Make this marking the experiment's current one; earlier ones stay and can be named.

        Args:
            experiment: its name.
            marking: address of the marking.
            document: what it consists of. Its `mark_keys` tells `ratings` which ratings belong to
                it: a list of keys, or an object of such lists by task digest.
        """
        number = self._experiment_id(experiment)
        body = canonical_json(dict(document))
        with self._writing("store a marking") as connection:
            newest = connection.execute(
                "SELECT marking, document, sequence FROM markings WHERE experiment_id = ? "
                "ORDER BY sequence DESC LIMIT 1",
                (number,),
            ).fetchone()
            if newest is not None and newest[:2] == (marking, body):
                return
            connection.execute(
                "INSERT INTO markings VALUES (?, ?, ?, ?, ?) ON CONFLICT (experiment_id, marking) "
                "DO UPDATE SET document = excluded.document, sequence = excluded.sequence, "
                "created = excluded.created",
                (number, marking, body, newest[2] + 1 if newest else 1, self._clock()),
            )

    def marking(self, experiment: str) -> tuple[str, dict[str, Any]] | None:
        """Address and document of the current marking; None before the first."""
        entries = self.markings(experiment)
        return (entries[0].marking, dict(entries[0].document)) if entries else None

    def markings(self, experiment: str) -> list[MarkingEntry]:
        """All markings of an experiment, the current one first."""
        number = self._experiment_id(experiment)
        with self._reading("read markings") as connection:
            rows = connection.execute(
                "SELECT marking, document, created FROM markings WHERE experiment_id = ? "
                "ORDER BY sequence DESC",
                (number,),
            ).fetchall()
            return [
                MarkingEntry(
                    marking=marking,
                    document=load_mapping(document),
                    created=created,
                    current=place == 0,
                )
                for place, (marking, document, created) in enumerate(rows)
            ]

    def _chosen_marking(self, experiment: str, marking: str | None) -> MarkingEntry | None:
        """The named marking, or the current one; None when there is none yet.

        Raises:
            SpecError: a marking is named that the experiment does not have.
        """
        entries = self.markings(experiment)
        if marking is None:
            return entries[0] if entries else None
        for entry in entries:
            if entry.marking == marking:
                return entry
        names = [entry.marking for entry in entries]
        close = get_close_matches(marking, names, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise SpecError(
            f"{self.path}: '{experiment}' has no marking '{marking}'; {hint}"
            f"known: {', '.join(names) or 'none, score it first'}"
        )


def _rating_values(row: RatingRow, created: str) -> tuple[Any, ...]:
    rating = row.rating
    return (
        row.response_key,
        row.mark_key,
        row.judge_response_key,
        rating.scorer,
        rating.judgement,
        rating.dimension,
        rating.criterion,
        rating.points,
        rating.status,
        pack(rating.reason),
        json.dumps(rating.evidence) if rating.evidence else None,
        dump(rating.flags),
        created,
    )
