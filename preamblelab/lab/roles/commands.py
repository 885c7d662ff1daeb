"""Roles as the command line calls them: a file in, texts and exit codes out."""

import getpass
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from preamblelab.decision.records import Decision
from preamblelab.decision.registering import (
    adopted,
    promoted,
    recorded,
    rolled_back,
    with_holders,
)
from preamblelab.domain.registry import Event, Holder, Registry
from preamblelab.errors import RegistryError
from preamblelab.lab.deciding import Told
from preamblelab.lab.roles.asking import ask_roles, cases_of
from preamblelab.lab.roles.deciding import RoleState, decide_roles
from preamblelab.lab.roles.escalating import Reviewed, escalation_lines, review
from preamblelab.lab.roles.reporting import Written, roles_document, write_report
from preamblelab.lab.roles.serving import RolesProject, Staff, open_roles
from preamblelab.lab.running import Outcome
from preamblelab.library.files import Place
from preamblelab.report.layout import Grid, Section, as_text
from preamblelab.report.progress import LineProgress, Progress
from preamblelab.report.roles import roles_text
from preamblelab.stats.differences import tango_limits
from preamblelab.store import Store, utc_now
from preamblelab.store.registry_file import change_registry


@contextmanager
def _stored(path: Path) -> Iterator[Store | None]:
    """The store, read only; None where nothing was asked yet."""
    if not path.exists():
        yield None
        return
    with Store(path, read_only=True) as opened:
        yield opened


def checked_roles(file: Path) -> Told:
    """Who serves, who challenges, and what the cases can show; asks nobody."""
    project = open_roles(file)
    states = decide_roles(project, None)
    rows, data = [], []
    for state in states:
        staff = state.staff
        cases = _cases(project, staff)
        can = _can_show(project, cases)
        rows.append(
            (
                staff.role,
                staff.incumbent or "vacant",
                ", ".join(staff.challengers) or "none",
                str(cases),
                can,
            )
        )
        data.append(
            {
                "role": staff.role,
                "incumbent": staff.incumbent,
                "challengers": list(staff.challengers),
                "cases": cases,
                "can_show": can,
                "warnings": list(state.warnings),
            }
        )
    warnings = tuple(f"WARNING: {s.staff.role}: {w}." for s in states for w in s.warnings)
    grid = Grid(
        columns=("role", "incumbent", "challengers", "cases", "what they can show"),
        rows=tuple(rows),
        right=frozenset({"cases"}),
    )
    return Told(text=as_text([Section(title=file.name, grid=grid, notes=warnings)]), data=data)


def _cases(project: RolesProject, staff: Staff) -> int:
    suite = cases_of(project, staff)
    return 0 if suite is None else len(suite.tasks)


def _can_show(project: RolesProject, cases: int) -> str:
    """What equal results on all cases would leave open, against the margins."""
    policy = project.file.policy
    if cases < policy.min_cases:
        return f"nothing: {policy.min_cases} cases are needed"
    open_ = tango_limits(0, 0, cases, policy.alpha)[1]
    margins = policy.margins
    short = [
        f"{name} within {margin:g}"
        for name, margin in (
            ("acceptance", margins.acceptance),
            ("hard failures", margins.hard_failure),
        )
        if open_ >= margin
    ]
    lack = f"; not enough for {' and '.join(short)}" if short else ""
    return f"equal results leave ±{open_:.2f} open{lack}"


def ran_roles(file: Path, store: Path, roles: Sequence[str], *, quiet: bool) -> list[Outcome]:
    """Ask and mark what is missing of each role."""
    project = open_roles(file)
    progress = Progress() if quiet else LineProgress()
    with Store(store) as opened:
        return ask_roles(project, roles, opened, progress=progress, handle_interrupts=True)


def decided_roles(
    file: Path,
    store: Path,
    roles: Sequence[str],
    *,
    literal: bool = False,
    emergency: bool = False,
) -> tuple[dict[str, Any], int]:
    """The decisions as a document, and the exit code that a pipeline sees.

    Returns:
        The exit code is that of the only decision. Of several: 3 where one is invalid, else 0
        where somebody is promoted, else 11 where one is inconclusive, else 10. 0 where there was
        nothing to decide.
    """
    project = open_roles(file)
    with _stored(store) as opened:
        states = decide_roles(project, opened, roles, literal=literal, emergency=emergency)
        escalated = _escalated(project, states, opened)
    document = roles_document(project, states, literal=literal, escalation=escalated)
    return document, _exit_code([each for state in states for each in state.decisions])


def _escalated(
    project: RolesProject, states: Sequence[RoleState], store: Store | None
) -> dict[str, tuple[str, ...]]:
    """Telemetry of escalations by role."""
    if store is None:
        return {}
    names = [state.staff.role for state in states]
    return {name: escalation_lines(project, name, store) for name in names}


def reviewed(
    file: Path, role: str, work: Path, store: Path, *, category: str | None, private: bool
) -> Reviewed:
    """Review a text file by a role's model, and by larger ones where the roles' file says so.

    Raises:
        SpecError: a file is not there, or wrong; the message names it.
    """
    project = open_roles(file)
    text = Place(root=work.resolve().parent, parts=(work.name,)).read()
    with Store(store) as opened:
        messages = [{"role": "user", "content": text}]
        return review(project, role, messages, opened, category=category, private=private)


