"""The metrics of a role: acceptance, review pain, hard failures, severity-weighted pass."""

from dataclasses import dataclass, replace

import numpy as np

from preamblelab.decision.measuring import difference_of, interval_of
from preamblelab.decision.pairing import Flags, Floats, Pairs, by_task, pair
from preamblelab.decision.records import Influence, Interval, Measured, Numbers, Observations
from preamblelab.domain.gates import CategoryRule, GatePolicy
from preamblelab.domain.roles import SEVERITY, Margins

TIE = 1e-9
PAIN = "pain"
"""The mark of an observation that holds what it cost its reviewer, in severity points."""
_MOST_INFLUENTIAL = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFigures:
    """The metrics of a comparison at one error."""

    acceptance: Measured
    pain: Measured
    hard: Measured
    severity: Measured

    @property
    def all(self) -> tuple[Measured, ...]:
        """All four, in the order in which they are told."""
        return (self.acceptance, self.pain, self.hard, self.severity)


class RoleData:
    """The trials of a challenger and the incumbent, laid out case by case."""

    def __init__(
        self, observed: Observations, severities: dict[str, str], margins: Margins
    ) -> None:
        """Lay the trials out.

        Args:
            observed: the trials; a score is whether (or how often) a case was accepted.
            severities: by case.
            margins: the losses that still count as none.
        """
        self.margins = margins
        self.pairs = pair(observed)
        highest = [float(row.marks.get(PAIN) or 0.0) for row in observed.rows]
        self.pain_scale = max([SEVERITY["critical"], *highest])
        pains = [
            replace(
                row,
                score=None if (own := row.marks.get(PAIN)) is None else own / self.pain_scale,
            )
            for row in observed.rows
        ]
        self.pains = pair(replace(observed, rows=tuple(pains)))
        weights = [SEVERITY[severities.get(t.name, "normal")] for t in self.pairs.tasks]
        self.weights = np.array(weights)

    @property
    def vacant(self) -> bool:
        """Whether there is nobody to compare with."""
        return self.pairs.champion is None

    @property
    def compared(self) -> Flags:
        """Cases that both finished; the challenger's alone where there is nobody else."""
        values = self.pairs.challenger.score if self.vacant else self.pairs.difference
        return ~np.isnan(by_task(values))

    def figures(self, alpha: float) -> RoleFigures:
        """All metrics, with limits at an error of `alpha` each."""
        weighted, scale = self._by_severity()
        margins = self.margins
        return RoleFigures(
            acceptance=self.measured("acceptance", self.pairs, alpha, margins.acceptance),
            pain=self.measured(
                "review pain",
                self.pains,
                alpha,
                margins.review_pain,
                lower=True,
                scale=self.pain_scale,
                unit="severity points per case",
            ),
            hard=self.measured(
                "hard failures", _failures(self.pairs), alpha, margins.hard_failure, lower=True
            ),
            severity=self.measured("severity-weighted pass", weighted, alpha, None, scale=scale),
        )

    def _by_severity(self) -> tuple[Pairs, float]:
        """Acceptance with every case weighing its severity, and what brings it back to a share."""
        known = self.compared
        top = float(self.weights.max()) if len(self.weights) else 1.0
        mean = float(self.weights[known].mean()) if known.any() else top
        return _times(self.pairs, (self.weights / top)[:, None, None]), top / mean

    def measured(
        self,
        name: str,
        pairs: Pairs,
        alpha: float,
        margin: float | None,
        *,
        lower: bool = False,
        scale: float = 1.0,
        unit: str = "share",
    ) -> Measured:
        """One metric of both.

        Args:
            name: what it is called.
            pairs: its values, from 0 to 1.
            alpha: error of each limit.
            margin: the loss that still counts as none; None: a guard that only sees harm.
            lower: whether less is better.
            scale: by what its values are to be multiplied.
            unit: of the values.
        """
        values = by_task(pairs.challenger.score if self.vacant else pairs.difference)
        there = ~np.isnan(values)
        rules = GatePolicy(
            slot="role",
            suite="role",
            categories={"role": CategoryRule()},
            alpha=alpha,
            score_step=min(1.0, 1.0 / scale),
        )
        found = None if self.vacant else difference_of(pairs, pairs.difference, there, rules)
        champion = pairs.champion
        return Measured(
            name=name,
            kind="metric",
            role="guard",
            mode="deterioration" if margin is None else "non_inferiority",
            margin=margin,
            n=int(there.sum()),
            planned=len(pairs.tasks),
            champion=None if champion is None else _mean(champion.score, there, scale),
            challenger=_mean(pairs.challenger.score, there, scale),
            interval=None if found is None else _scaled(interval_of(found), scale),
            better="lower" if lower else "higher",
            unit=unit,
        )

    def at_worst(self, alpha: float) -> Measured:
        """Acceptance if all that is missing spoke against the challenger."""
        lost, champion = np.isnan(self.pairs.difference), self.pairs.champion
        own = np.where(lost, 0.0, self.pairs.challenger.score)
        worst = replace(self.pairs, challenger=replace(self.pairs.challenger, score=own))
        if champion is not None:
            theirs = np.where(lost, 1.0, champion.score)
            worst = replace(worst, champion=replace(champion, score=theirs))
        return self.measured("acceptance", worst, alpha, self.margins.acceptance)


