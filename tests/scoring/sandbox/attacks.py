"""Twelve attacks in two languages, and what on the host would show that one of them got out.

Run as a script it makes all of them and prints what got out, as JSON: so another user can run it.
It imports only the sandbox and the standard library.
"""

# ruff: noqa: E501 - an attack is easier to read in one line

import json
import os
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from preamblelab.scoring.sandbox import Execution, Language, Limits, Pool, Program

LIMITS = Limits(
    seconds=8.0,
    memory_bytes=256 * 2**20,
    processes=40,
    file_bytes=4 * 2**20,
    disk_bytes=8 * 2**20,
    output_bytes=2**18,
)
SHORT = replace(LIMITS, seconds=0.7)
"""For attacks that only end at the limit of time."""
KEY = "OPENAI_API_KEY"

PYTHON = {
    "network": """
import socket, sys
for host, port in (("127.0.0.1", int(sys.argv[2])), ("1.1.1.1", 53), ("::1", int(sys.argv[2]))):
    try:
        socket.create_connection((host, port), timeout=0.3); print("REACHED", host)
    except OSError as error: print(error)
try: print("REACHED", socket.getaddrinfo("example.org", 80))
except OSError as error: print(error)
""",
    "ssh key": """
import glob, os, sys
for path in (sys.argv[1] + "/.ssh/id_test", os.path.expanduser("~/.ssh/id_test"), "/proc/1/root" + sys.argv[1] + "/.ssh/id_test"):
    try: print(open(path).read())
    except OSError as error: print(error)
print(glob.glob("/root/*"), glob.glob("/home/*/*"), glob.glob("/etc/*"))
""",
    "environment": """
import os, subprocess
print(dict(os.environ), open("/proc/self/environ").read())
""",
    "another's environment": """
import glob
newest = sorted(glob.glob("/proc/[0-9]*/environ"), key=lambda path: -int(path.split("/")[2]))
for path in [*newest, "/proc/1/cmdline", "/proc/1/maps"]:  # what is told may be cut: the new ones first
    try: print(path, open(path).read())
    except OSError as error: print(error)
""",
    "write outside": """
import sys
for path in (sys.argv[1] + "/written", "/etc/written", "/usr/lib/written", "/written", "/dev/written", "/proc/sys/kernel/hostname"):
    try: open(path, "w").write("x"); print("WROTE", path)
    except OSError as error: print(error)
""",
    "signal": """
import os, signal, sys
for process in (os.getppid(), int(sys.argv[3]), 1):
    for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
        try: os.kill(process, number); print("sent", process, number)
        except OSError as error: print(error)
os.kill(-1, signal.SIGKILL)
print("alone")
""",
    "fork bomb": """
import os, time
while True:
    try: os.fork()
    except OSError: time.sleep(0.01)
""",
    "memory": """
import mmap
kept = []
while True:
    kept.append(bytearray(b"x" * (8 << 20)))
""",
    "endless loop": "while True: pass",
    "endless output": "while True: print('all passed' * 1000)",
    "disk": """
import os
total = 0
for place in ("/tmp/work", "/tmp", "/dev/shm", "/var/tmp", "/dev", "/"):
    for number in range(100):
        try:
            with open(f"{place}/{number}.bin", "wb") as file:
                total += file.write(b"x" * (2 << 20))
        except OSError: break
    try: file = open(place + "/large", "wb"); [file.write(b"x" * 65536) for _ in range(10000)]
    except OSError as error: print(place, error)
print("TOTAL", total)
""",
    "daemon": """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)", sys.argv[4]])
    os._exit(0)
time.sleep(0.2)
print("left")
""",
}

JAVASCRIPT = {
    "network": """
const net = require("net");
const reach = (host, port) => new Promise((done) => {
  const socket = net.connect({ host, port, timeout: 300 });
  socket.on("connect", () => { console.log("REACHED", host); socket.destroy(); done(); });
  socket.on("error", (error) => { console.log(error.code); done(); });
  socket.on("timeout", () => { socket.destroy(); done(); });
});
(async () => {
  await reach("127.0.0.1", Number(process.argv[3])); await reach("1.1.1.1", 53); await reach("::1", Number(process.argv[3]));
})();
""",
    "ssh key": """
const fs = require("fs"), os = require("os");
for (const path of [process.argv[2] + "/.ssh/id_test", os.homedir() + "/.ssh/id_test", "/proc/1/root" + process.argv[2] + "/.ssh/id_test"])
  try { console.log(fs.readFileSync(path, "utf8")); } catch (error) { console.log(error.code); }
""",
    "environment": """
console.log(process.env, require("fs").readFileSync("/proc/self/environ", "utf8"));
""",
    "another's environment": """
const fs = require("fs");
const newest = fs.readdirSync("/proc").filter(name => /^[0-9]+$/.test(name)).sort((a, b) => b - a);
for (const name of newest) // what is told may be cut: the new ones first
  for (const file of ["environ", "cmdline"])
    try { console.log(name, fs.readFileSync(`/proc/${name}/${file}`, "utf8")); } catch (error) { console.log(error.code); }
""",
    "write outside": """
const fs = require("fs");
for (const path of [process.argv[2] + "/written", "/etc/written", "/usr/lib/written", "/written", "/dev/written"])
  try { fs.writeFileSync(path, "x"); console.log("WROTE", path); } catch (error) { console.log(error.code); }
""",
    "signal": """
for (const target of [process.ppid, Number(process.argv[4]), 1])
  for (const name of ["SIGTERM", "SIGSTOP", "SIGKILL"])
    try { process.kill(target, name); console.log("sent", target, name); } catch (error) { console.log(error.code); }
try { process.kill(-1, "SIGKILL"); } catch (error) { console.log(error.code); }
console.log("alone");
""",
    "fork bomb": """
const { spawn } = require("child_process");
const grow = () => { try { spawn(process.execPath, [__filename], { detached: true, stdio: "ignore" }).on("error", () => {}); } catch {} };
setInterval(grow, 5);
""",
    "memory": """
const kept = [];
for (;;) kept.push(Buffer.alloc(8 << 20, 1));
""",
    "endless loop": "for (;;) ;",
    "endless output": "for (;;) console.log('all passed'.repeat(1000));",
    "disk": """
const fs = require("fs");
let total = 0;
const block = Buffer.alloc(2 << 20, 1);
for (const place of ["/tmp/work", "/tmp", "/dev/shm", "/var/tmp", "/dev", "/"])
  for (let number = 0; number < 100; number++)
    try { fs.writeFileSync(`${place}/${number}.bin`, block); total += block.length; } catch (error) { console.log(place, error.code); break; }
console.log("TOTAL", total);
""",
    "daemon": """
require("child_process").spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)", process.argv[5]], { detached: true, stdio: "ignore" }).unref();
setTimeout(() => console.log("left"), 200);
""",
}

