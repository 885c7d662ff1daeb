"""What a person sees while a run works: one live line on a terminal, plain lines elsewhere."""

import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

from preamblelab.execution.gateway import Gateway
from preamblelab.execution.runner import Tally
from preamblelab.report.escaping import for_terminal
from preamblelab.scoring.evidence.storing import EvidenceTally
from preamblelab.scoring.grader import MarkTally

LIVE_SECONDS = 0.2
PLAIN_SECONDS = 10.0


@dataclass(slots=True, kw_only=True)
class Progress:
    """What a run tells while it works; this one keeps it to itself."""

    tally: Tally = field(default_factory=Tally)
    marks: MarkTally = field(default_factory=MarkTally)
    evidence: EvidenceTally = field(default_factory=EvidenceTally)
    gateway: Gateway | None = None
    phase: str = ""

    def begin(self, phase: str) -> None:
        """A phase begins: `delivery`, `asking`, `executing`, `marking`."""
        self.phase = phase

    def say(self, line: str) -> None:
        """One line that a person should see."""

    def step(self) -> None:
        """Something was done."""

    def end(self) -> None:
        """The run is over."""


@dataclass(slots=True, kw_only=True)
class LineProgress(Progress):
    """Writes to standard error: trials done, outcomes, spend, time left, who waits and why."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    _began: float = 0.0
    _shown: float = 0.0

    def begin(self, phase: str) -> None:
        """Start the clock of a phase."""
        self.phase = phase
        self._began = time.monotonic()
        self._shown = 0.0
        self.step()

    def say(self, line: str) -> None:
        """A line of its own."""
        self._clear()
        print(for_terminal(line), file=self.stream, flush=True)

    def step(self) -> None:
        """Show the line when the last one is old enough."""
        now = time.monotonic()
        live = self.stream.isatty()
        if now - self._shown < (LIVE_SECONDS if live else PLAIN_SECONDS):
            return
        self._shown = now
        line = self.line(now - self._began)
        if live:
            print(f"\r\x1b[2K{for_terminal(line)}", end="", file=self.stream, flush=True)
        else:
            print(for_terminal(line), file=self.stream, flush=True)

    def end(self) -> None:
        """Leave the last line standing."""
        self._clear()
        tally = self.tally
        if tally.done:
            print(for_terminal(self.line(0.0)), file=self.stream, flush=True)

    def line(self, seconds: float) -> str:
        """The state of the run in one line."""
        parts = [f"{self.phase}: {self._counts()}"]
        parts += [f"{count} {status}" for status, count in sorted(self.tally.outcomes.items())]
        if self.gateway is not None:
            meter = self.gateway.meter
            parts.append(f"{meter.calls} calls, {meter.tokens:,} tokens, {meter.usd:.4f} usd")
            for endpoint, limiter in self.gateway.limiters.items():
                if limiter.waiting_for:
                    parts.append(f"{endpoint} waits: {limiter.waiting_for}")
        left = self._seconds_left(seconds)
        if left is not None:
            parts.append(f"about {left:.0f} s left")
        return " | ".join(parts)

    def _counts(self) -> str:
        if self.phase == "marking":
            return f"{self.marks.done} of {self.marks.open} answers"
        if self.phase == "executing":
            return f"{self.evidence.done} of {self.evidence.open} answers"
        return f"{self.tally.done} of {self.tally.open} trials"

    def _seconds_left(self, seconds: float) -> float | None:
        done, total = {
            "marking": (self.marks.done, self.marks.open),
            "executing": (self.evidence.done, self.evidence.open),
        }.get(self.phase, (self.tally.done, self.tally.open))
        return seconds / done * (total - done) if done and seconds else None

    def _clear(self) -> None:
        if self.stream.isatty():
            print("\r\x1b[2K", end="", file=self.stream, flush=True)
