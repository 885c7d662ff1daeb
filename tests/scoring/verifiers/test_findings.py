"""Findings: a review is right where it points at the fault and stops nothing that is right."""

import json
from typing import Any

import pytest

from preamblelab.domain.records import Response
from preamblelab.scoring.verifiers.catalogue import verify_one
from preamblelab.scoring.verifiers.verification import Verification
from tests.scoring.verifiers.answers import spec

PLACES = [{"file": "src/fees.py", "first": 12, "last": 14}]


def review(*findings: Any, near: int = 2) -> Verification:
    written = {"expected": PLACES, "near": near}
    return verify_one(spec({"findings": written}), Response(text=json.dumps(list(findings))))


def at(line: Any, file: str = "src/fees.py", severity: str = "high") -> dict[str, Any]:
    return {"file": file, "line": line, "severity": severity, "problem": "wrong"}


@pytest.mark.parametrize(
    ("findings", "share"),
    [
        ([at(12)], 1),
        ([at("13")], 1),
        ([at(16)], 1),
        ([at(17)], 0),
        ([at(13, file="fees.py")], 1),
        ([at(13, file="./src/fees.py")], 1),
        ([at(13, file="rules.py")], 0),
        ([at(13, file="es.py")], 0),
        ([], 0),
        ([at(40), at(13)], 1),
        ([at(40, severity="Critical"), at(13)], 0),
        ([at(13, severity="critical")], 1),
        ([at(1), at(2), at(3), at(13)], 0),
        ([at(True)], 0),
        ([{"line": 13}], 0),
        (["fees.py:13"], 0),
    ],
)
def test_the_place_counts_and_false_alarms_cost(findings: list[Any], share: float) -> None:
    assert review(*findings).share == share


def test_words_around_the_list_do_not_matter_and_words_alone_find_nothing() -> None:
    listed = f"Here is my review:\n```json\n{json.dumps([at(13)])}\n```"
    written = {"findings": {"expected": PLACES}}
    assert verify_one(spec(written), Response(text=listed)).share == 1
    assert verify_one(spec(written), Response(text="Line 13 is wrong.")).share == 0


def test_near_can_be_none() -> None:
    assert review(at(15), near=0).share == 0


def test_a_place_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="before first"):
        spec({"findings": [{"file": "a.py", "first": 4, "last": 3}]})
