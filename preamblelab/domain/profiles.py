"""Sampling profiles: named settings of a model, and whether they are what production uses."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, JsonValue, field_validator

from preamblelab.domain.base import Name, Spec, content_digest
from preamblelab.domain.models import check_settings


class Profile(Spec):
    """How one model is sampled: temperature, top_p, penalties, limits, stops."""

    model: str = Field(min_length=1)
    """The model's name in tables."""
    purpose: Literal["production", "benchmark"]
    """What it is for: a benchmark under other settings measures another thing."""
    settings: Mapping[str, JsonValue] = Field(default_factory=dict)
    source: str = ""
    """Who says so: a model card, a configuration file."""

    @field_validator("settings")
    @classmethod
    def _settings_are_settings(cls, settings: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        check_settings(settings)
        return dict(settings)

    @property
    def digest(self) -> str:
        """The address of the settings, the seed apart: equal ones are one profile."""
        return content_digest(sampling(self.settings))


class Profiles(Spec):
    """A file of profiles by name."""

    profiles: Mapping[Name, Profile] = Field(min_length=1)

    def of(self, model: str, purpose: Literal["production", "benchmark"]) -> dict[str, Profile]:
        """The profiles of a model for a purpose, by name."""
        return {
            name: each
            for name, each in self.profiles.items()
            if (each.model, each.purpose) == (model, purpose)
        }


def sampling(settings: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Settings that shape an answer's distribution: all but the seed."""
    return {name: value for name, value in settings.items() if name != "seed"}


def changed(one: Mapping[str, JsonValue], other: Mapping[str, JsonValue]) -> list[str]:
    """Settings that differ, in words: `temperature 0 instead of 0.7`."""
    mine, theirs = sampling(one), sampling(other)
    return [
        f"{name} {mine.get(name, 'not sent')} instead of {theirs.get(name, 'not sent')}"
        for name in sorted({*mine, *theirs})
        if mine.get(name) != theirs.get(name)
    ]
