"""What answers did when they were run, as a picture beside what they were given for it."""

from dataclasses import replace
from functools import partial
from typing import Final

from preamblelab.report.contradictions import contradictions, worth_of
from preamblelab.report.executed_evidence import evidence_section
from preamblelab.report.findings import Findings
from preamblelab.report.layout import Figure, Section
from preamblelab.report.svg.scatter import Spot, scatter

TITLE: Final = "Judged against executed"
_PLACE: Final = ["model", "variant", "task", "repetition"]


def executed_section(report: Findings) -> Section:
    """Executed evidence with its picture; where no answer was run, that none was."""
    if report.executed is None or report.executed.empty:
        line = (
            "No executed evidence: no answer was run, so nothing here says whether what was judged "
            "works. A task tells what to run in its 'evidence'."
        )
        return Section(title=TITLE, lines=(line,))
    figure = executed_figure(report)
    section = evidence_section(report)
    return replace(section, title=TITLE, figures=() if figure is None else (figure,))


def executed_figure(report: Findings) -> Figure | None:
    """Every answer by its executed worth and its points; None where none has both."""
    if report.executed is None:
        return None
    worth = worth_of(report.executed)
    table = report.scores[[*_PLACE, "score"]].dropna(subset=["score"]).merge(worth, on=_PLACE)
    if table.empty:
        return None
    praised = contradictions(report)
    praised = praised[praised["says"] == "praised"]
    odd = set(praised[_PLACE].itertuples(index=False, name=None))
    spots = [
        Spot(
            label=f"{row['model']}, {row['variant']}, {row['task']}",
            x=100 * row["executed"],
            y=row["score"],
            baseline=row["variant"] == report.baseline,
            marked=tuple(row[name] for name in _PLACE) in odd,
        )
        for row in table.to_dict("records")
    ]
    title = "Points of every answer against its executed worth"
    draw = partial(scatter, spots, axes=("executed worth, percent", "points"), title=title)
    return Figure(
        name="executed",
        title=title,
        draw=lambda width: draw(width=min(width, 460)),
        width=460,
        legend="Hollow: without the preamble; filled: with it. Orange: praised for code of which "
        "nothing runs as it was written. In the shaded corner: praised, and worth little. On the "
        "broken line both would say the same.",
    )
