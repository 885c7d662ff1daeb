"""Numbers and units: what people write is read, what is no number is not."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preamblelab.domain.records import Response
from preamblelab.scoring.verifiers.catalogue import verify_one
from preamblelab.scoring.verifiers.units import UnknownUnitError, factor_and_offset
from preamblelab.scoring.verifiers.written_numbers import numbers, plain
from tests.scoring.verifiers.answers import spec


def share(written: object, text: str) -> float | None:
    return verify_one(spec({"numeric": written}), Response(text=text)).share


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("42", "42"),
        ("42", "The answer is 42."),
        ("42", "The answer is about 42 (from 3 boxes of 14)"),
        ("42", "Answer: 6 * 7 = 42 apples"),
        ("42", "There are 3 boxes, so there are 42"),
        ("42", "**Answer:** $42$"),
        ("42", r"\boxed{42}"),
        ("42", "42.0"),
        ("1234.5", "Answer: 1,234.5"),
        ("1234567", "Answer: 1\u202f234\u202f567"),
        ("1234567", "Answer: $1{,}234{,}567$"),
        ("0.5", "1/2"),
        ("1/2", "0.5"),
        ("1/2", "50 %"),
        ("1/2", "50 percent"),
        ("0.75", r"Answer: $\frac{3}{4}$"),
        ("3.5", "Answer: 3 1/2"),
        ("-5", "Answer: −5"),
        ("-5", "Answer: -$5"),
        ("1500", "1.5e3"),
        ("1500", "1.5 × 10^3"),
        ("0.0015", r"1.5 \times 10^{-3}"),
        (".5", "0.5"),
        ("25", "Answer: $25"),
        ("0.1", "0.1"),
    ],
)
def test_numbers_are_read_as_people_write_them(value: str, text: str):
    assert share(value, text) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("10", "1_0"),  # int("1_0") is 10
        ("10", "１０"),  # float("１０") is 10.0
        ("42", "forty-two"),
        ("42", "Answer: 42 or 43"),
        ("42", "Answer: 43 (not 42)"),
        ("42", "x42"),
        ("42", "142"),
        ("42", "4.2"),
        ("1.2", "1.2.3"),
        ("1", "1e9999"),
        ("1", "1/0"),
        ("42", "-42"),
        ("50", "50 %"),
        ("42", "Answer:"),
        ("1e308", "1e309"),
    ],
)
def test_what_is_another_number_or_none_earns_nothing(value: str, text: str):
    assert share(value, text) == 0


@pytest.mark.parametrize(
    ("written", "text", "expected"),
    [
        ({"value": "36", "unit": "km/h"}, "10 m/s", 1),
        ({"value": "10", "unit": "m/s"}, "36 km/h", 1),
        ({"value": "2", "unit": "h"}, "120 minutes", 1),
        ({"value": "20", "unit": "degC"}, "68 °F", 1),
        ({"value": "1", "unit": "m/s^2"}, "1 m/s²", 1),
        ({"value": "1", "unit": "kWh"}, "3.6 MJ", 1),
        ({"value": "5", "unit": "km"}, "5 Km", 1),
        ({"value": "12", "unit": "inch"}, "30.48 cm", 1),
        ({"value": "5", "unit": "kg"}, "5", 1),
        ({"value": "5", "unit": "kg", "unit_required": True}, "5", 0),
        ({"value": "5", "unit": "kg"}, "Answer: 5 in total", 1),
        ({"value": "5", "unit": "kg"}, "5 m", 0),
        ({"value": "5", "unit": "kg"}, "5 g", 0),
        ({"value": "50", "unit": "%"}, "50 %", 1),
        ({"value": "50", "unit": "%"}, "50", 1),
        ({"value": "5", "unit": "kg"}, "500 %", 0),
        ({"value": "20", "unit": "minutes"}, "Answer: 20", 1),
        ({"value": "20", "unit": "minutes"}, "Answer: 20 minutes", 1),
    ],
)
def test_units_are_converted_and_kinds_are_kept_apart(written: object, text: str, expected: float):
    assert share(written, text) == expected


@pytest.mark.parametrize(
    ("tolerance", "off", "expected"),
    [
        ({"absolute": 0.5}, "100.5", 1),
        ({"absolute": 0.5}, "100.51", 0),
        ({"relative": 0.01}, "101", 1),
        ({"relative": 0.01}, "101.1", 0),
        ({"relative": 0.01, "absolute": 2}, "102", 1),
        ({}, "100.001", 0),
    ],
)
def test_the_wider_tolerance_holds(tolerance: dict[str, float], off: str, expected: float):
    assert share({"value": "100", **tolerance}, off) == expected


@pytest.mark.parametrize("value", ["forty", "1 and 2", "1e9999"])
def test_a_task_whose_own_value_is_no_number_is_missing(value: str):
    found = verify_one(spec({"numeric": value}), Response(text="42"))
    assert found.share is None
    assert f"the task's value '{value}' is not one number" in found.reason


def test_a_task_whose_own_unit_is_unknown_is_missing():
    found = verify_one(spec({"numeric": {"value": "1", "unit": "blinks"}}), Response(text="1 m"))
    assert found.share is None
    assert "'blinks' is not known" in found.reason


@given(st.integers(-(10**15), 10**15), st.integers(0, 6))
def test_every_decimal_is_read_exactly(digits: int, places: int):
    value = Fraction(digits, 10**places)
    text = f"{digits / 10**places:,.{places}f}" if abs(digits) < 10**14 else str(digits)
    expected = Fraction(text.replace(",", ""))
    (found,) = numbers(plain(text))
    assert found.value == expected
    if abs(digits) >= 10**14:
        assert expected == digits
    else:
        assert abs(expected - value) < Fraction(1, 10**places)


@pytest.mark.parametrize("unit", ["m**99", "9**9", "__import__('os')", "x" * 41, "m; 1", "", "m.x"])
def test_a_hostile_unit_is_unknown(unit: str):
    with pytest.raises(UnknownUnitError):
        factor_and_offset(unit)
