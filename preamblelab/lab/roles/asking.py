"""What is asked for a role: its cases, by everybody who serves or challenges, side by side."""

from collections.abc import Sequence
from pathlib import Path

from preamblelab.domain.experiments import Experiment
from preamblelab.domain.preambles import BASELINE
from preamblelab.domain.tasks import Suite
from preamblelab.errors import SpecError
from preamblelab.execution.gateway import warms_up
from preamblelab.execution.places import runs_here
from preamblelab.lab.roles.serving import RolesProject, Staff
from preamblelab.lab.running import Outcome, TrialClient, execute
from preamblelab.lab.usecases import judge_names, models_of
from preamblelab.library import load_rubric, load_suite
from preamblelab.report.progress import Progress
from preamblelab.scoring.scorers import Scorer
from preamblelab.store import Store


def cases_of(project: RolesProject, staff: Staff) -> Suite | None:
    """The cases of a role; None where it names none.

    Raises:
        SpecError: there is no such suite, or none of its tasks is of the role's category.
    """
    spec = staff.spec
    if spec.suite is None:
        return None
    try:
        suite = load_suite(_named(project, spec.suite), start=project.path.parent)
    except SpecError as error:
        raise SpecError(f"{project.path}: role '{staff.role}': {error}") from None
    if spec.category is None:
        return suite
    own = tuple(task for task in suite.tasks if task.category == spec.category)
    if not own:
        known = ", ".join(sorted({task.category for task in suite.tasks}))
        raise SpecError(
            f"role '{staff.role}': no case of category '{spec.category}' in '{spec.suite}'; there "
            f"are: {known}"
        )
    return suite.model_copy(update={"tasks": own})


def _named(project: RolesProject, word: str) -> str | Path:
    """A name as it is; a path as seen from the file of roles."""
    is_path = "/" in word or word.endswith((".yaml", ".yml"))
    return project.path.parent / word if is_path else word


def experiment_name(role: str) -> str:
    """What a role's experiment is called in the store."""
    return f"role-{role}"


def role_experiment(project: RolesProject, staff: Staff) -> Experiment:
    """Everybody of a role on every case of it, without a preamble.

    Raises:
        SpecError: the role has no suite, nobody to ask, or is private and names a model or judge
            that does not run here.
    """
    suite = cases_of(project, staff)
    if suite is None:
        raise SpecError(f"role '{staff.role}' names no 'suite' of cases: nothing can be asked")
    if not staff.models:
        raise SpecError(f"role '{staff.role}' has neither incumbent nor challengers")
    models = [project.spec(name) for name in staff.models]
    judges = models_of(staff.spec.judges)
    away = [model.name for model in (*models, *judges) if not runs_here(model)]
    if staff.spec.private and away:
        raise SpecError(
            f"role '{staff.role}' is private, and {away[0]} does not run here: its cases are sent "
            "to nobody; take it out of the role"
        )
    return Experiment(
        name=experiment_name(staff.role),
        question=f"Who should serve as {staff.role}?",
        models=tuple(models),
        pairs=tuple((model.name, BASELINE) for model in models),
        by_pass=any(warms_up(model) for model in models),
        suite=suite,
        rubric=load_rubric(_named(project, staff.spec.rubric), start=project.path.parent),
        scorers=("text", *judge_names(judges)),
        judges={judge.name: judge for judge in judges},
        repetitions=staff.spec.repetitions,
        budget=project.file.budget,
        seed=project.file.seed,
        delivery=False,
    )


def ask_roles(
    project: RolesProject,
    roles: Sequence[str],
    store: Store,
    *,
    client: TrialClient | None = None,
    scorers: Sequence[Scorer] = (),
    progress: Progress | None = None,
    handle_interrupts: bool = False,
) -> list[Outcome]:
    """Ask and mark what is missing of each role; what is stored is never asked again.

    A case that was edited, or a model whose weights changed behind its tag, is asked anew.

    Args:
        project: the roles.
        roles: names; none: all that have cases and somebody to ask.
        store: where answers are and go.
        client: answers instead of the models.
        scorers: scorers of one's own.
        progress: is told what happens.
        handle_interrupts: let Ctrl-C stop cleanly.
    """
    outcomes = []
    for name in roles or project.file.roles:
        staff = project.staff(name)
        if not roles and (staff.spec.suite is None or not staff.models):
            continue
        outcome = execute(
            role_experiment(project, staff),
            store,
            scorers=scorers,
            client=client,
            progress=progress or Progress(),
            folder=Path.cwd(),
            handle_interrupts=handle_interrupts,
        )
        outcomes.append(outcome)
        if outcome.interrupted or outcome.tally.stopped:
            break
    return outcomes
