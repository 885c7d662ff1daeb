"""The clauses P0 to P7 of a role's policy, each told with the numbers it rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from preamblelab.decision.records import Measured, Numbers, Observations, Outcome, RuleResult
from preamblelab.decision.role_metrics import (
    TIE,
    RoleData,
    RoleFigures,
    clear,
    gain,
    numbers,
    toward_worse,
    value,
)
from preamblelab.decision.wording import named_with_causes
from preamblelab.domain.roles import RolePolicy
from preamblelab.errors import SpecError
from preamblelab.stats.sentences import counted

LITERAL = "no statistical support: points are compared, as in the original policy"
CASES = "P0 cases"
METRICS = 3
"""Metrics of which one must be better: each gets its share of the error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One model of a role, as the clauses on cost and families see it."""

    name: str
    family: str | None
    """None: unknown."""
    paid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What clauses need to know besides the measurements."""

    challenger: Contender
    incumbent: Contender | None
    others: tuple[Contender, ...]
    """Challengers of the role, this one apart."""
    severities: Mapping[str, str]
    """By case."""
    days_since_promotion: float | None = None
    """Since the last promotion in this role; None: there was none."""


def coverage_rules(
    data: RoleData, observed: Observations, policy: RolePolicy, *, literal: bool
) -> list[RuleResult]:
    """P0: are both there, on the same cases, on enough of them?"""
    rules = []
    if observed.champion_gone:
        rules.append(_gone(observed))
    else:
        rules += _same_cases(data, policy)
    n = int(data.compared.sum())
    few = n < policy.min_cases
    words = f"both finished {counted(n, 'case')}"
    if few:
        words = f"role has {counted(n, 'case')}, {policy.min_cases} needed"
        words += "; waived, as the original asked for no number" if literal else ""
    rules.append(
        RuleResult(
            name=CASES,
            said="info" if few and literal else "fail" if few else "pass",
            words=words,
            numbers={"cases": n, "needed": policy.min_cases},
            leads_to="inconclusive" if few and not literal else None,
        )
    )
    return rules


def _gone(observed: Observations) -> RuleResult:
    allowed = observed.emergency
    then = (
        "an emergency installation was asked for"
        if allowed
        else "--emergency allows an installation by the policy's thresholds"
    )
    return RuleResult(
        name="P0 incumbent",
        said="info" if allowed else "fail",
        words=f"the incumbent is gone ({observed.champion_gone}): the role is degraded; {then}",
        leads_to=None if allowed else "invalid",
    )


def _same_cases(data: RoleData, policy: RolePolicy) -> list[RuleResult]:
    missing, limits = data.pairs.missing(), policy.coverage
    apart = abs(missing.champion - missing.challenger) / max(missing.planned, 1)
    lopsided = not data.vacant and apart > limits.imbalance + TIE
    if missing.coverage >= limits.least - TIE and not lopsided:
        return []
    named = named_with_causes(missing.tasks, missing.causes)
    return [
        RuleResult(
            name="P0 same cases",
            said="fail",
            words=f"{missing.scored} of {missing.planned} pairs are scored, {limits.least:.0%} are "
            f"needed, and as many of one as of the other; missing: {named}; resume the run",
            numbers={"scored": missing.scored, "planned": missing.planned},
            leads_to="invalid",
        )
    ]


def metric_rules(data: RoleData, alpha: float) -> list[RuleResult]:
    """P1 to P4, and the guard on severity.

    Args:
        data: the trials.
        alpha: error of each limit; P4 may find its gain in any of three, so each gets a third.
    """
    figures = data.figures(alpha)
    return [
        not_worse("P1 acceptance", figures.acceptance),
        not_worse("P2 review pain", figures.pain),
        not_worse("P3 hard failures", figures.hard),
        _better(figures, data.figures(alpha / METRICS)),
        _no_harm("severity", figures.severity),
    ]


