"""Constraints: what each counts, strict and loose."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preamblelab.domain.constraints import CONSTRAINT_KINDS
from preamblelab.domain.records import Response
from preamblelab.scoring.verifiers import constraint_counts as counts
from preamblelab.scoring.verifiers.catalogue import verify_one
from preamblelab.scoring.verifiers.constraints import judge
from tests.scoring.verifiers.answers import spec
from tests.scoring.verifiers.ifeval import CONSTRAINT

KEPT_AND_BROKEN: list[tuple[Any, str, str]] = [
    ({"words": {"at_least": 3}}, "one two three", "one two"),
    ({"words": {"at_most": 2}}, "one two", "one two three"),
    ({"sentences": 2}, "Dr. Ada came. She sat.", "Ada came"),
    ({"bullets": 2}, "* a\n- b", "* a\n** b **"),
    ({"capital_words": 2}, "NASA and ESA", "NASA and Esa"),
    ({"highlights": {"at_least": 2}}, "*a* and *b*", "*a* and * *"),
    ({"placeholders": {"at_least": 2}}, "[a] [b]", "[a] [b"),
    ({"paragraphs": 2}, "a\n\nb", "a\nb"),
    ({"paragraphs": 2}, "a\n\n\n\nb\n\n", "a\n\nb\n\nc"),
    ({"paragraphs": {"separator": "***", "exactly": 2}}, "a\n***\nb", "a\n***\n***\nb"),
    ({"sections": {"marker": "PART", "at_least": 2}}, "PART 1 a PART 2 b", "PART 1 a part 2 b"),
    ({"keyword": {"word": "tide", "at_least": 2}}, "Tide, tides", "tide"),
    ({"letter": {"character": "e", "at_most": 1}}, "He ran", "He fell"),
    ({"keywords": ["sun", "sea"]}, "Sunny seaside", "sunny"),
    ({"forbidden_words": ["sun"]}, "sunny", "the Sun"),
    ({"one_of": ["yes.", "no."]}, "I say no.", "I say No"),
    ({"starts_with": "Dear Ada"}, " dear Ada, hello", "Hello, dear Ada"),
    ({"ends_with": "Any questions?"}, 'That is it. any questions?"', "Any questions? No."),
    ({"postscript": "P.S."}, "Bye.\nP.S. I wave.", "Bye. PS I wave."),
    ({"postscript": "P.P.S"}, "Bye.\nP. P. S I wave.", "Bye.\nP.S. I wave."),
    ({"paragraph_start": {"paragraph": 2, "word": "then", "of": 2}}, "a\n\nThen, b", "a\n\nSo b"),
    ({"parts": 2}, "a\n******\nb", "a\n******\na"),
    ({"language": "de"}, "Das ist ein ganz gewöhnlicher Satz.", "This is quite a plain sentence."),
    ("no_commas", "one two", "one, two"),
    ("title", "<<The tide>>\nIt rises.", "<< >>\nIt rises."),
    ("quoted", '"All of it."', '"Some" of it.'),
    ("json_only", '```json\n{"a": 1}\n```', 'Here: {"a": 1}'),
    ("upper_case", "ALL OF IT", "All OF IT"),
    ("lower_case", "all of it", "All of it"),
]


def test_every_constraint_has_an_example():
    written = {next(iter(each)) if isinstance(each, dict) else each for each, *_ in KEPT_AND_BROKEN}
    assert written == set(CONSTRAINT_KINDS)


@pytest.mark.parametrize(("written", "kept", "broken"), KEPT_AND_BROKEN)
def test_a_constraint_is_kept_or_broken(written: Any, kept: str, broken: str):
    constraint = CONSTRAINT.validate_python(written)
    assert judge(constraint, kept).strict is True
    assert judge(constraint, kept).loose is True
    assert judge(constraint, broken).strict is False
    assert judge(constraint, " \n").loose is False


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("quoted", 'Here you are:\n"All of it."'),
        ("quoted", '"All of it."\nI hope this helps!'),
        ("lower_case", "Sure! Here it is:\nall of it\nAnything else?"),
        ({"starts_with": "Dear Ada"}, "**Dear Ada**, hello"),
        ({"ends_with": "bye."}, "**Bye.**"),
    ],
)
def test_a_frame_and_asterisks_are_overlooked_only_loosely(written: Any, text: str):
    verdict = judge(CONSTRAINT.validate_python(written), text)
    assert (verdict.strict, verdict.loose) == (False, True)
    assert "loosely kept" in verdict.evidence


def test_the_share_is_strict_unless_the_task_says_loose():
    constraints = ["quoted", "no_commas"]
    response = Response(text='Here:\n"All of it"')
    strict = verify_one(spec({"constraints": constraints}), response)
    loose = verify_one(spec({"constraints": {"all_of": constraints, "loose": True}}), response)
    assert (strict.share, loose.share) == (0.5, 1)
    assert strict.evidence[-1] == loose.evidence[-1] == "strict 1 of 2, loose 2 of 2"


def test_a_text_without_letters_tells_no_language():
    found = verify_one(spec({"constraints": [{"language": "de"}]}), Response(text="1 2 3"))
    assert found.share is None
    assert "no letters" in found.reason


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two! Three?", 3),
        ("One", 1),
        ("At 3.5 m, e.g. here, it ends.", 1),
        ("Dr. Ada and J. Doe came. They sat.", 2),
        ("Steps:\n1. Go.\n2. Stop.", 2),
        ('"Go!" she said. He went.', 3),
        ("it is late. we go home. bye", 3),
        ("Well... no.", 1),
        ("Wait... No.", 2),
        ("...", 1),
        ("今日は。明日は。", 1),
    ],
)
def test_sentences_are_counted(text: str, count: int):
    assert counts.sentences(text) == count


@given(
    st.lists(st.sampled_from(["Ada came.", "Did she?", "Yes!", "It was 3.5 m wide."]), min_size=1)
)
def test_plain_sentences_are_counted_exactly(sentences: list[str]):
    assert counts.sentences(" ".join(sentences)) == len(sentences)


@given(st.text(max_size=200))
def test_what_is_kept_strictly_is_kept_loosely(text: str):
    for written in ("no_commas", "title", "quoted", {"words": {"at_least": 3}}, {"bullets": 1}):
        verdict = judge(CONSTRAINT.validate_python(written), text)
        assert verdict.loose or not verdict.strict
