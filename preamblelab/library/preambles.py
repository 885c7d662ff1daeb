"""Preamble files, YAML or Markdown, to `Preamble`."""

import re
from pathlib import Path
from typing import Final, NamedTuple

from preamblelab.domain.preambles import Preamble
from preamblelab.domain.sizes import SIZES
from preamblelab.errors import SpecError
from preamblelab.library.files import Place
from preamblelab.library.fitting import fit, near
from preamblelab.library.nodes import Node, Source
from preamblelab.library.projects import place_of
from preamblelab.library.strict_yaml import parse_fields

_SECTIONS: Final = {"size": "sizes", "clause": "clauses", "reason": "reasons"}
_HEADING: Final = re.compile(r"##[ \t]+([A-Za-z]+)[ \t]*:[ \t]*(\S+)[ \t]*")
_FENCE: Final = re.compile(r" {0,3}(```+|~~~+)")


class LoadedPreamble(NamedTuple):
    """A preamble, and the lines it stands on."""

    preamble: Preamble
    source: Source


def load_preamble(named: str | Path, *, start: Path | None = None) -> Preamble:
    """The preamble of a name or a file.

    Args:
        named: A name in the project or among the shipped ones, or the path of a YAML, Markdown
            or text file.
        start: Where the project is looked for; None is the current folder.

    Raises:
        SpecError: There is none, or its file is wrong; the message names the line.
    """
    place, _ = place_of("preambles", named, start)
    return read_preamble(place).preamble


def read_preamble(place: Place) -> LoadedPreamble:
    """The preamble in a file, with its source."""
    text, file = place.read(), place.shown
    stem = Path(place.parts[-1]).stem
    markdown = place.parts[-1].endswith((".md", ".txt"))
    root = _from_markdown(text, file) if markdown else parse_fields(text, file)
    named = root if "name" in root.fields else root.with_fields(name=Node(as_name(stem), 1))
    return LoadedPreamble(
        fit(Preamble, _with_brevity(named, file), file), Source(file=file, root=root)
    )


def as_name(stem: str) -> str:
    """A name from that of a file: what a name cannot hold becomes `-`."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:100] or "unnamed"


def _with_brevity(root: Node, file: str) -> Node:
    """The tree with the short form `brevity:` moved to where it belongs."""
    brevity = root.fields.get("brevity")
    if brevity is None:
        return root
    clauses = root.fields.get("clauses", Node({}, brevity.line))
    if "brevity" in clauses.fields:
        raise SpecError(f"{file}:{brevity.line}: brevity stands under clauses too; keep one")
    if not isinstance(clauses.value, dict):
        return root.with_fields(brevity=None)
    return root.with_fields(brevity=None, clauses=clauses.with_fields(brevity=brevity))


def _from_markdown(text: str, file: str) -> Node:
    """The tree of a Markdown file: front matter, common text, sections."""
    lines = text.split("\n")
    head, first = _front_matter(lines, file)
    parts: dict[tuple[str, str], Node] = {}
    begin, place, body, fenced = first + 1, ("text", ""), list[str](), ""
    for number, line in enumerate(lines[first:], start=first + 1):
        fenced = _fence_after(line, fenced)
        section = None if fenced else _section(line, f"{file}:{number}")
        if section is None:
            body.append(line)
            continue
        parts[place] = Node("\n".join(body).strip("\n"), begin)
        if section in parts:
            raise SpecError(f"{file}:{number}: a second section '{line[3:].strip()}'")
        begin, place, body = number, section, []
    parts[place] = Node("\n".join(body).strip("\n"), begin)
    if not str(parts["text", ""].value).strip():
        # A family may have texts by size only.
        del parts["text", ""]
    return _merged(head, parts, file)


def _front_matter(lines: list[str], file: str) -> tuple[Node, int]:
    """The mapping between two `---` at the head, and the index of the first line behind it."""
    if lines[0].rstrip() != "---":
        return Node({}, 1), 0
    try:
        end = next(i for i, line in enumerate(lines) if i and line.rstrip() == "---")
    except StopIteration:
        raise SpecError(f"{file}:1: the front matter has no second '---'") from None
    return parse_fields("\n".join(lines[1:end]), file, first_line=2), end + 1


def _fence_after(line: str, fenced: str) -> str:
    """The fence that is open behind this line; headings inside one are text."""
    fence = _FENCE.match(line)
    if fence is None:
        return fenced
    if not fenced:
        return fence[1]
    return "" if fence[1].startswith(fenced) and not line.strip(" `~") else fenced


def _section(line: str, where: str) -> tuple[str, str] | None:
    """The part of the family that a heading opens; None for a line of text."""
    heading = _HEADING.fullmatch(line)
    if heading is None:
        return None
    word, name = heading[1], heading[2]
    if word in _SECTIONS:
        if word == "size" and name not in SIZES:
            raise SpecError(f"{where}: no size '{name}'; {near(name, SIZES[:-1])}")
        return _SECTIONS[word], name
    if near(word.lower(), _SECTIONS).startswith("did you mean"):
        # A misspelt section would be sent to every model as a part of the text before it.
        raise SpecError(f"{where}: unknown section '{word}'; {near(word.lower(), _SECTIONS)}")
    return None


def _merged(head: Node, parts: dict[tuple[str, str], Node], file: str) -> Node:
    """The front matter with the sections in their fields."""
    root = head
    for (field, name), body in parts.items():
        if field == "text":
            taken, root_with = root.fields.get("text"), root.with_fields(text=body)
        else:
            holder = root.fields.get(field, Node({}, body.line))
            taken = holder.fields.get(name)
            root_with = root.with_fields(**{field: holder.with_fields(**{name: body})})
        if taken is not None:
            where = name or field
            raise SpecError(f"{file}:{taken.line}: {where} stands in the body too; keep one")
        root = root_with
    return root
