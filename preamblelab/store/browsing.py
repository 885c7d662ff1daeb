"""What a person asks who looks at an experiment: how far it is, pages of trials, one trial."""

import json
import time
from collections.abc import Sequence
from typing import Any, Final, cast

from preamblelab.domain.records import Rating, RatingStatus
from preamblelab.store.locking import Holder, holder_of
from preamblelab.store.packing import load_tuple, unpack
from preamblelab.store.rows import ArmProgress, Failure, JudgedRating, MarkRow
from preamblelab.store.snapshots import Order, Snapshot, TrialFilter, TrialLine, TrialPage
from preamblelab.store.tables import SCORE_SOURCE, SCORE_VALUES, Tables, belongs_to, score_row

_SEARCH_SECONDS: Final = 1.0
_SEARCHED_AT_ONCE: Final = 500

_LINES: Final = f"SELECT {SCORE_VALUES}, t.ordinal, r.flags, t.task_digest {SCORE_SOURCE}"

_PROGRESS: Final = """
SELECT t.model, t.variant, count(*), count(r.key),
    total(r.key IS NULL AND EXISTS (SELECT 1 FROM failures f WHERE f.key = t.response_key)),
    total(r.key IS NOT NULL AND EXISTS (SELECT 1 FROM marks m WHERE m.marking = ?2
        AND m.response_key = t.response_key AND m.task_digest = t.task_digest)),
    total(r.prompt_tokens) + total(r.completion_tokens), total(r.usd),
    total(r.key IS NOT NULL AND r.usd IS NULL), max(t.simulated)
FROM trials t LEFT JOIN responses r ON r.key = t.response_key
WHERE t.experiment_id = ?1 GROUP BY t.model, t.variant ORDER BY min(t.ordinal)
"""

_CONTAINING: Final = r"""
SELECT r.key FROM responses r JOIN texts x ON x.response_id = r.id
WHERE r.key IN (SELECT value FROM json_each(?1)) AND CAST(x.text AS TEXT) LIKE ?2 ESCAPE '\'
"""

_SHARED: Final = """
SELECT count(DISTINCT t.response_key) FROM trials t WHERE t.experiment_id = ?1
    AND t.response_key IN (SELECT o.response_key FROM trials o WHERE o.experiment_id = ?2)
"""


