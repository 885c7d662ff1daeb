"""YAML text to nodes with lines; refuses what could surprise, swell, recurse or run code."""

import math
import re
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar, Final

import yaml
from yaml.composer import Composer

from preamblelab.errors import SpecError
from preamblelab.library.files import MAX_BYTES
from preamblelab.library.nodes import Node

MAX_DEPTH: Final = 50
"""Mappings and lists inside one another; a full experiment needs six."""

MAX_NODES: Final = 100_000
"""Values in one file."""

_TRUE: Final = "tag:yaml.org,2002:bool"
_NULL: Final = "tag:yaml.org,2002:null"
_NUMBER: Final = "tag:yaml.org,2002:float"
_WHOLE: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_LONGEST_NUMBER: Final = 25
_DIFFERENTLY_READ: Final = re.compile(r"[\t\ufeff]|(?:^|[\n\r\x85\u2028\u2029])(?:---|\.\.\.)")
"""Where C and Python differ: tabs, byte order marks, and the line of an empty document."""

Resolvers = dict[str, list[tuple[str, re.Pattern[str]]]]


def _resolvers() -> Resolvers:
    """What a word without quotes may be besides a text: the JSON part of YAML 1.2.

    Dates, `on`/`off`/`yes`/`no`, octals, `1:30` and `1_000` of YAML 1.1 stay the text they are.
    """
    rules = (
        (_TRUE, r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
        (_NULL, r"^(?:~|null|Null|NULL|)$", "~nN"),
        (
            _NUMBER,
            r"^[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$",
            "-+.0123456789",
        ),
    )
    table: Resolvers = {"": [(_NULL, re.compile(r"^$"))]}
    for tag, pattern, first_letters in rules:
        for letter in first_letters:
            table.setdefault(letter, []).append((tag, re.compile(pattern)))
    return table


class _Strict(Composer):
    """Puts events together to nodes, and stops at every excess."""

    nodes = 0
    depth = 0

    def compose_document(self) -> Any:
        event: Any = self.peek_event()  # type: ignore[attr-defined]
        if event.version or event.tags:
            raise _Refused(event.start_mark.line + 1, "a '%' directive; leave it out")
        return super().compose_document()

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[attr-defined]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise _Refused(line, f"an alias '*{event.anchor}'; write the value out")
        if event.anchor is not None:
            raise _Refused(line, f"an anchor '&{event.anchor}'; write the value out where used")
        if event.tag is not None:
            raise _Refused(line, f"a tag '{event.tag[:40]}'; write the plain value without it")
        self.nodes += 1
        self.depth += 1
        if self.nodes > MAX_NODES:
            raise _Refused(line, f"more than {MAX_NODES:,} values; split the file")
        if self.depth > MAX_DEPTH:
            raise _Refused(line, f"nested deeper than {MAX_DEPTH} levels")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Resolver(yaml.resolver.BaseResolver):
    yaml_implicit_resolvers: ClassVar[Any] = _resolvers()  # type: ignore[misc]


class _Loader(_Strict, _Resolver, yaml.SafeLoader):
    """Reads and scans in Python: slow, and says best what is wrong."""


if yaml.__with_libyaml__:
    from yaml.cyaml import CParser  # type: ignore[attr-defined]

    class _FastLoader(_Strict, CParser, _Resolver):
        """Reads and scans in C; only events, since the C composer dies on deep nesting."""

        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            _Strict.__init__(self)
            _Resolver.__init__(self)


class _Refused(Exception):  # noqa: N818 -- never leaves this module
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def parse_yaml(text: str, file: str, *, first_line: int = 1) -> Node:
    """The tree of a YAML text, each value with its line.

    Keys are texts as written. A value without quotes is a number only where JSON would call it
    one, and keeps how it was written, so that a field of text can take `3.10` as "3.10".

    Args:
        text: The YAML; line ends normalised.
        file: The file's name, for messages.
        first_line: The file's line on which the text begins.

    Raises:
        SpecError: The text is no YAML, or holds aliases, anchors, tags, directives, several
            documents, a key twice, surrogates, or more than the limits of this module.
    """
    offset = first_line - 1
    try:
        if len(text) > MAX_BYTES:
            raise _Refused(1, f"longer than {MAX_BYTES:,} characters; split it")
        return _tree(text, offset)
    except _Refused as error:
        raise SpecError(f"{file}:{error.line + offset}: {error}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise SpecError(f"{file}:{line + offset}: {_problem(error)}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SpecError(
            f"{file}:{line + offset}: the character {error.character!r} cannot stand in YAML"
        ) from None


def parse_fields(text: str, file: str, *, first_line: int = 1) -> Node:
    """The tree of a YAML text that must be a mapping; else as `parse_yaml`."""
    root = parse_yaml(text, file, first_line=first_line)
    if not isinstance(root.value, dict):
        raise SpecError(f"{file}:{root.line}: must be a mapping 'field: value', not {root.kind}")
    return root


def _tree(text: str, offset: int) -> Node:
    root = _composed(text)
    if root is None:
        raise _Refused(1, "the file is empty")
    return _node(root, offset)


def _composed(text: str) -> yaml.Node | None:
    # What C refuses is read once more, so that a fault has the same words everywhere.
    if yaml.__with_libyaml__ and not _DIFFERENTLY_READ.search(text):
        with suppress(yaml.YAMLError, ValueError):
            return _FastLoader(text).get_single_node()
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    except yaml.composer.ComposerError as error:
        mark = error.problem_mark
        raise _Refused(
            1 if mark is None else mark.line + 1, "a second document begins; one file holds one"
        ) from None
    except (ValueError, OverflowError):
        # An escape such as "\UFFFFFFFF" is a ValueError of chr(), with no mark of its own.
        line = loader.get_mark().line + 1
        raise _Refused(line, "an escape that names no character") from None
    finally:
        loader.dispose()


def _node(node: yaml.Node, offset: int) -> Node:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        return Node(tuple(_node(item, offset) for item in node.value), line + offset)
    if isinstance(node, yaml.MappingNode):
        return Node(_fields(node, offset), line + offset)
    text = str(node.value)
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise _Refused(line, "half of a surrogate pair, which is no character")
    if node.style:  # type: ignore[attr-defined]
        return Node(text, line + offset)
    return Node(_scalar(node.tag, text), line + offset, text)


def _fields(node: yaml.MappingNode, offset: int) -> dict[str, Node]:
    fields: dict[str, Node] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or not key.value:
            raise _Refused(line, "a key that is no word; write 'word: value'")
        name = str(key.value)
        if name in fields:
            raise _Refused(line, f"'{name}' stands here a second time; keep one of the two")
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise _Refused(line, "half of a surrogate pair, which is no character")
        fields[name] = replace(_node(value, offset), line=line + offset)
    return fields


def _scalar(tag: str, text: str) -> str | int | float | bool | None:
    if tag == _NULL:
        return None
    if tag == _TRUE:
        return text.lower() == "true"
    if tag == _NUMBER and len(text) <= _LONGEST_NUMBER:
        if _WHOLE.fullmatch(text):
            return int(text)
        number = float(text)
        vanished = number == 0 and re.search("[1-9]", re.split("[eE]", text)[0])
        if math.isfinite(number) and not vanished:
            return number
    return text


def _problem(error: yaml.MarkedYAMLError) -> str:
    problem = " ".join(str(error.problem or error.context or "not YAML").split())
    if "'\\t'" in problem:
        return "a tab; YAML indents with blanks"
    if "mapping values are not allowed" in problem:
        return "a second ': ' in one line; put the text in quotes, or after '|' on its own lines"
    return f"not YAML: {problem}"
