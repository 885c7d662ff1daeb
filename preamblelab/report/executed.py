"""What answers did when they were run, beside what they were given for them."""

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from preamblelab.report.findings import Findings
from preamblelab.report.layout import Figure, Grid, Section, counted
from preamblelab.report.svg.scatter import Spot, scatter
from preamblelab.stats.sentences import points

if TYPE_CHECKING:
    from pandas import DataFrame

TITLE: Final = "Judged against executed"
PRAISED: Final = 70.0
"""Score from which an answer counts as praised."""
WORTHLESS: Final = 25.0
"""Worth in execution under which praise is contradicted, in percent."""
_KEY: Final = ["model", "variant", "task", "repetition"]
_MOST: Final = 40


def executed_section(report: Findings) -> Section:
    """Judged points against executed worth, with the answers where one contradicts the other."""
    if report.executed is None or report.executed.empty:
        line = (
            "No executed evidence: no answer was run, so nothing here says whether what was judged "
            "works. A task tells what to run in its `evidence`."
        )
        return Section(title=TITLE, lines=(line,))
    table = judged_and_executed(report)
    if table.empty:
        return Section(title=TITLE, lines=(_missing(report.executed),))
    wrong = table[table["contradicts"]].sort_values("score", ascending=False, kind="stable")
    lines = [_gain(report, table), _unisolated(report.executed), _missing(report.executed)]
    lines.append(
        f"{counted(len(wrong), 'answer')} of {len(table):,} got {PRAISED:g} points or more and was "
        f"worth less than {WORTHLESS:g} % when it was run."
        if len(wrong)
        else f"No answer of {len(table):,} was praised and failed when it was run."
    )
    names = ("model", "variant", "task", "repetition")
    grid = Grid(
        columns=(*names, "judged", "executed in %", "passed", "killed"),
        rows=tuple(
            (
                *(str(row[name]) for name in names),
                f"{row['score']:.1f}",
                f"{row['worth']:.0f}",
                f"{row['passed']} of {row['tests']}",
                "-" if not row["mutants"] else f"{row['killed']} of {row['mutants']}",
            )
            for row in _records(wrong.head(_MOST))
        ),
        right=frozenset({"repetition", "judged", "executed in %", "passed", "killed"}),
    )
    return Section(
        title=TITLE,
        lines=tuple(line for line in lines if line),
        figures=(_figure(table, report.baseline),),
        grid=grid if len(wrong) else None,
    )


def judged_and_executed(report: Findings) -> "DataFrame":
    """One row per answer that was both marked and run.

    Columns `model, variant, task, repetition, score` (0 to 100), `worth` (0 to 100: the share of
    mutants killed, or of cases passed, 0 where nothing loads), `tests, passed, mutants, killed,
    contradicts`. Repaired evidence is taken where there is any: an answer is not blamed for a
    fence.
    """
    run = report.executed
    if run is None:
        return report.scores.iloc[0:0].assign(contradicts=False)
    known = run[run["status"] == "ok"].sort_values("mode", kind="stable")  # repaired before strict
    known = known.drop_duplicates(_KEY)
    counts = ["tests", "passed", "mutants", "killed"]
    known = known[[*_KEY, "kind", "loads", *counts]].copy()
    known[counts] = known[counts].fillna(0).astype("int64")
    table = report.scores[[*_KEY, "score"]].dropna(subset=["score"]).merge(known, on=_KEY)
    passed = table["passed"] / table["tests"].clip(lower=1)
    killed = table["killed"] / table["mutants"].clip(lower=1)
    worth = 100 * killed.where(table["mutants"] > 0, passed)
    table["worth"] = worth.where(table["passed"] > 0, 0.0)
    table["contradicts"] = (table["score"] >= PRAISED) & (table["worth"] < WORTHLESS)
    return table


def _gain(report: Findings, table: "DataFrame") -> str:
    """What each variant gained, judged and executed, on the same answers."""
    means = table.groupby(["model", "variant"], sort=False)[["score", "worth"]].mean()
    by_arm = means.groupby("variant", sort=False).mean()
    if report.baseline not in by_arm.index:
        return ""
    base = by_arm.loc[report.baseline]
    said = []
    for variant, row in by_arm.iterrows():
        if variant != report.baseline:
            said.append(
                f"{variant}: judged {points(row['score'] - base['score'])} points, executed "
                f"{points(row['worth'] - base['worth'])} % (from {base['worth']:.0f} to "
                f"{row['worth']:.0f})"
            )
    return (
        "Over the answers that were both marked and run: " + "; ".join(said) + "." if said else ""
    )


def _unisolated(run: "DataFrame") -> str:
    bare = int((~run["isolated"].astype(bool)).sum())
    return f"{counted(bare, 'execution')} ran without isolation, as was asked for." if bare else ""


def _missing(run: "DataFrame") -> str:
    lost = run[run["status"] == "missing"]
    if lost.empty:
        return ""
    reason = str(lost["reason"].mode().iloc[0])
    return f"{counted(len(lost), 'execution')} could not be made, most often: {reason}."


def _figure(table: "DataFrame", baseline: str) -> Figure:
    spots = [
        Spot(
            label=f"{row['model']}, {row['variant']}, {row['task']}", x=row["worth"],
            y=row["score"], baseline=row["variant"] == baseline, marked=bool(row["contradicts"]),
        )
        for row in _records(table)
    ]  # fmt: skip
    title = "Judged points against executed worth"
    draw = partial(scatter, spots, axes=("executed worth, percent", "judged points"), title=title)
    return Figure(
        name="executed",
        title=title,
        draw=lambda width: draw(width=min(width, 460)),
        width=460,
        legend="One mark an answer, hollow without the preamble. In the shaded corner: praised, "
        "and worth little when run.",
    )


def _records(table: "DataFrame") -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