def not_worse(name: str, m: Measured) -> RuleResult:
    """Whether a metric is shown not worse by its margin."""
    margin = m.margin or 0.0
    if m.interval is None:
        return RuleResult(
            name=name,
            said="not shown",
            words="too few cases for an interval",
            numbers=numbers(m),
            leads_to="inconclusive",
        )
    worst, best = toward_worse(m)
    shown = (
        f"{value(m.challenger)} against {value(m.champion)}, difference "
        f"{m.interval.estimate:+.3f} ({m.interval.low:+.3f} to {m.interval.high:+.3f})"
    )
    if best > TIE:
        return RuleResult(
            name=name, said="fail", words=f"worse: {shown}", numbers=numbers(m), leads_to="keep"
        )
    if worst < margin:
        words = f"not worse by {margin:g}: {shown}"
        return RuleResult(name=name, said="pass", words=words, numbers=numbers(m))
    words = f"not shown to be no worse than by {margin:g}: {shown}"
    return RuleResult(
        name=name, said="not shown", words=words, numbers=numbers(m), leads_to="inconclusive"
    )


def _better(figures: RoleFigures, strict: RoleFigures) -> RuleResult:
    named = [m for m in strict.all[:METRICS] if clear(m)]
    if named:
        words = f"better in {' and '.join(m.name for m in named)}, clear of 0"
        return RuleResult(name="P4 gain", said="pass", words=words, numbers=_gains(figures))
    hopeful = [m for m in figures.all[:METRICS] if gain(m) > TIE]
    if not hopeful:
        tie = all(abs(gain(m)) <= TIE for m in figures.all[:METRICS])
        return RuleResult(
            name="P4 gain",
            said="fail",
            leads_to="keep",
            words="better in nothing: a tie keeps the incumbent" if tie else "better in nothing",
            numbers=_gains(figures),
        )
    words = (
        f"no gain is clear of 0 (ahead in {' and '.join(m.name for m in hopeful)}): "
        "more cases could show one"
    )
    return RuleResult(
        name="P4 gain",
        said="not shown",
        words=words,
        numbers=_gains(figures),
        leads_to="inconclusive",
    )


def _gains(figures: RoleFigures) -> Numbers:
    return {f"gain in {m.name}": gain(m) for m in figures.all[:METRICS]}


def _no_harm(name: str, m: Measured) -> RuleResult:
    """A guard that only sees harm: nothing is proven where it sees none."""
    harmed = m.interval is not None and m.interval.high < -TIE
    words = "no harm seen, nothing proven" if not harmed else "harm shown"
    if m.interval is not None:
        words += (
            f": {value(m.challenger)} against {value(m.champion)} of the attainable "
            f"({m.interval.low:+.3f} to {m.interval.high:+.3f})"
        )
    return RuleResult(
        name=name,
        said="fail" if harmed else "pass",
        words=words,
        numbers=numbers(m),
        leads_to="keep" if harmed else None,
    )


def literal_rules(figures: RoleFigures) -> list[RuleResult]:
    """The original's comparisons of points, and P4 on points."""
    names = ("P1 acceptance", "P2 review pain", "P3 hard failures")
    rules = []
    for name, m in zip(names, figures.all[:METRICS], strict=True):
        ahead = gain(m)
        sign = ("≥" if m.better == "higher" else "≤") if ahead >= -TIE else "not"
        rules.append(
            RuleResult(
                name=name,
                said="pass" if ahead >= -TIE else "fail",
                numbers=numbers(m),
                words=f"{value(m.challenger)} {sign} {value(m.champion)}; {LITERAL}",
                leads_to=None if ahead >= -TIE else "keep",
            )
        )
    better = any(gain(m) > TIE for m in figures.all[:METRICS])
    rules.append(
        RuleResult(
            name="P4 gain",
            said="pass" if better else "fail",
            words="better in one metric at least"
            if better
            else "better in nothing: a tie keeps the incumbent",
            leads_to=None if better else "keep",
        )
    )
    return rules


def install_rules(figures: RoleFigures, policy: RolePolicy, slot: str) -> list[RuleResult]:
    """The thresholds of a first holder.

    Raises:
        SpecError: the policy has none.
    """
    wanted = policy.install
    if wanted is None:
        raise SpecError(
            f"role '{slot}' has nobody to compare with, and the policy has no "
            "'install' thresholds (acceptance, hard_failure) for a first holder"
        )
    rows = (
        ("acceptance", figures.acceptance, wanted.acceptance, True),
        ("hard failures", figures.hard, wanted.hard_failure, False),
    )
    rules = []
    for name, m, limit, at_least in rows:
        own = m.challenger if m.challenger is not None else float("nan")
        fine = own >= limit - TIE if at_least else own <= limit + TIE
        word = "at least" if at_least else "at most"
        rules.append(
            RuleResult(
                name=f"install {name}",
                said="pass" if fine else "fail",
                words=f"{own:.3f}, {word} {limit:.3f} asked for; no comparison was made",
                numbers={"value": own, "limit": limit},
                leads_to=None if fine else "keep",
            )
        )
    return rules


