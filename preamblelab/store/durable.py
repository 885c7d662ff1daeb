"""Files and folders that are old or new, never half: a temporary name, fsync, rename."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from preamblelab.errors import StoreError
from preamblelab.store.faults import one_line

_FRESH: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0)
_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)


def write_file(path: Path, content: bytes) -> None:
    """Put a whole file in place of what is there; a crash leaves the old one or the new one.

    Args:
        path: where to; its folder exists.
        content: all of it.

    Raises:
        StoreError: it could not be written; what was there is there still.
    """
    half = path.with_name(f".{path.name}.new")
    with one_line(path, "write the file"):
        _write(half, content)
        if path.exists():
            half.chmod(path.stat().st_mode & 0o7777)
        half.replace(path)
        _sync_folder(path.parent)


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Make a whole folder at once; a crash leaves no folder of that name, or all of it.

    Args:
        path: where to; nothing is there yet.
        files: contents by name.

    Raises:
        StoreError: something is there already, or it could not be written.
    """
    half = path.with_name(f".{path.name}.new")
    with one_line(path, "write the folder"):
        if path.exists():
            raise StoreError(f"{path}: it is there already, and is never written over")
        half.mkdir(exist_ok=True)
        for left in half.iterdir():
            left.unlink()
        for name, content in files.items():
            _write(half / name, content)
        _sync_folder(half)
        half.rename(path)
        _sync_folder(path.parent)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, _FRESH, 0o666)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut; Windows keeps no folder open and needs none."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, _FOLDER)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
