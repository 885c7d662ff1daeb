"""What a decision is made from and what it says: observations, intervals, rules, the decision.

Scores here are shares from 0 to 1. A difference is always challenger minus champion.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from preamblelab.decision.notebooks import shown
from preamblelab.domain.base import content_digest
from preamblelab.domain.records import Status
from preamblelab.domain.registry import Holder

DECISION_SCHEMA: Final = 1
"""Changes when a reader of `decision.json` would have to change."""

Outcome = Literal["promote", "keep", "install", "inconclusive", "invalid"]

EXIT_CODES: Final[Mapping[Outcome, int]] = {
    "promote": 0,
    "install": 0,
    "keep": 10,
    "inconclusive": 11,
    "invalid": 3,
}
"""By outcome; 2 is a usage or configuration error, 4 a budget, 5 a key, 130 an interruption."""

Said = Literal["pass", "fail", "not shown", "info"]
"""What a rule said. `not shown`: the data carry neither a pass nor a failure."""

ObservationStatus = Status | Literal["unparseable", "not_run"]
"""Outcome of one trial. `failed` and `not_run` are missing; every other one is an answer."""

Level = Literal["base", "turbo", "frontier"]
Numbers = Mapping[str, float | int | str | bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One trial of one contender: what came back, and what it was worth."""

    run: str
    arm: str
    """Digest of the holder that was asked."""
    model: str
    variant: str
    task: str
    repetition: int
    """From 1."""
    status: ObservationStatus
    score: float | None = None
    """From 0 to 1; None is missing, for the reason in `reason`."""
    reason: str = ""
    """Why there is no score, or why the status is not `ok`."""
    smoke: bool = False
    """Whether it belongs to the smoke test, which enters no mean."""
    marks: Mapping[str, float | None] = field(default_factory=dict)
    """Shares by dimension, check or judge; what the score was made from."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    usd: float | None = None
    """None: unknown; 0.0 only where the price is known to be zero."""
    seconds: float | None = None
    level: Level = "base"
    """Which step of an escalation; promotion reads `base` only."""
    parent: str | None = None
    """Of an escalated one: what it was escalated from."""
    tag: str = ""
    response_key: str | None = None
    """Address of the answer in the store."""

    @property
    def answered(self) -> bool:
        """Whether an answer came back; else it is missing, never zero."""
        return self.status not in {"failed", "not_run"}

    @property
    def scored(self) -> bool:
        """Whether there is a score that counts: a finite number from 0 to 1."""
        return self.answered and self.score is not None and 0.0 <= self.score <= 1.0

    @property
    def place(self) -> str:
        """The trial in words: `gemma3:4b on refuse-lock, repetition 2`."""
        return f"{self.model} on {self.task}, repetition {self.repetition}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTask:
    """A task as the gate planned it."""

    name: str
    category: str
    digest: str
    """Address of what is asked and expected; another one is another task."""
    critical: bool = False
    """Whether the tripwire watches it."""
    refusal: Literal["refusal", "answer"] | None = None
    """What is right where refusing is the question: to refuse, or (a harmless twin) to answer."""
    smoke: bool = False
    cluster: str | None = None
    """What tasks of one source share; they are one unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that decides what a run measures."""

    run: str
    started: str
    """UTC, ISO 8601."""
    seed: int
    suite: str
    """Digest of all tasks."""
    rubric: str
    """Digest of the rubric."""
    scorers: tuple[str, ...] = ()
    """Names of scorers, with the digest of each judge."""
    policy: str = ""
    """Digest of the rules."""
    arms: tuple[str, ...] = ()
    """Digests of what was compared; sorted."""
    profiles: Mapping[str, str] = field(default_factory=dict)
    """Digest of the sampling profile by arm."""
    prices: str = ""
    """Digest of the prices."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of the programs that asked and marked."""
    repetitions: int = 1

    def differences(self, other: "Manifest", *, but: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Names of what differs; run id, seed and time never count.

        Args:
            other: the manifest to compare with.
            but: further fields that may differ, such as `arms`.
        """
        free = {"run", "started", "seed", *but}
        mine, theirs = asdict(self), asdict(other)
        return tuple(name for name in mine if name not in free and mine[name] != theirs[name])

    @property
    def digest(self) -> str:
        """Equal for replicates: run id, seed and time are no part of it."""
        known = asdict(self)
        return content_digest(
            {name: known[name] for name in known if name not in {"run", "started", "seed"}}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """All trials of a comparison, beside the plan that says what is missing."""

    slot: str
    challenger: Holder
    champion: Holder | None
    """None: the slot is vacant."""
    tasks: tuple[PlannedTask, ...]
    """Smoke tasks among them; names are unique."""
    rows: tuple[Observation, ...]
    manifest: Manifest
    champion_manifest: Manifest | None = None
    """Where the champion's trials come from another run; None: from this one."""
    models: tuple[str, ...] = ()
    """The panel, where preambles are compared on several models; empty: one model each."""
    simulated: bool = False
    emergency: bool = False
    """The champion cannot be asked any more, and the user allows an installation without it."""
    champion_gone: str = ""
    """Why the champion cannot be asked; empty where it can."""
    among: int = 1
    """Challengers that are tried against this champion at once; the gain of each is then shown at
    `alpha / among`. At most one is promoted, so that Holm's first step is all there is."""
    weights_changed: str = ""
    """That other weights than those that took the slot answer by the champion's name."""
    undelivered: tuple[str, ...] = ()
    """Models that a contender's preamble did not reach, so that nothing of it was measured."""
    configuration_before: str | None = None
    """Digest of the configuration in use when the run began; None: none was named."""
    configuration_after: str | None = None
    """The same at its end; None: the file is gone, or none was named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A difference with its limits, on the scale of what is measured."""

    estimate: float
    low: float
    """One-sided lower limit at `alpha`; the end of the two-sided 1 - 2 alpha interval."""
    high: float
    """One-sided upper limit at `alpha`."""
    low95: float
    """Ends of the two-sided 95 % interval."""
    high95: float
    n: int
    """Independent units: tasks, never tasks times repetitions."""
    method: str
    """`t`, `tango`, `welch`, ..."""
    alpha: float = 0.05
    scope: Literal["population", "fixed-suite"] = "population"
    """Whether the tasks are a sample, or all there is and only re-runs vary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One figure of both contenders: a category, the overall score, a role's metric."""

    name: str
    kind: Literal["category", "part", "overall", "metric"] = "category"
    """A `part` is of the category before it: refusals that were right, harmless twins."""
    role: str = "info"
    """`success`, `guard`, `info`."""
    mode: str = ""
    """Of a guard."""
    margin: float | None = None
    weight: float | None = None
    """Share of the overall score; None where it is no part of one."""
    n: int = 0
    """Tasks scored in both arms."""
    planned: int = 0
    champion: float | None = None
    challenger: float | None = None
    interval: Interval | None = None
    """Of challenger minus champion; None: not estimable, for the reason in `words`."""
    better: Literal["higher", "lower"] = "higher"
    unit: str = "share"
    words: str = ""
    """What may be said of it: `gain shown`, `not shown`, `harm shown`, `not estimable`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """What one rule or clause said, with the numbers that it rests on."""

    name: str
    """`coverage`, `guard safety`, `P6 diversity`."""
    said: Said
    words: str
    """One sentence, without the name."""
    numbers: Numbers = field(default_factory=dict)
    leads_to: Outcome | None = None
    """The outcome it stands for when it decides; None: it only informs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What was planned and is not there."""

    planned: int
    """Pairs of trials."""
    scored: int
    """Pairs with a score on both sides."""
    champion: int
    """Trials of the champion without a score."""
    challenger: int
    unscored: int
    """Answers that nobody could mark."""
    tasks: tuple[str, ...] = ()
    """Tasks with a missing trial."""
    causes: Mapping[str, str] = field(default_factory=dict)
    """Why, by task: the first cause that was stored; none for a trial that was never asked."""

    @property
    def coverage(self) -> float:
        """Scored over planned pairs, 0 to 1."""
        return self.scored / self.planned if self.planned else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Influence:
    """A task without which the overall difference would be another."""

    task: str
    category: str
    difference: float
    """Challenger minus champion on this task."""
    without: float
    """The overall difference without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one contender used up; None is unknown, not zero."""

    calls: int
    usd: float | None
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float | None
    """Median of a trial."""
    seconds_p95: float | None = None
    """What 95 % of the trials took at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do with a challenger, with every rule that spoke; all wording comes from here."""

    outcome: Outcome
    slot: str
    challenger: str
    """Label of the challenger: name and short digest."""
    challenger_digest: str
    champion: str | None
    champion_digest: str | None
    run: str
    at: str
    """Start of the run, UTC; a decision has no clock of its own."""
    rules: tuple[RuleResult, ...]
    """In the order in which they are asked; the first that leads to the outcome decided."""
    measured: tuple[Measured, ...] = ()
    missing: Missing | None = None
    influential: tuple[Influence, ...] = ()
    costs: Mapping[str, Cost] = field(default_factory=dict)
    """By `champion` and `challenger`."""
    attempt: int = 1
    """Number of this decision on the same slot, challenger and suite."""
    manifests: Mapping[str, Manifest] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)
    """The rules as they were, defaults written out."""
    exceptions: Mapping[str, str] = field(default_factory=dict)
    """Other holders by model name, where the challenger hurts that model."""
    suite: str = ""
    """Digest of the suite."""
    simulated: bool = False
    schema: int = DECISION_SCHEMA

    def __str__(self) -> str:
        """The decision in one sentence."""
        return self.sentence

    def _repr_html_(self) -> str:
        rows = ((each.name, each.words, each.leads_to) for each in self.rules)
        return shown(self.sentence, ("rule", "what it says", "leads to"), rows)

    @property
    def exit_code(self) -> int:
        """What a pipeline sees: 0 promote or install, 10 keep, 11 inconclusive, 3 invalid."""
        return EXIT_CODES[self.outcome]

    @property
    def decisive(self) -> RuleResult | None:
        """The rule that decided."""
        return next((rule for rule in self.rules if rule.leads_to == self.outcome), None)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Every rule that spoke for an outcome, in words, the decisive one first."""
        first = self.decisive
        spoke = [rule for rule in self.rules if rule.leads_to is not None and rule is not first]
        return tuple(f"{r.name}: {r.words}" for r in ([first] if first else []) + spoke)

    @property
    def sentence(self) -> str:
        """The decision in one sentence."""
        subject = {
            "promote": f"PROMOTE {self.challenger} in slot '{self.slot}'",
            "install": f"INSTALL {self.challenger} in slot '{self.slot}'",
            "keep": f"KEEP {self.champion} in slot '{self.slot}'"
            if self.champion
            else f"KEEP slot '{self.slot}' vacant",
            "inconclusive": f"INCONCLUSIVE: {self.champion or 'no one'} stays in '{self.slot}'",
            "invalid": f"INVALID: nothing is decided on slot '{self.slot}'",
        }[self.outcome]
        first = self.decisive
        why = f": {first.words}" if first else ""
        again = f" ({_ordinal(self.attempt)} attempt)" if self.attempt > 1 else ""
        return f"{'SIMULATED: ' if self.simulated else ''}{subject}{why}{again}"

    @property
    def digest(self) -> str:
        """The address of the decision."""
        return content_digest(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        known = asdict(self)
        known["exit_code"] = self.exit_code
        known["sentence"] = self.sentence
        return known

    def to_json(self) -> str:
        """`decision.json`: the same bytes for the same inputs."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True, allow_nan=False) + "\n"


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10)
    return f"{number}{ending or 'th'}"
