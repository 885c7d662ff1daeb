"""Answers without marks to ratings and marks, stored as they come."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from preamblelab.domain.records import Rating, Response
from preamblelab.domain.tasks import Task
from preamblelab.scoring.combine import combine
from preamblelab.scoring.marking import TEXT, Marking
from preamblelab.scoring.panel import (
    WORTHLESS_CHARACTERS,
    Ask,
    Call,
    Judgement,
    judge_response,
    rule_ratings,
)
from preamblelab.store import MarkRow, PlannedTrial, RatingRow, Store
from preamblelab.store.groups import Writer

BATCH: Final = 200
"""Answers whose texts are in memory at one time."""
JUDGED_AT_ONCE: Final = 64
"""Answers that wait for judges at one time; the endpoints' limiters do the rest."""


@dataclass(slots=True, kw_only=True)
class MarkTally:
    """What marking has done so far."""

    open: int = 0
    done: int = 0
    judgements: int = 0
    missing: dict[str, int] = field(default_factory=dict)
    """Judgements without a verdict, by status."""
    not_asked: int = 0
    """Judgements that no call could be had for; another run tries them again."""
    reason: str = ""
    """Why the last of them could not be asked."""


Row = tuple[list[RatingRow], list[MarkRow]]


class Grader:
    """Marks the answers of one experiment under one marking."""

    def __init__(
        self,
        store: Store,
        marking: Marking,
        tasks: Mapping[str, Task],
        *,
        call: Call | None = None,
        tally: MarkTally | None = None,
        done: Callable[[], None] | None = None,
    ) -> None:
        self.store = store
        self.marking = marking
        self.tasks = tasks
        self.tally = tally or MarkTally()
        self.done = done
        self._digest = marking.digest
        self._keys: dict[tuple[str, str], str] = {}
        self._ask = _judges(marking, call) if call is not None and marking.judges else {}
        self._task_digests = {name: task.digest for name, task in tasks.items()}

    async def mark(self, experiment: str) -> MarkTally:
        """Mark every answer of the experiment that has no marks under this marking yet."""
        async with Writer[Row](self._keep) as writer:
            gate = asyncio.Semaphore(JUDGED_AT_ONCE)
            for batch in _batches(self.store.unmarked(experiment, self._digest)):
                keys = [trial.response_key for trial in batch]
                texts = dict(self.store.responses(keys))
                await asyncio.gather(
                    *(
                        self._mark_one(trial, texts[trial.response_key], gate, writer)
                        for trial in batch
                        if trial.response_key in texts
                    )
                )
                if writer.failed:
                    break
        return self.tally

    def _keep(self, rows: Sequence[Row]) -> None:
        self.store.put_ratings([rating for ratings, _ in rows for rating in ratings])
        self.store.put_marks([mark for _, marks in rows for mark in marks])

    async def _mark_one(
        self,
        trial: PlannedTrial,
        response: Response,
        gate: asyncio.Semaphore,
        writer: Writer[Row],
    ) -> None:
        task = self.tasks[trial.task]
        rows = self._text_ratings(trial, task, response)
        complete = True
        for judge in self.marking.judges:
            async with gate:
                judged, asked = await self._judged(trial, task, response, judge)
            rows += judged
            complete = complete and asked
        marks = self._marks(trial, [row.rating for row in rows]) if complete else []
        writer.add((rows, marks))
        self.tally.done += complete
        if self.done is not None:
            self.done()

    def _text_ratings(self, trial: PlannedTrial, task: Task, response: Response) -> list[RatingRow]:
        ratings = [
            check_rating(self.marking, dimension, place, task, response)
            for dimension, place in self.marking.checks
        ]
        ratings += [
            scorer.rate(task, response, self.marking.rubric.dimension(scorer.dimension))
            for scorer in self.marking.scorers
        ]
        return [_row(trial, self._mark_key(each.scorer, trial.task), each) for each in ratings]

    async def _judged(
        self, trial: PlannedTrial, task: Task, response: Response, judge: str
    ) -> tuple[list[RatingRow], bool]:
        """Ratings of one judge, stored ones included, and whether none is left to be asked for."""
        mark_key = self._mark_key(judge, trial.task)
        ratings = self.store.ratings_of(trial.response_key, mark_key)
        judged = {rating.judgement for rating in ratings}
        rows = [_row(trial, mark_key, rating) for rating in ratings]
        worthless = len(response.text.strip()) <= WORTHLESS_CHARACTERS
        complete = True
        for judgement in range(1, self.marking.judgements + 1):
            if judgement in judged:
                continue
            if worthless:
                by_rule = rule_ratings(self.marking.asked, judge, judgement)
                rows += [_row(trial, mark_key, rating) for rating in by_rule]
                continue
            result = await judge_response(
                self._ask[judge],
                judge=judge,
                judgement=judgement,
                task=task,
                response=response,
                rubric=self.marking.rubric,
                asked=self.marking.asked,
                flags=self._flags(judge, trial.family),
            )
            self._count(result)
            complete = complete and result.asked
            if result.asked:
                call = result.calls[-1][0].key
                rows += [_row(trial, mark_key, rating, call) for rating in result.ratings]
        return rows, complete

    def _flags(self, judge: str, family: str | None) -> tuple[str, ...]:
        own = self.marking.judges[judge].facts().family
        return ("self_family",) if family is not None and own == family else ()

    def _count(self, judgement: Judgement) -> None:
        self.tally.judgements += 1
        status = judgement.ratings[0].status
        if not judgement.asked:
            self.tally.not_asked += 1
            self.tally.reason = judgement.ratings[0].reason
        elif status != "ok":
            self.tally.missing[status] = self.tally.missing.get(status, 0) + 1

    def _marks(self, trial: PlannedTrial, ratings: list[Rating]) -> list[MarkRow]:
        combined = [combine(each, ratings) for each in self.marking.rubric.dimensions]
        return [
            MarkRow(
                response_key=trial.response_key,
                task_digest=trial.task_digest,
                marking=self._digest,
                dimension=marks.dimension,
                points=marks.points,
                maximum=marks.maximum,
                status=marks.status,
                reason=marks.reason,
            )
            for marks in combined
        ]

    def _mark_key(self, scorer: str, task: str) -> str:
        place = (scorer, task)
        if place not in self._keys:
            self._keys[place] = self.marking.mark_key(scorer, self._task_digests[task])
        return self._keys[place]


