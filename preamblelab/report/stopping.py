"""What interim looks saw, what they may claim and what they saved; and what other rules ask."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from preamblelab.report.layout import Grid, Section
from preamblelab.stats.effects import effects
from preamblelab.stats.looks import Plan
from preamblelab.stats.sentences import points
from preamblelab.stats.sequential import (
    CallsSaved,
    calls_saved,
    look_history,
    order_tasks,
    planned_repetitions,
    review,
)
from preamblelab.stats.verdicts import verdicts

if TYPE_CHECKING:
    from pandas import DataFrame, Series

MOST_ROWS: Final = 60
"""Looks that a report lists; its JSON has them all."""

MOST_VERDICTS: Final = 8
"""Pairs whose verdict stands in the head of a report."""


@dataclass(frozen=True, kw_only=True)
class Looks:
    """A recorded plan of looks with the answers that they may count."""

    plan: Plan
    asked: "DataFrame"
    """Rows of the score table that were answered and marked, or given up for good."""
    baseline: str
    recorded: str
    """When the plan was recorded, in UTC."""
    answered_before: int = 0
    """Trials of variants whose answers were there before the plan, from other experiments."""
    other_marking: bool = False
    """Whether the answers are now marked otherwise than planned."""

    @cached_property
    def comparable(self) -> bool:
        """Whether there is an answer under the baseline and one under a variant."""
        arms = set(self.asked["variant"])
        return self.baseline in arms and len(arms) > 1

    @cached_property
    def reviewed(self) -> "DataFrame":
        """What may be concluded of each pair now; columns as `stats.sequential.review`."""
        return review(self.asked, self.plan, baseline=self.baseline)

    @cached_property
    def history(self) -> "DataFrame":
        """What each look saw, pair by pair."""
        return look_history(self.asked, self.plan, baseline=self.baseline)

    @cached_property
    def saved(self) -> CallsSaved:
        """Answers asked, against all of them."""
        return calls_saved(self.asked, self.plan, baseline=self.baseline)

    def to_dict(self) -> dict[str, Any]:
        """The plan, each look and the savings as plain values; `plan` says what was recorded."""
        data: dict[str, Any] = {
            "plan": self.plan.to_dict(),
            "looks": list(self.plan.looks),
            "recorded": self.recorded,
            "answered_before": self.answered_before,
            "other_marking": self.other_marking,
        }
        if self.comparable:
            saved = self.saved
            data["saved"] = {**saved._asdict(), "share": saved.share, "sentence": str(saved)}
        return data


def at_looks(table: "DataFrame", looks: Looks, *, level: float) -> "DataFrame":
    """A table of effects with every figure as at the look that settled the pair, or the last one.

    Args:
        table: effects, a row per model and variant, from all answers.
        looks: the recorded plan and what it may count.
        level: confidence of the intervals, between 0 and 1.

    Returns:
        The rows from the answers of their look alone; a pair that no look has seen has no means.
    """
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    if looks.comparable:
        numbers = _trial_numbers(looks)
        settled = [row for row in _records(looks.reviewed) if row["flags"] != "waiting"]
        for trials in {int(row["trials"]) for row in settled}:
            pairs = {(r["model"], r["variant"]) for r in settled if r["trials"] == trials}
            kept = (numbers < trials) & looks.asked["model"].isin({model for model, _ in pairs})
            rows = effects(looks.asked[kept.to_numpy()], baseline=looks.baseline, level=level)
            each = {(row["model"], row["variant"]): row for row in _records(rows)}
            found |= {pair: row for pair, row in each.items() if pair in pairs}
    unseen = dict.fromkeys(("baseline_mean", "variant_mean"), float("nan"))
    changed = [
        {**row, **found.get((row["model"], row["variant"]), unseen)} for row in _records(table)
    ]
    frozen = table.copy()
    for name in changed[0] if changed else ():
        frozen[name] = [each[name] for each in changed]
    return frozen


def _trial_numbers(looks: Looks) -> "Series[int]":
    """Place of each asked trial in its arm's order of asking, from 0."""
    plan, asked = looks.plan, looks.asked
    tasks = plan.order or order_tasks(sorted(set(asked["task"])), seed=plan.seed)
    places = {task: place for place, task in enumerate(tasks)}
    first = asked["task"].map(places).astype("int64")
    return first + (asked["repetition"].astype("int64") - 1) * plan.n_tasks


