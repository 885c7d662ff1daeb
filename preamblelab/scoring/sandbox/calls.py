"""Calls functions of a program in its sandbox and hears their values; nothing is compared there.

The program is loaded by a driver of ours in the same process. Whatever it does to that process,
it can only say wrong values: the expected ones are never told to it.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Literal

from preamblelab.errors import SpecError
from preamblelab.scoring.sandbox.records import Execution, Program
from preamblelab.scoring.sandbox.values import Garbled, decode, parse

DRIVERS = {"python": "answer_calls.py", "javascript": "answer_calls.mjs"}
FOLDER = "sandbox_driver"
"""Where the driver lies beside the program's own files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a function of the program; arguments are plain JSON data."""

    function: str
    """A name the entry file defines or exports; dots reach into it: `Stack.of`."""
    arguments: Sequence[object] = ()
    keywords: Mapping[str, object] = field(default_factory=dict)
    """For Python only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one call."""

    status: Literal["returned", "raised", "missing"]
    value: object = None
    """What was returned; see `values.same`."""
    error: str = ""
    """Name of the exception's class."""
    message: str = ""
    """The exception's text."""
    fields: Mapping[str, object] = field(default_factory=dict)
    """Plain data that the exception carries."""
    reason: str = ""
    """Why it is missing, in one line."""
    seconds: float | None = None
    """As the program's own clock tells: to inform, never to judge by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Answers in the order of the calls, and the execution in which they were given."""

    answers: tuple[Answer, ...]
    execution: Execution


def driven(program: Program) -> Program:
    """Return `program` with the driver as its entry."""
    name = DRIVERS[program.language]
    if program.arguments:
        raise SpecError("calls: a program that answers calls takes no arguments of its own")
    text = resources.files(f"{__package__}.drivers").joinpath(name).read_text(encoding="utf-8")
    path = f"{FOLDER}/{name}"
    return replace(
        program,
        files={**program.files, path: text},
        entry=path,
        arguments=(program.entry,),
    )


class Questions:
    """The talk with a driver: one call at a time, each answer under a word only this run knows."""

    def __init__(self, calls: Sequence[Call], call_seconds: float) -> None:
        self.patience = call_seconds
        self._calls = list(calls)
        self._nonce = secrets.token_hex(16)
        self._answers: list[Answer] = []
        self._loaded = False
        self._failure = ""

    def opening(self) -> bytes | None:
        """Tell the word under which we listen."""
        return json.dumps({"nonce": self._nonce}).encode()

    def heard(self, line: bytes) -> bytes | None:
        """Take an answer and return the next call; an empty line means: go on, that was noise."""
        mark = line.rfind(self._nonce.encode())
        if mark < 0:
            return b""
        try:
            said = parse(line[mark + len(self._nonce) :])
            if not isinstance(said, dict) or said.get("id") != len(self._answers) - (
                not self._loaded
            ):
                return b""
            if self._loaded:
                self._answers.append(_answer(said))
            elif "error" in said:
                found = _answer(said)
                self._failure = f"it did not load: {found.error}: {found.message}"[:500]
                return None
        except Garbled as garbled:
            if self._loaded:
                reason = f"its answer cannot be read ({garbled})"
                self._answers.append(Answer(status="missing", reason=reason))
        self._loaded = True
        return self._next()

    def _next(self) -> bytes | None:
        place = len(self._answers)
        if place == len(self._calls):
            return None
        call = self._calls[place]
        asked = {
            "id": place,
            "function": call.function,
            "arguments": list(call.arguments),
            "keywords": dict(call.keywords),
        }
        return json.dumps(asked, allow_nan=False).encode()

    def exchange(self, execution: Execution) -> Exchange:
        """Return all answers; what was not answered is missing, with the reason."""
        reason = self._failure or execution.reason or self._silence(execution)
        missing = Answer(status="missing", reason=" ".join(reason.split()))
        left = len(self._calls) - len(self._answers)
        return Exchange(answers=(*self._answers, *[missing] * left), execution=execution)

    def _silence(self, execution: Execution) -> str:
        when = "before it answered" if self._loaded else "before it was loaded"
        return f"it ended with exit code {execution.exit_code} {when}"


def _answer(said: dict[str, object]) -> Answer:
    took = said.get("seconds")
    seconds = float(took) if isinstance(took, int | float) and abs(took) < 1e9 else None
    if "error" not in said:
        return Answer(status="returned", value=decode(said.get("value")), seconds=seconds)
    fields = decode(said.get("fields"))
    return Answer(
        status="raised",
        error=str(said["error"])[:200],
        message=str(said.get("message", ""))[:10_000],
        fields=fields if isinstance(fields, dict) else {},
        seconds=seconds,
    )
