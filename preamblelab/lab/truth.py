"""The use case of checking a conclusion: what a simulated model truly gains from a preamble.

    python -m preamblelab.lab.truth smoke 600
    python -m preamblelab.lab.truth coding-tests 8

print the published tables anew (`execution/simulation/published*.json`): in some minutes, and, as
every answer is run, in half an hour.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any, Final

from preamblelab.domain.base import content_digest
from preamblelab.domain.evidence_records import EvidencePair
from preamblelab.domain.preambles import parse_label
from preamblelab.domain.records import Response
from preamblelab.domain.rubrics import Rubric
from preamblelab.domain.sizes import size_class
from preamblelab.domain.tasks import Suite, Task
from preamblelab.errors import SpecError
from preamblelab.execution.simulated import PROFILES
from preamblelab.execution.simulated_truth import Mark, Truth, simulate_points, truth_of
from preamblelab.library import load_preamble, load_rubric, load_suite
from preamblelab.scoring.checks import CHECKS, Check
from preamblelab.scoring.checks_evidence import EVIDENCE_CHECKS, EvidenceCheck, NoEvidenceError
from preamblelab.scoring.evidence.maker import EvidenceMaker
from preamblelab.scoring.verifiers.catalogue import verifiers

Make = Callable[[Task, str], EvidencePair]
"""Runs an answer to a task."""

SUITE: Final = "smoke"
RUBRIC: Final = "coding"
VARIANTS: Final = (
    "careful",
    "careful+brevity",
    "careful:large",
    "careful:large+loop_guard",
    "careful:tiny",
    "plain-steps",
)
"""Variants whose truths are published, for every simulated model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthTable:
    """A table of truths that ships."""

    suite: str
    rubric: str
    models: tuple[str, ...]
    """Names of profiles."""
    variants: tuple[str, ...]
    file: str


SMOKE: Final = TruthTable(
    suite=SUITE, rubric=RUBRIC, models=tuple(PROFILES), variants=VARIANTS, file="published.json"
)
CODING_TESTS: Final = TruthTable(
    suite="coding-tests",
    rubric="executed",
    # Every answer has to be run: for those that the demo shows, and for both ends.
    models=("tiny-1b", "mid-3b-showy", "mid-7b", "large-14b", "large-70b"),
    variants=("careful",),
    file="published_tests.json",
)
TABLES: Final = (SMOKE, CODING_TESTS)

_SEPARATE_SEED: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTruth:
    """What a simulated model truly gains from a shipped variant."""

    model: str
    """The id, `sim/` with it."""
    variant: str
    """The label; `careful` is the text for the model's own size."""
    effect: float
    """Expected points on the table's suite under its rubric, minus those without a system
    message."""
    standard_error: float
    """Of the effect, points, from simulation."""
    baseline: float
    """Expected points without a system message."""


def true_effect(
    model: str,
    preamble_text: str,
    suite: Suite | None = None,
    *,
    rubric: Rubric | None = None,
    draws: int = 200,
    seed: int = 0,
) -> float:
    """Points that a system text truly adds to a simulated model's answers.

    Args:
        model: `sim/NAME`.
        preamble_text: the system message as it is sent.
        suite: what is asked; None is the shipped smoke suite.
        rubric: how it is marked; every criterion names a built-in check. None is `coding`. Where
            it reads evidence that executes, every answer is run.
        draws: answers per task and arm. The result's standard error is about 20 points divided
            by the root of draws times tasks.
        seed: another one gives an independent result.

    Raises:
        LookupError: there is no such model.
        SpecError: a criterion names no built-in check.
    """
    return simulated_truth(
        model, preamble_text, suite, rubric=rubric, draws=draws, seed=seed
    ).effect


def simulated_truth(
    model: str,
    preamble_text: str,
    suite: Suite | None = None,
    *,
    rubric: Rubric | None = None,
    draws: int = 200,
    seed: int = 0,
) -> Truth:
    """The same as `true_effect`, with its standard error and the baseline."""
    tasks = (suite or load_suite(SUITE)).tasks
    with marking_by_checks(rubric or load_rubric(RUBRIC)) as mark:
        arms = [
            simulate_points(model, text, tasks=tasks, mark=mark, draws=draws, seed=seed)
            for text in (None, preamble_text)
        ]
    return truth_of(model, arms[0], arms[1])


@contextmanager
def marking_by_checks(rubric: Rubric) -> Iterator[Mark]:
    """The same as `mark_by_checks`, with sandboxes where the rubric wants answers to be run."""
    criteria = [each for dimension in rubric.dimensions for each in dimension.marked]
    if not any(each.check in EVIDENCE_CHECKS for each in criteria):
        yield mark_by_checks(rubric)
        return
    with EvidenceMaker(workers=1) as maker:
        yield mark_by_checks(rubric, maker.make)


