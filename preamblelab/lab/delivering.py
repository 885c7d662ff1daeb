"""The delivery check as a use case: probes before, a review of stored answers after."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from preamblelab.domain.experiments import Experiment
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.preambles import BASELINE
from preamblelab.domain.records import Request, Response
from preamblelab.execution.delivery import (
    Answer,
    Finding,
    joined,
    judge_probes,
    probes,
    review,
    static_findings,
)
from preamblelab.execution.gateway import Gateway, answer_limit
from preamblelab.lab.planning import Plan, settings_of
from preamblelab.store import Delivery, Store


async def record_probe(plan: Plan, model: ModelSpec, store: Store, gateway: Gateway) -> Finding:
    """Probe one model, and store what was found; stored probes are not asked again."""
    experiment = plan.experiment
    task = experiment.suite.tasks[0]
    settings = settings_of(experiment, model, task, 1)
    bare, canary = probes(model, settings)
    digest = plan.facts[model.name].digest or ""
    answers = [await _known_or_asked(r, digest, store, gateway) for r in (bare, canary)]
    findings = [judge_probes(model, *answers)]
    limit = answer_limit(Request(model=model, messages=(), settings=settings))
    static = static_findings(model, plan.facts[model.name], plan.longest_prompt(model.name), limit)
    if static is not None:
        findings.append(static)
    finding = joined(findings)
    _record(experiment, model.name, store, probe=finding)
    return finding


async def _known_or_asked(
    request: Request, digest: str, store: Store, gateway: Gateway
) -> Response:
    request = replace(request, digest=digest)
    known = store.response(request.key)
    if known is not None:
        return known
    response = await gateway.call(request)
    if response.attempts:
        store.put([(request, response)])
    return response


def review_delivery(experiment: Experiment, store: Store) -> None:
    """Look at all stored answers of the experiment's models, and store what they say."""
    rows = store.delivery_rows(experiment.name)
    for model, finding in review(Answer(**row) for row in rows).items():
        _record(experiment, model, store, review=finding)


def _record(
    experiment: Experiment,
    model: str,
    store: Store,
    **found: Finding,
) -> None:
    """Keep one kind of finding (`probe`, `review`) beside the other; both decide together."""
    before = next((d for d in store.deliveries(experiment.name) if d.model == model), None)
    kinds: dict[str, Any] = dict(before.evidence) if before is not None else {}
    kinds.update({kind: asdict(finding) for kind, finding in found.items()})
    finding = joined([_finding(kind) for kind in kinds.values()])
    store.put_delivery(
        experiment.name,
        [
            Delivery(
                model=model,
                variant=label,
                state=finding.state,
                reasons=(*finding.reasons, *finding.notes),
                evidence=kinds,
            )
            for label in experiment.arms
            if label != BASELINE
        ],
    )


def _finding(kept: Mapping[str, Any]) -> Finding:
    return Finding(
        state=kept["state"],
        reasons=tuple(kept["reasons"]),
        notes=tuple(kept["notes"]),
        evidence=kept["evidence"],
    )
