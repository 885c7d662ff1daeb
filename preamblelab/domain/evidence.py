"""What shows, when it is run, whether an answer is worth anything: mutants, cases, properties."""

import ast
import warnings
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, JsonValue, Tag, model_validator

from preamblelab.domain.base import Name, Spec
from preamblelab.domain.draws import DrawSpec

CodeLanguage: TypeAlias = Literal["python", "javascript"]

MutantKind: TypeAlias = Literal["boundary", "error", "message", "field", "async", "logic", "value"]
"""What a mutant gets wrong:

- boundary: where a range begins or ends;
- error: whether, and which, error is raised;
- message, field: what an error's text says, what data it carries;
- async: what is awaited, in which order, how often it is tried;
- logic: conditions, branches, operators;
- value: what is returned or kept.
"""

MOST_MUTANTS: Final = 100
"""Each is one more execution of the answer's tests."""
AUTO_MUTANTS: Final = 24


class Mutant(Spec):
    """A wrong version of a module: one piece of its text replaced by another."""

    name: Name
    kind: MutantKind
    replace: str = Field(min_length=1)
    """What stands exactly once in the module."""
    by: str
    """What stands there instead; empty takes it away."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.replace == self.by:
            raise ValueError(f"mutant '{self.name}' changes nothing: 'by' equals 'replace'")
        return self

    def of(self, module: str) -> str:
        """The module with its fault.

        Raises:
            ValueError: what it replaces does not stand exactly once in the module.
        """
        found = module.count(self.replace)
        if found != 1:
            shown = " ".join(self.replace.split())[:60]
            raise ValueError(
                f"mutant '{self.name}': 'replace' must stand exactly once in the module; "
                f"'{shown}' stands there {found} times"
            )
        return module.replace(self.replace, self.by)


class AutoMutants(Spec):
    """Mutants that a library makes; for Python only."""

    auto: int = Field(default=AUTO_MUTANTS, ge=1, le=MOST_MUTANTS)
    """The most of them; drawn by `seed` where there could be more."""
    seed: int = 0


def _mutants_shape(value: Any) -> str:
    if isinstance(value, str):
        return "word"
    return "drawn" if isinstance(value, (Mapping, AutoMutants)) else "listed"


Mutants: TypeAlias = Annotated[
    Annotated[Literal["auto"], Tag("word")]
    | Annotated[AutoMutants, Tag("drawn")]
    | Annotated[tuple[Mutant, ...], Field(min_length=1, max_length=MOST_MUTANTS), Tag("listed")],
    Discriminator(_mutants_shape),
]


class TestsEvidence(Spec):
    """The answer is tests: they run against the module and against its mutants."""

    __test__ = False  # pytest collects what is called Test...

    language: CodeLanguage
    module: str = Field(min_length=1)
    """The module that is tested: a name among the task's `files`."""
    mutants: Mutants
    """Wrong versions of the module, or `auto` (Python)."""
    golden_kills: float | None = Field(default=None, ge=0, le=1)
    """Share of the mutants that the golden answer has to kill when the suite is checked; 0.9 for
    mutants of one's own, 0.6 for `auto`, some of which nobody can kill."""
    seconds: float = Field(default=5.0, gt=0, le=120)
    """Wall time of all tests against one version of the module."""
    memory_mb: int = Field(default=512, ge=32, le=8192)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.auto is not None and self.language != "python":
            raise ValueError("mutants: auto is for Python; list the mutants of another language")
        names = [mutant.name for mutant in self.listed]
        double = next((name for name in names if names.count(name) > 1), None)
        if double:
            raise ValueError(f"two mutants are called '{double}'")
        return self

    @property
    def listed(self) -> tuple[Mutant, ...]:
        """The mutants that are written out; none where a library makes them."""
        return self.mutants if isinstance(self.mutants, tuple) else ()

    @property
    def auto(self) -> AutoMutants | None:
        """How a library makes them; None where they are written out."""
        if isinstance(self.mutants, AutoMutants):
            return self.mutants
        return AutoMutants() if self.mutants == "auto" else None

    @property
    def least_golden_kills(self) -> float:
        """What `golden_kills` says, or its default."""
        if self.golden_kills is not None:
            return self.golden_kills
        return 0.9 if self.listed else 0.6

    def check_module(self, text: str) -> None:
        """Refuse mutants that do not fit the module's text.

        Raises:
            ValueError: a piece does not stand exactly once, two mutants are the same text, or
                the module or a mutant is no Python where it should be.
        """
        python = self.language == "python"
        if python and (fault := _syntax_fault(text)):
            raise ValueError(f"module '{self.module}' is no Python: {fault}")
        seen: dict[str, str] = {}
        for mutant in self.listed:
            changed = mutant.of(text)
            if changed in seen:
                raise ValueError(f"mutants '{seen[changed]}' and '{mutant.name}' are one text")
            seen[changed] = mutant.name
            if python and (fault := _syntax_fault(changed)):
                raise ValueError(f"mutant '{mutant.name}' is no Python: {fault}")


