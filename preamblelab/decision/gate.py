"""The decision on one challenger: rules in a fixed order, every one that spoke is told.

No clock, no network, no draw: the same observations, rules and registry give the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from preamblelab.decision.costs import costs_of
from preamblelab.decision.latency import limit_rules, quality_rule, speed_rule
from preamblelab.decision.measuring import (
    Category,
    categories_of,
    hard_failures_of,
    influential,
    overall_measured,
    overall_of,
    parts_of,
    what_would_decide,
)
from preamblelab.decision.pairing import TIE, Pairs, pair
from preamblelab.decision.records import (
    Decision,
    Measured,
    Missing,
    Observations,
    Outcome,
    RuleResult,
)
from preamblelab.decision.rules import (
    champion_rule,
    configuration_rule,
    coverage_rules,
    delivery_rule,
    gain_rule,
    guard_rules,
    harm_rules,
    manifests_rule,
    size_rules,
    smoke_rules,
    tie_rule,
    tripwire_rules,
    weights_rule,
)
from preamblelab.decision.wording import named_with_causes, shown
from preamblelab.domain.gates import GatePolicy
from preamblelab.domain.registry import Holder, Registry
from preamblelab.errors import SpecError


def decide(
    observations: Observations, policy: GatePolicy, registry: Registry | None = None
) -> Decision:
    """Decide on a challenger: promote, keep, install, inconclusive or invalid.

    The first rule that leads to an outcome decides; the others that spoke stand behind it:
    what makes a comparison invalid; a failed smoke test; a lost critical task; harm shown; a tie;
    a guard not shown non-inferior; the gain.

    Args:
        observations: the plan and all trials of both contenders.
        policy: the rules.
        registry: earlier decisions on the slot, which number this one; None: there are none.

    Raises:
        SpecError: the policy does not fit the tasks, the challenger is the champion, or a vacant
            slot has no absolute thresholds.
        TableError: a trial is there twice, or was never planned.
    """
    observations = _in_emergency(observations, policy)
    refuse_unfit(observations, policy)
    smoke = _smoke(observations)
    full = pair(observations)
    before = [manifests_rule(observations)]
    said = (
        ask(observations)
        for ask in (delivery_rule, configuration_rule, weights_rule, champion_rule)
    )
    before += [rule for rule in said if rule is not None]
    before += [_with_cause(rule, observations) for rule in smoke_rules(smoke, policy)]
    if any(rule.leads_to is not None for rule in before):
        before.append(_not_asked(full))
        found = _Found(outcome=_first(before), rules=tuple(before), measured=())
        return _decision(observations, policy, registry, full, found)
    if full.champion is None:
        found = _installed(observations, policy, full, before)
    else:
        found = _compared(policy, full, before, observations)
    return _decision(observations, policy, registry, full, found)


def _smoke(observations: Observations) -> Pairs | None:
    there = any(task.smoke for task in observations.tasks)
    return pair(observations, smoke=True) if there else None


def _in_emergency(observations: Observations, policy: GatePolicy) -> Observations:
    """In an emergency, a champion that fails its own smoke test is as good as gone."""
    if not observations.emergency or observations.champion_gone:
        return observations
    for rule in smoke_rules(_smoke(observations), policy):
        # Without numbers answers are missing: that is a run to be resumed, and no emergency.
        if rule.name == "smoke of the champion" and rule.leads_to and rule.numbers:
            why = rule.words.partition("; ")[0]
            return replace(observations, champion_gone=why)
    return observations


def _with_cause(rule: RuleResult, observations: Observations) -> RuleResult:
    """A smoke test without answers, with the first cause that was stored."""
    causes = [
        row.reason for row in observations.rows if row.smoke and row.score is None and row.reason
    ]
    if rule.leads_to != "invalid" or not causes or "no scored answer" not in rule.words:
        return rule
    return replace(rule, words=f"{rule.words} ({causes[0]})")


def refuse_unfit(observations: Observations, policy: GatePolicy) -> None:
    """Refuse what no answer could mend, before any call.

    Raises:
        SpecError: see `decide`.
    """
    champion, challenger = observations.champion, observations.challenger
    if champion is not None and _bare(champion) == _bare(challenger):
        raise SpecError(
            f"the challenger is the champion of '{observations.slot}', {champion.label}: "
            "nothing could be compared"
        )
    if (champion is None or observations.champion_gone) and policy.install is None:
        vacant = "is vacant" if champion is None else "has lost its champion"
        if champion is None or observations.emergency:
            raise SpecError(
                f"slot '{observations.slot}' {vacant}: enter who is in use today (gate adopt), or "
                "write absolute thresholds into the policy, 'install: {overall: 0.7}'"
            )
    names = [task.name for task in observations.tasks]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise SpecError(
            f"task '{double[0]}' is planned twice: a smoke task is never in the full suite"
        )
    full = [task for task in observations.tasks if not task.smoke]
    there = {task.category for task in full}
    for name in policy.categories:
        if name not in there:
            raise SpecError(f"category '{name}' of the policy has no task in the suite")
    for name in sorted(there - set(policy.categories)):
        raise SpecError(
            f"category '{name}' of the suite is not in the policy: give it a role, 'info' at least"
        )
    for name, rule in policy.categories.items():
        watched = any(task.critical for task in full if task.category == name)
        if rule.role == "guard" and rule.guard_mode == "tripwire" and not watched:
            raise SpecError(f"category '{name}' is a tripwire and has no critical task")


def _bare(holder: Holder) -> dict[str, object]:
    """What a holder is but for the weights behind its tag, of which a server has one at a time."""
    return {"kind": holder.kind, **{k: v for k, v in holder.content.items() if k != "weights"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What the rules came to."""

    outcome: Outcome
    rules: tuple[RuleResult, ...]
    measured: tuple[Measured, ...]
    categories: tuple[Category, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timed:
    """What the times of the answers say, whatever is missing."""

    limits: tuple[RuleResult, ...]
    speed: RuleResult | None
    """Where speed is the objective."""
    among: int

    @classmethod
    def of(cls, observations: Observations, policy: GatePolicy) -> "_Timed":
        fast = policy.objective == "latency"
        return cls(
            limits=tuple(limit_rules(observations, policy)),
            speed=speed_rule(observations, policy) if fast else None,
            among=observations.among,
        )


def _first(rules: Sequence[RuleResult]) -> Outcome:
    return next(rule.leads_to for rule in rules if rule.leads_to is not None)


def _not_asked(full: Pairs) -> RuleResult:
    asked = int(full.scored.sum())
    return RuleResult(
        name="full suite",
        said="info",
        words=f"{asked} of {full.scored.size} pairs of the full suite were asked; "
        "they are not looked at",
    )


def _compared(
    policy: GatePolicy, pairs: Pairs, before: Sequence[RuleResult], observations: Observations
) -> _Found:
    missing = pairs.missing()
    categories = categories_of(pairs, policy)
    invalid = [*coverage_rules(pairs, missing, policy), *size_rules(categories)]
    rules = [*before, *invalid]
    found = overall_of(categories, policy)
    overall = overall_measured(categories, found, policy)
    hard = hard_failures_of(pairs, policy)
    measured = (*(each.measured for each in categories), *parts_of(pairs, policy), overall, hard)
    if any(rule.leads_to for rule in invalid) or found is None:
        return _Found(
            outcome="invalid", rules=tuple(rules), measured=measured, categories=categories
        )
    advice = what_would_decide(categories, pairs, found, policy)
    timed = _Timed.of(observations, policy)
    rules += _verdict_rules(policy, pairs, categories, hard, timed, advice)
    outcome = _first(rules)
    if missing.tasks:
        bounds = _bounds(policy, pairs, timed)
        rules += _missing_rules(outcome, bounds, missing)
        if outcome == "promote" and bounds[0] != "promote":
            outcome = "inconclusive"
            rules = [_only_informs(rule) if rule.leads_to == "promote" else rule for rule in rules]
    return _Found(outcome=outcome, rules=tuple(rules), measured=measured, categories=categories)


def _verdict_rules(
    policy: GatePolicy,
    pairs: Pairs,
    categories: Sequence[Category],
    hard: Measured,
    timed: _Timed,
    advice: str = "",
) -> list[RuleResult]:
    """What decides once the comparison is valid, in the order in which it is asked."""
    tie = tie_rule(pairs) if timed.speed is None else None
    overall = overall_measured(categories, overall_of(categories, policy), policy)
    shares = overall_of(categories, policy, among=timed.among)
    shared = overall_measured(categories, shares, policy)
    gain = (
        [gain_rule(shared, advice, timed.among)]
        if timed.speed is None
        else [quality_rule(overall, policy), timed.speed]
    )
    return [
        *tripwire_rules(pairs, policy),
        *harm_rules(categories, overall, hard),
        *([tie] if tie is not None else []),
        *guard_rules(categories),
        *timed.limits,
        *gain,
    ]


def _bounds(policy: GatePolicy, pairs: Pairs, timed: _Timed) -> tuple[Outcome, Outcome]:
    """The outcome were every missing pair the challenger's worst, and its best."""
    outcomes: list[Outcome] = []
    for fill in (-1.0, 1.0):
        categories = categories_of(pairs, policy, fill=fill)
        rules = _verdict_rules(policy, pairs, categories, hard_failures_of(pairs, policy), timed)
        outcomes.append(_first(rules))
    return outcomes[0], outcomes[1]


def _missing_rules(
    outcome: Outcome, bounds: tuple[Outcome, Outcome], missing: Missing
) -> list[RuleResult]:
    worst, best = bounds
    numbers: dict[str, float | int | str | bool | None] = {"worst": worst, "best": best}
    if outcome == "promote" and worst != "promote":
        lost = named_with_causes(missing.tasks, missing.causes)
        return [
            RuleResult(
                name="missing tasks decide",
                said="not shown",
                words=f"promoted only if what is missing went well: {lost}; with the worst "
                f"it would be '{worst}'; resume the run",
                numbers=numbers,
                leads_to="inconclusive",
            )
        ]
    words = f"with the worst of what is missing '{worst}', with the best '{best}'"
    return [RuleResult(name="missing tasks", said="info", words=words, numbers=numbers)]


def _only_informs(rule: RuleResult) -> RuleResult:
    return RuleResult(name=rule.name, said=rule.said, words=rule.words, numbers=rule.numbers)


def _installed(
    observations: Observations, policy: GatePolicy, pairs: Pairs, before: Sequence[RuleResult]
) -> _Found:
    """A vacant slot: absolute thresholds, and no comparison at all."""
    limits = policy.install
    assert limits is not None
    categories = categories_of(pairs, policy)
    missing = pairs.missing()
    overall, hard = _alone(categories, pairs, policy)
    coverage = coverage_rules(pairs, missing, policy)
    rules = [*before, *coverage]
    level, failures = overall.challenger, hard.challenger
    enough = level is not None and level >= limits.overall - TIE
    sound = failures is not None and failures <= limits.hard_failures + TIE
    reasons = [
        RuleResult(
            name="overall threshold",
            said="pass" if enough else "fail",
            words=f"overall {shown(level)}, {limits.overall:g} is the least",
            numbers={"overall": level, "least": limits.overall},
            leads_to=None if enough else "keep",
        ),
        RuleResult(
            name="hard failures threshold",
            said="pass" if sound else "fail",
            words=f"{shown(failures)} of the trials are hard failures, {limits.hard_failures:g} "
            "is the most",
            numbers={"hard_failures": failures, "most": limits.hard_failures},
            leads_to=None if sound else "keep",
        ),
        RuleResult(
            name="install",
            said="pass" if enough and sound else "info",
            words="no comparison was made: "
            + ("the slot was vacant" if observations.champion is None else "an emergency"),
            leads_to="install" if enough and sound else None,
        ),
    ]
    reasons = [*reasons[:2], *limit_rules(observations, policy), *reasons[2:]]
    rules += reasons if not any(rule.leads_to for rule in coverage) else []
    return _Found(
        outcome=_first(rules),
        rules=tuple(rules),
        measured=(*(each.measured for each in categories), overall, hard),
        categories=(),
    )


def _alone(
    categories: Sequence[Category], pairs: Pairs, policy: GatePolicy
) -> tuple[Measured, Measured]:
    return overall_measured(categories, None, policy), hard_failures_of(pairs, policy)


def _decision(
    observations: Observations,
    policy: GatePolicy,
    registry: Registry | None,
    pairs: Pairs,
    found: _Found,
) -> Decision:
    champion, challenger = observations.champion, observations.challenger
    manifest = observations.manifest
    slot = (registry or Registry()).slot(observations.slot)
    arms = {"challenger": challenger.digest}
    manifests = {"challenger": manifest}
    if champion is not None:
        arms = {"champion": champion.digest, **arms}
        manifests["champion"] = observations.champion_manifest or manifest
    return Decision(
        outcome=found.outcome,
        slot=observations.slot,
        challenger=challenger.label,
        challenger_digest=challenger.digest,
        champion=None if champion is None else champion.label,
        champion_digest=None if champion is None else champion.digest,
        run=manifest.run,
        at=manifest.started,
        rules=found.rules,
        measured=found.measured,
        missing=pairs.missing() if found.measured else None,
        influential=influential(found.categories),
        costs=costs_of(observations.rows, arms),
        attempt=slot.attempt(challenger=challenger.digest, suite=manifest.suite, run=manifest.run),
        manifests=manifests,
        policy=policy.model_dump(mode="json"),
        suite=manifest.suite,
        simulated=observations.simulated,
    )
