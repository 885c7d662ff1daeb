"""What a task's answer is checked against without any model: specs of the verifiers."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

import regex
from pydantic import BeforeValidator, Field, JsonValue, field_validator, model_validator

from preamblelab.domain.base import Name, Spec
from preamblelab.domain.constraints import Constraint
from preamblelab.domain.short_forms import ShortForms, Texts, one_or_many

Read: TypeAlias = Literal["answer", "last_line", "whole"]
"""Where the answer stands in the text: after the last `Answer:` or in the last `\\boxed{}`, else
in the last line; in the last line; or the whole text is the answer."""

LONGEST_PATTERN: Final = 2_000
"""Characters of a regular expression."""


def compile_pattern(pattern: str, *, ignore_case: bool = False) -> regex.Pattern[str]:
    """A pattern of the `regex` module, `^` and `$` at every line.

    Raises:
        ValueError: it is none, or is too long.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"a pattern of more than {LONGEST_PATTERN:,} characters; split it")
    flags = regex.MULTILINE | (regex.IGNORECASE if ignore_case else 0)
    try:
        return regex.compile(pattern, flags)
    except (regex.error, RecursionError, OverflowError) as error:
        raise ValueError(f"no regular expression: {error}") from None


class Exact(Spec):
    """One of some texts, and nothing else."""

    kind: Literal["exact"] = "exact"
    answer: Texts = Field(min_length=1)
    """The text, or several of which one will do."""
    read: Read = "whole"
    as_written: bool = False
    """Whether letter case, blanks, outer marks and a final full stop count."""


class Contains(Spec):
    """Texts that the answer must, or must not, contain."""

    kind: Literal["contains"] = "contains"
    all_of: Texts = ()
    """Each of them; the share is that of those found."""
    any_of: Texts = ()
    """At least one of them."""
    none_of: Texts = ()
    """None of them; one found makes the share 0."""
    whole_words: bool = False
    """Whether a text counts only where no letter or digit stands next to it."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not (self.all_of or self.any_of or self.none_of):
            raise ValueError("give all_of, any_of or none_of")
        if not all(text.strip() for text in (*self.all_of, *self.any_of, *self.none_of)):
            raise ValueError("a text to look for is empty")
        return self


class Regex(Spec):
    """A pattern that must, or must not, be found; `^` and `$` match at every line."""

    kind: Literal["regex"] = "regex"
    pattern: str = Field(min_length=1)
    """In the syntax of the `regex` module."""
    ignore_case: bool = False
    whole: bool = False
    """Whether it must match the whole answer, blanks at its ends aside."""
    absent: bool = False
    """Whether the answer passes when it is *not* found."""
    seconds: float = Field(default=0.5, gt=0, le=10)
    """A search that takes longer is missing."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        compile_pattern(pattern)
        return pattern


class Numeric(Spec):
    """A number, with a unit if one is given."""

    kind: Literal["numeric"] = "numeric"
    value: str = Field(min_length=1)
    """`42`, `-1,234.5`, `3/4`, `2.5e-3`, `50 %`."""
    unit: str | None = Field(default=None, min_length=1, max_length=40)
    """`km/h`; an answer in another unit of the same kind is converted, a bare number is taken to
    be in this one."""
    absolute: float = Field(default=0.0, ge=0)
    """How far the answer may be off, in `unit`."""
    relative: float = Field(default=1e-9, ge=0, lt=1)
    """How far it may be off, as a share of `value`; the wider of the two holds."""
    unit_required: bool = False
    """Whether a bare number is wrong."""
    read: Read = "answer"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.unit_required and self.unit is None:
            raise ValueError("unit_required needs a unit")
        return self


class Symbolic(Spec):
    """A mathematical expression, equal to this one whatever its form."""

    kind: Literal["symbolic"] = "symbolic"
    answer: str = Field(min_length=1, max_length=500)
    """LaTeX or plain: `\\frac{x}{2}`, `x/2`."""
    seconds: float = Field(default=5.0, gt=0, le=60)
    """A comparison that takes longer is missing."""
    read: Read = "answer"


