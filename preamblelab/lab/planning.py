"""From an experiment to planned trials and the requests that answer them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from preamblelab.domain.base import content_digest
from preamblelab.domain.experiments import Experiment, Trial, plan
from preamblelab.domain.facts import ModelFacts
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request
from preamblelab.domain.sizes import Size
from preamblelab.domain.tasks import Task
from preamblelab.errors import SpecError
from preamblelab.execution.gateway import endpoint_of, limit_name
from preamblelab.execution.settings import sent_settings
from preamblelab.library import experiment_document
from preamblelab.store import PlannedTrial, Store

PLAN_VERSION = 1
"""Changes when the same experiment would be planned otherwise."""


@dataclass(slots=True)
class Plan:
    """An experiment with what is known about its models."""

    experiment: Experiment
    facts: Mapping[str, ModelFacts]
    """By model name."""
    _models: dict[str, ModelSpec] = field(default_factory=dict)
    _tasks: dict[str, Task] = field(default_factory=dict)
    _messages: dict[tuple[str, str, str], tuple[Mapping[str, Any], ...]] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        self._models = {model.name: model for model in self.experiment.models}
        self._tasks = {task.name: task for task in self.experiment.suite.tasks}
        refuse_textless(self.experiment, {name: each.size for name, each in self.facts.items()})

    @property
    def digest(self) -> str:
        """Changes when any trial would be asked otherwise."""
        known = {name: [facts.size, facts.digest] for name, facts in self.facts.items()}
        return content_digest([PLAN_VERSION, self.experiment.digest, known])

    def trials(self) -> Iterator[PlannedTrial]:
        """All trials in the order in which they are asked."""
        sizes = {name: facts.size for name, facts in self.facts.items()}
        task_digests = {name: task.digest for name, task in self._tasks.items()}
        for ordinal, trial in enumerate(plan(self.experiment, sizes)):
            facts = self.facts[trial.model.name]
            yield PlannedTrial(
                ordinal=ordinal,
                model=trial.model.name,
                size=facts.size,
                family=facts.family,
                variant=trial.variant.label,
                part=trial.variant.part,
                version=trial.variant.version,
                task=trial.task.name,
                task_digest=task_digests[trial.task.name],
                category=trial.task.category,
                cluster=trial.task.cluster,
                repetition=trial.repetition,
                response_key=self._request(trial).key,
                simulated=trial.model.simulated,
            )

    def request(self, planned: PlannedTrial) -> Request:
        """What is sent for a planned trial."""
        return self._request(self.trial(planned))

    def trial(self, planned: PlannedTrial) -> Trial:
        """The trial behind its names."""
        model = self._models[planned.model]
        size = self.facts[planned.model].size
        variant = self.experiment.variant(planned.variant, size)
        return Trial(model, variant, self._tasks[planned.task], planned.repetition)

    def _request(self, trial: Trial) -> Request:
        place = (trial.model.name, trial.variant.label, trial.task.name)
        if place not in self._messages:
            self._messages[place] = trial.messages
        return Request(
            model=trial.model,
            messages=self._messages[place],
            settings=settings_of(self.experiment, trial.model, trial.task, trial.repetition),
            repetition=trial.repetition,
            digest=self.facts[trial.model.name].digest or "",
        )

    def longest_prompt(self, model: str) -> int:
        """Characters of the longest prompt that this model will get."""
        spec, size = self._models[model], self.facts[model].size
        variants = [self.experiment.variant(label, size) for label in self.experiment.arms]
        return max(
            sum(len(str(message["content"])) for message in Trial(spec, variant, task, 1).messages)
            for variant in variants
            for task in self._tasks.values()
        )


def refuse_textless(experiment: Experiment, sizes: Mapping[str, Size]) -> None:
    """Refuse a variant that has no text for a model of some size.

    Args:
        experiment: the plan.
        sizes: by model name; other models are not looked at.

    Raises:
        TextlessError: the message names model and variant.
    """
    for place, model in enumerate(experiment.models):
        for label in experiment.arms if model.name in sizes else ():
            try:
                experiment.variant(label, sizes[model.name])
            except SpecError as error:
                raise TextlessError(place, f"'{model.name}' under '{label}': {error}") from None


class TextlessError(SpecError):
    """A variant has no text for a model."""

    def __init__(self, place: int, message: str) -> None:
        super().__init__(message)
        self.place = place
        """The model's place among the experiment's, from 0."""


def settings_of(
    experiment: Experiment, model: ModelSpec, task: Task, repetition: int
) -> dict[str, Any]:
    """The settings of one call: the model's, else the experiment's; the task's limit and tools.

    A seed is raised by one with each repetition, so that repetitions differ and can be had again.
    Models that answer in this process always get one; others only when their settings name it.
    """
    settings: dict[str, Any] = {**experiment.settings, **model.settings}
    name = limit_name(settings)
    if name != "max_tokens":
        settings.pop("max_tokens", None)  # two limits are refused by those who know both
    if task.max_tokens is not None:
        settings[name] = min(task.max_tokens, settings.get(name, task.max_tokens))
    if task.tools:
        settings["tools"] = [dict(tool) for tool in task.tools]
    if model.id.startswith(("sim/", "replay/")):
        settings.setdefault("seed", experiment.seed)
    if isinstance(settings.get("seed"), int):
        settings["seed"] += repetition - 1
    return settings


def refuse_settings(experiment: Experiment) -> None:
    """Refuse settings that a model's server does not have, before anything is asked.

    Raises:
        ProviderError: a model cannot be asked at all.
        SpecError: a setting does not exist there, or would become another one.
    """
    task = experiment.suite.tasks[0]
    for model in experiment.models:
        settings = settings_of(experiment, model, task, 1)
        sent_settings(Request(model=model, messages=(), settings=settings))


def registered(experiment: Experiment, store: Store, facts: Mapping[str, ModelFacts]) -> Plan:
    """The plan, with its trials' names in the store."""
    plan = Plan(experiment, facts)
    if store.plan_digest(experiment.name) != plan.digest:
        store.register(
            experiment.name,
            digest=experiment.digest,
            document=experiment_document(experiment),
            trials=plan.trials(),
            plan_digest=plan.digest,
        )
        for model in experiment.models:
            store.put_facts(model.id, endpoint_of(model), facts[model.name])
    else:
        _claims_renewed(experiment, store)
    return plan


def _claims_renewed(experiment: Experiment, store: Store) -> None:
    """Published sentences change no trial, and may be written after a run."""
    stored = store.document(experiment.name)
    document = {**stored, "claims": experiment_document(experiment).get("claims")}
    if document["claims"] != stored.get("claims"):
        digest = store.plan_digest(experiment.name)
        assert digest is not None, "it was registered with this plan"
        store.register(
            experiment.name, digest=experiment.digest, document=document, trials=(),
            plan_digest=digest,
        )  # fmt: skip
