"""Makes a git repository of a project's published source archives, one commit a release.

    python -m tests.lab.mining.from_releases NAME FOLDER [--last 40]

A real project's code, tests and words, with its real versions and dates, at the grain of releases:
several changes lie in one commit, which a real history would keep apart. For trying `cases mine`
where no git host can be reached. pip asks its registry and, to read an archive's metadata, runs the
build of each release, as any installation would.
"""

import argparse
import difflib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

TOLD = re.compile(r"(?i)^(change|history|news|release|readme)")
"""Files in which a project says what a release changes."""
MADE_BY_PACKING = re.compile(r"(^|/)(PKG-INFO|[^/]+\.egg-info/.*|[^/]+\.pyc|setup\.cfg)$")
_BULLET = re.compile(r"^[\s*+\-.#=~^>|:]+|\s+$")
_VERSION = re.compile(r"^v?\d+(\.\d+)+\S*\s*(\([^)]*\))?[\s:,-]*")
LONGEST = 40
"""Lines of a message."""
SHORTEST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One published source archive."""

    version: str
    made: datetime
    """When its newest file was written."""
    files: Mapping[str, bytes]


def versions_of(name: str) -> list[str]:
    """All versions that pip's index knows, the oldest first."""
    told = _pip("index", "versions", name)
    listed = next(line for line in told.splitlines() if line.startswith("Available versions:"))
    return [each.strip() for each in listed.partition(":")[2].split(",")][::-1]


def releases(name: str, versions: list[str]) -> Iterator[Release]:
    """The archives of these versions; one that cannot be had is named and left out."""
    for version in versions:
        with tempfile.TemporaryDirectory() as folder:
            try:
                _pip(
                    "download", "-q", "--no-deps", "--no-binary", name, "-d", folder,
                    f"{name}=={version}",
                )  # fmt: skip
            except subprocess.CalledProcessError as error:
                said = [line for line in (error.stderr or "").splitlines() if "rror:" in line]
                why = said[-1].strip() if said else str(error)
                print(f"left out: {version}: {why}", file=sys.stderr)
                continue
            yield unpacked(next(Path(folder).iterdir()), version)


def unpacked(archive: Path, version: str) -> Release:
    """An archive's files without its top folder, and without what packing has added."""
    files: dict[str, bytes] = {}
    made = 0.0
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                if not info.is_dir():
                    files[info.filename] = packed.read(info)
                    made = max(made, datetime(*info.date_time, tzinfo=UTC).timestamp())
    else:
        with tarfile.open(archive) as packed:
            for member in packed:
                content = packed.extractfile(member) if member.isfile() else None
                if content is not None:
                    files[member.name] = content.read()
                    made = max(made, member.mtime)
    kept = {}
    for path, content in files.items():
        below = "/".join(PurePosixPath(path).parts[1:])
        if below and ".." not in below and not MADE_BY_PACKING.search(below):
            kept[below] = content
    return Release(version=version, made=datetime.fromtimestamp(made, UTC), files=kept)


def message_of(name: str, before: Release | None, release: Release) -> str:
    """What the project itself says of a release: the lines that its change log has gained."""
    plain = f"Release {release.version} of {name}"
    said: list[str] = []
    for path in sorted(release.files):
        if before is None or "/" in path or not TOLD.search(path):
            continue
        old = before.files.get(path, b"").decode("utf-8", "replace").splitlines()
        new = release.files[path].decode("utf-8", "replace").splitlines()
        gained = [line[2:] for line in difflib.ndiff(old, new) if line.startswith("+ ")]
        # A page that also explains the project names the release where it tells what is new.
        named = [n for n, line in enumerate(gained) if release.version in line]
        told = gained[named[0] :] if named else [] if path.upper().startswith("README") else gained
        words = (_VERSION.sub("", _BULLET.sub("", line)).strip() for line in told)
        said += [line for line in words if re.search(r"[A-Za-z]{3}", line) and line not in said]
    telling = [line for line in said if len(line) >= SHORTEST]
    if not telling:
        return plain
    rest = [line for line in said if line != telling[0]]
    return "\n".join([telling[0], "", *rest[:LONGEST], "", plain])


def commit(folder: Path, name: str, before: Release | None, release: Release) -> None:
    """Put a release on top of the one before it."""
    for path in set(before.files if before else ()) - set(release.files):
        (folder / path).unlink()
    for path, content in release.files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    _git(folder, "add", "--all", "--force")
    when = release.made.isoformat()
    text = message_of(name, before, release)
    _git(folder, "commit", "--quiet", "--allow-empty", "--message", text, when=when)
    _git(folder, "tag", f"v{release.version}")


def _git(folder: Path, *arguments: str, when: str = "") -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_NAME": "releases" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "releases@example.invalid" for who in ("AUTHOR", "COMMITTER")},
        **({"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when} if when else {}),
    }
    subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True)


def _pip(*arguments: str) -> str:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> None:
    """Make the repository."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--last", type=int, default=40, help="releases, the newest of all")
    given = parser.parse_args()
    given.folder.mkdir(parents=True)
    _git(given.folder, "init", "--quiet", "--initial-branch", "main")
    before = None
    for release in releases(given.name, versions_of(given.name)[-given.last :]):
        commit(given.folder, given.name, before, release)
        print(f"{release.version} {release.made.date()} {len(release.files)} files")
        before = release


if __name__ == "__main__":
    main()
