"""Weights behind a moving tag are part of who holds a slot, where an engine tells them."""

import pytest

from preamblelab.decision.gate import decide
from preamblelab.domain.facts import ModelFacts
from preamblelab.domain.gates import InstallRule
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.registry import Holder
from preamblelab.errors import SpecError
from preamblelab.execution import servers
from preamblelab.lab.gating.commands import adopt
from preamblelab.lab.gating.home import Home
from preamblelab.lab.gating.runs import run_gate
from preamblelab.lab.gating.weights import with_weights
from preamblelab.store.registry_file import read_registry
from tests.lab.test_gating import GATE, NOW, World, gate_file, plan, weak

OLD = ModelSpec(id="ollama_chat/old:latest", name="old")
NEW = ModelSpec(id="ollama_chat/new:latest", name="new")


@pytest.fixture
def served(monkeypatch):
    """What the engine says by id; changed by a pull."""
    digests = {OLD.id: "sha256:1", NEW.id: "sha256:2"}

    async def told(spec):
        found = digests.get(spec.id)
        return None if found is None else ModelFacts(model=spec.id, digest=found)

    monkeypatch.setattr(servers, "facts_from_server", told)
    return digests


def test_who_is_adopted_and_who_challenges_have_their_weights(tmp_path, served):
    gate_file(tmp_path, GATE)
    home = tmp_path / "gates"
    holder = adopt(tmp_path / "gate.yaml", model=OLD.id, home=home)
    assert holder.content["weights"] == "sha256:1"
    assert read_registry(Home(folder=home).registry).champion("chat").digest == holder.digest
    made = with_weights(plan(champion=holder, challenger=Holder.of_model(NEW)))
    assert made.challenger.content["weights"] == "sha256:2"
    assert made.weights_changed == ""


def test_a_pull_behind_the_champions_tag_is_told_with_the_decision(tmp_path, served):
    """What answers by its name now is asked; that it is not what took the slot is said."""
    champion = Holder.of_model(OLD, weights="sha256:1")
    served[OLD.id] = "sha256:9"
    made = with_weights(plan(champion=champion, challenger=Holder.of_model(NEW)))
    home = Home(folder=tmp_path / "gates")
    done = run_gate(made, home, client=World(old=weak), now=NOW)
    rule = next(each for each in done.decision.rules if each.name == "weights")
    assert "sha256:1 then, sha256:9 now" in rule.words
    assert (rule.said, done.decision.outcome) == ("info", "promote")
    assert done.decision.champion_digest == champion.digest


def test_the_champion_with_other_weights_behind_its_tag_cannot_challenge_itself(served):
    """One server has one of them at a time: both would be asked of the same."""
    champion = Holder.of_model(OLD, weights="sha256:1")
    made = plan(
        champion=champion, challenger=Holder.of_model(OLD), install=InstallRule(overall=0.5)
    )
    with pytest.raises(SpecError, match="the challenger is the champion"):
        decide(made.without_rows("r", NOW), made.policy)


def test_two_tags_of_one_model_are_no_comparison_unless_they_are_asked_otherwise(served):
    champion = Holder.of_model(OLD, weights="sha256:1")
    served[NEW.id] = "sha256:1"
    with pytest.raises(SpecError, match=r"one model by their server \(sha256:1\)"):
        with_weights(plan(champion=champion, challenger=Holder.of_model(NEW)))
    warm = NEW.model_copy(update={"settings": {"temperature": 1.0}})
    careful = Holder.of_model(NEW, variant="careful", text="Care.")
    for challenger in (Holder.of_model(warm), careful):
        made = with_weights(plan(champion=champion, challenger=challenger))
        assert made.challenger.content["weights"] == "sha256:1"


def test_a_model_whose_weights_nobody_tells_stays_as_it_was(served):
    hosted = Holder.of_model(ModelSpec(id="openai/gpt", name="gpt"))
    served.clear()
    made = with_weights(plan(champion=Holder.of_model(OLD), challenger=hosted))
    assert made.challenger == hosted
    assert made.weights_changed == ""
