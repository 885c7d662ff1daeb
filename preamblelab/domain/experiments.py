"""The plan: models × (baseline + variants) × tasks × repetitions, and the order of its trials."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from preamblelab.domain.base import Name, Spec, content_digest
from preamblelab.domain.claims import ClaimsSpec
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.preambles import BASELINE, NO_PREAMBLE, Preamble, Variant, parse_label
from preamblelab.domain.rubrics import Rubric
from preamblelab.domain.sizes import Size
from preamblelab.domain.tasks import Suite, Task
from preamblelab.errors import SpecError


class Budget(Spec):
    """Limits for the whole run, subjects and judges together; None is no limit."""

    usd: float | None = Field(default=None, ge=0)
    calls: int | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=None, ge=0)
    minutes: float | None = Field(default=None, gt=0)
    assume_usd_per_million_tokens: float | None = Field(default=None, ge=0)
    """The price to assume where none is known; without it a usd limit refuses such a model."""


RepetitionRule = Literal["fixed", "auto", "always-3", "seed"]
"""How repetitions are spent: as stated, where the verdict is open, three everywhere, or three
under 60 points, two up to 80 and one above."""

MOST_BY_RULE: Final = 3
"""Repetitions that a rule may spend on one cell."""


class Repetitions(NamedTuple):
    """How often a cell is asked at most, and by which rule."""

    most: int
    rule: RepetitionRule


def repetitions_of(written: int | str) -> Repetitions:
    """What `repetitions:` means: a number, or the name of a rule.

    Raises:
        SpecError: it is neither.
    """
    if isinstance(written, int):
        return Repetitions(written, "fixed")
    rules: dict[str, RepetitionRule] = {"auto": "auto", "always-3": "always-3", "seed": "seed"}
    if written not in rules:
        raise SpecError(f"repetitions: '{written}' is no number and no rule: {', '.join(rules)}")
    return Repetitions(MOST_BY_RULE, rules[written])


class Experiment(Spec):
    """A plan with everything it names already found."""

    name: Name
    question: str = ""
    models: tuple[ModelSpec, ...] = Field(min_length=1)
    baseline: str = BASELINE
    """`baseline` (no system message), or the label of an incumbent."""
    variants: tuple[str, ...] = ()
    """Labels `name[:size][+clause]`, clauses already crossed; at least one, or `pairs`."""
    pairs: tuple[tuple[str, str], ...] = ()
    """Model and variant of the only arms that are asked, side by side on every task; none: every
    model is asked under every arm, one model after the other."""
    by_pass: bool = False
    """Whether `pairs` change after each pass over the tasks, not after each task: for an engine
    that would have to load other weights each time."""
    preambles: Mapping[str, Preamble] = Field(default_factory=dict)
    suite: Suite
    rubric: Rubric
    scorers: tuple[str, ...] = ("text",)
    """`text`, `judge/ID`, `module:name`."""
    judges: Mapping[str, ModelSpec] = Field(default_factory=dict)
    """How the judges among the scorers are reached, by what stands behind `judge/`."""
    judgements: int = Field(default=1, ge=1, le=25)
    """How often each judge marks each answer."""
    repetitions: int = Field(default=1, ge=1, le=1000)
    """How often a cell is asked; under a rule, at most."""
    repetition_rule: RepetitionRule = "fixed"
    until_decided: bool = False
    """Whether a model and variant get no more calls once planned looks have settled them."""
    margin: float = Field(default=5.0, gt=0, le=100)
    """The smallest effect that matters, in points."""
    settings: Mapping[str, Any] = Field(default_factory=dict)
    """Settings of every model that does not set its own: temperature, max_tokens, ..."""
    budget: Budget = Budget()
    seed: int = 0
    """Draws the order of trials; sent to models only where a model's settings say so."""
    delivery: bool = True
    """Whether each model is probed before its first trial: does a preamble reach it?"""
    warm_up: bool = True
    """Whether each model gets one call that is dropped before its first trial."""
    allow_unsafe: bool = False
    """Whether answers are run without isolation where no sandbox holds; the report says so."""
    claims: ClaimsSpec | None = None
    """Published sentences that a report checks."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _refuse_doubles("models", [model.name for model in self.models])
        _refuse_doubles("variants", list(self.variants))
        for label in (self.baseline, *self.variants):
            parts = parse_label(label)
            if parts.name != BASELINE and parts.name not in self.preambles:
                known = ", ".join(sorted(self.preambles)) or "none"
                raise ValueError(f"no preamble named '{parts.name}'; known: {known}")
        if not (self.variants or self.pairs):
            raise ValueError("variants: nothing would be compared with the baseline; name one")
        known_models = {model.name for model in self.models}
        for model, label in self.pairs:
            if model not in known_models or label not in self.arms:
                raise ValueError(f"the pair '{model}' under '{label}' is no arm of the experiment")
        if self.baseline in self.variants:
            raise ValueError(f"'{self.baseline}' is both the baseline and a variant")
        if self.until_decided and self.repetition_rule in {"always-3", "seed"}:
            raise ValueError(
                f"'until_decided' and repetitions: {self.repetition_rule} exclude each other; "
                "keep one"
            )
        return self

    @property
    def stops_early(self) -> bool:
        """Whether a recorded plan of looks says what is asked."""
        return self.until_decided or self.repetition_rule == "auto"

    @property
    def arms(self) -> tuple[str, ...]:
        """Labels of all arms, the baseline first."""
        return (self.baseline, *self.variants)

    def variant(self, label: str, size: Size) -> Variant:
        """The text of an arm for a model of this size.

        Raises:
            SpecError: no preamble of the experiment has such a text.
        """
        parts = parse_label(label)
        if parts.name == BASELINE:
            return NO_PREAMBLE
        return self.preambles[parts.name].variant(parts, size)

    @property
    def digest(self) -> str:
        """The address of the whole plan, budget and question apart."""
        # An experiment without pairs keeps the address it had before there were any.
        newer = set() if self.pairs else {"pairs", "by_pass"}
        dump = self.model_dump(mode="json", exclude={"budget", "question", "claims"} | newer)
        if not self.allow_unsafe:
            del dump["allow_unsafe"]  # a plan without it keeps the address that it had before
        dump["suite"]["tasks"] = [task.document() for task in self.suite.tasks]
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
    if experiment.pairs:
        yield from _plan_pairs(experiment, sizes)
        return
    for model in experiment.models:
        yield from plan_model(experiment, model, sizes[model.name])


def _plan_pairs(experiment: Experiment, sizes: Mapping[str, Size]) -> Iterator[Trial]:
    """The trials of the pairs: the same tasks in the same hour, no pair always first."""
    models = {model.name: model for model in experiment.models}
    for repetition in range(1, experiment.repetitions + 1):
        draw = random.Random(f"{experiment.seed}/pairs/{repetition}")  # noqa: S311
        tasks = draw.sample(experiment.suite.tasks, len(experiment.suite.tasks))
        if experiment.by_pass:
            order = draw.sample(experiment.pairs, len(experiment.pairs))
            places = [(pair, task) for pair in order for task in tasks]
        else:
            places = [
                (pair, task)
                for task in tasks
                for pair in draw.sample(experiment.pairs, len(experiment.pairs))
            ]
        for (name, label), task in places:
            variant = experiment.variant(label, sizes[name])
            yield Trial(models[name], variant, task, repetition)


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
