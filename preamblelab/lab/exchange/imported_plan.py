"""From imported rows to the plan that they are an outcome of: models, tasks, arms, rubric."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, cast

from pydantic import ValidationError

from preamblelab.domain.base import content_digest
from preamblelab.domain.experiments import Experiment
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.preambles import BASELINE, Preamble, parse_label
from preamblelab.domain.rubrics import TOTAL_POINTS, Dimension, Rubric
from preamblelab.domain.tasks import Expectation, Message, Suite, Task
from preamblelab.errors import SpecError
from preamblelab.lab.exchange.trial_rows import TrialRow
from preamblelab.library import load_rubric

IMPORTED: Final = "imported answers"
"""Description of an imported suite; tells an imported experiment from one that was run here."""
PROVIDER: Final = "imported"
"""Stands before the name of a model whose id the file does not tell."""
UNSEEN: Final = "imported-unseen"
"""The same where a system text is not told either. Such answers are no evidence on delivery beyond
their own experiment: the same answers, imported again with their texts, would seem to have come
under two system texts."""
ONE_SCORE: Final = "score"
"""The only dimension of a file that has one score for each trial."""


def imported_experiment(name: str, rows: Sequence[TrialRow]) -> Experiment:
    """The plan behind rows of one experiment; it can be read back, and its answers marked anew.

    Args:
        name: the experiment's name.
        rows: in the order of the file.

    Raises:
        SpecError: rows contradict each other, or there is nothing to compare; the message names
            file, line and field.
    """
    _refuse_doubles(rows)
    labels = _labels(rows)
    baseline = _baseline(labels, rows)
    _refuse_arms(name, labels, rows)
    return Experiment(
        name=name,
        question=_storable(_same(rows, "question") or ""),
        models=_models(name, rows),
        baseline=baseline,
        variants=tuple(label for label in labels if label != baseline),
        preambles=_preambles(rows),
        suite=Suite(name=name, description=IMPORTED, tasks=_tasks(rows)),
        rubric=_rubric(rows),
        repetitions=max(row.repetition for row in rows),
        delivery=False,
        warm_up=False,
    )


def _labels(rows: Sequence[TrialRow]) -> list[str]:
    """Arms that have trials: in the order that the file tells, then in that of its rows."""
    present = dict.fromkeys(row.variant for row in rows)
    told = [label for label in _same(rows, "variants") or () if label in present]
    return list(dict.fromkeys([*told, *present]))


def _refuse_arms(name: str, labels: Sequence[str], rows: Sequence[TrialRow]) -> None:
    if len(labels) < 2:
        raise SpecError(
            f"{rows[0].where}: variant: {name!r} has only '{labels[0]}'; "
            "a comparison needs a baseline and a variant"
        )
    for row in rows:
        if row.variant == BASELINE and _system(row):
            raise SpecError(
                f"{row.where}: variant: 'baseline' means no system message at all, and this "
                "row has one; give the arm a name of its own, and write that under 'baseline'"
            )


def _refuse_doubles(rows: Sequence[TrialRow]) -> None:
    seen: dict[tuple[object, ...], int] = {}
    for row in rows:
        place = (row.model, row.variant, row.task, row.repetition)
        if place in seen:
            raise SpecError(
                f"{row.where}: repetition: the same trial as line {seen[place]} "
                f"({row.model}, {row.variant}, {row.task}, {row.repetition}); number repetitions "
                "from 1, or take one of the two away"
            )
        seen[place] = row.line


def _same(rows: Iterable[TrialRow], field: str, of: str = "experiment") -> Any:
    """The one value of a field in all these rows; None where no row has one."""
    first: TrialRow | None = None
    for row in rows:
        value = getattr(row, field)
        if value is None:
            continue
        if first is None:
            first = row
        elif value != getattr(first, field):
            raise SpecError(
                f"{row.where}: {field}: {str(value)[:40]!r}, and line {first.line} has "
                f"{str(getattr(first, field))[:40]!r}; one {of} has one {field}"
            )
    return None if first is None else getattr(first, field)


def _models(experiment: str, rows: Sequence[TrialRow]) -> tuple[ModelSpec, ...]:
    by_model: dict[str, list[TrialRow]] = {}
    for row in rows:
        by_model.setdefault(row.model, []).append(row)
    models = {}
    for name, own in by_model.items():
        told = {
            field: _same(own, field, "model")
            for field in ("model_id", "parameters", "size", "family")
        }
        size = told["size"]
        try:
            models[name] = ModelSpec(
                id=told["model_id"] or _id(experiment, name, own),
                name=name,
                parameters=told["parameters"],
                size=None if size == "unknown" else size,
                family=told["family"],
            )
        except ValidationError as error:
            what = error.errors(include_url=False, include_input=False)[0]["msg"]
            raise SpecError(f"{own[0].where}: model: {name!r}: {what}") from None
    return tuple(models.values())


def _id(experiment: str, name: str, rows: Sequence[TrialRow]) -> str:
    told = (row.messages is not None or row.system or row.variant == BASELINE for row in rows)
    return f"{PROVIDER}/{name}" if all(told) else f"{UNSEEN}/{experiment}/{name}"


def _turns(row: TrialRow) -> list[dict[str, Any]]:
    """What the user's side of the conversation was."""
    if row.messages is not None:
        return [message for message in row.messages if message["role"] != "system"]
    prompt = row.prompt or f"[prompt not in the imported file; task {row.task}]"
    return [{"role": "user", "content": prompt}]


