"""Specs of several kinds that may be written short: `kind`, `kind: value`, `kind: {field: ...}`."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, JsonValue
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


def one_or_many(value: Any) -> Any:
    """One value, or a list of some, as a tuple.

    What a function has touched is no longer JSON to pydantic, which then wants true tuples.
    """
    if isinstance(value, (str, int, float, Mapping)):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


Texts: TypeAlias = Annotated[
    tuple[str, ...],
    BeforeValidator(one_or_many, json_schema_input_type=str | tuple[str, ...]),
]
"""Texts; one alone needs no list around it."""


# Without equality by value it has a hash, which an annotation in a union needs.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShortForms:
    """Makes the long form, `{kind: ..., field: ...}`, of what a file says.

    Put it into the annotation of a union that `kind` tells apart.
    """

    noun: str
    """What messages call such a spec: `verifier`, `constraint`."""
    main: Mapping[str, str | None]
    """By kind, the field that a value without a field's name belongs to; None where there is
    none, and the kind's name alone says all."""

    def long(self, value: Any) -> Any:
        """The long form of a word or a mapping; what is no short form, as it is.

        Raises:
            ValueError: a word, or the one key of a mapping, that is no kind.
        """
        if isinstance(value, str):
            return {"kind": self._known(value)}
        if not isinstance(value, Mapping) or "kind" in value:
            return value
        if len(value) != 1:
            raise ValueError(
                f"a {self.noun} is 'kind: value' or has a field 'kind'; "
                f"here stand: {', '.join(map(str, value)) or 'none'}"
            )
        kind, inner = next(iter(value.items()))
        field = self.main[self._known(kind)]
        if isinstance(inner, Mapping) and "kind" not in inner:
            return {"kind": kind, **inner}
        if inner is None or inner is True:
            return {"kind": kind}
        if field is None:
            raise ValueError(f"'{kind}' takes fields, not a value: write '{kind}: {{field: ...}}'")
        return {"kind": kind, field: inner}

    def _known(self, kind: str) -> str:
        if kind in self.main:
            return kind
        close = get_close_matches(kind, self.main, n=1, cutoff=0.6)
        mend = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(sorted(self.main))}"
        raise ValueError(f"no {self.noun} '{kind[:60]}'; {mend}")

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Validate the long form."""
        return core_schema.no_info_before_validator_function(self.long, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The long forms, the short ones, and the bare names."""
        long = handler(schema)
        mapping: dict[str, str] = long.pop("discriminator", {}).get("mapping", {})
        anything: dict[str, JsonValue] = {"type": ["string", "number", "boolean", "array", "null"]}
        short = {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
            "properties": {
                kind: {"anyOf": [{"$ref": ref}, anything]} for kind, ref in mapping.items()
            },
        }
        bare = {"enum": sorted(mapping)}
        named = {"required": ["kind"], "anyOf": long["oneOf"]}
        return {"anyOf": [short, bare, named]}
