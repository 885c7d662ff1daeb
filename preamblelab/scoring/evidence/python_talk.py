"""The host's side of `drivers/run_pytest.py`: hands out versions, believes one nonce at a time."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast, get_args

from preamblelab.scoring.evidence.protocol import TestRun, TestStatus, VersionRun
from preamblelab.scoring.sandbox.values import Garbled, parse

MOST_HANGING = 3
"""Tests that never end on the right module and are then left out everywhere; more are not tried."""
LEAST_SECONDS = 1.0
SLOWER = 10.0
"""A version may take this many times as long as the first, as mutation testers commonly allow."""
START_SECONDS = 30.0
"""For the interpreter and pytest to start, on a machine that is busy."""
MOST_TESTS = 1000


@dataclass(slots=True, kw_only=True)
class _Heard:
    """What the child of one version has said so far."""

    tests: dict[str, TestRun] = field(default_factory=dict)
    load_fault: str = ""
    started: str = ""
    """Name of the test that runs, or the last one that did."""
    complete: bool = False
    lines: frozenset[int] = frozenset()


class VersionTalk:
    """One program, many versions; what a version's child says counts for that version only."""

    def __init__(
        self,
        opening: Mapping[str, Any],
        versions: Sequence[str],
        *,
        seconds: float,
        traced: int | None = None,
    ) -> None:
        """Prepare to hand out versions.

        Args:
            opening: what the driver has to know before the first.
            versions: texts of the module; the first is right.
            seconds: the most that one of them may take.
            traced: version whose lines are collected in one more run, behind all others.
        """
        self.patience = START_SECONDS + seconds
        self._opening = opening
        self._versions = list(versions)
        self._seconds = seconds
        self._plan = [(place, False) for place in range(len(versions))]
        if traced is not None:
            self._plan.append((traced, True))
        self._at = -1
        self._sent = 0
        self._nonce = b""
        self._heard = _Heard()
        self._skip: dict[str, TestRun] = {}
        self._allowed = seconds
        self._runs: dict[int, VersionRun] = {}
        self.lines: frozenset[int] | None = None
        self.fault = ""
        """Why the driver itself could not begin."""

    def opening(self) -> bytes | None:
        """Tell where pytest and the tests are."""
        return json.dumps(dict(self._opening)).encode()

    def heard(self, line: bytes) -> bytes | None:
        """Take a line of the driver or of a child; return the next version when one has ended."""
        if self._nonce and line.startswith(self._nonce):
            self._take(line[len(self._nonce) :])
            return b""
        try:
            said = parse(line)
        except Garbled:
            return b""
        if not isinstance(said, dict):
            return b""
        if self._at < 0:
            if "fault" in said:
                self.fault = str(said["fault"])[:300]
                return None
            return self._next() if said.get("ready") is True else b""
        if said.get("ended") == self._sent:
            took = said.get("seconds")
            if self._plan[self._at] == (0, False) and isinstance(took, float | int):
                # Later versions take no longer than a multiple of the first.
                self._allowed = min(self._seconds, max(LEAST_SECONDS, SLOWER * took))
            return self._ended(str(said.get("why", "")))
        return b""

    def _take(self, text: bytes) -> None:
        try:
            said = parse(text)
        except Garbled:
            return
        if not isinstance(said, dict) or len(self._heard.tests) > MOST_TESTS:
            return
        if "start" in said:
            self._heard.started = str(said["start"])
        elif "load" in said:
            self._heard.load_fault = self._heard.load_fault or str(said["load"])[:300]
        elif "end" in said:
            lines = said.get("lines")
            self._heard.complete = True
            self._heard.lines = frozenset(
                each for each in (lines if isinstance(lines, list) else []) if isinstance(each, int)
            )
        elif "test" in said:
            test = _test(said)
            self._heard.tests[test.name] = test

    def _ended(self, why: str) -> bytes | None:
        place, traced = self._plan[self._at]
        heard = self._heard
        if traced:
            self.lines = heard.lines if heard.complete else None
            return self._next()
        hanging = _unfinished(heard, why)
        if place == 0 and why == "timeout" and hanging and len(self._skip) < MOST_HANGING:
            # Known to be right, so the test is to blame: the others are heard without it.
            self._skip[hanging.name] = hanging
            return self._send()
        self._runs[place] = self._run(heard, hanging, why)
        if place == 0 and not any(test.status == "passed" for test in self._runs[0].tests):
            return None  # nothing passes on the right module: no other version can say more
        return self._next()

    def _run(self, heard: _Heard, hanging: TestRun | None, why: str) -> VersionRun:
        tests = dict(heard.tests)
        if hanging is not None:
            tests[hanging.name] = hanging
        tests |= self._skip
        reason = ""
        if not heard.complete and hanging is None and not heard.load_fault:
            reason = "it did not end in time" if why == "timeout" else "it ended before its tests"
        return VersionRun(tests=tuple(tests.values()), load_fault=heard.load_fault, reason=reason)

    def _next(self) -> bytes | None:
        self._at += 1
        return self._send() if self._at < len(self._plan) else None

    def _send(self) -> bytes:
        place, traced = self._plan[self._at]
        self._sent += 1
        self._heard = _Heard()
        nonce = secrets.token_hex(16)
        self._nonce = nonce.encode()
        request = {
            "nonce": nonce,
            "source": self._versions[place],
            "skip": list(self._skip),
            "trace": traced,
        }
        body = json.dumps(request).encode()
        # The line end that is added behind it belongs to it.
        header = {"number": self._sent, "seconds": self._allowed, "length": len(body) + 1}
        return json.dumps(header).encode() + b"\n" + body

    def runs(self, reason: str) -> tuple[VersionRun, ...]:
        """What was heard of every version; `reason` for those that were not reached."""
        missing = VersionRun(reason=reason or "the runner ended before it")
        return tuple(self._runs.get(place, missing) for place in range(len(self._versions)))


def _test(said: dict[str, object]) -> TestRun:
    status = said.get("status")
    seen = said.get("seen")
    seen = seen if isinstance(seen, list) else []
    return TestRun(
        name=str(said["test"])[:300],
        status=cast("TestStatus", status) if status in get_args(TestStatus) else "error",
        message=str(said.get("message", ""))[:300],
        replaces_module="replaces" in seen,
        inspects="inspects" in seen,
    )


def _unfinished(heard: _Heard, why: str) -> TestRun | None:
    """The test in which the version's run came to its end, if it did."""
    if heard.complete or not heard.started or heard.started in heard.tests:
        return None
    name = heard.started[:300]
    if why == "timeout":
        return TestRun(name=name, status="timeout", message="it did not end in time")
    return TestRun(name=name, status="failed", message="the process ended in it")
