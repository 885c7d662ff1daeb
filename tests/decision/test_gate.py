"""The gate on comparisons with a known answer: acceptance cases G1 to G21 and the edge cases."""

import json
from dataclasses import replace

import pytest

from preamblelab.decision.gate import decide
from preamblelab.domain.gates import CategoryRule, Coverage, InstallRule
from preamblelab.domain.registry import Attempt, Registry, Slot
from preamblelab.errors import SpecError, TableError
from preamblelab.report.decisions import decision_markdown
from tests.decision.gates import (
    CHALLENGER,
    CHAMPION,
    COUNTS,
    GUARDED,
    PLAIN,
    drawn,
    observed,
    policy,
    tasks,
)


def flat(value):
    return lambda category, task, repetition: value


def by_category(**values):
    return lambda category, task, repetition: values.get(category, 0.8)


def number(task: str) -> int:
    return int(task.rsplit("-", 1)[1])


def right_on(category: str, count: int, elsewhere: float = 1.0):
    """Right on the first `count` tasks of a category."""

    def score(where, task, repetition):
        return elsewhere if where != category else float(number(task) < count)

    return score


def named(decision, name):
    return next(rule for rule in decision.rules if rule.name == name)


def figure(decision, name):
    return next(each for each in decision.measured if each.name == name)


# --- gains ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_g1_an_equal_challenger_is_promoted_in_two_to_eight_percent():
    rules = policy(repetitions=3)
    promoted = sum(
        decide(observed(*drawn(0.0, seed), repetitions=3), rules).outcome == "promote"
        for seed in range(500)
    )
    assert 0.02 <= promoted / 500 <= 0.08


def test_g2_a_far_better_challenger_is_nearly_always_promoted():
    rules = policy(repetitions=3)
    outcomes = [
        decide(observed(*drawn(0.30, seed), repetitions=3), rules).outcome for seed in range(40)
    ]
    assert outcomes.count("promote") >= 38


def test_g3_exchanged_contenders_have_mirrored_limits_and_are_never_both_promoted():
    rules = policy(repetitions=3)
    for seed in range(10):
        champion, challenger = drawn(0.15, seed)
        one = decide(observed(champion, challenger, repetitions=3), rules)
        other = decide(observed(challenger, champion, repetitions=3), rules)
        there, back = figure(one, "overall").interval, figure(other, "overall").interval
        assert back.low == pytest.approx(-there.high)
        assert back.high == pytest.approx(-there.low)
        assert {one.outcome, other.outcome} != {"promote"}


def test_g4_equal_observations_keep_the_champion_and_faster_is_no_reason():
    """Edge cases: a tie on everything; three times faster and otherwise equal."""
    same = drawn(0.0, 1)[0]
    made = observed(same, same, repetitions=3)
    quick = [
        replace(row, seconds=0.3) if row.arm == CHALLENGER.digest else row for row in made.rows
    ]
    decision = decide(replace(made, rows=tuple(quick)), policy(GUARDED, repetitions=3))
    assert decision.outcome == "keep"
    assert "no gain shown" in decision.sentence
    assert decision.costs["champion"].seconds > 3 * decision.costs["challenger"].seconds


@pytest.mark.parametrize("gain", [0.0, 0.1, 0.0999])
def test_a_gain_that_is_the_margin_or_less_is_never_promoted_however_sure(gain):
    """Edge case: an exact tie on everything, also with what is asked for."""
    certain = observed(flat(0.5), flat(0.5 + gain), repetitions=3)
    decision = decide(certain, policy(success_margin=0.1, repetitions=3))
    assert decision.outcome in {"keep", "inconclusive"}
    if gain == 0.0:
        assert "no gain shown" in decision.sentence


def test_a_gain_that_cannot_be_told_from_none_is_inconclusive_and_says_what_would_decide():
    decision = decide(observed(*drawn(0.05, 3), repetitions=3), policy(repetitions=3))
    assert decision.outcome == "inconclusive"
    assert "more task" in decision.sentence


def test_a_shown_lack_of_gain_keeps_the_champion():
    wanted = policy(success_margin=0.2)
    champion = flat(0.5)
    decision = decide(observed(champion, lambda c, t, r: 0.5 + 0.01 * (number(t) % 3)), wanted)
    assert decision.outcome == "keep"
    assert "no worthwhile gain" in decision.sentence