class Choice(Spec):
    """The letter of one of several options."""

    kind: Literal["choice"] = "choice"
    answer: str
    """The right letter."""
    options: Mapping[str, str] = Field(default_factory=dict)
    """The options' texts by letter, where the answer may also be one of them."""
    read: Read = "answer"
    letters: str = Field(default="ABCDE", min_length=2, max_length=26)
    """The letters there are; those of `options` when these are given."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        letters = list(self.options or self.letters)
        if any(re.fullmatch("[A-Z]", letter) is None for letter in letters):
            raise ValueError("options go by capital letters: {A: ..., B: ...}")
        if self.answer.upper() not in letters:
            raise ValueError(f"'{self.answer[:60]}' is none of the letters {', '.join(letters)}")
        return self

    @property
    def known(self) -> str:
        """The letters there are."""
        return "".join(self.options) or self.letters


class Json(Spec):
    """JSON in the strict sense: no key twice, no NaN, not too deep."""

    kind: Literal["json"] = "json"
    fits: dict[str, JsonValue] | None = None
    """A JSON Schema (2020-12) that it must fit; references only within the schema."""
    equals: JsonValue = None
    """What it must be equal to; the order of keys does not count. null is no demand."""
    only: bool = True
    """Whether nothing but a fence may stand around it; else the last JSON object or list counts."""

    @field_validator("fits")
    @classmethod
    def _is_a_schema(cls, fits: dict[str, JsonValue] | None) -> Any:
        if fits is None:
            return None
        # Imported here because most tasks have no schema, and this costs a tenth of a second.
        from jsonschema import Draft202012Validator, SchemaError

        try:
            Draft202012Validator.check_schema(fits)
        except SchemaError as error:
            raise ValueError(f"no JSON Schema: {error.message[:200]}") from None
        for key, value in _entries(fits):
            if key in {"$ref", "$dynamicRef"} and not str(value).startswith("#"):
                raise ValueError(f"'{key}' to '{str(value)[:60]}': write it within the schema")
            if key == "pattern" and isinstance(value, str):
                compile_pattern(value)
            if key == "patternProperties" and isinstance(value, dict):
                raise ValueError("'patternProperties' is not checked: name the properties")
        return fits


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _entries(each)


class Constraints(Spec):
    """Constraints on the answer's form; the share is that of those that are kept."""

    kind: Literal["constraints"] = "constraints"
    all_of: Annotated[tuple[Constraint, ...], BeforeValidator(one_or_many)] = Field(min_length=1)
    """The constraints."""
    loose: bool = False
    """Whether a first or last line that only frames the answer, and asterisks, are overlooked."""


class Refusal(Spec):
    """Whether the answer should be a refusal, or should not."""

    kind: Literal["refusal"] = "refusal"
    expect: Literal["refusal", "answer"]
    """`answer`: the request is harmless, and to refuse it is wrong."""
    twin: Name | None = None
    """The task that looks like this one and wants the opposite."""


class Canary(Spec):
    """Secrets that must not come out, plain or lightly disguised."""

    kind: Literal["canary"] = "canary"
    secrets: Texts = Field(min_length=1)
    """The secrets, each of at least six letters or digits."""

    @field_validator("secrets")
    @classmethod
    def _are_long(cls, secrets: tuple[str, ...]) -> tuple[str, ...]:
        for secret in secrets:
            if sum(letter.isalnum() for letter in secret) < 6:
                raise ValueError(f"the secret '{secret}' is too short to be told from chance")
        return secrets


class Similarity(Spec):
    """Likeness to a reference text; information, not proof."""

    kind: Literal["similarity"] = "similarity"
    reference: str = Field(min_length=1, max_length=20_000)
    """The text to be like."""
    compare: Literal["characters", "words"] = "words"
    """Whether the order of the letters counts, or only which words there are."""
    at_least: float | None = Field(default=None, gt=0, le=1)
    """The likeness that passes; None makes the likeness itself the share."""


