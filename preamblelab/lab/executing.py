"""The part of a run that runs answers: evidence for every answer whose task says how."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from preamblelab.domain.base import content_digest
from preamblelab.domain.evidence_records import EvidencePair
from preamblelab.domain.experiments import Experiment
from preamblelab.domain.tasks import Suite, Task
from preamblelab.errors import SpecError
from preamblelab.library import experiment_from_document
from preamblelab.report.progress import Progress
from preamblelab.scoring.evidence.maker import EvidenceMaker, runner_label
from preamblelab.scoring.evidence.storing import EvidenceTally, execute_stored, runners_of
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


def execute_with(
    store: Store,
    experiment: str,
    suite: Suite | None = None,
    *,
    allow_unsafe: bool = False,
    progress: Progress | None = None,
) -> EvidenceTally:
    """Run the stored answers of an experiment by what another suite says; marks nothing.

    Answers that were imported, or asked before their task had evidence, can be run so. Their marks
    stay as they are, and the report shows both beside each other.

    Args:
        store: where the answers are.
        experiment: its name.
        suite: whose tasks say what is run: those of the same name; a single task serves an
            experiment of a single task under any name. None: the experiment's own tasks.
        allow_unsafe: run without isolation where no sandbox holds.
        progress: is told what happens.

    Raises:
        SpecError: no task of the suite has evidence for a task of the experiment.
        StoreError: the store cannot be used, or another process writes to it.
    """
    progress = progress or Progress()
    plan = experiment_from_document(store.document(experiment))
    tasks = _lent(plan.suite, suite) if suite is not None else _own(plan.suite)
    digests = {task.name: task.digest for task in plan.suite.tasks}
    labels = {digests[name]: lent_label(task, digests[name]) for name, task in tasks.items()}
    progress.begin("executing")
    with store.lock(f"run answers of {experiment}"), _Lent(labels, digests, allow_unsafe) as maker:
        execute_stored(
            store,
            experiment,
            tasks,
            maker,
            tally=progress.evidence,
            done=progress.step,
            runners=labels,
        )
    progress.end()
    return progress.evidence


def lent_label(task: Task, digest: str) -> str:
    """The runner's label; with the address of the task where it is not the experiment's own."""
    label = runner_label(task)
    return label if task.digest == digest else f"{label}, by {content_digest(task.digest)[3:11]}"


class _Lent(EvidenceMaker):
    """Labels evidence with the task that it was made by: another one is then run anew."""

    def __init__(
        self, labels: Mapping[str, str], digests: Mapping[str, str], allow_unsafe: bool
    ) -> None:
        super().__init__(allow_unsafe=allow_unsafe)
        self._labels = labels
        self._digests = digests

    def make(self, task: Task, text: str) -> EvidencePair:
        """The evidence, under the label of the lent task."""
        pair = super().make(task, text)
        label = self._labels[self._digests[task.name]]
        return EvidencePair(
            strict=replace(pair.strict, runner=label), repaired=replace(pair.repaired, runner=label)
        )


def _own(suite: Suite) -> dict[str, Task]:
    tasks = {task.name: task for task in suite.tasks if task.evidence is not None}
    if not tasks:
        raise SpecError(
            "the experiment's tasks say nothing to run; name a suite that does: --from SUITE"
        )
    return tasks


def _lent(asked: Suite, lender: Suite) -> dict[str, Task]:
    """The lender's tasks under the names of those that were asked."""
    lending = {task.name: task for task in lender.tasks if task.evidence is not None}
    if len(asked.tasks) == len(lending) == 1:
        only = asked.tasks[0].name
        return {only: next(iter(lending.values())).model_copy(update={"name": only})}
    found = {task.name: lending[task.name] for task in asked.tasks if task.name in lending}
    if not found:
        known = ", ".join(sorted(lending)) or "none"
        raise SpecError(
            f"suite '{lender.name}' has evidence for no task of the experiment (first: "
            f"'{asked.tasks[0].name}'); it has it for: {known}"
        )
    return found