def standing_rules(
    standing: Standing, figures: RoleFigures, policy: RolePolicy, *, vacant: bool
) -> list[RuleResult]:
    """P5 to P7, which need no measurement but that of a failing incumbent."""
    own, incumbent = standing.challenger, standing.incumbent
    rules = []
    if incumbent is not None:
        fine = not own.paid or incumbent.paid
        words = f"challenger {_tier(own)}, incumbent {_tier(incumbent)}"
        rules.append(
            RuleResult(
                name="P5 cost",
                said="pass" if fine else "fail",
                words=words if fine else f"{words}: a paid one never replaces a free one",
                numbers={"challenger paid": own.paid, "incumbent paid": incumbent.paid},
                leads_to=None if fine else "keep",
            )
        )
    rules.append(_diversity(standing, policy, vacant=vacant))
    if not vacant:
        rules.append(_cooldown(standing, figures, policy))
    return rules


def _tier(contender: Contender) -> str:
    return "paid" if contender.paid else "free"


def _cooldown(standing: Standing, figures: RoleFigures, policy: RolePolicy) -> RuleResult:
    """P7: no flapping, unless the incumbent is failing."""
    days, rate = standing.days_since_promotion, figures.hard.champion or 0.0
    figured: Numbers = {"days": days, "asked for": policy.cooldown_days, "failures": rate}
    words = f"the last promotion was {days or 0.0:.1f} days ago, {policy.cooldown_days} asked for"
    rests = days is not None and days < policy.cooldown_days
    if not rests:
        words = "no promotion within the cooldown"
    elif rate >= policy.failing:
        words += f"; the incumbent fails hard on {rate:.0%}, so nobody waits"
    held = rests and rate < policy.failing
    return RuleResult(
        name="P7 cooldown",
        said="fail" if held else "pass",
        words=words,
        numbers=figured,
        leads_to="keep" if held else None,
    )


def missing_rules(data: RoleData, alpha: float) -> list[RuleResult]:
    """Whether a promotion would stand if all that is missing spoke against the challenger."""
    if not np.isnan(data.pairs.difference).any():
        return []
    if not_worse("worst", data.at_worst(alpha)).said == "pass":
        return []
    return [
        RuleResult(
            name="missing cases",
            said="not shown",
            words="missing cases decide: were they all lost, acceptance would not be shown",
            leads_to="inconclusive",
        )
    ]


def outcome_of(rules: Sequence[RuleResult], *, vacant: bool) -> Outcome:
    """What all clauses come to: too little data first, then rejections, then what is not shown."""
    led = {rule.leads_to for rule in rules}
    few = any(rule.name == CASES and rule.leads_to == "inconclusive" for rule in rules)
    if "invalid" in led:
        return "invalid"
    if few:
        return "inconclusive"
    if "keep" in led:
        return "keep"
    if "inconclusive" in led:
        return "inconclusive"
    return "install" if vacant else "promote"


def _diversity(standing: Standing, policy: RolePolicy, *, vacant: bool) -> RuleResult:
    """P6: more than one family among those who remain."""
    own, incumbent = standing.challenger, standing.incumbent
    if own.family is None and not vacant:
        return RuleResult(
            name="P6 diversity",
            said="fail",
            leads_to="keep",
            words=f"family unknown: name the family of {own.name} under 'models'",
        )
    stays = () if incumbent is None or policy.on_promote == "retire" else (incumbent,)
    after = {c.family for c in (own, *standing.others, *stays)} - {None}
    everybody = (own, *standing.others, *(() if incumbent is None else (incumbent,)))
    before = {c.family for c in everybody} - {None}
    least = 2 if policy.diversity == "strict" else min(2, len(before))
    fine = len(after) >= least
    named = ", ".join(sorted(str(each) for each in after)) or "no known family"
    words = f"{_families(len(after)).replace('familys', 'families')} would remain: {named}"
    if not fine:
        words += f"; add a challenger that is not of {named}"
    return RuleResult(
        name="P6 diversity",
        said="pass" if fine else "info" if vacant else "fail",
        words=words,
        numbers={"families": len(after), "needed": least},
        leads_to=None if fine or vacant else "keep",
    )


def _families(count: int) -> str:
    return "1 family" if count == 1 else f"{count} families"
