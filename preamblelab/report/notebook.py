"""Reports where notebooks show them: a page's first screen in a box whose style stays inside it."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

from preamblelab.report.findings import Findings
from preamblelab.report.gaps import nothing_line
from preamblelab.report.heads import head_of
from preamblelab.report.html.glance import glance
from preamblelab.report.html.page import style
from preamblelab.report.html.sections import section_view
from preamblelab.report.layout import Section
from preamblelab.report.markup import Child, Markup, element
from preamblelab.report.sections import effects_section

_BOX: Final = "preamblelab-box"
_ROOTS: Final = re.compile(r"(?<![\w.#-])(?::root|html|body)(?=[{,])")


def report_box(report: Findings) -> str:
    """Verdicts, the picture of effects and their table, for the output of a cell."""
    head = head_of(report)
    table = None if nothing_line(report.scores) else section_view(effects_section(report))
    return str(
        boxed(
            element("p", "simulated results", class_="tag") if report.simulated else None,
            element("h1", report.experiment),
            element("p", head.question, class_="question") if head.question else None,
            glance(report),
            table,
        )
    )


def sections_box(sections: Iterable[Section]) -> str:
    """Sections of any report, for the output of a cell."""
    said = [each for each in sections if each.lines or each.grid is not None or each.notes]
    return str(boxed(section_view(each) for each in said))


def boxed(*inside: Child) -> Markup:
    """Parts of a page with their style, which touches nothing else on the notebook's page."""
    return element("div", element("style", Markup(_scoped())), inside, class_=_BOX)


@cache
def _scoped() -> str:
    """The style of pages, nested under the box: what it says of the whole page, it says of that."""
    nested = _ROOTS.sub("&", style())
    room = "&{padding:1rem 1.2rem;border-radius:6px}& h1{margin-top:0}"
    return f".{_BOX}{{{nested}{room}}}"
