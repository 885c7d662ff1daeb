"""From what a server said to the outcome of a call: status, reasoning, usable counts, flags."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from preamblelab.domain.records import Request, Response, Status
from preamblelab.execution.breaker import Loop
from preamblelab.execution.clients import Fault

_COMPLETE: Final = frozenset(
    {"stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete", "completed", "tool_calls",
     "tool_use", "function_call"}
)  # fmt: skip
_CUT: Final = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "max_length"})
_REFUSED: Final = frozenset(
    {"content_filter", "content_filtered", "safety", "refusal", "recitation", "blocklist",
     "prohibited_content", "spii", "sensitive", "guardrail_intervened"}
)  # fmt: skip
_LOOPED: Final = frozenset({"repetition", "repetition_detected", "token_repeat_limit"})
_BROKEN: Final = frozenset({"abort", "aborted", "error", "cancelled", "network_error"})

_LARGEST_COUNT: Final = 20_000_000
"""No context is longer; a larger count is a server's mistake and would eat the budget."""
_CHARACTERS_PER_TOKEN: Final = 4

_OPENED: Final = re.compile(r"\s*<(think|thinking|thought)>(.*?)(?:</\1>\s*|\Z)", re.DOTALL)
_CLOSED_ONLY: Final = re.compile(
    r"^[ \t]*</(think|thinking|thought)>[ \t]*(?:\n\s*|\Z)", re.MULTILINE
)


@dataclass(slots=True, kw_only=True)
class Raw:
    """What was read from a server, before anything is concluded."""

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    refusal: str = ""
    finish: str | None = None
    """As the server wrote it."""
    prompt_tokens: Any = None
    """As the server wrote it: a number, a string, nonsense, or None where it said nothing."""
    completion_tokens: Any = None
    served_model: str | None = None
    tool_calls: list[Mapping[str, Any]] = field(default_factory=list)
    pieces: int = 0
    """Streamed pieces of text, which are tokens for most local engines; 0 when not streamed."""
    loop: Loop | None = None
    said_looped: str = ""
    """The server's own words that the text repeats itself."""
    said_refused: str = ""
    """The server's own words that the prompt was refused."""
    flags: set[str] = field(default_factory=set)

    def stop_at(self, loop: Loop, fed: int) -> None:
        """A loop was noticed: drop what came after the characters that show it.

        Servers send many tokens in one piece; what is kept must not depend on that.

        Args:
            loop: what the watch returned.
            fed: characters that the watch has been fed, reasoning before text.
        """
        self.loop = loop
        surplus = max(0, fed - loop.at)
        # Tokens are estimated from the pieces, so those of what is dropped must go too.
        self.pieces = math.ceil(self.pieces * min(1.0, loop.at / fed)) if fed else 0
        for parts in (self.text, self.reasoning):
            if surplus:
                joined = "".join(parts)
                parts[:] = [joined[: max(0, len(joined) - surplus)]]
                surplus = max(0, surplus - len(joined))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds that a call took, the load of the model's weights apart."""

    seconds: float | None = None
    first_token_seconds: float | None = None
    load_seconds: float | None = None


def conclude(
    raw: Raw, request: Request, *, asked_name: str, route: str, timing: Timing
) -> Response:
    """The response that follows from what was read.

    Args:
        raw: what the server said.
        request: what it was asked.
        asked_name: the model's name as it was sent.
        route: which way it was asked.
        timing: what the clock says.

    Raises:
        Fault: the server itself says that it broke off; a part is no answer.
    """
    finish = (raw.finish or "").lower()
    if finish in _BROKEN:
        raise Fault("server", f"the server broke the answer off (finish reason '{finish}')")
    text, thought = split_thinking("".join(raw.text))
    reasoning = "\n".join(part for part in ("".join(raw.reasoning), thought) if part)
    text = text or raw.refusal
    flags = set(raw.flags)
    status, reason = _status(raw, finish, text, bool(reasoning), "tools" in request.settings)
    told = raw.said_refused or status == "looped"
    if not told and finish not in _COMPLETE | _CUT | _REFUSED | _LOOPED:
        flags.add("unknown_finish")
    if not text.strip() and reasoning and status in {"empty", "truncated"}:
        flags.add("reasoning_only")
    if raw.tool_calls and "tools" not in request.settings:
        flags.add("unrequested_tool_call")
    if raw.served_model and not _same_model(asked_name, raw.served_model):
        flags.add("swapped_model")
    usage = read_usage(raw, request, answer=text, reasoning=reasoning)
    return Response(
        text=text,
        status=status,
        reason=reason,
        reasoning=reasoning,
        finish=raw.finish,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        estimated=usage.estimated,
        seconds=timing.seconds,
        first_token_seconds=timing.first_token_seconds,
        load_seconds=timing.load_seconds,
        served_model=raw.served_model,
        route=route,
        loop=_loop_facts(raw, in_reasoning=not text.strip()) if status == "looped" else None,
        tool_calls=tuple(raw.tool_calls),
        flags=tuple(sorted(flags | usage.flags)),
    )


