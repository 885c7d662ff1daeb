"""The use case of a run: find what is missing, check delivery, ask, mark."""

import asyncio
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preamblelab.domain.experiments import Experiment, Trial
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.execution.budget import BudgetSpent, Meter, refuse_unpriced
from preamblelab.execution.clients import Client
from preamblelab.execution.doors import Doors, FunctionClient
from preamblelab.execution.gateway import Gateway, warms_up
from preamblelab.execution.prices import price_of
from preamblelab.execution.runner import Runner, Tally
from preamblelab.lab.delivering import record_probe, review_delivery
from preamblelab.lab.discovering import discovered_facts, made_with, recorded_facts
from preamblelab.lab.executing import execute_answers, unexecuted
from preamblelab.lab.interrupting import interrupted_line, telling
from preamblelab.lab.looping import to_the_end
from preamblelab.lab.planning import Plan, refuse_settings, registered
from preamblelab.lab.rounds import Rounds, rounds_of
from preamblelab.lab.stopping import record_plan, refuse_other_plan
from preamblelab.report.progress import Progress
from preamblelab.scoring.grader import Grader, MarkTally
from preamblelab.scoring.marking import Marking, marking_of
from preamblelab.scoring.scorers import Scorer
from preamblelab.store import PlannedTrial, Store

MADE_WITH = "made_with"
"""Of a marking's document: programs and prices by which an experiment was run, oldest first."""

TrialClient = Callable[[Trial], Response]
"""A stand-in for every model: takes a trial, gives a response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run did, and how it ended."""

    experiment: str
    tally: Tally
    marks: MarkTally
    interrupted: str = ""
    """What is stored, in one line, where Ctrl-C ended the run; empty where it did not."""

    @property
    def complete(self) -> bool:
        """Whether every trial has an answer and every answer its marks."""
        unanswered = self.tally.open - self.tally.done + self.tally.outcomes.get("failed", 0)
        unmarked = self.marks.not_asked or self.marks.crashed
        return unanswered <= 0 and not unmarked and not self.interrupted


def execute(
    experiment: Experiment,
    store: Store,
    *,
    scorers: Sequence[Scorer] = (),
    client: TrialClient | None = None,
    progress: Progress | None = None,
    limit: int | None = None,
    folder: Path | None = None,
    handle_interrupts: bool = False,
) -> Outcome:
    """Ask and mark what is missing of an experiment; what is stored is never asked again.

    Args:
        experiment: the plan.
        store: where answers are and go.
        scorers: scorers of one's own, besides those the experiment names.
        client: answers instead of the models; for tests of one's own scripts.
        progress: is told what happens.
        limit: ask at most so many trials now.
        folder: the project's folder, where `module:name` scorers are looked up.
        handle_interrupts: let Ctrl-C stop cleanly: once, and calls in flight are finished; twice,
            and they are given up. Only in a program's main thread.

    Raises:
        SpecError: nobody marks a criterion, a scorer cannot be found, or a recorded plan of looks
            would be changed.
        ProviderError: a model cannot be asked at all.
        BudgetError: a limit in usd, and a model whose price nobody knows.
        StoreError: the store cannot be used, or another process writes to it.
    """
    progress = progress or Progress()
    marking = marking_of(experiment, scorers=scorers, folder=folder)

    def work() -> Outcome:
        refuse_other_plan(experiment, store, marking.digest)
        plan = registered(experiment, store, recorded_facts(experiment, store))
        missing = store.unanswered(experiment.name)
        if missing:
            facts = discovered_facts(experiment, store, stand_in=client is not None)
            plan = registered(experiment, store, facts)
            missing = _each_once(store.unanswered(experiment.name))
        if experiment.stops_early:
            record_plan(experiment, store, marking.digest)
        asks = bool(missing) or store.marking(experiment.name) is None
        made = made_with(experiment, stand_in=client is not None) if asks else None
        _use_marking(experiment, marking, store, made)
        rounds = rounds_of(experiment, store, marking.digest, missing, limit)
        return _Work(plan, store, marking, progress, rounds, client, handle_interrupts).run()

    with store.lock(f"run {experiment.name}"):
        return _heeding(work, experiment.name, store, progress, handle_interrupts)


def _heeding(
    work: Callable[[], Outcome], name: str, store: Store, progress: Progress, handled: bool
) -> Outcome:
    """What the work comes to, also where Ctrl-C comes before the first call or after the last."""
    try:
        return work()
    except KeyboardInterrupt:
        if not handled:
            raise
        line = interrupted_line(store, name)
        return Outcome(
            experiment=name, tally=progress.tally, marks=progress.marks, interrupted=line
        )


