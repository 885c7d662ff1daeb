"""A policy and its history in words."""

from collections.abc import Sequence

from preamblelab.domain.policies import Entry, Evidence, PolicySpec
from preamblelab.report.layout import Grid, Section, as_text, counted

_COLUMNS = ("for", "use", "said", "effect", "low", "high", "tasks", "models", "until")


def policy_page(policy: PolicySpec, *, with_texts: bool = True) -> str:
    """What a policy says for whom, with the reasons, and the texts of its preambles."""
    simulated = " SIMULATED: no real model was asked." if policy.simulated else ""
    again = f", which is version {policy.restored} again" if policy.restored else ""
    line = (
        f"{policy.name}, version {policy.version}{again}, written {policy.written}: "
        f"{counted(len(policy.entries), 'choice')}; whoever is not named gets none."
        f"{simulated}"
    )
    rows = tuple(_row(entry) for entry in policy.ladder)
    grid = Grid(columns=_COLUMNS, rows=rows, right=frozenset(_COLUMNS[3:8]))
    notes = tuple(f"{entry.slot}: {entry.reason}" for entry in policy.ladder)
    sections = [Section(lines=(line,), grid=grid if rows else None, notes=notes)]
    for key, kept in policy.preambles.items() if with_texts else ():
        sections.append(Section(title=key, lines=tuple(kept.text.splitlines())))
    return as_text(sections)


def history_page(versions: Sequence[PolicySpec], now: PolicySpec) -> str:
    """The versions of a policy, newest first, and what each changed."""
    lines = []
    before: PolicySpec | None = None
    for policy in versions:
        mark = "  <- in force" if policy.version == now.version else ""
        again = f", version {policy.restored} again" if policy.restored else ""
        said = "; ".join(_changes(before, policy)) or "the same choices"
        lines.append(f"{policy.version}  {policy.written}{again}: {said}{mark}")
        before = policy
    return as_text([Section(title=f"History of {now.name}", lines=tuple(reversed(lines)))])


def _changes(before: PolicySpec | None, after: PolicySpec) -> list[str]:
    old = {} if before is None else {entry.slot: entry.use for entry in before.ladder}
    new = {entry.slot: entry.use for entry in after.ladder}
    changed = [
        f"{slot}: {old.get(slot, 'unnamed')} -> {use}"
        for slot, use in new.items()
        if old.get(slot) != use
    ]
    return changed + [f"{slot}: {use} -> unnamed" for slot, use in old.items() if slot not in new]


def _row(entry: Entry) -> tuple[str, ...]:
    figures = ("", "", "", "", "") if entry.evidence is None else _figures(entry.evidence)
    return (entry.slot, entry.use, entry.said, *figures, str(entry.expires))


def _figures(evidence: Evidence) -> tuple[str, ...]:
    numbers = (evidence.effect, evidence.low, evidence.high)
    return (*(f"{each:+.1f}" for each in numbers), str(evidence.tasks), str(evidence.models))
