"""Slots of preambles: what the rules say of every candidate in a size class, or a task family."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from preamblelab.decision.candidate_rules import PreambleRules
from preamblelab.decision.candidates import Judged, holm_alphas, judge_candidates
from preamblelab.decision.panel import Panel
from preamblelab.decision.records import Outcome, RuleResult
from preamblelab.domain.policies import NONE, Entry, PolicyText, Said
from preamblelab.domain.preambles import BASELINE
from preamblelab.domain.sizes import Size
from preamblelab.errors import SpecError

_WORSE: Final = {"invalid": 0, "keep": 1, "inconclusive": 2, "promote": 3, "install": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """What the arms of an experiment are: texts by size, ids of models, who held which slot."""

    texts: Mapping[tuple[str, str], PolicyText]
    """By label and size class."""
    ids: Mapping[str, str]
    """Litellm id of each model by its name."""
    held: Mapping[str, Entry] = field(default_factory=dict)
    """Entry in force by size class, for any task."""
    lineages: Mapping[str, tuple[PolicyText, ...]] = field(default_factory=dict)
    """Every text of a preamble, asked or not, by the preamble's name."""

    def family(self, lineage: str) -> tuple[PolicyText, ...]:
        """Every text of one lineage."""
        return self.lineages.get(lineage, ())

    def labels(self, size: str) -> tuple[str, ...]:
        """Labels of the arms with a text for this size; of equal texts the first."""
        first: dict[str, str] = {}
        for (label, each), text in self.texts.items():
            if each == size:
                first.setdefault(text.digest, label)
        return tuple(first.values())

    def holder(self, size: str) -> str | None:
        """The label of the arm that holds the class now; None where none, or it was not asked."""
        entry = self.held.get(size)
        if entry is None or entry.use == NONE:
            return None
        return next(
            (
                label
                for (label, each), text in self.texts.items()
                if each == size and text.id == entry.use
            ),
            None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What all entries of one draft share."""

    rules: PreambleRules
    experiment: str
    decided: date
    days: int = 180
    """How long a preamble may be used before it is to be measured again."""
    single_models: bool = False
    """Whether each tested model is a slot of its own besides."""

    def __post_init__(self) -> None:
        """Refuse a policy that is over before it begins."""
        if self.days < 1:
            raise SpecError(
                f"a policy of {self.days} days is over before it begins; give 1 or more"
            )

    def entry(self, said: Said, use: str, reason: str, **fields: object) -> Entry:
        """An entry with its dates."""
        return Entry.model_validate(
            {
                "said": said,
                "use": use,
                "reason": reason,
                "experiment": self.experiment,
                "decided": self.decided,
                "expires": self.decided + timedelta(days=self.days),
                **fields,
            }
        )

    def exception(self, text: str, words: str, **place: object) -> Entry:
        """An entry that keeps a preamble away from where it hurts."""
        return self.entry("harm", NONE, f"{text} {words}", hurt_by=text, **place)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotVerdict:
    """One candidate in one slot, with the rules that only the whole slot can speak."""

    slot: str
    size: Size
    task: str | None
    judged: Judged
    rules: tuple[RuleResult, ...]
    """Those of the candidate, and: lineage, the holder, one promotion per slot."""
    outcome: Outcome
    chosen: bool
    text: PolicyText

    @property
    def why(self) -> str:
        """What decided, in words."""
        decided = next((r for r in self.rules if r.leads_to == self.outcome), None)
        return decided.words if decided else self.judged.words


def class_verdicts(
    panel: Panel, labels: Sequence[str], arms: Arms, terms: Terms, size: Size
) -> list[SlotVerdict]:
    """The verdicts of a size class, any task; at most one is chosen."""
    judged = judge_candidates(panel, labels, terms.rules)
    holder, entry = arms.holder(size), arms.held.get(size)
    beside: dict[str, Judged] = {}
    if holder is not None:
        others = [label for label in labels if label != holder]
        rival = judge_candidates(panel, others, terms.rules, against=holder) if others else []
        beside = {each.candidate: each for each in rival}
    extra: dict[str, list[RuleResult]] = {each.candidate: [] for each in judged}
    for each in judged:
        extra[each.candidate] += _lineage_rules(labels, arms, size)
        if entry is not None and entry.use != NONE and each.candidate != holder:
            extra[each.candidate] += _holder_rules(entry, holder, beside.get(each.candidate))
    # The holder comes last: whoever is proven better than it goes before it.
    judged.sort(key=lambda each: each.candidate == holder)
    return _verdicts(judged, extra, arms, size, None)


def family_verdicts(
    panel: Panel, labels: Sequence[str], arms: Arms, terms: Terms, size: Size
) -> list[SlotVerdict]:
    """The verdicts of each task family with enough tasks; Holm over families and candidates."""
    names = sorted(set(panel.category))
    if len(names) < 2:
        return []
    parts = {name: panel.of(category=name) for name in names}
    large = {n: p for n, p in parts.items() if len(p.tasks) >= terms.rules.least_tasks}
    found = []
    for name, judged in _together(large, labels, terms).items():
        extra = {each.candidate: _lineage_rules(labels, arms, size) for each in judged}
        found += _verdicts(judged, extra, arms, size, name)
    return found


def single_verdicts(
    panel: Panel, labels: Sequence[str], arms: Arms, terms: Terms, size: Size
) -> list[SlotVerdict]:
    """The verdicts of each model by itself; Holm over models and candidates."""
    parts = {name: panel.of(models=[name]) for name in panel.models}
    found = []
    for name, judged in _together(parts, labels, terms).items():
        extra: dict[str, list[RuleResult]] = {each.candidate: [] for each in judged}
        verdicts = _verdicts(judged, extra, arms, size, None)
        found += [replace(each, slot=f"{size}/any, model {name}") for each in verdicts]
    return found


def _together(
    parts: Mapping[str, Panel], labels: Sequence[str], terms: Terms
) -> dict[str, list[Judged]]:
    """Every candidate in every part, all their gains held together by Holm."""
    p_values = {
        f"{name}/{label}": part.of(models=part.delivered(label, BASELINE))
        .difference(label, BASELINE)
        .p_above(terms.rules.margin)
        for name, part in parts.items()
        for label in labels
    }
    if not p_values:
        return {}
    alphas = holm_alphas(p_values, terms.rules.alpha)
    return {
        name: judge_candidates(
            part,
            labels,
            terms.rules,
            alphas={label: alphas[f"{name}/{label}"] for label in labels},
        )
        for name, part in parts.items()
    }


def _verdicts(
    judged: Sequence[Judged],
    extra: Mapping[str, list[RuleResult]],
    arms: Arms,
    size: Size,
    task: str | None,
) -> list[SlotVerdict]:
    winner: str | None = None
    found = []
    for each in judged:
        more = list(extra[each.candidate])
        outcome = min(
            [each.outcome, *(rule.leads_to for rule in more if rule.leads_to)],
            key=lambda word: _WORSE[word],
        )
        if outcome == "promote" and winner is not None:
            words = f"{winner} has the higher lower limit, and a slot has one holder"
            more.append(RuleResult(name="one holder", said="fail", words=words, leads_to="keep"))
            outcome = "keep"
        chosen = outcome == "promote"
        narrow = chosen and not (each.whole_class and size != "unknown")
        winner = each.candidate if chosen else winner
        found.append(
            SlotVerdict(
                slot=f"{size}/{task or 'any'}" + (", tested models only" if narrow else ""),
                size=size,
                task=task,
                judged=each,
                rules=(*more, *each.rules) if more else each.rules,
                outcome=outcome,
                chosen=chosen,
                text=arms.texts[each.candidate, size],
            )
        )
    return found


def _lineage_rules(labels: Sequence[str], arms: Arms, size: str) -> list[RuleResult]:
    lineages = {arms.texts[label, size].lineage for label in labels}
    if len(lineages) > 1:
        return []
    words = f"all candidates are of one lineage, {min(lineages)}: nothing else was tried"
    return [RuleResult(name="lineage", said="info", words=words)]


def _holder_rules(entry: Entry, holder: str | None, beside: Judged | None) -> list[RuleResult]:
    """What the preamble that holds the slot has to say to a challenger."""
    if holder is None:
        words = (
            f"{entry.use} holds the slot and was not asked: add it to the experiment's variants, "
            "or begin anew with --fresh"
        )
        return [RuleResult(name="holder", said="fail", words=words, leads_to="keep")]
    if beside is None or beside.outcome == "promote":
        return []
    words = f"against {entry.use}, which holds the slot: {beside.words}"
    return [RuleResult(name="holder", said="not shown", words=words, leads_to=beside.outcome)]
