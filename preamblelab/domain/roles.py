"""Roles as a user writes them: who serves, who challenges, of which family, and the rules."""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import Field, JsonValue, model_validator

from preamblelab.domain.base import Name, Spec, content_digest
from preamblelab.domain.experiments import Budget
from preamblelab.domain.gates import Coverage
from preamblelab.domain.models import ModelSpec

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]

SEVERITY: Final[Mapping[str, float]] = {"critical": 8.0, "high": 4.0, "normal": 2.0, "low": 1.0}
"""What a finding, or a lost case, of a severity weighs."""

_QUANTISED: Final = re.compile(
    r"[-:_.](?:i?q\d\w*|fp?16|bf16|fp8|int[48]|awq|gptq|\d+bit)$", re.IGNORECASE
)


class RoleModel(Spec):
    """A model that may serve a role: whose it is, and whether it costs."""

    id: str | None = None
    """The litellm id; None: that of the project's catalogue, or the name itself."""
    family: str = Field(min_length=1)
    """Whose model it is: `google-gemma`; `unknown` blocks a promotion."""
    cost_tier: Literal["free", "paid", "unknown"]
    """`unknown` counts as paid."""
    digest: str | None = None
    """The server's digest of the weights, where it is pinned."""
    size_b: float | None = Field(default=None, gt=0)
    """Parameters, in billions."""
    settings: Mapping[str, JsonValue] = Field(default_factory=dict)
    api_base: str | None = None

    def kin(self, name: str) -> str | None:
        """The family as rules count it; None where it is unknown."""
        return None if self.family == "unknown" or self.family == f"unknown:{name}" else self.family

    @property
    def paid(self) -> bool:
        """Whether it costs; what nobody knows counts as paid."""
        return self.cost_tier != "free"


class Turbo(Spec):
    """Whom to ask when the role's model rejects a task, or says nothing usable."""

    model: str = Field(min_length=1)
    """The larger model."""
    frontier: str | None = None
    """The last to ask; None: nobody."""
    on_tasks: tuple[Name, ...] = ()
    """Categories whose rejections are asked again; what is unusable always is."""
    show_prior: bool = False
    """Whether a level sees the verdict of the one before, which anchors it."""
    usd: float | None = Field(default=None, ge=0)
    """The most that one task may cost."""
    cloud: tuple[Literal["turbo", "frontier"], ...] = ("turbo", "frontier")
    """Levels that leave this host; a private task stops before them."""


class RoleSpec(Spec):
    """One role: its holder, its challengers, and the cases on which they are measured."""

    incumbent: str | None = None
    """Who served before the first decision; None: the role is vacant."""
    challengers: tuple[str, ...] = ()
    suite: str | None = None
    """Name or file of the suite of cases; None: a role nobody measures yet."""
    category: Name | None = None
    """Only the cases of this category; None: all of the suite."""
    rubric: str = "verified"
    judges: tuple[str, ...] = ()
    repetitions: int = Field(default=1, ge=1, le=100)
    accept: Share = 1.0
    """The least score, as a share, with which a case is accepted."""
    pain: Literal["severity", "findings"] = "severity"
    """What a case costs its reviewer: `severity` of every case that is not accepted; or, of
    answers that are reviews, that of the `findings` in them which lie nowhere."""
    private: bool = False
    """Whether its tasks must not leave this host."""
    turbo: Turbo | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.incumbent is not None and self.incumbent in self.challengers:
            raise ValueError(f"'{self.incumbent}' is the incumbent and its own challenger")
        double = next((m for m in self.challengers if self.challengers.count(m) > 1), None)
        if double is not None:
            raise ValueError(f"challengers names '{double}' twice")
        return self

    @property
    def models(self) -> tuple[str, ...]:
        """Everybody, the incumbent first."""
        return ((self.incumbent,) if self.incumbent else ()) + self.challengers


class Margins(Spec):
    """The losses that still count as none."""

    acceptance: float = Field(default=0.10, gt=0, lt=1)
    """Of the acceptance rate, a share."""
    review_pain: float = Field(default=0.25, gt=0)
    """Of the review pain, severity points per case."""
    hard_failure: float = Field(default=0.15, gt=0, lt=1)
    """Of the hard failure rate, a share; 20 cases without any failure only show 0.12."""


