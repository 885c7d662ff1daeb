"""Preambles as candidates for a slot: what the rules say of each, one outcome for each; pure.

A slot is a size class, or a task family within it. Every candidate is held against no preamble,
which is a control that never leaves; where another preamble holds the slot, against that as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from preamblelab.decision.candidate_rules import (
    Part,
    PreambleRules,
    data_rules,
    diverse,
    gain_rules,
    guard_rules,
    panel_rules,
    part_of,
)
from preamblelab.decision.panel import Difference, Panel
from preamblelab.decision.records import Interval, Measured, Outcome, RuleResult
from preamblelab.domain.preambles import BASELINE
from preamblelab.stats.intervals import holm_levels

__all__ = ["Judged", "PreambleRules", "holm_alphas", "judge_candidates"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the rules said of one candidate in one slot."""

    candidate: str
    against: str
    """Label of the arm that it was held against."""
    outcome: Outcome
    rules: tuple[RuleResult, ...]
    panel: Panel
    """The models that stay in: reached by the preamble, and not hurt."""
    hurt: Mapping[str, Difference] = field(default_factory=dict)
    """Models that the preamble hurts, after Holm; they get none."""
    gain: Difference
    alpha: float
    """One-sided error at which the gain was read, after Holm."""
    whole_class: bool
    """Whether the panel is diverse enough for models that were not tested."""
    measured: tuple[Measured, ...] = ()
    planned: int = 0
    lost: tuple[int, int] = (0, 0)
    """Trials without a score: of the candidate, of what it was held against."""

    @property
    def low(self) -> float:
        """Lower limit of the gain, points."""
        return self.gain.limits(self.alpha)[0]

    @property
    def decisive(self) -> RuleResult | None:
        """The rule that decided."""
        return next((rule for rule in self.rules if rule.leads_to == self.outcome), None)

    @property
    def words(self) -> str:
        """Why, in one sentence."""
        return self.decisive.words if self.decisive else "no rule spoke"


def judge_candidates(
    panel: Panel,
    candidates: Sequence[str],
    rules: PreambleRules,
    *,
    against: str = BASELINE,
    alphas: Mapping[str, float] | None = None,
) -> list[Judged]:
    """What the rules say of each candidate; the clearest gain first.

    Args:
        panel: trials of the slot.
        candidates: labels of the arms that are candidates.
        rules: the rules.
        against: the arm that they are held against.
        alphas: one-sided error for each candidate; None: Holm over these candidates.

    Raises:
        TableError: an arm is not in the panel.
    """
    parts = {label: part_of(panel, label, against, rules) for label in candidates}
    given = alphas or holm_alphas(
        {label: part.gain.p_above(rules.margin) for label, part in parts.items()}, rules.alpha
    )
    judged = [_judged(label, against, part, given[label], rules) for label, part in parts.items()]
    return sorted(judged, key=lambda each: (-np.nan_to_num(each.low, nan=-1e9), each.candidate))


def holm_alphas(p_values: Mapping[str, float], alpha: float) -> dict[str, float]:
    """The error at which each of several claims is read, so that all together err at `alpha`."""
    levels = holm_levels(np.array(list(p_values.values()), dtype=np.float64), alpha)
    return dict(zip(p_values, map(float, levels), strict=True))


def _judged(label: str, against: str, part: Part, alpha: float, rules: PreambleRules) -> Judged:
    planned, *lost = part.rest.missing(label, against)
    found = [
        *data_rules(part, label, against, rules),
        *guard_rules(part, label, against, rules),
        *panel_rules(part, rules),
        *gain_rules(part, label, against, alpha, rules),
    ]
    ordered = _by_weight(found)
    spoke = (rule.leads_to for rule in ordered if rule.leads_to is not None)
    outcome: Outcome = next(spoke, "inconclusive")
    return Judged(
        candidate=label,
        against=against,
        outcome=outcome,
        rules=tuple(ordered),
        panel=part.rest,
        hurt=part.hurt,
        gain=part.gain,
        alpha=alpha,
        whole_class=diverse(part.rest, rules),
        measured=_measured(part.rest, label, against, alpha),
        planned=planned,
        lost=(lost[0], lost[1]),
    )


_WEIGHT: Mapping[Outcome | None, int] = {"invalid": 0, "keep": 1, "inconclusive": 2, None: 4}


def _by_weight(found: list[RuleResult]) -> list[RuleResult]:
    """The rules in the order in which they decide; the success rule comes after every guard."""
    return sorted(found, key=lambda r: 3 if r.name == "gain" else _WEIGHT.get(r.leads_to, 3))


def _measured(panel: Panel, label: str, against: str, alpha: float) -> tuple[Measured, ...]:
    """The figures behind a decision: the whole, each task family, each model, models as sample."""
    if not panel.models:
        return ()
    rows = [("all tasks", "overall", "success", panel.difference(label, against))]
    rows += [
        (str(each), "category", "info", panel.of(category=str(each)).difference(label, against))
        for each in sorted(set(panel.category))
    ]
    rows += [
        (f"model {name}", "metric", "guard", panel.of(models=[name]).difference(label, against))
        for name in panel.models
    ]
    rows.append(("models like these", "metric", "info", panel.over_models(label, against)))
    return tuple(
        Measured(
            name=name,
            kind="overall" if kind == "overall" else "category" if kind == "category" else "metric",
            role=role,
            n=found.n,
            planned=len(panel.tasks),
            interval=_interval(found, alpha),
            unit="points",
            words="" if found.known else "not estimable",
        )
        for name, kind, role, found in rows
    )


def _interval(found: Difference, alpha: float) -> Interval | None:
    if not found.known:
        return None
    low, high = found.limits(alpha)
    low95, high95 = found.limits(0.025)
    return Interval(
        estimate=found.mean, low=low, high=high, low95=low95, high95=high95, n=found.n,
        method="t", alpha=alpha,
    )  # fmt: skip
