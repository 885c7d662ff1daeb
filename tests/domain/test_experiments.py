"""The plan: which trials, in which order, under which address."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from preamblelab.domain.experiments import Budget, Experiment, plan
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.preambles import Preamble
from preamblelab.domain.rubrics import Dimension, Rubric
from preamblelab.domain.tasks import Suite, Task
from preamblelab.errors import SpecError


def experiment(**fields: Any) -> Experiment:
    count = fields.pop("tasks", 3)
    tasks = tuple(Task(name=f"t{n}", prompt=f"Solve {n}.") for n in range(count))
    return Experiment(
        **{
            "name": "e",
            "models": (ModelSpec(id="sim/a", name="a"), ModelSpec(id="sim/b", name="b")),
            "variants": ("careful", "careful+brevity"),
            "preambles": {
                "careful": Preamble(name="careful", text="Care.", clauses={"brevity": "Brief."})
            },
            "suite": Suite(name="s", tasks=tasks),
            "rubric": Rubric(name="r", dimensions=(Dimension(name="all", points=100),)),
            **fields,
        }
    )


def order(each: Experiment) -> list[tuple[str, str, str, int]]:
    sizes: Any = {model.name: "mid" for model in each.models}
    return [(t.model.name, t.variant.label, t.task.name, t.repetition) for t in plan(each, sizes)]


@given(tasks=st.integers(1, 5), repetitions=st.integers(1, 4), seed=st.integers(0, 99))
@settings(max_examples=30)
def test_every_cell_comes_once_and_the_arms_of_a_task_stand_together(tasks, repetitions, seed):
    trials = order(experiment(tasks=tasks, repetitions=repetitions, seed=seed))
    assert len(set(trials)) == len(trials) == 2 * 3 * tasks * repetitions
    for start in range(0, len(trials), 3):
        block = trials[start : start + 3]
        assert len({(model, task, repetition) for model, _, task, repetition in block}) == 1
        assert len({variant for _, variant, *_ in block}) == 3


PAIRS = (("a", "baseline"), ("b", "careful"))


def test_pairs_stand_side_by_side_on_every_task_and_none_is_always_first():
    trials = order(experiment(pairs=PAIRS, tasks=4, repetitions=50))
    assert len(set(trials)) == len(trials) == 2 * 4 * 50
    firsts = Counter()
    for one, other in zip(trials[::2], trials[1::2], strict=True):
        assert one[2:] == other[2:], "the same task and repetition"
        assert {one[:2], other[:2]} == set(PAIRS)
        firsts[one[0]] += 1
    assert 70 < firsts["a"] < 130
    assert {task for _, _, task, _ in trials[:8:2]} == {"t0", "t1", "t2", "t3"}


def test_pairs_by_pass_change_the_model_once_a_pass():
    trials = order(experiment(pairs=PAIRS, by_pass=True, tasks=4, repetitions=2))
    models = [model for model, *_ in trials]
    assert [len(set(models[start : start + 4])) for start in (0, 4, 8, 12)] == [1, 1, 1, 1]
    assert set(models[:8]) == set(models[8:]) == {"a", "b"}


def test_an_experiment_without_pairs_keeps_its_address():
    assert experiment().digest == experiment(by_pass=True).digest
    assert experiment().digest != experiment(pairs=PAIRS).digest


def test_no_arm_is_always_first_and_the_order_is_drawn_from_the_seed():
    trials = order(experiment(tasks=1, repetitions=300))
    first = Counter(variant for _, variant, *_ in trials[:900:3])
    assert set(first) == {"baseline", "careful", "careful+brevity"}
    assert min(first.values()) > 60, "each about 100 times of 300"
    assert order(experiment(seed=1)) == order(experiment(seed=1))
    assert order(experiment(seed=1)) != order(experiment(seed=2))


def test_a_longer_plan_begins_with_the_shorter_one():
    of_model = {
        count: [trial for trial in order(experiment(repetitions=count)) if trial[0] == "a"]
        for count in (2, 5)
    }
    assert of_model[5][: len(of_model[2])] == of_model[2]


def test_the_baseline_sends_no_system_message_and_an_incumbent_does():
    trials = list(plan(experiment(tasks=1), {"a": "mid", "b": "mid"}))
    roles = {t.variant.label: [m["role"] for m in t.messages] for t in trials}
    assert roles["baseline"] == ["user"]
    assert roles["careful"] == ["system", "user"]
    incumbent = experiment(baseline="careful", variants=("careful+brevity",), tasks=1)
    assert {label for _, label, *_ in order(incumbent)} == {"careful", "careful+brevity"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"variants": ("careful", "careful")}, "variants names 'careful' twice"),
        ({"variants": ("baseline",)}, "both the baseline and a variant"),
        ({"variants": ("brief",)}, "no preamble named 'brief'; known: careful"),
        ({"variants": ("careful:small",)}, "no size 'small'"),
        ({"variants": ()}, "nothing would be compared"),
        ({"pairs": (("a", "brief"),)}, "is no arm"),
        ({"models": (ModelSpec(id="sim/a"), ModelSpec(id="sim/a"))}, "names 'sim/a' twice"),
        ({"repetitions": 0}, "greater than or equal to 1"),
        ({"judgements": 26}, "less than or equal to 25"),
        ({"sclae": 1}, "Extra inputs"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(fields, words):
    with pytest.raises(ValidationError, match=words):
        experiment(**fields)


def test_an_arm_without_a_text_is_an_error_of_ours():
    with pytest.raises(SpecError, match="no clause 'polite'"):
        experiment().variant("careful+polite", "mid")


def test_the_address_changes_with_what_is_asked_and_not_with_the_budget():
    plain = experiment()
    assert plain.digest == experiment(budget=Budget(usd=3), question="Why?").digest
    changed = [
        experiment(seed=1),
        experiment(repetitions=2),
        experiment(settings={"temperature": 1}),
        experiment(tasks=2),
        experiment(baseline="careful", variants=("careful+brevity",)),
    ]
    assert len({plain.digest, *(each.digest for each in changed)}) == 6


def test_the_order_of_a_tasks_files_is_part_of_what_is_asked():
    """It is part of the prompt: a changed prompt must not be answered from the old one."""
    files = {"b.py": "two", "a.py": "one"}
    one, other = (
        Task(name="t", prompt="Read.", files=dict(order))
        for order in (files.items(), reversed(files.items()))
    )
    assert one.turns() != other.turns()
    assert one.digest != other.digest
    suites = [Suite(name="s", tasks=(task,)) for task in (one, other)]
    assert experiment(suite=suites[0]).digest != experiment(suite=suites[1]).digest
