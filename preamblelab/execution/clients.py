"""What every way of asking has in common: the protocol, the limits, and faults with a kind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from preamblelab.domain.records import FaultKind, Request, Response
from preamblelab.execution.breaker import Loop

Watch = Callable[[str], Loop | None]
"""Is fed the streamed text piece by piece; a loop that it returns ends the stream."""

RETRYABLE: frozenset[FaultKind] = frozenset(
    {"timeout", "rate", "server", "network", "malformed", "unknown"}
)
"""Kinds that may pass; `timeout` and `unknown` are tried once more only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long and how large one request may get."""

    deadline_seconds: float = 600.0
    """From sending to the last byte."""
    first_token_seconds: float = 300.0
    """Until the first piece of text; a local engine loads its weights in this time."""
    idle_seconds: float = 120.0
    """Between two pieces."""
    answer_bytes: int = 8_000_000
    """Body of an answer; a longer one is a fault."""
    error_bytes: int = 64_000
    """Body of an error; the rest is not read."""


class Fault(Exception):  # noqa: N818 - it is data for the gateway, not an error of ours
    """A call that gave no answer."""

    def __init__(
        self,
        kind: FaultKind,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        sent: bool = True,
    ) -> None:
        super().__init__(message)
        self.kind: FaultKind = kind
        """Which boundary failed."""
        self.message = message
        """One line of at most 500 characters, secrets redacted."""
        self.status = status
        """The HTTP status, where there was one."""
        self.retry_after = retry_after
        """Seconds that the server asks to wait."""
        self.sent = sent
        """Whether the server may have worked on (and charge for) the request."""


class Client(Protocol):
    """One way of asking a model."""

    async def ask(self, request: Request, *, limits: Limits, watch: Watch | None) -> Response:
        """The answer to one request; one attempt, no retry.

        Args:
            request: what to ask.
            limits: when to give up.
            watch: sees the text while it streams; a loop that it returns closes the stream.

        Raises:
            Fault: there is no answer.
        """
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
