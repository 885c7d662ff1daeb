"""What one clause of a preamble does across models and variants, and where that differs."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from preamblelab.errors import TableError
from preamblelab.stats.codes import Floats
from preamblelab.stats.folds import Estimate, Folds, estimate
from preamblelab.stats.grid import Grid, score_grid
from preamblelab.stats.intervals import holm, t_p_value, t_quantile
from preamblelab.stats.sentences import LIKE_THESE, MODELS_LIKE_THESE, interval, points

COLUMNS = (
    "group",
    "name",
    "models",
    "variants",
    "n_tasks",
    "effect",
    "low",
    "high",
    "difference",
    "difference_low",
    "difference_high",
    "p_holm",
    "differs",
    "scope",
    "flags",
    "sentence",
)
"""What `factor_effects` returns."""


class _Units(NamedTuple):
    """Effects of the clause: one unit for each model and pair of variants, by task."""

    difference: Floats
    """Score with the clause minus without, units x tasks, points."""
    arm: Floats
    """Score with the clause, units x tasks."""
    model: NDArray[np.int64]
    variant: NDArray[np.int64]


def factor_effects(
    df: pd.DataFrame,
    clause: str,
    *,
    baseline: str = "baseline",
    level: float = 0.95,
) -> pd.DataFrame:
    """Main effect of a clause, such as brevity, and where it differs.

    Every variant with the clause is paired with the same variant without it: labels
    ``name+clause`` with ``name`` (other clauses kept), or a column of the clause's name that says
    whether it was there. Tasks are the sampling unit where there are five or more.

    Args:
        df: Long score table.
        clause: Name of the clause: a part of the labels after ``+``, or a column of true and false.
        baseline: Label of the arm without a preamble.
        level: Confidence, 0 to 1; where it differs is corrected by Holm within each group.

    Returns:
        A row for ``all`` and one for each ``model``, ``variant``, ``size`` and ``model x variant``
        (where there are several): `group, name, models, variants, n_tasks, effect, low, high`
        (points), `difference` from the other rows of the group with `difference_low,
        difference_high` (not corrected), `p_holm, differs` (shown to be different), `scope, flags`
        and `sentence`.

    Examples:
        >>> from preamblelab.stats.simulate import simulate_scores
        >>> df = simulate_scores(variants=("mini", "mini+brief"), repetition_sd=0, task_sd=5,
        ...                      effect={"mini+brief": -3.0}, floor=None, ceiling=None,
        ...                      models={"a": 50.0, "b": 60.0}, variant_task_sd=0)
        >>> float(factor_effects(df, "brief")["effect"].round(6)[0])
        -3.0

    Raises:
        TableError: No variant with the clause has a partner without it.
    """
    table = _labelled(df, clause)
    grid = score_grid(table, baseline)
    pairs = _partners(grid.variants, clause)
    if not pairs:
        raise TableError(
            f"no variant with the clause {clause!r} has a partner without it among "
            f"{', '.join(grid.variants)}: label them name and name+{clause}"
        )
    units = _units(grid, pairs)
    labels = [grid.variants[without] for _, without in pairs]
    rows = [_row("all", clause, np.ones(len(units.model), dtype=bool), units, grid, level)]
    groups = _groups(units, grid, labels)
    for group, members in groups.items():
        present = [(name, own) for name, own in members if _has(units, own)]
        if len(present) < 2:
            continue
        found = [_row(group, name, own, units, grid, level) for name, own in present]
        rows += _corrected(found, 1.0 - level)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _groups(
    units: _Units, grid: Grid, labels: list[str]
) -> dict[str, list[tuple[str, NDArray[np.bool_]]]]:
    """Names of each kind of group, with the units that belong to it."""
    sizes = [grid.sizes[model] for model in grid.models]
    groups: dict[str, list[tuple[str, NDArray[np.bool_]]]] = {
        "model": [(m, units.model == i) for i, m in enumerate(grid.models)],
        "variant": [(v, units.variant == i) for i, v in enumerate(labels)],
        "size": [(s, np.array([sizes[m] == s for m in units.model])) for s in dict.fromkeys(sizes)],
    }
    if len(labels) > 1:
        groups["model x variant"] = [
            (f"{grid.models[m]} / {labels[v]}", (units.model == m) & (units.variant == v))
            for m, v in zip(units.model, units.variant, strict=True)
        ]
    return groups


def _has(units: _Units, own: NDArray[np.bool_]) -> bool:
    return bool(np.isfinite(units.difference[own]).any())


def _labelled(df: pd.DataFrame, clause: str) -> pd.DataFrame:
    """The table with the clause in the labels, where a column told of it."""
    if clause not in df.columns:
        return df
    named = "variant" if "variant" in df.columns else "preamble"
    with_it = df[clause].astype(bool).to_numpy()
    label = df[named].astype(str)
    return df.assign(**{named: label.where(~with_it, label + f"+{clause}")})


def _partners(variants: tuple[str, ...], clause: str) -> list[tuple[int, int]]:
    """Places of each variant with the clause and of its partner without."""
    found = []
    for place, label in enumerate(variants):
        name, *clauses = label.split("+")
        if clause in clauses:
            partner = "+".join([name, *(part for part in clauses if part != clause)])
            if partner in variants:
                found.append((place, variants.index(partner)))
    return found


def _units(grid: Grid, pairs: list[tuple[int, int]]) -> _Units:
    cells = grid.mean
    with_it = cells[:, [a for a, _ in pairs]]
    without = cells[:, [b for _, b in pairs]]
    model, variant = np.indices(with_it.shape[:2]).reshape(2, -1)
    tasks = cells.shape[-1]
    return _Units(
        difference=(with_it - without).reshape(-1, tasks),
        arm=with_it.reshape(-1, tasks),
        model=model.astype(np.int64),
        variant=variant.astype(np.int64),
    )


def _clusters(units: _Units, grid: Grid) -> tuple[NDArray[np.int64], str]:
    seen = np.isfinite(units.difference).any(axis=0)
    if len(np.unique(grid.cluster[seen])) >= 5:
        return np.broadcast_to(grid.cluster, units.difference.shape), LIKE_THESE
    return np.repeat(units.model[:, None], units.difference.shape[1], axis=1), MODELS_LIKE_THESE


def _row(
    group: str, name: str, own: NDArray[np.bool_], units: _Units, grid: Grid, level: float
) -> dict[str, object]:
    clusters, scope = _clusters(units, grid)
    folds = Folds(baseline=units.difference[None], effect=units.difference[None])
    member = np.broadcast_to(own[:, None], units.difference.shape)[None]
    arm = np.where(np.isfinite(units.difference), units.arm, np.nan)
    found = estimate(folds, member, "model", clusters, arm, level)
    used = own & np.isfinite(units.difference).any(axis=1)
    tasks = np.isfinite(units.difference[own]).any(axis=0).sum()
    row: dict[str, object] = {
        "group": group,
        "name": name,
        "models": len(np.unique(units.model[used])),
        "variants": len(np.unique(units.variant[used])),
        "n_tasks": int(tasks),
        "effect": found.effect,
        "low": found.low,
        "high": found.high,
        "p_holm": np.nan,
        "differs": False,
        "scope": scope,
        "flags": _flag(found),
    }
    contrast = _contrast(units, own, clusters, level) if group != "all" else (np.nan,) * 4
    if not np.isfinite(found.low):
        # What has no interval of its own (one model, say) is held against nobody.
        contrast = (contrast[0], np.nan, np.nan, np.nan)
    keys = ("difference", "difference_low", "difference_high", "p")
    row |= dict(zip(keys, contrast, strict=True))
    span = interval(found.low, found.high) if np.isfinite(found.low) else "(no interval)"
    who = "over all models and variants" if group == "all" else f"for {group} {name}"
    row["sentence"] = f"The clause moves the score {who} by {points(found.effect)} points {span}."
    return row


def _flag(found: Estimate) -> str:
    if found.cells == 0:
        return "empty"
    if found.flat:
        return "zero_variance"
    return "too_few_clusters" if found.n_effective < 2 else ""


def _contrast(
    units: _Units, own: NDArray[np.bool_], clusters: NDArray[np.int64], level: float
) -> tuple[float, float, float, float]:
    """Mean of these units minus mean of the others, on the clusters that both share."""
    difference = np.where(np.isfinite(units.difference), units.difference, np.nan)
    value, pull = 0.0, np.zeros(difference.shape)
    for sign, chosen in ((1.0, own), (-1.0, ~own)):
        inside = np.isfinite(difference) & chosen[:, None]
        count = inside.sum(axis=1, keepdims=True)
        weight = inside / np.maximum(count, 1) / max(int((count > 0).sum()), 1)
        mean = float(np.where(inside, weight * np.where(inside, difference, 0.0), 0.0).sum())
        value += sign * mean
        pull += sign * weight * (np.where(inside, difference, mean) - mean)
    psi = np.bincount(clusters.ravel(), weights=pull.ravel())
    k = len(np.unique(clusters[np.isfinite(difference)]))
    if k < 2:
        return value, np.nan, np.nan, np.nan
    se = float(np.sqrt(k / (k - 1) * (psi**2).sum()))
    if se <= 1e-10:
        return value, np.nan, np.nan, np.nan
    half = float(t_quantile(level, k - 1.0)) * se
    return value, value - half, value + half, float(t_p_value(value / se, k - 1.0))


def _corrected(rows: list[dict[str, object]], alpha: float) -> list[dict[str, object]]:
    # Of two rows each is the other's mirror: one comparison, not two.
    p = np.array([float(str(row.pop("p"))) for row in rows])
    adjusted = np.full(2, p[0]) if len(rows) == 2 else holm(p)
    for row, value, own in zip(rows, adjusted, p, strict=True):
        row["p_holm"] = float(value)
        row["differs"] = bool(value <= alpha and np.isfinite(own))
        if row["differs"]:
            row["sentence"] = (
                str(row["sentence"])[:-1]
                + f", {points(float(str(row['difference'])))} beside the others: it differs here."
            )
    return rows
