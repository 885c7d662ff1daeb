"""An instant OpenAI-compatible server: answers are made once, and writing them is all it does.

How it answers stands in the path, so that one process serves every benchmark:

    http://127.0.0.1:PORT/latency-200/size-400/chunks-20/pace-10/v1

`latency` and `pace` are milliseconds, `size` is characters of the answer, `chunks` is the number
of streamed pieces, which are written at once unless there is a `pace` between them. With
`verdict-1` the text stands in the field that dspy's adapter looks for.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

WORDS = "the plan names each rule then the code and last the tests that would find it broken "
CHAT = b"/chat/completions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent for one path."""

    latency_seconds: float = 0.0
    pace_seconds: float = 0.0
    whole: bytes = b""
    head: bytes = b""
    pieces: tuple[bytes, ...] = ()
    together: bytes = field(default=b"")
    """Head and pieces, for a stream without a pace."""


def text_of(size: int) -> str:
    """Text without a repetition that a breaker could take for a loop."""
    words = WORDS.split()
    parts: list[str] = []
    length = number = 0
    while length < size:
        number += 1
        part = f"{words[number * number % len(words)]} {number * 7919 % 9973} "
        parts.append(part)
        length += len(part)
    return "".join(parts)[:size]


@cache
def answer_for(path: bytes) -> Answer:
    """The answer that a path describes."""
    settings = {"latency": 0, "size": 400, "chunks": 20, "pace": 0, "verdict": 0}
    for part in path.decode().split("/"):
        name, _, value = part.partition("-")
        if name in settings and value.isdigit():
            settings[name] = int(value)
    text = text_of(settings["size"])
    if settings["verdict"]:
        text = f"[[ ## verdict ## ]]\n{text}\n\n[[ ## completed ## ]]"
    usage = {"prompt_tokens": 225, "completion_tokens": max(1, settings["size"] // 4)}
    usage["total_tokens"] = sum(usage.values())
    pieces = tuple(_stream(text, settings["chunks"], usage))
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    return Answer(
        latency_seconds=settings["latency"] / 1000,
        pace_seconds=settings["pace"] / 1000,
        whole=_whole(text, usage),
        head=head,
        pieces=pieces,
        together=head + b"".join(pieces),
    )


def _whole(text: str, usage: dict[str, int]) -> bytes:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return _http({**_base("chat.completion"), "choices": [choice], "usage": usage})


def _stream(text: str, chunks: int, usage: dict[str, int]) -> Iterator[bytes]:
    step = max(1, -(-len(text) // chunks))
    deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": text[start : start + step]} for start in range(0, len(text), step)]
    base = _base("chat.completion.chunk")
    for delta in deltas:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
        yield _event({**base, "choices": [choice]})
    last = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
    yield _event({**base, "choices": [last]})
    yield _event({**base, "choices": [], "usage": usage})
    yield _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


def _base(kind: str) -> dict[str, object]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1_700_000_000, "model": "instant"}


def _event(value: object) -> bytes:
    return _chunk(b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n" % len(data) + data + b"\r\n"


def _http(value: object) -> bytes:
    body = json.dumps(value, separators=(",", ":")).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


MODELS = _http({"object": "list", "data": [{"id": "instant", "object": "model"}]})
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


class Connection(asyncio.Protocol):
    """One connection that is kept alive; requests on it come one after the other."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Write nothing more."""
        del exc
        self.transport = None

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            head = self.received[:end].lower()
            length = _content_length(head)
            body_ends = end + 4 + length
            if len(self.received) < body_ends:
                if b"\r\nexpect: 100-continue" in head and self.transport is not None:
                    self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            body = self.received[end + 4 : body_ends]
            path = self.received[:end].split(b" ", 2)[1]
            self.received = self.received[body_ends:]
            self._answer(path, body)

    def _answer(self, path: bytes, body: bytes) -> None:
        if not path.endswith(CHAT):
            if self.transport is not None:
                self.transport.write(MODELS if path.endswith(b"/models") else NOT_FOUND)
            return
        answer = answer_for(path)
        streamed = b'"stream":true' in body or b'"stream": true' in body
        if answer.latency_seconds:
            loop = asyncio.get_running_loop()
            loop.call_later(answer.latency_seconds, self._write, answer, streamed)
        else:
            self._write(answer, streamed)

    def _write(self, answer: Answer, streamed: bool) -> None:
        if self.transport is None:
            return
        if not streamed:
            self.transport.write(answer.whole)
        elif answer.pace_seconds:
            self.transport.write(answer.head)
            self._piece(answer, 0)
        else:
            self.transport.write(answer.together)

    def _piece(self, answer: Answer, place: int) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        self.transport.write(answer.pieces[place])
        if place + 1 < len(answer.pieces):
            loop = asyncio.get_running_loop()
            loop.call_later(answer.pace_seconds, self._piece, answer, place + 1)


def _content_length(head: bytes) -> int:
    name = b"\r\ncontent-length:"
    start = head.find(name)
    if start < 0:
        return 0
    return int(head[start + len(name) :].split(b"\r\n", 1)[0])


async def serve(port: int) -> None:
    """Listen until the process is ended; the first line of output says where."""
    server = await asyncio.get_running_loop().create_server(
        Connection, "127.0.0.1", port, backlog=4096
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        import uvloop  # type: ignore[import-not-found]  # less work for the server

        uvloop.install()
    except ImportError:
        pass
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
