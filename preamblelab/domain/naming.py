"""What a model's id tells about it: rules for names, and a table where names lie or are silent."""

from dataclasses import dataclass
from typing import Final

from preamblelab.domain.facts import NAME, SIMULATED, TABLE, ModelFacts, merge
from preamblelab.domain.families import family_of
from preamblelab.domain.model_table import (
    DEFAULT_TAGS,
    EFFECTIVE,
    NATIVE_QUANTISATION,
    counts_of,
    line_pattern,
)
from preamblelab.domain.name_parts import NameParts, take_apart
from preamblelab.domain.sizes import SIZES, Size, size_class
from preamblelab.errors import SpecError

__all__ = ["ModelFacts", "describe_id"]

# Of a transformer block's weights about 78 % are its feed-forward part, which a mixture copies;
# attention and embeddings stand once. 8x7b gives 46.7 as published, with 2 experts at work.
_COPIED_SHARE: Final = 0.78
_EXPERTS_AT_WORK: Final = 2
_NOMINAL: Final = {7.0: 7.24, 8.0: 8.03}

_IN_THE_PROMPT: Final = "ollama/ sends the preamble inside the prompt: use ollama_chat/"
_BASE_MODEL: Final = "a base model: it was not trained to follow a system message"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """Counts in billions, where they come from, and what to say about them."""

    total_b: float | None = None
    active_b: float | None = None
    source: str = NAME
    notes: tuple[str, ...] = ()


def describe_id(model_id: str) -> ModelFacts:
    """What the id of a model tells about it, without asking anybody.

    The table goes before the name; what neither tells stays unknown. Hosted models whose makers
    publish no counts, and Azure deployments, whose names their owners choose, are unknown.

    Args:
        model_id: A litellm id ("ollama_chat/gemma3:4b"), or a bare name.

    Returns:
        Facts whose `sources` are "table", "name", "simulated" or "unknown".

    Raises:
        SpecError: The id is empty.

    Examples:
        >>> facts = describe_id("ollama_chat/mixtral:8x7b")
        >>> facts.size, facts.total_b, facts.active_b, facts.family, facts.source("total_b")
        ('large', 46.7, 12.88, 'mistral', 'table')
    """
    if not model_id.strip():
        raise SpecError("a model needs an id: write for example 'ollama_chat/gemma3:4b'")
    parts = take_apart(model_id)
    if parts.provider == "sim":
        return _simulated(model_id, parts)
    counted = _hidden(parts) or _default_tag(parts) or _count(parts)
    quantisation, quantisation_source = _quantised(parts)
    family = family_of(parts.text, parts.path)
    sources = {
        "total_b": counted.source,
        "active_b": counted.source,
        "family": NAME,
        "quantisation": quantisation_source,
    }
    facts = ModelFacts(
        model=model_id,
        total_b=counted.total_b,
        active_b=counted.active_b,
        family=family,
        quantisation=quantisation,
        sources=sources,
        notes=(*counted.notes, *_notes(parts)),
    )
    return merge((facts,))


def _count(parts: NameParts) -> _Counted:
    """Counts by the table, else by the name."""
    sizes = parts.sizes
    if sizes.effective_b is not None:
        return _effective(parts, sizes.effective_b)
    if sizes.experts is not None and sizes.of_one_expert_b is not None:
        return _product(parts, sizes.experts, sizes.of_one_expert_b)
    named = sizes.active_b if sizes.total_b is None else sizes.total_b
    if known := counts_of(parts.text, named):
        return _Counted(total_b=known.total_b, active_b=known.active_b, source=TABLE)
    if sizes.total_b is None and sizes.active_b is not None:
        return _Counted(active_b=sizes.active_b, notes=("the name carries only the active size",))
    return _plain(parts)


def _plain(parts: NameParts) -> _Counted:
    """Counts by plain sizes; a model not marked as a mixture works with all its parameters."""
    sizes = parts.sizes
    if sizes.total_b is None:
        return _Counted()
    both = ", ".join(f"{size:g}b" for size in (sizes.total_b, *sizes.others_b))
    classes = {size_class(size) for size in (sizes.total_b, *sizes.others_b)}
    if len(classes) > 1:
        return _Counted(notes=(f"the name states contradicting sizes: {both}",))
    notes = (f"the name states several sizes: {both}; the first is taken",) * bool(sizes.others_b)
    if sizes.active_b is not None and sizes.active_b > sizes.total_b:
        return _Counted(notes=("the name states more active parameters than parameters",))
    if sizes.active_b is not None:
        return _Counted(total_b=sizes.total_b, active_b=sizes.active_b, notes=notes)
    if "moe" in parts.text:
        notes = (*notes, "a mixture of experts whose name does not state the active size")
        return _Counted(total_b=sizes.total_b, notes=notes)
    return _Counted(total_b=sizes.total_b, active_b=sizes.total_b, notes=notes)


