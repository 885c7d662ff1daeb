"""Runs are replicates only where nothing that decides what they measure differs."""

import pytest

from preamblelab.decision.replication import RunManifest, manifest_of, replicates
from preamblelab.domain.models import ModelSpec
from preamblelab.errors import SpecError
from tests.lab.plans import experiment


def run(
    name: str, *, temperature: float = 0.7, models: tuple[str, ...] = ("a", "b", "c"), **changes
):
    specs = tuple(
        ModelSpec(id=f"openai/{m}", name=m, size="mid", settings={"temperature": t, "seed": 5})
        for m, t in ((m, temperature if m == "a" else 0.7) for m in models)
    )
    return manifest_of(name, experiment(None, name=name, models=specs, **changes))


def test_another_seed_name_question_and_budget_leave_replicates():
    runs = [run("r1", seed=1), run("r2", seed=2, question="Again?"), run("r3", seed=3)]
    found = replicates(runs)
    assert found.replicates
    assert found.group == ("r1", "r2", "r3")
    assert len({each.digest for each in runs}) == 1
    assert found.sentences == ("3 runs with equal manifests: r1, r2, r3.",)


def test_one_changed_profile_is_named_and_the_other_models_still_repeat():
    """Three runs of which one sampled one model otherwise."""
    found = replicates([run("r1", temperature=0.0), run("r2"), run("r3")])
    assert not found.replicates
    assert found.differences[0].sentence == (
        "models.a.settings.temperature is 0.0 in r1 and 0.7 in r2"
    )
    assert found.arms == ("b", "c")
    assert found.group == ("r1", "r2", "r3")
    assert found.left_out == {"a": "settings.temperature is 0.0 in r1 and 0.7 in r2"}
    assert found.sentences[0].startswith("NOT REPLICATES")


def test_another_judge_or_suite_splits_the_runs_and_the_larger_group_is_taken():
    first = run("r1", judgements=3)
    found = replicates([first, run("r2"), run("r3")])
    assert found.group == ("r2", "r3")
    assert {each.field for each in found.differences} == {"judgements"}
    assert "r2 and r3 repeat each other for 3 of 3 arms" in " ".join(found.sentences)


def test_a_model_that_one_run_lacks_is_left_out_and_said():
    """Edge cases: a replicate lacks an arm; an arm was added later."""
    found = replicates([run("r1"), run("r2", models=("a", "b", "c", "late"))])
    assert found.arms == ("a", "b", "c")
    assert found.left_out == {"late": "r1 lacks it"}
    assert found.differences[0].one == "nothing"
    # A line of its own, and the findings are over the arms that both have.
    assert "late is left out: r1 lacks it." in found.sentences
    assert "r1 and r2 repeat each other for 3 of 4 arms" in " ".join(found.sentences)


def test_other_weights_behind_the_same_tag_are_another_arm():
    plan = experiment(None, models=(ModelSpec(id="openai/a", name="a"),))
    runs = [manifest_of(f"r{n}", plan, weights={"a": f"sha256:{n}"}) for n in (1, 2)]
    assert [each.field for each in replicates(runs).differences] == ["models.a.weights"]


def test_what_a_finding_rests_on_changes_with_its_own_category_only():
    common = {"suite": {"talk": {"t1": "b2:1"}, "code": {"c1": "b2:2"}}, "rubric": "b2:9"}
    arms = {"a": {"id": "x/a"}, "b": {"id": "x/b"}}
    before = RunManifest(run="r", common=common, arms=arms)
    suite = {**common["suite"], "code": {"c1": "b2:3"}}
    after = RunManifest(run="r", common={**common, "suite": suite}, arms=arms)
    assert before.basis("talk", ["a"]) == after.basis("talk", ["a"])
    assert before.basis("code", ["a"]) != after.basis("code", ["a"])
    judged = RunManifest(run="r", common={**common, "rubric": "b2:8"}, arms=arms)
    assert before.basis("talk", ["a"]) != judged.basis("talk", ["a"])


def test_one_run_repeats_nothing():
    assert replicates([run("r1")]).sentences == ("One run: r1.",)


def test_no_run_and_a_run_named_twice_are_refused():
    with pytest.raises(SpecError, match="got: none"):
        replicates([])
    with pytest.raises(SpecError, match="each once"):
        replicates([run("r1"), run("r1")])
