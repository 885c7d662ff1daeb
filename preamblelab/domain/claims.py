"""Published sentences, each with the computation behind it and the value that it states."""

from typing import Literal

from pydantic import Field

from preamblelab.domain.base import Spec

Bounds = tuple[float, float]


class ClaimSpec(Spec):
    """One published sentence as a file writes it."""

    says: str = Field(description="The sentence.", min_length=1)
    compute: str = Field(description="The computation behind it, by name.")
    states: bool | float | str | tuple[float, ...] = Field(description="The value it states.")
    experiments: tuple[str, ...] | None = Field(None, description="Where it is computed from.")
    variant: str | None = None
    model: str | None = None
    subset: Literal["rose", "not_negative", "without_regressions"] | None = None
    bounds: Bounds | None = Field(None, description="Lowest and highest baseline, both in.")
    tiers: tuple[Bounds, ...] | None = None
    direction: Literal["rose", "fell"] | None = None
    size: Literal["tiny", "mid", "large", "unknown"] | None = None
    tests: int | None = Field(None, ge=1)
    models: int | None = Field(None, ge=1)
    per: int | None = Field(None, ge=1)


class ClaimsSpec(Spec):
    """A file of published sentences."""

    source: str = Field("", description="Where they were published.")
    claims: tuple[ClaimSpec, ...] = Field(min_length=1)
