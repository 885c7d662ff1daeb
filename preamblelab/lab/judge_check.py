"""The use case of checking judges: planted answers through the same path as real ones."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from preamblelab.domain.experiments import Budget
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.domain.rubrics import Rubric
from preamblelab.domain.tasks import Suite, Task
from preamblelab.errors import SpecError
from preamblelab.execution.budget import BudgetSpent, Meter, refuse_unpriced
from preamblelab.execution.clients import Client
from preamblelab.execution.doors import Doors, FunctionClient
from preamblelab.execution.gateway import Gateway
from preamblelab.execution.prices import price_of
from preamblelab.lab.looping import to_the_end
from preamblelab.lab.usecases import DEFAULT_STORE, judge_names, models_of
from preamblelab.library import load_rubric, load_suite
from preamblelab.report.judge_checks import JudgeCheck, PlantedMark, findings_of
from preamblelab.report.progress import Progress
from preamblelab.scoring.panel import Ask, Judgement, judge_response
from preamblelab.scoring.planted import Plant, planted_suite, plants
from preamblelab.store import Store
from preamblelab.store.groups import together

JudgeClient = Callable[[Request], Response]
"""A stand-in for every judge: takes a request, gives a response."""

JUDGED_AT_ONCE: Final = 64
"""Judgements that wait at one time; the endpoints' limiters do the rest."""


def judge_check(
    judges: Sequence[str | ModelSpec],
    *,
    rubric: str | Path | Rubric = "coding-judged",
    suite: str | Path | Suite | None = None,
    repeats: int = 2,
    store: Store | str | Path = DEFAULT_STORE,
    budget: Budget | None = None,
    client: JudgeClient | None = None,
    progress: Progress | None = None,
) -> JudgeCheck:
    """Judge answers of known worth, and say what each judge makes of them.

    Worthless answers (empty, an announcement, a refusal, the task or the rubric echoed, wrong code
    with proud comments) show false credit; injections stand beside their clean twin; good and thin
    answers beside padded ones. Each call goes through the gateway and is stored; answers are judged
    anew at each check.

    Args:
        judges: litellm ids, names from models.yaml, or specs.
        rubric: by which they judge; each criterion is judged, also one that names a check.
        suite: tasks of your own, without a good answer; None: two tasks with one.
        repeats: how often each planted answer is judged.
        store: where the calls are kept.
        budget: limits of this check.
        client: answers instead of the judges; for tests.
        progress: is told what happens; silent when not given.

    Raises:
        SpecError: no judge, one twice, or fewer than one repeat.
        ProviderError: a judge cannot be asked at all.
        BudgetError: a limit in usd, and a judge whose price nobody knows.
    """
    specs = models_of(judges)
    names = judge_names(specs)
    if not specs or repeats < 1:
        raise SpecError("judge-check needs at least one judge and one repeat")
    marked_by = rubric if isinstance(rubric, Rubric) else load_rubric(rubric)
    if suite is None:
        tasks = planted_suite()
    else:
        tasks = suite if isinstance(suite, Suite) else load_suite(suite)
    opened = nullcontext(store) if isinstance(store, Store) else Store(store)
    with opened as kept, kept.lock("judge-check"):
        work = _Check(marked_by, tasks, repeats, kept, progress or Progress())
        panel = dict(zip(names, specs, strict=True))
        work.prepare(panel, budget or Budget(), client)
        to_the_end(work.run(panel))
        return work.result(panel)


