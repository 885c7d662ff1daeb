"""Posts over kept connections; one that the server had closed meanwhile is replaced at once."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Final

import aiohttp
from yarl import URL

STALE_SECONDS: Final = 1.0
"""How soon a connection that was closed before we asked shows it: one round trip, with room.
Later the server may have worked on the request, and charge for it: that is a fault that counts."""


@dataclass(slots=True)
class _Use:
    """How one request was sent."""

    reused_at: float | None = None
    """When it was given a connection of an earlier request; None: it got a new one."""


def reuse_tracing() -> aiohttp.TraceConfig:
    """What a session needs so that `post` can tell a kept connection from a new one."""
    tracing = aiohttp.TraceConfig()
    tracing.on_connection_reuseconn.append(_note_reuse)
    return tracing


async def post(
    session: aiohttp.ClientSession, url: URL, *, body: bytes, headers: Mapping[str, str] | None
) -> aiohttp.ClientResponse:
    """The head of the answer to one request, on which the server worked once.

    Some servers close a connection after each stream although they promise to keep it; llama.cpp
    does. The next request then dies on it unseen. Sending it again is no second call: nobody
    worked on the first (RFC 9112, 9.3.1 asks for that knowledge; aiohttp sends only GET and its
    like again). It ends, because each failure takes a kept connection away and adds none.

    Args:
        session: was made with `reuse_tracing`.
        url: where to.
        body: what is sent.
        headers: beside those of the session.

    Raises:
        aiohttp.ClientError: there is no answer, and that is not the fault of an old connection.
    """
    while True:
        use = _Use()
        try:
            return await session.post(
                url, data=body, headers=headers, allow_redirects=False, trace_request_ctx=use
            )
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if not _was_stale(use, error):
                raise


async def _note_reuse(
    session: aiohttp.ClientSession,  # noqa: ARG001 - the signature is aiohttp's
    context: SimpleNamespace,
    parameters: aiohttp.TraceConnectionReuseconnParams,  # noqa: ARG001
) -> None:
    context.trace_request_ctx.reused_at = time.monotonic()


def _was_stale(use: _Use, error: aiohttp.ServerDisconnectedError | aiohttp.ClientOSError) -> bool:
    """Whether the connection had been closed before the request came to the server."""
    if use.reused_at is None or time.monotonic() - use.reused_at > STALE_SECONDS:
        return False
    # aiohttp puts the part of an answer that came, where one came, in place of the message.
    return isinstance(error, aiohttp.ClientOSError) or isinstance(error.message, str)
