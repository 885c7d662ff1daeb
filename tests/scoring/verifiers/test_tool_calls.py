"""Tool calls: what was called counts, whatever the words say."""

from typing import Any

import pytest

from preamblelab.domain.records import Response
from preamblelab.scoring.verifiers.catalogue import verify_one
from preamblelab.scoring.verifiers.verification import Verification
from tests.scoring.verifiers.answers import call, spec

OSLO = call("weather", '{"city": "Oslo", "days": 2}')
BERGEN = call("weather", {"city": "Bergen"})
MAIL = call("mail", '{"to": "ada@example.org"}')


def check(written: Any, *calls: Any, text: str = "") -> Verification:
    return verify_one(spec({"tool_calls": written}), Response(text=text, tool_calls=calls))


TWO = [{"name": "weather", "arguments": {"city": "Oslo"}}, "mail"]


@pytest.mark.parametrize(
    ("written", "calls", "share"),
    [
        ("weather", [OSLO], 1),
        ("weather", [MAIL], 0),
        ("weather", [], 0),
        (TWO, [OSLO, MAIL], 1),
        (TWO, [MAIL, OSLO], 1),
        (TWO, [OSLO], 0.5),
        (TWO, [BERGEN, MAIL], 0.5),
        ({"calls": TWO, "in_order": True}, [MAIL, OSLO], 0.5),
        ({"calls": TWO, "in_order": True}, [OSLO, MAIL], 1),
        ("weather", [OSLO, MAIL], 0),
        ({"calls": ["weather"], "more_calls": True}, [OSLO, MAIL], 1),
        (["weather", "weather"], [OSLO], 0.5),
        (["weather", "weather"], [OSLO, BERGEN], 1),
        ({"calls": [{"name": "weather", "arguments": {"days": 2.0}}]}, [OSLO], 1),
        ({"calls": [{"name": "weather", "arguments": {"days": "2"}}]}, [OSLO], 0),
        ({"calls": [{"name": "weather", "arguments": {"city": " oslo "}}]}, [OSLO], 1),
        (
            {
                "calls": [
                    {"name": "weather", "arguments": {"city": "Oslo"}, "more_arguments": False}
                ]
            },
            [OSLO],
            0,
        ),
        ({"calls": [{"name": "mail", "patterns": {"to": r"\w+@example\.org"}}]}, [MAIL], 1),
        ({"calls": [{"name": "mail", "patterns": {"to": r"\w+"}}]}, [MAIL], 0),
        ({"calls": [{"name": "mail", "patterns": {"cc": r".*"}}]}, [MAIL], 0),
    ],
)
def test_the_share_is_that_of_the_wanted_calls(written: Any, calls: list[Any], share: float):
    assert check(written, *calls).share == share


def test_words_about_a_call_are_none():
    assert (
        check("weather", text='I call weather({"city": "Oslo"}) now: {"name": "weather"}').share
        == 0
    )


def test_no_call_may_be_what_is_wanted():
    assert check([], text="Hello, too!").share == 1
    assert check([], OSLO, text="Hello, too!").share == 0
    assert check([], text="").share == 0


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ('{"city": ', "its arguments are no JSON"),
        ('{"city": "Oslo", "city": "Bergen"}', "its arguments are no JSON"),
        ('["Oslo"]', "its arguments are no JSON object"),
        (7, "its arguments are no JSON object"),
        (None, "lacks the argument city"),
        ("", "lacks the argument city"),
        ("x" * 100_001, "its arguments are too long"),
    ],
)
def test_arguments_that_cannot_be_read_are_the_model_s_fault(arguments: Any, fault: str):
    wanted = [{"name": "weather", "arguments": {"city": "Oslo"}}]
    found = check(wanted, call("weather", arguments))
    assert found.share == 0
    assert fault in found.evidence[0]


@pytest.mark.parametrize(
    "odd", [{}, {"function": None}, {"function": "weather"}, {"name": "weather"}]
)
def test_calls_of_any_shape_are_read(odd: dict[str, Any]):
    assert check("weather", odd).share == float(odd == {"name": "weather"})
