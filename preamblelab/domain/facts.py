"""What is known about a model, where each fact comes from, and whom to believe."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from preamblelab.domain.sizes import Size, size_class

SizeBy = Literal["total", "active"]

USER: Final = "user"
OLLAMA: Final = "ollama /api/show"
LLAMA_CPP: Final = "llama.cpp /v1/models"
VLLM: Final = "vllm /v1/models"
LM_STUDIO: Final = "lm studio /api/v0/models"
TABLE: Final = "table"
NAME: Final = "name"
UNKNOWN: Final = "unknown"
SIMULATED: Final = "simulated"

TRUST: Final = (USER, SIMULATED, OLLAMA, LLAMA_CPP, VLLM, LM_STUDIO, TABLE, NAME, UNKNOWN)
"""Sources of a fact, the most trusted first."""

FIELDS: Final = (
    "size", "total_b", "active_b", "family", "quantisation", "context", "digest", "default_system",
)  # fmt: skip
"""The fields of `ModelFacts` that carry a source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What is known about one model; what nobody published stays None, and says so."""

    model: str
    """The id that was asked about."""
    size: Size = UNKNOWN
    """Class by parameters; "unknown" is a class of its own, never a guess."""
    total_b: float | None = None
    """All parameters, in billions."""
    active_b: float | None = None
    """Parameters that work on one token, in billions; equal to the total in a dense model."""
    family: str | None = None
    """Whose model it is, in lower case: "qwen", "llama", "deepseek"."""
    quantisation: str | None = None
    """As its server or its name writes it: "q4_K_M", "awq"."""
    context: int | None = None
    """Tokens of context the server gives, or the model allows."""
    digest: str | None = None
    """What the server calls this exact version of the weights."""
    default_system: str | None = None
    """System text that the server puts in when a request carries none."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Where each field comes from; one of `TRUST`."""
    notes: tuple[str, ...] = ()
    """What a user should know before believing a result about this model."""

    def source(self, name: str) -> str:
        """Where the named field comes from; "unknown" when nobody knows it."""
        return self.sources.get(name, UNKNOWN)


def merge(facts: Iterable[ModelFacts], *, size_by: SizeBy = "total") -> ModelFacts:
    """One set of facts from several, each field from the most trusted that knows it.

    The class follows from the count that `size_by` names, unless the user gave the class.
    When the name or the table calls a model dense, its active count follows a total that a
    server counted, so that the two never contradict each other. A class without a count
    (a simulated model) stands when no count is known.

    Args:
        facts: Facts on one model; at least one. The first names it.
        size_by: Whether the class follows from all parameters or from the active ones.

    Returns:
        The merged facts, with a source for every field of `FIELDS`.
    """
    every = tuple(facts)
    values: dict[str, object] = {}
    sources: dict[str, str] = {}
    for name in FIELDS:
        known = [each for each in every if getattr(each, name) not in {None, UNKNOWN}]
        best = min(known, key=lambda each: TRUST.index(each.source(name)), default=None)
        values[name] = getattr(best or every[0], name)
        sources[name] = UNKNOWN if best is None else best.source(name)
    merged = replace(
        every[0],
        **values,  # type: ignore[arg-type]
        notes=tuple(dict.fromkeys(note for each in every for note in each.notes)),
    )
    merged = _dense_stays_dense(merged, every, sources)
    return _classed(merged, every, sources, size_by)


def _dense_stays_dense(
    merged: ModelFacts, every: tuple[ModelFacts, ...], sources: dict[str, str]
) -> ModelFacts:
    """Let the active count of a dense model follow the total from a better source."""
    if merged.total_b is None or merged.active_b is None or sources["active_b"] == USER:
        return merged
    origin = next(
        each
        for each in every
        if each.active_b == merged.active_b and each.source("active_b") == sources["active_b"]
    )
    if origin.total_b == origin.active_b:
        return replace(merged, active_b=merged.total_b)
    if merged.active_b > merged.total_b:
        # The better source counts another model than the one the name suggests.
        sources["active_b"] = UNKNOWN
        return replace(merged, active_b=None)
    return merged


def _classed(
    merged: ModelFacts, every: tuple[ModelFacts, ...], sources: dict[str, str], size_by: SizeBy
) -> ModelFacts:
    """The facts with their size class: the user's word, else what the chosen count says."""
    counted = f"{size_by}_b"
    count: float | None = getattr(merged, counted)
    by_user = [each.size for each in every if each.source("size") == USER]
    if by_user:
        size = by_user[0]
    elif count is not None:
        size, sources["size"] = size_class(count), sources[counted]
    else:
        size = merged.size
    return replace(merged, size=size, sources=sources)
