"""Our engine on the experiment `speed` of a project: asks and stores; with `mark` marks as well."""

import asyncio
import json
import sys
import time
from pathlib import Path

from preamblelab.execution.doors import Doors
from preamblelab.execution.gateway import Gateway
from preamblelab.execution.runner import Runner
from preamblelab.lab.planning import Plan
from preamblelab.lab.running import execute
from preamblelab.library import experiment_document, load_experiment
from preamblelab.store import Store


def ask(project: Path, store: Store) -> tuple[int, float]:
    """Plan, ask, store; returns how many have an answer, and the seconds of asking."""
    experiment = load_experiment(project / "experiments/speed.yaml")
    plan = Plan(experiment, {model.name: model.facts() for model in experiment.models})
    store.register(
        experiment.name,
        digest=experiment.digest,
        document=experiment_document(experiment),
        trials=plan.trials(),
        plan_digest=plan.digest,
    )
    requests = [plan.request(trial) for trial in store.unanswered(experiment.name)]
    doors = Doors()
    doors.prepare(experiment.models)
    gateway = Gateway(client_for=doors, seed=0)
    runner = Runner(gateway, store.put)

    async def work() -> float:
        started = time.monotonic()
        try:
            await runner.ask(requests)
        finally:
            await gateway.close()
        return time.monotonic() - started

    seconds = asyncio.run(work())
    return runner.tally.outcomes.get("ok", 0), seconds


def main(project: Path, file: Path, how: str) -> None:
    with Store(file) as store:
        if how == "mark":
            experiment = load_experiment(project / "experiments/speed.yaml")
            started = time.monotonic()
            outcome = execute(experiment, store, folder=project)
            answered, seconds = outcome.tally.outcomes.get("ok", 0), time.monotonic() - started
            assert outcome.marks.done == answered
        else:
            answered, seconds = ask(project, store)
    print(json.dumps({"answered": answered, "seconds": seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
