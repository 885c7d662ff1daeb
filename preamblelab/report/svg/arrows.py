"""What quality costs: for each model an arrow from its place without a preamble to that with it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from preamblelab.report.markup import Markup, joined
from preamblelab.report.svg.drawing import dot, frame, line, words
from preamblelab.report.svg.scales import Scale, fitting, room, ticks

_TOP: Final = 26
_LEFT: Final = 34
_BELOW: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """From cost and score without to cost and score with; all of them known."""

    label: str
    cost: tuple[float, float]
    """Seconds or dollars an answer, without and with; above 0."""
    score: tuple[float, float]
    """0 to 100, without and with."""


def arrows(
    rows: Sequence[Arrow], *, unit: str, title: str, name: str = "cost", width: int = 460
) -> Markup:
    """Scores upwards, costs to the right on a logarithmic scale: up and left is better.

    Args:
        rows: one for each model and variant.
        unit: what the costs are counted in.
        title: what the picture is.
        name: identifier of the picture in its page.
        width: pixels.
    """
    height = 300
    costs = [each for row in rows for each in row.cost]
    low, high = math.log10(min(costs)), math.log10(max(costs))
    pad = max((high - low) * 0.08, 0.08)
    across = Scale(low=low - pad, high=high + pad, start=_LEFT, end=width - 12)
    up = Scale(low=0, high=100, start=height - _BELOW, end=_TOP)
    parts: list[Markup] = [words("score", 0, 12, "soft small")]
    for value in (0, 25, 50, 75, 100):
        parts.append(line(_LEFT, up(value), width - 12, up(value), "grid"))
        parts.append(words(f"{value}", _LEFT - 6, up(value) + 4, "soft small end"))
    for cost in _round(across):
        x = across(math.log10(cost))
        parts.append(line(x, _TOP, x, height - _BELOW, "grid"))
        parts.append(words(f"{cost:g}", x, height - _BELOW + 15, "soft small mid"))
    parts.append(words(unit, (_LEFT + width) / 2, height - 6, "soft small mid"))
    taken: list[tuple[float, float, float]] = []
    labels = []
    for row in rows:
        (x1, x2), (y1, y2) = (across(math.log10(each)) for each in row.cost), map(up, row.score)
        told = _spoken(row, unit)
        parts.append(line(x1, y1, x2, y2, "bar thin s-flat"))
        parts.append(dot(x1, y1, "from", r=3.5, told=told))
        parts.append(dot(x2, y2, "f-ink", r=5, told=told))
        labels.append((row.label, x2, y2))
        taken += [(y + 4, x - 6, x + 6) for x, y in ((x1, y1), (x2, y2))]
    parts += [_label(*each, width, taken) for each in labels]
    desc = ". ".join(_spoken(row, unit) for row in rows) + "."
    return frame(joined(parts), name=name, title=title, desc=desc, width=width, height=height)


def _label(
    label: str, x: float, y: float, width: float, taken: list[tuple[float, float, float]]
) -> Markup:
    """The name beside its end, where no other name lies; none where there is no room."""
    for shown in dict.fromkeys(fitting(label, 11, most) for most in (220, 130)):
        wide = room(shown, 11)
        places = (
            (x + 9, y + 4), (x - 9 - wide, y + 4), (x - wide / 2, y - 10), (x - wide / 2, y + 19),
            (x + 7, y - 9), (x + 7, y + 17), (x - 7 - wide, y - 9), (x - 7 - wide, y + 17),
        )  # fmt: skip
        for start, base in places:
            place = (base, start, start + wide)
            if start < _LEFT or place[2] > width or any(_overlap(place, one) for one in taken):
                continue
            taken.append(place)
            return words(shown, start, base, "small halo", told=label)
    return Markup("")


def _overlap(one: tuple[float, float, float], other: tuple[float, float, float]) -> bool:
    return abs(one[0] - other[0]) < 12 and one[1] < other[2] and one[2] > other[1]


def _round(scale: Scale) -> list[float]:
    """Round costs inside a logarithmic scale: 1, 2 and 5 times powers of ten, or plain ticks."""
    powers = range(math.floor(scale.low), math.ceil(scale.high) + 1)
    inside = [
        lead * 10.0**power
        for power in powers
        for lead in (1, 2, 5)
        if scale.low <= math.log10(lead * 10.0**power) <= scale.high
    ]
    if len(inside) < 2:
        return [each for each in ticks(10**scale.low, 10**scale.high, 5) if each > 0]
    return inside if len(inside) <= 7 else [each for each in inside if f"{each:e}"[0] == "1"]


def _spoken(row: Arrow, unit: str) -> str:
    (c1, c2), (s1, s2) = row.cost, row.score
    return f"{row.label}: {s1:.1f} points at {c1:.3g} {unit} without, {s2:.1f} at {c2:.3g} with"
