"""Where judge and execution contradict each other, and how far one follows the other."""

import re
from typing import TYPE_CHECKING, Any, Final

from preamblelab.report.findings import Findings
from preamblelab.report.layout import Grid, Section, counted
from preamblelab.stats.calibration import judged_and_run

if TYPE_CHECKING:
    from pandas import DataFrame, Series

PRAISED: Final = 0.7
"""Share of a dimension's points from which an answer is praised in it."""
BLAMED: Final = 0.3
WORTHY: Final = 0.7
"""Executed worth, 0 to 1, from which blame is contradicted."""
TOTAL: Final = "total"
POINTS: Final = "points"
"""What stands for the judge where all that is known is the score."""
MOST_ROWS: Final = 20

_PLACE: Final = ["model", "variant", "task", "repetition"]
_ABOUT_CODE: Final = re.compile("code|test|coverage|complete|correct|function|runs|total")


def worth_of(executed: "DataFrame", mode: str = "strict") -> "DataFrame":
    """Executed worth of every answer that was run.

    Args:
        executed: as `Store.evidence` gives it.
        mode: `strict` or `repaired`.

    Returns:
        Columns `model, variant, task, repetition, kind, loads, tests, passed, mutants, killed,
        executed`; the last is the share of mutants killed, or of cases that hold, 0 to 1, and 0
        where nothing passes. What is missing is left out.
    """
    known = executed[(executed["mode"] == mode) & (executed["status"] == "ok")]
    counts = ["tests", "passed", "mutants", "killed"]
    table = known[[*_PLACE, "kind", "loads", *counts]].copy()
    table[counts] = table[counts].astype("int64")
    of_tests = table["killed"] / table["mutants"].clip(lower=1)
    of_code = table["passed"] / table["tests"].clip(lower=1)
    share = of_tests.where(table["kind"] == "tests", of_code)
    table["executed"] = share.where(table["passed"] > 0, 0.0)
    return table


def judged_points(findings: Findings) -> "DataFrame":
    """Judged points of every answer: per judge and dimension, and in all.

    The judge of the score is called `points`. Where the score rests on what running showed, it is
    left out: to compare it with running would be to compare that with itself.

    Returns:
        Columns `model, variant, task, repetition, judge, dimension, judged, share`; `share` is of
        the dimension's points, 0 to 1, missing where its maximum is not known.
    """
    import pandas as pd

    scores = findings.scores[[*_PLACE, "score"]].dropna()
    if findings.points_from_running:
        scores = scores.iloc[0:0]
    total = scores.assign(judge=POINTS, dimension=TOTAL).rename(columns={"score": "judged"})
    tables = [total.assign(share=total["judged"] / 100)]
    if findings.marks is not None:
        marks = findings.marks.rename(columns={"score": "judged"})
        maxima = marks["dimension"].map(findings.maxima)
        tables.append(marks.assign(share=marks["judged"] / maxima))
    return pd.concat(tables, ignore_index=True)


def contradictions(findings: Findings) -> "DataFrame":
    """Answers that are praised and of which nothing runs, or blamed though they run well.

    Only dimensions whose name speaks of code, tests, coverage, completeness or correctness are
    looked at, and the total: a good explanation of code that does not run is no contradiction.

    Returns:
        Columns `model, variant, task, repetition, judge, dimension, judged, share, kind, loads,
        tests, passed, mutants, killed, executed, repaired_passed, repaired_killed, says`: `praised`
        (70 % of the points or more, no test or case passes) or `blamed` (30 % or less, worth 70 %
        or more); worst first.
    """
    assert findings.executed is not None
    table = judged_points(findings).merge(worth_of(findings.executed), on=_PLACE)
    about = table["dimension"].map(lambda name: bool(_ABOUT_CODE.search(str(name).lower())))
    table = table[about]
    repaired = worth_of(findings.executed, "repaired")[[*_PLACE, "passed", "killed"]]
    table = table.merge(
        repaired.rename(columns={"passed": "repaired_passed", "killed": "repaired_killed"}),
        on=_PLACE,
        how="left",
    )
    praised = (table["share"] >= PRAISED) & (table["passed"] == 0)
    blamed = (table["share"] <= BLAMED) & (table["executed"] >= WORTHY)
    table["says"] = praised.map({True: "praised", False: "blamed"})
    table["gap"] = (table["share"] - table["executed"]).abs()
    found = table[praised | blamed].sort_values("gap", ascending=False, kind="stable")
    return found.drop(columns="gap").reset_index(drop=True)


