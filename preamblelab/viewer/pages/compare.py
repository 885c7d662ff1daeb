"""Two experiments beside each other: the effects of the same variant on the same model."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from preamblelab.errors import PreamblelabError
from preamblelab.report.html.sections import figure_view
from preamblelab.report.layout import Figure, counted
from preamblelab.report.markup import Markup, element
from preamblelab.report.svg.drawing import direction
from preamblelab.report.svg.multiples import Effect, multiples
from preamblelab.stats.sentences import points
from preamblelab.viewer.addresses import Query, named, to
from preamblelab.viewer.pages.shell import (
    Reload,
    figure,
    figure_head,
    number,
    problem,
    shell,
    table,
)
from preamblelab.viewer.source import Source

if TYPE_CHECKING:
    from preamblelab.report.reports import Report

Row = Mapping[str, Any]
_MOST_LINES = 60


def page(source: Source, query: Query) -> Markup:
    """The effects of two experiments."""
    names = (named(query, "first"), named(query, "second"))
    title = f"{names[0]} and {names[1]}"
    try:
        reports = [source.report(name) for name in names]
    except PreamblelabError as error:
        return shell(source, title, problem(error))
    first, second = reports
    if first is None or second is None:
        waiting = "The reports are being worked out; this page asks again by itself."
        line = element("p", waiting, class_="waiting", role="status")
        return shell(source, title, line, reload=Reload(seconds=2))
    rows = _matched(first, second)
    return shell(
        source,
        title,
        element("ul", (element("li", each) for each in _differences(source, first, second)),
                class_="plain"),
        (_picture(names, rows), _table(names, rows))
        if rows
        else element("p", "No model and variant occur in both."),
        _alone(first, second),
        element(
            "p",
            "The difference of two effects has no interval here: the two may share answers, tasks "
            "or a baseline, and a plain overlap of intervals is no test. To claim one, put both "
            "variants into one experiment.",
            class_="quiet",
        ),
    )  # fmt: skip


def _rows(report: "Report") -> dict[tuple[str, str], Row]:
    return {
        (str(row["model"]), str(row["variant"])): {str(name): row[name] for name in row}
        for row in report.effects.to_dict("records")
    }


def _matched(first: "Report", second: "Report") -> list[tuple[Row, Row]]:
    ones, twos = _rows(first), _rows(second)
    return [(ones[place], twos[place]) for place in ones if place in twos]


def _picture(names: tuple[str, str], rows: list[tuple[Row, Row]]) -> Markup:
    """The effects of both on one scale, line against line."""
    title = "Effects of both experiments"
    labels = [f"{one['model']} · {one['variant']}" for one, _ in rows[:_MOST_LINES]]
    panels = {
        name: [_drawn(pair[side]) for pair in rows[:_MOST_LINES]] for side, name in enumerate(names)
    }
    figure = Figure(
        name="both",
        title=title,
        draw=lambda width: multiples(
            panels, labels, unit="points", title=title, name="both", width=width
        ),
        legend="Coloured: chance does not explain it. Hollow: no interval can be had.",
    )
    return figure_view(figure)


def _drawn(row: Row) -> Effect:
    return Effect(effect=row["effect"], low=row["adjusted_low"], high=row["adjusted_high"])


def _table(names: tuple[str, str], rows: list[tuple[Row, Row]]) -> Markup:
    heads = [
        "model", "variant",
        *(cell for name in names for cell in (figure_head(name), "interval", "verdict")),
        figure_head("difference"),
    ]  # fmt: skip
    return table(
        heads,
        (
            [
                str(one["model"]),
                str(one["variant"]),
                *_effect(one),
                *_effect(two),
                figure(_difference(one, two)),
            ]
            for one, two in rows
        ),
        aria_label="Effects side by side",
    )


def _effect(row: Row) -> tuple[Markup, str, str]:
    """Effect, interval and verdict; in colour only what chance does not explain."""
    effect, low, high = row["effect"], row["adjusted_low"], row["adjusted_high"]
    if effect != effect:
        shown = number(None)
    else:
        shown = element("span", points(effect), class_=direction(low, high))
    span = f"{points(low)} to {points(high)}" if _known(row) else "none can be had"
    return figure(shown), span, str(row["verdict"])


def _difference(one: Row, two: Row) -> Markup:
    """How far apart two effects are; none where either is no more than a difference of means."""
    if not _known(one) or not _known(two):
        return number(None)
    return element("span", points(float(two["effect"] - one["effect"])))


def _known(row: Row) -> bool:
    """Whether there is an interval."""
    low, high = row["adjusted_low"], row["adjusted_high"]
    return bool(low == low and high == high)


def _differences(source: Source, first: "Report", second: "Report") -> list[Markup | str]:
    """What else differs between the two, and what they share."""
    told: list[Markup | str] = []
    for report in (first, second):
        label = " (simulated results)" if report.simulated else ""
        scores = report.scores
        link = element("a", report.experiment, href=to("experiment", experiment=report.experiment))
        told.append(
            element(
                "span", link, f"{label}: {counted(scores['model'].nunique(), 'model')}, "
                f"{counted(scores['task'].nunique(), 'task')}, "
                f"{counted(scores['repetition'].nunique(), 'repetition')}, "
                f"baseline {report.baseline}, rubric {report.rubric or 'unknown'}",
            )
        )  # fmt: skip
    tasks = set(first.scores["task"]) & set(second.scores["task"])
    told.append(f"{counted(len(tasks), 'task')} of the same name in both.")
    shared = source.store.shared_answers(first.experiment, second.experiment)
    told.append(f"{counted(shared, 'answer')} that both have in common.")
    if first.rubric != second.rubric:
        told.append("Their rubrics differ: the points do not mean the same.")
    if first.baseline != second.baseline:
        told.append("Their baselines differ: the effects are against different arms.")
    return told


def _alone(first: "Report", second: "Report") -> Markup | None:
    ones, twos = _rows(first), _rows(second)
    lines = []
    for report, own, other in ((first, ones, twos), (second, twos, ones)):
        if missing := sorted(own.keys() - other.keys()):
            pairs = ", ".join(f"{model} {variant}" for model, variant in missing)
            lines.append(element("p", f"Only in {report.experiment}: {pairs}", class_="quiet"))
    return element("div", lines) if lines else None