def _effective(parts: NameParts, effective_b: float) -> _Counted:
    """Counts of a model named by its effective size; all its parameters are more."""
    notes = (f"effective size: e{effective_b:g}b",)
    for line, named_b, counts in EFFECTIVE:
        if named_b == effective_b and line_pattern(line).search(parts.text):
            return _Counted(
                total_b=counts.total_b, active_b=counts.active_b, source=TABLE, notes=notes
            )
    return _Counted(active_b=effective_b, notes=notes)


def _product(parts: NameParts, experts: int, one_b: float) -> _Counted:
    """Counts of a mixture named as a product: what the experts share is counted once."""
    known = counts_of(parts.text, None)
    if known is not None and known.total_b > one_b:
        return _Counted(total_b=known.total_b, active_b=known.active_b, source=TABLE)
    of_one = _NOMINAL.get(one_b, one_b)
    shared = of_one * (1 - _COPIED_SHARE)
    total_b, active_b = (
        round(shared + of_one * _COPIED_SHARE * copies, 2)
        for copies in (experts, min(experts, _EXPERTS_AT_WORK))
    )
    note = f"{experts}x{one_b:g}b: shared parts are counted once, two experts taken as active"
    return _Counted(total_b=total_b, active_b=active_b, notes=(note,))


def _hidden(parts: NameParts) -> _Counted | None:
    """Nothing, for names that their owners choose freely."""
    if parts.provider in {"azure", "azure_text"}:
        return _Counted(notes=("an Azure deployment: its name is chosen freely",))
    if parts.text.startswith("ft-gpt"):
        return _Counted(notes=("a fine-tune of a model of unpublished size",))
    return None


def _default_tag(parts: NameParts) -> _Counted | None:
    """Counts of the size that Ollama serves under a bare name."""
    if not parts.ollama or not parts.sizes.none or parts.path not in {"", "library"}:
        return None
    tag = DEFAULT_TAGS.get(parts.line)
    if tag is None or counts_of(parts.text, None) != counts_of(parts.line, None):
        return None
    counted = _count(take_apart(f"ollama/{parts.line}:{tag}"))
    return _Counted(
        total_b=counted.total_b,
        active_b=counted.active_b,
        source=TABLE,
        notes=(*counted.notes, f"without a size in its tag, Ollama serves {parts.line}:{tag}"),
    )


def _quantised(parts: NameParts) -> tuple[str | None, str]:
    """The quantisation and its source: the name, or the form in which the maker publishes it."""
    if parts.quantisation is not None:
        return parts.quantisation, NAME
    for line, native in NATIVE_QUANTISATION:
        if line_pattern(line).search(parts.text):
            return native, TABLE
    return None, NAME


def _notes(parts: NameParts) -> tuple[str, ...]:
    """What a user should know before believing a result about a model of this id."""
    notes = []
    if parts.provider == "ollama":
        notes.append(_IN_THE_PROMPT)
    if parts.ollama and parts.tag.endswith("cloud"):
        notes.append("cloud tag: not local")
    bare = parts.ollama and parts.tag in {"", "latest"}
    if bare or parts.text.endswith("latest"):
        notes.append("moving tag: latest")
    if "base" in parts.text.split("-"):
        notes.append(_BASE_MODEL)
    return tuple(notes)


def _simulated(model_id: str, parts: NameParts) -> ModelFacts:
    """Facts of a simulated model: its name states a count or a class."""
    counted = _plain(parts)
    words: list[Size] = [size for size in SIZES if size in parts.text.split("-")]
    facts = ModelFacts(
        model=model_id,
        size=words[0] if words else "unknown",
        total_b=counted.total_b,
        active_b=counted.active_b,
        family="sim",
        sources=dict.fromkeys(("size", "total_b", "active_b", "family"), SIMULATED),
        notes=("simulated: no real model",),
    )
    return merge((facts,))
