"""A world with a known truth: answers are numbers, and marks are those numbers."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import preamblelab as pl
from preamblelab.domain.experiments import repetitions_of
from preamblelab.domain.records import Response

RUBRIC = pl.Rubric.model_validate({"name": "r", "dimensions": [{"name": "all", "points": 100}]})


@pl.scorer(dimension="all", name="number")
def number(_: pl.Task, response: pl.Response) -> float:
    return float(response.text) / 100


@pl.scorer(dimension="all", name="half")
def half(_: pl.Task, response: pl.Response) -> float:
    return float(response.text) / 200


@dataclass(kw_only=True)
class World:
    """Models whose true effects are known, and what they were asked."""

    effects: Mapping[str, float]
    """By model: points that every variant adds."""
    task_sd: float = 4.0
    repetition_sd: float = 4.0
    base: Mapping[str, float] = field(default_factory=dict)
    """By model: mean of the baseline; 50 when not given."""
    seed: int = 0
    before: Callable[[pl.Trial, int], None] = lambda *_: None
    """Is told of every call and its number, before it is answered."""
    asked: list[tuple[str, str, str, int]] = field(default_factory=list)

    def __call__(self, trial: pl.Trial) -> Response:
        self.before(trial, len(self.asked) + 1)
        model, label, task = trial.model.name, trial.variant.label, trial.task.name
        self.asked.append((model, label, task, trial.repetition))
        points = self.base.get(model, 50.0)
        points += self._draw(model, task).gauss(0, 8)
        if label != "baseline":
            points += self.effects[model] + self._draw(model, label, task).gauss(0, self.task_sd)
        points += self._draw(model, label, task, trial.repetition).gauss(0, self.repetition_sd)
        return Response(text=f"{min(100.0, max(0.0, points)):.4f}", usd=0.0, route="custom")

    def _draw(self, *names: object) -> random.Random:
        return random.Random(f"{self.seed}/{names}")

    def per_pair(self) -> Counter[tuple[str, str]]:
        return Counter((model, label) for model, label, _, _ in self.asked)

    def experiment(self, *, tasks: int = 20, repetitions: int | str = 3, **more: Any) -> Any:
        spent = repetitions_of(repetitions)
        suite = pl.Suite(
            name="s",
            tasks=tuple(
                pl.Task(name=f"t{n:02d}", prompt=f"Do {n}.", category="abc"[n % 3])
                for n in range(tasks)
            ),
        )
        return pl.Experiment(
            **{
                "name": "e",
                "models": tuple(
                    pl.ModelSpec(id=f"openai/{name}", name=name) for name in self.effects
                ),
                "variants": ("p",),
                "preambles": {"p": pl.Preamble(name="p", text="Think first.")},
                "suite": suite,
                "rubric": RUBRIC,
                "scorers": (),
                "repetitions": spent.most,
                "repetition_rule": spent.rule,
                **more,
            }
        )
