"""Routing rules in words: what may be said of each, and who answers a category."""

from preamblelab.decision.routing import Route, RoutingCheck
from preamblelab.report.layout import Grid, Section

_MEANS = {"pass": "stands", "fail": "REFUSED", "stale": "STALE", "lapsed": "LAPSED"}


def check_sections(name: str, check: RoutingCheck) -> list[Section]:
    """The check of a file of rules."""
    lines = []
    if check.simulated:
        lines.append("The findings rest on simulated results.")
    if not check.checked_against:
        lines.append(
            "Not compared with what is in use now: name a run with --against to see which findings "
            "have expired."
        )
    grid = Grid(
        columns=("category", "to", "because", "", "why"),
        rows=tuple(
            (rule.category, rule.to, rule.because, _MEANS[rule.said], rule.words)
            for rule in check.rules
        ),
    )
    return [Section(title=name, lines=tuple(lines), grid=grid if check.rules else None)]


def route_lines(found: Route) -> tuple[str, ...]:
    """Who answers a category, and why."""
    order = ", then ".join(found.models) or "nobody"
    lines = [f"{found.category}: {order}.", f"Why: {found.reason}."]
    if found.private:
        lines.append("Private: only models that run here are ever asked.")
    if found.warning:
        lines.append(f"WARNING: {found.warning}.")
    return tuple(line.replace("..", ".") for line in lines)
