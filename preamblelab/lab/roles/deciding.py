"""From the store to decisions on roles: trials as observations, clauses, and what stands beside."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from preamblelab.decision.records import Decision, Manifest, Observation, Observations, PlannedTask
from preamblelab.decision.role_clauses import Standing
from preamblelab.decision.role_metrics import PAIN, TIE
from preamblelab.decision.roles import decide_role
from preamblelab.domain.base import content_digest
from preamblelab.domain.registry import Holder
from preamblelab.domain.roles import SEVERITY
from preamblelab.domain.tasks import Task
from preamblelab.domain.verifiers import Findings, Refusal
from preamblelab.errors import SpecError
from preamblelab.execution.gateway import endpoint_of
from preamblelab.lab.gating.observing import observed
from preamblelab.lab.roles.asking import experiment_name, role_experiment
from preamblelab.lab.roles.serving import RolesProject, Staff
from preamblelab.scoring.verifiers.findings import false_findings
from preamblelab.store import Spend, Store

WITHDRAWN: Final = ("404", "not found", "no such model")
"""What servers say of a model that is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleState:
    """One role as it stands: who is in it, what was decided, what to look at."""

    staff: Staff
    cases: int
    decisions: tuple[Decision, ...] = ()
    holders: Mapping[str, Holder] | None = None
    """By model name."""
    warnings: tuple[str, ...] = ()
    note: str = ""
    """Why nothing was decided; empty where something was."""
    spend: Spend | None = None
    started: str = ""
    """When its run began, UTC; empty where there was none."""
    simulated: bool = False


def decide_roles(
    project: RolesProject,
    store: Store | None,
    roles: Sequence[str] = (),
    *,
    literal: bool = False,
    emergency: bool = False,
) -> tuple[RoleState, ...]:
    """Decide on every challenger of every role, from what is stored; asks nobody.

    Args:
        project: the roles.
        store: where answers are; None: nothing was asked yet.
        roles: names; none: all.
        literal: compare points, as the original policy did.
        emergency: where an incumbent is gone, install by thresholds.

    Raises:
        SpecError: a role does not exist, or is vacant and has no thresholds for a first holder.
    """
    return tuple(
        _decided(project, project.staff(name), store, literal=literal, emergency=emergency)
        for name in roles or project.file.roles
    )


def _decided(
    project: RolesProject, staff: Staff, store: Store | None, *, literal: bool, emergency: bool
) -> RoleState:
    state = RoleState(staff=staff, cases=0, warnings=tuple(_warnings(project, staff)))
    if staff.spec.suite is None or not staff.models:
        return replace(state, note="no cases: name a 'suite'" if staff.models else "nobody")
    plan = role_experiment(project, staff)
    state = replace(state, cases=len(plan.suite.tasks))
    names = [] if store is None else [entry.name for entry in store.experiments()]
    if store is None or plan.name not in names:
        return replace(state, note="not asked yet: preamblelab roles run")
    run = _Run(project, staff, store, plan.suite.tasks)
    state = replace(
        state, holders=run.holders, spend=run.spend, started=run.started, simulated=run.simulated,
        warnings=(*state.warnings, *run.changed()),
    )  # fmt: skip
    if not staff.challengers:
        return replace(state, note=f"no active challengers; {run.health()}")
    candidates = [
        (run.observations(name, emergency=emergency), run.standing(name))
        for name in staff.challengers
    ]
    found = decide_role(candidates, project.file.policy, project.registry, literal=literal)
    return replace(state, decisions=found)


def _warnings(project: RolesProject, staff: Staff) -> Iterator[str]:
    """What a user should know of a role before any figure."""
    families = {project.contender(name).family for name in staff.models} - {None}
    if staff.incumbent is None:
        yield "vacant: nobody serves"
    if len(families) == 1 and staff.models:
        yield f"single family: all of {families.pop()}"
    for name in staff.models:
        if project.contender(name).family is None:
            yield f"{name}: family unknown, which blocks its promotion"
        if project.file.models[name].cost_tier == "unknown":
            yield f"{name}: price unknown, which counts as paid"
    listed = staff.spec.incumbent
    if staff.incumbent_digest is not None and staff.incumbent != listed:
        yield f"the registry's decisions put {staff.incumbent} in the place of {listed or 'nobody'}"


