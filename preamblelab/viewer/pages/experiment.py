"""One experiment: how far it is while it runs, and what it shows."""

from collections.abc import Sequence

from preamblelab.errors import PreamblelabError
from preamblelab.report.markup import Markup, element, joined
from preamblelab.store import ArmProgress
from preamblelab.viewer.addresses import Query, named, to
from preamblelab.viewer.pages.shell import (
    Reload,
    experiment_crumb,
    figure,
    figure_head,
    number,
    problem,
    share_bar,
    shell,
    simulated,
    table,
    when,
)
from preamblelab.viewer.source import SOON, Pace, Source


class OwnPage(Markup):
    """A page with its style in itself, to be shown under the policy of reports."""


def page(source: Source, query: Query) -> Markup:
    """An experiment, with its verdict and pictures."""
    name = named(query, "experiment")
    pace = source.pace(name)
    found, state = _findings(source, name, running=pace.running)
    waits = state == "waiting" or pace.arms is None
    question = str(source.store.document(name).get("question") or "")
    return shell(
        source,
        name,
        element("p", question, class_="question") if question else None,
        element(
            "p",
            element("a", "Trials", href=to("trials", experiment=name), class_="button"),
            element("a", "Whole report", href=to("report", experiment=name), class_="button"),
            class_="tools",
        ),
        element(
            "section",
            _progress(pace),
            id="progress",
            data_source=to("progress", experiment=name),
            data_state=_state(pace),
            aria_label="Progress",
        ),
        element(
            "section",
            found,
            id="verdict",
            data_source=to("verdict", experiment=name),
            data_state=state,
            aria_label="Verdict",
        ),
        reload=Reload(seconds=3, script_follows=True) if waits else None,
    )


def progress(source: Source, query: Query) -> Markup:
    """Only the part of the page that moves while a run works."""
    pace = source.pace(named(query, "experiment"))
    return element("div", _progress(pace), data_state=_state(pace))


def whole_report(source: Source, query: Query) -> Markup:
    """The report as the file that `preamblelab report -o report.html` writes."""
    name = named(query, "experiment")
    made = source.report_page(name)
    if made is not None:
        return OwnPage(made)
    waiting = "The whole report is being made; this page asks again by itself."
    return shell(
        source,
        "Whole report",
        element("p", waiting, class_="waiting", role="status"),
        crumbs=[experiment_crumb(name)],
        reload=Reload(seconds=2),
    )


def _state(pace: Pace) -> str:
    """`running` while somebody is at work, else a word that changes with every answer."""
    if pace.arms is None:
        return "counting"
    done = sum(arm.answered + arm.marked + arm.failed for arm in pace.arms)
    return f"{'running' if pace.running else 'idle'} {done}"


def _progress(pace: Pace) -> Markup:
    arms = pace.arms
    if arms is None:
        return element("p", "The trials are being counted.", class_="waiting", role="status")
    trials, answered = sum(arm.trials for arm in arms), sum(arm.answered for arm in arms)
    marked, failed = sum(arm.marked for arm in arms), sum(arm.failed for arm in arms)
    words = f"{answered:,} of {trials:,} trials answered, {marked:,} marked"
    words += f", {failed:,} failed" if failed else ""
    if pace.seconds_left is not None:
        words += f"; about {_duration(pace.seconds_left)} left at this pace"
    holder = pace.holder
    at_work = (
        [
            element("span", "running", class_="label live"),
            f" {holder.purpose}, since ",
            when(holder.since),
            ". ",
        ]
        if holder is not None
        else None
    )
    line = element("p", at_work, words, ".", role="status")
    if answered == trials and marked == trials and not pace.running:
        return line
    return joined([line, _arms(arms)])


def _arms(arms: Sequence[ArmProgress]) -> Markup:
    return table(
        [
            "model",
            "variant",
            "answered",
            figure_head("marked"),
            figure_head("failed"),
            figure_head("tokens"),
            figure_head("usd"),
        ],
        (
            [
                arm.model,
                arm.variant,
                element(
                    "span",
                    share_bar(
                        [(arm.marked, "done"), (arm.answered - arm.marked, "half"),
                         (arm.failed, "lost")],
                        arm.trials,
                    ),
                    f" {arm.answered:,} of {arm.trials:,}",
                    class_="counted",
                ),
                figure(f"{arm.marked:,}"),
                figure(f"{arm.failed:,}" if arm.failed else "0"),
                figure(f"{arm.tokens:,}"),
                figure(_usd(arm)),
            ]
            for arm in arms
        ),
        aria_label="Progress by model and variant",
    )  # fmt: skip


def _usd(arm: ArmProgress) -> Markup:
    if arm.unpriced and not arm.usd:
        return number(None)
    return joined([number(arm.usd, 4 if arm.usd else 0), "+" if arm.unpriced else None])


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def verdict(source: Source, query: Query) -> Markup:
    """Only the part of the page that waits for the report."""
    name = named(query, "experiment")
    found, state = _findings(source, name, running=source.store.holder() is not None)
    return element("div", found, data_state=state)


def _findings(source: Source, name: str, *, running: bool) -> tuple[Markup, str]:
    """What the experiment shows, and whether that is `ready` or still `waiting`."""
    try:
        shown = source.shown(name, patience=SOON)
    except PreamblelabError as error:
        return problem(error), "ready"
    if shown is None:
        waiting = "The verdict is being worked out, and comes here by itself."
        return element("p", waiting, class_="waiting", role="status"), "waiting"
    stale = "While the run works, what stands below may be some seconds old."
    older = element("p", stale, class_="quiet") if running else None
    tag = simulated() if shown.report.simulated else None
    return joined([older, tag, shown.overview]), "ready"
