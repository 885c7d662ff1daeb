"""What a misbehaving server says: answers with one thing wrong, error statuses, broken bodies."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

TEXT = (
    "Plan first.\n\n```python\ndef check(value):\n    return value > 0\n```\nIt holds for zero too."
)
LOOP = "it('checks the length of the name', () => { expect(check('abc')).toBe(true); });\n"
USAGE = {"prompt_tokens": 12, "completion_tokens": 34, "total_tokens": 46}
KEY_IN_TEXT = "Incorrect API key provided: {key}. Authorization: Bearer {key}"


@dataclass(slots=True, kw_only=True)
class Call:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    of_connection: int = 1
    """From 1, among those that came over the same connection."""

    @property
    def model(self) -> str:
        """The name that asks for the misbehaviour."""
        return str(self.body.get("model", "")).partition("--")[0]

    @property
    def stream(self) -> bool:
        """Whether a stream was asked for."""
        return bool(self.body.get("stream"))

    @property
    def key(self) -> str:
        """The key that came along."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass(slots=True)
class Answer:
    """What a well-behaved answer would say; faults change parts of it."""

    message: dict[str, Any] = field(default_factory=lambda: {"content": TEXT})
    finish: str | None = "stop"
    usage: Any = field(default_factory=lambda: dict(USAGE))
    model: str | None = None
    more_choices: int = 0


def _answers() -> dict[str, Callable[[], Answer]]:
    usages: dict[str, Any] = {
        "none": None,
        "negative": {"prompt_tokens": -5, "completion_tokens": -7},
        "huge": {"prompt_tokens": 10**12, "completion_tokens": 10**12},
        "nan": {"prompt_tokens": float("nan"), "completion_tokens": float("inf")},
        "strings": {"prompt_tokens": "12", "completion_tokens": "34"},
        "zero": {"prompt_tokens": 0, "completion_tokens": 0},
    }
    table: dict[str, Callable[[], Answer]] = {
        "length": lambda: Answer(finish="length"),
        "no-finish": lambda: Answer(finish=None),
        "unknown-finish": lambda: Answer(finish="banana"),
        "filter": lambda: Answer(message={"content": ""}, finish="content_filter"),
        "filter-part": lambda: Answer(message={"content": "The first"}, finish="content_filter"),
        "abort": lambda: Answer(message={"content": "half of"}, finish="abort"),
        "null-content": lambda: Answer(message={"content": None}),
        "blank": lambda: Answer(message={"content": " \n\t"}),
        "content-list": lambda: Answer(message={"content": [{"type": "text", "text": TEXT}]}),
        "content-number": lambda: Answer(message={"content": 42}),
        "refusal": lambda: Answer(message={"content": None, "refusal": "I cannot help with that."}),
        "reasoning": lambda: Answer(message={"reasoning_content": "Let me see.", "content": TEXT}),
        "reasoning-only": lambda: Answer(message={"reasoning_content": "Hm.", "content": ""}),
        "think": lambda: Answer(message={"content": f"<think>\nLet me see.\n</think>\n\n{TEXT}"}),
        "think-open": lambda: Answer(message={"content": "<think>\nLet me"}, finish="length"),
        "tool-call": lambda: Answer(
            message={
                "content": None,
                "tool_calls": [
                    {
                        "index": 0,
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "rm", "arguments": '{"path": "/"}'},
                    }
                ],
            },
            finish="tool_calls",
        ),
        "loop": lambda: Answer(message={"content": LOOP * 200}, finish="length"),
        "repetition": lambda: Answer(message={"content": "again again"}, finish="repetition"),
        "swapped": lambda: Answer(model="another-model-0.5b"),
        "several": lambda: Answer(more_choices=1),
        "surrogate": lambda: Answer(message={"content": "lone \ud800 half"}),
        "nul": lambda: Answer(message={"content": "before\x00after"}),
    }
    for name, usage in usages.items():
        table[f"usage-{name}"] = lambda usage=usage: Answer(usage=usage)  # type: ignore[misc]
    return table