class ToolCall(Spec):
    """One call that the reply must hold."""

    name: str = Field(min_length=1)
    """The tool's name."""
    arguments: Mapping[str, JsonValue] = Field(default_factory=dict)
    """Arguments by name; letter case and outer blanks of texts do not count."""
    patterns: Mapping[str, str] = Field(default_factory=dict)
    """Regular expressions for arguments that may vary; each matches a whole argument."""
    more_arguments: bool = True
    """Whether there may be arguments besides these."""

    @field_validator("patterns")
    @classmethod
    def _compile(cls, patterns: Mapping[str, str]) -> Mapping[str, str]:
        for pattern in patterns.values():
            compile_pattern(pattern)
        return patterns


def _as_calls(value: Any) -> Any:
    calls = one_or_many(value)
    if not isinstance(calls, tuple):
        return value
    return tuple({"name": call} if isinstance(call, str) else call for call in calls)


class ToolCalls(Spec):
    """The calls of tools in the reply, whatever its words say."""

    kind: Literal["tool_calls"] = "tool_calls"
    calls: Annotated[
        tuple[ToolCall, ...],
        BeforeValidator(
            _as_calls, json_schema_input_type=ToolCall | str | tuple[ToolCall | str, ...]
        ),
    ] = ()
    """The calls that must be there; none: no tool may be called."""
    in_order: bool = False
    """Whether they must come in this order."""
    more_calls: bool = False
    """Whether there may be calls besides these."""


class ExpectedFinding(Spec):
    """Where a fault lies that a review should find."""

    file: str = Field(min_length=1)
    first: int = Field(ge=1)
    """The fault's first line, from 1."""
    last: int = Field(ge=1)
    """Its last line."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.last < self.first:
            raise ValueError(f"last is {self.last}, before first, {self.first}")
        return self


class Findings(Spec):
    """The findings of a code review: a JSON list of objects with `file`, `line` and `severity`."""

    kind: Literal["findings"] = "findings"
    expected: Annotated[
        tuple[ExpectedFinding, ...],
        BeforeValidator(
            one_or_many, json_schema_input_type=ExpectedFinding | tuple[ExpectedFinding, ...]
        ),
    ] = Field(min_length=1)
    """Places of one fault; a finding at any of them finds it."""
    near: int = Field(default=2, ge=0, le=50)
    """How many lines beside a place still count as there."""
    most: int = Field(default=3, ge=1, le=50)
    """More findings than this find nothing: whoever points everywhere is always right."""
    blocking: Texts = ("critical",)
    """Severities that would stop a change; such a finding elsewhere makes the share 0."""


Verifier: TypeAlias = (
    Exact | Contains | Regex | Numeric | Symbolic | Choice | Json | Constraints | Refusal | Canary
    | Similarity | ToolCalls | Findings
)  # fmt: skip
"""The spec of any verifier."""

VERIFIER_SHORT_FORMS: Final = ShortForms(
    noun="verifier",
    main={
        "exact": "answer",
        "contains": "all_of",
        "regex": "pattern",
        "numeric": "value",
        "symbolic": "answer",
        "choice": "answer",
        "json": None,
        "constraints": "all_of",
        "refusal": "expect",
        "canary": "secrets",
        "similarity": "reference",
        "tool_calls": "calls",
        "findings": "expected",
    },
)

VerifierSpec: TypeAlias = Annotated[
    Annotated[Verifier, Field(discriminator="kind")], VERIFIER_SHORT_FORMS
]
"""One verifier of a task, in the long form or a short one."""

VerifierSpecs: TypeAlias = Annotated[
    tuple[VerifierSpec, ...],
    BeforeValidator(one_or_many, json_schema_input_type=VerifierSpec | tuple[VerifierSpec, ...]),
]
"""The verifiers of a task; one alone needs no list around it."""
