"""What a run asks next: everything, by the seed rule, or look by look; marks come in between."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from preamblelab.domain.experiments import Experiment
from preamblelab.execution.gateway import endpoint_of, warms_up
from preamblelab.lab.stopping import look_plan, looked_at
from preamblelab.store import PlannedTrial, Store

if TYPE_CHECKING:
    from pandas import DataFrame

    from preamblelab.stats.looks import Plan

Place = tuple[str, str, str, int]
"""Model, variant, task and repetition."""


class Rounds:
    """All trials in one round; the ground of the rules that look before they ask on."""

    def __init__(self, missing: Sequence[PlannedTrial], limit: int | None = None) -> None:
        """Prepare to hand out trials.

        Args:
            missing: trials without an answer, in their order, each answer once.
            limit: hand out at most so many.
        """
        self.missing = missing
        self.said = ""
        """What the last look saw, in one line; empty when nothing was looked at."""
        self._left = len(missing) if limit is None else limit
        self._tried: set[str] = set()

    def next(self) -> list[PlannedTrial]:
        """The trials of the next round, in their order; none when nothing is to be asked now.

        What a round hands out is not handed out again: a call that failed is for the next run.
        """
        batch = [t for t in self._wanted() if t.response_key not in self._tried][: self._left]
        self._left -= len(batch)
        self._tried.update(trial.response_key for trial in batch)
        return batch

    def _wanted(self) -> Iterable[PlannedTrial]:
        return self.missing


class SeedRounds(Rounds):
    """One repetition of everything; then three, two or one in all, by the baseline's score."""

    def __init__(
        self,
        experiment: Experiment,
        missing: Sequence[PlannedTrial],
        limit: int | None,
        table: Callable[[], "DataFrame"],
    ) -> None:
        super().__init__(missing, limit)
        self.experiment = experiment
        self.table = table

    def _wanted(self) -> Iterable[PlannedTrial]:
        from preamblelab.report.stopping import seed_repetitions

        untried = [t for t in self.missing if t.response_key not in self._tried]
        first = [trial for trial in untried if trial.repetition == 1]
        if first or not untried:
            return first
        told = seed_repetitions(self.table(), self.experiment.baseline, self.experiment.repetitions)
        return [trial for trial in untried if trial.repetition <= told.get(trial.model, 1)]


class LookRounds(Rounds):
    """Exactly the trials that the recorded looks still want: settled pairs get none."""

    def __init__(
        self,
        experiment: Experiment,
        missing: Sequence[PlannedTrial],
        limit: int | None,
        table: Callable[[], "DataFrame"],
        keys: dict[Place, str],
    ) -> None:
        super().__init__(missing, limit)
        self.experiment = experiment
        self.table = table
        self.keys = keys
        self.plan = look_plan(experiment)
        self._groups = _groups(experiment)

    def _wanted(self) -> Iterable[PlannedTrial]:
        wanted = {self.keys[place] for place in self._places(self.table())}
        batch: list[PlannedTrial] = []
        for group in self._groups:
            batch = [
                trial
                for trial in self.missing
                if trial.model in group
                and trial.response_key in wanted
                and trial.response_key not in self._tried
            ]
            if batch:
                break
        return batch

    def _places(self, table: "DataFrame") -> set[Place]:
        from preamblelab.stats.sequential import next_trials, review

        baseline = self.experiment.baseline
        begun = set(zip(table["model"], table["variant"], strict=True))
        arms = {variant for _, variant in begun}
        pairs = {(m.name, v) for m in self.experiment.models for v in self.experiment.variants}
        if baseline not in arms or not arms & set(self.experiment.variants):
            begun = set()
        places = {
            (model, arm, task, 1)
            for model, variant in pairs - begun
            for arm in (baseline, variant)
            for task in _first_look(self.plan)
        }
        if begun:
            reviewed = review(table, self.plan, baseline=baseline)
            settled = int(reviewed["settled"].sum())
            self.said = f"looks: {settled} of {len(pairs)} pairs are settled"
            rows = next_trials(table, self.plan, baseline=baseline)
            places |= set(
                zip(
                    rows["model"],
                    rows["variant"],
                    rows["task"],
                    (int(each) for each in rows["repetition"]),
                    strict=True,
                )
            )
        return places


def rounds_of(
    experiment: Experiment,
    store: Store,
    marking: str,
    missing: Sequence[PlannedTrial],
    limit: int | None,
) -> Rounds:
    """The rounds that an experiment asks for.

    Args:
        experiment: the plan.
        store: where answers and marks are; looks read them.
        marking: address of the marking.
        missing: trials without an answer, in their order, each answer once.
        limit: ask at most so many now.
    """

    def table() -> "DataFrame":
        return looked_at(store, experiment.name, marking)

    if experiment.stops_early:
        keys = {
            (trial.model, trial.variant, trial.task, trial.repetition): trial.response_key
            for trial in store.trials(experiment.name)
        }
        return LookRounds(experiment, missing, limit, table, keys)
    if experiment.repetition_rule == "seed":
        return SeedRounds(experiment, missing, limit, table)
    return Rounds(missing, limit)


def _first_look(plan: "Plan") -> tuple[str, ...]:
    return plan.order[: plan.looks[0]]


def _groups(experiment: Experiment) -> list[set[str]]:
    """Models that are looked at together; those of an engine on this host one after the other.

    An engine on this host holds one model at a time: going round all of them at each look would
    load its weights anew nine times.
    """
    together = {model.name for model in experiment.models if not warms_up(model)}
    alone = sorted((model for model in experiment.models if warms_up(model)), key=endpoint_of)
    return [each for each in (together, *({model.name} for model in alone)) if each]