class _Check:
    """One check in its event loop."""

    def __init__(
        self, rubric: Rubric, suite: Suite, repeats: int, store: Store, progress: Progress
    ) -> None:
        self.rubric = rubric
        self.suite = suite
        self.repeats = repeats
        self.store = store
        self.progress = progress
        self.asked = {d.name: tuple(range(len(d.marked))) for d in rubric.dimensions}
        self.marks: list[PlantedMark] = []
        self.stopped = ""
        self.gateway: Gateway

    def prepare(
        self, panel: Mapping[str, ModelSpec], budget: Budget, client: JudgeClient | None
    ) -> None:
        """Open the ways to the judges, before the event loop runs."""
        doors = Doors()
        one: Client | None = None
        if client is None:
            refuse_unpriced(budget, [m.name for m in panel.values() if price_of(m) is None])
            doors.prepare(panel.values())
        else:
            one = FunctionClient(client)
        self.gateway = Gateway(client_for=lambda model: one or doors(model))
        self.gateway.meter = Meter(budget=budget)
        self.gateway.expect(panel.values())
        self.progress.gateway = self.gateway

    async def run(self, panel: Mapping[str, ModelSpec]) -> None:
        """Judge every planted answer by every judge, side by side."""
        # dspy costs a second to import; only what judges pays for it.
        from preamblelab.scoring.judges import Judge

        asks: dict[str, Ask] = {n: Judge(m, self._call).ask for n, m in panel.items()}
        planted = [(t, plant) for t in self.suite.tasks for plant in plants(t, self.rubric)]
        self.progress.tally.open = len(planted) * len(asks) * self.repeats
        self.progress.begin("judging")
        gate = asyncio.Semaphore(JUDGED_AT_ONCE)
        try:
            await together(
                self._judge(name, ask, task, plant, repeat, gate)
                for repeat in range(1, self.repeats + 1)
                for task, plant in planted
                for name, ask in asks.items()
            )
        finally:
            self.progress.end()
            await self.gateway.close()

    async def _judge(
        self, name: str, ask: Ask, task: Task, plant: Plant, repeat: int, gate: asyncio.Semaphore
    ) -> None:
        async with gate:
            judgement = await judge_response(
                ask,
                judge=name,
                judgement=repeat,
                task=task,
                response=Response(text=plant.text),
                rubric=self.rubric,
                asked=self.asked,
            )
        self.marks.append(_mark(name, task, plant, repeat, judgement))
        self.progress.tally.done += 1
        self.progress.step()

    async def _call(self, request: Request) -> Response:
        """A judge's call, stored before anything is read from it."""
        try:
            response = await self.gateway.call(request)
        except BudgetSpent as spent:
            self.stopped = self.stopped or spent.limit
            self.gateway.stop(spent.limit)
            return Response(status="failed", reason=spent.limit, attempts=0)
        if response.attempts:
            await asyncio.to_thread(self.store.put, [(request, response)])
        return response

    def result(self, panel: Mapping[str, ModelSpec]) -> JudgeCheck:
        """The figures of every judge."""
        planted = [(t.name, p.name) for t in self.suite.tasks for p in plants(t, self.rubric)]
        order = {place: number for number, place in enumerate(planted)}
        marks = sorted(self.marks, key=lambda m: (m.judge, order[m.task, m.plant], m.repeat))
        return JudgeCheck(
            judges=tuple(
                findings_of(name, [mark for mark in marks if mark.judge == name]) for name in panel
            ),
            marks=tuple(marks),
            rubric=self.rubric.name,
            suite=self.suite.name,
            repeats=self.repeats,
            stopped=self.stopped or "; ".join(dict.fromkeys(self.gateway.closed.values())),
        )


def _mark(name: str, task: Task, plant: Plant, repeat: int, judgement: Judgement) -> PlantedMark:
    ratings = judgement.ratings
    points = [rating.points for rating in ratings if rating.points is not None]
    whole = judgement.asked and len(points) == len(ratings)
    return PlantedMark(
        judge=name,
        task=task.name,
        plant=plant.name,
        kind=plant.kind,
        twin=plant.twin,
        characters=len(plant.text),
        repeat=repeat,
        points=sum(points) if whole else None,
        status=ratings[0].status if judgement.asked else "failed",
        statuses=judgement.statuses,
        unfounded=sum("quote_not_found" in rating.flags for rating in ratings),
    )
