"""Chooses where programs run: the first backend that holds in a test on this very machine."""

import secrets
import socket
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from preamblelab.scoring.sandbox.bubblewrap import Bubblewrap
from preamblelab.scoring.sandbox.deno import Deno
from preamblelab.scoring.sandbox.records import Backend, Execution, Language, Limits, Program
from preamblelab.scoring.sandbox.runtimes import INSTALL, find_runtime
from preamblelab.scoring.sandbox.seatbelt import Seatbelt
from preamblelab.scoring.sandbox.unsafe import Unsafe

RUNTIME_NAMES = {"python": "python", "javascript": "node or deno"}
PROBES = {"python": "probe.py", "javascript": "probe.mjs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """What a probe could do inside a backend."""

    holds: bool
    findings: tuple[str, ...] = ()
    """What got out, or why the probe did not run; empty when the backend holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Where programs of one language run on this machine, and what was tried before it."""

    language: Language
    backend: Backend | None
    """None: programs are refused."""
    tried: tuple[str, ...] = ()
    """One line for each backend that was not taken."""

    @property
    def reason(self) -> str:
        """One line: why programs are refused, and what to install."""
        tried = "; ".join(self.tried)
        return f"no sandbox for {self.language}: {tried}. Or --allow-unsafe, at your own risk"


def choose(language: Language, *, allow_unsafe: bool = False) -> Choice:
    """Return where programs of `language` run; each backend is tested once in a process.

    Args:
        language: what the programs are written in.
        allow_unsafe: run without isolation where no backend holds; every record then says so.
    """
    found = _isolated(language)
    if found.backend is None and allow_unsafe:
        return Choice(language=language, backend=Unsafe(), tried=found.tried)
    return found


def runtime_label(language: Language) -> str:
    """Return what runs programs of `language` on this machine, with its version.

    `deno 2.1.4` only where deno is chosen: with a sandbox around it node is taken first.
    """
    runtime = find_runtime(language)
    if language == "javascript":
        backend = choose(language).backend
        if isinstance(backend, Deno):
            return f"{backend.name} {backend.version}"
    return runtime.label if runtime is not None else f"no {RUNTIME_NAMES[language]}"


@cache
def _isolated(language: Language) -> Choice:
    tried: list[str] = []
    kinds: list[type[Bubblewrap] | type[Seatbelt] | type[Deno]] = [Bubblewrap, Seatbelt]
    if find_runtime(language) is None:
        kinds = []
        tried.append(INSTALL[language])
    if language == "javascript":
        kinds.append(Deno)
    for kind in kinds:
        backend = kind.find()
        if isinstance(backend, str):
            if "only" not in backend:  # another system's own tool is no news
                tried.append(backend)
            continue
        result = self_test(backend, language)
        if result.holds:
            return Choice(language=language, backend=backend, tried=tuple(tried))
        tried.append(f"{backend.name} does not hold here ({'; '.join(result.findings)})")
    return Choice(language=language, backend=None, tried=tuple(tried))


def self_test(backend: Backend, language: Language) -> SelfTest:
    """Let a probe try to reach the host, and look from outside whether it did.

    The probe tries to read a canary file, to write beside it, to connect to a canary port, and to
    see this process. It must prove that it ran: silence is no sign of isolation.
    """
    secret, proof = secrets.token_hex(16), secrets.token_hex(16)
    text = resources.files(f"{__package__}.drivers").joinpath(PROBES[language])
    with tempfile.TemporaryDirectory(prefix="preamblelab-canary-") as folder:
        Path(folder).chmod(0o777)  # anybody may: only the sandbox stands in the way
        canary = Path(folder) / "canary"
        canary.write_text(secret, encoding="ascii")
        canary.chmod(0o666)
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.setblocking(False)
            program = Program(
                language=language,
                files={PROBES[language]: text.read_text(encoding="utf-8")},
                entry=PROBES[language],
                arguments=(str(canary), str(server.getsockname()[1]), proof),
            )
            worker = backend.open_worker({})
            try:
                execution = worker.run(program, Limits(seconds=20))
            finally:
                worker.close()
            findings = _outside(server, canary, secret)
    return _verdict(execution, findings, secret, proof)


def _outside(server: socket.socket, canary: Path, secret: str) -> list[str]:
    findings = []
    try:
        server.accept()[0].close()
    except BlockingIOError:
        pass
    else:
        findings.append("it reached a port of the host")
    if canary.read_text(errors="replace") != secret or len(list(canary.parent.iterdir())) != 1:
        findings.append("it wrote a file of the host")
    return findings


def _verdict(execution: Execution, findings: list[str], secret: str, proof: str) -> SelfTest:
    told = execution.stdout.decode(errors="replace")
    if secret in told:
        findings.append("it read a file of the host")
    if "sees the host" in told:
        findings.append("it saw a process of the host")
    if f"tried {proof}" not in told:
        words = execution.reason or execution.stderr.decode(errors="replace")[-300:]
        findings.append(f"the probe did not run: {' '.join(words.split())}{_hint(words)}")
    return SelfTest(holds=not findings, findings=tuple(findings))


def _hint(words: str) -> str:
    if "uid map" in words or "new namespace" in words:
        return (
            "; where the system forbids user namespaces, `sudo sysctl "
            "kernel.apparmor_restrict_unprivileged_userns=0` or run as root"
        )
    return ""
