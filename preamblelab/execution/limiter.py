"""How many calls an endpoint gets at one time, and when it is left alone.

Additive increase, multiplicative decrease: a 429 cuts the limit to four fifths of the calls that
were in flight and pauses the endpoint; a full round of successes raises it by one. Near a number
that was refused before, it takes many rounds: a limit that was found must not be run into again
and again. Server errors (5xx) stop the growth only: they say that something is broken, not that
we are too many.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

DECREASE: Final = 0.8
CAREFUL_ROUNDS: Final = 20
"""Rounds of successes before a number of calls that was refused is tried again."""


@dataclass(slots=True, kw_only=True)
class Limiter:
    """The gate of one endpoint, shared by subjects and judges."""

    most: int
    """The highest number of calls at one time."""
    clock: Callable[[], float] = time.monotonic
    limit: float = 0.0
    """The number allowed now."""
    running: int = 0
    paused_until: float = 0.0
    waiting_for: str = ""
    """Why calls wait, for the progress line; empty when they do not."""
    _successes: int = 0
    _refused_at: int | None = None
    _waiters: deque[asyncio.Future[None]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.limit = float(self.most)

    async def enter(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Wait for a place, first come first served; leave it with `leave`."""
        await self._pause_over(sleep)
        if self.running < self._allowed() and not self._waiters:
            self.running += 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
            await self._pause_over(sleep)
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                self.leave()  # the place that was handed over goes to the next
            raise

    async def _pause_over(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        while (pause := self.paused_until - self.clock()) > 0:
            await sleep(pause)

    def leave(self) -> None:
        """Give the place back and wake one who waits."""
        self.running -= 1
        self._wake()

    def succeeded(self) -> None:
        """Grow by one after as many successes as the limit allows calls."""
        self.waiting_for = ""
        if self.limit >= self.most:
            return
        self._successes += 1
        careful = self._refused_at is not None and self._allowed() + 1 >= self._refused_at
        if self._successes >= self._allowed() * (CAREFUL_ROUNDS if careful else 1):
            self._successes = 0
            self.limit = min(float(self.most), self._allowed() + 1.0)
            self._wake()

    def refused(self, pause_seconds: float, reason: str) -> None:
        """Shrink after a 429, and leave the whole endpoint alone for a while.

        Call it before `leave`, so that the refused call counts as running.
        """
        self.limit = max(1.0, min(self.limit, self.running * DECREASE))
        self._refused_at = max(2, self.running)
        self._successes = 0
        self.pause(pause_seconds, reason)

    def troubled(self) -> None:
        """Stop growing after a server error."""
        self._successes = 0

    def pause(self, seconds: float, reason: str) -> None:
        """Let nobody in for this many seconds."""
        self.paused_until = max(self.paused_until, self.clock() + seconds)
        self.waiting_for = reason

    def _allowed(self) -> int:
        return max(1, int(self.limit))

    def _wake(self) -> None:
        """Hand free places over to those who wait, so that nobody can come before them."""
        while self._waiters and self.running < self._allowed():
            waiter = self._waiters.popleft()
            if not waiter.done():
                self.running += 1
                waiter.set_result(None)
