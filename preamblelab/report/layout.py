"""A report as sections of lines, tables and pictures, and how they become text or Markdown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import fill, wrap

from preamblelab.report.escaping import for_markdown, for_terminal
from preamblelab.report.markup import Markup

WIDTH = 100
_LEAST_WIDTH = 48
"""Of the last column of a table, where sentences stand; the others may take more than the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table of texts; numbers are already written."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[str] = frozenset()
    """Columns that are aligned to the right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A picture that is drawn when somebody looks: a page or a Markdown file, not a terminal."""

    name: str
    """Identifier, and the name of its file; once in a report."""
    title: str
    """What it is, in a few words: its text where pictures are not shown."""
    draw: Callable[[int], Markup]
    """From a width in pixels to SVG."""
    width: int = 920
    """How wide it is where there is room; a narrower one is drawn where there is none."""
    legend: str = ""
    """How to read it, in a sentence or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with what stands under it; no heading for the first."""

    title: str = ""
    lines: tuple[str, ...] = ()
    grid: Grid | None = None
    notes: tuple[str, ...] = ()
    """Lines after the table."""
    figures: tuple[Figure, ...] = ()
    """Pictures, between the lines and the table; a terminal leaves them out."""


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


def as_markdown(sections: Sequence[Section], picture: Callable[[Figure], str] | None = None) -> str:
    """Sections as Markdown; foreign text cannot become markup.

    Args:
        sections: in reading order.
        picture: gives the address of a picture's file; without it there are no pictures.
    """
    blocks = []
    for section in sections:
        if section.title:
            blocks.append(f"## {for_markdown(section.title)}")
        blocks += [for_markdown(line) for line in section.lines]
        for figure in section.figures if picture is not None else ():
            address = picture(figure) if picture is not None else ""
            blocks.append(f"![{for_markdown(figure.title)}]({address})")
            blocks += [for_markdown(figure.legend)] if figure.legend else []
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
    if grid.columns and grid.columns[-1] not in grid.right:
        rows = _narrowed(rows)
    widths = [max(len(row[place]) for row in rows) for place in range(len(grid.columns))]

    def line(row: tuple[str, ...]) -> str:
        cells = [
            cell.rjust(width) if name in grid.right else cell.ljust(width)
            for name, cell, width in zip(grid.columns, row, widths, strict=True)
        ]
        return "  ".join(cells).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return [line(rows[0]), rule, *(line(row) for row in rows[1:])]


def _narrowed(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The rows with sentences in the last column broken, so that a table fits a terminal.

    What follows the first line of a sentence stands in rows of its own, the other cells empty.
    """
    others = sum(max(len(row[place]) for row in rows) + 2 for place in range(len(rows[0]) - 1))
    width = max(WIDTH - others, _LEAST_WIDTH)
    found: list[tuple[str, ...]] = []
    for row in rows:
        first, *more = wrap(row[-1], width, break_long_words=False) or [""]
        found.append((*row[:-1], first))
        found += [(*("" for _ in row[:-1]), f"  {line}") for line in more]
    return found


def _markdown_grid(grid: Grid) -> list[str]:
    rules = ["---:" if name in grid.right else "---" for name in grid.columns]
    rows = [grid.columns, *grid.rows]
    lines = ["| " + " | ".join(for_markdown(cell) for cell in row) + " |" for row in rows]
    return [lines[0], "| " + " | ".join(rules) + " |", *lines[1:]]
