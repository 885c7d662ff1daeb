"""A server in OpenAI's dialect that misbehaves on demand: the model's name says how.

    with MisbehavingServer() as server:
        ask(model="rate-seconds", api_base=server.url)
        server.calls, server.aborted, server.pieces

It runs on a thread of its own, on 127.0.0.1, with the standard library only, and writes HTTP by
hand, so that it can break it. A name may end in `--anything`; an unknown name is answered well.
"""

import asyncio
import email.utils
import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable

from tests.engines.misbehaviours import BODIES, ERRORS, KEY_IN_TEXT, Call, completion, event, events

STREAM = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}


class MisbehavingServer:
    """Serves on a thread of its own; a context manager."""

    def __init__(self, *, pause: float = 0.0, piece_length: int = 7) -> None:
        self.calls: list[Call] = []
        self.connections = 0
        """Those that a client has made."""
        self.aborted = 0
        """Streams whose client went away before their end."""
        self.pieces = 0
        """Streamed events that were written."""
        self.redirect_to = ""
        """Where `redirect` points; the server itself when empty."""
        self._pause = pause
        self._piece_length = piece_length
        self._special: dict[str, Callable[[Call, asyncio.StreamWriter], Awaitable[None]]] = {
            name.removeprefix("_do_").replace("_", "-"): getattr(self, name)
            for name in dir(self)
            if name.startswith("_do_")
        }

    def __enter__(self) -> "MisbehavingServer":
        started = threading.Event()

        def run() -> None:
            self._loop = asyncio.new_event_loop()
            self._server = self._loop.run_until_complete(
                asyncio.start_server(self._serve, "127.0.0.1", 0)
            )
            self.port = int(self._server.sockets[0].getsockname()[1])
            started.set()
            self._loop.run_forever()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        started.wait(10)
        self.origin = f"http://127.0.0.1:{self.port}"
        self.url = f"{self.origin}/v1"
        return self

    def __exit__(self, *exception: object) -> None:
        async def stop() -> None:
            self._server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def wait_for_abort(self, seconds: float = 5.0) -> bool:
        """Whether a stream was aborted within some seconds."""
        until = time.monotonic() + seconds
        while not self.aborted and time.monotonic() < until:
            time.sleep(0.01)
        return self.aborted > 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        of_connection = 0
        try:
            while (call := await _read_call(reader)) is not None:
                of_connection += 1
                call.of_connection = of_connection
                self.calls.append(call)
                await self._answer(call, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.aborted += 1
        except asyncio.CancelledError:
            return  # the server stops while a client still waits
        finally:
            writer.close()

    async def _answer(self, call: Call, writer: asyncio.StreamWriter) -> None:
        name = call.model
        if name in self._special:
            await self._special[name](call, writer)
        elif name in ERRORS:
            status, message, headers = ERRORS[name]
            body = json.dumps({"error": {"message": message, "code": None}}).encode()
            await _reply(writer, status, body, headers)
        elif name in BODIES:
            await _reply(writer, 200, BODIES[name], {})
        elif call.stream:
            await self._stream(writer, self._events(call))
        else:
            await _reply(writer, 200, json.dumps(completion(call)).encode(), {})

    def _events(self, call: Call) -> list[bytes]:
        return events(call, piece_length=self._piece_length)

    async def _stream(self, writer: asyncio.StreamWriter, pieces: list[bytes]) -> None:
        await _head(writer, 200, STREAM)
        for piece in pieces:
            await self._write_event(writer, piece)
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def _write_event(self, writer: asyncio.StreamWriter, piece: bytes) -> None:
        if writer.is_closing():
            raise ConnectionResetError
        writer.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
        await writer.drain()
        self.pieces += 1
        await asyncio.sleep(self._pause)

    async def _do_rate_date(self, call: Call, writer: asyncio.StreamWriter) -> None:
        moment = email.utils.formatdate(time.time() + 60, usegmt=True)
        await _reply(writer, 429, b"{}", {"Retry-After": moment})

    async def _do_html_502(self, call: Call, writer: asyncio.StreamWriter) -> None:
        page = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\x1b[2J</html>"
        await _reply(writer, 502, page, {"Content-Type": "text/html"})

    async def _do_echo_key(self, call: Call, writer: asyncio.StreamWriter) -> None:
        message = KEY_IN_TEXT.format(key=call.key)
        await _reply(writer, 401, json.dumps({"error": {"message": message}}).encode(), {})

    async def _do_echo_key_in_answer(self, call: Call, writer: asyncio.StreamWriter) -> None:
        body = completion(call)
        body["choices"][0]["message"]["content"] = f"your key is {call.key}, is it not?"
        await _reply(writer, 200, json.dumps(body).encode(), {})

    async def _do_huge_error(self, call: Call, writer: asyncio.StreamWriter) -> None:
        message = "E" * 5_000_000
        await _reply(writer, 500, json.dumps({"error": {"message": message}}).encode(), {})

    async def _do_huge(self, call: Call, writer: asyncio.StreamWriter) -> None:
        body = completion(call)
        body["choices"][0]["message"]["content"] = "x" * 20_000_000
        await _reply(writer, 200, json.dumps(body).encode(), {})

    async def _do_endless(self, call: Call, writer: asyncio.StreamWriter) -> None:
        kind = "text/event-stream" if call.stream else "application/json"
        await _head(writer, 200, {"Content-Type": kind, "Transfer-Encoding": "chunked"})
        block = b"A" * 65_536
        while True:
            await self._write_event(writer, block)

    async def _do_gzip_bomb(self, call: Call, writer: asyncio.StreamWriter) -> None:
        body = gzip.compress(b'{"choices": "' + b"A" * 10_000_000 + b'"}', compresslevel=1)
        await _reply(writer, 200, body, {"Content-Encoding": "gzip"})

    async def _do_redirect(self, call: Call, writer: asyncio.StreamWriter) -> None:
        to = self.redirect_to or self.origin
        await _reply(writer, 307, b"", {"Location": f"{to}/elsewhere/chat/completions"})

    async def _do_hang(self, call: Call, writer: asyncio.StreamWriter) -> None:
        await _until_gone(writer)

    async def _do_hang_middle(self, call: Call, writer: asyncio.StreamWriter) -> None:
        await _head(writer, 200, STREAM)
        for piece in self._events(call)[:4]:
            await self._write_event(writer, piece)
        await _until_gone(writer)

    async def _do_drip(self, call: Call, writer: asyncio.StreamWriter) -> None:
        body = json.dumps(completion(call)).encode()
        await _head(writer, 200, {"Content-Length": str(len(body))})
        for place in range(len(body)):
            writer.write(body[place : place + 1])
            await writer.drain()
            await asyncio.sleep(0.02)

    async def _do_keep_alive(self, call: Call, writer: asyncio.StreamWriter) -> None:
        await _head(writer, 200, STREAM)
        while True:
            await self._write_event(writer, b": ping\n\n")
            await asyncio.sleep(0.02)

    async def _do_close_after(self, call: Call, writer: asyncio.StreamWriter) -> None:
        """Close after each answer, without a word of it in the head, as llama.cpp does."""
        await self._stream(writer, self._events(call))
        writer.close()

    async def _do_close_kept(self, call: Call, writer: asyncio.StreamWriter) -> None:
        """Close when a connection is used again: what a close that crosses a request looks like."""
        if call.of_connection == 1:
            await self._stream(writer, self._events(call))
        else:
            writer.close()

    async def _do_reset_kept(self, call: Call, writer: asyncio.StreamWriter) -> None:
        if call.of_connection == 1:
            await self._stream(writer, self._events(call))
        else:
            await self._do_reset(call, writer)

    async def _do_cut_head_kept(self, call: Call, writer: asyncio.StreamWriter) -> None:
        """Break off in the head of the second answer of a connection."""
        if call.of_connection == 1:
            await self._stream(writer, self._events(call))
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nConte")
            writer.close()

    async def _do_close(self, call: Call, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def _do_reset(self, call: Call, writer: asyncio.StreamWriter) -> None:
        _reset(writer)
        raise ConnectionResetError

    async def _do_reset_middle(self, call: Call, writer: asyncio.StreamWriter) -> None:
        await _head(writer, 200, STREAM)
        for piece in self._events(call)[:4]:
            await self._write_event(writer, piece)
        await asyncio.sleep(0.05)
        _reset(writer)
        raise ConnectionResetError

    async def _do_cut(self, call: Call, writer: asyncio.StreamWriter) -> None:
        await self._stream(writer, self._events(call)[:4])

    async def _do_no_done(self, call: Call, writer: asyncio.StreamWriter) -> None:
        await self._stream(writer, self._events(call)[:-1])

    async def _do_only_done(self, call: Call, writer: asyncio.StreamWriter) -> None:
        await self._stream(writer, [b"data: [DONE]\n\n"])

    async def _do_no_event(self, call: Call, writer: asyncio.StreamWriter) -> None:
        await self._stream(writer, [])

    async def _do_bad_event(self, call: Call, writer: asyncio.StreamWriter) -> None:
        events = self._events(call)
        await self._stream(writer, [*events[:3], b"data: {not json}\n\n", *events[3:]])

    async def _do_error_event(self, call: Call, writer: asyncio.StreamWriter) -> None:
        error = {"error": {"message": "upstream died", "type": "server_error", "code": 500}}
        await self._stream(writer, [*self._events(call)[:3], event(error)])

    async def _do_repeat_event(self, call: Call, writer: asyncio.StreamWriter) -> None:
        error = {"error": {"message": "prediction aborted, token repeat limit reached"}}
        await self._stream(writer, [*self._events(call)[:3], event(error)])

    async def _do_comments(self, call: Call, writer: asyncio.StreamWriter) -> None:
        parts = [part for event in self._events(call) for part in (b": ping\n\n", b"\n", event)]
        await self._stream(writer, parts)

    async def _do_crlf(self, call: Call, writer: asyncio.StreamWriter) -> None:
        await self._stream(writer, [e.replace(b"\n", b"\r\n") for e in self._events(call)])

    async def _do_json(self, call: Call, writer: asyncio.StreamWriter) -> None:
        await _reply(writer, 200, json.dumps(completion(call)).encode(), {})

    async def _do_no_options(self, call: Call, writer: asyncio.StreamWriter) -> None:
        if "stream_options" in call.body:
            error = {"error": {"message": "Extra inputs are not permitted: stream_options"}}
            await _reply(writer, 422, json.dumps(error).encode(), {})
        else:
            await self._stream(writer, self._events(call))

    async def _do_no_http(self, call: Call, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x16\x03\x01\x00garbage\r\n\r\n")
        await writer.drain()
        raise ConnectionResetError


async def _read_call(reader: asyncio.StreamReader) -> Call | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    headers = {
        n.strip().lower(): v.strip() for n, _, v in (line.partition(":") for line in head[1:])
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Call(path=head[0].split(" ")[1], headers=headers, body=json.loads(body or b"{}"))


async def _head(writer: asyncio.StreamWriter, status: int, headers: dict[str, str]) -> None:
    lines = [f"HTTP/1.1 {status} Status"]
    lines += [f"{n}: {v}" for n, v in ({"Content-Type": "application/json"} | headers).items()]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    await writer.drain()


async def _reply(
    writer: asyncio.StreamWriter, status: int, body: bytes, headers: dict[str, str]
) -> None:
    await _head(writer, status, {"Content-Length": str(len(body))} | headers)
    for place in range(0, len(body), 262_144):
        writer.write(body[place : place + 262_144])
        await writer.drain()


async def _until_gone(writer: asyncio.StreamWriter) -> None:
    while not writer.transport.is_closing():  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(0.01)
    raise ConnectionResetError


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
