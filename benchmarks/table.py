"""What a benchmark found, one row for each bar, and how the rows are printed."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass

HEADER = ("what", "ours", "compared with", "theirs", "ratio", "bar", "met")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured ratio beside its bar."""

    what: str
    ours: str = ""
    peer: str = ""
    theirs: str = ""
    ratio: str = ""
    bar: str = ""
    met: str = ""
    """`yes`, `NO`, or empty where there is no bar; `not measured` begins a reason."""


def at_most(ratio: float, bar: float, **texts: str) -> Row:
    """A row whose ratio must not be above the bar."""
    met = "yes" if ratio <= bar else "NO"
    return Row(ratio=f"{ratio:.2f} x", bar=f"<= {bar:g} x", met=met, **texts)


def at_least(ratio: float, bar: float, **texts: str) -> Row:
    """A row whose ratio must not be below the bar."""
    met = "yes" if ratio >= bar else "NO"
    return Row(ratio=f"{ratio:.3g} x less", bar=f">= {bar:g} x", met=met, **texts)


def limit(value: float, most: float, unit: str, what: str) -> Row:
    """A row with a bar that is a plain figure."""
    met = "yes" if value <= most else "NO"
    return Row(what=what, ours=f"{value:.3g} {unit}", bar=f"<= {most:g} {unit}", met=met)


def known(ratio: float, **texts: str) -> Row:
    """A row without a bar, for the reader's information."""
    return Row(ratio=f"{ratio:.3g} x less", **texts)


def not_measured(what: str, peer: str, reason: object) -> Row:
    """A row that says why there is no figure."""
    return Row(what=what, peer=peer, met=f"not measured: {reason}")


def as_text(rows: Iterable[Row]) -> str:
    """The rows in columns."""
    cells = [HEADER, *(astuple(row) for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(HEADER))]
    widths[-1] = 0
    lines = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in cells]
    lines.insert(1, "  ".join("-" * max(width, 3) for width in widths))
    return "\n".join(line.rstrip() for line in lines) + "\n"
