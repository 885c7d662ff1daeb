"""HTTP for the direct ways: one session, caps while reading, deadlines, no redirect."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.execution.choose import key_of, wire_name
from preamblelab.execution.clients import Fault, Limits, Watch
from preamblelab.execution.connections import post, reuse_tracing
from preamblelab.execution.deadlines import Deadlines
from preamblelab.execution.faults import error_words, retry_after
from preamblelab.execution.outcomes import Raw, Timing, conclude
from preamblelab.execution.redaction import Redactor
from preamblelab.execution.verdicts import note_or_raise, redacted

CONNECT_SECONDS: Final = 30.0
_MOST_TARGETS: Final = 1_000
_LAST_BYTES_SECONDS: Final = 0.5
"""How long we wait for the end of a body whose last event has come."""
_STREAMS: Final = frozenset({"text/event-stream", "application/x-ndjson", "application/ndjson"})
_EVENT_BEGINNINGS: Final = (b"data:", b"event:", b":")
_PRESSED: Final = "a compressed answer, though an uncompressed one was asked for"


class Reader(Protocol):
    """Reads one answer of a dialect into `raw`."""

    raw: Raw
    done: bool
    """The server said that the answer is complete."""
    load_seconds: float | None

    def feed(self, block: bytes) -> str:
        """Take a block of a stream; the new text in it, reasoning before answer."""
        ...

    def finish(self) -> str:
        """Take the end of a stream; text that it completes. Faults when it came too early."""
        ...

    def whole(self, body: bytes) -> None:
        """Take an answer that is one JSON value."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a model is asked; made once for each model."""

    url: URL
    name: str
    """The model's name on the wire."""
    headers: Mapping[str, str] | None


