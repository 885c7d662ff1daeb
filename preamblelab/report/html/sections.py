"""Sections of a report as HTML: lines, pictures with the numbers behind them, tables, notes."""

import re

from preamblelab.report.html.tables import folded, grid_table, together
from preamblelab.report.layout import Figure, Section
from preamblelab.report.markup import Child, Markup, element

NARROW: int = 360
"""Pixels for which a picture is drawn a second time, for narrow screens."""
_LONG_TABLE: int = 25
"""Rows from which a table is folded."""


def section_view(section: Section, *more: Child) -> Markup:
    """One section under its heading; the table of a picture is folded below it."""
    return element(
        "section",
        element("h2", section.title, id=slug(section.title)) if section.title else None,
        element(
            "div", (element("p", together(line)) for line in section.lines if line), class_="lines"
        ),
        figures_view(section.figures),
        _table(section),
        _notes(section.notes),
        more,
        aria_labelledby=slug(section.title) if section.title else None,
    )


def figures_view(figures: tuple[Figure, ...]) -> Markup | None:
    """Pictures; small ones beside each other."""
    if not figures:
        return None
    shown = [figure_view(figure) for figure in figures]
    return element("div", shown, class_="row" if all(f.width < 600 for f in figures) else None)


def figure_view(figure: Figure) -> Markup:
    """A picture for wide screens and one for narrow ones, with its legend."""
    wide = figure.draw(figure.width)
    if figure.width <= NARROW:
        drawn: Child = wide
    else:
        drawn = (
            element("div", wide, class_="wide"),
            element("div", figure.draw(NARROW), class_="narrow"),
        )
    legend = element("figcaption", element("b", f"{figure.title}. "), together(figure.legend))
    return element("figure", drawn, legend)


def slug(title: str) -> str:
    """The name of a heading in an address: lower-case words joined by `-`."""
    return "-".join(re.findall(r"[a-z0-9]+", title.lower())) or "section"


def _table(section: Section) -> Markup | None:
    if section.grid is None:
        return None
    made = grid_table(section.grid, section.title)
    if section.figures:
        return folded("The numbers", made)
    rows = len(section.grid.rows)
    return folded(f"All {rows} rows", made) if rows > _LONG_TABLE else made


def _notes(notes: tuple[str, ...]) -> Markup | None:
    """Lines after a table; a reason that holds for many rows is long, and folded."""
    lines = [line.strip() for line in notes if line.strip()]
    if not lines:
        return None
    items = element("ul", (element("li", together(line)) for line in lines), class_="reasons")
    return folded("Notes and reasons", items) if len(lines) > 4 else items
