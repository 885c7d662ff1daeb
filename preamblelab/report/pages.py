"""The sections of a page: those of the text report, with pictures, and what only a page shows."""

from collections.abc import Iterator
from dataclasses import replace
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
from preamblelab.report.executed import executed_section
from preamblelab.report.findings import Findings
from preamblelab.report.heads import head_of
from preamblelab.report.layout import Figure, Grid, Section, counted
from preamblelab.report.limits import limits_section
from preamblelab.report.pictures import (
    cost_figures,
    cost_table,
    dimension_figure,
    dimension_table,
    effects_figure,
    strips_figure,
    tier_figures,
)
from preamblelab.report.published import published_section
from preamblelab.report.sections import (
    delivery_section,
    effects_section,
    facts_section,
    repetitions_section,
)
from preamblelab.report.stopping import looks_section
from preamblelab.stats.sentences import points

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_ROWS: Final = 200
"""Rows of one table in a page; the JSON report has them all."""


def first_figures(report: Findings) -> tuple[Figure, ...]:
    """The pictures of the first screen: effects on their band of noise, then tier by size."""
    if report.effects.empty:
        return ()
    return (effects_figure(report), *tier_figures(report))


def tiers_line(report: Findings) -> str:
    """Why no picture tells tiers and sizes apart, where none does; empty for a single model."""
    if report.effects["model"].nunique() < 2:
        return ""
    return (
        "By baseline tier and size no honest figure can be had: tiers must be judged by other "
        "baseline answers than those that enter an effect."
    )


def spent_lines(report: Findings) -> tuple[str, ...]:
    """What was spent and what was saved, in sentences."""
    spent = [
        f"{name} {value}" for name, value in report.facts if name.startswith(("asking", "judging"))
    ]
    return (*spent, *report.details.saved)


def page_sections(report: Findings) -> list[Section]:
    """What stands below the first screen, in reading order."""
    sections = [
        published_section(report.published),
        limits_section(report),
        effects_section(report),
        looks_section(report.looks),
        told(repetitions_section, report, "Repetitions"),
        told(segments_section, report, "By baseline tier and size"),
        _dimensions(report),
        executed_section(report),
        told(contradictions_section, report, "Contradictions between judge and execution"),
        told(calibration_section, report, "Points calibrated by execution"),
        told(judges_section, report, "Judges"),
        delivered(report),
        told(_stability, report, "Stability"),
        told(tiers_section, report, "Models"),
        _cost(report),
        told(clauses_section, report, "Clauses"),
        again_section(report),
        facts_section(report),
    ]
    return [each for each in sections if each.lines or each.grid or each.figures]


def markdown_sections(report: Findings) -> list[Section]:
    """The whole report as sections: first screen, the rest, how to make it again."""
    head = head_of(report).section
    first = replace(head, figures=first_figures(report), notes=spent_lines(report))
    return [first, *page_sections(report), *again(report)]


def delivered(report: Findings) -> Section:
    """Whether every preamble reached its model; said also where all did."""
    section = delivery_section(report)
    if section.lines:
        return section
    counts = report.effects["delivery"].value_counts()
    known, unknown = int(counts.get("delivered", 0)), int(counts.get("unknown", 0))
    pairs = f"{counted(len(report.effects), 'pair')} of model and variant"
    if not known:
        text = f"Nobody checked it, for {pairs}."
    elif unknown:
        text = f"It was seen to arrive for {known} of {pairs}; {unknown} were not checked."
    else:
        text = f"It was seen to arrive for {'all ' if known > 1 else ''}{pairs}."
    return replace(section, lines=(text,))


def again(report: Findings) -> Iterator[Section]:
    """How to make the report again: commands, versions, digests, seed."""
    origin = report.details.origin
    if not origin.commands:
        return
    lines = []
    if origin.imported:
        lines.append(
            "The answers were imported: they can be read and marked again, but not asked again "
            "from here. The first command writes them to a file."
        )
    if origin.seed is not None:
        lines.append(f"Seed {origin.seed} draws the order of trials.")
    rows = [
        *(("command", each) for each in origin.commands),
        *((f"version of {name}", value) for name, value in origin.versions),
        *(origin.digests),
    ]
    yield Section(
        title="How to make it again",
        lines=tuple(lines),
        grid=Grid(columns=("what", "which"), rows=tuple(rows)),
    )


def _dimensions(report: Findings) -> Section:
    table = dimension_table(report)
    if table is None:
        return Section()
    grid = Grid(
        columns=("dimension", "points", "model", "variant", "effect in %", "95 % interval"),
        rows=tuple(
            (
                str(row["dimension"]).replace("_", " "), f"{row['maximum']:g}", str(row["model"]),
                str(row["variant"]), _signed(row["effect"]), _span(row["low"], row["high"]),
            )
            for row in _records(table.head(MOST_ROWS))
        ),
        right=frozenset({"points", "effect in %"}),
    )  # fmt: skip
    return Section(
        title="By dimension",
        lines=("Points won and lost, in percent of what each dimension can earn.",),
        figures=(dimension_figure(table),),
        grid=grid,
    )


def _stability(report: Findings) -> Section:
    figure = strips_figure(report)
    if figure is None:
        line = "Every trial was asked once: nothing shows how far a second run would differ."
        return Section(title="Stability, run by run", lines=(line,))
    return Section(title="Stability, run by run", figures=(figure,))


def _cost(report: Findings) -> Section:
    table = cost_table(report)
    if table is None:
        return Section()
    names = {"seconds": "seconds", "tokens": "tokens", "usd": "usd"}
    there = [name for name in names if name in table and table[name].notna().any()]
    columns = ["model", "variant", "score", *there]
    per = [name for name in ("seconds", "usd") if name in there and (table[name] > 0).any()]
    rows = []
    for row in _records(table.head(MOST_ROWS)):
        cells = [str(row["model"]), str(row["variant"]), _plain(row["score"], 1)]
        cells += [_plain(row[name], 6 if name == "usd" else 1) for name in there]
        cells += [_plain(row["score"] / row[name], 1) if row[name] > 0 else "-" for name in per]
        rows.append(tuple(cells))
    headings = [
        *columns,
        *(f"points per {'dollar' if name == 'usd' else 'second'}" for name in per),
    ]
    return Section(
        title="Points for time and money",
        lines=("Means of one answer. Points per second reward a fast poor answer, too.",),
        figures=tuple(cost_figures(report, table)),
        grid=Grid(
            columns=tuple(headings),
            rows=tuple(rows),
            right=frozenset(headings) - {"model", "variant"},
        ),
    )


def _records(table: "DataFrame") -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _signed(value: float) -> str:
    return "-" if value != value else points(value)


def _plain(value: float, digits: int) -> str:
    if value != value:
        return "-"
    shown = f"{value:,.{digits}f}"
    return shown.rstrip("0").rstrip(".") if digits > 1 else shown


def _span(low: float, high: float) -> str:
    return "none can be had" if low != low else f"{points(low)} to {points(high)}"
