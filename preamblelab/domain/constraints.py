"""Constraints on the form of an answer that a program can check, after IFEval (arXiv 2311.07911).

IFEval's 25 instructions are among them; design/verifiers.md has the table of names.
"""

import re
from typing import Annotated, Final, Literal, Self, TypeAlias, get_args

from pydantic import Field, field_validator, model_validator

from preamblelab.domain.base import Spec
from preamblelab.domain.short_forms import ShortForms, Texts


class Count(Spec):
    """How many there may be; at least one of the three bounds is given."""

    at_least: int | None = Field(default=None, ge=0)
    """The fewest."""
    at_most: int | None = Field(default=None, ge=0)
    """The most."""
    exactly: int | None = Field(default=None, ge=0)
    """Neither more nor fewer."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        bounds = (self.at_least, self.at_most, self.exactly)
        if all(bound is None for bound in bounds):
            raise ValueError("give at_least, at_most or exactly")
        if self.exactly is not None and (self.at_least is not None or self.at_most is not None):
            raise ValueError("'exactly' stands alone, without at_least and at_most")
        if None not in bounds[:2] and bounds[0] > bounds[1]:  # type: ignore[operator]
            raise ValueError(f"at_least {self.at_least} is above at_most {self.at_most}")
        return self

    def allows(self, count: int) -> bool:
        """Whether a count lies within the bounds."""
        return (
            (self.at_least is None or count >= self.at_least)
            and (self.at_most is None or count <= self.at_most)
            and (self.exactly is None or count == self.exactly)
        )

    def __str__(self) -> str:
        """The bounds in words: `at least 3`."""
        words = (("at least", self.at_least), ("at most", self.at_most), ("exactly", self.exactly))
        return " and ".join(f"{word} {bound}" for word, bound in words if bound is not None)


class Counted(Count):
    """So many words, sentences, bullets ...; a number alone is `exactly`."""

    kind: Literal[
        "words", "sentences", "bullets", "capital_words", "highlights", "placeholders",
    ]  # fmt: skip
    """`words` are runs of letters, digits and `_`; `highlights` stand `*so*` or `**so**`;
    `placeholders` stand `[so]`; `capital_words` hold no small letter."""


class Paragraphs(Count):
    """So many paragraphs."""

    kind: Literal["paragraphs"] = "paragraphs"
    separator: str = Field(default="\n\n", min_length=1)
    """What stands between two of them: a blank line, or a divider such as `***`."""


class Sections(Count):
    """So many sections, each opened by a word and a number: `SECTION 1`."""

    kind: Literal["sections"] = "sections"
    marker: str = Field(min_length=1)
    """The word, as it is written."""


class Keyword(Count):
    """A word so many times, in any case."""

    kind: Literal["keyword"] = "keyword"
    word: str = Field(min_length=1)
    """The word; within a longer word it counts, as in IFEval."""


class Letter(Count):
    """A letter so many times, in any case."""

    kind: Literal["letter"] = "letter"
    character: str = Field(min_length=1, max_length=1)
    """One character."""


class Listed(Spec):
    """Words that must all stand in the answer, must not, or of which one must."""

    kind: Literal["keywords", "forbidden_words", "one_of"]
    """`keywords`: all of them, in any case, within longer words too; `forbidden_words`: none of
    them as a whole word; `one_of`: at least one text, as it is written."""
    texts: Texts = Field(min_length=1)
    """The words or texts."""


class Fixed(Spec):
    """A text at a place of its own, in any case."""

    kind: Literal["starts_with", "ends_with", "postscript"]
    """`postscript`: the marker (`P.S.`) opens a line or follows a blank, somewhere."""
    text: str = Field(min_length=1)
    """The text."""


class ParagraphStart(Spec):
    """The first word of one of the paragraphs that blank lines separate."""

    kind: Literal["paragraph_start"] = "paragraph_start"
    paragraph: int = Field(ge=1)
    """Which one, from 1."""
    word: str = Field(min_length=1)
    """Its first word, in any case."""
    of: int | None = Field(default=None, ge=1)
    """How many paragraphs there are in all; None: any number."""


class Parts(Spec):
    """So many answers, all different, with a divider between them."""

    kind: Literal["parts"] = "parts"
    number: int = Field(ge=2)
    """How many."""
    separator: str = Field(default="******", min_length=1)
    """What stands between two of them."""


class Language(Spec):
    """The language that the answer is written in."""

    kind: Literal["language"] = "language"
    code: str
    """ISO 639-1: `de`; Chinese is `zh-cn` or `zh-tw`."""

    @field_validator("code")
    @classmethod
    def _is_a_code(cls, code: str) -> str:
        if re.fullmatch(r"[a-z]{2}|zh-(cn|tw)", code) is None or code == "zh":
            raise ValueError(f"'{code[:60]}' is no language code: write de, en, zh-cn ...")
        return code


class Plain(Spec):
    """What needs no further word."""

    kind: Literal[
        "no_commas", "title", "quoted", "json_only", "upper_case", "lower_case",
    ]  # fmt: skip
    """`title`: a text in `<<these>>`; `quoted`: the whole answer in double quotation marks;
    `json_only`: JSON and nothing else but a fence around it."""


Constraint: TypeAlias = Annotated[
    Annotated[
        Counted | Paragraphs | Sections | Keyword | Letter | Listed | Fixed | ParagraphStart
        | Parts | Language | Plain,
        Field(discriminator="kind"),
    ],
    ShortForms(
        noun="constraint",
        main={
            **dict.fromkeys(get_args(Counted.model_fields["kind"].annotation), "exactly"),
            **dict.fromkeys(get_args(Listed.model_fields["kind"].annotation), "texts"),
            **dict.fromkeys(get_args(Fixed.model_fields["kind"].annotation), "text"),
            **dict.fromkeys(get_args(Plain.model_fields["kind"].annotation), None),
            "paragraphs": "exactly",
            "sections": None,
            "keyword": "word",
            "letter": "character",
            "paragraph_start": None,
            "parts": "number",
            "language": "code",
        },
    ),
]  # fmt: skip
"""One constraint, in the long form or a short one."""

CONSTRAINT_KINDS: Final = tuple(
    kind
    for spec in (
        Counted, Paragraphs, Sections, Keyword, Letter, Listed, Fixed, ParagraphStart, Parts,
        Language, Plain,
    )
    for kind in get_args(spec.model_fields["kind"].annotation)
)  # fmt: skip
"""The names of all constraints."""
