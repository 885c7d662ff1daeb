"""How far a judge's points follow what answers do when they are run: rank correlations."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from scipy import special

from preamblelab.stats.columns import renamed

FEWEST: Final = 8
"""Distinct answers under which no interval is given: it would only look like one."""

COLUMNS: Final = (
    "judge", "dimension", "answers", "distinct", "correlation", "low", "high", "tied", "flags",
)  # fmt: skip


def judged_and_run(
    table: pd.DataFrame, *, by: Sequence[str] = ("judge", "dimension"), level: float = 0.95
) -> pd.DataFrame:
    """Spearman's correlation of judged points with executed worth, for each judge and dimension.

    Byte-identical answers to one task are one observation: their points are averaged first,
    or an answer that is counted twice would vouch for itself. The interval is that of Fisher's z
    with the variance (1 + r**2 / 2) / (n - 3) of Bonett and Wright (2000), "Sample size
    requirements for estimating Pearson, Kendall and Spearman correlations", Psychometrika 65.

    Args:
        table: columns `judged`, `executed` (any scales, more is better), `answer` (equal for
            identical answers) and those of `by`; rows with a missing number are left out.
        by: what is told apart.
        level: of the interval, 0 to 1.

    Returns:
        Columns as in `COLUMNS`: `answers` and `distinct` count; `correlation` from -1 to 1, missing
        where either side does not vary; `tied`: share of distinct answers with the most common
        executed worth, 0 to 1; `flags`: `few` (no interval), `constant`.

    Raises:
        TableError: a column is not there.
    """
    table = renamed(table, ["judged", "executed", "answer", *by])
    rows = []
    known = table.dropna(subset=["judged", "executed"])
    for names, own in known.groupby(list(by), sort=False):
        means = own.groupby("answer", sort=False)[["judged", "executed"]].mean()
        rows.append(
            {
                **dict(zip(by, names, strict=True)),
                "answers": len(own),
                **_correlation(means, level),
            }
        )
    return pd.DataFrame(rows, columns=[*by, *[name for name in COLUMNS if name not in by]])


def _correlation(means: pd.DataFrame, level: float) -> dict[str, object]:
    count = len(means)
    tied = float(means["executed"].value_counts(normalize=True).iloc[0]) if count else math.nan
    row: dict[str, object] = {"distinct": count, "tied": tied, "low": math.nan, "high": math.nan}
    if count < 3 or means["judged"].nunique() < 2 or means["executed"].nunique() < 2:
        return {**row, "correlation": math.nan, "flags": "constant"}
    from scipy.stats import spearmanr  # half a second to import, and few reports need it

    found = float(spearmanr(means["judged"], means["executed"]).statistic)
    row["correlation"] = found
    if count < FEWEST:
        return {**row, "flags": "few"}
    if abs(found) > 1 - 1e-12:
        # Fisher's z has no end; a perfect order leaves the interval open on one side only.
        found = math.copysign(1 - 1e-9, found)
    reach = special.ndtri(0.5 + level / 2) * math.sqrt((1 + found**2 / 2) / (count - 3))
    z = np.arctanh(found)
    low, high = np.tanh([z - reach, z + reach])
    return {**row, "low": float(low), "high": float(high), "flags": ""}
