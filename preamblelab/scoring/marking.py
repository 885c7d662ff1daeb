"""Who marks what under a rubric: checks, judges, own scorers; refuses what nobody marks."""

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from preamblelab.domain.base import content_digest
from preamblelab.domain.experiments import Experiment
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.rubrics import Criterion, Rubric
from preamblelab.errors import SpecError
from preamblelab.scoring.checks import CHECKS, Check
from preamblelab.scoring.checks_evidence import EVIDENCE_CHECKS
from preamblelab.scoring.evidence.maker import EVIDENCE_VERSION
from preamblelab.scoring.panel import PROMPT_VERSION
from preamblelab.scoring.scorers import Scorer, code_version
from preamblelab.scoring.verifiers.catalogue import VERIFIERS_VERSION, verifiers

CHECKS_VERSION = "1"
"""Changes whenever a built-in check may give other points; answers are then marked anew."""

TEXT = "text"
"""The scorer that runs the checks which the rubric's criteria name."""
JUDGE_PREFIX = "judge/"
VERIFIERS = "verifiers"
"""The check that is whatever a task lists under `verify`; missing where one of them is. A task with
evidence alone is marked by what running shows."""


class UnmarkedError(SpecError):
    """A criterion has nobody to mark it."""

    def __init__(self, dimension: str, place: int, message: str) -> None:
        super().__init__(message)
        self.dimension = dimension
        self.place = place
        """Place of the criterion in its dimension, from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marking:
    """One way of marking answers; answers are marked once under each."""

    rubric: Rubric
    checks: Mapping[tuple[str, int], Check] = field(default_factory=dict)
    """Per dimension and place of the criterion."""
    judges: Mapping[str, ModelSpec] = field(default_factory=dict)
    """By scorer name, `judge/ID`."""
    judgements: int = 1
    asked: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Per dimension the places of the criteria that judges mark."""
    scorers: tuple[Scorer, ...] = ()

    @property
    def document(self) -> dict[str, Any]:
        """What was marked, by whom, in which version: enough to tell two markings apart."""
        return {
            "rubric": self.rubric.model_dump(mode="json"),
            "checks": self._checks_version() if self.checks else None,
            "judges": {name: _judge_document(model) for name, model in self.judges.items()},
            "judgements": self.judgements if self.judges else 0,
            "prompt": PROMPT_VERSION if self.judges else None,
            "scorers": {scorer.name: scorer.version for scorer in self.scorers},
        }

    @property
    def digest(self) -> str:
        """The marking's address."""
        document = self.document
        document["rubric"] = self.rubric.digest
        return content_digest(document)

    def _checks_version(self) -> dict[str, str]:
        """The version of the built-in checks, and that of each check of the user's own."""
        own = {
            name: code_version(check)
            for (dimension, place), check in self.checks.items()
            if (name := self.rubric.dimension(dimension).marked[place].check or "")
            not in {*CHECKS, *EVIDENCE_CHECKS}
        }
        if self.runs_answers or VERIFIERS in own:
            own["evidence"] = EVIDENCE_VERSION
        if VERIFIERS in own:
            own[VERIFIERS] = VERIFIERS_VERSION
        return {"built_in": CHECKS_VERSION, **own}

    @property
    def runs_answers(self) -> bool:
        """Whether any criterion is marked by what running the answer shows."""
        return any(check in EVIDENCE_CHECKS.values() for check in self.checks.values())

    def mark_key(self, scorer: str, task_digest: str) -> str:
        """Under what a scorer's ratings of an answer to this task are kept.

        It changes with whatever may change the ratings, and with nothing else: another judge in
        the panel does not make the first one mark again.
        """
        document = self.document
        if scorer == TEXT:
            parts: list[Any] = [document["checks"]]
        elif scorer in self.judges:
            parts = [document["judges"][scorer], document["prompt"], sorted(self.asked.items())]
        else:
            parts = [document["scorers"][scorer]]
        return content_digest([scorer, self.rubric.digest, task_digest, *parts])


def marking_of(
    experiment: Experiment,
    *,
    scorers: Sequence[Scorer] = (),
    folder: Path | None = None,
) -> Marking:
    """The marking that an experiment asks for.

    Args:
        experiment: the plan with its rubric, the names of its scorers, and its judges.
        scorers: scorers of one's own, besides those that the experiment names.
        folder: where `module:name` is looked up first: the project's folder.

    Raises:
        SpecError: a scorer cannot be found, or a criterion has nobody to mark it.
    """
    named = tuple(
        load_scorer(name, folder=folder) for name in experiment.scorers if is_own_scorer(name)
    )
    own = (*scorers, *named)
    judges = {
        name: experiment.judges.get(name.removeprefix(JUDGE_PREFIX))
        or ModelSpec(id=name.removeprefix(JUDGE_PREFIX))
        for name in experiment.scorers
        if name.startswith(JUDGE_PREFIX)
    }
    checks = _checks(experiment.rubric, folder) if TEXT in experiment.scorers else {}
    asked = {
        dimension.name: tuple(
            place for place in range(len(dimension.marked)) if (dimension.name, place) not in checks
        )
        for dimension in experiment.rubric.dimensions
    }
    if not judges:
        # Where nobody marks the rest of a dimension, its checks alone make no points of it.
        whole = {scorer.dimension for scorer in own if asked.get(scorer.dimension)}
        checks = {place: check for place, check in checks.items() if place[0] not in whole}
    marking = Marking(
        rubric=experiment.rubric,
        checks=checks,
        judges=judges,
        judgements=experiment.judgements,
        asked={name: places for name, places in asked.items() if places} if judges else {},
        scorers=own,
    )
    _refuse_unmarked(marking, experiment, asked)
    _refuse_unverified(marking, experiment)
    _refuse_unrun(marking, experiment)
    return marking