def mark_by_checks(rubric: Rubric, make: Make | None = None) -> Mark:
    """How an answer is marked without any judge under a rubric: its points, 0 to 100.

    Args:
        rubric: every criterion names a built-in check, or `verifiers`.
        make: runs an answer; None where no criterion needs that.

    Raises:
        SpecError: a criterion names no such check; later, where an answer could not be run.
    """
    known: dict[str, Check] = {**CHECKS, "verifiers": verifiers}
    known |= EVIDENCE_CHECKS if make is not None else {}
    criteria = [each for dimension in rubric.dimensions for each in dimension.marked]
    for criterion in criteria:
        if criterion.check not in known:
            raise SpecError(
                f"rubric '{rubric.name}': '{criterion.text[:60]}' names no built-in check; a "
                "simulated truth needs one for every criterion"
            )
    checks = [(known[each.check or ""], each.points) for each in criteria]

    runs = any(isinstance(check, EvidenceCheck) for check, _ in checks)
    made: dict[tuple[str, str], Mapping[str, Any]] = {}

    def evidence(task: Task, response: Response) -> Mapping[str, Any]:
        address = (task.name, response.text)
        if make is not None and runs and address not in made:
            pair = make(task, response.text)
            made[address] = {"strict": pair.strict, "repaired": pair.repaired}
        return made.get(address, {})

    def share(check: Check, task: Task, response: Response) -> float:
        if not isinstance(check, EvidenceCheck):
            return check(task, response).share
        try:
            return check.of(task, evidence(task, response)).share
        except NoEvidenceError as missing:
            raise SpecError(f"an answer to '{task.name}' cannot be marked: {missing}") from None

    def mark(task: Task, response: Response) -> float:
        return sum(points * share(check, task, response) for check, points in checks)

    return mark


def published_truth(table: TruthTable = SMOKE) -> tuple[PublishedTruth, ...]:
    """The published truths of simulated models, for shipped variants on a shipped suite.

    Raises:
        SpecError: the table was computed for other profiles, texts, tasks or points than these.
    """
    text = files("preamblelab.execution.simulation").joinpath(table.file).read_text("utf-8")
    document = json.loads(text)
    if document["of"] != _subject(table):
        raise SpecError(
            f"{table.file} was computed for other profiles, preambles, tasks or points; compute it "
            f"anew with `python -m preamblelab.lab.truth {table.suite}`"
        )
    return tuple(PublishedTruth(**row) for row in document["truths"])


def compute_table(draws: int, table: TruthTable = SMOKE) -> dict[str, Any]:
    """A table of published truths, computed anew.

    For `smoke` a minute of one core for each 30 draws; where answers are run, minutes for each.
    """
    with marking_by_checks(load_rubric(table.rubric)) as mark:
        rows = [row for name in table.models for row in _rows(table, name, mark, draws)]
    return {"of": _subject(table), "draws": draws, "truths": rows}


def _rows(table: TruthTable, name: str, mark: Mark, draws: int) -> Iterator[dict[str, Any]]:
    """The truths of one model."""
    tasks = load_suite(table.suite).tasks
    known: dict[str | None, tuple[tuple[float, ...], ...]] = {}
    texts = {label: _text(name, label) for label in table.variants}
    for text in (None, *texts.values()):
        if text not in known:
            known[text] = simulate_points(
                name, text, tasks=tasks, mark=mark, draws=draws, seed=_SEPARATE_SEED
            )
    for label, text in texts.items():
        truth = truth_of(name, known[None], known[text])
        published = PublishedTruth(
            model=truth.model,
            variant=label,
            effect=round(truth.effect, 2),
            standard_error=round(truth.standard_error, 2),
            baseline=round(truth.baseline, 2),
        )
        yield asdict(published)


def _text(model: str, label: str) -> str:
    parts = parse_label(label)
    size = size_class(PROFILES[model].total_b)
    text = load_preamble(parts.name).variant(parts, size).text
    if text is None:
        raise SpecError(f"'{label}' has no text")
    return text


def _subject(table: TruthTable) -> str:
    """The digest of everything shipped that a table rests on, code apart."""
    profiles = {name: asdict(PROFILES[name]) for name in table.models}
    texts = {
        f"{name}/{label}": _text(name, label) for name in table.models for label in table.variants
    }
    # Only what was there: a field that the nouns gain later does not make the table stale.
    tasks = [
        [task.turns(), task.expect.model_dump(mode="json", exclude_defaults=True), *_run(task)]
        for task in load_suite(table.suite).tasks
    ]
    points = [
        [criterion.check, criterion.points]
        for dimension in load_rubric(table.rubric).dimensions
        for criterion in dimension.marked
    ]
    return content_digest([profiles, texts, tasks, points])


def _run(task: Task) -> list[Any]:
    """What decides the outcome where a task's answers are run: mutants, and the tests that kill."""
    if task.evidence is None:
        return []
    return [task.evidence.model_dump(mode="json", exclude_defaults=True), task.golden]


if __name__ == "__main__":
    (wanted,) = [each for each in TABLES if each.suite == (sys.argv[1:] or [SUITE])[0]]
    json.dump(compute_table(int((sys.argv[2:] or ["600"])[0]), wanted), sys.stdout, indent=1)
    sys.stdout.write("\n")
