"""What a simulated model perceives of a request: guidance, the task, an order it was given.

Guidance is read from what a system text really asks for, sentence by sentence and by its words;
no preamble is known by name. A user's preamble is read like a shipped one.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from preamblelab.domain.base import canonical_json

CHARACTERS_PER_TOKEN: Final = 4

_ASKS: Final[Mapping[str, re.Pattern[str]]] = {
    name: re.compile(r"\b(?:" + "|".join(phrases) + ")", re.IGNORECASE)
    for name, phrases in {
        "think": (
            r"think\b", r"step by step\b", r"before you (?:write|answer|code|begin|start)\b",
            r"first[,:]? (?:list|name|write|analy|identify|think)", r"analy[sz]e\b",
            r"in this order\b", r"cases? first\b",
        ),
        "edge_cases": (
            r"edge[- ]cases?\b", r"corner cases?\b", r"boundar", r"limits?\b", r"go wrong\b",
            r"special cases?\b",
        ),
        "complete": (
            r"complete\b", r"runnable\b", r"no (?:placeholders?|todos?|gaps)\b", r"as it stands\b",
            r"whole answer\b", r"every import\b", r"fully working\b",
        ),
        "distinct_tests": (
            r"distinct\b", r"one (?:behaviou?r|test)\b", r"tests? for each\b", r"each edge case\b",
            r"every edge case\b", r"no test twice\b", r"comprehensive\b", r"thorough",
            r"cover (?:all|every)\b",
        ),
        "messages": (r"messages?\b", r"errors? (?:cases?|conditions?|paths?)\b", r"every error\b"),
        "awaits": (r"await", r"async"),
        "strategy": (r"strateg", r"approach\b", r"plan\b", r"how you will\b", r"explain your\b"),
        "reasons": (r"reasons?\b", r"why\b", r"justif", r"explain\b"),
        "naming": (
            r"names? that\b", r"a name\b", r"descriptive\b", r"readable\b", r"clean code\b",
            r"well[- ]structured\b",
        ),
        "checking": (r"check (?:the|your|against|it)\b", r"verify\b", r"double[- ]check\b"),
        "brevity": (
            r"brief", r"concise", r"terse\b", r"keep it short\b", r"as few words\b",
            r"at most (?:one|two|three|four|\d+) (?:short )?sentences?\b",
            r"no explanations?\b", r"only (?:the )?code\b",
        ),
        "loop_guard": (
            r"never (?:repeat|write the same)\b", r"(?:do not|don't) repeat\b", r"stop when\b",
            r"then stop\b", r"not written it already\b", r"everything once\b", r"say, stop\b",
            r"left to say, stop\b",
        ),
    }.items()
}  # fmt: skip

_NEGATED: Final = re.compile(
    r"\b(?:do not|don't|never|no need to|without|avoid|skip|leave out|not)\s+(?:\w+\s+){0,3}$",
    re.IGNORECASE,
)
_SPEAKS_OF_ITS_OWN_NO: Final = frozenset({"complete", "loop_guard", "brevity", "distinct_tests"})
"""Requests that are themselves made with a "no" or a "never"."""

# An order to say a given word, as probes of delivery make it.
_ORDER: Final = re.compile(
    r"\b(?i:begin|start|end|finish|reply|answer|respond|include|say|repeat)\b[^.\n]{0,80}?"
    r"(?:\b(?i:word|token|string|phrase|code)s?[ :]+[\"'`«“]?([A-Z][A-Z0-9_-]{3,40})\b"
    r"|[\"'`«“]([A-Z][A-Z0-9_-]{3,40})[\"'`»”])"
)
_ALONE: Final = re.compile(
    r"\bnothing (?:else|but)\b|\b(?:only|just) (?:with )?the word\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance:
    """What the system text asks for."""

    asks: Mapping[str, float]
    """1 for what it asks for, -1 for what it asks to leave out; the rest is not in it."""
    tokens: int
    """How long the system text is."""

    def wants(self, name: str) -> float:
        """1, -1 or, where nothing is said, 0."""
        return self.asks.get(name, 0.0)


NO_GUIDANCE: Final = Guidance(asks={}, tokens=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Perceived:
    """A request as it arrives behind the chat template."""

    system: str
    """The system text that arrives; empty when none does."""
    prompt: str
    """The last turn of the user."""
    turns: tuple[tuple[str, str], ...]
    """Role and text of every message that arrives."""

    @property
    def tokens(self) -> int:
        """Length of the whole prompt, estimated."""
        return sum(count_tokens(text) + 3 for _, text in self.turns)

    @property
    def address(self) -> str:
        """Equal for requests that the model cannot tell apart."""
        text = canonical_json([list(turn) for turn in self.turns])
        return hashlib.sha256(text.encode("ascii")).hexdigest()


def count_tokens(text: str) -> int:
    """Tokens of a text, estimated at four characters each."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def perceive(
    messages: Sequence[Mapping[str, Any]], *, hears_system: bool, context: int
) -> Perceived:
    """What arrives of the messages.

    A template that drops the system message lets none arrive. A context that is too small for the
    prompt loses its beginning, the system message first, as real servers do, without a word.

    Args:
        messages: role and content, as they are sent; content may be a list of text parts.
        hears_system: whether the chat template carries system messages.
        context: tokens of the context.
    """
    turns = [(str(each.get("role", "user")), _text(each.get("content"))) for each in messages]
    if not hears_system:
        turns = [turn for turn in turns if turn[0] not in {"system", "developer"}]
    while len(turns) > 1 and sum(count_tokens(text) + 3 for _, text in turns) > context:
        turns.pop(0)
    system = "\n\n".join(text for role, text in turns if role in {"system", "developer"})
    prompt = next((text for role, text in reversed(turns) if role == "user"), "")
    return Perceived(system=system, prompt=prompt, turns=tuple(turns))


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        parts = (part.get("text", "") for part in content if isinstance(part, Mapping))
        return "\n".join(str(part) for part in parts)
    return ""


def read_guidance(system: str) -> Guidance:
    """What a system text asks for, and how long it is."""
    if not system.strip():
        return NO_GUIDANCE
    asks: dict[str, float] = {}
    for name, pattern in _ASKS.items():
        found = [
            _sign(name, system[max(0, match.start() - 40) : match.start()])
            for match in pattern.finditer(system)
        ]
        if found:
            asks[name] = max(found)
    return Guidance(asks=asks, tokens=count_tokens(system))


def _sign(name: str, before: str) -> float:
    return -1.0 if name not in _SPEAKS_OF_ITS_OWN_NO and _NEGATED.search(before) else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A word that the system text orders the model to say."""

    word: str
    alone: bool
    """Whether nothing else is to be said."""


def read_order(system: str) -> Order | None:
    """The order to say a word in capitals, as probes of delivery give it; None without one."""
    match = _ORDER.search(system)
    if match is None:
        return None
    return Order(word=match[1] or match[2], alone=_ALONE.search(system) is not None)
