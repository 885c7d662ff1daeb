"""Whether a value fits a JSON Schema, within a limit of time and without any network."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from preamblelab.domain.base import canonical_json
from preamblelab.scoring.verifiers.patterns import find
from preamblelab.scoring.verifiers.verification import UnverifiableError

SECONDS: Final = 0.5
"""Longer, and the comparison is given up: a schema may branch without end on a deep value."""
_MOST_FAULTS: Final = 5

Keyword = Callable[[Any, Any, Any, Any], Iterator[Any] | None]


def schema_faults(schema: Mapping[str, Any], value: Any) -> list[str]:
    """What in a value does not fit a schema (2020-12), at most five faults.

    `format` is not looked at, as the standard has it.

    Raises:
        UnverifiableError: it took too long, or a reference in the schema leads nowhere.
    """
    # A tenth of a second, and only tasks with a schema need it.
    from jsonschema.validators import Draft202012Validator, extend
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    until = time.monotonic() + SECONDS
    keywords = {**Draft202012Validator.VALIDATORS, "pattern": _pattern, "uniqueItems": _unique}
    validator = extend(  # type: ignore[no-untyped-call]
        Draft202012Validator, {name: _timed(each, until) for name, each in keywords.items()}
    )
    faults = []
    try:
        # An empty registry: a reference to the outside is an error, not a request.
        for error in validator(dict(schema), registry=Registry()).iter_errors(value):
            where = "/".join(str(step) for step in error.absolute_path) or "the value"
            faults.append(f"{where}: {error.message[:200]}")
            if len(faults) == _MOST_FAULTS:
                break
    except Unresolvable as error:
        raise UnverifiableError(f"the schema's reference leads nowhere: {error}") from None
    return faults


def _timed(keyword: Keyword, until: float) -> Keyword:
    """A keyword that is given up after a point in time."""

    def check(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator[Any]:
        if time.monotonic() > until:
            raise UnverifiableError(f"the comparison with the schema took over {SECONDS:g} s")
        yield from keyword(validator, wanted, value, schema) or ()

    return check


def _pattern(validator: Any, wanted: Any, value: Any, _schema: Any) -> Iterator[Any]:
    """`pattern` with a limit of time, which Python's own expressions do not have."""
    from jsonschema import ValidationError

    if validator.is_type(value, "string") and find(wanted, value, seconds=SECONDS) is None:
        yield ValidationError(f"{value[:80]!r} does not match {wanted!r}")


def _unique(validator: Any, wanted: Any, value: Any, _schema: Any) -> Iterator[Any]:
    """`uniqueItems` in linear time; the library compares each item with each other one."""
    from jsonschema import ValidationError

    if wanted and validator.is_type(value, "array"):
        texts = {canonical_json(_as_equal(item)) for item in value}
        if len(texts) < len(value):
            yield ValidationError(f"{len(value) - len(texts)} items stand there more than once")


def _as_equal(value: Any) -> Any:
    """A value in which 1 and 1.0, which JSON holds for equal, are written alike."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_as_equal(each) for each in value]
    if isinstance(value, dict):
        return {key: _as_equal(each) for key, each in value.items()}
    return value
