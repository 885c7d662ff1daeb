"""Values that a program hands out: read without trust, compared outside its process."""

import json
import math
from dataclasses import dataclass

MARK = "$kind"
"""Key of the object that stands for a value JSON has no word for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrepresentable:
    """A value that is no plain data; equal to no expected value."""

    kind: str
    """The type's name, as the program tells it."""


class Garbled(ValueError):  # noqa: N818 - a state of the line, told to nobody as an error
    """The text is no value that we can read."""


@dataclass(frozen=True, slots=True)
class Undefined:
    """JavaScript's `undefined`, which is not `null`."""


UNDEFINED = Undefined()


def parse(text: bytes) -> object:
    """Read one JSON text from a program that may want to harm its reader.

    Raises:
        Garbled: not UTF-8, not JSON, too deep, a number of thousands of digits.
    """
    try:
        found: object = json.loads(text.decode("utf-8"), parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise Garbled(type(error).__name__) from None
    return found


def decode(value: object) -> object:
    """Turn what `parse` gave into Python data: sets, bytes, not-a-number, big integers.

    Raises:
        Garbled: nested too deep, or a mark whose content does not fit.
    """
    try:
        return _decode(value)
    except (RecursionError, ValueError, TypeError, KeyError) as error:
        raise Garbled(type(error).__name__) from None


def _constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def _decode(value: object) -> object:
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if MARK in value:
        return _marked(value)
    return {name: _decode(item) for name, item in value.items()}


def _marked(value: dict[str, object]) -> object:
    kind, text, items = value[MARK], value.get("text"), value.get("items")
    if kind == "number" and text in ("nan", "inf", "-inf", "-0.0"):
        return float(str(text))
    if kind == "integer" and isinstance(text, str):
        return int(text)
    if kind == "undefined":
        return UNDEFINED
    if kind == "bytes" and isinstance(text, str):
        return bytes.fromhex(text)
    if kind == "set" and isinstance(items, list):
        return _Set([_decode(item) for item in items])
    if kind == "map" and isinstance(items, list):
        return {name: _decode(item) for name, item in items}
    return Unrepresentable(kind=str(kind)[:80])


class _Set(list[object]):
    """Members of a set, which need not be hashable here."""


def same(expected: object, found: object, *, tolerance: float = 0.0) -> bool:
    """Return whether `found` is the expected value; a bool is no number, NaN equals NaN.

    Args:
        expected: plain data; a tuple stands for a list.
        found: what a program returned.
        tolerance: greatest relative or absolute difference of two numbers (0 or more).
    """
    if isinstance(found, Unrepresentable) or isinstance(expected, Unrepresentable):
        return False
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    if isinstance(expected, int | float) and isinstance(found, int | float):
        return _same_number(expected, found, tolerance)
    if isinstance(expected, set | frozenset | _Set):
        return isinstance(found, set | frozenset | _Set) and _same_members(
            list(expected), list(found), tolerance
        )
    if isinstance(expected, list | tuple):
        return (
            isinstance(found, list | tuple)
            and not isinstance(found, _Set)
            and len(expected) == len(found)
            and all(
                same(one, other, tolerance=tolerance)
                for one, other in zip(expected, found, strict=True)
            )
        )
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and expected.keys() == found.keys()
            and all(same(expected[key], found[key], tolerance=tolerance) for key in expected)
        )
    return type(expected) is type(found) and expected == found


def _same_number(expected: float, found: float, tolerance: float) -> bool:
    if expected == found or (expected != expected and found != found):
        return True
    try:
        return tolerance > 0 and math.isclose(expected, found, rel_tol=tolerance, abs_tol=tolerance)
    except OverflowError:  # an integer beyond every float
        return False


def _same_members(expected: list[object], found: list[object], tolerance: float) -> bool:
    left = list(found)
    for member in expected:
        for index, candidate in enumerate(left):
            if same(member, candidate, tolerance=tolerance):
                del left[index]
                break
        else:
            return False
    return not left
