"""The commands on cases: cases mine."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from preamblelab.cli.root import Plain, app

cases_app = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Tasks from the commits of your repository."
)
app.add_typer(cases_app, name="cases")

NOTHING_FOUND = 3


class CaseRole(StrEnum):
    """Kinds of cases."""

    coder = "coder"
    review = "review"
    draft = "draft"
    reason = "reason"


@cases_app.command("mine")
def mine(
    repo: Annotated[Path, typer.Option("--repo", help="A folder with a git repository.")],
    role: Annotated[
        list[CaseRole] | None,
        typer.Option("--role", help="Kinds of cases; repeatable; all when not given."),
    ] = None,
    since: Annotated[str | None, typer.Option(help="Leave out what this revision reaches.")] = None,
    revision: Annotated[str, typer.Option(help="Where to begin.")] = "HEAD",
    most: Annotated[int, typer.Option("--max", min=1, max=1000, help="Cases in all.")] = 50,
    files: Annotated[
        int, typer.Option("--max-files", min=1, max=50, help="Files that a commit may change.")
    ] = 5,
    lines: Annotated[
        int, typer.Option("--max-lines", min=5, max=5000, help="Lines that it may change.")
    ] = 200,
    name: Annotated[str, typer.Option(help="Name of the suite that is written.")] = "cases",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Its file; in the project by default.")
    ] = None,
    format: Plain = "text",  # noqa: A002 - the option's name
) -> None:
    """Make a suite of cases from commits, each with its check; obeys nothing of the repository."""
    from preamblelab.lab.mining.telling import mined

    found = mined(
        repo,
        roles=role and [each.value for each in role],
        since=since,
        revision=revision,
        most=most,
        sizes=(files, lines),
        name=name,
        file=output,
    )
    sys.stdout.write(found.to_json() if format == "json" else str(found))
    if not found.tasks:
        typer.echo(found.nothing, err=True)
        raise typer.Exit(NOTHING_FOUND)
