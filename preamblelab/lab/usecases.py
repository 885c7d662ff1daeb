"""The use cases that a script or a command calls: run, compare, score, check, report."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from preamblelab.domain.base import NAME_PATTERN, text_digest
from preamblelab.domain.experiments import Budget, Experiment, repetitions_of
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.preambles import Preamble
from preamblelab.domain.rubrics import Rubric
from preamblelab.domain.tasks import Suite
from preamblelab.errors import SpecError
from preamblelab.lab.loading import planned
from preamblelab.lab.reporting import analyze
from preamblelab.lab.running import TrialClient, execute, mark_again
from preamblelab.lab.stopping import with_looks
from preamblelab.library import (
    Project,
    load_models,
    load_preamble,
    load_rubric,
    load_suite,
)
from preamblelab.report.progress import Progress, usual_progress
from preamblelab.report.reports import Report
from preamblelab.scoring.marking import JUDGE_PREFIX, TEXT
from preamblelab.scoring.scorers import Scorer
from preamblelab.store import Store

DEFAULT_STORE = "preamblelab.db"
"""Where answers are kept when no store is named: a file in the current folder."""


def run(
    experiment: Experiment | str | Path,
    store: Store | str | Path = DEFAULT_STORE,
    *,
    scorers: Sequence[Scorer] = (),
    client: TrialClient | None = None,
    progress: Progress | None = None,
    limit: int | None = None,
    until_decided: bool = False,
    margin: float | None = None,
) -> Report:
    """Ask and mark what is missing of an experiment, and report on it.

    Calling it again goes on where it stopped: what is stored is not asked again.

    Args:
        experiment: a plan, or the name or file of one.
        store: an open store, or the file of one; made when it does not exist.
        scorers: scorers of your own, besides those the experiment names.
        client: answers instead of the models, from trial to response; for tests of your script.
        progress: is told what happens; when not given, a notebook shows it, a script is silent.
        limit: ask at most so many trials now.
        until_decided: record a plan of interim looks before the first call, and ask nothing more
            of a model and variant that a look has settled; also where the experiment says so.
        margin: the smallest effect that matters, in points; the experiment's when not given.

    Raises:
        PreamblelabError: a file is wrong, a store cannot be used, a model cannot be asked at all,
            or a recorded plan of looks would be changed.
    """
    plan, folder = planned(experiment, scorers=scorers)
    plan = with_looks(plan, until_decided=until_decided, margin=margin)
    with _opened(store) as opened:
        execute(
            plan,
            opened,
            scorers=scorers,
            client=client,
            progress=progress or usual_progress(),
            limit=limit,
            folder=folder,
        )
        return analyze(opened, plan.name)


def score(
    experiment: str,
    store: Store | str | Path = DEFAULT_STORE,
    *,
    rubric: Rubric | str | Path | None = None,
    judges: Sequence[ModelSpec | str] | None = None,
    scorers: Sequence[Scorer] = (),
    progress: Progress | None = None,
) -> Report:
    """Mark stored answers anew, with another rubric or other judges; asks subjects nothing.

    Args:
        experiment: name of an experiment in the store.
        store: an open store, or the file of one.
        rubric: another rubric; None keeps the experiment's.
        judges: other judges, as litellm ids or specs; None keeps the experiment's scorers.
        scorers: scorers of your own.
        progress: is told what happens; when not given, a notebook shows it, a script is silent.
    """
    with _opened(store) as opened:
        plan = remarked(opened, experiment, rubric=rubric, judges=judges)
        mark_again(
            plan,
            opened,
            scorers=scorers,
            progress=progress or usual_progress(),
            folder=Project.above().folder,
        )
        return analyze(opened, plan.name)


def remarked(
    store: Store,
    experiment: str,
    *,
    rubric: Rubric | str | Path | None = None,
    judges: Sequence[ModelSpec | str] | None = None,
    scorers: Sequence[str] | None = None,
) -> Experiment:
    """A stored experiment with another rubric, judges or scorers by name."""
    from preamblelab.library import experiment_from_document

    plan = experiment_from_document(store.document(experiment))
    changes: dict[str, Any] = {}
    if rubric is not None:
        changes["rubric"] = rubric if isinstance(rubric, Rubric) else load_rubric(rubric)
    if judges is not None:
        specs = models_of(judges)
        own = [name for name in plan.scorers if not name.startswith(JUDGE_PREFIX)]
        kept = own if scorers is None else scorers
        changes["scorers"] = (*kept, *judge_names(specs))
        changes["judges"] = dict(zip((spec.name for spec in specs), specs, strict=True))
    elif scorers is not None:
        changes["scorers"] = tuple(scorers)
    return plan.model_copy(update=changes)


def judge_names(specs: Sequence[ModelSpec]) -> list[str]:
    """The scorers that judges are, `judge/NAME`.

    Raises:
        SpecError: two of them have one name, so that their marks could not be told apart.
    """
    names = [f"{JUDGE_PREFIX}{spec.name}" for spec in specs]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise SpecError(f"'{double}' stands here twice; give each judge a name of its own")
    return names


def compare(
    preamble: str | Path | Preamble,
    models: Sequence[str | ModelSpec],
    *,
    suite: str | Path | Suite = "smoke",
    repetitions: int | str = 3,
    rubric: str | Path | Rubric = "coding",
    judges: Sequence[str | ModelSpec] = (),
    scorers: Sequence[Scorer] = (),
    settings: Mapping[str, Any] | None = None,
    budget: Budget | None = None,
    seed: int = 0,
    name: str = "",
    until_decided: bool = False,
    margin: float = 5.0,
    store: Store | str | Path = DEFAULT_STORE,
    client: TrialClient | None = None,
    progress: Progress | None = None,
) -> Report:
    """One new system prompt against none, on each model.

    Args:
        preamble: the text itself, a file of one (`Path`), the name of one, or a `Preamble`.
        models: litellm ids, names from models.yaml, or specs.
        suite: name, file or suite of the tasks.
        repetitions: how often each task is asked under each arm; or `auto`, `always-3`, `seed`.
        rubric: name, file or rubric by which answers are marked.
        judges: judge models; none: the checks that the rubric names.
        scorers: scorers of your own.
        settings: for every model: temperature, max_tokens, ...
        budget: limits of the whole run.
        seed: draws the order of trials.
        name: what tables call the text; made from its words when not given.
        until_decided: interim looks at planned points; a settled pair is asked nothing more.
        margin: the smallest effect that matters, in points.
        store: where answers are kept; baseline answers are asked once and used again.
        client: answers instead of the models; for tests of your script.
        progress: is told what happens; when not given, a notebook shows it, a script is silent.

    Returns:
        A report: print it, or take its `effects` as a DataFrame.
    """
    experiment = comparison(
        preamble_of(preamble, name),
        models,
        suite=suite,
        repetitions=repetitions,
        rubric=rubric,
        judges=judges,
        settings=settings or {},
        budget=budget or Budget(),
        seed=seed,
        until_decided=until_decided,
        margin=margin,
    )
    return run(experiment, store, scorers=scorers, client=client, progress=progress)


def comparison(
    preamble: str | Path | Preamble,
    models: Sequence[str | ModelSpec],
    *,
    suite: str | Path | Suite,
    repetitions: int | str,
    rubric: str | Path | Rubric,
    judges: Sequence[str | ModelSpec],
    settings: Mapping[str, Any],
    budget: Budget,
    seed: int,
    until_decided: bool = False,
    margin: float = 5.0,
) -> Experiment:
    """The experiment behind `compare`."""
    family = preamble_of(preamble)
    spent = repetitions_of(repetitions)
    specs, judge_specs = models_of(models), models_of(judges)
    chosen = suite if isinstance(suite, Suite) else load_suite(suite)
    return Experiment(
        name=f"compare-{family.name}"[:100],
        question=f"Does '{family.name}' help?",
        models=tuple(specs),
        variants=(family.name,),
        preambles={family.name: family},
        suite=chosen,
        rubric=rubric if isinstance(rubric, Rubric) else load_rubric(rubric),
        scorers=(TEXT, *judge_names(judge_specs)),
        judges={spec.name: spec for spec in judge_specs},
        repetitions=spent.most,
        repetition_rule=spent.rule,
        until_decided=until_decided,
        margin=margin,
        settings=settings,
        budget=budget,
        seed=seed,
    )


def preamble_of(preamble: str | Path | Preamble, name: str = "") -> Preamble:
    """The preamble that is meant: itself, a file, a name, or a text.

    Args:
        preamble: a text of several words is a text; a single word is the name of a preamble.
        name: what tables call a text; with it, a single word is a text, too.
    """
    if isinstance(preamble, Preamble):
        return preamble
    if isinstance(preamble, Path):
        return load_preamble(preamble)
    if name:
        if not re.fullmatch(NAME_PATTERN, name):
            raise SpecError(f"'{name}' is no name: it has letters, digits, '.', '_' and '-'")
        return Preamble(name=name, text=preamble)
    if len(preamble.split()) <= 1:
        try:
            return load_preamble(preamble)
        except SpecError as error:
            raise SpecError(
                f"{error} (a text of one word needs a name: name=..., --name)"
            ) from error
    return Preamble(name=f"text-{text_digest(preamble)[3:11]}", text=preamble)


def models_of(models: Sequence[str | ModelSpec]) -> list[ModelSpec]:
    """Specs of models, given as specs, names from models.yaml, or litellm ids.

    Raises:
        SpecError: a word is neither a name nor an id with its provider.
    """
    known = load_models()
    for each in models:
        if isinstance(each, str) and "/" not in each and each not in known:
            close = get_close_matches(each, known, n=1)
            hint = f"did you mean '{close[0]}'? " if close else ""
            raise SpecError(
                f"no model named '{each}': {hint}an id has its provider before a slash, such as "
                f"ollama_chat/{each} or openai/{each}"
            )
    return specs_of(models)


def specs_of(models: Sequence[str | ModelSpec]) -> list[ModelSpec]:
    """Specs of models; a word that is no known name is taken for an id as it is."""
    known = load_models()
    by_id = {model.id: model for model in known.values()}
    return [
        each
        if isinstance(each, ModelSpec)
        else known.get(each) or by_id.get(each) or ModelSpec(id=each)
        for each in models
    ]


def _opened(store: Store | str | Path) -> Any:
    """A context that gives the store, and closes it only if it was opened here."""
    from contextlib import nullcontext

    return nullcontext(store) if isinstance(store, Store) else Store(store)
