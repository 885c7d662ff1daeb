"""Time as a rule: limits in seconds, and speed as the objective with quality as a guard."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from preamblelab.decision.gate import decide
from preamblelab.domain.gates import InstallRule, LatencyRule
from preamblelab.stats.quantiles import quantile
from tests.decision.gates import CHALLENGER, GUARDED, drawn, observed, policy


def flat(value):
    return lambda category, task, repetition: value


def timed(made, factor: float, *, spread: float = 0.3, seed: int = 0):
    """Answers that take about a second; the challenger's take `factor` as long."""
    random = np.random.default_rng(seed)
    rows = [
        replace(row, seconds=seconds * (factor if row.arm == CHALLENGER.digest else 1.0))
        for row in made.rows
        for seconds in [float(np.exp(random.normal(0.0, spread)))]
    ]
    return replace(made, rows=tuple(rows))


def fast(**latency):
    rule = LatencyRule(**({"quality_margin": 0.05} | latency))
    return policy(objective="latency", latency=rule)


def rule(decision, name):
    return next(each for each in decision.rules if each.name == name)


SAME = observed(flat(0.8), flat(0.8))


def test_three_and_a_half_times_faster_and_equal_is_a_tie_unless_speed_is_the_objective():
    """Edge case "challenger 3.5x faster, everything equal"."""
    quick = timed(SAME, 1 / 3.5)
    kept = decide(quick, policy())
    assert (kept.outcome, kept.decisive.name) == ("keep", "tie")
    promoted = decide(quick, fast())
    assert (promoted.outcome, promoted.decisive.name) == ("promote", "speed")
    assert rule(promoted, "quality").said == "pass"
    assert rule(promoted, "speed").numbers["high"] < 0.5


@pytest.mark.parametrize(
    ("factor", "gain", "outcome"),
    [
        (1.0, 0.0, "inconclusive"),
        (1.5, 0.0, "keep"),
        (0.85, 0.2, "inconclusive"),
        (0.5, 0.2, "promote"),
    ],
)
def test_a_gain_in_speed_must_be_shown(factor, gain, outcome):
    decision = decide(timed(SAME, factor, seed=3), fast(gain=gain))
    assert (decision.outcome, decision.decisive.name) == (outcome, "speed")


def test_speed_never_buys_quality():
    worse = decide(timed(observed(flat(0.8), flat(0.6)), 0.1), fast())
    assert (worse.outcome, worse.decisive.name) == ("keep", "harm overall")
    unsure = decide(timed(observed(*drawn(0.0, 2)), 0.1), fast())
    assert (unsure.outcome, unsure.decisive.name) == ("inconclusive", "quality")
    assert rule(unsure, "speed").said == "pass", "both facts are told"


def test_equal_times_are_no_proof_of_speed():
    """Every answer takes 0.5 % less: that is the clock, not the model."""
    decision = decide(timed(SAME, 0.998, spread=0.0), fast())
    assert decision.outcome == "inconclusive"


def test_answers_without_a_time_show_nothing():
    blind = replace(SAME, rows=tuple(replace(row, seconds=None) for row in SAME.rows))
    decision = decide(blind, fast())
    assert decision.outcome == "inconclusive"
    assert "have a time on both sides" in decision.sentence


@pytest.mark.parametrize(
    ("latency", "outcome", "name", "words"),
    [
        ({"median": 3.0}, "promote", "gain", "is shown"),
        ({"median": 0.5}, "keep", "latency, median", "too slow: "),
        ({"median": 1.0}, "inconclusive", "latency, median", "not shown to keep the limit"),
        ({"p95": 0.9}, "keep", "latency, 95th percentile", "0.9 s is the most"),
        ({"p95": 9.0}, "inconclusive", "latency, 95th percentile", "takes 59 answers"),
    ],
)
def test_a_limit_of_time_is_kept_broken_or_not_shown(latency, outcome, name, words):
    better = timed(observed(flat(0.2), flat(0.8)), 1.0)
    decision = decide(better, policy(latency=LatencyRule(**latency)))
    assert (decision.outcome, decision.decisive.name) == (outcome, name)
    assert words in decision.sentence


def test_three_repetitions_of_35_tasks_bound_the_95th_percentile():
    better = timed(observed(flat(0.2), flat(0.8), repetitions=3), 1.0)
    rules = policy(repetitions=3, latency=LatencyRule(p95=9.0))
    assert decide(better, rules).outcome == "promote"


def test_a_vacant_slot_keeps_the_limits_too():
    rules = policy(install=InstallRule(overall=0.5), latency=LatencyRule(median=0.5))
    decision = decide(timed(observed(None, flat(0.8)), 1.0), rules)
    assert (decision.outcome, decision.decisive.name) == ("keep", "latency, median")


def test_median_and_95th_percentile_stand_with_the_costs():
    costs = decide(timed(SAME, 1.0), policy(GUARDED)).costs["challenger"]
    assert costs.seconds < costs.seconds_p95


def test_the_objective_needs_its_margin_and_quality_needs_none():
    with pytest.raises(ValidationError, match=r"quality_margin: 0\.05"):
        policy(objective="latency")
    with pytest.raises(ValidationError, match="belong to 'objective: latency'"):
        policy(latency=LatencyRule(gain=0.1))


@pytest.mark.slow
def test_an_equally_fast_challenger_is_promoted_for_speed_in_five_percent():
    """300 simulated experiments with spread times and equal quality."""
    outcomes = [decide(timed(SAME, 1.0, seed=seed), fast()).outcome for seed in range(300)]
    assert 0.02 <= outcomes.count("promote") / 300 <= 0.09


@pytest.mark.parametrize(("share", "n"), [(0.5, 35), (0.95, 105)])
def test_limits_of_a_quantile_miss_it_as_seldom_as_they_say(share, n):
    random = np.random.default_rng(1)
    truth = -np.log(1.0 - share)  # of an exponential time
    found = [quantile(random.exponential(size=n), share) for _ in range(600)]
    assert sum(each.low > truth for each in found) / 600 <= 0.07
    assert sum(each.high < truth for each in found) / 600 <= 0.07
