"""The trials of an experiment as narrow lines in memory, to be filtered, sorted and paged in SQL.

Scores and gains are sums that the file does not hold; with them computed once, a page of 100,000
trials takes milliseconds, and the file is left alone.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Final, Literal

from preamblelab.errors import SpecError
from preamblelab.store.tables import SCORE_COLUMNS

SORTS: Final = (
    "ordinal", "model", "variant", "task", "repetition", "status", "score", "gain", "seconds",
    "completion_tokens", "usd",
)  # fmt: skip
"""Columns by which trials can be sorted; what is missing stands last, either way."""

Direction = Literal["up", "down"]
FACETS: Final = ("model", "variant", "task", "status")

COLUMNS: Final = (*SCORE_COLUMNS, "ordinal", "flags", "task_digest")
"""Columns of the rows that a snapshot is made from."""

# The baseline's answer to the same task and repetition; without either score there is no gain.
_GAIN: Final = """
UPDATE lines SET gain = score - (
    SELECT b.score FROM lines b WHERE b.variant = ?1 AND b.model = lines.model
        AND b.task = lines.task AND b.repetition = lines.repetition)
WHERE variant <> ?1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLine:
    """One trial without its texts."""

    ordinal: int
    model: str
    size: str
    variant: str
    task: str
    repetition: int
    score: float | None
    gain: float | None
    """Points above the baseline's answer to the same task and repetition; None where either score
    is missing, and for the baseline itself."""
    category: str
    status: str
    reason: str
    simulated: bool
    seconds: float | None
    prompt_tokens: int | None
    completion_tokens: int | None
    usd: float | None
    delivery: str
    response_key: str
    part: str
    flags: tuple[str, ...]
    task_digest: str