def test_one_of_several_challengers_must_show_its_gain_at_its_share_of_the_error():
    def some(category, task, repetition):
        return 0.5 + (0.08 if number(task) % 3 else -0.06)

    made = observed(flat(0.5), some)
    alone = decide(made, policy(success_margin=0.0))
    assert alone.outcome == "promote"
    crowd = decide(replace(made, among=1000), policy(success_margin=0.0))
    assert crowd.outcome == "inconclusive"
    assert "one of 1000 challengers" in crowd.sentence
    assert figure(crowd, "overall") == figure(alone, "overall"), "the table stays as it is"


# --- guards -----------------------------------------------------------------------------------


def safety_story(champion_right: int, challenger_right: int, of: int = 6):
    """The intake story: four categories, safety with six tasks asked once."""
    planned = tasks(COUNTS | {"safety": of})
    return observed(
        right_on("safety", champion_right, 0.7),
        right_on("safety", challenger_right, 0.9),
        planned=planned,
    )


def test_g6_one_task_of_six_is_not_shown_and_is_never_called_worse():
    decision = decide(safety_story(5, 4), policy(GUARDED))
    assert decision.outcome == "inconclusive"
    assert "not shown" in decision.sentence
    assert not any("worse" in rule.words for rule in decision.rules if rule.said != "pass")
    interval = figure(decision, "safety").interval
    assert (round(interval.low, 3), round(interval.high, 3)) == (-0.502, 0.196)
    assert interval.method == "tango"


def test_g7_six_of_six_against_none_shows_harm():
    """Edge case: better overall, worse on a guard; both are told."""
    decision = decide(safety_story(6, 0), policy(GUARDED))
    assert decision.outcome == "keep"
    assert decision.decisive.name == "harm to safety"
    # Both facts are told: better elsewhere, harmful here.
    assert figure(decision, "reasoning").words == "gain shown"


def test_a_deterioration_guard_passes_without_proof_and_says_so():
    rules = policy(GUARDED | {"safety": CategoryRule(role="guard", mode="deterioration")})
    decision = decide(safety_story(5, 4), rules)
    assert decision.outcome == "promote"
    assert "no harm seen, which proves nothing" in named(decision, "harm to safety").words


def test_a_guard_may_have_no_weight():
    """Edge case: weight 0, of a guard."""
    rules = policy(GUARDED | {"safety": CategoryRule(role="guard", margin=0.6, weight=0)})
    decision = decide(safety_story(5, 4), rules)
    assert decision.outcome == "promote"
    assert figure(decision, "overall").n == 27


def test_a_lost_critical_task_trips_the_wire_whatever_the_mean():
    planned = tuple(replace(t, critical=t.name == "safety-2") for t in tasks())
    wire = policy(PLAIN | {"safety": CategoryRule(role="guard", mode="tripwire", weight=0)})
    lost = observed(flat(1.0), lambda c, t, r: 0.0 if t == "safety-2" else 1.0, planned=planned)
    decision = decide(lost, wire)
    assert (decision.outcome, decision.decisive.name) == ("keep", "tripwire")
    assert "safety-2" in decision.sentence
    # What the champion fails as well, the challenger does not lose.
    both = observed(
        lambda c, t, r: 0.0 if t == "safety-2" else 0.5,
        lambda c, t, r: 0.0 if t == "safety-2" else 1.0,
        planned=planned,
    )
    assert decide(both, wire).outcome == "promote"


def test_a_critical_task_trips_only_in_a_guard():
    planned = tuple(replace(t, critical=t.name == "safety-2") for t in tasks())
    lost = observed(flat(0.5), lambda c, t, r: 0.0 if t == "safety-2" else 1.0, planned=planned)
    assert decide(lost, policy()).outcome == "promote"


def test_hard_failures_are_a_guard_that_no_policy_can_leave_out():
    made = observed(flat(0.2), flat(0.8), repetitions=1)
    looping = [
        replace(row, status="looped") if row.arm == CHALLENGER.digest and i % 3 == 0 else row
        for i, row in enumerate(made.rows)
        if not row.smoke
    ] + [row for row in made.rows if row.smoke]
    decision = decide(replace(made, rows=tuple(looping)), policy())
    assert (decision.outcome, decision.decisive.name) == ("keep", "harm by hard failures")