def _syntax_fault(text: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        return f"line {error.lineno or '?'}: {error.msg}"
    except ValueError as error:
        return str(error)
    return ""


class Case(Spec):
    """One hidden call of the answer's code, and what has to come of it."""

    call: str = Field(pattern=r"^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*$")
    """A function that the answer defines or exports; dots reach into it: `Stack.of`."""
    arguments: tuple[JsonValue, ...] = ()
    keywords: Mapping[str, JsonValue] = Field(default_factory=dict)
    """Arguments by name; for Python."""
    returns: JsonValue = None
    """The value that it has to return; a tuple counts as a list."""
    raises: str | None = Field(default=None, min_length=1)
    """Name of the error's class; the case then has no `returns`."""
    message: str | None = Field(default=None, min_length=1)
    """What the error's text has to contain."""
    fields: Mapping[str, JsonValue] = Field(default_factory=dict)
    """Data that the error has to carry, by attribute."""
    tolerance: float = Field(default=0.0, ge=0, lt=1)
    """How far numbers may be off, relative or absolute."""
    any_order: bool = False
    """Whether the order of the returned list does not count."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.raises is None and "returns" not in self.model_fields_set:
            raise ValueError(f"case of '{self.call}': give 'returns' or 'raises'")
        if self.raises is not None and self.returns is not None:
            raise ValueError(f"case of '{self.call}': it has 'returns' and 'raises'; keep one")
        if self.raises is None and (self.message is not None or self.fields):
            raise ValueError(f"case of '{self.call}': 'message' and 'fields' need 'raises'")
        return self


Relation: TypeAlias = Literal[
    "same_as_golden", "idempotent", "round_trip", "order_invariant", "symmetric"
]
"""What has to hold for every drawn input:

- same_as_golden: what the golden answer's code returns or raises;
- idempotent: f(f(x)) is f(x);
- round_trip: g(f(x)) is x, where `through` names g;
- order_invariant: another order of the first argument's items changes nothing;
- symmetric: f(x, y) is f(y, x).
"""


class Property(Spec):
    """A relation that has to hold for inputs that are drawn anew by a seed."""

    call: str = Field(pattern=r"^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*$")
    """The function, as in a case."""
    holds: Relation
    through: str | None = None
    """The function that leads back, for `round_trip`."""
    draw: Annotated[
        tuple[DrawSpec, ...],
        BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
    ] = Field(min_length=1)
    """How each argument is drawn, in order."""
    examples: int = Field(default=30, ge=1, le=200)
    """Inputs that are drawn; the ends of every range come first."""
    tolerance: float = Field(default=0.0, ge=0, lt=1)
    seed: int = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.holds == "round_trip" and self.through is None:
            raise ValueError(
                f"property of '{self.call}': round_trip needs 'through', the function that leads "
                f"back from what '{self.call}' returns"
            )
        if self.through is not None and self.holds != "round_trip":
            raise ValueError(
                f"property of '{self.call}': 'through' belongs to round_trip; {self.holds} has no "
                "way back"
            )
        one, two = {"idempotent", "round_trip"}, {"symmetric"}
        wanted = 1 if self.holds in one else 2 if self.holds in two else None
        if wanted is not None and len(self.draw) != wanted:
            raise ValueError(
                f"property of '{self.call}': {self.holds} takes {wanted} drawn argument"
                f"{'s' if wanted > 1 else ''}, not {len(self.draw)}"
            )
        if self.holds == "order_invariant" and self.draw[0].kind != "list":
            raise ValueError(f"property of '{self.call}': order_invariant needs a list to shuffle")
        return self


class CodeEvidence(Spec):
    """The answer is code: its functions are called, and their values compared outside."""

    language: CodeLanguage
    cases: tuple[Case, ...] = ()
    """Hidden calls."""
    properties: tuple[Property, ...] = ()
    """Relations over drawn inputs."""
    seconds: float = Field(default=2.0, gt=0, le=120)
    """Longest wait for one call, and for loading the code."""
    memory_mb: int = Field(default=256, ge=32, le=8192)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.cases and not self.properties:
            raise ValueError("evidence of code needs 'cases' or 'properties'")
        return self


class ChangeEvidence(Spec):
    """The answer is a module written anew; tests that somebody else wrote run against it.

    Unlike the calls of `code`, such tests share a process with the answer: one that means to
    deceive could read what they expect. A case from a commit has no others.
    """

    language: Literal["python"] = "python"
    module: str = Field(min_length=1)
    """The module that is changed: a name among the task's `files`, which show it as it was."""
    tests: str = Field(min_length=1)
    """The tests, one text; never sent."""
    files: Mapping[str, str] = Field(default_factory=dict)
    """Other files that module and tests need, by path; never sent."""
    must_pass: tuple[str, ...] = Field(min_length=1)
    """Tests that fail on the module as it was and pass on the golden answer."""
    still_pass: tuple[str, ...] = ()
    """Tests that pass on both, and still have to."""
    seconds: float = Field(default=10.0, gt=0, le=120)
    """Wall time of all tests."""
    memory_mb: int = Field(default=512, ge=32, le=8192)


class TaskEvidence(Spec):
    """What is run to mark an answer; never sent to a model."""

    tests: TestsEvidence | None = None
    """The answer is tests of a module among `files`."""
    code: CodeEvidence | None = None
    """The answer is code that is called."""
    change: ChangeEvidence | None = None
    """The answer is a module among `files`, written anew."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if sum(each is not None for each in (self.tests, self.code, self.change)) != 1:
            raise ValueError("evidence is one of 'tests', 'code' and 'change'")
        return self

    @property
    def kind(self) -> Literal["tests", "code"]:
        """What the answer is; a change is code, too."""
        return "tests" if self.tests is not None else "code"

    @property
    def language(self) -> CodeLanguage:
        """The language of the answer."""
        spec = self.tests or self.code or self.change
        assert spec is not None
        return spec.language

    @property
    def needs_golden(self) -> bool:
        """Whether the golden answer's code tells what is right."""
        if self.change is not None:
            return True
        properties = self.code.properties if self.code is not None else ()
        return any(each.holds == "same_as_golden" for each in properties)

    def check_files(self, files: Mapping[str, str]) -> None:
        """Refuse a module that is not among the task's files, and mutants that do not fit it.

        A text of one line is taken for a path that was not read yet.

        Raises:
            ValueError: as the message says.
        """
        spec = self.tests or self.change
        if spec is None:
            return
        if spec.module not in files:
            known = ", ".join(sorted(files)) or "none"
            field = "tests" if self.tests is not None else "change"
            raise ValueError(
                f"evidence.{field}.module: '{spec.module}' is not among the files: {known}"
            )
        text = files[spec.module]
        if self.tests is not None and "\n" in text:
            self.tests.check_module(text)
