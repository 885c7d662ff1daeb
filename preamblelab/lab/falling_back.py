"""Under a preamble, a shorter one, none: what is asked again where an answer collapses."""

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from preamblelab.decision.ladder import UNREACHABLE, End, Ladder, Level, Telemetry, telemetry
from preamblelab.decision.resolving import Resolution
from preamblelab.domain.applying import Existing, Message, apply_preamble, place_for
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.policies import NONE, PolicySpec
from preamblelab.domain.records import Request, Response
from preamblelab.domain.steps import Climb
from preamblelab.errors import BudgetError
from preamblelab.execution.clients import Client
from preamblelab.execution.doors import Doors, FunctionClient
from preamblelab.execution.gateway import Gateway
from preamblelab.lab.deciding import Told
from preamblelab.lab.looping import to_the_end
from preamblelab.lab.usecases import DEFAULT_STORE, specs_of
from preamblelab.report.layout import Grid, Section, as_text, counted
from preamblelab.store import Store

LADDER: Final = "preamble"
"""How the store calls climbs of this kind."""
TAG: Final = "preamble-fallback"
COLLAPSED: Final = "collapsed"
"""The word of an end where the answer collapsed even without a preamble."""

_FINE: Final = frozenset({"ok", "refused"})
_STOPS: Final = frozenset({UNREACHABLE})

