"""Owns the figures of a comparison: categories, overall score, hard failures, influence."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isfinite

import numpy as np

from preamblelab.decision.pairing import TIE, Arm, Flags, Floats, Pairs, by_task
from preamblelab.decision.records import Influence, Interval, Measured
from preamblelab.domain.gates import FEWEST_TASKS, CategoryRule, GatePolicy
from preamblelab.stats.differences import (
    Difference,
    binary_difference,
    paired_difference,
    weighted_difference,
)
from preamblelab.stats.intervals import t_quantile
from preamblelab.stats.sentences import counted, roughly

MOST_INFLUENTIAL = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One category with its differences by task."""

    name: str
    rule: CategoryRule
    weight: float
    measured: Measured
    found: Difference | None
    """None: fewer tasks than can be estimated."""
    tasks: tuple[str, ...]
    differences: Floats


def interval_of(found: Difference) -> Interval:
    """The limits as a decision keeps them."""
    return Interval(
        estimate=found.estimate,
        low=found.low,
        high=found.high,
        low95=found.low95,
        high95=found.high95,
        n=found.n,
        method=found.method,
        alpha=found.alpha,
    )


def categories_of(
    pairs: Pairs, policy: GatePolicy, *, fill: float | None = None
) -> tuple[Category, ...]:
    """Every category of the policy, in its order.

    Args:
        pairs: the trials of both contenders.
        policy: roles, weights, margins.
        fill: the difference to assume for a missing pair; None leaves it out.
    """
    difference = pairs.difference
    if fill is not None:
        difference = np.where(np.isnan(difference), fill, difference)
    weights = policy.weights
    return tuple(
        _category(pairs, difference, name, rule, weights[name], policy)
        for name, rule in policy.categories.items()
    )


def _category(
    pairs: Pairs,
    difference: Floats,
    name: str,
    rule: CategoryRule,
    weight: float,
    policy: GatePolicy,
) -> Category:
    chosen = pairs.of(name)
    values = by_task(difference)
    alone = pairs.champion is None
    there = chosen & ~np.isnan(by_task(pairs.challenger.score) if alone else values)
    found = None if alone else difference_of(pairs, difference, there, policy)
    measured = Measured(
        name=name,
        role=rule.role,
        mode=rule.guard_mode if rule.role == "guard" else "",
        margin=rule.margin,
        weight=weight,
        n=int(there.sum()),
        planned=int(chosen.sum()),
        champion=_level(pairs, there, of_champion=True),
        challenger=_level(pairs, there, of_champion=False),
        interval=None if found is None else interval_of(found),
        words=_words(found, rule.margin, of_guard=rule.role == "guard"),
    )
    named = tuple(task.name for task, here in zip(pairs.tasks, there, strict=True) if here)
    return Category(
        name=name,
        rule=rule,
        weight=weight,
        measured=measured,
        found=found,
        tasks=named,
        differences=values[there],
    )


def difference_of(
    pairs: Pairs, difference: Floats, there: Flags, policy: GatePolicy
) -> Difference | None:
    """The mean difference over some tasks; None where they are too few.

    Right or wrong, asked once, without a panel or shared sources: Tango's limits. Else t.
    """
    values = by_task(difference)[there]
    if len(values) < FEWEST_TASKS:
        return None
    clusters = pairs.clusters(there)
    if clusters is not None and len(np.unique(clusters)) < 2:
        return None
    once = difference.shape[1] * difference.shape[2] == 1
    binary = bool(np.isin(difference[there][~np.isnan(difference[there])], (-1, 0, 1)).all())
    binary = binary and _right_or_wrong(pairs, there)
    if binary and once and clusters is None:
        gained, lost = int((values > TIE).sum()), int((values < -TIE).sum())
        return binary_difference(gained, lost, len(values), alpha=policy.alpha)
    return paired_difference(
        values,
        alpha=policy.alpha,
        step=1.0 if binary else policy.score_step,
        repetitions=difference.shape[1] * difference.shape[2],
        cluster=clusters,
    )


def _right_or_wrong(pairs: Pairs, there: Flags) -> bool:
    arms = (pairs.challenger,) if pairs.champion is None else (pairs.challenger, pairs.champion)
    return all(
        bool(np.isin(values[~np.isnan(values)], (0.0, 1.0)).all())
        for values in (arm.score[there] for arm in arms)
    )