def _system(row: TrialRow) -> str | None:
    """The system text; a text that names the variant where it is not known."""
    if row.messages is not None:
        texts = [str(m["content"]) for m in row.messages if m["role"] == "system"]
        return "\n".join(texts) if texts else None
    if row.system:
        return row.system
    if row.variant == BASELINE:
        return None
    return f"[system text not in the imported file; variant {row.variant}]"


def messages_of(row: TrialRow) -> tuple[dict[str, Any], ...]:
    """The messages as they were sent, as far as the file tells."""
    if row.messages is not None:
        return row.messages
    system = _system(row)
    turns = _turns(row)
    return tuple(turns if system is None else [{"role": "system", "content": system}, *turns])


def _tasks(rows: Sequence[TrialRow]) -> tuple[Task, ...]:
    tasks: dict[str, Task] = {}
    for row in rows:
        if row.task not in tasks:
            tasks[row.task] = _task(row)
    return tuple(tasks.values())


def _task(row: TrialRow) -> Task:
    """The task as the first of its rows was asked it."""
    turns = [{**turn, "content": _storable(str(turn["content"]))} for turn in _turns(row)]
    roles = {turn["role"] for turn in turns}
    fields: dict[str, Any] = {}
    if len(turns) == 1 and turns[0]["content"].strip():
        fields["prompt"] = turns[0]["content"]
    elif turns and turns[-1]["role"] == "user" and roles <= {"user", "assistant"}:
        fields["messages"] = tuple(Message.model_validate(turn) for turn in turns)
    else:
        fields["prompt"] = f"[prompt not in the imported file; task {row.task}]"
    return Task(
        name=row.task,
        category=row.category or "general",
        cluster=row.cluster,
        expect=Expectation(language=_language(str(turns[-1]["content"]) if turns else "")),
        source="imported",
        **fields,
    )


def _language(prompt: str) -> Literal["python", "javascript", "text"]:
    """The language of the first fenced code in a prompt, where it is one that checks can read."""
    for word in re.findall(r"```(\w+)", prompt):
        if word in {"python", "py"}:
            return "python"
        if word in {"javascript", "js"}:
            return "javascript"
    return "text"


