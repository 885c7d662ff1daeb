"""The use cases of routing: check rules by findings, explain a category, ask who answers it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from preamblelab.decision.routing import (
    Basis,
    Route,
    RoutingCheck,
    check_routing,
    expired,
    route,
)
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.domain.routing import RoutingFile
from preamblelab.errors import ProviderError, SpecError
from preamblelab.execution.doors import Doors
from preamblelab.execution.gateway import Gateway, RetryPolicy
from preamblelab.execution.places import runs_here
from preamblelab.lab.looping import to_the_end
from preamblelab.lab.replicating import stored_run
from preamblelab.library import load_models
from preamblelab.library.files import Place
from preamblelab.library.fitting import fit
from preamblelab.library.strict_yaml import parse_fields
from preamblelab.store.durable import write_file

STATE_SCHEMA: Final = 1
MOST_EVENTS: Final = 200
"""Events that the state file keeps, the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that did not go as the rules say first."""

    at: str
    category: str
    kind: str
    """`unknown category`, `fallback`, `no answer`."""
    model: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """An answer, and who gave it."""

    response: Response
    model: str
    route: Route
    events: tuple[Event, ...]


@dataclass(slots=True, kw_only=True)
class State:
    """What is remembered beside the rules: ages of expired findings, counters, events."""

    stale_since: dict[str, str] = field(default_factory=dict)
    """First day (UTC) on which a finding was seen to have expired."""
    unknown: dict[str, int] = field(default_factory=dict)
    """How often each category that no rule names was asked for."""
    events: list[dict[str, str]] = field(default_factory=list)


class Router:
    """Routing rules with what they rest on.

    Args:
        file: YAML of the rules; findings are read from beside it, and what happens is remembered
            in `NAME.state.json` beside it.
        retries: when a call is tried again before the next model is asked.
        now: tells the time in UTC.

    Raises:
        SpecError: a file is wrong, two rules name one category, or a privacy rule names a model
            that is not known to run here.
    """

    def __init__(
        self,
        file: str | Path,
        *,
        retries: RetryPolicy | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Read the rules and check them."""
        self.path = Path(file)
        self.file = read_routing(self.path)
        self.retries = retries or RetryPolicy(attempts=2, total_seconds=60.0)
        self.now = now
        self.findings = self._findings()
        self.state = _state(self._state_path)
        self._known = {**load_models(), **_named(self.file.models)}
        self.check = self.checked()

    def checked(self, against: str | None = None, store: Path | None = None) -> RoutingCheck:
        """What may be said of every rule.

        Args:
            against: a run (as for `replicate`) whose tasks, judges and models are those in use
                now: findings that rest on others have expired. None: only the days that are
                remembered from earlier checks count.
            store: where runs without a file are looked up.
        """
        basis: Basis | None = None
        if against is not None:
            manifest = stored_run(against, store or Path("preamblelab.db")).manifest
            basis = manifest.basis
            gone = expired(self.file, self.findings, basis)
            day = self.now().date().isoformat()
            since = {name: self.state.stale_since.get(name, day) for name in gone}
            if since != self.state.stale_since:
                self.state.stale_since = since
                self._remember()
        elif self.state.stale_since:
            # Without a run to compare with, what was seen to have expired stays so.
            lost = self.state.stale_since
            basis = _remembered(self.findings, lost)
        self.check = check_routing(
            self.file,
            self.findings,
            is_local=self.is_local,
            basis=basis,
            against=against or "an earlier check",
            stale_since={n: date.fromisoformat(d) for n, d in self.state.stale_since.items()},
            today=self.now().date(),
        )
        return self.check

    def explain(self, category: str) -> Route:
        """Who answers a category, in which order, and why; asks nobody."""
        return route(self.file, category, self.check, is_local=self.is_local)

    def ask(self, category: str, messages: Sequence[Mapping[str, Any]], **settings: Any) -> Routed:
        """Ask the model of a category; where it gives no answer, those of the fallback.

        A private category is never answered by a model that does not run here.

        Raises:
            ProviderError: none of them answered; the message says what each said.
        """
        found = self.explain(category)
        events = []
        if not found.known:
            self.state.unknown[category] = self.state.unknown.get(category, 0) + 1
            events.append(self._event(category, "unknown category", "", found.reason))
        said = []
        for place, name in enumerate(found.models):
            response = to_the_end(self._asked(self._spec(name), messages, settings))
            if response.answered:
                self._remember(events)
                return Routed(response=response, model=name, route=found, events=tuple(events))
            said.append(f"{name}: {response.reason}")
            last = place + 1 == len(found.models)
            kind = "no answer" if last else "fallback"
            events.append(self._event(category, kind, name, response.reason))
        self._remember(events)
        private = "; the category is private: no cloud was asked" if found.private else ""
        raise ProviderError(
            f"nobody answered category '{category}': {'; '.join(said) or 'no model is left'}"
            f"{private}"
        )

    def is_local(self, name: str) -> bool | None:
        """Whether a model runs here; None where nobody says."""
        places = self.file.places
        tiers = [tier for tier, members in self.file.tiers.items() if name in members]
        for word in (name, *tiers):
            if word in places:
                return places[word] == "local"
        if name not in self._known and "/" not in name:
            return None
        return runs_here(self._spec(name))

    def _spec(self, name: str) -> ModelSpec:
        if name in self._known:
            return self._known[name]
        if "/" in name:
            return ModelSpec(id=name)
        raise SpecError(
            f"{self.path}: nobody says how to ask '{name}': put it under 'models', or into the "
            "project's models.yaml"
        )

    async def _asked(
        self, model: ModelSpec, messages: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]
    ) -> Response:
        doors = Doors()
        doors.prepare([model])
        gateway = Gateway(client_for=doors, retries=self.retries)
        request = Request(
            model=model,
            messages=tuple(dict(each) for each in messages),
            settings={**model.settings, **settings},
        )
        try:
            return await gateway.call(request)
        finally:
            await gateway.close()

    def _event(self, category: str, kind: str, model: str, reason: str) -> Event:
        at = self.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        return Event(at=at, category=category, kind=kind, model=model, reason=reason)

    def _findings(self) -> dict[str, Any] | None:
        if self.file.findings is None:
            return None
        place = Place(root=self.path.resolve().parent, parts=(self.path.name,))
        return read_findings(place.beside(self.file.findings).path)

    @property
    def _state_path(self) -> Path:
        return self.path.with_suffix(".state.json")

    def _remember(self, events: Sequence[Event] = ()) -> None:
        self.state.events += [
            {name: str(getattr(each, name)) for name in Event.__slots__} for each in events
        ]
        self.state.events = self.state.events[-MOST_EVENTS:]
        document = {
            "schema": STATE_SCHEMA,
            "stale_since": self.state.stale_since,
            "unknown": self.state.unknown,
            "events": self.state.events,
        }
        write_file(self._state_path, (json.dumps(document, indent=2) + "\n").encode())


