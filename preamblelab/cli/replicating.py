"""The command on runs that repeat each other: replicate."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from preamblelab.cli.root import (
    DEFAULT,
    GroupOption,
    Plain,
    ScaleOption,
    StoreOption,
    app,
    groups_of,
)


@app.command()
def replicate(
    runs: Annotated[
        list[str],
        typer.Argument(help="Names of experiments, FILE.db:NAME, or a CSV with a column run."),
    ],
    store: StoreOption = DEFAULT,
    unit: Annotated[Literal["model", "variant"], typer.Option(help="What is compared.")] = "model",
    variant: Annotated[
        str | None, typer.Option(help="The arm under which models are compared; the baseline.")
    ] = None,
    group: GroupOption = None,
    profiles: Annotated[
        Path | None, typer.Option(help="YAML of sampling profiles, production's among them.")
    ] = None,
    scale: ScaleOption = None,
    write: Annotated[
        Path | None, typer.Option(help="Keep the findings in this file, for `routing`.")
    ] = None,
    format: Plain = "text",  # noqa: A002
) -> None:
    """Say what comes again over runs of one benchmark: tiers, and findings that survive."""
    from preamblelab.lab.replicating import replicated, write_findings

    report = replicated(
        runs,
        store,
        unit=unit,
        variant=variant,
        groups=groups_of(group),
        profiles=profiles,
        scale=scale,
    )
    if write is not None:
        write_findings(report, write)
    sys.stdout.write(report.to_json() if format == "json" else str(report))
