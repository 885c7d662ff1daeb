"""What a person sees while a run works: one live line on a terminal, plain lines elsewhere."""

import sys
import time
from dataclasses import dataclass, field
from typing import Any, TextIO

from preamblelab.execution.gateway import Gateway
from preamblelab.execution.runner import Tally
from preamblelab.report.escaping import for_terminal
from preamblelab.report.markup import element
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
        return state_line(self, seconds)

    def _clear(self) -> None:
        if self.stream.isatty():
            print("\r\x1b[2K", end="", file=self.stream, flush=True)


@dataclass(slots=True, kw_only=True)
class NotebookProgress(Progress):
    """Shows one output of a notebook's cell and keeps it up to date: a bar, and the line."""

    _handle: Any = None
    _said: list[str] = field(default_factory=list)
    _began: float = 0.0
    _shown: float = 0.0

    def begin(self, phase: str) -> None:
        """Start the clock of a phase."""
        self.phase = phase
        self._began = time.monotonic()
        self._show()

    def say(self, line: str) -> None:
        """A line that stays above the bar."""
        self._said.append(line)
        self._show()

    def step(self) -> None:
        """Show how far it is when the last time is long enough ago."""
        if time.monotonic() - self._shown >= LIVE_SECONDS:
            self._show()

    def end(self) -> None:
        """Leave the last state standing."""
        self._show(over=True)

    def _show(self, *, over: bool = False) -> None:
        from IPython.display import HTML, display

        self._shown = time.monotonic()
        shown = HTML(self.html(0.0 if over else self._shown - self._began))
        if self._handle is None:
            self._handle = display(shown, display_id=True)
        else:
            self._handle.update(shown)

    def html(self, seconds: float) -> str:
        """The state of the run, harmless whatever a server's message holds."""
        done, total = _done(self)
        bar = element("progress", value=done, max=max(total, 1), aria_label=self.phase or "run")
        said = (element("div", line) for line in self._said)
        return str(element("div", said, bar, " ", state_line(self, seconds)))


def usual_progress() -> Progress:
    """What a script is shown that asks for nothing: a live output in a notebook, else silence."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    # Only a shell with a kernel has outputs that can be updated; IPython in a terminal has none.
    return NotebookProgress() if getattr(shell, "kernel", None) is not None else Progress()


def state_line(progress: Progress, seconds: float) -> str:
    """The state of a run in one line, after so many seconds of its phase."""
    done, total = _done(progress)
    noun = "answers" if progress.phase in {"marking", "executing"} else "trials"
    # Answers that are run or marked while others are still asked for are counted before their sum.
    counts = f"{done} of {total} {noun}" if total >= max(done, 1) else f"{done} {noun}"
    parts = [f"{progress.phase}: {counts}"]
    parts += [f"{count} {status}" for status, count in sorted(progress.tally.outcomes.items())]
    if progress.gateway is not None:
        meter = progress.gateway.meter
        parts.append(f"{meter.calls} calls, {meter.tokens:,} tokens, {meter.usd:.4f} usd")
        for endpoint, limiter in progress.gateway.limiters.items():
            if limiter.waiting_for:
                parts.append(f"{endpoint} waits: {limiter.waiting_for}")
    if 0 < done < total and seconds:
        parts.append(f"about {seconds / done * (total - done):.0f} s left")
    return " | ".join(parts)


def _done(progress: Progress) -> tuple[int, int]:
    """What is done of the phase, and how much there is of it."""
    if progress.phase == "marking":
        return progress.marks.done, progress.marks.open
    if progress.phase == "executing":
        return progress.evidence.done, progress.evidence.open
    return progress.tally.done, progress.tally.open
