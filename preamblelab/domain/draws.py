"""How the arguments of a property are drawn: ranges and texts, by a seed."""

from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from preamblelab.domain.base import Spec
from preamblelab.domain.short_forms import ShortForms

LETTERS: Final = "abcxyzABC019 _-.äß"
"""What texts are made of when a draw does not say it: also blanks, digits, and no ASCII."""


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Numbers: TypeAlias = Annotated[
    tuple[float, float], BeforeValidator(_as_tuple, json_schema_input_type=tuple[float, float])
]
Whole: TypeAlias = Annotated[
    tuple[int, int], BeforeValidator(_as_tuple, json_schema_input_type=tuple[int, int])
]


class _Ranged(Spec):
    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("between", "length"):
            ends = getattr(self, name, None)
            if ends is not None and ends[0] > ends[1]:
                low, high = sorted(ends)
                raise ValueError(
                    f"a range begins at its least: write [{low:g}, {high:g}], "
                    f"not [{high:g}, {low:g}]"
                )
            if name == "length" and ends is not None and not 0 <= ends[0] <= ends[1] <= 10_000:
                raise ValueError(f"a length lies from 0 to 10,000, not at {ends[0]} to {ends[1]}")
        return self


class DrawInteger(_Ranged):
    """A whole number."""

    kind: Literal["integer"] = "integer"
    between: Whole
    """Least and greatest."""


class DrawNumber(_Ranged):
    """A number."""

    kind: Literal["number"] = "number"
    between: Numbers
    """Least and greatest."""
    places: int = Field(default=2, ge=0, le=12)
    """Digits behind the point."""


class DrawText(_Ranged):
    """A text."""

    kind: Literal["text"] = "text"
    length: Whole = (0, 12)
    """Fewest and most characters."""
    letters: str = Field(default=LETTERS, min_length=1)
    """What it is made of."""


class DrawBoolean(Spec):
    """true or false."""

    kind: Literal["boolean"] = "boolean"


class DrawOneOf(Spec):
    """One of some values."""

    kind: Literal["one_of"] = "one_of"
    values: Annotated[
        tuple[JsonValue, ...],
        BeforeValidator(_as_tuple, json_schema_input_type=tuple[JsonValue, ...]),
    ] = Field(min_length=1)


_FLAT: Final = {
    "integer": "between",
    "number": "between",
    "text": "length",
    "boolean": None,
    "one_of": "values",
}

FlatDraw: TypeAlias = Annotated[
    Annotated[
        DrawInteger | DrawNumber | DrawText | DrawBoolean | DrawOneOf,
        Field(discriminator="kind"),
    ],
    ShortForms(noun="draw", main=_FLAT),
]


class DrawList(_Ranged):
    """A list, each item drawn alike."""

    kind: Literal["list"] = "list"
    of: FlatDraw
    """How an item is drawn."""
    length: Whole = (0, 8)
    """Fewest and most items."""


Draw: TypeAlias = DrawInteger | DrawNumber | DrawText | DrawBoolean | DrawOneOf | DrawList

DrawSpec: TypeAlias = Annotated[
    Annotated[Draw, Field(discriminator="kind")],
    ShortForms(noun="draw", main={**_FLAT, "list": "of"}),
]
"""One drawn argument, long or short: `integer: [1, 3999]`, `text: [0, 8]`, `list: {of: ...}`."""
