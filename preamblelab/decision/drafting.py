"""From judged candidates to the entries of a policy: per size class, task family, tier; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from preamblelab.decision.candidate_rules import PreambleRules
from preamblelab.decision.candidates import Judged
from preamblelab.decision.panel import Difference, Panel, panel_of
from preamblelab.decision.slots import (
    Arms,
    SlotVerdict,
    Terms,
    class_verdicts,
    family_verdicts,
    single_verdicts,
)
from preamblelab.decision.tier_entries import tier_entries
from preamblelab.domain.policies import NONE, Entry, Evidence, Said
from preamblelab.domain.preambles import BASELINE
from preamblelab.domain.sizes import Size
from preamblelab.errors import SpecError
from preamblelab.stats.intervals import holm
from preamblelab.stats.sentences import counted

CLASSES: Final[tuple[Size, ...]] = ("tiny", "mid", "large")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Entries, and every verdict behind them."""

    entries: tuple[tuple[Entry, SlotVerdict | None], ...]
    """Each with the verdict that it follows from; None for one that was taken over."""
    verdicts: tuple[SlotVerdict, ...]


def draft_policy(scores: pd.DataFrame, arms: Arms, terms: Terms) -> Draft:
    """The entries that an experiment carries.

    Per size class: the candidate with the clearest gain, if the rules promote one, for the whole
    class or for the tested models only; models that it hurts get none. Per task family within the
    class, and per baseline tier (read from other answers than the effect): only where it is proven
    to differ. What is not proven is written as `none`, with the reason.

    Args:
        scores: one row per trial; see `panel_of`.
        arms: texts, ids, and who holds which slot.
        terms: rules, name, day, days.

    Raises:
        TableError: the table cannot be used.
        SpecError: there is no arm without a preamble.
    """
    panel = panel_of(scores)
    if BASELINE not in panel.arms:
        raise SpecError(
            f"'{terms.experiment}' has no arm without a preamble, which is the control of every "
            f"decision: add '{BASELINE}' to its variants"
        )
    entries: list[tuple[Entry, SlotVerdict | None]] = []
    verdicts: list[SlotVerdict] = []
    for size in (*CLASSES, "unknown"):
        own = panel.of(models=[name for name in panel.models if panel.sizes[name] == size])
        labels = [label for label in arms.labels(size) if label in own.arms and label != BASELINE]
        if not own.models or not labels:
            continue
        whole = class_verdicts(own, labels, arms, terms, size)
        families = family_verdicts(own, labels, arms, terms, size)
        chosen = next((verdict for verdict in whole if verdict.chosen), None)
        made = _class_entries(own, whole, arms, terms, size)
        if size != "unknown":
            made += _family_entries(families, chosen, arms, terms)
            of_size = scores[scores["model"].astype(str).isin(own.models)]
            texts = {label: arms.texts[label, size] for label in labels}
            label = None if chosen is None else chosen.judged.candidate
            made += tier_entries(of_size, own, texts, label, terms, size)
        main = chosen or whole[0]
        entries += [(entry, _origin(entry, main, families)) for entry in made]
        verdicts += [*whole, *families]
        if terms.single_models:
            singles = single_verdicts(own, labels, arms, terms, size)
            covered = set(main.judged.panel.models) if main.chosen else set()
            for verdict in singles:
                entries += [(e, verdict) for e in _single_entries(verdict, covered, arms, terms)]
            verdicts += singles
    return Draft(entries=_one_for_each(entries), verdicts=tuple(verdicts))


def _class_entries(
    panel: Panel, verdicts: Sequence[SlotVerdict], arms: Arms, terms: Terms, size: Size
) -> list[Entry]:
    chosen = next((verdict for verdict in verdicts if verdict.chosen), None)
    held = arms.held.get(size)
    if chosen is None:
        if held is not None and held.use != NONE:
            own = next((v for v in verdicts if v.text.id == held.use), None)
            if own is None or own.judged.outcome in {"inconclusive", "invalid", "promote"}:
                return [held]
        return [] if size == "unknown" else [_none_entry(verdicts, arms, terms, size)]
    judged = chosen.judged
    evidence = _evidence(judged, arms)
    reason = f"{judged.words}; {_panel_in_words(evidence)}"
    found = [
        terms.exception(chosen.text.id, f"hurts it: {_span(harm, terms)}", model=arms.ids[name])
        for name, harm in judged.hurt.items()
    ]
    found += _hurt_family_entries(panel, chosen, terms)
    if judged.whole_class and size != "unknown":
        return [
            terms.entry("promote", chosen.text.id, reason, size=size, evidence=evidence),
            *found,
        ]
    only = f"{reason}; for the tested models only, {_too_narrow(evidence, terms.rules, size)}"
    found += [
        terms.entry("promote", chosen.text.id, only, model=arms.ids[name], evidence=evidence)
        for name in judged.panel.models
    ]
    return found if size == "unknown" else [*found, _narrow_entry(chosen, evidence, terms, size)]


