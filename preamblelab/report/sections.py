"""What a report says, section by section; all wording is here."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from preamblelab.report.conclusions import (
    again_section,
    clauses_section,
    judges_section,
    segments_section,
    tiers_section,
    told,
)
from preamblelab.report.contradictions import calibration_section, contradictions_section
from preamblelab.report.executed_evidence import evidence_section
from preamblelab.report.findings import Findings
from preamblelab.report.gaps import (
    answered,
    failure_lines,
    nothing_line,
    unmarked_lines,
)
from preamblelab.report.heads import SIMULATED, head_of, title_of
from preamblelab.report.layout import Grid, Section
from preamblelab.report.limits import limits_section
from preamblelab.report.stopping import looks_section, rule_section
from preamblelab.stats.sentences import points

if TYPE_CHECKING:
    from pandas import DataFrame

OUTCOMES: Final = ("ok", "truncated", "looped", "refused", "empty", "failed", "pending")


def sections_of(report: Findings) -> list[Section]:
    """The sections of a report, in reading order."""
    if nothing := nothing_line(report.scores):
        lines = (report.question, nothing)
        head = Section(title=title_of(report), lines=tuple(line for line in lines if line))
        facts = facts_section(report) if answered(report.scores) else _only_facts(report)
        return [head, facts] if facts.lines or facts.grid else [head]
    sections = [
        head_of(report).section,
        effects_section(report),
        looks_section(report.looks),
        told(repetitions_section, report, "Repetitions"),
        delivery_section(report),
        told(segments_section, report, "By baseline tier and size"),
        told(clauses_section, report, "Clauses"),
        told(tiers_section, report, "Models"),
        told(judges_section, report, "Judges"),
        evidence_section(report),
        contradictions_section(report),
        calibration_section(report),
        again_section(report),
        limits_section(report),
        facts_section(report),
    ]
    return [section for section in sections if section.lines or section.grid is not None]


def effects_section(report: Findings) -> Section:
    """The effect of every variant on every model, with its interval, verdict and reason."""
    effects = report.effects
    if effects.empty:
        return Section()
    sizes = _first(report.scores, "size")
    naming = _Naming(report)
    columns: tuple[str, ...] = (
        naming.title,
        "size",
        "variant",
        "baseline",
        "with",
        "effect",
        "interval",
        "verdict",
    )
    rows: list[tuple[str, ...]] = [
        (
            naming.of(row["model"]),
            str(sizes.get(row["model"], "unknown")),
            str(row["variant"]),
            _number(row["baseline_mean"]),
            _number(row["variant_mean"]),
            _effect(row),
            _interval(row),
            _verdict(row),
        )
        for row in _rows(effects)
    ]
    notes = ["", *_reasons(effects)]
    if held := _held_together(report):
        notes.insert(1, held)
    if report.truths:
        columns = (*columns, "true effect")
        truths = [_signed(value) for value in effects["true_effect"]]
        rows = [(*row, truth) for row, truth in zip(rows, truths, strict=True)]
        notes.insert(
            1,
            "  true effect: what the simulated model gains by its published truth (on the tasks "
            "and the rubric of this experiment)",
        )
    right = frozenset({"baseline", "with", "effect", "true effect"})
    grid = Grid(columns=columns, rows=tuple(rows), right=right)
    if bool(effects["below_floor"].any()):
        notes.insert(1, "  * smaller than chance in the answers alone may be (see the noise floor)")
    return Section(title="Effects, in points of 100", grid=grid, notes=tuple(notes))


def _held_together(report: Findings) -> str:
    """What the intervals of the table promise, which is not always the level of one alone."""
    own = report.effects[report.effects["adjusted_low"].notna()]
    levels = own["adjusted_level"].astype(float)
    if levels.empty:
        return ""
    low, high = (f"{100 * level:.4g}" for level in (levels.min(), levels.max()))
    each = f"{low} %" if low == high else f"{low} to {high} %"
    if report.looks is not None:
        return f"  interval: each look's own ({each}), so that all looks together keep the error"
    if bool((levels - report.level).abs().max() < 1e-9):
        return f"  interval: {each}"
    variants = int(own.groupby("model").size().max())
    return (
        f"  interval: intervals hold for the {_count(variants, 'variant')} of a model together at "
        f"{100 * report.level:.4g} % ({each} each)"
    )


def _reasons(effects: "DataFrame") -> list[str]:
    """Why each row has its verdict; rows with one reason share a line."""
    named: dict[str, list[str]] = {}
    for row in _rows(effects):
        named.setdefault(str(row["reason"]), []).append(f"{row['model']} {row['variant']}")
    return [f"  {'; '.join(names)}: {reason}" for reason, names in named.items()]


def repetitions_section(report: Findings) -> Section:
    """What the rule for repetitions asked, where it is not a fixed number."""
    return rule_section(
        report.scores, baseline=report.baseline, rule=report.rule, margin=report.margin
    )


def delivery_section(report: Findings) -> Section:
    """Whether every preamble reached its model, and what leaving out the others changes."""
    lines = [
        f"{row['model']} {row['variant']}: {row['delivery']}"
        + (f" - {row['delivery_reasons']}" if row["delivery_reasons"] else "")
        for row in _rows(report.effects)
        if row["delivery"] == "undelivered" or row["delivery_reasons"]
    ]
    lines += [_recorded_sentence(row, report.effects) for row in _rows(report.recorded)]
    return Section(title="Did the preamble arrive?", lines=tuple(lines))


def _recorded_sentence(row: Mapping[str, Any], effects: "DataFrame") -> str:
    """What the plain table says, undelivered preambles and all; it is no verdict."""
    own = effects[effects["variant"] == row["variant"]]
    lost = int((own["delivery"] == "undelivered").sum())
    text = (
        f"As measured, delivered or not: {row['variant']} {_signed(row['effect'])} points "
        f"({_number(row['baseline_mean'])} to {_number(row['variant_mean'])}) over "
        f"{_count(len(own), 'model')}, of which {lost} undelivered"
    )
    if not _missing(row["p"]):
        # Without any spread there is no t; the interval is then the exact bound.
        t = f"t {row['effect'] / row['se']:.2f} on {row['df']:g} df, " if row["se"] else ""
        text += f"; {t}p {row['p']:.2g}: {row['verdict']}"
    return text + "."


def facts_section(report: Findings) -> Section:
    """How many answers ended how, why some are missing, and what all of it cost."""
    notes = [*failure_lines(report.scores), *unmarked_lines(report.scores)]
    return Section(
        title="Outcomes and cost",
        lines=_fact_lines(report),
        grid=_outcome_grid(report),
        notes=("", *notes) if notes else (),
    )


def _only_facts(report: Findings) -> Section:
    return Section(title="Outcomes and cost", lines=_fact_lines(report))


def _fact_lines(report: Findings) -> tuple[str, ...]:
    return tuple(f"{name}: {value}" for name, value in report.facts)


def _outcome_grid(report: Findings) -> Grid | None:
    scores = report.scores
    if "status" not in scores:
        return None
    naming = _Naming(report)
    seen = [name for name in OUTCOMES if (scores["status"] == name).any()]
    counts = scores.groupby(["model", "variant"], sort=False)["status"].value_counts()
    seen_arms = dict.fromkeys((model, variant) for model, variant, _ in counts.index)
    arms = sorted(
        seen_arms, key=lambda arm: (_place(arm[0], report.models), _place(arm[1], report.variants))
    )
    rows = tuple(
        (
            naming.of(model),
            str(variant),
            *(str(int(counts.get((model, variant, name), 0))) for name in seen),
        )
        for model, variant in arms
    )
    return Grid(columns=(naming.title, "variant", *seen), rows=rows, right=frozenset(seen))


def _place(name: str, order: tuple[str, ...]) -> int:
    return order.index(name) if name in order else len(order)


class _Naming:
    """Names of models in a table that says which are simulated: once where all of them are."""

    def __init__(self, report: Findings) -> None:
        column = report.scores.get("simulated")
        every = set(report.scores["model"])
        simulated: set[object] = set()
        if column is not None:
            simulated = set(report.scores.loc[column.fillna(value=False).astype(bool), "model"])
        self.all_of_them = bool(every) and simulated == every
        self.simulated = simulated
        self.title = f"model ({SIMULATED})" if self.all_of_them else "model"

    def of(self, model: str) -> str:
        """The name, with a mark where only some models are simulated and this is one of them."""
        marked = model in self.simulated and not self.all_of_them
        return f"{model} ({SIMULATED})" if marked else model


def _verdict(row: Mapping[str, Any]) -> str:
    early = ""
    if row.get("stopped_early"):
        early = ", given up" if row["verdict"] == "undecided" else ", early"
    return f"{row['verdict']}{early}" + (" *" if row["below_floor"] else "")


def _effect(row: Mapping[str, Any]) -> str:
    if row["delivery"] == "undelivered":
        return f"({_signed(row['difference'])})"
    return _signed(row["effect"])


def _interval(row: Mapping[str, Any]) -> str:
    low, high = row.get("adjusted_low", row["low"]), row.get("adjusted_high", row["high"])
    if _missing(low) or _missing(high):
        return "none can be had"
    return f"{points(low)} to {points(high)}"


def _first(table: "DataFrame", column: str) -> dict[str, Any]:
    if column not in table:
        return {}
    first = table.groupby("model", sort=False)[column].first()
    return {str(model): value for model, value in first.items()}


def _rows(table: "DataFrame") -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _number(value: float) -> str:
    return "-" if _missing(value) else f"{value:.1f}"


def _signed(value: float) -> str:
    return "-" if _missing(value) else points(value)


def _missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
