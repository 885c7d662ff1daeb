"""From the name or file of an experiment to a plan that can be run, refused with its line."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from preamblelab.domain.experiments import Experiment
from preamblelab.errors import SpecError
from preamblelab.execution.gateway import is_local
from preamblelab.lab.planning import TextlessError, refuse_textless
from preamblelab.library import LoadedExperiment, Project, Source, load_experiment_with_source
from preamblelab.library.projects import place_of
from preamblelab.scoring.marking import (
    TEXT,
    UnmarkedError,
    check_of,
    is_own_scorer,
    load_scorer,
    marking_of,
)
from preamblelab.scoring.scorers import Scorer


class Planned(NamedTuple):
    """An experiment, and the folder of its project."""

    experiment: Experiment
    folder: Path | None
    """Where `module:name` scorers are looked up; None outside a project."""


def load_planned(named: str | Path, *, scorers: Sequence[Scorer] = ()) -> Planned:
    """The experiment of a name or a file, when it can be marked and each variant has a text.

    Args:
        named: a name in the project or among the shipped ones, or the path of a YAML file.
        scorers: scorers of one's own, besides those that the experiment names.

    Raises:
        SpecError: it cannot; the message names the line.
    """
    loaded = load_experiment_with_source(named)
    folder = place_of("experiments", named)[1].folder
    _refuse_unmarked(loaded, folder, scorers)
    _refuse_textless(loaded)
    return Planned(loaded.experiment, folder)


def planned(experiment: Experiment | str | Path, *, scorers: Sequence[Scorer] = ()) -> Planned:
    """An experiment as it is, or the one of a name or file.

    Raises:
        SpecError: as `load_planned`.
    """
    if isinstance(experiment, Experiment):
        return Planned(experiment, Project.above().folder)
    return load_planned(experiment, scorers=scorers)


def _refuse_unmarked(
    loaded: LoadedExperiment, folder: Path | None, scorers: Sequence[Scorer]
) -> None:
    experiment, source = loaded
    rubric = source.parts["rubric"]
    for place, name in enumerate(experiment.scorers):
        if is_own_scorer(name):
            with source.naming(f"scorers.{place}"):
                load_scorer(name, folder=folder)
    for dimension in experiment.rubric.dimensions:
        for place, criterion in enumerate(dimension.criteria):
            if criterion.check is not None and TEXT in experiment.scorers:
                with rubric.naming(_line_of(rubric, dimension.name, place)):
                    check_of(criterion, folder)
    try:
        marking_of(experiment, scorers=scorers, folder=folder)
    except UnmarkedError as error:
        where = rubric.place(_line_of(rubric, error.dimension, error.place))
        raise source.error("scorers", f"{error}; the criterion stands in {where}") from None
    except SpecError as error:
        raise source.error("scorers", str(error)) from None


def _line_of(rubric: Source, dimension: str, criterion: int) -> str:
    """The path of a criterion in a file that writes dimensions by name, or as a list."""
    written = rubric.root.at(("dimensions",)).items
    names = [each.fields["name"].value for each in written if "name" in each.fields]
    place = names.index(dimension) if dimension in names else dimension
    return f"dimensions.{place}.criteria.{criterion}"


def _refuse_textless(loaded: LoadedExperiment) -> None:
    """A local engine may still tell the size of its models; all others are judged here."""
    experiment, source = loaded
    sizes = {
        model.name: model.facts().size
        for model in experiment.models
        if model.simulated or not is_local(model) or model.facts().size != "unknown"
    }
    try:
        refuse_textless(experiment, sizes)
    except TextlessError as error:
        raise source.error(f"models.{error.place}", str(error)) from None
