"""Door 1: the only module that imports litellm; asks every provider that has no direct way.

Import it before the event loop starts: litellm takes seconds to import.
"""

import asyncio
import logging
import os
import warnings
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, Final

# litellm reads these while it is imported: no download of prices, no .env file, and its own guard
# against repeated chunks out of the way, which would turn a loop into an error.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
os.environ.setdefault("REPEATED_STREAMING_CHUNK_LIMIT", "1000000000")

import litellm
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler
from litellm.llms.custom_llm import CustomLLM, CustomLLMError

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.execution.capped import SEEN, Seen, cap
from preamblelab.execution.choose import (
    HOSTED_IN_DIALECT,
    OWN_SERVERS,
    address_of,
    client_for,
    key_of,
    provider_of,
)
from preamblelab.execution.clients import Fault, Limits, Watch
from preamblelab.execution.deadlines import Deadlines
from preamblelab.execution.direct import ChatReader, merge_tool_calls
from preamblelab.execution.faults import error_words, retry_after, says_looped, says_refused
from preamblelab.execution.outcomes import Raw, Timing, conclude, text_of
from preamblelab.execution.providers import InProcessProvider, Piece
from preamblelab.execution.redaction import Redactor
from preamblelab.execution.settings import litellm_settings
from preamblelab.execution.verdicts import fault_in_chain, note_or_raise, redacted

ROUTE: Final = "litellm"
NO_KEY: Final = "not-needed"
"""Sent where the user named an address and no key, lest litellm take one from the environment."""
_PIECES_PER_TURN: Final = 16
_SAY_THEIR_END: Final = frozenset(
    {"anthropic", "gemini", "vertex_ai", "cohere", "cohere_chat", "ollama_chat"}
)
"""Providers whose streams, in dialects of their own, say when they are complete."""

litellm.suppress_debug_info = True
# It warns on standard error about what we record as data.
logging.getLogger("LiteLLM").setLevel(os.environ.get("LITELLM_LOG", "ERROR").upper())
warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning)
litellm.disable_hf_tokenizer_download = True
litellm.REPEATED_STREAMING_CHUNK_LIMIT = 1_000_000_000
AsyncHTTPHandler.create_async_transport = staticmethod(cap(AsyncHTTPHandler.create_async_transport))


