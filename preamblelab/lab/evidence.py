"""What a report reads from the store beside the scores: judges' marks, and what was asked again."""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from preamblelab.errors import StoreError
from preamblelab.lab.exchange.imported_plan import IMPORTED
from preamblelab.report.findings import Judged
from preamblelab.stats.recurrence import Again, asked_again
from preamblelab.store import Store

if TYPE_CHECKING:
    from pandas import DataFrame

TEXT: Final = "text"
"""The scorer that reads the text alone: it never marks one text in two ways."""
_MARK: Final = ["model", "variant", "task", "repetition", "judge", "dimension"]


def marks_of(store: Store, experiment: str, marking: Mapping[str, Any]) -> "DataFrame | None":
    """Points of every judge for every dimension of every answer; None where no judge marked.

    Args:
        store: where the ratings are.
        experiment: its name.
        marking: document of its marking.

    Returns:
        Columns `model, variant, task, repetition, judge, dimension, score`. Judgements of one
        judge are averaged, criteria summed; a dimension with a criterion unmarked has no score.
    """
    if not _names(marking):
        return None
    ratings = store.ratings(experiment)
    if ratings.empty:
        return None
    judgement = ratings.groupby([*_MARK, "judgement"], sort=False)["points"]
    sums = judgement.sum().where(judgement.count() == judgement.size()).rename("score")
    return sums.groupby(_MARK, sort=False).mean().reset_index()


def judged_by(store: Store, experiment: str, marking: Mapping[str, Any]) -> Judged | None:
    """The same, read only where something is said of it: it can be hundreds of thousands of rows.

    Args:
        store: where the ratings are; opened again to read them.
        experiment: its name.
        marking: document of its marking.
    """
    if not _names(marking):
        return None
    raters = store.raters(experiment)
    if not raters:
        return None
    marked = Counter(name for dimensions in raters.values() for name in dimensions)
    return Judged(
        read=partial(_marks_again, Path(store.path), experiment, marking),
        shared=any(times > 1 for times in marked.values()),
    )


def _marks_again(path: Path, experiment: str, marking: Mapping[str, Any]) -> "DataFrame":
    with Store(path, read_only=True) as store:
        marks = marks_of(store, experiment, marking)
    if marks is None:
        raise StoreError(f"{path}: the ratings of '{experiment}' are no longer there")
    return marks


def _names(marking: Mapping[str, Any]) -> list[str]:
    """Judges, and the scorers that may mark one text in two ways."""
    scorers = (each for each in marking.get("scorers", ()) if each != TEXT)
    return [*(marking.get("judges") or ()), *scorers]


def asked_elsewhere(store: Store, experiment: str) -> Again | None:
    """What other imported experiments of the store asked alike; None where nothing was.

    Only imports can hold two answers to one request: what this project asks, it asks once.
    """
    own = store.document(experiment)
    if not _imported(own):
        return None
    models = {each["id"] for each in own.get("models", ())}
    alike = []
    for entry in store.experiments():
        document = store.document(entry.name)
        if _imported(document) and models & {each["id"] for each in document["models"]}:
            alike.append(entry.name)
    if len(alike) < 2:
        return None  # reading a large table for nothing takes seconds
    return asked_again({name: store.scores(name) for name in alike})


def _imported(document: Mapping[str, Any]) -> bool:
    return bool(document.get("suite", {}).get("description") == IMPORTED)
