"""The first picture: every model's score without and with a preamble, and its effect on a band."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from preamblelab.report.markup import Markup, element, joined
from preamblelab.report.svg.drawing import NARROW, direction, dot, frame, line, upright, words
from preamblelab.report.svg.scales import Scale, fitting, room, symmetric
from preamblelab.stats.sentences import points

Band = tuple[float | None, float | None]
"""Noise floor and smallest visible effect, in points; None where it is not known."""

_TOP: Final = 44
_ROW: Final = 28
_TALL_ROW: Final = 44
_SCORES: Final = ((0, "0"), (25, "25"), (50, "50"), (75, "75"), (100, "100"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the picture; a missing number is NaN."""

    label: str
    """Whose line it is; empty where it is that of the line above."""
    note: str = ""
    """What stands beside it in soft letters: a size, a variant."""
    baseline: float
    """Mean score without, 0 to 100."""
    variant: float
    """Mean score with, 0 to 100."""
    effect: float
    """In points; missing where none is claimed."""
    low: float
    high: float
    verdict: str
    delivered: bool = True
    """False where the preamble did not arrive: the difference is drawn broken, no effect is."""
    outcomes: Sequence[tuple[bool, str]] = ()
    """Answers that were none: under the variant or not, and words such as "2 looped"."""
    whole: bool = False
    """Whether it is the line over all models."""

    @property
    def way(self) -> str:
        """Its colour: `gain`, `loss`, `flat`."""
        return direction(self.low, self.high)

    @property
    def spoken(self) -> str:
        """The line in words."""
        said = f"{self.label} {self.note}".strip()
        told = f"{said}: {_score(self.baseline)} without, {_score(self.variant)} with"
        if not self.delivered:
            return f"{told}; the preamble did not arrive, no effect is claimed"
        known = self.low == self.low
        span = f" ({points(self.low)} to {points(self.high)})" if known else ", no interval"
        effect = "" if self.effect != self.effect else f"; effect {points(self.effect)}{span}"
        also = "".join(f"; {word} {'with' if of else 'without'}" for of, word in self.outcomes)
        return f"{told}{effect}; {self.verdict}{also}"


def dumbbell(
    rows: Sequence[Row],
    *,
    band: Band = (None, None),
    what: str = "",
    name: str = "effects",
    width: int = 920,
) -> Markup:
    """Scores without (hollow) and with (filled), and effects with intervals on a band of noise.

    Args:
        rows: in reading order.
        band: effects inside the first may be chance; the design finds those beyond the second
            four times out of five.
        what: a word above the names, such as that their models are simulated.
        name: identifier of the picture in its page.
        width: pixels; under 600 the effects stand under the scores.
    """
    title = "Scores without and with the preamble, and its effect, by model"
    desc = (f"{what}. " if what else "") + ". ".join(row.spoken for row in rows) + "."
    half = symmetric(
        [each for row in rows for each in (row.low, row.high, row.effect)]
        + [each * 1.1 for each in band if each is not None]
    )
    draw = _stacked if width < NARROW else _beside
    marks, height = draw(rows, band, half, width)
    head = words(what, 4, 32 if width >= NARROW else 14, "soft small") if what else None
    return frame(head, marks, name=name, title=title, desc=desc, width=width, height=height)


