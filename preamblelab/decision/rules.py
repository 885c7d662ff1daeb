"""The rules of a gate, each a question to the figures; their order stands in `gate.py`."""

from collections.abc import Sequence
from dataclasses import replace

from preamblelab.decision.measuring import Category
from preamblelab.decision.pairing import TIE, Arm, Pairs, by_task
from preamblelab.decision.records import Measured, Missing, Observations, RuleResult
from preamblelab.decision.wording import figures, named, named_with_causes, numbers_of
from preamblelab.domain.gates import FEWEST_TASKS, GatePolicy
from preamblelab.stats.sentences import counted


def manifests_rule(observations: Observations) -> RuleResult:
    """Were both contenders measured alike?"""
    earlier = observations.champion_manifest
    if earlier is None:
        return RuleResult(
            name="manifests", said="pass", words="both contenders were asked in one run"
        )
    differs = observations.manifest.differences(earlier, but=("arms", "profiles"))
    if differs:
        return RuleResult(
            name="manifests",
            said="fail",
            words=f"the champion was measured otherwise: {', '.join(differs)} differ; "
            "run it again in the same run",
            leads_to="invalid",
        )
    return RuleResult(
        name="manifests",
        said="pass",
        words=f"the champion's trials of run {earlier.run} were measured alike",
    )


def configuration_rule(observations: Observations) -> RuleResult | None:
    """Is the configuration in use what it was? A gate never edits it; somebody else may have."""
    before, after = observations.configuration_before, observations.configuration_after
    if before is None:
        return None
    numbers = {"before": before, "after": after}
    if before == after:
        words = "the configuration in use is what it was"
        return RuleResult(name="configuration", said="pass", words=words, numbers=numbers)
    return RuleResult(
        name="configuration",
        said="fail",
        words="the configuration in use was changed during the run, not by this program; run the "
        "gate again",
        numbers=numbers,
        leads_to="invalid",
    )


def delivery_rule(observations: Observations) -> RuleResult | None:
    """Did every preamble reach the model that it was sent to?"""
    if not observations.undelivered:
        return None
    return RuleResult(
        name="delivery",
        said="fail",
        words=f"a preamble did not reach {named(observations.undelivered)}: its answers say "
        "nothing of it",
        leads_to="invalid",
    )


def weights_rule(observations: Observations) -> RuleResult | None:
    """Is the champion what took the slot? What answers by its name now was asked anew."""
    if not observations.weights_changed:
        return None
    return RuleResult(name="weights", said="info", words=observations.weights_changed)


def champion_rule(observations: Observations) -> RuleResult | None:
    """Can the champion still be asked?"""
    if not observations.champion_gone:
        return None
    allowed = observations.emergency
    return RuleResult(
        name="champion",
        said="info" if allowed else "fail",
        words=f"the champion cannot be compared with: {observations.champion_gone}"
        + ("; installed in an emergency, without it" if allowed else "; --emergency allows that"),
        leads_to=None if allowed else "invalid",
    )


def smoke_rules(smoke: Pairs | None, policy: GatePolicy) -> list[RuleResult]:
    """Did the challenger, and the champion, pass the smoke test? A pass carries no weight later."""
    if smoke is None or not smoke.tasks:
        return []
    rules = [_smoke_rule("smoke", "the challenger", smoke, smoke.challenger, policy)]
    if smoke.champion is not None:
        rule = _smoke_rule("smoke of the champion", "the champion", smoke, smoke.champion, policy)
        if rule.leads_to == "keep":
            rule = replace(
                rule,
                words=f"{rule.words}; a comparison with it would say nothing, --emergency allows "
                "an installation without it",
                leads_to="invalid",
            )
        rules.append(rule)
    return rules


def _smoke_rule(name: str, who: str, smoke: Pairs, arm: Arm, policy: GatePolicy) -> RuleResult:
    lost, missing = _smoke_lost(smoke, arm, policy)
    failed = _too_many(lost, smoke, policy)
    passed = f"{who} passed {len(smoke.tasks) - len(lost) - len(missing)} of {len(smoke.tasks)}"
    if missing and not failed:
        return RuleResult(
            name=name,
            said="fail",
            words=f"{passed} smoke tasks; there is no scored answer to {named(missing)}, resume "
            "the run",
            leads_to="invalid",
        )
    return RuleResult(
        name=name,
        said="fail" if failed else "pass",
        words=f"{passed} smoke tasks"
        + (f" and failed on {named(lost)}" if lost else "; that is necessary and no evidence"),
        numbers={"tasks": len(smoke.tasks), "failed": len(lost)},
        leads_to="keep" if failed else None,
    )