def calibration(findings: Findings) -> "DataFrame":
    """Rank correlation of judged points with executed worth, per judge, dimension and mode.

    Returns:
        As `stats.calibration.judged_and_run`, with `mode` after `dimension`.
    """
    import pandas as pd

    assert findings.executed is not None
    hashes = findings.scores[_PLACE].assign(
        answer=findings.scores["task"].astype(str) + "/" + _identity(findings.scores)
    )
    judged = judged_points(findings).merge(hashes, on=_PLACE)
    tables = []
    for mode in ("strict", "repaired"):
        run = worth_of(findings.executed, mode)[[*_PLACE, "executed"]]
        tables.append(judged.merge(run, on=_PLACE).assign(mode=mode))
    return judged_and_run(
        pd.concat(tables, ignore_index=True),
        by=("judge", "dimension", "mode"),
        level=findings.level,
    )


def contradictions_section(findings: Findings) -> Section:
    """The answers that judge and execution see otherwise, with the numbers."""
    if findings.executed is None:
        return Section()
    if findings.points_from_running and findings.judged is None:
        return Section()
    found = contradictions(findings)
    looked_at = len(worth_of(findings.executed))
    if not looked_at:
        return Section()
    title = "Contradictions between judge and execution"
    if found.empty:
        line = (
            f"None in {counted(looked_at, 'answer')}: nothing was praised of which nothing runs, "
            "nothing blamed that runs well."
        )
        return Section(title=title, lines=(line,))
    answers = found.drop_duplicates([*_PLACE, "says"])["says"].value_counts()
    blamed = int(answers.get("blamed", 0))
    line = (
        f"{counted(int(answers.get('praised', 0)), 'answer')} of {looked_at:,} got 70 % or more of "
        "some points for code though nothing of it runs as it was written; "
        f"{counted(blamed, 'answer') if blamed else 'none'} got 30 % or less though it does."
    )
    names = ("model", "variant", "task", "rep.", "judge", "dimension", "judged")
    columns = (*names, "passed", "killed", "repaired")
    shown = found.head(MOST_ROWS).to_dict("records")
    more = len(found) - len(shown)
    return Section(
        title=title,
        lines=(line,),
        grid=Grid(
            columns=columns,
            rows=tuple(_row(row) for row in shown),
            right=frozenset({"rep.", "judged"}),
        ),
        notes=(f"  and {more:,} more (all of them: --format json)",) if more else (),
    )


def _row(row: dict[Any, Any]) -> tuple[str, ...]:
    code = row["kind"] == "code"
    repaired = "-"
    if row["repaired_passed"] == row["repaired_passed"]:
        passed, killed = int(row["repaired_passed"]), int(row["repaired_killed"])
        repaired = f"{passed} pass" if code else f"{passed} pass, {killed} killed"
    share = "" if row["share"] != row["share"] else f" ({100 * row['share']:.0f} %)"
    return (
        str(row["model"]),
        str(row["variant"]),
        str(row["task"]),
        str(row["repetition"]),
        str(row["judge"]),
        str(row["dimension"]),
        f"{row['judged']:.0f}{share}",
        f"{row['passed']} of {row['tests']}" if row["loads"] else "does not load",
        "-" if code else f"{row['killed']} of {row['mutants']}",
        repaired,
    )


def calibration_section(findings: Findings) -> Section:
    """How far each judge's points follow what the answers do, dimension by dimension."""
    if findings.executed is None:
        return Section()
    table = calibration(findings)
    if table.empty:
        return Section()
    rows = tuple(
        (
            str(row["judge"]),
            str(row["dimension"]),
            str(row["mode"]),
            str(row["distinct"]),
            _two_places(row["correlation"]),
            "-" if row["low"] != row["low"] else _two_places(row["low"], row["high"]),
            {"few": "too few for an interval", "constant": "one side does not vary"}.get(
                str(row["flags"]), ""
            ),
        )
        for row in table.to_dict("records")
    )
    level = f"{100 * findings.level:g} % interval"
    columns = ("judge", "dimension", "mode", "answers", "rank correlation", level, "")
    line = (
        "Rank correlation of points with executed worth (mutants killed, or cases that hold); 1 "
        "means that both put all answers in one order. Identical answers count once."
    )
    return Section(
        title="Points calibrated by execution",
        lines=(line,),
        grid=Grid(columns=columns, rows=rows, right=frozenset({"answers", "rank correlation"})),
    )


def _two_places(*values: float) -> str:
    if values[0] != values[0]:
        return "-"
    return " to ".join(f"{value:.2f}".replace("-", "−") for value in values)


def _identity(scores: "DataFrame") -> "Series[str]":
    """What is equal for identical answers, where the table tells it; else each row by itself."""
    if "output_hash" in scores:
        return scores["output_hash"].astype(str)
    return scores.index.to_series().astype(str)
