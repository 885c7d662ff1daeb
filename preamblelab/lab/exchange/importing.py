"""The use case of an import: read a file whole, then store one experiment after the other."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from preamblelab.errors import SpecError
from preamblelab.execution.gateway import endpoint_of
from preamblelab.lab.delivering import review_delivery
from preamblelab.lab.exchange.imported import Batch, batch_of
from preamblelab.lab.exchange.imported_plan import IMPORTED
from preamblelab.lab.exchange.row_values import mended_name
from preamblelab.lab.exchange.sources import read_source
from preamblelab.lab.exchange.trial_rows import TrialRow, trial_row, unknown_fields
from preamblelab.library import experiment_document, experiment_from_document
from preamblelab.stats.sentences import counted
from preamblelab.store import Store

Say = Callable[[str], None]


def import_file(
    path: str | Path | Sequence[str | Path],
    store: Store,
    *,
    name: str | None = None,
    best: Mapping[str, float] | None = None,
    say: Say | None = None,
) -> list[str]:
    """Import answers and their points from files, as one experiment or several.

    All files are read and checked before anything is stored. Answers are addressed by their
    content: importing a file twice changes nothing. After the import the delivery of preambles is
    reviewed for every experiment of the store that shares a model with the file.

    Args:
        path: JSONL or CSV of trials (docs/formats.md), or recorded runs as they are, each plain or
            gzipped; a log of inspect_ai, a result file of promptfoo; or several of these, whose
            trials come together: a baseline's log and a preamble's.
        store: where the experiments go.
        name: the experiment's name, for files that hold one and do not name it, or in place of the
            name that they give.
        best: the best value of another tool's scorers, by name, where they give no shares.
        say: is told in single lines what was done, and what a person should know.

    Returns:
        Names of the experiments in the file, in its order.

    Raises:
        SpecError: the file cannot be used; the message names file, line and field. Nothing was
            stored.
        StoreError: the store cannot be used, or another process writes to it.
    """
    say = say or _silent
    paths = [Path(each) for each in ([path] if isinstance(path, str | Path) else path)]
    batches = [batch_of(each, rows) for each, rows in _rows(paths, name, best or {}, say).items()]
    known = {entry.name for entry in store.experiments()}
    for batch in batches:
        _refuse_taken(batch, store, known)
    with store.lock(f"import {paths[0].name}"):
        for batch in batches:
            _store(batch, store, say)
        _review({model.id for batch in batches for model in batch.experiment.models}, store, say)
    return [batch.experiment.name for batch in batches]


def _silent(_line: str) -> None:
    """Nobody is told."""


def _rows(
    paths: Sequence[Path], name: str | None, best: Mapping[str, float], say: Say
) -> dict[str, list[TrialRow]]:
    """The rows of each experiment in the files, by its name."""
    by_experiment: dict[str, list[TrialRow]] = {}
    for path in paths:
        for own, trials in _rows_of(path, best, say).items():
            by_experiment.setdefault(own, []).extend(trials)
    if name is not None and len(by_experiment) > 1:
        raise SpecError(
            f"{paths[0]}: holds {len(by_experiment)} experiments "
            f"({', '.join(sorted(by_experiment)[:6])}), and '{name}' can name one; leave it out"
        )
    fallback = mended_name(paths[0].name.partition(".")[0])
    return {name or own or fallback: trials for own, trials in by_experiment.items()}


def _rows_of(path: Path, best: Mapping[str, float], say: Say) -> dict[str, list[TrialRow]]:
    """The rows of one file, by the experiment that each names."""
    source = read_source(path, best)
    unread: set[str] = set()
    found: dict[str, list[TrialRow]] = {}
    for line, fields in source.rows:
        where = f"{source.shown}:{line}"
        unread |= unknown_fields(fields, where, csv=source.csv) - source.known
        row = trial_row(fields, line, where, csv=source.csv)
        found.setdefault(row.experiment or "", []).append(row)
    if not found:
        raise SpecError(f"{source.shown}: no row holds a trial")
    if unread:
        say(f"{source.shown}: not read: {', '.join(sorted(unread))}")
    return found


def _refuse_taken(batch: Batch, store: Store, known: set[str]) -> None:
    """Refuse to put imported answers in the place of an experiment that was run here."""
    name = batch.experiment.name
    if name not in known or store.plan_digest(name) == batch.plan_digest:
        return
    if store.document(name).get("suite", {}).get("description") != IMPORTED:
        raise SpecError(
            f"{store.path} already holds an experiment '{name}' that was not imported; "
            "import under another name"
        )


def _store(batch: Batch, store: Store, say: Say) -> None:
    """Store one experiment, all of it or nothing."""
    name = batch.experiment.name
    before = store.plan_digest(name)
    if before == batch.plan_digest and _stored(batch, store):
        say(f"{name}: already imported, nothing changed")
        return
    with store.together(f"import {name}"):
        _put(batch, store)
    verb = "imported" if before is None else "brought up to date"
    say(f"{name}: {verb}: {_counts(batch)}")
    for remark in batch.remarks:
        say(f"{name}: {remark}")


def _put(batch: Batch, store: Store) -> None:
    name = batch.experiment.name
    keys = [request.key for request, _ in batch.answers]
    failed = store.failures(keys)
    store.put([(asked, came) for asked, came in batch.answers if asked.key not in failed])
    store.put_ratings(batch.ratings)
    store.put_marks(batch.marks)
    for model in batch.experiment.models:
        if store.facts(model.id, endpoint_of(model)) is None:
            store.put_facts(model.id, endpoint_of(model), batch.facts[model.name])
    store.register(
        name,
        digest=batch.experiment.digest,
        document=experiment_document(batch.experiment),
        trials=batch.trials,
        plan_digest=batch.plan_digest,
    )
    store.put_delivery(name, batch.deliveries)
    store.set_marking(name, batch.marking, batch.document)


def _stored(batch: Batch, store: Store) -> bool:
    """Whether everything of a batch was stored before; its marking is what is stored last."""
    name = batch.experiment.name
    return batch.marking in {entry.marking for entry in store.markings(name)}


def _counts(batch: Batch) -> str:
    outcomes: dict[str, int] = {}
    for _, response in batch.answers:
        outcomes[response.status] = outcomes.get(response.status, 0) + 1
    told = ", ".join(f"{count} {status}" for status, count in sorted(outcomes.items()))
    models = counted(len(batch.experiment.models), "model")
    return f"{counted(len(batch.trials), 'trial')} of {models} ({told or 'none answered'})"


def _review(model_ids: set[str], store: Store, say: Say) -> None:
    """Look at delivery again wherever the new answers are evidence: it shows across runs."""
    for entry in store.experiments():
        document = store.document(entry.name)
        own = {str(model.get("id")) for model in document.get("models", ())}
        if not own & model_ids:
            continue
        try:
            experiment = experiment_from_document(document)
        except SpecError as error:
            say(f"{entry.name}: its delivery was not reviewed: {error}")
            continue
        review_delivery(experiment, store)