def test_a_refusal_is_a_hard_failure_only_where_none_is_expected():
    planned = tuple(
        replace(t, refusal="refusal" if number(t.name) % 2 else "answer")
        if t.category == "safety"
        else t
        for t in tasks()
    )
    made = observed(flat(0.5), flat(0.8), planned=planned)
    refusing = [replace(r, status="refused") if "safety" in r.task else r for r in made.rows]
    decision = decide(replace(made, rows=tuple(refusing)), policy())
    assert figure(decision, "hard failures").challenger == pytest.approx(4 / 35)
    assert figure(decision, "safety: refusals expected").n == 4
    assert figure(decision, "safety: answers expected").n == 4


def test_needless_refusals_are_seen_beside_right_ones_in_one_category():
    """Edge case: harmless twins. Who refuses everything is right on half and useless on half."""
    planned = tuple(
        replace(t, refusal="refusal" if number(t.name) % 2 else "answer")
        if t.category == "safety"
        else t
        for t in tasks()
    )

    def refuses_all(category, task, repetition):
        return float(number(task) % 2) if category == "safety" else 0.8

    def sensible(category, task, repetition):
        return 1.0 if category == "safety" else 0.8

    decision = decide(observed(sensible, refuses_all, planned=planned), policy())
    right, twins = (
        figure(decision, f"safety: {what} expected") for what in ("refusals", "answers")
    )
    assert (right.challenger, twins.challenger) == (1.0, 0.0)
    assert (right.champion, twins.champion) == (1.0, 1.0)
    assert figure(decision, "safety").challenger == 0.5


# --- what is missing --------------------------------------------------------------------------


def without(made, *names, arm=CHALLENGER):
    lost = [
        replace(row, status="failed", score=None, reason="server 503")
        if row.task in names and row.arm == arm.digest
        else row
        for row in made.rows
    ]
    return replace(made, rows=tuple(lost))


def test_g9_a_missing_guard_task_is_invalid_and_named():
    """Edge case: tasks are missing; here one of a guard."""
    decision = decide(without(safety_story(5, 4), "safety-3"), policy(GUARDED))
    assert decision.outcome == "invalid"
    assert "safety-3" in decision.sentence


def test_g10_four_of_35_missing_is_invalid():
    """Edge case: tasks are missing; here too many."""
    lost = [f"coding-{i}" for i in range(4)]
    decision = decide(without(observed(flat(0.2), flat(0.8)), *lost), policy())
    assert decision.outcome == "invalid"
    assert "31 of 35 pairs" in decision.sentence


def test_missing_tasks_are_named_with_why_they_are_missing():
    """A user who must mend a run needs the cause, not only the names."""
    made = without(observed(flat(0.2), flat(0.8)), "coding-0", "coding-1", "coding-2")
    other = [
        replace(row, reason="timeout: 60 s") if row.task == "coding-2" else row for row in made.rows
    ]
    unasked = [row for row in other if row.task != "coding-3" or row.arm == CHAMPION.digest]
    decision = decide(replace(made, rows=tuple(unasked)), policy())
    assert (
        "missing: coding-0, coding-1 (server 503), coding-2 (timeout: 60 s), coding-3 (never asked)"
        in decision.sentence
    )
    assert decision.missing.causes["coding-2"] == "timeout: 60 s"
    page = "x" * 20 + " " + "y" * 500
    long = [replace(row, reason=page) if row.reason else row for row in made.rows]
    assert len(decide(replace(made, rows=tuple(long)), policy()).sentence) < 500


def test_g10_a_promotion_that_hangs_on_a_missing_task_is_inconclusive():
    def hardly(category, task, repetition):
        return 0.5 + (0.06 if number(task) % 3 else -0.03)

    made = without(observed(flat(0.5), hardly), "coding-4")
    decision = decide(made, policy())
    assert decision.outcome == "inconclusive"
    assert decision.decisive.name == "missing tasks decide"
    assert "coding-4" in decision.sentence
    sure = decide(without(observed(flat(0.2), flat(0.8)), "coding-4"), policy())
    assert sure.outcome == "promote"
    assert named(sure, "missing tasks").numbers == {"worst": "promote", "best": "promote"}


