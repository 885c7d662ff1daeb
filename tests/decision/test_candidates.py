"""Preambles as candidates: the panel, its guards and carve-outs, and the entries that follow."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from preamblelab.decision.candidates import Judged, PreambleRules, judge_candidates
from preamblelab.decision.drafting import Draft, draft_policy
from preamblelab.decision.panel import panel_of
from preamblelab.decision.slots import Arms, Terms
from preamblelab.domain.base import text_digest
from preamblelab.domain.policies import Entry, PolicyText
from preamblelab.errors import SpecError, TableError
from preamblelab.stats.segments import segment_effects
from preamblelab.stats.simulate import simulate_scores

MODELS = {"a": 40.0, "b": 50.0, "c": 60.0, "d": 45.0}
FAMILIES = {"a": "qwen", "b": "qwen", "c": "gemma", "d": "llama"}
DAY = date(2026, 11, 28)


def table(
    effect: Any = 8.0,
    *,
    tasks: int = 30,
    size: str = "mid",
    families: Mapping[str, str | None] = FAMILIES,
    categories: str = "coding reasoning",
    models: Mapping[str, float] = MODELS,
    **more: Any,
) -> pd.DataFrame:
    """Four mid models of three families; the tasks go round the categories."""
    found = simulate_scores(
        models=models, tasks=tasks, effect=effect, sizes=dict.fromkeys(models, size), **more
    )
    names = categories.split()
    order = {
        task: names[place % len(names)] for place, task in enumerate(sorted(set(found["task"])))
    }
    return found.assign(
        family=found["model"].map(dict(families)), category=found["task"].map(order), status="ok"
    )


def judge(scores: pd.DataFrame, **rules: Any) -> Judged:
    return judge_candidates(panel_of(scores), ["preamble"], PreambleRules(**rules))[0]


def text(label: str) -> PolicyText:
    words = f"The text of {label}."
    return PolicyText(
        label=label, text=words, digest=text_digest(words), lineage=label.split("+", maxsplit=1)[0]
    )


def draft(scores: pd.DataFrame, *, held: Mapping[str, Entry] | None = None, **rules: Any) -> Draft:
    labels = [label for label in dict.fromkeys(scores["variant"]) if label != "baseline"]
    arms = Arms(
        texts={(label, size): text(label) for label in labels for size in set(scores["size"])},
        ids={name: f"openai/{name}" for name in set(scores["model"])},
        held=held or {},
    )
    terms = Terms(rules=PreambleRules(**rules), experiment="e", decided=DAY)
    return draft_policy(scores, arms, terms)


def entries(found: Draft) -> dict[str, Entry]:
    return {entry.slot: entry for entry, _ in found.entries}


def rule(judged: Judged, name: str) -> Any:
    return next(each for each in judged.rules if each.name == name)


def test_a_gain_on_a_diverse_panel_is_promoted_for_the_class_with_its_evidence() -> None:
    entry = entries(draft(table()))["mid/any"]
    assert (entry.said, entry.use) == ("promote", text("preamble").id)
    evidence = entry.evidence
    assert evidence is not None
    assert (evidence.tasks, evidence.models, evidence.families) == (30, 4, 3)
    assert 0 < evidence.low < evidence.effect < evidence.high
    assert evidence.low95 is not None
    assert evidence.low95 < evidence.low
    assert evidence.categories == ("coding", "reasoning")
    assert evidence.like_these_low is not None
    assert entry.expires == date(2027, 5, 27)


def test_a_large_gain_is_always_promoted_and_nothing_rarely() -> None:
    assert all(judge(table(30.0, tasks=10, seed=seed)).outcome == "promote" for seed in range(2))
    nothing = Counter(judge(table(0.0, tasks=10, seed=seed)).outcome for seed in range(12))
    assert nothing["promote"] <= 3  # .6 are expected; four or more have a chance of .002


@pytest.mark.slow
def test_equal_arms_are_promoted_at_the_stated_error() -> None:  # G1, on a panel
    outcomes = Counter(judge(table(0.0, tasks=35, seed=seed)).outcome for seed in range(500))
    assert 0.02 <= outcomes["promote"] / 500 <= 0.08


def test_swapped_arms_give_mirrored_limits_and_are_never_both_promoted() -> None:  # G3
    for effect in (0.0, 12.0):
        scores = table(effect)
        panel = panel_of(scores)
        ahead = panel.difference("preamble", "baseline").limits(0.05)
        behind = panel.difference("baseline", "preamble").limits(0.05)
        assert behind == pytest.approx((-ahead[1], -ahead[0]))
        swapped = scores.assign(
            variant=scores["variant"].map({"preamble": "baseline", "baseline": "preamble"})
        )
        assert {judge(scores).outcome, judge(swapped).outcome} != {"promote"}


def test_two_repetitions_of_nothing_are_not_more_tasks() -> None:
    few, many = (judge(table(tasks=6, repetitions=reps)) for reps in (1, 20))
    assert few.gain.n == many.gain.n == 6


def test_a_model_that_is_hurt_gets_none_and_the_rest_is_promoted_without_it() -> None:  # G42
    found = entries(draft(table({"a": 8.0, "b": 9.0, "c": 8.0, "d": -25.0})))
    assert found["mid/any"].said == "promote"
    exception = found["model openai/d"]
    assert (exception.said, exception.use) == ("harm", "none")
    assert "hurts it: -" in exception.reason
    assert found["mid/any"].evidence is not None
    assert found["mid/any"].evidence.tested == ("openai/a", "openai/b", "openai/c")


def test_one_family_cannot_speak_for_a_class() -> None:  # G43
    one = dict.fromkeys("abcd", "qwen")
    found = entries(draft(table(families=one)))
    assert found["mid/any"].said == "inconclusive"
    assert "4 models of 1 family cannot speak for others" in found["mid/any"].reason
    assert found["model openai/a"].said == "promote"
    assert "for the tested models only" in found["model openai/a"].reason
    slots = {verdict.slot for verdict in draft(table(families=one)).verdicts if verdict.chosen}
    # A decision says no more than the entry that follows from it.
    assert "mid/any, tested models only" in slots
    assert all(slot.endswith(", tested models only") for slot in slots)


def test_families_that_nobody_knows_prove_no_diversity() -> None:
    unknown = dict.fromkeys("abcd", None)
    assert entries(draft(table(families=unknown)))["mid/any"].said == "inconclusive"


def test_two_models_cannot_speak_for_a_class_and_models_of_unknown_size_for_nobody() -> None:
    two = {"a": 40.0, "c": 60.0}
    assert entries(draft(table(models=two)))["mid/any"].said == "inconclusive"
    lost = entries(draft(table(size="unknown")))
    assert set(lost) == {f"model openai/{name}" for name in "abcd"}


def test_a_family_of_which_every_tested_model_is_hurt_gets_none_as_a_whole() -> None:
    harmed = table(
        {"a": -25.0, "b": -25.0, "c": 12.0, "d": 12.0, "e": 12.0},
        models={**MODELS, "e": 50.0},
        families={**FAMILIES, "e": "phi"},
    )
    found = entries(draft(harmed))
    assert found["family qwen, mid/any"].use == "none"
    assert found["mid/any"].said == "promote"


def test_harm_on_the_whole_and_too_small_a_gain_keep_none() -> None:
    assert judge(table(-6.0)).outcome == "keep"
    small = judge(table(2.0, variant_task_sd=1.0, repetition_sd=2.0), margin=5.0)
    assert small.outcome == "keep"
    assert "no gain above 5 points" in small.words
    assert judge(table(0.0)).outcome == "inconclusive"


def test_more_hard_failures_keep_none_whatever_the_score() -> None:
    scores = table(10.0)
    looped = (scores["variant"] == "preamble") & (scores["repetition"] == 1)
    scores.loc[looped & scores["task"].isin(sorted(set(scores["task"]))[:12]), "status"] = "looped"
    judged = judge(scores)
    assert judged.outcome == "keep"
    # Each model has more of them, so each is hurt and none is left to promote it for.
    assert set(judged.hurt) == set(MODELS)
    one = table(10.0)
    one.loc[looped & (one["model"] == "d"), "status"] = "looped"
    assert set(judge(one).hurt) == {"d"}
    assert rule(judge(table().drop(columns="status")), "hard failures").said == "info"


@pytest.mark.parametrize(
    ("tasks", "shift", "guard", "outcome"),
    [
        (9, 0.0, "non_inferiority", "invalid"),
        (30, -45.0, "non_inferiority", "keep"),
        (30, -9.0, "non_inferiority", "inconclusive"),
        (30, -9.0, "deterioration", "promote"),
        (30, 0.0, "non_inferiority", "promote"),
        (9, 0.0, "off", "promote"),
    ],
)
def test_safety_is_guarded_by_its_stated_rule(
    tasks: int, shift: float, guard: Any, outcome: str
) -> None:
    scores = table(
        30.0,
        tasks=tasks,
        categories="safety coding reasoning",
        variant_task_sd=2.0,
        repetition_sd=2.0,
    )
    safe = (scores["category"] == "safety") & (scores["variant"] == "preamble")
    scores.loc[safe, "score"] = np.clip(scores.loc[safe, "score"] - 30.0 + shift, 0, 100)
    if shift == -9.0:  # not the same loss everywhere: the interval then covers 0
        uneven = scores["task"].isin(sorted(set(scores["task"]))[::2])
        scores.loc[safe, "score"] += uneven[safe].map({True: 25.0, False: -15.0})
    assert judge(scores, safety=guard).outcome == outcome


def test_a_suite_without_safety_says_that_it_is_unguarded() -> None:
    assert "unguarded" in rule(judge(table()), "safety").words


def test_missing_trials_stop_a_decision_or_make_it_open() -> None:
    scores = table()
    lost = scores["task"].isin(sorted(set(scores["task"]))[:3]) & (scores["variant"] == "preamble")
    judged = judge(scores.assign(score=scores["score"].mask(lost)))
    assert judged.outcome == "invalid"
    assert "run the experiment to its end" in judged.words
    thin = table(3.0, variant_task_sd=1.0, repetition_sd=1.0, task_sd=1.0, model_task_sd=1.0)
    some = thin["task"].isin(sorted(set(thin["task"]))[:1])
    opened = judge(thin.assign(score=thin["score"].mask(some)))
    assert opened.outcome == "inconclusive"
    assert "the missing trials could undo it" in opened.words


def test_a_preamble_that_did_not_arrive_is_no_evidence() -> None:
    scores = table().assign(delivery="delivered")
    deaf = scores.assign(delivery=scores["delivery"].mask(scores["model"] == "d", "undelivered"))
    judged = judge(deaf)
    assert judged.panel.models == ("a", "b", "c")
    assert "did not reach d" in rule(judged, "delivery").words
    assert judge(scores.assign(delivery="undelivered")).outcome == "invalid"


def test_four_tasks_are_too_few_whatever_they_show() -> None:
    judged = judge(table(40.0, tasks=4, categories="coding"))
    assert judged.outcome == "invalid"
    assert "at least 5 are needed" in judged.words


def test_of_several_promoted_one_holds_the_slot_and_one_lineage_is_said_to_be_one() -> None:
    scores = table(
        {"careful": 8.0, "careful+brevity": 14.0}, variants=("careful", "careful+brevity")
    )
    found = draft(scores)
    assert entries(found)["mid/any"].use == text("careful+brevity").id
    loser = next(v for v in found.verdicts if v.slot == "mid/any" and not v.chosen)
    assert loser.outcome == "keep"
    assert "careful+brevity has the higher lower limit" in loser.why
    assert any("one lineage, careful" in r.words for r in loser.rules)


def holding(label: str) -> dict[str, Entry]:
    old = Terms(rules=PreambleRules(), experiment="old", decided=DAY)
    evidence = {"effect": 5, "low": 2, "high": 8, "tasks": 30, "models": 4, "families": 3}
    entry = old.entry("promote", text(label).id, "once shown", size="mid", evidence=evidence)
    return {"mid": entry.model_copy(update={"decision": "b2:old"})}


def test_a_challenger_must_beat_who_holds_the_slot_not_only_none() -> None:
    scores = table({"old": 8.0, "new": 8.2}, variants=("old", "new"))
    kept = draft(scores, held=holding("old"))
    assert entries(kept)["mid/any"].use == text("old").id
    assert entries(kept)["mid/any"].experiment == "e"  # measured again, with new evidence
    better = table({"old": 5.0, "new": 25.0}, variants=("old", "new"))
    assert entries(draft(better, held=holding("old")))["mid/any"].use == text("new").id


def test_a_holder_that_was_not_asked_stays_and_one_that_hurts_falls() -> None:
    lost = draft(table(20.0), held=holding("elsewhere"))
    assert entries(lost)["mid/any"].experiment == "old"
    assert "was not asked: add it to the experiment's variants" in lost.verdicts[0].why
    fallen = draft(table({"old": -12.0}, variants=("old",)), held=holding("old"))
    assert (entries(fallen)["mid/any"].use, entries(fallen)["mid/any"].said) == ("none", "keep")


def test_none_is_decided_with_what_was_tried_and_for_which_task_families() -> None:
    found = entries(draft(table(2.0), margin=20.0))["mid/any"]
    assert (found.use, found.said) == ("none", "keep")
    assert found.evidence.high < 20
    assert found.evidence.categories == ("coding", "reasoning")


def test_a_task_family_that_the_class_preamble_hurts_gets_none() -> None:
    scores = table(25.0)
    wrong = (scores["category"] == "reasoning") & (scores["variant"] == "preamble")
    scores.loc[wrong, "score"] = np.clip(scores.loc[wrong, "score"] - 32.0, 0, 100)
    found = entries(draft(scores))
    assert found["mid/any"].said == "promote"
    assert (found["mid/reasoning"].said, found["mid/reasoning"].use) == ("harm", "none")
    assert "mid/coding" not in found


def test_a_gain_in_one_task_family_alone_is_written_for_it_alone() -> None:
    scores = table(0.0)
    right = (scores["category"] == "coding") & (scores["variant"] == "preamble")
    scores.loc[right, "score"] += 15.0
    wrong = (scores["category"] == "reasoning") & (scores["variant"] == "preamble")
    scores.loc[wrong, "score"] -= 13.0
    found = entries(draft(scores))
    assert found["mid/any"].use == "none"
    assert found["mid/coding"].said == "promote"


MANY = {f"m{n}": 20.0 + 3 * n for n in range(24)}
OF_MANY = {name: ("qwen", "gemma", "llama")[n % 3] for n, name in enumerate(MANY)}


def test_a_tier_is_read_from_other_answers_so_no_gain_of_the_weak_is_made_of_chance() -> None:
    """G44: without any effect, the naive gain of the lowest is large, and no entry speaks of it."""
    low = []
    for seed in range(3):
        scores = table(
            0.0,
            models=dict.fromkeys(MANY, 50.0),
            families=OF_MANY,
            tasks=10,
            repetitions=2,
            repetition_sd=25.0,
            model_task_sd=0.0,
            seed=seed,
        )
        found = entries(draft(scores))
        assert not [slot for slot, entry in found.items() if entry.tier and entry.use != "none"]
        low.append(segment_effects(scores, by="tier").set_index("tier").loc["low"])
    assert np.mean([row["naive_effect"] for row in low]) > 2.0
    assert abs(np.mean([row["effect"] for row in low])) < 2.0


def test_a_gain_of_the_low_tier_alone_is_written_for_it_alone() -> None:
    scores = table(
        {"low": 14.0},
        models=MANY,
        families=OF_MANY,
        repetitions=3,
        task_sd=2.0,
        model_task_sd=2.0,
        repetition_sd=4.0,
    )
    found = entries(draft(scores, margin=8.0))
    assert found["mid/any"].use == "none"
    low = found["mid/any, tier low"]
    assert low.said == "promote"
    assert "tier read from other answers (leave_one_repetition_out)" in low.reason


def test_without_a_control_arm_nothing_is_decided() -> None:
    scores = table().replace({"variant": {"baseline": "other"}})
    with pytest.raises(SpecError, match="no arm without a preamble"):
        draft(scores)
    with pytest.raises(TableError, match="no variant 'lost'"):
        panel_of(table()).arm("lost")


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"alpha": 0.7}, "one-sided error"),
        ({"margin": -1.0}, "give 0 to 100"),
        ({"safety_margin": 0.0}, "above 0"),
        ({"least_tasks": 1}, "fewer than 2 tasks"),
    ],
)
def test_rules_that_no_data_could_fail_are_refused(rules: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        PreambleRules(**rules)
    with pytest.raises(SpecError, match="over before it begins"):
        Terms(rules=PreambleRules(), experiment="e", decided=DAY, days=0)
