"""Trials to stored answers: lanes, order, stopping, and what happens when nothing can be kept."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.errors import StoreError
from preamblelab.execution.budget import BudgetSpent
from preamblelab.execution.clients import Fault, Limits, Watch
from preamblelab.execution.gateway import Gateway
from preamblelab.execution.runner import Runner, Tally


class Slow:
    """A client that takes a moment, and knows how many it serves at one time."""

    def __init__(self, answer: Callable[[Request], Response] | None = None) -> None:
        self.answer = answer or (lambda _: Response(text="fine"))
        self.asked: list[Request] = []
        self.running: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.together: set[frozenset[str]] = set()

    async def ask(self, request: Request, *, limits: Limits, watch: Watch | None) -> Response:
        name = request.model.name
        self.asked.append(request)
        self.running[name] = self.running.get(name, 0) + 1
        self.most[name] = max(self.most.get(name, 0), self.running[name])
        self.together.add(frozenset(n for n, count in self.running.items() if count))
        try:
            await asyncio.sleep(0.002)
            return self.answer(request)
        finally:
            self.running[name] -= 1

    async def close(self) -> None:
        pass


def requests(*models: ModelSpec, count: int = 6) -> list[Request]:
    return [
        Request(model=model, messages=({"role": "user", "content": f"task {number}"},))
        for model in models
        for number in range(count)
    ]


def hosted(name: str, **fields: Any) -> ModelSpec:
    return ModelSpec(id=f"openai/{name}", name=name, **fields)


def local(name: str, **fields: Any) -> ModelSpec:
    return hosted(name, api_base="http://127.0.0.1:9/v1", **fields)


def play(
    client: Slow,
    wanted: Sequence[Request],
    *,
    keep: Callable[[Sequence[Any]], None] | None = None,
    **options: Any,
) -> tuple[Tally, list[tuple[Request, Response]]]:
    kept: list[tuple[Request, Response]] = []
    runner = Runner(Gateway(client_for=lambda _: client), keep or kept.extend, **options)
    return asyncio.run(runner.ask(wanted)), kept


def test_every_answer_is_kept_and_counted():
    wanted = requests(hosted("a"), hosted("b"))
    tally, kept = play(Slow(), wanted)
    assert {request.key for request, _ in kept} == {request.key for request in wanted}
    assert (tally.done, tally.outcomes) == (12, {"ok": 12})


def test_hosted_models_are_asked_side_by_side_within_one_endpoints_number():
    client = Slow()
    play(client, requests(hosted("a"), hosted("b"), count=20))
    assert max(len(names) for names in client.together) == 2
    assert max(client.most.values()) <= 8


def test_models_of_one_local_engine_take_turns_and_other_engines_do_not_wait():
    client = Slow()
    other = hosted("c", api_base="http://127.0.0.1:10/v1")
    play(client, requests(local("a"), local("b"), other))
    assert frozenset("ab") not in {names - {"c"} for names in client.together}
    assert any("c" in names and len(names) == 2 for names in client.together)
    assert set(client.most.values()) == {1}


def test_within_a_model_the_order_is_kept():
    client = Slow()
    wanted = requests(local("a"), count=9)
    play(client, wanted)
    assert client.asked == wanted


def test_each_model_is_begun_once_before_its_first_trial_and_in_its_turn():
    client = Slow()
    begun: list[tuple[str, int]] = []

    async def first(model: ModelSpec) -> None:
        await asyncio.sleep(0.003)
        begun.append((model.name, len(client.asked)))

    play(client, requests(local("a", concurrency=3), local("b", concurrency=3)), first=first)
    assert begun[0] == ("a", 0)
    assert begun[1][0] == "b"
    assert begun[1][1] >= 4, "when those of a are on their way, not before"


def test_a_store_that_fails_ends_the_run_and_stops_the_paying():
    def full(rows: Sequence[Any]) -> None:
        raise StoreError("no space is left")

    client = Slow()
    with pytest.raises(StoreError, match="no space is left"):
        play(client, requests(local("a"), count=500), keep=full)
    assert len(client.asked) < 250


def test_an_error_of_ours_in_one_lane_ends_the_others_too():
    """Otherwise calls would go on, be paid for, and be kept by nobody."""

    def broken(request: Request) -> Response:
        if request.model.name == "b":
            raise StoreError("broken")
        return Response(text="fine")

    client = Slow(broken)
    with pytest.raises(StoreError, match="broken"):
        play(client, requests(hosted("a"), hosted("b"), count=100))
    seen = len(client.asked)
    assert seen < 60
    assert not any(client.running.values())


def test_stopping_finishes_and_keeps_what_is_in_flight():
    client = Slow()
    kept: list[tuple[Request, Response]] = []
    runner = Runner(Gateway(client_for=lambda _: client), kept.extend)

    async def ask() -> Tally:
        asking = asyncio.create_task(runner.ask(requests(hosted("a"), count=100)))
        await asyncio.sleep(0.007)
        runner.stop("interrupted")
        return await asking

    tally = asyncio.run(ask())
    assert 0 < len(client.asked) < 100
    assert len(kept) == len(client.asked) == tally.done
    assert tally.stopped == "interrupted"
    assert "failed" not in tally.outcomes


def test_cancelling_keeps_what_had_come():
    client = Slow()
    kept: list[tuple[Request, Response]] = []
    runner = Runner(Gateway(client_for=lambda _: client), kept.extend)

    async def ask() -> None:
        asking = asyncio.create_task(runner.ask(requests(local("a"), count=100)))
        await asyncio.sleep(0.02)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(ask())
    assert len(kept) >= len(client.asked) - 1
    assert kept


def test_a_closed_model_keeps_its_trials_open_and_says_why():
    def refuse(request: Request) -> Response:
        if request.model.name == "a":
            raise Fault("permanent", "no such model", status=404)
        return Response(text="fine")

    tally, kept = play(Slow(refuse), requests(local("a"), hosted("b")))
    assert tally.left_alone == {"a": "permanent: no such model"}
    assert (tally.done, tally.outcomes) == (7, {"failed": 1, "ok": 6})
    assert len(kept) == 7


def test_a_spent_budget_is_said_once_and_its_trials_stay_open():
    def spent(request: Request) -> Response:
        raise BudgetSpent("budget.calls: 3")

    tally, kept = play(Slow(spent), requests(hosted("a")))
    assert (tally.stopped, tally.done, kept) == ("budget.calls: 3", 0, [])


def test_what_cut_loops_saved_is_added_up():
    cut = Response(
        status="looped",
        loop={"level": "line"},
        completion_tokens=50,
        seconds=1.0,
        first_token_seconds=0.25,
    )
    unknown = Response(status="looped", loop={"level": "server"})
    answers = iter([cut, unknown, cut])
    wanted = [replace(each, settings={"max_tokens": 150}) for each in requests(local("a"), count=3)]
    tally, _ = play(Slow(lambda _: next(answers)), wanted)
    assert (tally.tokens_saved, tally.seconds_saved) == (200, 3.0)
