"""What twelve attacks do not try: memory nobody counts, doors of the kernel, what stays behind."""

import inspect
import os
import platform
import re
import struct
import sys

import pytest

from preamblelab.scoring.sandbox import Execution, Limits, Pool, Program, bubblewrap, warden
from preamblelab.scoring.sandbox.system_calls import system_call_filter
from tests.scoring.sandbox.requirements import need

SMALL = Limits(seconds=5, memory_bytes=128 * 2**20, processes=30)


def python(pool: Pool, text: str, limits: Limits = SMALL) -> Execution:
    need("python")
    return pool.run(Program(language="python", files={"a.py": text}, entry="a.py"), limits)


def test_no_more_processes_than_agreed_also_for_root(pool: Pool) -> None:
    """Root is not counted by the kernel, so nothing under test may run as root."""
    done = python(
        pool,
        """
import os, time
made = 0
for _ in range(200):
    try:
        if os.fork() == 0: time.sleep(30); os._exit(0)
        made += 1
    except OSError: break
print(made)
""",
    )
    assert 10 <= int(done.stdout) < SMALL.processes


def test_shared_memory_counts(pool: Pool) -> None:
    """RLIMIT_DATA does not see it; the watch over all processes does."""
    done = python(
        pool,
        """
import mmap, os, time
for _ in range(8):
    if os.fork() == 0:
        block = mmap.mmap(-1, 60 << 20)
        for page in range(0, 60 << 20, 4096): block[page] = 1
        time.sleep(30)
time.sleep(30)
""",
    )
    assert done.status == "memory"


@pytest.mark.parametrize(
    "call",
    [
        "libc.unshare(0x10000000)",
        "libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)",
        "libc.shmget(0, 1 << 20, 0o1600)",
        "libc.memfd_create(b'x', 0)",
        "libc.ptrace(16, 1, 0, 0)",
        "libc.syscall(250, 0, -3, 0)",
        "libc.syscall(425, 8, bytes(120))",
        "libc.prlimit(1, 7, bytes(16), 0)",
        "libc.mount(b'x', b'/tmp', b'tmpfs', 0, 0)",
        "libc.socket(40, 1, 0)",
    ],
)
def test_doors_of_the_kernel_are_shut(pool: Pool, call: str) -> None:
    if platform.machine() != "x86_64" and "syscall" in call:
        pytest.skip("the numbers are those of x86_64")
    done = python(
        pool,
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        f"print({call}, ctypes.get_errno())",
    )
    result, number = map(int, done.stdout.split())
    assert result == -1
    assert number in (1, 97)  # EPERM; EAFNOSUPPORT for a family of sockets


def test_the_program_has_no_rights(pool: Pool) -> None:
    done = python(pool, "print(open('/proc/self/status').read())")
    facts = dict(
        line.split(":\t", 1) for line in done.stdout.decode().splitlines() if ":\t" in line
    )
    for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(facts[name], 16) == 0
    assert facts["NoNewPrivs"].strip() == "1"
    assert facts["Seccomp"].strip() == "2"
    assert facts["Uid"].split()[0] != "0"


def test_nothing_is_left_for_the_next_program(pool: Pool) -> None:
    need("python")
    with Pool(workers=1, backend=pool.choice("python").backend) as one:
        write = "import os; open('/tmp/left', 'w'); open('/dev/shm/left', 'w'); open('left', 'w')"
        look = "import os; print(os.listdir('/tmp'), os.listdir('/dev/shm'), os.listdir('.'))"
        assert python(one, write).status == "ok"
        assert python(one, look).stdout == b"['work'] [] ['a.py']\n"


def test_the_place_is_read_only_but_for_an_empty_disk(pool: Pool) -> None:
    done = python(
        pool,
        """
import os, sys
found = []
for top, folders, files in os.walk("/"):
    if top.startswith(("/proc", "/usr", sys.base_prefix)): folders.clear(); continue
    if os.access(top, os.W_OK): found.append(top)
print(sorted(found))
""",
    )
    assert done.stdout.strip().decode() == str(["/dev/shm", "/tmp", "/tmp/work"])


def test_its_own_files_cannot_be_executed(pool: Pool) -> None:
    done = python(
        pool,
        "import os, shutil, sys\nshutil.copy('/proc/self/exe', '/tmp/own')\n"
        "os.chmod('/tmp/own', 0o755)\nos.execv('/tmp/own', ['own', '-c', 'print(1)'])",
        Limits(seconds=5),
    )
    assert b"PermissionError" in done.stderr


def test_no_descriptor_of_ours_is_open(pool: Pool) -> None:
    done = python(pool, "import os; print(sorted(map(int, os.listdir('/proc/self/fd'))))")
    assert done.stdout == b"[0, 1, 2, 3]\n"  # 3 is the folder just being listed


def test_environment_is_clean(pool: Pool) -> None:
    done = python(pool, "import os; print(sorted(os.environ))")
    names = ["HOME", "LANG", "NO_COLOR", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "TZ"]
    assert done.stdout.decode().strip() == str(names)


def test_filter_is_a_whole_program_whose_jumps_stay_inside() -> None:
    for machine in ("x86_64", "aarch64"):
        code = list(struct.iter_unpack("=HBBI", system_call_filter(machine)))
        for place, (operation, if_true, if_false, _) in enumerate(code):
            if operation & 7 == 5:
                assert place + 1 + max(if_true, if_false) < len(code)
        assert code[-1][0] == 0x06
    assert system_call_filter("a machine nobody knows") == b""


def test_the_user_is_told_apart_from_root(pool: Pool) -> None:
    done = python(pool, "import os; print(os.getuid(), os.getgid(), os.getgroups())")
    user, group, *rest = done.stdout.split(maxsplit=2)
    assert user == group != b"0"
    if os.geteuid() == 0:
        assert rest == [b"[]\n"]


def test_host_and_warden_mean_the_same() -> None:
    """The host does not import the warden, which can be imported on Linux only."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the warden is for Linux")
    assert bubblewrap.HEADER.format == warden.HEADER.format
    assert bubblewrap.HOME == warden.HOME
    assert not re.search(r"^(import|from) preamblelab", inspect.getsource(warden), re.MULTILINE)
