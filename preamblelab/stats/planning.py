"""Owns the planning: which tasks x repetitions x judges reach a wanted precision, at what cost."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from preamblelab.errors import TableError
from preamblelab.stats.codes import Floats
from preamblelab.stats.intervals import found_chance, t_quantile, visible_effect
from preamblelab.stats.sentences import counted

PLANNED = ("task_variant", "repetition", "judge")
MOST_TASKS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spreads:
    """Variances that enter the error of an effect, in points squared.

    Attributes:
        task_variant: between tasks, of a variant's effect on one model (half of its variance).
        repetition: between repetitions of one trial.
        judge: between judges of one answer, beyond their leniency.
    """

    task_variant: float
    repetition: float
    judge: float


def spreads_of(source: pd.DataFrame | Mapping[str, float] | Spreads) -> Spreads:
    """Variances for planning, from `components`, from named variances, or as they are.

    A component that could not be told from another sits inside that one and counts as 0 by itself.

    Args:
        source: the table of `components`, or a mapping of task_variant, repetition and judge to
            variances in points squared (an absent one is 0).

    Raises:
        TableError: task_variant is absent or unknown, or a variance is negative.
    """
    if isinstance(source, Spreads):
        return source
    if isinstance(source, pd.DataFrame):
        named = dict(zip(source["component"], source["variance"], strict=True))
        flags = dict(zip(source["component"], source["flags"], strict=True))
        inside = str(flags.get("task_variant", ""))
        if inside.startswith(("not_separable", "not_estimable")):
            raise TableError(
                f"the pilot cannot show how an effect varies from task to task ({inside}): it "
                "needs a baseline and a variant on two tasks or more"
            )
    else:
        named = dict(source)
        unknown = set(named) - {*PLANNED, "task", "task_model"}
        if unknown or "task_variant" not in named:
            raise TableError(
                f"variances are named {', '.join(PLANNED)}; got {', '.join(sorted(named))}"
            )
    values = {name: float(named.get(name, 0.0)) for name in PLANNED}
    for name, value in values.items():
        if value < 0:
            raise TableError(f"variance {name} is {value:g}: give points squared, 0 or more")
    return Spreads(**{name: 0.0 if np.isnan(value) else value for name, value in values.items()})


def _variance(spreads: Spreads, n_tasks: Floats, n_repetitions: Floats, n_judges: Floats) -> Floats:
    """Variance of an effect: two arms, each averaged over tasks, repetitions and judges."""
    per_task = spreads.task_variant + spreads.repetition / n_repetitions
    per_task = per_task + spreads.judge / (n_repetitions * n_judges)
    return np.asarray(2.0 * per_task / n_tasks, dtype=np.float64)


def _checked(n_tasks: int, n_repetitions: int, n_judges: int) -> tuple[Floats, Floats, Floats]:
    if n_tasks < 2 or n_repetitions < 1 or n_judges < 1:
        raise TableError(
            f"no design: {n_tasks} tasks x {n_repetitions} repetitions x {n_judges} judges; give "
            "at least 2 tasks, 1 repetition and 1 judge"
        )
    return (
        np.array([float(n_tasks)]),
        np.array([float(n_repetitions)]),
        np.array([float(n_judges)]),
    )


def design_half_width(
    components: pd.DataFrame | Mapping[str, float] | Spreads,
    n_tasks: int,
    n_repetitions: int = 1,
    n_judges: int = 1,
    *,
    level: float = 0.95,
) -> float:
    """Half-width, in points, that a design gives the interval of an effect.

    Args:
        components: as `components` gives them, or named variances, see `spreads_of`.
        n_tasks: tasks per arm, at least 2.
        n_repetitions: repetitions of each trial.
        n_judges: judges of each answer.
        level: confidence, between 0 and 1.
    """
    tasks, repetitions, judges = _checked(n_tasks, n_repetitions, n_judges)
    variance = _variance(spreads_of(components), tasks, repetitions, judges)
    return float((t_quantile(level, tasks - 1) * np.sqrt(variance))[0])


def plan_design(
    components: pd.DataFrame | Mapping[str, float] | Spreads,
    half_width: float,
    cost_generation: float = 1.0,
    cost_judge: float = 1.0,
    *,
    level: float = 0.95,
    n_arms: int = 2,
    most_tasks: int = MOST_TASKS,
    most_repetitions: int = 10,
    most_judges: int = 3,
) -> pd.DataFrame:
    """Designs that reach a half-width, the cheapest first.

    Args:
        components: as `components` gives them, or named variances, see `spreads_of`.
        half_width: wanted half-width of the interval of an effect, in points.
        cost_generation: cost of one answer, in any unit.
        cost_judge: cost of one mark, in the same unit.
        level: confidence, between 0 and 1.
        n_arms: variants with the baseline; the cost is arms x tasks x repetitions x (answer +
            judges x mark), per model.
        most_tasks: tasks there are.
        most_repetitions: largest number of repetitions to think of.
        most_judges: largest number of judges to think of.

    Returns:
        One row per mix of repetitions and judges: n_tasks (fewest that do), n_repetitions,
        n_judges, half_width (points), n_answers, n_marks, cost. Empty when no mix does.
    """
    if not half_width > 0:
        raise TableError(f"half-width {half_width!r} is not above 0: give points")
    spreads = spreads_of(components)
    grid = np.indices((most_repetitions, most_judges)).reshape(2, -1) + 1.0
    repetitions, judges = grid[0], grid[1]
    low, high = np.ones(len(judges)), np.full(len(judges), float(most_tasks))

    def width(n_tasks: Floats) -> Floats:
        variance = _variance(spreads, n_tasks, repetitions, judges)
        return np.asarray(t_quantile(level, n_tasks - 1) * np.sqrt(variance), dtype=np.float64)

    reached: npt.NDArray[np.bool_] = (width(high) <= half_width) & (high >= 2)
    while bool((high - low > 1).any()):
        middle = np.floor((low + high) / 2)
        good = width(middle) <= half_width
        low, high = np.where(good, low, middle), np.where(good, middle, high)
    answers = n_arms * high * repetitions
    table = pd.DataFrame(
        {
            "n_tasks": high.astype(np.int64),
            "n_repetitions": repetitions.astype(np.int64),
            "n_judges": judges.astype(np.int64),
            "half_width": width(high),
            "n_answers": answers.astype(np.int64),
            "n_marks": (answers * judges).astype(np.int64),
            "cost": answers * (cost_generation + judges * cost_judge),
        }
    )
    order = ["cost", "n_repetitions", "n_judges"]
    return table[reached].sort_values(order, kind="stable").reset_index(drop=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignPower:
    """What one design can show of an effect.

    Attributes:
        n_tasks: tasks per arm.
        n_repetitions: repetitions of each trial.
        n_judges: judges of each answer.
        level: confidence of the interval.
        half_width: half-width of an effect's interval, in points.
        chance: chance with which `smallest_effect` is found.
        smallest_effect: effect found with that chance, in points.
        chance_of_effect: chance of finding the effect that was asked for; None if none was.
    """

    n_tasks: int
    n_repetitions: int
    n_judges: int
    level: float
    half_width: float
    chance: float
    smallest_effect: float
    chance_of_effect: float | None

    @property
    def sentence(self) -> str:
        """The same in words."""
        design = (
            f"{counted(self.n_tasks, 'task')} x {counted(self.n_repetitions, 'repetition')} x "
            f"{counted(self.n_judges, 'judge')}"
        )
        found = (
            f"{design}: an effect is known to ±{self.half_width:.1f} points; one of "
            f"{self.smallest_effect:.1f} is found in {self.chance:.0%} of such experiments."
        )
        if self.chance_of_effect is None:
            return found
        return f"{found} The effect asked for is found in {self.chance_of_effect:.0%}."


def power(
    components: pd.DataFrame | Mapping[str, float] | Spreads,
    n_tasks: int,
    n_repetitions: int = 1,
    n_judges: int = 1,
    *,
    effect: float | None = None,
    chance: float = 0.8,
    level: float = 0.95,
) -> DesignPower:
    """Say what a design can show: precision, smallest effect, chance of a given effect.

    Args:
        components: as `components` gives them, or named variances, see `spreads_of`.
        n_tasks: tasks per arm, at least 2.
        n_repetitions: repetitions of each trial.
        n_judges: judges of each answer.
        effect: true effect, in points, whose chance of being found is wanted.
        chance: chance with which the smallest effect is to be found, between 0 and 1.
        level: confidence of the interval, between 0 and 1.
    """
    tasks, repetitions, judges = _checked(n_tasks, n_repetitions, n_judges)
    se = np.sqrt(_variance(spreads_of(components), tasks, repetitions, judges))
    df = tasks - 1
    quantile = t_quantile(level, df)
    found = None
    if effect is not None:
        # Without any spread every effect is seen.
        ratio = np.where(se > 0, abs(effect) / np.where(se > 0, se, 1.0), np.inf)
        known = found_chance(np.minimum(ratio, quantile + 30.0), df, quantile)
        found = float(np.nan_to_num(known, nan=1.0)[0])
    return DesignPower(
        n_tasks=n_tasks,
        n_repetitions=n_repetitions,
        n_judges=n_judges,
        level=level,
        half_width=float((quantile * se)[0]),
        chance=chance,
        smallest_effect=float(visible_effect(se, df, level=level, chance=chance)[0]),
        chance_of_effect=found,
    )
