"""From a plan to requests: settings, seeds, addresses, and texts that are not there."""

from typing import Any

import pytest

from preamblelab.domain.experiments import Experiment
from preamblelab.domain.facts import ModelFacts
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.preambles import Preamble
from preamblelab.domain.rubrics import Dimension, Rubric
from preamblelab.domain.tasks import Suite, Task
from preamblelab.lab.planning import Plan, TextlessError, refuse_textless, settings_of

LONG = Task(name="long", prompt="x" * 1000, max_tokens=500)
SHORT = Task(name="short", prompt="y")


def experiment(**fields: Any) -> Experiment:
    return Experiment(
        **{
            "name": "e",
            "models": (ModelSpec(id="openai/m", name="m"),),
            "variants": ("p",),
            "preambles": {"p": Preamble(name="p", text="Be careful.", sizes={"tiny": "Care."})},
            "suite": Suite(name="s", tasks=(SHORT, LONG)),
            "rubric": Rubric(name="r", dimensions=(Dimension(name="all", points=100),)),
            "repetitions": 2,
            **fields,
        }
    )


def plan(each: Experiment, size: Any = "mid", digest: str | None = None) -> Plan:
    facts = ModelFacts(model="m", size=size, digest=digest, family="qwen")
    return Plan(each, {model.name: facts for model in each.models})


@pytest.mark.parametrize(
    ("experiment_settings", "model_settings", "task", "expected"),
    [
        ({}, {}, SHORT, {}),
        ({"top_p": 0.5, "max_tokens": 900}, {}, SHORT, {"top_p": 0.5, "max_tokens": 900}),
        ({"temperature": 0.5}, {"temperature": 1}, SHORT, {"temperature": 1}),
        ({"max_tokens": 900}, {}, LONG, {"max_tokens": 500}),
        ({"max_tokens": 100}, {}, LONG, {"max_tokens": 100}),
        ({}, {}, LONG, {"max_tokens": 500}),
        # A server that knows both names refuses both together.
        ({"max_tokens": 900}, {"num_predict": 700}, SHORT, {"num_predict": 700}),
        ({"max_tokens": 900}, {"max_completion_tokens": 7}, LONG, {"max_completion_tokens": 7}),
        ({}, {"max_completion_tokens": 700}, LONG, {"max_completion_tokens": 500}),
    ],
)  # fmt: skip
def test_a_models_word_goes_before_the_experiments_and_a_tasks_limit_below_both(
    experiment_settings, model_settings, task, expected
):
    model = ModelSpec(id="openai/m", settings=model_settings)
    each = experiment(models=(model,), settings=experiment_settings)
    assert settings_of(each, model, task, 1) == expected


def test_a_seed_moves_with_the_repetition_and_comes_unasked_only_in_this_process():
    hosted, seeded, simulated = (
        ModelSpec(id="openai/m"),
        ModelSpec(id="openai/n", settings={"seed": 10}),
        ModelSpec(id="sim/mid-4b"),
    )
    each = experiment(models=(hosted, seeded, simulated), seed=7)
    assert "seed" not in settings_of(each, hosted, SHORT, 3)
    assert [settings_of(each, seeded, SHORT, n)["seed"] for n in (1, 2, 3)] == [10, 11, 12]
    assert [settings_of(each, simulated, SHORT, n)["seed"] for n in (1, 2, 3)] == [7, 8, 9]


def test_every_trial_is_named_and_addressed_by_what_is_sent():
    made = plan(experiment())
    trials = list(made.trials())
    assert [trial.ordinal for trial in trials] == list(range(8))
    assert len({trial.response_key for trial in trials}) == 8
    for trial in trials:
        assert made.request(trial).key == trial.response_key
        assert (trial.size, trial.family) == ("mid", "qwen")
    parts = {trial.variant: trial.part for trial in trials}
    assert parts == {"baseline": "", "p": "common"}


def test_the_text_for_the_models_size_is_sent_and_a_digest_changes_every_address():
    tiny = plan(experiment(), size="tiny")
    sent = {str(m["content"]) for t in tiny.trials() for m in tiny.request(t).messages}
    assert "Care." in sent
    assert "Be careful." not in sent
    keys = [
        {trial.response_key for trial in plan(experiment(), digest=digest).trials()}
        for digest in (None, "one", "two")
    ]
    assert not keys[0] & keys[1]
    assert not keys[1] & keys[2]


def test_the_plans_address_changes_with_what_is_known_of_its_models():
    digests = {
        plan(experiment()).digest,
        plan(experiment(), size="tiny").digest,
        plan(experiment(), digest="one").digest,
        plan(experiment(repetitions=3)).digest,
    }
    assert len(digests) == 4
    assert plan(experiment()).digest == plan(experiment(question="Why?")).digest


def test_the_longest_prompt_is_that_of_the_longest_arm_and_task():
    assert plan(experiment()).longest_prompt("m") == 1000 + len("Be careful.")


def test_a_model_without_a_text_is_refused_by_name():
    only = {"p": Preamble(name="p", sizes={"tiny": "Care."})}
    with pytest.raises(
        TextlessError, match=r"'m' under 'p': .* no text for size unknown"
    ) as caught:
        plan(experiment(preambles=only), size="unknown")
    assert caught.value.place == 0
    refuse_textless(experiment(preambles=only), {})
