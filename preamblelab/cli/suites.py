"""The commands on suites: suite check, suite stats."""

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from preamblelab.cli.root import DEFAULT, AllowUnsafeOption, Plain, StoreOption, app

suite_app = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Whether a suite's tasks are worth asking."
)
app.add_typer(suite_app, name="suite")


@suite_app.command("check")
def check(
    suites: Annotated[
        list[str] | None, typer.Argument(help="Names or files; smoke and full when left out.")
    ] = None,
    allow_unsafe: AllowUnsafeOption = False,
    format: Plain = "text",  # noqa: A002 - the option's name
) -> None:
    """Verify, and run, each task's golden and wrong answer; exit 1 if one is amiss."""
    from preamblelab.lab.suites import check_suites, checks_text

    checks = check_suites(suites or ("smoke", "full"), allow_unsafe=allow_unsafe)
    if format == "json":
        typer.echo(json.dumps([asdict(each) for each in checks], indent=2))
    else:
        sys.stdout.write(checks_text(checks))
    if any(each.faults for each in checks):
        raise typer.Exit(1)


@suite_app.command("stats")
def stats(
    experiment: Annotated[
        str | None, typer.Argument(help="Name of an experiment; the only one needs none.")
    ] = None,
    store: StoreOption = DEFAULT,
    margin: Annotated[
        float, typer.Option(min=0.1, max=100, help="Less between models is no difference, points.")
    ] = 5.0,
    format: Plain = "text",  # noqa: A002
) -> None:
    """Tell difficulty and discrimination of tasks from stored runs, and which tell nothing."""
    from preamblelab.lab.suites import statistics_text, suite_statistics

    table = suite_statistics(experiment, store, margin=margin)
    if format == "json":
        typer.echo(json.dumps(json.loads(table.to_json(orient="records")), indent=2))
    else:
        sys.stdout.write(statistics_text(table, margin=margin))
