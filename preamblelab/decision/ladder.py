"""Asking once more: which level comes next, what the end says, and what going on has cost; pure.

Two things climb it. An answer that collapses under a preamble is asked for again under a shorter
one and then under none. A verdict that rejects is asked for again from a larger model and then
from a frontier one. The rules are the same: each level once, in order; each sees the task, never
the word of the level before; a level that is forbidden is not jumped over; what no level settles
stays unresolved (it fails closed); and the first level's word is never replaced, only followed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from preamblelab.domain.steps import Step
from preamblelab.errors import SpecError
from preamblelab.stats.intervals import binomial_limits

__all__ = ["Ladder", "Level", "Share", "Step", "Telemetry", "share", "telemetry"]

UNREACHABLE = "unreachable"
"""The word of a level from which no answer came: a fault of transport, no verdict."""
UNRESOLVED = "unresolved"
"""The tag of an end that no level settled."""

State = Literal["settled", "went_on", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One rung: who is asked, and which of its words end the climb."""

    name: str
    """`preamble`, `shorter`, `none`; `base`, `turbo`, `frontier`."""
    settles: frozenset[str]
    """Words that are final here; any other goes on to the next level."""
    stops: frozenset[str] = frozenset()
    """Words after which going on is no use: the climb ends, unresolved."""
    tag: str = ""
    """What the observation of this level is tagged with; empty on the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Where a climb ended."""

    resolved: bool
    """Whether a level settled it."""
    word: str
    """The word of the level that settled it; else what the ladder says when it fails closed."""
    level: str
    """The last level that was asked."""
    tag: str
    """Tag of that level, or `unresolved`."""
    reason: str
    """Why it ended, in words; empty when the first level settled it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Levels in the order in which they are asked, each at most once.

    Examples:
        >>> fine = frozenset({"ok"})
        >>> ladder = Ladder(levels=(Level(name="long", settles=fine),
        ...                         Level(name="none", settles=fine, tag="fallback")))
        >>> ladder.next([Step(level="long", word="looped")]).name
        'none'
        >>> ladder.end([Step(level="long", word="looped"), Step(level="none", word="ok")]).tag
        'fallback'
    """

    levels: tuple[Level, ...]
    closed: str = "reject"
    """The word of an end that no level settled."""
    usd: float | None = None
    """The most that one climb may cost; None: no limit."""

    def __post_init__(self) -> None:
        """Refuse a ladder without levels, with a level twice, or with a limit that is none."""
        names = [level.name for level in self.levels]
        if not names or len(set(names)) != len(names):
            raise SpecError(f"a ladder needs levels, each once; got: {', '.join(names) or 'none'}")
        if self.usd is not None and not self.usd >= 0:
            raise SpecError(f"a ladder's limit of {self.usd} usd is no amount: give 0 or more")

    def state(self, step: Step) -> State:
        """Whether a step ended the climb, and how."""
        level = self._level(step.level)
        if step.word in level.settles:
            return "settled"
        return "stopped" if step.word in level.stops else "went_on"

    def next(
        self, steps: Sequence[Step], *, forbidden: Mapping[str, str] | None = None
    ) -> Level | None:
        """The level to ask now; None when the climb is over.

        Args:
            steps: what was said so far, in order.
            forbidden: levels that must not be asked, with the reason (privacy, budget).

        Raises:
            SpecError: the steps are not the first levels in their order.
        """
        return None if self._over(steps, forbidden or {}) else self.levels[len(steps)]

    def end(self, steps: Sequence[Step], *, forbidden: Mapping[str, str] | None = None) -> End:
        """What the climb came to.

        Raises:
            SpecError: the climb is not over, or nothing was asked.
        """
        why = self._over(steps, forbidden or {})
        if not steps or not why:
            raise SpecError(
                "this climb is not over, or nothing was asked: ask the next level first"
            )
        last = steps[-1]
        settled = self.state(last) == "settled"
        return End(
            resolved=settled,
            word=last.word if settled else self.closed,
            level=last.level,
            tag=self._level(last.level).tag if settled else UNRESOLVED,
            reason="" if settled and len(steps) == 1 else why,
        )

    def _over(self, steps: Sequence[Step], forbidden: Mapping[str, str]) -> str:
        """Why nothing more is asked; empty while something is."""
        if [step.level for step in steps] != [level.name for level in self.levels[: len(steps)]]:
            raise SpecError(
                f"steps {', '.join(step.level for step in steps)} are not the first levels of "
                f"{', '.join(level.name for level in self.levels)}"
            )
        if not steps:
            first = self.levels[0].name
            return f"{first} is forbidden: {forbidden[first]}" if first in forbidden else ""
        last, state = steps[-1], self.state(steps[-1])
        said = last.told
        if state == "settled" or state == "stopped" or len(steps) == len(self.levels):
            return said
        following = self.levels[len(steps)].name
        if following in forbidden:
            return f"{said}; {following} is forbidden: {forbidden[following]}"
        return f"{said}; {why}" if (why := self._too_dear(steps)) else ""

    def _too_dear(self, steps: Sequence[Step]) -> str:
        if self.usd is None:
            return ""
        if any(step.usd is None for step in steps):
            return f"a limit of {self.usd:g} usd cannot be kept: the price of a level is unknown"
        spent = sum(step.usd or 0.0 for step in steps)
        return f"the limit of {self.usd:g} usd is reached" if spent >= self.usd else ""

    def _level(self, name: str) -> Level:
        for level in self.levels:
            if level.name == name:
                return level
        raise SpecError(f"no level '{name}'; there are: {', '.join(x.name for x in self.levels)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of climbs with its exact (Clopper-Pearson) 95 % interval, 0 to 1."""

    count: int
    of: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share; missing where there is nothing to count."""
        return self.count / self.of if self.of else float("nan")

    def __str__(self) -> str:
        """As a report prints it."""
        if not self.of:
            return "none of 0"
        return f"{self.count} of {self.of} ({self.value:.0%}, {self.low:.0%} to {self.high:.0%})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """How often climbs went on, what that changed, and what it took beyond the first level."""

    went_on: Share
    """Climbs whose first level gave a word that goes on; faults of transport are not among them."""
    by_fault: int
    """Climbs that went on because the first level could not be reached."""
    overturned: Share
    """Of those that went on: settled later, with another word than the first level's."""
    unresolved: int
    """Climbs that no level settled."""
    words: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By level: how often it gave which word."""
    usd_added: float | None = None
    """Beyond the first level; None when a price is unknown."""
    usd_per_overturn: float | None = None
    """None when a price is unknown or nothing was overturned."""
    seconds_added: float | None = None
    """Beyond the first level, summed; None when a time is unknown."""


def telemetry(ladder: Ladder, climbs: Iterable[Sequence[Step]]) -> Telemetry:
    """What climbs of one ladder came to.

    Args:
        ladder: the levels.
        climbs: the steps of each climb, in order; one without steps counts for nothing.
    """
    every = [list(steps) for steps in climbs if steps]
    words: dict[str, dict[str, int]] = {}
    for step in (step for steps in every for step in steps):
        said = words.setdefault(step.level, {})
        said[step.word] = said.get(step.word, 0) + 1
    reached = [steps for steps in every if steps[0].word != UNREACHABLE]
    on = [steps for steps in reached if len(steps) > 1]
    over = [s for s in on if ladder.state(s[-1]) == "settled" and s[-1].word != s[0].word]
    later = [step for steps in every for step in steps[1:]]
    usd, seconds = _sum(step.usd for step in later), _sum(step.seconds for step in later)
    return Telemetry(
        went_on=share(len(on), len(reached)),
        by_fault=sum(len(steps) > 1 for steps in every) - len(on),
        overturned=share(len(over), len(on)),
        unresolved=sum(ladder.state(steps[-1]) != "settled" for steps in every),
        words=words,
        usd_added=usd,
        usd_per_overturn=None if usd is None or not over else usd / len(over),
        seconds_added=seconds,
    )


def share(count: int, of: int) -> Share:
    """A share with its exact 95 % interval; 0 to 1 where there is nothing to count."""
    if not of:
        return Share(count=0, of=0, low=0.0, high=1.0)
    low, high = binomial_limits(np.array([count / of]), np.array([float(of)]), 0.95)
    return Share(count=count, of=of, low=float(low[0]), high=float(high[0]))


def _sum(values: Iterable[float | None]) -> float | None:
    """The sum; None as soon as one is unknown."""
    total = 0.0
    for value in values:
        if value is None:
            return None
        total += value
    return total
