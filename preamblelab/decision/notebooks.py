"""A sentence and a table as HTML: how a notebook shows what was decided."""

from collections.abc import Iterable, Sequence
from html import escape


def shown(sentence: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The sentence in bold over the table; foreign text cannot become markup.

    Args:
        sentence: the decision in words.
        columns: their names.
        rows: one value for each column; None is an empty cell.
    """
    head = "".join(f"<th>{_text(name)}</th>" for name in columns)
    body = "".join(
        "<tr>"
        + "".join(f"<td style='text-align:left'>{_text(cell)}</td>" for cell in row)
        + "</tr>"
        for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<div><p><b>{_text(sentence)}</b></p>{table}</div>"


def _text(value: object) -> str:
    said = "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
    # A direction mark or an escape sequence is shown, and does nothing.
    seen = "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in said)
    return escape(seen)
