"""The commands of roles: check, run, decide, report, apply, history, rollback."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from preamblelab.cli.gating import pipeline_codes
from preamblelab.cli.printing import INTERRUPTED
from preamblelab.cli.root import DEFAULT, Plain, StoreOption, app

roles_app = typer.Typer(
    rich_markup_mode=None, help="Who serves in which role: measure, decide, promote, undo."
)
app.add_typer(roles_app, name="roles")

Roles = Annotated[Path, typer.Argument(help="YAML of roles, models and rules.")]
RoleOption = Annotated[list[str] | None, typer.Option("--role", help="Only this role; repeatable.")]
LiteralOption = Annotated[
    bool,
    typer.Option("--literal", help="Compare points, as the original policy; never applied."),
]
EmergencyOption = Annotated[
    bool,
    typer.Option("--emergency", help="Where an incumbent is gone: install by thresholds."),
]


@roles_app.command("check")
def check(file: Roles, format: Plain = "text") -> None:  # noqa: A002
    """Say who serves, who challenges, and what the cases can show; asks nobody."""
    from preamblelab.lab.roles.commands import checked_roles

    with pipeline_codes():
        told = checked_roles(file)
    sys.stdout.write(json.dumps(told.data, indent=2) + "\n" if format == "json" else told.text)


@roles_app.command("run")
def run(
    file: Roles,
    role: RoleOption = None,
    store: StoreOption = DEFAULT,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on standard error.")] = False,
) -> None:
    """Ask everybody of each role its cases, side by side; goes on where it stopped."""
    from preamblelab.lab.roles.commands import ran_roles

    with pipeline_codes():
        outcomes = ran_roles(file, store, role or [], quiet=quiet)
    for outcome in outcomes:
        done = "complete" if outcome.complete else outcome.tally.stopped or "not complete"
        typer.echo(f"{outcome.experiment}: {outcome.tally.done} answers, {done}", err=True)
    if outcomes and outcomes[-1].interrupted:
        typer.echo(outcomes[-1].interrupted, err=True)
        raise typer.Exit(INTERRUPTED)
    if any(outcome.tally.stopped.startswith("budget.") for outcome in outcomes):
        raise typer.Exit(4)
    if not all(outcome.complete for outcome in outcomes):
        raise typer.Exit(3)


@roles_app.command("decide")
def decide(
    file: Roles,
    role: RoleOption = None,
    store: StoreOption = DEFAULT,
    literal: LiteralOption = False,
    emergency: EmergencyOption = False,
    format: Plain = "text",  # noqa: A002
) -> None:
    """Decide on every challenger from what is stored; asks nobody, changes nothing."""
    from preamblelab.lab.roles.commands import decided_roles
    from preamblelab.report.roles import roles_text

    with pipeline_codes():
        document, code = decided_roles(
            file, store, role or [], literal=literal, emergency=emergency
        )
    text = roles_text(document)
    sys.stdout.write(json.dumps(document, indent=2) + "\n" if format == "json" else text)
    raise typer.Exit(code)


@roles_app.command("report")
def report(file: Roles, store: StoreOption = DEFAULT, literal: LiteralOption = False) -> None:
    """Write the dated report, Markdown and JSON; nothing is ever written over."""
    from preamblelab.lab.roles.commands import reported_roles

    with pipeline_codes():
        text, written = reported_roles(file, store, literal=literal)
    sys.stdout.write(text)
    if written is not None:
        typer.echo(f"written: {written.markdown} and {written.document}", err=True)


@roles_app.command("apply")
def apply(
    file: Roles,
    role: RoleOption = None,
    store: StoreOption = DEFAULT,
    emergency: EmergencyOption = False,
) -> None:
    """Put those who qualify into their roles; ends with the exit code of `roles decide`."""
    from preamblelab.lab.roles.commands import applied_roles

    with pipeline_codes():
        lines, code = applied_roles(file, store, role or [], emergency=emergency)
    sys.stdout.write("\n".join(lines or ["Nobody qualifies: nothing changed."]) + "\n")
    raise typer.Exit(code)


@roles_app.command("review")
def review(
    file: Roles,
    role: Annotated[str, typer.Argument(help="Name of the role that reviews.")],
    work: Annotated[Path, typer.Argument(help="Text file with the task and the work.")],
    category: Annotated[str | None, typer.Option(help="Of the task; see turbo.on_tasks.")] = None,
    private: Annotated[
        bool, typer.Option("--private", help="It must not leave this host.")
    ] = False,
    store: StoreOption = DEFAULT,
) -> None:
    """Accept (exit code 0) or reject (10), asking larger models where the role's rejects."""
    from preamblelab.lab.roles.commands import reviewed

    with pipeline_codes():
        found = reviewed(file, role, work, store, category=category, private=private)
    sys.stdout.write(found.sentence + "\n")
    raise typer.Exit(0 if found.accepted else 10)


@roles_app.command("history")
def history(file: Roles, role: RoleOption = None, format: Plain = "text") -> None:  # noqa: A002
    """Say who came for whom, when, and by which decision."""
    from preamblelab.lab.roles.commands import role_history

    with pipeline_codes():
        told = role_history(file, role or [])
    sys.stdout.write(json.dumps(told.data, indent=2) + "\n" if format == "json" else told.text)


@roles_app.command("rollback")
def rollback(
    file: Roles,
    role: Annotated[str, typer.Argument(help="Name of the role.")],
    reason: Annotated[str, typer.Option(help="Why, for the history.")] = "",
) -> None:
    """Put the one before back into a role."""
    from preamblelab.lab.roles.commands import rolled_back_role

    with pipeline_codes():
        sys.stdout.write(rolled_back_role(file, role, reason) + "\n")
