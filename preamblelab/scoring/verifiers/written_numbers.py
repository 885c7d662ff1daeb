"""Numbers as people and models write them, read exactly: `1,234.5`, `3/4`, `2.5 x 10^3`, `50 %`."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

_LARGEST_EXPONENT: Final = 400
"""Beyond it a number is no answer but an attack on memory."""

_DECIMAL: Final = (
    r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]{1,400})(?:\.[0-9]{1,400})?|\.[0-9]{1,400}"
)
_NUMBER: Final = re.compile(
    rf"""(?<![0-9A-Za-z_.,])
    (?P<sign>[-+]?)\ ?(?P<currency>[$€£¥]?)\ ?(?P<after>-?)
    (?:
        \\d?frac\{{(?P<above>[0-9]{{1,30}})\}}\{{(?P<below>[0-9]{{1,30}})\}}
      | (?:(?P<whole>[0-9]{{1,30}})\ )?
        (?P<over>[0-9]{{1,30}})\ ?/\ ?(?P<under>[0-9]{{1,30}})(?![0-9./])
      | (?P<decimal>{_DECIMAL})
        (?:[eE](?P<exponent>[-+]?[0-9]{{1,4}})(?![0-9A-Za-z])
          |\ ?(?:[x×*·]|\\times|\\cdot)\ ?10(?:\^|\*\*)\{{?(?P<power>[-+]?[0-9]{{1,4}})\}}?)?
    )
    (?![0-9_]|\.[0-9])
    (?P<percent>\ ?(?:%|percent(?!\w)|per\ cent(?!\w)))?""",
    re.VERBOSE,
)
_SPACES: Final = str.maketrans(
    {"\u00a0": " ", "\u202f": " ", "\u2009": " ", "−": "-", "–": "-", "\\": "\\"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One number in a text."""

    value: Fraction
    """Exact; a percentage is not divided yet."""
    percent: bool
    """Whether a percent sign follows."""
    text: str
    """As it is written."""
    end: int
    """Where it ends, sign of percent included, in the plain text."""


def plain(text: str) -> str:
    """A text whose numbers are written in ASCII: thin spaces, real minus signs, LaTeX commas."""
    spaced = re.sub(r"(?<=[0-9])[\u00a0\u202f\u2009](?=[0-9]{3}(?![0-9]))", ",", text)
    return (
        spaced.translate(_SPACES)
        .replace("{,}", ",")
        .replace("\\,", "")
        .replace("\\%", "%")
        .replace("\\$", "$")
    )


def numbers(text: str) -> list[Number]:
    """All numbers of a plain text, in order; digits within words and names are none."""
    found = []
    for match in _NUMBER.finditer(text):
        value = _value(match)
        if value is not None:
            found.append(
                Number(
                    value=value,
                    percent=match["percent"] is not None,
                    text=match.group().strip(),
                    end=match.end(),
                )
            )
    return found


def _value(match: re.Match[str]) -> Fraction | None:
    if match["decimal"] is not None:
        power = int(match["exponent"] or match["power"] or 0)
        if abs(power) > _LARGEST_EXPONENT:
            return None
        value = Fraction(match["decimal"].replace(",", "")) * Fraction(10) ** power
    else:
        above, below = match["above"] or match["over"], match["below"] or match["under"]
        if int(below) == 0:
            return None
        value = Fraction(int(above), int(below)) + int(match["whole"] or 0)
    return -value if (match["sign"] == "-") != (match["after"] == "-") else value
