"""A report into a file, in the form that the file's suffix names."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from preamblelab.errors import SpecError
from preamblelab.report.findings import Findings
from preamblelab.report.layout import Figure, as_markdown
from preamblelab.report.pages import markdown_sections
from preamblelab.report.svg.drawing import standalone


def save_report(path: Path, forms: Mapping[str, Callable[[], str]]) -> Path:
    """Write a report; a reader never sees half a file.

    Args:
        path: its suffix chooses the form.
        forms: by suffix, what makes the text.

    Raises:
        SpecError: there is no such form, or the file cannot be written.
    """
    make = forms.get(path.suffix.lower())
    if make is None:
        raise SpecError(f"{path}: a report is written as {', '.join(forms)}; choose by suffix")
    try:
        _write(path, make())
    except OSError as error:
        raise SpecError(
            f"{path}: the report cannot be written: {error.strerror or error}"
        ) from None
    return path


def with_pictures(report: Findings, path: Path) -> str:
    """The report as Markdown for a file; its pictures are written to a folder beside it.

    Args:
        report: the tables.
        path: the file; pictures go to `NAME-pictures` beside it.
    """
    folder = path.with_name(f"{path.stem}-pictures")

    def picture(figure: Figure) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / f"{figure.name}.svg", standalone(figure.draw(figure.width)))
        return quote(f"{folder.name}/{figure.name}.svg")

    return as_markdown(markdown_sections(report), picture)


def _write(path: Path, text: str) -> None:
    """Write beside the file and put it into its place at once."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8", errors="backslashreplace")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