def check_rating(
    marking: Marking, dimension: str, place: int, task: Task, response: Response
) -> Rating:
    """Points of one criterion by the check that it names; a crash is missing, never zero."""
    criterion = marking.rubric.dimension(dimension).marked[place]
    try:
        result = marking.checks[dimension, place](task, response)
    except Exception as error:  # noqa: BLE001 - a check of the user's own may raise anything
        reason = f"{criterion.check}: {type(error).__name__}: {error}"[:500]
        return Rating(
            scorer=TEXT, dimension=dimension, criterion=place, status="crashed", reason=reason
        )
    if not 0 <= result.share <= 1:
        reason = f"{criterion.check} returned the share {result.share!r}; it lies from 0 to 1"
        return Rating(
            scorer=TEXT, dimension=dimension, criterion=place, status="invalid", reason=reason
        )
    return Rating(
        scorer=TEXT,
        dimension=dimension,
        criterion=place,
        points=round(result.share * criterion.points, 6),
        evidence=result.evidence,
    )


def _row(trial: PlannedTrial, mark_key: str, rating: Rating, call: str | None = None) -> RatingRow:
    return RatingRow(
        response_key=trial.response_key,
        mark_key=mark_key,
        judge_response_key=call,
        rating=rating,
    )


def _judges(marking: Marking, call: Call) -> dict[str, Ask]:
    # dspy costs a second to import; a run without judges does not pay for it.
    from preamblelab.scoring.judges import Judge

    return {name: Judge(model, call).ask for name, model in marking.judges.items()}


def _batches(trials: Iterable[PlannedTrial]) -> Iterator[list[PlannedTrial]]:
    rest = iter(trials)
    while batch := list(islice(rest, BATCH)):
        yield batch