def _status(
    raw: Raw, finish: str, text: str, thought: bool, tools_offered: bool
) -> tuple[Status, str]:
    if raw.loop is not None:
        return "looped", f"the text repeats itself ({raw.loop.level})"
    if raw.said_looped or finish in _LOOPED:
        return "looped", f"the server noticed a repetition: {raw.said_looped or finish}"
    if raw.said_refused:
        return "refused", raw.said_refused
    if raw.refusal or finish in _REFUSED:
        return "refused", f"finish reason '{finish}'" if finish in _REFUSED else "refusal field"
    if finish in _CUT:
        where = "" if text.strip() else ", before any answer" + (", while thinking" * thought)
        return "truncated", f"finish reason '{finish}'{where}"
    if raw.tool_calls and tools_offered:
        return "ok", ""
    if not text.strip():
        if raw.tool_calls:
            return "empty", "a tool call that nobody offered, and no text"
        return "empty", "reasoning, and no answer" if thought else "no text"
    return "ok", ""


def _loop_facts(raw: Raw, *, in_reasoning: bool) -> dict[str, Any]:
    if raw.loop is None:
        return {"level": "server", "place": "text"}
    loop = raw.loop
    return {
        "level": loop.level,
        "onset": loop.onset,
        "period": loop.period,
        "repeats": loop.repeats,
        "at": loop.at,
        "exact": loop.exact,
        "place": "reasoning" if in_reasoning else "text",
    }


def split_thinking(text: str) -> tuple[str, str]:
    """The answer, and the reasoning that stands before it between think tags.

    Only tags at the beginning count, since an answer may speak of tags; a block that is never
    closed is all reasoning. A closing tag alone on a line counts too: some chat templates open the
    block themselves.

    Returns:
        Answer and reasoning; without tags the text itself, unchanged, and "".
    """
    if "think" not in text and "thought" not in text:
        return text, ""
    thoughts: list[str] = []
    rest = text
    while (block := _OPENED.match(rest)) is not None:
        thoughts.append(block.group(2).strip())
        rest = rest[block.end() :]
    if not thoughts and (close := _CLOSED_ONLY.search(rest)) is not None:
        head = rest[: close.start()]
        if f"<{close.group(1)}>" not in head:
            thoughts.append(head.strip())
            rest = rest[close.end() :]
    return (rest, "\n".join(thoughts)) if thoughts else (text, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts that can be used, and whether we guessed them."""

    prompt_tokens: int | None
    completion_tokens: int | None
    estimated: bool
    flags: frozenset[str]


def read_usage(raw: Raw, request: Request, *, answer: str, reasoning: str) -> Usage:
    """Token counts of a call; what is missing or impossible is estimated, and flagged so.

    The estimate is a token for each streamed piece, or for four characters.
    """
    written = len(answer) + len(reasoning)
    told_prompt = _count(raw.prompt_tokens, least=1)
    told_completion = _count(raw.completion_tokens, least=1 if answer.strip() else 0)
    flags: set[str] = set()
    for said, told in ((raw.prompt_tokens, told_prompt), (raw.completion_tokens, told_completion)):
        if said is None:
            flags.add("usage_missing")
        elif told is None:
            flags.add("usage_invalid")
    if not flags:
        return Usage(
            prompt_tokens=told_prompt,
            completion_tokens=told_completion,
            estimated=False,
            flags=frozenset(),
        )
    guess = raw.pieces if 2 <= raw.pieces <= written else math.ceil(written / _CHARACTERS_PER_TOKEN)
    asked = sum(len(part) for part in _contents(request.messages))
    return Usage(
        prompt_tokens=told_prompt or math.ceil(asked / _CHARACTERS_PER_TOKEN),
        completion_tokens=guess if told_completion is None else told_completion,
        estimated=True,
        flags=frozenset(flags),
    )


def _count(said: object, *, least: int) -> int | None:
    """A token count, or None when no server can mean it."""
    if isinstance(said, bool) or not isinstance(said, (int, float)):
        return None
    if not math.isfinite(said) or said != int(said) or not least <= said <= _LARGEST_COUNT:
        return None
    return int(said)


def _contents(messages: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            yield content
        elif isinstance(content, list):
            yield from (str(part.get("text", "")) for part in content if isinstance(part, Mapping))


def _same_model(asked: str, served: str) -> bool:
    """Whether a server's name for the model can be the one we asked for.

    Servers add dates and prefixes, or answer with the file's name: one name within the other is
    the same model.
    """
    first, second = (
        name.lower().rpartition("/")[2].removesuffix(".gguf") for name in (asked, served)
    )
    return first in second or second in first


def text_of(content: object) -> str:
    """The text of a message's content: a string, parts, or nothing.

    Raises:
        Fault: it is something else.
    """
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, Mapping)]
        return "".join(text for text in texts if isinstance(text, str))
    kind = type(content).__name__
    raise Fault("malformed", f"the message's content is of type {kind}, not a text")
