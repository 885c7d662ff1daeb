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

_SCHEMA_LINE: Final = "# yaml-language-server: $schema=../../.schemas/suite.schema.json\n"


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
    if file.exists() or file.is_symlink():
        raise SpecError(f"{file}: is there already, and nothing is overwritten; take another name")
    document = {
        "name": name,
        "description": description,
        "tasks": [_document(task) for task in tasks],
    }
    body = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, indent=2
    )
    comment = "".join(f"# {line}\n" for line in notes)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".writing-") as folder:
            draft = Path(folder) / file.name
            with draft.open("w", encoding="utf-8") as out:
                out.write(_SCHEMA_LINE + comment + body)
                out.flush()
                os.fsync(out.fileno())
            again = load_suite(draft)
            if again.tasks != tuple(tasks):
                raise SpecError(f"{file}: the cases cannot be written so that they read the same")
            os.link(draft, file)  # unlike a rename it never replaces what came there meanwhile
    except FileExistsError:
        raise SpecError(f"{file}: is there already, and nothing is overwritten") from None
    except OSError as error:
        where = error.filename or file
        raise SpecError(f"{where}: cannot be written: {error.strerror or error}") from None


def _document(task: Task) -> Mapping[str, Any]:
    """The fields that a task does not have by default."""
    document = task.model_dump(mode="json", exclude_defaults=True)
    document["verify"] = [
        {"kind": each.kind, **each.model_dump(mode="json", exclude_defaults=True)}
        for each in task.verify
    ]
    return document
