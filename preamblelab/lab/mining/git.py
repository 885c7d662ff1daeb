"""Reads another repository's objects without obeying it: none of its settings is ever read.

A repository is untrusted input. Its configuration can name programs (hooks, file monitors, pagers,
diff and text drivers, signature checkers), and git runs them. So git works in an empty repository
of our own that only borrows the other one's objects; nothing is checked out, fetched or written.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, NamedTuple

from preamblelab.errors import SpecError

LARGEST_BLOB: Final = 1_000_000
"""Bytes of one file; larger ones are not read."""
_SECONDS: Final = 120.0
_OBJECT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_REVISION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@{}^~:+-]*")
# For the one command that must look into the foreign repository itself: where its objects are.
_DISARMED: Final = (
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat",
    "-c", "safe.directory=*", "-c", "log.showSignature=false", "-c", "protocol.allow=never",
)  # fmt: skip


class Change(NamedTuple):
    """One file that a commit changed."""

    path: str
    before: str | None
    """Object of the file in the parent; None: it was added."""
    after: str | None
    """Object of the file in the commit; None: it was deleted."""
    regular: bool
    """Whether it is a plain file on both sides: no link, no submodule."""
    added: int | None
    """Lines; None for a binary file."""
    deleted: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit as its objects tell it; who made it is never read."""

    id: str
    parents: tuple[str, ...]
    tree: str
    day: date
    """UTC date of the commit."""
    message: str


class Entry(NamedTuple):
    """One plain file of a tree."""

    path: str
    object: str
    size: int


