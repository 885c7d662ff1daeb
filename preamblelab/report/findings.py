"""What an experiment shows, as tables: effects, verdicts, arrivals, the effect over all models."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from preamblelab.report.answers import Details
from preamblelab.report.published import ClaimsReport
from preamblelab.report.stopping import Looks, at_looks, under_looks
from preamblelab.stats.effects import effects
from preamblelab.stats.noise import NoiseFloor, below_floor, noise_floor
from preamblelab.stats.overall import overall_effect
from preamblelab.stats.recurrence import Again
from preamblelab.stats.verdicts import verdicts

if TYPE_CHECKING:
    from pandas import DataFrame

CLAIMS = ("effect", "se", "df", "low", "high", "p", "p_holm", "adjusted_low", "adjusted_high")
"""What is taken out of a row whose preamble did not arrive."""


MAIN = (
    "model",
    "size",
    "variant",
    "baseline_mean",
    "variant_mean",
    "effect",
    "low",
    "high",
    "verdict",
    "reason",
    "delivery",
)
"""The columns of a table of effects that come first: what a person wants to see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Whether a variant's preamble reached a model."""

    state: str
    """`delivered`, `undelivered` or `unknown`."""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The marks of judges; they are many, and read only where something is said of them."""

    read: "Callable[[], DataFrame]"
    """Gives model, variant, task, repetition, judge, dimension, score."""
    shared: bool
    """Whether two judges may have marked one dimension, so that they can agree or not."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The tables behind a report; each is made when it is first asked for."""

    experiment: str
    scores: "DataFrame"
    """One row per trial: model, size, variant, task, repetition, score, status, ..."""
    baseline: str = "baseline"
    question: str = ""
    margin: float = 5.0
    """The smallest effect that matters, in points."""
    arrivals: Mapping[tuple[str, str], Arrival] = field(default_factory=dict)
    """By model and variant."""
    facts: tuple[tuple[str, str], ...] = ()
    """What a reader should know of how this came about: name and value."""
    rubric: str = ""
    level: float = 0.95
    judged: Judged | None = None
    """Judges' marks, where there are any."""
    truths: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Published true effects of simulated models, in points, by model and variant."""
    looks: Looks | None = None
    """The recorded plan of interim looks, where there is one; it says what may be claimed."""
    again: Again | None = None
    """What other experiments asked alike, where any did."""
    rule: str = "fixed"
    """How repetitions were spent: `fixed`, `auto`, `always-3`, `seed`."""
    executed: "DataFrame | None" = None
    """What came of running answers, as `Store.evidence` gives it; None where nothing was run."""
    points_from_running: bool = False
    """Whether points rest on what running showed: then they cannot be compared with it."""
    maxima: Mapping[str, float] = field(default_factory=dict)
    """The most points of each dimension of the rubric, by its name."""
    behind: "Callable[[Findings], Details] | None" = None
    """Reads what a page shows beyond the tables: answers, dimensions, where all came from."""
    published: ClaimsReport | None = None
    """Published sentences, checked against the same tables."""
    models: tuple[str, ...] = ()
    """Names in the order in which tables list them; others follow."""
    variants: tuple[str, ...] = ()
    """Labels in the order in which tables list them, the baseline first; others follow."""

    @cached_property
    def marks(self) -> "DataFrame | None":
        """Judges' marks, as `Judged.read` gives them; None where there are none."""
        return None if self.judged is None else self.judged.read()

    @cached_property
    def simulated(self) -> bool:
        """Whether any answer came from a simulated model."""
        column = self.scores.get("simulated")
        return bool(column is not None and column.fillna(value=False).any())

    @cached_property
    def effects(self) -> "DataFrame":
        """The paired effect of every variant on every model, with its verdict.

        Columns as `preamblelab.stats.verdicts` gives them, and: difference (the plain difference
        of the means, claimed or not), delivery, delivery_reasons, below_floor (the effect is
        smaller than chance in the answers alone may be). Where a preamble did not arrive
        there is a difference and no effect, and the verdict is `undelivered`. Under a plan of
        looks, all figures are those of the look that settled the pair, with `look` and
        `stopped_early`.
        """
        measured = effects(self.scores, baseline=self.baseline, level=self.level)
        if self.looks is not None:
            measured = at_looks(measured, self.looks, level=self.level)
        table = verdicts(measured, margin=self.margin)
        if self.looks is not None:
            table = under_looks(table, self.looks)
        marked = self._marked(self._ordered(table)).assign(
            below_floor=lambda rows: below_floor(rows, self.noise)
        )
        first = [name for name in MAIN if name in marked]
        return marked[[*first, *(name for name in marked if name not in first)]]

    @cached_property
    def overall(self) -> "DataFrame":
        """The effect of every variant over all models, those undelivered left out.

        No rows under a plan of looks: they were planned for each pair, not for all together.
        """
        kept = self.delivered
        if (
            self.looks is not None
            or kept["variant"].nunique() < 2
            or kept["score"].notna().sum() == 0
        ):
            return self.effects.iloc[0:0]
        overall = overall_effect(kept, baseline=self.baseline, level=self.level)
        return self._ordered(verdicts(overall, margin=self.margin))

    @cached_property
    def recorded(self) -> "DataFrame":
        """The effect over all models as measured, whether or not their preambles arrived.

        No claim: it shows what leaving out the undelivered changes. Columns as `overall`; no rows
        where every preamble arrived, for then `overall` is this table.
        """
        if self.looks is not None or not (self.effects["delivery"] == "undelivered").any():
            return self.effects.iloc[0:0]
        measured = overall_effect(self.scores, baseline=self.baseline, level=self.level)
        return self._ordered(verdicts(measured, margin=self.margin))

    @cached_property
    def details(self) -> Details:
        """What a page shows beyond these tables; read when it is first asked for."""
        return Details() if self.behind is None else self.behind(self)

    @cached_property
    def delivered(self) -> "DataFrame":
        """The scores without the pairs of model and variant whose preamble did not arrive."""
        kept = self.scores
        for (model, variant), arrival in self.arrivals.items():
            if arrival.state == "undelivered":
                kept = kept[~((kept["model"] == model) & (kept["variant"] == variant))]
        return kept

    @cached_property
    def noise(self) -> NoiseFloor:
        """What this design cannot see, from the run's own replicates."""
        floor = noise_floor(self.scores, baseline=self.baseline, level=self.level)
        if self.judged is not None or floor.judge is None or floor.judge.sd > 0:
            return floor
        # Without a judge the marks of equal answers are equal: that says nothing of a judge, nor,
        # where nothing was repeated, of chance.
        known = floor.floor if floor.repetition is not None else None
        return replace(floor, judge=None, floor=known)

    def _ordered(self, table: "DataFrame") -> "DataFrame":
        """The rows in the order of the experiment."""
        orders = {"model": self.models, "variant": self.variants}
        places = {
            name: {each: place for place, each in enumerate(order)}
            for name, order in orders.items()
        }
        return table.sort_values(
            ["model", "variant"],
            key=lambda column: column.map(places[str(column.name)]).astype("float64"),
            kind="stable",
            ignore_index=True,
        )

    def _marked(self, table: "DataFrame") -> "DataFrame":
        table = table.assign(difference=table["effect"])
        pairs = list(zip(table["model"], table["variant"], strict=True))
        arrivals = [self.arrivals.get(pair, Arrival(state="unknown")) for pair in pairs]
        if self.truths:
            table["true_effect"] = [self.truths.get(pair, float("nan")) for pair in pairs]
        table["delivery"] = [arrival.state for arrival in arrivals]
        table["delivery_reasons"] = ["; ".join(arrival.reasons) for arrival in arrivals]
        lost = table["delivery"] == "undelivered"
        for name in CLAIMS:
            if name in table:
                table.loc[lost, name] = float("nan")
        table.loc[lost, "verdict"] = "undelivered"
        table.loc[lost, "reason"] = "the preamble did not arrive; no effect is claimed"
        return table
