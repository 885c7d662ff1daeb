"""One problem, and ordered sets of them."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from preamblelab.domain.base import Name, Spec, content_digest
from preamblelab.domain.evidence import TaskEvidence
from preamblelab.domain.verifiers import VerifierSpecs


class Message(Spec):
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    content: str


class Expectation(Spec):
    """What a good answer to a task holds, as far as text alone can show it."""

    language: Literal["python", "javascript", "text"] = "text"
    """The language of the code that is asked for; `text` when none is."""
    symbols: tuple[str, ...] = ()
    """Names that the answer must use: functions, classes, methods."""
    async_symbols: tuple[str, ...] = ()
    """Those of them that must be awaited."""
    edge_cases: Mapping[str, str] = Field(default_factory=dict)
    """Edge cases by name; the value is a regular expression that finds the case in an answer."""
    tests: int | None = Field(default=None, ge=0)
    """How many distinct tests a full answer has; None when the task asks for none."""


class Task(Spec):
    """One problem: the user's message, and what is needed to mark an answer."""

    _NEWER: ClassVar[tuple[str, ...]] = ("tools", "verify", "evidence", "date")
    """Fields that did not exist from the start."""

    name: Name
    category: Name = "general"
    prompt: str | None = None
    """The user's message; a task of several turns has `messages` instead."""
    messages: tuple[Message, ...] = ()
    """Earlier turns and the last user turn; the model answers the last."""
    files: Mapping[str, str] = Field(default_factory=dict)
    """Texts by file name, appended to the last user turn, each in a fence under its name."""
    expect: Expectation = Expectation()
    tools: tuple[Mapping[str, JsonValue], ...] = ()
    """Tools that the model may call, each an OpenAI function schema; sent with the task."""
    max_tokens: int | None = Field(default=None, ge=1)
    """A limit of this task's own; None takes the experiment's."""
    severity: Literal["low", "normal", "high", "critical"] = "normal"
    cluster: str | None = None
    """What tasks of one source share (a repository, a document); they are not independent."""
    source: str = ""
    """Where the task comes from."""
    date: dt.date | None = None
    """The day it became public; a model trained later may have seen its answer."""
    verify: VerifierSpecs = ()
    """What an answer is checked against without any model: `- exact: "42"`, `- regex: ...`."""
    evidence: TaskEvidence | None = None
    """What is run to mark an answer: mutants for tests, calls for code; never sent to a model."""
    golden: str | None = Field(default=None, min_length=1)
    """An answer that passes all of `verify` and its evidence; never sent to a model."""
    wrong: str | None = Field(default=None, min_length=1)
    """An answer that does not pass; never sent to a model."""

    @field_validator("tools")
    @classmethod
    def _tools_are_functions(
        cls, tools: tuple[Mapping[str, JsonValue], ...]
    ) -> tuple[Mapping[str, JsonValue], ...]:
        for tool in tools:
            function = tool.get("function")
            if tool.get("type") != "function" or not isinstance(function, Mapping):
                raise ValueError(
                    "a tool is {type: function, function: {name: ..., parameters: ...}}"
                )
            if not isinstance(function.get("name"), str):
                raise ValueError("a tool's function has no name")
        return tools

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.prompt is None) == (not self.messages):
            raise ValueError("a task has either prompt or messages")
        if self.messages and self.messages[-1].role != "user":
            raise ValueError("the last of a task's messages is the user's")
        if self.prompt is not None and not self.prompt.strip():
            raise ValueError("the prompt is empty")
        if self.evidence is not None:
            self.evidence.check_files(self.files)
            if self.golden is None and self.evidence.needs_golden:
                raise ValueError("a property holds 'same_as_golden', but there is no golden answer")
        return self

    def turns(self) -> list[dict[str, str]]:
        """The messages that are sent, without a preamble."""
        turns = [{"role": m.role, "content": m.content} for m in self.messages]
        if self.prompt is not None:
            turns = [{"role": "user", "content": self.prompt.rstrip("\n")}]
        for name, text in self.files.items():
            turns[-1]["content"] += f"\n\n{name}:\n```\n{text.rstrip()}\n```"
        return turns

    def calls_in(self, answer: str) -> tuple[Mapping[str, Any], ...]:
        """The calls of tools that `golden` or `wrong` writes as a JSON list of name and arguments.

        Empty for words, and for every task without tools.
        """
        if not self.tools:
            return ()
        try:
            calls = json.loads(answer)
        except ValueError:
            return ()
        named = isinstance(calls, list) and all(isinstance(c, dict) and "name" in c for c in calls)
        return tuple(calls) if named else ()

    @property
    def digest(self) -> str:
        """The address of what is asked and expected."""
        # Sample answers are neither; and a task that does without newer fields keeps its address.
        newer = {name for name in self._NEWER if not getattr(self, name)}
        document = self.document(exclude={"name", "golden", "wrong"} | newer)
        if self.evidence is not None and self.evidence.needs_golden:
            document["golden"] = self.golden  # here it decides the points
        return content_digest(document)

    def document(self, *, exclude: set[str] | None = None) -> dict[str, Any]:
        """All fields as JSON values; files as pairs, for their order is part of the prompt."""
        document = self.model_dump(mode="json", exclude=exclude)
        document["files"] = [[name, text] for name, text in self.files.items()]
        if self.evidence is None:
            document.pop("evidence", None)  # as documents were before there was any
        return document


class Suite(Spec):
    """A named, ordered set of tasks."""

    name: Name
    description: str = ""
    tasks: tuple[Task, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [task.name for task in self.tasks]
        double = sorted({name for name in names if names.count(name) > 1})
        if double:
            raise ValueError(f"two tasks are called '{double[0]}'")
        return self
