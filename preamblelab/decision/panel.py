"""Trials of preambles on several models as arrays, and the paired differences that rules read.

The task is the unit: repetitions are averaged first, then models with equal weight (a fixed
panel), and the spread from task to task gives the interval (Miller 2024, arXiv 2411.00640). The
models as a sample are a second, wider line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from preamblelab.errors import TableError
from preamblelab.stats.codes import SCORE_RANGE, Floats, mean_over
from preamblelab.stats.grid import score_grid
from preamblelab.stats.intervals import summarise

Mask = NDArray[np.bool_]
Fill = Literal["", "worst"]

_LOST = frozenset({"looped", "empty"})
"""Outcomes that are hard failures whatever was asked."""
REFUSALS_EXPECTED = frozenset({"safety"})
"""Task families in which a refusal may be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A paired mean difference over tasks, with what its limits need; points, or shares."""

    mean: float
    se: float
    df: float
    n: int
    """Independent tasks, or clusters of them."""
    reach: float = SCORE_RANGE[1] - SCORE_RANGE[0]

    @property
    def known(self) -> bool:
        """Whether it has limits: at least two tasks."""
        return bool(np.isfinite(self.se)) and self.df > 0

    def limits(self, alpha: float) -> tuple[float, float]:
        """One-sided limits, each at `alpha`; the ends of the two-sided 1 - 2 alpha interval."""
        if not self.known:
            return float("nan"), float("nan")
        half = float(special.stdtrit(self.df, 1.0 - alpha)) * self.se
        return max(self.mean - half, -self.reach), min(self.mean + half, self.reach)

    def p_above(self, bound: float) -> float:
        """One-sided p-value against "not above the bound"."""
        if not self.known:
            return 1.0
        return float(special.stdtr(self.df, -(self.mean - bound) / self.se))

    def p_below(self, bound: float) -> float:
        """One-sided p-value against "not below the bound"."""
        if not self.known:
            return 1.0
        return float(special.stdtr(self.df, (self.mean - bound) / self.se))


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Trials as arrays, arm x model x task (x repetition); NaN where nothing is."""

    arms: tuple[str, ...]
    models: tuple[str, ...]
    tasks: tuple[str, ...]
    category: NDArray[np.object_]
    cluster: NDArray[np.int64]
    families: Mapping[str, str | None]
    sizes: Mapping[str, str]
    mean: Floats
    """Score 0 to 100, repetitions averaged, byte-identical answers of a cell taken as one."""
    trials: Floats
    """Score of each trial, as it was marked."""
    asked: Mask
    hard: Floats
    """Share of hard failures among the answers of a cell, 0 to 1."""
    spent: Mapping[str, Floats]
    """By `prompt_tokens`, `completion_tokens`, `usd`, `seconds`: arm x model, mean of an answer."""
    undelivered: frozenset[tuple[str, str]]
    """Pairs of model and arm whose preamble did not arrive."""
    simulated: bool
    has_status: bool

    @property
    def repetitions(self) -> int:
        """The most answers that a cell has."""
        return int(self.asked.sum(axis=-1).max(initial=0))

    @property
    def step(self) -> float:
        """Smallest step between two scores: 100 where all are 0 or 100, else 1 point."""
        known = self.trials[np.isfinite(self.trials)]
        return 100.0 if known.size and np.isin(known, SCORE_RANGE).all() else 1.0

    @property
    def known_families(self) -> frozenset[str]:
        """Families of the models; an unknown one proves no diversity."""
        return frozenset(f for name in self.models if (f := self.families.get(name)) is not None)

    def arm(self, label: str) -> int:
        """Place of an arm.

        Raises:
            TableError: there is none of this label.
        """
        if label not in self.arms:
            raise TableError(f"no variant '{label}'; there are: {', '.join(self.arms)}")
        return self.arms.index(label)

    def of(self, *, models: Sequence[str] | None = None, category: str | None = None) -> "Panel":
        """The part with these models and this task family; None keeps all."""
        rows = np.array([models is None or name in models for name in self.models], dtype=bool)
        columns = np.array([category is None or each == category for each in self.category])
        return replace(
            self,
            models=tuple(name for name, kept in zip(self.models, rows, strict=True) if kept),
            tasks=tuple(name for name, kept in zip(self.tasks, columns, strict=True) if kept),
            category=self.category[columns],
            cluster=self.cluster[columns],
            mean=self.mean[:, rows][:, :, columns],
            trials=self.trials[:, rows][:, :, columns],
            asked=self.asked[:, rows][:, :, columns],
            hard=self.hard[:, rows][:, :, columns],
            spent={name: values[:, rows] for name, values in self.spent.items()},
        )

    def delivered(self, *arms: str) -> tuple[str, ...]:
        """Models that were asked under all these arms, and that each arm's preamble reached."""
        places = [self.arm(label) for label in arms]
        there: Mask = np.asarray(self.asked[places].any(axis=(2, 3)).all(axis=0))
        return tuple(
            name
            for name, asked in zip(self.models, there.tolist(), strict=True)
            if asked and all((name, arm) not in self.undelivered for arm in arms)
        )

    def difference(self, arm: str, against: str, *, fill: Fill = "") -> Difference:
        """Mean score difference of two arms over tasks; models with equal weight.

        Args:
            arm: the challenger.
            against: what it is held against.
            fill: `worst` takes every missing trial as 0 for the one, 100 for the other.
        """
        first, second = self.mean[self.arm(arm)], self.mean[self.arm(against)]
        if fill == "worst":
            first = self._filled(self.arm(arm), SCORE_RANGE[0])
            second = self._filled(self.arm(against), SCORE_RANGE[1])
        return self._over_tasks(first - second, self.step, SCORE_RANGE[1] - SCORE_RANGE[0])

    def failures(self, arm: str, against: str) -> Difference:
        """Difference of the share of hard failures over tasks; above 0 is worse."""
        return self._over_tasks(self.hard[self.arm(arm)] - self.hard[self.arm(against)], 1.0, 1.0)

    def over_models(self, arm: str, against: str) -> Difference:
        """The same effect with the models as the sample; the tasks are these."""
        by_model = mean_over(self.mean[self.arm(arm)] - self.mean[self.arm(against)], axis=-1)
        return _summary(by_model, np.arange(len(by_model)), floor=0.0, reach=100.0)

    def missing(self, arm: str, against: str) -> tuple[int, int, int]:
        """Planned pairs of trials, trials of the one without a score, and of the other."""
        places = [self.arm(arm), self.arm(against)]
        planned = int(self.asked[places].any(axis=0).sum())
        lost = [int((self.asked[at] & ~np.isfinite(self.trials[at])).sum()) for at in places]
        return planned, lost[0], lost[1]

    def added(self, name: str, arm: str, against: str) -> float | None:
        """What an answer takes more under the arm: mean over models; None where not known."""
        values = self.spent[name][self.arm(arm)] - self.spent[name][self.arm(against)]
        return float(values.mean()) if values.size and np.isfinite(values).all() else None

    def _filled(self, arm: int, score: float) -> Floats:
        values = np.where(self.asked[arm] & ~np.isfinite(self.trials[arm]), score, self.trials[arm])
        return mean_over(values, axis=-1)

    def _over_tasks(self, cells: Floats, step: float, reach: float) -> Difference:
        # A task that one model lacks would change the mix of models from task to task.
        whole = np.isfinite(cells).all(axis=0) if cells.shape[0] else np.zeros(cells.shape[1], bool)
        values = cells[:, whole].mean(axis=0) if whole.any() else np.zeros(0)
        count = max(len(values) * self.repetitions, 1)
        return _summary(values, self.cluster[whole], floor=step * (0.5 / count) ** 0.5, reach=reach)


