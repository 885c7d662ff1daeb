"""The direct way to servers that speak OpenAI's dialect, at an address that the user names."""

import json
from collections.abc import Mapping
from typing import Any

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request
from preamblelab.execution.choose import address_of
from preamblelab.execution.clients import Fault
from preamblelab.execution.event_shape import EventShape
from preamblelab.execution.faults import message_of, status_of
from preamblelab.execution.outcomes import Raw, text_of
from preamblelab.execution.redaction import Redactor
from preamblelab.execution.settings import openai_settings
from preamblelab.execution.sse import DONE, EventReader
from preamblelab.execution.verdicts import note_or_raise
from preamblelab.execution.wire import Reader, WireClient, json_value

_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
"""The C scanner: `json.loads` spends half of its time around it."""


class DirectClient(WireClient):
    """Asks `POST {api_base}/chat/completions`, streamed unless the model says otherwise."""

    route = "direct/openai"

    def __init__(self, *, redactor: Redactor | None = None) -> None:
        super().__init__(redactor=redactor)
        self._without_options: set[str] = set()

    def url(self, model: ModelSpec) -> str:
        """Where requests for this model are sent."""
        return f"{address_of(model)}/chat/completions"

    def body(self, request: Request, name: str) -> bytes:
        """The JSON body of a request; a setting is sent by the name that the user wrote."""
        body: dict[str, Any] = {"model": name, "messages": request.messages}
        body.update(openai_settings(request))
        if request.model.stream:
            body["stream"] = True
            if not self._without_options or self.url(request.model) not in self._without_options:
                body["stream_options"] = {"include_usage": True}
        return json.dumps(body, default=dict).encode("ascii")

    def reader(self) -> Reader:
        """A reader for one answer."""
        return ChatReader(self.redactor)

    def resend(self, request: Request, fault: Fault) -> bool:
        """Whether the server refused `stream_options`, which only asks for the token counts."""
        url = self.url(request.model)
        if not request.model.stream or url in self._without_options:
            return False
        if "stream_options" not in fault.message:
            return False
        self._without_options.add(url)
        return True


