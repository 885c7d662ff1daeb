"""The recorded plan of looks: made before the first call, kept, and what a look may count."""

from typing import TYPE_CHECKING, Final

from preamblelab.domain.experiments import Experiment
from preamblelab.errors import SpecError
from preamblelab.store import Store

if TYPE_CHECKING:
    from pandas import DataFrame

    from preamblelab.stats.looks import Plan

GIVEN_UP_AFTER: Final = 2
"""A trial that was refused for good in so many runs counts as asked, and stays missing."""

REFUSED_FOR_GOOD: Final = ("permanent", "too_large", "timeout")
"""Faults that the next run would meet again; a look does not wait for ever."""


def with_looks(plan: Experiment, *, until_decided: bool, margin: float | None) -> Experiment:
    """The plan with what is asked for beside its file."""
    changes: dict[str, object] = {"until_decided": True} if until_decided else {}
    if margin is not None:
        changes["margin"] = margin
    return plan.model_copy(update=changes)


def look_plan(experiment: Experiment) -> "Plan":
    """The looks that an experiment asks for, with the order of its tasks."""
    from preamblelab.stats.looks import Plan

    tasks = experiment.suite.tasks
    return Plan.for_tasks(
        [task.name for task in tasks],
        strata={task.name: task.category for task in tasks},
        n_repetitions=experiment.repetitions,
        margin=experiment.margin,
        seed=experiment.seed,
    )


def refuse_other_plan(experiment: Experiment, store: Store, marking: str) -> None:
    """Refuse to go on in another way than was recorded; called before anything is changed.

    Args:
        experiment: the plan as it is now.
        store: where looks were recorded, if they were.
        marking: address of the marking that would be used now.

    Raises:
        SpecError: looks, margin, tasks, their order or the marking differ; or answers were seen
            without a plan before.
    """
    name = experiment.name
    recorded = store.look_plan(name)
    if experiment.stops_early and experiment.repetition_rule in {"always-3", "seed"}:
        raise SpecError(
            f"'{name}': --until-decided and repetitions: {experiment.repetition_rule} exclude each "
            "other; keep one"
        )
    if recorded is None:
        if experiment.stops_early and _was_seen(experiment, store):
            raise SpecError(
                f"'{name}' was run without a plan of looks, and its answers were seen: looks "
                "planned now would not keep the error; give the experiment another name"
            )
        return
    if not experiment.stops_early:
        raise SpecError(
            f"'{name}' was begun under a plan of looks ({recorded.created[:10]}): go on with "
            "--until-decided, or give the experiment another name"
        )
    look_plan(experiment).refuse_change(recorded.plan)
    if recorded.marking != marking:
        raise SpecError(
            f"'{name}': its plan of looks reads another marking (rubric, scorers, judges or their "
            "versions): restore it, or give the experiment another name; stored answers are used "
            "again"
        )


def record_plan(experiment: Experiment, store: Store, marking: str) -> None:
    """Record the looks before the first call; what is recorded stays."""
    if store.look_plan(experiment.name) is None:
        store.put_look_plan(
            experiment.name,
            look_plan(experiment).to_dict(),
            marking=marking,
            answered=_answered_variants(experiment, store),
        )


def _was_seen(experiment: Experiment, store: Store) -> bool:
    """Whether answers under a variant were marked as this experiment's already."""
    if store.plan_digest(experiment.name) is None or store.marking(experiment.name) is None:
        return False
    return _answered_variants(experiment, store) > 0


def _answered_variants(experiment: Experiment, store: Store) -> int:
    """Trials of the variants that have answers; the baseline is shared and says nothing yet."""
    keys = [
        trial.response_key
        for trial in store.trials(experiment.name)
        if trial.variant != experiment.baseline
    ]
    answered = store.answered(keys)
    return sum(key in answered for key in keys)


def looked_at(store: Store, experiment: str, marking: str) -> "DataFrame":
    """The rows of the score table that a look may count: answered and marked, or given up.

    A trial that failed for a reason that may pass is not there: its look waits for the next run.

    Args:
        store: where answers and marks are.
        experiment: its name.
        marking: address of the marking that the looks read.
    """
    scores = store.scores(experiment, marking=marking)
    unmarked = {trial.response_key for trial in store.unmarked(experiment, marking)}
    failed = scores["status"] == "failed"
    counts = store.failures(scores.loc[failed, "response_key"])
    given_up = {
        key
        for key, (count, reason) in counts.items()
        if count >= GIVEN_UP_AFTER and reason.startswith(REFUSED_FOR_GOOD)
    }
    answered = ~scores["status"].isin(["pending", "failed"])
    marked = answered & ~scores["response_key"].isin(unmarked)
    return scores[marked | (failed & scores["response_key"].isin(given_up))]
