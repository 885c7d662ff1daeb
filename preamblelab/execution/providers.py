"""What an in-process provider must offer, so that litellm can carry it like any other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One piece of a streamed answer; the last one carries finish reason and token counts."""

    text: str = ""
    tool_call: Mapping[str, Any] | None = None
    """A whole call of a tool in OpenAI's form: index, id, type and function."""
    finish: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class InProcessProvider(Protocol):
    """Answers without a network: `sim/...` and `replay/...`."""

    name: str
    """The provider's prefix in a litellm id."""

    def stream(
        self, model: str, messages: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]
    ) -> Iterator[Piece]:
        """The answer, piece by piece.

        Args:
            model: the id without the provider's prefix.
            messages: as the caller sends them; nothing else is known to the provider.
            settings: temperature, max_tokens, seed, ... as the caller sends them.

        Raises:
            LookupError: the provider has no such model, or no recorded answer.
        """
        ...
