"""The size classes of models, their two bounds, and how a parameter count is read."""

import math
import re
from typing import Final, Literal

from preamblelab.errors import SpecError

Size = Literal["tiny", "mid", "large", "unknown"]

SIZES: Final[tuple[Size, ...]] = ("tiny", "mid", "large", "unknown")
"""All classes; "unknown" is a stratum of its own."""

TINY_BELOW_B: Final = 3.0
"""A model with fewer parameters than this (billions) is tiny; exactly this many is mid."""

LARGE_ABOVE_B: Final = 10.0
"""A model with more parameters than this (billions) is large; exactly this many is mid."""

_BILLIONS_PER_UNIT: Final = {"": 1.0, "K": 1e-6, "M": 1e-3, "B": 1.0, "T": 1e3}
_WRITTEN: Final = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*([KMBT]?)", re.IGNORECASE)

# The largest published model has about 2,000 billion parameters. A count far above that is a
# count of single parameters taken for billions, and would silently make every model "large".
_LARGEST_B: Final = 100_000.0


def size_class(total_b: float | None) -> Size:
    """The size class of a model with this many parameters.

    Args:
        total_b: Parameters in billions, above 0; None when unpublished.

    Returns:
        "tiny" below 3, "mid" from 3 to 10 with both ends, "large" above 10, "unknown" for None.

    Raises:
        SpecError: The count is not a finite number above 0.

    Examples:
        >>> [size_class(count) for count in (2.99, 3.0, 10.0, 10.7, None)]
        ['tiny', 'mid', 'mid', 'large', 'unknown']
    """
    if total_b is None:
        return "unknown"
    if not math.isfinite(total_b) or total_b <= 0:
        raise SpecError(
            f"a model cannot have {total_b} billion parameters: "
            "give a number above 0, or nothing when it is not published"
        )
    if total_b < TINY_BELOW_B:
        return "tiny"
    return "large" if total_b > LARGE_ABOVE_B else "mid"


def parse_parameters(value: str | float) -> float:
    """Parameters in billions, from how people write them.

    Args:
        value: "8.2B", "270M", "1.5b", "1T"; a number, or a text without a unit, is in billions.

    Raises:
        SpecError: (a ValueError) The value is no count, not above 0, or too large for billions.

    Examples:
        >>> parse_parameters("270M"), parse_parameters("1.5b"), parse_parameters(8)
        (0.27, 1.5, 8.0)
    """
    billions = _billions(value)
    if not math.isfinite(billions) or billions <= 0:
        raise SpecError(f"{value!r} is not a parameter count above 0; write for example '8.2B'")
    if billions > _LARGEST_B:
        raise SpecError(
            f"{value!r} reads as {billions:,.0f} billion; "
            f"a single count is written '{billions / 1e9:.3g}B'"
        )
    return billions


def _billions(value: str | float) -> float:
    if isinstance(value, bool):
        raise SpecError(f"{value!r} is not a parameter count; write for example '8.2B'")
    if isinstance(value, (int, float)):
        return float(value)
    written = _WRITTEN.fullmatch(value.strip())
    if written is None:
        raise SpecError(
            f"cannot read {value!r} as a parameter count; write it like '8.2B', '270M' or 8.2"
        )
    return float(written[1]) * _BILLIONS_PER_UNIT[written[2].upper()]
