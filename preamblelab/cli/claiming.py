"""The commands that read what others published: claims, wins, agreement."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from preamblelab.cli.root import DEFAULT, GroupOption, Plain, StoreOption, app, groups_of


@app.command()
def claims(
    file: Annotated[Path, typer.Argument(help="YAML of published sentences (docs/recorded.md).")],
    source: Annotated[
        str | None,
        typer.Argument(help="Name of an experiment, or a CSV of scores; the only one needs none."),
    ] = None,
    store: StoreOption = DEFAULT,
    format: Plain = "text",  # noqa: A002
) -> None:
    """Recompute published sentences: which follow from the table, and which do not."""
    from preamblelab.lab.claims import as_json, claims_checked

    report = claims_checked(file, source, store)
    sys.stdout.write(as_json(report) if format == "json" else str(report))


@app.command()
def wins(
    file: Annotated[
        Path,
        typer.Argument(help="CSV: test, winner, repetition; or counts: model, repetition, wins."),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="All who took part, also who never won; repeatable."),
    ] = None,
    new_tests: Annotated[
        bool, typer.Option("--new-tests", help="Counts: each repetition asked other tests.")
    ] = False,
    group: GroupOption = None,
    format: Plain = "text",  # noqa: A002
) -> None:
    """Tell who wins how many tests, between which ranks, and what chance alone gives."""
    from preamblelab.lab.winning import wins_of

    told = wins_of(file, model or [], new_tests=new_tests, groups=groups_of(group))
    sys.stdout.write(json.dumps(told.data, indent=2) + "\n" if format == "json" else told.text)


@app.command()
def agreement(
    file: Annotated[
        Path, typer.Argument(help="CSV of marks (task, judge, score) or winners (item, winner).")
    ],
    threshold: Annotated[
        float, typer.Option(min=0, help="Points apart that count as a disagreement.")
    ] = 2.0,
    format: Plain = "text",  # noqa: A002
) -> None:
    """Tell how far judges agree: with each other, with themselves, with people, in both orders."""
    from preamblelab.lab.agreeing import agreement_of

    told = agreement_of(file, threshold=threshold)
    sys.stdout.write(json.dumps(told.data, indent=2) + "\n" if format == "json" else told.text)
