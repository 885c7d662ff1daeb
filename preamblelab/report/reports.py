"""The report on one experiment: what was measured, how sure it is, and what cannot be said."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from preamblelab.report.conclusions import documents
from preamblelab.report.escaping import for_spreadsheet
from preamblelab.report.findings import Arrival, Findings
from preamblelab.report.gaps import reasons_of
from preamblelab.report.layout import as_markdown, as_text
from preamblelab.report.saving import save_report, with_pictures
from preamblelab.report.sections import sections_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

__all__ = ["Arrival", "Report"]


class Report(Findings):
    """What an experiment shows. Prints as text; `effects` is the table behind it."""

    def to_pandas(self) -> "DataFrame":
        """The table of effects."""
        return self.effects.copy()

    def to_dict(self) -> dict[str, Any]:
        """Everything a program may want, as JSON-like values; missing numbers are None."""
        return {
            "experiment": self.experiment,
            "question": self.question,
            "simulated": self.simulated,
            "baseline": self.baseline,
            "margin": self.margin,
            "level": self.level,
            "rubric": self.rubric,
            "models": _records(self.effects),
            "overall": _records(self.overall),
            "looks": self._looks_document(),
            "recorded": _records(self.recorded),
            "noise": {
                name: None if value != value else value
                for name, value in asdict(self.noise).items()
            },
            **{
                name: table if isinstance(table, str) else _records(table)
                for name, table in documents(self).items()
            },
            "outcomes": _outcomes(self.scores),
            "missing": reasons_of(self.scores),
            "facts": dict(self.facts),
        }

    def _looks_document(self) -> dict[str, Any] | None:
        if self.looks is None:
            return None
        seen = _records(self.looks.history) if self.looks.comparable else []
        return {**self.looks.to_dict(), "seen": seen}

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def to_csv(self) -> str:
        """The table of effects as CSV, safe to open in a spreadsheet."""
        table = self.effects.copy()
        for name in table.select_dtypes(include=["object", "string"]):
            table[name] = [
                for_spreadsheet(each) if isinstance(each, str) else each for each in table[name]
            ]
        return table.to_csv(index=False)

    def to_markdown(self) -> str:
        """The report as Markdown, without pictures; `save` puts them beside the file."""
        return as_markdown(sections_of(self))

    def to_html(self) -> str:
        """The report as one self-contained page: pictures, tables, answers; it runs no script.

        Answers are read from the store that the report was made from; where it is gone, the page
        says so.
        """
        from preamblelab.report.html.report_page import report_page

        return report_page(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: verdicts, the picture of effects, their table."""
        from preamblelab.report.notebook import report_box

        return report_box(self)

    def plot(self) -> "Figure":
        """The first picture as a figure of matplotlib: scores, effects, intervals, noise.

        Returns:
            A figure of its own: `report.plot().savefig("effects.pdf")`; a notebook shows it.

        Raises:
            MissingExtraError: matplotlib is not installed: `pip install 'preamblelab[plot]'`.
        """
        from preamblelab.report.plotting import plot

        return plot(self)

    def save(self, path: str | Path) -> Path:
        """Write the report to a file; its suffix says in which form.

        Args:
            path: `.html` (one file with everything in it), `.md` (with the pictures as SVG in a
                folder beside it), `.json`, `.csv` or `.txt`.

        Returns:
            The file.

        Raises:
            SpecError: the suffix is none of these, or the file cannot be written.
        """
        file = Path(path)
        forms = {
            ".html": self.to_html,
            ".md": lambda: with_pictures(self, file),
            ".json": self.to_json,
            ".csv": self.to_csv,
            ".txt": self.__str__,
        }
        return save_report(file, forms)

    def __str__(self) -> str:
        """The report as text for a terminal."""
        return as_text(sections_of(self))


def _records(table: "DataFrame") -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=10))
    return records


def _outcomes(scores: "DataFrame") -> list[dict[str, Any]]:
    if "status" not in scores:
        return []
    counts = scores.groupby(["model", "variant", "status"], sort=True).size()
    return [
        {"model": row.model, "variant": row.variant, "status": row.status, "trials": row.trials}
        for row in counts.reset_index(name="trials").itertuples()
    ]