def _beside(rows: Sequence[Row], band: Band, half: float, width: int) -> tuple[Markup, float]:
    odd = [room(_odd(row), 11) for row in rows if row.outcomes]
    marks_room = min(max(odd), 130.0) + 24 if odd else 12.0
    names = min(max((_name_room(row) for row in rows), default=80) + 14, width * 0.29)
    verdict = max(136.0, *(room(row.verdict, 11) + 62 for row in rows), 0)
    left = width - names - marks_room - verdict
    scores = Scale(low=0, high=100, start=names + 30, end=names + left * 0.5 - 30)
    effects = Scale(
        low=-half, high=half, start=names + left * 0.5 + marks_room + 16, end=width - verdict - 16
    )
    bottom = _TOP + _ROW * len(rows)
    parts: list[Markup | None] = [
        _head("score without ○ and with ●", (scores.start + scores.end) / 2),
        _head("effect in points, with interval", (effects.start + effects.end) / 2),
        words("outcomes", scores.end + 36, 14, "soft small") if marks_room > 20 else None,
        _stripes(rows, width, _TOP, _ROW),
        _bands(band, effects, _TOP, bottom),
        upright(scores, _TOP, bottom, _SCORES, zero=False),
        upright(effects, _TOP, bottom, _effect_ticks(effects)),
    ]
    for number, row in enumerate(rows):
        middle = _TOP + _ROW * (number + 0.5)
        parts += [
            _name(row, 6, middle + 4, names - 10),
            _score_marks(row, scores, middle),
            _outcomes(row, scores.end + 36, middle + 4, marks_room - 20),
            _effect_marks(row, effects, middle),
            _verdict(row, width - verdict + 4, middle + 4),
        ]
    return joined(parts), bottom + 8


def _stacked(rows: Sequence[Row], band: Band, half: float, width: int) -> tuple[Markup, float]:
    scores = Scale(low=0, high=100, start=30, end=width - 30)
    effects = Scale(low=-half, high=half, start=14, end=width - 14)
    first = _TOP
    between = first + _TALL_ROW * len(rows)
    second = between + _TOP + 18
    bottom = second + _TALL_ROW * len(rows)
    parts: list[Markup | None] = [
        _head("score without ○ and with ●", width / 2),
        _stripes(rows, width, first, _TALL_ROW),
        _tracks(scores, first, len(rows), _SCORES, zero=False),
        _head("effect in points, with interval", width / 2, between + 32),
        _stripes(rows, width, second, _TALL_ROW),
        _bands(band, effects, second, bottom),
        _tracks(effects, second, len(rows), _effect_ticks(effects)),
    ]
    for number, row in enumerate(rows):
        top = first + _TALL_ROW * number
        said = " ".join(f"{'●' if of else '○'} {word}" for of, word in row.outcomes[:2])
        parts += [
            _name(row, 4, top + 15, width - 8 - room(said, 11), repeat=_whose(rows, number)),
            words(said, width - 4, top + 15, "soft small end") if said else None,
            _score_marks(row, scores, top + 30),
        ]
        top = second + _TALL_ROW * number
        parts += [
            _name(
                row, 4, top + 15, width - 72 - room(row.verdict, 11), repeat=_whose(rows, number)
            ),
            _verdict(row, width - 4, top + 15, end=True),
            _effect_marks(row, effects, top + 30),
        ]
    return joined(parts), bottom + 8


def _tracks(
    scale: Scale,
    top: float,
    rows: int,
    shown: Sequence[tuple[float, str]],
    *,
    zero: bool = True,
) -> Markup:
    """Ticks beside the marks of each line alone, so that they do not strike through its name."""
    each = [(value, "") for value, _ in shown]
    starts = [top + _TALL_ROW * number for number in range(rows)]
    names = joined(words(name, scale(value), top - 6, "soft small mid") for value, name in shown)
    return joined([names, *(upright(scale, y + 21, y + 39, each, zero=zero) for y in starts)])


def _whose(rows: Sequence[Row], number: int) -> str:
    """The label of a line, which may stand some lines above."""
    return next((row.label for row in reversed(rows[: number + 1]) if row.label), "")


def _head(said: str, x: float, y: float = 14) -> Markup:
    return words(said, x, y, "soft small mid")


def _stripes(rows: Sequence[Row], width: int, top: float, height: int) -> Markup:
    """A rule above every new label, and the line over all models on a ground of its own."""
    parts = []
    for number, row in enumerate(rows):
        y = top + height * number
        if row.whole:
            parts.append(element("rect", x=0, y=y, width=width, height=height, class_="band2"))
        elif row.label:
            parts.append(line(0, y, width, y, "rule"))
    return joined(parts)


