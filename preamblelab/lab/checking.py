"""What a run would ask and cost, without sending anything."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from preamblelab.domain.experiments import Experiment
from preamblelab.domain.facts import ModelFacts
from preamblelab.domain.models import ModelSpec
from preamblelab.execution.budget import refuse_unpriced
from preamblelab.execution.choose import client_for
from preamblelab.execution.delivery import static_findings
from preamblelab.execution.gateway import DEFAULT_ANSWER_TOKENS, endpoint_of, worst_case_tokens
from preamblelab.execution.prices import price_of
from preamblelab.lab.planning import Plan
from preamblelab.scoring.marking import Marking, marking_of
from preamblelab.scoring.scorers import Scorer
from preamblelab.store import Store


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
    marking = marking_of(experiment, scorers=scorers, folder=folder)
    recorded = {m.name: _facts(m, store) for m in experiment.models}
    plan = Plan(experiment, recorded)
    subjects = (*experiment.models, *marking.judges.values())
    refuse_unpriced(experiment.budget, [m.name for m in subjects if price_of(m) is None])
    models = tuple(_check_model(plan, model, store) for model in experiment.models)
    judgements = sum(each.trials for each in models) * experiment.judgements
    judges = tuple(_check_judge(m, judgements, marking) for m in marking.judges.values())
    limits = [{**experiment.settings, **m.settings} for m in experiment.models]
    return Check(
        experiment=experiment.name,
        models=models,
        judges=judges,
        probes=2 * sum(each.calls > 0 for each in models) if experiment.delivery else 0,
        answer_limit_assumed=any(
            "max_tokens" not in limit and "max_completion_tokens" not in limit for limit in limits
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
    tokens = [worst_case_tokens(plan.request(t)) for t in trials if t.response_key not in answered]
    prompt, answer = sum(t[0] for t in tokens), sum(t[1] for t in tokens)
    price = price_of(model)
    limit = tokens[0][1] if tokens else DEFAULT_ANSWER_TOKENS
    static = static_findings(model, facts, plan.longest_prompt(model.name), limit)
    warnings = (*static.reasons, *static.notes) if static is not None else ()
    return ModelCheck(
        model=model.name,
        size=facts.size,
        size_source=facts.source("size"),
        way=client_for(model),
        trials=len(trials),
        hits=len(trials) - len(tokens),
        calls=len(tokens),
        prompt_tokens=prompt,
        answer_tokens=answer,
        usd=None if price is None else price.cost(prompt, answer),
        price_source="unknown" if price is None else price.source,
        simulated=model.simulated,
        warnings=warnings if model.simulated else (*warnings, *facts.notes),
    )


def _check_judge(model: ModelSpec, judgements: int, marking: Marking) -> ModelCheck:
    """A judge reads task, rubric and answer; every judgement may be asked twice."""
    criteria = sum(len(places) for places in marking.asked.values())
    prompt, answer = 4000 * judgements, math.ceil(60 * criteria + 100) * judgements
    price = price_of(model)
    facts = model.facts()
    return ModelCheck(
        model=model.name,
        size=facts.size,
        size_source=facts.source("size"),
        way=client_for(model),
        trials=judgements,
        hits=0,
        calls=judgements,
        prompt_tokens=prompt,
        answer_tokens=answer,
        usd=None if price is None else 2 * price.cost(prompt, answer),
        price_source="unknown" if price is None else price.source,
        simulated=model.simulated,
        warnings=facts.notes,
    )
