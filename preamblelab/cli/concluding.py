"""The commands that conclude from a table: power, choose."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from preamblelab.cli.gating import pipeline_codes
from preamblelab.cli.root import (
    DEFAULT,
    BaselineOption,
    Plain,
    ScaleOption,
    StoreOption,
    app,
)

Source = Annotated[
    str | None,
    typer.Argument(help="Name of an experiment, or a CSV of scores; the only one needs none."),
]


@app.command()
def power(
    source: Source = None,
    store: StoreOption = DEFAULT,
    points: Annotated[
        float, typer.Option(min=0.1, help="Wanted half-width of an effect's interval, in points.")
    ] = 5.0,
    effect: Annotated[
        float | None, typer.Option(help="An effect whose chance of being found is wanted.")
    ] = None,
    spread: Annotated[
        list[str] | None,
        typer.Option(help="task=6, repetition=8, judge=2 (SD in points), instead of a pilot."),
    ] = None,
    cost_answer: Annotated[float, typer.Option(min=0, help="Cost of one answer, any unit.")] = 1.0,
    cost_mark: Annotated[float, typer.Option(min=0, help="Cost of one mark, same unit.")] = 1.0,
    baseline: BaselineOption = None,
    scale: ScaleOption = None,
    format: Plain = "text",  # noqa: A002
) -> None:
    """Say which mix of tasks, repetitions and judges reaches ± N points at the lowest cost."""
    from preamblelab.lab.deciding import planned_power

    told = planned_power(
        source,
        store,
        points=points,
        effect=effect,
        stated=spread or [],
        cost_answer=cost_answer,
        cost_mark=cost_mark,
        baseline=baseline,
        scale=scale,
    )
    sys.stdout.write(json.dumps(told.data, indent=2) + "\n" if format == "json" else told.text)


@app.command()
def choose(
    source: Source = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="A model, tested or not; all tested ones without it."),
    ] = None,
    store: StoreOption = DEFAULT,
    baseline_score: Annotated[
        float | None,
        typer.Option(min=0, max=100, help="Mean score of an untested model without a preamble."),
    ] = None,
    cautious: Annotated[
        float, typer.Option(min=0, max=1, help="The least chance that it helps.")
    ] = 0.5,
    probe: Annotated[
        str | None,
        typer.Option(help="An experiment or CSV in which the models were asked a few tasks."),
    ] = None,
    baseline: BaselineOption = None,
    scale: ScaleOption = None,
    write: Annotated[
        Path | None,
        typer.Option(help="Decide by size class and write the policy file; what was there stays."),
    ] = None,
    gain: Annotated[
        float, typer.Option(min=0, max=99, help="With --write: points a choice must exceed.")
    ] = 0.0,
    safety: Annotated[
        Literal["non_inferiority", "deterioration", "off"],
        typer.Option(help="With --write: how the task family safety is guarded."),
    ] = "non_inferiority",
    days: Annotated[
        int, typer.Option(min=1, help="With --write: days until the choices expire.")
    ] = 180,
    single_models: Annotated[
        bool,
        typer.Option("--single-models", help="With --write: decide for each model alone, too."),
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="With --write: take nothing over from the file.")
    ] = False,
    format: Plain = "text",  # noqa: A002
) -> None:
    """Say which variant each model should get; with --write, decide by size and keep it."""
    if write is not None:
        _write(
            write,
            source,
            store,
            (model, probe, baseline, scale, baseline_score, None if cautious == 0.5 else cautious),
            format,
            gain=gain,
            safety=safety,
            days=days,
            single_models=single_models,
            fresh=fresh,
        )
        return
    from preamblelab.lab.deciding import chosen, refuse_terms

    with pipeline_codes():
        refuse_terms(gain or safety != "non_inferiority" or days != 180 or single_models or fresh)
        told = chosen(
            source,
            store,
            model or [],
            baseline_score=baseline_score,
            cautious=cautious,
            probe=probe,
            baseline=baseline,
            scale=scale,
        )
    sys.stdout.write(json.dumps(told.data, indent=2) + "\n" if format == "json" else told.text)


def _write(
    file: Path,
    source: str | None,
    store: Path,
    others: tuple[Any, ...],
    form: str,
    **terms: Any,
) -> None:
    """Decide, write the policy, and print what it says."""
    from preamblelab.lab.proposing import told_policy

    with pipeline_codes():
        told = told_policy(source, store, file, others=others, **terms)
    sys.stdout.write(json.dumps(told.data, indent=2) + "\n" if form == "json" else told.text)
