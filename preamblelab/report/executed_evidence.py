"""What answers did when they were run: per model and variant, strict and repaired kept apart."""

from typing import TYPE_CHECKING, Any, Final

from preamblelab.report.contradictions import worth_of
from preamblelab.report.findings import Findings
from preamblelab.report.layout import Grid, Section, counted
from preamblelab.stats.sentences import points

if TYPE_CHECKING:
    from pandas import DataFrame

_PLACE: Final = ["model", "variant", "task", "repetition"]
_LEGEND: Final = (
    "  load, tests pass, mutants killed: as it was written; repaired: after small named repairs.",
    "  Tests without assertion, copies, and tests that miss the module or replace it do not count.",
    "  A mutant is the code with one fault; worth: the share of mutants killed or cases that hold.",
)
_MODES: Final = ("strict", "repaired")


def executed_arms(findings: Findings) -> "DataFrame":
    """Executed evidence per model and variant, beside the judged score of the same answers.

    Returns:
        Columns `model, variant, answers, judged` (mean score, 0 to 100), then for each of `strict`
        and `repaired` `MODE_loads, MODE_passed, MODE_tests, MODE_killed, MODE_mutants` (sums) and
        `MODE_worth` (mean, 0 to 1), and `MODE_missing` (answers that could not be run).
    """
    import pandas as pd

    assert findings.executed is not None
    rows = []
    by_arm = findings.executed.groupby(["model", "variant"], sort=False)
    scores = findings.scores[[*_PLACE, "score"]]
    for (model, variant), own in by_arm:
        strict = own[own["mode"] == "strict"]
        row: dict[str, Any] = {
            "model": model,
            "variant": variant,
            "answers": len(strict),
            "judged": scores.merge(strict[_PLACE], on=_PLACE)["score"].mean(),
        }
        for mode in _MODES:
            worth = worth_of(own, mode)
            row[f"{mode}_loads"] = int(worth["loads"].astype(bool).sum())
            for name in ("passed", "tests", "killed", "mutants"):
                row[f"{mode}_{name}"] = int(worth[name].sum())
            row[f"{mode}_worth"] = worth["executed"].mean()
            row[f"{mode}_missing"] = row["answers"] - len(worth)
        rows.append(row)
    return pd.DataFrame(rows)


def evidence_section(findings: Findings) -> Section:
    """Loads, passes and kills beside the judged points, and the gain of each variant in both."""
    if findings.executed is None:
        return Section()
    arms = executed_arms(findings)
    columns = (
        "model", "variant", "answers", "points", "load", "tests pass", "mutants killed",
        "repaired: load", "pass", "killed",
    )  # fmt: skip
    rows = tuple(_row(row) for row in arms.to_dict("records"))
    right = frozenset({"answers", "points", "load", "repaired: load"})
    return Section(
        title="Executed evidence",
        lines=tuple(_gains(findings, arms)),
        grid=Grid(columns=columns, rows=rows, right=right),
        notes=tuple(_notes(findings.executed)),
    )


def _row(row: dict[Any, Any]) -> tuple[str, ...]:
    return (
        str(row["model"]),
        str(row["variant"]),
        str(row["answers"]),
        "-" if row["judged"] != row["judged"] else f"{row['judged']:.1f}",
        *(cell for mode in _MODES for cell in _cells(row, mode)),
    )


def _cells(row: dict[Any, Any], mode: str) -> tuple[str, str, str]:
    mutants, missing = row[f"{mode}_mutants"], row[f"{mode}_missing"]
    if missing == row["answers"]:
        return "missing", "-", "-"
    return (
        f"{row[f'{mode}_loads']}" + (f" ({missing} missing)" if missing else ""),
        f"{row[f'{mode}_passed']:,} of {row[f'{mode}_tests']:,}",
        f"{row[f'{mode}_killed']:,} of {mutants:,}" if mutants else "-",
    )


def _gains(findings: Findings, arms: "DataFrame") -> list[str]:
    """Judged beside executed gain of each variant, over the models that have both arms."""
    base = arms[arms["variant"] == findings.baseline].set_index("model")
    lines = []
    judged = "" if findings.points_from_running else " judged"
    for variant, own in arms[arms["variant"] != findings.baseline].groupby("variant", sort=False):
        own = own.set_index("model")  # noqa: PLW2901 - the same rows by another name
        both = [name for name in own.index if name in base.index]
        if not both:
            continue
        gain = {
            name: float((own.loc[both, name] - base.loc[both, name]).mean())
            for name in ("judged", "strict_worth", "repaired_worth")
        }
        if any(value != value for value in gain.values()):
            continue
        strict, repaired = (
            _but(int(sum(arm.loc[both, f"{mode}_missing"].sum() for arm in (own, base))))
            for mode in _MODES
        )
        lines.append(
            f"{variant}: {points(gain['judged'])} points of 100{judged}; executed worth "
            f"{points(100 * gain['strict_worth'])} points of 100 as written{strict}, "
            f"{points(100 * gain['repaired_worth'])} after repairs{repaired} "
            f"({counted(len(both), 'model')})."
        )
    return lines


def _but(missing: int) -> str:
    return f" (without {counted(missing, 'answer')} that could not be run)" if missing else ""


def _notes(executed: "DataFrame") -> list[str]:
    strict = executed[executed["mode"] == "strict"]
    notes = [*_LEGEND]
    ran = strict[strict["status"] == "ok"]
    started = ran[ran["backend"] != "none"]  # what does not parse is not run at all
    for runner, backend in started[["runner", "backend"]].drop_duplicates().itertuples(index=False):
        notes.append(f"  run by {runner}; sandbox: {backend}")
    unsafe = int((~ran["isolated"]).sum())
    if unsafe:
        notes.append(f"  {counted(unsafe, 'answer')} ran WITHOUT ISOLATION, as was allowed.")
    told: dict[object, int] = {}
    for mode, when in (("strict", ""), ("repaired", " after repairs")):
        missing = executed[(executed["mode"] == mode) & (executed["status"] == "missing")]
        for reason, count in missing["reason"].value_counts().items():
            if told.get(reason) != count:
                notes.append(f"  {counted(int(count), 'answer')} could not be run{when}: {reason}")
            told[reason] = int(count)
    repairs = executed[executed["mode"] == "repaired"]["repairs"].str.split(", ").explode()
    counts = repairs[repairs.fillna("").ne("")].value_counts()
    if len(counts):
        named = ", ".join(f"{name} ({count})" for name, count in counts.items())
        notes.append(f"  repairs: {named}")
    return notes
