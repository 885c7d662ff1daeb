"""Routing rules as a user writes them: which model answers which category, and for what reason."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from preamblelab.domain.base import Name, Spec
from preamblelab.domain.models import ModelSpec

Because = Literal["quality", "cost", "privacy", "latency"]
Place = Literal["cloud", "local"]

GRACE_DAYS: Final = 14


class Tier(Spec):
    """A group of models, by name."""

    tier: Name


def _word_or_mapping(value: Any) -> str:
    return "tier" if isinstance(value, (dict, Tier)) else "model"


Target: TypeAlias = Annotated[
    Annotated[str, Tag("model"), Field(min_length=1)] | Annotated[Tier, Tag("tier")],
    Discriminator(_word_or_mapping),
]
"""A model by name, or `{tier: NAME}`."""


class RouteRule(Spec):
    """One category and the model that answers it."""

    category: Name
    to: Target
    because: Because
    finding: str | None = None
    """Of a quality rule: the finding that it rests on."""
    price_of_choice: Literal["shown"] | None = None
    """Of any other: that its price in quality is known and accepted; printed either way."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.because != "quality" and self.finding is not None:
            raise ValueError(f"'finding' belongs to a quality rule; this one is for {self.because}")
        return self


class Routing(Spec):
    """The rules in their order; the first that fits a category decides."""

    default: Target
    rules: tuple[RouteRule, ...] = ()
    fallback: tuple[str, ...] = ()
    """Tiers or models to ask, in this order, where the chosen one gives no answer."""


class RoutingFile(Spec):
    """A file of routing rules with what they name."""

    routing: Routing
    tiers: Mapping[Name, tuple[str, ...]] = Field(default_factory=dict)
    """Models by tier, the one to ask first before the others."""
    places: Mapping[str, Place] = Field(default_factory=dict)
    """Where a model or tier runs, by the user's word; without it only an engine on this host is
    local. A proxy on this host that sends on to a cloud must be named here."""
    models: Mapping[str, ModelSpec] = Field(default_factory=dict)
    """Models that are not in the project's catalogue."""
    findings: str | None = None
    """File of `preamblelab replicate --write`, beside this one."""
    grace_days: int = Field(default=GRACE_DAYS, ge=0)
    """How long a rule is still used after its finding has expired."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        seen: set[str] = set()
        for rule in self.routing.rules:
            if rule.category in seen:
                raise ValueError(f"two rules for category '{rule.category}'; keep one")
            seen.add(rule.category)
        for name, members in self.tiers.items():
            if not members:
                raise ValueError(f"tier '{name}' has no model")
        targets = [self.routing.default, *(rule.to for rule in self.routing.rules)]
        for target in targets:
            if isinstance(target, Tier) and target.tier not in self.tiers:
                known = ", ".join(self.tiers) or "none"
                raise ValueError(f"no tier '{target.tier}' under 'tiers'; known: {known}")
        return self

    def members(self, target: "str | Tier") -> tuple[str, ...]:
        """Names of the models behind a target, the first to ask first."""
        name = target.tier if isinstance(target, Tier) else target
        if isinstance(target, Tier) or name in self.tiers:
            return self.tiers[name]
        return (name,)


def shown(target: "str | Tier") -> str:
    """A target as messages write it."""
    return f"tier {target.tier}" if isinstance(target, Tier) else target
