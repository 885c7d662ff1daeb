"""From a stored experiment to a policy file: decisions, exceptions, versions, attempts."""

import json
from pathlib import Path
from typing import Any

import pytest

import preamblelab as pl
from preamblelab.cli import main
from preamblelab.decision.candidate_rules import PreambleRules
from preamblelab.errors import SpecError
from preamblelab.lab.proposing import policy_from, write_policy_from
from preamblelab.library.policies import load_policy_spec
from tests.lab.worlds import World, number

pytestmark = pytest.mark.whole

EFFECTS = {"a": 12.0, "b": 11.0, "c": 13.0, "d": -20.0}
FAMILY = {"a": "qwen", "b": "gemma", "c": "qwen", "d": "llama"}


def measured(store: Path, name: str = "e", *, world: World | None = None, **more: Any) -> None:
    asked = world or World(effects=EFFECTS)
    models = tuple(
        pl.ModelSpec(id=f"openai/{each}", name=each, parameters="7B", family=FAMILY[each])
        for each in asked.effects
    )
    plan = asked.experiment(
        **{"name": name, "models": models, "tasks": 15, "repetitions": 1, **more}
    )
    pl.run(plan, store, scorers=[number], client=asked)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    file = tmp_path / "s.db"
    measured(file)
    return file


def write(store: Path, source: str | None = "e", **more: Any) -> Any:
    options = {"rules": PreambleRules(), "days": 180, **more}
    return write_policy_from(source, store, store.parent / "policy.yaml", **options)


def test_an_experiment_becomes_a_policy_whose_text_a_model_gets(store: Path) -> None:
    write(store)
    policy = pl.load_policy(store.parent / "policy.yaml")
    found = policy.resolve("ollama_chat/qwen3:8b", task="a")
    assert (found.text, found.label, found.rung) == ("Think first.", "p", "size")
    assert found.evidence is not None
    assert found.evidence.tested == ("openai/a", "openai/b", "openai/c")
    hurt = policy.resolve("openai/d")
    assert (hurt.text, hurt.rung, hurt.abstained) == (None, "model", False)
    assert policy.resolve("ollama_chat/llama3.2:1b").abstained
    assert policy.spec.models["openai/a"].family == "qwen"


def test_every_entry_names_a_decision_that_lies_in_the_history(store: Path) -> None:
    proposal = write(store)
    folder = store.parent / "policy.history" / "decisions"
    for entry in proposal.policy.entries:
        kept = json.loads((folder / f"{entry.decision.removeprefix('b2:')}.json").read_text())
        assert kept["slot"].startswith("mid/")
    whole = next(d for d in proposal.decisions if d.slot == "mid/any")
    assert (whole.outcome, whole.exit_code, whole.exceptions) == ("promote", 0, {"d": "none"})
    assert whole.sentence.startswith("PROMOTE p@")
    assert whole.missing is not None
    assert whole.missing.coverage == 1.0
    assert {m.name for m in whole.measured} >= {"all tasks", "models like these", "model a"}


def test_the_same_experiment_decided_twice_writes_nothing_new(store: Path) -> None:
    first, second = write(store), write(store)
    assert first.policy.spec.document() == second.policy.spec.document()
    assert [d.digest for d in first.decisions] == [d.digest for d in second.decisions]


def test_trying_again_until_it_passes_is_counted(store: Path) -> None:
    write(store)
    measured(store, "again")
    again = write(store, "again")
    whole = next(d for d in again.decisions if d.slot == "mid/any")
    assert whole.attempt == 2
    assert whole.sentence.endswith("(2nd attempt)")
    assert all(d.attempt == 1 for d in write(store, "e").decisions)


def test_a_policy_is_continued_and_its_holder_must_be_asked(store: Path) -> None:
    write(store)
    other = pl.Preamble(name="q", text="Other words.")
    measured(store, "other", variants=("q",), preambles={"q": other})
    kept = write(store, "other")
    assert pl.load_policy(store.parent / "policy.yaml").resolve("groq/qwen3-8b").label == "p"
    assert any("was not asked" in r for d in kept.decisions for r in d.reasons)
    fresh = write(store, "other", fresh=True)
    assert fresh.policy.resolve("groq/qwen3-8b").label == "q"
    assert load_policy_spec(store.parent / "policy.yaml").version == fresh.policy.spec.version


