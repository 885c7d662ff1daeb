"""Two measures of the same answers against each other, with those that contradict marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from preamblelab.report.markup import Markup, element, joined
from preamblelab.report.svg.drawing import dot, frame, line, words
from preamblelab.report.svg.scales import Scale

_TOP: Final = 26
_LEFT: Final = 34
_BELOW: Final = 40
MOST_POINTS: Final = 400
"""Answers that are drawn; more hide each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One answer: what it was worth by both measures, 0 to 100."""

    label: str
    x: float
    y: float
    baseline: bool = False
    marked: bool = False
    """Whether the measures contradict each other."""


def scatter(
    spots: Sequence[Spot],
    *,
    axes: tuple[str, str],
    title: str,
    name: str = "executed",
    width: int = 460,
) -> Markup:
    """Answers by two measures; the line joins where both say the same.

    Args:
        spots: the answers.
        axes: what lies to the right and upwards.
        title: what the picture is.
        name: identifier of the picture in its page.
        width: pixels.
    """
    height = 320
    across = Scale(low=0, high=100, start=_LEFT, end=width - 12)
    up = Scale(low=0, high=100, start=height - _BELOW, end=_TOP)
    parts: list[Markup] = [
        element(
            "rect",
            x=across(0),
            y=up(100),
            width=across(25) - across(0),
            height=up(70) - up(100),
            class_="band",
        ),
        words(axes[1], 0, 12, "soft small"),
        words(axes[0], (_LEFT + width) / 2, height - 6, "soft small mid"),
        line(across(0), up(0), across(100), up(100), "axis dash"),
    ]
    for value in (0, 25, 50, 75, 100):
        parts += [
            line(_LEFT, up(value), width - 12, up(value), "grid"),
            line(across(value), _TOP, across(value), height - _BELOW, "grid"),
            words(f"{value}", _LEFT - 6, up(value) + 4, "soft small end"),
            words(f"{value}", across(value), height - _BELOW + 15, "soft small mid"),
        ]
    shown = sorted(spots, key=lambda spot: not spot.marked)[:MOST_POINTS]
    for spot in reversed(shown):
        style = "hollow s-" if spot.baseline else "f-"
        told = f"{spot.label}: {axes[1]} {spot.y:.0f}, {axes[0]} {spot.x:.0f}"
        way = "loss" if spot.marked else "flat"
        parts.append(dot(across(spot.x), up(spot.y), style + way, r=4.5, told=told))
    marked = [spot for spot in spots if spot.marked]
    desc = f"{len(spots)} answers, {len(marked)} of them contradictions" + "".join(
        f"; {spot.label}: {axes[1]} {spot.y:.0f}, {axes[0]} {spot.x:.0f}" for spot in marked[:20]
    )
    return frame(joined(parts), name=name, title=title, desc=f"{desc}.", width=width, height=height)
