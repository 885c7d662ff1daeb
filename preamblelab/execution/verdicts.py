"""What an error of a server or of a library means: an outcome to note, or a fault to raise."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from preamblelab.domain.records import Response
from preamblelab.execution.clients import Fault
from preamblelab.execution.faults import fault_of, says_looped, says_refused
from preamblelab.execution.outcomes import Raw
from preamblelab.execution.redaction import ERROR_CHARACTERS, Redactor

_WORDS: Final = 64_000
_REFUSED: Final = frozenset(
    {"ClientConnectorError", "ClientConnectorDNSError", "ClientConnectorCertificateError",
     "ClientConnectorSSLError", "ConnectionRefusedError", "gaierror"}
)  # fmt: skip
_UNREACHED: Final = frozenset({"ConnectError", "ConnectTimeout"})
_NO_HTTP: Final = frozenset(
    {"ClientResponseError", "BadStatusLine", "BadHttpMessage", "LineTooLong", "InvalidHeader",
     "ContentEncodingError"}
)  # fmt: skip
_BROKEN: Final = frozenset(
    {"ReadError", "WriteError", "CloseError", "NetworkError", "RemoteProtocolError",
     "ServerDisconnectedError", "ClientPayloadError", "ClientOSError", "ConnectionResetError",
     "IncompleteRead"}
)  # fmt: skip
_SLOW: Final = frozenset(
    {"ReadTimeout", "WriteTimeout", "PoolTimeout", "Timeout", "TimeoutException"}
)


def note_or_raise(
    raw: Raw,
    redactor: Redactor,
    status: int | None,
    message: str,
    words: str,
    *,
    wait: float | None = None,
) -> None:
    """Note what an error says about the answer, or raise it as a fault.

    Args:
        raw: takes the note: a repetition, or a prompt refused by a filter, is an outcome.
        redactor: takes secrets out of the message.
        status: of HTTP, or named in the error itself.
        message: for people.
        words: all that the server said, in which codes are looked for.
        wait: seconds that the server asks to wait.

    Raises:
        Fault: it is no outcome.
    """
    line = redactor.line(message) or "no message"
    if says_looped(words):
        raw.said_looped = line
    elif says_refused(status, words):
        raw.said_refused = line
    else:
        shown = f"HTTP {status}: {line}" if status is not None else line
        raise fault_of(status, words, shown[:ERROR_CHARACTERS], wait=wait)


def redacted(response: Response, redactor: Redactor) -> Response:
    """The response without known secrets, flagged when there was one."""
    text, reasoning = redactor.redact(response.text), redactor.redact(response.reasoning)
    if text == response.text and reasoning == response.reasoning:
        return response
    return replace(response, text=text, reasoning=reasoning, flags=(*response.flags, "redacted"))


def fault_in_chain(error: BaseException, redactor: Redactor) -> Fault:
    """The fault behind an exception of litellm, by what caused it: its class tells little.

    A refused port, a broken answer and a missing key are all `InternalServerError` 500 there.
    """
    chain = list(_chain(error))
    names = {type(link).__name__ for link in chain}
    words = " ".join(str(link)[:_WORDS] for link in chain)
    # The innermost message says what happened; those around it say who passed it on.
    line = redactor.line(_told(chain))
    status = getattr(error, "status_code", None)
    if "Missing credentials" in words or "api_key client option must be set" in words:
        return Fault("auth", f"no key: {line}", sent=False)
    if any(isinstance(link, asyncio.TimeoutError) for link in chain) or names & _SLOW:
        return Fault("timeout", line)
    if names & _NO_HTTP:
        return Fault("malformed", f"this is no HTTP that can be read: {line}")
    if names & _REFUSED or (names & _UNREACHED and not names & _BROKEN):
        return Fault("network", f"cannot reach the server: {line}", sent=False)
    if names & _BROKEN:
        return Fault("network", f"the connection broke: {line}")
    if any(
        isinstance(link, json.JSONDecodeError | UnicodeDecodeError | RecursionError)
        for link in chain
    ):
        return Fault("malformed", f"the answer cannot be read: {line}")
    if isinstance(status, int) and 400 <= status <= 599 and status != 500:
        return fault_of(status, words, line)
    if says_looped(words) or says_refused(None, words):
        return Fault("server", line, status=status if isinstance(status, int) else None)
    return Fault("unknown", line)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _told(chain: list[BaseException]) -> str:
    for link in reversed(chain):
        text = str(link)[:_WORDS].strip()
        if text:
            return text
    return type(chain[0]).__name__