class LitellmClient:
    """Asks through `litellm.acompletion`; the raw body is read along, where it is OpenAI's."""

    def __init__(self, *, redactor: Redactor | None = None) -> None:
        self._redactor = redactor or Redactor()

    async def ask(self, request: Request, *, limits: Limits, watch: Watch | None) -> Response:
        """The answer to one request; one attempt, no retry.

        Args:
            request: what to ask.
            limits: when to give up.
            watch: sees the text while it streams; a loop that it returns closes the stream.

        Raises:
            Fault: there is no answer.
            ProviderError: the model cannot be asked this way.
            SpecError: a setting means something else on this way.
        """
        arguments = self._arguments(request, limits)
        seen = Seen(limits, ChatReader(self._redactor) if _speaks_openai(request.model) else None)
        deadlines = Deadlines(limits)
        token = SEEN.set(seen)
        try:
            async with deadlines:
                raw = await self._exchange(arguments, seen, watch, deadlines, request.model)
        except Fault as fault:
            raw = self._seen_or(fault, seen, request.model, watch)
        finally:
            SEEN.reset(token)
        timing = Timing(
            seconds=deadlines.elapsed, first_token_seconds=deadlines.first_token_seconds
        )
        name = request.model.id.partition("/")[2] or request.model.id
        response = conclude(raw, request, asked_name=name, route=ROUTE, timing=timing)
        return redacted(response, self._redactor)

    async def close(self) -> None:
        """Give back connections."""
        await litellm.close_litellm_async_clients()

    def _arguments(self, request: Request, limits: Limits) -> dict[str, Any]:
        model = request.model
        client_for(model)
        key = key_of(model)
        if key is not None:
            self._redactor.learn(key)
        arguments: dict[str, Any] = {
            "model": model.id,
            "messages": [dict(message) for message in request.messages],
            "timeout": limits.deadline_seconds,
            "num_retries": 0,
            "max_retries": 0,
            "drop_params": False,
            **litellm_settings(request),
        }
        if model.stream:
            arguments |= {"stream": True, "stream_options": {"include_usage": True}}
        if "tools" in arguments:
            # Else litellm looks for tools of its proxy, with a package that it does not install.
            arguments["_skip_mcp_handler"] = True
        provider = provider_of(model)
        if model.api_base is not None or provider == "ollama_chat":
            arguments["api_base"] = address_of(model)
            key = key or (None if provider == "ollama_chat" else NO_KEY)
        if key is not None:
            arguments["api_key"] = key
        return arguments

    async def _exchange(
        self,
        arguments: Mapping[str, Any],
        seen: Seen,
        watch: Watch | None,
        deadlines: Deadlines,
        model: ModelSpec,
    ) -> Raw:
        try:
            answer = await litellm.acompletion(**arguments)
            if model.stream:
                raw = await self._streamed(answer, seen, watch, deadlines)
            else:
                raw = _whole(answer)
        except Fault:
            raise
        except Exception as error:  # noqa: BLE001 - litellm raises whatever its providers raise
            raise fault_in_chain(error, self._redactor) from None
        return self._truth(raw, seen, model, watch)

    async def _streamed(
        self, stream: Any, seen: Seen, watch: Watch | None, deadlines: Deadlines
    ) -> Raw:
        # Where the wire is read along, that text is the true one; to take it out of litellm's
        # objects once more would cost a tenth of all that litellm does.
        along = seen.reader if seen.streamed else None
        raw = Raw() if along is None else along.raw
        fed = 0
        try:
            async for chunk in stream:
                if along is not None:
                    text = seen.take_fresh()
                elif text := _take(raw, chunk):
                    raw.pieces += 1
                if not text:
                    continue
                fed += len(text)
                deadlines.piece()
                if watch is not None and (loop := watch(text)) is not None:
                    raw.stop_at(loop, fed)
                    break
            else:
                rest = seen.take_fresh()
                if watch is not None and rest and (loop := watch(rest)) is not None:
                    raw.stop_at(loop, fed + len(rest))
        finally:
            # Without it the server goes on writing.
            await stream.aclose()
        return raw

    def _truth(self, raw: Raw, seen: Seen, model: ModelSpec, watch: Watch | None) -> Raw:
        """What the raw body says, where it is in OpenAI's dialect; else what litellm says.

        Raises:
            Fault: the body is no answer, though litellm may have taken it for one.
        """
        reader = seen.reader
        if raw.loop is not None:
            return raw if reader is None else _with_facts_of(raw, reader.raw)
        if seen.fault is not None:
            raise seen.fault
        # What was streamed has been watched; to show it again would look like a repetition.
        watched = model.stream and raw.pieces > 0
        if reader is not None and seen.status is not None:
            if seen.streamed:
                reader.finish()
            else:
                reader.whole(b"".join(seen.body))
            raw = reader.raw
        elif reader is None and seen.status is not None:
            _check_foreign(raw, seen, model)
        if not watched:
            text = "".join(raw.reasoning) + "".join(raw.text)
            if watch is not None and text and (loop := watch(text)) is not None:
                raw.stop_at(loop, len(text))
        return raw

    def _seen_or(self, fault: Fault, seen: Seen, model: ModelSpec, watch: Watch | None) -> Raw:
        """The outcome that an error stands for, or the fault that the wire tells of.

        Raises:
            Fault: there is no answer.
        """
        if seen.fault is not None and fault.kind != "timeout":
            raise seen.fault
        raw = Raw()
        unreadable = seen.status == 200 and fault.kind in {"malformed", "unknown"}
        if unreadable and seen.reader is not None:
            # litellm gave up on an answer that our own reader may read, or refuse in words.
            return self._truth(raw, seen, model, None if model.stream else watch)
        if seen.status is not None and seen.status >= 400:
            message, words = error_words(b"".join(seen.body)[: seen.limits.error_bytes])
            wait = retry_after(seen.headers)
            note_or_raise(raw, self._redactor, seen.status, message, words, wait=wait)
        elif fault.kind == "auth" and seen.status is None:
            names = " or ".join(missing_keys(model)) or "the provider's key"
            message = f"no key for {model.id}: the environment variable {names} is not set"
            raise Fault("auth", message, sent=False)
        elif says_looped(fault.message):
            raw.said_looped = fault.message
        elif says_refused(fault.status, fault.message):
            raw.said_refused = fault.message
        else:
            raise fault
        return raw


def knows_provider(model: ModelSpec) -> bool:
    """Whether litellm can tell who serves this id."""
    try:
        litellm.get_llm_provider(model=model.id, api_base=model.api_base)
    except litellm.exceptions.BadRequestError:
        return False
    return True


def missing_keys(model: ModelSpec) -> tuple[str, ...]:
    """Names of the environment variables that litellm needs for this model and does not find.

    Only keys are named, since other credentials may come from elsewhere.
    """
    if model.api_key_env is not None:
        return () if os.environ.get(model.api_key_env) else (model.api_key_env,)
    if model.api_base is not None:
        return ()
    missing = litellm.validate_environment(model.id).get("missing_keys", [])
    return tuple(name for name in missing if name.endswith("_API_KEY"))


def _take(raw: Raw, chunk: Any) -> str:
    """Note a chunk; the new text in it, reasoning before answer."""
    usage = getattr(chunk, "usage", None)
    if usage is not None:
        raw.prompt_tokens = usage.prompt_tokens
        raw.completion_tokens = usage.completion_tokens
    if raw.served_model is None and chunk.model:
        raw.served_model = str(chunk.model)[:300]
    if not chunk.choices:
        return ""
    choice = chunk.choices[0]
    before = len(raw.reasoning), len(raw.text)
    _note_part(raw, choice.delta)
    if choice.finish_reason is not None:
        raw.finish = str(choice.finish_reason)[:100]
    return "".join(raw.reasoning[before[0] :]) + "".join(raw.text[before[1] :])


