"""The archive: one folder for each decision, whatever it said; whole, never over another."""

import json
from collections.abc import Mapping
from pathlib import Path

from preamblelab.decision.gate import decide
from preamblelab.decision.records import Decision, Observations
from preamblelab.domain.gates import GatePolicy
from preamblelab.domain.records import Response
from preamblelab.domain.registry import Holder, Registry
from preamblelab.errors import SpecError
from preamblelab.lab.gating.home import Home, slug
from preamblelab.lab.gating.journal import BEFORE, Journal
from preamblelab.lab.gating.observing import observations_from, observations_text
from preamblelab.lab.gating.planned import GatePlan
from preamblelab.report.decisions import decision_markdown
from preamblelab.store.durable import write_folder
from preamblelab.store.faults import one_line
from preamblelab.store.registry_file import read_registry

DECISION, OBSERVATIONS, POLICY = "decision.json", "observations.json", "policy.json"


def folder_name(journal: Journal, slot: str, challenger: Holder) -> str:
    """`<UTC date>-<slot>-<challenger>-<run id>`; what is invalid has a further word."""
    return f"{journal.started[:10]}-{slug(slot)}-{slug(challenger.name)}-{journal.run}"


def archive(
    home: Home,
    plan: GatePlan,
    journal: Journal,
    observations: Observations,
    decision: Decision,
    responses: Mapping[str, Response],
) -> Path:
    """Keep a decision with all that it was made from.

    Returns:
        Its folder, which is there as a whole or not at all.
    """
    before = home.running(plan.policy.slot) / BEFORE
    files = {
        DECISION: decision.to_json(),
        "report.md": decision_markdown(decision),
        OBSERVATIONS: observations_text(observations),
        # The order of the categories is that of every table: it is kept.
        POLICY: plan.policy.model_dump_json(indent=1) + "\n",
        "overlay.json": _json(_overlay(plan)),
        "responses.json": _json({key: _response(each) for key, each in responses.items()}),
    }
    content = {name: text.encode("utf-8") for name, text in files.items()}
    if plan.configuration is not None:
        content["config.before"] = before.read_bytes()
        content["config.after"] = plan.configuration.read_bytes()
    with one_line(home.archive, "make the archive"):
        home.archive.mkdir(parents=True, exist_ok=True)
    path = home.archive / folder_name(journal, plan.policy.slot, plan.challenger)
    if decision.outcome == "invalid":
        path = _free(path)
    write_folder(path, content)
    return path


def _free(path: Path) -> Path:
    """A name for what is invalid: its run stays open and may be found so more than once."""
    number = 1
    while (place := path.with_name(f"{path.name}-invalid-{number}")).exists():
        number += 1
    return place


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=True) + "\n"


def _response(response: Response) -> dict[str, object]:
    return {
        "status": response.status,
        "text": response.text,
        "reasoning": response.reasoning,
        "reason": response.reason,
        "finish": response.finish,
        "tool_calls": [dict(call) for call in response.tool_calls],
    }


def _overlay(plan: GatePlan) -> dict[str, object]:
    """What the challenger has other than the champion."""
    own: dict[str, object] = dict(plan.challenger.content)
    if plan.champion is None:
        return own
    theirs = plan.champion.content
    return {name: value for name, value in own.items() if theirs.get(name) != value}


def archived(
    home: Home, journal: Journal, slot: str, challenger: Holder
) -> tuple[Decision, Path] | None:
    """The decision of a run that was archived and then killed before it was cleared away."""
    path = home.archive / folder_name(journal, slot, challenger)
    if not path.exists():
        return None
    return decided_again(path, read_registry(home.registry))[0], path


def decided_again(path: Path, registry: Registry | None = None) -> tuple[Decision, Observations]:
    """The decision of an archived run, made anew from its observations and rules.

    Raises:
        SpecError: this is no archive of a decision.
        StoreError: a file of it is damaged.
    """
    texts = {}
    for name in (OBSERVATIONS, POLICY):
        try:
            texts[name] = (path / name).read_text("utf-8")
        except OSError as error:
            raise SpecError(
                f"{path}: no archive of a decision ({name}: {error.strerror}); name a folder below "
                "archive/"
            ) from None
    observations = observations_from(texts[OBSERVATIONS], str(path / OBSERVATIONS))
    policy = GatePolicy.model_validate_json(texts[POLICY])
    return decide(observations, policy, registry), observations
