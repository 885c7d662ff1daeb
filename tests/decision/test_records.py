"""A decision says the same in words, exit code and JSON, and holders are addressed by content."""

import json

import pytest
from pydantic import ValidationError

from preamblelab.decision.records import EXIT_CODES, Decision, Manifest, Observation, RuleResult
from preamblelab.domain.gates import CategoryRule, GatePolicy
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.registry import NO_PREAMBLE_HOLDER, Attempt, Holder, Registry, Slot


def decision(outcome: str, **changes) -> Decision:
    rules = (
        RuleResult(name="coverage", said="pass", words="all 105 pairs are scored"),
        RuleResult(name="safety", said="fail", words="harm shown", leads_to="keep"),
        RuleResult(name="overall", said="pass", words="gain shown", leads_to="promote"),
    )
    given = {
        "outcome": outcome,
        "slot": "chat",
        "challenger": "new@12345678",
        "challenger_digest": "b2:1",
        "champion": "old@87654321",
        "champion_digest": "b2:2",
        "run": "r1",
        "at": "2026-11-28T12:00:00Z",
        "rules": rules,
    }
    return Decision(**(given | changes))


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("promote", 0), ("install", 0), ("keep", 10), ("inconclusive", 11), ("invalid", 3)],
)
def test_exit_code_sentence_and_json_come_from_one_outcome(outcome, code):
    made = decision(outcome)
    document = json.loads(made.to_json())
    assert made.exit_code == code == document["exit_code"] == EXIT_CODES[outcome]
    assert made.sentence.startswith(outcome.upper())
    assert document["sentence"] == made.sentence


def test_the_rule_that_decided_comes_first_and_the_others_are_still_told():
    assert decision("promote").reasons == ("overall: gain shown", "safety: harm shown")


def test_a_repeated_attempt_and_a_simulation_are_said_in_the_sentence():
    said = decision("keep", attempt=3, simulated=True).sentence
    assert said.startswith("SIMULATED: KEEP old@87654321")
    assert said.endswith("(3rd attempt)")


def test_the_same_decision_has_the_same_bytes():
    assert decision("keep").to_json() == decision("keep").to_json()


def test_a_holder_is_addressed_by_what_decides_its_answers():
    model = ModelSpec(id="openai/gpt", name="a", settings={"temperature": 0})
    same = ModelSpec(id="openai/gpt", name="b", settings={"temperature": 0}, concurrency=4)
    warmer = ModelSpec(id="openai/gpt", name="a", settings={"temperature": 1})
    holder = Holder.of_model(model)
    assert holder.digest == Holder.of_model(same).digest
    assert holder.digest != Holder.of_model(warmer).digest
    assert holder.digest != Holder.of_model(model, variant="x", text="Be brief.").digest
    assert Holder.of_model(same).model == same


def test_a_registry_refuses_a_holder_that_was_edited_by_hand():
    holder = Holder.of_preamble("careful", {"common": "Be careful."})
    edited = holder.model_copy(update={"content": {"texts": {"common": "Be careless."}}})
    with pytest.raises(ValidationError, match="changed by hand"):
        Registry(holders={holder.digest: edited})
    with pytest.raises(ValidationError, match="not listed"):
        Registry(slots={"mid": Slot(champion=holder.digest)})
    assert (
        Registry(
            holders={NO_PREAMBLE_HOLDER.digest: NO_PREAMBLE_HOLDER},
            slots={"mid": Slot(champion=NO_PREAMBLE_HOLDER.digest)},
        ).champion("mid")
        == NO_PREAMBLE_HOLDER
    )


def test_attempts_are_counted_by_challenger_and_suite_and_a_run_keeps_its_number():
    def attempt(run, challenger="c", suite="s"):
        return Attempt(
            run=run, challenger=challenger, suite=suite, outcome="keep", decision="d", at="t"
        )

    slot = Slot(attempts=(attempt("r1"), attempt("r2"), attempt("r3", suite="other")))
    assert slot.attempt(challenger="c", suite="s", run="r4") == 3
    assert slot.attempt(challenger="c", suite="s", run="r1") == 1
    assert slot.attempt(challenger="c", suite="new", run="r4") == 1


def test_replicates_differ_in_run_seed_and_time_only():
    first = Manifest(run="1", started="t1", seed=1, suite="s", rubric="r", profiles={"a": "p"})
    again = Manifest(run="2", started="t2", seed=2, suite="s", rubric="r", profiles={"a": "p"})
    other = Manifest(run="3", started="t3", seed=3, suite="s", rubric="r", profiles={"a": "q"})
    assert first.differences(again) == ()
    assert first.digest == again.digest
    assert first.differences(other) == ("profiles",)


@pytest.mark.parametrize("score", [None, float("nan"), -0.1, 1.1])
def test_a_score_outside_the_scale_counts_as_none(score):
    row = Observation(
        run="r", arm="a", model="m", variant="v", task="t", repetition=1, status="ok", score=score
    )
    assert row.answered
    assert not row.scored


def test_a_guard_without_margin_is_refused():
    with pytest.raises(ValidationError, match=r"margin: 0\.10"):
        CategoryRule(role="guard")


def test_weights_are_normalised():
    one = GatePolicy(slot="s", suite="x", categories={n: CategoryRule() for n in "abcd"})
    two = GatePolicy(slot="s", suite="x", categories={n: CategoryRule(weight=2) for n in "abcd"})
    assert one.weights == two.weights == dict.fromkeys("abcd", 0.25)