def mark_again(
    experiment: Experiment,
    store: Store,
    *,
    scorers: Sequence[Scorer] = (),
    progress: Progress | None = None,
    folder: Path | None = None,
    handle_interrupts: bool = False,
) -> Outcome:
    """Mark stored answers under the experiment's rubric and scorers; asks no subject anything.

    Raises:
        SpecError: nobody marks a criterion, or a scorer cannot be found.
        StoreError: the store cannot be used, or another process writes to it.
    """
    progress = progress or Progress()
    marking = marking_of(experiment, scorers=scorers, folder=folder)

    def work() -> Outcome:
        _use_marking(experiment, marking, store)
        plan = Plan(experiment, recorded_facts(experiment, store))
        return _Work(plan, store, marking, progress, Rounds([]), None, handle_interrupts).run()

    with store.lock(f"score {experiment.name}"):
        return _heeding(work, experiment.name, store, progress, handle_interrupts)


def _use_marking(
    experiment: Experiment, marking: Marking, store: Store, made: Mapping[str, Any] | None = None
) -> None:
    """Make this marking the current one, and note what answers are asked with from now on."""
    current = store.marking(experiment.name)
    earlier = list(current[1].get(MADE_WITH, [])) if current is not None else []
    made_with = [*earlier, made] if made is not None and made not in earlier else earlier
    if current is None or current[0] != marking.digest or made_with != earlier:
        document = marking_document(marking, experiment) | {MADE_WITH: made_with}
        store.set_marking(experiment.name, marking.digest, document)


def marking_document(marking: Marking, experiment: Experiment) -> dict[str, object]:
    """The marking with the addresses of the ratings that it is made from."""
    names = [scorer.name for scorer in marking.scorers]
    names += [*marking.judges, *(["text"] if marking.checks else [])]
    digests = {task.digest for task in experiment.suite.tasks}
    keys = sorted(marking.mark_key(name, digest) for name in names for digest in digests)
    return {**marking.document, "mark_keys": keys}


