"""The use case of checking a conclusion: what a simulated model truly gains from a preamble.

    python -m preamblelab.lab.truth > preamblelab/execution/simulation/published.json

computes the published table anew, in some minutes.
"""

import json
import sys
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any, Final

from preamblelab.domain.base import content_digest
from preamblelab.domain.preambles import parse_label
from preamblelab.domain.records import Response
from preamblelab.domain.rubrics import Rubric
from preamblelab.domain.sizes import size_class
from preamblelab.domain.tasks import Suite, Task
from preamblelab.errors import SpecError
from preamblelab.execution.simulated import PROFILES
from preamblelab.execution.simulated_truth import Mark, Truth, simulate_points, truth_of
from preamblelab.library import load_preamble, load_rubric, load_suite
from preamblelab.scoring.checks import CHECKS
from preamblelab.scoring.verifiers.catalogue import verifiers

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

_TABLE: Final = "published.json"
_SEPARATE_SEED: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTruth:
    """What a simulated model truly gains from a shipped variant."""

    model: str
    """The id, `sim/` with it."""
    variant: str
    """The label; `careful` is the text for the model's own size."""
    effect: float
    """Expected points on the shipped smoke suite under the shipped coding rubric and its checks,
    minus those without a system message."""
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
        rubric: how it is marked; every criterion names a built-in check. None is `coding`.
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
    mark = mark_by_checks(rubric or load_rubric(RUBRIC))
    arms = [
        simulate_points(model, text, tasks=tasks, mark=mark, draws=draws, seed=seed)
        for text in (None, preamble_text)
    ]
    return truth_of(model, arms[0], arms[1])


def mark_by_checks(rubric: Rubric) -> Mark:
    """How an answer is marked without any judge under a rubric: its points, 0 to 100.

    Raises:
        SpecError: a criterion names no built-in check, nor `verifiers`.
    """
    known = {**CHECKS, "verifiers": verifiers}
    criteria = [each for dimension in rubric.dimensions for each in dimension.marked]
    for criterion in criteria:
        if criterion.check not in known:
            raise SpecError(
                f"rubric '{rubric.name}': '{criterion.text[:60]}' names no built-in check; a "
                "simulated truth needs one for every criterion"
            )
    checks = [(known[each.check or ""], each.points) for each in criteria]

    def mark(task: Task, response: Response) -> float:
        return sum(points * check(task, response).share for check, points in checks)

    return mark


def published_truth() -> tuple[PublishedTruth, ...]:
    """The published truths of all simulated models, for the shipped variants on the smoke suite.

    Raises:
        SpecError: the table was computed for other profiles, texts, tasks or points than these.
    """
    text = files("preamblelab.execution.simulation").joinpath(_TABLE).read_text("utf-8")
    table = json.loads(text)
    if table["of"] != _subject():
        raise SpecError(
            f"{_TABLE} was computed for other profiles, preambles, tasks or points; compute it "
            "anew with `python -m preamblelab.lab.truth`"
        )
    return tuple(PublishedTruth(**row) for row in table["truths"])


def compute_table(draws: int) -> dict[str, Any]:
    """The table of published truths, computed anew; a minute of one core for each 30 draws."""
    tasks, mark = load_suite(SUITE).tasks, mark_by_checks(load_rubric(RUBRIC))
    rows = []
    for name in PROFILES:
        known: dict[str | None, tuple[tuple[float, ...], ...]] = {}
        texts = {label: _text(name, label) for label in VARIANTS}
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
            rows.append(asdict(published))
    return {"of": _subject(), "draws": draws, "truths": rows}


def _text(model: str, label: str) -> str:
    parts = parse_label(label)
    size = size_class(PROFILES[model].total_b)
    text = load_preamble(parts.name).variant(parts, size).text
    if text is None:
        raise SpecError(f"'{label}' has no text")
    return text


def _subject() -> str:
    """The digest of everything shipped that the table rests on, code apart."""
    profiles = {name: asdict(profile) for name, profile in PROFILES.items()}
    texts = {f"{name}/{label}": _text(name, label) for name in PROFILES for label in VARIANTS}
    # Only what was there: a field that the nouns gain later does not make the table stale.
    tasks = [
        [task.turns(), task.expect.model_dump(mode="json", exclude_defaults=True)]
        for task in load_suite(SUITE).tasks
    ]
    points = [
        [criterion.check, criterion.points]
        for dimension in load_rubric(RUBRIC).dimensions
        for criterion in dimension.marked
    ]
    return content_digest([profiles, texts, tasks, points])


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    json.dump(compute_table(count), sys.stdout, indent=1)
    sys.stdout.write("\n")
