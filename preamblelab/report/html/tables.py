"""Tables of texts as HTML that a screen reader can walk and a narrow screen can push aside."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from preamblelab.report.layout import Grid
from preamblelab.report.markup import Child, Markup, element


def together(line: str) -> str:
    """The line with its figures kept on one line: "95 %", "−3.1 to −0.5", "5 points"."""
    return _SPAN.sub("\u00a0to\u00a0", _UNIT.sub("\u00a0", line))


_UNIT: Final = re.compile(r"(?<=\d) (?=%|points?\b)")
_SPAN: Final = re.compile(r"(?<=\d) to (?=[−+]?\d)")


def grid_table(grid: Grid, caption: str = "") -> Markup:
    """A grid of a report.

    Args:
        grid: texts, numbers already written.
        caption: what the table is; read out first.
    """
    rows = (tuple(together(cell) for cell in row) for row in grid.rows)
    return table(grid.columns, rows, caption=caption, right=grid.right)


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Child]],
    *,
    caption: str = "",
    right: Iterable[str] = (),
) -> Markup:
    """Rows under named columns; the first cell of a row is its heading.

    Args:
        columns: their names.
        rows: cells, as texts or elements.
        caption: what the table is.
        right: columns that are aligned to the right, as numbers are.
    """
    numeric = frozenset(right)
    head = (
        element("th", name, scope="col", class_="num" if name in numeric else None)
        for name in columns
    )
    body = (
        element(
            "tr",
            (
                element(
                    "td" if place else "th",
                    cell,
                    scope=None if place else "row",
                    class_="num" if name in numeric else None,
                )
                for place, (name, cell) in enumerate(zip(columns, row, strict=True))
            ),
        )
        for row in rows
    )
    made = element(
        "table",
        element("caption", caption) if caption else None,
        element("thead", element("tr", head)),
        element("tbody", body),
    )
    return element(
        "div",
        made,
        class_="scroll",
        role="region",
        aria_label=caption or "table",
        tabindex=0,
    )


def folded(summary: Child, *inside: Child, open_: bool = False, class_: str = "") -> Markup:
    """What a reader may open, with or without JavaScript."""
    return element(
        "details", element("summary", summary), inside, open=open_, class_=class_ or None
    )
