"""The report on runs that repeat each other: tiers, findings, judges, profiles, what was spent."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from preamblelab.decision.replication import Replication
from preamblelab.report.layout import Grid, Section, as_text
from preamblelab.stats.replication import LEAST_RUNS
from preamblelab.stats.sentences import counted

if TYPE_CHECKING:
    from pandas import DataFrame

FINDINGS_SCHEMA: Final = 1
"""Changes when a reader of a findings file would have to change."""

SAME_TASKS: Final = (
    "Running the same tasks again takes out the noise of sampling and of judges, not that of which "
    "tasks were chosen: the intervals over tasks are for that."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """One run in figures."""

    run: str
    trials: int
    scored: int
    usd: Mapping[str, float] | None = None
    """By role: subject, judge, ...; None where a table tells nothing of it."""
    unpriced: int = 0
    """Calls whose price is unknown; they are not in `usd`."""
    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationReport:
    """What several runs of one benchmark show together. Prints as text."""

    title: str
    unit: str
    under: str
    """The arm under which models were asked; empty where arms are compared, or nobody says."""
    runs: tuple[RunFacts, ...]
    replication: Replication | None
    """None for a table, which says nothing of how its runs were made."""
    tiers: "DataFrame"
    ranks: "DataFrame"
    wins: "DataFrame"
    findings: "DataFrame"
    gaps: "DataFrame"
    basis: Mapping[str, Mapping[str, Any]]
    """What each finding rests on, by its id; empty for a table."""
    chance: tuple[str, ...] = ()
    """The noise floor in words."""
    warnings: tuple[str, ...] = ()
    judges: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    made: str = ""
    """When the last run was made, UTC; empty where unknown."""

    @property
    def simulated(self) -> bool:
        """Whether any answer comes from a simulated model."""
        return any(run.simulated for run in self.runs)

    @property
    def replicates(self) -> bool | None:
        """Whether all runs repeat each other; None where nothing says so."""
        return None if self.replication is None else self.replication.replicates

    def to_dict(self) -> dict[str, Any]:
        """Everything a program may want; `routing` reads `findings` and `gaps` from it."""
        found = _records(self.findings)
        for place, row in enumerate(found, start=1):
            row["id"] = f"F{place}"
            row["basis"] = self.basis.get(row["id"], {})
        return {
            "schema": FINDINGS_SCHEMA,
            "title": self.title,
            "made": self.made,
            "unit": self.unit,
            "under": self.under,
            "simulated": self.simulated,
            "replicates": self.replicates,
            "runs": [asdict(run) for run in self.runs],
            "replication": None if self.replication is None else asdict(self.replication),
            "findings": found,
            "gaps": _records(self.gaps),
            "tiers": _records(self.tiers),
            "ranks": _records(self.ranks),
            "wins": _records(self.wins),
            "noise_floor": list(self.chance),
            "warnings": list(self.warnings),
            "judges": list(self.judges),
            "profiles": list(self.profiles),
        }

    def to_json(self) -> str:
        """`to_dict` as text: the findings file of `routing`."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def __str__(self) -> str:
        """The report as text for a terminal."""
        return as_text([each for each in self.sections() if each.lines or each.grid or each.notes])

    def _repr_html_(self) -> str:
        from preamblelab.report.notebook import sections_box

        return sections_box(self.sections())

    def sections(self) -> list[Section]:
        """What is printed, in its order."""
        head = list(self.replication.sentences) if self.replication else [_TAKEN_ON_TRUST]
        if self.under:
            head.append(f"Models are compared as they answered under '{self.under}'.")
        if len(self.runs) < LEAST_RUNS:
            head.append(
                f"{counted(len(self.runs), 'run')}: every finding is labelled so, and no routing "
                f"rule may rest on it; {LEAST_RUNS} replicates are needed."
            )
        simulated = " (simulated results)" if self.simulated else ""
        return [
            Section(
                title=f"{self.title}{simulated}",
                lines=(*head, *(f"WARNING: {each}" for each in self.warnings)),
                grid=_runs_grid(self.runs),
            ),
            self._tiers(),
            Section(
                title="Findings by category",
                lines=tuple(
                    f"F{place} {sentence}"
                    for place, sentence in enumerate(self.findings["sentence"], start=1)
                ),
                notes=(SAME_TASKS,) if len(self.findings) else (),
            ),
            Section(title="Judges", lines=self.judges),
            Section(title="Sampling profiles", lines=self.profiles),
        ]

    def _tiers(self) -> Section:
        if len(self.tiers) < 2:
            return Section(
                title="Tiers", lines=("One arm: no tiers, only its noise.", *self.chance)
            )
        ranks = {str(row["unit"]): row for row in _records(self.ranks)}
        wins = {str(row["unit"]): row for row in _records(self.wins)}
        numbers = [n for n in range(1, len(self.runs) + 1) if f"mean_{n}" in self.tiers]
        rows = []
        for row in _records(self.tiers):
            name = str(row["unit"])
            own = ranks[name]
            won = [f"{wins[name][f'wins_{n}']:.3g}" for n in numbers] if name in wins else ["-"]
            rows.append(
                (
                    name,
                    f"{row['mean']:.1f}",
                    _whole(own["tier"]),
                    f"{own['rank_low']} to {own['rank_high']}",
                    " ".join(f"{row[f'mean_{n}']:.1f}" for n in numbers),
                    " ".join(_whole(row[f"tier_{n}"]) for n in numbers),
                    f"{row['range']:.1f}" if len(numbers) > 1 else "-",
                    " ".join(won),
                    "stable" if row["status"] == "same tier" else str(row["status"]),
                )
            )
        columns = (
            self.unit, "mean", "tier", "rank", "means by run", "tiers by run", "range", "wins", "",
        )  # fmt: skip
        grid = Grid(columns=columns, rows=tuple(rows), right=frozenset({"mean", "range"}))
        line = (
            "Tiers, not points: a tier opens with the first that is proven worse than the leader "
            "of the one before. A range is the highest minus the lowest run; stable is the same "
            "tier in every run; nothing scored every time is the floor, not stability."
        )
        return Section(title="Tiers", lines=(line,), grid=grid, notes=self.chance)


