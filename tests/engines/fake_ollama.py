"""A small fake of Ollama: its documented HTTP interface over canned models, on 127.0.0.1.

It is no model: an answer is a fixed text, or the prompt it was given, so that tests can see what
arrived. It speaks /api/version, /api/tags, /api/show, /api/ps and /api/chat (NDJSON, streamed
unless told otherwise), and does three things of the real one that matter here: it cuts a prompt
that is longer than `num_ctx` without a word, it fills an absent system message with the model's
own, and it answers 404 for a model that it does not have.
"""

import asyncio
import contextlib
import hashlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiohttp import web

DEFAULT_CONTEXT = 4096
"""What Ollama serves where neither the request nor the Modelfile sets num_ctx."""

KNOWN_OPTIONS = {
    "num_ctx", "num_predict", "num_keep", "repeat_penalty", "repeat_last_n", "seed",
    "temperature", "top_k", "top_p", "min_p", "stop", "presence_penalty", "frequency_penalty",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeModel:
    """One canned model."""

    name: str
    parameters: int = 4_300_000_000
    family: str = "gemma3"
    quantization: str = "Q4_K_M"
    context: int = 131_072
    """The most that the model allows."""
    system: str = ""
    """The Modelfile's SYSTEM: used when a request has no system message."""
    num_ctx: int | None = None
    """The Modelfile's `PARAMETER num_ctx`."""
    template: str = "{{ if .System }}{{ .System }}\n{{ end }}{{ .Prompt }}"
    answer: str | Callable[[str, Mapping[str, Any]], str] = "A fixed answer, one word at a time."
    """The text, or a function of the prompt (after cutting) and the options."""
    capabilities: tuple[str, ...] = ("completion", "tools")
    remote_host: str | None = None

    @property
    def digest(self) -> str:
        """What Ollama would call these weights."""
        return hashlib.sha256(self.name.encode()).hexdigest()


@dataclass(slots=True)
class FakeOllama:
    """The running fake: its address, and everything that it was asked."""

    models: dict[str, FakeModel]
    base: str = ""
    chats: list[dict[str, Any]] = field(default_factory=list)
    """Bodies of /api/chat as they came."""
    prompts: list[list[str]] = field(default_factory=list)
    """For each chat, the words that were left of the prompt after cutting to num_ctx."""
    headers: list[dict[str, str]] = field(default_factory=list)
    """Headers of every request."""
    unknown_options: list[str] = field(default_factory=list)
    """Options that the real one would drop without a word."""
    loaded: dict[str, int] = field(default_factory=dict)
    """Loaded models with their served context."""
    words_sent: int = 0
    """Words of all answers that left the server; stops growing when a client hangs up."""
    seconds_per_word: float = 0.0

    def find(self, name: object) -> FakeModel | None:
        """The model of a name; a name without a tag means `latest`."""
        text = str(name)
        return self.models.get(text if ":" in text else f"{text}:latest")


def application(fake: FakeOllama) -> web.Application:
    """The routes over a fake."""

    @web.middleware
    async def recorded(request: web.Request, handler: Any) -> web.StreamResponse:
        fake.headers.append(dict(request.headers))
        answer: web.StreamResponse = await handler(request)
        return answer

    app = web.Application(middlewares=[recorded])
    app.router.add_get("/api/version", _version)
    app.router.add_get("/api/tags", partial(_tags, fake))
    app.router.add_get("/api/ps", partial(_ps, fake))
    app.router.add_post("/api/show", partial(_show, fake))
    app.router.add_post("/api/chat", partial(_chat, fake))
    return app


@contextlib.contextmanager
def running(*models: FakeModel, seconds_per_word: float = 0.0) -> Iterator[FakeOllama]:
    """A fake in a thread of its own, on a free port; it ends with the block."""
    fake = FakeOllama(models={model.name: model for model in models})
    fake.seconds_per_word = seconds_per_word
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> web.AppRunner:
        runner = web.AppRunner(application(fake), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        fake.base = "http://{}:{}".format(*runner.addresses[0][:2])
        return runner

    runner = None
    try:
        runner = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        yield fake
    finally:
        if runner is not None:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _version(_: web.Request) -> web.Response:
    return web.json_response({"version": "0.0.0-fake"})


def _details(model: FakeModel) -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": "gguf",
        "family": model.family,
        "families": [model.family],
        "parameter_size": f"{model.parameters / 1e9:.1f}B",
        "quantization_level": model.quantization,
    }


async def _tags(fake: FakeOllama, _: web.Request) -> web.Response:
    listed = [
        {
            "name": model.name,
            "model": model.name,
            "modified_at": "2026-01-01T00:00:00Z",
            "size": model.parameters // 2,
            "digest": model.digest,
            "details": _details(model),
        }
        for model in fake.models.values()
    ]
    return web.json_response({"models": listed})


async def _ps(fake: FakeOllama, _: web.Request) -> web.Response:
    listed = [
        {
            "name": name,
            "model": name,
            "digest": fake.models[name].digest,
            "details": _details(fake.models[name]),
            "expires_at": "2026-01-01T00:05:00Z",
            "size_vram": 0,
            "context_length": context,
        }
        for name, context in fake.loaded.items()
    ]
    return web.json_response({"models": listed})


async def _body(request: web.Request) -> dict[str, Any]:
    value = await request.json()
    assert isinstance(value, dict)
    return value


def _not_found(name: object) -> web.Response:
    return web.json_response({"error": f"model '{name}' not found"}, status=404)


async def _show(fake: FakeOllama, request: web.Request) -> web.Response:
    body = await _body(request)
    name = body.get("model") or body.get("name")
    model = fake.find(name)
    if model is None:
        return _not_found(name)
    shown: dict[str, Any] = {
        "modelfile": f"FROM {model.name}",
        "template": model.template,
        "details": _details(model),
        "model_info": {
            "general.architecture": model.family,
            "general.parameter_count": model.parameters,
            f"{model.family}.context_length": model.context,
        },
        "capabilities": list(model.capabilities),
    }
    if model.num_ctx is not None:
        shown["parameters"] = f'stop                           "<end>"\nnum_ctx {model.num_ctx}'
    if model.system:
        shown["system"] = model.system
    if model.remote_host:
        shown |= {"remote_host": model.remote_host, "remote_model": model.name}
    return web.json_response(shown)


async def _chat(fake: FakeOllama, request: web.Request) -> web.StreamResponse:
    body = await _body(request)
    fake.chats.append(body)
    model = fake.find(body.get("model"))
    if model is None:
        return _not_found(body.get("model"))
    options = body.get("options") or {}
    fake.unknown_options.extend(sorted(set(options) - KNOWN_OPTIONS))
    context = int(options.get("num_ctx") or model.num_ctx or DEFAULT_CONTEXT)
    fake.loaded[model.name] = context
    kept = _cut(model, body.get("messages") or [], context)
    fake.prompts.append(kept)
    text = model.answer if isinstance(model.answer, str) else model.answer(" ".join(kept), options)
    words = text.split(" ")
    most = int(options.get("num_predict", -1))
    reason = "length" if 0 <= most < len(words) else "stop"
    words = words[:most] if reason == "length" else words
    if not body.get("stream", True):
        fake.words_sent += len(words)
        return web.json_response(_last(model, len(kept), words, reason, " ".join(words)))
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    # A client that hangs up ends the answer here, as it ends generation in the real one.
    with contextlib.suppress(ConnectionResetError):
        async for line in _lines(fake, model, len(kept), words, reason):
            await response.write(line)
    return response


def _cut(model: FakeModel, messages: list[Mapping[str, Any]], context: int) -> list[str]:
    """The words of the prompt that fit: the system message stays, older turns go first.

    A word stands for a token. What does not fit is dropped from the front, as Ollama drops the
    oldest turns; a single message that is too long loses its beginning.
    """
    system = [str(each["content"]) for each in messages if each["role"] == "system"]
    if not system and model.system:
        system = [model.system]
    if "System" not in model.template:
        system = []
    turns = [str(each["content"]) for each in messages if each["role"] != "system"]
    head = " ".join(system).split()[:context]
    tail = " ".join(turns).split()
    room = context - len(head)
    return head + (tail[-room:] if room else [])


async def _lines(
    fake: FakeOllama, model: FakeModel, prompt_tokens: int, words: list[str], reason: str
) -> AsyncIterator[bytes]:
    for place, word in enumerate(words):
        if fake.seconds_per_word:
            await asyncio.sleep(fake.seconds_per_word)
        fake.words_sent += 1
        piece = word if place == 0 else f" {word}"
        yield _line(
            {
                "model": model.name,
                "created_at": "2026-01-01T00:00:00Z",
                "message": {"role": "assistant", "content": piece},
                "done": False,
            }
        )
    yield _line(_last(model, prompt_tokens, words, reason, ""))


def _last(
    model: FakeModel, prompt_tokens: int, words: list[str], reason: str, content: str
) -> dict[str, Any]:
    return {
        "model": model.name,
        "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": content},
        "done": True,
        "done_reason": reason,
        "total_duration": 3_000_000_000,
        "load_duration": 1_000_000_000,
        "prompt_eval_count": prompt_tokens,
        "prompt_eval_duration": 500_000_000,
        "eval_count": len(words),
        "eval_duration": 1_500_000_000,
    }


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"
