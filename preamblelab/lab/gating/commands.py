"""Gates as the command line calls them: names and files in, decisions and texts out."""

import getpass
from dataclasses import dataclass, replace
from pathlib import Path

from preamblelab.decision.records import Decision
from preamblelab.decision.registering import adopted, promoted, rolled_back
from preamblelab.domain.registry import Holder, Registry
from preamblelab.errors import BudgetError, RegistryError, SpecError
from preamblelab.execution.doors import refuse_unknown_simulated
from preamblelab.lab.deciding import Told
from preamblelab.lab.gating.archives import decided_again
from preamblelab.lab.gating.home import Home
from preamblelab.lab.gating.planned import GatePlan, plan_gate
from preamblelab.lab.gating.proving import told_plan
from preamblelab.lab.gating.runs import GateRun, run_gate
from preamblelab.lab.gating.trials import Trial, put_on_trial, revert, trial_in_force
from preamblelab.lab.gating.weights import weighed, with_weights
from preamblelab.lab.interrupting import finished_first
from preamblelab.library.gates import LoadedGate, Overlay, holder_of, load_gate, load_overlay
from preamblelab.report.layout import Grid, Section, as_text
from preamblelab.report.progress import LineProgress, Progress
from preamblelab.store import utc_now
from preamblelab.store.registry_file import change_registry, read_registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A challenger as a user names it: by an overlay's file, or in words."""

    overlay: Path | None = None
    model: str | None = None
    preamble: str | None = None

    def read(self) -> Overlay:
        """The overlay.

        Raises:
            SpecError: nothing is named, or both a file and words are.
        """
        words = {"model": self.model, "preamble": self.preamble}
        given = {name: word for name, word in words.items() if word is not None}
        if self.overlay is not None:
            if given:
                raise SpecError("name the challenger by --overlay, or by --model and --preamble")
            return load_overlay(self.overlay)
        if not given:
            raise SpecError("name the challenger: --model, --preamble, or --overlay FILE")
        return Overlay.model_validate(given)


def plan_of(
    gate: Path,
    home: Home,
    challenge: Challenge,
    *,
    max_usd: float | None = None,
    allow_unpriced: bool = False,
) -> GatePlan:
    """The plan of a run: rules, champion from the registry, challenger from the overlay."""
    loaded = load_gate(gate)
    champion = read_registry(home.registry).champion(loaded.policy.slot)
    challenger = holder_of(challenge.read(), champion, loaded.project)
    return plan_gate(_with_budget(loaded, max_usd, allow_unpriced), challenger, champion)


def _with_budget(loaded: LoadedGate, max_usd: float | None, allow_unpriced: bool) -> LoadedGate:
    changes: dict[str, float] = {}
    if max_usd is not None:
        changes["usd"] = max_usd
    if allow_unpriced:
        # What has no price is then not counted against the limit.
        changes["assume_usd_per_million_tokens"] = 0.0
    if not changes:
        return loaded
    budget = loaded.policy.budget.model_copy(update=changes)
    return loaded._replace(policy=loaded.policy.model_copy(update={"budget": budget}))


