"""Owns the computations behind published sentences: every way to read one, with its words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, NamedTuple

import pandas as pd

from preamblelab.errors import TableError
from preamblelab.stats.effects import effects
from preamblelab.stats.overall import overall_effect
from preamblelab.stats.recurrence import judge_spread_of, recurrences
from preamblelab.stats.sentences import counted, interval, points
from preamblelab.stats.verdicts import verdicts
from preamblelab.stats.wins import win_floor

Stated = float | bool | str | tuple[float, ...]

MOST_SUBSETS: Final = 16
"""Models up to which every subset of them is averaged."""
SAME_ANSWERS: Final = (
    "tier and effect come from the same answers, which alone makes low baselines seem to gain and "
    "high ones to lose"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to compute a sentence."""

    value: Stated
    words: str
    """The value with its computation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All readings of a sentence, and what none of them shows."""

    readings: tuple[Reading, ...]
    caution: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Score tables by experiment, each with the label of its baseline; the first is the default."""

    tables: Mapping[str, pd.DataFrame]
    baselines: Mapping[str, str]

    def chosen(self, where: Mapping[str, Any]) -> list[str]:
        """Names of the experiments that a claim speaks of.

        Raises:
            TableError: there is no such experiment.
        """
        names = [str(name) for name in where.get("experiments", [next(iter(self.tables))])]
        for name in names:
            if name not in self.tables:
                raise TableError(
                    f"no experiment '{name}' to compute from; there are: {', '.join(self.tables)}"
                )
        return names

    def pairs(self, where: Mapping[str, Any]) -> pd.DataFrame:
        """The effects of the variant that the claim names, or of the only one.

        A row per experiment and model: `experiment`, and the columns of `effects`.

        Raises:
            TableError: the claim names no variant and there are several, or no such variant.
        """
        parts = []
        for name in self.chosen(where):
            table = effects(self.tables[name], baseline=self.baselines[name])
            labels = [str(label) for label in table["variant"].unique()]
            variant = where.get("variant", labels[0] if len(labels) == 1 else None)
            if variant not in labels:
                raise TableError(
                    f"{name} has the variants {', '.join(labels)}: name one with variant:"
                )
            own = table[(table["variant"] == variant) & table["effect"].notna()]
            parts.append(own.assign(experiment=name))
        found: pd.DataFrame = pd.concat(parts, ignore_index=True)
        return found


def told(where: Mapping[str, Any], name: str) -> Any:
    """What a computation must be told.

    Raises:
        TableError: it was not.
    """
    if name not in where:
        raise TableError(f"the computation needs '{name}:'; it was told {', '.join(where) or '-'}")
    return where[name]


def mean_effect(evidence: Evidence, where: Mapping[str, Any], _: Stated) -> Found:
    """Mean over the models of the effect; over several experiments in each way to average it."""
    pairs = evidence.pairs(where)
    several = len(evidence.chosen(where)) > 1
    what = "deltas of all experiments" if several else "models"
    readings = [_averaged(pairs["effect"], what)]
    if several:
        means = pairs.groupby("experiment", sort=False)["effect"].mean()
        named = " and ".join(points(value) for value in means)
        readings.append(_reading(means.mean(), f"as the mean of {named}"))
        counts = pairs.groupby("model")["experiment"].transform("nunique")
        everywhere = pairs[counts == len(means)]
        if len(everywhere) < len(pairs) and len(everywhere):
            readings.append(
                _reading(
                    everywhere["effect"].mean(),
                    f"over the {everywhere['model'].nunique()} models of every experiment",
                )
            )
    return Found(readings=tuple(readings), caution="" if several else _undecided(evidence, where))


def mean_effect_percent(evidence: Evidence, where: Mapping[str, Any], _: Stated) -> Found:
    """Mean effect as a percentage of the mean baseline."""
    pairs = evidence.pairs(where)
    effect, baseline = float(pairs["effect"].mean()), float(pairs["baseline_mean"].mean())
    words = f"{points(100 * effect / baseline)} %: {points(effect)} on {baseline:.1f}"
    return Found(readings=(Reading(value=100 * effect / baseline, words=words),))


def mean_effect_over(evidence: Evidence, where: Mapping[str, Any], stated: Stated) -> Found:
    """Mean effect over a subset: `rose`, `not_negative`, `without_regressions`.

    What counts as a regression is anybody's choice, so that the last one is read at every cut.
    """
    pairs = evidence.pairs(where).sort_values("effect", kind="stable")
    subset = told(where, "subset")
    if subset == "rose":
        kept = pairs[pairs["effect"] > 0]
        return Found(readings=(_averaged(kept["effect"], "models that rose"),), caution=CHOSEN)
    if subset == "not_negative":
        kept = pairs[pairs["effect"] >= 0]
        return Found(readings=(_averaged(kept["effect"], "models not below zero"),), caution=CHOSEN)
    if subset != "without_regressions":
        raise TableError(f"no subset '{subset}'; known: rose, not_negative, without_regressions")
    fell = int((pairs["effect"] < 0).sum())
    readings = []
    for gone in range(1, fell + 1):
        without = listed(pairs.iloc[:gone])
        mean = pairs["effect"].iloc[gone:].mean()
        readings.append(_reading(mean, f"without {without}"))
    return Found(readings=tuple(readings[::-1]), caution=f"{CHOSEN}{_no_subset(pairs, stated)}")


CHOSEN: Final = "models chosen by their effect show a gain where there is none"


def improved_count(evidence: Evidence, where: Mapping[str, Any], stated: Stated) -> Found:
    """Models with an effect above zero."""
    pairs = evidence.pairs(where)
    rose = pairs["effect"] > 0
    return _counted(pairs, rose, stated, "rose", "did not")


def regressed_count(evidence: Evidence, where: Mapping[str, Any], stated: Stated) -> Found:
    """Models with an effect below zero."""
    pairs = evidence.pairs(where)
    fell = pairs["effect"] < 0
    return _counted(pairs, fell, stated, "fell", "did not")


def model_effect(evidence: Evidence, where: Mapping[str, Any], _: Stated) -> Found:
    """Effect on one model."""
    pairs = evidence.pairs(where)
    own = pairs[pairs["model"] == told(where, "model")]
    if own.empty:
        raise TableError(f"no effect on '{where['model']}' in {', '.join(evidence.chosen(where))}")
    readings = tuple(
        Reading(
            value=float(row["effect"]),
            words=f"{points(row['effect'], 0)}, {row['baseline_mean']:.4g} to "
            f"{row['variant_mean']:.4g} in {row['experiment']}",
        )
        for row in own.to_dict("records")
    )
    one = float(own["n_tasks"].max()) < 2
    return Found(readings=readings, caution="one task asked once shows no effect" if one else "")


def effect_range(evidence: Evidence, where: Mapping[str, Any], stated: Stated) -> Found:
    """Smallest and largest effect: of all models, and of those that rose."""
    pairs = evidence.pairs(where).sort_values("effect", kind="stable")
    rose = pairs[pairs["effect"] > 0]
    readings = [_range(pairs, "models")]
    if 0 < len(rose) < len(pairs):
        readings.append(_range(rose, "models that rose"))
    caution = ""
    if isinstance(stated, tuple):
        outside = pairs[(pairs["effect"] < stated[0]) | (pairs["effect"] > stated[-1])]
        caution = f"the stated range leaves out {listed(outside)}" if len(outside) else ""
    return Found(readings=tuple(readings), caution=caution)


def per_tier_mean(evidence: Evidence, where: Mapping[str, Any], _: Stated) -> Found:
    """Mean effect of the models whose baseline lies between two bounds, both in."""
    pairs = evidence.pairs(where)
    low, high = (float(bound) for bound in told(where, "bounds"))
    kept = pairs[pairs["baseline_mean"].between(low, high)]
    what = f"models with a baseline of {low:g} to {high:g} ({listed(kept)})"
    return Found(readings=(_averaged(kept["effect"], what),), caution=SAME_ANSWERS)


def best_tier(evidence: Evidence, where: Mapping[str, Any], _: Stated) -> Found:
    """Which of several tiers, given by their bounds, has the largest mean effect."""
    pairs = evidence.pairs(where)
    means: dict[tuple[float, ...], float] = {}
    words = []
    for low, high in told(where, "tiers"):
        kept = pairs[pairs["baseline_mean"].between(low, high)]
        if len(kept):
            means[float(low), float(high)] = float(kept["effect"].mean())
            words.append(f"{low:g} to {high:g}: {points(kept['effect'].mean())} ({len(kept)})")
    best = max(means, key=lambda bounds: means[bounds])
    said = f"{best[0]:g} to {best[1]:g} (mean effect by baseline, models: {', '.join(words)})"
    return Found(readings=(Reading(value=best, words=said),), caution=SAME_ANSWERS)


def every_model(evidence: Evidence, where: Mapping[str, Any], _: Stated) -> Found:
    """Whether every model of a size lost, or gained: `direction: fell | rose`, `size:`."""
    pairs = evidence.pairs(where)
    own = pairs[pairs["size"] == where["size"]] if "size" in where else pairs
    direction = told(where, "direction")
    held = own["effect"] < 0 if direction == "fell" else own["effect"] > 0
    value = bool(held.all()) and len(own) > 0
    words = f"{'true' if value else 'false'} of {counted(len(own), 'model')}: {listed(own)}"
    return Found(readings=(Reading(value=value, words=words),))


def t_over_models(evidence: Evidence, where: Mapping[str, Any], stated: Stated) -> Found:
    """The t statistic of the mean effect over the models; the verdict, where a word is stated."""
    row = _over_models(evidence, where)
    t = float(row["effect"]) / float(row["se"])
    words = (
        f"{row['verdict']}: t {t:.2f} on {row['df']:g} df, p {row['p']:.2g}, "
        f"{points(row['effect'])} points {interval(row['low'], row['high'])}"
    )
    value = str(row["verdict"]) if isinstance(stated, str) else t
    return Found(readings=(Reading(value=value, words=words),))


def same_again(evidence: Evidence, where: Mapping[str, Any], _: Stated) -> Found:
    """Range of the scores of one arm over several experiments; `model:` and `variant:`."""
    again = recurrences({name: evidence.tables[name] for name in evidence.chosen(where)})
    own = again[(again["model"] == told(where, "model"))]
    own = own[own["variant"] == told(where, "variant")]
    if own.empty:
        raise TableError(f"{where['model']} under {where['variant']} was asked once: name two")
    scores = [*own["first_score"].iloc[:1], *own["second_score"]]
    spread = max(scores) - min(scores)
    shown = ", ".join(f"{score:.4g}" for score in scores)
    copies = bool(own["same_text"].all())
    caution = "the answers are one text: only the judge was asked again" if copies else ""
    text = "the same text" if copies else "not the same text"
    return Found(
        readings=(Reading(value=spread, words=f"{spread:.4g} ({shown}; {text})"),), caution=caution
    )


def judge_spread(evidence: Evidence, where: Mapping[str, Any], _: Stated) -> Found:
    """Spread (SD) of the scores of byte-identical answers: the judge alone."""
    tables = {name: evidence.tables[name] for name in evidence.chosen(where)}
    found = judge_spread_of(tables)
    if found is None:
        raise TableError("no answer was marked twice: nothing shows the judge alone")
    again = recurrences(tables)
    shown = ", ".join(
        f"{row['first_score']:.4g} and {row['second_score']:.4g}"
        for row in again[again["same_text"]].to_dict("records")
    )
    words = f"{found.sd:.1f} points ({counted(found.n_replicates, 'identical pair')}: {shown})"
    return Found(readings=(Reading(value=found.sd, words=words),))


def floor_of_wins(_: Evidence, where: Mapping[str, Any], __: Stated) -> Found:
    """Spread (SD) of the wins of a model with an equal share: `tests:`, `models:`, `per:`."""
    tests, models = int(told(where, "tests")), int(told(where, "models"))
    value = win_floor(tests, models, per=where.get("per"))
    share = f"sqrt({tests} x 1/{models} x {models - 1}/{models})"
    scale = f" x {where['per']}/{tests}" if where.get("per") else ""
    caution = "it is the spread over new tests; the same tests again do not shrink it"
    return Found(
        readings=(Reading(value=value, words=f"{value:.3f} = {share}{scale}"),), caution=caution
    )


Work = Callable[[Evidence, Mapping[str, Any], Stated], Found]


class Computation(NamedTuple):
    """What a claim may name, and what it may be told beside `experiments`."""

    work: Work
    takes: frozenset[str]


def _computation(work: Work, *takes: str) -> Computation:
    return Computation(work, frozenset(takes) | {"experiments"})


COMPUTATIONS: Final[Mapping[str, Computation]] = {
    "mean_effect": _computation(mean_effect, "variant"),
    "mean_effect_percent": _computation(mean_effect_percent, "variant"),
    "mean_effect_over": _computation(mean_effect_over, "variant", "subset"),
    "improved_count": _computation(improved_count, "variant"),
    "regressed_count": _computation(regressed_count, "variant"),
    "model_effect": _computation(model_effect, "variant", "model"),
    "range": _computation(effect_range, "variant"),
    "per_tier_mean": _computation(per_tier_mean, "variant", "bounds"),
    "best_tier": _computation(best_tier, "variant", "tiers"),
    "every_model": _computation(every_model, "variant", "direction", "size"),
    "t_over_models": _computation(t_over_models, "variant"),
    "same_again": _computation(same_again, "variant", "model"),
    "judge_spread": _computation(judge_spread),
    "win_floor": _computation(floor_of_wins, "tests", "models", "per"),
}
"""Every computation that a claim may name."""


def listed(pairs: pd.DataFrame, joint: str = " ") -> str:
    """Models with their effects: "gemma3:4b −12, deepcoder:1.5b −19"."""
    rows = pairs.to_dict("records")
    names = [f"{row['model']}{joint}{points(row['effect'], 0)}" for row in rows]
    return ", ".join(names) or "none"


def _reading(value: float, words: str) -> Reading:
    return Reading(value=float(value), words=f"{points(value)} {words}")


def _averaged(values: "pd.Series[float]", what: str) -> Reading:
    return _reading(values.mean(), f"over {len(values)} {what} ({points(values.sum(), 0)} in all)")


def _range(pairs: pd.DataFrame, what: str) -> Reading:
    low, high = float(pairs["effect"].min()), float(pairs["effect"].max())
    words = f"{points(low, 0)} to {points(high, 0)} over {len(pairs)} {what}"
    return Reading(value=(low, high), words=words)


def _counted(
    pairs: pd.DataFrame, held: "pd.Series[bool]", stated: Stated, verb: str, other: str
) -> Found:
    """How many models did, and which one the stated number must have counted, or left out."""
    count = int(held.sum())
    words = f"{count} of {len(pairs)}"
    if isinstance(stated, (int, float)) and stated != count:
        # Those nearest to zero on the other side are what another cut would count.
        side = pairs[~held] if stated > count else pairs[held]
        order = side["effect"].abs().sort_values(kind="stable").index
        nearest = side.loc[order[: int(abs(stated - count))]]
        words += f", because {listed(nearest, ' is ')}"
    else:
        words += f" {verb} ({listed(pairs[held])}); {other}: {listed(pairs[~held])}"
    return Found(readings=(Reading(value=count, words=words),))


def _no_subset(pairs: pd.DataFrame, stated: Stated) -> str:
    """Say so where no choice of models whatever has the stated mean."""
    values = [float(value) for value in pairs["effect"]]
    if not isinstance(stated, (int, float)) or len(values) > MOST_SUBSETS:
        return ""
    goal = float(stated)
    for size in range(1, len(values) + 1):
        if any(abs(sum(own) / size - goal) < 0.05 for own in combinations(values, size)):
            return ""
    return f", and no choice among the {len(values)} averages {points(goal)}"


def _over_models(evidence: Evidence, where: Mapping[str, Any]) -> Mapping[Any, Any]:
    (name, *more) = evidence.chosen(where)
    if more:
        raise TableError("t_over_models speaks of one experiment: name one")
    table = overall_effect(evidence.tables[name], baseline=evidence.baselines[name], over="models")
    variants: Sequence[str] = [str(label) for label in table["variant"]]
    variant = where.get("variant", variants[0] if len(variants) == 1 else None)
    own = verdicts(table)[table["variant"] == variant]
    if own.empty:
        raise TableError(f"{name} has the variants {', '.join(variants)}: name one with variant:")
    return dict(own.iloc[0])


def _undecided(evidence: Evidence, where: Mapping[str, Any]) -> str:
    """What the spread between the models leaves of a mean effect."""
    row = _over_models(evidence, where)
    if pd.isna(row["low"]) or row["verdict"] != "undecided":
        return ""
    return (
        f"over models like these it lies between {points(row['low'])} and {points(row['high'])} "
        f"(95 %, p {row['p']:.2g}): undecided"
    )
