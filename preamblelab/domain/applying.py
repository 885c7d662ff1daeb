"""Putting a preamble before somebody's messages: one system message, never two; nothing mutated."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from preamblelab.domain.naming import describe_id
from preamblelab.errors import SpecError

Place = Literal["system", "user"]
"""Where a preamble goes: a system message of its own, or before the words of the first user."""

Existing = Literal["refuse", "keep", "replace", "before"]
"""What happens where the messages bring a system message of their own.

`refuse`: an error, for only you know which is meant; `keep`: yours stays, the preamble is not sent;
`replace`: the preamble stands in its place, as it was measured; `before`: the preamble, a blank
line, yours, in one message, which nobody has measured.
"""

EXISTING: Final[tuple[Existing, ...]] = ("refuse", "keep", "replace", "before")

Message = Mapping[str, Any]

_SYSTEM: Final = frozenset({"system", "developer"})

# Templates without a system role: they answer 400, or put the text where nobody looks.
_NO_SYSTEM: Final = re.compile(
    r"(?:^|[/.:_-])(?:code)?gemma(?:$|:|-?2(?![\d.])|-\d+b)|o1-(?:mini|preview)|"
    r"mi(?:s|x)tral-\d+(?:x\d+)?b(?:-instruct)?-v0\.[12]",
    re.IGNORECASE,
)


def place_for(model: str) -> Place:
    """Where a preamble goes for this model: before the first user's words where no system role is.

    Args:
        model: litellm id, or a bare name.

    Raises:
        SpecError: the id's provider rewrites or splits what it is sent, so that no place is right.
    """
    provider = model.partition("/")[0]
    if provider == "ollama":
        raise SpecError(
            f"'{model}': ollama/ writes the system message into the user's prompt under another "
            f"heading; use 'ollama_chat/{model.partition('/')[2]}'"
        )
    if provider.startswith("text-completion"):
        raise SpecError(
            f"'{model}': a completion without roles sends the preamble as a prompt of its own; "
            "use a chat model, or write one prompt yourself from policy.resolve(...).text"
        )
    describe_id(model)  # refuses an empty id
    return "user" if _NO_SYSTEM.search(model) else "system"


def apply_preamble(
    messages: Sequence[Message], text: str | None, *, place: Place, existing: Existing = "refuse"
) -> list[dict[str, Any]]:
    """The messages with the preamble; the given ones are left as they are.

    Without a text nothing is put in, not even an empty system message: that would be a third
    condition, which nobody has measured. Doing it twice is doing it once.

    Args:
        messages: OpenAI-style: `role` and `content`, a text or a list of parts.
        text: the preamble; None: none.
        place: where it goes.
        existing: what happens to a system message that is already there.

    Returns:
        New messages in new dicts.

    Raises:
        SpecError: they are no messages; there is a system message and `existing` is `refuse`; or
            the place is the first user's words and no user speaks.
    """
    if existing not in EXISTING:
        raise SpecError(f"existing is '{existing}'; give one of: {', '.join(EXISTING)}")
    copies = [_copied(message, number) for number, message in enumerate(messages, start=1)]
    if text is None:
        return copies
    own = [message for message in copies if message["role"] in _SYSTEM]
    rest = [message for message in copies if message["role"] not in _SYSTEM]
    if place == "user" and _begins(_first_user(copies), text):
        return copies
    if own and _begins(own[0], text):
        return copies if place == "system" else _folded(copies, text)
    if own and existing == "refuse":
        raise SpecError(
            "the messages have a system message of their own; say what is meant with existing=: "
            "'keep' it, 'replace' it, or put the preamble 'before' it"
        )
    if own and existing == "keep":
        return copies
    if own and existing == "before":
        text = "\n\n".join([text, *(_words(message) for message in own)])
    if place == "user":
        return _folded(rest, text)
    role = own[0]["role"] if own else "system"
    return [{"role": role, "content": text}, *rest]


def _folded(messages: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """The text before the first user's words, behind a blank line; system messages join it."""
    kept = [message for message in messages if message["role"] not in _SYSTEM]
    first = _first_user(kept)
    if first is None:
        raise SpecError(
            "this model takes no system message, and there is no user's message to put it into"
        )
    content = first["content"]
    if isinstance(content, str):
        first["content"] = f"{text}\n\n{content}"
    else:
        first["content"] = [{"type": "text", "text": f"{text}\n\n"}, *content]
    return kept


def _first_user(messages: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    return next((message for message in messages if message["role"] == "user"), None)


def _begins(message: dict[str, Any] | None, text: str) -> bool:
    """Whether a message is the text, or begins with it and a blank line."""
    if message is None:
        return False
    words = _words(message)
    return words == text or words.startswith(f"{text}\n\n")


def _words(message: Message) -> str:
    """The text of a message, that of its parts joined."""
    content = message["content"]
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))


def _copied(message: object, number: int) -> dict[str, Any]:
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
        raise SpecError(
            f"message {number} is no message: write {{'role': 'user', 'content': '...'}}"
        )
    copy = dict(message)
    content = copy.get("content")
    spoken = copy["role"] in _SYSTEM or copy["role"] == "user"
    if spoken and not isinstance(content, str | list | tuple):
        raise SpecError(f"message {number} ({copy['role']}) has no content: write a text or parts")
    if isinstance(content, list | tuple):
        copy["content"] = [dict(p) if isinstance(p, Mapping) else p for p in content]
    return copy
