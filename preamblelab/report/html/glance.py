"""What stands first wherever a report is shown: verdicts, the picture of effects, the noise."""

from preamblelab.report.findings import Findings
from preamblelab.report.gaps import nothing_line
from preamblelab.report.heads import head_of
from preamblelab.report.html.sections import figures_view, section_view
from preamblelab.report.html.tables import together
from preamblelab.report.markup import Child, Markup, element
from preamblelab.report.pages import first_figures, spent_lines, tiers_line
from preamblelab.report.sections import delivery_section, effects_section, facts_section
from preamblelab.report.svg.drawing import direction


def glance(report: Findings) -> Markup:
    """Verdicts and pictures without title and question; why there are none, where none can be."""
    if nothing := nothing_line(report.scores):
        return element("p", nothing)
    pictures = first_figures(report)
    return element(
        "div",
        verdicts_view(report),
        figures_view(pictures[:1]),
        noise_view(report),
        figures_view(pictures[1:]) or tiers_view(report),
        spent_view(report),
    )


def overview(report: Findings) -> Markup:
    """The glance, then effects, delivery, outcomes and cost as tables."""
    facts = facts_section(report)
    if nothing_line(report.scores):
        sections = [facts]
    else:
        sections = [effects_section(report), delivery_section(report), facts]
    shown = (section_view(each) for each in sections if each.lines or each.grid is not None)
    return element("div", glance(report), shown)


def verdicts_view(report: Findings) -> Markup:
    """One line for each verdict, then their tally, the design, and what is missing."""
    head = head_of(report)
    ways = [  # the interval that the verdict reads, not the one of this variant alone
        direction(row["adjusted_low"], row["adjusted_high"])
        for row in report.overall.to_dict("records")
    ]
    ways += ["flat"] * (len(head.verdicts) - len(ways))
    return element(
        "div",
        (
            element("p", _bold(line), class_=f"verdict {way}")
            for line, way in zip(head.verdicts, ways, strict=False)
        ),
        element("p", head.tally) if head.tally else None,
        element(
            "p", " ".join(each for each in (head.shape + ".", head.missing) if each), class_="shape"
        ),
    )


def noise_view(report: Findings) -> Markup:
    """What this design cannot see."""
    lines = (element("p", together(line)) for line in head_of(report).noise)
    return element("div", lines, class_="quiet")


def tiers_view(report: Findings) -> Markup | None:
    """Why no map of tiers and sizes is drawn."""
    line = tiers_line(report)
    return element("p", line, class_="quiet") if line else None


def spent_view(report: Findings) -> Markup | None:
    """Calls, tokens and money, used and saved."""
    said = "; ".join(line.rstrip(".") for line in spent_lines(report))
    if not said:
        return None
    return element(
        "p", element("b", "Spent and saved. "), together(f"{said[0].upper()}{said[1:]}.")
    )


def _bold(line: str) -> tuple[Child, ...]:
    """A verdict with its figure in bold: what stands before the first comma after the colon."""
    subject, _, rest = together(line).partition(": ")
    figure, comma, tail = rest.partition(", ")
    return (subject, ": ", element("b", figure + comma), tail)
