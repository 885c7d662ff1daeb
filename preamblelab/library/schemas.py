"""JSON Schemas of the file formats, for editors: made from the specs, short forms included."""

import ast
import inspect
import json
import textwrap
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel

from preamblelab.domain.base import NAME_PATTERN
from preamblelab.domain.gates import GatePolicy
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.policies import PolicySpec
from preamblelab.domain.preambles import Preamble
from preamblelab.domain.rubrics import Rubric
from preamblelab.domain.tasks import Suite
from preamblelab.errors import SpecError
from preamblelab.library.fitting import SWITCH_WORDS, near, specs_in
from preamblelab.library.forms import ExperimentForm

Schema: TypeAlias = dict[str, Any]
SchemaKind: TypeAlias = Literal[
    "experiment", "preamble", "rubric", "suite", "models", "policy", "gate"
]

SCHEMAS_FOLDER: Final = Path(__file__).resolve().parent.parent / "schemas"
"""Where the published schemas lie in the package."""

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_SPECS: Final[Mapping[SchemaKind, type[BaseModel]]] = {
    "experiment": ExperimentForm,
    "preamble": Preamble,
    "rubric": Rubric,
    "suite": Suite,
    "models": ModelSpec,
    "policy": PolicySpec,
    "gate": GatePolicy,
}
SCHEMA_KINDS: Final[tuple[SchemaKind, ...]] = tuple(_SPECS)
"""Every kind of YAML file."""


def json_schema(kind: SchemaKind) -> Schema:
    """The JSON Schema of a kind of file, as a user writes it.

    A schema sees one file: names that do not exist and points that do not add up are found by
    `preamblelab check`.

    Raises:
        SpecError: There is no such kind.
    """
    schema: Schema = json.loads(schema_text(kind))
    return schema


