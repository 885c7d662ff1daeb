"""A review that may go on to larger models: every level is stored before the next is asked."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from preamblelab.decision.escalation import (
    BASE,
    FRONTIER,
    LADDER,
    TURBO,
    acceptances,
    instruction,
    review_ladder,
    telemetry_lines,
    word_of,
)
from preamblelab.decision.ladder import End, Ladder, telemetry
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.domain.steps import Climb, Step
from preamblelab.errors import BudgetError, SpecError
from preamblelab.execution.budget import BudgetSpent, Meter
from preamblelab.execution.doors import Doors
from preamblelab.execution.gateway import Gateway, RetryPolicy
from preamblelab.execution.places import runs_here
from preamblelab.lab.looping import to_the_end
from preamblelab.lab.roles.serving import RolesProject, Staff
from preamblelab.store import Store

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """The verdict on one piece of work, and what it took."""

    end: End
    climb: Climb
    response: Response
    """The last answer."""

    @property
    def accepted(self) -> bool:
        """Whether it is accepted; what nobody settled is not."""
        return self.end.resolved and self.end.word == "accept"

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        tag = f" [{self.end.tag}]" if self.end.tag else ""
        words = [step.told for step in self.climb.steps]
        # The end's reason begins with the last word, which stands in the list already.
        more = self.end.reason.removeprefix(words[-1] if words else "").removeprefix("; ")
        why = f": {more}" if more else ""
        said = "; ".join(words)
        simulated = "SIMULATED: " if self.climb.simulated else ""
        return f"{simulated}{self.end.word.upper()}{tag} ({said}){why}"


def review(
    project: RolesProject,
    role: str,
    messages: Sequence[Message],
    store: Store,
    *,
    category: str | None = None,
    private: bool = False,
    retries: RetryPolicy | None = None,
) -> Reviewed:
    """Let a role's model review something, and larger ones where it rejects or says nothing usable.

    Every level sees the task and not the word of the level before, unless `show_prior` says so.

    Args:
        project: the roles.
        role: which of them reviews.
        messages: the task with what is to be reviewed, OpenAI-style.
        store: where every level is kept.
        category: of the task; rejections are asked again where `on_tasks` names it.
        private: this task must not leave this host, even where the role's others may.
        retries: when a call that failed is sent again.

    Raises:
        SpecError: there is no such role, or nobody serves in it.
        ProviderError: a model cannot be asked at all.
        BudgetError: the budget allows no call.
    """
    staff = project.staff(role)
    if staff.incumbent is None:
        raise SpecError(f"role '{role}' is vacant: nobody can review")
    ladder = review_ladder(staff.spec.turbo, category)
    models = _models(project, staff)
    closed = _closed(staff, models, private=private or staff.spec.private)
    if BASE in closed:
        raise SpecError(f"role '{role}': {models[BASE].name} must not be asked: {closed[BASE]}")
    doors = Doors()
    doors.prepare([model for name, model in models.items() if name not in closed])
    gateway = Gateway(
        client_for=doors,
        meter=Meter(budget=project.file.budget),
        retries=retries or RetryPolicy(attempts=2, total_seconds=60.0),
    )
    nonce = uuid.uuid4().hex[:12]
    climb = Climb(
        ladder=LADDER,
        name=uuid.uuid4().hex,
        subject=role,
        about=category or "",
        steps=(),
        simulated=any(model.simulated for model in models.values()),
    )
    work = _Review(
        ladder=ladder,
        models=models,
        messages=tuple(messages),
        nonce=nonce,
        show_prior=staff.spec.turbo is not None and staff.spec.turbo.show_prior,
    )
    return to_the_end(work.climbed(climb, gateway, store, closed))


def _models(project: RolesProject, staff: Staff) -> dict[str, ModelSpec]:
    """Who is asked on each level."""
    found = {BASE: project.spec(str(staff.incumbent))}
    turbo = staff.spec.turbo
    if turbo is not None:
        found[TURBO] = project.spec(turbo.model)
        if turbo.frontier is not None:
            found[FRONTIER] = project.spec(turbo.frontier)
    return found


def _closed(staff: Staff, models: Mapping[str, ModelSpec], *, private: bool) -> dict[str, str]:
    """Levels that a private task must not reach; what is not known to run here is not asked."""
    if not private:
        return {}
    cloud = staff.spec.turbo.cloud if staff.spec.turbo is not None else ()
    return {
        level: "the task is private and must not leave this host"
        for level, model in models.items()
        if level in cloud or not runs_here(model)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Review:
    """One review on its way up."""

    ladder: Ladder
    models: Mapping[str, ModelSpec]
    messages: tuple[Message, ...]
    nonce: str
    show_prior: bool

    async def climbed(
        self, climb: Climb, gateway: Gateway, store: Store, closed: dict[str, str]
    ) -> Reviewed:
        """Ask level by level; each answer and step is stored before the next is asked."""
        response = Response(status="failed", reason="nothing was asked")
        try:
            while (level := self.ladder.next(climb.steps, forbidden=closed)) is not None:
                request = self._request(level.name, climb.steps, response)
                try:
                    response = await gateway.call(request)
                except BudgetSpent as spent:
                    if not climb.steps:
                        raise BudgetError(f"nothing can be asked: {spent.limit}") from None
                    closed[level.name] = spent.limit
                    continue
                word = word_of(response, self.nonce)
                climb = climb.stepped(
                    level.name, word, tag=level.tag, key=request.key, response=response
                )
                await asyncio.to_thread(store.put, [(request, response)])
                await asyncio.to_thread(store.put_climb, climb)
        finally:
            await gateway.close()
        end = self.ladder.end(climb.steps, forbidden=closed)
        return Reviewed(end=end, climb=climb, response=response)

    def _request(self, level: str, steps: Sequence[Step], before: Response) -> Request:
        model = self.models[level]
        asked = [dict(each) for each in self.messages]
        asked.append({"role": "user", "content": instruction(self.nonce)})
        if self.show_prior and steps:
            prior = f"An earlier review ({steps[-1].word}) said:\n{before.text}"
            asked.insert(-1, {"role": "user", "content": prior})
        return Request(
            model=model,
            messages=tuple(asked),
            settings=dict(model.settings),
            role="subject" if level == BASE else "escalation",
        )


def escalation_lines(project: RolesProject, role: str, store: Store) -> tuple[str, ...]:
    """What escalating came to in a role, in words; none where nothing was reviewed yet."""
    lines: list[str] = []
    climbs = store.climbs(LADDER, role)
    for category in sorted({climb.about for climb in climbs}):
        own = [climb for climb in climbs if climb.about == category]
        ladder = review_ladder(project.staff(role).spec.turbo, category or None)
        known = {level.name for level in ladder.levels}
        steps = [c.steps for c in own if all(step.level in known for step in c.steps)]
        if not steps:
            continue
        simulated = " (simulated)" if any(climb.simulated for climb in own) else ""
        head = f"{category or 'no category'}{simulated}: {len(steps)} reviews"
        lines.append(head)
        lines += telemetry_lines(telemetry(ladder, steps), acceptances(ladder, steps))
    return tuple(lines)
