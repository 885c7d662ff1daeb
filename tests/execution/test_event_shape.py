"""The fast way to read an event says what parsing it would say, or nothing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preamblelab.execution.direct import ChatReader
from preamblelab.execution.event_shape import EventShape
from preamblelab.execution.redaction import Redactor


def event(text: str, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return {"id": "chatcmpl-1", **more, "choices": [choice]}


def taught(value: Any, **dump: Any) -> EventShape:
    shape = EventShape()
    shape.learn(json.dumps(value, **dump), value)
    return shape


@given(first=st.text(), second=st.text(), ascii_only=st.booleans(), tight=st.booleans())
def test_the_text_of_an_equal_event_is_what_parsing_gives(
    first: str, second: str, ascii_only: bool, tight: bool
) -> None:
    dump: dict[str, Any] = {"ensure_ascii": ascii_only}
    if tight:
        dump["separators"] = (",", ":")
    first, second = (text.encode("utf-8", "replace").decode() for text in (first, second))
    line = json.dumps(event(second), **dump)
    assert taught(event(first), **dump).text_of(line.encode()) == second


@given(st.binary(max_size=40))
def test_bytes_that_are_no_json_string_are_left_to_the_parser(between: bytes) -> None:
    shape = taught(event("a"))
    before, after = json.dumps(event("SPLIT")).encode().split(b"SPLIT")
    data = before + between + after
    text = shape.text_of(data)
    try:
        expected = json.loads(data)
    except ValueError:
        assert text is None
    else:
        assert text is None or expected == event(text)


@pytest.mark.parametrize(
    "other",
    [
        event("b", model="other"),
        event("b") | {"choices": [{"index": 1, "delta": {"content": "b"}, "finish_reason": None}]},
        event("b")
        | {"choices": [{"index": 0, "delta": {"content": "b"}, "finish_reason": "stop"}]},
        event("b") | {"choices": [{"index": 0, "delta": {"content": None}, "finish_reason": None}]},
        {"error": {"message": "no"}},
    ],
)
def test_an_event_that_says_more_is_left_to_the_parser(other: dict[str, Any]) -> None:
    assert taught(event("a")).text_of(json.dumps(other).encode()) is None


@pytest.mark.parametrize(
    "line",
    [
        # A field of the same name before the text, with the same value.
        '{"logprobs": {"content": "a"}, "choices": [{"delta": {"content": "a"}}]}',
        '{"x": "\\"content\\":\\"a\\"", "choices": [{"delta": {"content": "a"}}]}',
        # The field twice: the last one counts.
        '{"choices": [{"delta": {"content": "a", "content": "a"}}]}',
    ],
)
def test_a_field_of_the_same_name_is_not_taken_for_the_text(line: str) -> None:
    shape = EventShape()
    shape.learn(line, json.loads(line))
    for place in range(1, len(line)):
        changed = f"{line[:place]}b{line[place:]}"
        try:
            parsed = json.loads(changed)
            expected = parsed["choices"][0]["delta"]["content"]
        except (ValueError, LookupError, TypeError):
            expected = None
        assert shape.text_of(changed.encode()) in {None, expected}


@given(st.lists(st.text(min_size=1), min_size=1), st.booleans())
def test_a_stream_reads_the_same_with_and_without_a_shape(texts: list[str], changing: bool) -> None:
    """`changing` gives each event another id, so that no shape is ever known."""
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    reader = ChatReader(Redactor())
    for number, text in enumerate(["", *texts]):
        value = event(text, **({"created": number} if changing else {}))
        reader.feed(b"data: " + json.dumps(value).encode() + b"\n\n")
    assert reader.raw.text == texts
    assert reader.raw.pieces == len(texts)
