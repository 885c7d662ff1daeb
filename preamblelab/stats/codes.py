"""Owns the numbering of names, whole numbers from 0, and sums and means over them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
SCORE_RANGE = (0.0, 100.0)
"""Lowest and highest possible score, in points."""


def column_codes(column: "pd.Series[Any]") -> tuple[Codes, int]:
    """Number the distinct values of a column in sorted order; missing values are one value."""
    codes, values = pd.factorize(column, sort=True, use_na_sentinel=False)
    return codes.astype(np.int64), len(values)


def combined_codes(parts: Sequence[tuple[Codes, int]]) -> tuple[Codes, Codes]:
    """Number the distinct combinations of several code columns in sorted order.

    Args:
        parts: (codes, number of values) of each column, all of one length.

    Returns:
        The code of each row, and for each code the first row that has it.
    """
    codes, size = parts[0]
    for more, n_values in parts[1:]:
        if size * n_values > 2**62:
            codes, first = compressed(codes, size)
            size = len(first)
        # In place: a temporary of millions of codes costs more to map than to fill.
        codes, size = codes * n_values, size * n_values
        codes += more
    return compressed(codes, size)


def compressed(codes: Codes, size: int) -> tuple[Codes, Codes]:
    """Renumber codes below `size` without gaps; the new codes, and the first row of each."""
    if size > 4 * len(codes) + 1000:
        _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
        return inverse.astype(np.int64), first.astype(np.int64)
    present = np.zeros(size, dtype=bool)
    present[codes] = True
    inverse = (np.cumsum(present) - 1)[codes]
    first = np.empty(int(present.sum()), dtype=np.int64)
    first[inverse[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return inverse, first


def group_sums(values: Floats, group: Codes, n_groups: int) -> Floats:
    """Sum of the values of each group; 0 for a group without values."""
    return np.bincount(group, weights=values, minlength=n_groups).astype(np.float64)


def mean_over(values: Floats, axis: int) -> Floats:
    """Mean of what is there; NaN (and no warning) where nothing is."""
    there = np.isfinite(values)
    count = there.sum(axis=axis)
    total = np.where(there, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
