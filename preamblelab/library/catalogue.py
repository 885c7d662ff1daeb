"""The catalogue `experiments/models.yaml`, and how an experiment's words become models."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from preamblelab.domain.models import ModelSpec
from preamblelab.errors import SpecError
from preamblelab.library.files import Place
from preamblelab.library.fitting import SWITCH_WORDS, fit, near
from preamblelab.library.nodes import Node
from preamblelab.library.projects import MODELS_FILE, Project
from preamblelab.library.strict_yaml import parse_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The models that have a name."""

    models: Mapping[str, ModelSpec]

    def model(self, word: str) -> ModelSpec:
        """The model that a name, or a litellm id, stands for.

        Args:
            word: A name of the catalogue, the id of one of its entries, or any id with a `/`.

        Raises:
            SpecError: It is none of these, or the id of several entries.
        """
        if word in self.models:
            return self.models[word]
        same = [model for model in self.models.values() if model.id == word]
        if len(same) > 1:
            names = ", ".join(model.name for model in same)
            raise SpecError(f"'{word}' is the id of several models: {names}; write one name")
        if same:
            return same[0]
        if "/" in word.strip("/"):
            return ModelSpec(id=word)
        raise SpecError(
            f"no model named '{word}'; {near(word, self.models)}; "
            "or write a litellm id with its provider, like ollama_chat/gemma3:4b"
        )


def load_models(*, start: Path | None = None) -> dict[str, ModelSpec]:
    """The named models of the project, then the shipped ones that it does not name itself.

    Args:
        start: Where the project is looked for; None is the current folder.

    Raises:
        SpecError: A catalogue is wrong; the message names the line.
    """
    return dict(read_catalogue(Project.above(start)).models)


def read_catalogue(project: Project) -> Catalogue:
    """The catalogue of a project, over the shipped one."""
    models: dict[str, ModelSpec] = {}
    for _, root in project.roots:
        place = Place(root=root, parts=MODELS_FILE)
        if os.path.lexists(place.path):
            models = {**read_models(place), **models}
    return Catalogue(models=models)


def read_models(place: Place) -> dict[str, ModelSpec]:
    """The models of one catalogue file, by name."""
    file = place.shown
    root = parse_fields(place.read(), file)
    return {name: entry(name, node, file, name) for name, node in root.fields.items()}


def entry(name: str, node: Node, file: str, prefix: str) -> ModelSpec:
    """One model: `name: id`, or `name: {id: ..., parameters: ..., settings: {...}}`.

    A name with a `/` is the id where none is given.
    """
    if not name.strip() or len(name) > 200:
        raise SpecError(f"{file}:{node.line}: a model's name is empty, or longer than 200 letters")
    if isinstance(node.value, str):
        node = Node({"id": node}, node.line)
    fields = node.fields
    if isinstance(node.value, dict) and "name" not in fields:
        node = node.with_fields(name=Node(name, node.line))
    if isinstance(node.value, dict) and "id" not in fields and "/" in name:
        node = node.with_fields(id=Node(name, node.line))
    refuse_switch_words(node.fields.get("settings"), file, f"{prefix}.settings")
    return fit(ModelSpec, node, file, prefix=prefix)


def refuse_switch_words(node: Node | None, file: str, prefix: str) -> None:
    """Refuse `on`, `off`, `yes` and `no` without quotes where any type may stand.

    A setting is sent as it is: whether `think: off` is the word or false, only the user knows.
    """
    if node is None:
        return
    if (node.written or "").lower() in SWITCH_WORDS:
        raise SpecError(
            f"{file}:{node.line}: {prefix}: '{node.written}' can be a word or a switch; "
            f'write true or false, or put it in quotes: "{node.written}"'
        )
    for key, inner in node.fields.items():
        refuse_switch_words(inner, file, f"{prefix}.{key}")
    for inner in node.items:
        refuse_switch_words(inner, file, prefix)
