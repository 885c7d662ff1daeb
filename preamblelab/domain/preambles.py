"""Preambles as families, and the variants (concrete texts) that an experiment compares."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import Field, model_validator

from preamblelab.domain.base import Name, Spec
from preamblelab.domain.sizes import SIZES, Size
from preamblelab.errors import SpecError

BASELINE = "baseline"
"""The label of the arm with no system message at all (not an empty one)."""

COMMON = "common"
"""The word that addresses a family's common text, whatever the model's size: `name:common`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantLabel:
    """The parts of a label `name[:size][+clause...]`."""

    name: str
    """The preamble's name, or `baseline`."""
    size: str | None = None
    """`tiny`, `mid`, `large`, `common`; None means the text for the model's own size."""
    clauses: tuple[str, ...] = ()
    """Names of the clauses that are switched on."""

    def __str__(self) -> str:
        """The label as it is written in YAML and tables."""
        size = f":{self.size}" if self.size else ""
        return self.name + size + "".join(f"+{clause}" for clause in self.clauses)


def parse_label(label: str) -> VariantLabel:
    """The parts of a variant's label.

    Args:
        label: `name[:size][+clause...]`, e.g. `careful:tiny+brevity`.

    Raises:
        SpecError: the label has empty parts, an unknown size, or a clause twice.
    """
    head, *clauses = label.split("+")
    name, colon, size = head.partition(":")
    if not name or (colon and not size) or not all(clauses):
        raise SpecError(f"'{label}' is not a variant: write name[:size][+clause]")
    allowed = (*(s for s in SIZES if s != "unknown"), COMMON)
    if size and size not in allowed:
        raise SpecError(f"'{label}': no size '{size}'; known: {', '.join(allowed)}")
    if len(set(clauses)) != len(clauses):
        raise SpecError(f"'{label}' names a clause twice")
    if name == BASELINE and (size or clauses):
        raise SpecError(f"'{label}': the baseline has no sizes and no clauses")
    return VariantLabel(name=name, size=size or None, clauses=tuple(clauses))


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One concrete text: the arm of an experiment, for models of one size."""

    label: str
    """`name[:size][+clause...]`, or `baseline`."""
    text: str | None
    """The system message; None means that none is sent."""
    part: str = ""
    """Which text of the family was taken: `common`, `tiny`, `mid`, `large`; empty for baseline."""
    version: str = ""
    """The family's version."""


NO_PREAMBLE = Variant(label=BASELINE, text=None)


class Preamble(Spec):
    """A system prompt as a family: common text, texts by size, clauses that can be switched."""

    name: Name
    """How experiments and labels call it."""
    version: str = "1"
    """Free text; recorded with every trial."""
    text: str | None = None
    """The text for every size that has none of its own."""
    sizes: Mapping[Size, str] = Field(default_factory=dict)
    """Texts by size: tiny (< 3B parameters), mid (3-10B), large (> 10B)."""
    clauses: Mapping[Name, str] = Field(default_factory=dict)
    """Texts appended by `+clause`, each a paragraph: brevity, loop_guard, your own."""
    reasons: Mapping[str, str] = Field(default_factory=dict)
    """Why the texts are what they are: by `text`, by size, by clause. Never sent to a model."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.name == BASELINE:
            raise ValueError("'baseline' is the arm without a preamble; choose another name")
        if self.text is None and not self.sizes:
            raise ValueError("a preamble needs text, or texts under sizes")
        if "unknown" in self.sizes:
            raise ValueError("no text for size 'unknown': the common text serves it")
        texts = (("text", self.text), *self.sizes.items(), *self.clauses.items())
        for place, text in texts:
            if text is not None and not text.strip():
                raise ValueError(f"{place} is empty: leave it out, or write a text")
        known = {"text", *self.sizes, *self.clauses}
        for place in self.reasons:
            if place not in known:
                raise ValueError(f"a reason for '{place}', which this preamble does not have")
        return self

    def variant(self, label: VariantLabel, size: Size) -> Variant:
        """The text that a model of this size gets under this label.

        Args:
            label: the parts of the variant's label; its name is this preamble's.
            size: the model's size; `unknown` gets the common text.

        Raises:
            SpecError: the family has no such text or clause.
        """
        unknown = [clause for clause in label.clauses if clause not in self.clauses]
        if unknown:
            known = ", ".join(self.clauses) or "none"
            raise SpecError(f"preamble '{self.name}' has no clause '{unknown[0]}'; known: {known}")
        text, part = self._text_for(label.size, size)
        paragraphs = [text.strip(), *(self.clauses[clause].strip() for clause in label.clauses)]
        return Variant(
            label=str(label), text="\n\n".join(paragraphs), part=part, version=self.version
        )

    def _text_for(self, wanted: str | None, size: Size) -> tuple[str, str]:
        if wanted is not None and wanted != COMMON:
            for part, text in self.sizes.items():
                if part == wanted:
                    return text, part
            known = ", ".join(self.sizes) or "none"
            raise SpecError(f"preamble '{self.name}' has no text for {wanted}; it has: {known}")
        if wanted is None and size in self.sizes:
            return self.sizes[size], size
        if self.text is not None:
            return self.text, COMMON
        raise SpecError(
            f"preamble '{self.name}' has no text for size {size}: give it a common text, "
            "or state the model's parameters or size"
        )