def load_routing(file: str | Path) -> Router:
    """The routing rules of a YAML file, ready to explain categories and to ask their models.

    Args:
        file: written by hand, or by `preamblelab routing write`; see docs/replication.md.

    Raises:
        SpecError: the file is wrong; the message names the line.
    """
    return Router(file)


def read_routing(file: Path) -> RoutingFile:
    """The rules of a YAML file.

    Raises:
        SpecError: there is no such file, or it is wrong; the message names the line.
    """
    place = Place(root=file.resolve().parent, parts=(file.name,))
    return fit(RoutingFile, parse_fields(place.read(), place.shown), place.shown)


def read_findings(file: Path) -> dict[str, Any]:
    """What `preamblelab replicate --write` kept.

    Raises:
        SpecError: the file is not there, or is none of ours.
    """
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SpecError(
            f"{file}: no findings can be read ({why}); make them with replicate --write"
        ) from None
    if not isinstance(found, dict) or found.get("schema") != 1 or "findings" not in found:
        raise SpecError(f"{file}: this is no findings file of schema 1; write it anew")
    return found


def written_rules(
    findings: Path, *, default: str, tiers: Mapping[str, Sequence[str]] | None = None
) -> str:
    """YAML of routing rules: one for every finding that survived, and nothing else.

    Args:
        findings: what `preamblelab replicate --write` kept.
        default: the model, or a name of `tiers`, that answers all other categories.
        tiers: models by tier; a finding on a group becomes a rule to the tier of its name.

    Raises:
        SpecError: a finding is on a group that is no tier.
    """
    groups = dict(tiers or {})
    rows = [row for row in read_findings(findings)["findings"] if row["status"] == "survived"]
    lines = ["routing:", f"  default: {_target(default, groups)}"]
    lines.append("  rules:" if rows else "  rules: []      # no finding survived")
    lines += [
        f"    - {{category: {_word(row['category'])}, to: {_target(row['leader'], groups)}, "
        f"because: quality, finding: {row['id']}}}"
        for row in rows
    ]
    lines.append(f"findings: {_word(findings.name)}")
    if groups:
        lines.append("tiers:")
        lines += [
            f"  {name}: [{', '.join(_word(each) for each in own)}]" for name, own in groups.items()
        ]
    return "\n".join(lines) + "\n"


def _target(name: str, tiers: Mapping[str, Sequence[str]]) -> str:
    return f"{{tier: {name}}}" if name in tiers else _word(name)


def _word(text: str) -> str:
    """A text as YAML takes it: quoted, for it may hold a colon or a brace."""
    return json.dumps(text, ensure_ascii=False)


def _named(models: Mapping[str, ModelSpec]) -> dict[str, ModelSpec]:
    return {name: model.model_copy(update={"name": name}) for name, model in models.items()}


def _state(path: Path) -> State:
    try:
        known = json.loads(path.read_text("utf-8"))
        return State(
            stale_since=dict(known["stale_since"]),
            unknown=dict(known["unknown"]),
            events=list(known["events"]),
        )
    except FileNotFoundError:
        return State()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SpecError(f"{path}: cannot be read ({error}); remove it to start anew") from None


def _remembered(
    findings: Mapping[str, Any] | None, lost: Mapping[str, str]
) -> Callable[[str, Sequence[str]], dict[str, Any]]:
    """A basis under which exactly the findings that had expired are expired."""
    rows = {str(row["id"]): row for row in (findings or {}).get("findings", ())}
    gone = {(rows[name]["category"], *rows[name]["basis"]["arms"]) for name in lost if name in rows}
    known = {(r["category"], *r["basis"].get("arms", ())): r["basis"] for r in rows.values()}

    def basis(category: str, arms: Sequence[str]) -> dict[str, Any]:
        place = (category, *arms)
        return {"arms": {}} if place in gone else dict(known[place])

    return basis
