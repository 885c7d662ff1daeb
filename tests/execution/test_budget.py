"""What a run may take: no overshoot however many calls run at one time."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preamblelab.domain.experiments import Budget
from preamblelab.errors import BudgetError
from preamblelab.execution.budget import BudgetSpent, Meter, refuse_unpriced


@given(
    limit=st.floats(0.1, 5.0),
    worst=st.lists(st.floats(0.0, 0.5), min_size=1, max_size=40),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60)
def test_money_in_flight_and_spent_never_passes_the_limit(limit, worst, seed):
    draw = random.Random(seed)
    meter = Meter(budget=Budget(usd=limit))
    highest = 0.0

    async def call(usd: float) -> None:
        nonlocal highest
        try:
            reservation = await meter.reserve(10, usd)
        except BudgetSpent:
            return
        highest = max(highest, meter.usd + sum(each.usd or 0 for each in meter._open))
        for _ in range(draw.randint(0, 3)):
            await asyncio.sleep(0)
        meter.settle(reservation, tokens=5, usd=usd * draw.random())

    async def play() -> None:
        await asyncio.wait_for(asyncio.gather(*(call(usd) for usd in worst)), 5)

    asyncio.run(play())
    assert highest <= limit + 1e-8
    assert meter.usd <= limit + 1e-8
    assert not meter._open


def test_a_call_waits_for_room_that_calls_in_flight_may_free():
    async def play() -> None:
        meter = Meter(budget=Budget(usd=1.0))
        first = await meter.reserve(10, 0.9)
        second = asyncio.create_task(meter.reserve(10, 0.9))
        await asyncio.sleep(0)
        assert not second.done()
        meter.settle(first, tokens=10, usd=0.05)
        assert (await asyncio.wait_for(second, 1)).usd == 0.9

    asyncio.run(play())


def spent(meter: Meter, *, tokens: int = 10, usd: float | None = 0.0) -> str:
    with pytest.raises(BudgetSpent) as caught:
        asyncio.run(meter.reserve(tokens, usd))
    return caught.value.limit


def test_each_limit_stops_with_its_name():
    assert spent(Meter(budget=Budget(calls=3), calls=3)) == "budget.calls: 3"
    assert spent(Meter(budget=Budget(tokens=100), tokens=95)) == "budget.tokens: 100"
    assert spent(Meter(budget=Budget(usd=1), usd=0.95), usd=0.1) == "budget.usd: 1"
    now = iter([0.0, 59.9, 60.0])
    meter = Meter(budget=Budget(minutes=1), clock=lambda: next(now))
    asyncio.run(meter.reserve(10, 0.0))
    assert spent(meter) == "budget.minutes: 1"


def test_a_limit_that_not_one_call_fits_under_says_so():
    """Otherwise "go on" would stop at the first trial again, for ever."""
    line = spent(Meter(budget=Budget(usd=0.1)), usd=0.121)
    assert line == (
        "budget.usd: 0.1; one call alone may take 0.1210: raise the limit, or lower max_tokens"
    )
    assert "one call alone may take 500" in spent(Meter(budget=Budget(tokens=100)), tokens=500)


def test_what_is_not_known_stays_booked_at_its_worst():
    async def play() -> Meter:
        meter = Meter(budget=Budget(usd=1.0))
        meter.settle(await meter.reserve(500, 0.3), tokens=None, usd=None)
        return meter

    meter = asyncio.run(play())
    assert (meter.usd, meter.tokens, meter.unpriced_calls) == (0.3, 500, 0)


def test_an_unknown_price_is_counted_as_unknown_and_a_known_zero_is_not():
    async def play() -> Meter:
        meter = Meter()
        meter.settle(await meter.reserve(5, None), tokens=5, usd=None)
        meter.settle(await meter.reserve(5, 0.0), tokens=None, usd=None)
        return meter

    meter = asyncio.run(play())
    assert (meter.usd, meter.unpriced_calls) == (0.0, 1)


def test_an_unsent_call_gives_back_all_that_was_booked():
    async def play() -> Meter:
        meter = Meter(budget=Budget(calls=1))
        meter.give_back(await meter.reserve(5, 0.5))
        await meter.reserve(5, 0.5)
        return meter

    assert asyncio.run(play()).calls == 1


def test_a_money_limit_without_a_price_is_refused_in_words_or_assumed_in_words():
    with pytest.raises(BudgetError, match="no price is known for a, b; give each a 'price:'"):
        refuse_unpriced(Budget(usd=1), ["a", "b"])
    refuse_unpriced(Budget(usd=1, assume_usd_per_million_tokens=10), ["a"])
    refuse_unpriced(Budget(calls=1), ["a"])
    refuse_unpriced(Budget(usd=1), [])
