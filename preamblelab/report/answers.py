"""What lies behind one number: a trial with its answer, marks, ratings and evidence; and pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Points of one dimension, after all scorers were put together."""

    dimension: str
    points: float | None
    """From 0 to `maximum`; None is missing, for the reason in `reason`."""
    maximum: float
    status: str = "ok"
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What one scorer said of one criterion, or of a whole dimension."""

    scorer: str
    dimension: str
    criterion: str = ""
    """Its text; empty for the whole dimension."""
    points: float | None = None
    maximum: float | None = None
    status: str = "ok"
    reason: str = ""
    quotes: tuple[str, ...] = ()
    """What the points rest on: the judge's words, quotes of the answer, counts."""
    flags: tuple[str, ...] = ()
    judgement: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """What happened when an answer was run, in one mode."""

    mode: str
    """`strict`: as the model wrote it; `repaired`: after small named repairs."""
    figures: Mapping[str, Any]
    """Columns of `Store.evidence`: loads, tests, passed, failed, mutants, killed, ..."""
    details: Sequence[Mapping[str, Any]] = ()
    """One for each test, case or mutant: name, outcome, message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One trial with everything that is known of it; texts are the models', and foreign."""

    model: str
    variant: str
    task: str
    repetition: int
    response_key: str = ""
    size: str = ""
    category: str = ""
    score: float | None = None
    status: str = "ok"
    reason: str = ""
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    messages: tuple[Mapping[str, Any], ...] = ()
    """Exactly as they were sent: role and content."""
    facts: tuple[tuple[str, str], ...] = ()
    """Tokens, seconds, price, served model: name and value, ready to be read."""
    marks: tuple[Mark, ...] = ()
    opinions: tuple[Opinion, ...] = ()
    executed: tuple[Executed, ...] = ()

    @property
    def name(self) -> str:
        """Which trial it is."""
        return f"{self.model}, {self.variant}, {self.task}, repetition {self.repetition}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Both answers to one task in one repetition of one model, and why they are worth reading."""

    baseline: Answer
    variant: Answer
    why: str = ""
    """Why a report shows this pair among many."""

    @property
    def difference(self) -> float | None:
        """Points that the variant's answer has more; None where a score is missing."""
        if self.baseline.score is None or self.variant.score is None:
            return None
        return self.variant.score - self.baseline.score


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a report comes from: what somebody needs to make it again."""

    commands: tuple[str, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    """Programs with their versions."""
    digests: tuple[tuple[str, str], ...] = ()
    """What was compared, with the digest of its content."""
    seed: int | None = None
    imported: bool = False
    """Whether the answers came from a file and cannot be asked again from here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """The pairs that a report shows, out of how many."""

    pairs: tuple[Pair, ...] = ()
    of: int = 0
    """Pairs that there are."""
    rule: str = ""
    """How the shown ones were chosen, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What a page shows beyond the tables of a report."""

    telling: Telling = field(default_factory=Telling)
    dimensions: "DataFrame | None" = None
    """Points by dimension, means of repetitions: model, variant, task, dimension, points,
    maximum."""
    saved: tuple[str, ...] = ()
    """What was not spent, and why, in sentences."""
    origin: Origin = field(default_factory=Origin)
    note: str = ""
    """Why there is nothing of all this, where there is nothing."""
