"""What comes back: responses and ratings, each with a status instead of an exception."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from preamblelab.domain.base import content_digest, text_digest
from preamblelab.domain.models import ModelSpec

Status = Literal["ok", "truncated", "looped", "refused", "empty", "failed"]
"""Outcome of a call. All but `failed` are answers and are scored; `failed` is missing."""

FaultKind = Literal[
    "timeout", "rate", "server", "network", "malformed", "auth", "quota", "permanent",
    "too_large", "cancelled", "unknown",
]  # fmt: skip
"""Which boundary failed; `reason` of a failed response begins with it."""

Role = Literal["subject", "judge", "probe", "warm_up", "fallback", "escalation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Everything that determines an answer; its key addresses the answer in the store."""

    model: ModelSpec
    messages: tuple[Mapping[str, Any], ...]
    """As they are sent: role and content."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """temperature, top_p, max_tokens, seed, stop, num_ctx, repeat_penalty, response_format ..."""
    repetition: int = 1
    """From 1; repetitions are independent calls."""
    role: Role = "subject"
    digest: str = ""
    """Digest of the model's weights behind a moving tag, where the server tells it."""

    @property
    def endpoint(self) -> str:
        """Where it is asked: the address the user named, else the provider's name."""
        return self.model.api_base or self.model.id.partition("/")[0]

    @property
    def key(self) -> str:
        """Address of the answer: endpoint, model, digest, settings, messages and repetition."""
        return content_digest(
            [
                self.endpoint,
                self.model.id,
                self.digest,
                dict(self.settings),
                [dict(message) for message in self.messages],
                self.repetition,
            ]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What came back from one call."""

    text: str = ""
    """The answer without the model's separate reasoning; for `looped`, the prefix that was kept."""
    status: Status = "ok"
    reason: str = ""
    """Why it is not `ok`, in one line; for `failed` it begins with the fault's kind."""
    reasoning: str = ""
    """What the model thought aloud, in its own field or between think tags."""
    finish: str | None = None
    """The finish reason as the server wrote it."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    estimated: bool = False
    """The token counts are our estimate, because the server told none."""
    usd: float | None = None
    """None when unknown; 0.0 only when the price is known to be zero."""
    seconds: float | None = None
    """From the request's start to its end, the model's load time excluded where it is known."""
    first_token_seconds: float | None = None
    load_seconds: float | None = None
    served_model: str | None = None
    """The model's name as the server gave it."""
    route: str = ""
    """`direct/openai`, `direct/ollama`, `litellm`, `custom`, `imported`."""
    loop: Mapping[str, Any] | None = None
    """Level, onset, period, repeats and place of a loop; tokens and seconds saved by the cut."""
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    flags: tuple[str, ...] = ()
    """Oddities worth a mark: `unknown_finish`, `swapped_model`, `usage_invalid`, ..."""
    attempts: int = 1
    """Requests that were sent for it, retries included."""

    @property
    def answered(self) -> bool:
        """Whether there is an answer to score; a failed call is missing, not zero."""
        return self.status != "failed"

    @property
    def output_hash(self) -> str:
        """Equal for byte-identical answers: the same text, and the same calls of tools."""
        return answer_digest(self.text, self.tool_calls)


def answer_digest(text: str, tool_calls: Sequence[Mapping[str, Any]]) -> str:
    """The address of an answer; the ids that a server invents for calls do not count."""
    if not tool_calls:
        return text_digest(text)
    calls = [{name: call[name] for name in call if name != "id"} for call in tool_calls]
    return content_digest([text, calls])


RatingStatus = Literal[
    "ok", "failed", "empty", "no_json", "no_nonce", "two_verdicts", "duplicate_key", "invalid",
    "control", "crashed",
]  # fmt: skip
"""Why points are missing; `ok` when they are there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """Points of one scorer for one criterion, or for a whole dimension, of one response."""

    scorer: str
    """`text`, `rule`, `judge/ID`, `module:name`."""
    dimension: str
    criterion: int | None = None
    """Place of the criterion in its dimension, from 0; None for the whole dimension."""
    points: float | None = None
    """From 0 to the maximum; None is missing, for the reason in `status`."""
    status: RatingStatus = "ok"
    reason: str = ""
    evidence: tuple[str, ...] = ()
    """Quotes or counts that the points rest on."""
    judgement: int = 1
    """From 1; repeated judgements of one judge are told apart by it."""
    flags: tuple[str, ...] = ()
    """`self_family`, `quote_not_found`, `reasked`, ..."""