@dataclass(slots=True)
class History:
    """The objects of one repository; made by `opened`."""

    folder: Path
    """Our own empty repository, which borrows the objects."""
    name: str
    tip: str
    since: str | None = None
    _reader: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def commits(self) -> Iterator[Commit]:
        """Commits that the tip reaches and `since` does not, newest first."""
        span = [self.tip, *([f"^{self.since}"] if self.since else [])]
        form = "--format=%H%x00%P%x00%T%x00%ct%x00%B%x00%x01"
        text = self._git("log", "--no-show-signature", "--no-color", form, *span, "--")
        for record in text.split(b"\0\x01"):
            parts = record.lstrip(b"\n").split(b"\0", 4)
            if len(parts) < 5:
                continue
            identity, parents, tree, when, message = parts
            yield Commit(
                id=identity.decode(),
                parents=tuple(parents.decode().split()),
                tree=tree.decode(),
                day=datetime.fromtimestamp(int(when), UTC).date(),
                message=message.decode("utf-8", "replace"),
            )

    def changes(self, commit: Commit) -> list[Change]:
        """The files that a commit with one parent changed, renames as two changes."""
        pair = (commit.parents[0], commit.id)
        options = ("-r", "-z", "--no-renames", "--no-ext-diff", "--no-textconv")
        lines = _numbers(self._git("diff-tree", *options, "--numstat", *pair))
        raw = self._git("diff-tree", *options, "--raw", "--no-abbrev", *pair).split(b"\0")
        found = []
        for head, name in zip(raw[::2], raw[1::2], strict=False):
            old_mode, new_mode, before, after, _ = head.decode().lstrip(":").split(" ")
            path = _path(name)
            if path is None:
                continue
            added, deleted = lines.get(name, (None, None))
            modes = {old_mode, new_mode} - {"000000"}
            found.append(
                Change(
                    path=path,
                    before=None if set(before) == {"0"} else before,
                    after=None if set(after) == {"0"} else after,
                    regular=modes <= {"100644", "100755"},
                    added=added,
                    deleted=deleted,
                )
            )
        return found

    def patch(self, commit: Commit) -> str:
        """The commit's changes as a unified diff."""
        options = ("-p", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color")
        text = self._git("diff-tree", *options, commit.parents[0], commit.id)
        return text.decode("utf-8", "replace")

    def patch_id(self, commit: Commit) -> str:
        """Equal for commits that make the same change elsewhere in a history."""
        patch = self._git("diff-tree", "-p", "--no-renames", commit.parents[0], commit.id)
        return self._git("patch-id", "--stable", given=patch).decode().partition(" ")[0]

    def files(self, tree: str) -> list[Entry]:
        """The plain files of a tree, with their sizes in bytes."""
        entries = []
        for line in self._git("ls-tree", "-r", "-z", "--long", tree).split(b"\0"):
            head, _, name = line.partition(b"\t")
            path = _path(name) if name else None
            fields = head.decode().split()
            if path is not None and len(fields) == 4 and fields[0] in {"100644", "100755"}:
                entries.append(Entry(path, fields[2], int(fields[3])))
        return entries

    def blob(self, identity: str) -> bytes | None:
        """The bytes of a file; None where it is larger than `LARGEST_BLOB` or not there."""
        reader = self._open_reader()
        if reader.stdin is None or reader.stdout is None:
            return None
        reader.stdin.write(f"{identity}\n".encode())
        reader.stdin.flush()
        head = reader.stdout.readline().split()
        if len(head) != 3 or head[1] != b"blob":
            return None
        if int(head[2]) > LARGEST_BLOB:
            self.close()  # the next file gets a new reader, and nobody waits for this one
            return None
        content = reader.stdout.read(int(head[2]))
        reader.stdout.read(1)
        return content

    def close(self) -> None:
        """End the process that reads objects."""
        if self._reader is not None:
            self._reader.kill()
            self._reader.communicate()
            self._reader = None

    def _open_reader(self) -> "subprocess.Popen[bytes]":
        if self._reader is None:
            self._reader = subprocess.Popen(  # noqa: S603 - git itself, on our own repository
                [_program(), "--git-dir", str(self.folder), "cat-file", "--batch"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
        return self._reader

    def _git(self, *arguments: str, given: bytes = b"") -> bytes:
        return _run(("--git-dir", str(self.folder), *arguments), given)


@contextmanager
def opened(
    repository: Path, *, revision: str = "HEAD", since: str | None = None
) -> Iterator[History]:
    """The history of a repository, read as data.

    Args:
        repository: a working copy, or a bare repository.
        revision: where to begin: a branch, a tag, a commit.
        since: leave out what this revision reaches.

    Raises:
        SpecError: git is not installed, this is no repository, or a revision is not there.
    """
    if not repository.is_dir():
        raise SpecError(f"{repository}: no such folder; name a git repository")
    there = ("-C", str(repository), *_DISARMED)
    objects = _line((*there, "rev-parse", "--path-format=absolute", "--git-path", "objects"))
    if not objects:
        raise SpecError(f"{repository}: no git repository; name a folder that holds one")
    kind = _line((*there, "rev-parse", "--show-object-format")) or "sha1"
    tip = _commit_id(there, revision, repository)
    first = None if since is None else _commit_id(there, since, repository)
    with tempfile.TemporaryDirectory(prefix="preamblelab-history-") as own:
        folder = Path(own) / "borrowed.git"
        _run(("init", "-q", "--bare", "--template=", f"--object-format={kind}", str(folder)))
        borrowed = folder / "objects" / "info"
        borrowed.mkdir(parents=True, exist_ok=True)
        (borrowed / "alternates").write_text(_quoted(objects) + "\n", encoding="utf-8")
        _copy_shallow(there, folder)
        history = History(folder=folder, name=repository.resolve().name, tip=tip, since=first)
        try:
            yield history
        finally:
            history.close()


def _commit_id(there: Sequence[str], revision: str, repository: Path) -> str:
    found = ""
    if _REVISION.fullmatch(revision):
        found = _line((*there, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"))
    if not _OBJECT.fullmatch(found):
        raise SpecError(f"{repository}: no commit '{revision}'; name a branch, a tag or a commit")
    return found


def _copy_shallow(there: Sequence[str], folder: Path) -> None:
    """A clone without its whole history says where that ends."""
    shallow = Path(_line((*there, "rev-parse", "--path-format=absolute", "--git-path", "shallow")))
    if shallow.is_file() and not shallow.is_symlink():
        ends = shallow.read_text(encoding="ascii", errors="replace").split()
        kept = [end for end in ends if _OBJECT.fullmatch(end)]
        (folder / "shallow").write_text("".join(f"{end}\n" for end in kept), encoding="ascii")


def _quoted(path: str) -> str:
    """A path as `alternates` takes it, whatever characters it holds."""
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _numbers(text: bytes) -> dict[bytes, tuple[int | None, int | None]]:
    """Added and deleted lines by path; None for what is no text."""
    found: dict[bytes, tuple[int | None, int | None]] = {}
    for line in text.split(b"\0"):
        added, _, rest = line.partition(b"\t")
        deleted, _, name = rest.partition(b"\t")
        if name:
            binary = added == b"-"
            found[name] = (None, None) if binary else (int(added), int(deleted))
    return found


def _path(name: bytes) -> str | None:
    """A path that can be shown and written safely; None for any other."""
    try:
        path = name.decode("utf-8")
    except UnicodeDecodeError:
        return None
    odd = any(ord(letter) < 32 or ord(letter) == 127 for letter in path)
    parts = path.split("/")
    return None if odd or ".." in parts or path.startswith("/") or "\\" in path else path


def _environment() -> dict[str, str]:
    """Nothing of the user's own configuration, and no way to ask or to fetch."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_ATTR_NOSYSTEM": "1",
    }


def _line(arguments: Sequence[str]) -> str:
    try:
        return _run(tuple(arguments)).decode("utf-8", "surrogateescape").strip()
    except SpecError as error:
        if "not installed" in str(error):
            raise
        return ""


def _program() -> str:
    """Where git is.

    Raises:
        SpecError: nowhere.
    """
    found = shutil.which("git")
    if found is None:
        raise SpecError("git is not installed; a history cannot be read without it")
    return found


def _run(arguments: Sequence[str], given: bytes = b"") -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 - git itself, with arguments that are checked
            [_program(), *arguments],
            input=given,
            capture_output=True,
            env=_environment(),
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SpecError(
            f"git took longer than {_SECONDS:g} s; name a smaller span with --since"
        ) from None
    if done.returncode != 0:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[:300]
        raise SpecError(f"the history cannot be read: git says: {said or 'nothing'}")
    return done.stdout
