"""One step of asking once more: what a level said, beside the step before it."""

from dataclasses import dataclass, replace

from preamblelab.domain.records import Response


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

    @property
    def told(self) -> str:
        """The step in words: "base said reject", with its reason where it has one."""
        return f"{self.level} said {self.word}" + (f" ({self.reason})" if self.reason else "")


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

    def stepped(self, level: str, word: str, *, tag: str, key: str, response: Response) -> "Climb":
        """The climb with one step more.

        Args:
            level: who was asked.
            word: what it came to.
            tag: of the level.
            key: address of the answer in the store.
            response: the answer.
        """
        step = Step(
            level=level,
            word=word,
            key=key,
            parent=self.steps[-1].key if self.steps else "",
            tag=tag,
            reason=response.reason,
            usd=response.usd,
            seconds=response.seconds,
        )
        return replace(self, steps=(*self.steps, step))
