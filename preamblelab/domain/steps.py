"""One step of asking once more: what a level said, beside the step before it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one level of a ladder said: one stored observation."""

    level: str
    """`preamble`, `shorter`, `none`; `base`, `turbo`, `frontier`."""
    word: str
    """Its outcome or verdict; `unreachable` where no answer came."""
    key: str = ""
    """Address of the answer in the store."""
    parent: str = ""
    """Address of the answer one level before; empty on the first."""
    tag: str = ""
    """`preamble-fallback`, `turbo-escalation`; empty on the first."""
    reason: str = ""
    usd: float | None = None
    """None when the price is unknown, never 0 for that."""
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """The steps that one question took, in order."""

    ladder: str
    """Which ladder: `preamble`, `review`."""
    name: str
    """Tells climbs apart; one question asked twice is two climbs."""
    subject: str
    """What was asked first: a model's id, a role."""
    steps: tuple[Step, ...]
    about: str = ""
    """What is climbed for: a preamble's id, a task."""
    simulated: bool = False