def _level(pairs: Pairs, there: Flags, *, of_champion: bool) -> float | None:
    """Mean score of one contender over the tasks, from the trials that are pairs."""
    arm = pairs.champion if of_champion else pairs.challenger
    if arm is None or not there.any():
        return None
    values = by_task(np.where(pairs.scored, arm.score, np.nan))[there]
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _words(found: Difference | None, margin: float | None, *, of_guard: bool) -> str:
    """What may be said of a difference, and no more."""
    if found is None:
        return "not estimable"
    if found.high < 0:
        return "harm shown"
    if of_guard and margin is not None:
        return "shown not worse" if found.low > -margin else "not shown"
    return "gain shown" if found.low > 0 else "no difference shown"


def parts_of(pairs: Pairs, policy: GatePolicy) -> tuple[Measured, ...]:
    """Right refusals and harmless twins apart, in categories that hold both."""
    parts: list[Measured] = []
    for name in policy.categories:
        chosen = pairs.of(name)
        for kind, words in (("refusal", "refusals expected"), ("answer", "answers expected")):
            of_kind = np.array([task.refusal == kind for task in pairs.tasks], dtype=np.bool_)
            other = chosen & ~of_kind & np.array([task.refusal is not None for task in pairs.tasks])
            there = chosen & of_kind & ~np.isnan(by_task(pairs.difference))
            if not there.any() or not other.any():
                continue
            found = difference_of(pairs, pairs.difference, there, policy)
            parts.append(
                Measured(
                    name=f"{name}: {words}",
                    kind="part",
                    n=int(there.sum()),
                    planned=int((chosen & of_kind).sum()),
                    champion=_level(pairs, there, of_champion=True),
                    challenger=_level(pairs, there, of_champion=False),
                    interval=None if found is None else interval_of(found),
                    words=_words(found, None, of_guard=False),
                )
            )
    return tuple(parts)


def overall_of(
    categories: Sequence[Category], policy: GatePolicy, *, among: int = 1
) -> Difference | None:
    """The weighted sum of the categories; None where one with a weight is not estimable.

    Args:
        categories: with their differences.
        policy: gives the error of a limit.
        among: by how many challengers that error is shared.
    """
    parts = [(each.weight, each.found) for each in categories if each.weight > 0]
    known = [(weight, found) for weight, found in parts if found is not None]
    if len(known) < len(parts):
        return None
    return weighted_difference(known, alpha=policy.alpha / among)


def overall_measured(
    categories: Sequence[Category], found: Difference | None, policy: GatePolicy
) -> Measured:
    """The overall score of both contenders."""
    used = [each for each in categories if each.weight > 0]
    return Measured(
        name="overall",
        kind="overall",
        role="success",
        margin=policy.success_margin,
        n=sum(each.measured.n for each in used),
        planned=sum(each.measured.planned for each in used),
        champion=_weighted([(each.weight, each.measured.champion) for each in used]),
        challenger=_weighted([(each.weight, each.measured.challenger) for each in used]),
        interval=None if found is None else interval_of(found),
        words=_overall_words(found, policy.success_margin),
    )


def _weighted(parts: Sequence[tuple[float, float | None]]) -> float | None:
    known = [(weight, value) for weight, value in parts if value is not None]
    return sum(weight * value for weight, value in known) if len(known) == len(parts) else None


def _overall_words(found: Difference | None, margin: float) -> str:
    if found is None:
        return "not estimable"
    if found.high < 0:
        return "harm shown"
    if found.low > margin:
        return "gain shown"
    return "no worthwhile gain" if found.high <= margin else "no difference shown"


def hard_failures_of(pairs: Pairs, policy: GatePolicy) -> Measured:
    """Share of hard failures of both contenders; a guard in every policy."""
    own, champion = pairs.challenger.hard, pairs.champion
    level = by_task(own)
    known = ~np.isnan(level)
    found = None
    if champion is not None:
        known &= ~np.isnan(by_task(champion.hard))
        # Gained is a failure that the champion has and the challenger has not.
        better = Pairs(
            tasks=pairs.tasks,
            champion=_as_scores(1.0 - champion.hard),
            challenger=_as_scores(1.0 - own),
        )
        found = difference_of(better, better.difference, known, policy)
    flipped = None if found is None else _flipped(interval_of(found))
    return Measured(
        name="hard failures",
        kind="metric",
        role="guard",
        mode="deterioration",
        n=int(known.sum()),
        planned=len(pairs.tasks),
        champion=None if champion is None else _mean_of(by_task(champion.hard)[known]),
        challenger=_mean_of(level[known]),
        interval=flipped,
        better="lower",
        words="not estimable"
        if flipped is None
        else "harm shown"
        if flipped.low > 0
        else "no harm seen",
    )


