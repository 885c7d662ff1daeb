"""Owns what a table of scores says of its tasks: difficulty, discrimination, and information."""

import math
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd

from preamblelab.stats.codes import Floats
from preamblelab.stats.tables import trial_scores

__all__ = ["ITEM_COLUMNS", "item_statistics"]

ITEM_COLUMNS: Final = (
    "task", "models", "answers", "missing", "mean", "difficulty", "discrimination", "spread",
    "noise", "finding",
)  # fmt: skip
"""Columns of `item_statistics`."""

_FEWEST_SUBJECTS: Final = 3
_LEVEL: Final = 0.95


def item_statistics(
    df: pd.DataFrame, *, ceiling: float = 95.0, floor: float = 5.0, margin: float = 5.0
) -> pd.DataFrame:
    """Say of each task how hard it is and how well it tells stronger models from weaker ones.

    A subject is one model under one variant. The discrimination is the corrected item-total
    correlation: that of the subjects' scores on the task with their means over all other tasks
    (Lord and Novick 1968, chapter 15). The spread between models is compared with the range that
    equal models would show in 95 of 100 runs, by the studentised range of the repetitions' noise
    (Tukey's honest significant difference).

    Args:
        df: one row per trial (or per mark), see `trial_scores`; score 0 to 100 or missing.
        ceiling: every model's mean at or above it is a ceiling, in points.
        floor: every model's mean at or below it is a floor, in points.
        margin: a spread between models below it is no difference, in points.

    Returns:
        One row per task, sorted by name. `mean`: of the models' means, points; `difficulty`: 100
        minus it; `discrimination`: -1 to 1, missing with fewer than three subjects or two tasks,
        or where nothing varies; `spread`: highest minus lowest model mean, points; `noise`: the
        range that equal models would show, points, missing without repetitions; `finding`:
        `ceiling`, `floor`, `no difference` (less than the margin), `within noise` (more than the
        margin, less than the noise: nothing is shown either way), `backwards` (weaker models do
        better: discrimination below -0.2), `unscored`, or empty. Repetitions that are copies of
        one another, as at temperature 0, show no noise.

    Raises:
        TableError: see `check_columns`.
    """
    trials = trial_scores(df)
    cells = (
        trials.groupby(["task", "model", "variant"], sort=True)["score"]
        .agg(["mean", "var", "count", "size"])
        .reset_index()
    )
    grid = cells.pivot_table(
        index=["model", "variant"], columns="task", values="mean", dropna=False
    )
    rows = []
    for task, part in cells.groupby("task", sort=True):
        models = part.groupby("model")["mean"].mean().dropna()
        spread = float(models.max() - models.min()) if len(models) > 1 else math.nan
        noise = _noise(part)
        mean = float(models.mean()) if len(models) else math.nan
        discrimination = _discrimination(grid, str(task))
        rows.append(
            {
                "task": task,
                "models": len(models),
                "answers": int(part["count"].sum()),
                "missing": int((part["size"] - part["count"]).sum()),
                "mean": mean,
                "difficulty": 100.0 - mean,
                "discrimination": discrimination,
                "spread": spread,
                "noise": noise,
                "finding": _finding(
                    models.to_numpy(dtype=np.float64),
                    noise,
                    discrimination,
                    bounds=(floor, ceiling),
                    margin=margin,
                ),
            }
        )
    return pd.DataFrame(rows, columns=list(ITEM_COLUMNS))


def _discrimination(grid: pd.DataFrame, task: str) -> float:
    """Correlation of a task's scores with the means of the other tasks, over subjects."""
    if task not in grid or grid.shape[1] < 2:
        return math.nan
    pair = pd.DataFrame({"own": grid[task], "rest": grid.drop(columns=task).mean(axis=1)}).dropna()
    own, rest = pair["own"].to_numpy(np.float64), pair["rest"].to_numpy(np.float64)
    if len(pair) < _FEWEST_SUBJECTS or np.ptp(own) < 1e-9 or np.ptp(rest) < 1e-9:
        return math.nan
    return float(np.corrcoef(own, rest)[0, 1])


def _noise(part: pd.DataFrame) -> float:
    """Range of the means of equal models that repetitions alone would exceed once in twenty."""
    known = part[part["count"] > 1]
    scored = part[part["count"] > 0]
    models = scored["model"].nunique()
    freedom = int((known["count"] - 1).sum())
    if models < 2 or freedom < 1:
        return math.nan
    weights = (known["count"] - 1).to_numpy(np.float64)
    within = float(np.average(known["var"].to_numpy(np.float64), weights=weights))
    # A model's mean is that of its cells, a cell's that of its trials.
    squared = (1.0 / scored["count"]).groupby(scored["model"])
    share = float((squared.sum() / squared.count() ** 2).mean())
    return _range_of_equals(models, freedom) * math.sqrt(within * share)


@lru_cache(maxsize=256)
def _range_of_equals(groups: int, freedom: int) -> float:
    """The studentised range's upper 5 % point; it is dear and rests on two counts alone."""
    from scipy.stats import studentized_range

    return float(studentized_range.ppf(_LEVEL, groups, freedom))


def _finding(
    means: Floats,
    noise: float,
    discrimination: float,
    *,
    bounds: tuple[float, float],
    margin: float,
) -> str:
    """What keeps a task from telling models apart; empty when nothing seems to."""
    floor, ceiling = bounds
    if means.size == 0:
        return "unscored"
    if means.min() >= ceiling:
        return "ceiling"
    if means.max() <= floor:
        return "floor"
    if means.size > 1:
        spread = float(np.ptp(means))
        if spread < margin:
            return "no difference"
        if not math.isnan(noise) and spread < noise:
            return "within noise"
    return "backwards" if discrimination < -0.2 else ""
