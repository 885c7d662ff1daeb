"""Judges against judges on the same answers: disagreement, leniency, alpha, and family favour."""

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from preamblelab.errors import TableError
from preamblelab.stats.codes import Codes, Floats
from preamblelab.stats.intervals import t_quantile
from preamblelab.stats.reliability import (
    Share,
    absolute_icc,
    clustered_mean,
    krippendorff_alpha,
)
from preamblelab.stats.tables import check_columns, column_codes, combined_codes

RANKABLE_ALPHA = 0.667
"""Krippendorff's bound: under it, do not rank on that dimension."""

AGREEMENT_COLUMNS = (
    "dimension",
    "judge_a",
    "judge_b",
    "n",
    "n_tasks",
    "threshold",
    "threshold_share",
    "disagreement",
    "disagreement_low",
    "disagreement_high",
    "bias",
    "bias_low",
    "bias_high",
    "judge_sd",
    "alpha",
    "icc",
    "flags",
    "sentence",
)
"""What `judge_agreement` returns."""


def judge_agreement(
    df: pd.DataFrame,
    threshold: float = 2.0,
    *,
    maxima: Mapping[str, float] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """How far judges agree, for each dimension and each two of them.

    A disagreement rate alone says little: with the same noise it depends on the scale, and it does
    not see whether the answers differ more than the judges do. So it stands beside the leniency,
    the judge's own spread, and Krippendorff's alpha.

    Args:
        df: Long score table with the column `judge`, one row per answer, judge and dimension.
        threshold: Difference in points that counts as a disagreement, this one included.
        maxima: Dimension to its highest points; without it the highest mark seen stands in.
        level: Confidence, 0 to 1.

    Returns:
        A row per dimension (and ``total``, where there are several) and two judges, and one with
        judges ``all`` where there are more than two: `n` answers marked by both, `n_tasks,
        threshold, threshold_share` (of the maximum), `disagreement` (share, task-clustered
        interval), `bias` (points by which a is more lenient than b, with interval), `judge_sd`
        (points, sd of the difference / sqrt 2), `alpha`, `icc` (ICC(A,1)), `flags` and `sentence`.
        A row ``all`` has the disagreement of all its pairs and no bias.

    Examples:
        >>> marks = [("m", "v", t, 1, j, s + 4 * (j == "mild"))
        ...          for t, s in enumerate((20, 50, 80)) for j in ("mild", "strict")]
        >>> names = ["model", "variant", "task", "repetition", "judge", "score"]
        >>> row = judge_agreement(pd.DataFrame(marks, columns=names)).iloc[0]
        >>> float(row["bias"]), float(row["disagreement"])
        (4.0, 1.0)

    Raises:
        TableError: There is no column `judge`, or only one judge.
    """
    marks = _Marks.of(df)
    rows = []
    for dimension, cells in marks.by_dimension().items():
        if np.isnan(cells).all():
            continue  # nobody gave points here
        highest = (maxima or {}).get(dimension, float(np.nanmax(cells)))
        for a, b in combinations(range(len(marks.judges)), 2):
            pair = cells[:, [a, b]]
            names = (marks.judges[a], marks.judges[b])
            rows.append(_pair_row(dimension, names, pair, marks.task, threshold, highest, level))
        if len(marks.judges) > 2:
            rows.append(_all_row(dimension, cells, marks.task, threshold, highest, level))
    return pd.DataFrame(rows, columns=list(AGREEMENT_COLUMNS))


def family_favour(
    df: pd.DataFrame,
    families: Mapping[str, str],
    judge_families: Mapping[str, str],
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """Points that a judge gives answers of its own family beyond what the other judges give them.

    For each answer: the judge's mark minus the mean of the other judges' marks. Its mean on the
    own family's answers minus its mean on the rest is the favour: leniency and quality cancel.

    Args:
        df: Long score table with `judge`; dimensions are summed.
        families: Model to family.
        judge_families: Judge to family.
        level: Confidence, 0 to 1.

    Returns:
        A row per judge: `judge, family, n_own, n_other, favour, low, high` (points), `flags`
        (``no_own_answers``, ``no_other_answers``, ``no_other_judge``) and `sentence`.
    """
    marks = _Marks.of(df)
    cells = marks.by_dimension()["total" if len(marks.dimensions) > 1 else marks.dimensions[0]]
    of_model = np.array([families.get(str(model), "") for model in marks.model], dtype=object)
    rows = []
    for place, judge in enumerate(marks.judges):
        family = judge_families.get(judge, "")
        others = np.delete(cells, place, axis=1)
        count = np.isfinite(others).sum(axis=1)
        mean = np.where(np.isfinite(others), others, 0.0).sum(axis=1) / np.maximum(count, 1)
        gap = np.where(count > 0, cells[:, place] - mean, np.nan)
        own = (of_model == family) & (family != "") & np.isfinite(gap)
        rest = (of_model != family) & np.isfinite(gap)
        found, flag = _contrast(gap, own, rest, marks.task, level)
        if not np.isfinite(gap).any():
            flag = "no_other_judge"
        says = (
            f"{judge}: cannot be said ({flag})."
            if flag
            else f"{judge}: {found.value:+.1f} points for its own family "
            f"({found.low:+.1f} to {found.high:+.1f}), quality and leniency taken off."
        )
        row = (judge, family or None, int(own.sum()), int(rest.sum()))
        rows.append((*row, found.value, found.low, found.high, flag, says))
    columns = ["judge", "family", "n_own", "n_other", "favour", "low", "high", "flags", "sentence"]
    return pd.DataFrame(rows, columns=columns)


def _contrast(
    gap: Floats, own: NDArray[np.bool_], rest: NDArray[np.bool_], task: Codes, level: float
) -> tuple[Share, str]:
    """Mean on own answers minus mean on the rest, clustered by task."""
    if not own.any() or not rest.any():
        return Share(np.nan, np.nan, np.nan), "no_own_answers" if not own.any() else (
            "no_other_answers"
        )
    value = float(gap[own].mean() - gap[rest].mean())
    pull = np.zeros(len(gap))
    pull[own] = (gap[own] - gap[own].mean()) / own.sum()
    pull[rest] = -(gap[rest] - gap[rest].mean()) / rest.sum()
    used = own | rest
    code = np.unique(task[used], return_inverse=True)[1]
    k = int(code.max()) + 1
    if k < 2:
        return Share(value, np.nan, np.nan), ""
    sums = np.bincount(code, weights=pull[used])
    half = float(t_quantile(level, k - 1.0)) * float(np.sqrt(k / (k - 1) * (sums**2).sum()))
    return Share(value, value - half, value + half), ""


class _Marks(NamedTuple):
    """Marks as answers x dimensions x judges."""

    judges: tuple[str, ...]
    dimensions: tuple[str, ...]
    cells: Floats
    task: Codes
    model: NDArray[np.object_]

    @classmethod
    def of(cls, df: pd.DataFrame) -> "_Marks":
        table = check_columns(df)
        if "judge" not in table.columns:
            raise TableError("agreement needs the column 'judge': one row per answer and judge")
        table = table[table["judge"].notna()]
        judge, judges = pd.factorize(table["judge"], sort=True)
        if len(judges) < 2:
            raise TableError(
                f"one judge alone ({', '.join(map(str, judges))}) agrees with nobody: add a second"
            )
        if "dimension" in table.columns:
            dimension, names = pd.factorize(table["dimension"], sort=True)
        else:
            dimension, names = np.zeros(len(table), dtype=np.int64), pd.Index(["score"])
        keys = [column_codes(table[c]) for c in ("model", "variant", "task", "repetition")]
        answer, first = combined_codes(keys)
        cells = np.full((len(first), len(names), len(judges)), np.nan)
        cells[answer, dimension, judge] = table["score"].to_numpy(dtype=float, na_value=np.nan)
        return cls(
            judges=tuple(str(name) for name in judges),
            dimensions=tuple(str(name) for name in names),
            cells=cells,
            task=keys[2][0][first],
            model=table["model"].to_numpy()[first],
        )

    def by_dimension(self) -> dict[str, Floats]:
        """Answers x judges for each dimension, and for the total where there are several."""
        found = {name: self.cells[:, i] for i, name in enumerate(self.dimensions)}
        if len(self.dimensions) > 1:
            # A plain sum: a judge who left a dimension out has no total.
            found["total"] = self.cells.sum(axis=1)
        return found


def _pair_row(
    dimension: str,
    names: tuple[str, str],
    pair: Floats,
    task: Codes,
    threshold: float,
    highest: float,
    level: float,
) -> dict[str, object]:
    both = np.isfinite(pair).all(axis=1)
    gap = pair[both, 0] - pair[both, 1]
    tasks = task[both]
    rate = clustered_mean(_apart(gap, threshold), tasks, level, (0.0, 1.0))
    bias = clustered_mean(gap, tasks, level, (-highest, highest))
    alpha = krippendorff_alpha(pair)
    flag = _flag(len(gap), alpha)
    return {
        "dimension": dimension,
        "judge_a": names[0],
        "judge_b": names[1],
        "n": len(gap),
        "n_tasks": len(np.unique(tasks)),
        "threshold": threshold,
        "threshold_share": threshold / highest if highest > 0 else np.nan,
        "disagreement": rate.value,
        "disagreement_low": rate.low,
        "disagreement_high": rate.high,
        "bias": bias.value,
        "bias_low": bias.low,
        "bias_high": bias.high,
        "judge_sd": float(gap.std(ddof=1) / np.sqrt(2.0)) if len(gap) > 1 else np.nan,
        "alpha": alpha,
        "icc": absolute_icc(pair),
        "flags": flag,
        "sentence": _sentence(dimension, names, rate, bias, alpha, threshold, flag),
    }


def _all_row(
    dimension: str, cells: Floats, task: Codes, threshold: float, highest: float, level: float
) -> dict[str, object]:
    pairs = np.array(list(combinations(range(cells.shape[1]), 2)))
    gap = cells[:, pairs[:, 0]] - cells[:, pairs[:, 1]]
    known = np.isfinite(gap)
    count = known.sum(axis=1)
    apart = np.where(known, _apart(np.where(known, gap, 0.0), threshold), 0.0).sum(axis=1)
    marked = count > 0
    rate = clustered_mean(
        np.where(marked, apart / np.maximum(count, 1), np.nan), task, level, (0.0, 1.0)
    )
    alpha = krippendorff_alpha(cells)
    flag = _flag(int(marked.sum()), alpha)
    says = f"{dimension}, all judges: apart by {threshold:g} or more in {rate.value:.0%} of pairs"
    return {
        "dimension": dimension,
        "judge_a": "all",
        "judge_b": "all",
        "n": int(marked.sum()),
        "n_tasks": len(np.unique(task[marked])),
        "threshold": threshold,
        "threshold_share": threshold / highest if highest > 0 else np.nan,
        "disagreement": rate.value,
        "disagreement_low": rate.low,
        "disagreement_high": rate.high,
        "bias": np.nan,
        "bias_low": np.nan,
        "bias_high": np.nan,
        "judge_sd": float(np.sqrt(np.nanmean(np.where(known, gap, np.nan) ** 2) / 2.0))
        if known.any()
        else np.nan,
        "alpha": alpha,
        "icc": absolute_icc(cells),
        "flags": flag,
        "sentence": f"{says}; alpha {alpha:.2f}{_advice(flag)}",
    }


def _apart(gap: Floats, threshold: float) -> Floats:
    # Means of marks carry rounding: 2.9999999 is a difference of 3.
    return (np.abs(gap) >= threshold - 1e-9).astype(float)


def _flag(n: int, alpha: float) -> str:
    if n == 0:
        return "no_shared_answers"
    if not np.isfinite(alpha):
        return "no_variation"
    return "low_agreement" if alpha < RANKABLE_ALPHA else ""


def _advice(flag: str) -> str:
    return "; do not rank on it." if flag == "low_agreement" else "."


def _sentence(
    dimension: str,
    names: tuple[str, str],
    rate: Share,
    bias: Share,
    alpha: float,
    threshold: float,
    flag: str,
) -> str:
    who = f"{dimension}, {names[0]} and {names[1]}"
    if flag == "no_shared_answers":
        return f"{who}: never marked the same answer; nothing can be compared."
    mild = names[0] if bias.value >= 0 else names[1]
    text = (
        f"{who}: apart by {threshold:g} or more on {rate.value:.0%} of the answers "
        f"({rate.low:.0%} to {rate.high:.0%}); {mild} is milder by {abs(bias.value):.2g}"
    )
    if flag == "no_variation":
        return text + "; no answer differs from another, so alpha says nothing."
    return f"{text}; alpha {alpha:.2f}{_advice(flag)}"