def _as_scores(values: Floats) -> Arm:
    return Arm(score=values, hard=values, unscored=np.zeros(values.shape, dtype=np.bool_))


def _flipped(interval: Interval) -> Interval:
    """Of fewer failures made of more: what is better is lower."""
    return Interval(
        # Subtracted, not negated: a zero keeps no minus.
        estimate=0.0 - interval.estimate,
        low=0.0 - interval.high,
        high=0.0 - interval.low,
        low95=0.0 - interval.high95,
        high95=0.0 - interval.low95,
        n=interval.n,
        method=interval.method,
        alpha=interval.alpha,
        scope=interval.scope,
    )


def _mean_of(values: Floats) -> float | None:
    return float(values.mean()) if len(values) else None


def influential(categories: Sequence[Category]) -> tuple[Influence, ...]:
    """The tasks without which the overall difference would change most."""
    used = [each for each in categories if each.weight > 0 and len(each.differences) > 1]
    overall = sum(each.weight * float(each.differences.mean()) for each in used)
    found = []
    for each in used:
        mean, n = float(each.differences.mean()), len(each.differences)
        for task, own in zip(each.tasks, each.differences, strict=True):
            change = each.weight * (float(own) - mean) / (n - 1)
            found.append(
                Influence(
                    task=task,
                    category=each.name,
                    difference=float(own),
                    without=overall - change,
                )
            )
    found.sort(key=lambda one: (-abs(one.without - overall), one.task))
    return tuple(one for one in found[:MOST_INFLUENTIAL] if abs(one.without - overall) > TIE)


def what_would_decide(
    categories: Sequence[Category], pairs: Pairs, found: Difference, policy: GatePolicy
) -> str:
    """How many more tasks, or repetitions, would show the gain if it is as large as it looks."""
    gain = found.estimate - policy.success_margin
    if gain <= TIE:
        return "the estimate does not exceed the margin: more tasks would show a gain only by luck"
    quantile = float(t_quantile(1.0 - 2.0 * policy.alpha, found.df))
    wanted = (gain / quantile) ** 2
    n = sum(each.measured.n for each in categories if each.weight > 0)
    more = max(ceil(n * found.se**2 / wanted) - n, 1)
    told = f"about {counted(roughly(more), 'more task')} like these would decide it"
    repetitions = _repetitions(categories, pairs, found, wanted)
    if repetitions is not None:
        told += f", or {counted(repetitions, 'repetition')} in all"
    return f"{told}, if the gain is really {found.estimate:+.3f}"


def _repetitions(
    categories: Sequence[Category], pairs: Pairs, found: Difference, wanted: float
) -> int | None:
    """Repetitions in all that would do; None where repeating alone cannot, or is not known to."""
    difference = pairs.difference
    asked = difference.shape[2]
    if asked < 2:
        return None
    within = 0.0
    for each in categories:
        if each.weight > 0 and each.measured.n:
            cells = difference[pairs.of(each.name)]
            known = (~np.isnan(cells)).sum(axis=2)
            spread = np.where(known > 1, _variance(cells), np.nan)
            mean = float(np.nanmean(spread)) if (known > 1).any() else 0.0
            within += each.weight**2 * mean / (each.measured.n * difference.shape[1])
    between = max(found.se**2 - within / asked, 0.0)
    if wanted <= between or within <= 0:
        return None
    needed = ceil(within / (wanted - between))
    return needed if isfinite(needed) and asked < needed <= 30 else None


def _variance(cells: Floats) -> Floats:
    known = ~np.isnan(cells)
    count = known.sum(axis=2)
    mean = np.where(known, cells, 0.0).sum(axis=2) / np.maximum(count, 1)
    squares = np.where(known, (cells - mean[..., None]) ** 2, 0.0).sum(axis=2)
    return np.asarray(squares / np.maximum(count - 1, 1), dtype=np.float64)
