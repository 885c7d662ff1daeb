"""What a run would ask and cost, without sending anything."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from preamblelab.domain.experiments import Experiment
from preamblelab.domain.facts import ModelFacts
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request
from preamblelab.domain.rubrics import Rubric
from preamblelab.domain.tasks import Suite
from preamblelab.execution.budget import refuse_unpriced
from preamblelab.execution.choose import client_for
from preamblelab.execution.delivery import static_findings
from preamblelab.execution.doors import refuse_unknown_simulated
from preamblelab.execution.gateway import (
    DEFAULT_ANSWER_TOKENS,
    answer_limit,
    endpoint_of,
    worst_case_tokens,
)
from preamblelab.execution.prices import price_of
from preamblelab.lab.planning import Plan, refuse_settings, settings_of
from preamblelab.scoring.marking import Marking, marking_of
from preamblelab.scoring.panel import INSTRUCTIONS, judge_request
from preamblelab.scoring.scorers import Scorer
from preamblelab.store import PlannedTrial, Store

ASKED_AT_MOST: Final = 2
"""Calls that one judgement may take: a verdict that cannot be read is asked for once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCheck:
    """What one model would get."""

    model: str
    size: str
    size_source: str
    way: str
    """`direct/openai`, `direct/ollama`, `litellm`."""
    trials: int
    hits: int
    """Trials that the store already answers."""
    calls: int
    """Trials that would be asked now, retries apart."""
    prompt_tokens: int
    """Estimate for those calls."""
    answer_tokens: int
    """The most they can have."""
    usd: float | None
    """The most they can cost; None when the price is unknown."""
    price_source: str
    simulated: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What a run would ask and cost."""

    experiment: str
    models: tuple[ModelCheck, ...]
    judges: tuple[ModelCheck, ...]
    probes: int
    """Calls of the delivery check, at most."""
    answer_limit_assumed: bool
    """No setting limits answers; the figures assume `DEFAULT_ANSWER_TOKENS`."""
    stops_early: bool = False
    """Whether looks or the seed rule may ask less than all trials."""

    @property
    def trials(self) -> int:
        """All trials of the plan."""
        return sum(each.trials for each in self.models)

    @property
    def hits(self) -> int:
        """Trials that the store already answers."""
        return sum(each.hits for each in self.models)

    @property
    def calls(self) -> int:
        """Calls to subjects and judges that a run would make now, retries and probes apart."""
        return sum(each.calls for each in (*self.models, *self.judges))

    @property
    def usd(self) -> float | None:
        """The most that a run can cost; None when a price is unknown."""
        costs = [each.usd for each in (*self.models, *self.judges) if each.calls]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if len(known) == len(costs) else None


def check_experiment(
    experiment: Experiment,
    store: Store | None,
    *,
    scorers: Sequence[Scorer] = (),
    folder: Path | None = None,
) -> Check:
    """Read everything an experiment names and count what a run would do; sends nothing.

    Args:
        experiment: the plan.
        store: where answers may already be; None when there is no store yet.
        scorers: scorers of one's own, besides those that the experiment names.
        folder: the project's folder, where `module:name` scorers are looked up.

    Raises:
        SpecError: nobody marks a criterion, or a scorer cannot be found.
        ProviderError: a model cannot be asked at all.
        BudgetError: a limit in usd, and a model whose price nobody knows.
    """
    refuse_settings(experiment)
    marking = marking_of(experiment, scorers=scorers, folder=folder)
    recorded = {m.name: _facts(m, store) for m in experiment.models}
    plan = Plan(experiment, recorded)
    subjects = (*experiment.models, *marking.judges.values())
    refuse_unknown_simulated(subjects)
    refuse_unpriced(experiment.budget, [m.name for m in subjects if price_of(m) is None])
    models = tuple(_check_model(plan, model, store) for model in experiment.models)
    judges = tuple(_check_judge(plan, name, marking, store) for name in marking.judges)
    return Check(
        experiment=experiment.name,
        models=models,
        judges=judges,
        stops_early=experiment.stops_early or experiment.repetition_rule == "seed",
        probes=2 * sum(each.calls > 0 for each in models) if experiment.delivery else 0,
        answer_limit_assumed=any(
            answer_limit(Request(model=model, messages=(), settings=settings)) is None
            for model in experiment.models
            for task in experiment.suite.tasks
            for settings in [settings_of(experiment, model, task, 1)]
        ),
    )


def _facts(model: ModelSpec, store: Store | None) -> ModelFacts:
    known = store.facts(model.id, endpoint_of(model)) if store is not None else None
    return model.facts(known)


def _check_model(plan: Plan, model: ModelSpec, store: Store | None) -> ModelCheck:
    facts = plan.facts[model.name]
    trials = [trial for trial in plan.trials() if trial.model == model.name]
    keys = {trial.response_key for trial in trials}
    answered = store.answered(keys) if store is not None else set()
    open_ones = {t.response_key: t for t in trials if t.response_key not in answered}
    tokens = [worst_case_tokens(plan.request(trial)) for trial in open_ones.values()]
    prompt, answer = sum(t[0] for t in tokens), sum(t[1] for t in tokens)
    longest = max((t[1] for t in tokens), default=DEFAULT_ANSWER_TOKENS)
    static = static_findings(model, facts, plan.longest_prompt(model.name), longest)
    warnings = (*static.reasons, *static.notes) if static is not None else ()
    warnings += known_before(model, plan.experiment.suite)
    usd, source = _cost(plan.experiment, model, prompt, answer)
    return ModelCheck(
        model=model.name,
        size=facts.size,
        size_source=facts.source("size"),
        way=client_for(model),
        trials=len(trials),
        hits=sum(trial.response_key in answered for trial in trials),
        calls=len(tokens),
        prompt_tokens=prompt,
        answer_tokens=answer,
        usd=usd,
        price_source=source,
        simulated=model.simulated,
        warnings=warnings if model.simulated else (*warnings, *facts.notes),
    )


def known_before(model: ModelSpec, suite: Suite) -> tuple[str, ...]:
    """One line where a model may have seen answers to tasks: they are older than its cutoff."""
    if model.cutoff is None:
        return ()
    old = [task for task in suite.tasks if task.date is not None and task.date <= model.cutoff]
    if not old:
        return ()
    share = f"{len(old)} of {len(suite.tasks)} tasks"
    when = model.cutoff.isoformat()
    return (f"{share} are from before its cutoff, {when}: it may have seen their answers",)


def _check_judge(plan: Plan, name: str, marking: Marking, store: Store | None) -> ModelCheck:
    """What one judge would get: every judgement that is not there may be asked for twice."""
    model = marking.judges[name]
    experiment = plan.experiment
    digests = {task.name: task.digest for task in experiment.suite.tasks}
    keys = {task: marking.mark_key(name, digest) for task, digest in digests.items()}
    asked: dict[tuple[str, str], PlannedTrial] = {}
    for trial in plan.trials():
        asked.setdefault((trial.response_key, keys[trial.task]), trial)
    prompt = answer = hits = 0
    for (response_key, mark_key), trial in asked.items():
        ratings = store.ratings_of(response_key, mark_key) if store is not None else []
        judged = {rating.judgement for rating in ratings if rating.status != "failed"}
        there = len(judged & set(range(1, marking.judgements + 1)))
        read, written = _judgement_tokens(plan.request(trial), model, experiment.rubric)
        hits += there
        prompt += read * ASKED_AT_MOST * (marking.judgements - there)
        answer += written * ASKED_AT_MOST * (marking.judgements - there)
    facts = model.facts()
    usd, source = _cost(experiment, model, prompt, answer)
    judgements = len(asked) * marking.judgements
    return ModelCheck(
        model=model.name,
        size=facts.size,
        size_source=facts.source("size"),
        way=client_for(model),
        trials=judgements,
        hits=hits,
        calls=judgements - hits,
        prompt_tokens=prompt,
        answer_tokens=answer,
        usd=usd,
        price_source=source,
        simulated=model.simulated,
        warnings=facts.notes,
    )


def _judgement_tokens(subject: Request, judge: ModelSpec, rubric: Rubric) -> tuple[int, int]:
    """The most tokens that a judge may read and write for the answer to a request."""
    task = replace(subject, messages=tuple(m for m in subject.messages if m["role"] != "system"))
    words = json.dumps(rubric.model_dump(mode="json"))
    request = judge_request(judge, [{"content": INSTRUCTIONS}, {"content": words}, *task.messages])
    read, written = worst_case_tokens(request)
    return read + worst_case_tokens(subject)[1], written


def _cost(
    experiment: Experiment, model: ModelSpec, prompt: int, answer: int
) -> tuple[float | None, str]:
    """The most that so many tokens cost, and who says so."""
    price = price_of(model)
    if price is not None:
        return price.cost(prompt, answer), price.source
    assumed = experiment.budget.assume_usd_per_million_tokens
    if assumed is not None:
        return (prompt + answer) * assumed / 1e6, "assumed"
    return None, "unknown"
