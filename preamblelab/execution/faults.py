"""What kind of fault an error is: by HTTP status, by the error's own words, by its header."""

import json
import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

from preamblelab.domain.records import FaultKind
from preamblelab.execution.clients import Fault

_BY_STATUS: Final[Mapping[int, FaultKind]] = {
    401: "auth", 403: "auth", 402: "quota", 429: "rate",
    408: "server", 409: "server", 425: "server",
}  # fmt: skip
_LOOP_WORDS: Final = ("token repeat limit", "repeating the same chunk")
_REFUSAL_WORDS: Final = (
    "content_filter",
    "content_policy_violation",
    "responsibleaipolicyviolation",
)
_QUOTA_WORDS: Final = ("insufficient_quota", "insufficient_balance", "exceeded your current quota")
_BY_WORDS: Final[tuple[tuple[str, FaultKind], ...]] = (
    ("rate_limit", "rate"),
    ("invalid_api_key", "auth"),
    ("authentication_error", "auth"),
    ("invalid_request", "permanent"),
    ("context_length", "permanent"),
    ("not_found", "permanent"),
)


def kind_of_status(status: int) -> FaultKind:
    """The kind of fault behind an HTTP status that is no success."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return "server" if status >= 500 else "permanent"


def says_looped(message: str) -> bool:
    """Whether an error says that the model repeated itself, which is an outcome and no fault."""
    lower = message.lower()
    return any(words in lower for words in _LOOP_WORDS)


def says_refused(status: int | None, message: str) -> bool:
    """Whether an error says that a filter refused the prompt, which is an outcome and no fault."""
    lower = message.lower()
    return status in {400, 403, 422, None} and any(words in lower for words in _REFUSAL_WORDS)


def fault_of(status: int | None, message: str, line: str, *, wait: float | None = None) -> Fault:
    """The fault behind an error.

    Args:
        status: the HTTP status, or one that stands in the error object.
        message: all the server's words, in which its codes are looked for.
        line: what is kept of them, redacted and on one line.
        wait: seconds that the server asks to wait.
    """
    lower = message.lower()
    kind: FaultKind = "server"
    if any(words in lower for words in _QUOTA_WORDS):
        kind = "quota"
    elif status is not None and status >= 400:
        kind = kind_of_status(status)
    else:
        kind = next((kind for words, kind in _BY_WORDS if words in lower), "server")
    return Fault(kind, line, status=status, retry_after=wait)


def error_words(body: bytes) -> tuple[str, str]:
    """A server's message, and all its words in which codes can be looked for.

    Args:
        body: an error's body, cut to a bearable size: JSON, HTML or text.
    """
    text = body.decode("utf-8", "backslashreplace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text, text
    return message_of(value) or text, text


def message_of(value: Any) -> str:
    """The message inside an error object, however the server nests it; "" when there is none."""
    for _ in range(4):
        if isinstance(value, str):
            return value
        if isinstance(value, list) and value:
            value = value[0]
        if not isinstance(value, Mapping):
            return ""
        inner = next(
            (value[name] for name in ("error", "message", "detail", "msg") if value.get(name)), ""
        )
        code = value.get("code") or value.get("type")
        if isinstance(inner, str) and isinstance(code, str) and code not in inner:
            return f"{inner} ({code})"
        value = inner
    return ""


def status_of(value: Any) -> int | None:
    """The status that an error object names in itself, where it is a number."""
    error = value.get("error", value) if isinstance(value, Mapping) else None
    if not isinstance(error, Mapping):
        return None
    for name in ("code", "status", "status_code"):
        status = error.get(name)
        if isinstance(status, int) and 400 <= status <= 599:
            return status
    return None


def retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """Seconds that a server asks to wait: milliseconds, seconds or a date; nonsense is None.

    Args:
        headers: with names in lower case, or a mapping that does not mind.
        now: seconds since the epoch; None asks the clock.
    """
    milliseconds = headers.get("retry-after-ms")
    seconds = _number(milliseconds)
    if seconds is not None:
        return seconds / 1000.0
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        moment = parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, moment - (time.time() if now is None else now))


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
