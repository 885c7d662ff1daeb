"""What lies behind a report: the pairs it shows, points by dimension, savings, and its origin."""

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

from preamblelab.domain.base import content_digest
from preamblelab.errors import PreamblelabError
from preamblelab.lab.answers import answer_of
from preamblelab.report.answers import Details, Origin, Pair, Telling
from preamblelab.report.findings import Findings
from preamblelab.report.layout import counted
from preamblelab.report.telling import telling_pairs
from preamblelab.store import Store, TrialLine

if TYPE_CHECKING:
    from pandas import DataFrame

PROGRAMS: Final = ("preamblelab", "numpy", "pandas", "scipy")
"""Whose versions decide the figures of a report."""


def details_behind(
    findings: Findings, *, path: Path, experiment: str, means: "DataFrame"
) -> Details:
    """Read what a page shows beyond the tables of a report.

    Args:
        findings: the report.
        path: file of the store that it was made from; read again.
        experiment: its name there.
        means: points by dimension, as `Store.scores_and_means` gives them.

    Returns:
        The details; where the store cannot be read any more, the reason in their note.
    """
    try:
        with Store(path, read_only=True) as store:
            return Details(
                telling=_telling(store, experiment, findings),
                dimensions=_by_rubric(store, experiment, means),
                saved=tuple(_saved(store, findings)),
                origin=origin_of(store, experiment),
            )
    except PreamblelabError as error:
        return Details(note=f"No answers can be shown: {error}")


def _by_rubric(store: Store, experiment: str, means: "DataFrame") -> "DataFrame":
    """Points by dimension, the dimensions in the order of the rubric."""
    marking = store.marking(experiment)
    rubric = (marking[1].get("rubric") if marking else None) or {}
    order = {each["name"]: place for place, each in enumerate(rubric.get("dimensions", ()))}
    return means.sort_values(
        "dimension", key=lambda names: names.map(order).fillna(len(order)), kind="stable"
    )


def origin_of(store: Store, experiment: str) -> Origin:
    """How a report on an experiment can be made again, and what it was made from."""
    document = store.document(experiment)
    place = f"--store {quote(str(store.path))}"
    name = quote(experiment)
    imported = document.get("suite", {}).get("description") == "imported answers"
    first = (
        f"preamblelab export {name} {place} --output trials.jsonl"
        if imported
        else f"preamblelab run {name} {place}"
    )
    return Origin(
        commands=(first, f"preamblelab report {name} {place} -o report.html"),
        versions=(
            *((each, version(each)) for each in PROGRAMS),
            ("python", platform.python_version()),
        ),
        digests=tuple(_digests(store, experiment, document)),
        seed=None if imported else document.get("seed"),
        imported=imported,
    )


def _digests(
    store: Store, experiment: str, document: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    yield "plan", store.plan_digest(experiment) or "unknown"
    marking = store.marking(experiment)
    if marking is not None:
        yield "marking", marking[0]
    for kind in ("suite", "rubric"):
        part = document.get(kind) or {}
        yield f"{kind} {part.get('name', '')}".strip(), content_digest(part)
    for name, preamble in (document.get("preambles") or {}).items():
        yield f"preamble {name}", content_digest(preamble)
    for model in document.get("models", ()):
        endpoint = model.get("api_base") or str(model["id"]).partition("/")[0]
        facts = store.facts(model["id"], endpoint)
        weights = facts.digest if facts is not None and facts.digest else ""
        known = ", weights " + weights if weights else ""
        yield f"model {model['name']}", f"{model['id']}{known}"


def _telling(store: Store, experiment: str, findings: Findings) -> Telling:
    choices, pairs, rule = telling_pairs(findings)
    scores = findings.scores
    wanted = {place for each in choices for place in (each.baseline, each.variant)}
    keys = {str(scores["response_key"].iloc[place]) for place in wanted}
    digests = {
        (trial.response_key, trial.task): trial.task_digest
        for trial in store.trials_with(experiment, keys)
    }
    answers = {
        place: answer_of(store, experiment, _line(scores.iloc[place].to_dict(), place, digests))
        for place in wanted
    }
    return Telling(
        pairs=tuple(
            Pair(baseline=answers[each.baseline], variant=answers[each.variant], why=each.why)
            for each in choices
        ),
        of=pairs,
        rule=rule,
    )


def _line(row: Mapping[Any, Any], place: int, digests: Mapping[tuple[str, str], str]) -> TrialLine:
    """A row of the table of scores as the line that the store would give."""
    known: dict[str, Any] = {
        str(name): None if isinstance(value, float) and value != value else value
        for name, value in row.items()
    }
    return TrialLine(
        ordinal=place,
        gain=None,
        flags=(),
        task_digest=digests.get((known["response_key"], known["task"]), ""),
        **{
            name: known[name]
            for name in (
                *("model", "size", "variant", "task", "repetition", "score", "category"),
                *("status", "reason", "simulated", "seconds", "usd", "delivery"),
                *("response_key", "part"),
            )
        },
        prompt_tokens=_whole(row["prompt_tokens"]),
        completion_tokens=_whole(row["completion_tokens"]),
    )


def _whole(value: Any) -> int | None:
    import pandas as pd

    return None if pd.isna(value) else int(value)


def _saved(store: Store, findings: Findings) -> Iterator[str]:
    """What was not spent, in sentences."""
    if findings.looks is not None and findings.looks.comparable:
        yield str(findings.looks.saved)
    scores = findings.scores
    looped = scores[scores["status"] == "looped"]
    tokens = seconds = 0.0
    cut = 0
    for _, response in store.responses(looped["response_key"]):
        loop = response.loop or {}
        if loop.get("tokens_saved"):
            cut += 1
            tokens += loop["tokens_saved"]
            seconds += loop.get("seconds_saved") or 0.0
    if cut:
        yield (
            f"{counted(cut, 'answer')} that had begun to loop "
            f"{'was' if cut == 1 else 'were'} cut while being written: about {tokens:,.0f} tokens "
            f"and {seconds:,.0f} seconds not spent."
        )
    again = len(scores) - scores["response_key"].nunique()
    if again:
        yield f"{counted(again, 'trial')} of {len(scores):,} took an answer that was there already."
