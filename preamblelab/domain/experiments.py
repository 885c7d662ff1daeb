"""The plan: models × (baseline + variants) × tasks × repetitions, and the order of its trials."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from pydantic import Field, model_validator

from preamblelab.domain.base import Name, Spec, content_digest
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.preambles import BASELINE, NO_PREAMBLE, Preamble, Variant, parse_label
from preamblelab.domain.rubrics import Rubric
from preamblelab.domain.sizes import Size
from preamblelab.domain.tasks import Suite, Task


class Budget(Spec):
    """Limits for the whole run, subjects and judges together; None is no limit."""

    usd: float | None = Field(default=None, ge=0)
    calls: int | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=None, ge=0)
    minutes: float | None = Field(default=None, gt=0)
    assume_usd_per_million_tokens: float | None = Field(default=None, ge=0)
    """The price to assume where none is known; without it a usd limit refuses such a model."""


class Experiment(Spec):
    """A plan with everything it names already found."""

    name: Name
    question: str = ""
    models: tuple[ModelSpec, ...] = Field(min_length=1)
    baseline: str = BASELINE
    """`baseline` (no system message), or the label of an incumbent."""
    variants: tuple[str, ...] = Field(min_length=1)
    """Labels `name[:size][+clause]`, clauses already crossed."""
    preambles: Mapping[str, Preamble] = Field(default_factory=dict)
    suite: Suite
    rubric: Rubric
    scorers: tuple[str, ...] = ("text",)
    """`text`, `judge/ID`, `module:name`."""
    judges: Mapping[str, ModelSpec] = Field(default_factory=dict)
    """How the judges among the scorers are reached, by litellm id."""
    judgements: int = Field(default=1, ge=1, le=25)
    """How often each judge marks each answer."""
    repetitions: int = Field(default=1, ge=1, le=1000)
    settings: Mapping[str, Any] = Field(default_factory=dict)
    """Settings of every model that does not set its own: temperature, max_tokens, ..."""
    budget: Budget = Budget()
    seed: int = 0
    """Draws the order of trials; sent to models only where a model's settings say so."""
    delivery: bool = True
    """Whether each model is probed before its first trial: does a preamble reach it?"""
    warm_up: bool = True
    """Whether each model gets one call that is dropped before its first trial."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _refuse_doubles("models", [model.name for model in self.models])
        _refuse_doubles("variants", list(self.variants))
        for label in (self.baseline, *self.variants):
            parts = parse_label(label)
            if parts.name != BASELINE and parts.name not in self.preambles:
                known = ", ".join(sorted(self.preambles)) or "none"
                raise ValueError(f"no preamble named '{parts.name}'; known: {known}")
        if self.baseline in self.variants:
            raise ValueError(f"'{self.baseline}' is both the baseline and a variant")
        return self

    @property
    def arms(self) -> tuple[str, ...]:
        """Labels of all arms, the baseline first."""
        return (self.baseline, *self.variants)

    def variant(self, label: str, size: Size) -> Variant:
        """The text of an arm for a model of this size."""
        parts = parse_label(label)
        if parts.name == BASELINE:
            return NO_PREAMBLE
        return self.preambles[parts.name].variant(parts, size)

    @property
    def digest(self) -> str:
        """The address of the whole plan, budget and question apart."""
        dump = self.model_dump(mode="json", exclude={"budget", "question"})
        return content_digest(dump)


def _refuse_doubles(what: str, names: list[str]) -> None:
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise ValueError(f"{what} names '{double[0]}' twice")


@dataclass(frozen=True, slots=True)
class Trial:
    """One request of the plan: a cell (model × variant × task) at one repetition."""

    model: ModelSpec
    variant: Variant
    task: Task
    repetition: int

    @property
    def messages(self) -> tuple[Mapping[str, Any], ...]:
        """What is sent: the preamble as system message, if there is one, then the task."""
        turns = self.task.turns()
        if self.variant.text is None:
            return tuple(turns)
        return ({"role": "system", "content": self.variant.text}, *turns)


def plan(experiment: Experiment, sizes: Mapping[str, Size]) -> Iterator[Trial]:
    """All trials of an experiment in the order in which they are asked.

    Within a model, whole passes over the tasks come one after the other; in each pass the tasks
    are shuffled, and for each task the arms are: no arm is always first, and an engine that warms
    up, cools down or changes during the run does so for all arms alike.

    Args:
        experiment: the plan.
        sizes: size of each model by its name.
    """
    for model in experiment.models:
        yield from plan_model(experiment, model, sizes[model.name])


def plan_model(experiment: Experiment, model: ModelSpec, size: Size) -> Iterator[Trial]:
    """The trials of one model, in their order; a longer plan begins with the shorter one."""
    variants = [experiment.variant(label, size) for label in experiment.arms]
    tasks = list(experiment.suite.tasks)
    for repetition in range(1, experiment.repetitions + 1):
        draw = random.Random(f"{experiment.seed}/{model.name}/{repetition}")  # noqa: S311
        draw.shuffle(tasks)
        for task in tasks:
            draw.shuffle(variants)
            for variant in variants:
                yield Trial(model, variant, task, repetition)
        tasks = list(experiment.suite.tasks)
        variants = [experiment.variant(label, size) for label in experiment.arms]
