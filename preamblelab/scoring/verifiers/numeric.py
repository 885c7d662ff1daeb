"""Numeric: a number within a tolerance, in the unit that is asked for or one of the same kind."""

import re
from fractions import Fraction
from typing import Final

from preamblelab.domain.records import Response
from preamblelab.domain.verifiers import Numeric
from preamblelab.scoring.verifiers.reading import passage
from preamblelab.scoring.verifiers.units import UnknownUnitError, factor_and_offset
from preamblelab.scoring.verifiers.verification import (
    Finding,
    UnverifiableError,
    no,
    quote,
    verifier,
    yes,
)
from preamblelab.scoring.verifiers.written_numbers import Number, numbers, plain

_LONGEST_PASSAGE: Final = 2_000
_UNIT: Final = re.compile(
    r"[\s*_`$]{0,4}(?:\\?(?:text|mathrm|,|;|\s)\{?)?\s?"
    r"(?P<unit>[A-Za-zµμΩ°][A-Za-zµμΩ°]{0,19}(?:\s?[/*·^]\s?[A-Za-z0-9µμΩ°^-]{1,10}){0,4}[²³]?)"
)
# Words that follow numbers in prose and are units as well: are, technical atmosphere, inch.
_PROSE: Final = frozenset(
    {"a", "as", "at", "in", "is", "to", "or", "and", "per", "the", "of", "on"}
)


@verifier("numeric", version="1")
def verify_numeric(spec: Numeric, response: Response) -> Finding:
    """1 when the answer's number lies within the tolerance of the spec's value.

    In the passage that is read, the number after the last `=` counts, else the first after an
    answer's marker and the last one in a line without. Two numbers joined by `or` cannot be read.
    """
    wanted = _wanted(spec)
    part = passage(response.text, spec.read)
    found = plain(part.text[:_LONGEST_PASSAGE])
    number = _the_number(found, named=part.named)
    if isinstance(number, str):
        return no(number)
    share = number.value / 100 if number.percent and spec.unit not in {"%", "percent"} else None
    if share is not None and spec.unit is not None:
        return no(f"{quote(number.text)} is a percentage, not a number of {spec.unit}")
    value: Fraction | str = share if share is not None else _in_unit(spec, number, found)
    if isinstance(value, str):
        return no(value)
    off = abs(value - wanted)
    allowed = max(Fraction(spec.absolute), Fraction(spec.relative) * abs(wanted))
    said = f"{quote(number.text)} against {spec.value}{f' {spec.unit}' if spec.unit else ''}"
    if off <= allowed:
        return yes(said)
    return no(f"{said}: off by {_shown(off)}, allowed {_shown(allowed)}")


def _wanted(spec: Numeric) -> Fraction:
    found = numbers(plain(spec.value.strip()))
    if len(found) != 1 or found[0].text != plain(spec.value.strip()):
        raise UnverifiableError(f"the task's value '{spec.value}' is not one number")
    (number,) = found
    if number.percent and spec.unit not in {"%", "percent"}:
        return number.value / 100
    return number.value


def _the_number(found: str, *, named: bool) -> Number | str:
    """The number that a passage gives as its answer, or why there is none."""
    after_equals = found.rpartition("=")[2] if "=" in found else found
    read = numbers(after_equals)
    if not read:
        read = numbers(found)
        after_equals = found
    if not read:
        return f"no number in {quote(found)}"
    first = read[0]
    if len(read) > 1 and re.match(r"\D{0,20}\bor\b", after_equals[first.end :]):
        return f"unreadable: two numbers in {quote(found)}"
    chosen = first if named or _opens(after_equals, first) else read[-1]
    # Offsets count from the part behind the equals sign: bring them back to the whole passage.
    shift = len(found) - len(after_equals)
    return Number(
        value=chosen.value, percent=chosen.percent, text=chosen.text, end=chosen.end + shift
    )


def _opens(text: str, number: Number) -> bool:
    """Whether nothing but signs stands before a number: what follows it then explains it."""
    return not any(letter.isalnum() for letter in text[: number.end - len(number.text)])


def _in_unit(spec: Numeric, number: Number, found: str) -> Fraction | str:
    """The number in the spec's unit, or why that cannot be."""
    if spec.unit is None or number.percent:
        return number.value
    unit = _unit_after(found, number)
    if unit is None:
        if spec.unit_required:
            return f"{quote(number.text)} has no unit; {spec.unit} is asked for"
        return number.value
    try:
        ours = factor_and_offset(spec.unit)
    except UnknownUnitError:
        raise UnverifiableError(f"the task's unit '{spec.unit}' is not known") from None
    theirs = factor_and_offset(unit)
    if theirs.dimension != ours.dimension:
        return f"{quote(f'{number.text} {unit}')} is not in {spec.unit}, nor of its kind"
    return (number.value * theirs.factor + theirs.offset - ours.offset) / ours.factor


def _unit_after(found: str, number: Number) -> str | None:
    """The unit that follows a number, if what follows is one that is known."""
    match = _UNIT.match(found, number.end)
    if match is None:
        return None
    written = match["unit"].strip()
    end_of_words = not re.match(r"\s+[A-Za-z]", found[match.end() :])
    if written.casefold() in _PROSE and not (written == "in" and end_of_words):
        return None
    for candidate in (written, re.split(r"\s", written)[0]):
        try:
            factor_and_offset(candidate)
        except UnknownUnitError:
            continue
        return candidate
    return None


def _shown(value: Fraction) -> str:
    try:
        return f"{float(value):.6g}"
    except OverflowError:
        return "more than 1e308"
