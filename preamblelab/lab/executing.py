"""The part of a run that runs answers: evidence for every answer whose task says how."""

import asyncio
from collections.abc import Callable

from preamblelab.domain.experiments import Experiment
from preamblelab.report.progress import Progress
from preamblelab.scoring.evidence.maker import EvidenceMaker
from preamblelab.scoring.evidence.storing import execute_stored, runners_of
from preamblelab.store import Store


def unexecuted(experiment: Experiment, store: Store) -> bool:
    """Whether any answer of the experiment is still to be run."""
    runners = runners_of(experiment.suite.tasks)
    return bool(runners) and next(store.unexecuted(experiment.name, runners), None) is not None


async def execute_answers(
    experiment: Experiment, store: Store, progress: Progress, stopping: Callable[[], bool]
) -> None:
    """Make the evidence that is not there yet; what cannot be run is missing, and is told once.

    Args:
        experiment: its tasks say what is run, `allow_unsafe` where.
        store: where answers are, and evidence goes.
        progress: is told what happens.
        stopping: whether to stop.
    """
    if not unexecuted(experiment, store):
        return
    tally = progress.evidence
    progress.begin("executing")
    with EvidenceMaker(allow_unsafe=experiment.allow_unsafe) as maker:
        await asyncio.to_thread(
            execute_stored,
            store,
            experiment.name,
            {task.name: task for task in experiment.suite.tasks},
            maker,
            tally=tally,
            done=progress.step,
            stopping=stopping,
        )
    for reason, count in tally.missing.items():
        progress.say(f"{count} answers could not be run: {reason}")
    if tally.unsafe:
        progress.say(f"{tally.unsafe} answers were run WITHOUT ISOLATION (allow_unsafe)")
    tally.missing.clear()  # told
