"""The use case of a run: find what is missing, check delivery, ask, mark."""

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from preamblelab.domain.experiments import Experiment, Trial
from preamblelab.domain.facts import ModelFacts
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.execution.budget import BudgetSpent, Meter, refuse_unpriced
from preamblelab.execution.choose import client_for
from preamblelab.execution.clients import Client
from preamblelab.execution.doors import Doors, FunctionClient
from preamblelab.execution.gateway import Gateway, endpoint_of, is_local
from preamblelab.execution.prices import price_of
from preamblelab.execution.runner import Runner, Tally
from preamblelab.lab.delivering import record_probe, review_delivery
from preamblelab.lab.planning import Plan
from preamblelab.library import experiment_document
from preamblelab.report.progress import Progress
from preamblelab.scoring.grader import Grader, MarkTally
from preamblelab.scoring.marking import Marking, marking_of
from preamblelab.scoring.scorers import Scorer
from preamblelab.store import PlannedTrial, Store

TrialClient = Callable[[Trial], Response]
"""A stand-in for every model: takes a trial, gives a response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run did, and how it ended."""

    experiment: str
    tally: Tally
    marks: MarkTally
    interrupted: bool = False

    @property
    def complete(self) -> bool:
        """Whether every trial has an answer and every answer its marks."""
        unanswered = self.tally.open - self.tally.done + self.tally.outcomes.get("failed", 0)
        return unanswered <= 0 and not self.marks.not_asked


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
        SpecError: nobody marks a criterion, or a scorer cannot be found.
        ProviderError: a model cannot be asked at all.
        BudgetError: a limit in usd, and a model whose price nobody knows.
        StoreError: the store cannot be used, or another process writes to it.
    """
    progress = progress or Progress()
    marking = marking_of(experiment, scorers=scorers, folder=folder)
    with store.lock(f"run {experiment.name}"):
        plan = _registered(experiment, store, _recorded_facts(experiment, store))
        missing = store.unanswered(experiment.name)
        if missing:
            plan = _registered(experiment, store, _discovered_facts(experiment, client))
            missing = store.unanswered(experiment.name)
        _use_marking(experiment, marking, store)
        work = _Work(plan, store, marking, progress, missing[:limit], client, handle_interrupts)
        return work.run()


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
    with store.lock(f"score {experiment.name}"):
        _use_marking(experiment, marking, store)
        plan = Plan(experiment, _recorded_facts(experiment, store))
        work = _Work(plan, store, marking, progress, [], None, handle_interrupts)
        return work.run()


def _use_marking(experiment: Experiment, marking: Marking, store: Store) -> None:
    current = store.marking(experiment.name)
    if current is None or current[0] != marking.digest:
        document = marking_document(marking, experiment)
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
        missing: Sequence[PlannedTrial],
        client: TrialClient | None,
        handle_interrupts: bool,
    ) -> None:
        self.plan = plan
        self.store = store
        self.marking = marking
        self.progress = progress
        self.missing = missing
        self.handle_interrupts = handle_interrupts
        self.interrupted = False
        self.client = client
        self.gateway = Gateway(client_for=self._client_for, seed=plan.experiment.seed)
        self.gateway.meter = Meter(budget=plan.experiment.budget)
        self.runner = Runner(
            self.gateway, store.put, tally=progress.tally, done=lambda *_: progress.step()
        )
        progress.gateway = self.gateway
        progress.tally.open = len(missing)
        self._doors = Doors()
        self._requests: dict[str, Trial] = {}

    def run(self) -> Outcome:
        open_marks = self.store.count_unmarked(self.plan.experiment.name, self.marking.digest)
        if self.missing or open_marks:
            self._prepare()
            self.progress.marks.open = open_marks
            try:
                asyncio.run(self._main())
            except KeyboardInterrupt:
                self.interrupted = True
                self.runner.stop("interrupted")
            finally:
                self.progress.end()
        return Outcome(
            experiment=self.plan.experiment.name,
            tally=self.runner.tally,
            marks=self.progress.marks,
            interrupted=self.interrupted,
        )

    def _prepare(self) -> None:
        asked = {trial.model for trial in self.missing}
        subjects = [m for m in self.plan.experiment.models if m.name in asked]
        judges = list(self.marking.judges.values())
        unpriced = [m.name for m in (*subjects, *judges) if price_of(m) is None]
        refuse_unpriced(self.plan.experiment.budget, unpriced if self.client is None else [])
        if self.client is None:
            self._doors.prepare([*subjects, *judges])
        else:
            self._doors.prepare(judges)

    def _client_for(self, model: ModelSpec) -> Client:
        if self.client is None or model not in self.plan.experiment.models:
            return self._doors(model)
        client = self.client
        return FunctionClient(lambda request: client(self._requests[request.key]))

    async def _main(self) -> None:
        with self._interrupts():
            try:
                await self._ask()
                if not self.runner.stopping or self.runner.tally.stopped.startswith("budget."):
                    await self._mark()
            finally:
                await self.gateway.close()

    async def _ask(self) -> None:
        if not self.missing:
            return
        if self.client is None:
            await self._before_first_trials()
        self.progress.begin("asking")
        requests = []
        for planned in self.missing:
            request = self.plan.request(planned)
            requests.append(request)
            if self.client is not None:
                self._requests[request.key] = self.plan.trial(planned)
        await self.runner.ask(requests)
        review_delivery(self.plan.experiment, self.store)

    async def _before_first_trials(self) -> None:
        """Probe whether preambles arrive; the probes warm the engines up as well."""
        experiment = self.plan.experiment
        asked = list(dict.fromkeys(trial.model for trial in self.missing))
        self.progress.begin("delivery")
        for model in experiment.models:
            if model.name not in asked or self.runner.stopping:
                continue
            try:
                if experiment.delivery:
                    finding = await record_probe(self.plan, model, self.store, self.gateway)
                    for line in finding.reasons:
                        self.progress.say(f"{model.name}: undelivered: {line}")
                elif experiment.warm_up and is_local(model):
                    await self.gateway.call(_warm_up(model))
            except BudgetSpent as spent:
                self.runner.stop(spent.limit)

    async def _mark(self) -> None:
        experiment = self.plan.experiment
        self.progress.begin("marking")
        self.progress.marks.open = self.store.count_unmarked(experiment.name, self.marking.digest)
        tasks = {task.name: task for task in experiment.suite.tasks}
        grader = Grader(
            self.store,
            self.marking,
            tasks,
            call=self._judge_call,
            tally=self.progress.marks,
            done=self.progress.step,
        )
        await grader.mark(experiment.name)

    async def _judge_call(self, request: Request) -> Response:
        """A judge's call: like a subject's, and stored before anything is read from it."""
        try:
            response = await self.gateway.call(request)
        except BudgetSpent as spent:
            self.runner.stop(spent.limit)
            return Response(status="failed", reason=f"budget: {spent.limit}", attempts=0)
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

        signals = (signal.SIGINT, signal.SIGTERM)
        for each in signals:
            loop.add_signal_handler(each, interrupt)
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


def _recorded_facts(experiment: Experiment, store: Store) -> dict[str, ModelFacts]:
    """Facts as they were known when the answers were asked for; without asking any server."""
    return {
        model.name: model.facts(store.facts(model.id, endpoint_of(model)))
        for model in experiment.models
    }


def _discovered_facts(
    experiment: Experiment, client: TrialClient | None
) -> Mapping[str, ModelFacts] | None:
    """Facts with what the servers on this host say now; None when no server need be asked."""
    local = [m for m in experiment.models if is_local(m) and client_for(m) != "litellm"]
    if client is not None or not local:
        return None
    from preamblelab.execution.servers import facts_from_server

    async def ask() -> list[ModelFacts | None]:
        return list(await asyncio.gather(*(facts_from_server(model) for model in local)))

    found = dict(zip((model.name for model in local), asyncio.run(ask()), strict=True))
    return {model.name: model.facts(found.get(model.name)) for model in experiment.models}


def _registered(
    experiment: Experiment, store: Store, facts: Mapping[str, ModelFacts] | None
) -> Plan:
    """The plan, with its trials' names in the store."""
    if facts is None:
        facts = _recorded_facts(experiment, store)
    plan = Plan(experiment, facts)
    if store.plan_digest(experiment.name) != plan.digest:
        store.register(
            experiment.name,
            digest=experiment.digest,
            document=experiment_document(experiment),
            trials=plan.trials(),
            plan_digest=plan.digest,
        )
        for model in experiment.models:
            store.put_facts(model.id, endpoint_of(model), facts[model.name])
    return plan
