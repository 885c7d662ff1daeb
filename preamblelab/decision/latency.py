"""Owns the rules on time: limits of the median and the 95th percentile, and a gain in speed."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np

from preamblelab.decision.pairing import TIE, Floats
from preamblelab.decision.records import Measured, Observation, Observations, RuleResult
from preamblelab.decision.wording import figures, numbers_of
from preamblelab.domain.gates import FEWEST_TASKS, GatePolicy
from preamblelab.stats.intervals import t_quantile
from preamblelab.stats.quantiles import fewest_for_upper, quantile

_CLOCK = log(1.01)
"""The least spread of a ratio between two times: what differs by 1 % everywhere proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """The challenger's time over the champion's, a geometric mean over tasks."""

    value: float
    low: float
    high: float
    """One-sided limits."""
    n: int
    """Tasks with a time on both sides."""


def limit_rules(observations: Observations, policy: GatePolicy) -> list[RuleResult]:
    """Does the challenger keep the limits of the policy, in seconds of an answer?

    The trials of the full suite are taken as independent draws of a time.
    """
    limits = policy.latency
    if limits is None:
        return []
    times = _times(observations, observations.challenger.digest)
    seconds = np.array([second for task in times.values() for second in task])
    asked = (("median", 0.5, limits.median), ("95th percentile", 0.95, limits.p95))
    return [
        _limit(name, seconds, share, limit, policy.alpha)
        for name, share, limit in asked
        if limit is not None
    ]


def _limit(name: str, seconds: Floats, share: float, limit: float, alpha: float) -> RuleResult:
    rule = f"latency, {name}"
    if not len(seconds):
        words = "no answer's time is known"
        return RuleResult(name=rule, said="not shown", words=words, leads_to="inconclusive")
    found = quantile(seconds, share, alpha=alpha)
    ends = [f"{end:.2f}" if end is not None else "unknown" for end in (found.low, found.high)]
    words = f"{found.value:.2f} s ({ends[0]} to {ends[1]}), {limit:g} s is the most, n = {found.n}"
    numbers = {
        "seconds": found.value, "low": found.low, "high": found.high, "limit": limit, "n": found.n
    }  # fmt: skip
    if found.low is not None and found.low > limit:
        return RuleResult(
            name=rule, said="fail", words=f"too slow: {words}", numbers=numbers, leads_to="keep"
        )
    if found.high is not None and found.high <= limit:
        return RuleResult(name=rule, said="pass", words=words, numbers=numbers)
    few = fewest_for_upper(share, alpha)
    lack = f"; an upper limit takes {few} answers" if found.high is None else ""
    words = f"not shown to keep the limit: {words}{lack}"
    return RuleResult(
        name=rule, said="not shown", words=words, numbers=numbers, leads_to="inconclusive"
    )


def quality_rule(overall: Measured, policy: GatePolicy) -> RuleResult:
    """Where speed is the objective: is the overall score shown not worse by the margin?"""
    limits, interval = policy.latency, overall.interval
    assert limits is not None
    assert limits.quality_margin is not None
    assert interval is not None
    margin = limits.quality_margin
    shown = interval.low > -margin
    word = "shown not worse by" if shown else "not shown non-inferior within"
    return RuleResult(
        name="quality",
        said="pass" if shown else "not shown",
        words=f"the overall score is {word} {margin:g}: {figures(overall)}",
        numbers=numbers_of(overall) | {"margin": margin},
        leads_to=None if shown else "inconclusive",
    )


def speed_rule(observations: Observations, policy: GatePolicy) -> RuleResult:
    """Where speed is the objective: is the challenger faster by what is asked for?"""
    assert policy.latency is not None
    wanted = 1.0 - policy.latency.gain
    found = _ratio(observations, policy.alpha / observations.among)
    among = f" (one of {observations.among} challengers)" if observations.among > 1 else ""
    name = "speed"
    if found is None:
        words = f"fewer than {FEWEST_TASKS} tasks have a time on both sides"
        return RuleResult(name=name, said="not shown", words=words, leads_to="inconclusive")
    words = (
        f"{found.value:.2f} times the champion's seconds ({found.low:.2f} to {found.high:.2f}), "
        f"n = {found.n}; below {wanted:g} is asked for{among}"
    )
    numbers = {
        "ratio": found.value, "low": found.low, "high": found.high, "below": wanted, "n": found.n
    }  # fmt: skip
    if found.high < wanted - TIE:
        return RuleResult(
            name=name, said="pass", words=f"faster: {words}", numbers=numbers, leads_to="promote"
        )
    if found.low >= wanted - TIE:
        return RuleResult(
            name=name,
            said="fail",
            words=f"shown not faster: {words}",
            numbers=numbers,
            leads_to="keep",
        )
    return RuleResult(
        name=name,
        said="not shown",
        words=f"not shown either way: {words}",
        numbers=numbers,
        leads_to="inconclusive",
    )


def _ratio(observations: Observations, alpha: float) -> Ratio | None:
    """The ratio of times with a t interval on its logarithm; a task's repetitions are one."""
    champion = observations.champion
    assert champion is not None
    own = _times(observations, observations.challenger.digest)
    theirs = _times(observations, champion.digest)
    logs = [_mean_log(own[task]) - _mean_log(theirs[task]) for task in own if task in theirs]
    n = len(logs)
    if n < FEWEST_TASKS:
        return None
    values = np.array(logs)
    spread = max(float(values.std(ddof=1)), _CLOCK)
    half = float(t_quantile(1.0 - 2.0 * alpha, n - 1)) * spread / sqrt(n)
    mean = float(values.mean())
    return Ratio(value=exp(mean), low=exp(mean - half), high=exp(mean + half), n=n)


def _mean_log(seconds: Sequence[float]) -> float:
    return sum(map(log, seconds)) / len(seconds)


def _times(observations: Observations, arm: str) -> dict[str, list[float]]:
    """Seconds of a contender's answers on the full suite, by task."""
    found: dict[str, list[float]] = {}
    own = (r for r in observations.rows if r.arm == arm and r.level == "base" and not r.smoke)
    for row in sorted(own, key=_place):
        if row.answered and row.seconds is not None and row.seconds > 0:
            found.setdefault(row.task, []).append(row.seconds)
    return found


def _place(row: Observation) -> tuple[str, str, int]:
    return row.task, row.model, row.repetition
