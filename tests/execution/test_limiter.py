"""The gate of an endpoint: how many at one time, growth and shrinking, pauses."""

import asyncio
from collections.abc import Callable

import pytest

from preamblelab.execution.limiter import CAREFUL_ROUNDS, Limiter


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


async def enter_many(limiter: Limiter, count: int) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(limiter.enter()) for _ in range(count)]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


def succeed(limiter: Limiter, times: int) -> None:
    for _ in range(times):
        limiter.succeeded()


def test_only_so_many_are_inside_and_each_leaving_lets_one_in():
    async def play() -> None:
        limiter = Limiter(most=3)
        tasks = await enter_many(limiter, 5)
        assert [task.done() for task in tasks] == [True, True, True, False, False]
        limiter.leave()
        await asyncio.gather(tasks[3])
        assert limiter.running == 3
        assert not tasks[4].done()
        limiter.leave()
        await asyncio.gather(tasks[4])

    asyncio.run(play())


def test_who_comes_back_at_once_waits_behind_those_who_wait():
    """Otherwise one model's calls would keep all others of its endpoint out."""

    async def play() -> None:
        limiter = Limiter(most=1)
        _, waiting = await enter_many(limiter, 2)
        limiter.leave()
        again = asyncio.create_task(limiter.enter())
        await waiting
        await asyncio.sleep(0)
        assert not again.done()
        limiter.leave()
        await again

    asyncio.run(play())


def test_one_who_gives_up_while_waiting_passes_the_place_on():
    async def play() -> None:
        limiter = Limiter(most=1)
        inside, first, second = await enter_many(limiter, 3)
        limiter.leave()  # wakes the first who waits ...
        first.cancel()  # ... who gives up before it has looked
        await asyncio.wait_for(second, 1)
        assert inside.done()
        assert first.cancelled()
        assert limiter.running == 1

    asyncio.run(play())


def test_a_refusal_cuts_to_four_fifths_of_what_was_in_flight_and_pauses_everybody():
    async def play() -> None:
        clock = Clock()
        limiter = Limiter(most=10, clock=clock)
        await enter_many(limiter, 10)
        limiter.refused(3.0, "429")
        limiter.leave()
        assert limiter.limit == 8
        assert limiter.waiting_for == "429"
        while limiter.running:
            limiter.leave()
        await limiter.enter(clock.sleep)
        assert clock.slept == [3.0]

    asyncio.run(play())


def test_a_burst_of_refusals_finds_what_the_server_bears():
    """A server that takes 4 of 20 refuses 16 at once; the limit is then about 4, not 1."""

    async def play() -> None:
        limiter = Limiter(most=20, clock=Clock())
        await enter_many(limiter, 20)
        for _ in range(16):
            limiter.refused(0.0, "429")
            limiter.leave()
        assert limiter.limit == pytest.approx(4.0)

    asyncio.run(play())


def test_it_never_shrinks_below_one():
    limiter = Limiter(most=2, clock=Clock(), running=1)
    for _ in range(10):
        limiter.refused(0.0, "429")
    assert limiter.limit == 1


@pytest.mark.parametrize("hurt", [Limiter.troubled, lambda limiter: None])
def test_growth_takes_a_full_round_without_trouble(hurt: Callable[[Limiter], None]):
    limiter = Limiter(most=10, clock=Clock())
    limiter.limit = 4.0
    succeed(limiter, 3)
    hurt(limiter)
    limiter.succeeded()
    assert limiter.limit == (4 if hurt is Limiter.troubled else 5), "5xx starts the round anew"


def test_server_errors_do_not_shrink():
    limiter = Limiter(most=10, clock=Clock())
    limiter.troubled()
    assert limiter.limit == 10


def test_a_number_that_was_refused_is_tried_again_only_after_many_rounds():
    limiter = Limiter(most=10, clock=Clock(), running=5)
    limiter.refused(0.0, "429")
    assert limiter.limit == 4
    succeed(limiter, 4 * CAREFUL_ROUNDS - 1)
    assert limiter.limit == 4
    limiter.succeeded()
    assert limiter.limit == 5
    assert limiter.waiting_for == ""
