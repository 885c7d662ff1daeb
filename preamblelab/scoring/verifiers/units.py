"""Units of measure by the library pint: what they measure, and how they convert."""

import re
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, NamedTuple

from preamblelab.errors import MissingExtraError

_LONGEST: Final = 40
_ALLOWED: Final = re.compile(r"[A-Za-zµμΩ°%²³/*·^0-9 -]{1,40}")
_DIGITS_IN_ROW: Final = re.compile(r"[0-9]{2}")


class UnknownUnitError(ValueError):
    """A word that is no unit."""


class Scale(NamedTuple):
    """A unit in terms of the base units of what it measures."""

    factor: Fraction
    offset: Fraction
    """What zero of this unit is in base units: 273.15 for degrees Celsius."""
    dimension: str
    """What it measures: `[length]^1 * [time]^-1`."""


@lru_cache(maxsize=1)
def _registry() -> Any:
    # A quarter of a second to import and read, and only tasks with units need it.
    try:
        import pint
    except ImportError as error:
        raise MissingExtraError(
            "units need the package pint: pip install 'preamblelab[verifiers]'"
        ) from error
    # No cache on disk, and exact fractions for what is defined exactly.
    return pint.UnitRegistry(cache_folder=None, autoconvert_offset_to_baseunit=True)


@lru_cache(maxsize=1_000)
def factor_and_offset(unit: str) -> Scale:
    """What a unit is worth in base units.

    Args:
        unit: `km/h`, `m/s²`, `degC`, `°C`, `%`; letter case is forgiven where only one reading is
            left.

    Raises:
        UnknownUnitError: it is no unit.
        MissingExtraError: the package pint is not installed.
    """
    if not _ALLOWED.fullmatch(unit) or _DIGITS_IN_ROW.search(unit):
        raise UnknownUnitError(unit[:_LONGEST])
    written = (
        unit.strip().replace("μ", "µ").replace("²", "^2").replace("³", "^3").replace("·", "*")
        .replace("°C", "degC").replace("°F", "degF").replace("°", "degree").replace("^", "**")
    )  # fmt: skip
    registry = _registry()
    for word in dict.fromkeys((written, written.lower())):
        try:
            parsed = registry.parse_units(word)
            zero = registry.Quantity(0, parsed).to_base_units().magnitude
            one = registry.Quantity(1, parsed).to_base_units().magnitude
            # Powers come as 1, 1.0 or a fraction, depending on what was parsed before.
            powers = sorted(parsed.dimensionality.items())
            dimension = " * ".join(f"{kind}^{float(power):g}" for kind, power in powers)
        except Exception:  # noqa: BLE001, S112 - on foreign words pint raises errors of many kinds
            continue
        offset = Fraction(str(zero))
        return Scale(Fraction(str(one)) - offset, offset, dimension)
    raise UnknownUnitError(unit[:_LONGEST])
