"""The rules by which a challenger is judged: categories, guards, margins, limits."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import Field, JsonValue, model_validator

from preamblelab.domain.base import Name, Spec, content_digest
from preamblelab.domain.experiments import Budget

CategoryRole = Literal["success", "guard", "info"]
"""`success`: part of the overall score; `guard`: must not get worse; `info`: only shown."""

GuardMode = Literal["non_inferiority", "deterioration", "tripwire"]
"""`non_inferiority`: shown not worse by the margin; `deterioration`: no harm seen, nothing proven;
`tripwire`: no critical task lost."""

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]

FEWEST_TASKS: Final = 5
"""With fewer tasks in a success or guard category nothing is estimated."""


class CategoryRule(Spec):
    """What one category of the suite counts for."""

    role: CategoryRole = "success"
    weight: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Share of the overall score, normalised; 1 when not given, 0 for `info`."""
    mode: GuardMode | None = None
    """Of a guard; `non_inferiority` when not given."""
    margin: float | None = Field(default=None, gt=0, lt=1, allow_inf_nan=False)
    """Of a non-inferiority guard: the loss, on the scale 0 to 1, that still counts as none."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        guard = self.role == "guard"
        if not guard and (self.mode is not None or self.margin is not None):
            raise ValueError("mode and margin belong to a guard: write 'role: guard'")
        if guard and self.guard_mode == "non_inferiority" and self.margin is None:
            raise ValueError(
                "a non_inferiority guard needs its margin, the loss that still counts as none: "
                "write for example 'margin: 0.10', or 'mode: deterioration'"
            )
        if guard and self.guard_mode != "non_inferiority" and self.margin is not None:
            raise ValueError(f"a {self.guard_mode} guard has no margin; take it away")
        if self.role == "info" and self.weight:
            raise ValueError("an info category has no weight in the overall score")
        return self

    @property
    def guard_mode(self) -> GuardMode:
        """The mode, where this is a guard."""
        return self.mode or "non_inferiority"

    @property
    def counts(self) -> float:
        """The weight before it is normalised."""
        if self.weight is not None:
            return self.weight
        return 0.0 if self.role == "info" else 1.0


class Coverage(Spec):
    """What may be missing before nothing is decided."""

    least: Share = 0.95
    """Scored pairs over planned pairs."""
    imbalance: Share = 0.05
    """How far the two contenders' missing trials may differ, as a share of the plan."""
    unscored: Share = 0.05
    """Answers that nobody could mark, as a share of the plan."""


class InstallRule(Spec):
    """What a first holder must reach, where there is nobody to compare it with."""

    overall: Share
    """The least overall score."""
    hard_failures: Share = 0.0
    """The most hard failures, as a share of the trials."""


class SmokeRule(Spec):
    """When the smoke test is passed."""

    pass_rate: Share = 1.0
    """Share of the smoke tasks that must pass."""
    pass_score: Share = 1.0
    """The score that passes one task."""


class LatencyRule(Spec):
    """What is asked of the time of an answer; without it, time is shown and decides nothing."""

    median: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """The most seconds that half of the challenger's answers may take."""
    p95: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """The most seconds that 95 % of them may take."""
    gain: float = Field(default=0.0, ge=0, lt=1, allow_inf_nan=False)
    """Of `objective: latency`: 0.2 asks for less than 0.8 times the champion's seconds."""
    quality_margin: float | None = Field(default=None, gt=0, lt=1, allow_inf_nan=False)
    """Of `objective: latency`: the loss of the overall score that still counts as none."""


class GatePolicy(Spec):
    """How a challenger for a slot is tested and judged; written in `gate.yaml`."""

    slot: str = Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/ -]*$")
    """What the challenger is a candidate for: `chat`, `mid/coding`."""
    suite: str = Field(min_length=1)
    """Name or file of the full suite."""
    smoke: str | None = None
    """Name or file of the smoke suite; none of its tasks is in the full one."""
    categories: Mapping[Name, CategoryRule] = Field(min_length=1)
    """By the name that tasks give their category; every category of the suite."""
    rubric: str = "verified"
    scorers: tuple[str, ...] = ("text",)
    configuration: str | None = None
    """The configuration file that is in use; never edited, its hash is checked at the end."""
    repetitions: int = Field(default=3, ge=1, le=100)
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """One-sided error of every limit."""
    success_margin: float = Field(default=0.0, ge=0, lt=1, allow_inf_nan=False)
    """The gain, on the scale 0 to 1, that a promotion must exceed."""
    objective: Literal["quality", "latency"] = "quality"
    """What a promotion must gain: a better overall score, or less time with a score not worse."""
    latency: LatencyRule | None = None
    score_step: float = Field(default=0.01, gt=0, le=1)
    """The smallest step between two scores; 1 is taken where all scores are 0 or 1."""
    pass_score: Share = 1.0
    """The score that passes a critical task."""
    coverage: Coverage = Coverage()
    smoke_rule: SmokeRule = SmokeRule()
    install: InstallRule | None = None
    """Without it, a vacant slot cannot be filled."""
    settings: Mapping[str, JsonValue] = Field(default_factory=dict)
    """Settings of both contenders, where they do not set their own."""
    budget: Budget = Budget()
    seed: int = 0
    """Draws the order of the trials."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not any(rule.counts > 0 for rule in self.categories.values()):
            raise ValueError("no category has a weight: nothing would make the overall score")
        fast, rule = self.objective == "latency", self.latency or LatencyRule()
        if fast and rule.quality_margin is None:
            raise ValueError(
                "objective latency needs the loss of quality that still counts as none: write for "
                "example 'latency: {quality_margin: 0.05}'"
            )
        if not fast and (rule.gain or rule.quality_margin is not None):
            raise ValueError("latency.gain and quality_margin belong to 'objective: latency'")
        if fast and self.success_margin:
            raise ValueError("success_margin is a gain of quality; write 'latency: {gain: 0.1}'")
        return self

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each category in the overall score; they sum to 1."""
        total = sum(rule.counts for rule in self.categories.values())
        return {name: rule.counts / total for name, rule in self.categories.items()}

    @property
    def digest(self) -> str:
        """The address of the rules; where a file lies and what may be spent are not part of it."""
        return content_digest(self.model_dump(mode="json", exclude={"configuration", "budget"}))