def _bands(band: Band, scale: Scale, top: float, bottom: float) -> Markup:
    """The smallest visible effect and, inside it, the noise floor: both about 0."""
    floor, visible = band
    parts = []
    for half, class_ in ((visible, "band2"), (floor, "band")):
        if half is not None and half > 0:
            start, end = scale(-half), scale(half)
            parts.append(
                element(
                    "rect", x=start, y=top, width=end - start, height=bottom - top, class_=class_
                )
            )
    return joined(parts)


def _effect_ticks(scale: Scale) -> list[tuple[float, str]]:
    return [(each, points(each, 0)) for each in scale.ticks(6)]


def _name_room(row: Row) -> float:
    return room(row.label, 13.6) + room(row.note, 11.5) + 8


def _name(row: Row, x: float, y: float, width: float, *, repeat: str = "") -> Markup:
    label = row.label or repeat
    cut = fitting(label, 13.6, width - min(room(row.note, 11.5), width * 0.5))
    note = fitting(row.note, 11.5, width - room(cut, 13.6) - 6)
    whole = f"{label} {row.note}".strip()
    return element(
        "text",
        element("title", whole) if (cut, note) != (label, row.note) else None,
        element("tspan", cut, class_="strong") if label else None,
        element("tspan", note, class_="soft small", dx=6 if label else 0) if note else None,
        x=x,
        y=y,
    )


def _score_marks(row: Row, scale: Scale, y: float) -> Markup:
    parts: list[Markup] = []
    first, second = row.baseline, row.variant
    if first == first and second == second:
        style = f"bar s-{row.way}" + ("" if row.delivered else " dash thin")
        parts.append(line(scale(first), y, scale(second), y, style))
    back = 1 if second != second or first <= second else -1
    if first == first:
        parts.append(dot(scale(first), y, "from", r=4.5, told=f"without: {_score(first)}"))
        parts.append(_beside_dot(first, scale, y, -back))
    if second == second:
        style = f"f-{row.way}" if row.delivered else f"hollow s-{row.way} dash"
        parts.append(dot(scale(second), y, style, r=5.5, told=f"with: {_score(second)}"))
        parts.append(_beside_dot(second, scale, y, back))
    return joined(parts)


def _beside_dot(value: float, scale: Scale, y: float, side: int) -> Markup:
    class_ = "small soft" + (" end" if side < 0 else "")
    return words(f"{value:.0f}", scale(value) + 9 * side, y + 4, class_)


def _odd(row: Row) -> str:
    """The answers that were none, hollow for those without, filled for those with."""
    of, _ = row.outcomes[0]
    own = [word for arm, word in row.outcomes if arm is of]
    more = len(row.outcomes) - len(own)
    return f"{'●' if of else '○'} {', '.join(own)}" + (f" +{more} more" if more else "")


def _outcomes(row: Row, x: float, y: float, width: float) -> Markup | None:
    if not row.outcomes:
        return None
    told = "; ".join(f"{word} {'with' if of else 'without'}" for of, word in row.outcomes)
    return words(fitting(_odd(row), 11, width), x, y, "small soft", told=told)


def _effect_marks(row: Row, scale: Scale, y: float) -> Markup:
    if row.effect != row.effect:
        return Markup("")
    told = row.spoken
    if row.low != row.low:
        return dot(scale(row.effect), y, f"hollow s-{row.way}", r=4.5, told=told)
    ends = joined(
        line(scale(each), y - 4, scale(each), y + 4, f"bar thin s-{row.way}")
        for each in (row.low, row.high)
    )
    return joined(
        (
            line(scale(row.low), y, scale(row.high), y, f"bar s-{row.way}"),
            ends,
            dot(scale(row.effect), y, f"f-{row.way}", r=5, told=told),
        )
    )


def _verdict(row: Row, x: float, y: float, *, end: bool = False) -> Markup:
    number = "" if row.effect != row.effect else points(row.effect)
    if not row.delivered:
        number = f"({points(row.variant - row.baseline)})"
    return element(
        "text",
        element("tspan", number, class_="strong") if number else None,
        element("tspan", row.verdict, class_=f"small f-{row.way}", dx=6 if number else 0),
        x=x,
        y=y,
        class_="end" if end else None,
    )


def _score(value: float) -> str:
    return "no score" if value != value else f"{value:.1f}"
