"""Gate files to `GatePolicy`, and overlays to the challenger that they describe."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import Field, JsonValue, field_validator, model_validator

from preamblelab.domain.base import Spec
from preamblelab.domain.gates import GatePolicy
from preamblelab.domain.models import ModelSpec, check_settings
from preamblelab.domain.preambles import BASELINE, parse_label
from preamblelab.domain.registry import Holder
from preamblelab.domain.sizes import Size
from preamblelab.errors import SpecError
from preamblelab.library.catalogue import read_catalogue
from preamblelab.library.files import Place
from preamblelab.library.fitting import fit
from preamblelab.library.forms import NamedOrModel
from preamblelab.library.nodes import Source
from preamblelab.library.preambles import read_preamble
from preamblelab.library.projects import Project
from preamblelab.library.strict_yaml import parse_fields


class Overlay(Spec):
    """What a challenger has other than the champion; the rest is taken from the champion."""

    model: NamedOrModel | None = None
    """A name from models.yaml, a litellm id, or a model written out."""
    preamble: str | None = None
    """A variant's label, `baseline` for none."""
    settings: Mapping[str, JsonValue] = Field(default_factory=dict)
    """Settings of the model, over its own."""

    @field_validator("settings")
    @classmethod
    def _settings_are_settings(cls, settings: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        check_settings(settings)
        return settings

    @model_validator(mode="after")
    def _check(self) -> "Overlay":
        if self.model is None and self.preamble is None and not self.settings:
            raise ValueError("an overlay changes something: give model, preamble or settings")
        return self


class LoadedGate(NamedTuple):
    """A gate's rules, the lines they stand on, and where what they name is looked up."""

    policy: GatePolicy
    source: Source
    place: Place
    project: Project


def load_gate(named: str | Path) -> LoadedGate:
    """The rules in a gate file.

    Args:
        named: its path.

    Raises:
        SpecError: there is no such file, or it is wrong; the message names the line.
    """
    place, project = _place(named)
    root = parse_fields(place.read(), place.shown)
    policy = fit(GatePolicy, root, place.shown)
    return LoadedGate(policy, Source(file=place.shown, root=root), place, project)


def load_overlay(named: str | Path) -> Overlay:
    """The overlay in a file.

    Raises:
        SpecError: there is no such file, or it is wrong; the message names the line.
    """
    place, _ = _place(named)
    return fit(Overlay, parse_fields(place.read(), place.shown), place.shown)


def holder_of(overlay: Overlay, champion: Holder | None, project: Project) -> Holder:
    """The challenger that an overlay describes.

    Args:
        overlay: what it has other than the champion.
        champion: who holds the slot; None: it is vacant, and the overlay must name a model.
        project: where names are looked up.

    Raises:
        SpecError: a name is unknown, or nobody says which model.
    """
    if overlay.model is None and champion is None:
        raise SpecError("the slot is vacant: the challenger must name its model")
    model = _model(overlay, champion, project)
    if overlay.settings:
        settings = {**model.settings, **overlay.settings}
        model = ModelSpec.model_validate(
            {**model.model_dump(exclude_defaults=True), "settings": settings}
        )
    if overlay.preamble is None and champion is not None:
        return Holder.of_model(model, variant=champion.variant, text=champion.text)
    label = overlay.preamble or BASELINE
    return Holder.of_model(model, variant=label, text=_text(label, model.facts().size, project))


def _model(overlay: Overlay, champion: Holder | None, project: Project) -> ModelSpec:
    if isinstance(overlay.model, ModelSpec):
        return overlay.model
    if overlay.model is not None:
        return read_catalogue(project).model(overlay.model)
    assert champion is not None
    return champion.model


def _text(label: str, size: Size, project: Project) -> str | None:
    parts = parse_label(label)
    if parts.name == BASELINE:
        return None
    preamble = read_preamble(project.find("preambles", parts.name)).preamble
    return preamble.variant(parts, size).text


def _place(named: str | Path) -> tuple[Place, Project]:
    path = Path(named).absolute()
    if not path.exists():
        raise SpecError(f"{named}: no such file; write the gate's rules there")
    return Place(root=path.parent, parts=(path.name,)), Project.above(path)
