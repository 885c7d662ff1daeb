"""The use cases on other people's judgements: who wins how much, and how far judges agree."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from preamblelab.errors import TableError
from preamblelab.lab.deciding import Told
from preamblelab.report.layout import Grid, Section, as_text
from preamblelab.stats.sentences import counted
from preamblelab.stats.wins import (
    group_wins,
    ranged,
    win_table,
    win_table_from_counts,
    wins_by_repetition,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pandas import DataFrame


def wins_of(
    file: Path,
    models: "Sequence[str]",
    *,
    new_tests: bool = False,
    groups: "Mapping[str, Sequence[str]] | None" = None,
) -> Told:
    """The win table of a CSV: intervals, rank intervals, ranges, and what chance alone gives.

    Args:
        file: columns `test, winner`, and where there `repetition` and `judge`; or a published
            table of counts with the columns `model, repetition, wins`.
        models: all who took part; needed where one never won.
        new_tests: every repetition of a table of counts asked other tests; else the same.
        groups: models whose wins are added up, by name.

    Raises:
        TableError: the file cannot be read, or lacks a column.
    """
    from preamblelab.stats.tables import read_table

    table = read_table(file)
    if "wins" in table and "winner" not in table:
        wins, by_repetition = _counted(file, table, new_tests=new_tests)
    else:
        named = list(models) or None
        wins = win_table(table, models=named)
        by_repetition = wins_by_repetition(table, models=named)
    # The floor is that of one repetition, whatever several of them are worth together.
    floor, tests = wins.attrs["win_floor"], round(by_repetition["wins_1"].sum())
    ranges = by_repetition.set_index("model")["range"]
    several = by_repetition.filter(like="wins_").shape[1] > 1
    rows = tuple(
        (
            str(row["model"]),
            f"{row['wins']:g}",
            f"{row['share']:.1%}",
            f"{row['low']:.1%} to {row['high']:.1%}",
            f"{row['rank_low']} to {row['rank_high']}",
            f"{ranges[row['model']]:g}" if several else "-",
            str(row["flags"]).replace("_", " "),
        )
        for row in wins.to_dict("records")
    )
    columns = ("model", "wins", "share", "95 % interval", "rank", "range", "")
    chance = (
        f"A model that is as good as the others wins {tests / len(wins):.1f} of "
        f"{counted(int(tests), 'test')} give or take {floor:.2f} (SD over new tests; asking the "
        "same tests again does not shrink it)."
    )
    lines = [
        chance,
        "Ranks are what sign tests over the tests can tell apart, all pairs together at 95 %.",
    ]
    if wins.attrs["unnamed"]:
        lines.append(f"{wins.attrs['unnamed']} judgements name no winner and are left out.")
    sums = {name: group_wins(by_repetition, own) for name, own in (groups or {}).items()}
    notes = ("", *(str(each) for each in by_repetition["sentence"])) if several else ()
    notes += tuple(_together(name, own, int(tests)) for name, own in sums.items())
    grid = Grid(columns=columns, rows=rows, right=frozenset({"wins", "share", "range"}))
    section = Section(title=file.name, lines=tuple(lines), grid=grid, notes=notes)
    data = {
        "tests": int(tests),
        "win_floor": float(floor),
        "unnamed": int(wins.attrs["unnamed"]),
        "wins": _records(wins),
        "by_repetition": _records(by_repetition),
        "groups": {name: list(own) for name, own in sums.items()},
    }
    return Told(text=as_text([section]), data=data)


def _together(name: str, wins: "Sequence[float]", tests: int) -> str:
    listed = ", ".join(f"{each:g}" for each in wins)
    return f"{name} together: {listed} of {tests}."


def _counted(file: Path, table: "DataFrame", *, new_tests: bool) -> "tuple[DataFrame, DataFrame]":
    """Both tables from published counts, where nobody knows who won which test."""
    for column in ("model", "repetition"):
        if column not in table:
            raise TableError(f"{file}: counts of wins need the column '{column}' beside 'wins'")
    wide = table.astype({"wins": float}).pivot_table(
        index="model", columns="repetition", values="wins", sort=False
    )
    if bool(wide.isna().any(axis=None)):
        raise TableError(f"{file}: a model lacks its wins in a repetition; write 0 for none")
    tests = int(wide.iloc[:, 0].sum())
    counts = {str(name): [int(each) for each in row] for name, row in wide.iterrows()}
    repeats = "new tests" if new_tests else "the same tests"
    wins = win_table_from_counts(counts, tests=tests, repeats=repeats)  # type: ignore[arg-type]
    wide.columns = [f"wins_{place}" for place in range(1, wide.shape[1] + 1)]
    return wins, ranged(wide)


def _records(table: "DataFrame") -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(table.to_json(orient="records"))
    return records
