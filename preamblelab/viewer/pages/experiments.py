"""The first page: which experiments there are, how far each is, and which two to compare."""

from preamblelab.report.markup import Markup, element
from preamblelab.store import ExperimentEntry
from preamblelab.viewer.addresses import Query, to
from preamblelab.viewer.pages.shell import (
    Reload,
    figure,
    figure_head,
    share_bar,
    shell,
    table,
    when,
)
from preamblelab.viewer.source import Source


def page(source: Source, _: Query) -> Markup:
    """All experiments of the store."""
    entries = source.experiments()
    if not entries:
        empty = element(
            "p",
            "This store holds no experiment yet. Run one: ",
            element("code", f"preamblelab run quickstart --store {source.path}"),
        )
        return shell(source, "Experiments", empty, reload=Reload(seconds=5))
    holder = source.store.holder()
    at_work = element(
        "p",
        element("span", "running", class_="label live"),
        f" {holder.purpose}, process {holder.pid}, since ",
        when(holder.since),
        role="status",
    ) if holder else None  # fmt: skip
    return shell(source, "Experiments", at_work, _list(entries), _choice(entries))


def _list(entries: list[ExperimentEntry]) -> Markup:
    return table(
        [
            "experiment",
            "question",
            figure_head("trials"),
            "answered",
            "changed (UTC)",
        ],
        (
            [
                element("a", each.name, href=to("experiment", experiment=each.name)),
                [
                    element("span", "simulated", class_="label") if each.simulated else None,
                    " ",
                    each.question,
                ],
                figure(f"{each.trials:,}"),
                _answered(each),
                when(each.updated),
            ]
            for each in entries
        ),
        aria_label="Experiments",
        class_="full",
    )


def _answered(each: ExperimentEntry) -> Markup:
    words = "all" if each.answered == each.trials else f"{each.answered:,} of {each.trials:,}"
    return element(
        "span", share_bar([(each.answered, "done")], each.trials), " ", words, class_="counted"
    )


def _choice(entries: list[ExperimentEntry]) -> Markup | None:
    if len(entries) < 2:
        return None
    names = [each.name for each in entries]

    def select(name: str, chosen: str) -> Markup:
        options = [element("option", each, value=each, selected=each == chosen) for each in names]
        return element("select", options, name=name, aria_label=f"experiment {name}")

    return element(
        "section",
        element("h2", "Compare two"),
        element(
            "form",
            select("first", names[1]),
            " with ",
            select("second", names[0]),
            element("button", "Compare"),
            action="/compare",
            class_="tools",
        ),
    )
