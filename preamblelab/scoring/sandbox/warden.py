"""Lives inside bubblewrap and starts each program in namespaces of its own; imports only stdlib.

Bubblewrap shuts the host out once; the warden then pays only for what must be new each time: a
process, IPC and mount namespace, an empty disk, limits, no rights, a filter of system calls.

    host --socket--> warden -> parent -> supervisor (process 1 of the new namespace) -> program

The text of this file is handed to `python -I -S -c`, so it must not import preamblelab.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from typing import IO, Any

HEADER = struct.Struct("=II")
"""Lengths of what follows: the request as JSON, and its files."""
SAMPLE_SECONDS = 0.02
"""How often memory and output are looked at while a program runs."""
HOME = "/tmp"  # noqa: S108 - an empty disk of its own, inside the sandbox
WORK = HOME + "/work"

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID = 0x20000, 0x8000000, 0x20000000
MOUNT_FLAGS = 2 | 4 | 8  # no setuid, no devices, no execution
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 22, 24
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
CAPABILITY_VERSION, LAST_CAPABILITY = 0x20080522, 63

Facts = dict[str, Any]
"""JSON between host and warden."""

library = ctypes.CDLL(None, use_errno=True)


class FilterProgram(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


def checked(result: int, what: str) -> None:
    """Raise what the C library tells when a call failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def die_with_parent() -> None:
    """Make the kernel end this process when its parent ends."""
    checked(library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "parent's death")


def mount(kind: str, place: str, options: str) -> None:
    """Mount a fresh file system of `kind` at `place`."""
    words = (kind.encode(), place.encode(), kind.encode(), MOUNT_FLAGS, options.encode())
    checked(library.mount(*words), "mount " + place)


def receive(control: socket.socket) -> tuple[Facts, bytes, list[int]] | None:
    """Return the next request with its files and descriptors; None when the host is gone."""
    first, descriptors, _, _ = socket.recv_fds(control, HEADER.size, 8)
    if not first:
        return None
    for each in descriptors:
        os.set_inheritable(each, False)
    first += exactly(control, HEADER.size - len(first))
    length, files = HEADER.unpack(first)
    request = json.loads(exactly(control, length)) if length else {}
    return request, exactly(control, files), descriptors


