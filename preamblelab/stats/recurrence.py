"""Owns what comes again in another experiment: the same arm asked, the same text marked."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from preamblelab.errors import TableError
from preamblelab.stats.codes import column_codes, combined_codes
from preamblelab.stats.columns import check_columns
from preamblelab.stats.noise import Spread, pooled_spread

TRIAL = ("model", "variant", "task", "repetition")
RECURRENCE_COLUMNS = (
    *TRIAL, "first", "second", "first_score", "second_score", "difference", "same_text", "sentence",
)  # fmt: skip
"""What `recurrences` returns."""


def recurrences(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Trials that several experiments asked alike, two by two, and what became of their scores.

    An answer is held against the latest earlier one of the same trial with the same text; where
    there is none, against the latest earlier one of the same version of its variant. Where the
    tables tell by `response_key` that both experiments used one stored answer, it is left out.

    Args:
        tables: score tables by experiment, in the order in which they were asked, each with
            `output_hash`, and `version` where variants have versions.

    Returns:
        A row per two answers: `model, variant, task, repetition, first, second` (experiments),
        `first_score, second_score, difference` (points, second - first), `same_text` and
        `sentence`. Equal texts show the judge alone, others the model and the judge.

    Raises:
        TableError: a table lacks a column.
    """
    seen: dict[tuple[object, ...], list[dict[str, object]]] = {}
    rows: list[dict[str, object]] = []
    for experiment, table in tables.items():
        if "output_hash" not in table:
            raise TableError(
                f"the table of {experiment} has no column 'output_hash': nothing says which "
                "answers are one text"
            )
        checked = check_columns(table)
        version = checked["version"] if "version" in checked else pd.Series("", checked.index)
        answers = checked.assign(version=version.fillna(""), experiment=experiment)
        for answer in answers[answers["output_hash"].notna()].to_dict("records"):
            key = tuple(answer[name] for name in TRIAL)
            earlier = _earlier(seen.setdefault(key, []), answer)
            if earlier is not None:
                rows.append(_row(earlier, answer))
            seen[key].append({str(name): value for name, value in answer.items()})
    return pd.DataFrame(rows, columns=list(RECURRENCE_COLUMNS))


def _earlier(
    known: list[dict[str, object]], answer: Mapping[object, object]
) -> dict[str, object] | None:
    key = answer.get("response_key")
    if key is not None and any(each.get("response_key") == key for each in known):
        return None
    for name in ("output_hash", "version"):
        alike = [each for each in known if each[name] == answer[name]]
        if alike:
            return alike[-1]
    return None


def _row(earlier: Mapping[str, object], answer: Mapping[object, object]) -> dict[str, object]:
    scores = [float(str(each["score"])) for each in (earlier, answer)]
    same = earlier["output_hash"] == answer["output_hash"]
    what = "the same text" if same else "another text"
    row: dict[str, object] = {name: answer[name] for name in TRIAL}
    row |= {
        "first": earlier["experiment"],
        "second": answer["experiment"],
        "first_score": scores[0],
        "second_score": scores[1],
        "difference": scores[1] - scores[0],
        "same_text": same,
        "sentence": (
            f"{answer['model']} under {answer['variant']}: {scores[0]:.4g} in "
            f"{earlier['experiment']}, {scores[1]:.4g} in {answer['experiment']}, {what}."
        ),
    }
    return row


class Again(NamedTuple):
    """What several experiments asked alike."""

    table: pd.DataFrame
    """As `recurrences` gives it."""
    judge: Spread | None
    """Spread between marks of one text; None where no text was marked twice."""


def asked_again(tables: Mapping[str, pd.DataFrame]) -> Again:
    """Both `recurrences` and `judge_spread_of` of several experiments."""
    return Again(recurrences(tables), judge_spread_of(tables))


def judge_spread_of(tables: Mapping[str, pd.DataFrame]) -> Spread | None:
    """Spread (points) between scores of one text, over all experiments: that is the judge alone.

    Args:
        tables: score tables by experiment, each with `output_hash`.

    Returns:
        The pooled standard deviation with its limits; None where no text was marked twice.
    """
    columns = ["model", "variant", "task", "output_hash", "score"]
    parts = []
    for table in tables.values():
        if "output_hash" in table:
            own = table if "response_key" in table else table.assign(response_key=np.nan)
            parts.append(own[[*columns, "response_key"]])
    marked = pd.concat(parts) if parts else pd.DataFrame(columns=[*columns, "response_key"])
    # One stored answer that two experiments share was marked once.
    shared = marked["response_key"].notna() & marked.duplicated([*columns, "response_key"])
    marked = marked[~shared].dropna(subset=columns)
    if marked.empty:
        return None
    text, _ = combined_codes([column_codes(marked[name]) for name in columns[:-1]])
    return pooled_spread(marked["score"].to_numpy(dtype=np.float64), text)