ANSWERS = _answers()

ERRORS: dict[str, tuple[int, str, dict[str, str]]] = {
    "rate-seconds": (429, "slow down", {"Retry-After": "3"}),
    "rate-milliseconds": (429, "slow down", {"retry-after-ms": "700"}),
    "rate-nonsense": (429, "slow down", {"Retry-After": "soon"}),
    "rate-negative": (429, "slow down", {"Retry-After": "-5"}),
    "rate-plain": (429, "slow down", {}),
    "quota": (429, "You exceeded your current quota (insufficient_quota)", {}),
    "400": (400, "invalid temperature", {}),
    "401": (401, "bad key", {}),
    "402": (402, "no credit", {}),
    "403": (403, "not allowed", {}),
    "404": (404, "no such model", {}),
    "408": (408, "took too long", {}),
    "422": (422, "cannot be processed", {}),
    "500": (500, "internal", {}),
    "503": (503, "overloaded", {"Retry-After": "2"}),
    "529": (529, "overloaded", {}),
    "context": (400, "maximum context length is 4096 tokens (context_length_exceeded)", {}),
    "prompt-filter": (400, "filtered by policy (content_filter)", {}),
    "token-repeat": (500, "prediction aborted, token repeat limit reached", {}),
}

BODIES: dict[str, bytes] = {
    "truncated-json": b'{"choices": [{"index": 0, "message": {"content": "cut he',
    "html": b"<html><body>Please log in</body></html>",
    "empty-body": b"",
    "null-body": b"null",
    "list-body": b"[]",
    "error-in-200": b'{"error": {"message": "upstream overloaded", "code": 503}}',
    "no-choices": b'{"id": "x", "choices": [], "usage": null}',
    "missing-choices": b'{"id": "x"}',
    "no-message": b'{"choices": [{"index": 0, "finish_reason": "stop"}]}',
    "deep-json": b'{"choices": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "long-number": b'{"choices": [], "n": ' + b"9" * 6_000 + b"}",
    "bad-utf8": json.dumps(
        {"choices": [{"index": 0, "message": {"content": "a@@b"}, "finish_reason": "stop"}]}
    )
    .encode()
    .replace(b"@@", b"\xff\xfe"),
}


def completion(call: Call) -> dict[str, Any]:
    answer = ANSWERS.get(call.model, Answer)()
    message = {"role": "assistant", **answer.message}
    choices = [{"index": 0, "message": message, "finish_reason": answer.finish}]
    choices += [
        {"index": i + 1, "message": {"content": "other"}, "finish_reason": "stop"}
        for i in range(answer.more_choices)
    ]
    return {"id": "c", "object": "chat.completion", "created": 1, "usage": answer.usage,
            "model": answer.model or call.model, "choices": choices}  # fmt: skip


def choice(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}


def event(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def events(call: Call, *, piece_length: int) -> list[bytes]:
    """A stream's events, as a well-behaved server would send this answer."""
    answer = ANSWERS.get(call.model, Answer)()
    base = {"id": "c", "object": "chat.completion.chunk", "model": answer.model or call.model}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    for name, value in answer.message.items():
        if isinstance(value, str):
            starts = range(0, len(value), piece_length)
            deltas += [{name: value[place : place + piece_length]} for place in starts]
        elif value is not None:
            deltas.append({name: value})
    found = [event({**base, "choices": [choice(delta, None)]}) for delta in deltas]
    for index in range(answer.more_choices):
        other = {"index": index + 1, "delta": {"content": "other"}, "finish_reason": None}
        found.append(event({**base, "choices": [other]}))
    found.append(event({**base, "choices": [choice({}, answer.finish)]}))
    if answer.usage is not None:
        found.append(event({**base, "choices": [], "usage": answer.usage}))
    return [*found, b"data: [DONE]\n\n"]
