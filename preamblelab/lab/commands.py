"""The use cases as the command line calls them: names and files in, text and state out."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from preamblelab.domain.experiments import Budget, Experiment
from preamblelab.lab.checking import Check, check_experiment
from preamblelab.lab.loading import Planned, load_planned, planned
from preamblelab.lab.running import Outcome, execute, mark_again
from preamblelab.lab.stopping import with_looks
from preamblelab.library import Project
from preamblelab.report.progress import LineProgress, Progress
from preamblelab.store import Store

Form = Literal["text", "md", "csv", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A rendered report and what is still open."""

    text: str
    outcome: Outcome

    @property
    def complete(self) -> bool:
        """Whether nothing is left to ask or mark."""
        return self.outcome.complete

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the run."""
        return bool(self.outcome.interrupted)

    def open_lines(self, again: str) -> list[str]:
        """What is open and how to go on; nothing when all is done.

        Args:
            again: the command that goes on.
        """
        tally, marks = self.outcome.tally, self.outcome.marks
        lines = [f"{model}: {reason}" for model, reason in tally.left_alone.items()]
        failed = tally.outcomes.get("failed", 0)
        unasked = tally.open - tally.done
        if self.interrupted:
            return [*lines, f"{self.outcome.interrupted}: {again}"]
        if unasked > 0 or failed:
            why = f" ({tally.stopped})" if tally.stopped else ""
            lines.append(
                f"stopped{why}: {unasked} trials are open and {failed} failed; everything answered "
                f"is stored. To go on: {again}"
            )
        if marks.not_asked:
            lines.append(
                f"{marks.not_asked} judgements could not be had ({marks.reason}). To go on: {again}"
            )
        lines += [f"{count} marks are missing: {reason}" for reason, count in marks.crashed.items()]
        return lines


def checked(experiment: str, store: Path) -> Check:
    """What a run would ask and cost; the store is only read, and need not exist."""
    plan, folder = load_planned(experiment)
    if not store.exists():
        return check_experiment(plan, None, folder=folder)
    with Store(store, read_only=True) as opened:
        return check_experiment(plan, opened, folder=folder)


def ran(
    experiment: str,
    store: Path,
    *,
    limit: int | None,
    until_decided: bool,
    allow_unsafe: bool,
    quiet: bool,
    margin: float | None,
    form: Form,
) -> Result:
    """Run an experiment and render its report."""
    plan, folder = load_planned(experiment)
    plan = with_unsafe(plan, allow_unsafe)
    plan = with_looks(plan, until_decided=until_decided, margin=margin)
    return _ran(Planned(plan, folder), store, limit, quiet, margin, form)


def compared(
    preamble: str,
    models: Sequence[str],
    *,
    suite: str,
    repetitions: int,
    rubric: str,
    judges: Sequence[str],
    seed: int,
    name: str,
    until_decided: bool,
    store: Path,
    quiet: bool,
    margin: float | None,
    form: Form,
) -> Result:
    """Compare one preamble with none and render the report."""
    from preamblelab.lab.usecases import comparison, preamble_of

    meant = Path(preamble) if len(preamble) < 500 and Path(preamble).is_file() else preamble
    experiment = comparison(
        preamble_of(meant, name),
        models,
        suite=suite,
        repetitions=repetitions,
        rubric=rubric,
        judges=judges,
        settings={},
        budget=Budget(),
        seed=seed,
        until_decided=until_decided,
        margin=5.0 if margin is None else margin,
    )
    return _ran(planned(experiment), store, None, quiet, margin, form)


def scored(
    experiment: str,
    store: Path,
    *,
    rubric: str | None,
    judges: Sequence[str] | None,
    scorers: Sequence[str] | None,
    allow_unsafe: bool,
    quiet: bool,
    margin: float | None,
    form: Form,
) -> Result:
    """Mark stored answers anew, run those that were not run, and render the report."""
    from preamblelab.lab.usecases import remarked

    with Store(store) as opened:
        plan = remarked(
            opened, experiment, rubric=rubric, judges=judges or None, scorers=scorers or None
        )
        outcome = mark_again(
            with_unsafe(plan, allow_unsafe),
            opened,
            progress=_progress(quiet),
            folder=Project.above().folder,
            handle_interrupts=True,
        )
        return _result(opened, outcome, margin, form)


def executed(
    experiment: str | None,
    store: Path,
    *,
    suite: str | None,
    allow_unsafe: bool,
    quiet: bool,
    form: Form,
) -> str:
    """Run stored answers, mark nothing, and render the report."""
    from preamblelab.lab.executing import execute_with
    from preamblelab.lab.reporting import only_experiment
    from preamblelab.library import load_suite

    lender = None if suite is None else load_suite(suite)
    with Store(store) as opened:
        name = only_experiment(opened, experiment)
        progress = _progress(quiet)
        tally = execute_with(opened, name, lender, allow_unsafe=allow_unsafe, progress=progress)
        for reason, count in tally.missing.items():
            progress.say(f"{count} answers could not be run: {reason}")
        return report_text(opened, name, None, form)


def _ran(
    plan: Planned,
    store: Path,
    limit: int | None,
    quiet: bool,
    margin: float | None,
    form: Form,
) -> Result:
    with Store(store) as opened:
        outcome = execute(
            plan.experiment,
            opened,
            progress=_progress(quiet),
            limit=limit,
            folder=plan.folder,
            handle_interrupts=True,
        )
        return _result(opened, outcome, margin, form)


def with_unsafe(plan: Experiment, allow_unsafe: bool) -> Experiment:
    """The plan with leave to run answers without isolation, where the command gives it."""
    return plan.model_copy(update={"allow_unsafe": True}) if allow_unsafe else plan


def _result(store: Store, outcome: Outcome, margin: float | None, form: Form) -> Result:
    """The outcome with its report; none where somebody waits for the program to stop."""
    if outcome.interrupted:
        return Result(text="", outcome=outcome)
    return Result(text=report_text(store, outcome.experiment, margin, form), outcome=outcome)


def report_text(store: Store, experiment: str, margin: float | None, form: Form) -> str:
    """The rendered report; taken from the store when nothing has changed since it was made.

    Making it needs pandas and scipy, seconds that a run with nothing to do should not take.
    """
    print_of = (
        f"{store.fingerprint(experiment)}/{margin}/{form}/{store.path}/{version('preamblelab')}"
    )
    kept = store.latest_report(experiment, print_of)
    if kept is not None:
        return kept
    from preamblelab.lab.reporting import analyze

    report = analyze(store, experiment, margin=margin)
    texts = {
        "json": report.to_json,
        "csv": report.to_csv,
        "md": report.to_markdown,
        "text": report.__str__,
    }
    text = texts[form]()
    store.put_report(experiment, print_of, text)
    return text


def _progress(quiet: bool) -> Progress:
    return Progress() if quiet else LineProgress()
