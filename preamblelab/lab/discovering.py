"""What a run is made with: facts of its models, versions of programs, prices."""

import asyncio
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from preamblelab.domain.experiments import Experiment
from preamblelab.domain.facts import ModelFacts
from preamblelab.domain.models import ModelSpec
from preamblelab.execution.choose import client_for
from preamblelab.execution.gateway import endpoint_of, is_local
from preamblelab.execution.prices import price_of
from preamblelab.lab.looping import to_the_end
from preamblelab.store import Store


def recorded_facts(experiment: Experiment, store: Store) -> dict[str, ModelFacts]:
    """Facts as they were known when the answers were asked for; without asking any server."""
    return {
        model.name: model.facts(store.facts(model.id, endpoint_of(model)))
        for model in experiment.models
    }


def discovered_facts(
    experiment: Experiment, store: Store, *, stand_in: bool
) -> Mapping[str, ModelFacts]:
    """Facts with what the servers on this host say now.

    A server that says nothing is believed to serve what it served before: while it is down, the
    answers that it gave must not look like another model's.

    Args:
        experiment: the plan.
        store: where facts were recorded.
        stand_in: whether something else answers instead of the models; then nobody is asked.
    """
    recorded = recorded_facts(experiment, store)
    said = {} if stand_in else served_facts(experiment.models)
    return {
        model.name: model.facts(said[model.name]) if model.name in said else recorded[model.name]
        for model in experiment.models
    }


def served_facts(models: Iterable[ModelSpec]) -> dict[str, ModelFacts]:
    """What servers on this host say of their models now, by name; nothing where they do not."""
    local = [m for m in models if is_local(m) and client_for(m) != "litellm"]
    if not local:
        return {}
    from preamblelab.execution.servers import facts_from_server

    async def ask() -> list[ModelFacts | None]:
        return list(await asyncio.gather(*(facts_from_server(model) for model in local)))

    found = zip((model.name for model in local), to_the_end(ask()), strict=True)
    return {name: facts for name, facts in found if facts is not None}


def made_with(experiment: Experiment, *, stand_in: bool) -> dict[str, Any]:
    """Versions of the programs that ask and mark, and the prices that cost is reckoned by.

    Args:
        experiment: the plan.
        stand_in: whether something else answers instead of the models.
    """
    judges = list(experiment.judges.values())
    asked = [*([] if stand_in else experiment.models), *judges]
    programs = ["preamblelab"]
    if any(client_for(model) == "litellm" for model in asked):
        programs.append("litellm")
    if judges:
        programs.append("dspy")
    prices = {model.name: price_of(model) for model in (*experiment.models, *judges)}
    return {
        "versions": {name: version(name) for name in programs},
        "prices": {
            name: None if price is None else f"{price.input_usd:g} in, {price.output_usd:g} out"
            for name, price in prices.items()
        },
    }
