"""What Ctrl-C meets: work that is finished first, and the line that says what is stored."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from preamblelab.store import Store

GOES_ON = "the same command goes on"


def interrupted_line(store: Store, experiment: str) -> str:
    """How much of an experiment is stored, for whoever stopped its run."""
    for entry in store.experiments():
        if entry.name == experiment:
            return stored_line(entry.answered, entry.trials)
    return f"interrupted: nothing was asked yet; {GOES_ON}"


def stored_line(stored: int, planned: int) -> str:
    """The line for whoever stopped a run of so many trials."""
    return f"interrupted: {stored} of {planned} answers are stored; {GOES_ON}"


_TOLD: list[str] = []


@contextmanager
def telling(line: str) -> Iterator[None]:
    """While modules are imported: the line for whoever ends the program there; see `line_now`."""
    _TOLD.append(line)
    try:
        yield
    finally:
        _TOLD.pop()


def line_now() -> str | None:
    """What is stored, where somebody has counted it and nothing was answered since."""
    return _TOLD[-1] if _TOLD else None


@contextmanager
def finished_first(
    say: Callable[[str], None], what: str, *, heeded: bool = False
) -> Iterator[None]:
    """Let a short piece of work come to its end before Ctrl-C is heeded; a second one stops it.

    What is nearly done (a decision of which all answers are there) is worth more when it is
    finished than when it must be made again, and its exit code must be its own.

    Args:
        say: tells a line to whoever pressed Ctrl-C.
        what: is being done, as the line says it.
        heeded: change nothing: Ctrl-C is somebody else's.
    """
    before = signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()
    # No function: Ctrl-C is ignored already, as in a shell's background.
    if heeded or not in_main or not callable(before):
        yield
        return

    def first(_: int, __: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        say(f"{what} first; Ctrl-C again gives it up")

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