def planned(gate: Path, home: Path, challenge: Challenge) -> Told:
    """What a run would ask and could prove; sends nothing."""
    return told_plan(plan_of(gate, Home(folder=home), challenge))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a run is made."""

    new: bool = False
    emergency: bool = False
    apply: bool = False
    max_usd: float | None = None
    allow_unpriced: bool = False
    among: int = 1
    quiet: bool = False


def ran(gate: Path, home: Path, challenge: Challenge, options: Options) -> GateRun:
    """Run a gate to its decision, and carry a promotion out where that is asked for."""
    place = Home(folder=home)
    plan = plan_of(
        gate,
        place,
        challenge,
        max_usd=options.max_usd,
        allow_unpriced=options.allow_unpriced,
    )
    plan = with_weights(replace(plan, among=options.among))
    progress = Progress() if options.quiet else LineProgress()
    run = run_gate(
        plan,
        place,
        new=options.new,
        emergency=options.emergency,
        progress=progress,
        handle_interrupts=True,
    )
    if run.decision is None:
        return run
    with finished_first(progress.say, "carrying it out"):
        if options.apply and run.decision.exit_code == 0:
            carry_out(place, run.decision, plan.challenger)
        if run.decision.outcome == "keep" and trial_in_force(place) is not None:
            revert(place)
    return run


def try_configuration(gate: Path, home: Path, replacement: Path) -> Trial:
    """Put another configuration in use, until it is taken back."""
    return put_on_trial(gate, Home(folder=home), replacement)


def take_back(home: Path) -> Trial:
    """Take the trial in force back."""
    return revert(Home(folder=home))


def notices(home: Path) -> list[str]:
    """What every command must say first: that a trial is in force."""
    trial = trial_in_force(Home(folder=home))
    return [] if trial is None else [trial.notice]


def admit(
    gate: str | Path,
    *,
    model: str | None = None,
    preamble: str | None = None,
    overlay: str | Path | None = None,
    home: str | Path = "gates",
) -> Decision:
    """Test a challenger against whoever holds the slot, and decide; moves nobody.

    Calling it again goes on where it stopped; a finished run is a new attempt.

    Args:
        gate: the file of the gate's rules.
        model: name from models.yaml, or litellm id, of its model; None: the champion's.
        preamble: label of its preamble, `baseline` for none; None: the champion's.
        overlay: a YAML file of what the challenger has other, instead of words.
        home: folder of the registry, open runs and archive.

    Raises:
        SpecError: rules, suite and challenger do not fit together.
        BudgetError: a limit was reached; everything answered is stored.
        RegistryError: nothing could be decided for another reason; the message says which.
    """
    done = ran(Path(gate), Path(home), _words(model, preamble, overlay), Options(quiet=True))
    if done.decision is None:
        kind = RegistryError if done.refused_keys or done.interrupted else BudgetError
        raise kind(f"{done.stopped}; everything answered is stored in {done.folder}")
    return done.decision


def _words(model: str | None, preamble: str | None, overlay: str | Path | None) -> Challenge:
    path = None if overlay is None else Path(overlay)
    return Challenge(overlay=path, model=model, preamble=preamble)


def decided(folder: Path, home: Path) -> Decision:
    """The decision of an archived run, made anew from its observations."""
    return decided_again(folder, read_registry(Home(folder=home).registry))[0]


def applied(folder: Path, home: Path) -> tuple[Decision, Registry]:
    """Carry out the decision of an archived run: the one thing that moves a champion."""
    place = Home(folder=home)
    decision, observations = decided_again(folder, read_registry(place.registry))
    return decision, carry_out(place, decision, observations.challenger)


def carry_out(home: Home, decision: Decision, challenger: Holder) -> Registry:
    """Move the champion, in one write.

    Raises:
        SpecError: the decision is no promotion.
        RegistryError: the champion changed since the run began.
    """
    with home.holding(decision.slot, f"promote {decision.challenger}"):
        return change_registry(
            home.registry,
            f"promote {decision.challenger}",
            lambda registry: promoted(registry, decision, challenger, at=utc_now(), by=_who()),
        )


def adopt(
    gate: str | Path,
    *,
    model: str | None = None,
    preamble: str | None = None,
    overlay: str | Path | None = None,
    home: str | Path = "gates",
) -> Holder:
    """Enter who holds the slot today; nothing is measured.

    Args:
        gate: the file of the gate's rules, which names the slot.
        model: a name from models.yaml or a litellm id.
        preamble: label of a preamble, `baseline` for none.
        overlay: a YAML file of both, instead of words.
        home: folder of the registry.

    Raises:
        SpecError: somebody holds the slot already.
        ProviderError: there is no such simulated model.
    """
    loaded = load_gate(gate)
    holder = weighed(holder_of(_words(model, preamble, overlay).read(), None, loaded.project))
    refuse_unknown_simulated([holder.model])
    change_registry(
        Home(folder=Path(home)).registry,
        f"adopt {holder.label}",
        lambda r: adopted(r, loaded.policy.slot, holder, at=utc_now(), by=_who()),
    )
    return holder


def roll_back(home: Path, slot: str, reason: str) -> Registry:
    """Put the previous holder back."""
    place = Home(folder=home)
    with place.holding(slot, f"roll back {slot}"):
        return change_registry(
            place.registry,
            f"roll back {slot}",
            lambda r: rolled_back(r, slot, at=utc_now(), by=_who(), reason=reason),
        )


def history(home: Path, slot: str | None) -> Told:
    """Who held which slot, and every decision that was taken."""
    registry = read_registry(Home(folder=home).registry)
    names = [slot] if slot is not None else list(registry.slots)
    if slot is not None and slot not in registry.slots:
        known = ", ".join(registry.slots) or "none"
        raise SpecError(f"no slot '{slot}' in the registry; there are: {known}")
    sections = [section for name in names for section in _slot_sections(registry, name)]
    if not sections:
        sections = [Section(lines=("No slot yet: adopt a champion, or run a gate.",))]
    data = {name: registry.slot(name).model_dump(mode="json") for name in names}
    return Told(text=as_text(sections), data=data)


def _slot_sections(registry: Registry, name: str) -> list[Section]:
    slot = registry.slot(name)
    events = Grid(
        columns=("when", "what", "holder", "by", "why"),
        rows=tuple(
            (each.at, each.kind, _label(registry, each.holder), each.by, each.reason)
            for each in slot.history
        ),
    )
    attempts = Grid(
        columns=("run", "challenger", "outcome"),
        rows=tuple((a.run, a.label or a.challenger[:11], a.outcome) for a in slot.attempts),
    )
    champion = _label(registry, slot.champion)
    return [
        Section(title=f"Slot '{name}'", lines=(f"Held by {champion}.",), grid=events),
        *([Section(title=f"Decisions on '{name}'", grid=attempts)] if slot.attempts else []),
    ]


def _label(registry: Registry, digest: str | None) -> str:
    return "no one" if digest is None else registry.holders[digest].label


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
