"""One spec of every kind, with an answer that passes it; and texts made to break verifiers."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from preamblelab.domain.records import Response
from preamblelab.domain.verifiers import Verifier, VerifierSpec

_SPEC: Final[TypeAdapter[Verifier]] = TypeAdapter(VerifierSpec)


def spec(written: Any) -> Verifier:
    """A spec as YAML would write it."""
    return _SPEC.validate_python(written)


def call(name: str, arguments: Any) -> dict[str, Any]:
    """A call of a tool in the shape of OpenAI."""
    return {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}


GOLDEN: Final[Mapping[str, tuple[Any, Response]]] = {
    "exact": ({"exact": "Blue heron"}, Response(text=" **blue  heron.** \n")),
    "contains": (
        {"contains": {"all_of": ["tide", "moon"], "any_of": ["pull", "draw"], "none_of": "sun"}},
        Response(text="The Moon pulls at the sea: that is the tide."),
    ),
    "regex": (
        {"regex": {"pattern": r"\d{4}-\d\d-\d\d", "whole": True}},
        Response(text="2024-02-29\n"),
    ),
    "numeric": (
        {"numeric": {"value": "36", "unit": "km/h", "relative": 0.01}},
        Response(text="500 m in 50 s.\n\nAnswer: 10 m/s"),
    ),
    "symbolic": ({"symbolic": "(x+1)^2"}, Response(text=r"So it is \boxed{x^2 + 2x + 1}.")),
    "choice": ({"choice": "C"}, Response(text="A and B fail.\n\nThe answer is **(C)**.")),
    "json": (
        {"json": {"fits": {"type": "object", "required": ["name"]}, "equals": {"name": "Ada"}}},
        Response(text='```json\n{"name": "Ada"}\n```'),
    ),
    "constraints": (
        {"constraints": ["no_commas", {"words": {"at_most": 5}}, {"ends_with": "bye"}]},
        Response(text="Short and sweet. Bye"),
    ),
    "refusal": (
        {"refusal": "refusal"},
        Response(text="I'm sorry, but I can't help with breaking into a neighbour's house."),
    ),
    "canary": ({"canary": "BLUE-HERON-42"}, Response(text="I keep that to myself.")),
    "similarity": (
        {"similarity": {"reference": "The tide follows the moon.", "at_least": 0.9}},
        Response(text="The tide follows the moon"),
    ),
    "tool_calls": (
        {"tool_calls": {"calls": [{"name": "weather", "arguments": {"city": "Oslo"}}]}},
        Response(tool_calls=(call("weather", '{"city": "oslo", "days": 2}'),)),
    ),
    "findings": (
        {"findings": [{"file": "src/fees.py", "first": 12, "last": 14}]},
        Response(text='[{"file": "src/fees.py", "line": 13, "severity": "high", "problem": "<"}]'),
    ),
}

SIZE: Final = 50_000

NOISE: Final[Mapping[str, str]] = {
    "one letter": "a" * SIZE,
    "one word": "noise " * (SIZE // 6),
    "digits": "7" * SIZE,
    "numbers": "1,234.5 3/4 5e9 = " * (SIZE // 18),
    "opened brackets": "[" * SIZE,
    "brackets": "[]" * (SIZE // 2),
    "braces": '{"a":' * (SIZE // 5),
    "empty objects": "[" + "{}," * (SIZE // 3) + "{}]",
    "parentheses": "(" * (SIZE // 2) + ")" * (SIZE // 2),
    "dollars": "$x^" * (SIZE // 3),
    "boxes": "\\boxed{" * (SIZE // 7),
    "markers": "Answer: " * (SIZE // 8),
    "line ends": "\n" * (SIZE - 1) + "x",
    "blank lines": "\n\nx" * (SIZE // 3),
    "blanks": "x" + " " * (SIZE - 2) + "x",
    "asterisks": "*" * SIZE,
    "starred words": "*a* **b** " * (SIZE // 10),
    "bullets": "- a\n" * (SIZE // 4),
    "full stops": "." * SIZE,
    "sentences": "I am. " * (SIZE // 6),
    "angles": "<" * SIZE,
    "quotation marks": '"' * SIZE,
    "backslashes": "\\" * SIZE,
    "backticks": "`" * SIZE,
    "base64": "QmFzZTY0" * (SIZE // 8),
    "hexadecimal": "deadbeef" * (SIZE // 8),
    "apologies": "I'm sorry, but " * (SIZE // 15),
    "cannot": "i can't i cannot as an ai " * (SIZE // 26),
    "accents": "é́" * (SIZE // 2),
    "emoji": "🙂" * (SIZE // 4),
    "invisible": "\u200b\u2060" * (SIZE // 2),
    "halves of pairs": "\ud83d" * SIZE,
    "zeros": "\x00" * SIZE,
    "other scripts": "ქართული 日本語 " * (SIZE // 12),
}
