"""The records that go into the store and come out of it, one class per kind of row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from preamblelab.domain.records import Rating

DeliveryState = Literal["delivered", "undelivered", "unknown"]
"""Whether a preamble reached a model; `unknown` until somebody has looked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookPlan:
    """The interim looks at an experiment, as recorded before its first call."""

    plan: Mapping[str, Any]
    """Looks, margin, error and order of tasks, as plain values."""
    marking: str
    """Address of the marking that the looks read."""
    answered: int
    """Trials of the variants whose answers the store held already, from other experiments."""
    created: str
    """When, in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTrial:
    """One trial of an experiment under the names that the experiment gives it."""

    ordinal: int
    """Place in the order of asking, from 0; each number once in an experiment."""
    model: str
    size: str
    """`tiny`, `mid`, `large` or `unknown`."""
    family: str | None = None
    variant: str
    """Label of the arm; `baseline` has no system message."""
    part: str = ""
    """Which text of the preamble was taken: `common`, `tiny`, ...; empty for the baseline."""
    version: str = ""
    """The preamble's version."""
    task: str
    task_digest: str
    """Address of what the task asks and expects; marks belong to it, not to the name."""
    category: str = "general"
    cluster: str | None = None
    """What dependent tasks share; None when the task stands alone."""
    repetition: int = 1
    response_key: str
    """`Request.key` of the call that answers this trial; several trials may share one answer."""
    simulated: bool = False
    """Whether the answer comes from a simulated model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingRow:
    """A rating, and what it is a rating of."""

    response_key: str
    mark_key: str
    """Address of the way of marking: scorer, rubric and whatever else decides the points."""
    judge_response_key: str | None = None
    """The judge's own stored answer, where a judge gave the points."""
    rating: Rating


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgementRow:
    """What one judgement of one judge came to on one dimension of one response."""

    response_key: str
    mark_key: str
    scorer: str
    dimension: str
    points: float | None
    """The sum over its criteria; None where one of them is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRow:
    """The points of one dimension after all scorers and judgements were put together."""

    response_key: str
    task_digest: str
    marking: str
    """Address of rubric, scorers and how their points are put together."""
    dimension: str
    points: float | None
    """From 0 to `maximum`; None is missing, for the reason in `status`."""
    maximum: float
    """Points of the dimension; those of all dimensions of a marking add up to 100."""
    status: str = "ok"
    """`failed` means that no judge could be reached: such a trial counts as unmarked."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkingEntry:
    """One way in which an experiment was marked."""

    marking: str
    document: Mapping[str, Any]
    """What it consists of; `mark_keys` lists the ratings it is made from."""
    created: str
    """When it was last made the current one, in UTC."""
    current: bool
    """Whether tables use it when none is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Whether the preamble of one variant reached one model."""

    model: str
    variant: str
    state: DeliveryState
    reasons: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    created: str = ""
    """When it was found, in UTC; filled in by the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentEntry:
    """One line of the list of experiments."""

    name: str
    created: str
    """First registered, in UTC."""
    updated: str
    """Last registered with a change, in UTC."""
    trials: int
    answered: int
    """Trials that have an answer."""
    question: str
    simulated: bool
    """Whether any trial is answered by a simulated model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmProgress:
    """How far one variant on one model is."""

    model: str
    variant: str
    trials: int
    answered: int
    failed: int
    """Trials without an answer of which some call failed."""
    marked: int
    """Answers with marks under the current marking."""
    tokens: int
    """Of the answers and what was asked for them."""
    usd: float
    """Of the answers whose price is known."""
    unpriced: int
    """Answers whose price is not known."""
    simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRating:
    """A rating, and the judge's own stored answer where a judge gave it."""

    rating: Rating
    judge_response_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One call without an answer."""

    created: str
    """When, in UTC."""
    reason: str
    attempts: int
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What calls have used up; imported answers, which nobody paid for here, are left out."""

    calls: int = 0
    """Calls with or without an answer."""
    attempts: int = 0
    """Requests sent, retries included."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0
    """Of the calls whose price is known."""
    unpriced: int = 0
    """Calls whose price is not known, so that `usd` is a lower bound when this is not 0."""
    by_role: Mapping[str, "Spend"] = field(default_factory=dict)
    """The same for each of `subject`, `judge`, `probe`, `warm_up` that occurs."""