def _smoke_lost(smoke: Pairs, arm: Arm, policy: GatePolicy) -> tuple[list[str], list[str]]:
    """Smoke tasks that were failed, and those without a score."""
    lost, missing = [], []
    for place, task in enumerate(smoke.tasks):
        scores, failures = arm.score[place].ravel(), arm.hard[place].ravel()
        if (failures == 1).any() or (scores < policy.smoke_rule.pass_score - TIE).any():
            lost.append(task.name)
        elif scores.size == 0 or not (scores == scores).all():
            missing.append(task.name)
    return lost, missing


def _too_many(lost: Sequence[str], smoke: Pairs, policy: GatePolicy) -> bool:
    passed = 1.0 - len(lost) / len(smoke.tasks)
    return passed < policy.smoke_rule.pass_rate - TIE


def coverage_rules(pairs: Pairs, missing: Missing, policy: GatePolicy) -> list[RuleResult]:
    """Is enough there to decide on, and is it missing by chance?"""
    limits, planned = policy.coverage, max(missing.planned, 1)
    lost = set(missing.tasks)
    guards = {n for n, rule in policy.categories.items() if rule.role == "guard"}
    guarded = [t.name for t in pairs.tasks if t.name in lost and (t.category in guards)]
    critical = [t.name for t in pairs.tasks if t.name in lost and t.critical]
    imbalance = abs(missing.champion - missing.challenger) / planned
    unscored = missing.unscored / planned
    faults = []

    def told(tasks: Sequence[str]) -> str:
        return named_with_causes(tasks, missing.causes)

    if guarded:
        faults.append(f"a guard has no score on {told(guarded)}")
    if critical and not guarded:
        faults.append(f"no score on the critical {told(critical)}")
    if missing.coverage < limits.least - TIE:
        faults.append(
            f"{missing.scored} of {missing.planned} pairs are scored, {limits.least:.0%} are "
            f"needed; missing: {told(missing.tasks)}"
        )
    if imbalance > limits.imbalance + TIE:
        faults.append(
            f"the champion lacks {missing.champion} trials and the challenger "
            f"{missing.challenger}: that is no accident"
        )
    if unscored > limits.unscored + TIE:
        faults.append(
            f"{counted(missing.unscored, 'answer')} could not be marked: {told(missing.tasks)}"
        )
    numbers = {
        "planned": missing.planned,
        "scored": missing.scored,
        "coverage": missing.coverage,
        "champion_missing": missing.champion,
        "challenger_missing": missing.challenger,
        "unscored": missing.unscored,
    }
    if faults:
        words = "; ".join(faults) + "; resume the run"
        return [
            RuleResult(
                name="coverage", said="fail", words=words, numbers=numbers, leads_to="invalid"
            )
        ]
    gone = "" if not missing.tasks else f"; missing on {told(missing.tasks)}"
    return [
        RuleResult(
            name="coverage",
            said="pass",
            words=f"{missing.scored} of {missing.planned} pairs are scored{gone}",
            numbers=numbers,
        )
    ]


def size_rules(categories: Sequence[Category]) -> list[RuleResult]:
    """Has every category that counts enough tasks to estimate anything?"""
    return [
        RuleResult(
            name=f"tasks of {each.name}",
            said="fail",
            words=f"{each.name} has {counted(each.measured.n, 'task')} with both scores; "
            f"{FEWEST_TASKS} are needed before anything is estimated",
            numbers={"n": each.measured.n, "needed": FEWEST_TASKS},
            leads_to="invalid",
        )
        for each in categories
        if each.rule.role != "info" and (each.found is None) and _estimates(each)
    ]


def _estimates(category: Category) -> bool:
    return category.rule.role == "success" or category.rule.guard_mode != "tripwire"