def exactly(control: socket.socket, length: int) -> bytes:
    """Read `length` bytes."""
    parts = []
    while length:
        part = control.recv(min(length, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def send(control: socket.socket, report: Facts) -> None:
    """Send one report as a line."""
    control.sendall(json.dumps(report).encode() + b"\n")


def tell(descriptor: int, **facts: object) -> None:
    """Write facts for the warden; short enough to arrive whole."""
    os.write(descriptor, json.dumps(facts).encode() + b"\n")


def launch(request: Facts, files: bytes, descriptors: list[int], report: int) -> int:
    """Fork the parent of a new process namespace; return its process id."""
    process = os.fork()
    if process:
        return process
    try:
        die_with_parent()
        checked(library.unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID), "unshare")
        inner = os.fork()
        if inner == 0:
            supervise(request, files, descriptors, report)
        os.waitpid(inner, 0)
    except OSError as error:
        tell(report, fault=str(error))
    finally:
        os._exit(0)


def supervise(request: Facts, files: bytes, descriptors: list[int], report: int) -> None:
    """As process 1: make the place, start the program, watch it; when this ends, all end."""
    try:
        die_with_parent()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        library.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        limits = request["limits"]
        owner = request["user"]
        identity = f"uid={owner},gid={owner}," if owner is not None else ""
        mount("proc", "/proc", "")
        mount("tmpfs", HOME, f"{identity}mode=700,nr_inodes=20000,size={limits['disk_bytes']}")
        mount("tmpfs", "/dev/shm", f"{identity}mode=700,nr_inodes=100,size=1048576")  # noqa: S108
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        ready, told = os.pipe()
        started = time.monotonic()
        process = os.fork()
        if process == 0:
            become(request, files, descriptors, told)
        os.close(told)
        with os.fdopen(ready, "rb") as words:
            fault = words.read()  # ends at the successful exec, which closes the other end
        if fault:
            tell(report, fault=fault.decode(errors="replace"))
            return
        tell(report, started=True)
        tell(report, **watch(process, started, limits, descriptors))
    except Exception as error:  # noqa: BLE001 - whatever it is, the host must hear of it
        tell(report, fault=f"{type(error).__name__}: {error}")
    finally:
        os._exit(0)


def become(request: Facts, files: bytes, descriptors: list[int], told: int) -> None:
    """Give up every right, write the files, take on the limits, and become the program."""
    try:
        os.setsid()
        owner = request["user"]
        for capability in range(LAST_CAPABILITY + 1):
            library.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails beyond the kernel's last
        if owner is not None:
            os.setgroups([])
            os.setresgid(owner, owner, owner)
            os.setresuid(owner, owner, owner)
        library.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
        checked(library.capset(header, (ctypes.c_uint32 * 6)()), "capset")
        checked(library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new rights")
        os.umask(0o022)
        link_hidden(request["links"])
        write_files(request["files"], files)
        for target, source in enumerate(descriptors):
            os.dup2(source, target)
        keep = len(descriptors)
        highest = max(keep, told) + 1
        os.dup2(told, highest, inheritable=False)
        os.closerange(keep, highest)
        os.closerange(highest + 1, 1024)
        told = highest
        take_limits(request["limits"])
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        filter_calls(bytes.fromhex(request["filter"]))
        os.execve(request["argv"][0], request["argv"], request["environment"])  # noqa: S606
    except Exception as error:  # noqa: BLE001 - whatever it is, the host must hear of it
        os.write(told, f"{type(error).__name__}: {error}".encode("utf-8", "replace")[:500])
    finally:
        os._exit(127)


def link_hidden(links: list[list[str]]) -> None:
    """Lead to what the new disk hides: a user may work below the folder that it lies on."""
    for place, target in links:
        os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120
        os.symlink(target, place)  # noqa: PTH211


def write_files(names: list[list[Any]], content: bytes) -> None:
    """Write the program's files below the working folder and go there."""
    os.mkdir(WORK)  # noqa: PTH102 - pathlib costs a tenth of the whole start
    os.chdir(WORK)
    place = 0
    for name, size in names:
        folder = os.path.dirname(name)  # noqa: PTH120
        if folder:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103
        with open(name, "xb") as file:  # noqa: PTH123
            file.write(content[place : place + size])
        place += size


def take_limits(limits: Facts) -> None:
    """Set the kernel's limits, soft and hard, for this process and its children."""
    # Above the file limit, for the system's own small things; 1 stops core dumps into a pipe too.
    figures = {
        resource.RLIMIT_CORE: 1,
        resource.RLIMIT_FSIZE: limits["file_bytes"],
        resource.RLIMIT_NOFILE: limits["open_files"],
        resource.RLIMIT_NPROC: limits["processes"],
        resource.RLIMIT_DATA: limits["memory_bytes"],
        resource.RLIMIT_MEMLOCK: 65536,
    }
    if limits["address_space_bytes"]:
        figures[resource.RLIMIT_AS] = limits["address_space_bytes"]
    for which, figure in figures.items():
        resource.setrlimit(which, (figure, figure))


def filter_calls(code: bytes) -> None:
    """Switch on the filter of system calls; nothing where there is none for this machine."""
    if not code:
        return
    buffer = ctypes.create_string_buffer(code, len(code))
    program = FilterProgram(len(code) // 8, ctypes.addressof(buffer))
    checked(library.prctl(PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0), "seccomp")


def watch(process: int, started: float, limits: Facts, descriptors: list[int]) -> Facts:
    """Wait for the program's end or its first limit; return how it ended."""
    deadline = started + limits["seconds"]
    sample = started + SAMPLE_SECONDS
    while True:
        pause = max(0.0, min(deadline, sample) - time.monotonic())
        signal.sigtimedwait({signal.SIGCHLD}, pause)
        ended = reap(process)
        now = time.monotonic()
        if ended is not None:
            return {**ended, "seconds": now - started, "why": excess(limits, descriptors[1:3])}
        if now >= deadline:
            return {"why": "timeout", "seconds": now - started}
        if now >= sample:
            sample = now + SAMPLE_SECONDS
            why = excess(limits, descriptors[1:3]) or overweight(limits["memory_bytes"])
            if why:
                return {"why": why, "seconds": now - started}


def reap(process: int) -> Facts | None:
    """Collect whoever has ended; return how the program ended, or None while it runs."""
    found = None
    while True:
        try:
            ended, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if ended == 0:
            return found
        if ended == process:
            found = {
                "code": os.waitstatus_to_exitcode(status),
                "cpu_seconds": usage.ru_utime + usage.ru_stime,
                "peak_bytes": usage.ru_maxrss * 1024,
            }


def excess(limits: Facts, outputs: list[int]) -> str | None:
    """Return "output" when the program has written more than it may."""
    over = any(os.fstat(each).st_size > limits["output_bytes"] for each in outputs)
    return "output" if over else None


def overweight(most: int) -> str | None:
    """Return "memory" when all processes together hold more than `most` bytes of their own."""
    held = {name: held_bytes(name) for name in os.listdir("/proc") if name.isdecimal()}  # noqa: PTH208
    held.pop("1", None)
    if sum(held.values()) <= most:
        return None
    # Pages that forks still share were counted in each; the fair share takes longer to read.
    total = sum(shared_out_bytes(name, coarse) for name, coarse in held.items())
    return "memory" if total > most else None


def held_bytes(process: str) -> int:
    """Return the memory of a process that no file stands for; 0 when it is gone."""
    return sum_of(f"/proc/{process}/status", (b"RssAnon:", b"RssShmem:")) or 0


def shared_out_bytes(process: str, coarse: int) -> int:
    """Return the same with shared pages divided among their holders; `coarse` if not readable."""
    found = sum_of(f"/proc/{process}/smaps_rollup", (b"Pss_Anon:", b"Pss_Shmem:"))
    return coarse if found is None else found


def sum_of(path: str, names: tuple[bytes, ...]) -> int | None:
    """Return the sum of some lines of a file in kB, as bytes."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return sum(int(line.split()[1]) * 1024 for line in file if line.startswith(names))
    except (OSError, ValueError):
        return None


def serve(control: socket.socket) -> None:
    """Answer requests one after the other until the host goes away."""
    while (request := receive(control)) is not None:
        if not request[0]:
            continue  # a word to end what had just ended
        reading, writing = os.pipe()
        process = launch(*request, writing)
        os.close(writing)
        for each in request[2]:
            os.close(each)
        with os.fdopen(reading, "rb", buffering=0) as words:
            facts = await_report(control, words, process)
        os.waitpid(process, 0)
        send(control, facts)


def await_report(control: socket.socket, words: IO[bytes], process: int) -> Facts:
    """Collect the supervisor's lines until it is gone; end it when the host says so, or leaves."""
    text = b""
    while True:
        ready, _, _ = select.select([control.fileno(), words.fileno()], [], [])
        if control.fileno() in ready:
            os.kill(process, signal.SIGKILL)  # an empty request, or the host is gone
            exactly(control, HEADER.size)
        part = words.read(65536)  # a dead supervisor ends this at once
        if not part:
            break
        text += part
    facts: Facts = {}
    for line in text.splitlines():
        facts.update(json.loads(line))
    return facts


def main() -> None:
    """Say hello, then serve."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    try:  # Of this user namespace only; as root there is none, and the filter has to do.
        with open("/proc/sys/user/max_user_namespaces", "w") as file:  # noqa: PTH123
            file.write("0")
        nested = False
    except OSError:
        nested = True
    send(control, {"hello": sys.version.split()[0], "nested_user_namespaces": nested})
    with contextlib.suppress(EOFError, ConnectionError):  # the host is gone
        serve(control)


if __name__ == "__main__":
    main()