def _narrow_entry(chosen: SlotVerdict, evidence: Evidence, terms: Terms, size: Size) -> Entry:
    words = (
        f"{chosen.text.id} gains on the tested models, {_too_narrow(evidence, terms.rules, size)}"
    )
    return terms.entry("inconclusive", NONE, words, size=size)


def _too_narrow(evidence: Evidence, rules: PreambleRules, size: Size) -> str:
    if size == "unknown":
        return "for nobody knows their size"
    families = "family" if evidence.families == 1 else "families"
    return (
        f"for {counted(evidence.models, 'model')} of {evidence.families} {families} "
        f"cannot speak for others (needed: {rules.least_models} of {rules.least_families})"
    )


def _none_entry(verdicts: Sequence[SlotVerdict], arms: Arms, terms: Terms, size: Size) -> Entry:
    """What is not proven: none, with what was tried. An open question abstains, a shown one not.

    A shown one carries the evidence of the best that was tried, and so the task families on which
    it was: about others nothing is decided.
    """
    outcomes = {verdict.outcome for verdict in verdicts}
    opened = [word for word in ("inconclusive", "invalid") if word in outcomes]
    said: Said = "inconclusive" if "inconclusive" in opened else "invalid" if opened else "keep"
    reasons: dict[str, list[str]] = {}
    for verdict in verdicts:
        reasons.setdefault(verdict.why, []).append(verdict.text.id)
    words = "; ".join(f"{', '.join(tried)}: {why}" for why, tried in reasons.items())
    known = [verdict.judged for verdict in verdicts if verdict.judged.gain.known]
    if said != "keep" or not known:
        return terms.entry(said, NONE, words, size=size)
    best = max(known, key=lambda judged: judged.gain.mean)
    return terms.entry(said, NONE, words, size=size, evidence=_evidence(best, arms))


def _hurt_family_entries(panel: Panel, chosen: SlotVerdict, terms: Terms) -> list[Entry]:
    """A family of which every tested model is hurt, two at least, gets none as a whole."""
    hurt, size = chosen.judged.hurt, chosen.size
    found = []
    for family in sorted({str(f) for n in hurt if (f := panel.families.get(n))}):
        members = [n for n in panel.models if panel.families.get(n) == family]
        if len(members) >= 2 and set(members) <= set(hurt) and size != "unknown":
            words = f"hurts all {len(members)} tested models of this family"
            found.append(terms.exception(chosen.text.id, words, family=family, size=size))
    return found


def _family_entries(
    families: Sequence[SlotVerdict], chosen: SlotVerdict | None, arms: Arms, terms: Terms
) -> list[Entry]:
    """Task families in which the class's choice is proven wrong, or in which alone one is right."""
    if chosen is not None:
        return _hurt_task_families(families, chosen, terms)
    found = []
    for verdict in families:
        judged = verdict.judged
        if verdict.chosen and judged.whole_class:
            evidence = _evidence(judged, arms)
            reason = f"{judged.words}; {_panel_in_words(evidence)}; in this task family alone"
            place = {"size": verdict.size, "task": verdict.task, "evidence": evidence}
            found.append(terms.entry("promote", verdict.text.id, reason, **place))
            found += [
                terms.exception(
                    verdict.text.id,
                    f"hurts it: {_span(harm, terms)}",
                    model=arms.ids[name],
                    task=verdict.task,
                )
                for name, harm in judged.hurt.items()
            ]
    return found


def _hurt_task_families(
    families: Sequence[SlotVerdict], chosen: SlotVerdict, terms: Terms
) -> list[Entry]:
    """Task families in which the preamble of a whole class is proven to hurt."""
    if not chosen.judged.whole_class:
        return []
    label = chosen.judged.candidate
    harms = {
        str(verdict.task): chosen.judged.panel.of(category=verdict.task).difference(label, BASELINE)
        for verdict in families
        if verdict.judged.candidate == label
    }
    adjusted = holm(np.array([h.p_below(0.0) for h in harms.values()], dtype=np.float64))
    return [
        terms.exception(
            chosen.text.id,
            f"hurts in this task family: {_span(harm, terms)}",
            size=chosen.size,
            task=task,
        )
        for (task, harm), p in zip(harms.items(), adjusted, strict=True)
        if p <= terms.rules.alpha
    ]


