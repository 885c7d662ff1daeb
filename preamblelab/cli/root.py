"""The program itself, and the options that its commands share; commands register on `app`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from preamblelab.cli.printing import Format
from preamblelab.errors import SpecError

StoreOption = Annotated[
    Path, typer.Option("--store", help="The SQLite file that keeps answers, marks and names.")
]
FormatOption = Annotated[Format, typer.Option("--format", help="How the result is printed.")]
MarginOption = Annotated[
    float | None,
    typer.Option(
        min=0.1,
        max=100,
        help="The smallest effect that matters, in points; the experiment's (5) when not given.",
    ),
]
UntilDecidedOption = Annotated[
    bool,
    typer.Option(
        "--until-decided", help="Look at planned points; ask nothing more of what is settled."
    ),
]
AllowUnsafeOption = Annotated[
    bool,
    typer.Option(
        "--allow-unsafe",
        help="Run answers with your own rights where no sandbox holds; the report says so.",
    ),
]
Plain = Annotated[Literal["text", "json"], typer.Option("--format", help="text or json.")]
BaselineOption = Annotated[
    str | None,
    typer.Option(help="Of a CSV: the variant to compare with, where none is called baseline."),
]
ScaleOption = Annotated[
    float | None,
    typer.Option(help="Of a CSV: multiplies the scores; 100 for shares, 1 for points."),
]
GroupOption = Annotated[
    list[str] | None,
    typer.Option("--group", help="NAME=model,model: models taken together; repeatable."),
]
DEFAULT = Path("preamblelab.db")

app = typer.Typer(
    name="preamblelab",
    help="Does this preamble (system prompt) help this model, how much, and should I ship it?",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Does this preamble (system prompt) help this model, how much, and should I ship it?"""
    if version:
        from preamblelab import __version__

        typer.echo(f"preamblelab {__version__}")
        raise typer.Exit


def groups_of(written: list[str] | None) -> dict[str, list[str]] | None:
    """Groups of models by name, from `NAME=model,model`; None without any.

    Raises:
        SpecError: one is not written so.
    """
    groups = {}
    for each in written or []:
        name, _, members = each.partition("=")
        if not name or not members:
            raise SpecError(f"--group {each}: write NAME=model,model")
        groups[name] = members.split(",")
    return groups or None
