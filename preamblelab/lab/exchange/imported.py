"""From rows of a file to one experiment with its answers and marks; nothing is stored here."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, cast

from preamblelab.domain.base import content_digest
from preamblelab.domain.experiments import Experiment
from preamblelab.domain.facts import ModelFacts
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response, Status
from preamblelab.domain.rubrics import Rubric
from preamblelab.errors import SpecError
from preamblelab.execution.breaker import find_loop
from preamblelab.lab.exchange.imported_plan import (
    IMPORTED,
    ONE_SCORE,
    imported_experiment,
    messages_of,
    remarks_on,
)
from preamblelab.lab.exchange.trial_rows import PENDING, TrialRow
from preamblelab.scoring.marking import TEXT
from preamblelab.store import Delivery, MarkRow, PlannedTrial, RatingRow

ROUTE: Final = "imported"
NO_TEXT: Final = "no_text"
"""Flag of an answer whose text the file does not have."""
_CLOSE: Final = 0.01
"""Points by which a score may miss the sum of its dimensions: files round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One experiment of a file, ready to be stored."""

    experiment: Experiment
    facts: dict[str, ModelFacts]
    trials: tuple[PlannedTrial, ...]
    answers: tuple[tuple[Request, Response], ...]
    """Failed calls included; a pending trial has none."""
    marks: tuple[MarkRow, ...]
    ratings: tuple[RatingRow, ...]
    marking: str
    document: dict[str, Any]
    """Of the marking."""
    deliveries: tuple[Delivery, ...]
    remarks: tuple[str, ...] = ()
    """What a person should know of what was read."""

    @property
    def plan_digest(self) -> str:
        """Changes with any name or address of a trial."""
        return content_digest([asdict(trial) for trial in self.trials])


def batch_of(name: str, rows: Sequence[TrialRow]) -> Batch:
    """One experiment from its rows.

    Args:
        name: the experiment's name.
        rows: in the order of the file, which becomes the order of asking.

    Raises:
        SpecError: rows contradict each other, or there is nothing to compare; the message names
            file, line and field.
    """
    experiment = imported_experiment(name, rows)
    models = {model.name: model for model in experiment.models}
    facts = {model: spec.facts() for model, spec in models.items()}
    rubric = experiment.rubric
    digests = {task.name: task.digest for task in experiment.suite.tasks}
    trials, answers, marks, ratings = [], [], [], []
    points = {row.where: _marks(row, rubric) for row in rows}
    marking = _marking(experiment, rows, points)
    for ordinal, row in enumerate(rows):
        request, response = _answer(name, row, models[row.model], row.where)
        key, task_digest = request.key, digests[row.task]
        trials.append(_trial(ordinal, row, facts[row.model], models[row.model], key, task_digest))
        if response is not None:
            answers.append((request, response))
        marks += [
            replace(mark, response_key=key, task_digest=task_digest, marking=marking)
            for mark in points[row.where]
        ]
        ratings += [
            RatingRow(response_key=key, mark_key=_mark_key(marking, rating.scorer), rating=rating)
            for rating in row.ratings
        ]
    scorers = sorted({rating.scorer for row in rows for rating in row.ratings})
    return Batch(
        experiment=experiment,
        facts=facts,
        trials=tuple(trials),
        answers=tuple(answers),
        marks=tuple(marks),
        ratings=tuple(ratings),
        marking=marking,
        document=_marking_document(rubric, marking, scorers),
        deliveries=_deliveries(rows, experiment),
        remarks=remarks_on(rows),
    )


def _marking(
    experiment: Experiment, rows: Sequence[TrialRow], points: Mapping[str, Sequence[MarkRow]]
) -> str:
    """The address of what a file says about points: changes with any of them."""
    said = [
        [
            (row.model, row.variant, row.task, row.repetition),
            [asdict(mark) for mark in points[row.where]],
            [asdict(rating) for rating in row.ratings],
        ]
        for row in rows
    ]
    return content_digest([IMPORTED, experiment.name, experiment.rubric.digest, said])


def _mark_key(marking: str, scorer: str) -> str:
    return content_digest([IMPORTED, marking, scorer])


def _marking_document(rubric: Rubric, marking: str, scorers: Sequence[str]) -> dict[str, Any]:
    """As `scoring.marking` writes its own, so that reports read both."""
    # What our own checks gave is no judge's: equal answers get equal points from them.
    judges = [scorer for scorer in scorers if scorer != TEXT]
    others = ["imported scores"] if not scorers else [s for s in scorers if s == TEXT]
    return {
        "rubric": rubric.model_dump(mode="json"),
        "checks": None,
        "judges": {scorer: {"id": scorer, "imported": True} for scorer in judges},
        "judgements": 1 if judges else 0,
        "prompt": None,
        "scorers": dict.fromkeys(others, "as the file has them"),
        "mark_keys": sorted(_mark_key(marking, scorer) for scorer in scorers),
    }


def _marks(row: TrialRow, rubric: Rubric) -> tuple[MarkRow, ...]:
    """The marks of one row; none where it has no score."""
    where = row.where
    marks = row.marks if row.marks is not None else _marks_of_scores(row, rubric, where)
    if marks and row.status in {"failed", PENDING}:
        raise SpecError(
            f"{where}: score: a trial that is '{row.status}' has no answer to score; "
            "leave the score empty, or give the status of the answer"
        )
    for mark in marks:
        maximum = next((d.points for d in rubric.dimensions if d.name == mark.dimension), None)
        if maximum is None:
            known = ", ".join(dimension.name for dimension in rubric.dimensions)
            raise SpecError(f"{where}: scores: '{mark.dimension}' has no maximum; known: {known}")
        if mark.points is not None and mark.points > maximum:
            raise SpecError(
                f"{where}: scores: {mark.dimension} has {mark.points:g} of {maximum:g} points"
            )
    points = [mark.points for mark in marks]
    if row.score is not None and marks and None not in points:
        total = sum(each for each in points if each is not None)
        if abs(total - row.score) > _CLOSE:
            raise SpecError(
                f"{where}: score: {row.score:g}, and its dimensions add up to {total:g}; mend one"
            )
    return marks


def _marks_of_scores(row: TrialRow, rubric: Rubric, where: str) -> tuple[MarkRow, ...]:
    given = row.scores
    if given is None:
        if row.score is None:
            return ()
        if [dimension.name for dimension in rubric.dimensions] != [ONE_SCORE]:
            raise SpecError(
                f"{where}: scores: other rows have scores by dimension, this one has one score; "
                "give all rows the same"
            )
        given = {ONE_SCORE: row.score}
    for dimension in given:
        if dimension not in {each.name for each in rubric.dimensions}:
            raise SpecError(f"{where}: scores: '{dimension}' has no maximum; add it to 'maxima'")
    if all(points is None for points in given.values()):
        return ()
    return tuple(
        MarkRow(
            response_key="",
            task_digest="",
            marking="",
            dimension=dimension.name,
            points=given.get(dimension.name),
            maximum=dimension.points,
            status="ok" if given.get(dimension.name) is not None else "unmarked",
            reason="" if given.get(dimension.name) is not None else "no points in the file",
        )
        for dimension in rubric.dimensions
    )


def _trial(
    ordinal: int,
    row: TrialRow,
    facts: ModelFacts,
    model: ModelSpec,
    key: str,
    task_digest: str,
) -> PlannedTrial:
    return PlannedTrial(
        ordinal=ordinal,
        model=row.model,
        size=row.size or facts.size,
        family=facts.family,
        variant=row.variant,
        part=row.part or "",
        version=row.version or "",
        task=row.task,
        task_digest=task_digest,
        category=row.category or "general",
        cluster=row.cluster,
        repetition=row.repetition,
        response_key=key,
        simulated=bool(row.simulated) or model.simulated,
    )


def _answer(
    name: str, row: TrialRow, model: ModelSpec, where: str
) -> tuple[Request, Response | None]:
    """The request, addressed so that two answers never share a place, and what came back."""
    response = _response(row, where)
    identity = content_digest(
        [name, row.variant, row.task, None if response is None else asdict(response)]
    )
    request = Request(
        model=model,
        messages=messages_of(row),
        settings=row.settings or {},
        repetition=row.repetition,
        digest=f"{ROUTE}:{identity}",
    )
    return request, response


def _response(row: TrialRow, where: str) -> Response | None:
    scored = row.score is not None or bool(row.marks) or bool(row.scores)
    if row.status == PENDING:
        if row.response is not None:
            raise SpecError(f"{where}: status: 'pending' means that there is no answer yet")
        return None
    told: dict[str, Any] = {
        "reasoning": row.reasoning or "",
        "finish": row.finish,
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        # Nobody vouches for foreign counts: only a file that says so makes them evidence.
        "estimated": row.estimated is not False,
        "usd": row.usd,
        "seconds": row.seconds,
        "first_token_seconds": row.first_token_seconds,
        "load_seconds": row.load_seconds,
        "served_model": row.served_model,
        "route": ROUTE,
        "tool_calls": row.tool_calls,
        "attempts": 1 if row.attempts is None else row.attempts,
    }
    if row.status == "failed":
        reason = row.reason or "unknown: no reason in the imported file"
        return Response(status="failed", reason=reason, flags=row.flags, **told)
    if row.response is None and row.status != "empty" and not row.reasoning:
        return _without_text(row, scored, told)
    text = row.response or ""
    status, reason, loop = _outcome(row, text)
    return Response(text=text, status=status, reason=reason, loop=loop, flags=row.flags, **told)


def _without_text(row: TrialRow, scored: bool, told: dict[str, Any]) -> Response:
    """An answer that somebody has scored, and whose text the file does not have."""
    if not scored and row.status is None:
        reason = row.reason or "unknown: neither an answer nor a score in the imported file"
        return Response(status="failed", reason=reason, flags=row.flags, **told)
    # Different trials get different texts: equal ones would count as one answer repeated.
    text = (
        f"[no text in the imported file; {row.model}, {row.variant}, {row.task}, {row.repetition}]"
    )
    return Response(
        text=text[:250],
        status=cast("Status", row.status or "ok"),
        reason=row.reason or "",
        loop=row.loop,
        flags=tuple(dict.fromkeys((*row.flags, NO_TEXT))),
        **told,
    )


def _outcome(row: TrialRow, text: str) -> tuple[Status, str, dict[str, Any] | None]:
    """The file's word on how it ended, unless our own breaker finds a loop."""
    if row.status is None and not text.strip():
        return "empty", row.reason or "no text", None
    if row.status in {None, "ok", "truncated"}:
        loop = find_loop(text)
        if loop is not None:
            found = f"the text repeats itself ({loop.level})"
            reason = f"{found}; {row.reason}" if row.reason else found
            return "looped", reason, {**asdict(loop), "place": "text"}
    status = cast("Status", row.status or "ok")
    return status, row.reason or "", dict(row.loop) if row.loop else None


def _deliveries(rows: Sequence[TrialRow], experiment: Experiment) -> tuple[Delivery, ...]:
    found: dict[tuple[str, str], Delivery] = {}
    for row in rows:
        if row.delivery is not None and row.variant != experiment.baseline:
            found[row.model, row.variant] = Delivery(
                model=row.model,
                variant=row.variant,
                state=row.delivery["state"],
                reasons=row.delivery["reasons"],
                evidence=row.delivery["evidence"],
            )
    return tuple(found.values())