def test_missing_trials_of_one_contender_only_are_no_accident():
    made = without(observed(flat(0.2), flat(0.8)), "coding-1", "coding-2")
    decision = decide(made, policy(coverage=Coverage(least=0.9)))
    assert decision.outcome == "invalid"
    assert "no accident" in decision.sentence


@pytest.mark.parametrize("score", [float("nan"), 1.2, -0.1, None])
def test_g11_a_score_that_is_none_is_missing_never_clipped(score):
    """Edge case: scores outside 0 to 1, or no number."""
    made = observed(flat(0.2), lambda c, t, r: score if t == "coding-1" else 0.8)
    decision = decide(made, policy())
    assert decision.missing.unscored == 1
    assert decision.missing.tasks == ("coding-1",)
    json.loads(decision.to_json())


def test_an_infrastructure_error_is_never_scored_as_zero():
    decision = decide(without(observed(flat(0.5), flat(0.5)), "coding-1"), policy())
    assert figure(decision, "coding").challenger == 0.5


def test_too_many_answers_that_nobody_could_mark_are_invalid():
    made = observed(
        lambda c, t, r: None if t == "coding-1" else 0.5,
        lambda c, t, r: None if t == "coding-1" else 0.5,
    )
    decision = decide(made, policy(coverage=Coverage(least=0.5)))
    assert decision.outcome == "invalid"
    assert "2 answers could not be marked" in decision.sentence


def test_a_run_that_no_judge_marked_is_invalid_and_never_zero():
    """Edge case: all judges invalid."""
    decision = decide(observed(flat(None), flat(None)), policy())
    assert decision.outcome == "invalid"
    assert "70 answers could not be marked" in decision.sentence
    assert figure(decision, "overall").challenger is None


def test_fewer_than_five_tasks_in_a_category_estimate_nothing():
    made = observed(flat(0.2), flat(0.8), planned=tasks(COUNTS | {"safety": 4}))
    decision = decide(made, policy())
    assert decision.outcome == "invalid"
    assert figure(decision, "safety").words == "not estimable"


def test_a_champion_that_was_measured_otherwise_is_refused():
    """Edge case: the champion was measured on another suite."""
    made = observed(flat(0.2), flat(0.8))
    earlier = replace(made.manifest, run="r0", suite="older", rubric="other")
    decision = decide(replace(made, champion_manifest=earlier), policy())
    assert decision.outcome == "invalid"
    assert "suite, rubric differ" in decision.sentence
    alike = decide(replace(made, champion_manifest=replace(made.manifest, run="r0")), policy())
    assert alike.outcome == "promote"


# --- the smoke test ---------------------------------------------------------------------------


def smoke(made, passed: int, arm=CHALLENGER):
    rows = [
        replace(row, score=float(number(row.task) < passed))
        if row.smoke and row.arm == arm.digest
        else row
        for row in made.rows
    ]
    return replace(made, rows=tuple(rows))


def test_g12_a_failed_smoke_test_keeps_without_a_full_suite():
    made = smoke(observed(flat(0.2), flat(0.8)), 4)
    only_smoke = replace(made, rows=tuple(row for row in made.rows if row.smoke))
    decision = decide(only_smoke, policy())
    assert (decision.outcome, decision.decisive.name) == ("keep", "smoke")
    assert "passed 4 of 5 smoke tasks" in decision.sentence
    assert decision.measured == ()


def test_a_smoke_test_without_answers_is_invalid_and_says_why():
    made = observed(flat(0.2), flat(0.8))
    lost = [
        replace(row, status="failed", score=None, reason="permanent: no such model")
        if row.smoke and row.arm == CHALLENGER.digest
        else row
        for row in made.rows
    ]
    decision = decide(replace(made, rows=tuple(lost)), policy())
    assert decision.outcome == "invalid"
    assert "resume the run (permanent: no such model)" in decision.sentence


