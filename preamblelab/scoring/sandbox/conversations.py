"""Carries lines between the host and a running program, never waiting longer than agreed."""

import os
import select
import time
from types import TracebackType

from preamblelab.scoring.sandbox.records import Talk

PARTING_SECONDS = 0.5
"""How long a program may take to leave once it was told that no more comes."""


class Conversation:
    """Two pipes and the talk over them.

    `program_ends` (reading, writing) go to the program; `hold` closes the host's copies of them.
    """

    def __init__(self, talk: Talk, most_bytes: int) -> None:
        self._talk = talk
        self._most = most_bytes
        reading, self._writing = os.pipe()
        self._reading, writing = os.pipe()
        self.program_ends = [reading, writing]
        os.set_blocking(self._writing, False)
        os.set_blocking(self._reading, False)
        self._out = b""
        self._in = b""
        self._done = False
        self._parting: float | None = None
        self.note = ""
        """Why the program has to be ended by us; empty when it ended by itself."""

    def __enter__(self) -> "Conversation":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close_program_ends()
        self._stop_sending()
        if self._reading >= 0:
            os.close(self._reading)
            self._reading = -1

    def must_end(self) -> bool:
        """Return whether the program still runs though nothing more is wanted of it."""
        return bool(self.note)

    def hold(self, ended: int, deadline: float) -> None:
        """Talk until the talk is over, the program ends, or patience does.

        Args:
            ended: descriptor that becomes readable when the program has ended.
            deadline: on the monotonic clock, for the whole conversation.
        """
        self._close_program_ends()
        self._say(self._talk.opening())
        until = time.monotonic() + self._talk.patience
        while not self.note:
            limit = min(until if self._parting is None else self._parting, deadline)
            pause = limit - time.monotonic()
            if pause <= 0:
                self._give_up(deadline)
                return
            writing = [self._writing] if self._out else []
            reading = [ended] if self._reading < 0 else [ended, self._reading]
            readable, writable, _ = select.select(reading, writing, [], pause)
            if writable:
                self._send()
            if self._reading in readable and self._hear():
                until = time.monotonic() + self._talk.patience
            elif ended in readable:
                return

    def _give_up(self, deadline: float) -> None:
        if self._parting is not None:
            self.note = "ended when all its answers were in"
        elif time.monotonic() < deadline:
            self.note = f"no answer within {self._talk.patience:g} s"

    def _say(self, line: bytes | None) -> None:
        if line is None:
            self._done = True
            self._parting = time.monotonic() + PARTING_SECONDS
            self._stop_sending()
        else:
            self._out += line + b"\n"
            self._send()

    def _send(self) -> None:
        try:
            self._out = self._out[os.write(self._writing, self._out) :]
        except BlockingIOError:
            pass
        except OSError:  # it does not listen any more; what it says may still come
            self._out = b""

    def _hear(self) -> bool:
        """Take what has come; return whether a whole line was among it."""
        try:
            part = os.read(self._reading, 1 << 16)
        except BlockingIOError:
            return False
        if not part:
            os.close(self._reading)
            self._reading = -1
            return False
        if self._done:
            return False
        self._in += part
        lines = self._in.split(b"\n")
        self._in = lines.pop()
        if len(self._in) > self._most or any(len(line) > self._most for line in lines):
            self.note = f"an answer was longer than {self._most} bytes"
            return False
        for line in lines:
            if not self._done:
                self._answer(line)
        return bool(lines)

    def _answer(self, line: bytes) -> None:
        waiting = self._talk.heard(line)
        if waiting is None or waiting:
            self._say(waiting)

    def _stop_sending(self) -> None:
        self._out = b""
        if self._writing >= 0:
            os.close(self._writing)
            self._writing = -1

    def _close_program_ends(self) -> None:
        for each in self.program_ends:
            os.close(each)
        self.program_ends = []