def _single_entries(
    verdict: SlotVerdict, covered: set[str], arms: Arms, terms: Terms
) -> list[Entry]:
    """A single model for which a preamble is proven, where its class has none for it."""
    if not verdict.chosen or set(verdict.judged.panel.models) <= covered:
        return []
    (name,) = verdict.judged.panel.models
    evidence = _evidence(verdict.judged, arms)
    reason = f"{verdict.judged.words}; on this model alone; {_panel_in_words(evidence)}"
    return [
        terms.entry("promote", verdict.text.id, reason, model=arms.ids[name], evidence=evidence)
    ]


def _evidence(judged: Judged, arms: Arms) -> Evidence:
    return evidence_of(judged.panel, judged.candidate, judged.gain, judged.alpha, arms.ids)


def evidence_of(
    panel: Panel, label: str, gain: Difference, alpha: float, ids: Mapping[str, str]
) -> Evidence:
    """What a promotion rests on, in points.

    Args:
        panel: the models that stayed in.
        label: the candidate.
        gain: against no preamble.
        alpha: one-sided error at which it was read.
        ids: litellm id by model name.
    """
    low, high = gain.limits(alpha)
    low95, high95 = gain.limits(0.025)
    like = panel.over_models(label, BASELINE)
    like_low, like_high = like.limits(alpha) if like.known else (None, None)
    added = {name: panel.added(name, label, BASELINE) for name in panel.spent}
    usd = added["usd"]
    figures = {
        "effect": gain.mean, "low": low, "high": high, "low95": low95, "high95": high95,
        "like_these_low": like_low, "like_these_high": like_high,
        "prompt_tokens": added["prompt_tokens"], "completion_tokens": added["completion_tokens"],
        "usd_per_1000": None if usd is None else usd * 1000,
    }  # fmt: skip
    return Evidence(
        **{name: None if value is None else round(value, 3) for name, value in figures.items()},  # type: ignore[arg-type]
        level=round(1 - 2 * alpha, 6),
        tasks=gain.n,
        repetitions=max(panel.repetitions, 1),
        models=len(panel.models),
        families=max(len(panel.known_families), 1),
        tested=tuple(ids[name] for name in panel.models),
        categories=tuple(sorted(map(str, set(panel.category)))),
    )


def _panel_in_words(evidence: Evidence) -> str:
    families = "1 family" if evidence.families == 1 else f"{evidence.families} families"
    told = f"{counted(evidence.tasks, 'task')}, {counted(evidence.models, 'model')} of {families}"
    if evidence.like_these_low is not None and evidence.like_these_low <= 0:
        told += "; for further models like these it is not shown"
    if evidence.prompt_tokens is not None:
        told += f"; costs {evidence.prompt_tokens:+.0f} prompt tokens an answer"
    if evidence.completion_tokens is not None:
        told += f" and {evidence.completion_tokens:+.0f} answer tokens"
    return told


def _span(found: Difference, terms: Terms) -> str:
    low, high = found.limits(terms.rules.alpha)
    return f"{found.mean:+.1f} points ({low:+.1f} to {high:+.1f})"


def _origin(entry: Entry, main: SlotVerdict, families: Sequence[SlotVerdict]) -> SlotVerdict | None:
    """The verdict that an entry follows from: of its task family, else of the class."""
    if entry.decision:
        return None
    wanted = main.text.id if entry.use == NONE else entry.use
    own = [v for v in families if v.task == entry.task]
    return next((v for v in own if v.text.id == wanted), next(iter(own), main))


def _one_for_each(
    entries: Sequence[tuple[Entry, SlotVerdict | None]],
) -> tuple[tuple[Entry, SlotVerdict | None], ...]:
    """One entry for each place; where two names are one model, harm goes before help."""
    places: dict[tuple[str | None, ...], tuple[Entry, SlotVerdict | None]] = {}
    for entry, verdict in entries:
        there = places.get(entry.place)
        if there is None or (entry.said == "harm" and there[0].said != "harm"):
            places[entry.place] = (entry, verdict)
    return tuple(places.values())
