"""From the store to a report; asks nothing."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from preamblelab.errors import SpecError, TableError
from preamblelab.lab.behind import details_behind
from preamblelab.lab.evidence import asked_elsewhere, judged_by
from preamblelab.lab.stopping import looked_at
from preamblelab.report.gaps import answered
from preamblelab.report.layout import counted
from preamblelab.report.reports import Arrival, Report
from preamblelab.report.stopping import Looks
from preamblelab.stats.looks import Plan
from preamblelab.store import Spend, Store

if TYPE_CHECKING:
    from pandas import DataFrame


MOST_LABELS = 20
"""Variants that a refusal lists."""


def only_experiment(store: Store, name: str | None) -> str:
    """The experiment's name; the only one of a store needs none.

    Raises:
        SpecError: the store holds none, or several.
    """
    if name is not None:
        return name
    names = [entry.name for entry in store.experiments()]
    if len(names) == 1:
        return names[0]
    if not names:
        raise SpecError(f"{store.path} holds no experiment yet: run one, or import one")
    raise SpecError(f"{store.path} holds several experiments, name one: {', '.join(names)}")


def analyze(store: Store, experiment: str | None = None, *, margin: float | None = None) -> Report:
    """The report on an experiment in a store.

    Args:
        store: where its answers and marks are.
        experiment: its name; may be left out when the store holds only one.
        margin: the smallest effect that matters, in points; the experiment's when not given.

    Raises:
        SpecError: there is no such experiment, nothing to compare in it, or another margin than
            its looks were planned with.
    """
    name = only_experiment(store, experiment)
    document = store.document(name)
    looks = _looks(store, name, str(document.get("baseline", "baseline")))
    planned_margin = float(document.get("margin", 5.0))
    if looks is not None and margin not in {None, looks.plan.margin}:
        raise SpecError(
            f"'{name}' was planned with a margin of {looks.plan.margin:g} points, and its looks "
            f"say nothing at {margin:g}: leave --margin out"
        )
    rule = str(document.get("repetition_rule", "fixed"))
    scores, means = store.scores_and_means(name)
    if looks is not None or rule == "seed":
        scores = _without_unasked(scores)
    arrivals = {
        (each.model, each.variant): Arrival(state=each.state, reasons=each.reasons)
        for each in store.deliveries(name)
    }
    marking = store.marking(name)
    rubric: Mapping[str, Any] = marking[1].get("rubric", {}) if marking else {}
    evidence = store.evidence(name)
    return Report(
        experiment=name,
        scores=scores,
        executed=None if evidence.empty else evidence,
        points_from_running=marking is not None and "evidence" in (marking[1].get("checks") or {}),
        maxima={each["name"]: each["points"] for each in rubric.get("dimensions", ())},
        behind=partial(details_behind, path=Path(store.path), experiment=name, means=means),
        baseline=str(document.get("baseline", "baseline")),
        question=str(document.get("question", "")),
        margin=planned_margin if margin is None else margin,
        looks=looks,
        rule=rule,
        judged=judged_by(store, name, marking[1]) if marking else None,
        again=asked_elsewhere(store, name),
        arrivals=arrivals,
        facts=tuple(_facts(store, scores, marking)),
        rubric=str(rubric.get("name", "")),
        truths=_truths(document),
        models=tuple(each["name"] for each in document.get("models", ())),
        variants=(str(document.get("baseline", "baseline")), *document.get("variants", ())),
    )


def baseline_of(scores: "DataFrame", name: str, asked: str | None = None) -> str:
    """The variant that others are compared with: the one asked for, or the one called baseline.

    Raises:
        TableError: it is not there; the first one is no baseline only because it comes first.
    """
    labels = [str(label) for label in scores["variant"].unique()]
    wanted = "baseline" if asked is None else asked
    if wanted in labels:
        return wanted
    shown = ", ".join(labels[:MOST_LABELS]) + (", ..." if len(labels) > MOST_LABELS else "")
    raise TableError(
        f"{name}: no variant is called '{wanted}': name the one to compare with (baseline); "
        f"there are {shown}"
    )


def _truths(document: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    """Published true effects, where the experiment is the one that they were computed for."""
    ids = {each["name"]: each["id"] for each in document.get("models", ())}
    if not any(str(each).startswith("sim/") for each in ids.values()):
        return {}
    from preamblelab.execution.simulated_truth import USUAL_SETTINGS
    from preamblelab.lab.truth import TABLES, published_truth
    from preamblelab.library import experiment_from_document, load_rubric, load_suite

    planned = experiment_from_document(dict(document))
    if planned.baseline != "baseline" or dict(planned.settings) != dict(USUAL_SETTINGS):
        return {}
    tables = [table for table in TABLES if planned.suite.name == table.suite]
    known = [
        table
        for table in tables
        if planned.suite.tasks == load_suite(table.suite).tasks
        and planned.rubric.digest == load_rubric(table.rubric).digest
    ]
    try:
        published = {
            (truth.model, truth.variant): truth.effect
            for table in known
            for truth in published_truth(table)
        }
    except SpecError:
        return {}  # the published table is of other texts or tasks: then there is no truth to show
    return {
        (name, label): published[model_id, label]
        for name, model_id in ids.items()
        for label in planned.variants
        if (model_id, label) in published
    }


def _looks(store: Store, name: str, baseline: str) -> Looks | None:
    """The recorded plan of looks with what it may count; None where there is no plan."""
    recorded, marking = store.look_plan(name), store.marking(name)
    if recorded is None or marking is None:
        return None
    return Looks(
        plan=Plan.from_dict(recorded.plan),
        asked=looked_at(store, name, marking[0]),
        baseline=baseline,
        recorded=recorded.created,
        answered_before=recorded.answered,
        other_marking=marking[0] != recorded.marking,
    )


def _without_unasked(scores: "DataFrame") -> "DataFrame":
    """The table without the trials that nobody has asked, unless nothing was asked at all."""
    asked = scores[scores["status"] != "pending"]
    return asked if len(set(asked["variant"])) > 1 else scores


def _facts(
    store: Store, scores: "DataFrame", marking: tuple[str, Mapping[str, Any]] | None
) -> list[tuple[str, str]]:
    spend = store.spend(keys=scores["response_key"])
    if spend.calls:
        asked = spend_in_words(spend)
    elif answered(scores):
        asked = "nothing here: the answers were imported"
    else:
        asked = "nothing: no call was made"
    facts = [("asking took", asked)]
    judges = store.spend().by_role.get("judge")
    if judges is not None and judges.calls:
        facts.append(("judging took (whole store)", spend_in_words(judges)))
    if marking is not None:
        document = marking[1]
        judged = document.get("judges", {})
        # A judge that is simulated is called so, also where the answers are real.
        marked_by = [
            f"{judge} (simulated)" if str(judged[judge].get("id", "")).startswith("sim/") else judge
            for judge in judged
        ]
        marked_by += document.get("scorers", {})
        if document.get("checks"):
            ran = "evidence" in document["checks"]
            how = "checks, some of what running showed" if ran else "checks of the text alone"
            marked_by.insert(0, f"{how} (no judge{'' if ran else ', nothing was run'})")
        facts.append(("marked by", ", ".join(marked_by)))
    facts.append(("store", str(store.path)))
    return facts


def spend_in_words(spend: Spend) -> str:
    """Calls, tokens and money in one line; an unknown price is not zero."""
    tokens = spend.prompt_tokens + spend.completion_tokens
    text = f"{counted(spend.calls, 'call')}, {tokens:,} tokens, {spend.usd:.4f} usd"
    if spend.unpriced:
        text += f" (the price of {counted(spend.unpriced, 'call')} is unknown and not in it)"
    return text