def _exit_code(decisions: Sequence[Decision]) -> int:
    codes = {each.exit_code for each in decisions}
    return next((code for code in (3, 0, 11, 10) if code in codes), 0)


def reported_roles(file: Path, store: Path, *, literal: bool = False) -> tuple[str, Written | None]:
    """Write the dated report, and count its decisions as attempts.

    Returns:
        The report's text, and where it was put; None where nothing was asked yet.
    """
    project = open_roles(file)
    with _stored(store) as opened:
        states = decide_roles(project, opened, literal=literal)
        escalated = _escalated(project, states, opened)
    document = roles_document(project, states, literal=literal, escalation=escalated)
    if document["latest"] is None:
        return roles_text(document), None
    if not literal:
        decisions = [each for state in states for each in state.decisions]
        change_registry(project.registry_path, "count decisions", lambda r: _counted(r, decisions))
    return roles_text(document), write_report(project, document)


def _counted(registry: Registry, decisions: Sequence[Decision]) -> Registry:
    for decision in decisions:
        registry = recorded(registry, decision)
    return registry


def applied_roles(
    file: Path, store: Path, roles: Sequence[str], *, emergency: bool = False
) -> tuple[list[str], int]:
    """Carry out what the clauses decide; decided anew, so that no file can say otherwise.

    Returns:
        A sentence for each role that changed hands; none where nobody qualifies. And the exit
        code, which is that of `decided_roles` on the same answers.

    Raises:
        RegistryError: the registry changed meanwhile.
    """
    project = open_roles(file)
    with _stored(store) as opened:
        states = decide_roles(project, opened, roles, emergency=emergency)
    lines = [line for state in states for line in _applied(project, state)]
    return lines, _exit_code([each for state in states for each in state.decisions])


def _applied(project: RolesProject, state: RoleState) -> Iterator[str]:
    for decision in state.decisions:
        if decision.outcome not in {"promote", "install"} or state.holders is None:
            continue
        by_digest = {holder.digest: holder for holder in state.holders.values()}
        challenger = by_digest[decision.challenger_digest]
        version = project.registry.slot(decision.slot).version

        def change(
            registry: Registry, decision: Decision = decision, challenger: Holder = challenger
        ) -> Registry:
            if registry.slot(decision.slot).version != version:  # noqa: B023 - called at once
                raise RegistryError(
                    f"the registry changed while role '{decision.slot}' was decided: nothing was "
                    "applied; decide again"
                )
            seated = _seated(registry, state, decision)
            standing = _standing(project, state, challenger)
            return promoted(
                recorded(seated, decision),
                decision,
                challenger,
                at=utc_now(),
                by=_user(),
                challengers=standing,
            )

        change_registry(project.registry_path, f"apply to role {decision.slot}", change)
        yield decision.sentence


def _seated(registry: Registry, state: RoleState, decision: Decision) -> Registry:
    """The registry with the incumbent as it was measured.

    Before the first decision nobody is entered; later its weights may have moved behind its tag.
    """
    slot, incumbent = registry.slot(decision.slot), state.staff.incumbent
    if incumbent is None or state.holders is None:
        return registry
    holder = state.holders[incumbent]
    if slot.champion is None:
        return adopted(registry, decision.slot, holder, at=utc_now(), by=_user())
    if slot.champion == holder.digest:
        return registry
    named = with_holders(registry, holder)
    changed = slot.model_copy(update={"champion": holder.digest})
    return named.model_copy(update={"slots": {**named.slots, decision.slot: changed}})


def _standing(project: RolesProject, state: RoleState, challenger: Holder) -> tuple[Holder, ...]:
    """Who stands by afterwards: the other challengers, and a demoted incumbent."""
    holders, staff = state.holders or {}, state.staff
    names = [name for name in staff.challengers if holders[name].digest != challenger.digest]
    if staff.incumbent and project.file.policy.on_promote == "demote":
        names.append(staff.incumbent)
    return tuple(holders[name] for name in names)


def role_history(file: Path, roles: Sequence[str]) -> Told:
    """Who came for whom, when, and by which decision."""
    project = open_roles(file)
    rows, data = [], []
    for name in roles or project.file.roles:
        for event in project.registry.slot(project.staff(name).role).history:
            rows.append((event.at, name, event.kind, *_names(project, event), event.reason))
            data.append({"role": name, **event.model_dump(mode="json")})
    if not rows:
        return Told(text="Nobody changed places yet.\n", data=[])
    grid = Grid(columns=("at", "role", "what", "from", "to", "why"), rows=tuple(rows))
    return Told(text=as_text([Section(title="History", grid=grid)]), data=data)


def _names(project: RolesProject, event: Event) -> tuple[str, str]:
    holders = project.registry.holders
    before, after = (
        holders[digest].label if digest in holders else "nobody"
        for digest in (str(event.before), str(event.holder))
    )
    return before, after


def rolled_back_role(file: Path, role: str, reason: str) -> str:
    """Put the one before back.

    Raises:
        SpecError: there is no such role, or nobody held it before.
    """
    project = open_roles(file)
    project.staff(role)

    def change(registry: Registry) -> Registry:
        return rolled_back(registry, role, at=utc_now(), by=_user(), reason=reason)

    registry = change_registry(project.registry_path, f"roll back role {role}", change)
    holder = registry.champion(role)
    return f"{holder.label if holder else 'nobody'} serves as {role} again"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