def under_looks(table: "DataFrame", looks: Looks) -> "DataFrame":
    """A table of effects with what the looks allow to claim in place of what one look would.

    Args:
        table: effects with verdicts, a row per model and variant.
        looks: the recorded plan and what it may count.

    Returns:
        The rows, with effect and interval of the look that settled the pair (or the last one
        taken), no p-value, and `look` (from 1) and `stopped_early`.
    """
    rows: dict[tuple[str, str], Mapping[str, Any]] = {}
    if looks.comparable:
        rows = {(row["model"], row["variant"]): row for row in _records(looks.reviewed)}
    table = table.astype({"verdict": object, "reason": object})
    changed = [
        _looked(row, rows.get((row["model"], row["variant"])), looks.plan)
        for row in _records(table)
    ]
    for name in changed[0] if changed else ():
        table[name] = [each[name] for each in changed]
    return table


_NOT_CLAIMED: Final = ("se", "df", "p", "p_holm", "more_tasks", "more_models", "more_repetitions")
_INTERVAL: Final = ("low", "high", "adjusted_low", "adjusted_high")


def _looked(row: Mapping[str, Any], seen: Mapping[str, Any] | None, plan: Plan) -> dict[str, Any]:
    """New values of one row of effects."""
    nothing = float("nan")
    new: dict[str, Any] = {name: nothing for name in _NOT_CLAIMED if name in row}
    if seen is None or seen["flags"] == "waiting":
        waits = 1 if seen is None else int(seen["look"])
        return {
            **new,
            **dict.fromkeys((*_INTERVAL, "effect", "adjusted_level"), nothing),
            "verdict": "undecided",
            "reason": f"look {waits} of {len(plan.looks)} waits for answers",
            "margin": plan.margin,
            "look": waits,
            "stopped_early": False,
        }
    return {
        **new,
        "effect": seen["effect"],
        "low": seen["low"],
        "high": seen["high"],
        "adjusted_low": seen["low"],
        "adjusted_high": seen["high"],
        "adjusted_level": 1.0 - seen["alpha"],
        "verdict": seen["verdict"],
        "reason": _reason(seen, plan),
        "margin": plan.margin,
        "look": int(seen["look"]),
        "stopped_early": bool(seen["stopped_early"]),
    }


def _reason(seen: Mapping[str, Any], plan: Plan) -> str:
    where = f"look {seen['look']} of {len(plan.looks)}"
    early = ", stopped early" if seen["stopped_early"] else ""
    if seen["flags"] == "futile":
        return f"stopped at {where}: more answers would hardly decide it"
    match seen["verdict"]:
        case "undecided" if seen["look"] == len(plan.looks):
            return f"all {len(plan.looks)} looks are taken"
        case "undecided":
            return f"open at {where}: {seen['next_trials']} more answers per arm are planned"
        case "equivalent":
            return f"smaller than {plan.margin:g} points either way ({where}{early})"
        case "better":
            return f"a gain ({where}{early})"
    return f"a loss ({where}{early})"


def verdict_lines(table: "DataFrame") -> list[str]:
    """The verdict of each pair, interval first; none where there are too many for a head.

    Args:
        table: effects as `under_looks` gives them.
    """
    if len(table) > MOST_VERDICTS:
        return []
    return [
        f"Verdict on {row['variant']} for {row['model']}: {_interval(row)}, {row['verdict']}: "
        f"{row['reason']}."
        for row in _records(table)
    ]


def looks_section(looks: Looks | None) -> Section:
    """The plan, what each look saw, and what was saved; nothing without a plan."""
    if looks is None:
        return Section()
    plan = looks.plan
    planned = (
        f"Planned before the first call ({looks.recorded[:10]}): looks after "
        f"{', '.join(map(str, plan.looks))} answers per arm; margin {plan.margin:g} points; error "
        f"{plan.alpha:.0%} for each pair over all its looks ({plan.spending} spending); tasks in "
        f"an order drawn from seed {plan.seed}."
    )
    lines = [planned]
    if looks.answered_before:
        lines.append(
            f"{looks.answered_before} answers of the variants were there before the plan, from "
            "other experiments: the error holds only if nobody chose the plan by them."
        )
    if looks.other_marking:
        lines.append(
            "The answers are now marked otherwise than planned: the error is not promised for "
            "these marks."
        )
    if not looks.comparable:
        return Section(title="Looks", lines=(*lines, "No look was taken yet."))
    pairs = looks.saved.pairs
    if pairs > 1:
        lines.append(
            f"Were there no effect in any of the {pairs} pairs, the chance of at least one wrong "
            f"claim would be up to {1 - (1 - plan.alpha) ** pairs:.0%}."
        )
    lines.append(str(looks.saved))
    caution = (
        "An estimate at an early stop is a little too large on average: go by its interval. Only "
        "these verdicts keep the planned error; all other sections describe what was asked."
    )
    notes = [caution]
    rows = _records(looks.history)
    if len(rows) > MOST_ROWS:
        notes.insert(0, f"{len(rows) - MOST_ROWS} more rows are in the JSON report.")
    return Section(
        title="Looks",
        lines=tuple(lines),
        grid=Grid(
            columns=("model", "variant", "look", "answers", "tasks", "effect", "interval", "saw"),
            rows=tuple(_history_row(row) for row in rows[:MOST_ROWS]),
            right=frozenset({"look", "answers", "tasks", "effect"}),
        ),
        notes=tuple(notes),
    )