def tripwire_rules(pairs: Pairs, policy: GatePolicy) -> list[RuleResult]:
    """Was a critical task of a guard lost, which the champion passes? Whatever the means."""
    watching = [t.critical and policy.categories[t.category].role == "guard" for t in pairs.tasks]
    watched = sum(watching)
    if pairs.champion is None or not watched:
        return []
    least = policy.pass_score - TIE
    lost = []
    for place, task in enumerate(pairs.tasks):
        if not watching[place]:
            continue
        held = bool((pairs.champion.score[place] >= least).all())
        if held and bool((pairs.challenger.score[place] < least).any()):
            lost.append(task.name)
    numbers = {"critical": watched, "lost": len(lost)}
    if lost:
        words = f"the challenger failed on {named(lost)}, which the champion passes every time"
        return [
            RuleResult(name="tripwire", said="fail", words=words, numbers=numbers, leads_to="keep")
        ]
    words = f"none of {counted(watched, 'critical task')} was lost"
    return [RuleResult(name="tripwire", said="pass", words=words, numbers=numbers)]


def harm_rules(
    categories: Sequence[Category], overall: Measured, hard: Measured
) -> list[RuleResult]:
    """Did a guard, the hard failures or the overall score get worse, the interval clear of 0?"""
    found = [
        _harm(f"harm to {each.name}", each.measured, sign=1)
        for each in categories
        if each.rule.role == "guard" and each.found is not None
    ]
    if hard.interval is not None:
        found.append(_harm("harm by hard failures", hard, sign=-1))
    if overall.interval is not None:
        found.append(_harm("harm overall", overall, sign=1))
    return found


def _harm(name: str, measured: Measured, *, sign: int) -> RuleResult:
    interval = measured.interval
    assert interval is not None
    worse = interval.high < 0 if sign > 0 else interval.low > 0
    figure = figures(measured)
    if worse:
        return RuleResult(
            name=name,
            said="fail",
            words=f"{measured.name} is worse: {figure}",
            numbers=numbers_of(measured),
            leads_to="keep",
        )
    words = f"no harm seen, which proves nothing: {figure}"
    return RuleResult(name=name, said="info", words=words, numbers=numbers_of(measured))


def tie_rule(pairs: Pairs) -> RuleResult | None:
    """Did both contenders come to the same score on every task?"""
    values = by_task(pairs.difference)
    known = values[values == values]
    if len(known) and bool((abs(known) <= TIE).all()):
        return RuleResult(
            name="tie",
            said="fail",
            words="no gain shown: both have the same score on every task",
            numbers={"n": len(known)},
            leads_to="keep",
        )
    return None


def guard_rules(categories: Sequence[Category]) -> list[RuleResult]:
    """Is every non-inferiority guard shown not to be worse by its margin?"""
    found = []
    for each in categories:
        interval = each.measured.interval
        if each.rule.role != "guard" or interval is None:
            continue
        if each.rule.guard_mode != "non_inferiority":
            continue
        margin = each.rule.margin or 0.0
        shown = interval.low > -margin
        words = (
            f"{each.name} is shown not worse by {margin:g}: {figures(each.measured)}"
            if shown
            else f"{each.name} is not shown non-inferior within {margin:g}: "
            f"{figures(each.measured)}"
        )
        found.append(
            RuleResult(
                name=f"guard {each.name}",
                said="pass" if shown else "not shown",
                words=words,
                numbers=numbers_of(each.measured) | {"margin": margin},
                leads_to=None if shown else "inconclusive",
            )
        )
    return found


def gain_rule(overall: Measured, advice: str, among: int = 1) -> RuleResult:
    """Is the overall gain larger than the margin, not larger, or not known?

    Args:
        overall: with limits that are already shared by all challengers.
        advice: what would decide.
        among: number of challengers, for the words.
    """
    interval, margin = overall.interval, overall.margin or 0.0
    assert interval is not None
    beyond = f" above {margin:g}" if margin else ""
    beyond += f" (one of {among} challengers)" if among > 1 else ""
    numbers = numbers_of(overall) | {"margin": margin}
    if interval.low > margin:
        return RuleResult(
            name="gain",
            said="pass",
            words=f"a gain{beyond} is shown: {figures(overall)}",
            numbers=numbers,
            leads_to="promote",
        )
    if interval.high <= margin:
        return RuleResult(
            name="gain",
            said="fail",
            words=f"shown: no worthwhile gain{beyond}: {figures(overall)}",
            numbers=numbers,
            leads_to="keep",
        )
    return RuleResult(
        name="gain",
        said="not shown",
        words=f"a gain{beyond} is not shown either way: {figures(overall)}; {advice}",
        numbers=numbers,
        leads_to="inconclusive",
    )
