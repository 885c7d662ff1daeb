"""What a simulated model knows about a task: right parts, and how each part can go wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One test that a model may write."""

    case: str
    """What it is about, as prose names it: "a blank name"."""
    name: str
    """What the test says it shows: "refuses a blank name"."""
    body: str
    """Its statements; right for the module under test."""
    wrong: tuple[str, str]
    """A stretch of the body, and what stands there when the model errs."""
    group: str = ""
    """The part of the module that it tests."""
    awaits: bool = False
    """Whether it must be asynchronous."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestKnowledge:
    """A task that asks for tests of a module."""

    __test__ = False

    language: str
    imports: str
    subject: str
    """Name of the variable that holds the object under test."""
    setup: str
    """The statement that makes it."""
    passages: tuple[Passage, ...]
    strategies: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleTest:
    """One test of a golden answer, and how it turns out in weaker hands."""

    name: str
    """What it says that it shows: "refuses a blank name"."""
    body: str
    """Its statements, as the golden answer has them."""
    weak: str
    """The same without a look at an error's message and fields."""
    wrong: str
    """The same with one wrong expectation: it fails on the right module."""
    group: str = ""
    """Title of the group it stands in."""
    arguments: str = ""
    """What its function takes: the fixtures."""
    awaits: bool = False
    """Whether it must be asynchronous."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteKnowledge:
    """A task that asks for tests and ships with a golden answer."""

    language: str
    module: str
    """What tests import, without an ending."""
    head: str
    """Imports, fixtures and helpers of the golden answer."""
    tests: tuple[SampleTest, ...]
    cases: tuple[str, ...]
    strategies: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionKnowledge:
    """A task that asks for a function."""

    language: str
    code: str
    """The right function, imports first."""
    flaws: tuple[tuple[str, str], ...]
    """Stretches of the code, and what stands there when the model errs; each errs by itself."""
    imports: str
    """The lines of the code that a careless model forgets; may be empty."""
    cases: tuple[str, ...]
    strategies: tuple[str, ...]
    reasons: tuple[str, ...]
    gap: tuple[str, str]
    """A stretch of the code, and the placeholder that a lazy model leaves there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextKnowledge:
    """A task that asks for words; the answer is a sequence of lines."""

    opening: tuple[str, ...]
    """Sentences that may open the answer: the strategy, then remarks."""
    reasons: tuple[str, ...]
    lines: tuple[str, ...]
    """Steps or entries, in order; a weaker model leaves some out."""
    closing: str
    """The right end."""
    wrong_closings: tuple[str, ...]
    flaws: Mapping[str, str] = field(default_factory=dict)
    """Stretches of lines, and what stands there when the model errs."""
    last_check: str = ""
    """A line before the end with which a careful model checks its result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerKnowledge:
    """A task that ships with a right answer and a wrong one."""

    right: str
    """The right answer: blocks of prose, entries of lists and fenced code."""
    wrong: str
    bare: bool
    """Whether the task wants this and nothing else, so that no part can be left out."""
    right_calls: tuple[Mapping[str, Any], ...] = ()
    """Calls of tools, name and arguments, that are made where tools are offered."""
    wrong_calls: tuple[Mapping[str, Any], ...] = ()


Knowledge = TestKnowledge | SuiteKnowledge | FunctionKnowledge | TextKnowledge | AnswerKnowledge


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A task that the models know by heart."""

    task: str
    mark: str
    """A stretch of its prompt that no other prompt has."""
    knowledge: Knowledge
    touchy: bool = False
    """Whether timid models refuse it although it is harmless."""
