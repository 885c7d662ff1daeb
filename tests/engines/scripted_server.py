"""A server in OpenAI's dialect that answers as a function says, and counts what it was asked.

    with ScriptedServer(lambda asked: Reply(text="fine")) as server:
        ask(api_base=server.url)
        server.asked, server.most_at_once

It runs on a thread of its own, on 127.0.0.1. Every answer carries a receipt `[rid:NUMBER]` that is
given out once, so that a lost answer, or one that was asked for twice, can be seen in a store.
"""

import asyncio
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKENS_OF_TEMPLATE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came."""

    number: int
    """From 1, over all models."""
    of_model: int
    """From 1, among those of this model."""
    at_once: int
    """Requests that are being answered, this one included."""
    model: str
    messages: list[Mapping[str, Any]]
    key: str
    body: Mapping[str, Any]

    @property
    def system(self) -> str:
        """The system message; empty when none came."""
        return "".join(str(m["content"]) for m in self.messages if m["role"] == "system")

    @property
    def user(self) -> str:
        """The last message."""
        return str(self.messages[-1]["content"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server says."""

    text: str = "It holds."
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """How long it takes."""
    prompt_tokens: int | None = None
    """None: a token for four characters of the messages, and a few for the template."""
    completion_tokens: int | None = None


Script = Callable[[Asked], Reply]


class ScriptedServer:
    """Serves on a thread of its own; a context manager."""

    def __init__(self, script: Script | None = None) -> None:
        self.script: Script = script or (lambda _: Reply())
        self.asked: list[Asked] = []
        self.answered: list[Asked] = []
        """Requests whose answer was written to its end with status 200."""
        self.in_flight = 0
        self.most_at_once = 0

    def __enter__(self) -> "ScriptedServer":
        started = threading.Event()

        def run() -> None:
            self._loop = asyncio.new_event_loop()
            self._loop.run_until_complete(self._start())
            started.set()
            self._loop.run_forever()
            self._loop.run_until_complete(self._runner.cleanup())
            self._loop.close()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @property
    def url(self) -> str:
        """The address for `api_base`."""
        return f"http://127.0.0.1:{self.port}/v1"

    def count(self, model: str) -> int:
        """How often this model was asked."""
        return sum(asked.model == model for asked in self.asked)

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.in_flight += 1
        self.most_at_once = max(self.most_at_once, self.in_flight)
        asked = Asked(
            number=len(self.asked) + 1,
            of_model=self.count(body["model"]) + 1,
            at_once=self.in_flight,
            model=body["model"],
            messages=body["messages"],
            key=request.headers.get("Authorization", "").removeprefix("Bearer "),
            body=body,
        )
        self.asked.append(asked)
        try:
            reply = self.script(asked)
            await asyncio.sleep(reply.seconds)
            if reply.status != 200:
                error = {"error": {"message": reply.text}}
                return web.json_response(error, status=reply.status, headers=reply.headers)
            done = await self._say(request, asked, reply)
            self.answered.append(asked)
            return done
        finally:
            self.in_flight -= 1

    async def _say(self, request: web.Request, asked: Asked, reply: Reply) -> web.StreamResponse:
        text = f"{reply.text} [rid:{asked.number}]"
        prompt = sum(len(str(m["content"])) for m in asked.messages) // 4 + TOKENS_OF_TEMPLATE
        usage = {
            "prompt_tokens": prompt if reply.prompt_tokens is None else reply.prompt_tokens,
            "completion_tokens": reply.completion_tokens or max(1, len(text) // 4),
        }
        if not asked.body.get("stream"):
            message = {"role": "assistant", "content": text}
            choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
            return web.json_response({"model": asked.model, "choices": choices, "usage": usage})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        events: list[dict[str, Any]] = [
            {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {"choices": [], "usage": usage},
        ]
        for event in events:
            whole = {"model": asked.model, **event}
            await response.write(b"data: " + json.dumps(whole).encode() + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response


def verdict(asked: Asked, share: float = 1.0) -> str:
    """The verdict of a judge that gives the same share of every criterion."""
    nonce = re.search(r"^NONCE\n(\w+)$", asked.user, re.MULTILINE)
    rubric = asked.user.partition("RUBRIC\n")[2].partition("control:")[0]
    marks: dict[str, list[dict[str, Any]]] = {}
    for line in rubric.splitlines():
        if line.startswith("- 0 to "):
            most = float(line.removeprefix("- 0 to ").partition(":")[0])
            points = int(most * share)
            marks[list(marks)[-1]].append({"evidence": "It holds.", "points": points})
        elif line.endswith(":"):
            marks[line[:-1]] = []
    found = nonce.group(1) if nonce else ""
    return json.dumps({"check": found, "control": 0, "marks": marks})
