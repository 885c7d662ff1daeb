"""A suite file that people can read: long texts as blocks; it is whole or not there."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from preamblelab.domain.tasks import Task
from preamblelab.errors import SpecError
from preamblelab.library import load_suite
from preamblelab.library.files import MAX_BYTES

_SCHEMA_LINE: Final = "# yaml-language-server: $schema=../../.schemas/suite.schema.json\n"


_ROOM: Final = MAX_BYTES - 20_000
"""Bytes of one suite's tasks; the rest is for what stands above them."""


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as literal blocks."""

    def analyze_scalar(self, scalar: str) -> Any:
        """Allow a block for texts with blanks at the ends of lines, as diffs have them.

        PyYAML would quote them; YAML does not ask for it.
        """
        found = super().analyze_scalar(scalar)
        found.allow_block = found.allow_block or (found.multiline and _plain(scalar))
        return found


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _plain(text: str) -> bool:
    """Whether a text holds nothing but printable letters, tabs and line feeds."""
    return all(line.replace("\t", "").isprintable() for line in text.split("\n"))


_Dumper.add_representer(str, _text)


def write_suites(
    file: Path, *, name: str, description: str, tasks: Sequence[Task], notes: Sequence[str]
) -> tuple[Path, ...]:
    """Write a suite as `write_suite` does, and further ones beside it for what it has no room for.

    Returns:
        The files: `cases.yaml`, `cases-2.yaml` and so on; a number that is taken is passed over.
    """
    files: list[Path] = []
    number = 1
    for part in _parts(tasks):
        place, suite = file, name
        while files and (place in files or place.exists() or place.is_symlink()):
            number += 1
            suite = f"{name}-{number}"
            place = file.with_name(f"{file.stem}-{number}{file.suffix}")
        write_suite(place, name=suite, description=description, tasks=part, notes=notes)
        files.append(place)
    return tuple(files)


def _parts(tasks: Sequence[Task]) -> list[list[Task]]:
    """Tasks in their order, as many together as one file may hold."""
    parts: list[list[Task]] = [[]]
    held = 0
    for task in tasks:
        size = len(_yaml({"tasks": [_document(task, "files")]}).encode())
        if parts[-1] and held + size > _ROOM:
            parts.append([])
            held = 0
        parts[-1].append(task)
        held += size
    return parts


def _yaml(document: Any) -> str:
    return yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, indent=2
    )


def write_suite(
    file: Path, *, name: str, description: str, tasks: Sequence[Task], notes: Sequence[str]
) -> None:
    """Write a suite, and read it again before it is given its name.

    Args:
        file: where it goes; nothing may be there.
        name: the suite's.
        description: one line.
        tasks: at least one.
        notes: lines of the comment at the top.

    Raises:
        SpecError: something is there already, the folder cannot be written, or what was written
            does not read back as the same tasks (nothing is left behind then).
    """
    beside = file.with_name(f"{file.stem}.files")
    for target in (file, beside):
        if target.exists() or target.is_symlink():
            raise SpecError(
                f"{target}: is there already, and nothing is overwritten; take another name"
            )
    document = {
        "name": name,
        "description": description,
        "tasks": [_document(task, beside.name) for task in tasks],
    }
    body = _yaml(document)
    comment = "".join(f"# {line}\n" for line in notes)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".writing-") as folder:
            draft = Path(folder) / file.name
            for path, text in _files_beside(tasks, beside.name).items():
                _write(Path(folder) / path, text)
            _write(draft, _SCHEMA_LINE + comment + body)
            if load_suite(draft).tasks != tuple(tasks):
                raise SpecError(f"{file}: the cases cannot be written so that they read the same")
            # The suite comes last: without it, the files beside it mean nothing.
            if (Path(folder) / beside.name).exists():
                (Path(folder) / beside.name).rename(beside)
            os.link(draft, file)  # unlike a rename it never replaces what came there meanwhile
    except FileExistsError:
        raise SpecError(f"{file}: is there already, and nothing is overwritten") from None
    except OSError as error:
        where = error.filename or file
        raise SpecError(f"{where}: cannot be written: {error.strerror or error}") from None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())


def _files_beside(tasks: Sequence[Task], folder: str) -> dict[str, str]:
    """Hidden files of all tasks by their path beside the suite."""
    return {
        _beside(task, path, folder): text
        for task in tasks
        if task.evidence is not None and task.evidence.change is not None
        for path, text in task.evidence.change.files.items()
    }


def _beside(task: Task, path: str, folder: str) -> str:
    return f"{folder}/{task.name}/{path}"


def _document(task: Task, folder: str) -> Mapping[str, Any]:
    """The fields that a task does not have by default; hidden files as paths."""
    document = task.model_dump(mode="json", exclude_defaults=True)
    if task.verify:
        document["verify"] = [
            {"kind": each.kind, **each.model_dump(mode="json", exclude_defaults=True)}
            for each in task.verify
        ]
    change = task.evidence.change if task.evidence is not None else None
    if change is not None and change.files:
        paths = {path: _beside(task, path, folder) for path in change.files}
        document["evidence"]["change"]["files"] = paths
    return document