class WireClient:
    """A client of one HTTP dialect; subclasses say what is sent and how an answer reads."""

    route: str = ""

    def __init__(self, *, redactor: Redactor | None = None) -> None:
        self.redactor = redactor or Redactor()
        self._session: aiohttp.ClientSession | None = None
        self._session_loop: asyncio.AbstractEventLoop | None = None
        self._targets: dict[int, tuple[ModelSpec, Target]] = {}

    def url(self, model: ModelSpec) -> str:
        """Where requests for this model are sent."""
        raise NotImplementedError

    def body(self, request: Request, name: str) -> bytes:
        """The JSON body of a request."""
        raise NotImplementedError

    def reader(self) -> Reader:
        """A reader for one answer."""
        raise NotImplementedError

    def resend(self, request: Request, fault: Fault) -> bool:  # noqa: ARG002
        """Whether a refusal was about a detail of ours that can be left out."""
        return False

    async def ask(self, request: Request, *, limits: Limits, watch: Watch | None) -> Response:
        """The answer to one request; one attempt, no retry.

        Args:
            request: what to ask.
            limits: when to give up.
            watch: sees the text while it streams; a loop that it returns closes the stream.

        Raises:
            Fault: there is no answer.
            SpecError: a setting does not exist in this dialect.
        """
        target = self._target(request.model)
        body = self.body(request, target.name)
        deadlines = Deadlines(limits)
        reader = self.reader()
        try:
            async with deadlines:
                await self._exchange(target, body, reader, limits, watch, deadlines)
        except Fault as fault:
            if fault.status in {400, 422} and self.resend(request, fault):
                return await self.ask(request, limits=limits, watch=watch)
            raise
        except (aiohttp.ClientError, HttpProcessingError, OSError, EOFError) as error:
            raise self._network_fault(error, request.model) from None
        return self._response(reader, request, target, deadlines)

    async def close(self) -> None:
        """Give back connections."""
        session, self._session = self._session, None
        if session is not None and not session.closed:
            await session.close()

    def _response(
        self, reader: Reader, request: Request, target: Target, deadlines: Deadlines
    ) -> Response:
        load = reader.load_seconds
        first = deadlines.first_token_seconds
        timing = Timing(
            seconds=max(0.0, deadlines.elapsed - (load or 0.0)),
            first_token_seconds=None if first is None else max(0.0, first - (load or 0.0)),
            load_seconds=load,
        )
        response = conclude(
            reader.raw, request, asked_name=target.name, route=self.route, timing=timing
        )
        return redacted(response, self.redactor)

    async def _exchange(
        self,
        target: Target,
        body: bytes,
        reader: Reader,
        limits: Limits,
        watch: Watch | None,
        deadlines: Deadlines,
    ) -> None:
        response = await post(
            self._current_session(), target.url, body=body, headers=target.headers
        )
        try:
            if not 200 <= response.status < 300:
                deadlines.whole()
                await self._refused(response, reader.raw, limits)
                return
            headers = response.headers
            if headers.get("Content-Encoding", "identity").lower() not in {"identity", ""}:
                raise Fault("malformed", _PRESSED, status=200)
            kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
            first = b""
            if kind not in _STREAMS and kind != "application/json":
                first = await response.content.readany()
            if kind in _STREAMS or first.startswith(_EVENT_BEGINNINGS):
                await self._streamed(response, first, reader, limits, watch, deadlines)
            else:
                deadlines.whole()
                reader.whole(await _read(response, first, limits.answer_bytes))
                self._watch_whole(reader.raw, watch)
        finally:
            # Closing tells the server to stop; a connection whose answer is read goes back.
            response.close()

    async def _streamed(
        self,
        response: aiohttp.ClientResponse,
        first: bytes,
        reader: Reader,
        limits: Limits,
        watch: Watch | None,
        deadlines: Deadlines,
    ) -> None:
        content = response.content
        received = fed = 0
        while not reader.done:
            block = first or await content.readany()
            first = b""
            text = reader.feed(block) if block else reader.finish()
            if text:
                deadlines.piece()
                fed += len(text)
                if watch is not None and (loop := watch(text)) is not None:
                    reader.raw.stop_at(loop, fed)
                    return
            if not block:
                return
            received += len(block)
            if received > limits.answer_bytes:
                raise _too_large(limits.answer_bytes)
        reader.finish()
        if not content.at_eof():
            # Without its end the connection cannot be used again; a server may never send it.
            try:
                async with asyncio.timeout(_LAST_BYTES_SECONDS):
                    await content.readany()
            except (TimeoutError, aiohttp.ClientError):
                return

    def _watch_whole(self, raw: Raw, watch: Watch | None) -> None:
        """Show the watch an answer that did not stream, so that a loop is a loop either way."""
        text = "".join(raw.reasoning) + "".join(raw.text)
        if watch is not None and text and (loop := watch(text)) is not None:
            raw.stop_at(loop, len(text))

    async def _refused(self, response: aiohttp.ClientResponse, raw: Raw, limits: Limits) -> None:
        """An error status: raise its fault, or note the outcome that it stands for."""
        status = response.status
        if 300 <= status < 400:
            place = self.redactor.line(response.headers.get("Location", "nowhere"), most=200)
            raise Fault(
                "permanent",
                f"the server redirects to {place}; redirects are not followed, "
                "write that address into 'api_base' if you trust it",
                status=status,
            )
        body = await _read_some(response, limits.error_bytes)
        message, words = error_words(body)
        wait = retry_after(response.headers)
        note_or_raise(
            raw, self.redactor, status, message or response.reason or "", words, wait=wait
        )

    def _target(self, model: ModelSpec) -> Target:
        known = self._targets.get(id(model))
        if known is not None and known[0] is model:
            return known[1]
        key = key_of(model)
        headers = None
        if key is not None:
            self.redactor.learn(key)
            headers = {"Authorization": f"Bearer {key}"}
        if len(self._targets) >= _MOST_TARGETS:
            self._targets.clear()
        target = Target(url=URL(self.url(model)), name=wire_name(model), headers=headers)
        self._targets[id(model)] = (model, target)
        return target

    def _current_session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed or self._session_loop is not loop:
            self._session_loop = loop
            self._session = aiohttp.ClientSession(
                # The runner bounds concurrency for each endpoint.
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30.0),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                trace_configs=[reuse_tracing()],
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                headers={
                    "Content-Type": "application/json",
                    "Accept": "text/event-stream, application/json, application/x-ndjson",
                    "Accept-Encoding": "identity",
                    "User-Agent": "preamblelab",
                },
            )
        return self._session

    def _network_fault(self, error: Exception, model: ModelSpec) -> Fault:
        """The fault behind an exception of the transport; its repr could show the key."""
        what = self.redactor.line(str(error), most=200)
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            place = URL(self.url(model)).origin()
            return Fault("network", f"cannot reach {place}: {what}", sent=False)
        if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError):
            status = self.redactor.line(error.message, most=200)
            return Fault("malformed", f"this is no HTTP that can be read: {status}")
        name = type(error).__name__
        return Fault("network", f"the connection broke ({name}{': ' if what else ''}{what})")


async def _read(response: aiohttp.ClientResponse, first: bytes, most: int) -> bytes:
    """A whole body of at most `most` bytes, of which the first block may have been read."""
    blocks = [first]
    received = len(first)
    while block := await response.content.readany():
        received += len(block)
        if received > most:
            raise _too_large(most)
        blocks.append(block)
    return b"".join(blocks)


async def _read_some(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The beginning of a body; the rest is not read."""
    blocks: list[bytes] = []
    received = 0
    while received < most and (block := await response.content.readany()):
        blocks.append(block)
        received += len(block)
    return b"".join(blocks)[:most]


def _too_large(most: int) -> Fault:
    return Fault("too_large", f"the answer is larger than {most:,} bytes; it was not read on")


def json_value(body: bytes | str) -> Any:
    """The JSON value of a text; what is none is a fault.

    Raises:
        Fault: it is cut, nested too deeply, or no JSON at all.
    """
    try:
        return json.loads(body)
    except RecursionError:
        raise Fault("malformed", "the answer is nested too deeply to be read") from None
    except ValueError as error:
        raise Fault("malformed", f"the answer is no JSON: {str(error)[:200]}") from None
