"""Door 3: a preamble before a dspy program; imports dspy, and only when a program asks for it."""

from collections.abc import Callable
from typing import Any

import dspy

TextFor = Callable[[str], str | None]
"""From the id of a model to its preamble; None: none."""


def with_preamble(adapter: Any, text_for: TextFor) -> Any:
    """An adapter like the given one, which puts the model's preamble first in the system message.

    The text is chosen at each call, by the model that is asked. The fallback of a ChatAdapter to
    JSON keeps it.

    Args:
        adapter: a dspy adapter; None: a ChatAdapter. It is not changed.
        text_for: the preamble of a model by its id.
    """
    base = dspy.ChatAdapter() if adapter is None else adapter
    kind = type(base)
    made = _KINDS.get(kind)
    if made is None:
        made = _KINDS[kind] = type(f"Preamble{kind.__name__}", (_Preamble, kind), {})
    wrapped: Any = object.__new__(made)
    wrapped.__dict__.update(base.__dict__, text_for=text_for, chosen=None)
    return wrapped


class _Preamble:
    """What is put before an adapter's class; the text is chosen when the model is known."""

    text_for: TextFor
    chosen: str | None

    def __call__(self, lm: Any, *args: Any, **kwargs: Any) -> Any:
        return super(_Preamble, self._for(lm)).__call__(lm, *args, **kwargs)  # type: ignore[misc]

    async def acall(self, lm: Any, *args: Any, **kwargs: Any) -> Any:
        return await super(_Preamble, self._for(lm)).acall(lm, *args, **kwargs)  # type: ignore[misc]

    def format_system_message(self, signature: Any) -> str:
        own: str = super().format_system_message(signature)  # type: ignore[misc]
        return own if self.chosen is None else f"{self.chosen}\n\n{own}"

    def _make_json_adapter_fallback(self) -> Any:
        return with_preamble(super()._make_json_adapter_fallback(), self.text_for)  # type: ignore[misc]

    def _for(self, lm: Any) -> "_Preamble":
        """A copy for one call: calls of other models run at the same time."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__, chosen=self.text_for(lm.model))
        return copy


_KINDS: dict[type, type] = {}