class Browsing(Tables):
    """Questions of the viewer."""

    def holder(self) -> Holder | None:
        """Who is at work on this store now, as far as can be told; reading disturbs nobody."""
        return holder_of(self.path)

    def progress(self, experiment: str) -> list[ArmProgress]:
        """How far each model and variant is, in the order of the plan.

        Raises:
            SpecError: there is no such experiment.
        """
        number = self._experiment_id(experiment)
        entry = self._chosen_marking(experiment, None)
        with self._reading("read the progress") as connection:
            rows = connection.execute(
                _PROGRESS, (number, entry.marking if entry else None)
            ).fetchall()
        return [
            ArmProgress(
                model=row[0],
                variant=row[1],
                trials=row[2],
                answered=row[3],
                failed=int(row[4]),
                marked=int(row[5]),
                tokens=int(row[6]),
                usd=row[7],
                unpriced=int(row[8]),
                simulated=bool(row[9]),
            )
            for row in rows
        ]

    def snapshot(self, experiment: str) -> Snapshot:
        """All trials of an experiment as they are now, without texts, for paging.

        Raises:
            SpecError: there is no such experiment.
        """
        number = self._experiment_id(experiment)
        entry = self._chosen_marking(experiment, None)
        baseline = str(self.document(experiment).get("baseline", "baseline"))
        with self._reading("read trials") as connection:
            rows = connection.execute(_LINES, (number, entry.marking if entry else None))
            return Snapshot(
                experiment=experiment,
                baseline=baseline,
                taken=self._clock(),
                rows=(score_row(row) for row in rows),
            )

    def trial_page(
        self,
        snapshot: Snapshot,
        wanted: TrialFilter,
        order: Order,
        *,
        limit: int = 50,
        after: int | None = None,
        before: int | None = None,
    ) -> TrialPage:
        """A page of trials; a wanted text is looked for in their answers.

        Texts are searched for about a second: then the page says how many answers it has seen and
        where to go on. A search goes forward only.

        Raises:
            SpecError: `after` or `before` is no trial of this experiment.
        """
        if not wanted.text:
            return snapshot.page(wanted, order, limit=limit, after=after, before=before)
        deadline = time.monotonic() + _SEARCH_SECONDS
        found: list[TrialLine] = []
        place, seen, more = after, 0, True
        while more and len(found) < limit and (not seen or time.monotonic() < deadline):
            lines, more = snapshot.following(wanted, order, limit=_SEARCHED_AT_ONCE, after=place)
            keys = self._containing([line.response_key for line in lines], wanted.text)
            for line in lines:
                place, seen = line.ordinal, seen + 1
                if line.response_key in keys:
                    found.append(line)
                    if len(found) == limit:
                        more = more or line is not lines[-1]
                        break
        return TrialPage(
            lines=tuple(found),
            matching=None,
            after=place if more else None,
            searched=seen if more and len(found) < limit else None,
        )

    def _containing(self, keys: Sequence[str], text: str) -> set[str]:
        piece = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        with self._reading("search answers") as connection:
            rows = connection.execute(_CONTAINING, (json.dumps(keys), f"%{piece}%"))
            return {key for (key,) in rows}

    def trial_marks(self, experiment: str, line: TrialLine) -> list[MarkRow]:
        """The marks of one trial under the current marking, one for each dimension."""
        entry = self._chosen_marking(experiment, None)
        if entry is None:
            return []
        with self._reading("read marks") as connection:
            rows = connection.execute(
                "SELECT dimension, points, maximum, status, reason FROM marks "
                "WHERE marking = ? AND response_key = ? AND task_digest = ? ORDER BY dimension",
                (entry.marking, line.response_key, line.task_digest),
            ).fetchall()
        return [
            MarkRow(
                response_key=line.response_key,
                task_digest=line.task_digest,
                marking=entry.marking,
                dimension=row[0],
                points=row[1],
                maximum=row[2],
                status=row[3],
                reason=unpack(row[4]),
            )
            for row in rows
        ]

    def trial_ratings(self, experiment: str, line: TrialLine) -> list[JudgedRating]:
        """The ratings that the current marks of one trial are made from, in their order."""
        entry = self._chosen_marking(experiment, None)
        belongs = belongs_to(entry, f"{self.path}: marking of '{experiment}'")
        with self._reading("read ratings") as connection:
            rows: list[tuple[Any, ...]] = connection.execute(
                "SELECT mark_key, ?2, scorer, dimension, criterion, points, status, reason, "
                "evidence, judgement, flags, judge_response_key FROM ratings "
                "WHERE response_key = ?1 ORDER BY id",
                (line.response_key, line.task_digest),
            ).fetchall()
        return [
            JudgedRating(
                judge_response_key=row[11],
                rating=Rating(
                    scorer=row[2],
                    dimension=row[3],
                    criterion=row[4],
                    points=row[5],
                    status=cast("RatingStatus", row[6]),
                    reason=unpack(row[7]),
                    evidence=load_tuple(row[8]),
                    judgement=row[9],
                    flags=load_tuple(row[10]),
                ),
            )
            for row in rows
            if belongs(row)
        ]

    def failed_calls(self, key: str) -> list[Failure]:
        """The calls of this key that brought no answer, the oldest first."""
        with self._reading("read failures") as connection:
            rows = connection.execute(
                "SELECT created, reason, attempts, seconds FROM failures WHERE key = ? ORDER BY id",
                (key,),
            ).fetchall()
        return [
            Failure(created=row[0], reason=unpack(row[1]), attempts=row[2], seconds=row[3])
            for row in rows
        ]

    def shared_answers(self, first: str, second: str) -> int:
        """How many answers two experiments have in common.

        Raises:
            SpecError: there is no such experiment.
        """
        numbers = (self._experiment_id(first), self._experiment_id(second))
        with self._reading("compare two experiments") as connection:
            return int(connection.execute(_SHARED, numbers).fetchone()[0])
