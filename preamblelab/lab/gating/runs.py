"""One run of a gate: smoke test, full suite, decision, archive; goes on where it was killed."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from preamblelab.decision.gate import decide
from preamblelab.decision.records import Decision, Observation, Observations
from preamblelab.decision.registering import recorded
from preamblelab.errors import SpecError
from preamblelab.lab.gating.archives import archive, archived
from preamblelab.lab.gating.home import Home
from preamblelab.lab.gating.journal import (
    ANSWERS,
    Journal,
    begin_journal,
    digest_of,
    read_journal,
    same_run,
)
from preamblelab.lab.gating.observing import observed, undelivered
from preamblelab.lab.gating.planned import GatePlan
from preamblelab.lab.interrupting import finished_first, stored_line
from preamblelab.lab.running import Outcome, TrialClient, execute
from preamblelab.report.progress import Progress
from preamblelab.scoring.scorers import Scorer
from preamblelab.store import Store, utc_now
from preamblelab.store.registry_file import change_registry, read_registry


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRun:
    """How a run ended."""

    decision: Decision | None
    """None: it was stopped before it could be decided."""
    folder: Path
    """The archive of the decision, or the open run."""
    stopped: str = ""
    """Why nothing was decided: a budget, an interruption, refused keys."""
    interrupted: bool = False
    refused_keys: bool = False
    """Whether a server refused our key."""


def run_gate(
    plan: GatePlan,
    home: Home,
    *,
    new: bool = False,
    emergency: bool = False,
    scorers: Sequence[Scorer] = (),
    client: TrialClient | None = None,
    progress: Progress | None = None,
    handle_interrupts: bool = False,
    now: str | None = None,
) -> GateRun:
    """Ask, mark, decide and archive; a second call goes on where the first stopped.

    Args:
        plan: what is asked and by which rules it is judged.
        home: where registry, open runs and archive are.
        new: put an unfinished run of the slot away and begin again.
        emergency: the champion cannot be asked any more: install by absolute thresholds.
        scorers: scorers of your own, besides those that the policy names.
        client: answers instead of the models; for tests of your own.
        progress: is told what happens.
        handle_interrupts: let Ctrl-C stop cleanly; only in a program's main thread.
        now: start of a new run in UTC; None: the clock.

    Raises:
        StoreError: another gate holds the slot, or a file cannot be used.
        SpecError: an unfinished run of the slot measures something else.
        BudgetError: a limit in usd, and a model whose price nobody knows.
    """
    slot = plan.policy.slot
    with home.holding(slot, f"gate on {slot}: {plan.challenger.label}"):
        folder = home.running(slot)
        journal = _journal(plan, home, new, now or utc_now())
        done = archived(home, journal, slot, plan.challenger)
        if done is not None:
            return _finished(home, done[0], done[1], folder)
        work = _Run(
            plan=plan,
            journal=journal,
            folder=folder,
            scorers=scorers,
            client=client,
            progress=progress or Progress(),
            handle_interrupts=handle_interrupts,
        )
        with Store(folder / ANSWERS) as store:
            stopped = work.ask(store, emergency=emergency)
        if stopped is not None:
            return stopped
        with finished_first(work.progress.say, "deciding", heeded=not handle_interrupts):
            return work.decided(home, emergency=emergency)


def _journal(plan: GatePlan, home: Home, new: bool, now: str) -> Journal:
    """The journal of the open run, or of a new one."""
    folder = home.running(plan.policy.slot)
    journal = None if new else read_journal(folder)
    if journal is not None and same_run(journal, plan):
        return journal
    if journal is not None:
        other = f"{journal.challenger['name']}, begun {journal.started}"
        raise SpecError(
            f"slot '{plan.policy.slot}' has an unfinished run that measures something else "
            f"({other}): finish it with the command that began it, or begin again with --new"
        )
    if folder.exists():
        shutil.rmtree(folder)
    return begin_journal(folder, plan, now)


def _finished(home: Home, decision: Decision, place: Path, folder: Path) -> GateRun:
    """Count the decision, then clear the run away; a kill in between is made good next time."""
    change_registry(home.registry, "count a decision", lambda r: recorded(r, decision))
    shutil.rmtree(folder, ignore_errors=True)
    return GateRun(decision=decision, folder=place)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """The asking and reading of one run."""

    plan: GatePlan
    journal: Journal
    folder: Path
    scorers: Sequence[Scorer]
    client: TrialClient | None
    progress: Progress
    handle_interrupts: bool

    def ask(self, store: Store, *, emergency: bool) -> GateRun | None:
        """Ask what is missing; the full suite only once the smoke test is passed.

        Returns:
            How it was stopped; None when all that can be had is there.
        """
        if self.plan.smoke is not None:
            outcome = self._execute(store, smoke=True)
            if (stopped := self._stopped(outcome, store)) is not None:
                return stopped
            smoke = self.observations(store, emergency=emergency)
            if _smoke_decides(smoke, self.plan):
                return None
        outcome = self._execute(store, smoke=False)
        return self._stopped(outcome, store)

    def decided(self, home: Home, *, emergency: bool) -> GateRun:
        """Decide on what is there, and keep the decision."""
        plan, folder = self.plan, self.folder
        with Store(folder / ANSWERS, read_only=True) as store:
            observations = self.observations(store, emergency=emergency)
            keys = [row.response_key for row in observations.rows if row.response_key]
            responses = dict(store.responses(keys))
        decision = decide(observations, plan.policy, read_registry(home.registry))
        place = archive(home, plan, self.journal, observations, decision, responses)
        if decision.outcome == "invalid":
            # The run stays open: the same command mends it.
            change_registry(home.registry, "count a decision", lambda r: recorded(r, decision))
            return GateRun(decision=decision, folder=place)
        return _finished(home, decision, place, folder)

    def _execute(self, store: Store, *, smoke: bool) -> Outcome:
        self.progress.say("smoke test" if smoke else "full suite, champion and challenger by turns")
        spent = store.spend().usd
        return execute(
            self.plan.experiment(smoke=smoke, spent_usd=spent),
            store,
            scorers=self.scorers,
            client=self.client,
            progress=self.progress,
            folder=self.plan.folder,
            handle_interrupts=self.handle_interrupts,
        )

    def _stopped(self, outcome: Outcome, store: Store) -> GateRun | None:
        tally = outcome.tally
        if outcome.interrupted:
            answered = sum(entry.answered for entry in store.experiments())
            line = stored_line(answered, self.plan.trials)
            return GateRun(decision=None, folder=self.folder, stopped=line, interrupted=True)
        if tally.stopped:
            return GateRun(decision=None, folder=self.folder, stopped=tally.stopped)
        refused = [why for why in tally.left_alone.values() if "auth" in why]
        if refused:
            return GateRun(decision=None, folder=self.folder, stopped=refused[0], refused_keys=True)
        return None

    def observations(self, store: Store, *, emergency: bool = False) -> Observations:
        """All trials so far, beside the plan."""
        journal, plan = self.journal, self.plan
        bare = plan.without_rows(journal.run, journal.started)
        arms = {place: digest for digest, place in plan.arms.items()}
        known = {entry.name for entry in store.experiments()}
        rows: list[Observation] = []
        lost: list[str] = []
        for name in ("smoke", "full"):
            if name in known:
                rows += observed(store, name, arms, run=journal.run, smoke=name == "smoke")
                lost += undelivered(store, name, arms)
        return replace(
            bare,
            rows=tuple(rows),
            emergency=emergency,
            champion_gone=_gone(rows, plan),
            undelivered=tuple(dict.fromkeys(lost)),
            configuration_before=journal.configuration,
            configuration_after=digest_of(plan.configuration),
        )


def _gone(rows: Sequence[Observation], plan: GatePlan) -> str:
    """Why the champion cannot be asked any more: every call says that there is no such model."""
    if plan.champion is None:
        return ""
    own = [row for row in rows if row.arm == plan.champion.digest and row.status != "not_run"]
    reasons = [row.reason for row in own if row.status == "failed"]
    if not own or len(reasons) < len(own):
        return ""
    withdrawn = [why for why in reasons if why.startswith("permanent")]
    return withdrawn[0] if len(withdrawn) == len(reasons) else ""


def _smoke_decides(observations: Observations, plan: GatePlan) -> bool:
    """Whether the smoke test alone decides, so that the full suite is not asked."""
    decision = decide(observations, plan.policy)
    before = {"smoke", "smoke of the champion", "champion", "configuration", "delivery"}
    return decision.decisive is not None and decision.decisive.name in before
