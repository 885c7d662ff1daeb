"""The use case of checking published sentences: a file of them, and the tables they came from."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from preamblelab.domain.claims import ClaimSpec, ClaimsSpec
from preamblelab.errors import SpecError, TableError
from preamblelab.lab.reporting import baseline_of, only_experiment
from preamblelab.library.claims import read_claims
from preamblelab.library.files import Place
from preamblelab.report.published import ClaimsReport
from preamblelab.stats.claims import Checked, Claim, Evidence, check_claim
from preamblelab.stats.tables import read_scores
from preamblelab.store import Store


def claims_checked(file: str | Path, source: str | None, store: Path) -> ClaimsReport:
    """Recompute the published sentences of a file from a stored experiment or a CSV of scores.

    Args:
        file: YAML, see docs/recorded.md.
        source: name of the experiment that the sentences speak of when they name none, path of a
            CSV of scores, or None for the only experiment of the store.
        store: the store; not needed for a CSV.

    Raises:
        SpecError: the file is wrong; the message names the line.
        TableError: a computation does not exist, or cannot be made from these tables.
    """
    path = Path(file)
    root, written = read_claims(Place(root=path.resolve().parent, parts=(path.name,)))
    return written_checked(
        written, source, store, lambda number: f"{file}:{root.at(('claims', number)).line}"
    )


def written_checked(
    written: ClaimsSpec, source: str | None, store: Path, where: Callable[[int], str]
) -> ClaimsReport:
    """As `claims_checked`, for sentences that were read before.

    Args:
        written: the sentences.
        source: as there.
        store: as there.
        where: from the number of a sentence, from 0, to how an error names its place.
    """
    notes: tuple[str, ...] = ()
    if source is not None and source.endswith((".csv", ".csv.gz")):
        evidence = _from_csv(source)
    else:
        evidence, notes = _from_store(store, source, written)
    return ClaimsReport(
        source=written.source,
        tables=next(iter(evidence.tables)),
        checked=tuple(
            _checked(where(number), _claim(spec), evidence)
            for number, spec in enumerate(written.claims)
        ),
        notes=notes,
    )


def _claim(spec: ClaimSpec) -> Claim:
    told = spec.model_dump(exclude={"says", "compute", "states"}, exclude_none=True)
    return Claim(says=spec.says, compute=spec.compute, states=spec.states, where=told)


def _checked(where: str, claim: Claim, evidence: Evidence) -> Checked:
    try:
        return check_claim(claim, evidence)
    except TableError as error:
        raise TableError(f"{where}: {error}") from None


def _from_csv(path: str) -> Evidence:
    scores = read_scores(path)
    name = Path(path).name
    return Evidence(tables={name: scores}, baselines={name: baseline_of(scores, name)})


def _from_store(
    path: Path, source: str | None, written: ClaimsSpec
) -> tuple[Evidence, tuple[str, ...]]:
    with Store(path, read_only=True) as store:
        first = only_experiment(store, source)
        named = [name for each in written.claims for name in each.experiments or ()]
        known = {entry.name for entry in store.experiments()}
        absent = [name for name in named if name not in known]
        if absent:
            raise SpecError(
                f"{path} holds no experiment '{absent[0]}'; it holds {', '.join(sorted(known))}"
            )
        names = list(dict.fromkeys((first, *named)))
        lost: dict[str, list[str]] = {}
        for name in names:
            unreached = {e.model for e in store.deliveries(name) if e.state == "undelivered"}
            for model in sorted(unreached):
                lost.setdefault(model, []).append(name)
        evidence = Evidence(
            tables={name: store.scores(name) for name in names},
            baselines={name: _baseline(store.document(name)) for name in names},
        )
    if not lost:
        return evidence, ()
    places = [f"{model} ({', '.join(where)})" for model, where in lost.items()]
    note = (
        "Computed as published, with every pair, though the preamble most likely never arrived at "
        f"{'; '.join(places)}."
    )
    return evidence, (note,)


def _baseline(document: Mapping[str, Any]) -> str:
    return str(document.get("baseline", "baseline"))


def as_json(report: ClaimsReport) -> str:
    """The report for a program."""
    return json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n"
