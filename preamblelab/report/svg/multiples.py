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
    tall = _TOP + _ROW * len(rows) + _GAP
    parts: list[Markup] = [words(unit, width, 12, "soft small end")]
    for number, (panel, effects) in enumerate(panels.items()):
        x = names + _GAP + (0 if stacked else (each_width + _GAP) * number)
        top = 8 + (tall * number if stacked else 0)
        scale = Scale(low=-half, high=half, start=x + 6, end=x + each_width - 6)
        bottom = top + _TOP + _ROW * len(rows)
        middle = (scale.start + scale.end) / 2
        parts += [
            words(fitting(panel, 12.6, each_width + 8), middle, top + 22, "mid strong", told=panel),
            words((notes or {}).get(panel, ""), middle, top + 36, "mid soft small"),
            upright(scale, top + _TOP, bottom, [(v, "") for v in (-half, 0, half)]),
            words(points(-half, 0), scale.start, top + _TOP - 5, "soft small"),
            words("0", middle, top + _TOP - 5, "soft small mid"),
            words(points(half, 0), scale.end, top + _TOP - 5, "soft small end"),
        ]
        if stacked or number == 0:
            parts += [
                words(fitting(each, 12, names - 6), 0, top + _TOP + _ROW * (y + 0.5) + 4, told=each)
                for y, each in enumerate(rows)
            ]
        parts += [
            _mark(one, scale, top + _TOP + _ROW * (y + 0.5), f"{rows[y]}, {panel}")
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
