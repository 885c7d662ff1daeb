"""The dated report on roles: one document for programs, and the Markdown that is made from it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from preamblelab.report.layout import Grid, Section, as_markdown, as_text, counted

ROLES_SCHEMA: Final = 1
"""Changes when a reader of the document would have to change."""
NONE_YET: Final = "Latest run: none yet."

Document = Mapping[str, Any]


def sections_of_roles(document: Document) -> list[Section]:
    """The report, role by role.

    Args:
        document: as `lab.roles.reporting.document` makes it, or as its JSON is read back.
    """
    if not document["roles"] or document["latest"] is None:
        lines = (NONE_YET, *(_state_line(role) for role in document["roles"]))
        return [Section(title="Models by role", lines=lines)]
    simulated = " (simulated results)" if document["simulated"] else ""
    literal = (
        ("LITERAL: points are compared, as in the original policy; no statistical support.",)
        if document["literal"]
        else ()
    )
    head = Section(
        title=f"Models by role{simulated}",
        lines=(f"Latest run: {document['latest']} (UTC), run {document['run']}.", *literal),
        grid=_overview(document["roles"]),
    )
    return [head, *(each for role in document["roles"] for each in _role(role))]


def roles_text(document: Document) -> str:
    """The report for a terminal."""
    return as_text(sections_of_roles(document))


def roles_markdown(document: Document) -> str:
    """The dated report: front matter, then the same sections; foreign text cannot become markup."""
    decisions = [each["digest"] for role in document["roles"] for each in role["decisions"]]
    front = {
        "schema": document["schema"],
        "run": document["run"],
        "manifest": document["manifest"],
        "simulated": document["simulated"],
        "decisions": decisions,
    }
    lines = [f"{name}: {_plain(value)}" for name, value in front.items()]
    body = as_markdown(sections_of_roles(document))
    return "\n".join(["---", *lines, "---", "", body])


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_plain(each) for each in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    # Ids and digests of ours: letters, digits and colons, quoted so that YAML reads texts.
    return str(value) if isinstance(value, int) else '"' + str(value).replace('"', "'") + '"'


def _overview(roles: Sequence[Document]) -> Grid:
    rows = tuple(
        (
            role["role"],
            _who(role, role["incumbent"]),
            ", ".join(_who(role, name) for name in role["challengers"]) or "-",
            str(role["cases"]),
            ", ".join(each["outcome"] for each in role["decisions"]) or role["note"],
        )
        for role in roles
    )
    columns = ("role", "incumbent", "challengers", "cases", "decision")
    return Grid(columns=columns, rows=rows, right=frozenset({"cases"}))


def _who(role: Document, name: str | None) -> str:
    if name is None:
        return "vacant"
    own = role["models"][name]
    return f"{name} ({own['family'] or 'family unknown'}, {own['cost_tier']})"


def _state_line(role: Document) -> str:
    return f"{role['role']}: {_who(role, role['incumbent'])}; {role['note'] or 'decided'}."


def _role(role: Document) -> list[Section]:
    spend = role["spend"]
    lines = [
        f"Incumbent: {_who(role, role['incumbent'])}. {counted(role['cases'], 'case')}.",
        *(f"WARNING: {each}." for each in role["warnings"]),
    ]
    if role["note"]:
        lines.append(f"No decision: {role['note']}.")
    if spend is not None:
        unpriced = spend["unpriced"]
        rest = f", and {counted(unpriced, 'call')} of unknown price" if unpriced else ""
        lines.append(f"Spent: {counted(spend['calls'], 'call')}, {spend['usd']:.4f} usd{rest}.")
    if role["escalation"]:
        lines += [f"Escalation: {line}" for line in role["escalation"]]
    sections = [Section(title=f"Role {role['role']}", lines=tuple(lines))]
    for decision in role["decisions"]:
        sections += [
            Section(
                title=f"{role['role']}: {decision['challenger']}",
                lines=(decision["sentence"],),
                grid=_figures(decision),
                notes=_costs(decision),
            ),
            Section(grid=_clauses(decision)),
        ]
    return sections


def _figures(decision: Document) -> Grid:
    columns = ("metric", "n", "incumbent", "challenger", "difference", "interval", "better")
    rows = tuple(
        (
            f"{each['name']} ({each['unit']})",
            str(each["n"]),
            _number(each["champion"]),
            _number(each["challenger"]),
            "-" if each["interval"] is None else f"{each['interval']['estimate']:+.3f}",
            _interval(each["interval"]),
            each["better"],
        )
        for each in decision["measured"]
    )
    return Grid(columns=columns, rows=rows, right=frozenset(columns[1:6]))


def _clauses(decision: Document) -> Grid:
    rows = tuple((rule["name"], rule["said"], rule["words"]) for rule in decision["rules"])
    return Grid(columns=("clause", "said", "why"), rows=rows)


def _costs(decision: Document) -> tuple[str, ...]:
    """Cost per accepted case and latency of both: told, and no clause."""
    lines: list[str] = []
    acceptance = decision["measured"][0]
    alphas = [each["interval"]["alpha"] for each in decision["measured"] if each["interval"]]
    if alphas:
        lines.append(
            f"Each limit errs in {max(alphas):.2%} (challengers held together by Holm), for cases "
            "like these; the unit is the case, repetitions are averaged first."
        )
    for who in ("champion", "challenger"):
        cost, rate = decision["costs"].get(who), acceptance[who]
        if cost is None:
            continue
        name = "incumbent" if who == "champion" else who
        each = "unknown"
        if cost["usd"] is not None and rate and cost["calls"]:
            each = f"{cost['usd'] / (rate * cost['calls']):.5f} usd"
        times = (cost["seconds"], cost["seconds_p95"])
        median, most = ("unknown" if t is None else f"{t:.2f} s" for t in times)
        lines.append(
            f"Cost per accepted case, {name}: {each}; latency: median {median}, p95 {most}."
        )
    return tuple(lines)


def _interval(interval: Document | None) -> str:
    if interval is None:
        return "-"
    return f"{interval['low']:+.3f} to {interval['high']:+.3f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
