"""YAML files to nouns, and back to JSON documents: the only reader of YAML."""

from preamblelab.library.catalogue import load_models
from preamblelab.library.documents import experiment_document, experiment_from_document
from preamblelab.library.experiments import (
    LoadedExperiment,
    LoadedForm,
    load_experiment,
    load_experiment_with_source,
    read_experiment_file,
)
from preamblelab.library.listing import Entry, describe_location, list_entries, list_names
from preamblelab.library.nodes import Source
from preamblelab.library.preambles import load_preamble
from preamblelab.library.projects import KINDS, Kind, Project, shipped_root
from preamblelab.library.rubrics import load_rubric
from preamblelab.library.scaffold import init_project
from preamblelab.library.schemas import SCHEMA_KINDS, json_schema, schema_text, write_schemas
from preamblelab.library.suites import load_suite

__all__ = [
    "KINDS",
    "SCHEMA_KINDS",
    "Entry",
    "Kind",
    "LoadedExperiment",
    "LoadedForm",
    "Project",
    "Source",
    "describe_location",
    "experiment_document",
    "experiment_from_document",
    "init_project",
    "json_schema",
    "list_entries",
    "list_names",
    "load_experiment",
    "load_experiment_with_source",
    "load_models",
    "load_preamble",
    "load_rubric",
    "load_suite",
    "read_experiment_file",
    "schema_text",
    "shipped_root",
    "write_schemas",
]
