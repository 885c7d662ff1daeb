"""Many small pictures on one scale: the effect on each dimension, panel beside panel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from preamblelab.report.markup import Markup, joined
from preamblelab.report.svg.drawing import NARROW, direction, dot, frame, line, upright, words
from preamblelab.report.svg.scales import Scale, fitting, room, symmetric
from preamblelab.stats.sentences import points

_TOP: Final = 58
_ROW: Final = 20
_GAP: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """An effect with its interval; missing numbers are NaN."""

    effect: float
    low: float
    high: float


def multiples(
    panels: Mapping[str, Sequence[Effect]],
    rows: Sequence[str],
    *,
    unit: str,
    title: str,
    notes: Mapping[str, str] | None = None,
    name: str = "dimensions",
    width: int = 920,
) -> Markup:
    """One panel for each name, one line for each row, all on one scale.

    Args:
        panels: effects by name of the panel, one for each row.
        rows: names of the lines.
        unit: what the effects are counted in, in words.
        title: what the picture is.
        notes: a few words under the name of a panel.
        name: identifier of the picture in its page.
        width: pixels; under 600 panels stand below each other.
    """
    half = symmetric(
        each
        for effects in panels.values()
        for one in effects
        for each in (one.low, one.high, one.effect)
    )
    stacked = width < NARROW
    names = min(
        max((room(each, 12) for each in rows), default=60) + 12, width * (0.42 if stacked else 0.24)
    )
    columns = 1 if stacked else max(len(panels), 1)
    each_width = (width - names - _GAP * columns) / columns
    titles = {panel: _in_lines(panel, each_width) for panel in panels}
    head = _TOP + 14 * (max((len(each) for each in titles.values()), default=1) - 1)
    tall = head + _ROW * len(rows) + _GAP
    parts: list[Markup] = [words(unit, width, 12, "soft small end")]
    for number, (panel, effects) in enumerate(panels.items()):
        x = names + _GAP + (0 if stacked else (each_width + _GAP) * number)
        top = 8 + (tall * number if stacked else 0)
        scale = Scale(low=-half, high=half, start=x + 6, end=x + each_width - 6)
        bottom = top + head + _ROW * len(rows)
        middle = (scale.start + scale.end) / 2
        first = top + head - _TOP + 22 - 14 * (len(titles[panel]) - 1)
        parts += [
            words(each, middle, first + 14 * y, "mid strong", told=panel)
            for y, each in enumerate(titles[panel])
        ]
        parts += [
            words((notes or {}).get(panel, ""), middle, top + head - 22, "mid soft small"),
            upright(scale, top + head, bottom, [(v, "") for v in (-half, 0, half)]),
            words(points(-half, 0), scale.start, top + head - 5, "soft small"),
            words("0", middle, top + head - 5, "soft small mid"),
            words(points(half, 0), scale.end, top + head - 5, "soft small end"),
        ]
        if stacked or number == 0:
            parts += [
                words(fitting(each, 12, names - 6), 0, top + head + _ROW * (y + 0.5) + 4, told=each)
                for y, each in enumerate(rows)
            ]
        parts += [
            _mark(one, scale, top + head + _ROW * (y + 0.5), f"{rows[y]}, {panel}")
            for y, one in enumerate(effects)
        ]
    height = 8 + tall * (len(panels) if stacked else 1)
    return frame(
        joined(parts),
        name=name,
        title=title,
        desc=_spoken(panels, rows),
        width=width,
        height=height,
    )


def _in_lines(title: str, width: float) -> list[str]:
    """The name of a panel in one line, or in two where it is wider than its panel."""
    if room(title, 14) <= width or " " not in title:
        return [fitting(title, 14, width + 8)]
    middle = len(title) / 2
    gap = min((n for n, each in enumerate(title) if each == " "), key=lambda n: abs(n - middle))
    return [fitting(each, 14, width + 8) for each in (title[:gap], title[gap + 1 :])]


def _mark(one: Effect, scale: Scale, y: float, of: str) -> Markup:
    if one.effect != one.effect:
        return words("none", scale(0) + 5, y + 4, "soft small")
    way = direction(one.low, one.high)
    known = one.low == one.low
    span = line(scale(one.low), y, scale(one.high), y, f"bar s-{way}") if known else Markup("")
    style = f"f-{way}" if known else f"hollow s-{way}"
    return joined((span, dot(scale(one.effect), y, style, r=4, told=f"{of}: {_words(one)}")))


def _words(one: Effect) -> str:
    if one.effect != one.effect:
        return "no figure"
    known = one.low == one.low
    span = f" ({points(one.low)} to {points(one.high)})" if known else ", no interval"
    return f"{points(one.effect)}{span}"


def _spoken(panels: Mapping[str, Sequence[Effect]], rows: Sequence[str]) -> str:
    said = [
        f"{panel}: "
        + "; ".join(f"{row} {_words(one)}" for row, one in zip(rows, effects, strict=True))
        for panel, effects in panels.items()
    ]
    return ". ".join(said) + "."