class InstallThresholds(Spec):
    """What a first holder must reach, where there is nobody to compare it with."""

    acceptance: Share
    hard_failure: Share = 0.0


class RolePolicy(Spec):
    """The rules of promotion."""

    min_cases: int = Field(default=20, ge=5)
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    margins: Margins = Margins()
    on_promote: Literal["demote", "retire"] = "demote"
    """Whether the beaten incumbent stays as a challenger, or leaves."""
    diversity: Literal["strict", "no-worse"] = "strict"
    """`strict`: two families always; `no-worse`: two, or as many as there were."""
    cooldown_days: int = Field(default=7, ge=0)
    failing: Share = 0.2
    """Hard failure rate from which an incumbent is failing, and no cooldown protects it."""
    coverage: Coverage = Coverage()
    install: InstallThresholds | None = None
    """Without it a vacant role cannot be filled."""


class RolesFile(Spec):
    """A file of roles, models and rules."""

    schema_version: Literal[1] = Field(alias="schema")
    roles: Mapping[Name, RoleSpec] = Field(min_length=1)
    models: Mapping[str, RoleModel] = Field(min_length=1)
    policy: RolePolicy = RolePolicy()
    registry: str = "roles.registry.json"
    """File, beside this one, that says who serves since the first decision."""
    reports: str = "reports"
    """Folder, beside this file, of the dated reports."""
    budget: Budget = Budget()
    seed: int = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, role in self.roles.items():
            helpers = [role.turbo.model, role.turbo.frontier] if role.turbo else []
            for model in role.models:
                if model not in self.models:
                    raise ValueError(
                        f"role '{name}' names '{model}', which is not under 'models' with its "
                        "family and cost_tier"
                    )
            self._refuse_twins(name, role)
            if role.turbo and role.turbo.model == role.incumbent:
                raise ValueError(f"turbo of role '{name}' is its incumbent; name a larger model")
            if len(set(helpers)) != len(helpers):
                raise ValueError(f"turbo and frontier of role '{name}' are one model")
        self._refuse_split_families()
        return self

    def _refuse_twins(self, name: str, role: RoleSpec) -> None:
        seen: dict[str, str] = {}
        for model in role.models:
            digest = self.models[model].digest
            if digest is not None and digest in seen:
                raise ValueError(
                    f"role '{name}': '{seen[digest]}' and '{model}' are one model ({digest}); "
                    "keep one"
                )
            if digest is not None:
                seen[digest] = model

    def _refuse_split_families(self) -> None:
        """Quantisations of one model are one family, whatever they are called."""
        families: dict[str, tuple[str, str]] = {}
        for name, model in self.models.items():
            plain = _QUANTISED.sub("", model.id or name)
            other, family = families.setdefault(plain, (name, model.family))
            if family != model.family:
                raise ValueError(
                    f"'{other}' and '{name}' are quantisations of one model and cannot be of the "
                    f"families '{family}' and '{model.family}'"
                )

    def spec(self, name: str, known: Mapping[str, ModelSpec]) -> ModelSpec:
        """How a model is asked: as written here, over what the project's catalogue says.

        Args:
            name: its name here.
            known: the catalogue, by name.
        """
        own = self.models.get(name)
        base = known.get(name) or ModelSpec(id=(own.id if own and own.id else name), name=name)
        if own is None:
            return base
        changes: dict[str, object] = {"name": name, "family": own.family}
        if own.id is not None:
            changes["id"] = own.id
        if own.settings:
            changes["settings"] = {**base.settings, **own.settings}
        if own.api_base is not None:
            changes["api_base"] = own.api_base
        if own.size_b is not None:
            changes["parameters"] = own.size_b
        return ModelSpec.model_validate({**base.model_dump(exclude_defaults=True), **changes})

    @property
    def digest(self) -> str:
        """The address of the rules."""
        return content_digest(self.policy.model_dump(mode="json"))
