"""A report as sections of lines and tables, and how they become text or Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

from preamblelab.report.escaping import for_markdown, for_terminal

WIDTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table of texts; numbers are already written."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[str] = frozenset()
    """Columns that are aligned to the right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with what stands under it; no heading for the first."""

    title: str = ""
    lines: tuple[str, ...] = ()
    grid: Grid | None = None
    notes: tuple[str, ...] = ()
    """Lines after the table."""


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 call", "22 calls"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def as_text(sections: Sequence[Section]) -> str:
    """Sections for a terminal, at most about 100 columns wide but for tables."""
    blocks = []
    for section in sections:
        block = [section.title, "-" * len(section.title)] if section.title else []
        block += [_wrapped(line) for line in section.lines]
        if section.grid is not None:
            block += [""] * bool(section.lines) + _text_grid(section.grid)
        block += [_wrapped(line) for line in section.notes]
        blocks.append("\n".join(block))
    return "\n\n".join(blocks) + "\n"


def as_markdown(sections: Sequence[Section]) -> str:
    """Sections as Markdown; foreign text cannot become markup."""
    blocks = []
    for section in sections:
        if section.title:
            blocks.append(f"## {for_markdown(section.title)}")
        blocks += [for_markdown(line) for line in section.lines]
        if section.grid is not None:
            blocks.append("\n".join(_markdown_grid(section.grid)))
        blocks += [for_markdown(line) for line in section.notes]
    return "\n\n".join(blocks) + "\n"


def _wrapped(line: str) -> str:
    shown = for_terminal(line)
    indent = " " * (len(shown) - len(shown.lstrip()))
    return fill(shown, WIDTH, subsequent_indent=indent + "  ", break_long_words=False) or ""


def _text_grid(grid: Grid) -> list[str]:
    rows = [tuple(for_terminal(cell) for cell in row) for row in (grid.columns, *grid.rows)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(grid.columns))]

    def line(row: tuple[str, ...]) -> str:
        cells = [
            cell.rjust(width) if name in grid.right else cell.ljust(width)
            for name, cell, width in zip(grid.columns, row, widths, strict=True)
        ]
        return "  ".join(cells).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return [line(rows[0]), rule, *(line(row) for row in rows[1:])]


def _markdown_grid(grid: Grid) -> list[str]:
    rules = ["---:" if name in grid.right else "---" for name in grid.columns]
    rows = [grid.columns, *grid.rows]
    lines = ["| " + " | ".join(for_markdown(cell) for cell in row) + " |" for row in rows]
    return [lines[0], "| " + " | ".join(rules) + " |", *lines[1:]]