def gain(m: Measured) -> float:
    """How much better on points; 0 where there is nothing to compare."""
    if m.champion is None or m.challenger is None:
        return 0.0
    sign = 1.0 if m.better == "higher" else -1.0
    return sign * (m.challenger - m.champion)


def toward_worse(m: Measured) -> tuple[float, float]:
    """How much worse it may be at most, and is at least: positive is worse."""
    if m.interval is None:
        return np.inf, -np.inf
    if m.better == "higher":
        return -m.interval.low, -m.interval.high
    return m.interval.high, m.interval.low


def clear(m: Measured) -> bool:
    """Whether it is better with its interval clear of 0."""
    return m.interval is not None and toward_worse(m)[0] < -TIE


def influential(pairs: Pairs) -> tuple[Influence, ...]:
    """The cases whose acceptance differs most, five at most."""
    values = by_task(pairs.difference)
    there = ~np.isnan(values)
    n, mean = int(there.sum()), float(values[there].mean()) if there.any() else 0.0
    rows = [
        Influence(
            task=task.name,
            category=task.category,
            difference=float(value),
            without=(mean * n - float(value)) / max(n - 1, 1),
        )
        for task, value in zip(pairs.tasks, values, strict=True)
        if abs(value) > TIE
    ]
    rows.sort(key=lambda row: (-abs(row.difference - mean), row.task))
    return tuple(rows[:_MOST_INFLUENTIAL])


def numbers(m: Measured) -> Numbers:
    """The figures that a clause rests on."""
    found = m.interval
    return {
        "n": m.n,
        "challenger": m.challenger,
        "champion": m.champion,
        "margin": m.margin,
        "low": None if found is None else found.low,
        "high": None if found is None else found.high,
        "alpha": None if found is None else found.alpha,
    }


def value(number: float | None) -> str:
    """A figure as sentences write it."""
    return "-" if number is None else f"{number:.3f}"


def _failures(pairs: Pairs) -> Pairs:
    """Hard failures in the place of scores."""
    champion = pairs.champion
    return replace(
        pairs,
        challenger=replace(pairs.challenger, score=pairs.challenger.hard),
        champion=None if champion is None else replace(champion, score=champion.hard),
    )


def _times(pairs: Pairs, factor: Floats) -> Pairs:
    champion = pairs.champion
    return replace(
        pairs,
        challenger=replace(pairs.challenger, score=pairs.challenger.score * factor),
        champion=None if champion is None else replace(champion, score=champion.score * factor),
    )


def _mean(score: Floats, there: Flags, scale: float) -> float | None:
    values = by_task(score)[there]
    known = values[~np.isnan(values)]
    return float(known.mean()) * scale if len(known) else None


def _scaled(interval: Interval, scale: float) -> Interval:
    return replace(
        interval,
        estimate=interval.estimate * scale,
        low=interval.low * scale,
        high=interval.high * scale,
        low95=interval.low95 * scale,
        high95=interval.high95 * scale,
    )
