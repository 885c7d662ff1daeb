"""Answers without marks to ratings and marks, stored as they come."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from preamblelab.domain.evidence_records import Evidence
from preamblelab.domain.records import Rating, Response
from preamblelab.domain.tasks import Task
from preamblelab.scoring.checks_evidence import PROVEN, EvidenceCheck, NoEvidenceError
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
from preamblelab.scoring.settling import settle
from preamblelab.scoring.verifiers.catalogue import verifiers
from preamblelab.store import MarkRow, PlannedTrial, RatingRow, Store
from preamblelab.store.groups import Writer, together

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
    crashed: dict[str, int] = field(default_factory=dict)
    """Marks that a check or a scorer of one's own did not give, by scorer and reason."""
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
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Prepare to mark.

        Args:
            store: where answers are, and ratings and marks go.
            marking: who marks what.
            tasks: by name.
            call: asks a judge; needed where the marking has judges.
            tally: counts what was done.
            done: is told of every answer that was gone through.
            stopping: whether to stop; what was judged by then is kept.
        """
        self.store = store
        self.marking = marking
        self.tasks = tasks
        self.tally = tally or MarkTally()
        self.done = done
        self.stopping = stopping
        self._digest = marking.digest
        self._keys: dict[tuple[str, str], str] = {}
        self._ask = _judges(marking, call) if call is not None and marking.judges else {}
        self._evidence: dict[tuple[str, str], dict[str, Evidence]] = {}
        self._reads_evidence = marking.runs_answers or (
            verifiers in marking.checks.values() and any(map(_only_runs, tasks.values()))
        )
        self._task_digests = {name: task.digest for name, task in tasks.items()}

    async def mark(self, experiment: str) -> MarkTally:
        """Mark every answer of the experiment that has no marks under this marking yet."""
        async with Writer[Row](self._keep) as writer:
            gate = asyncio.Semaphore(JUDGED_AT_ONCE)
            for batch in _batches(self._once(self.store.unmarked(experiment, self._digest))):
                if self._halted(writer):
                    break
                keys = [trial.response_key for trial in batch]
                texts = dict(self.store.responses(keys))
                if self._reads_evidence:
                    outputs = {each.output_hash for each in texts.values()}
                    self._evidence = self.store.evidence_of(outputs)
                await together(
                    self._mark_one(trial, texts[trial.response_key], gate, writer)
                    for trial in batch
                    if trial.response_key in texts
                )
        settle(self.store, self.marking, self._task_digests.values())
        return self.tally

    def _once(self, trials: Iterable[PlannedTrial]) -> Iterator[PlannedTrial]:
        """Trials that share answer and task are marked once: two variants may be one text."""
        seen: set[tuple[str, str]] = set()
        for trial in trials:
            place = (trial.response_key, trial.task_digest)
            if place in seen:
                self.tally.done += 1
            else:
                seen.add(place)
                yield trial

    def _halted(self, writer: Writer[Row]) -> bool:
        """Whether nothing more should be asked: the user stops, or nothing can be kept."""
        return writer.failed or self.stopping()

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
        ratings = [row.rating for row in rows]
        complete = True
        for judge in self.marking.judges:
            async with gate:
                judged, asked = await self._judged(trial, task, response, judge, writer)
            ratings += judged
            complete = complete and asked
        marks = self._marks(trial, ratings) if complete else []
        writer.add((rows, marks))
        self.tally.done += complete
        if self.done is not None:
            self.done()

    def _text_ratings(self, trial: PlannedTrial, task: Task, response: Response) -> list[RatingRow]:
        evidence = self._evidence.get((response.output_hash, trial.task_digest), {})
        ratings = [
            check_rating(self.marking, dimension, place, task, response, evidence)
            for dimension, place in self.marking.checks
        ]
        ratings += [
            scorer.rate(task, response, self.marking.rubric.dimension(scorer.dimension))
            for scorer in self.marking.scorers
        ]
        for each in ratings:
            if each.points is None:
                why = f"{each.scorer}: {each.reason or each.status}"
                self.tally.crashed[why] = self.tally.crashed.get(why, 0) + 1
        return [_row(trial, self._mark_key(each.scorer, trial.task), each) for each in ratings]

    async def _judged(
        self,
        trial: PlannedTrial,
        task: Task,
        response: Response,
        judge: str,
        writer: Writer[Row],
    ) -> tuple[list[Rating], bool]:
        """Ratings of one judge, stored ones included, and whether none is left to be asked for.

        Each judgement goes to the store as it comes: what was paid for must not wait for others.
        """
        mark_key = self._mark_key(judge, trial.task)
        ratings = self.store.ratings_of(trial.response_key, mark_key)
        judged = {rating.judgement for rating in ratings if rating.status != "failed"}
        ratings = [rating for rating in ratings if rating.judgement in judged]
        worthless = len(response.text.strip()) <= WORTHLESS_CHARACTERS
        complete = True
        for judgement in range(1, self.marking.judgements + 1):
            if judgement in judged:
                continue
            call = None
            if worthless:
                new = rule_ratings(self.marking.asked, judge, judgement)
            elif self._halted(writer):
                return ratings, False
            else:
                result = await self._judgement(trial, task, response, judge, judgement)
                complete = complete and result.asked
                if not result.asked:
                    continue
                new, call = list(result.ratings), result.calls[-1][0].key
            ratings += new
            writer.add(([_row(trial, mark_key, rating, call) for rating in new], []))
        return ratings, complete

    async def _judgement(
        self, trial: PlannedTrial, task: Task, response: Response, judge: str, judgement: int
    ) -> Judgement:
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
        return result

    def _flags(self, judge: str, family: str | None) -> tuple[str, ...]:
        own = self.marking.judges[judge].facts().family
        return ("self_family",) if family is not None and own == family else ()

    def _count(self, judgement: Judgement) -> None:
        status = judgement.ratings[0].status
        if not judgement.asked:
            self.tally.not_asked += 1
            self.tally.reason = judgement.ratings[0].reason
            return
        self.tally.judgements += 1
        if status != "ok":
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
    marking: Marking,
    dimension: str,
    place: int,
    task: Task,
    response: Response,
    ran: Mapping[str, Evidence] | None = None,
) -> Rating:
    """Points of one criterion by the check that it names; a crash is missing, never zero.

    Args:
        marking: the checks, and the criteria that name them.
        dimension: of the criterion.
        place: of the criterion in its dimension, from 0.
        task: what was asked.
        response: the answer.
        ran: what running it has shown, by mode.
    """
    criterion = marking.rubric.dimension(dimension).marked[place]
    check = marking.checks[dimension, place]
    try:
        if check is verifiers and _only_runs(task):
            check = PROVEN
        if isinstance(check, EvidenceCheck):
            result = check.of(task, ran or {})
        else:
            result = check(task, response)
        share, evidence = float(result.share), tuple(map(str, result.evidence))
    except NoEvidenceError as missing:
        # Like a judge that could not be reached: another run tries it again.
        reason = f"{criterion.check}: {missing}"[:500]
        return Rating(
            scorer=TEXT, dimension=dimension, criterion=place, status="failed", reason=reason
        )
    except Exception as error:  # noqa: BLE001 - a check of the user's own may raise anything
        reason = f"{criterion.check}: {type(error).__name__}: {error}"[:500]
        return Rating(
            scorer=TEXT, dimension=dimension, criterion=place, status="crashed", reason=reason
        )
    if not 0 <= share <= 1:
        reason = f"{criterion.check} returned the share {share!r}; it lies from 0 to 1"
        return Rating(
            scorer=TEXT, dimension=dimension, criterion=place, status="invalid", reason=reason
        )
    return Rating(
        scorer=TEXT,
        dimension=dimension,
        criterion=place,
        points=round(share * criterion.points, 6),
        evidence=evidence,
    )


def _only_runs(task: Task) -> bool:
    """Whether nothing but running tells what an answer to the task is worth."""
    return task.evidence is not None and not task.verify


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