class _Work:
    """One run in its event loop."""

    def __init__(
        self,
        plan: Plan,
        store: Store,
        marking: Marking,
        progress: Progress,
        rounds: Rounds,
        client: TrialClient | None,
        handle_interrupts: bool,
    ) -> None:
        self.plan = plan
        self.store = store
        self.marking = marking
        self.progress = progress
        self.rounds = rounds
        self.handle_interrupts = handle_interrupts
        self.interrupted = False
        self.client = None if client is None else FunctionClient(self._answer(client))
        self.gateway = Gateway(client_for=self._client_for, seed=plan.experiment.seed)
        self.gateway.meter = Meter(budget=plan.experiment.budget)
        self.runner = Runner(
            self.gateway,
            store.put,
            tally=progress.tally,
            done=lambda *_: progress.step(),
            first=self._before_first_trial if client is None else None,
        )
        progress.gateway = self.gateway
        progress.tally.open = 0
        self._doors = Doors()
        self._requests: dict[str, Trial] = {}

    def run(self) -> Outcome:
        open_marks = self.store.count_unmarked(self.plan.experiment.name, self.marking.digest)
        first = self.rounds.next()
        if first or open_marks or unexecuted(self.plan.experiment, self.store):
            with telling(interrupted_line(self.store, self.plan.experiment.name)):
                self._prepare()
            self.progress.marks.open = open_marks
            try:
                to_the_end(self._main(first))
            except KeyboardInterrupt:
                if not self.handle_interrupts:
                    raise
                self.interrupted = True
                self.runner.stop("interrupted")
            finally:
                self.progress.end()
        name = self.plan.experiment.name
        return Outcome(
            experiment=name,
            tally=self.runner.tally,
            marks=self.progress.marks,
            interrupted=interrupted_line(self.store, name) if self.interrupted else "",
        )

    def _prepare(self) -> None:
        asked = {trial.model for trial in self.rounds.missing}
        subjects = [m for m in self.plan.experiment.models if m.name in asked]
        judges = list(self.marking.judges.values())
        unpriced = [m.name for m in (*subjects, *judges) if price_of(m) is None]
        refuse_unpriced(self.plan.experiment.budget, unpriced if self.client is None else [])
        asked_by_us = [*subjects, *judges] if self.client is None else judges
        if self.client is None and subjects:
            refuse_settings(self.plan.experiment)
        self._doors.prepare(asked_by_us)
        self.gateway.expect(asked_by_us)

    def _answer(self, client: TrialClient) -> Callable[[Request], Response]:
        return lambda request: client(self._requests[request.key])

    def _client_for(self, model: ModelSpec) -> Client:
        if self.client is None or model not in self.plan.experiment.models:
            return self._doors(model)
        return self.client

    async def _main(self, batch: Sequence[PlannedTrial]) -> None:
        """Ask and mark round by round; marks that are open come before the next round."""
        with self._interrupts():
            try:
                while True:
                    await self._ask(batch)
                    if self.interrupted:
                        return
                    await self._mark()
                    if self.runner.stopping or not (batch := self._next_round()):
                        return
            finally:
                await self.gateway.close()

    def _next_round(self) -> list[PlannedTrial]:
        batch = self.rounds.next()
        if self.rounds.said:
            self.progress.say(f"{self.rounds.said}; {len(batch)} trials to ask next")
        return batch

    async def _ask(self, batch: Sequence[PlannedTrial]) -> None:
        if not batch:
            return
        self.progress.tally.open += len(batch)
        self.progress.begin("asking")
        requests = []
        for planned in batch:
            request = self.plan.request(planned)
            requests.append(request)
            if self.client is not None:
                self._requests[request.key] = self.plan.trial(planned)
        await self.runner.ask(requests)
        review_delivery(self.plan.experiment, self.store)

    async def _before_first_trial(self, model: ModelSpec) -> None:
        """Probe whether preambles arrive; a probe that is sent warms the engine up as well."""
        experiment = self.plan.experiment
        sent = self.gateway.meter.calls
        try:
            if experiment.delivery:
                finding = await record_probe(self.plan, model, self.store, self.gateway)
                for line in finding.reasons:
                    self.progress.say(f"{model.name}: undelivered: {line}")
            if experiment.warm_up and warms_up(model) and self.gateway.meter.calls == sent:
                await self.gateway.call(_warm_up(model))
        except BudgetSpent as spent:
            self.runner.stop(spent.limit)

    async def _mark(self) -> None:
        experiment = self.plan.experiment
        await execute_answers(experiment, self.store, self.progress, lambda: self.interrupted)
        self.progress.begin("marking")
        marks = self.progress.marks
        marks.open = marks.done + self.store.count_unmarked(experiment.name, self.marking.digest)
        marks.not_asked = 0  # what an earlier round could not have is tried again now
        tasks = {task.name: task for task in experiment.suite.tasks}
        grader = Grader(
            self.store,
            self.marking,
            tasks,
            call=self._judge_call,
            tally=marks,
            done=self.progress.step,
            stopping=lambda: self.interrupted,
        )
        await grader.mark(experiment.name)

    async def _judge_call(self, request: Request) -> Response:
        """A judge's call: like a subject's, and stored before anything is read from it."""
        try:
            response = await self.gateway.call(request)
        except BudgetSpent as spent:
            self.runner.stop(spent.limit)
            return Response(status="failed", reason=spent.limit, attempts=0)
        if response.attempts:
            await asyncio.to_thread(self.store.put, [(request, response)])
        return response

    @contextmanager
    def _interrupts(self) -> Iterator[None]:
        if not self.handle_interrupts:
            yield
            return
        loop = asyncio.get_running_loop()
        main = asyncio.current_task()

        def interrupt() -> None:
            if self.interrupted and main is not None:
                main.cancel()
                return
            self.interrupted = True
            self.runner.stop("interrupted")
            self.progress.say(
                "stopping: calls in flight are finished and stored; Ctrl-C again gives them up"
            )

        signals: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM)
        try:
            for each in signals:
                loop.add_signal_handler(each, interrupt)
        except NotImplementedError:
            # Windows has no handlers in its loop: Ctrl-C then ends the run at once.
            signals = ()
        try:
            yield
        except asyncio.CancelledError as cancelled:
            raise KeyboardInterrupt from cancelled
        finally:
            for each in signals:
                loop.remove_signal_handler(each)


def _warm_up(model: ModelSpec) -> Request:
    message = {"role": "user", "content": "Say hello."}
    settings = {**model.settings, "max_tokens": 8}
    return Request(model=model, messages=(message,), settings=settings, role="warm_up")


def _each_once(trials: Iterable[PlannedTrial]) -> list[PlannedTrial]:
    """Trials by answer: two variants may come to one text for a model of some size."""
    once: dict[str, PlannedTrial] = {}
    for trial in trials:
        once.setdefault(trial.response_key, trial)
    return list(once.values())
