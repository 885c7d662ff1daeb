"""Group commit: nothing lost, few transactions, and a failure that is seen."""

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from preamblelab.store.groups import GROUP_ROWS, Writer, together


def test_everything_added_is_kept_in_order_and_in_few_groups():
    groups: list[list[int]] = []

    async def play() -> None:
        async with Writer[int](lambda rows: groups.append(list(rows))) as writer:
            for number in range(1000):
                writer.add(number)
                if number % 100 == 0:
                    await asyncio.sleep(0)

    asyncio.run(play())
    assert [number for group in groups for number in group] == list(range(1000))
    assert len(groups) <= 1000 / GROUP_ROWS + 3


def test_a_single_row_is_kept_soon_without_another_one():
    kept: list[int] = []

    async def play() -> None:
        async with Writer[int](kept.extend) as writer:
            writer.add(1)
            await asyncio.sleep(0.2)
            assert kept == [1]

    asyncio.run(play())


def test_rows_that_come_while_a_group_is_being_written_are_kept_too():
    kept: list[int] = []

    def slow(rows: Sequence[int]) -> None:
        time.sleep(0.02)
        kept.extend(rows)

    async def play() -> None:
        async with Writer[int](slow) as writer:
            for number in range(5):
                writer.add(number)
                await asyncio.sleep(0.015)

    asyncio.run(play())
    assert kept == [0, 1, 2, 3, 4]


def test_the_disk_is_not_waited_for_in_the_event_loop():
    threads: list[int] = []

    async def play() -> None:
        async with Writer[int](lambda _: threads.append(threading.get_ident())) as writer:
            writer.add(1)

    asyncio.run(play())
    assert threads
    assert threading.get_ident() not in threads


def test_a_failure_is_seen_at_once_and_raised_at_the_end():
    def full(rows: Sequence[int]) -> None:
        raise OSError("no space")

    async def play() -> None:
        async with Writer[int](full) as writer:
            assert not writer.failed
            writer.add(1)
            await asyncio.sleep(0.15)
            assert writer.failed

    with pytest.raises(OSError, match="no space"):
        asyncio.run(play())


def test_an_error_in_the_body_does_not_lose_what_was_added():
    kept: list[int] = []

    async def play() -> None:
        async with Writer[int](kept.extend) as writer:
            writer.add(1)
            raise KeyError("body")

    with pytest.raises(KeyError, match="body"):
        asyncio.run(play())
    assert kept == [1]


def test_of_works_side_by_side_none_goes_on_after_an_error():
    went_on: list[str] = []

    async def fails() -> None:
        await asyncio.sleep(0.005)
        raise ValueError("broken")

    async def lasts() -> None:
        await asyncio.sleep(0.05)
        went_on.append("lasts")

    async def play() -> None:
        with pytest.raises(ValueError, match="broken"):
            await together([lasts(), fails(), lasts()])
        await asyncio.sleep(0.07)

    asyncio.run(play())
    assert not went_on
