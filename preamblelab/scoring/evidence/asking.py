"""Asks a model's code many calls; one that never answers costs itself, not those behind it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from preamblelab.domain.evidence import CodeEvidence
from preamblelab.scoring.sandbox import Answer, Call, Execution, Limits, Pool, Program

MOST_RESTARTS: Final = 4
"""Executions after one that did not answer; what is left then was not asked."""
START_SECONDS: Final = 10.0
_PATIENT_CALLS: Final = 10
"""So many calls of one execution may take all the time that one may."""
_NOT_LOADED: Final = "it did not load"
_MODULE: Final = re.compile(r"^\s*(?:export|import)\b", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the code answered, call by call."""

    answers: tuple[Answer, ...]
    execution: Execution | None
    """The last of the executions; None where there was nothing to ask."""
    load_fault: str = ""
    """Why the code could not be loaded; no call was answered then."""

    @property
    def refused(self) -> str:
        """Why the sandbox itself failed; empty when it did not."""
        if self.execution is not None and self.execution.status == "refused":
            return self.execution.reason or "the sandbox failed"
        return ""


def program_of(code: str, spec: CodeEvidence) -> Program:
    """The answer's code as a program; a script or a module of JavaScript by what it says."""
    if spec.language == "python":
        name = "answer.py"
    else:
        name = "answer.mjs" if _MODULE.search(code) else "answer.js"
    return Program(language=spec.language, files={name: code}, entry=name)


def ask(pool: Pool, code: str, spec: CodeEvidence, calls: Sequence[Call]) -> Asked:
    """Ask all calls in their order.

    Args:
        pool: where the code runs.
        code: what defines or exports the functions.
        spec: its limits: `seconds` for one call, `memory_mb` for all.
        calls: no expected value is among them.
    """
    program = program_of(code, spec)
    limits = Limits(
        seconds=START_SECONDS + _PATIENT_CALLS * spec.seconds,
        memory_bytes=spec.memory_mb * 2**20,
    )
    answers: list[Answer] = []
    execution: Execution | None = None
    for _ in range(1 + MOST_RESTARTS):
        left = calls[len(answers) :]
        if not left:
            break
        exchange = pool.ask(program, left, limits, call_seconds=spec.seconds)
        execution = exchange.execution
        given = exchange.answers
        silent = next((n for n, each in enumerate(given) if each.status == "missing"), len(given))
        if silent == 0 and given[0].reason.startswith(_NOT_LOADED) and not answers:
            fault = given[0].reason.removeprefix(_NOT_LOADED).removeprefix(":").strip()
            return Asked(answers=tuple(given), execution=execution, load_fault=fault)
        if execution.status == "refused":
            return Asked(answers=(*answers, *given), execution=execution)
        # What is behind the silent one was not heard because of it: it is asked anew.
        answers += given[: silent + 1]
    behind = Answer(status="missing", reason="not asked: too many calls before it did not answer")
    answers += [behind] * (len(calls) - len(answers))
    return Asked(answers=tuple(answers), execution=execution)


def in_limits(answer: Answer) -> bool:
    """Whether a call came to an end within time and memory, in whatever way."""
    return answer.status != "missing" and answer.error not in {"MemoryError", "RecursionError"}
