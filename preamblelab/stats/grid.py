"""Trial scores as one array, model x variant x task x repetition, for what must be fast."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from preamblelab.errors import TableError
from preamblelab.stats.codes import Floats, mean_over
from preamblelab.stats.tables import trial_scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Scores of every trial in a dense array; names are sorted, so row order does not matter."""

    models: tuple[str, ...]
    """Names along the first axis."""
    variants: tuple[str, ...]
    """Labels along the second axis; the baseline stands first when it is there."""
    tasks: tuple[str, ...]
    """Tasks along the third axis."""
    repetitions: int
    """Length of the fourth axis: the most different answers that any cell has."""
    score: Floats
    """Score 0 to 100, NaN where missing or never asked; copies of one text are one answer."""
    mean: Floats
    """Model x variant x task: mean score of all answers, copies counted as often as they came."""
    asked: NDArray[np.bool_]
    """Where a trial is in the table, with a score or without."""
    repeats: NDArray[np.bool_]
    """Model x variant x task: the first two answers are one text, so a third would tell nothing."""
    copied: int
    """Repetitions that were byte-identical to an earlier one of their cell."""
    sizes: dict[str, str]
    """Model to size; ``unknown`` where the table does not say."""
    cluster: NDArray[np.int64]
    """Group of each task: tasks of one source are not independent; its own where not said."""

    def variant(self, label: str) -> int:
        """Place of a variant along the second axis.

        Raises:
            TableError: The table has no such variant.
        """
        if label not in self.variants:
            raise TableError(
                f"no variant {label!r} in the table; it has {', '.join(self.variants)}: "
                "name the baseline with baseline=..."
            )
        return self.variants.index(label)


def score_grid(df: pd.DataFrame, baseline: str = "baseline", *, merge_copies: bool = True) -> Grid:
    """Lay a long score table out as an array.

    Args:
        df: Long score table, one row per mark (see `preamblelab.stats.tables`).
        baseline: Label of the arm that the others are compared with.
        merge_copies: Make byte-identical answers of a cell one answer in `score`, as whatever holds
            one answer against another must; False leaves each repetition as it was marked.

    Returns:
        The array with its names.
    """
    trials = trial_scores(df)
    codes, names = {}, {}
    for column in ("model", "variant", "task"):
        code, unique = pd.factorize(trials[column], sort=True)
        codes[column], names[column] = code, tuple(str(name) for name in unique)
    if baseline in names["variant"]:
        codes["variant"], names["variant"] = _first(codes["variant"], names["variant"], baseline)
    repetition, numbers = pd.factorize(trials["repetition"], sort=True)
    shape = (*(len(names[c]) for c in ("model", "variant", "task")), max(len(numbers), 1))
    at = (codes["model"], codes["variant"], codes["task"], repetition)
    score = np.full(shape, np.nan)
    score[at] = trials["score"].to_numpy(dtype=float, na_value=np.nan)
    asked = np.zeros(shape, dtype=bool)
    asked[at] = True
    mean = mean_over(score, axis=-1)
    copied, repeats = 0, np.zeros(shape[:3], dtype=bool)
    if "output_hash" in trials.columns:
        # An empty hash says that the text was not kept, not that two texts are equal.
        text, _ = pd.factorize(trials["output_hash"].mask(trials["output_hash"] == ""))
        texts = np.full(shape, -1, dtype=np.int64)
        texts[at] = text
        if shape[3] > 1:
            repeats = (texts[..., 0] == texts[..., 1]) & (texts[..., 0] >= 0)
        if merge_copies:
            copied = _merge_copies(score, texts)
    return Grid(
        models=names["model"],
        variants=names["variant"],
        tasks=names["task"],
        repetitions=shape[3],
        score=score,
        mean=mean,
        asked=asked,
        repeats=repeats,
        copied=copied,
        sizes=_sizes(trials, names["model"]),
        cluster=_clusters(trials, codes["task"], len(names["task"])),
    )


def _first(
    codes: NDArray[np.intp], names: tuple[str, ...], label: str
) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    order = (label, *(name for name in names if name != label))
    place = np.array([order.index(name) for name in names], dtype=np.intp)
    return place[codes], order


def _merge_copies(score: Floats, texts: NDArray[np.int64]) -> int:
    """Make every later copy of a text part of its first answer; its marks are averaged there."""
    copied = 0
    for first in range(score.shape[3] - 1):
        text = texts[..., first : first + 1]
        same = (texts[..., first:] == text) & (text >= 0)
        twins = same[..., 1:]
        if not twins.any():
            continue
        marked = same & np.isfinite(score[..., first:])
        count = marked.sum(axis=-1)
        total = np.where(marked, score[..., first:], 0.0).sum(axis=-1)
        mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        score[..., first] = np.where(twins.any(axis=-1), mean, score[..., first])
        score[..., first + 1 :][twins] = np.nan
        texts[..., first + 1 :][twins] = -1
        copied += int(twins.sum())
    return copied


def _sizes(trials: pd.DataFrame, models: tuple[str, ...]) -> dict[str, str]:
    if "size" not in trials.columns:
        return dict.fromkeys(models, "unknown")
    pairs = trials[["model", "size"]].dropna().drop_duplicates()
    twice = pairs["model"][pairs["model"].duplicated()]
    if len(twice):
        raise TableError(
            f"model {str(twice.iloc[0])!r} has more than one size in the table; give each model one"
        )
    given = {str(m): str(s) for m, s in zip(pairs["model"], pairs["size"], strict=True)}
    return {model: given.get(model, "unknown") for model in models}


def _clusters(trials: pd.DataFrame, task: NDArray[np.intp], n_tasks: int) -> NDArray[np.int64]:
    if "cluster" not in trials.columns or trials["cluster"].isna().all():
        return np.arange(n_tasks, dtype=np.int64)
    code, names = pd.factorize(trials["cluster"], sort=True)
    result = np.full(n_tasks, -1, dtype=np.int64)
    result[task] = code
    lost = result < 0
    result[lost] = len(names) + np.arange(int(lost.sum()))
    if (result[task] != np.where(code < 0, result[task], code)).any():
        raise TableError("a task belongs to two clusters in the table; give each task one")
    return result
