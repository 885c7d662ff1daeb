"""Makes foreign text harmless where it is shown: terminal, Markdown, spreadsheet, page."""

import re
from typing import Final

_DIRECTIONS: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSEEN: Final = "\u200b\u2028\u2029\u2060-\u2064\ufeff\U000e0000-\U000e007f"
CONTROL: Final = re.compile(f"[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f{_DIRECTIONS}{_UNSEEN}]")
"""What can move a cursor, turn text around or hide it; joiners, which scripts and emoji need, can
do none of that."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def named(character: str) -> str:
    r"""A character that cannot be seen, written so that it can: `\x1b`, `\u202e`."""
    return _escape(ord(character))


def for_terminal(text: str) -> str:
    """The text with every control character, escape sequence and direction mark made visible."""
    shown = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return CONTROL.sub(lambda found: named(found[0]), shown)


def for_markdown(text: str) -> str:
    """The text as it stands in a table cell: no markup, no second line."""
    plain = for_terminal(text).replace("\n", " ")
    escaped = re.sub(r"([\\`*_{}\[\]<>|#~])", r"\\\1", plain)
    return escaped.replace("&", "&amp;")


def for_spreadsheet(text: str) -> str:
    """The text with an apostrophe before what a spreadsheet would run as a formula."""
    plain = text.lstrip(" \"'\n")
    return f"'{text}" if plain.startswith(_FORMULA) else text


def _escape(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
