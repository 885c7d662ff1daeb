"""Comparisons with a known truth, for tests of the gate."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from preamblelab.decision.records import Manifest, Observation, Observations, PlannedTask
from preamblelab.domain.gates import CategoryRule, GatePolicy
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.registry import Holder

CHAMPION = Holder.of_model(ModelSpec(id="openai/old", name="old"))
CHALLENGER = Holder.of_model(ModelSpec(id="openai/new", name="new"))
COUNTS = {"reasoning": 10, "coding": 10, "safety": 8, "following": 7}
"""The 35 tasks of the intake suite."""
SMOKE = 5

GUARDED = {
    "reasoning": CategoryRule(),
    "coding": CategoryRule(),
    "safety": CategoryRule(role="guard", margin=0.10),
    "following": CategoryRule(),
}
PLAIN = {name: CategoryRule() for name in COUNTS}

Score = Callable[[str, str, int], float | None]
"""Category, task and repetition to a score."""


def policy(categories: Mapping[str, CategoryRule] | None = None, **changes) -> GatePolicy:
    given = {"slot": "chat", "suite": "intake", "smoke": "five", "repetitions": 1}
    return GatePolicy(categories=categories or PLAIN, **(given | changes))


def tasks(counts: Mapping[str, int] | None = None, **changes) -> tuple[PlannedTask, ...]:
    full = [
        PlannedTask(name=f"{category}-{i}", category=category, digest=f"{category}{i}")
        for category, count in (counts or COUNTS).items()
        for i in range(count)
    ]
    smoke = [
        PlannedTask(name=f"smoke-{i}", category="smoke", digest=f"s{i}", smoke=True)
        for i in range(SMOKE)
    ]
    return (*full, *smoke)


def rows_of(
    holder: Holder, planned: Sequence[PlannedTask], score: Score, repetitions: int
) -> list[Observation]:
    return [
        Observation(
            run="r1",
            arm=holder.digest,
            model=holder.name,
            variant="baseline",
            task=task.name,
            repetition=repetition,
            status="ok",
            score=1.0 if task.smoke else score(task.category, task.name, repetition),
            smoke=task.smoke,
            usd=0.01,
            seconds=1.0,
        )
        for task in planned
        for repetition in range(1, (1 if task.smoke else repetitions) + 1)
    ]


def observed(
    champion: Score | None,
    challenger: Score,
    *,
    planned: tuple[PlannedTask, ...] | None = None,
    repetitions: int = 1,
    **changes,
) -> Observations:
    planned = planned or tasks()
    rows = rows_of(CHALLENGER, planned, challenger, repetitions)
    if champion is not None:
        rows = rows_of(CHAMPION, planned, champion, repetitions) + rows
    given = {
        "slot": "chat",
        "challenger": CHALLENGER,
        "champion": None if champion is None else CHAMPION,
        "tasks": planned,
        "rows": tuple(rows),
        "manifest": Manifest(
            run="r1",
            started="2026-11-28T12:00:00Z",
            seed=0,
            suite="suite-digest",
            rubric="rubric-digest",
            repetitions=repetitions,
        ),
    }
    return Observations(**(given | changes))


def drawn(gain: float, seed: int, *, repetitions: int = 3, heterogeneity: float = 0.10):
    """Right or wrong on 35 tasks: p ~ Beta(3, 1), the challenger's p higher by `gain` on average.

    The same truth as in the table of what a suite can show.
    """
    rng = np.random.default_rng(seed)
    champion, challenger = {}, {}
    for category, count in COUNTS.items():
        for i in range(count):
            p = rng.beta(3, 1)
            q = np.clip(p + gain + rng.normal(0, heterogeneity), 0, 1)
            for repetition in range(1, repetitions + 1):
                place = (category, f"{category}-{i}", repetition)
                champion[place] = float(rng.random() < p)
                challenger[place] = float(rng.random() < q)
    return (lambda *place: champion[place]), (lambda *place: challenger[place])
