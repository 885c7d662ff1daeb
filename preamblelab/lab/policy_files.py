"""Keeping a policy file: every version stays, a write is whole or nothing, one writer at a time."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from preamblelab.decision.records import Decision
from preamblelab.domain.policies import PolicySpec, same_content
from preamblelab.errors import SpecError, StoreError
from preamblelab.library.policies import load_policy_spec, policy_text
from preamblelab.store.durable import write_file
from preamblelab.store.locking import writer_lock

_KEPT: Final = re.compile(r"v(\d{4,})\.(?:yaml|yml|json)")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptVersion:
    """One version of a policy, as the folder of its history holds it."""

    version: int
    path: Path
    policy: PolicySpec


def history_folder(path: Path) -> Path:
    """Where the versions of a policy file are kept: `policy.yaml` has `policy.history/`."""
    return path.with_name(f"{path.stem}.history")


def write_policy(path: Path, policy: PolicySpec, *, expected: PolicySpec | None) -> PolicySpec:
    """Put a policy into its file; the version that was there stays in the history.

    The new version takes the file's place in one step: a reader sees the old or the new one,
    whatever is killed when.

    Args:
        path: the file.
        policy: what to write; its version follows from what is there.
        expected: the policy that the new one was decided against; None: there was none.

    Returns:
        The policy as written. Where nothing changed, nothing is written.

    Raises:
        StoreError: the file has changed meanwhile, or cannot be written.
        SpecError: the file is no policy.
    """
    with _writing(path):
        there = load_policy_spec(path) if os.path.lexists(path) else None
        if (there and there.digest) != (expected and expected.digest):
            raise StoreError(
                f"{path}: the policy has changed meanwhile; decide again on the new one"
            )
        if there is not None and same_content(there, policy):
            return there
        return _put(path, policy, there)


def kept_versions(path: Path) -> list[KeptVersion]:
    """The versions in the history of a policy file, oldest first.

    Raises:
        SpecError: there is no history, or a version in it was changed by hand.
    """
    folder = history_folder(path)
    there = sorted(folder.iterdir()) if folder.is_dir() else []
    found = [
        KeptVersion(version=int(match[1]), path=each, policy=load_policy_spec(each))
        for each in there
        if (match := _KEPT.fullmatch(each.name))
    ]
    if not found:
        raise SpecError(f"{path}: no history beside it ({folder.name}/ holds no version)")
    return sorted(found, key=lambda kept: kept.version)


def roll_back(path: Path, *, to: int | None = None) -> PolicySpec:
    """Bring an older version back, as a new one.

    Args:
        path: the policy file.
        to: the version; None: the one before that which is in force.

    Raises:
        SpecError: there is no such version.
        StoreError: the file cannot be written.
    """
    with _writing(path):
        there = load_policy_spec(path)
        kept = {each.version: each.policy for each in kept_versions(path)}
        wanted = _before(there, kept) if to is None else to
        if wanted not in kept:
            known = ", ".join(map(str, kept))
            raise SpecError(f"{path}: no version {wanted} in its history; there are: {known}")
        back = kept[wanted].model_copy(update={"restored": wanted, "written": today()})
        return _put(path, back, there)


def _before(there: PolicySpec, kept: dict[int, PolicySpec]) -> int:
    """The version before the one in force; a rollback counts as what it brought back."""
    now = there.restored or there.version
    older = [number for number in kept if number < now]
    if not older:
        raise SpecError(f"version {now} is the oldest: there is nothing to go back to")
    return max(older)


def _put(path: Path, policy: PolicySpec, there: PolicySpec | None) -> PolicySpec:
    folder = history_folder(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if there is not None:
            _keep(folder, there, path)
        taken = [int(m[1]) for each in folder.iterdir() if (m := _KEPT.fullmatch(each.name))]
        number = max([0, *taken]) + 1
        numbered = policy.model_copy(update={"version": number})
        content = policy_text(numbered, path.name).encode()
        # Killed in between, the next write keeps what is in force: nothing enters the history that
        # never was.
        write_file(path, content)
        write_file(folder / f"v{number:04d}{path.suffix}", content)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error
    return numbered


def keep_decisions(path: Path, decisions: Iterable[Decision]) -> None:
    """Keep what the entries of a policy file rest on, in its history, by digest.

    Raises:
        StoreError: they cannot be written.
    """
    folder = history_folder(path) / "decisions"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for decision in decisions:
            kept = folder / f"{decision.digest.removeprefix('b2:')}.json"
            if not kept.exists():
                write_file(kept, decision.to_json().encode())
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error


def _keep(folder: Path, there: PolicySpec, path: Path) -> None:
    """Keep a version that is not in the history: written by hand, or the history was lost."""
    kept = folder / f"v{there.version:04d}{path.suffix}"
    if not kept.exists():
        write_file(kept, policy_text(there, path.name).encode())
    elif load_policy_spec(kept).digest != there.digest:
        raise StoreError(
            f"{path}: it was changed by hand and still calls itself version {there.version}, which "
            f"{folder.name}/ holds otherwise; give it a version of its own, or bring it back with: "
            f"preamblelab policy rollback {path} --to {there.version}"
        )


def refuse_place(path: Path) -> None:
    """Refuse a place where no policy can lie.

    Raises:
        SpecError: it is a folder, has another suffix, or its folder is not there.
    """
    if path.is_dir():
        raise SpecError(f"{path}: a folder; name a file, for example {path / 'policy.yaml'}")
    if path.suffix not in {".yaml", ".yml", ".json"}:
        raise SpecError(f"{path}: a policy is a .yaml or .json file; name it so")
    if not path.parent.is_dir():
        raise SpecError(f"{path}: there is no folder {path.parent}; make it first")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    refuse_place(path)
    since = datetime.now(UTC).isoformat(timespec="seconds")
    with writer_lock(path, f"write {path.name}", since):
        yield


def today() -> date:
    """The day, in UTC: the only clock of policies."""
    return datetime.now(UTC).date()
