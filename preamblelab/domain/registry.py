"""Who holds a slot: immutable holders addressed by content, aliases that move, and the history."""

from collections.abc import Mapping
from typing import Any, Final, Literal, Self

from pydantic import Field, JsonValue, model_validator

from preamblelab.domain.base import Spec, content_digest
from preamblelab.domain.models import ModelSpec

REGISTRY_SCHEMA: Final = 1
"""Changes when an older file would be read otherwise."""

HolderKind = Literal["model", "preamble"]
EventKind = Literal["promote", "install", "rollback", "retire"]

# What is said about a model, and how its server is reached, decides no answer.
_CARD: Final = (
    "active_parameters", "api_key_env", "concurrency", "deadline_seconds", "family",
    "first_token_seconds", "idle_seconds", "name", "parameters", "price", "quantisation", "size",
    "size_by", "stream",
)  # fmt: skip


class Holder(Spec):
    """One thing that can hold a slot: a model under a preamble, or a preamble; never changed.

    Its digest is of `kind` and `content` alone: another name, or the same name after an edit of
    the text or of a setting, is another holder.
    """

    kind: HolderKind
    name: str = Field(min_length=1)
    """What tables call it."""
    content: Mapping[str, JsonValue]
    """All that decides an answer: a model's id, settings and digest; a preamble's texts."""
    card: Mapping[str, JsonValue] = Field(default_factory=dict)
    """What else is needed to ask it, and decides no answer: name of the key's variable, price."""
    family: str | None = None
    """Whose model it is, or the preamble's lineage; None is unknown."""
    cost_tier: Literal["free", "paid"] | None = None
    """None is unknown, which rules on cost take for paid."""

    @property
    def digest(self) -> str:
        """The address of what it is."""
        return content_digest({"kind": self.kind, "content": dict(self.content)})

    @property
    def label(self) -> str:
        """Name and short digest, as messages write it: `gemma3:4b@1f2e3d4c`."""
        return f"{self.name}@{self.digest.removeprefix('b2:')[:8]}"

    @classmethod
    def of_model(
        cls,
        model: ModelSpec,
        *,
        variant: str = "baseline",
        text: str | None = None,
        weights: str | None = None,
        cost_tier: Literal["free", "paid"] | None = None,
    ) -> Self:
        """A model under a preamble, or under none.

        Args:
            model: the model; its name is not part of the address.
            variant: label of the preamble, `baseline` for none.
            text: the system message that is sent; None: none.
            weights: the server's digest of the weights behind a moving tag.
            cost_tier: what the user declares.
        """
        spec: dict[str, Any] = model.model_dump(mode="json", exclude_defaults=True)
        card: dict[str, JsonValue] = {field: spec.pop(field) for field in _CARD if field in spec}
        content: dict[str, JsonValue] = {"model": spec, "text": text}
        if weights is not None:
            content["weights"] = weights
        return cls(
            kind="model",
            name=model.name if text is None else f"{model.name} under {variant}",
            content=content,
            card={**card, "variant": variant},
            family=model.facts().family,
            cost_tier=cost_tier,
        )

    @property
    def model(self) -> ModelSpec:
        """The model to ask; for a holder of the kind `model`."""
        written = self.content["model"]
        card = {name: value for name, value in self.card.items() if name != "variant"}
        return ModelSpec.model_validate({**(written if isinstance(written, dict) else {}), **card})

    @property
    def variant(self) -> str:
        """Label of the preamble that the model is asked under; `baseline` for none."""
        return str(self.card.get("variant", "baseline"))

    @property
    def text(self) -> str | None:
        """The system message that the model is asked under; None: none is sent."""
        text = self.content.get("text")
        return None if text is None else str(text)

    @classmethod
    def of_preamble(
        cls, label: str, texts: Mapping[str, str | None], *, lineage: str | None = None
    ) -> Self:
        """A preamble as a candidate.

        Args:
            label: the variant's label, or `none`.
            texts: the system message by size class (or `common`); None: none is sent.
            lineage: name of the preamble it was made from.
        """
        return cls(kind="preamble", name=label, content={"texts": dict(texts)}, family=lineage)


NO_PREAMBLE_HOLDER: Final = Holder.of_preamble("none", {"common": None})
"""No preamble at all: a legal holder of a preamble's slot, and its permanent control."""


class Event(Spec):
    """One line of a slot's history: who came for whom, when, and by which decision."""

    kind: EventKind
    at: str
    """UTC, ISO 8601."""
    by: str = ""
    """Who did it."""
    holder: str | None
    """Digest of the holder from then on; None: the slot is vacant."""
    before: str | None
    """Digest of the holder until then."""
    decision: str | None = None
    """Digest of the decision; None for a rollback by hand."""
    run: str | None = None
    reason: str = ""


class Attempt(Spec):
    """One decision that was taken, whatever it said: re-running until it promotes is counted."""

    run: str
    challenger: str
    suite: str
    """Digests of challenger and suite; attempts are counted by both."""
    outcome: str
    decision: str
    """Digest of the decision."""
    at: str
    label: str = ""
    """The challenger's name, for a reader; its digest decides."""


class Slot(Spec):
    """A place for one holder: a use (`chat`), a role (`coder`), a size class (`mid/coding`)."""

    champion: str | None = None
    """Digest of the holder; None: vacant."""
    previous: str | None = None
    """Digest of the one before, for a rollback by one command."""
    challengers: tuple[str, ...] = ()
    """Digests of those that stand by."""
    exceptions: Mapping[str, str] = Field(default_factory=dict)
    """Digest of another holder by model name, where the champion hurts that model."""
    version: int = Field(default=0, ge=0)
    """Counts the changes of who holds it; what compare-and-swap compares."""
    history: tuple[Event, ...] = ()
    attempts: tuple[Attempt, ...] = ()

    def attempt(self, *, challenger: str, suite: str, run: str) -> int:
        """The number of this run among the decisions on one challenger and suite, from 1.

        The same run asked again keeps its number, so that its decision keeps its bytes.
        """
        earlier = [a.run for a in self.attempts if (a.challenger, a.suite) == (challenger, suite)]
        runs = list(dict.fromkeys(earlier))
        return runs.index(run) + 1 if run in runs else len(runs) + 1


class Registry(Spec):
    """All slots, and every holder that one of them ever named."""

    schema_version: Literal[1] = Field(default=REGISTRY_SCHEMA, alias="schema")
    version: int = Field(default=0, ge=0)
    """Counts the writes of the file."""
    slots: Mapping[str, Slot] = Field(default_factory=dict)
    holders: Mapping[str, Holder] = Field(default_factory=dict)
    """By digest; never removed, so that a rollback finds what it needs."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for digest, holder in self.holders.items():
            if holder.digest != digest:
                raise ValueError(
                    f"holder '{holder.name}' was changed by hand: its content is {holder.digest}, "
                    f"not {digest}; restore it, or register a new holder"
                )
        for name, slot in self.slots.items():
            named = {slot.champion, slot.previous, *slot.challengers, *slot.exceptions.values()}
            lost = sorted(named - {None} - set(self.holders), key=str)
            if lost:
                raise ValueError(f"slot '{name}' names the holder {lost[0]}, which is not listed")
        return self

    def slot(self, name: str) -> Slot:
        """The slot of this name; an empty one where there is none yet."""
        return self.slots.get(name, Slot())

    def champion(self, slot: str) -> Holder | None:
        """Who holds the slot; None: it is vacant."""
        digest = self.slot(slot).champion
        return None if digest is None else self.holders[digest]