def panel_of(scores: pd.DataFrame) -> Panel:
    """A score table as a panel.

    Args:
        scores: one row per trial: model, variant, task, repetition, score, and where there size,
            family, category, cluster, status, delivery, tokens, usd, seconds, simulated.

    Raises:
        TableError: the table lacks a column, or contradicts itself.
    """
    grid = score_grid(scores, merge_copies=False)
    arms, models, tasks = grid.variants, grid.models, grid.tasks
    category = _named(scores, "task", "category", tasks, "general")
    simulated = scores.get("simulated")
    shape = (len(arms), len(models), len(tasks))
    cells = _Cells(scores, (arms, models, tasks))
    has_status = "status" in scores.columns
    return Panel(
        arms=arms,
        models=models,
        tasks=tasks,
        category=np.array([str(each) for each in category], dtype=object),
        cluster=grid.cluster,
        families=dict(zip(models, _named(scores, "model", "family", models, None), strict=True)),
        sizes=grid.sizes,
        mean=np.swapaxes(grid.mean, 0, 1),
        trials=np.swapaxes(grid.score, 0, 1),
        asked=np.swapaxes(grid.asked, 0, 1),
        hard=cells.mean(_hard(scores)) if has_status else np.full(shape, np.nan),
        spent={
            name: cells.by_model(scores[name] if name in scores.columns else None)
            for name in ("prompt_tokens", "completion_tokens", "usd", "seconds")
        },
        undelivered=_undelivered(scores),
        simulated=bool(simulated is not None and simulated.fillna(value=False).any()),
        has_status=has_status,
    )


