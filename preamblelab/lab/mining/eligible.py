"""Which commits can become cases: small, made by hand, explained, and not seen before."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal, NamedTuple

from preamblelab.lab.mining.git import Change, Commit, History

FEWEST_LINES: Final = 5
SHORTEST_MESSAGE: Final = 20

Severity = Literal["low", "normal", "high", "critical"]

LOCKFILES: Final = frozenset(
    {
        "cargo.lock", "composer.lock", "gemfile.lock", "go.sum", "npm-shrinkwrap.json",
        "package-lock.json", "pdm.lock", "pipfile.lock", "pnpm-lock.yaml", "poetry.lock",
        "requirements.lock", "uv.lock", "yarn.lock", "bun.lockb", "flake.lock", "mix.lock",
    }
)  # fmt: skip
_VENDORED: Final = frozenset(
    {"vendor", "vendored", "_vendor", "third_party", "third-party", "node_modules", "externals"}
)
_GENERATED_FOLDERS: Final = frozenset({"dist", "build", "__generated__", "generated", "_build"})
_GENERATED_NAMES: Final = re.compile(
    r"(_pb2(_grpc)?\.pyi?|\.pb\.go|\.min\.(js|css)|\.map|\.snap|\.g\.dart|\.designer\.cs)$",
    re.IGNORECASE,
)
_GENERATED_WORDS: Final = re.compile(
    r"@generated|do not edit|automatically generated", re.IGNORECASE
)
_TEST: Final = re.compile(r"(^|/)(test_[^/]*|[^/]*_test)\.py$|\.(test|spec)\.[cm]?[jt]sx?$")
_REVERT: Final = re.compile(r"(?im)^revert\b|\bthis reverts commit\b")
_TRAILER: Final = re.compile(
    r"(?im)^(signed-off-by|co-authored-by|reviewed-by|acked-by|tested-by|reported-by|suggested-by|"
    r"change-id|cc|author|committer|helped-by|approved-by):.*$",
)
_ADDRESS: Final = re.compile(r"<?[\w.+-]+@[\w-]+\.[\w.-]+>?")
_HANDLE: Final = re.compile(r"(?<![\w.])@[A-Za-z][\w-]*")
_CREDIT: Final = re.compile(
    r"(?i)[ \t]*\((?:many\s+)?(?:thanks|thank you|thx|reported by|found by|patch by|suggested by|"
    r"contributed by)\b[^()]*\)"
)
_STATED: Final = re.compile(
    r"^severity:\s*(low|medium|normal|high|critical)\s*$", re.IGNORECASE | re.MULTILINE
)
_KIND: Final = re.compile(r"(?i)^(?P<kind>[a-z]+)(\([^)\n]*\))?(?P<loud>!)?:")
_SMALL_KINDS: Final = frozenset(
    {"docs", "style", "chore", "test", "tests", "refactor", "build", "ci"}
)
_FIX: Final = re.compile(
    r"\b(fix(es|ed)?|bug|regression|crash(es|ed)?|incorrect|wrong)\b", re.IGNORECASE
)


class Sizes(NamedTuple):
    """How much one commit may change to become a case."""

    files: int = 5
    lines: int = 200


ONE_CHANGE: Final = Sizes()
"""What a commit of one thought commonly changes."""


class Considered(NamedTuple):
    """A commit, and why it can be no case; an empty reason where it can."""

    commit: Commit
    reason: str
    changes: tuple[Change, ...] = ()


@dataclass(slots=True)
class Sieve:
    """Looks at commits one after the other; remembers the patches that it has seen."""

    history: History
    sizes: Sizes
    _seen: set[str]

    def consider(self, commit: Commit) -> Considered:
        """Say whether a commit can become a case; the first reason against it is given."""
        reason = _of_message(commit)
        if reason:
            return Considered(commit, reason)
        changes = tuple(self.history.changes(commit))
        reason = _of_changes(changes, self.sizes) or self._of_contents(changes)
        if not reason:
            identity = self.history.patch_id(commit)
            reason = "the same patch as a newer commit" if identity in self._seen else ""
            self._seen.add(identity)
        return Considered(commit, reason, changes)

    def _of_contents(self, changes: tuple[Change, ...]) -> str:
        for change in changes:
            identity = change.after or change.before
            content = self.history.blob(identity) if identity else None
            if content is None:
                return "a file that is too large or missing"
            try:
                head = content.decode("utf-8")[:2000]
            except UnicodeDecodeError:
                return "a file that is no UTF-8 text"
            if _GENERATED_WORDS.search(head):
                return "a generated file"
        return ""


def sieve(history: History, sizes: Sizes) -> Sieve:
    """A sieve that has seen nothing yet."""
    return Sieve(history, sizes, set())


def _of_message(commit: Commit) -> str:
    if len(commit.parents) > 1:
        return "a merge"
    if not commit.parents:
        return "the first commit"
    if _REVERT.search(commit.message):
        return "a revert"
    if len(task_text(commit.message)) < SHORTEST_MESSAGE:
        return f"a message of fewer than {SHORTEST_MESSAGE} characters"
    return ""


def _of_changes(changes: tuple[Change, ...], sizes: Sizes) -> str:
    if not 1 <= len(changes) <= sizes.files:
        return f"not 1 to {sizes.files} files"
    if not all(change.regular for change in changes):
        return "a link or a submodule"
    for change in changes:
        path = PurePosixPath(change.path)
        folders = {part.lower() for part in path.parts[:-1]}
        if path.name.lower() in LOCKFILES:
            return "a lock file"
        if folders & _VENDORED:
            return "a vendored file"
        if folders & _GENERATED_FOLDERS or _GENERATED_NAMES.search(path.name):
            return "a generated file"
        if change.added is None or change.deleted is None:
            return "a binary file"
    lines = sum((change.added or 0) + (change.deleted or 0) for change in changes)
    if not FEWEST_LINES <= lines <= sizes.lines:
        return f"not {FEWEST_LINES} to {sizes.lines} changed lines"
    return ""


def is_test(path: str) -> bool:
    """Whether a path is that of a file of tests, in Python or JavaScript."""
    return _TEST.search(path) is not None


def is_fix(message: str) -> bool:
    """Whether a commit says that it mends something."""
    return _FIX.search(message.partition("\n")[0]) is not None


def severity_of(message: str) -> Severity:
    """How much a case weighs: stated, or from the kind of commit; what tells nothing is normal.

    `Severity: high` in the message counts first; then a CVE or `security:` (critical); `fix!`,
    `hotfix` (high); `docs`, `style`, `test`, `chore` and their like (low).
    """
    if stated := _STATED.search(message):
        word = stated[1].lower()
        return "normal" if word == "medium" else word  # type: ignore[return-value]
    kind = _KIND.match(message)
    name = kind["kind"].lower() if kind else ""
    if name == "security" or re.search(r"\bCVE-\d{4}-\d+", message):
        return "critical"
    if name == "hotfix" or (kind is not None and kind["loud"]):
        return "high"
    return "low" if name in _SMALL_KINDS else "normal"


def task_text(message: str) -> str:
    """A commit's message without trailers, credits in brackets, addresses and handles."""
    text = _CREDIT.sub("", _STATED.sub("", _TRAILER.sub("", message)))
    text = _HANDLE.sub("somebody", _ADDRESS.sub("", text))
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
