"""The trials of an experiment: filtered, sorted, a page at a time."""

from collections.abc import Mapping, Sequence
from typing import Final

from preamblelab.report.markup import Markup, element, joined
from preamblelab.store import TrialLine, TrialPage
from preamblelab.viewer.addresses import Query, TrialsQuestion, to
from preamblelab.viewer.pages.shell import (
    experiment_crumb,
    figure,
    number,
    score_bar,
    shell,
    signed,
    status,
    table,
    when,
)
from preamblelab.viewer.source import Source

PAGE: Final = 50

_COLUMNS: Final = {
    "ordinal": "trial", "model": "model", "variant": "variant", "task": "task",
    "repetition": "rep.", "status": "status", "score": "score", "gain": "gain",
    "seconds": "seconds", "completion_tokens": "tokens", "usd": "usd",
}  # fmt: skip
_FIGURES: Final = frozenset(
    {"ordinal", "repetition", "score", "gain", "seconds", "completion_tokens", "usd"}
)


def page(source: Source, query: Query) -> Markup:
    """The trials that the address asks for."""
    asked = TrialsQuestion.read(query)
    snapshot = source.snapshot(asked.experiment)
    asked.check(snapshot.facets)
    found = source.store.trial_page(
        snapshot, asked.wanted, asked.order, limit=PAGE, after=asked.after, before=asked.before
    )
    total = sum(snapshot.facets["status"].values())
    return shell(
        source,
        "Trials",
        _form(asked, snapshot.facets),
        element("p", _count(found, total), " As of ", when(snapshot.taken), ".", role="status"),
        _table(asked, found.lines) if found.lines else None,
        _turning(asked, found),
        crumbs=[experiment_crumb(asked.experiment)],
    )


def _count(found: TrialPage, total: int) -> str:
    if found.matching is not None:
        shown = "" if found.matching <= PAGE else f", {len(found.lines)} on this page"
        if found.matching == total:
            return f"{total:,} trials{shown}."
        return f"{found.matching:,} of {total:,} trials{shown}."
    if found.searched is not None:
        return (
            f"{len(found.lines)} found among the {found.searched:,} answers searched so far; "
            "search on below."
        )
    return f"{len(found.lines)} found on this page."


def _form(asked: TrialsQuestion, facets: Mapping[str, Mapping[str, int]]) -> Markup:
    wanted = asked.wanted
    selects = [
        _select(name, getattr(wanted, name), facets[name])
        for name in ("model", "variant", "task", "status", "flag")
        if len(facets[name]) > 1 or getattr(wanted, name) or (name == "flag" and facets[name])
    ]
    hidden = {"experiment": asked.experiment}
    if asked.order.column != "ordinal":
        hidden |= {"sort": asked.order.column, "direction": asked.order.direction}
    return element(
        "form",
        (element("input", type="hidden", name=name, value=value) for name, value in hidden.items()),
        selects,
        element(
            "fieldset",
            element("legend", "score"),
            element(
                "span",
                _bound("lowest", "from", wanted.lowest),
                _bound("highest", "to", wanted.highest),
                element(
                    "label",
                    element("input", type="checkbox", name="unscored", value="1",
                            checked=wanted.unscored),
                    "missing only",
                    class_="check",
                ),
            ),
        ),
        element(
            "label",
            "text in the answer",
            element("input", type="search", name="text", value=wanted.text),
            class_="grow",
        ),
        element(
            "span",
            element("button", "Show"),
            element("a", "all", href=to("trials", experiment=asked.experiment), class_="button")
            if wanted.narrows
            else None,
            class_="ends",
        ),
        action="/trials",
        class_="filter",
        role="search",
        aria_label="Which trials",
    )  # fmt: skip


def _select(name: str, chosen: str, values: Mapping[str, int]) -> Markup:
    known = {**values, **({} if not chosen or chosen in values else {chosen: 0})}
    options = [element("option", "any", value="")]
    options += [
        element("option", f"{value} ({count:,})", value=value, selected=value == chosen)
        for value, count in known.items()
    ]
    return element("label", name, element("select", options, name=name))


def _bound(name: str, words: str, value: float | None) -> Markup:
    shown = "" if value is None else f"{value:g}"
    box = element(
        "input", type="number", name=name, value=shown, min=0, max=100, step="any",
        aria_label=f"score {words}",
    )  # fmt: skip
    return element("label", words, box, class_="small")


def _table(asked: TrialsQuestion, lines: Sequence[TrialLine]) -> Markup:
    # Said once where all of them are, as in a report; else of each.
    all_simulated = all(line.simulated for line in lines)
    titles = {**_COLUMNS, "model": "model (simulated)"} if all_simulated else _COLUMNS
    return table(
        [*(_head(asked, name, title) for name, title in titles.items()), "flags"],
        (_row(asked, line, marked=not all_simulated) for line in lines),
        aria_label="Trials",
        class_="full trials",
    )


def _head(asked: TrialsQuestion, name: str, title: str) -> Markup:
    order = asked.order
    here = order.column == name
    arrow = {"up": " ▲", "down": " ▼"}[order.direction] if here else ""
    spoken = {"up": "ascending", "down": "descending"}[order.direction] if here else None
    link = element("a", title, arrow, href=asked.sorted_by(name).address, rel="nofollow")
    figures = "num" if name in _FIGURES else None
    return element("th", link, scope="col", aria_sort=spoken, class_=figures)


def _row(asked: TrialsQuestion, line: TrialLine, *, marked: bool) -> list[Markup | str]:
    pair = to("pair", experiment=asked.experiment, trial=line.ordinal)
    flags = [element("span", flag, class_="label") for flag in line.flags]
    if line.delivery == "undelivered":
        flags.append(element("span", "undelivered", class_="label bad"))
    return [
        element("td", element("a", str(line.ordinal), href=pair), class_="num"),
        joined([line.model, " (simulated)" if line.simulated and marked else None]),
        line.variant,
        line.task,
        figure(str(line.repetition)),
        element("td", status(line.status, line.reason)),
        figure([score_bar(line.score), " ", number(line.score)]),
        figure(signed(line.gain)),
        figure(number(line.seconds, 2)),
        figure(number(line.completion_tokens, 0)),
        figure(number(line.usd, 4 if line.usd else 0)),
        joined(flags),
    ]


def _turning(asked: TrialsQuestion, found: TrialPage) -> Markup | None:
    links = []
    if asked.after is not None or asked.before is not None:
        links.append(element("a", "First page", href=asked.turned().address, class_="button"))
    if found.before is not None:
        back = asked.turned(before=found.before).address
        links.append(element("a", "← Before", href=back, class_="button", rel="prev"))
    if found.after is not None:
        words = "Search on →" if found.searched is not None else "Next →"
        onward = asked.turned(after=found.after).address
        links.append(element("a", words, href=onward, class_="button", rel="next"))
    return element("nav", links, aria_label="Pages", class_="tools") if links else None
