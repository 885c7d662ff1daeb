"""Asynchronous work runs to its end from a script, from a notebook's loop, and when interrupted."""

import asyncio
import contextvars
import os
import signal
import threading
import time

import pytest

from preamblelab.lab.looping import to_the_end

WHERE: contextvars.ContextVar[str] = contextvars.ContextVar("WHERE", default="nowhere")


async def told(value: str) -> tuple[str, str]:
    await asyncio.sleep(0)
    return value, WHERE.get()


def test_a_script_and_a_running_loop_get_the_same() -> None:
    WHERE.set("here")
    assert to_the_end(told("x")) == ("x", "here")

    async def cell() -> tuple[str, str]:
        WHERE.set("in the cell")
        return to_the_end(told("x"))

    assert asyncio.run(cell()) == ("x", "in the cell")


def test_what_goes_wrong_in_a_notebook_is_raised_there() -> None:
    async def wrong() -> None:
        raise ZeroDivisionError

    async def cell() -> None:
        to_the_end(wrong())

    with pytest.raises(ZeroDivisionError):
        asyncio.run(cell())


def test_an_error_carries_nothing_that_was_caught_before_it() -> None:
    """Inside an `except` each error of the work would carry "no running event loop"."""

    async def wrong() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        to_the_end(wrong())
    assert caught.value.__context__ is None


def test_an_interrupted_cell_ends_its_work_before_it_goes_on() -> None:
    ended: list[str] = []

    async def long() -> None:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cleanly")

    async def cell() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # as a kernel has it
        with pytest.raises(KeyboardInterrupt):
            to_the_end(long())
        assert ended == ["cleanly"]

    began = time.monotonic()
    asyncio.run(cell())
    assert time.monotonic() - began < 30
