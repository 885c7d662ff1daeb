"""The commands on a policy: resolve, policy show, policy history, policy rollback."""

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from preamblelab.cli.gating import pipeline_codes
from preamblelab.cli.root import DEFAULT, Plain, StoreOption, app

ABSTAINED = 11
"""Exit code where nothing is proven: the same as an inconclusive decision."""

PolicyOption = Annotated[
    Path, typer.Option("--policy", help="The policy file that `choose --write` wrote.")
]
FileArgument = Annotated[Path, typer.Argument(help="A policy file.")]
DEFAULT_POLICY = Path("policy.yaml")

policy_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(policy_app, name="policy", help="Look at a policy file, its history, and go back.")


@app.command()
def resolve(
    model: Annotated[str, typer.Argument(help="A litellm id, or a name of models.yaml.")],
    task: Annotated[str | None, typer.Option(help="The task family, such as coding.")] = None,
    policy: PolicyOption = DEFAULT_POLICY,
    parameters: Annotated[
        str | None, typer.Option(help="All its parameters, where you know them: 8.2B.")
    ] = None,
    baseline_score: Annotated[
        float | None, typer.Option(min=0, max=100, help="The model's own score without preamble.")
    ] = None,
    assume: Annotated[
        Literal["tiny", "mid", "large"] | None,
        typer.Option(help="The size class to take where nobody knows one."),
    ] = None,
    format: Plain = "text",  # noqa: A002
) -> None:
    """Print the preamble that a policy gives a model; exit code 11 where nothing is proven."""
    from preamblelab.cli.printing import one_line
    from preamblelab.lab.policies import resolved

    with pipeline_codes():
        found = resolved(
            model,
            policy,
            task=task,
            parameters=parameters,
            baseline_score=baseline_score,
            assume=assume,
        )
    if format == "json":
        sys.stdout.write(json.dumps(found.to_dict(), indent=2) + "\n")
    else:
        sys.stdout.write(found.text or "")
        typer.echo(one_line(found), err=True)
    if found.abstained:
        raise typer.Exit(ABSTAINED)


@policy_app.command()
def show(file: FileArgument = DEFAULT_POLICY, format: Plain = "text") -> None:  # noqa: A002
    """Print what a policy says for whom; `--format json` gives what a program reads."""
    from preamblelab.lab.policies import load_policy
    from preamblelab.report.policies import policy_page

    with pipeline_codes():
        policy = load_policy(file)
    sys.stdout.write(policy.to_json() if format == "json" else policy_page(policy.spec))


@policy_app.command()
def history(file: FileArgument = DEFAULT_POLICY) -> None:
    """List the versions of a policy, and what each changed."""
    from preamblelab.lab.policies import load_policy
    from preamblelab.lab.policy_files import kept_versions
    from preamblelab.report.policies import history_page

    with pipeline_codes():
        now = load_policy(file).spec
        versions = [kept.policy for kept in kept_versions(file)]
    sys.stdout.write(history_page(versions, now))


@policy_app.command()
def rollback(
    file: FileArgument = DEFAULT_POLICY,
    to: Annotated[
        int | None, typer.Option(min=1, help="The version to bring back; the one before without.")
    ] = None,
) -> None:
    """Bring an older version back, as a new one; nothing in the history is lost."""
    from preamblelab.lab.policy_files import roll_back

    with pipeline_codes():
        written = roll_back(file, to=to)
    typer.echo(f"{file}: version {written.version} says again what version {written.restored} said")


@policy_app.command()
def fallbacks(store: StoreOption = DEFAULT, format: Plain = "text") -> None:  # noqa: A002
    """Tell how often answers collapsed under a preamble, and what asking again came to."""
    from preamblelab.lab.falling_back import told_fallbacks

    with pipeline_codes():
        told = told_fallbacks(store)
    sys.stdout.write(json.dumps(told.data, indent=2) + "\n" if format == "json" else told.text)
