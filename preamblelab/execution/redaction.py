"""Secrets out of texts: known values in every form they travel in; one safe line of an error."""

import base64
import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, quote_plus

MASK: Final = "***"
ERROR_CHARACTERS: Final = 500
"""Longest error text that is kept."""

_SECRET_NAME: Final = re.compile(
    r"(^|_)(API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$", re.IGNORECASE
)
_SHORTEST_NAMED: Final = 8
_SHORTEST_FOUND: Final = 12
_HEAD: Final = 12
_PLACEHOLDERS: Final = frozenset(
    {
        "lm-studio",
        "no-key-required",
        "not-needed",
        "not-required",
        "placeholder",
        "sk-no-key-required",
    }
)
"""What people give to local servers that want some key; to blot them out would spoil answers."""
_CAN_FOLLOW_A_HEAD: Final = r"[A-Za-z0-9_\-+/=.]*"
_LOOKS_SECRET: Final = (
    (re.compile(r"(?i)(://)[^/\s@:]*:[^/\s@]*@"), rf"\1{MASK}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9_\-+/=.~*]{8,}"), rf"\1 {MASK}"),
    (
        re.compile(r"(?i)\b((?:api[-_]?key|access[-_]?token|key|token)\s*=\s*)[^\s&\"',;]{6,}"),
        rf"\1{MASK}",
    ),
)
# Bidirectional marks and separators reorder or split a line on a terminal.
_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_BLANKS: Final = re.compile(r"[ \t\r\n]+")


class Redactor:
    """Replaces the values of secret environment variables by `***`."""

    __slots__ = ("_forms", "_pattern")

    def __init__(
        self, names: Iterable[str] = (), *, environment: Mapping[str, str] | None = None
    ) -> None:
        """Collect the values that must not be written.

        Args:
            names: variables that hold keys by the user's word; besides them every variable whose
                name says that it is a key, token, secret or password is taken.
            environment: the variables; None means those of this process.
        """
        environment = os.environ if environment is None else environment
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        named = set(names)
        for name, value in environment.items():
            if name in named:
                self._take(value, shortest=_SHORTEST_NAMED)
            elif _SECRET_NAME.search(name) and _could_be_secret(value):
                self._take(value, shortest=_SHORTEST_FOUND)
        self._compile()

    def learn(self, value: str) -> None:
        """Redact this value too: it is a key that has been read from the environment."""
        if value not in self._forms:
            self._take(value, shortest=_SHORTEST_NAMED)
            self._compile()

    def redact(self, text: str) -> str:
        """The text without known values: whole, their beginning, base64 and URL-encoded."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def line(self, text: str, *, most: int = ERROR_CHARACTERS) -> str:
        """One line of an error: redacted, control characters escaped, at most `most` characters."""
        text = self.redact(text)
        for pattern, replacement in _LOOKS_SECRET:
            text = pattern.sub(replacement, text)
        return safe_line(text, most=most)

    def _take(self, value: str, *, shortest: int) -> None:
        value = value.strip()
        if len(value) >= shortest and value.lower() not in _PLACEHOLDERS:
            self._forms.update(_forms_of(value))
            self._forms.add(value)

    def _compile(self) -> None:
        if not self._forms:
            return
        heads = {form[:_HEAD] for form in self._forms if len(form) >= _HEAD + 4}
        whole = "|".join(re.escape(form) for form in sorted(self._forms, key=len, reverse=True))
        parts = "|".join(re.escape(head) + _CAN_FOLLOW_A_HEAD for head in sorted(heads))
        self._pattern = re.compile(f"{whole}|{parts}" if parts else whole)


def safe_line(text: str, *, most: int = ERROR_CHARACTERS) -> str:
    """The text as one line: blanks joined, control and direction characters escaped, cut."""
    # Cut before the work as well: an error text may be megabytes.
    text = _BLANKS.sub(" ", text[: 20 * most]).strip()
    text = _UNSAFE.sub(_escaped, text)
    return text if len(text) <= most else text[: most - 1] + "…"


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _could_be_secret(value: str) -> bool:
    """Leaves out numbers, paths and words, which would be blotted out of honest texts."""
    value = value.strip()
    plain = value.isdigit() or value.startswith(("/", "~", "http://", "https://"))
    return len(value) >= _SHORTEST_FOUND and not plain and " " not in value


def _forms_of(value: str) -> set[str]:
    """How a value may travel: URL-encoded, escaped in JSON, in base64 at any place of a text."""
    raw = value.encode("utf-8", "surrogatepass")
    forms = {quote(value, safe=""), quote_plus(value), value.replace("/", "\\/")}
    forms.add(json.dumps(value)[1:-1])
    if len(raw) >= _SHORTEST_FOUND:
        for shift, unsure in ((0, 0), (1, 2), (2, 3)):
            encoded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")
            # The last characters depend on what follows the value.
            tail = 1 if (shift + len(raw)) % 3 else 0
            sure = encoded[unsure : len(encoded) - tail].decode("ascii")
            forms.update((sure, sure.replace("+", "-").replace("/", "_")))
    return {form for form in forms if len(form) >= _SHORTEST_NAMED}
