"""Promotion, rollback and attempts: each refused when its ground has moved."""

from dataclasses import replace

import pytest

from preamblelab.decision.gate import decide
from preamblelab.decision.registering import adopted, promoted, recorded, rolled_back, with_holders
from preamblelab.domain.gates import InstallRule
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.registry import Holder, Registry, Slot
from preamblelab.errors import RegistryError, SpecError
from tests.decision.gates import CHALLENGER, CHAMPION, observed, policy

AT = "2026-11-28T13:00:00Z"


def flat(value):
    return lambda category, task, repetition: value


@pytest.fixture
def registry():
    known = with_holders(Registry(), CHAMPION, CHALLENGER)
    return known.model_copy(update={"slots": {"chat": Slot(champion=CHAMPION.digest)}})


@pytest.fixture
def better():
    return decide(observed(flat(0.2), flat(0.8)), policy())


def test_a_promotion_moves_two_aliases_and_writes_history(registry, better):
    after = promoted(registry, better, CHALLENGER, at=AT, by="ci")
    slot = after.slot("chat")
    assert (slot.champion, slot.previous) == (CHALLENGER.digest, CHAMPION.digest)
    assert slot.version == 1
    (event,) = slot.history
    assert (event.kind, event.by, event.decision) == ("promote", "ci", better.digest)
    assert Registry.model_validate(after.model_dump(by_alias=True)) == after


def test_g17_a_champion_that_moved_during_the_run_refuses_the_promotion(registry, better):
    other = Holder.of_model(ModelSpec(id="openai/third", name="third"))
    moved = with_holders(
        registry.model_copy(update={"slots": {"chat": Slot(champion=other.digest)}}), other
    )
    with pytest.raises(RegistryError, match=r"changed from old@\w+ to third@\w+ during"):
        promoted(moved, better, CHALLENGER, at=AT)


def test_a_decision_is_applied_once_and_to_its_own_challenger(registry, better):
    after = promoted(registry, better, CHALLENGER, at=AT)
    with pytest.raises(SpecError, match="already holds"):
        promoted(after, better, CHALLENGER, at=AT)
    edited = Holder.of_model(ModelSpec(id="openai/new", name="new", settings={"top_p": 0.5}))
    with pytest.raises(SpecError, match="decide anew"):
        promoted(registry, better, edited, at=AT)
    with pytest.raises(SpecError, match="nothing is applied"):
        promoted(registry, replace(better, outcome="keep"), CHALLENGER, at=AT)


def test_a_vacant_slot_is_installed_not_promoted():
    decision = decide(observed(None, flat(0.8)), policy(install=InstallRule(overall=0.7)))
    after = promoted(Registry(), decision, CHALLENGER, at=AT)
    assert after.slot("chat").history[0].kind == "install"
    assert after.slot("chat").previous is None


def test_a_rollback_puts_the_previous_holder_back_and_can_be_undone(registry, better):
    after = promoted(registry, better, CHALLENGER, at=AT)
    back = rolled_back(after, "chat", at=AT, by="me", reason="complaints")
    assert back.champion("chat") == CHAMPION
    assert [event.kind for event in back.slot("chat").history] == ["promote", "rollback"]
    assert rolled_back(back, "chat", at=AT).champion("chat") == CHALLENGER
    with pytest.raises(SpecError, match="no previous holder"):
        rolled_back(registry, "chat", at=AT)
    with pytest.raises(SpecError, match="no slot 'caht' in the registry; there are: chat"):
        rolled_back(registry, "caht", at=AT)


def test_every_decision_is_counted_once_and_moves_nobody(registry, better):
    once = recorded(registry, better)
    assert recorded(once, better) == once
    assert len(once.slot("chat").attempts) == 1
    assert once.slot("chat").version == registry.slot("chat").version
    resumed = recorded(once, replace(better, outcome="keep"))
    assert [each.outcome for each in resumed.slot("chat").attempts] == ["keep"]


def test_who_holds_a_slot_already_is_adopted_once_and_measured_never():
    after = adopted(Registry(), "chat", CHAMPION, at=AT, by="me")
    assert after.champion("chat") == CHAMPION
    assert "nothing was measured" in after.slot("chat").history[0].reason
    with pytest.raises(SpecError, match="is held by old@"):
        adopted(after, "chat", CHALLENGER, at=AT)