ATTACKS: dict[Language, dict[str, str]] = {"python": PYTHON, "javascript": JAVASCRIPT}
ENTRY: dict[Language, str] = {"python": "attack.py", "javascript": "attack.cjs"}


@dataclass(frozen=True)
class Scene:
    """What an attack could reach on the host."""

    home: Path
    secret: str
    server: socket.socket

    def arguments(self) -> tuple[str, ...]:
        port = self.server.getsockname()[1]
        return (str(self.home), str(port), str(os.getpid()), self.secret)


@contextmanager
def scene() -> Iterator[Scene]:
    """Lay out a key on disk and in our environment, and open a port; all must stay untouched."""
    secret = "canary-" + secrets.token_hex(12)
    kept = os.environ.get(KEY)
    with (
        tempfile.TemporaryDirectory(prefix="scene-") as folder,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        home = Path(folder)
        home.chmod(0o777)
        (home / ".ssh").mkdir()
        (home / ".ssh" / "id_test").write_text(secret)
        server.setblocking(False)
        os.environ[KEY] = secret
        # What /proc shows of a process is the environment that it was started with.
        other = subprocess.Popen(["/bin/sleep", "60"])
        try:
            yield Scene(home, secret, server)
        finally:
            other.kill()
            other.wait()
            if kept is None:
                del os.environ[KEY]
            else:
                os.environ[KEY] = kept


def assault(pool: Pool, language: Language, name: str) -> tuple[Execution, list[str]]:
    """Make one attack; return its record, and what got out (nothing, we hope)."""
    with scene() as around:
        arguments = around.arguments()
        if name not in ("daemon", "fork bomb"):
            arguments = (*arguments[:3], "")  # the secret marks processes; elsewhere it is hidden
        program = Program(
            language=language,
            files={ENTRY[language]: ATTACKS[language][name]},
            entry=ENTRY[language],
            arguments=arguments,
        )
        began = time.monotonic()
        limits = SHORT if name in ("endless loop", "fork bomb") else LIMITS
        execution = pool.run(program, limits)
        late = time.monotonic() - began - limits.seconds
        return execution, complaints(name, execution, around, late)


def complaints(name: str, execution: Execution, around: Scene, late: float) -> list[str]:
    """Return what shows on the host that the attack got out or was not bounded."""
    found = []
    told = execution.stdout + execution.stderr
    if execution.status == "refused":
        found.append(f"refused: {execution.reason}")
    if not execution.isolated:
        found.append("not isolated")
    if around.secret.encode() in told:
        found.append("it knows the secret")
    if b"REACHED" in told or connected(around.server):
        found.append("it reached the network")
    if b"WROTE" in told or sorted(each.name for each in around.home.iterdir()) != [".ssh"]:
        found.append("it wrote outside")
    if late > 4:
        found.append(f"it ran {late:.1f} s beyond its time")
    if max(len(execution.stdout), len(execution.stderr)) > LIMITS.output_bytes:
        found.append("more output than agreed")
    if name in ("daemon", "fork bomb") and (left := processes_with(around.secret)):
        found.append(f"left behind: {left}")
    expected = EXPECTED.get(name)
    if expected and not expected(execution):
        found.append(f"{execution.status}, {execution.reason or 'no reason'}, {told[-300:]!r}")
    return found


def connected(server: socket.socket) -> bool:
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def processes_with(marker: str) -> list[str]:
    """Return processes of the host whose command line holds `marker`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def disk_used(execution: Execution) -> bool:
    """Whether what it could write is no more than its disk and the small shared memory."""
    totals = [line for line in execution.stdout.split(b"\n") if line.startswith(b"TOTAL")]
    return bool(totals) and 0 < int(totals[0].split()[1]) <= LIMITS.disk_bytes + 2**20


EXPECTED: dict[str, Callable[[Execution], bool]] = {
    "memory": lambda execution: execution.status == "memory",
    "endless loop": lambda execution: execution.status == "timeout",
    "endless output": lambda execution: execution.status == "output",
    "fork bomb": lambda execution: execution.status in ("timeout", "memory"),
    "daemon": lambda execution: execution.status == "ok" and b"left" in execution.stdout,
    "disk": disk_used,
    "environment": lambda execution: b"HOME" in execution.stdout,
}


def main() -> None:
    """Make all attacks and print what got out of each."""
    with Pool(workers=1) as pool:
        found = {}
        for language, attacks in ATTACKS.items():
            for name in attacks:
                execution, out = assault(pool, language, name)
                found[f"{language}: {name}"] = {"status": execution.status, "out": out}
        print(json.dumps({"user": os.geteuid(), "found": found}))


if __name__ == "__main__":
    main()
