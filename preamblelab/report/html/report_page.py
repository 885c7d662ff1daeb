"""The report on one experiment as one page: verdict first, pictures, then everything behind it."""

from collections.abc import Sequence
from typing import Final

from preamblelab.report.answers import Details
from preamblelab.report.findings import Findings
from preamblelab.report.gaps import nothing_line
from preamblelab.report.heads import head_of, title_of
from preamblelab.report.html.drill import pair_view
from preamblelab.report.html.glance import noise_view, spent_view, tiers_view, verdicts_view
from preamblelab.report.html.page import page
from preamblelab.report.html.sections import figures_view, section_view, slug
from preamblelab.report.html.tables import folded, table, together
from preamblelab.report.layout import Section, counted
from preamblelab.report.limits import limits
from preamblelab.report.markup import Markup, element
from preamblelab.report.pages import again, first_figures, page_sections
from preamblelab.report.published import ClaimsReport, published_section, reason_of
from preamblelab.report.sections import facts_section

_WHY: Final = 4
"""Reasons on the first screen; all of them stand below."""
_PAIRS: Final = "Answers side by side"


def report_page(report: Findings) -> str:
    """The whole page; the details of the report are read now."""
    if nothing := nothing_line(report.scores):
        return _empty(report, nothing)
    head = head_of(report)
    figures = first_figures(report)
    sections = page_sections(report)
    last = list(again(report))
    titles = [each.title for each in (*sections, *last)]
    titles.insert(len(sections), _PAIRS)
    return page(
        element(
            "header",
            _title(report),
            element("p", head.question, class_="question") if head.question else None,
            verdicts_view(report),
            _asked(report, report.published),
        ),
        element(
            "main",
            figures_view(figures[:1]),
            noise_view(report),
            _terms(report),
            figures_view(figures[1:]) or tiers_view(report),
            spent_view(report),
            _contents(titles),
            (_section(each, report.published) for each in sections),
            _pairs(report.details),
            (section_view(each) for each in last),
            id="content",
        ),
        _footer(report),
        title=f"{title_of(report)} · preamblelab",
    )


def _empty(report: Findings, nothing: str) -> str:
    header = element("header", _title(report), element("p", report.question), element("p", nothing))
    main = element("main", section_view(facts_section(report)), id="content")
    return page(header, main, _footer(report), title=title_of(report))


def _title(report: Findings) -> Markup:
    tag = element("p", "simulated results", class_="tag") if report.simulated else None
    return element("div", tag, element("h1", report.experiment))


def _asked(report: Findings, published: ClaimsReport | None) -> Markup:
    """Claimed, true, and why, beside each other; without claims: why."""
    why = limits(report)
    shown = element("ul", (element("li", together(each)) for each in why[:_WHY]))
    more = (
        element(
            "p", element("a", "All that these data cannot say", href="#what-these-data-cannot-say")
        )
        if len(why) > _WHY
        else None
    )
    if published is None:
        head = element("h2", "Why no more is claimed")
        return element("div", head, shown, more, class_="ask alone")
    lead = published.checked[0]
    follows = "The figure is right" if lead.follows else "It does not follow from the table"
    count = f"{published.follows} of {len(published.checked)} published sentences follow; "
    return element(
        "div",
        element(
            "div",
            element("h2", "What was claimed"),
            element("p", f"“{lead.claim.says}”", class_="big"),
            element("p", published.source, class_="quiet"),
            element("h2", "What is true"),
            element("p", element("b", f"{follows}: "), together(reason_of(lead))),
            element("p", count, element("a", "each with its reason", href=f"#{_published()}"), "."),
        ),
        element("div", element("h2", "Why"), shown, more),
        class_="ask",
    )


def _published() -> str:
    return "what-was-published-and-what-holds"


_TERMS: Final = {
    "better": "the whole interval lies above 0",
    "worse": "the whole interval lies below 0",
    "equivalent": "the whole interval lies within the margin, either way",
    "undecided": "the interval allows a gain that matters, none, or a loss: more data decide it",
    "refused": "no interval can be had from such data: the difference stands there, and no claim",
    "undelivered": "the preamble did not reach the model: there is no effect of it",
}
"""What a verdict means."""


def _terms(report: Findings) -> Markup:
    """The words of the verdicts that occur, for who sees them for the first time."""
    met = {*report.effects["verdict"], *report.overall["verdict"]}
    terms = [
        (element("dt", word), element("dd", meaning))
        for word, meaning in _TERMS.items()
        if word in met
    ]
    bounds = (
        element("dt", "preamble"),
        element("dd", "a system prompt: the text that a model is given before each task"),
        element("dt", "variant"),
        element("dd", "a preamble, or a part of it, that is compared with the baseline"),
        element("dt", "tier"),
        element("dd", "of a model by its own baseline: low under 50, mid 50 to 90, high over 90"),
        element("dt", "margin"),
        element("dd", f"the smallest effect that matters: {report.margin:g} points of 100"),
    )
    return folded("What the words mean", element("dl", terms, bounds, class_="terms"))


def _contents(titles: Sequence[str]) -> Markup:
    links = (element("li", element("a", each, href=f"#{slug(each)}")) for each in titles)
    return element("nav", element("ul", links), aria_label="Sections")


def _section(section: Section, published: ClaimsReport | None) -> Markup:
    if published is not None and section.title == published_section(published).title:
        return _claims(section)
    return section_view(section)


def _claims(section: Section) -> Markup:
    rows = section.grid.rows if section.grid is not None else ()
    cells = [
        (
            element(
                "span",
                ("✓ " if word == "follows" else "✗ ") + word,
                class_="yes" if word == "follows" else "no",
            ),
            said,
            together(found),
        )
        for word, said, found in rows
    ]
    made = table(("", "published", "recomputed"), cells, caption="Published sentences")
    plain = Section(title=section.title, lines=section.lines, notes=section.notes)
    return section_view(plain, element("div", made, class_="claims"))


def _pairs(details: Details) -> Markup:
    telling = details.telling
    if not telling.pairs:
        line = details.note or "There is no pair of answers to show: the scores came without them."
        return section_view(Section(title=_PAIRS, lines=(line,)))
    shown = len(telling.pairs)
    rule = (
        f"{counted(shown, 'pair')} of {telling.of:,}, chosen by a rule: {telling.rule}."
        if shown < telling.of
        else f"All {counted(shown, 'pair')}."
    )
    line = f"{rule} Both answers are to one task in one repetition; open a line to read them."
    return section_view(
        Section(title=_PAIRS, lines=(line,)), (pair_view(each) for each in telling.pairs)
    )


def _footer(report: Findings) -> Markup:
    versions = dict(report.details.origin.versions)
    made = f"Made by preamblelab {versions['preamblelab']}" if versions else "Made by preamblelab"
    text = f"{made}. One file: it needs no network and runs no script."
    return element("footer", element("p", text))
