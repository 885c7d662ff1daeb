"""Runs one process under limits in a folder of its own; the caller's command isolates it."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from preamblelab.scoring.sandbox.conversations import Conversation
from preamblelab.scoring.sandbox.endings import Ending, Place, concluded, refusal
from preamblelab.scoring.sandbox.records import Execution, Limits, Program, Talk
from preamblelab.scoring.sandbox.runtimes import ENVIRONMENT

LOOK_SECONDS = 0.02
"""How often the size of the output is looked at."""

Command = Callable[[Path, Program, Limits], list[str]]
"""From the folder with the program's files to what starts it."""


class DirectWorker:
    """Starts a process group for each program, in a temporary folder that is then removed."""

    def __init__(
        self,
        place: Place,
        command: Command,
        *,
        memory_bytes: Callable[[Limits], int],
        talk_on_standard_streams: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._place = place
        self._command = command
        self._memory_bytes = memory_bytes
        self._standard = talk_on_standard_streams
        self._environment = {**ENVIRONMENT, **(environment or {})}

    def close(self) -> None:
        """Nothing is kept running."""

    def run(self, program: Program, limits: Limits, talk: Talk | None = None) -> Execution:
        """Run one program to its end or a limit."""
        folder = Path(tempfile.mkdtemp(prefix="preamblelab-")).resolve()
        try:
            return self._run(folder, program, limits, talk)
        except OSError as error:
            return refusal(f"the sandbox failed: {error}", self._place)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _run(self, folder: Path, program: Program, limits: Limits, talk: Talk | None) -> Execution:
        work = folder / "work"
        work.mkdir()
        for name, content in program.contents():
            path = work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        with contextlib.ExitStack() as open_files:
            stdin, stdout, stderr = (
                open_files.enter_context(tempfile.TemporaryFile(buffering=0)) for _ in range(3)
            )
            stdin.write(program.stdin)
            stdin.seek(0)
            streams: dict[str, Any] = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
            environment = {**self._environment, "HOME": str(folder), **program.environment}
            conversation = None
            if talk is not None:
                conversation = open_files.enter_context(Conversation(talk, limits.output_bytes))
                ends = conversation.program_ends
                if self._standard:
                    streams |= {"stdin": ends[0], "stdout": ends[1]}
                else:
                    streams["pass_fds"] = ends
                    environment["SANDBOX_CHANNEL"] = ",".join(map(str, ends))
            started = time.monotonic()
            process = subprocess.Popen(  # noqa: S603 - running a program is what this is for
                limited(self._command(work, program, limits), limits, self._memory_bytes(limits)),
                cwd=work,
                env=environment,
                start_new_session=True,
                **streams,
            )
            try:
                deadline = started + limits.seconds
                note = ""
                if conversation is not None:
                    note = _hold(conversation, process, deadline)
                why = None if note else _wait(process, deadline, limits, [stdout, stderr])
                code = process.poll()
            finally:
                _end(process)
            # What it wrote between two looks counts as well.
            if why is None and _written(stdout, stderr) > limits.output_bytes:
                why = "output"
            ending = Ending(
                why=why,  # type: ignore[arg-type]
                code=code if why is None and not note else None,
                seconds=time.monotonic() - started,
                note=note,
            )
            outputs = [_start(each, limits.output_bytes) for each in (stdout, stderr)]
            return concluded(ending, outputs[0], outputs[1], limits, self._place)


def limited(command: list[str], limits: Limits, memory_bytes: int) -> list[str]:
    """Return `command` under the shell's limits; as it is where there is no POSIX shell."""
    if os.name != "posix":
        return command
    # One by one, as no system knows them all; -u in one shell is -p in another.
    figures = {
        "c": 0,
        "t": int(limits.seconds) + 2,
        "f": -(-limits.file_bytes // 512),
        "n": limits.open_files,
        "d": memory_bytes // 1024,
    }
    words = [f"ulimit -{name} {figure} 2>/dev/null" for name, figure in figures.items()]
    count = limits.processes
    words.append(f"{{ ulimit -u {count} || ulimit -p {count}; }} 2>/dev/null")
    return ["/bin/sh", "-c", "; ".join([*words, 'exec "$@"']), "sh", *command]


def _hold(conversation: Conversation, process: "subprocess.Popen[bytes]", deadline: float) -> str:
    """Talk; return why the program has to be ended, or nothing when it ended by itself."""
    ended, telling = os.pipe()

    def wait() -> None:
        with contextlib.suppress(OSError):
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        os.close(telling)

    watching = threading.Thread(target=wait, daemon=True)
    watching.start()
    try:
        conversation.hold(ended, deadline)
        if conversation.must_end():
            _end(process, wait=False)
    finally:
        if time.monotonic() >= deadline:
            _end(process, wait=False)
        watching.join(5)
        os.close(ended)
    return conversation.note


def _wait(
    process: "subprocess.Popen[bytes]", deadline: float, limits: Limits, outputs: list[IO[bytes]]
) -> str | None:
    while True:
        left = deadline - time.monotonic()
        try:
            process.wait(max(0.0, min(LOOK_SECONDS, left)))
        except subprocess.TimeoutExpired:
            if _written(*outputs) > limits.output_bytes:
                return "output"
            if left <= 0:
                return "timeout"
        else:
            return "timeout" if left <= 0 else None


def _written(*outputs: IO[bytes]) -> int:
    return max(os.fstat(each.fileno()).st_size for each in outputs)


def _start(output: IO[bytes], most: int) -> bytes:
    output.seek(0)
    return output.read(most)


def _end(process: "subprocess.Popen[bytes]", *, wait: bool = True) -> None:
    """End the process and its group, also when its first process is gone already."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    if wait:
        process.wait()
