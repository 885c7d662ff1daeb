"""Group commit: many rows, one transaction, off the event loop; and works side by side."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final, Generic, Self, TypeVar

GROUP_SECONDS: Final = 0.05
GROUP_ROWS: Final = 200

T = TypeVar("T")


class Writer(Generic[T]):
    """Commits rows in groups, away from the event loop.

    Durable commits (an fsync each) are dear; a group makes them as cheap as careless ones. The
    first row that waits is at most `GROUP_SECONDS` old when its group goes to the disk.
    """

    def __init__(self, keep: Callable[[Sequence[T]], None]) -> None:
        self._keep = keep
        self._waiting: list[T] = []
        self._wake = asyncio.Event()
        self._full = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        self._wake.set()
        self._full.set()
        if self._task is not None:
            await self._task

    @property
    def failed(self) -> bool:
        """Whether the store refused a group; no further call should be paid for."""
        return self._task is not None and self._task.done()

    def add(self, row: T) -> None:
        """Queue one row."""
        self._waiting.append(row)
        self._wake.set()
        if len(self._waiting) >= GROUP_ROWS:
            self._full.set()

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            if not self._closing and len(self._waiting) < GROUP_ROWS:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._full.wait(), GROUP_SECONDS)
            group, self._waiting = self._waiting, []
            self._wake.clear()
            self._full.clear()
            if group:
                await asyncio.to_thread(self._keep, group)
            elif self._closing:
                return
            if self._closing:
                self._wake.set()


async def together(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all works side by side; when one ends in an error, none of the others goes on."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
