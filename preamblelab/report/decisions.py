"""A decision as text, Markdown, JUnit XML and annotations: all of it said by the `Decision`."""

from collections.abc import Sequence
from typing import Literal

from preamblelab.decision.records import Cost, Decision, Measured, RuleResult
from preamblelab.report.escaping import for_terminal
from preamblelab.report.junit import Case, Suite, junit
from preamblelab.report.layout import Grid, Section, as_markdown, as_text

_FIGURES = ("role", "weight", "n", "champion", "challenger", "difference", "interval", "said")


def decision_sections(decision: Decision) -> list[Section]:
    """The decision, every rule, every figure, what matters most, what it cost."""
    sections = [
        Section(title=f"Decision on {decision.challenger}", lines=(decision.sentence,)),
        Section(title="Rules, in their order", grid=_rules(decision)),
    ]
    if decision.measured:
        sections.append(
            Section(
                title="Scores, from 0 to 1",
                grid=_figures(decision),
                notes=(
                    (
                        "A difference is challenger minus champion, with its "
                        f"{1 - 2 * _alpha(decision):.0%} interval: each limit errs in "
                        f"{_alpha(decision):.0%}, for tasks like these. The unit is the task; "
                        "repetitions are averaged first."
                    ),
                ),
            )
        )
    if decision.influential:
        sections.append(Section(title="The tasks that matter most", grid=_influential(decision)))
    if decision.costs:
        sections.append(Section(title="What it took", grid=_costs(decision)))
    sections.append(Section(title="Where it comes from", lines=_origins(decision)))
    return sections


def decision_text(decision: Decision) -> str:
    """For a terminal."""
    return as_text(decision_sections(decision))


def decision_markdown(decision: Decision) -> str:
    """`report.md`, and the summary of a pipeline's step; foreign text cannot become markup."""
    return as_markdown(decision_sections(decision))


def _alpha(decision: Decision) -> float:
    return next((m.interval.alpha for m in decision.measured if m.interval), 0.05)


def _rules(decision: Decision) -> Grid:
    rows = []
    for rule in decision.rules:
        decided = " (decides)" if rule is decision.decisive else ""
        rows.append((rule.name, f"{rule.said}{decided}", rule.words))
    return Grid(columns=("rule", "said", "why"), rows=tuple(rows))


def _figures(decision: Decision) -> Grid:
    rows = tuple((each.name, *_figure(each)) for each in decision.measured)
    return Grid(columns=("", *_FIGURES), rows=rows, right=frozenset(_FIGURES[1:7]))


def _figure(each: Measured) -> tuple[str, ...]:
    interval = each.interval
    role = f"{each.role} ({each.mode})" if each.mode else each.role
    if each.mode and each.margin is not None:
        role = f"{each.role} ({each.mode}, {each.margin:g})"
    return (
        role if each.kind != "part" else "",
        "-" if each.weight is None else f"{each.weight:.3f}",
        f"{each.n} of {each.planned}",
        _share(each.champion),
        _share(each.challenger),
        "-" if interval is None else f"{interval.estimate:+.3f}",
        "-" if interval is None else f"{interval.low:+.3f} to {interval.high:+.3f}",
        each.words,
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _influential(decision: Decision) -> Grid:
    columns = ("task", "category", "difference", "overall without it")
    rows = tuple(
        (each.task, each.category, f"{each.difference:+.3f}", f"{each.without:+.3f}")
        for each in decision.influential
    )
    return Grid(columns=columns, rows=rows, right=frozenset(columns[2:]))


def _costs(decision: Decision) -> Grid:
    columns = ("", "calls", "usd", "prompt tokens", "answer tokens", "seconds (median)", "(p95)")
    rows = tuple((name, *_cost(cost)) for name, cost in decision.costs.items())
    return Grid(columns=columns, rows=rows, right=frozenset(columns[1:]))


def _cost(cost: Cost) -> tuple[str, ...]:
    return (
        str(cost.calls),
        "unknown" if cost.usd is None else f"{cost.usd:.4f}",
        "unknown" if cost.prompt_tokens is None else f"{cost.prompt_tokens:,}",
        "unknown" if cost.completion_tokens is None else f"{cost.completion_tokens:,}",
        "unknown" if cost.seconds is None else f"{cost.seconds:.2f}",
        "unknown" if cost.seconds_p95 is None else f"{cost.seconds_p95:.2f}",
    )


def _origins(decision: Decision) -> tuple[str, ...]:
    champion = decision.champion or "no one"
    return (
        f"Slot {decision.slot}; champion {champion}; challenger {decision.challenger}.",
        (
            f"Run {decision.run}, begun {decision.at}; attempt {decision.attempt} with this "
            "challenger on this suite."
        ),
        f"Decision {decision.digest}; suite {decision.suite}.",
        *(("Simulated results: no real model was asked.",) if decision.simulated else ()),
    )


def junit_xml(decisions: Sequence[Decision]) -> str:
    """JUnit XML, one test suite for each decision and one test case for each rule.

    A rule that failed for want of valid data is an `<error>`; one that speaks against the
    challenger, or shows nothing, is a `<failure>`. A promotion has neither.
    """
    return junit(
        [
            Suite(
                name=f"{decision.slot}: {decision.challenger}",
                cases=[_case(rule, decision) for rule in decision.rules],
                timestamp=decision.at,
            )
            for decision in decisions
        ]
    )


def _case(rule: RuleResult, decision: Decision) -> Case:
    kind = junit_kind(rule, decision)
    return Case(
        name=rule.name,
        group=decision.slot,
        outcome=kind or "passed",
        kind=str(rule.leads_to),
        message=rule.words,
        details=decision.sentence if kind else rule.words if rule.said == "info" else "",
    )


def junit_kind(rule: RuleResult, decision: Decision) -> Literal["error", "failure"] | None:
    """`error`, `failure` or neither, of one rule."""
    if rule.leads_to in {None, "promote", "install"} or decision.exit_code == 0:
        return None
    return "error" if rule.leads_to == "invalid" else "failure"


_LEVELS = {
    "promote": "notice", "install": "notice", "keep": "warning", "inconclusive": "warning",
    "invalid": "error",
}  # fmt: skip


def annotations(decision: Decision) -> list[str]:
    """Workflow commands of GitHub: one line for the decision, one for each other reason."""
    level = _LEVELS[decision.outcome]
    lines = [f"::{level} title={_property(decision.slot)}::{_data(decision.sentence)}"]
    lines += [
        f"::{level} title={_property(rule.name)}::{_data(rule.words)}"
        for rule in decision.rules
        if rule is not decision.decisive and junit_kind(rule, decision) is not None
    ]
    return lines


def _data(text: str) -> str:
    return for_terminal(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