@cache
def schema_text(kind: SchemaKind) -> str:
    """The text of a schema's file.

    Raises:
        SpecError: There is no such kind.
    """
    if kind not in _SPECS:
        raise SpecError(f"no schema '{kind}'; {near(kind, _SPECS)}")
    spec = _SPECS[kind]
    schema = spec.model_json_schema()
    _describe(schema, spec)
    _without_titles(schema)
    schema = _SHAPES[kind](schema)
    _as_fields_read(schema)
    whole = {"$schema": _DRAFT, "title": f"preamblelab {kind}", **schema}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> list[Path]:
    """Write the schema of every kind as `KIND.schema.json`, over what is there.

    Args:
        folder: Where to; made when it is not there.

    Returns:
        The files, in the order of `SCHEMA_KINDS`.

    Raises:
        SpecError: The folder cannot be written.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind in SCHEMA_KINDS:
            file = folder / f"{kind}.schema.json"
            file.write_text(schema_text(kind), encoding="utf-8", newline="\n")
            written.append(file)
    except OSError as error:
        where = error.filename or folder
        raise SpecError(f"{where}: cannot be written: {error.strerror or error}") from None
    return written


def _preamble(schema: Schema) -> Schema:
    brevity = {"type": "string", "description": "Short for a clause called brevity."}
    schema["properties"] = {**schema["properties"], "brevity": brevity}
    return _name_is_optional(schema)


def _rubric(schema: Schema) -> Schema:
    kinds = schema["$defs"]
    short = {
        "type": "object",
        "description": "Points and words: `8: Names the edge cases`.",
        "patternProperties": {r"^[0-9]+(\.[0-9]+)?$": {"type": "string", "minLength": 1}},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    kinds["Dimension"]["properties"]["criteria"]["items"] = {
        "anyOf": [short, {"$ref": "#/$defs/Criterion"}]
    }
    inner = {
        name: each for name, each in kinds["Dimension"]["properties"].items() if name != "name"
    }
    kinds["NamedDimension"] = {**kinds["Dimension"], "properties": inner, "required": ["points"]}
    points = {"type": "number", "exclusiveMinimum": 0, "maximum": 100}
    mapping = {
        "type": "object",
        "propertyNames": {"pattern": NAME_PATTERN},
        "additionalProperties": {"anyOf": [{"$ref": "#/$defs/NamedDimension"}, points]},
        "minProperties": 1,
    }
    described = "Dimensions by name; their points add up to 100."
    written = schema["properties"]["dimensions"]
    schema["properties"]["dimensions"] = {"description": described, "anyOf": [mapping, written]}
    return _name_is_optional(schema)


def _suite(schema: Schema) -> Schema:
    _files_are_paths(schema["$defs"]["Task"])
    return _name_is_optional(schema)


def _models(schema: Schema) -> Schema:
    kinds = schema.pop("$defs", {})
    # The name of an entry is its key, and where that has a "/", so is the id.
    kinds["ModelSpec"] = {**schema, "required": []}
    return {
        "description": "Models by the name that experiments use; a text alone is the litellm id.",
        "type": "object",
        "additionalProperties": _entry(),
        "$defs": kinds,
    }


def _experiment(schema: Schema) -> Schema:
    kinds, fields = schema["$defs"], schema["properties"]
    _files_are_paths(kinds["Task"])
    kinds["JudgeSpec"] = {**kinds["ModelSpec"], "required": []}
    fields["judges"]["additionalProperties"] = _entry("JudgeSpec")
    return _name_is_optional(schema)


_SHAPES: Final[Mapping[SchemaKind, Callable[[Schema], Schema]]] = {
    "experiment": _experiment,
    "preamble": _preamble,
    "rubric": _rubric,
    "suite": _suite,
    "models": _models,
    "policy": lambda schema: schema,
    "gate": lambda schema: schema,
}


def _entry(spec: str = "ModelSpec") -> Schema:
    return {"anyOf": [{"type": "string", "minLength": 1}, {"$ref": f"#/$defs/{spec}"}]}


def _name_is_optional(schema: Schema) -> Schema:
    required = [name for name in schema.get("required", []) if name != "name"]
    schema["properties"]["name"]["description"] = "The name; the file's own when not given."
    return {**schema, "required": required}


def _files_are_paths(task: Schema) -> None:
    task["properties"]["files"]["description"] = (
        "Files by the name that the model sees: one line is a path below this file's folder, "
        "several lines are the text itself."
    )


def _describe(schema: Schema, spec: type[BaseModel]) -> None:
    """Give every field the sentence that stands under it in its class."""
    parts = {spec.__name__: schema, **schema.get("$defs", {})}
    for each in _reachable(spec):
        for name, sentence in _sentences(each).items():
            fields = parts.get(each.__name__, {}).get("properties", {})
            if name in fields:
                fields[name]["description"] = sentence


def _reachable(spec: type[BaseModel]) -> set[type[BaseModel]]:
    found, waiting = {spec}, [spec]
    while waiting:
        for field in waiting.pop().model_fields.values():
            new = specs_in(field.annotation) - found
            found |= new
            waiting += new
    return found


def _sentences(spec: type[BaseModel]) -> dict[str, str]:
    """The texts under the fields of a class, by field."""
    body = ast.parse(textwrap.dedent(inspect.getsource(spec))).body[0]
    assert isinstance(body, ast.ClassDef)
    sentences = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        named = isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        said = isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if named and said:
            sentences[field.target.id] = inspect.cleandoc(str(text.value.value))  # type: ignore[attr-defined]
    return sentences


def _without_titles(part: Any) -> None:
    """Take away the titles that pydantic makes of the names: they only repeat them."""
    if isinstance(part, dict):
        if isinstance(part.get("title"), str):
            del part["title"]
        for inner in part.values():
            _without_titles(inner)
    elif isinstance(part, list):
        for inner in part:
            _without_titles(inner)


def _as_fields_read(part: Any) -> None:
    """Let fields take what `fit` lets them take: texts a number, switches on and off."""
    if isinstance(part, list):
        for inner in part:
            _as_fields_read(inner)
    if not isinstance(part, dict):
        return
    if part.get("type") == "string" and "enum" not in part and "const" not in part:
        part["type"] = ["string", "number"]
    elif part.get("type") == "boolean":
        del part["type"]
        part["enum"] = [True, False, *SWITCH_WORDS]
    for key, inner in part.items():
        if key not in {"default", "enum", "const"}:
            _as_fields_read(inner)
