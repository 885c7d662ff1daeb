"""The commands around a run: models, list, import, export, init, schema."""

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from preamblelab.cli.printing import for_reader
from preamblelab.cli.root import DEFAULT, Plain, StoreOption, app

models_app = typer.Typer(rich_markup_mode=None, help="What models are here, and what is known.")
app.add_typer(models_app, name="models")

Listed = Literal["preambles", "models", "rubrics", "suites", "experiments", "runs"]


@models_app.callback(invoke_without_command=True)
def models(
    context: typer.Context,
    api_base: Annotated[
        list[str] | None, typer.Option(help="Address of a further server; repeatable.")
    ] = None,
    format: Plain = "text",  # noqa: A002
) -> None:
    """List the models that engines on this host serve, and how to name them."""
    if context.invoked_subcommand is not None:
        return
    from preamblelab.lab.describing import found_servers, servers_text

    servers = found_servers(api_base or [])
    if format == "json":
        typer.echo(json.dumps(servers, indent=2))
    else:
        sys.stdout.write(servers_text(servers))


@models_app.command("describe")
def describe(
    ids: Annotated[list[str], typer.Argument(help="litellm ids, or names from models.yaml.")],
    format: Plain = "text",  # noqa: A002
) -> None:
    """Tell size, parameters, family and quantisation of models, and who says so."""
    from preamblelab.lab.describing import described, facts_text

    rows = described(ids)
    if format == "json":
        typer.echo(json.dumps(rows, indent=2))
    else:
        sys.stdout.write(facts_text(rows))


@app.command("list")
def list_names(
    kind: Annotated[Listed, typer.Argument(help="What to list; `runs` are those in the store.")],
    store: StoreOption = DEFAULT,
    format: Plain = "text",  # noqa: A002
) -> None:
    """List names that an experiment can use, or the experiments in a store."""
    from preamblelab.lab.describing import listed, listed_text

    rows = listed(kind, store)
    if format == "json":
        typer.echo(json.dumps(rows, indent=2))
    else:
        sys.stdout.write(listed_text(rows))


@app.command("import")
def import_runs(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="JSONL or CSV of trials, logs of inspect_ai, result files of promptfoo."
        ),
    ],
    store: StoreOption = DEFAULT,
    name: Annotated[str | None, typer.Option(help="Name of the experiment it becomes.")] = None,
    best: Annotated[
        list[str] | None,
        typer.Option(help="SCORER=VALUE: the best value of another tool's scorer; repeatable."),
    ] = None,
) -> None:
    """Bring recorded runs into the store, to be analysed like our own."""
    from preamblelab.lab.exchange.foreign_scores import best_values
    from preamblelab.lab.exchange.importing import import_file
    from preamblelab.store import Store

    with Store(store) as opened:
        for made in import_file(files, opened, name=name, best=best_values(best or []), say=_aside):
            typer.echo(f"{made}: preamblelab report {made} --store {store}")


def _aside(line: str) -> None:
    typer.echo(line, err=True)


@app.command("export")
def export_runs(
    experiment: Annotated[
        str | None, typer.Argument(help="Name of an experiment; the only one needs none.")
    ] = None,
    store: StoreOption = DEFAULT,
    what: Annotated[
        Literal["trials", "ratings", "effects", "evidence"] | None,
        typer.Option(help="One row per what; trials when left out, effects for junit."),
    ] = None,
    format: Annotated[  # noqa: A002
        Literal["jsonl", "json", "csv", "md", "parquet", "junit", "inspect", "promptfoo"],
        typer.Option(),
    ] = "jsonl",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file; standard output when left out.")
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="CSV without the apostrophe before formulas.")
    ] = False,
) -> None:
    """Write trials, ratings, effects or executed evidence: JSONL, CSV, Markdown, Parquet, JUnit."""
    from preamblelab.lab.exporting import export_experiment
    from preamblelab.lab.reporting import only_experiment
    from preamblelab.store import Store

    with Store(store, read_only=True) as opened:
        chosen = only_experiment(opened, experiment)
        export_experiment(opened, chosen, output or for_reader(), format=format, what=what, raw=raw)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where the project is written.")] = Path(),
) -> None:
    """Write a project that runs at once: preambles, rubrics, experiments, suites."""
    from preamblelab.library import init_project

    for path in init_project(folder):
        typer.echo(str(path))
    typer.echo("now: preamblelab run quickstart", err=True)


@app.command()
def schema(
    kind: Annotated[
        Literal["experiment", "preamble", "rubric", "suite", "models", "policy", "gate"] | None,
        typer.Argument(help="Of which file; none with --write."),
    ] = None,
    write: Annotated[
        Path | None, typer.Option("--write", help="Write all schemas into this folder.")
    ] = None,
) -> None:
    """Print the JSON schema of a YAML file, or write all of them."""
    from preamblelab.errors import SpecError
    from preamblelab.library import json_schema, write_schemas

    if write is not None:
        for path in write_schemas(write):
            typer.echo(str(path))
    elif kind is not None:
        typer.echo(json.dumps(json_schema(kind), indent=2))
    else:
        raise SpecError("schema: name a kind (experiment, preamble, ...), or --write FOLDER")
