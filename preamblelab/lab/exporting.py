"""The use case of an export: what an experiment holds or shows, one row per what is said."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

from preamblelab.errors import SpecError
from preamblelab.lab.exchange.exported_rows import (
    RATING_KINDS,
    rating_rows,
    trial_kinds,
    trial_rows,
)
from preamblelab.lab.exchange.foreign_exports import inspect_samples, promptfoo_tests
from preamblelab.lab.exchange.writing import Form, Kind, Rows, write_rows, write_text
from preamblelab.report.junit import Case, Outcome, Suite, junit
from preamblelab.stats.sentences import points
from preamblelab.store import Store

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from preamblelab.report.reports import Report

What = Literal["trials", "ratings", "effects", "evidence"]
ExportForm = Literal["jsonl", "json", "csv", "md", "parquet", "junit", "inspect", "promptfoo"]

_OUTCOMES: Final[Mapping[str, Outcome]] = {
    "better": "passed", "equivalent": "passed", "worse": "failure", "undelivered": "error",
    "refused": "error", "undecided": "skipped",
}  # fmt: skip
"""What a build server shows of a verdict; what is no verdict at all is an error."""


def export_experiment(
    store: Store,
    name: str,
    target: str | Path | TextIO,
    *,
    format: ExportForm = "jsonl",  # noqa: A002 - the word that the command line uses
    what: What | None = None,
    raw: bool = False,
) -> int:
    """Write an experiment in the shapes of docs/formats.md.

    Trials as JSONL hold all that an import needs to give the same scores, outcomes and report.
    A file is replaced only when it has been written whole.

    Args:
        store: where the experiment is.
        name: the experiment.
        target: a file, or an open text stream.
        format: `jsonl` and `json` (ASCII; lose nothing), `csv` and `md` (UTF-8; lone surrogates
            and NUL as visible escapes), `parquet` (typed columns; needs pyarrow), or `junit`.
        what: one row per trial, per rating, per effect, or per run of an answer. Trials when not
            given; JUnit tells effects only.
        raw: leave cells as they are that a spreadsheet would run as formulas; only for CSV.

    Returns:
        Rows written, the header not counted; for JUnit and promptfoo, test cases.

    Raises:
        SpecError: there is no such experiment, or JUnit was asked for something else than effects.
        StoreError: the store cannot be read, or the file not be written.
        MissingExtraError: Parquet without pyarrow.
    """
    if format == "junit":
        if what not in {None, "effects"}:
            raise SpecError(f"junit tells verdicts, not {what}: take --what effects")
        suite = verdict_suite(_analysed(store, name))
        write_text(junit([suite]), target)
        return len(suite.cases)
    if format == "inspect" or format == "promptfoo":
        if what not in {None, "trials"}:
            raise SpecError(f"{format} takes trials, not {what}: leave --what out")
        return _foreign(store, name, target, format)
    form: Form = format
    return write_rows(_rows(store, name, what or "trials"), target, form=form, raw=raw)


def _rows(store: Store, name: str, what: What) -> Rows:
    if what == "trials":
        return Rows(kinds=trial_kinds(store, name), rows=trial_rows(store, name))
    if what == "ratings":
        return Rows(kinds=RATING_KINDS, rows=rating_rows(store, name))
    if what == "evidence":
        return _of_table(store.evidence(name), experiment=name)
    return effect_rows(_analysed(store, name))


def _foreign(store: Store, name: str, target: str | Path | TextIO, form: str) -> int:
    """Trials as another tool reads them."""
    rows = trial_rows(store, name)
    document = store.document(name)
    if form == "promptfoo":
        tests = promptfoo_tests(rows, str(document.get("question") or name))
        write_text(json.dumps(tests, indent=1) + "\n", target)
        return len(tests["tests"])
    tasks = document.get("suite", {}).get("tasks", ())
    golden = {task["name"]: task["golden"] for task in tasks if task.get("golden")}
    lines = [json.dumps(sample) for sample in inspect_samples(rows, golden)]
    write_text("".join(f"{line}\n" for line in lines), target)
    return len(lines)


def _analysed(store: Store, name: str) -> "Report":
    from preamblelab.lab.reporting import analyze

    return analyze(store, name)


def effect_rows(report: "Report") -> Rows:
    """The effects of a report: each variant on each model, then each over all models."""
    import pandas as pd

    overall = report.overall
    tables = [report.effects, *([overall] if len(overall) else [])]
    table = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
    return _of_table(
        table,
        experiment=report.experiment,
        baseline=report.baseline,
        rubric=report.rubric or None,
        simulated=report.simulated,
    )


def _of_table(table: "DataFrame", **same: Any) -> Rows:
    """A DataFrame as rows; every row begins with what is the same for all."""
    kinds: dict[str, Kind] = {
        name: "switch" if isinstance(value, bool) else "text" for name, value in same.items()
    }
    kinds |= {str(name): _kind(table[name]) for name in table}

    def rows() -> Iterator[dict[str, Any]]:
        for row in table.to_dict("records"):
            yield {**same, **{str(name): _plain(value) for name, value in row.items()}}

    return Rows(kinds=kinds, rows=rows())


def _kind(column: "Series[Any]") -> Kind:
    """What a column holds, by its values: joined tables keep switches as objects."""
    from pandas.api.types import infer_dtype, is_numeric_dtype

    found = infer_dtype(column, skipna=True)
    if found == "empty":
        return "number" if is_numeric_dtype(column) else "text"
    kinds: dict[str, Kind] = {"boolean": "switch", "integer": "whole", "floating": "number"}
    return kinds.get(found, "text")


def _plain(value: Any) -> Any:
    """A cell as a value of Python; what is missing in any of the ways of pandas is None."""
    import pandas as pd

    if value is None or value is pd.NA or value != value:
        return None
    return value.item() if hasattr(value, "item") else value


def verdict_suite(report: "Report") -> Suite:
    """One test case for each model and variant, by its verdict."""
    return Suite(
        name=report.experiment,
        cases=[_case(row) for row in report.effects.to_dict("records")],
        properties=[
            ("question", report.question),
            ("baseline", report.baseline),
            ("margin", f"{report.margin:g}"),
            ("simulated", "true" if report.simulated else "false"),
        ],
    )


def _case(row: Mapping[Any, Any]) -> Case:
    verdict, effect = str(row["verdict"]), row["effect"]
    low, high = row["adjusted_low"], row["adjusted_high"]
    span = "" if low != low or high != high else f" ({points(low)} to {points(high)})"
    told = "no effect" if effect != effect else f"{points(effect)} points{span}"
    return Case(
        name=str(row["variant"]),
        group=str(row["model"]),
        outcome=_OUTCOMES.get(verdict, "error"),
        kind=verdict,
        message=f"{verdict}: {told}; {row['reason']}",
        details=f"{told}: {verdict}",
        properties=[
            (name, str(row[name]))
            for name in ("verdict", "effect", "adjusted_low", "adjusted_high", "n_tasks")
        ],
    )
