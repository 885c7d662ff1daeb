"""Exact, contains, regex, choice and similarity: known answers and the traps of each."""

import sys

import pytest

from preamblelab.domain.records import Response
from preamblelab.scoring.verifiers.catalogue import verify_one
from preamblelab.scoring.verifiers.reading import passage
from preamblelab.scoring.verifiers.verification import Verification
from tests.scoring.verifiers.answers import spec


def check(written: object, text: str) -> Verification:
    return verify_one(spec(written), Response(text=text))


@pytest.mark.parametrize(
    ("text", "read", "named"),
    [
        ("Answer: 42", "42", True),
        ("**Answer:** 42\nmore", "42", True),
        ("**Final answer**: 42", "42", True),
        ("The answer is 41. No, wait.\nThe answer is 42", "42", True),
        ("Answer:\n\n42", "42", True),
        (r"so \boxed{\frac{1}{2}} it is", r"\frac{1}{2}", True),
        (r"Answer: $\boxed{42}$", "42", True),
        (r"\boxed{41}, but the answer is 42", "42", True),
        ("First this.\nThen 42", "Then 42", False),
        ("The answers are many.\n42", "42", False),
        (r"\boxed{42", "42", True),
        ("Answer:", "", True),
    ],
)
def test_the_answer_is_found_in_a_text(text: str, read: str, named: bool):
    assert passage(text, "answer") == (read, named)


@pytest.mark.parametrize(
    ("written", "text", "share"),
    [
        ({"exact": "Oslo"}, "oslo", 1),
        ({"exact": "Oslo"}, "“Oslo.”", 1),
        ({"exact": "Oslo"}, "ＯＳＬＯ", 1),
        ({"exact": "Oslo"}, "Oslo, Norway", 0),
        ({"exact": ["Oslo", "Kristiania"]}, "Kristiania", 1),
        ({"exact": {"answer": "Oslo", "as_written": True}}, "oslo", 0),
        ({"exact": {"answer": "Oslo", "as_written": True}}, " Oslo\n", 1),
        ({"exact": {"answer": "Oslo", "read": "answer"}}, "Let me see.\nAnswer: Oslo", 1),
        ({"exact": {"answer": "Oslo", "read": "last_line"}}, "Oslo\nBergen", 0),
        ({"exact": "."}, ".", 1),
        ({"exact": "Straße"}, "STRASSE", 1),
        ({"contains": ["a fish", "a bird"]}, "A  fish swims", 0.5),
        ({"contains": {"none_of": ["fish"]}}, "no fishing", 0),
        ({"contains": {"none_of": ["fish"], "whole_words": True}}, "no fishing", 1),
        ({"contains": {"all_of": ["fish"], "none_of": ["bird"]}}, "fish and bird", 0),
        ({"contains": {"any_of": ["fish", "bird"]}}, "a bird", 1),
        ({"regex": "^b$"}, "a\nb\nc", 1),
        ({"regex": {"pattern": "b", "whole": True}}, "abc", 0),
        ({"regex": {"pattern": "B", "ignore_case": True}}, "abc", 1),
        ({"regex": {"pattern": "TODO", "absent": True}}, "all done", 1),
        ({"regex": {"pattern": "TODO", "absent": True}}, "# TODO", 0),
        ({"similarity": "one two three"}, "three two one", 1),
        ({"similarity": {"reference": "abcd", "compare": "characters"}}, "abxd", 0.75),
        (
            {"similarity": {"reference": "abcd", "compare": "characters", "at_least": 0.8}},
            "abxd",
            0,
        ),
    ],
)
def test_known_answers(written: object, text: str, share: float):
    assert check(written, text).share == pytest.approx(share)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(.*)*x", r"^(\w+\s?)*$!"])
def test_a_pattern_that_runs_away_is_missing_not_wrong(pattern: str):
    """The classic case: (a+)+$ on many a and one b would take Python's own engine for ever."""
    found = check({"regex": {"pattern": pattern, "seconds": 0.05}}, "a" * 5_000 + "!b")
    assert found.share in {None, 0}
    if found.share is None:
        assert "took longer than 0.05 s" in found.reason


def test_at_least_one_of_these_patterns_does_run_away():
    found = check({"regex": {"pattern": "(a|aa)+$", "seconds": 0.02}}, "a" * 5_000 + "!b")
    assert found.share is None
    assert "took longer than 0.02 s" in found.reason


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("B", "B"),
        ("b", "B"),
        ("(B)", "B"),
        ("B. Because of the moon", "B"),
        ("**B**", "B"),
        ("Answer: B", "B"),
        ("Answer: B) the moon", "B"),
        ("The answer is option B.", "B"),
        (r"\boxed{\text{B}}", "B"),
        ("Answer: A\nNo. Answer: B", "B"),
        ("B is right because A is wrong", "B"),
        ("A is too small, C too large.\nSo I choose B", "B"),
        ("Answer: A", "A"),
        ("Answer: A is the only one that fits", "A"),
        ("A sensible person would say B", "B"),
        ("Answer: A or B", None),
        ("Answer: A and B", None),
        ("Answer: A/B", None),
        ("I do not know", None),
        ("Answer: F", None),
        ("Bees", None),
        ("It depends on A, B and C.", None),
    ],
)
def test_a_choice_is_one_letter_or_none(text: str, chosen: str | None):
    shares = {letter: check({"choice": letter}, text).share for letter in "ABC"}
    assert shares == {letter: float(letter == chosen) for letter in "ABC"}
    if chosen is None:
        assert check({"choice": "A"}, text).evidence[0].startswith("unreadable: ")


def test_a_choice_may_be_given_by_its_text():
    written = {"choice": {"answer": "B", "options": {"A": "the sun", "B": "the moon"}}}
    assert check(written, "The answer is the Moon.").share == 1
    assert check(written, "The answer is the sun.").share == 0


def test_what_is_not_installed_is_missing_with_the_way_to_mend_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    found = check({"similarity": "x"}, "x")
    assert found.share is None
    assert "pip install 'preamblelab[verifiers]'" in found.reason
