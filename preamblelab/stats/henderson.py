"""Owns Henderson's method III: variances of nested groups from sequential sums of squares.

Unbiased with missing cells. Source: Henderson, Biometrics 9 (1953), 226-252; Searle, Casella and
McCulloch, Variance Components (1992), section 5.4.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from preamblelab.stats.codes import Codes, Floats, group_sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One variance of the chain.

    Attributes:
        name: level of the chain.
        variance: estimate in points squared, never negative; missing where nothing shows it.
        raw: the estimate before negatives were set to 0.
        df: degrees of freedom of its sum of squares.
        flag: "", "negative_set_to_0", "not_estimable", or "not_separable: inside <level>".
    """

    name: str
    variance: float
    raw: float
    df: int
    flag: str


def chain_components(
    values: Floats, fixed: Codes, judge: Codes, chain: Sequence[tuple[str, Codes]]
) -> list[Component]:
    """Variances of a chain of ever finer groups beside two fixed factors.

    Args:
        values: one value per row, in points.
        fixed: code of the fixed group of each row (model x variant).
        judge: code of the second fixed factor of each row.
        chain: (name, codes) from the coarsest to the finest level; every level nests in the one
            before; the last has one group per row and is the residual.

    Returns:
        One component per level, in the order of the chain. A level that parts the rows no finer
        than the one before cannot be told from it and is named as being inside it.
    """
    kept: list[tuple[str, Codes]] = []
    inside: dict[str, str] = {}
    sizes: dict[str, int] = {}
    for name, codes in chain:
        size = int(codes.max(initial=-1)) + 1
        if kept and size == sizes[kept[-1][0]]:
            inside[name] = kept[-1][0]
        else:
            kept.append((name, codes))
            sizes[name] = size
    found = {item.name: item for item in _sequential(values, fixed, judge, kept)}
    return [
        found.get(name)
        or Component(
            name=name,
            variance=np.nan,
            raw=np.nan,
            df=0,
            flag=f"not_separable: inside {inside[name]}",
        )
        for name, _ in chain
    ]


def _sequential(
    values: Floats, fixed: Codes, judge: Codes, chain: list[tuple[str, Codes]]
) -> list[Component]:
    centred = values - values.mean()
    both = sparse.hstack([_indicator(fixed), _indicator(judge)]).tocsr()
    only_judge = _indicator(judge)
    fits = [_Fit(centred, fixed, only_judge)]
    # From the level that nests in the fixed groups on, their columns add nothing.
    fits += [
        _Fit(centred, codes, only_judge if _nested(codes, fixed) else both)
        for _, codes in chain[:-1]
    ]
    squares = np.diff([fit.reduction for fit in fits], append=float(centred @ centred))
    freedom = np.diff([fit.rank for fit in fits], append=len(values))
    n_levels = len(chain)
    traces = np.full((n_levels, n_levels - 1), float(len(values)))
    for row, fit in enumerate(fits):
        for column in range(row, n_levels - 1):
            traces[row, column] = fit.trace(chain[column][1])
    weights = np.vstack([np.diff(traces, axis=0), len(values) - traces[-1]])
    return _solved([name for name, _ in chain], squares, freedom, weights)


def _solved(names: list[str], squares: Floats, freedom: Codes, weights: Floats) -> list[Component]:
    """Equate the sums of squares to their expectations, from the residual upwards."""
    last = len(names) - 1
    variances = np.zeros(len(names))
    found: list[Component] = []
    for level in range(last, -1, -1):
        explained = float(weights[level, level + 1 :] @ variances[level + 1 : last])
        explained += float(freedom[level] * variances[last]) if level < last else 0.0
        own = float(freedom[level]) if level == last else float(weights[level, level])
        if freedom[level] <= 0 or own <= 1e-9:
            raw, flag = np.nan, "not_estimable"
        else:
            raw = (float(squares[level]) - explained) / own
            flag = "negative_set_to_0" if raw < 0 else ""
            variances[level] = max(raw, 0.0)
        variance = np.nan if flag == "not_estimable" else float(variances[level])
        found.append(
            Component(
                name=names[level], variance=variance, raw=raw, df=int(freedom[level]), flag=flag
            )
        )
    return found[::-1]


class _Fit:
    """Projection on one set of groups and a few further columns, the groups swept out first."""

    def __init__(self, values: Floats, groups: Codes, columns: sparse.csr_matrix) -> None:
        self.groups, self.columns = groups, columns
        self.counts = np.bincount(groups).astype(np.float64)
        self.spread = sparse.diags(1.0 / self.counts)
        crossed = _indicator(groups).T @ columns
        self.means = (self.spread @ crossed).tocsr()
        matrix = (columns.T @ columns - crossed.T @ self.means).toarray()
        found, vectors = np.linalg.eigh(matrix)
        kept = found > 1e-9 * max(1.0, float(found.max(initial=0.0)))
        self.inverse = (vectors[:, kept] / found[kept]) @ vectors[:, kept].T
        self.rank = len(self.counts) + int(kept.sum())
        sums = group_sums(values, groups, len(self.counts))
        rest = columns.T @ values - crossed.T @ (sums / self.counts)
        self.reduction = float(sums**2 @ (1.0 / self.counts) + rest @ self.inverse @ rest)

    def trace(self, finer: Codes) -> float:
        """Trace of Z' P Z for the groups Z of another level: its weight in our sum of squares."""
        other = _indicator(finer)
        shared = (other.T @ _indicator(self.groups)).tocsr()
        crossed = (other.T @ self.columns).tocsr()
        own = float((shared.multiply(shared) @ self.spread).sum())
        mixed = (crossed.T @ shared @ self.means).toarray()
        squared = (self.means.T @ (shared.T @ shared) @ self.means).toarray()
        rest = (crossed.T @ crossed).toarray() - mixed - mixed.T + squared
        return own + float((self.inverse * rest).sum())


def _indicator(codes: Codes) -> sparse.csr_matrix:
    """One row per value with a 1 in the column of its group."""
    rows = np.arange(len(codes))
    shape = (len(codes), int(codes.max(initial=-1)) + 1)
    return sparse.csr_matrix((np.ones(len(codes)), (rows, codes)), shape=shape)


def _nested(fine: Codes, coarse: Codes) -> bool:
    first = np.zeros(int(fine.max(initial=-1)) + 1, dtype=np.int64)
    first[fine] = coarse
    return bool((first[fine] == coarse).all())
