"""Owns the pairing of two contenders' trials: which are there, which are missing, how they differ.

A pair is one trial of each on the same task, panel model and repetition.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from preamblelab.decision.records import (
    Missing,
    Observation,
    Observations,
    PlannedTask,
)
from preamblelab.errors import TableError

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

TIE = 1e-9
"""Differences up to this are none."""

_HARD = frozenset({"looped", "empty", "unparseable"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """The trials of one contender; arrays of tasks x models x repetitions.

    Attributes:
        score: from 0 to 1, missing where there is none.
        hard: 1 for a hard failure, 0 for another answer, missing where none came back.
        unscored: answers without a score.
    """

    score: Floats
    hard: Floats
    unscored: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Both contenders on the tasks of the full suite, or of the smoke test."""

    tasks: tuple[PlannedTask, ...]
    champion: Arm | None
    """None where nobody holds the slot, or the holder is gone."""
    challenger: Arm
    causes: Mapping[str, str] = field(default_factory=dict)
    """Why a trial of a task has no score, by task; the first cause that was stored."""

    @property
    def difference(self) -> Floats:
        """Challenger minus champion by task, model and repetition; missing where either is."""
        if self.champion is None:
            return np.full_like(self.challenger.score, np.nan)
        return self.challenger.score - self.champion.score

    @property
    def scored(self) -> Flags:
        """Pairs with a score on each side; the challenger's alone where there is no champion."""
        own = ~np.isnan(self.challenger.score)
        return own if self.champion is None else own & ~np.isnan(self.champion.score)

    def of(self, category: str) -> Flags:
        """The tasks of a category."""
        return np.array([task.category == category for task in self.tasks], dtype=np.bool_)

    def clusters(self, chosen: Flags) -> npt.NDArray[np.int64] | None:
        """Code of the source of each chosen task; None where every task is its own."""
        named = [task for task, here in zip(self.tasks, chosen, strict=True) if here]
        if not any(task.cluster for task in named):
            return None
        sources = [task.cluster or f"\0{task.name}" for task in named]
        return np.unique(sources, return_inverse=True)[1].astype(np.int64)

    def missing(self) -> Missing:
        """What was planned and is not there."""
        scored = self.scored
        gone = [not here.all() for here in scored]
        champion, own = self.champion, self.challenger
        return Missing(
            planned=int(scored.size),
            scored=int(scored.sum()),
            champion=0 if champion is None else int(np.isnan(champion.score).sum()),
            challenger=int(np.isnan(own.score).sum()),
            unscored=int(own.unscored.sum())
            + (0 if champion is None else int(champion.unscored.sum())),
            tasks=tuple(task.name for task, lost in zip(self.tasks, gone, strict=True) if lost),
            causes=self.causes,
        )


def hard_failure(row: Observation, task: PlannedTask) -> bool:
    """Whether the answer is none that anybody could use; a failed call never is one.

    A loop, an empty or unreadable answer, one cut off before it was of any worth, and a refusal
    where none was expected.
    """
    if row.status in _HARD:
        return True
    if row.status == "truncated":
        return not row.scored or row.score == 0
    return row.status == "refused" and task.refusal != "refusal"


def pair(observations: Observations, *, smoke: bool = False) -> Pairs:
    """The trials of both contenders on the full suite, or on the smoke test.

    Args:
        observations: the plan, and what came back; only the base level counts.
        smoke: take the smoke test, which is asked once.

    Raises:
        TableError: a trial is there twice, or was never planned.
    """
    tasks = tuple(task for task in observations.tasks if task.smoke == smoke)
    models = observations.models or ("",)
    repetitions = 1 if smoke else observations.manifest.repetitions
    shape = (len(tasks), len(models), repetitions)
    rows = [row for row in observations.rows if row.level == "base" and row.smoke == smoke]
    places = _Places(tasks, observations.models, shape)
    champion = observations.champion
    return Pairs(
        tasks=tasks,
        champion=None
        if champion is None or observations.champion_gone
        else places.arm(rows, champion.digest),
        challenger=places.arm(rows, observations.challenger.digest),
        causes=_causes(rows),
    )


def _causes(rows: Iterable[Observation]) -> dict[str, str]:
    found: dict[str, str] = {}
    lost = [row for row in rows if not row.scored and row.status != "not_run"]
    for row in sorted(lost, key=lambda row: (row.task, row.arm, row.model, row.repetition)):
        found.setdefault(row.task, row.reason or _unscored(row))
    return found


def _unscored(row: Observation) -> str:
    return "not marked" if row.answered else row.status


@dataclass(frozen=True, slots=True)
class _Places:
    """Where each trial stands in the arrays."""

    tasks: tuple[PlannedTask, ...]
    models: tuple[str, ...]
    shape: tuple[int, int, int]

    def arm(self, rows: Iterable[Observation], digest: str) -> Arm:
        score, hard = np.full(self.shape, np.nan), np.full(self.shape, np.nan)
        unscored = np.zeros(self.shape, dtype=np.bool_)
        seen = set()
        at = {task.name: place for place, task in enumerate(self.tasks)}
        for row in rows:
            if row.arm != digest:
                continue
            place = self._place(row, at)
            if place in seen:
                raise TableError(f"two observations of {row.place}: each trial counts once")
            seen.add(place)
            if not row.answered:
                continue
            hard[place] = hard_failure(row, self.tasks[place[0]])
            if row.scored and row.score is not None:
                score[place] = row.score
            else:
                unscored[place] = True
        return Arm(score=score, hard=hard, unscored=unscored)

    def _place(self, row: Observation, at: dict[str, int]) -> tuple[int, int, int]:
        known = row.task in at and 1 <= row.repetition <= self.shape[2]
        if not known or (self.models and row.model not in self.models):
            raise TableError(f"an observation of {row.place} was never planned")
        model = self.models.index(row.model) if self.models else 0
        return at[row.task], model, row.repetition - 1


def by_task(values: Floats) -> Floats:
    """Mean by task: over repetitions first, then over the panel's models with equal weight."""
    return _mean(_mean(values))


def _mean(values: Floats) -> Floats:
    """Mean over the last axis of what is not missing; missing where all is."""
    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