def is_own_scorer(name: str) -> bool:
    """Whether an experiment's word for a scorer means a function of the user's: `module:name`."""
    return name != TEXT and not name.startswith(JUDGE_PREFIX)


def load_scorer(name: str, *, folder: Path | None = None) -> Scorer:
    """The scorer that YAML calls `module:name`.

    Args:
        name: module, a colon, and a name in it that `@scorer` made.
        folder: looked in before the installed modules.

    Raises:
        SpecError: there is no such module, name, or it is no scorer.
    """
    found = _load(name, folder, what="scorer")
    if not isinstance(found, Scorer):
        raise SpecError(
            f"'{name}' is no scorer: decorate it with @preamblelab.scorer(dimension=...)"
        )
    return found


def _load(name: str, folder: Path | None, *, what: str) -> Any:
    module_name, colon, attribute = name.partition(":")
    if not colon or not module_name or not attribute:
        raise SpecError(f"no {what} '{name}'; known: {TEXT}, judge/MODEL, module:name")
    if folder is not None and str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # a module of the user's own may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise SpecError(f"{what} '{name}': cannot import '{module_name}' ({reason})") from error
    if not hasattr(module, attribute):
        raise SpecError(f"{what} '{name}': module '{module_name}' has no '{attribute}'")
    return getattr(module, attribute)


def _checks(rubric: Rubric, folder: Path | None) -> dict[tuple[str, int], Check]:
    return {
        (dimension.name, place): check_of(criterion, folder)
        for dimension in rubric.dimensions
        for place, criterion in enumerate(dimension.marked)
        if criterion.check is not None
    }


def check_of(criterion: Criterion, folder: Path | None) -> Check:
    """The check that a criterion names.

    Raises:
        SpecError: there is none of this name, or it is no function.
    """
    name = criterion.check or ""
    if name in CHECKS:
        return CHECKS[name]
    if name in EVIDENCE_CHECKS:
        return EVIDENCE_CHECKS[name]
    if name == VERIFIERS:
        return verifiers
    if ":" not in name:
        known = sorted({*CHECKS, VERIFIERS, *EVIDENCE_CHECKS})
        raise SpecError(f"no check '{name}'; known: {', '.join(known)}, or module:name")
    check: Check = _load(name, folder, what="check")
    if not callable(check):
        raise SpecError(f"check '{name}' is no function")
    return check


def _refuse_unmarked(
    marking: Marking, experiment: Experiment, asked: Mapping[str, tuple[int, ...]]
) -> None:
    covered = {scorer.dimension for scorer in marking.scorers}
    known = {dimension.name for dimension in marking.rubric.dimensions}
    for scorer in marking.scorers:
        if scorer.dimension not in known:
            raise SpecError(
                f"scorer '{scorer.name}' marks '{scorer.dimension}', which rubric "
                f"'{marking.rubric.name}' does not have; it has: {', '.join(sorted(known))}"
            )
    if marking.judges:
        return
    for name, places in asked.items():
        if places and name not in covered:
            criterion = marking.rubric.dimension(name).marked[places[0]]
            raise UnmarkedError(
                name,
                places[0],
                f"nobody marks '{name}' of rubric '{marking.rubric.name}' (criterion "
                f"'{criterion.text}' names no check, and {list(experiment.scorers)} hold no "
                "judge); " + _mend(experiment),
            )


def _mend(experiment: Experiment) -> str:
    text = "" if TEXT in experiment.scorers else "text (the checks that criteria name), "
    return f"add {text}judge/MODEL, or a scorer of your own for this dimension"


def _refuse_unverified(marking: Marking, experiment: Experiment) -> None:
    """Refuse tasks that a criterion leaves to their verifiers, and that have none."""
    if verifiers not in marking.checks.values():
        return
    tasks = experiment.suite.tasks
    bare = [task.name for task in tasks if not task.verify and task.evidence is None]
    if bare:
        raise SpecError(
            f"rubric '{marking.rubric.name}' marks by verifiers, and task '{bare[0]}' of suite "
            f"'{experiment.suite.name}' has none ({len(bare)} tasks in all)"
            ": give it 'verify: [...]', or 'evidence: ...'"
        )


def _refuse_unrun(marking: Marking, experiment: Experiment) -> None:
    """Refuse tasks that a criterion marks by running the answer, and that say nothing to run."""
    bare = [task.name for task in experiment.suite.tasks if task.evidence is None]
    if bare and marking.runs_answers:
        raise SpecError(
            f"rubric '{marking.rubric.name}' marks by what running shows, and task '{bare[0]}' of "
            f"suite '{experiment.suite.name}' has nothing to run ({len(bare)} tasks in all)"
            ": give it 'evidence: {tests: ...}', '{code: ...}' or '{change: ...}'"
        )


def _judge_document(model: ModelSpec) -> dict[str, Any]:
    return {
        "id": model.id,
        "api_base": model.api_base,
        "settings": dict(model.settings),
    }