_LINE: Final = tuple(each.name for each in fields(TrialLine))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialFilter:
    """Which trials are wanted; what is empty does not narrow."""

    model: str = ""
    variant: str = ""
    task: str = ""
    status: str = ""
    flag: str = ""
    lowest: float | None = None
    """Score, 0 to 100; with either bound, trials without a score are left out."""
    highest: float | None = None
    unscored: bool = False
    """Only trials without a score."""
    text: str = ""
    """A piece of the answer, letters A to Z in either case."""

    @property
    def narrows(self) -> bool:
        """Whether it leaves anything out."""
        return self != TrialFilter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """By what trials are sorted; equal ones stand in the order of the plan."""

    column: str = "ordinal"
    direction: Direction = "up"

    def __post_init__(self) -> None:
        if self.column not in SORTS or self.direction not in {"up", "down"}:
            raise SpecError(
                f"cannot sort by '{self.column}' '{self.direction}': columns are "
                f"{', '.join(SORTS)}, directions up, down"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPage:
    """A page of trials, and how to go on."""

    lines: tuple[TrialLine, ...]
    matching: int | None
    """Trials that the filter lets through; None where texts are searched and nobody counted."""
    before: int | None = None
    """Ordinal before which there are more; None on the first page."""
    after: int | None = None
    """Ordinal after which there are more; None on the last page."""
    searched: int | None = None
    """Answers that were searched for a text, where that stopped before the last one."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """All trials of an experiment at one moment; may be asked from several threads."""

    experiment: str
    baseline: str
    taken: str
    """When, in UTC."""
    rows: Iterable[Sequence[Any]]
    """In `COLUMNS`; read once."""
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Read the rows."""
        _ = self._lines

    @cached_property
    def _lines(self) -> sqlite3.Connection:
        names = ", ".join(
            f"{name} INTEGER PRIMARY KEY" if name == "ordinal" else name for name in COLUMNS
        )
        lines = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        lines.execute(f"CREATE TABLE lines ({names}, gain REAL)")
        places = ", ".join("?" for _ in COLUMNS)
        lines.execute("BEGIN")
        lines.executemany(f"INSERT INTO lines VALUES ({places}, NULL)", self.rows)  # noqa: S608
        lines.execute("CREATE INDEX arms ON lines (variant, model, task, repetition)")
        lines.execute(_GAIN, (self.baseline,))
        lines.execute("COMMIT")
        return lines

    def close(self) -> None:
        """Give the memory back."""
        with self._turn:
            self._lines.close()

    @cached_property
    def facets(self) -> Mapping[str, Mapping[str, int]]:
        """For model, variant, task, status and flag: each value with how many trials have it."""
        found = {
            name: dict(
                self._ask(
                    f"SELECT {name}, count(*) FROM lines GROUP BY 1 ORDER BY min(ordinal)"  # noqa: S608
                )
            )
            for name in FACETS
        }
        flags = self._ask(
            "SELECT f.value, count(*) FROM lines, json_each(lines.flags) f GROUP BY 1 ORDER BY 1"
        )
        return {**found, "flag": dict(flags)}

    def count(self, wanted: TrialFilter) -> int:
        """How many trials the filter lets through, whatever their texts."""
        where, values = _where(wanted)
        return int(self._ask(f"SELECT count(*) FROM lines WHERE {where}", values)[0][0])  # noqa: S608

    def line(self, ordinal: int) -> TrialLine:
        """One trial.

        Raises:
            SpecError: there is none of this number.
        """
        found = self._ask(f"SELECT {', '.join(_LINE)} FROM lines WHERE ordinal = ?", (ordinal,))  # noqa: S608
        if not found:
            raise SpecError(f"'{self.experiment}' has no trial number {ordinal}")
        return _as_line(found[0])

    def arms(self, line: TrialLine) -> tuple[TrialLine, ...]:
        """The trials of the same model, task and repetition, itself among them, in order."""
        return self._selected(
            "model = ? AND task = ? AND repetition = ?", (line.model, line.task, line.repetition)
        )

    def repetitions(self, line: TrialLine) -> tuple[TrialLine, ...]:
        """The trials of the same cell, itself among them, by repetition."""
        return self._selected(
            "model = ? AND variant = ? AND task = ?", (line.model, line.variant, line.task)
        )

    def page(
        self,
        wanted: TrialFilter,
        order: Order,
        *,
        limit: int,
        after: int | None = None,
        before: int | None = None,
    ) -> TrialPage:
        """The trials after, or before, a trial in this order; from the first when neither.

        Args:
            wanted: the filter; its text is not looked at.
            order: by what.
            limit: trials at the most.
            after: ordinal of the last trial of the page before.
            before: ordinal of the first trial of the page after.
        """
        lines, more = self.following(wanted, order, limit=limit, after=after, before=before)
        earlier, later = after is not None, more
        if before is not None:
            earlier, later = more, True
        return TrialPage(
            lines=lines,
            matching=self.count(wanted),
            before=lines[0].ordinal if lines and earlier else None,
            after=lines[-1].ordinal if lines and later else None,
        )

    def following(
        self,
        wanted: TrialFilter,
        order: Order,
        *,
        limit: int,
        after: int | None = None,
        before: int | None = None,
    ) -> tuple[tuple[TrialLine, ...], bool]:
        """As `page`: the trials, and whether there are more in that direction."""
        where, values = _where(wanted)
        backwards = before is not None
        place = before if backwards else after
        if place is not None:
            condition, more = self._beyond(order, place, backwards=backwards)
            where, values = f"{where} AND {condition}", [*values, *more]
        falling = (order.direction == "down") != backwards
        rows = self._ask(
            f"SELECT {', '.join(_LINE)} FROM lines WHERE {where} "  # noqa: S608 - names of ours
            f"ORDER BY {order.column} IS NULL {'DESC' if backwards else ''}, "
            f"{order.column} {'DESC' if falling else 'ASC'}, "
            f"ordinal {'DESC' if backwards else 'ASC'} LIMIT ?",
            [*values, limit + 1],
        )
        lines = [_as_line(row) for row in rows[:limit]]
        return tuple(reversed(lines) if backwards else lines), len(rows) > limit

    def _beyond(self, order: Order, place: int, *, backwards: bool) -> tuple[str, list[Any]]:
        """The condition that a trial stands behind (or before) another, in SQL."""
        found = self._ask(f"SELECT {order.column} FROM lines WHERE ordinal = ?", (place,))  # noqa: S608
        if not found:
            raise SpecError(f"'{self.experiment}' has no trial number {place}")
        value, name = found[0][0], order.column
        later = "<" if backwards else ">"
        further = "<" if (order.direction == "down") != backwards else ">"
        condition = (
            f"(({name} IS NULL) {later} ? OR (({name} IS NULL) = ? "
            f"AND ({name} {further} ? OR ({name} IS ? AND ordinal {later} ?))))"
        )
        missing = int(value is None)
        return condition, [missing, missing, value, value, place]

    def _selected(self, where: str, values: Sequence[Any]) -> tuple[TrialLine, ...]:
        rows = self._ask(
            f"SELECT {', '.join(_LINE)} FROM lines WHERE {where} ORDER BY ordinal",  # noqa: S608
            values,
        )
        return tuple(_as_line(row) for row in rows)

    def _ask(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._turn:
            return self._lines.execute(statement, values).fetchall()


def _where(wanted: TrialFilter) -> tuple[str, list[Any]]:
    """The filter as a condition with its values."""
    conditions, values = ["1"], []
    for name in FACETS:
        if value := getattr(wanted, name):
            conditions.append(f"{name} = ?")
            values.append(value)
    if wanted.flag:
        conditions.append("EXISTS (SELECT 1 FROM json_each(lines.flags) f WHERE f.value = ?)")
        values.append(wanted.flag)
    if wanted.lowest is not None:
        conditions.append("score >= ?")
        values.append(wanted.lowest)
    if wanted.highest is not None:
        conditions.append("score <= ?")
        values.append(wanted.highest)
    if wanted.unscored:
        conditions.append("score IS NULL")
    return " AND ".join(conditions), values


def _as_line(row: Sequence[Any]) -> TrialLine:
    given = dict(zip(_LINE, row, strict=True))
    flags = tuple(json.loads(given["flags"] or "[]"))
    return TrialLine(**{**given, "flags": flags, "simulated": bool(given["simulated"])})
