"""Owns the pairing: cells of each variant beside the baseline's of the same model and task."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from preamblelab.errors import TableError
from preamblelab.stats.codes import Codes, Floats, column_codes, combined_codes, group_sums
from preamblelab.stats.intervals import Flags, Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Cells of every variant beside those of the baseline; arrays, one entry per task of a pair.

    Attributes:
        names: one row per pair (model x variant): its names, and size where given.
        pair: code of the pair of each entry.
        task: code of the task.
        cluster: code of the source of the task, or None when no task has one.
        variant: columns score, variance, n_repetitions, distinct_outputs, missing of the variant.
        baseline: the same of the baseline; missing where the baseline has no such cell.
        met: both arms have the cell, scored or not.
    """

    names: pd.DataFrame
    pair: Codes
    task: Codes
    cluster: Codes | None
    variant: dict[str, Floats]
    baseline: dict[str, Floats]
    met: Flags

    @property
    def difference(self) -> Floats:
        """Variant minus baseline, in points; missing where either is."""
        return self.variant["score"] - self.baseline["score"]


def paired_cells(cells: pd.DataFrame, *, baseline: str, by: Sequence[str] = ()) -> Pairs:
    """Put the cells of every variant beside the baseline's cells of the same model and task.

    Args:
        cells: as `cell_means` gives them.
        baseline: name of the variant to compare with.
        by: further columns that tell cells apart.

    Raises:
        TableError: no cells, or no such baseline.
    """
    if cells.empty:
        raise TableError("the score table has no rows: run or score something first")
    is_baseline = (cells["variant"] == baseline).to_numpy(dtype=bool)
    if not is_baseline.any():
        known = ", ".join(sorted({str(name) for name in cells["variant"]}))
        raise TableError(
            f"no variant is named '{baseline}'; there are: {known}; name one with baseline="
        )
    place, _ = combined_codes([column_codes(cells[name]) for name in (*by, "model", "task")])
    partner = np.full(int(place.max()) + 1, -1, dtype=np.int64)
    partner[place[is_baseline]] = np.flatnonzero(is_baseline)
    rows = np.flatnonzero(~is_baseline)
    match = partner[place[rows]]
    keys = [*by, "model", "variant"]
    chosen = cells.iloc[rows]
    pair, first = (
        combined_codes([column_codes(chosen[name]) for name in keys]) if len(rows) else (rows, rows)
    )
    carried = [name for name in ("size",) if name in cells and name not in keys]
    figures = ("score", "variance", "n_repetitions", "distinct_outputs", "missing")
    columns = {name: cells[name].to_numpy(dtype=np.float64) for name in figures}
    return Pairs(
        names=chosen.iloc[first][[*keys, *carried]].reset_index(drop=True),
        pair=pair,
        task=column_codes(chosen["task"])[0],
        cluster=_clusters(chosen),
        variant={name: values[rows] for name, values in columns.items()},
        baseline={
            name: np.where(match >= 0, values[match], np.nan) for name, values in columns.items()
        },
        met=match >= 0,
    )


def _clusters(cells: pd.DataFrame) -> Codes | None:
    """Code of the source of each task; a task without one is its own source."""
    if "cluster" not in cells or not bool(cells["cluster"].notna().any()):
        return None
    named = cells[["task", "cluster"]].drop_duplicates()
    if bool(named["task"].duplicated().any()):
        task = named.loc[named["task"].duplicated(), "task"].iloc[0]
        raise TableError(f"task {task!r} is in two clusters: give each task one source")
    codes, _ = pd.factorize(cells["cluster"], sort=True)
    tasks, _ = column_codes(cells["task"])
    return np.where(codes >= 0, codes, codes.max() + 1 + tasks).astype(np.int64)


