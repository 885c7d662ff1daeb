"""The plan of interim looks, and what each look may conclude from arrays of scores."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from preamblelab.errors import SpecError
from preamblelab.stats.boundaries import Spending, nominal_alphas
from preamblelab.stats.codes import SCORE_RANGE, Floats, mean_over
from preamblelab.stats.intervals import no_variation_limits

Decision = Literal["better", "worse", "equivalent", "undecided", "futile", "waiting"]

DECISIONS: tuple[Decision, ...] = (
    "better",
    "worse",
    "equivalent",
    "undecided",
    "futile",
    "waiting",
)
"""What a look may say: three claims; not yet; no claim to be expected; trials not asked yet."""

CLAIMS = 3
"""The first so many decisions are claims."""

_UNDECIDED, _FUTILE, _WAITING = 3, 4, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """When to look and what a look may conclude; recorded before the first answer is seen.

    Looks are at 20, 40, 60, 80 and 100 % of the tasks in the first pass, then at half and all of
    every further pass: new tasks come before repeated ones.

    Examples:
        >>> Plan(n_tasks=35).looks
        (7, 14, 21, 28, 35, 52, 70, 87, 105)
    """

    n_tasks: int
    """Tasks of the suite."""
    n_repetitions: int = 3
    """Most repetitions of a cell."""
    margin: float = 5.0
    """Points that matter: inside plus or minus this, arms are equivalent."""
    alpha: float = 0.05
    """Two-sided chance of a wrong claim, over all looks."""
    spending: Spending = "obrien-fleming"
    """How the error is spent over the looks; ``none`` looks once, at the end."""
    futility: float = 0.10
    """Stop when the predicted chance of any claim at the last look is below this share."""
    repetition_share: float = 0.5
    """Share of a single answer's variance that repeating it would average away, as planned."""
    sharing: int = 1
    """Pairs that share alpha: 1 gives every pair its own."""
    seed: int = 0
    """Seed of the order of tasks."""
    order: tuple[str, ...] = ()
    """The tasks in the order in which they are asked; empty: drawn from the seed."""

    def __post_init__(self) -> None:
        """Refuse a plan that could not be followed."""
        wrong = {
            "n_tasks": self.n_tasks < 1,
            "n_repetitions": self.n_repetitions < 1,
            "margin": self.margin < 0.0,
            "alpha": not 0.0 < self.alpha < 1.0,
            "futility": not 0.0 <= self.futility < 1.0,
            "repetition_share": not 0.0 <= self.repetition_share <= 1.0,
            "sharing": self.sharing < 1,
            "order": bool(self.order) and len(set(self.order)) != self.n_tasks,
        }
        for name, bad in wrong.items():
            if bad:
                raise SpecError(f"plan: {name} is {getattr(self, name)!r}, out of its range")

    @classmethod
    def for_tasks(
        cls, tasks: Sequence[str], *, strata: Mapping[str, str] | None = None, **settings: Any
    ) -> "Plan":
        """A plan that records the order of its tasks, as whoever asks needs it.

        Args:
            tasks: Task identifiers.
            strata: Task to category, to be spread evenly over the order.
            settings: Other fields of the plan.
        """
        order = order_tasks(tasks, seed=settings.get("seed", 0), strata=strata)
        return cls(n_tasks=len(order), order=order, **settings)

    @property
    def looks(self) -> tuple[int, ...]:
        """Cells per arm at each look; 35 tasks x 3 give 7 14 21 28 35 52 70 87 105."""
        total = self.n_tasks * self.n_repetitions
        if self.spending == "none":
            return (total,)
        first = [round(self.n_tasks * share / 5) for share in range(1, 6)]
        later = [
            self.n_tasks * done + trials
            for done in range(1, self.n_repetitions)
            for trials in (self.n_tasks // 2, self.n_tasks)
        ]
        return tuple(sorted({trials for trials in (*first, *later) if trials > 0}))

    @property
    def information(self) -> tuple[float, ...]:
        """Share of the final information at each look, from the planned `repetition_share`."""
        return tuple(self._precision(c) / self._precision(self.looks[-1]) for c in self.looks)

    @property
    def nominal_alphas(self) -> Floats:
        """Two-sided error of each look's own interval."""
        return nominal_alphas(self.information, self.alpha / self.sharing, self.spending)

    def _precision(self, trials: int) -> float:
        full, part = divmod(trials, self.n_tasks)
        seen = self.n_tasks if full else part
        own = (1.0 - self.repetition_share) * seen
        if not full:
            return seen**2 / (own + self.repetition_share * part)
        repeats = part / (full + 1) + (self.n_tasks - part) / full
        return seen**2 / (own + self.repetition_share * repeats)

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values, to be stored before the first call."""
        return {**asdict(self), "order": list(self.order)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Plan":
        """The plan that `to_dict` wrote.

        Raises:
            SpecError: The record has a field that a plan does not know.
        """
        unknown = set(record) - {field.name for field in fields(cls)}
        if unknown:
            raise SpecError(f"plan: unknown fields {sorted(unknown)}; remove them")
        return cls(**{**record, "order": tuple(record.get("order", ()))})

    def refuse_change(self, record: Mapping[str, Any]) -> None:
        """Refuse to go on under another plan than the one recorded before the first answer.

        Raises:
            SpecError: Any field differs; the message names each one with both values.
        """
        recorded = Plan.from_dict(record).to_dict()
        changed = [name for name, value in self.to_dict().items() if recorded[name] != value]
        if changed:
            says = "; ".join(
                f"{name} was {recorded[name]!r}, is {self.to_dict()[name]!r}" for name in changed
            )
            raise SpecError(
                f"plan changed after answers were seen ({says}): looks would no longer keep the "
                "error; restore it or start a new experiment"
            )


class Walk(NamedTuple):
    """What every look saw: arrays of pairs x looks, and the look at which each pair settled."""

    effect: Floats
    """Mean paired difference, points."""
    low: Floats
    """Lower end of the look's interval, points."""
    high: Floats
    """Upper end."""
    n_tasks: NDArray[np.int64]
    """Tasks with a score in both arms."""
    decision: NDArray[np.int64]
    """Index into `DECISIONS`."""
    settled_at: NDArray[np.int64]
    """Index of the look at which the pair settled; the number of looks when it did not."""


def order_tasks(
    tasks: Sequence[str], *, seed: int = 0, strata: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Tasks in a random order in which every early part mirrors the whole suite.

    Args:
        tasks: Task identifiers, in any order; the result does not depend on it.
        seed: Seed of the draw.
        strata: Task to category; categories are spread evenly over the order.

    Returns:
        Every task once.
    """
    random = np.random.default_rng(seed)
    groups: dict[str, list[str]] = {}
    for task in sorted(set(tasks)):
        groups.setdefault((strata or {}).get(task, ""), []).append(task)
    placed: list[tuple[float, float, str]] = []
    for name in sorted(groups):
        drawn = random.permutation(np.array(groups[name], dtype=object))
        start = random.random(len(drawn))
        size = len(drawn)
        placed += [((i + start[i]) / size, start[i], str(task)) for i, task in enumerate(drawn)]
    return tuple(task for _, _, task in sorted(placed))


def walk_looks(
    baseline: Floats,
    variant: Floats,
    plan: Plan,
    asked: NDArray[np.bool_] | None = None,
    cluster: NDArray[np.int64] | None = None,
) -> Walk:
    """Replay every look of a plan on arrays of scores.

    Args:
        baseline: Scores, pairs x tasks in the plan's order x repetitions; NaN where missing.
        variant: The same for the other arm.
        plan: The plan.
        asked: Where both arms were asked, the same shape; a look with trials not yet asked waits.
            None: all were.
        cluster: Group of each task, in the plan's order: tasks of one source are dependent. None:
            each task is its own.

    Returns:
        Effects, intervals and decisions of each look, and when each pair settled.
    """
    _, tasks, repetitions = baseline.shape
    place = np.arange(tasks)[:, None] + tasks * np.arange(repetitions)
    alphas = plan.nominal_alphas
    shares = plan.information
    seen: list[tuple[Floats, Floats, Floats, NDArray[np.int64], NDArray[np.int64]]] = []
    for trials, alpha, share in zip(plan.looks, alphas, shares, strict=True):
        inside = place < trials
        difference, arm = _differences(baseline, variant, inside)
        errors = (float(alpha), float(alphas[-1]))
        look = _look(difference, arm, cluster, plan, share, errors)
        if asked is not None:
            waiting = ~(asked | ~inside).all(axis=(1, 2))
            look = (*look[:4], np.where(waiting, _WAITING, look[4]))
        seen.append(look)
    effect, low, high, counts, decision = (
        np.stack(part, axis=1) for part in zip(*seen, strict=True)
    )
    closed = (decision < CLAIMS) | (decision == _FUTILE)
    settled = np.where(closed.any(axis=1), closed.argmax(axis=1), len(alphas))
    return Walk(
        effect=effect,
        low=low,
        high=high,
        n_tasks=counts.astype(np.int64),
        decision=decision.astype(np.int64),
        settled_at=settled.astype(np.int64),
    )


def _differences(
    baseline: Floats, variant: Floats, inside: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Difference of each task, and the variant's score where there is one."""
    arm = _task_means(variant, inside)
    difference = arm - _task_means(baseline, inside)
    return difference, np.where(np.isfinite(difference), arm, 0.0)


def _look(
    difference: Floats,
    arm: Floats,
    cluster: NDArray[np.int64] | None,
    plan: Plan,
    share: float,
    errors: tuple[float, float],
) -> tuple[Floats, Floats, Floats, NDArray[np.int64], NDArray[np.int64]]:
    """One look at all pairs: effect, interval, tasks and decision."""
    alpha, last_alpha = errors
    there = np.isfinite(difference)
    n = there.sum(axis=1)
    count = np.maximum(n, 1)
    effect = np.where(n > 0, np.where(there, difference, 0.0).sum(axis=1) / count, np.nan)
    residual = np.where(there, difference - effect[:, None], 0.0)
    squares, groups, units = _errors_of_groups(residual, there, cluster)
    se = np.sqrt(groups / np.maximum(groups - 1.0, 1.0) * squares) / count
    several = units > 1.0
    freedom = np.where(several, units - 1.0, 1.0)
    half = np.where(several, -stdtrit(freedom, alpha / 2.0) * se, np.inf)
    low, high = effect - half, effect + half
    flat = several & (se <= 1e-12)
    if flat.any():
        # No variation seen is not certainty: the unseen share of tasks may lie at either end.
        mean = arm.sum(axis=1) / count
        exact = no_variation_limits(effect, mean, units, 1.0 - alpha, SCORE_RANGE)
        low, high = np.where(flat, exact[0], low), np.where(flat, exact[1], high)
    decision = _claims(low, high, plan.margin)
    if plan.futility > 0.0 and share < 1.0:
        chance = _chance_of_claim(effect, se, share, last_alpha, plan)
        # Two tasks tell nothing of the spread; a flat sample nothing at all.
        hopeless = (decision == _UNDECIDED) & (chance < plan.futility) & (units > 2) & ~flat
        decision = np.where(hopeless, _FUTILE, decision)
    return effect, np.maximum(low, -100.0), np.minimum(high, 100.0), n, decision


def _errors_of_groups(
    residual: Floats, there: NDArray[np.bool_], cluster: NDArray[np.int64] | None
) -> tuple[Floats, Floats, Floats]:
    """Sum of the squared errors, number of groups, and their effective number (Kish)."""
    if cluster is None:
        n = there.sum(axis=1).astype(float)
        return (residual**2).sum(axis=1), n, n
    member = np.eye(int(cluster.max()) + 1)[cluster]
    size = there @ member
    total = size.sum(axis=1)
    effective = np.where(total > 0, total**2 / np.maximum((size**2).sum(axis=1), 1.0), 0.0)
    return ((residual @ member) ** 2).sum(axis=1), (size > 0).sum(axis=1).astype(float), effective


def _task_means(scores: Floats, inside: NDArray[np.bool_]) -> Floats:
    return mean_over(np.where(inside, scores, np.nan), axis=2)


def _claims(low: Floats, high: Floats, margin: float) -> NDArray[np.int64]:
    decision = np.full(low.shape, _UNDECIDED, dtype=np.int64)
    decision[(low > -margin) & (high < margin)] = 2
    decision[high < 0.0] = 1
    decision[low > 0.0] = 0
    return decision


def _chance_of_claim(
    effect: Floats, se: Floats, share: float, last_alpha: float, plan: Plan
) -> Floats:
    """Predicted chance that the last look makes any claim, given what this look saw."""
    final_se = se * np.sqrt(share)
    spread = np.maximum(se * np.sqrt(1.0 - share), 1e-12)
    half = -stdtrit(max(plan.n_tasks - 1, 1), last_alpha / 2.0) * final_se
    outside = ndtr((effect - half) / spread) + ndtr((-effect - half) / spread)
    room = np.minimum(plan.margin - half, half)
    inside = ndtr((room - effect) / spread) - ndtr((-room - effect) / spread)
    return np.asarray(outside + np.where(room > 0.0, inside, 0.0), dtype=float)