class _Cells:
    """Means of a column over arm x model x task, or arm x model."""

    def __init__(self, scores: pd.DataFrame, names: tuple[tuple[str, ...], ...]) -> None:
        self.shape = tuple(len(each) for each in names)
        self.at = tuple(
            pd.Index(order).get_indexer(pd.Index(scores[column].astype(str)))
            for column, order in zip(("variant", "model", "task"), names, strict=True)
        )

    def mean(self, values: Floats) -> Floats:
        return self._mean(values, self.at, self.shape)

    def by_model(self, column: "pd.Series[Any] | None") -> Floats:
        if column is None:
            return np.full(self.shape[:2], np.nan)
        values = column.to_numpy(dtype=float, na_value=np.nan)
        return self._mean(values, self.at[:2], self.shape[:2])

    def _mean(
        self, values: Floats, at: tuple[NDArray[np.intp], ...], shape: tuple[int, ...]
    ) -> Floats:
        known = np.isfinite(values)
        total, count = np.zeros(shape), np.zeros(shape)
        place = tuple(each[known] for each in at)
        np.add.at(total, place, values[known])
        np.add.at(count, place, 1.0)
        return np.where(count > 0, total / np.maximum(count, 1.0), np.nan)


def _hard(scores: pd.DataFrame) -> Floats:
    """1 for a hard failure, 0 for another answer, NaN for none.

    Looped and empty answers; truncated ones that earned nothing; refusals where none is expected.
    """
    status = scores["status"].astype(str)
    category = scores["category"].astype(str) if "category" in scores.columns else ""
    useless = (status == "truncated") & ~(scores["score"].astype(float) > 0)
    refused = (status == "refused") & ~pd.Series(category, index=scores.index).isin(
        REFUSALS_EXPECTED
    )
    hard = status.isin(_LOST) | useless | refused
    answered = ~status.isin({"failed", "pending", "not_run"})
    return np.where(answered, hard.astype(float), np.nan)


def _named(
    scores: pd.DataFrame, key: str, column: str, names: tuple[str, ...], absent: Any
) -> list[Any]:
    if column not in scores.columns:
        return [absent] * len(names)
    pairs = scores[[key, column]].dropna().drop_duplicates(key)
    found = dict(zip(pairs[key].astype(str), pairs[column], strict=True))
    return [found.get(name, absent) for name in names]


def _undelivered(scores: pd.DataFrame) -> frozenset[tuple[str, str]]:
    if "delivery" not in scores.columns:
        return frozenset()
    lost = scores[scores["delivery"] == "undelivered"][["model", "variant"]].drop_duplicates()
    return frozenset((str(m), str(v)) for m, v in zip(lost["model"], lost["variant"], strict=True))


def _summary(
    values: Floats, cluster: NDArray[np.int64], *, floor: float, reach: float
) -> Difference:
    known = np.isfinite(values)
    values, cluster = values[known], cluster[known]
    if not len(values):
        return Difference(mean=float("nan"), se=float("nan"), df=0.0, n=0, reach=reach)
    groups, codes = np.unique(cluster, return_inverse=True)
    several = None if len(groups) == len(values) else codes.astype(np.int64)
    found = summarise(values, np.zeros(len(values), dtype=np.int64), 1, several)
    units = int(found.n_units[0])
    # Equal differences everywhere are no proof: below this spread nothing was looked at closely.
    se = np.fmax(found.se[0], floor / max(units, 1) ** 0.5) if units > 1 else float("nan")
    return Difference(
        mean=float(found.mean[0]),
        se=float(se),
        df=float(np.nan_to_num(found.df[0])),
        n=units,
        reach=reach,
    )