def repetition_summary(pairs: Pairs, both: Flags) -> tuple[Summary, Flags, Floats]:
    """Error of the effect with the tasks held fixed: Satterthwaite over the cells.

    Returns:
        The summary, where every cell was repeated, and the error that repeating alone leaves
        (from the cells that were repeated, where some were not).
    """
    n_pairs = len(pairs.names)
    pair = pairs.pair[both]
    arms = [
        {name: values[both] for name, values in arm.items()}
        for arm in (pairs.variant, pairs.baseline)
    ]
    repeated = np.logical_and.reduce([arm["distinct_outputs"] >= 2 for arm in arms])

    def total(values: Floats) -> Floats:
        return group_sums(values[repeated], pair[repeated], n_pairs)

    with np.errstate(invalid="ignore", divide="ignore"):
        parts = [arm["variance"] / arm["distinct_outputs"] for arm in arms]
        squares = [
            part**2 / (arm["distinct_outputs"] - 1) for part, arm in zip(parts, arms, strict=True)
        ]
        variance = total(parts[0] + parts[1])
        n_tasks = np.bincount(pair, minlength=n_pairs).astype(np.float64)
        n_repeated = total(np.ones(len(pair)))
        every = (n_repeated == n_tasks) & (n_tasks > 0)
        df = variance**2 / total(squares[0] + squares[1])
        trials = [
            np.bincount(pair, weights=arm["distinct_outputs"], minlength=n_pairs) for arm in arms
        ]
        mean = np.bincount(pair, weights=pairs.difference[both], minlength=n_pairs) / n_tasks
        se_repetitions = np.sqrt(variance / n_repeated / n_tasks)
    summary = Summary(
        n_values=n_tasks,
        n_units=np.minimum(trials[0], trials[1]),
        mean=mean,
        se=np.sqrt(variance) / np.maximum(n_tasks, 1.0),
        df=df,
    )
    return summary, every, se_repetitions


def missing_shares(pairs: Pairs) -> dict[str, Any]:
    """Answers without a score, and their share in each arm of the tasks both arms were given."""
    n_pairs = len(pairs.names)
    found: dict[str, Any] = {"missing": np.zeros(n_pairs)}
    pair = pairs.pair[pairs.met]
    for name, arm in (("baseline", pairs.baseline), ("variant", pairs.variant)):
        missing = np.bincount(pair, weights=arm["missing"][pairs.met], minlength=n_pairs)
        scored = np.bincount(pair, weights=arm["distinct_outputs"][pairs.met], minlength=n_pairs)
        with np.errstate(invalid="ignore", divide="ignore"):
            found[f"missing_{name}_share"] = missing / (missing + scored)
        found["missing"] = found["missing"] + missing
    found["missing"] = found["missing"].astype(np.int64)
    return found


def filled_scores(
    pairs: Pairs, score_range: tuple[float, float], *, against: bool
) -> tuple[Floats, Floats]:
    """Cell means of both arms with every missing score put at an end of the range.

    Args:
        pairs: the paired cells.
        score_range: lowest and highest possible score.
        against: fill the variant with the lowest and the baseline with the highest; else reversed.

    Returns:
        Variant and baseline, for the entries where both arms have the cell.
    """
    low, high = score_range if against else score_range[::-1]
    return _filled(pairs.variant, pairs.met, low), _filled(pairs.baseline, pairs.met, high)


def _filled(arm: dict[str, Floats], met: Flags, value: float) -> Floats:
    scored, missing = arm["distinct_outputs"][met], arm["missing"][met]
    sums = np.where(scored > 0, arm["score"][met] * scored, 0.0)
    return (sums + missing * value) / (scored + missing)


def mean_columns(pairs: Pairs, n_tasks: Floats) -> dict[str, Floats]:
    """Means over the tasks scored in both arms: of the scores, and of the repetitions per cell."""
    both = ~np.isnan(pairs.difference)

    def total(values: Floats) -> Floats:
        return group_sums(values[both], pairs.pair[both], len(pairs.names))

    arms = (pairs.variant, pairs.baseline)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "n_repetitions": sum(total(arm["n_repetitions"]) for arm in arms) / (2 * n_tasks),
            "distinct_outputs": sum(total(arm["distinct_outputs"]) for arm in arms) / (2 * n_tasks),
            "baseline_mean": total(pairs.baseline["score"]) / n_tasks,
            "variant_mean": total(pairs.variant["score"]) / n_tasks,
        }
