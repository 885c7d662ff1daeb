"""Linux: one bubblewrap per worker shuts the host out, a warden inside it starts each program."""

import contextlib
import json
import os
import platform
import select
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from preamblelab.scoring.sandbox.conversations import Conversation
from preamblelab.scoring.sandbox.endings import Ending, Place, concluded, refusal
from preamblelab.scoring.sandbox.records import LANGUAGES, Execution, Limits, Program, Talk
from preamblelab.scoring.sandbox.runtimes import (
    ENVIRONMENT,
    INSTALL,
    Runtime,
    find_runtime,
    free_user,
    version_of,
)
from preamblelab.scoring.sandbox.system_calls import system_call_filter

# The warden's own names for these; it is not imported, as it can be on Linux only.
HEADER = struct.Struct("=II")
HOME = "/tmp"  # noqa: S108 - inside the sandbox
GRACE_SECONDS = 5.0
"""How long after a program's own limit the host waits before it ends the whole worker."""
_RIGHTS = ("SYS_ADMIN", "SETUID", "SETGID", "SETPCAP", "SYS_PTRACE")
"""What the warden of root keeps: to make namespaces, to become somebody else, to give up rights,
and to read how much memory others share."""


class WardenError(Exception):
    """The warden is gone or does not speak; never leaves this package."""


class Bubblewrap:
    """Namespaces by bubblewrap; files, network, processes and rights of the host are not there."""

    name = "bubblewrap"
    isolated = True

    def __init__(self, executable: str) -> None:
        self._executable = executable
        self.version = version_of([executable, "--version"])
        self._opened = 0

    @classmethod
    def find(cls) -> "Bubblewrap | str":
        """Return the backend, or a line that says what is missing."""
        if not sys.platform.startswith("linux"):
            return "bubblewrap exists for Linux only"
        found = shutil.which("bwrap")
        return cls(found) if found else "bubblewrap is not installed: `apt-get install bubblewrap`"

    def open_worker(self, read_only: Mapping[str, Path]) -> "WardenWorker":
        """Return a worker; its warden starts with the first program."""
        self._opened += 1
        return WardenWorker(self._executable, self.version, read_only, free_user(self._opened))


def arguments(runtimes: list[Runtime], read_only: Mapping[str, Path], *, root: bool) -> list[str]:
    """Return bubblewrap's arguments up to the command: an empty world with the runtimes in it."""
    # As root no user namespace: the kernel would still see root and count no processes.
    rights = [f"CAP_{name}" for name in _RIGHTS] if root else ["ALL"]
    made = [] if root else ["--unshare-user", "--uid", "65534", "--gid", "65534"]
    made += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    made += ["--unshare-cgroup-try", "--hostname", "sandbox"]
    # Not --die-with-parent: the kernel takes the thread that started it for the parent. The warden
    # ends, and all with it, when the host's end of its socket is closed, however that came about.
    made += ["--new-session", "--clearenv", "--cap-drop", "ALL"]
    for right in rights:
        made += ["--cap-add", right]
    made += [*_folder(Path("/usr/share")), *_folder(Path("/etc"))]
    made += ["--ro-bind", "/usr/lib", "/usr/lib"]
    for name in ("lib32", "lib64", "libexec", "share/zoneinfo", "share/nodejs"):
        made += ["--ro-bind-try", f"/usr/{name}", f"/usr/{name}"]
    for top in (Path("/lib"), Path("/lib32"), Path("/lib64")):
        if top.is_symlink():
            made += ["--symlink", str(top.readlink()), str(top)]
        elif top.is_dir():
            made += ["--ro-bind", str(top), str(top)]
    made += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    for inside, outside in _shown(runtimes, read_only).items():
        made += [*_folder(inside.parent), "--ro-bind", str(outside), str(inside)]
    for target, _, outside in hidden(runtimes, read_only):
        made += [*_folder(target.parent), "--ro-bind", str(outside), str(target)]
    made += ["--proc", "/proc", "--dev", "/dev", *_folder(Path(HOME))]
    return [*made, "--chdir", "/", "--remount-ro", "/dev", "--remount-ro", "/"]


def hidden(runtimes: list[Runtime], read_only: Mapping[str, Path]) -> list[tuple[Path, Path, Path]]:
    """What lies below the place where every program gets a disk of its own, which hides it.

    Returns:
        Another place inside where it is shown too, its own place (which becomes a link to the
        other on the program's disk), and where it lies outside.
    """
    below = [
        (inside, outside)
        for inside, outside in _shown(runtimes, read_only).items()
        if inside.is_relative_to(HOME)
    ]
    return [
        (Path(f"/shown/{place}"), inside, outside) for place, (inside, outside) in enumerate(below)
    ]


def _shown(runtimes: list[Runtime], read_only: Mapping[str, Path]) -> dict[Path, Path]:
    shown = {runtime.prefix: runtime.prefix for runtime in runtimes}
    return shown | {Path(inside): outside for inside, outside in read_only.items()}


def _folder(path: Path) -> list[str]:
    """Make a folder and those above it readable: bubblewrap's own are closed to other users."""
    made: list[str] = []
    for each in [*reversed(path.parents), path]:
        if each != Path("/"):
            made += ["--perms", "0755", "--dir", str(each)]
    return made


