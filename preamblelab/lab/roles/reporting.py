"""The dated report: a document of the decisions, its Markdown, and where they are kept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, NamedTuple

from preamblelab.domain.base import content_digest
from preamblelab.errors import SpecError
from preamblelab.lab.roles.deciding import RoleState
from preamblelab.lab.roles.serving import RolesProject
from preamblelab.report.roles import ROLES_SCHEMA, roles_markdown
from preamblelab.store import utc_now
from preamblelab.store.durable import write_file
from preamblelab.store.faults import one_line
from preamblelab.store.locking import writer_lock

STEM: Final = "local-model-benchmark"
MOST_A_DAY: Final = 1000


class Written(NamedTuple):
    """Where a report was put."""

    markdown: Path
    document: Path


def roles_document(
    project: RolesProject,
    states: Sequence[RoleState],
    *,
    literal: bool = False,
    escalation: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """Everything that the report says, as JSON values.

    Args:
        project: the roles.
        states: as `decide_roles` gives them.
        literal: whether points were compared.
        escalation: telemetry in words, by role.
    """
    started = [state.started for state in states if state.started]
    decisions = [each for state in states for each in state.decisions]
    manifests = [asdict(each.manifests["run"]) for each in decisions]
    latest = max(started) if started else None
    return {
        "schema": ROLES_SCHEMA,
        "run": content_digest([d.run for d in decisions] or [latest])[3:11],
        "latest": latest,
        "manifest": content_digest(manifests),
        "literal": literal,
        "simulated": any(state.simulated for state in states),
        "policy": project.file.policy.model_dump(mode="json"),
        "roles": [_role(project, state, (escalation or {})) for state in states],
    }


def _role(
    project: RolesProject, state: RoleState, escalation: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    staff, spend = state.staff, state.spend
    models = {name: project.contender(name) for name in staff.models}
    return {
        "role": staff.role,
        "incumbent": staff.incumbent,
        "challengers": list(staff.challengers),
        "models": {
            name: {
                "family": each.family,
                "cost_tier": project.file.models[name].cost_tier,
                "holder": state.holders[name].digest if state.holders else None,
            }
            for name, each in models.items()
        },
        "cases": state.cases,
        "note": state.note,
        "warnings": list(state.warnings),
        "spend": None
        if spend is None
        else {"calls": spend.calls, "usd": spend.usd, "unpriced": spend.unpriced},
        "escalation": list(escalation.get(staff.role, ())),
        "decisions": [{**each.to_dict(), "digest": each.digest} for each in state.decisions],
    }


def write_report(project: RolesProject, document: Mapping[str, Any]) -> Written:
    """Keep a report under the UTC date of its run; a second of one day is `-2`.

    Raises:
        SpecError: nothing was asked yet.
        StoreError: the files cannot be written, or another process writes a report.
    """
    if document["latest"] is None:
        raise SpecError("nothing was asked yet, so there is nothing to report: roles run")
    folder, day = project.reports, str(document["latest"])[:10]
    with one_line(folder, "make the folder of reports"):
        folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n"
    with writer_lock(folder / STEM, "write a report", utc_now()):
        for number in range(1, MOST_A_DAY):
            end = "" if number == 1 else f"-{number}"
            markdown = folder / f"{STEM}-{day}{end}.md"
            machine = markdown.with_suffix(".json")
            if not (markdown.exists() or machine.exists()):
                break
        write_file(machine, text.encode())
        # From what a program reads, so that the two cannot say different things.
        write_file(markdown, roles_markdown(json.loads(text)).encode("utf-8", "backslashreplace"))
    return Written(markdown, machine)
