"""Reading one text file below a folder: nothing but a regular file, no link, no more than 1 MB."""

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from preamblelab.errors import SpecError

MAX_BYTES: Final = 1_000_000
"""The largest file that is read; a preamble, a rubric or a suite is far smaller."""

_CAN_WALK: Final = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
# Without O_NONBLOCK, opening a FIFO waits for a writer that never comes.
_FILE: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A file named by its way down from a folder that must not be left."""

    root: Path
    """The project, or the folder of a file that lies in no project."""
    parts: tuple[str, ...]
    """Folder names and the file's name, below the root."""

    @property
    def path(self) -> Path:
        """The whole path."""
        return self.root.joinpath(*self.parts)

    @property
    def shown(self) -> str:
        """The path as messages write it: relative where the user stands above it."""
        here = Path.cwd()
        inside = self.path.is_relative_to(here)
        return str(self.path.relative_to(here)) if inside else str(self.path)

    def beside(self, relative: str) -> "Place":
        """The place of a file that this file names, seen from this file's folder.

        Raises:
            SpecError: The name is absolute, or leads up or elsewhere.
        """
        way = PurePosixPath(relative)
        odd = any(part in {"..", "~"} or part.startswith("~") for part in way.parts)
        if not way.parts or way.is_absolute() or odd or "\\" in relative or ":" in relative:
            raise SpecError(
                f"'{relative}' is not a path below this file's folder: "
                "write it with '/', without '..', '~', ':' or a leading '/'"
            )
        return Place(root=self.root, parts=(*self.parts[:-1], *way.parts))

    def read(self) -> str:
        """The text of the file: UTF-8, without a byte order mark, lines ending in a newline.

        Raises:
            SpecError: There is no such file, it is no regular file, a link leads to it, it is
                too large, or it is not UTF-8 text.
        """
        return decode(self._bytes(), self.shown)

    def _bytes(self) -> bytes:
        try:
            descriptor = self._open()
        except (OSError, ValueError) as error:
            raise SpecError(f"{self.shown}: {self._why(error)}") from None
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise SpecError(f"{self.shown}: not a regular file; name a text file")
            # The size is only a promise: what is read is counted too.
            content = b"" if found.st_size > MAX_BYTES else _read(descriptor, MAX_BYTES + 1)
        except OSError as error:
            raise SpecError(f"{self.shown}: cannot be read: {error.strerror}") from None
        finally:
            os.close(descriptor)
        if found.st_size > MAX_BYTES or len(content) > MAX_BYTES:
            raise SpecError(f"{self.shown}: larger than {MAX_BYTES:,} bytes; split it")
        return content

    def _open(self) -> int:
        """A descriptor of the file, taken step by step, so that no link is ever followed."""
        if not _CAN_WALK:
            if self.path.resolve() != self.root.resolve().joinpath(*self.parts):
                raise OSError(errno.ELOOP, "a link")
            return os.open(self.path, _FILE)
        folder = os.open(self.root, _FOLDER)
        try:
            for part in self.parts[:-1]:
                inner = os.open(part, _FOLDER | _NO_LINK, dir_fd=folder)
                os.close(folder)
                folder = inner
            return os.open(self.parts[-1], _FILE | _NO_LINK, dir_fd=folder)
        finally:
            os.close(folder)

    def _why(self, error: OSError | ValueError) -> str:
        if isinstance(error, ValueError):
            return "not a path that a file can have"
        below = (self.root.joinpath(*self.parts[: end + 1]) for end in range(len(self.parts)))
        link = next((step for step in below if os.path.islink(step)), None)  # noqa: PTH114 -- says no to a name too long
        if link is not None:
            return (
                f"'{link.name}' is a symbolic link, and links are not followed inside a project; "
                "put the file itself there"
            )
        if isinstance(error, FileNotFoundError):
            return "no such file"
        return f"cannot be read: {error.strerror or error}"


def _read(descriptor: int, most: int) -> bytes:
    """The bytes of an open file, at most this many."""
    chunks = []
    while most > 0 and (chunk := os.read(descriptor, most)):
        chunks.append(chunk)
        most -= len(chunk)
    return b"".join(chunks)


def decode(content: bytes, shown: str) -> str:
    """The text in these bytes: UTF-8, without a byte order mark, lines ending in a newline.

    Args:
        content: Bytes of a file.
        shown: The file's name, for the message.

    Raises:
        SpecError: The bytes are not UTF-8, or hold a NUL.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SpecError(f"{shown}:1: this is UTF-16; save the file as UTF-8")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SpecError(f"{shown}:{line}: not UTF-8 text; save the file as UTF-8") from None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise SpecError(f"{shown}:{line}: a NUL byte; this is not a text file")
    return text
