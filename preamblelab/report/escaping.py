"""Makes foreign text harmless where it is shown: terminal, Markdown, spreadsheet."""

import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def for_terminal(text: str) -> str:
    """The text with every control character, escape sequence and direction mark made visible."""
    shown = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", shown)


def for_markdown(text: str) -> str:
    """The text as it stands in a table cell: no markup, no second line."""
    plain = for_terminal(text).replace("\n", " ")
    escaped = re.sub(r"([\\`*_{}\[\]<>|#~])", r"\\\1", plain)
    return escaped.replace("&", "&amp;")


def for_spreadsheet(text: str) -> str:
    """The text with an apostrophe before what a spreadsheet would run as a formula."""
    plain = text.lstrip(" \"'\n")
    return f"'{text}" if plain.startswith(_FORMULA) else text
