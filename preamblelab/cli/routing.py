"""The commands on routing rules: check, explain, write."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from preamblelab.cli.gating import pipeline_codes
from preamblelab.cli.root import DEFAULT, GroupOption, Plain, StoreOption, app, groups_of

routing_app = typer.Typer(
    rich_markup_mode=None, help="Which model answers which category, and for what reason."
)
app.add_typer(routing_app, name="routing")

Rules = Annotated[Path, typer.Argument(help="YAML of routing rules.")]
Against = Annotated[
    str | None, typer.Option(help="A run with the tasks, judges and models in use now.")
]


@routing_app.command("check")
def check(
    file: Rules,
    against: Against = None,
    store: StoreOption = DEFAULT,
    format: Plain = "text",  # noqa: A002
) -> None:
    """Refuse a quality rule without a finding that survived (exit code 3); price the others."""
    from preamblelab.lab.routing import Router
    from preamblelab.report.layout import as_text
    from preamblelab.report.routing import check_sections

    with pipeline_codes():
        found = Router(file).checked(against, store)
    text = as_text(check_sections(file.name, found))
    sys.stdout.write(json.dumps(asdict(found), indent=2) + "\n" if format == "json" else text)
    raise typer.Exit(found.exit_code)


@routing_app.command("explain")
def explain(
    file: Rules,
    category: Annotated[str, typer.Argument(help="Name of a category.")],
    format: Plain = "text",  # noqa: A002
) -> None:
    """Say who answers a category, in which order, and why; asks nobody."""
    from preamblelab.lab.routing import Router
    from preamblelab.report.layout import Section, as_text
    from preamblelab.report.routing import route_lines

    with pipeline_codes():
        found = Router(file).explain(category)
    text = as_text([Section(lines=route_lines(found))])
    sys.stdout.write(json.dumps(asdict(found), indent=2) + "\n" if format == "json" else text)


@routing_app.command("write")
def write(
    findings: Annotated[Path, typer.Argument(help="What `replicate --write` kept.")],
    default: Annotated[str, typer.Option(help="Model or tier for every other category.")],
    group: GroupOption = None,
) -> None:
    """Write rules from findings that survived, and from nothing else, on standard output."""
    from preamblelab.lab.routing import written_rules

    with pipeline_codes():
        rules = written_rules(findings, default=default, tiers=groups_of(group))
    sys.stdout.write(rules)
