"""A map of effects: one square for each tier and size, empty where nothing can be said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from preamblelab.report.markup import Markup, element, joined
from preamblelab.report.svg.drawing import direction, frame, words
from preamblelab.report.svg.scales import fitting
from preamblelab.stats.sentences import points

_STRONGEST: Final = 20.0
"""Points at which a square has its full colour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one square says; missing numbers are NaN."""

    effect: float
    low: float
    high: float
    n: int
    """Models in it."""
    note: str = ""
    """Why there is no effect, in a few words."""


def heat(
    cells: Mapping[tuple[str, str], Cell],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    axes: tuple[str, str] = ("baseline tier", "size"),
    name: str = "tiers",
    width: int = 440,
) -> Markup:
    """Effects by row and column; blue is a gain, orange a loss, pale may be chance.

    Args:
        cells: by row and column; a square without a cell holds no model.
        rows: from top to bottom.
        columns: from left to right.
        title: what the picture is.
        axes: what rows and columns are.
        name: identifier of the picture in its page.
        width: pixels.
    """
    left, top, height = 62, 40, 58
    wide = (width - left) / max(len(columns), 1)
    parts: list[Markup] = [words(f"{axes[0]} ↓  {axes[1]} →", 0, 14, "soft small")]
    said = []
    for x, column in enumerate(columns):
        parts.append(words(column, left + wide * (x + 0.5), top - 8, "mid strong"))
    for y, row in enumerate(rows):
        parts.append(words(row, 0, top + height * (y + 0.5) + 4, "strong"))
        for x, column in enumerate(columns):
            cell = cells.get((row, column))
            parts.append(_square(cell, left + wide * x, top + height * y, wide, height))
            if cell is not None:
                said.append(f"{row}, {column}: {_spoken(cell)}")
    desc = ". ".join(said or ["No square holds a model"]) + "."
    bottom = top + height * len(rows) + 2
    return frame(joined(parts), name=name, title=title, desc=desc, width=width, height=bottom)


def _square(cell: Cell | None, x: float, y: float, width: float, height: float) -> Markup:
    middle = x + width / 2
    if cell is None:
        ground = element("rect", x=x, y=y, width=width, height=height, class_="cell none")
        return joined((ground, words("·", middle, y + height / 2 + 4, "mid soft")))
    known = cell.effect == cell.effect
    way = direction(cell.low, cell.high)
    strength = min(abs(cell.effect) / _STRONGEST, 1.0) if known else 0.0
    models = f"{cell.n} model" + ("" if cell.n == 1 else "s")
    ground = element("rect", x=x, y=y, width=width, height=height, class_="cell none")
    colour = None
    if known and way != "flat":
        colour = element(
            "rect",
            element("title", _spoken(cell)),
            x=x,
            y=y,
            width=width,
            height=height,
            class_=f"cell f-{way}",
            fill_opacity=0.12 + 0.22 * strength,
        )
    if not known:
        return joined(
            (
                ground,
                words(
                    fitting(cell.note or "no figure", 11, width - 6),
                    middle,
                    y + 26,
                    "mid small soft",
                    told=cell.note,
                ),
                words(models, middle, y + 42, "mid small soft"),
            )
        )
    span = (
        f"{points(cell.low, 0)} to {points(cell.high, 0)}"
        if cell.low == cell.low
        else "no interval"
    )
    return joined(
        (
            ground,
            colour,
            words(points(cell.effect), middle, y + 20, "mid strong"),
            words(span, middle, y + 35, "mid small"),
            words(models, middle, y + 50, "mid small soft"),
        )
    )


def _spoken(cell: Cell) -> str:
    models = f"{cell.n} model" + ("" if cell.n == 1 else "s")
    if cell.effect != cell.effect:
        return f"{models}, {cell.note or 'no figure'}"
    known = cell.low == cell.low
    span = f" ({points(cell.low)} to {points(cell.high)})" if known else ", no interval"
    return f"{models}, {points(cell.effect)}{span}"
