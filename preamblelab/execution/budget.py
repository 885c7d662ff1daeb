"""Counts calls, tokens, money and minutes, and stops before a limit is passed.

Every call reserves its worst case before it is sent and settles what it really took, so that
concurrent calls cannot pass a limit together.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from preamblelab.domain.experiments import Budget
from preamblelab.errors import BudgetError

_ROUNDING_USD: Final = 1e-9


class BudgetSpent(Exception):  # noqa: N818 - it ends a run in good order, it is no error
    """No further call fits under a limit."""

    def __init__(self, limit: str) -> None:
        super().__init__(limit)
        self.limit = limit
        """The limit in words, e.g. `budget.calls: 100`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The most that one call can take."""

    tokens: int
    usd: float | None
    """None when the price is unknown."""


@dataclass(slots=True, kw_only=True)
class Meter:
    """What a run has taken, and what its calls in flight may still take."""

    budget: Budget = field(default_factory=Budget)
    clock: Callable[[], float] = time.monotonic
    calls: int = 0
    tokens: int = 0
    usd: float = 0.0
    unpriced_calls: int = 0
    """Calls whose price nobody knows; they are not in `usd`."""
    _open: list[Reservation] = field(default_factory=list)
    _started: float = 0.0
    _settled: asyncio.Event | None = None

    def __post_init__(self) -> None:
        self._started = self.clock()

    async def reserve(self, tokens: int, usd: float | None) -> Reservation:
        """Book the worst case of a call; wait while calls in flight may still free room.

        Args:
            tokens: prompt and answer at most.
            usd: cost at most; None when the price is unknown (refused beforehand under a limit).

        Raises:
            BudgetSpent: it does not fit, and nothing in flight can change that.
        """
        wanted = Reservation(tokens=tokens, usd=usd)
        while (limit := self._passed_by(wanted)) is not None:
            if not self._open or limit.startswith(("budget.minutes", "budget.calls")):
                raise BudgetSpent(limit)
            self._settled = self._settled or asyncio.Event()
            self._settled.clear()
            await self._settled.wait()
        self.calls += 1
        self._open.append(wanted)
        return wanted

    def settle(self, reservation: Reservation, *, tokens: int | None, usd: float | None) -> None:
        """Book what a call really took.

        Args:
            reservation: what was booked for it; it stays booked where the truth is unknown.
            tokens: prompt and answer; None when unknown: the worst case stays.
            usd: cost; None when unknown: the worst case stays.
        """
        self._open.remove(reservation)
        self.tokens += reservation.tokens if tokens is None else tokens
        booked = reservation.usd if usd is None else usd
        self.usd += booked or 0.0
        self.unpriced_calls += booked is None
        if self._settled is not None:
            self._settled.set()

    def give_back(self, reservation: Reservation) -> None:
        """Undo a reservation whose call was not sent."""
        self._open.remove(reservation)
        self.calls -= 1
        if self._settled is not None:
            self._settled.set()

    def _passed_by(self, wanted: Reservation) -> str | None:
        budget = self.budget
        if budget.minutes is not None and self.clock() - self._started >= budget.minutes * 60:
            return f"budget.minutes: {budget.minutes:g}"
        if budget.calls is not None and self.calls + 1 > budget.calls:
            return f"budget.calls: {budget.calls}"
        if budget.tokens is not None:
            booked = self.tokens + sum(each.tokens for each in self._open)
            if booked + wanted.tokens > budget.tokens:
                too_much = _more_than_all(f"{wanted.tokens}", wanted.tokens > budget.tokens)
                return f"budget.tokens: {budget.tokens}{too_much}"
        if budget.usd is not None:
            usd = wanted.usd or 0.0
            booked_usd = self.usd + sum(each.usd or 0.0 for each in self._open)
            if booked_usd + usd > budget.usd + _ROUNDING_USD:
                too_much = _more_than_all(f"{usd:.4f}", usd > budget.usd + _ROUNDING_USD)
                return f"budget.usd: {budget.usd:g}{too_much}"
        return None


def _more_than_all(one: str, more: bool) -> str:
    """A limit that no call fits under would stop every run at its first trial: say so."""
    words = f"; one call alone may take {one}: raise the limit, or lower max_tokens"
    return words if more else ""


def refuse_unpriced(budget: Budget, unpriced: list[str]) -> None:
    """Refuse a money limit that cannot be kept.

    Args:
        budget: the limits.
        unpriced: names of the models whose price nobody knows.

    Raises:
        BudgetError: there is a limit in usd and a model without a price.
    """
    if budget.usd is None or not unpriced or budget.assume_usd_per_million_tokens is not None:
        return
    raise BudgetError(
        f"budget.usd cannot be kept: no price is known for {', '.join(unpriced)}; give each a "
        "'price:' in models.yaml, or state budget.assume_usd_per_million_tokens"
    )
