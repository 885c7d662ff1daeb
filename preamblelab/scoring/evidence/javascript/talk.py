"""Our side of the conversation with the runner: what to run, and what is believed of its words."""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final, Literal

from preamblelab.scoring.sandbox.values import Garbled, parse

Change = Literal["", "throw", "nothing", "disguise"]
"""How a version is changed by the runner: not; every function throws; every function gives nothing
back; the same program with other text, which tells who reads it from who calls it."""

START_SECONDS: Final = 10.0
"""Longest wait for the runner to start and to read the tests."""
SHARE_OF_ONE_TEST: Final = 0.2
"""How much of a version's time one test may take before it counts as hanging."""
LEAST_SECONDS: Final = 1.5
"""What a version may take however fast the first one was: shared machines pause at will."""
MOST_TIMES_LONGER: Final = 10.0
_STATUSES: Final = frozenset({"passed", "failed", "error", "skipped", "timeout"})


def stem_of(name: str) -> str:
    """`lib/parcel.js` as tests name it: `parcel`."""
    return PurePosixPath(name).stem


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a text of tests is before anything of it runs."""

    parses: bool
    fault: str
    """Why it does not parse, or would not load; empty when it does."""
    repairs: tuple[str, ...] = ()
    code: str = ""
    """The repaired text; empty when nothing was repaired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One version that is to be run."""

    source: str
    change: Change = ""
    quiet: bool = False
    """Whether tests are told of when all have ended: cheaper, but a hang then has no name."""
    counted: bool = False
    """Whether lines are counted and the texts of the tests looked at."""


@dataclass(slots=True, kw_only=True)
class VisitResult:
    """What the runner said of one version; each value is checked, none is believed."""

    names: list[str] | None = None
    """Of the tests, in order; None when they were not loaded."""
    tests: dict[int, dict[str, Any]] = field(default_factory=dict)
    """What came of each, by its place."""
    running: int | None = None
    """The test that was started last and did not end."""
    load_fault: str = ""
    reason: str = ""
    done: bool = False
    seconds: float = 0.0
    """Wall time of all tests, as we saw it."""
    mocked: bool = False
    unhandled: list[str] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)
    lines: tuple[int, int] | None = None
    """Lines that ran, and all lines."""


class SuiteTalk:
    """Asks for readings of the tests, then for one version after the other, in the order given.

    Args:
        code: the tests.
        module: text of a version, for the names that it gives out.
        stem: the module's name without folder and ending.
        files: the task's other files.
        readings: which readings to ask for; the last is the one that is run.
        visits: versions by number, in the order in which they run.
        seconds: wall time for one version.
        snapshots: those that the first version wrote, as the runner told them.
        first: seconds that the first version took, if it was run before.
        skipped: places of tests that hung there and are not run any more.
    """

    def __init__(
        self,
        *,
        code: str,
        module: str,
        stem: str,
        files: Mapping[str, str],
        readings: Sequence[bool],
        visits: Mapping[int, Visit],
        seconds: float,
        snapshots: str = "",
        first: float | None = None,
        skipped: Sequence[int] = (),
    ) -> None:
        self._code, self._module, self._stem, self._files = code, module, stem, files
        self._asked = list(readings)
        self._visits = dict(visits)
        self._left = list(visits)
        self._seconds = seconds
        self._begun = 0.0
        self.first = first
        self.snapshots = snapshots
        self.skipped = list(skipped)
        self._nonce = secrets.token_hex(16)
        self._until = time.monotonic() + START_SECONDS
        self.readings: list[Reading] = []
        self.results: dict[int, VisitResult] = {}

    @property
    def patience(self) -> float:
        """Seconds that are left of what runs now: nothing that it says prolongs them."""
        return max(0.0, self._until - time.monotonic())

    def opening(self) -> bytes | None:
        """Tell the word under which we listen, and what is the same for all versions."""
        files = {
            stem_of(name): {"text": text, "json": name.endswith(".json")}
            for name, text in self._files.items()
            if PurePosixPath(name).suffix in {".js", ".mjs", ".cjs", ".json"}
        }
        milliseconds = max(50, round(1000 * self._seconds * SHARE_OF_ONE_TEST))
        return _line(
            nonce=self._nonce,
            stem=self._stem,
            milliseconds=milliseconds,
            files=files,
            snapshots=self.snapshots,
        )

    def heard(self, line: bytes) -> bytes | None:
        """Take one line; return the next request, nothing to wait on, or None at the end."""
        mark = line.rfind(self._nonce.encode())
        if mark < 0:
            return b""
        try:
            said = parse(line[mark + len(self._nonce) :])
        except Garbled:
            return b""
        if not isinstance(said, dict):
            return b""
        if "event" in said:
            self._event(said)
            return b""
        if isinstance(said.get("prepared"), dict):
            self.readings.append(_reading(said["prepared"]))
            if not self._asked and not self._visits:
                return None
            if not self._asked and self.readings[-1].fault:
                return None
        elif "id" in said:
            self._finish(said)
        return self._next()

    def _next(self) -> bytes | None:
        if self._asked:
            repair = self._asked.pop(0)
            return _line(op="prepare", text=self._code, module=self._module, repair=repair)
        if not self._left:
            return None
        number = self._left.pop(0)
        visit = self._visits[number]
        self.results[number] = VisitResult()
        self._begun = time.monotonic()
        self._until = self._begun + self._allowed(number)
        return _line(
            op="run",
            id=number,
            source=visit.source,
            change=visit.change or None,
            count=visit.counted,
            facts=visit.counted,
            quiet=visit.quiet,
            skip=self.skipped,
        )

    def _event(self, said: dict[str, Any]) -> None:
        result, event = self.results.get(_place(said.get("id"))), said["event"]
        if result is None or result.done or not isinstance(event, dict):
            return
        if isinstance(event.get("collected"), list):
            result.names = [str(name)[:300] for name in event["collected"][:2000]]
        elif "started" in event:
            result.running = _place(event["started"])
        elif isinstance(event.get("ended"), dict):
            ended = event["ended"]
            if ended.get("status") in _STATUSES:
                result.tests[_place(ended.get("index"))] = ended
                result.running = None

    def _finish(self, said: dict[str, Any]) -> None:
        number = _place(said["id"])
        result, done = self.results.get(number), said.get("done")
        if result is None or result.done:
            return
        result.done = True
        result.seconds = time.monotonic() - self._begun
        if number == 0:
            self.first = result.seconds
            if isinstance(done, dict) and isinstance(done.get("snapshots"), str):
                self.snapshots = done["snapshots"]
            self.skipped += [
                place for place, test in result.tests.items() if test["status"] == "timeout"
            ]
        if not isinstance(done, dict):
            result.reason = _short(f"the runner failed: {said.get('broken', 'without a word')}")
            return
        result.load_fault = _short(done.get("fault") or "")
        result.mocked = done.get("mocked") is True
        loose = done.get("unhandled")
        if isinstance(loose, list):
            result.unhandled = [_short(f"{one.get('how')}: {one.get('said')}") for one in loose]
        if isinstance(done.get("facts"), list):
            result.facts = [each for each in done["facts"] if isinstance(each, dict)]
        lines = said.get("lines")
        if isinstance(lines, dict):
            result.lines = (_place(lines.get("seen")), _place(lines.get("all")))

    def _allowed(self, number: int) -> float:
        """Seconds for a version: a mutant that takes far longer than the first has a fault."""
        if number == 0 or self.first is None:
            return self._seconds
        return min(self._seconds, max(LEAST_SECONDS, MOST_TIMES_LONGER * self.first))

    def unfinished(self, reason: str) -> int | None:
        """The version that was running when the conversation ended; it gets the reason."""
        for number, result in self.results.items():
            if not result.done:
                result.done = True
                result.reason = reason
                return number
        return None

    @property
    def left(self) -> list[int]:
        """Numbers of the versions that were not begun."""
        return self._left


def _line(**said: object) -> bytes:
    return json.dumps(said, allow_nan=False).encode("utf-8", "surrogatepass")


def _place(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else -1


def _short(text: object) -> str:
    return " ".join(str(text).split())[:300]


def _reading(said: dict[str, Any]) -> Reading:
    repairs = said.get("repairs")
    return Reading(
        parses=said.get("parses") is True,
        fault=_short(said.get("fault") or ""),
        repairs=tuple(str(name) for name in repairs) if isinstance(repairs, list) else (),
        code=str(said.get("text") or ""),
    )
