"""YAML files to nouns: the only reader of YAML."""

from preamblelab.library.catalogue import load_models
from preamblelab.library.experiments import (
    LoadedExperiment,
    LoadedForm,
    load_experiment,
    load_experiment_with_source,
    read_experiment_file,
)
from preamblelab.library.nodes import Source
from preamblelab.library.preambles import load_preamble
from preamblelab.library.projects import Project, shipped_root
from preamblelab.library.rubrics import load_rubric
from preamblelab.library.suites import load_suite

__all__ = [
    "LoadedExperiment",
    "LoadedForm",
    "Project",
    "Source",
    "load_experiment",
    "load_experiment_with_source",
    "load_models",
    "load_preamble",
    "load_rubric",
    "load_suite",
    "read_experiment_file",
    "shipped_root",
]
