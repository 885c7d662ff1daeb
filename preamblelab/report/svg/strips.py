"""A strip for each arm of each model: what every repetition scored, on the tiers it falls into."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from preamblelab.report.markup import Markup, element, joined
from preamblelab.report.svg.drawing import NARROW, dot, frame, line, words
from preamblelab.report.svg.scales import Scale, fitting, room

_TOP: Final = 44
_ROW: Final = 22
_TALL_ROW: Final = 38


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One line: the mean score of every repetition, in the order of repetitions."""

    label: str
    """Whose line it is; empty where it is that of the line above."""
    arm: str
    scores: Sequence[float]
    """0 to 100; missing ones are NaN."""
    baseline: bool = False
    note: str = ""
    """What stands at its end: the range, a tier that changed."""


def strips(
    rows: Sequence[Strip],
    *,
    cuts: tuple[float, float],
    name: str = "repetitions",
    width: int = 920,
) -> Markup:
    """Scores of repetitions over the tiers low, mid and high.

    Args:
        rows: in reading order.
        cuts: bounds of the tiers, in points.
        name: identifier of the picture in its page.
        width: pixels.
    """
    stacked = width < NARROW
    height = _TALL_ROW if stacked else _ROW
    names = 0.0 if stacked else min(max((_room(row) for row in rows), default=60) + 12, width * 0.4)
    ends = 0.0 if stacked else 190.0
    scale = Scale(low=0, high=100, start=names + 10, end=width - ends - 10)
    bottom = _TOP + height * len(rows)
    parts: list[Markup] = [_tiers(scale, cuts, bottom)]
    for number, row in enumerate(rows):
        top = _TOP + height * number
        y = top + (27 if stacked else height / 2)
        if row.label:
            parts.append(line(0, top, width, top, "rule"))
        label = joined(
            (
                element("tspan", fitting(row.label, 12.5, width * 0.5), class_="strong")
                if row.label
                else None,
                element("tspan", row.arm, class_="soft small", dx=6 if row.label else 0),
            )
        )
        parts.append(element("text", label, x=4, y=top + 14 if stacked else y + 4))
        parts.append(_marks(row, scale, y))
        if row.note:
            x = width - 4 if stacked else width - ends + 4
            class_ = "soft small end" if stacked else "soft small"
            parts.append(words(row.note, x, top + 14 if stacked else y + 4, class_))
    return frame(
        joined(parts),
        name=name,
        title="Mean score of each repetition, by model and variant",
        desc=". ".join(_spoken(row) for row in rows) + ".",
        width=width,
        height=bottom + 6,
    )


def _tiers(scale: Scale, cuts: tuple[float, float], bottom: float) -> Markup:
    parts = []
    edges = (0.0, *cuts, 100.0)
    for number, name in enumerate(("low", "mid", "high")):
        start, end = scale(edges[number]), scale(edges[number + 1])
        if number != 1:
            parts.append(
                element(
                    "rect", x=start, y=_TOP, width=end - start, height=bottom - _TOP, class_="band2"
                )
            )
        parts.append(words(name, (start + end) / 2, 14, "mid soft small"))
    for each in edges:
        parts.append(words(f"{each:g}", scale(each), 32, "mid soft small"))
        parts.append(line(scale(each), _TOP, scale(each), bottom, "grid"))
    return joined(parts)


def _marks(row: Strip, scale: Scale, y: float) -> Markup:
    known = [each for each in row.scores if each == each]
    if not known:
        return words("no score", scale(50), y + 4, "soft small mid")
    span = line(scale(min(known)), y, scale(max(known)), y, "bar thin s-flat")
    style = "from" if row.baseline else "f-ink"
    marks = (
        dot(scale(each), y, style, r=4, told=f"repetition {number}: {each:.1f}")
        for number, each in enumerate(row.scores, 1)
        if each == each
    )
    return joined((span, *marks))


def _room(row: Strip) -> float:
    return room(row.label, 12.5) + room(row.arm, 11.5) + 10


def _spoken(row: Strip) -> str:
    each = ", ".join("none" if one != one else f"{one:.1f}" for one in row.scores)
    return f"{row.label} {row.arm}: {each}{'; ' + row.note if row.note else ''}".strip()