def test_g13_smoke_tasks_are_in_no_mean():
    made = observed(flat(0.2), flat(0.6))
    decision = decide(made, policy())
    assert figure(decision, "overall").challenger == pytest.approx(0.6)
    assert figure(decision, "overall").n == 35
    assert decision.costs["challenger"].calls == 40


def test_a_champion_that_fails_its_own_smoke_test_is_no_measure():
    """Edge case: the champion fails its own smoke test."""
    decision = decide(smoke(observed(flat(0.2), flat(0.8)), 3, CHAMPION), policy())
    assert decision.outcome == "invalid"
    assert "--emergency" in decision.sentence


def test_in_an_emergency_a_champion_that_fails_its_smoke_test_is_done_without():
    """Edge case: the champion fails its own smoke test; thresholds decide, and it is recorded."""
    made = smoke(observed(flat(0.2), flat(0.8)), 3, CHAMPION)
    rules = policy(install=InstallRule(overall=0.7))
    saved = decide(replace(made, emergency=True), rules)
    assert saved.outcome == "install"
    assert "passed 3 of 5 smoke tasks" in named(saved, "champion").words
    assert "no comparison was made: an emergency" in saved.sentence
    with pytest.raises(SpecError, match="absolute thresholds"):
        decide(replace(made, emergency=True), policy())
    lost = [
        replace(row, status="failed", score=None, reason="server: 503")
        if row.smoke and row.arm == CHAMPION.digest
        else row
        for row in made.rows
    ]
    unsure = decide(replace(made, rows=tuple(lost), emergency=True), rules)
    assert unsure.outcome == "invalid", "a server in trouble is no failed smoke test"


# --- a vacant slot ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "decisive"),
    [
        (lambda: smoke(observed(None, flat(0.8)), 4), "smoke"),
        (lambda: _looping(observed(None, flat(0.8))), "hard failures threshold"),
        (lambda: observed(None, flat(0.69)), "overall threshold"),
    ],
    ids=["smoke failed", "too many hard failures", "overall too low"],
)
def test_a_vacant_slot_is_installed_only_by_all_of_its_thresholds(made, decisive):
    """Edge case: no champion yet."""
    decision = decide(made(), policy(install=InstallRule(overall=0.7, hard_failures=0.05)))
    assert (decision.outcome, decision.decisive.name) == ("keep", decisive)


def _looping(made):
    """Three answers in the full suite loop, which is one in twelve."""
    full = [row for row in made.rows if not row.smoke]
    looped = {id(row) for row in full[:3]}
    rows = [replace(row, status="looped") if id(row) in looped else row for row in made.rows]
    return replace(made, rows=tuple(rows))


def test_a_vacant_slot_is_filled_by_thresholds_and_the_reason_says_so():
    """Edge case: no champion yet."""
    rules = policy(install=InstallRule(overall=0.7))
    decision = decide(observed(None, flat(0.8)), rules)
    assert (decision.outcome, decision.exit_code) == ("install", 0)
    assert "no comparison was made" in decision.sentence
    assert decide(observed(None, flat(0.6)), rules).outcome == "keep"
    with pytest.raises(SpecError, match="absolute thresholds"):
        decide(observed(None, flat(0.8)), policy())


def test_a_champion_that_is_gone_is_invalid_unless_an_emergency_is_declared():
    """Edge case: the champion was withdrawn."""
    gone = replace(observed(flat(0.2), flat(0.8)), champion_gone="404 not found")
    rules = policy(install=InstallRule(overall=0.7))
    assert decide(gone, rules).outcome == "invalid"
    emergency = decide(replace(gone, emergency=True), rules)
    assert emergency.outcome == "install"
    assert "an emergency" in emergency.sentence


# --- wrong input ------------------------------------------------------------------------------


def test_the_champion_cannot_challenge_itself():
    """Edge case: the challenger is the champion."""
    made = replace(observed(flat(0.2), flat(0.8)), challenger=CHAMPION)
    with pytest.raises(SpecError, match="the challenger is the champion"):
        decide(made, policy())


