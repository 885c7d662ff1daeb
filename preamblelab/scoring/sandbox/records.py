"""What the sandbox is given, what it gives back, and what a backend must be able to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal, Protocol

from preamblelab.errors import SpecError

Language = Literal["python", "javascript"]
LANGUAGES: tuple[Language, ...] = ("python", "javascript")

Status = Literal["ok", "timeout", "memory", "output", "crashed", "refused"]
"""How a program ended. Only `ok` and `exit_code` come near to what the program itself says, and
neither is proof of anything: a program may exit 0 whatever it did.

- ok: it ended by itself, with any exit code;
- timeout, memory, output: it was stopped at that limit;
- crashed: a signal ended it (`signal` names it);
- refused: nothing was run, or the sandbox itself failed (`reason` says which). Evidence is missing.
"""

MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one execution may use, all its processes and threads together unless said otherwise."""

    seconds: float = 10.0
    """Wall time."""
    memory_bytes: int = 512 * MEBIBYTE
    """Memory of its own; each single process is held to the same figure by the kernel."""
    processes: int = 64
    """Processes and threads at one time; node alone takes about a dozen."""
    file_bytes: int = 16 * MEBIBYTE
    """Size of any one file."""
    disk_bytes: int = 32 * MEBIBYTE
    """All files together (they lie in memory)."""
    output_bytes: int = MEBIBYTE
    """Standard output, and standard error, each."""
    open_files: int = 256
    """Open descriptors of one process."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise SpecError(f"limits: {name} is {getattr(self, name)}; it must be above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Source files, the one that is started, and what it is started with."""

    language: Language
    files: Mapping[str, str | bytes]
    """Text by relative path, such as `lib/rules.js`. Nothing else of the host can be read."""
    entry: str
    """The file that is started; it must be among `files`."""
    arguments: tuple[str, ...] = ()
    stdin: bytes = b""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to a clean environment. Never put a secret or an expected value here."""

    def __post_init__(self) -> None:
        if self.entry not in self.files:
            known = ", ".join(sorted(self.files)) or "none"
            raise SpecError(f"program: entry {self.entry!r} is no file of it; files: {known}")
        for name in self.files:
            parts = PurePosixPath(name).parts
            if not parts or name.startswith("/") or ".." in parts or "\0" in name:
                raise SpecError(f"program: {name!r} is no relative path inside the program")

    def contents(self) -> list[tuple[str, bytes]]:
        """Return the files as bytes, half characters kept as they are."""
        return [
            (name, text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
            for name, text in self.files.items()
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What came of one execution, and where it took place."""

    status: Status
    exit_code: int | None = None
    """What the program said on leaving; None when it did not leave by itself."""
    signal: str | None = None
    """`SIGSEGV` and the like, when status is `crashed`."""
    reason: str = ""
    """One line for a reader; empty when the program just ended."""
    stdout: bytes = b""
    """At most `Limits.output_bytes`."""
    stderr: bytes = b""
    """At most `Limits.output_bytes`."""
    seconds: float | None = None
    """Wall time from start to end; None when nothing was started."""
    cpu_seconds: float | None = None
    """CPU of the first process and what it waited for; None where it is not known."""
    peak_bytes: int | None = None
    """Greatest resident memory of the first process; None where it is not known."""
    backend: str
    """Such as `bubblewrap`; `none` when refused; `unsafe` without isolation."""
    backend_version: str
    runtime: str
    """Such as `python 3.11.7` or `node 20.20.2`; empty when refused."""
    isolated: bool
    """False when it ran with the rights of the user: a report must say so."""

    @property
    def place(self) -> str:
        """Where it ran, for a report: `bubblewrap 0.8.0, node 20.20.2`."""
        named = f"{self.backend} {self.backend_version}".strip()
        words = [named, self.runtime, "" if self.isolated else "NOT ISOLATED"]
        return ", ".join(word for word in words if word)


class Talk(Protocol):
    """The host's side of a conversation with a running program, one line at a time."""

    @property
    def patience(self) -> float:
        """Seconds to wait for the next line."""
        ...

    def opening(self) -> bytes | None:
        """Return the first line to send."""
        ...

    def heard(self, line: bytes) -> bytes | None:
        """Take one line of the program; return the next line to send, or None to end."""
        ...


class Worker(Protocol):
    """One place where one program at a time can run."""

    def run(self, program: Program, limits: Limits, talk: Talk | None = None) -> Execution:
        """Run `program` to its end or a limit; never raises for what the program does."""
        ...

    def close(self) -> None:
        """End whatever the worker keeps running."""
        ...


class Backend(Protocol):
    """One way to isolate a program."""

    @property
    def name(self) -> str:
        """Such as `bubblewrap`."""
        ...

    @property
    def version(self) -> str:
        """As the tool tells it."""
        ...

    @property
    def isolated(self) -> bool:
        """Whether it claims to isolate; the self-test has the last word."""
        ...

    def open_worker(self, read_only: Mapping[str, Path]) -> Worker:
        """Start a worker that shows the host folders `read_only`, by their path inside."""
        ...
