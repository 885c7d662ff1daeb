"""Families of texts, and the labels that address one of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from preamblelab.domain.base import NAME_PATTERN
from preamblelab.domain.preambles import BASELINE, COMMON, Preamble, VariantLabel, parse_label
from preamblelab.domain.sizes import SIZES
from preamblelab.errors import SpecError

FAMILY = Preamble(
    name="careful",
    version="2",
    text="Common.\n",
    sizes={"tiny": "Short.", "large": "Long."},
    clauses={"brevity": "Be brief.", "loop_guard": "Stop when done."},
)
names = st.from_regex(NAME_PATTERN, fullmatch=True).filter(lambda name: name != BASELINE)


@given(
    name=names,
    size=st.sampled_from([None, COMMON, "tiny", "mid", "large"]),
    clauses=st.lists(names, unique=True, max_size=3),
)
def test_a_label_is_read_as_it_is_written(name, size, clauses):
    label = VariantLabel(name=name, size=size, clauses=tuple(clauses))
    assert parse_label(str(label)) == label


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("", "write name"),
        (":tiny", "write name"),
        ("careful:", "write name"),
        ("careful+", "write name"),
        ("careful++brevity", "write name"),
        ("careful:small", "no size 'small'; known: tiny, mid, large, common"),
        ("careful:unknown", "no size 'unknown'"),
        ("careful+a+a", "names a clause twice"),
        ("baseline:tiny", "the baseline has no sizes"),
        ("baseline+brevity", "the baseline has no sizes"),
    ],
)
def test_a_wrong_label_is_refused_as_an_error_of_ours(label, words):
    with pytest.raises(SpecError, match=words):
        parse_label(label)


@pytest.mark.parametrize(
    ("label", "size", "text", "part"),
    [
        ("careful", "tiny", "Short.", "tiny"),
        ("careful", "mid", "Common.", COMMON),
        ("careful", "large", "Long.", "large"),
        ("careful", "unknown", "Common.", COMMON),
        ("careful:tiny", "large", "Short.", "tiny"),
        ("careful:common", "tiny", "Common.", COMMON),
        ("careful+brevity", "tiny", "Short.\n\nBe brief.", "tiny"),
        ("careful+loop_guard+brevity", "mid", "Common.\n\nStop when done.\n\nBe brief.", COMMON),
    ],
)
def test_a_model_gets_the_text_for_its_size_unless_the_label_says_another(label, size, text, part):
    variant = FAMILY.variant(parse_label(label), size)
    assert (variant.text, variant.part, variant.label) == (text, part, label)
    assert variant.version == "2"


@pytest.mark.parametrize(
    ("label", "size", "words"),
    [
        ("careful+polite", "tiny", "has no clause 'polite'; known: brevity, loop_guard"),
        ("careful:mid", "tiny", "has no text for mid; it has: tiny, large"),
    ],
)
def test_a_text_or_clause_that_is_not_there_is_refused(label, size, words):
    with pytest.raises(SpecError, match=words):
        FAMILY.variant(parse_label(label), size)


@pytest.mark.parametrize("size", [size for size in SIZES if size != "tiny"])
def test_without_a_common_text_a_model_of_another_size_gets_none(size):
    only = Preamble(name="only", sizes={"tiny": "Short."})
    with pytest.raises(SpecError, match=f"no text for size {size}: give it a common text"):
        only.variant(parse_label("only"), size)
    with pytest.raises(SpecError, match="no text for size tiny"):
        only.variant(parse_label("only:common"), "tiny")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "baseline", "text": "x"}, "the arm without a preamble"),
        ({"name": "a"}, "needs text"),
        ({"name": "a", "text": "  "}, "text is empty"),
        ({"name": "a", "sizes": {"tiny": " "}}, "tiny is empty"),
        ({"name": "a", "text": "x", "clauses": {"brevity": ""}}, "brevity is empty"),
        ({"name": "a", "text": "x", "sizes": {"unknown": "y"}}, "no text for size 'unknown'"),
        ({"name": "a", "text": "x", "reasons": {"mid": "y"}}, "does not have"),
        ({"name": "a", "text": "x", "temperature": 1}, "Extra inputs"),
        ({"name": "../etc/passwd", "text": "x"}, "pattern"),
    ],
)
def test_a_family_that_makes_no_sense_is_refused(fields, words):
    with pytest.raises(ValidationError, match=words):
        Preamble(**fields)


def test_a_text_is_data_never_a_template():
    text = "Use {0.__class__}, ${HOME} and {{7*7}} as they are."
    assert Preamble(name="a", text=text).variant(parse_label("a"), "mid").text == text
