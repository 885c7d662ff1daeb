"""A plan as a JSON document: nothing is lost, whatever a store does with the order of keys."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preamblelab.domain.experiments import Experiment, plan
from preamblelab.errors import SpecError
from preamblelab.library import experiment_document, experiment_from_document, load_experiment


def there_and_back(experiment: Experiment) -> Experiment:
    text = json.dumps(experiment_document(experiment), sort_keys=True)
    return experiment_from_document(json.loads(text))


def test_a_full_plan_comes_back_equal(project: Path, plan: str):
    text = plan.replace(
        "[gemma, big]",
        "[gemma, {id: a/b, parameters: 8, price: "
        "{input_usd_per_million: 1, output_usd_per_million: 2.5}, "
        "settings: {stop: [a, b], x: null}}]",
    )
    text += "brevity: [on, off]\nscorers: [text, judge/big]\nbudget: {usd: 1.5, minutes: 2}\n"
    text += "settings: {temperature: 0.1}\nseed: 9\ndelivery: off\n"
    (project / "experiments/x.yaml").write_text(text)
    experiment = load_experiment(project / "experiments/x.yaml")
    assert there_and_back(experiment) == experiment
    assert there_and_back(experiment).digest == experiment.digest


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    texts=st.dictionaries(
        st.text(min_size=1, max_size=5), st.text(max_size=20), min_size=2, max_size=4
    ),
    amount=st.floats(0, 1e9, exclude_min=True),
    seed=st.integers(-(2**63), 2**63),
)
def test_any_texts_and_numbers_come_back_and_ask_the_same(
    shipped: Experiment, texts: dict[str, str], amount: float, seed: int
):
    task = shipped.suite.tasks[0].model_copy(update={"files": texts})
    suite = shipped.suite.model_copy(update={"tasks": (task,)})
    budget = shipped.budget.model_copy(update={"usd": amount})
    experiment = shipped.model_copy(update={"suite": suite, "budget": budget, "seed": seed})
    back = there_and_back(experiment)
    assert back == experiment
    sizes = {model.name: "mid" for model in experiment.models}
    asked = [trial.messages for trial in plan(experiment, sizes)]  # type: ignore[arg-type]
    assert [trial.messages for trial in plan(back, sizes)] == asked  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def shipped() -> Experiment:
    """The shipped quickstart."""
    return load_experiment("quickstart")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "has format 2, and this version of preamblelab reads 1"),
        ({"format": None}, "has format None"),
        ({"repetitions": "3"}, "is damaged: repetitions: "),
        ({"repetition": 3}, "is damaged: repetition: "),
        ({"suite": None}, "is damaged: "),
        ({"suite": {"tasks": [{"files": 3}]}}, "is damaged: "),
    ],
)
def test_a_damaged_document_is_refused_in_one_line(
    shipped: Experiment, change: dict[str, Any], message: str
):
    with pytest.raises(SpecError) as caught:
        experiment_from_document({**experiment_document(shipped), **change})
    assert message in str(caught.value)
    assert "'quickstart'" in str(caught.value)
    assert "\n" not in str(caught.value)