def test_an_exception_outlives_newer_data_that_do_not_show_the_harm(store: Path) -> None:
    write(store)
    other = store.with_name("other.db")  # one store would give the answers that it has
    measured(other, "mild", world=World(effects={**EFFECTS, "d": 6.0}, seed=9))
    continued = write(other, "mild").policy
    assert continued.resolve("openai/a").label == "p"
    hurt = continued.resolve("openai/d")
    assert (hurt.text, hurt.entry.experiment) == (None, "e")
    assert write(other, "mild", fresh=True).policy.resolve("openai/d").label == "p"


def test_an_exception_goes_with_the_preamble_that_hurts(store: Path) -> None:
    write(store)
    both = {
        name: pl.Preamble(name=name, text=words)
        for name, words in (("p", "Think first."), ("q", "Better words."))
    }

    class Better(World):
        def __call__(self, trial: pl.Trial) -> Any:
            self.effects = dict.fromkeys(EFFECTS, 10.0 if trial.variant.label == "p" else 32.0)
            return super().__call__(trial)

    measured(
        store, "both", world=Better(effects=EFFECTS, seed=3), variants=("p", "q"), preambles=both
    )
    policy = write(store, "both").policy
    assert policy.resolve("openai/a").label == "q"
    assert policy.resolve("openai/d").label == "q"


def test_a_single_model_is_a_slot_of_its_own_where_asked_for(store: Path) -> None:
    other = store.with_name("other.db")
    mixed = World(effects={"a": 14.0, "b": -1.0, "c": 1.0, "d": 0.0}, seed=2)
    measured(other, "mixed", world=mixed)
    rules = PreambleRules(margin=6.0)
    assert write(other, "mixed", rules=rules).policy.resolve("openai/a").text is None
    alone = write(other, "mixed", rules=rules, single_models=True, fresh=True)
    found = alone.policy.resolve("openai/a")
    assert (found.label, found.rung) == ("p", "model")
    assert found.evidence is not None
    assert found.evidence.models == 1
    assert alone.policy.resolve("openai/b").text is None
    assert any(d.slot == "mid/any, model a" and d.outcome == "promote" for d in alone.decisions)


def test_what_cannot_become_a_policy_is_refused_in_one_line(store: Path) -> None:
    with pytest.raises(SpecError, match="a table of scores has none"):
        write(store, "scores.csv")
    looked = World(effects=EFFECTS)
    measured(store, "looked", world=looked, repetitions=2, until_decided=True)
    with pytest.raises(SpecError, match="stopped by looks"):
        policy_from(store, "looked")
    measured(
        store,
        "bare",
        baseline="p",
        variants=("q",),
        preambles={name: pl.Preamble(name=name, text=name) for name in "pq"},
    )
    with pytest.raises(SpecError, match="'bare' has no arm without a preamble"):
        policy_from(store, "bare")


def test_a_damaged_decision_in_the_history_is_named(store: Path) -> None:
    write(store)
    damaged = next((store.parent / "policy.history" / "decisions").iterdir())
    damaged.write_text("{")
    with pytest.raises(SpecError, match="this is no decision any more"):
        write(store)


def test_choose_writes_and_tells_and_refuses_what_is_for_single_models(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def call(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["preamblelab", "choose", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0)

    monkeypatch.chdir(store.parent)
    assert call("e", "--store", "s.db", "--write", "policy.yaml") == 0
    told = capsys.readouterr().out
    assert "mid/any" in told
    assert "PROMOTE p@" in told
    assert "policy.yaml: version 1" in told
    arguments = ("e", "--store", "s.db", "--write", "p2.yaml", "--format", "json", "--gain", "50")
    assert call(*arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert {d["outcome"] for d in document["decisions"]} == {"keep"}
    assert call("e", "--store", "s.db", "--write", "policy.yaml", "-m", "a") == 2
    assert "leave out --model" in capsys.readouterr().err
    assert call("e", "--store", "s.db", "--write", "policy.yaml", "--cautious", "0.9") == 2
    assert call("e", "--store", "s.db", "--gain", "5") == 2
    assert "terms of a policy: add --write policy.yaml" in capsys.readouterr().err
