"""What every page has around it: title, way back, style; and the small parts that pages share."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from preamblelab.report.html.page import style as report_style
from preamblelab.report.markup import Child, Markup, element, joined
from preamblelab.viewer.addresses import to

if TYPE_CHECKING:
    from preamblelab.viewer.source import Source

Crumb = tuple[str, str]
"""Words and address of a page above this one."""

NONE: Final = "–"
"""Stands for a missing number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload:
    """After how many seconds a browser asks for the page again."""

    seconds: int
    script_follows: bool = False
    """Whether the script brings what is new: then only a browser without scripts asks again."""

    @property
    def element(self) -> Markup:
        """For the head of a page."""
        again = element("meta", http_equiv="refresh", content=str(self.seconds))
        return element("noscript", again) if self.script_follows else again


_STYLE: Final = Path(__file__).parent.parent / "static" / "viewer.css"
_DOCTYPE: Final = Markup("<!doctype html>\n")


def style() -> str:
    """The style sheet: that of reports, and what pages add."""
    return f"{report_style()}\n{_STYLE.read_text('utf-8')}"


def shell(
    source: "Source",
    title: str,
    *body: Child,
    crumbs: Iterable[Crumb] = (),
    reload: Reload | None = None,
) -> Markup:
    """A whole page.

    Args:
        source: whose store it shows.
        title: of the page; its heading too.
        body: what stands under the heading.
        crumbs: pages above this one, the highest first; the list of experiments is one for all.
        reload: when the browser asks again.
    """
    way = [("Experiments", "/"), *crumbs] if title != "Experiments" else []
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        None if reload is None else reload.element,
        element("title", f"{title} · preamblelab"),
        element("link", rel="icon", href="/favicon.svg", type="image/svg+xml"),
        element("link", rel="stylesheet", href="/viewer.css"),
        element("script", src="/viewer.js", defer=True),
    )
    banner = element(
        "header",
        element("a", "preamblelab", href="/", class_="brand"),
        element("span", str(source.path), class_="store", title="the store, read only"),
        class_="banner",
    )
    return _DOCTYPE + element(
        "html",
        head,
        element(
            "body",
            element("a", "To the content", href="#content", class_="skip"),
            banner,
            element(
                "main",
                _way(way),
                element("h1", title),
                body,
                id="content",
                tabindex="-1",
            ),
        ),
        lang="en",
    )


def _way(crumbs: Iterable[Crumb]) -> Markup | None:
    links = [element("li", element("a", words, href=href)) for words, href in crumbs]
    return (
        element("nav", element("ol", links), aria_label="Way back", class_="way") if links else None
    )


def problem(error: Exception) -> Markup:
    """Why something cannot be shown, on the page."""
    return element("p", str(error), class_="problem", role="alert")


def number(value: float | None, digits: int = 1) -> Markup:
    """A number in a table; a missing one is a dash that says so."""
    if value is None or value != value:
        return element("span", NONE, class_="none", title="missing")
    return element("span", f"{value:,.{digits}f}".replace("-", "−"))


def signed(value: float | None) -> Markup:
    """A difference in points, with its sign and colour."""
    if value is None or value != value:
        return number(None)
    way = "gain" if value > 0 else "loss" if value < 0 else "flat"
    shown = f"{value:+.1f}".replace("-", "−")
    return element("span", shown, class_=way)


def simulated() -> Markup:
    """The label of a page that shows what no real model said."""
    return element("p", "simulated results", class_="tag")


def status(word: str, reason: str = "") -> Markup:
    """An outcome: a word in a frame whose colour is never all it says."""
    return element("span", word, class_=f"status {_KINDS.get(word, 'odd')}", title=reason or None)


_KINDS: Final = {"ok": "fine", "pending": "open", "failed": "bad", "undelivered": "bad"}


def score_bar(value: float | None) -> Markup | None:
    """A score from 0 to 100 as a bar beside its number."""
    if value is None:
        return None
    width = 56.0
    long = max(0.0, min(1.0, value / 100)) * width
    return element(
        "svg",
        element("rect", width=width, height=6, rx=3, class_="rail"),
        element("rect", width=long, height=6, rx=3, class_="done"),
        class_="meter", width=width, height=6, aria_hidden="true",
    )  # fmt: skip


def share_bar(parts: Iterable[tuple[int, str]], total: int) -> Markup:
    """Counts of a total as pieces of one bar; the numbers stand beside it."""
    width, place = 220.0, 0.0
    pieces: list[Markup] = [element("rect", width=width, height=8, rx=4, class_="rail")]
    for count, kind in parts:
        long = width * count / total if total else 0.0
        if long:
            pieces.append(element("rect", x=place, width=long, height=8, rx=4, class_=kind))
        place += long
    return element(
        "svg", pieces, class_="share", viewBox=f"0 0 {width:g} 8", preserveAspectRatio="none",
        aria_hidden="true",
    )  # fmt: skip


def table(columns: Iterable[Child], rows: Iterable[Iterable[Child]], **attributes: str) -> Markup:
    """A table that scrolls by itself on a narrow screen; the first cell of a row is its head.

    A column is a text, or a whole `th`.
    """
    heads = [
        each if isinstance(each, Markup) and each.startswith("<th") else
        element("th", each, scope="col")
        for each in columns
    ]  # fmt: skip
    body = [element("tr", (_cell(place, cell) for place, cell in enumerate(row))) for row in rows]
    inner = element(
        "table", element("thead", element("tr", heads)), element("tbody", body), **attributes
    )
    return element("div", inner, class_="scroll", tabindex="0", role="region",
                   aria_label=attributes.get("aria_label", "table"))  # fmt: skip


def _cell(place: int, cell: Child) -> Markup:
    if isinstance(cell, Markup) and cell.startswith("<td"):
        return cell
    return element("td", cell) if place else element("th", cell, scope="row")


def figure(cell: Child) -> Markup:
    """A cell aligned to the right."""
    return element("td", cell, class_="num")


def figure_head(words: Child) -> Markup:
    """The head of a column of numbers."""
    return element("th", words, scope="col", class_="num")


def when(stamp: str) -> Markup:
    """A time as the store writes it, for people."""
    return element("time", stamp[:16].replace("T", " "), datetime=stamp, title=f"{stamp} (UTC)")


def experiment_crumb(name: str) -> Crumb:
    """The way back to an experiment."""
    return name, to("experiment", experiment=name)


def lines(words: Iterable[str]) -> Markup:
    """Paragraphs."""
    return joined(element("p", each) for each in words)