def _history_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    ended = ", given up" if row["flags"] == "futile" else ", stopped early"
    saw = f"{row['verdict']}" + (ended if row["stopped_early"] else "")
    return (
        str(row["model"]),
        str(row["variant"]),
        str(row["look"]),
        str(row["trials"]),
        str(row["n_tasks"]),
        "-" if row["effect"] != row["effect"] else points(row["effect"]),
        _interval(row),
        saw,
    )


def _interval(row: Mapping[str, Any]) -> str:
    if row["low"] != row["low"]:
        return "no interval yet"
    return f"{points(row['low'])} to {points(row['high'])}"


def _records(table: "DataFrame") -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def seed_repetitions(scores: "DataFrame", baseline: str, most: int = 3) -> dict[str, int]:
    """Repetitions of each model by the seed rule: 3 under 60 points, 2 up to 80, 1 above.

    Args:
        scores: score table with the first repetition of the baseline.
        baseline: label of the baseline arm.
        most: bound.

    Returns:
        By model; a model without a baseline score is left out.
    """
    first = scores[(scores["variant"] == baseline) & (scores["repetition"] == 1)]
    means = first.dropna(subset=["score"]).groupby("model", sort=False)["score"].mean()
    return {
        str(model): planned_repetitions(float(mean), "seed", most) for model, mean in means.items()
    }


def rule_section(scores: "DataFrame", *, baseline: str, rule: str, margin: float) -> Section:
    """What the rule for repetitions asked, and what the other rules would have asked and said.

    Args:
        scores: score table of what was asked.
        baseline: label of the baseline arm.
        rule: `always-3` or `seed`; any other has no section.
        margin: the smallest effect that matters, in points.
    """
    if rule not in {"always-3", "seed"}:
        return Section()
    told = seed_repetitions(scores, baseline)
    asked = scores.drop_duplicates(["model", "variant", "task", "repetition"])
    if rule == "seed":
        each = ", ".join(f"{model} {count}" for model, count in told.items())
        arms = asked.groupby("model", sort=False)["variant"].nunique().sum()
        full = 3 * int(arms) * int(asked["task"].nunique())
        line = f"{len(asked):,} of {full:,} answers were asked ({len(asked) / full:.0%}): {each}."
        title = "Repetitions by the seed rule (3 under 60 points, 2 up to 80, 1 above)"
        return Section(title=title, lines=(line,))
    title = "Three repetitions everywhere, and what other rules would have asked of the same"
    if scores["score"].isna().any():
        missing = int(scores["score"].isna().sum())
        return Section(title=title, lines=(f"Not compared: {missing} scores are missing.",))
    grid = Grid(
        columns=("rule", "answers", "share", "verdicts"),
        rows=tuple(_rule_rows(scores, baseline, told, margin)),
        right=frozenset({"answers", "share"}),
    )
    return Section(title=title, grid=grid)


def _rule_rows(
    scores: "DataFrame", baseline: str, told: Mapping[str, int], margin: float
) -> list[tuple[str, ...]]:
    full = len(scores)
    by_seed = scores[scores["repetition"] <= scores["model"].map(told)]
    plan = Plan.for_tasks([str(t) for t in scores["task"].unique()], n_repetitions=3, margin=margin)
    reviewed = review(scores, plan, baseline=baseline)
    longest = reviewed.groupby("model")["trials"].max()
    by_looks = int(reviewed["trials"].sum() + longest.sum())
    rows = [
        ("always-3", full, _verdicts(scores, baseline, margin)),
        ("seed", len(by_seed), _verdicts(by_seed, baseline, margin)),
        ("auto", by_looks, _counted(reviewed["verdict"])),
    ]
    return [(rule, f"{n:,}", f"{n / full:.0%}", told) for rule, n, told in rows]


def _verdicts(scores: "DataFrame", baseline: str, margin: float) -> str:
    table = verdicts(effects(scores, baseline=baseline), margin=margin, family="none")
    return _counted(table["verdict"])


def _counted(words: Any) -> str:
    return ", ".join(f"{count} {word}" for word, count in words.value_counts().items())
