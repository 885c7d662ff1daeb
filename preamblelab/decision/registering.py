"""What a decision does to the registry: pure changes, each refused when its ground has moved."""

from collections.abc import Mapping

from preamblelab.decision.records import Decision
from preamblelab.domain.registry import Attempt, Event, EventKind, Holder, Registry, Slot
from preamblelab.errors import RegistryError, SpecError


def recorded(registry: Registry, decision: Decision) -> Registry:
    """The registry with the decision among the slot's attempts; a run is counted once.

    Who holds the slot stays, and so does its version: only `promoted` carries a decision out.
    """
    slot = registry.slot(decision.slot)
    attempt = Attempt(
        run=decision.run,
        challenger=decision.challenger_digest,
        suite=decision.suite,
        outcome=decision.outcome,
        decision=decision.digest,
        at=decision.at,
        label=decision.challenger,
    )
    runs = [each.run for each in slot.attempts]
    attempts = [attempt if each.run == decision.run else each for each in slot.attempts]
    if decision.run not in runs:
        attempts.append(attempt)
    changed = slot.model_copy(update={"attempts": tuple(attempts)})
    if changed == slot:
        return registry
    return registry.model_copy(update={"slots": {**registry.slots, decision.slot: changed}})


def promoted(
    registry: Registry,
    decision: Decision,
    challenger: Holder,
    *,
    at: str,
    by: str = "",
    challengers: tuple[Holder, ...] | None = None,
    exceptions: Mapping[str, Holder] | None = None,
) -> Registry:
    """The registry with the challenger in the slot, the champion as `previous`.

    Args:
        registry: as it is now.
        decision: says `promote` or `install`.
        challenger: the holder that the decision is on.
        at: now, in UTC.
        by: who does it.
        challengers: who stands by from then on; None: as before, without the new champion.
        exceptions: other holders by model name, where the champion hurts that model.

    Raises:
        SpecError: the decision says neither, is on another holder, or was carried out already.
        RegistryError: the champion has changed since the run began.
    """
    if decision.outcome not in {"promote", "install"}:
        raise SpecError(
            f"the decision on {decision.challenger} is '{decision.outcome}': nothing is applied"
        )
    if challenger.digest != decision.challenger_digest:
        raise SpecError(
            f"the decision is on {decision.challenger}, not on {challenger.label}: decide anew"
        )
    slot = registry.slot(decision.slot)
    if slot.champion == decision.challenger_digest:
        raise SpecError(f"{challenger.label} already holds slot '{decision.slot}'")
    if slot.champion != decision.champion_digest:
        raise RegistryError(
            f"the champion changed from {decision.champion or 'no one'} to "
            f"{_label(registry, slot.champion)} during this evaluation: nothing was applied, run "
            "the gate again"
        )
    standing = slot.challengers if challengers is None else tuple(c.digest for c in challengers)
    event = _event("promote" if decision.outcome == "promote" else "install", slot, at, by)
    changes = {
        "champion": challenger.digest,
        "previous": slot.champion,
        "challengers": tuple(each for each in standing if each != challenger.digest),
        "exceptions": {name: each.digest for name, each in (exceptions or {}).items()},
        "history": (
            *slot.history,
            event.model_copy(
                update={
                    "holder": challenger.digest,
                    "decision": decision.digest,
                    "run": decision.run,
                    "reason": decision.sentence,
                }
            ),
        ),
    }
    holders = (challenger, *(challengers or ()), *(exceptions or {}).values())
    return _with_slot(with_holders(registry, *holders), decision.slot, slot, changes)


def rolled_back(
    registry: Registry, name: str, *, at: str, by: str = "", reason: str = ""
) -> Registry:
    """The registry with the previous holder back in the slot.

    A second rollback undoes the first: the two change places.

    Raises:
        SpecError: there is no such slot, or nobody held it before.
    """
    slot = registry.slot(name)
    if name not in registry.slots:
        known = ", ".join(registry.slots) or "none"
        raise SpecError(f"no slot '{name}' in the registry; there are: {known}")
    if slot.previous is None:
        raise SpecError(f"slot '{name}' has no previous holder to go back to")
    event = _event("rollback", slot, at, by)
    changes: dict[str, object] = {
        "champion": slot.previous,
        "previous": slot.champion,
        "exceptions": {},
        "history": (
            *slot.history,
            event.model_copy(update={"holder": slot.previous, "reason": reason}),
        ),
    }
    return _with_slot(registry, name, slot, changes)


def adopted(registry: Registry, name: str, holder: Holder, *, at: str, by: str = "") -> Registry:
    """The registry with the one who holds a slot already, before there was a registry.

    Raises:
        SpecError: somebody is entered for the slot.
    """
    slot = registry.slot(name)
    if slot.champion is not None:
        raise SpecError(
            f"slot '{name}' is held by {_label(registry, slot.champion)}: a challenger takes it by "
            "a decision"
        )
    event = _event("install", slot, at, by)
    reason = "adopted: in use before the registry, nothing was measured"
    changes = {
        "champion": holder.digest,
        "history": (
            *slot.history,
            event.model_copy(update={"holder": holder.digest, "reason": reason}),
        ),
    }
    return _with_slot(with_holders(registry, holder), name, slot, changes)


def with_holders(registry: Registry, *holders: Holder) -> Registry:
    """The registry that also knows these holders."""
    known = {**registry.holders, **{holder.digest: holder for holder in holders}}
    return registry.model_copy(update={"holders": known})


def _with_slot(
    registry: Registry, name: str, slot: Slot, changes: Mapping[str, object]
) -> Registry:
    changed = slot.model_copy(update={**changes, "version": slot.version + 1})
    return registry.model_copy(update={"slots": {**registry.slots, name: changed}})


def _event(kind: EventKind, slot: Slot, at: str, by: str) -> Event:
    return Event(kind=kind, at=at, by=by, holder=None, before=slot.champion)


def _label(registry: Registry, digest: str | None) -> str:
    if digest is None:
        return "no one"
    return registry.holders[digest].label
