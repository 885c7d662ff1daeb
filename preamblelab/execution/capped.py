"""Bounds for litellm's HTTP while it asks for us: caps, no redirect, the raw body seen."""

import re
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from typing import Final

import httpx

from preamblelab.execution.clients import Fault, Limits
from preamblelab.execution.direct import ChatReader

_STREAMS: Final = ("text/event-stream", "application/x-ndjson")
_END: Final = re.compile(
    rb'"(?:stop_reason|finishReason|finish_reason)"\s*:\s*"|"done"\s*:\s*true|message-end|\[DONE\]'
)
"""How streams of Anthropic, Google, Cohere and Ollama say that an answer is complete."""
_COUNTS: Final = re.compile(rb'"(?:usage|usageMetadata|prompt_eval_count)"\s*:')
SHOWN_ERROR_BYTES: Final = 4_000
"""What litellm gets to see of an error: its regular expressions freeze on long ones."""


class Seen:
    """What went over the wire during one call."""

    __slots__ = (
        "_last",
        "body",
        "counted",
        "ended",
        "fault",
        "fresh",
        "headers",
        "limits",
        "reader",
        "received",
        "status",
        "streamed",
    )

    def __init__(self, limits: Limits, reader: ChatReader | None) -> None:
        self.limits = limits
        self.reader = reader
        """Reads the raw bytes beside litellm, which forgets what a stream really said; None where
        the dialect is not OpenAI's."""
        self.ended = False
        """A stream in another dialect said why it ended."""
        self.counted = False
        """An answer in another dialect told its tokens; litellm makes some up where it did not."""
        self.status: int | None = None
        self.headers: httpx.Headers = httpx.Headers()
        self.fault: Fault | None = None
        self.body: list[bytes] = []
        """Of an error, or of an answer that is not a stream."""
        self.received = 0
        self.streamed = False
        self.fresh: list[str] = []
        """Streamed text that was read along since somebody last took it."""
        self._last = b""

    def read_along(self, block: bytes) -> None:
        """Take a block of an answer."""
        if self.reader is None:
            # The words may lie across two blocks.
            text, self._last = self._last + block, block[-60:]
            self.ended = self.ended or _END.search(text) is not None
            self.counted = self.counted or _COUNTS.search(text) is not None
        elif not self.streamed:
            self.body.append(block)
        elif self.fault is None:
            try:
                if fresh := self.reader.feed(block):
                    self.fresh.append(fresh)
            except Fault as fault:
                self.fault = fault

    def take_fresh(self) -> str:
        """The streamed text since the last time this was called."""
        text = "".join(self.fresh)
        self.fresh.clear()
        return text


SEEN: ContextVar[Seen | None] = ContextVar("preamblelab_seen", default=None)


class Refused(httpx.TransportError):
    """We refused what came; `Seen.fault` says why."""


class CappedTransport(httpx.AsyncBaseTransport):
    """Watches the calls that we make; passes all others through untouched."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; watch its answer when it is ours."""
        seen = SEEN.get()
        if seen is None:
            return await self._inner.handle_async_request(request)
        request.headers["accept-encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        seen.status, seen.headers = response.status_code, response.headers
        seen.received, seen.body, seen.fresh = 0, [], []
        seen.fault = _refusal(response)
        if seen.fault is not None:
            await response.aclose()
            raise Refused(seen.fault.message)
        seen.streamed = response.headers.get("content-type", "").startswith(_STREAMS)
        stream = response.stream
        if not isinstance(stream, httpx.AsyncByteStream):
            return response
        return httpx.Response(
            status_code=response.status_code,
            headers=response.headers,
            stream=_Watched(stream, seen),
            extensions=response.extensions,
            request=request,
        )

    async def aclose(self) -> None:
        """Give back connections."""
        await self._inner.aclose()


class _Watched(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, seen: Seen) -> None:
        self._inner = inner
        self._seen = seen

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = self._seen
        if seen.status is not None and seen.status >= 400:
            async for block in self._inner:
                seen.body.append(block)
                shown = max(0, SHOWN_ERROR_BYTES - seen.received)
                seen.received += len(block)
                if shown:
                    yield block[:shown]
                if seen.received >= seen.limits.error_bytes:
                    return
            return
        async for block in self._inner:
            seen.received += len(block)
            most = seen.limits.answer_bytes
            if seen.received > most:
                seen.fault = Fault(
                    "too_large", f"the answer is larger than {most:,} bytes; it was not read on"
                )
                raise Refused(seen.fault.message)
            seen.read_along(block)
            yield block

    async def aclose(self) -> None:
        await self._inner.aclose()


def _refusal(response: httpx.Response) -> Fault | None:
    if 300 <= response.status_code < 400:
        return Fault(
            "permanent",
            "the server redirects; redirects are not followed, "
            "write the address that it names into 'api_base' if you trust it",
            status=response.status_code,
        )
    if response.headers.get("content-encoding", "identity").lower() not in {"identity", ""}:
        message = "a compressed answer, though an uncompressed one was asked for"
        return Fault("malformed", message, status=response.status_code)
    return None


def cap(
    factory: Callable[..., httpx.AsyncBaseTransport],
) -> Callable[..., httpx.AsyncBaseTransport]:
    """A factory of transports whose transports are capped."""

    def capped(*args: object, **options: object) -> httpx.AsyncBaseTransport:
        return CappedTransport(factory(*args, **options))

    return capped