def _storable(text: str) -> str:
    """The text for a plan, which has no room for lone surrogates; what was sent keeps them."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _baseline(labels: Sequence[str], rows: Sequence[TrialRow]) -> str:
    told = _same(rows, "baseline")
    if told is not None:
        if told not in labels:
            raise SpecError(
                f"{rows[0].where}: baseline: no row has the variant {told!r}; "
                f"variants are: {', '.join(labels[:8])}"
            )
        return str(told)
    if BASELINE in labels:
        return BASELINE
    named = [label for label in labels if label.startswith(BASELINE)]
    if len(named) == 1:
        return named[0]
    raise SpecError(
        f"{rows[0].where}: baseline: which of {', '.join(labels[:8])} is it? "
        "Add a column 'baseline' with its name in every row"
    )


def _preambles(rows: Sequence[TrialRow]) -> dict[str, Preamble]:
    """Preambles that carry the texts as they were sent; clauses cannot be told apart again."""
    texts: dict[str, dict[str, str]] = {}
    versions: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: len(parse_label(row.variant).clauses)):
        name = parse_label(row.variant).name
        if name == BASELINE:
            continue
        part = row.part if row.part in {"tiny", "mid", "large"} else "text"
        system = _storable(_system(row) or "")
        if system.strip():
            texts.setdefault(name, {}).setdefault(part, system)
        versions.setdefault(name, row.version or "1")
    preambles = {}
    for name, version in versions.items():
        known = dict(texts.get(name, {"text": f"[no system text in the imported file; {name}]"}))
        preambles[name] = Preamble(
            name=name, version=version, text=known.pop("text", None), sizes=cast("Any", known)
        )
    return preambles


def _rubric(rows: Sequence[TrialRow]) -> Rubric:
    """The rubric that the scores belong to; its criteria are not in a file of trials."""
    name = _same(rows, "rubric")
    maxima: dict[str, tuple[float, int]] = {}
    by_dimension = False
    for row in rows:
        told = dict(row.maxima or {})
        told.update({mark.dimension: mark.maximum for mark in row.marks or ()})
        by_dimension = by_dimension or bool(row.marks) or row.scores is not None
        for dimension, maximum in told.items():
            before = maxima.setdefault(dimension, (maximum, row.line))
            if before[0] != maximum:
                raise SpecError(
                    f"{row.where}: maxima: {dimension} has {maximum:g} points, and "
                    f"{before[0]:g} in line {before[1]}; one experiment has one rubric"
                )
    points = {dimension: maximum for dimension, (maximum, _) in maxima.items()}
    if not by_dimension:
        points = points or {ONE_SCORE: float(TOTAL_POINTS)}
    elif not points:
        points = _shipped_maxima(rows)
    try:
        dimensions = tuple(Dimension(name=each, points=most) for each, most in points.items())
        return Rubric(name=name or "imported", dimensions=dimensions)
    except ValidationError as error:
        what = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise SpecError(f"{rows[0].where}: maxima: {what}; mend the maxima") from None


def _shipped_maxima(rows: Sequence[TrialRow]) -> dict[str, float]:
    """Points of the shipped rubric, for a file that scores just its dimensions."""
    scored = {dimension for row in rows for dimension in row.scores or ()}
    shipped = {each.name: each.points for each in load_rubric("coding").dimensions}
    if scored != set(shipped):
        raise SpecError(
            f"{rows[0].where}: maxima: how many points has each of "
            f"{', '.join(sorted(scored)[:8])}? Add 'maxima' (in a CSV columns maximum_NAME) that "
            f"add up to {TOTAL_POINTS}, or give one 'score' from 0 to {TOTAL_POINTS}"
        )
    return shipped


def remarks_on(rows: Sequence[TrialRow]) -> tuple[str, ...]:
    """What a person should know of these rows before believing an effect."""
    asked: dict[str, set[str]] = {}
    for row in rows:
        asked.setdefault(row.task, set()).add(content_digest(_turns(row)))
    different = [task for task, turns in asked.items() if len(turns) > 1]
    if not different:
        return ()
    text = "not all arms were asked the same user message; an effect may come from that"
    return (f"{', '.join(different[:5])}: {text}",)