def _whole(answer: Any) -> Raw:
    raw = Raw()
    if not answer.choices:
        raise Fault("malformed", "the answer holds no choice")
    choice = answer.choices[0]
    _note_part(raw, choice.message)
    raw.finish = choice.finish_reason
    usage = getattr(answer, "usage", None)
    # litellm writes (0, 0) where the server said nothing.
    if usage is not None and (usage.prompt_tokens or usage.completion_tokens):
        raw.prompt_tokens, raw.completion_tokens = usage.prompt_tokens, usage.completion_tokens
    raw.served_model = answer.model
    return raw


def _note_part(raw: Raw, part: Any) -> None:
    if content := text_of(part.content):
        raw.text.append(content)
    if thought := getattr(part, "reasoning_content", None):
        raw.reasoning.append(str(thought))
    fields = getattr(part, "provider_specific_fields", None) or {}
    refusal = getattr(part, "refusal", None) or fields.get("refusal")
    if isinstance(refusal, str):
        raw.refusal += refusal
    if part.tool_calls:
        merge_tool_calls(raw.tool_calls, [call.model_dump() for call in part.tool_calls])


def _check_foreign(raw: Raw, seen: Seen, model: ModelSpec) -> None:
    """Do not believe litellm's "stop" and its token counts where the server told none.

    Raises:
        Fault: the stream was cut, or nothing in the body is an answer.
    """
    if seen.streamed and not seen.ended and provider_of(model) in _SAY_THEIR_END:
        message = "the stream ended without a finish reason; a part is no answer"
        raise Fault("malformed", message)
    if not seen.counted:
        raw.prompt_tokens = raw.completion_tokens = None
    if not (raw.text or raw.reasoning or raw.tool_calls or raw.refusal or raw.completion_tokens):
        raise Fault("malformed", "litellm found no answer in what the server sent")


def _speaks_openai(model: ModelSpec) -> bool:
    return provider_of(model) in OWN_SERVERS | HOSTED_IN_DIALECT | {"azure"}


def _with_facts_of(raw: Raw, true: Raw) -> Raw:
    raw.served_model = true.served_model or raw.served_model
    raw.flags |= true.flags
    return raw


class _InProcess(CustomLLM):  # type: ignore[misc]
    """Carries a provider of ours, in the four ways that litellm calls one."""

    def __init__(self, provider: InProcessProvider) -> None:
        super().__init__()
        self._provider = provider

    def _pieces(self, options: Mapping[str, Any]) -> Iterator[Piece]:
        settings = {k: v for k, v in options["optional_params"].items() if k not in _NOT_SETTINGS}
        try:
            yield from self._provider.stream(options["model"], options["messages"], settings)
        except (KeyError, IndexError):
            raise  # a mistake in the provider, not a model that it lacks
        except LookupError as error:
            raise CustomLLMError(404, str(error.args[0] if error.args else error)) from error

    def streaming(self, **options: Any) -> Iterator[dict[str, Any]]:
        for piece in self._pieces(options):
            yield _chunk(piece)

    async def astreaming(self, **options: Any) -> AsyncIterator[dict[str, Any]]:
        for number, piece in enumerate(self._pieces(options), start=1):
            yield _chunk(piece)
            if number % _PIECES_PER_TURN == 0:
                await asyncio.sleep(0)

    def completion(self, **options: Any) -> Any:
        answer, pieces = options["model_response"], list(self._pieces(options))
        last = next((piece for piece in reversed(pieces) if piece.finish is not None), Piece())
        answer.model = options["model"]
        message = answer.choices[0].message
        message.content = "".join(piece.text for piece in pieces)
        made = [piece.tool_call for piece in pieces if piece.tool_call]
        calls = [litellm.ChatCompletionMessageToolCall(**call) for call in made]
        message.tool_calls = calls or None
        answer.choices[0].finish_reason = last.finish or "stop"
        answer.usage = litellm.Usage(**_usage(last))
        return answer

    async def acompletion(self, **options: Any) -> Any:
        return self.completion(**options)


_NOT_SETTINGS: Final = frozenset({"stream", "stream_options", "max_retries"})


def _chunk(piece: Piece) -> dict[str, Any]:
    last = piece.finish is not None
    return {
        "text": piece.text,
        "is_finished": last,
        "finish_reason": piece.finish or "",
        "index": 0,
        "tool_use": piece.tool_call,
        "usage": _usage(piece) if last else None,
    }


def _usage(piece: Piece) -> dict[str, int]:
    prompt, completion = piece.prompt_tokens or 0, piece.completion_tokens or 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def register_providers(providers: Iterable[InProcessProvider]) -> None:
    """Let litellm carry providers of this process, as `NAME/model`; an old one of a name goes."""
    mine = {provider.name: _InProcess(provider) for provider in providers}
    others = [entry for entry in litellm.custom_provider_map if entry["provider"] not in mine]
    added = [{"provider": name, "custom_handler": carrier} for name, carrier in mine.items()]
    litellm.custom_provider_map = [*others, *added]
    litellm.utils.custom_llm_setup()
