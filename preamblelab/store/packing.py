"""How values lie in the file: text that SQL can read, and nothing lost of any text."""

import json
from collections.abc import Mapping
from typing import Any

from preamblelab.domain.base import canonical_json

Packed = str | bytes


def pack(text: str) -> Packed:
    """The text as it is stored: TEXT, or bytes where SQLite or UTF-8 would lose something.

    SQL functions stop at a NUL, and a lone surrogate has no UTF-8; both are kept as a BLOB.
    """
    if "\0" not in text:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return text.encode("utf-8", "surrogatepass")
        return text
    return text.encode("utf-8", "surrogatepass")


def pack_optional(text: str | None) -> Packed | None:
    """As `pack`; None stays None."""
    return None if text is None else pack(text)


def unpack(value: Packed) -> str:
    """The text that was packed."""
    return value if isinstance(value, str) else value.decode("utf-8", "surrogatepass")


def unpack_optional(value: Packed | None) -> str | None:
    """As `unpack`; None stays None."""
    return None if value is None else unpack(value)


def visible(value: Packed | None) -> str:
    """The text for a table: lone surrogates as an escape that one can see, missing as empty."""
    if not value:
        return ""
    return unpack(value).encode("utf-8", "backslashreplace").decode("utf-8")


def dump_messages(messages: list[dict[str, Any]]) -> str:
    """Messages as JSON in their own order of fields, readable wherever UTF-8 allows it."""
    text = json.dumps(messages, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(messages, ensure_ascii=True, separators=(",", ":"))
    return text


def dump(value: Any) -> str | None:
    """The one JSON text of a value; None for what is empty, so that it takes no room."""
    if value is None or value == () or value == {}:
        return None
    return canonical_json(dict(value) if isinstance(value, Mapping) else value)


def load_tuple(text: str | None) -> tuple[Any, ...]:
    """A JSON list as a tuple; what is empty was stored as None."""
    return () if text is None else tuple(json.loads(text))


def load_mapping(text: str | None) -> dict[str, Any]:
    """A JSON object; what is empty was stored as None."""
    return {} if text is None else dict(json.loads(text))
