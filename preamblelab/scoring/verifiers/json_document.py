"""Json: the answer is JSON in the strict sense, fits a schema, is equal to a value."""

from typing import Any

from preamblelab.domain.records import Response
from preamblelab.domain.verifiers import Json
from preamblelab.scoring.verifiers.json_schema import schema_faults
from preamblelab.scoring.verifiers.json_text import NotJsonError, last_json, parse_json, unfenced
from preamblelab.scoring.verifiers.verification import Finding, no, quote, verifier, yes


@verifier("json", version="1")
def verify_json(spec: Json, response: Response) -> Finding:
    """1 when the answer is JSON and all that is demanded of it holds."""
    text = unfenced(response.text) if spec.only else last_json(response.text)
    if text is None:
        return no("no JSON object or list in the answer")
    try:
        value = parse_json(text)
    except NotJsonError as error:
        return no(f"{quote(text)} is no JSON: {error}")
    if spec.equals is not None and not same(value, spec.equals):
        return no(f"{quote(text)} is not the value that is asked for")
    faults = schema_faults(spec.fits, value) if spec.fits is not None else []
    return no(*faults) if faults else yes(f"{quote(text)} is JSON as asked")


def same(value: Any, wanted: Any) -> bool:
    """Whether two JSON values are equal: 1 is 1.0, but true is not 1."""
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    if isinstance(value, dict) and isinstance(wanted, dict):
        return value.keys() == wanted.keys() and all(same(value[key], wanted[key]) for key in value)
    if isinstance(value, list) and isinstance(wanted, list):
        return len(value) == len(wanted) and all(map(same, value, wanted))
    return (type(value) is type(wanted) and value == wanted) or _numbers(value, wanted)


def _numbers(value: Any, wanted: Any) -> bool:
    return isinstance(value, (int, float)) and isinstance(wanted, (int, float)) and value == wanted