class WardenWorker:
    """One bubblewrap with its warden; started when first needed, again when it was lost."""

    def __init__(
        self, executable: str, version: str, read_only: Mapping[str, Path], user: int | None
    ) -> None:
        self._executable = executable
        self._version = version
        self._read_only = dict(read_only)
        self._links: list[list[str]] = []
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._filter = system_call_filter(platform.machine()).hex()

    def run(self, program: Program, limits: Limits, talk: Talk | None = None) -> Execution:
        """Run one program; a warden that was lost in between is replaced once."""
        runtime = find_runtime(program.language)
        if runtime is None:
            return refusal(INSTALL[program.language])
        place = Place(
            backend="bubblewrap", version=self._version, runtime=runtime.label, isolated=True
        )
        try:
            try:
                control = self._ready()
                self._probe(control)
            except WardenError:
                self.close()
                control = self._ready()
            return self._run(control, program, limits, talk, runtime, place)
        except (WardenError, OSError) as error:
            self.close()
            return refusal(f"the sandbox failed: {error}", place)

    def close(self) -> None:
        """End the warden and all that lives under it."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stderr is not None:
                self._process.stderr.close()
            self._process = None

    def _ready(self) -> socket.socket:
        if self._control is None:
            self._start()
        assert self._control is not None
        return self._control

    def _probe(self, control: socket.socket) -> None:
        if select.select([control], [], [], 0)[0]:  # it has nothing to say unless it died
            raise WardenError("the warden ended")

    def _start(self) -> None:
        runtimes = [each for name in LANGUAGES if (each := find_runtime(name)) is not None]
        covered = hidden(runtimes, self._read_only)
        self._links = [[str(inside), str(target)] for target, inside, _ in covered]
        python = find_runtime("python")
        assert python is not None
        ours, theirs = socket.socketpair()
        text = Path(__file__).with_name("warden.py").read_text(encoding="utf-8")
        inside = [str(python.executable), "-I", "-S", "-c", text, str(theirs.fileno())]
        root = self._user is not None
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments
                [
                    self._executable,
                    *arguments(runtimes, self._read_only, root=root),
                    "--",
                    *inside,
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                env={"PATH": "/usr/bin:/bin"},
                cwd="/",
            )
        self._control = ours
        hello = _line(ours, time.monotonic() + 60)
        if "hello" not in hello:
            stderr = self._process.stderr
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            told = os.read(stderr.fileno(), 2000) if stderr is not None else b""
            raise WardenError(told.decode(errors="replace").strip() or "the warden did not start")

    def _run(
        self,
        control: socket.socket,
        program: Program,
        limits: Limits,
        talk: Talk | None,
        runtime: Runtime,
        place: Place,
    ) -> Execution:
        with contextlib.ExitStack() as open_files:
            stdin, stdout, stderr = (
                open_files.enter_context(os.fdopen(os.memfd_create(name), "w+b", buffering=0))
                for name in ("stdin", "stdout", "stderr")
            )
            stdin.write(program.stdin)
            stdin.seek(0)
            given = [stdin.fileno(), stdout.fileno(), stderr.fileno()]
            conversation = None
            if talk is not None:
                conversation = open_files.enter_context(Conversation(talk, limits.output_bytes))
                given += conversation.program_ends
            self._ask(control, self._request(program, limits, runtime), program, given)
            deadline = time.monotonic() + limits.seconds + GRACE_SECONDS
            if conversation is not None:
                conversation.hold(control.fileno(), deadline)
                if conversation.must_end():
                    control.sendall(HEADER.pack(0, 0))
            facts = _line(control, deadline)
            note = conversation.note if conversation is not None else ""
            ending = self._ending(facts, note)
            most = limits.output_bytes
            outputs = [os.pread(each.fileno(), most, 0) for each in (stdout, stderr)]
            return concluded(ending, outputs[0], outputs[1], limits, place)

    def _request(self, program: Program, limits: Limits, runtime: Runtime) -> dict[str, Any]:
        environment = {**ENVIRONMENT, "HOME": HOME, **program.environment}
        return {
            "argv": runtime.command(program.entry, program.arguments),
            "environment": environment,
            "limits": {
                **asdict(limits),
                "address_space_bytes": runtime.address_space_bytes(limits),
            },
            "user": self._user,
            "filter": self._filter,
            "links": self._links,
        }

    def _ask(
        self,
        control: socket.socket,
        request: dict[str, Any],
        program: Program,
        descriptors: list[int],
    ) -> None:
        contents = program.contents()
        request["files"] = [[name, len(content)] for name, content in contents]
        text = json.dumps(request).encode()
        body = b"".join(content for _, content in contents)
        socket.send_fds(control, [HEADER.pack(len(text), len(body))], descriptors)
        control.sendall(text + body)

    def _ending(self, facts: dict[str, Any], note: str) -> Ending:
        """Raises WardenError when nothing was started, or the warden itself had to be ended."""
        if "fault" in facts:
            raise WardenError(facts["fault"])
        if not facts:
            self.close()  # it does not answer: a program cannot do that, but it shall not hang us
            return Ending(why="timeout")
        if "seconds" not in facts and not note:
            # It was started, and what watched it was ended: by the program, or by the system.
            return Ending(code=-9)
        return Ending(
            why=facts.get("why"),
            code=facts.get("code"),
            seconds=facts.get("seconds"),
            cpu_seconds=facts.get("cpu_seconds"),
            peak_bytes=facts.get("peak_bytes"),
            note=note,
        )


def _line(control: socket.socket, deadline: float) -> dict[str, Any]:
    """Return the warden's next report; empty when it does not come in time.

    Raises:
        WardenError: the warden ended.
    """
    text = b""
    while not text.endswith(b"\n"):
        if not select.select([control], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return {}
        part = control.recv(65536)
        if not part:
            return {"fault": "the warden ended"}
        text += part
    found: dict[str, Any] = json.loads(text)
    return found
