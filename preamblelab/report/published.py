"""Published sentences beside what the tables say: which follow, which do not, and why."""

from dataclasses import dataclass
from typing import Any

from preamblelab.report.layout import Grid, Section, as_text
from preamblelab.stats.claims import Checked


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsReport:
    """Every sentence with what became of it. Prints as text."""

    source: str
    """Where the sentences were published."""
    tables: str
    """What they were computed from."""
    checked: tuple[Checked, ...]
    notes: tuple[str, ...] = ()

    @property
    def follows(self) -> int:
        """How many sentences follow from the table."""
        return sum(each.follows for each in self.checked)

    def to_dict(self) -> dict[str, Any]:
        """Everything a program may want, as JSON-like values."""
        return {
            "source": self.source,
            "tables": self.tables,
            "follow": self.follows,
            "claims": [
                {
                    "says": each.claim.says,
                    "compute": each.claim.compute,
                    "states": each.claim.states,
                    "follows": each.follows,
                    "readings": [{"value": r.value, "words": r.words} for r in each.readings],
                    "caution": each.caution,
                    "sentence": each.sentence,
                }
                for each in self.checked
            ],
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        """The sentences, those that do not follow first."""
        count = f"{self.follows} of {len(self.checked)} sentences follow from {self.tables}."
        head = Section(
            title="Published sentences",
            lines=tuple(filter(None, (self.source, count, *self.notes))),
        )
        kinds = {False: "Do not follow", True: "Follow"}
        sections = [
            Section(
                title=title,
                lines=tuple(
                    line
                    for each in self.checked
                    if each.follows is follows
                    for line in (f"“{each.claim.says}”", f"    {each.sentence}")
                ),
            )
            for follows, title in kinds.items()
        ]
        return as_text([head, *(each for each in sections if each.lines)])


def published_section(report: ClaimsReport | None) -> Section:
    """Every published sentence with whether it follows, and why; nothing without any."""
    if report is None:
        return Section()
    rows = [
        ("follows" if each.follows else "does not follow", f"“{each.claim.says}”", reason_of(each))
        for follows in (False, True)
        for each in report.checked
        if each.follows is follows
    ]
    count = f"{report.follows} of {len(report.checked)} sentences follow from the table."
    return Section(
        title="What was published, and what holds",
        lines=tuple(filter(None, (report.source, count))),
        grid=Grid(columns=("", "published", "recomputed"), rows=tuple(rows)),
        notes=report.notes,
    )


def reason_of(each: Checked) -> str:
    """What became of a sentence, without the word that says whether it follows."""
    said = each.sentence.partition(": ")[2]
    return said[:1].upper() + said[1:]
