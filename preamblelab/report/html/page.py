"""The frame of a page: head, style, policy; it forbids scripts and every request."""

from functools import cache
from importlib.resources import files
from typing import Final

from preamblelab.report.markup import Child, Markup, element
from preamblelab.report.svg.drawing import COLOURS, DARK, STYLE

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What a browser may do with a report: show it."""

_LIGHT_ONLY: Final = "--out:#fbe3d6;--in:#dcebf9;"
_DARK_ONLY: Final = "--out:#4a2a17;--in:#173a58;"


def page(*body: Child, title: str) -> str:
    """A whole page in one string, in need of nothing else.

    Args:
        body: header, main and footer.
        title: what a browser calls it.
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content="preamblelab"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Markup(style())),
    )
    skip = element("a", "To the content", href="#content", class_="skip")
    return f"<!doctype html>\n{element('html', head, element('body', skip, body), lang='en')}\n"


@cache
def style() -> str:
    """Colours and rules of every page, light and dark, screen and paper."""
    rules = files("preamblelab.report.html").joinpath("report.css").read_text("utf-8")
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{{DARK};{_DARK_ONLY}}}}}"
    return f":root{{{COLOURS};{_LIGHT_ONLY}}}{dark}\n{STYLE}\n{rules}"
