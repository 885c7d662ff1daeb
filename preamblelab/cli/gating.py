"""The commands of a gate: plan, run, decide, apply, adopt, history, rollback; and decide."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from preamblelab.cli.printing import INTERRUPTED
from preamblelab.cli.root import DEFAULT, Plain, StoreOption, app
from preamblelab.errors import (
    BudgetError,
    NoStoreError,
    PreamblelabError,
    ProviderError,
    SpecError,
)

if TYPE_CHECKING:
    from preamblelab.decision.records import Decision
    from preamblelab.lab.gating.runs import GateRun

gates = typer.Typer(help="Admit a challenger to a slot: plan, run, decide, apply, undo.")
app.add_typer(gates, name="gate")

USAGE: Final = 2
INVALID: Final = 3
BUDGET: Final = 4
KEY: Final = 5

Gate = Annotated[Path, typer.Argument(help="The gate's rules, a YAML file.")]
HomeOption = Annotated[
    Path, typer.Option("--home", help="Folder of the registry, open runs and archive.")
]
ModelOption = Annotated[str | None, typer.Option("--model", "-m", help="The challenger's model.")]
PreambleOption = Annotated[
    str | None, typer.Option("--preamble", "-p", help="Its preamble; baseline for none.")
]
OverlayOption = Annotated[
    Path | None, typer.Option("--overlay", help="A YAML file of what it has other.")
]
JunitOption = Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML here.")]
SummaryOption = Annotated[
    bool,
    typer.Option("--summary", help="Write GitHub's step summary, and annotations to stderr."),
]
AmongOption = Annotated[
    int, typer.Option(min=1, help="Challengers tried at once; at most one is promoted.")
]
HOME: Final = Path("gates")


@contextmanager
def pipeline_codes(home: Path | None = None) -> Iterator[None]:
    """Give errors the exit codes that a pipeline tells apart; see `docs/decisions.md`.

    Args:
        home: the gate's folder; whoever uses it is told of a trial that is in force there.
    """
    try:
        if home is not None:
            from preamblelab.lab.gating.commands import notices

            for line in notices(home):
                typer.echo(f"note: {line}", err=True)
        yield
    except PreamblelabError as error:
        codes = {
            SpecError: USAGE,
            ProviderError: USAGE,
            NoStoreError: USAGE,
            BudgetError: BUDGET,
        }
        error.exit_code = next((c for kind, c in codes.items() if isinstance(error, kind)), INVALID)
        raise


@gates.command("plan")
def plan(
    gate: Gate,
    model: ModelOption = None,
    preamble: PreambleOption = None,
    overlay: OverlayOption = None,
    home: HomeOption = HOME,
    format: Plain = "text",  # noqa: A002
) -> None:
    """Say what a run would ask, cost and could prove; sends nothing."""
    from preamblelab.lab.gating.commands import Challenge, planned

    with pipeline_codes(home):
        told = planned(gate, home, Challenge(overlay=overlay, model=model, preamble=preamble))
    sys.stdout.write(json.dumps(told.data, indent=2) + "\n" if format == "json" else told.text)


@gates.command("run")
def run(
    gate: Gate,
    model: ModelOption = None,
    preamble: PreambleOption = None,
    overlay: OverlayOption = None,
    home: HomeOption = HOME,
    new: Annotated[bool, typer.Option("--new", help="Put an unfinished run away.")] = False,
    emergency: Annotated[
        bool, typer.Option("--emergency", help="The champion is gone: install by thresholds.")
    ] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Carry a promotion out.")] = False,
    max_usd: Annotated[float | None, typer.Option(min=0, help="The most to spend.")] = None,
    allow_unpriced: Annotated[
        bool, typer.Option("--allow-unpriced", help="Let models without a price go uncounted.")
    ] = False,
    among: AmongOption = 1,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on standard error.")] = False,
    junit: JunitOption = None,
    summary: SummaryOption = False,
    format: Plain = "text",  # noqa: A002
) -> None:
    """Smoke test, then champion and challenger by turns, then a decision; goes on after a stop."""
    from preamblelab.lab.gating.commands import Challenge, Options, ran

    challenge = Challenge(overlay=overlay, model=model, preamble=preamble)
    options = Options(
        new=new,
        emergency=emergency,
        apply=apply,
        max_usd=max_usd,
        allow_unpriced=allow_unpriced,
        among=among,
        quiet=quiet,
    )
    with pipeline_codes(home):
        done = ran(gate, home, challenge, options)
    _leave_stopped(done)
    assert done.decision is not None
    typer.echo(f"kept in {done.folder}", err=True)
    leave_with(done.decision, format, junit, summary)


def _leave_stopped(done: "GateRun") -> None:
    """Leave where nothing was decided, with the way to go on."""
    if done.decision is not None:
        return
    line = (
        f"{done.stopped} ({done.folder})"
        if done.interrupted
        else f"stopped: {done.stopped}; everything answered is stored in {done.folder}. "
        "To go on: the same command"
    )
    typer.echo(line, err=True)
    code = INTERRUPTED if done.interrupted else KEY if done.refused_keys else BUDGET
    raise typer.Exit(code)


@gates.command("decide")
def redecide(
    folder: Annotated[Path, typer.Argument(help="The archive of a run.")],
    home: HomeOption = HOME,
    junit: JunitOption = None,
    summary: SummaryOption = False,
    format: Plain = "text",  # noqa: A002
) -> None:
    """Decide an archived run anew from its observations; asks nothing."""
    from preamblelab.lab.gating.commands import decided

    with pipeline_codes(home):
        decision = decided(folder, home)
    leave_with(decision, format, junit, summary)


@gates.command("apply")
def apply_(
    folder: Annotated[Path, typer.Argument(help="The archive of a promotion.")],
    home: HomeOption = HOME,
) -> None:
    """Carry a promotion out: the challenger takes the slot, in one write."""
    from preamblelab.lab.gating.commands import applied

    with pipeline_codes(home):
        decision, _ = applied(folder, home)
    typer.echo(f"slot '{decision.slot}': {decision.challenger} for {decision.champion or 'no one'}")


@gates.command()
def adopt(
    gate: Gate,
    model: ModelOption = None,
    preamble: PreambleOption = None,
    overlay: OverlayOption = None,
    home: HomeOption = HOME,
) -> None:
    """Enter who holds the slot today; nothing is measured."""
    from preamblelab.lab.gating.commands import adopt

    with pipeline_codes(home):
        holder = adopt(gate, model=model, preamble=preamble, overlay=overlay, home=home)
    typer.echo(f"adopted {holder.label}; nothing was measured")


@gates.command()
def history(
    slot: Annotated[str | None, typer.Argument(help="A slot; all without it.")] = None,
    home: HomeOption = HOME,
    format: Plain = "text",  # noqa: A002
) -> None:
    """Say who held which slot, when and why, and what was decided."""
    from preamblelab.lab.gating.commands import history

    with pipeline_codes(home):
        told = history(home, slot)
    sys.stdout.write(json.dumps(told.data, indent=2) + "\n" if format == "json" else told.text)


@gates.command()
def rollback(
    slot: Annotated[str, typer.Argument(help="The slot.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the history.")] = "",
    home: HomeOption = HOME,
) -> None:
    """Put the previous holder back; a second rollback undoes the first."""
    from preamblelab.lab.gating.commands import roll_back

    with pipeline_codes(home):
        registry = roll_back(home, slot, reason)
    champion = registry.champion(slot)
    typer.echo(f"slot '{slot}': {champion.label if champion else 'no one'} is back")


@gates.command()
def trial(
    gate: Gate,
    replacement: Annotated[Path, typer.Argument(help="The configuration to try.")],
    home: HomeOption = HOME,
) -> None:
    """Put another configuration in use until `revert`, or until a gate keeps the champion."""
    from preamblelab.lab.gating.commands import try_configuration

    with pipeline_codes():
        put = try_configuration(gate, home, replacement)
    typer.echo(put.notice)


@gates.command()
def revert(home: HomeOption = HOME) -> None:
    """Take the trial in force back, to the byte."""
    from preamblelab.lab.gating.commands import take_back

    with pipeline_codes():
        taken = take_back(home)
    typer.echo(f"{taken.configuration} is what it was before {taken.since}")


@app.command()
def decide(
    experiment: Annotated[str, typer.Argument(help="Name of an experiment in the store.")],
    variant: Annotated[str, typer.Argument(help="The challenger: a variant's label.")],
    store: StoreOption = DEFAULT,
    gate: Annotated[
        Path | None, typer.Option("--gate", help="Rules, a YAML file; every category counts else.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", "-m", help="Models of the panel; all without it.")
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="The champion; the experiment's baseline without it.")
    ] = None,
    among: AmongOption = 1,
    home: Annotated[
        Path | None, typer.Option("--home", help="A registry that numbers the attempts.")
    ] = None,
    junit: JunitOption = None,
    summary: SummaryOption = False,
    format: Plain = "text",  # noqa: A002
) -> None:
    """Decide on a variant of a stored experiment; the exit code says it to a pipeline."""
    from preamblelab.lab.gating.stored import decided_variant

    with pipeline_codes():
        decision = decided_variant(
            experiment,
            variant,
            store,
            gate=gate,
            models=model or [],
            against=against,
            among=among,
            home=home,
        )
    leave_with(decision, format, junit, summary)


def leave_with(
    decision: "Decision", form: str, junit: Path | None = None, summary: bool = False
) -> None:
    """Print a decision, write what a pipeline reads, and leave with its exit code."""
    from preamblelab.lab.gating.publishing import publish
    from preamblelab.lab.interrupting import finished_first
    from preamblelab.report.decisions import decision_text

    # What was decided is told with its own code, also to whoever pressed Ctrl-C a moment ago.
    with finished_first(lambda line: typer.echo(line, err=True), "telling what was decided"):
        for line in publish(decision, junit=junit, summary=summary):
            typer.echo(line, err=True)
        sys.stdout.write(decision.to_json() if form == "json" else decision_text(decision))
        sys.stdout.flush()
    raise typer.Exit(decision.exit_code)
