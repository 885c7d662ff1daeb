"""What is true of a simulated model: its expected gain from a preamble, by long simulation."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, Final

from preamblelab.domain.records import Response
from preamblelab.domain.tasks import Task
from preamblelab.execution.breaker import Breaker
from preamblelab.execution.simulated import SimulatedProvider

Mark = Callable[[Task, Response], float]
"""Points, from 0 to 100, of an answer to a task."""

USUAL_SETTINGS: Final[Mapping[str, Any]] = {"temperature": 0.8, "max_tokens": 2048}
"""The settings of the shipped quickstart, for which truths are published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """A model's expected effect of a system text, and how exactly it is known."""

    model: str
    """The id, `sim/` with it."""
    effect: float
    """Expected points under the text minus expected points without a system message."""
    standard_error: float
    """Of the effect, points; from the number of draws alone."""
    baseline: float
    """Expected points without a system message."""
    draws: int
    """Answers per task and arm that it was computed from."""


def simulate_points(
    model: str,
    system: str | None,
    *,
    tasks: Sequence[Task],
    mark: Mark,
    draws: int,
    settings: Mapping[str, Any] = USUAL_SETTINGS,
    seed: int = 0,
) -> tuple[tuple[float, ...], ...]:
    """Points of many answers of one arm: for each task, `draws` of them.

    Answers are drawn as in a run, loops cut by the circuit breaker, and marked.

    Args:
        model: `sim/NAME` or `NAME`.
        system: the system text; None for an arm without a system message.
        tasks: what is asked.
        mark: how answers are marked.
        draws: answers per task.
        settings: of every call; its seed is replaced.
        seed: another one gives an independent draw.

    Raises:
        LookupError: there is no such model.
    """
    # Far from the seeds that a run counts up from, so that a run is independent evidence.
    first = 10_000_019 * (seed + 1)
    return tuple(
        tuple(
            mark(task, _answer(model, system, task, settings, each))
            for each in range(first, first + draws)
        )
        for task in tasks
    )


def truth_of(
    model: str,
    baseline: Sequence[Sequence[float]],
    variant: Sequence[Sequence[float]],
) -> Truth:
    """The expected effect from the points of two arms, each task counting the same.

    Args:
        model: `sim/NAME` or `NAME`.
        baseline: points of the arm without a system message, by task, from `simulate_points`.
        variant: those of the other arm, of the same tasks and seeds.

    Raises:
        ValueError: fewer than two draws, no task, or arms of different shape.
    """
    draws = min((len(points) for points in (*baseline, *variant)), default=0)
    if draws < 2:
        raise ValueError("a truth needs at least one task and two draws")
    effects, variance = [], 0.0
    for without, under in zip(baseline, variant, strict=True):
        # Paired, since one seed drew both: a model that hears nothing has exactly no effect.
        differences = [b - a for a, b in zip(without, under, strict=True)]
        effects.append(fmean(differences))
        variance += stdev(differences) ** 2 / len(differences) / len(baseline) ** 2
    return Truth(
        model=f"sim/{model.removeprefix('sim/')}",
        effect=fmean(effects),
        standard_error=math.sqrt(variance),
        baseline=fmean(fmean(points) for points in baseline),
        draws=draws,
    )


def _answer(
    model: str, system: str | None, task: Task, settings: Mapping[str, Any], seed: int
) -> Response:
    """One answer, as the runner would keep it."""
    messages: list[Mapping[str, Any]] = list(task.turns())
    if system is not None:
        messages = [{"role": "system", "content": system}, *messages]
    if task.tools:
        settings = {**settings, "tools": [dict(tool) for tool in task.tools]}
    breaker = Breaker()
    text: list[str] = []
    calls: list[Mapping[str, Any]] = []
    called = model.removeprefix("sim/")
    for piece in SimulatedProvider().stream(called, messages, {**settings, "seed": seed}):
        text.append(piece.text)
        calls += [piece.tool_call] if piece.tool_call else []
        loop = breaker.feed(piece.text) if piece.text else None
        if loop is not None:
            return Response(text="".join(text)[: loop.at], status="looped")
    return Response(text="".join(text), tool_calls=tuple(calls))
