"""The first picture of a report as a figure of matplotlib, for papers and notebooks."""

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from preamblelab.errors import MissingExtraError
from preamblelab.report.findings import Findings
from preamblelab.report.pictures import effect_rows
from preamblelab.report.svg.dumbbell import Row
from preamblelab.stats.sentences import points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS: Final = {"gain": "#0a5fa5", "loss": "#c2530f", "flat": "#5d6673"}
_SOFT: Final = "#545e6b"
_BANDS: Final = ("#dfe5eb", "#eef2f5")
_ROW_INCHES: Final = 0.34
_EDGE_INCHES: Final = 1.5


def plot(report: Findings) -> "Figure":
    """Scores without and with the preamble, and effects with intervals on the band of noise.

    Args:
        report: whose effects are drawn; a model with an undelivered preamble has a broken line
            and no effect.

    Returns:
        A figure with two panels, score and effect; it belongs to no window, no state of pyplot
        is touched, and a notebook shows it without any setting.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError(
            "plot() needs the package matplotlib: pip install 'preamblelab[plot]'"
        ) from None
    rows = effect_rows(report)
    height = _EDGE_INCHES + _ROW_INCHES * max(len(rows), 1)

    class Shown(Figure):
        def _repr_png_(self) -> bytes:
            image = BytesIO()
            self.savefig(image, format="png", dpi=100)
            return image.getvalue()

    figure = Shown(figsize=(10, height), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1.2))
    title = report.experiment + (" (simulated results)" if report.simulated else "")
    figure.suptitle(title, fontweight="bold", x=0.01, ha="left")
    _scores(left, rows)
    _effects(right, rows, (report.noise.floor, report.noise.smallest_effect))
    if right.get_legend_handles_labels()[0]:  # with one answer to one task there is no band
        figure.legend(loc="outside lower right", fontsize=8, frameon=False, ncols=2)
    left.set_yticks(range(len(rows)), _labels(rows))
    left.invert_yaxis()
    for axes in (left, right):
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(length=0)
    return figure


def _labels(rows: list[Row]) -> list[str]:
    """Every line by its whole name: a figure may be cut up."""
    named, last = [], ""
    for row in rows:
        last = row.label or last
        what = row.note.rpartition(" · ")[2]
        named.append(f"{last} · {what}" if what else last)
    return named


def _scores(axes: "Axes", rows: list[Row]) -> None:
    for place, row in enumerate(rows):
        colour = _COLOURS[row.way]
        broken: Any = "-" if row.delivered else ":"
        axes.plot([row.baseline, row.variant], [place, place], broken, color=colour, lw=2)
        axes.plot(row.baseline, place, "o", mfc="white", mec=_SOFT, mew=1.5)
        axes.plot(row.variant, place, "o", color=colour)
        if row.outcomes:
            words = ", ".join(f"{word} {'with' if of else 'without'}" for of, word in row.outcomes)
            axes.annotate(words, (0, place), (2, 7), textcoords="offset points", fontsize=6.5,
                          color=_SOFT)  # fmt: skip
    axes.set_xlim(-2, 102)
    axes.set_xlabel("score without (hollow) and with (filled)")
    axes.grid(axis="x", color=_BANDS[1])
    axes.set_axisbelow(True)


def _effects(axes: "Axes", rows: list[Row], band: tuple[float | None, float | None]) -> None:
    told = ("effects that chance in the answers may explain", "effects that this design misses")
    for width, colour, label in sorted(
        ((b, c, t) for b, c, t in zip(band, _BANDS, told, strict=True) if b is not None),
        reverse=True,
    ):
        axes.axvspan(-width, width, color=colour, zorder=0, label=f"{label} (±{width:.1f})")
    axes.axvline(0, color=_SOFT, lw=1, zorder=1)
    for place, row in enumerate(rows):
        if row.effect != row.effect:
            words = "not delivered: no effect" if not row.delivered else row.verdict
            axes.annotate(words, (0, place), (6, -3), textcoords="offset points", fontsize=8,
                          color=_SOFT)  # fmt: skip
            continue
        colour = _COLOURS[row.way]
        known = row.low == row.low
        if known:
            axes.plot([row.low, row.high], [place, place], "|-", color=colour, lw=2)
        axes.plot(row.effect, place, "o", color=colour, mfc=colour if known else "white", mew=1.5)
        axes.annotate(
            f"{points(row.effect)} {row.verdict}", (1.01, place),
            xycoords=("axes fraction", "data"), va="center", fontsize=8, color=colour,
        )  # fmt: skip
    marks = [
        "hollow: no interval can be had"
        * any(r.effect == r.effect and r.low != r.low for r in rows),
        "*: smaller than chance may be" * any(row.verdict.endswith("*") for row in rows),
    ]
    axes.set_xlabel("\n".join(("effect in points, with interval", *filter(None, marks))))
