"""Whether a suite's tasks can be checked, and what stored runs say of them."""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from preamblelab.domain.records import Response
from preamblelab.domain.tasks import Task
from preamblelab.errors import SpecError
from preamblelab.lab.reporting import only_experiment
from preamblelab.lab.suite_evidence import alive_of, verification_of
from preamblelab.library import load_suite
from preamblelab.report.layout import Grid, Section, as_text, counted
from preamblelab.scoring.evidence.maker import EvidenceMaker
from preamblelab.scoring.verifiers.catalogue import verify
from preamblelab.scoring.verifiers.verification import Verification
from preamblelab.store import Store

if TYPE_CHECKING:
    from pandas import DataFrame

State = Literal["as wanted", "fault", "missing", "not given", "no verifier"]

_EMPTY: Final = {
    "ceiling": "every model has nearly all points",
    "floor": "no model has points to speak of",
    "no difference": "models differ by less than the margin",
    "unscored": "no answer has a score",
}
_DOUBTFUL: Final = {
    "within noise": "models differ, but equal ones could by chance: more repetitions would tell",
    "backwards": "models that are weaker elsewhere do better here",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCheck:
    """What the verifiers say of one shipped answer of a task."""

    answer: Literal["golden", "wrong"]
    state: State
    """`fault`: the golden answer fails, or the wrong one passes; `missing`: a verifier could not
    tell."""
    evidence: tuple[str, ...] = ()
    """By verifier, what it found; empty where all is as wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCheck:
    """What the verifiers say of a task's golden and wrong answer."""

    suite: str
    task: str
    category: str
    severity: str
    verifiers: tuple[str, ...]
    """Their kinds, in order."""
    golden: AnswerCheck
    wrong: AnswerCheck
    alive: tuple[str, ...] = ()
    """Mutants that the golden answer does not kill: perhaps nobody can."""
    unsafe: bool = False
    """An answer was run without isolation."""

    @property
    def faults(self) -> tuple[AnswerCheck, ...]:
        """Answers that the verifiers judge otherwise than the task says, or cannot judge."""
        return tuple(
            each for each in (self.golden, self.wrong) if each.state in {"fault", "missing"}
        )


def answered(task: Task, text: str) -> Response:
    """The response that a `golden` or `wrong` stands for: words, or the calls it writes as JSON."""
    calls = task.calls_in(text)
    return Response(text="" if calls else text, tool_calls=calls)


def check_task(suite: str, task: Task, maker: EvidenceMaker | None = None) -> TaskCheck:
    """Run a task's golden and wrong answer through its verifiers; asks nothing.

    Args:
        suite: its suite's name.
        task: the task.
        maker: runs the answers of tasks with evidence; without it they are not run.
    """
    runs = task.evidence is not None and maker is not None
    golden = _found(task, task.golden, maker)
    wrong = _found(task, task.wrong, maker)
    kinds = tuple(each.kind for each in task.verify)
    return TaskCheck(
        suite=suite,
        task=task.name,
        category=task.category,
        severity=task.severity,
        verifiers=(*kinds, f"run {task.evidence.kind}") if runs and task.evidence else kinds,
        golden=_check("golden", golden.verifications, task.golden),
        wrong=_check("wrong", wrong.verifications, task.wrong),
        alive=golden.alive,
        unsafe=golden.unsafe or wrong.unsafe,
    )


class _Found(NamedTuple):
    verifications: tuple[Verification, ...]
    alive: tuple[str, ...] = ()
    unsafe: bool = False


def _found(task: Task, text: str | None, maker: EvidenceMaker | None) -> _Found:
    """What the verifiers find in an answer, and what running it shows."""
    found = () if text is None else tuple(verify(task, answered(task, text)))
    if text is None:
        return _Found(tuple(_unasked(task, maker)))
    if task.evidence is None or maker is None:
        return _Found(found)
    evidence = maker.make(task, text).strict
    unsafe = evidence.backend == "unsafe"
    return _Found((*found, verification_of(task, evidence)), alive_of(evidence), unsafe)


def _unasked(task: Task, maker: EvidenceMaker | None) -> list[Verification]:
    """One for each verifier that had no answer to look at."""
    count = len(task.verify) + (task.evidence is not None and maker is not None)
    return [Verification(verifier="", version="")] * count


def _check(
    answer: Literal["golden", "wrong"], found: Sequence[Verification], text: str | None
) -> AnswerCheck:
    if not found:
        return AnswerCheck(answer=answer, state="no verifier")
    if text is None:
        return AnswerCheck(answer=answer, state="not given")
    if any(each.passed is None for each in found):
        missing = [each for each in found if each.passed is None]
        return AnswerCheck(answer=answer, state="missing", evidence=_evidence(missing))
    passes = all(each.passed for each in found)
    if passes == (answer == "golden"):
        return AnswerCheck(answer=answer, state="as wanted")
    shown = found if passes else [each for each in found if not each.passed]
    return AnswerCheck(answer=answer, state="fault", evidence=_evidence(shown))


def _evidence(found: Sequence[Verification]) -> tuple[str, ...]:
    return tuple(
        f"{each.verifier}: {each.reason or '; '.join(each.evidence) or 'passes'}" for each in found
    )


def check_suites(
    named: Sequence[str] = ("smoke", "full"), *, allow_unsafe: bool = False
) -> list[TaskCheck]:
    """Run golden and wrong answers through their tasks' verifiers, or run them, where they say so.

    Args:
        named: names or files of suites.
        allow_unsafe: run them without isolation where no sandbox holds.

    Raises:
        SpecError: a suite cannot be read.
    """
    tasks = [(suite.name, task) for suite in map(load_suite, named) for task in suite.tasks]
    if not any(task.evidence is not None for _, task in tasks):
        return [check_task(suite, task) for suite, task in tasks]
    with (
        EvidenceMaker(allow_unsafe=allow_unsafe) as maker,
        ThreadPoolExecutor(maker.workers) as threads,
    ):
        waiting = [threads.submit(check_task, suite, task, maker) for suite, task in tasks]
        return [each.result() for each in waiting]


def checks_text(checks: Sequence[TaskCheck]) -> str:
    """The table of checks, what is amiss, and what cannot be checked."""
    grid = Grid(
        columns=("suite", "task", "category", "severity", "verifiers", "golden", "wrong"),
        rows=tuple(
            (
                each.suite,
                each.task,
                each.category,
                each.severity,
                ", ".join(each.verifiers) or "none",
                _word(each.golden),
                _word(each.wrong),
            )
            for each in checks
        ),
    )
    sections = [Section(grid=grid)]
    amiss = _amiss(checks)
    if amiss:
        sections.append(Section(title="Amiss", lines=tuple(amiss)))
    alive = tuple(
        f"{each.suite}/{each.task}: {', '.join(each.alive)}" for each in checks if each.alive
    )
    if alive:
        sections.append(Section(title="Mutants that the golden answer leaves alive", lines=alive))
    unchecked = [
        each.task
        for each in checks
        if {each.golden.state, each.wrong.state} & {"no verifier", "not given"}
    ]
    good = len(checks) - len(unchecked) - len({each.task for each in checks if each.faults})
    lines = [f"{good} of {len(checks)} tasks pass their golden answer and fail their wrong one."]
    unsafe = sum(each.unsafe for each in checks)
    if unsafe:
        whose = counted(unsafe, "task")
        lines.append(f"Run without isolation, with your own rights: answers of {whose}.")
    if unchecked:
        lines.append(f"Not checked, for want of verifiers or answers: {', '.join(unchecked)}.")
    return as_text([*sections, Section(lines=tuple(lines))])


def _amiss(checks: Sequence[TaskCheck]) -> list[str]:
    """One line for each fault; one for all answers that could not be checked for one reason."""
    faults = [(each, answer) for each in checks for answer in each.faults]
    stopped: dict[tuple[str, ...], list[str]] = {}
    for each, answer in faults:
        if answer.state == "missing":
            stopped.setdefault(answer.evidence, []).append(f"{each.suite}/{each.task}")
    repeated = {reason: tasks for reason, tasks in stopped.items() if len(tasks) > 1}
    lines = []
    for reason, tasks in repeated.items():
        whose = ", ".join(dict.fromkeys(tasks))
        lines.append(
            f"{counted(len(tasks), 'answer')} could not be checked: {' | '.join(reason)} ({whose})"
        )
    return lines + [
        f"{each.suite}/{each.task}: {_complaint(answer)}"
        for each, answer in faults
        if answer.state != "missing" or answer.evidence not in repeated
    ]


def _word(check: AnswerCheck) -> str:
    if check.state == "as wanted":
        return "passes" if check.answer == "golden" else "fails"
    if check.state == "fault":
        return "FAILS" if check.answer == "golden" else "PASSES"
    return check.state


def _complaint(check: AnswerCheck) -> str:
    said = {
        ("golden", "fault"): "the golden answer fails",
        ("wrong", "fault"): "the wrong answer passes",
        ("golden", "missing"): "the golden answer could not be checked",
        ("wrong", "missing"): "the wrong answer could not be checked",
    }[check.answer, check.state]
    return f"{said}: {' | '.join(check.evidence)}"


def suite_statistics(experiment: str | None, store: Path, *, margin: float = 5.0) -> "DataFrame":
    """Difficulty and discrimination of each task of a stored experiment; asks nothing.

    Args:
        experiment: its name; None for the only one of the store.
        store: where its answers and marks are.
        margin: a spread between models below it is no difference, in points.

    Returns:
        As `preamblelab.stats.items.item_statistics`, with `category` after `task`.

    Raises:
        SpecError: there is no such experiment, or nothing in it is scored.
    """
    from preamblelab.stats.items import item_statistics

    with Store(store, read_only=True) as opened:
        name = only_experiment(opened, experiment)
        scores = opened.scores(name)
    if scores["score"].notna().sum() == 0:
        raise SpecError(f"'{name}' has no scored answer yet: preamblelab run {name}")
    table = item_statistics(scores, margin=margin)
    categories = scores.drop_duplicates("task").set_index("task")["category"]
    table.insert(1, "category", table["task"].map(categories))
    return table


def statistics_text(table: "DataFrame", *, margin: float = 5.0) -> str:
    """The table of tasks, hardest first, and those that carry no information."""
    columns = (
        "task",
        "category",
        "answers",
        "mean",
        "discrimination",
        "spread",
        "noise",
        "finding",
    )
    ordered = table.sort_values(["mean", "task"], na_position="last")
    grid = Grid(
        columns=columns,
        rows=tuple(
            tuple(_cell(name, row[name]) for name in columns) for _, row in ordered.iterrows()
        ),
        right=frozenset({"answers", "mean", "discrimination", "spread", "noise"}),
    )
    notes = (
        "mean: of the models' mean scores, 0 to 100; difficulty is what is missing to 100.",
        "discrimination: correlation with the other tasks over models and variants, -1 to 1.",
        "spread: best minus worst model, points; noise: what equal models would show by chance.",
        f"A spread below {margin:g} points counts as no difference.",
    )
    said = _said(ordered, _EMPTY)
    sections = [
        Section(grid=grid, notes=("", *notes)),
        Section(title="Tasks that carry no information", lines=said or ("none",)),
    ]
    if doubtful := _said(ordered, _DOUBTFUL):
        sections.append(Section(title="Tasks to look at", lines=doubtful))
    return as_text(sections)


def _said(table: "DataFrame", meanings: Mapping[str, str]) -> tuple[str, ...]:
    """One line for each finding that there is, with its tasks."""
    found = {name: table.loc[table["finding"] == name, "task"] for name in meanings}
    return tuple(
        f"{name} ({meanings[name]}): {', '.join(map(str, tasks))}"
        for name, tasks in found.items()
        if len(tasks)
    )


def _cell(column: str, value: Any) -> str:
    """A number with the places that it deserves; empty where it is missing."""
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return ""
    return f"{value:.2f}" if column == "discrimination" else f"{value:.1f}"
