"""Whether a challenger takes over a role: at most one does, and every clause is told; pure.

The clauses are those of a hand-kept policy of local models, with intervals in the place of points:
not worse in acceptance, review pain and hard failures, better in one of them, no new cost, no
single family, no flapping.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from preamblelab.decision.costs import costs_of
from preamblelab.decision.records import Decision, Observations, RuleResult
from preamblelab.decision.role_clauses import (
    LITERAL,
    Standing,
    coverage_rules,
    install_rules,
    literal_rules,
    metric_rules,
    missing_rules,
    outcome_of,
    standing_rules,
)
from preamblelab.decision.role_metrics import RoleData, RoleFigures, influential
from preamblelab.domain.registry import Registry
from preamblelab.domain.roles import RolePolicy
from preamblelab.stats.intervals import holm_levels

_SMALLEST, _LARGEST = 1e-7, 0.4999
_STEPS = 24


def decide_role(
    candidates: Sequence[tuple[Observations, Standing]],
    policy: RolePolicy,
    registry: Registry | None = None,
    *,
    literal: bool = False,
) -> tuple[Decision, ...]:
    """Decide on every challenger of one role; at most one is promoted.

    The chances of error of several challengers are held together by Holm. Among those that qualify
    the one with the highest lower limit of acceptance is taken; then less pain, fewer hard
    failures, the cheaper, the first by name.

    Args:
        candidates: the trials of each challenger and the incumbent, with what else counts; a score
            is whether a case was accepted, the mark `pain` what it cost its reviewer.
        policy: the rules.
        registry: earlier decisions, which number these; None: there are none.
        literal: compare points instead of intervals, as the original policy did. Such a decision
            has no statistical support and is never applied.

    Returns:
        A decision for each, in the order given.

    Raises:
        SpecError: a role is vacant and the policy has no thresholds for a first holder.
    """
    cases = [_Case(observed, standing, policy) for observed, standing in candidates]
    # One alone needs no share of the error, and finding its p is most of the work.
    several = len(cases) > 1
    levels = (
        holm_levels(np.array([case.p for case in cases]), policy.alpha)
        if several
        else np.full(len(cases), policy.alpha)
    )
    found = [
        case.decision(registry, float(alpha), literal=literal)
        for case, alpha in zip(cases, levels, strict=True)
    ]
    takers = [place for place, each in enumerate(found) if each.outcome in {"promote", "install"}]
    if len(takers) < 2:
        return tuple(found)
    best = min(takers, key=lambda place: _order(found[place]))
    return tuple(
        _passed_over(each, found[best]) if place in takers and place != best else each
        for place, each in enumerate(found)
    )


def _order(decision: Decision) -> tuple[float, float, float, float, str]:
    acceptance, pain, hard = decision.measured[:3]
    low = acceptance.interval.low if acceptance.interval else acceptance.challenger or 0.0
    cost = decision.costs["challenger"].usd
    return (
        -low,
        pain.challenger or 0.0,
        hard.challenger or 0.0,
        float("inf") if cost is None else cost,
        decision.challenger,
    )


def _passed_over(decision: Decision, best: Decision) -> Decision:
    rule = RuleResult(
        name="one promotion",
        said="fail",
        words=f"it qualifies, and {best.challenger} is ahead: one promotion in a role and run",
        leads_to="keep",
    )
    rules = tuple(each for each in decision.rules if each.leads_to != decision.outcome)
    return replace(decision, outcome="keep", rules=(*rules, rule))


class _Case:
    """One challenger against the incumbent."""

    def __init__(self, observed: Observations, standing: Standing, policy: RolePolicy) -> None:
        self.observed, self.standing, self.policy = observed, standing, policy
        self.data = RoleData(observed, dict(standing.severities), policy.margins)

    @property
    def p(self) -> float:
        """The smallest error at which the clauses on metrics hold; 1 where none would do."""
        data = self.data
        if data.vacant or int(data.compared.sum()) < self.policy.min_cases:
            return 1.0
        if not self._holds(_LARGEST):
            return 1.0
        low, high = np.log(_SMALLEST), np.log(_LARGEST)
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (low, middle) if self._holds(float(np.exp(middle))) else (middle, high)
        return float(np.exp(high))

    def _holds(self, alpha: float) -> bool:
        return all(rule.said == "pass" for rule in metric_rules(self.data, alpha))

    def decision(self, registry: Registry | None, alpha: float, *, literal: bool) -> Decision:
        """All clauses at an error of `alpha`, and what they come to."""
        data, policy, vacant = self.data, self.policy, self.data.vacant
        figures = data.figures(alpha)
        rules = coverage_rules(data, self.observed, policy, literal=literal)
        if vacant:
            rules += install_rules(figures, policy, self.observed.slot)
        else:
            rules += literal_rules(figures) if literal else metric_rules(data, alpha)
        rules += standing_rules(self.standing, figures, policy, vacant=vacant)
        if not literal and outcome_of(rules, vacant=vacant) == "promote":
            rules += missing_rules(data, alpha)
        outcome = outcome_of(rules, vacant=vacant)
        if outcome in {"promote", "install"}:
            rules.append(
                RuleResult(
                    name="all clauses",
                    said="pass",
                    words="every clause holds, each limit at an error of "
                    f"{alpha:.3g}{'; no comparison was made' if vacant else ''}"
                    if not literal
                    else f"every comparison of points holds; {LITERAL}",
                    leads_to=outcome,
                )
            )
        return self._made(registry, figures, rules, literal=literal)

    def _made(
        self,
        registry: Registry | None,
        figures: RoleFigures,
        rules: Sequence[RuleResult],
        *,
        literal: bool,
    ) -> Decision:
        observed, manifest, vacant = self.observed, self.observed.manifest, self.data.vacant
        arms = {"challenger": observed.challenger.digest}
        if observed.champion is not None:
            arms["champion"] = observed.champion.digest
        slot = (registry or Registry()).slot(observed.slot)
        own = observed.challenger.digest
        return Decision(
            outcome=outcome_of(rules, vacant=vacant),
            slot=observed.slot,
            challenger=observed.challenger.label,
            challenger_digest=own,
            champion=None if observed.champion is None else observed.champion.label,
            champion_digest=None if observed.champion is None else observed.champion.digest,
            run=manifest.run,
            at=manifest.started,
            rules=tuple(rules),
            measured=figures.all,
            missing=self.data.pairs.missing(),
            influential=() if vacant else influential(self.data.pairs),
            costs=costs_of(observed.rows, arms),
            attempt=slot.attempt(challenger=own, suite=manifest.suite, run=manifest.run),
            manifests={"run": manifest},
            policy={**self.policy.model_dump(mode="json"), "literal": literal},
            suite=manifest.suite,
            simulated=observed.simulated,
        )
