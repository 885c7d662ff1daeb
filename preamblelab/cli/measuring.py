"""The commands that measure: check, run, score, report, compare."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from preamblelab.cli.printing import exit_for, print_check, print_report
from preamblelab.cli.root import (
    DEFAULT,
    AllowUnsafeOption,
    BaselineOption,
    FormatOption,
    MarginOption,
    ScaleOption,
    StoreOption,
    UntilDecidedOption,
    app,
)


@app.command()
def check(
    experiment: Annotated[str, typer.Argument(help="Name or file of an experiment.")],
    store: StoreOption = DEFAULT,
    format: Annotated[Literal["text", "json"], typer.Option()] = "text",  # noqa: A002 - the option's name
) -> None:
    """Count trials, calls, tokens and the most they can cost; sends nothing."""
    from preamblelab.lab.commands import checked

    print_check(checked(experiment, store), format)


@app.command()
def run(
    experiment: Annotated[str, typer.Argument(help="Name or file of an experiment.")],
    store: StoreOption = DEFAULT,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Ask at most so many trials now.")
    ] = None,
    until_decided: UntilDecidedOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="As `check`: send nothing.")] = False,
    allow_unsafe: AllowUnsafeOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on standard error.")] = False,
    margin: MarginOption = None,
    format: FormatOption = "text",  # noqa: A002
) -> None:
    """Ask what is missing, mark it, report; goes on where it stopped."""
    if dry_run:
        check(experiment, store, "json" if format == "json" else "text")
        return
    from preamblelab.lab.commands import ran

    result = ran(
        experiment,
        store,
        limit=limit,
        until_decided=until_decided,
        allow_unsafe=allow_unsafe,
        quiet=quiet,
        margin=margin,
        form=format,
    )
    sys.stdout.write(result.text)
    looks = " --until-decided" if until_decided else ""
    wanted = "" if margin is None else f" --margin {margin:g}"
    exit_for(result, f"preamblelab run {experiment} --store {store}{looks}{wanted}")


@app.command()
def score(
    experiment: Annotated[str, typer.Argument(help="Name of an experiment in the store.")],
    store: StoreOption = DEFAULT,
    rubric: Annotated[str | None, typer.Option(help="Name or file of another rubric.")] = None,
    judge: Annotated[
        list[str] | None, typer.Option("--judge", help="A judge's litellm id or name; repeatable.")
    ] = None,
    scorer: Annotated[
        list[str] | None, typer.Option("--scorer", help="text, or module:name; repeatable.")
    ] = None,
    allow_unsafe: AllowUnsafeOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on standard error.")] = False,
    margin: MarginOption = None,
    format: FormatOption = "text",  # noqa: A002
) -> None:
    """Mark stored answers anew with another rubric or judge; asks subjects nothing."""
    from preamblelab.lab.commands import scored

    result = scored(
        experiment,
        store,
        rubric=rubric,
        judges=judge,
        scorers=scorer,
        allow_unsafe=allow_unsafe,
        quiet=quiet,
        margin=margin,
        form=format,
    )
    sys.stdout.write(result.text)
    exit_for(result, f"preamblelab score {experiment} --store {store}")


@app.command()
def evidence(
    experiment: Annotated[
        str | None, typer.Argument(help="Name of an experiment; the only one needs none.")
    ] = None,
    store: StoreOption = DEFAULT,
    suite: Annotated[
        str | None, typer.Option("--from", help="Name or file of a suite that says what to run.")
    ] = None,
    allow_unsafe: AllowUnsafeOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on standard error.")] = False,
    format: FormatOption = "text",  # noqa: A002
) -> None:
    """Run stored or imported answers and report; marks and asks nothing."""
    from preamblelab.lab.commands import executed

    sys.stdout.write(
        executed(
            experiment,
            store,
            suite=suite,
            allow_unsafe=allow_unsafe,
            quiet=quiet,
            form=format,
        )
    )


@app.command()
def report(
    experiment: Annotated[
        str | None,
        typer.Argument(help="Name of an experiment, or a CSV of scores; the only one needs none."),
    ] = None,
    store: StoreOption = DEFAULT,
    margin: MarginOption = None,
    baseline: BaselineOption = None,
    scale: ScaleOption = None,
    claims: Annotated[
        Path | None,
        typer.Option(help="YAML of published sentences to check beside it (docs/recorded.md)."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="A file; .html, .md, .json, .csv or .txt says in which form."
        ),
    ] = None,
    format: FormatOption = "text",  # noqa: A002
) -> None:
    """Report from the store, or from a CSV of scores, as text or as a page; asks nothing."""
    from preamblelab.lab.deciding import report_on

    shown = report_on(
        experiment, store, margin=margin, baseline=baseline, scale=scale, claims=claims
    )
    if output is None:
        print_report(shown, format)
    else:
        typer.echo(f"written: {shown.save(output)}", err=True)


@app.command()
def compare(
    preamble: Annotated[str, typer.Argument(help="The text itself, a file of one, or a name.")],
    model: Annotated[
        list[str], typer.Option("--model", "-m", help="A litellm id or a name; repeatable.")
    ],
    suite: Annotated[str, typer.Option(help="Name or file of a suite of tasks.")] = "smoke",
    repetitions: Annotated[int, typer.Option(min=1, max=1000)] = 3,
    rubric: Annotated[str, typer.Option(help="Name or file of a rubric.")] = "coding",
    judge: Annotated[
        list[str] | None, typer.Option("--judge", help="A judge's litellm id or name; repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws the order of trials.")] = 0,
    name: Annotated[str, typer.Option(help="What tables call the text.")] = "",
    until_decided: UntilDecidedOption = False,
    store: StoreOption = DEFAULT,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on standard error.")] = False,
    margin: MarginOption = None,
    format: FormatOption = "text",  # noqa: A002
) -> None:
    """Ask models with one new system prompt and without any, and report."""
    from preamblelab.lab.commands import compared

    result = compared(
        preamble,
        model,
        suite=suite,
        repetitions=repetitions,
        rubric=rubric,
        judges=judge or [],
        seed=seed,
        name=name,
        until_decided=until_decided,
        store=store,
        quiet=quiet,
        margin=margin,
        form=format,
    )
    sys.stdout.write(result.text)
    exit_for(result, "the same command")