class _Run:
    """What the store holds of one role."""

    def __init__(
        self, project: RolesProject, staff: Staff, store: Store, tasks: Sequence[Task]
    ) -> None:
        self.project, self.staff, self.tasks = project, staff, tasks
        name = experiment_name(staff.role)
        entry = next(each for each in store.experiments() if each.name == name)
        self.started, self.simulated = entry.updated, entry.simulated
        weights = {}
        for model in staff.models:
            spec = project.spec(model)
            facts = store.facts(spec.id, endpoint_of(spec))
            weights[model] = None if facts is None else facts.digest
        self._refuse_twins(weights)
        self.holders = {model: project.holder(model, weights[model]) for model in staff.models}
        arms = {(model, "baseline"): holder.digest for model, holder in self.holders.items()}
        digest = (store.plan_digest(name) or "").removeprefix("b2:")[:8]
        self.run = f"{staff.role}-{digest}"
        known = {task.name for task in tasks}
        rows = [r for r in observed(store, name, arms, run=self.run) if r.task in known]
        self.rows = tuple(self._accepted(store, rows))
        keys = [row.response_key for row in rows if row.response_key]
        judged = store.ratings(name)["judge_response_key"].dropna().unique()
        self.spend = store.spend(keys=[*dict.fromkeys([*keys, *judged])])
        marking = store.marking(name)
        self.rubric = "" if marking is None else marking[0]

    def _refuse_twins(self, weights: Mapping[str, str | None]) -> None:
        """Two tags with the same weights are one model, which cannot challenge itself."""
        seen: dict[str, str] = {}
        for model, digest in weights.items():
            if digest is not None and digest in seen:
                raise SpecError(
                    f"role '{self.staff.role}': '{seen[digest]}' and '{model}' are one model by "
                    f"their server ({digest}); keep one"
                )
            if digest is not None:
                seen[digest] = model

    def _accepted(self, store: Store, rows: Sequence[Observation]) -> Iterator[Observation]:
        """Every trial with whether its case was accepted, and what it cost its reviewer."""
        spec, tasks = self.staff.spec, {task.name: task for task in self.tasks}
        texts = {}
        if spec.pain == "findings":
            keys = [row.response_key for row in rows if row.response_key]
            texts = dict(store.responses(keys))
        for row in rows:
            if not row.scored or row.score is None:
                yield row
                continue
            accepted = row.score >= spec.accept - TIE
            task = tasks[row.task]
            pain = 0.0 if accepted else SEVERITY[task.severity]
            if spec.pain == "findings":
                answer = texts.get(row.response_key or "")
                pain = sum(
                    SEVERITY.get(_WORDS.get(each, each), SEVERITY["normal"])
                    for verifier in task.verify
                    if isinstance(verifier, Findings) and answer is not None
                    for each in false_findings(verifier, answer)
                )
            yield replace(row, score=float(accepted), marks={PAIN: pain})

    def observations(self, challenger: str, *, emergency: bool) -> Observations:
        """The trials of one challenger and the incumbent."""
        incumbent = self.staff.incumbent
        pair = [challenger, *([incumbent] if incumbent else [])]
        arms = {self.holders[name].digest for name in pair}
        return Observations(
            slot=self.staff.role,
            challenger=self.holders[challenger],
            champion=self.holders[incumbent] if incumbent else None,
            tasks=tuple(
                PlannedTask(
                    name=task.name,
                    category=task.category,
                    digest=task.digest,
                    cluster=task.cluster,
                    refusal=_refusal(task),
                )
                for task in self.tasks
            ),
            rows=tuple(row for row in self.rows if row.arm in arms),
            manifest=self._manifest(arms),
            simulated=self.simulated,
            emergency=emergency,
            champion_gone=self.gone(incumbent) if incumbent else "",
        )

    def _manifest(self, arms: set[str]) -> Manifest:
        return Manifest(
            run=self.run,
            started=self.started,
            seed=self.project.file.seed,
            suite=content_digest([task.digest for task in self.tasks]),
            rubric=self.rubric,
            policy=self.project.file.digest,
            arms=tuple(sorted(arms)),
            repetitions=self.staff.spec.repetitions,
        )

    def gone(self, name: str) -> str:
        """Why a model cannot be asked any more; empty where it can."""
        rows = [row for row in self.rows if row.arm == self.holders[name].digest]
        reasons = {row.reason for row in rows if row.status == "failed"}
        if any(row.answered for row in rows) or not reasons:
            return ""
        said = min(reasons)
        return said if any(word in said.casefold() for word in WITHDRAWN) else ""

    def standing(self, challenger: str) -> Standing:
        """What the clauses need to know besides the measurements."""
        staff, project = self.staff, self.project
        others = tuple(project.contender(m) for m in staff.challengers if m != challenger)
        return Standing(
            challenger=project.contender(challenger),
            incumbent=project.contender(staff.incumbent) if staff.incumbent else None,
            others=others,
            severities={task.name: task.severity for task in self.tasks},
            days_since_promotion=self._days(),
        )

    def _days(self) -> float | None:
        """Days from the last promotion to the run."""
        history = self.project.registry.slot(self.staff.role).history
        moved = [event.at for event in history if event.kind in {"promote", "install"}]
        if not moved:
            return None
        apart = _time(self.started) - _time(moved[-1])
        return max(apart.total_seconds() / 86400.0, 0.0)

    def changed(self) -> Iterator[str]:
        """Weights that changed behind the incumbent's tag."""
        digest, incumbent = self.staff.incumbent_digest, self.staff.incumbent
        if digest is not None and incumbent and self.holders[incumbent].digest != digest:
            yield (
                f"the incumbent {incumbent} is not what was promoted: its weights, settings or "
                "address changed since; it was asked anew under the same name"
            )
        models = self.project.file.models
        for name, holder in self.holders.items():
            pinned = models[name].digest
            served = holder.content.get("weights")
            if pinned and served and pinned != served:
                yield f"{name}: the server has {served}, and the file pins {pinned}"

    def health(self) -> str:
        """How the incumbent does by itself."""
        incumbent = self.staff.incumbent
        if incumbent is None:
            return "nobody serves"
        rows = [row for row in self.rows if row.arm == self.holders[incumbent].digest]
        done = [row for row in rows if row.scored]
        accepted = sum(row.score or 0.0 for row in done)
        missing = len(rows) - len(done)
        rest = f", {missing} missing" if missing else ""
        return f"{incumbent} was accepted on {accepted:g} of {len(done)} cases{rest}"


_WORDS: Final[Mapping[str, str]] = {"medium": "normal", "minor": "low", "major": "high"}


def _refusal(task: Task) -> Literal["refusal", "answer"] | None:
    """What is right where refusing is the question, by the task's checks."""
    return next((each.expect for each in task.verify if isinstance(each, Refusal)), None)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