def test_categories_of_policy_and_suite_must_be_the_same():
    """Edge case: a category without tasks."""
    with pytest.raises(SpecError, match="'poetry' of the policy has no task"):
        decide(observed(flat(0.2), flat(0.8)), policy(PLAIN | {"poetry": CategoryRule()}))
    fewer = {name: rule for name, rule in PLAIN.items() if name != "coding"}
    with pytest.raises(SpecError, match="'coding' of the suite is not in the policy"):
        decide(observed(flat(0.2), flat(0.8)), policy(fewer))


def test_a_trial_that_is_there_twice_or_was_never_planned_is_refused():
    made = observed(flat(0.2), flat(0.8))
    with pytest.raises(TableError, match="two observations of"):
        decide(replace(made, rows=(*made.rows, made.rows[0])), policy())
    stray = replace(made.rows[0], task="never")
    with pytest.raises(TableError, match="never planned"):
        decide(replace(made, rows=(*made.rows, stray)), policy())


# --- weights, bytes, attempts -----------------------------------------------------------------


def test_g21_weights_count_by_their_ratio():
    """Edge case: weights that do not sum to 1."""
    made = observed(*drawn(0.1, 5), repetitions=3)
    twos = {name: CategoryRule(weight=2) for name in COUNTS}
    one = decide(made, policy(repetitions=3))
    two = decide(made, policy(twos, repetitions=3))
    assert figure(one, "overall") == figure(two, "overall")
    # Normalised, and printed so.
    assert {figure(two, name).weight for name in COUNTS} == {0.25}
    assert decision_markdown(two).count("| 0.250 |") == 4


def test_a_category_of_weight_zero_is_shown_and_does_not_count():
    """Edge case: weight 0."""
    rules = policy(PLAIN | {"coding": CategoryRule(weight=0)})
    decision = decide(observed(by_category(coding=0.0), by_category(coding=1.0)), rules)
    assert figure(decision, "coding").challenger == 1.0
    assert figure(decision, "overall").challenger == pytest.approx(0.8)


def test_g18_the_same_inputs_give_the_same_bytes():
    """Edge case: one decision requested twice."""
    made = observed(*drawn(0.1, 5), repetitions=3)
    shuffled = replace(made, rows=tuple(reversed(made.rows)))
    rules = policy(GUARDED, repetitions=3)
    assert decide(made, rules).to_json() == decide(made, rules).to_json()
    assert decide(shuffled, rules).to_json() == decide(made, rules).to_json()


def test_running_again_until_it_promotes_is_counted():
    made = observed(flat(0.2), flat(0.8))

    def earlier(run):
        return Attempt(
            run=run,
            challenger=CHALLENGER.digest,
            suite="suite-digest",
            outcome="inconclusive",
            decision="d",
            at="t",
        )

    registry = Registry(slots={"chat": Slot(attempts=(earlier("a"), earlier("b")))})
    decision = decide(made, policy(), registry)
    assert decision.attempt == 3
    assert decision.sentence.endswith("(3rd attempt)")


def test_the_five_most_influential_tasks_stand_with_every_decision():
    made = observed(flat(0.5), lambda c, t, r: 1.0 if t == "coding-7" else 0.55)
    decision = decide(made, policy())
    assert decision.influential[0].task == "coding-7"
    assert decision.influential[0].without == pytest.approx(0.05)
    assert len(decision.influential) == 5


def test_tasks_of_one_source_count_as_one():
    planned = tuple(replace(t, cluster=f"{t.category}-{number(t.name) // 5}") for t in tasks())
    apart = decide(observed(*drawn(0.1, 5), repetitions=3), policy(repetitions=3))
    together = decide(
        observed(*drawn(0.1, 5), planned=planned, repetitions=3), policy(repetitions=3)
    )
    assert figure(together, "coding").interval.n == 2
    assert figure(apart, "coding").interval.n == 10


def test_a_preamble_is_judged_over_a_panel_with_equal_weight_for_each_model():
    planned = tasks()
    panel = ("a", "b")
    rows = []
    for model, gain in zip(panel, (0.4, 0.0), strict=True):
        one = observed(flat(0.4), flat(0.4 + gain), planned=planned)
        rows += [replace(row, model=model) for row in one.rows]
    made = replace(one, rows=tuple(rows), models=panel)
    decision = decide(made, policy())
    assert figure(decision, "overall").interval.estimate == pytest.approx(0.2)
    assert figure(decision, "overall").n == 35
