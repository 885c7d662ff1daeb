"""A policy that goes on: new entries beside older ones, exceptions that outlive weak data."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from preamblelab.decision.slots import Arms
from preamblelab.domain.policies import Entry, PolicySpec, PolicyText, TestedModel
from preamblelab.domain.sizes import SIZES, Size
from preamblelab.lab.policy_files import today

if TYPE_CHECKING:
    from pandas import DataFrame


def size_of(word: str) -> Size:
    """The size class that a table names; unknown for any other word."""
    return next((size for size in SIZES if size == word), "unknown")


def continued(
    before: PolicySpec | None, entries: Sequence[Entry], arms: Arms, scores: "DataFrame"
) -> PolicySpec:
    """A policy with what was decided now, and what holds beside it.

    Args:
        before: the policy that is continued; None: a new one begins.
        entries: what was decided now.
        arms: texts and ids.
        scores: the trials; they tell sizes and families of the models.
    """
    entries, kept = _beside(before.entries if before else (), entries, arms, scores)
    texts = dict(before.preambles) if before else {}
    texts |= {text.id: text for text in arms.texts.values()}
    used = {entry.use for entry in (*entries, *kept)}
    texts = _with_shorter(texts, used, arms)
    about = scores.drop_duplicates("model")
    families = about["family"] if "family" in about else [None] * len(about)
    models = dict(before.models) if before else {}
    for name, size, family in zip(about["model"], about["size"], families, strict=True):
        known = family if isinstance(family, str) else None
        models[arms.ids[str(name)]] = TestedModel(size=size_of(str(size)), family=known)
    simulated = bool(scores["simulated"].fillna(value=False).any())
    return PolicySpec(
        name=before.name if before else "policy",
        written=today(),
        simulated=simulated or bool(before and before.simulated),
        entries=(*entries, *kept),
        models=models,
        preambles=texts,
    )


def _beside(
    older: Sequence[Entry], entries: Sequence[Entry], arms: Arms, scores: "DataFrame"
) -> tuple[list[Entry], list[Entry]]:
    """The new entries and the older ones that still hold beside them.

    An exception holds as long as the preamble that hurts is used at all, also against newer data
    that do not show the harm: absence of proof must not give a model back what hurt it.
    """
    sizes = dict(zip(scores["model"].astype(str), scores["size"].astype(str), strict=True))
    decided = {
        e.size for e in entries if e.size and e.decided == today() and not (e.task or e.tier)
    }
    again = {arms.ids[name].lower() for name, size in sizes.items() if size in decided}
    new_uses = {entry.use for entry in entries}
    harms = {
        entry.place: entry for entry in older if entry.said == "harm" and entry.hurt_by in new_uses
    }
    new = [e for e in entries if e.place not in harms or e.said == "harm"]
    places = {entry.place for entry in new}
    kept = [
        entry
        for entry in older
        if entry.place not in places
        and entry.said != "harm"
        and (entry.model is None or entry.model.lower() not in again)
    ]
    uses = {entry.use for entry in (*new, *kept)}
    kept += [
        entry
        for entry in older
        if entry.place not in places
        and entry.said == "harm"
        and (entry.hurt_by is None or entry.hurt_by in uses)
    ]
    return new, kept


def _with_shorter(
    texts: Mapping[str, PolicyText], used: set[str], arms: Arms
) -> dict[str, PolicyText]:
    """The texts that entries use, each with the shortest one of its lineage that is shorter."""
    found: dict[str, PolicyText] = {}
    for key in sorted(used & set(texts)):
        text = texts[key]
        shorter = min(
            (each for each in arms.family(text.lineage) if len(each.text) < len(text.text)),
            key=lambda each: len(each.text),
            default=None,
        )
        if shorter is not None:
            found.setdefault(shorter.id, shorter)
            text = text.model_copy(update={"shorter": shorter.id})
        found[key] = text
        if text.shorter is not None and text.shorter not in found:
            found[text.shorter] = texts[text.shorter]
    return found
