"""From a trial of the store to everything a person may want to see behind its score."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from preamblelab.domain.evidence_records import Evidence
from preamblelab.domain.records import Response
from preamblelab.report.answers import Answer, Executed, Mark, Opinion
from preamblelab.store import JudgedRating, Store, TrialLine


def answer_of(store: Store, experiment: str, line: TrialLine) -> Answer:
    """One trial with its answer, marks, ratings and what was sent.

    Args:
        store: where it is.
        experiment: its name.
        line: the trial.

    Raises:
        SpecError: there is no such experiment.
    """
    response = store.response(line.response_key)
    marking = store.marking(experiment)
    dimensions = _dimensions(marking[1] if marking else {})
    order = {name: place for place, name in enumerate(dimensions)}
    marks = sorted(
        store.trial_marks(experiment, line),
        key=lambda each: order.get(each.dimension, len(order)),
    )
    return Answer(
        model=line.model,
        variant=line.variant,
        task=line.task,
        repetition=line.repetition,
        response_key=line.response_key,
        size=line.size,
        category=line.category or "",
        score=line.score,
        status=line.status,
        reason=line.reason,
        text=response.text if response else "",
        reasoning=response.reasoning if response else "",
        tool_calls=response.tool_calls if response else (),
        messages=tuple(store.messages(line.response_key) or ()),
        facts=_facts(response) if response else (),
        marks=tuple(
            Mark(
                dimension=each.dimension,
                points=each.points,
                maximum=each.maximum,
                status=each.status,
                reason=each.reason,
            )
            for each in marks
        ),
        opinions=tuple(
            _opinion(each, dimensions) for each in store.trial_ratings(experiment, line)
        ),
        executed=_executed(store, line, response) if response else (),
    )


def _executed(store: Store, line: TrialLine, response: Response) -> tuple[Executed, ...]:
    output = response.output_hash
    found = store.evidence_of([output]).get((output, line.task_digest), {})
    return tuple(
        Executed(mode=mode, figures=_figures(evidence), details=_details(evidence.details))
        for mode, evidence in found.items()
    )


def _figures(evidence: Evidence) -> dict[str, Any]:
    """What is told of one execution; what could not be run has no numbers."""
    told = asdict(evidence)
    del told["details"]
    told["repairs"] = ", ".join(evidence.repairs)
    if evidence.status == "missing":
        counted = ("parses", "loads", "tests", "passed", "failed", "mutants", "killed")
        told |= dict.fromkeys((*counted, "line_share"))
    return told


def _details(groups: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every test, mutant, case and property as one row that says which of these it is."""
    return [
        {"what": group.removesuffix("s"), **each}
        for group, rows in groups.items()
        if isinstance(rows, Sequence) and not isinstance(rows, str)
        for each in rows
        if isinstance(each, Mapping)
    ]


def _dimensions(marking: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    rubric = marking.get("rubric") or {}
    return {str(each["name"]): each for each in rubric.get("dimensions", ())}


def _opinion(judged: JudgedRating, dimensions: Mapping[str, Mapping[str, Any]]) -> Opinion:
    rating = judged.rating
    dimension = dimensions.get(rating.dimension, {})
    criteria = dimension.get("criteria") or []
    whole = rating.criterion is None or rating.criterion >= len(criteria)
    criterion: Mapping[str, Any] = {} if whole else criteria[rating.criterion or 0]
    maximum = dimension.get("points") if whole else criterion.get("points")
    return Opinion(
        scorer=rating.scorer,
        dimension=rating.dimension,
        criterion=str(criterion.get("text") or criterion.get("name") or ""),
        points=rating.points,
        maximum=None if maximum is None else float(maximum),
        status=rating.status,
        reason=rating.reason,
        quotes=rating.evidence,
        flags=rating.flags,
        judgement=rating.judgement,
    )


def _facts(response: Response) -> tuple[tuple[str, str], ...]:
    """Tokens, time, cost and way of an answer, as far as they are known."""
    about = "about " if response.estimated else ""
    told = {
        "tokens sent": _count(response.prompt_tokens, about),
        "tokens answered": _count(response.completion_tokens, about),
        "seconds": _number(response.seconds),
        "seconds to the first token": _number(response.first_token_seconds),
        "seconds to load the model": _number(response.load_seconds),
        "cost in usd": _number(response.usd, 6),
        "requests sent": str(response.attempts) if response.attempts != 1 else "",
        "finish reason": response.finish or "",
        "model served": response.served_model or "",
        "way": response.route,
        "flags": ", ".join(response.flags),
        "loop": ", ".join(f"{name} {value}" for name, value in (response.loop or {}).items()),
    }
    return tuple((name, value) for name, value in told.items() if value)


def _count(value: int | None, about: str) -> str:
    return "" if value is None else f"{about}{value:,}"


def _number(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f}"
