"""The direct way to Ollama: `/api/chat`, where the context and the repeat penalty can be set."""

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request
from preamblelab.execution.choose import address_of
from preamblelab.execution.clients import Fault
from preamblelab.execution.direct import decoded
from preamblelab.execution.outcomes import Raw, text_of
from preamblelab.execution.redaction import Redactor
from preamblelab.execution.settings import ollama_settings
from preamblelab.execution.verdicts import note_or_raise
from preamblelab.execution.wire import Reader, WireClient, json_value

_NANOSECONDS: Final = 1e9
_LONGEST_SECONDS: Final = 86_400.0


class OllamaClient(WireClient):
    """Asks `POST {address}/api/chat`, streamed unless the model says otherwise."""

    route = "direct/ollama"

    def url(self, model: ModelSpec) -> str:
        """Where requests for this model are sent."""
        return f"{address_of(model)}/api/chat"

    def body(self, request: Request, name: str) -> bytes:
        """The JSON body of a request."""
        body: dict[str, Any] = {
            "model": name,
            "messages": request.messages,
            "stream": request.model.stream,
            **ollama_settings(request),
        }
        return json.dumps(body, default=dict).encode("ascii")

    def reader(self) -> Reader:
        """A reader for one answer."""
        return OllamaReader(self.redactor)


class OllamaReader:
    """Reads Ollama's chat objects, one or a line for each piece."""

    __slots__ = ("_parts", "_redactor", "done", "load_seconds", "raw")

    def __init__(self, redactor: Redactor) -> None:
        self.raw = Raw()
        self.done = False
        self.load_seconds: float | None = None
        self._redactor = redactor
        self._parts: list[bytes] = []

    def feed(self, block: bytes) -> str:
        """Take a block of a stream; the new text in it, reasoning before answer."""
        if b"\n" not in block:
            self._parts.append(block)
            return ""
        lines = b"".join((*self._parts, block)).split(b"\n")
        self._parts = [lines.pop()]
        return self._take(lines)

    def finish(self) -> str:
        """Take the end of a stream.

        Raises:
            Fault: it ended before Ollama said that the answer is complete.
        """
        rest = b"".join(self._parts)
        self._parts = []
        text = "" if self.done else self._take([rest])
        if not self.done:
            raise Fault("malformed", "the stream ended without 'done'; a part is no answer")
        return text

    def whole(self, body: bytes) -> None:
        """Take an answer that is one JSON value.

        Raises:
            Fault: it is no complete chat answer.
        """
        self._line(body)
        self.raw.pieces = 0
        if not self.done:
            raise Fault("malformed", "the answer is not marked 'done'")

    def _take(self, lines: list[bytes]) -> str:
        texts, thoughts = len(self.raw.text), len(self.raw.reasoning)
        for line in lines:
            if line.strip() and not self.done:
                self._line(line)
        new = self.raw.text[texts:]
        thought = self.raw.reasoning[thoughts:]
        self.raw.pieces += len(new) + len(thought)
        return "".join(thought) + "".join(new)

    def _line(self, line: bytes) -> None:
        value = json_value(decoded(line, self.raw))
        if not isinstance(value, Mapping):
            raise Fault("malformed", f"the answer is a JSON {type(value).__name__}, not an object")
        if value.get("error"):
            words = str(value["error"])
            note_or_raise(self.raw, self._redactor, None, words, words)
            self.done = True
            return
        message = value.get("message")
        if isinstance(message, Mapping):
            self._message(message)
        elif not value.get("done"):
            raise Fault("malformed", "the answer holds no message")
        if self.raw.served_model is None and isinstance(value.get("model"), str):
            self.raw.served_model = value["model"][:300]
        if value.get("done"):
            self._end(value)

    def _message(self, message: Mapping[str, Any]) -> None:
        if content := text_of(message.get("content")):
            self.raw.text.append(content)
        thought = message.get("thinking")
        if isinstance(thought, str) and thought:
            self.raw.reasoning.append(thought)
        calls = message.get("tool_calls")
        if isinstance(calls, list):
            self.raw.tool_calls += [call for call in calls if isinstance(call, Mapping)]

    def _end(self, value: Mapping[str, Any]) -> None:
        self.done = True
        raw = self.raw
        reason = value.get("done_reason")
        raw.finish = None if reason is None else str(reason)[:100]
        raw.prompt_tokens = value.get("prompt_eval_count")
        raw.completion_tokens = value.get("eval_count")
        self.load_seconds = _seconds(value.get("load_duration"))


def _seconds(nanoseconds: object) -> float | None:
    """A duration that a server may mean; nonsense is None, or it would make latency negative."""
    if isinstance(nanoseconds, bool) or not isinstance(nanoseconds, (int, float)):
        return None
    seconds = nanoseconds / _NANOSECONDS
    return seconds if math.isfinite(seconds) and 0 <= seconds <= _LONGEST_SECONDS else None
