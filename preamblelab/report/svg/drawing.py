"""Owns what all pictures share: the frame with its words, colours, axes, marks."""

from collections.abc import Iterable
from typing import Final

from preamblelab.report.markup import Child, Markup, element, joined
from preamblelab.report.svg.scales import Scale

NARROW: Final = 600
"""Pixels under which pictures stack what stands side by side above."""

COLOURS: Final = """\
--paper:#fff;--ink:#1b2129;--soft:#545e6b;--line:#d4dae1;--faint:#e9edf1;--band:#e3e8ee;
--band2:#f1f4f7;--gain:#0a5fa5;--loss:#a8440c;--flat:#5d6673;--gain-fill:#0a5fa5;--loss-fill:#c2530f"""
DARK: Final = """\
--paper:#12161b;--ink:#e8ecf1;--soft:#a4afbc;--line:#343d48;--faint:#232a33;--band:#2a333e;
--band2:#1d242c;--gain:#74b8f5;--loss:#f5a06a;--flat:#a4afbc;--gain-fill:#3f8fd6;--loss-fill:#d9773a"""

STYLE: Final = """\
.fig{font:12px/1.3 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;
fill:var(--ink)}
.fig .soft{fill:var(--soft)}.fig .small{font-size:11px}.fig .strong{font-weight:600}
.fig .end{text-anchor:end}.fig .mid{text-anchor:middle}
.fig .grid{stroke:var(--faint);stroke-width:1}.fig .axis{stroke:var(--line);stroke-width:1}
.fig .zero{stroke:var(--soft);stroke-width:1}
.fig .band{fill:var(--band)}.fig .band2{fill:var(--band2)}
.fig .rule{stroke:var(--faint);stroke-width:1}
.fig .s-gain{stroke:var(--gain)}.fig .s-loss{stroke:var(--loss)}.fig .s-flat{stroke:var(--flat)}
.fig .f-ink{fill:var(--ink)}.fig .halo{paint-order:stroke;stroke:var(--paper);stroke-width:3px}
.fig .f-gain{fill:var(--gain)}.fig .f-loss{fill:var(--loss)}.fig .f-flat{fill:var(--flat)}
.fig .bar{stroke-width:2.5;fill:none;stroke-linecap:round}.fig .thin{stroke-width:1.5}
.fig .dash{stroke-dasharray:3 4}
.fig .from{fill:var(--paper);stroke:var(--soft);stroke-width:2}
.fig .hollow{fill:var(--paper);stroke-width:2}
.fig .cell{stroke:var(--paper);stroke-width:2}
.fig .none{fill:var(--band2)}"""


def frame(
    *children: Child, name: str, title: str, desc: str, width: float, height: float
) -> Markup:
    """The picture around its marks, read out as title and description.

    Args:
        children: what is drawn.
        name: identifier, once in a page and picture width.
        title: what the picture is, in a few words.
        desc: what it shows, in words and numbers: all that a reader who cannot see it needs first.
        width: in pixels.
        height: in pixels.
    """
    ids = f"{name}-{width:.0f}"
    return element(
        "svg",
        element("title", title, id=f"{ids}-t"),
        element("desc", desc, id=f"{ids}-d"),
        children,
        class_="fig",
        role="img",
        viewBox=f"0 0 {width:g} {height:g}",
        width=f"{width:g}",
        height=f"{height:g}",
        aria_labelledby=f"{ids}-t {ids}-d",
    )


def standalone(picture: Markup) -> str:
    """A picture as a file of its own: with its colours, light and dark."""
    style = (
        f"svg{{{COLOURS}}}@media(prefers-color-scheme:dark){{svg{{{DARK}}}}}{STYLE}"
        "svg{background:var(--paper)}"
    )
    opened, rest = str(picture).split(">", 1)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{opened} xmlns="http://www.w3.org/2000/svg">'
        f"<style>{style}</style>{rest}\n"
    )


def words(said: str, x: float, y: float, class_: str = "", *, told: str = "") -> Markup:
    """A text at a place; `told` is the whole of what had to be cut."""
    note = element("title", told) if told and told != said else None
    return element("text", said, note, x=x, y=y, class_=class_ or None)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def dot(x: float, y: float, class_: str, *, r: float = 5.0, told: str = "") -> Markup:
    """A circle; `told` is shown by a browser where a pointer rests on it."""
    return element(
        "circle", element("title", told) if told else None, cx=x, cy=y, r=r, class_=class_
    )


def upright(
    scale: Scale,
    top: float,
    bottom: float,
    shown: Iterable[tuple[float, str]],
    *,
    zero: bool = True,
) -> Markup:
    """Thin lines down the picture at values, their names above them; that at 0 may be stronger."""
    return joined(
        (
            line(scale(at), top, scale(at), bottom, "zero" if zero and at == 0 else "grid"),
            words(name, scale(at), top - 6, "soft small mid") if name else None,
        )
        for at, name in shown
    )


def direction(low: float, high: float) -> str:
    """`gain` or `loss` where an interval leaves out 0, else `flat`."""
    if low == low and low > 0:
        return "gain"
    return "loss" if high == high and high < 0 else "flat"
