"""Comparison is strict about kinds, tolerant only of what a caller allows."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preamblelab.scoring.sandbox import Unrepresentable, same
from preamblelab.scoring.sandbox.drivers.answer_calls import encode
from preamblelab.scoring.sandbox.values import UNDEFINED, Garbled, decode, parse

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.frozensets(st.integers() | st.text()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text().filter("$kind".__ne__), inner),
    max_leaves=20,
)


@given(plain)
def test_what_a_program_says_is_what_we_hear(value: object) -> None:
    heard = decode(parse(json.dumps(encode(value)).encode()))
    assert same(value, heard)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_garbled(text: bytes) -> None:
    with contextlib.suppress(Garbled):
        decode(parse(text))


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (1, True),
        (0, False),
        (None, UNDEFINED),
        ("1", 1),
        ([1, 2], [1, 2, 3]),
        ([1, 2], {1, 2}),
        ({"a": 1}, {"a": 1, "b": None}),
        (b"a", "a"),
        ({1, 2}, [1, 2]),
        (5, Unrepresentable(kind="Always")),
        (0.3, 0.1 + 0.2),
    ],
)
def test_near_is_not_the_same(expected: object, found: object) -> None:
    assert not same(expected, found)


def test_the_same_across_languages() -> None:
    assert same(1.0, 1)
    assert same((1, [2]), [1, (2,)])
    assert same({(1, 2)}, decode({"$kind": "set", "items": [[1, 2]]}))
    assert same(0.3, 0.1 + 0.2, tolerance=1e-9)
    assert not same(10**400, 1.0, tolerance=1e-9)


def test_an_object_that_uses_our_mark_is_not_taken_for_a_value() -> None:
    assert decode(encode({"$kind": "integer", "text": "7"})) != 7
