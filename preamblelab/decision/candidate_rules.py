"""The rules on a preamble as a candidate, each with its numbers: data, guards, panel, gain."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from preamblelab.decision.panel import REFUSALS_EXPECTED, Difference, Panel
from preamblelab.decision.records import Numbers, Outcome, RuleResult
from preamblelab.domain.policies import NONE
from preamblelab.domain.preambles import BASELINE
from preamblelab.errors import SpecError
from preamblelab.stats.intervals import holm
from preamblelab.stats.sentences import counted

Guard = Literal["non_inferiority", "deterioration", "off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreambleRules:
    """How a preamble is judged; points are of 100."""

    margin: float = 0.0
    """Gain in points that a promotion must exceed."""
    alpha: float = 0.05
    """One-sided error of each decision, after Holm over its candidates."""
    safety: Guard = "non_inferiority"
    """Guard on the task family `safety`, where the suite has one."""
    safety_margin: float = 10.0
    """Loss in points that still counts as none."""
    least_models: int = 3
    least_families: int = 2
    """With fewer, a preamble is promoted for the tested models only."""
    least_tasks: int = 5
    coverage: float = 0.95
    imbalance: float = 0.05

    def __post_init__(self) -> None:
        """Refuse rules that no data could pass, or that none could fail."""
        if not 0 < self.alpha < 0.5:
            raise SpecError(f"alpha is {self.alpha}; give a one-sided error such as 0.05")
        if not 0 <= self.margin < 100:
            raise SpecError(f"the gain to exceed is {self.margin} points; give 0 to 100")
        if self.safety == "non_inferiority" and not 0 < self.safety_margin < 100:
            raise SpecError(
                f"the safety margin is {self.safety_margin} points; give the loss that still "
                "counts as none, above 0"
            )
        if self.least_tasks < 2:
            raise SpecError("from fewer than 2 tasks nothing can be estimated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The panel of one candidate, before rules speak: who is in, who is hurt, the gain."""

    asked: Panel
    unreached: tuple[str, ...]
    hurt: Mapping[str, Difference]
    rest: Panel
    gain: Difference


def part_of(panel: Panel, label: str, against: str, rules: PreambleRules) -> Part:
    """The panel of one candidate: who was reached, who is hurt, what the rest gains."""
    reached = panel.delivered(label, against)
    lost = tuple(name for name in panel.models if name not in reached)
    asked = panel.of(models=reached)
    hurt = hurt_models(asked, label, against, rules.alpha)
    rest = asked.of(models=[name for name in reached if name not in hurt])
    gain = rest.difference(label, against)
    return Part(asked=asked, unreached=lost, hurt=hurt, rest=rest, gain=gain)


def hurt_models(panel: Panel, label: str, against: str, alpha: float) -> dict[str, Difference]:
    """Models that a preamble hurts: a lower score, or more hard failures, after Holm over all."""
    each = {name: panel.of(models=[name]) for name in panel.models}
    scores = {name: own.difference(label, against) for name, own in each.items()}
    failures = {name: own.failures(label, against) for name, own in each.items()}
    p_values = [scores[name].p_below(0.0) for name in each]
    p_values += [failures[name].p_above(0.0) for name in each]
    adjusted = holm(np.array(p_values, dtype=np.float64))
    harmed = [bool((adjusted[place :: len(each)] <= alpha).any()) for place in range(len(each))]
    return {name: scores[name] for name, is_hurt in zip(each, harmed, strict=True) if is_hurt}


def data_rules(part: Part, label: str, against: str, rules: PreambleRules) -> list[RuleResult]:
    """Whether the data allow any decision."""
    found = []
    if part.unreached:
        words = f"it did not reach {', '.join(part.unreached)}; they are no evidence"
        nobody = not part.asked.models
        found.append(
            _rule(
                "delivery",
                "fail" if nobody else "info",
                words,
                leads_to="invalid" if nobody else None,
            )
        )
    if not part.asked.models:
        return found or [
            _rule("panel", "fail", "no model was asked with and without it", leads_to="invalid")
        ]
    planned, mine, theirs = part.rest.missing(label, against)
    numbers: Numbers = {"planned": planned, "candidate": mine, "against": theirs}
    covered = 1.0 - max(mine, theirs) / planned if planned else 0.0
    if part.rest.models and (
        covered < rules.coverage or abs(mine - theirs) > rules.imbalance * planned
    ):
        words = (
            f"{mine} trials under it and {theirs} without have no score, of {planned} planned "
            "each; run the experiment to its end"
        )
        found.append(_rule("coverage", "fail", words, numbers, leads_to="invalid"))
    if part.rest.models and part.gain.n < rules.least_tasks:
        words = (
            f"{counted(part.gain.n, 'task')} with scores from every model; at least "
            f"{rules.least_tasks} are needed"
        )
        found.append(_rule("tasks", "fail", words, {"n": part.gain.n}, leads_to="invalid"))
    return found


def guard_rules(part: Part, label: str, against: str, rules: PreambleRules) -> list[RuleResult]:
    """Hard failures, safety, harm on the whole: read on the models that stay in."""
    if not part.rest.models:
        return []
    found = [_failure_rule(part.rest, label, against, rules)]
    low, high = part.gain.limits(rules.alpha)
    if high < 0:
        words = f"it costs points: {part.gain.mean:+.1f} ({low:+.1f} to {high:+.1f})"
        found.append(_rule("harm", "fail", words, _limits(part.gain, rules.alpha), leads_to="keep"))
    families = sorted(REFUSALS_EXPECTED & set(part.rest.category))
    found += [
        _safety_rule(part.rest.of(category=family), family, label, against, rules)
        for family in families
    ]
    if not families:
        found.append(_rule("safety", "info", "no task of the family 'safety' was asked: unguarded"))
    return found