class ChatReader:
    """Reads `chat.completion` objects and streams of their chunks."""

    __slots__ = (
        "_events", "_finished", "_redactor", "_shape", "_spoke", "done", "load_seconds", "raw",
    )  # fmt: skip

    def __init__(self, redactor: Redactor) -> None:
        self.raw = Raw()
        self.done = False
        self.load_seconds: float | None = None
        self._redactor = redactor
        self._events = EventReader()
        self._shape = EventShape()
        self._finished = False
        self._spoke = False

    def feed(self, block: bytes) -> str:
        """Take a block of a stream; the new text in it, reasoning before answer."""
        return self._take(self._events.feed(block))

    def finish(self) -> str:
        """Take the end of a stream.

        Raises:
            Fault: it ended before the server said that the answer is complete.
        """
        text = "" if self.done else self._take(self._events.finish())
        ended = self.done or self._finished or self.raw.said_looped or self.raw.said_refused
        if not ended:
            raise Fault(
                "malformed", "the stream ended without a finish reason; a part is no answer"
            )
        if not self._spoke:
            raise Fault("malformed", "the stream held no choice")
        return text

    def whole(self, body: bytes) -> None:
        """Take an answer that is one JSON value.

        Raises:
            Fault: it is no chat completion.
        """
        value = json_value(decoded(body, self.raw))
        if not isinstance(value, Mapping):
            raise Fault("malformed", f"the answer is a JSON {type(value).__name__}, not an object")
        self._refuse_error(value)
        choice = self._first_choice(value)
        if choice is None:
            raise Fault("malformed", "the answer holds no choice")
        message = choice.get("message")
        if not isinstance(message, Mapping):
            raise Fault("malformed", "the choice holds no message")
        self._part(message)
        self._note_finish(choice.get("finish_reason"))
        self._note_usage(value)
        self.done = True

    def _take(self, events: list[bytes]) -> str:
        """The new text of some events. The loop is the busiest place of a run: it stays plain."""
        text = self.raw.text
        before = len(text)
        thoughts = ""
        shape = self._shape
        for data in events:
            known = shape.text_of(data)
            if known is not None:
                if known:
                    text.append(known)
                continue
            if data == DONE:
                self.done = True
                break
            try:
                line = data.decode()
                event, end = _scan(line, 0)
                complete = end == len(line)
            except (ValueError, StopIteration, RecursionError):
                complete = False
            if not complete:
                event = json_value(decoded(data, self.raw)) if data.strip() else None
            try:
                choices = event["choices"]
                choice = choices[0]
                delta = choice["delta"]
                content = delta["content"]
                usual = (
                    content.__class__ is str
                    and (len(delta) == 1 or (len(delta) == 2 and "role" in delta))
                    and choice["finish_reason"] is None
                    and choice["index"] == 0
                    and len(choices) == 1
                    and self._spoke
                )
            except (KeyError, IndexError, TypeError):
                usual = False
            if usual:
                if content:
                    text.append(content)
                    shape.learn(line, event)
            elif event is not None or complete:
                thoughts += self._unusual(event)
        pieces = text[before:]
        self.raw.pieces += len(pieces)
        return thoughts + "".join(pieces)

    def _unusual(self, event: Any) -> str:
        """An event that is not just some more text; the reasoning in it."""
        if not isinstance(event, Mapping):
            raise Fault("malformed", f"an event is a JSON {type(event).__name__}, not an object")
        if self._refuse_error(event):
            return ""
        self._note_usage(event)
        choice = self._first_choice(event)
        if choice is None:
            return ""
        self._spoke = True
        before = len(self.raw.reasoning)
        delta = choice.get("delta")
        if isinstance(delta, Mapping):
            self._part(delta)
        elif isinstance(choice.get("message"), Mapping):
            self._part(choice["message"])
        self._note_finish(choice.get("finish_reason"))
        thoughts = self.raw.reasoning[before:]
        self.raw.pieces += len(thoughts)
        return "".join(thoughts)

    def _first_choice(self, value: Mapping[str, Any]) -> Mapping[str, Any] | None:
        choices = value.get("choices")
        if not isinstance(choices, list):
            return None
        known = [choice for choice in choices if isinstance(choice, Mapping)]
        first = [choice for choice in known if choice.get("index") in (0, None)]
        if len(first) < len(known) or len(first) > 1:
            self.raw.flags.add("several_choices")
        return first[0] if first else None

    def _part(self, part: Mapping[str, Any]) -> None:
        """Text, reasoning, refusal and tool calls of a message, or of a piece of one."""
        raw = self.raw
        if content := text_of(part.get("content")):
            raw.text.append(content)
        thought = part.get("reasoning_content") or part.get("reasoning")
        if isinstance(thought, str) and thought:
            raw.reasoning.append(thought)
        refusal = part.get("refusal")
        if isinstance(refusal, str):
            raw.refusal += refusal
        calls = part.get("tool_calls")
        if isinstance(calls, list):
            merge_tool_calls(raw.tool_calls, calls)

    def _note_finish(self, finish: object) -> None:
        if finish is not None:
            self._finished = True
            self.raw.finish = str(finish)[:100]

    def _note_usage(self, value: Mapping[str, Any]) -> None:
        usage = value.get("usage")
        if isinstance(usage, Mapping):
            self.raw.prompt_tokens = usage.get("prompt_tokens")
            self.raw.completion_tokens = usage.get("completion_tokens")
        name = value.get("model")
        if self.raw.served_model is None and isinstance(name, str) and name:
            self.raw.served_model = name[:300]

    def _refuse_error(self, value: Mapping[str, Any]) -> bool:
        """Whether this is an error that stands for an outcome.

        Raises:
            Fault: it is an error that stands for none.
        """
        if not value.get("error"):
            return False
        words = json.dumps(value["error"], default=str)[:64_000]
        note_or_raise(self.raw, self._redactor, status_of(value), message_of(value), words)
        self._spoke = True
        return True


def decoded(body: bytes, raw: Raw) -> str:
    """The text of a body: UTF-8; bytes that are not become visible escapes, and a flag."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raw.flags.add("invalid_utf8")
        # The backslash is doubled, for it stands inside a JSON string.
        return body.decode("utf-8", "backslashreplace").replace("\\x", "\\\\x")


def merge_tool_calls(known: list[Mapping[str, Any]], pieces: list[Any]) -> None:
    """Put streamed pieces of tool calls together, by their index."""
    for place, piece in enumerate(pieces):
        if not isinstance(piece, Mapping):
            continue
        index = piece.get("index", place)
        if not isinstance(index, int) or not 0 <= index <= len(known) or len(known) > 100:
            continue
        if index == len(known):
            known.append(dict(piece))
            continue
        old = dict(known[index])
        function = dict(old.get("function") or {})
        more = piece.get("function")
        if isinstance(more, Mapping) and isinstance(more.get("arguments"), str):
            function["arguments"] = str(function.get("arguments") or "") + more["arguments"]
        known[index] = {**old, "function": function}
