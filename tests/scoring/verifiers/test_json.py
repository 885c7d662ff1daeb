"""JSON in the strict sense, and schemas within limits."""

import pytest

from preamblelab.domain.records import Response
from preamblelab.domain.verifiers import Json
from preamblelab.scoring.verifiers.catalogue import verify_one
from preamblelab.scoring.verifiers.json_document import same
from preamblelab.scoring.verifiers.verification import Verification


def check(text: str, **demands: object) -> Verification:
    return verify_one(Json.model_validate(demands), Response(text=text))


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[1, 2]",
        '"a"',
        "3",
        "null",
        "```json\n{}\n```",
        "```\n{}\n```",
        " {\n} ",
        "```JSON {}```",
    ],
)
def test_json_with_or_without_a_fence_passes(text: str):
    assert check(text).share == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Here: {}", "is no JSON"),
        ("{'a': 1}", "is no JSON"),
        ('{"a": 1, "a": 2}', "the key 'a' stands there twice"),
        ('{"a": NaN}', "NaN is no JSON"),
        ('{"a": -Infinity}', "-Infinity is no JSON"),
        ('{"a": 1,}', "is no JSON"),
        ("{} {}", "is no JSON"),
        ("[" * 65 + "]" * 65, "deeper than 64 levels"),
        ("[" * 50_000, "deeper than 64 levels"),
        ("9" * 5_000, "is no JSON"),
    ],
)
def test_what_only_looks_like_json_fails_and_says_why(text: str, why: str):
    found = check(text)
    assert found.share == 0
    assert why in found.evidence[0]


def test_json_within_prose_counts_only_where_that_is_allowed():
    text = 'I thought of {"a": 1}. Better:\n{"a": 2, "b": "}"} - that is it [sic]!'
    assert check(text).share == 0
    assert check(text, only=False).share == 0  # "[sic]" is the last of its brackets
    assert check(text.replace("[sic]", ""), only=False, equals={"a": 2, "b": "}"}).share == 1
    assert check("no brackets", only=False).share == 0


@pytest.mark.parametrize(
    ("value", "wanted", "equal"),
    [
        (1, 1.0, True),
        (True, 1, False),
        (1, True, False),
        (None, None, True),
        ([1, 2], [2, 1], False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": [True]}, {"a": [1]}, False),
        ("1", 1, False),
    ],
)
def test_values_are_equal_as_json_has_it(value: object, wanted: object, equal: bool):
    assert same(value, wanted) is equal


PERSON = {
    "type": "object",
    "required": ["name", "born"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^[A-Z]"},
        "born": {"type": "integer", "minimum": 1900},
        "likes": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
    },
}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"name": "Ada", "born": 1915}', None),
        ('{"name": "Ada", "born": 1915, "likes": ["a", "b"]}', None),
        ('{"name": "Ada"}', "'born' is a required property"),
        ('{"name": "ada", "born": 1915}', "name: 'ada' does not match"),
        ('{"name": "Ada", "born": "1915"}', "born: '1915' is not of type 'integer'"),
        ('{"name": "Ada", "born": 1815}', "born: 1815 is less than the minimum of 1900"),
        ('{"name": "Ada", "born": 1915, "age": 3}', "Additional properties are not allowed"),
        (
            '{"name": "Ada", "born": 1915, "likes": ["a", "a"]}',
            "1 items stand there more than once",
        ),
    ],
)
def test_a_schema_is_checked_and_faults_are_named(text: str, fault: str | None):
    found = check(text, fits=PERSON)
    assert found.share == (fault is None)
    assert fault is None or fault in found.evidence[0]


def test_unique_items_are_counted_as_json_has_it_and_in_linear_time():
    unique = {"uniqueItems": True}
    assert check("[1, 1.0]", fits=unique).share == 0
    assert check("[1, true]", fits=unique).share == 1
    assert check('[{"a": 1, "b": 2}, {"b": 2, "a": 1}]', fits=unique).share == 0
    many = "[" + ",".join(f'{{"a":{number}}}' for number in range(5_000)) + "]"
    assert check(many, fits=unique).share == 1


def test_a_schema_that_branches_without_end_is_missing():
    branch = {"properties": {"a": {"$ref": "#"}}, "required": ["a"]}
    text = '{"a":' * 60 + "1" + "}" * 60
    found = check(text, fits={"anyOf": [{**branch, "required": ["b"]}, {**branch, "not": {}}]})
    assert found.share is None
    assert found.reason == "the comparison with the schema took over 0.5 s"


def test_a_reference_that_leads_nowhere_is_missing():
    found = check("1", fits={"$ref": "#/$defs/nothing"})
    assert found.share is None
    assert "leads nowhere" in found.reason


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"$ref": "https://example.org/schema.json"}, "write it within the schema"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "write it within the schema"),
        ({"type": "objekt"}, "no JSON Schema"),
        ({"properties": {"a": {"pattern": "(("}}}, "no JSON Schema"),
        ({"patternProperties": {"^a": {}}}, "is not checked: name the properties"),
    ],
)
def test_a_schema_that_cannot_be_kept_is_refused_when_it_is_read(schema: object, message: str):
    with pytest.raises(ValueError, match=message):
        Json.model_validate({"fits": schema})
