"""Missing trials to stored responses: the only module that runs calls at the same time.

Every answer is stored before anything else is done with it, in groups (`store/groups.py`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.execution.budget import BudgetSpent
from preamblelab.execution.gateway import Gateway, concurrency_of, endpoint_of, warms_up
from preamblelab.store.groups import Writer, together

Row = tuple[Request, Response]
Keep = Callable[[Sequence[Row]], None]
"""Stores a group of answers durably before it returns."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a run has done so far; the progress line reads it."""

    open: int = 0
    """Trials without an answer when the run began."""
    done: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    """Answers by status."""
    tokens_saved: int = 0
    seconds_saved: float = 0.0
    stopped: str = ""
    """Why the run ended before its last trial; empty when it did not."""
    left_alone: dict[str, str] = field(default_factory=dict)
    """Models that got no more calls, and why."""

    def count(self, response: Response) -> None:
        """Book one answer."""
        self.done += 1
        self.outcomes[response.status] = self.outcomes.get(response.status, 0) + 1
        if response.loop is not None:
            self.tokens_saved += int(response.loop.get("tokens_saved") or 0)
            self.seconds_saved += float(response.loop.get("seconds_saved") or 0.0)


class Runner:
    """Asks what is missing, in the order that is given, endpoint by endpoint."""

    def __init__(
        self,
        gateway: Gateway,
        keep: Keep,
        *,
        tally: Tally | None = None,
        done: Callable[[Request, Response], None] | None = None,
        first: Callable[[ModelSpec], Awaitable[None]] | None = None,
    ) -> None:
        """Prepare to ask.

        Args:
            gateway: the way to the models.
            keep: stores a group of answers.
            tally: counts what was done.
            done: is told of every answer.
            first: is awaited for each model before its first trial, when its turn has come: an
                engine that changes its weights is to be warmed up then, not before.
        """
        self.gateway = gateway
        self.keep = keep
        self.tally = tally or Tally()
        self.done = done
        self.first = first
        self.stopping = False
        self._firsts: dict[str, asyncio.Future[None]] = {}

    def stop(self, reason: str) -> None:
        """Start no further trial; those in flight are finished and stored."""
        self.stopping = True
        self.tally.stopped = self.tally.stopped or reason
        self.gateway.stop(reason)

    async def ask(self, requests: Iterable[Request]) -> Tally:
        """Ask every request, each given once, and store every answer.

        Models of one engine on this host are asked one after the other, because changing weights
        costs minutes; all other models are asked side by side.
        """
        async with Writer[Row](self.keep) as writer:
            lanes = _lanes(requests)
            await together(self._lane(lane, writer) for lane in lanes)
        self._note_left_alone()
        return self.tally

    async def _lane(self, requests: list[Request], writer: Writer[Row]) -> None:
        queue = iter(requests)
        workers = min(len(requests), concurrency_of(requests[0].model))
        await together(self._work(queue, writer) for _ in range(workers))

    async def _work(self, queue: Iterator[Request], writer: Writer[Row]) -> None:
        for request in queue:
            if self.stopping or writer.failed:
                return
            if self.gateway.closed_reason(request.model) is not None:
                continue
            if self.first is not None:
                await self._begun(request.model, self.first)
                if self.stopping:
                    return
            try:
                response = await self.gateway.call(request)
            except BudgetSpent as spent:
                self.stop(spent.limit)
                return
            if response.attempts == 0:
                continue  # it was never sent: the trial stays open
            writer.add((request, response))
            self.tally.count(response)
            if self.done is not None:
                self.done(request, response)

    async def _begun(self, model: ModelSpec, first: Callable[[ModelSpec], Awaitable[None]]) -> None:
        """Wait until the model's beginning is over; whoever comes first begins it."""
        if model.name not in self._firsts:
            self._firsts[model.name] = asyncio.ensure_future(first(model))
        await self._firsts[model.name]

    def _note_left_alone(self) -> None:
        self.tally.left_alone.update(self.gateway.closed)


def _lanes(requests: Iterable[Request]) -> list[list[Request]]:
    lanes: dict[str, list[Request]] = {}
    for request in requests:
        model = request.model
        lane = endpoint_of(model) if warms_up(model) else f"{endpoint_of(model)} {model.name}"
        lanes.setdefault(lane, []).append(request)
    return list(lanes.values())
