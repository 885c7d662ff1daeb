"""Asynchronous work from plain calls, also where a loop is running already: in a notebook."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from typing import Any, TypeVar

T = TypeVar("T")


def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Do asynchronous work and give its result.

    A notebook calls us from within its own event loop, where `asyncio.run` is refused. There the
    work gets a loop in a thread of its own; an interrupt of the cell cancels it, and is raised
    only when it has ended.
    """
    # Never inside an `except`: every error of the work would carry the caught one as its context,
    # and a failed call would be told as "no running event loop".
    return _beside(work) if _loop_runs() else asyncio.run(work)


def _loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _beside(work: Coroutine[Any, Any, T]) -> T:
    ended: Future[T] = Future()
    begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[T]]] = Future()

    async def main() -> T:
        task = asyncio.ensure_future(work)
        begun.set_result((asyncio.get_running_loop(), task))
        return await task

    def thread() -> None:
        try:
            ended.set_result(asyncio.run(main()))
        except BaseException as error:  # noqa: BLE001 - it is raised by whoever waits
            ended.set_exception(error)

    # The context tells a notebook which cell an output belongs to.
    worker = threading.Thread(target=copy_context().run, args=(thread,), name="preamblelab")
    worker.start()
    try:
        return ended.result()
    except KeyboardInterrupt:
        loop, task = begun.result()
        with suppress(RuntimeError):  # it has just ended by itself
            loop.call_soon_threadsafe(task.cancel)
        raise
    finally:
        worker.join()
