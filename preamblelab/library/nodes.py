"""Values that remember the line they stand on, whatever shape they are brought into later."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from preamblelab.errors import SpecError

Scalar: TypeAlias = str | int | float | bool | None
Step: TypeAlias = str | int


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a YAML file."""

    value: "Scalar | tuple[Node, ...] | Mapping[str, Node]"
    line: int
    """Where it stands, from 1; inside a mapping, the line of its key."""
    written: str | None = None
    """A scalar without quotes, letter by letter; None for all else."""

    @property
    def kind(self) -> str:
        """What it is, in words for a message."""
        if isinstance(self.value, bool):
            return f"'{self.written}', which is a yes or no"
        if self.value is None:
            return "empty"
        if isinstance(self.value, (int, float)):
            return f"the number {self.written}"
        if isinstance(self.value, str):
            return "a text"
        return "a mapping" if isinstance(self.value, Mapping) else "a list"

    @property
    def fields(self) -> "Mapping[str, Node]":
        """The entries of a mapping; nothing for all else."""
        return self.value if isinstance(self.value, Mapping) else {}

    @property
    def items(self) -> "tuple[Node, ...]":
        """The entries of a list; nothing for all else."""
        return self.value if isinstance(self.value, tuple) else ()

    def plain(self) -> Any:
        """The value without lines: dicts, lists and scalars."""
        if isinstance(self.value, Mapping):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value

    def way(self, path: Sequence[Step]) -> tuple[Step, ...]:
        """The steps of a path that this tree has, as far as it has them.

        Steps that are no key here are left out: pydantic puts the names of union branches
        between the keys.
        """
        taken: list[Step] = []
        node = self
        for step in path:
            inner = node._step(step)
            if inner is not None:
                taken.append(step)
                node = inner
        return tuple(taken)

    def at(self, path: Sequence[Step]) -> "Node":
        """The node at a path, or the nearest one above it."""
        node = self
        for step in self.way(path):
            node = node._step(step) or node
        return node

    def with_changed(self, path: Sequence[Step], change: "Callable[[Node], Node]") -> "Node":
        """This tree with the node at a path that it has put through a function."""
        if not path:
            return change(self)
        step, *rest = path
        if isinstance(self.value, Mapping) and isinstance(step, str):
            inner = self.value[step].with_changed(rest, change)
            return replace(self, value={**self.value, step: inner})
        if isinstance(self.value, tuple) and isinstance(step, int):
            inner = self.value[step].with_changed(rest, change)
            return replace(self, value=(*self.value[:step], inner, *self.value[step + 1 :]))
        raise KeyError(step)

    def with_fields(self, **fields: "Node | None") -> "Node":
        """This mapping with these entries; None takes an entry away."""
        merged = {**self.fields, **{k: v for k, v in fields.items() if v is not None}}
        gone = {name for name, value in fields.items() if value is None}
        return replace(self, value={k: v for k, v in merged.items() if k not in gone})

    def named(self, name: str) -> "Node | None":
        """The first entry of a list, anywhere below, whose `name` this is."""
        for inner in self.items:
            own = inner.fields.get("name")
            if own is not None and own.value == name:
                return inner
        below = (inner.named(name) for inner in (*self.fields.values(), *self.items))
        return next((found for found in below if found is not None), None)

    def _step(self, step: Step) -> "Node | None":
        if isinstance(step, str):
            return self.fields.get(step)
        return self.items[step] if -1 < step < len(self.items) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the values of a loaded file stand, so that a later error can still name the line."""

    file: str
    """The file as messages write it."""
    root: Node
    parts: "Mapping[str, Source]" = field(default_factory=dict)
    """Sources of what the file names, by kind and name: `rubric`, `preambles/careful`, `suite`."""

    def line_of(self, path: str) -> int:
        """The line of a field, from 1; of the nearest field above it where there is none.

        Args:
            path: Fields and positions joined by dots: `rubric`, `models.0`, `budget.usd`.
        """
        steps: list[Step] = [int(p) if p.isdigit() else p for p in path.split(".") if p]
        return self.root.at(steps).line

    def place(self, path: str) -> str:
        """File and line of a field, as an error begins: `experiments/brevity.yaml:12`."""
        return f"{self.file}:{self.line_of(path)}"

    def error(self, path: str, message: str) -> SpecError:
        """The error to raise about a field.

        Args:
            path: The field, as in `line_of`; the message is given the first word of it.
            message: What is wrong, and what would be right.
        """
        label = path.partition(".")[0]
        return SpecError(f"{self.place(path)}: {label + ': ' if label else ''}{message}")

    @contextmanager
    def naming(self, path: str) -> Iterator[None]:
        """Within it, an error about a value is given the line of the field that names it."""
        try:
            yield
        except ValueError as error:
            raise self.error(path, str(error)) from None