_TAKEN_ON_TRUST: Final = (
    "A table says nothing of how its runs were made: that they repeat each other is taken on your "
    "word. Runs in a store are compared field by field."
)


def _runs_grid(runs: tuple[RunFacts, ...]) -> Grid:
    roles = list(dict.fromkeys(role for run in runs for role in run.usd or {}))
    columns = ("run", "trials", "scored", *(f"usd {role}" for role in roles), "usd")
    rows = [
        (
            run.run,
            str(run.trials),
            str(run.scored),
            *("-" if run.usd is None else f"{run.usd.get(role, 0.0):.4f}" for role in roles),
            _total(run),
        )
        for run in runs
    ]
    if len(runs) > 1 and all(run.usd is not None for run in runs):
        every = [f"{sum((run.usd or {}).get(role, 0.0) for run in runs):.4f}" for role in roles]
        unpriced = sum(run.unpriced for run in runs)
        total = sum(sum((run.usd or {}).values()) for run in runs)
        counts = (str(sum(r.trials for r in runs)), str(sum(r.scored for r in runs)))
        rows.append(("all", *counts, *every, _priced(total, unpriced)))
    return Grid(columns=columns, rows=tuple(rows), right=frozenset(columns[1:]))


def _total(run: RunFacts) -> str:
    return "-" if run.usd is None else _priced(sum(run.usd.values()), run.unpriced)


def _priced(usd: float, unpriced: int) -> str:
    return f"{usd:.4f}" + (f" + {unpriced} unpriced" if unpriced else "")


def _whole(value: Any) -> str:
    return "-" if value != value or value is None or str(value) == "<NA>" else f"{int(value)}"


def _records(table: "DataFrame") -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=10))
    return records
