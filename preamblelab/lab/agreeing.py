"""The use case on judges' verdicts from anywhere: how far judges agree, by what the table holds."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from preamblelab.errors import TableError
from preamblelab.lab.deciding import Told
from preamblelab.report.layout import Section, as_text
from preamblelab.stats.agreement import judge_agreement
from preamblelab.stats.preferences import (
    label_agreement,
    length_preference,
    order_effect,
    repeatability,
)
from preamblelab.stats.tables import read_table

if TYPE_CHECKING:
    from pandas import DataFrame

_ANSWER = ["model", "variant", "task", "repetition", "dimension"]


def agreement_of(file: Path, *, threshold: float = 2.0) -> Told:
    """How far judges agree, from a CSV of marks or of picked winners.

    Args:
        file: marks, `task, judge, score` and where there `model, variant, repetition, dimension,
            judgement`; or winners, `item, winner` and where there `judge, first` (the answer shown
            first), `longer`, `label` (given by people).
        threshold: difference in points that counts as a disagreement.

    Raises:
        TableError: the file cannot be read, or says nothing of agreement.
    """
    table = read_table(file)
    found = _of_marks(table, threshold) if "score" in table else _of_winners(table)
    if not found:
        raise TableError(
            f"{file} says nothing of agreement: it needs task, judge, score; or item, winner and "
            "one of first, longer, label"
        )
    lines = tuple(line for sentences, _ in found.values() for line in sentences)
    text = as_text([Section(title=f"Judges of {file.name}", lines=lines)])
    return Told(text=text, data={name: data for name, (_, data) in found.items()})


Found = dict[str, tuple[list[str], Any]]


def _of_marks(table: "DataFrame", threshold: float) -> Found:
    marks = table.astype({"score": float})
    for name in ("model", "variant", "repetition", "judge"):
        if name not in marks:
            marks[name] = f"one {name}"
    found: Found = {}
    if "judgement" in marks:
        for judge, own in marks.groupby("judge", sort=True):
            answer = [name for name in _ANSWER if name in own]
            wide = own.pivot_table(index=answer, columns="judgement", values="score")
            again = repeatability(wide.to_numpy(dtype=np.float64), threshold)
            found[f"repeatability of {judge}"] = ([f"{judge}: {again}"], again._asdict())
        keys = [*(name for name in _ANSWER if name in marks), "judge"]
        marks = marks.groupby(keys, sort=False)["score"].mean().reset_index()
    if len(set(marks["judge"])) > 1:
        found["agreement"] = _told(judge_agreement(marks, threshold))
    return found


def _of_winners(table: "DataFrame") -> Found:
    columns = set(table.columns)
    found: Found = {}
    if columns >= {"item", "winner", "first"}:
        found["order"] = _told(order_effect(table))
    if columns >= {"item", "winner", "longer"}:
        found["length"] = _told(length_preference(table))
    verdict = "verdict" if "verdict" in columns else "winner"
    if columns >= {verdict, "label"}:
        found["labels"] = _told(label_agreement(table.rename(columns={verdict: "verdict"})))
    return found


def _told(table: "DataFrame") -> tuple[list[str], Any]:
    return [str(each) for each in table["sentence"]], json.loads(table.to_json(orient="records"))
