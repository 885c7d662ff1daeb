"""Owns how values become places: linear scales, round ticks, room for a text."""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Values from `low` to `high` on pixels from `start` to `end`; what lies outside is held."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of a value, in pixels."""
        span = self.high - self.low
        share = 0.5 if span == 0 else (min(max(value, self.low), self.high) - self.low) / span
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Round values inside the scale, at most so many."""
        return ticks(self.low, self.high, most)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values from low to high: multiples of 1, 2, 2.5 or 5 times a power of ten."""
    if not high > low:
        return [low]
    raw = (high - low) / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * each for each in (1, 2, 2.5, 5, 10) if power * each >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 10) + 0.0 for number in range(first, last + 1)]


def symmetric(values: Iterable[float], *, least: float = 10.0, most: float = 100.0) -> float:
    """Half-width of a scale around 0 that holds the values: a round number.

    Args:
        values: what it must hold; missing ones are left out.
        least: smallest half-width.
        most: largest half-width; values beyond are held at the end.
    """
    furthest = max((abs(value) for value in values if value == value), default=0.0)
    wanted = min(max(furthest * 1.04, least), most)
    return next(each for each in (5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100) if each >= wanted)


def room(words: str, size: float) -> float:
    """About how wide a text is in a usual sans-serif face, in pixels."""
    narrow = sum(each in "iljtfr.,:;'|!()[] " for each in words)
    wide = sum(each in "mwMW@%" or ord(each) > 0x2E80 for each in words)
    return size * (0.6 * (len(words) - narrow - wide) + 0.36 * narrow + 0.95 * wide)


def fitting(words: str, size: float, width: float) -> str:
    """The text; where it is wider than `width` pixels, its middle is left out: ends tell apart."""
    if room(words, size) <= width:
        return words
    kept = len(words)
    while kept > 4 and room(words[:kept], size) > width - size:
        kept -= 1
    head = (kept + 1) // 2
    return f"{words[:head]}…{words[len(words) - (kept - head) :]}"
