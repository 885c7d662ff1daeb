"""Published schemas as validators, each checked and made once."""

from functools import cache

from jsonschema import Draft202012Validator

from preamblelab.library import json_schema
from preamblelab.library.schemas import SchemaKind


@cache
def validator(kind: SchemaKind) -> Draft202012Validator:
    """What tells whether a document fits the published schema of its kind."""
    schema = json_schema(kind)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)
