"""Turns how a process ended into a record; the program's own words only ever name a status."""

import signal
from dataclasses import dataclass
from typing import Literal

from preamblelab.scoring.sandbox.records import Execution, Limits, Status

_OUT_OF_MEMORY = (
    b"MemoryError",
    b"out of memory",
    b"Array buffer allocation failed",
    b"Cannot allocate memory",
    b"ERR_MEMORY_ALLOCATION_FAILED",
    b"can't start new thread",
)
"""Last words of a runtime to which the kernel gave no more memory. A program can forge them, and
gains nothing: it has failed either way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a program ran."""

    backend: str
    version: str
    runtime: str
    isolated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What was seen from outside."""

    why: Literal["timeout", "memory", "output"] | None = None
    """The limit at which it was stopped."""
    code: int | None = None
    """Exit code, or minus the number of a signal; None when it was stopped from outside."""
    seconds: float | None = None
    cpu_seconds: float | None = None
    peak_bytes: int | None = None
    note: str = ""
    """Why it was stopped from outside, when no limit was reached."""


def refusal(reason: str, place: Place | None = None) -> Execution:
    """Return the record of a program that was not run, or whose sandbox failed."""
    place = place or Place(backend="none", version="", runtime="", isolated=True)
    return Execution(
        status="refused",
        reason=" ".join(reason.split()),
        backend=place.backend,
        backend_version=place.version,
        runtime=place.runtime,
        isolated=place.isolated,
    )


def concluded(
    ending: Ending, stdout: bytes, stderr: bytes, limits: Limits, place: Place
) -> Execution:
    """Return the record of a program that was run."""
    status, reason = _status(ending, stderr, limits)
    crashed = status == "crashed" and ending.code is not None
    return Execution(
        status=status,
        reason=reason or ending.note,
        exit_code=ending.code if ending.code is not None and ending.code >= 0 else None,
        signal=_signal_name(-(ending.code or 0)) if crashed else None,
        stdout=stdout[: limits.output_bytes],
        stderr=stderr[: limits.output_bytes],
        seconds=ending.seconds,
        cpu_seconds=ending.cpu_seconds,
        peak_bytes=ending.peak_bytes,
        backend=place.backend,
        backend_version=place.version,
        runtime=place.runtime,
        isolated=place.isolated,
    )


def _status(ending: Ending, stderr: bytes, limits: Limits) -> tuple[Status, str]:
    if ending.why == "timeout":
        return "timeout", f"stopped after {limits.seconds:g} s"
    if ending.why == "output":
        return "output", f"wrote more than {limits.output_bytes} bytes"
    most = f"{limits.memory_bytes // 2**20} MiB"
    if ending.why == "memory":
        return "memory", f"stopped at {most} of memory"
    if ending.code not in (0, None) and any(word in stderr[-20_000:] for word in _OUT_OF_MEMORY):
        return "memory", f"got no more than {most} of memory"
    if ending.code is not None and ending.code < 0:
        return "crashed", f"ended by {_signal_name(-ending.code)}"
    return "ok", ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
