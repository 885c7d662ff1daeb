"""Runs what a store holds and nobody ran yet, on all cores, and keeps what comes of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from preamblelab.domain.tasks import Task
from preamblelab.scoring.evidence.maker import EvidenceMaker, runner_label
from preamblelab.store import EvidenceRow, PlannedTrial, Store

BATCH: Final = 64
"""Answers whose texts are in memory at one time."""


@dataclass(slots=True, kw_only=True)
class EvidenceTally:
    """What running answers has done so far."""

    open: int = 0
    done: int = 0
    missing: dict[str, int] = field(default_factory=dict)
    """Answers that could not be run, by reason."""
    unsafe: int = 0
    """Answers that were run without isolation."""


def runners_of(tasks: Iterable[Task]) -> dict[str, str]:
    """Label of today's runner by task digest, for the tasks that have evidence."""
    return {task.digest: runner_label(task) for task in tasks if task.evidence is not None}


def execute_stored(
    store: Store,
    experiment: str,
    tasks: Mapping[str, Task],
    maker: EvidenceMaker,
    *,
    tally: EvidenceTally,
    done: Callable[[], None] = lambda: None,
    stopping: Callable[[], bool] = lambda: False,
    runners: Mapping[str, str] | None = None,
) -> EvidenceTally:
    """Make the evidence that an experiment lacks; equal answers to one task are run once.

    Args:
        store: where answers are, and evidence goes.
        experiment: its name.
        tasks: by name.
        maker: runs answers.
        tally: counts what was done.
        done: is told of every answer that was run.
        stopping: whether to stop; what was run by then is kept.
        runners: labels by the digest under which trials know their task; today's when not given.
    """
    if runners is None:
        runners = runners_of(tasks.values())
    if not runners:
        return tally
    trials = list(_once(store.unexecuted(experiment, runners)))
    tally.open = tally.done + len(trials)
    with ThreadPoolExecutor(maker.workers) as threads:
        for batch in _batches(trials):
            if stopping():
                break
            _run_batch(store, batch, tasks, maker, threads, tally, done, stopping)
    return tally


def _run_batch(
    store: Store,
    batch: list[PlannedTrial],
    tasks: Mapping[str, Task],
    maker: EvidenceMaker,
    threads: ThreadPoolExecutor,
    tally: EvidenceTally,
    done: Callable[[], None],
    stopping: Callable[[], bool],
) -> None:
    texts = dict(store.responses([trial.response_key for trial in batch]))
    waiting: dict[Future[list[EvidenceRow]], None] = {}
    seen: set[tuple[str, str]] = set()
    for trial in batch:
        response = texts.get(trial.response_key)
        if response is None or (response.output_hash, trial.task_digest) in seen:
            tally.done += 1
            continue
        seen.add((response.output_hash, trial.task_digest))
        work = threads.submit(
            _run_one,
            maker,
            tasks[trial.task],
            trial.task_digest,
            response.text,
            response.output_hash,
            stopping,
        )
        waiting[work] = None
    while waiting:
        ended, _ = wait(waiting, return_when=FIRST_COMPLETED)
        rows = [row for each in ended for row in each.result()]
        for each in ended:
            del waiting[each]
        # What was run is stored at once: a run that is killed has lost at most a few answers.
        store.put_evidence(rows)
        _count(tally, rows, done)


def _run_one(
    maker: EvidenceMaker,
    task: Task,
    digest: str,
    text: str,
    output_hash: str,
    stopping: Callable[[], bool],
) -> list[EvidenceRow]:
    if stopping():
        return []
    pair = maker.make(task, text)
    return [EvidenceRow(output_hash, digest, each) for each in (pair.strict, pair.repaired)]


def _count(tally: EvidenceTally, rows: list[EvidenceRow], done: Callable[[], None]) -> None:
    for row in rows:
        if row.evidence.mode != "strict":
            continue
        tally.done += 1
        tally.unsafe += not row.evidence.isolated
        if row.evidence.status == "missing":
            reason = row.evidence.reason
            tally.missing[reason] = tally.missing.get(reason, 0) + 1
        done()


def _once(trials: Iterable[PlannedTrial]) -> Iterator[PlannedTrial]:
    """Trials that share answer and task: two variants may be one text."""
    seen: set[tuple[str, str]] = set()
    for trial in trials:
        place = (trial.response_key, trial.task_digest)
        if place not in seen:
            seen.add(place)
            yield trial


def _batches(trials: Iterable[PlannedTrial]) -> Iterator[list[PlannedTrial]]:
    rest = iter(trials)
    while batch := list(islice(rest, BATCH)):
        yield batch
