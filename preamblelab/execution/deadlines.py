"""Total, first-token and idle deadlines of one call, by one lazy timer."""

import asyncio
from types import TracebackType
from typing import Self

from preamblelab.execution.clients import Fault, Limits

_GRACE_SECONDS = 0.001


class Deadlines:
    """Ends the body of an `async with` by `Fault("timeout")` when a limit has passed.

    One timer is alive at a time, and it looks at what has happened when it fires: to move a timer
    for every streamed piece would cost more than to read the piece.
    """

    __slots__ = (
        "_cancelling", "_expired", "_first_by", "_handle", "_idle_by", "_limits", "_loop",
        "_task", "_total_by", "first_piece_at", "started",
    )  # fmt: skip

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._expired = ""
        self._handle: asyncio.TimerHandle | None = None
        self.first_piece_at: float | None = None
        """Loop time of the first piece of text."""
        self.started = 0.0
        """Loop time of the start."""

    async def __aenter__(self) -> Self:
        """Start the clock."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("Deadlines need a running task")
        self._task = task
        self._cancelling = task.cancelling()
        self._loop = asyncio.get_running_loop()
        self.started = now = self._loop.time()
        self._total_by = now + self._limits.deadline_seconds
        self._first_by = now + self._limits.first_token_seconds
        self._idle_by: float | None = None
        self._handle = self._loop.call_at(min(self._total_by, self._first_by), self._look)
        return self

    def piece(self) -> None:
        """A piece of text has come; keep-alive signals are none."""
        now = self._loop.time()
        if self.first_piece_at is None:
            self.first_piece_at = now
            if self._handle is not None and self._limits.idle_seconds < self._handle.when() - now:
                self._handle.cancel()
                self._handle = self._loop.call_at(now + self._limits.idle_seconds, self._look)
        self._idle_by = now + self._limits.idle_seconds

    def whole(self) -> None:
        """The answer comes in one piece: from here on only the total deadline holds."""
        self._first_by = self._total_by
        self._idle_by = None

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._loop.time() - self.started

    @property
    def first_token_seconds(self) -> float | None:
        """Seconds until the first piece of text; None before it."""
        return None if self.first_piece_at is None else self.first_piece_at - self.started

    def _look(self) -> None:
        now = self._loop.time()
        waits_for_first = self.first_piece_at is None
        quiet_by = self._first_by if waits_for_first else (self._idle_by or self._total_by)
        limits = self._limits
        if now >= self._total_by - _GRACE_SECONDS:
            self._expired = f"no complete answer within {limits.deadline_seconds:g} s"
        elif now >= quiet_by - _GRACE_SECONDS:
            self._expired = (
                f"no text within {limits.first_token_seconds:g} s"
                if waits_for_first
                else f"the answer stood still for {limits.idle_seconds:g} s"
            )
        else:
            self._handle = self._loop.call_at(min(self._total_by, quiet_by), self._look)
            return
        self._handle = None
        self._task.cancel()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the clock; turn our own cancellation into a fault.

        Raises:
            Fault: a limit had passed.
        """
        if self._handle is not None:
            self._handle.cancel()
        if not self._expired:
            return
        # A cancellation from outside that came together with ours must win.
        ours_alone = self._task.uncancel() <= self._cancelling
        if ours_alone and (kind is None or not issubclass(kind, KeyboardInterrupt)):
            raise Fault("timeout", self._expired) from error
