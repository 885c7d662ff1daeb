"""The command that checks judges: judge-check."""

import sys
from typing import Annotated

import typer

from preamblelab.cli.root import DEFAULT, Plain, StoreOption, app


@app.command("judge-check")
def judge_check(
    judge: Annotated[list[str], typer.Argument(help="litellm ids, or names from models.yaml.")],
    rubric: Annotated[str, typer.Option(help="Name or file of a rubric.")] = "coding-judged",
    suite: Annotated[
        str | None, typer.Option(help="Tasks of your own, instead of two with a known good answer.")
    ] = None,
    repeats: Annotated[
        int, typer.Option(min=1, max=25, help="How often each planted answer is judged.")
    ] = 2,
    calls: Annotated[int | None, typer.Option(min=1, help="The most calls.")] = None,
    usd: Annotated[float | None, typer.Option(min=0, help="The most it may cost.")] = None,
    store: StoreOption = DEFAULT,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on standard error.")] = False,
    format: Plain = "text",  # noqa: A002
) -> None:
    """Let judges mark answers of known worth: empty, echoed, padded, with orders in them."""
    from preamblelab.domain.experiments import Budget
    from preamblelab.lab.judge_check import judge_check as checked
    from preamblelab.report.progress import LineProgress, Progress

    result = checked(
        judge,
        rubric=rubric,
        suite=suite,
        repeats=repeats,
        store=store,
        budget=Budget(calls=calls, usd=usd),
        progress=Progress() if quiet else LineProgress(),
    )
    sys.stdout.write(result.to_json() if format == "json" else str(result))
    if not result.complete:
        typer.echo(f"not complete: {result.stopped}", err=True)
        raise typer.Exit(1)