Texts = Mapping[str, str | None]
AskClient = Callable[[Request], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer, and what it took to get it."""

    response: Response
    """The last answer; a collapsed or failed one where no level gave a better."""
    resolution: Resolution
    """What the policy said at first."""
    end: End
    climb: Climb

    @property
    def text(self) -> str:
        """The answer's text."""
        return self.response.text

    @property
    def fell_back(self) -> bool:
        """Whether more than the first level was asked."""
        return len(self.climb.steps) > 1

    def __str__(self) -> str:
        """The text."""
        return self.text


def preamble_ladder(levels: Sequence[str], usd: float | None = None) -> Ladder:
    """The ladder of a preamble: an answer settles it, a fault of transport stops it.

    Args:
        levels: of `preamble`, `shorter`, `none`, those that there are.
        usd: the most that all levels may cost together.
    """
    made = (
        Level(name=name, settles=_FINE, stops=_STOPS, tag=TAG if place else "")
        for place, name in enumerate(levels)
    )
    return Ladder(levels=tuple(made), closed=COLLAPSED, usd=usd)


def ask_with_fallback(
    policy: PolicySpec,
    resolution: Resolution,
    messages: Sequence[Message],
    model: str | ModelSpec,
    *,
    store: Store | str | Path = DEFAULT_STORE,
    settings: Mapping[str, Any] | None = None,
    existing: Existing = "refuse",
    usd: float | None = None,
    client: AskClient | None = None,
) -> Answered:
    """Ask a model under its preamble; where the answer collapses, under less of it.

    Args:
        policy: holds the texts.
        resolution: what it says for this model.
        messages: OpenAI-style; never changed.
        model: a litellm id, a name of models.yaml, or a spec.
        store: where every level is kept; made when it does not exist.
        settings: of the call: temperature, max_tokens, ...
        existing: what happens to a system message of yours.
        usd: no further level is asked once so much is spent, or a price is unknown.
        client: answers instead of the model; for tests of your script.

    Returns:
        The answer. `end.resolved` is False where it collapsed on every level, or never came.

    Raises:
        SpecError: as `Policy.apply`.
        ProviderError: the model cannot be asked at all.
        BudgetError: the limit is 0.
    """
    (spec,) = specs_of([model])
    texts = _texts(policy, resolution)
    ladder = preamble_ladder(tuple(texts), usd)
    if usd == 0:
        raise BudgetError("the limit is 0 usd: nothing can be asked")
    place = place_for(spec.id) if resolution.text is not None else "system"
    asked = {
        name: tuple(apply_preamble(messages, text, place=place, existing=existing))
        for name, text in texts.items()
    }
    doors = Doors()
    one: Client | None = None if client is None else FunctionClient(client)
    if one is None:
        doors.prepare([spec])
    climb = Climb(
        ladder=LADDER,
        name=uuid.uuid4().hex,
        subject=spec.id,
        about=resolution.id,
        steps=(),
        simulated=spec.simulated,
    )
    merged = {**spec.settings, **(settings or {})}
    # Asked twice is answered twice: the number keeps the address apart from every other answer's.
    repetition = 2**20 + uuid.uuid4().int % 2**40
    requests = {
        name: Request(
            model=spec, messages=sent, settings=merged, repetition=repetition, role="fallback"
        )
        for name, sent in asked.items()
    }
    with _opened(store) as opened:
        gateway = Gateway(client_for=lambda each: one or doors(each))
        response, climb = to_the_end(_climbed(ladder, requests, climb, gateway, opened))
    return Answered(
        response=response, resolution=resolution, end=ladder.end(climb.steps), climb=climb
    )


def _texts(policy: PolicySpec, resolution: Resolution) -> Texts:
    """The text of each level; a policy that says none has one level only."""
    if resolution.text is None:
        return {NONE: None}
    kept = policy.preambles[resolution.id]
    levels: dict[str, str | None] = {"preamble": kept.text}
    if kept.shorter is not None:
        levels["shorter"] = policy.preambles[kept.shorter].text
    return {**levels, NONE: None}


async def _climbed(
    ladder: Ladder,
    requests: Mapping[str, Request],
    climb: Climb,
    gateway: Gateway,
    store: Store,
) -> tuple[Response, Climb]:
    """Ask level by level; every answer and step is stored before the next is asked."""
    response = Response(status="failed", reason="nothing was asked")
    try:
        while (level := ladder.next(climb.steps)) is not None:
            request = requests[level.name]
            response = await gateway.call(request)
            word = response.status if response.answered else UNREACHABLE
            climb = climb.stepped(
                level.name, word, tag=level.tag, key=request.key, response=response
            )
            await asyncio.to_thread(store.put, [(request, response)])
            await asyncio.to_thread(store.put_climb, climb)
    finally:
        await gateway.close()
    return response, climb


def fallbacks_of(store: Store, model: str | None = None) -> dict[tuple[str, str], Telemetry]:
    """What climbs came to, by model and preamble; those that began without one are left out.

    Args:
        store: where they are kept.
        model: only those of this id.
    """
    groups: dict[tuple[str, str], list[Climb]] = {}
    for climb in store.climbs(LADDER, model):
        if climb.about != NONE:
            groups.setdefault((climb.subject, climb.about), []).append(climb)
    return {
        pair: telemetry(_ladder_of(climbs), [climb.steps for climb in climbs])
        for pair, climbs in groups.items()
    }


def _ladder_of(climbs: Sequence[Climb]) -> Ladder:
    names = dict.fromkeys(step.level for climb in climbs for step in climb.steps)
    return preamble_ladder(tuple(names))


def told_fallbacks(path: Path) -> Told:
    """What `preamblelab policy fallbacks` prints."""
    with Store(path, read_only=True) as store:
        found = fallbacks_of(store)
        simulated = any(climb.simulated for climb in store.climbs(LADDER))
    lines = ["No answer was asked for through a policy yet."] if not found else []
    lines += ["SIMULATED: no real model was asked."] if simulated else []
    columns = ("model", "preamble", "asked", "collapsed under it", "mended", "never", "usd added")
    rows = tuple(_row(pair, told) for pair, told in found.items())
    notes = ("These answers are in no experiment: none counts as a preamble's score.",)
    grid = Grid(columns=columns, rows=rows, right=frozenset(columns[2:3]))
    data = [
        {"model": model, "preamble": preamble, **asdict(told)}
        for (model, preamble), told in found.items()
    ]
    section = Section(lines=tuple(lines), grid=grid if rows else None, notes=notes if rows else ())
    return Told(text=as_text([section]), data=data)


def _row(pair: tuple[str, str], told: Telemetry) -> tuple[str, ...]:
    asked = told.went_on.of + told.by_fault
    added = "unknown" if told.usd_added is None else f"{told.usd_added:.4f}"
    unresolved = counted(told.unresolved, "climb")
    return (*pair, str(asked), str(told.went_on), str(told.overturned), unresolved, added)


def _opened(store: Store | str | Path) -> Any:
    from contextlib import nullcontext

    return nullcontext(store) if isinstance(store, Store) else Store(store)