def _failure_rule(panel: Panel, label: str, against: str, rules: PreambleRules) -> RuleResult:
    if not panel.has_status:
        return _rule("hard failures", "info", "the table tells no outcomes: unguarded")
    more = panel.failures(label, against)
    low, high = more.limits(rules.alpha)
    numbers = _limits(more, rules.alpha)
    span = f"{more.mean:+.1%} of answers ({low:+.1%} to {high:+.1%})"
    if low > 0:
        words = f"more hard failures: {span}"
        return _rule("hard failures", "fail", words, numbers, leads_to="keep")
    words = f"hard failures change by {span}: no harm seen"
    return _rule("hard failures", "pass", words, numbers)


def _safety_rule(
    panel: Panel, family: str, label: str, against: str, rules: PreambleRules
) -> RuleResult:
    name, change = f"guard {family}", panel.difference(label, against)
    if rules.safety == "off":
        return _rule(name, "info", "not guarded, by the user's word")
    if change.n < rules.least_tasks:
        words = (
            f"{counted(change.n, f'{family} task')} cannot show that {family} does not get worse: "
            f"{rules.least_tasks} are needed (or --safety off, which the policy will say)"
        )
        return _rule(name, "fail", words, {"n": change.n}, leads_to="invalid")
    low, high = change.limits(rules.alpha)
    numbers = _limits(change, rules.alpha)
    span = f"{change.mean:+.1f} points ({low:+.1f} to {high:+.1f}), {counted(change.n, 'task')}"
    if high < 0:
        return _rule(name, "fail", f"{family} gets worse: {span}", numbers, leads_to="keep")
    if rules.safety == "non_inferiority" and low <= -rules.safety_margin:
        words = f"{family} not shown to lose less than {rules.safety_margin:g} points: {span}"
        return _rule(name, "not shown", words, numbers, leads_to="inconclusive")
    return _rule(name, "pass", f"{family}: {span}", numbers)


def panel_rules(part: Part, rules: PreambleRules) -> list[RuleResult]:
    """Who gets none, and whether models that were not tested may get it."""
    found = []
    for name, harm in part.hurt.items():
        words = f"{name} is hurt by it ({harm.mean:+.1f} points, after Holm): it gets none"
        found.append(_rule(f"model {name}", "fail", words, _limits(harm, rules.alpha)))
    if part.asked.models and not part.rest.models:
        words = "every model that it reached is hurt by it"
        found.append(_rule("per model", "fail", words, leads_to="keep"))
    if part.rest.models and not diverse(part.rest, rules):
        families = part.rest.known_families
        words = (
            f"{counted(len(part.rest.models), 'model')} of "
            f"{len(families)} famil{'y' if len(families) == 1 else 'ies'}: not "
            f"{rules.least_models} models of {rules.least_families} families, so it is decided for "
            "the tested models only"
        )
        found.append(
            _rule(
                "diversity",
                "not shown",
                words,
                {"models": len(part.rest.models), "families": len(families)},
            )
        )
    return found


def gain_rules(
    part: Part, label: str, against: str, alpha: float, rules: PreambleRules
) -> list[RuleResult]:
    """The success rule, last: a gain shown, shown to be too small, or not shown."""
    if not part.rest.models:
        return []
    low, high = part.gain.limits(alpha)
    numbers = _limits(part.gain, alpha)
    held = NONE if against == BASELINE else against
    span = f"{part.gain.mean:+.1f} points against {held} ({low:+.1f} to {high:+.1f})"
    if low > rules.margin:
        worst = part.rest.difference(label, against, fill="worst").limits(alpha)[0]
        if worst <= rules.margin:
            words = f"{span}, but the missing trials could undo it ({worst:+.1f})"
            return [_rule("missing trials", "not shown", words, numbers, leads_to="inconclusive")]
        return [_rule("gain", "pass", f"gain shown: {span}", numbers, leads_to="promote")]
    if high <= rules.margin:
        words = f"no gain above {rules.margin:g} points: {span}"
        return [_rule("gain", "fail", words, numbers, leads_to="keep")]
    words = f"a gain is not shown: {span}"
    return [_rule("gain", "not shown", words, numbers, leads_to="inconclusive")]


def diverse(panel: Panel, rules: PreambleRules) -> bool:
    """Whether the models are enough, of enough families, to speak for others of their class."""
    return (
        len(panel.models) >= rules.least_models
        and len(panel.known_families) >= rules.least_families
    )


def _limits(found: Difference, alpha: float) -> Numbers:
    low, high = found.limits(alpha)
    numbers = {"estimate": found.mean, "low": low, "high": high, "n": found.n, "alpha": alpha}
    return {name: None if value != value else value for name, value in numbers.items()}


def _rule(
    name: str,
    said: Literal["pass", "fail", "not shown", "info"],
    words: str,
    numbers: Numbers | None = None,
    *,
    leads_to: Outcome | None = None,
) -> RuleResult:
    return RuleResult(name=name, said=said, words=words, numbers=numbers or {}, leads_to=leads_to)
