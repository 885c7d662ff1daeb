"""A task's verifiers together: found by name, averaged, missing when one is missing."""

import pytest

from preamblelab.domain.experiments import Experiment
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Response
from preamblelab.domain.rubrics import Criterion, Dimension, Rubric
from preamblelab.domain.tasks import Suite, Task
from preamblelab.errors import SpecError
from preamblelab.scoring.grader import check_rating
from preamblelab.scoring.marking import marking_of
from preamblelab.scoring.verifiers.catalogue import (
    VERIFIERS,
    VERIFIERS_VERSION,
    verifiers_scorer,
    verify,
)
from tests.scoring.verifiers.answers import GOLDEN

TASK = Task.model_validate(
    {
        "name": "capital",
        "prompt": "What is the capital of Norway?",
        "verify": [{"contains": "Oslo"}, {"constraints": ["no_commas", "quoted"]}],
    }
)
HUNG = {"regex": {"pattern": "(a|aa)+$", "seconds": 0.01}}
RUBRIC = Rubric(
    name="verified",
    dimensions=(
        Dimension(
            name="right",
            points=100,
            criteria=(Criterion(points=100, text="all is right", check="verifiers"),),
        ),
    ),
)


def experiment(*tasks: Task) -> Experiment:
    return Experiment(
        name="e",
        models=(ModelSpec(id="sim/tiny-1b"),),
        variants=("careful",),
        preambles={"careful": {"name": "careful", "text": "Think."}},  # type: ignore[dict-item]
        suite=Suite(name="s", tasks=tasks),
        rubric=RUBRIC,
    )


def test_a_task_is_verified_by_each_of_its_verifiers_in_order():
    found = verify(TASK, Response(text="It is Oslo"))
    assert [(each.verifier, each.share) for each in found] == [
        ("contains", 1),
        ("constraints", 0.5),
    ]


def test_a_criterion_is_marked_by_the_mean_share():
    marking = marking_of(experiment(TASK))
    rating = check_rating(marking, "right", 0, TASK, Response(text="It is Oslo"))
    assert rating.points == 75
    assert any(line.startswith("constraints: broken") for line in rating.evidence)


def test_one_missing_share_makes_the_points_missing_with_the_reason():
    task = TASK.model_copy(update={"verify": (*TASK.verify, *Task.model_validate(
        {"name": "x", "prompt": "x", "verify": [HUNG]}).verify)})  # fmt: skip
    marking = marking_of(experiment(task))
    rating = check_rating(marking, "right", 0, task, Response(text="a" * 3_000 + "!"))
    assert rating.points is None
    assert rating.status == "crashed"
    assert "took longer than 0.01 s" in rating.reason


def test_an_answer_of_calls_alone_is_not_empty():
    written, response = GOLDEN["tool_calls"]
    task = Task.model_validate({"name": "t", "prompt": "Weather?", "verify": [written]})
    marking = marking_of(experiment(task))
    assert check_rating(marking, "right", 0, task, response).points == 100


def test_a_task_without_verifiers_is_refused_before_anything_is_asked():
    bare = Task(name="bare", prompt="Hello?")
    with pytest.raises(SpecError, match="task 'bare' of suite 's' has none"):
        marking_of(experiment(TASK, bare))


def test_the_marking_tells_versions_of_the_verifiers_apart(monkeypatch: pytest.MonkeyPatch):
    marking = marking_of(experiment(TASK))
    before = marking.digest
    assert marking.document["checks"]["verifiers"] == VERIFIERS_VERSION
    monkeypatch.setattr("preamblelab.scoring.marking.VERIFIERS_VERSION", "another")
    assert marking_of(experiment(TASK)).digest != before


def test_a_scorer_of_a_dimension_gives_the_same_share():
    scorer = verifiers_scorer("right")
    rating = scorer.rate(TASK, Response(text="It is Oslo"), RUBRIC.dimension("right"))
    assert (rating.scorer, rating.points) == ("verifiers", 75)


def test_every_verifier_is_found_by_the_kind_of_its_spec():
    assert all(name == each.name for name, each in VERIFIERS.items())
