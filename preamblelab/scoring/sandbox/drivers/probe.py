"""Runs in the sandbox once: tries what must not be possible, and says what was."""

# Plain calls, as an attacker makes them.
# ruff: noqa: PTH123, PTH208

import os
import socket
import sys
from collections.abc import Callable

canary, port, proof = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def attempt(action: Callable[[], object]) -> None:
    """Print what an action brings, if anything."""
    try:
        print(action())
    except OSError as error:
        print("failed:", type(error).__name__)


def read() -> str:
    """Read the canary."""
    with open(canary) as file:
        return file.read()


def write() -> int:
    """Write beside it."""
    with open(canary + ".more", "w") as file:
        return file.write("written")


def overwrite() -> int:
    """Write over it."""
    with open(canary, "w") as file:
        return file.write("written")


def connect() -> str:
    """Connect to the canary port."""
    with socket.create_connection(("127.0.0.1", port), timeout=2):
        return "connected"


def host() -> str:
    """Look for processes that are not of this sandbox."""
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if proof.encode() not in file.read() and int(name) not in (1, os.getpid()):
                    return "sees the host"
    return "alone"


for each in (read, write, overwrite, connect, host):
    attempt(each)
print("tried", proof)
