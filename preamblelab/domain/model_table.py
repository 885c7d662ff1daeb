"""Parameter counts of models whose names lie, state half, or state nothing.

Counts are billions of parameters as their makers publish them; design/sizes.md says which rows were
looked up and which are as remembered. What has no published count has no row, and stays unknown.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple


class Counts(NamedTuple):
    """Published parameter counts, in billions."""

    total_b: float
    active_b: float
    quantisation: str | None = None


# Line (a pattern for the name in its one way of writing), the size that its name states (None: it
# states none; 0: whatever it states, or none), all parameters, active ones where fewer. First wins.
_Row = tuple[str, float | None, float] | tuple[str, float | None, float, float]

_MIXTURES: Final[tuple[_Row, ...]] = (
    ("gpt-oss(-safeguard)?", 20, 20.9, 3.6),
    ("gpt-oss(-safeguard)?", 120, 116.8, 5.1),
    ("8x7b", 0, 46.7, 12.88),
    ("8x22b", 0, 140.6, 39.15),
    ("llama4.*16x17b", 0, 109, 17),
    ("llama4.*128x17b", 0, 400, 17),
    ("zephyr(-orpo)?", 141, 140.6, 39.15),
    ("llama4?.*-scout", 0, 109, 17),
    ("llama4?.*-maverick", 0, 400, 17),
    ("qwen3-coder", 480, 480, 35),
    ("qwen3-?(coder|vl|omni)?", 30, 30.5, 3.35),
    ("qwen3-?(vl)?", 235, 235, 22),
    ("qwen3-(coder-)?next", 0, 80, 3),
    (r"qwen3\.[56]", 35, 35, 3),
    (r"qwen3\.[56]", 122, 122, 10),
    (r"qwen3\.[56]", 397, 397, 17),
    (r"qwen1\.5-moe", 0, 14.3, 2.7),
    (r"qwen2", 57, 57.4, 14.2),
    ("olmoe", 0, 6.92, 1.28),
    ("deepseek-(coder-)?v2-lite", None, 15.7, 2.4),
    ("deepseek-(coder-)?v2", 16, 15.7, 2.4),
    (r"deepseek-(coder-)?v2(\.5)?", 236, 236, 21),
    ("deepseek-coder-v2", None, 236, 21),
    (r"deepseek-v2(\.5)?", None, 236, 21),
    ("deepseek-moe", 16, 16.4, 2.8),
    ("deepseek-ocr", 0, 3.3, 0.6),
    (r"(deepseek-((chat-)?v3(\.[12])?|r1)|cogito-?(v?2\.1)?|r1-1776)", 671, 671, 37),
    (r"(deepseek-((chat-)?v3(\.[12])?|r1)|r1-1776)(?!.*distill)", None, 671, 37),
    ("deepseek-v4.*flash", None, 284, 13),
    ("deepseek-v4.*pro", None, 1600, 49),
    (r"glm4\.[56]-?air|glm4\.[56]v(?!-flash)", None, 106, 12),
    (r"glm4\.7-flash", None, 31.2, 3),
    (r"glm4\.[567](?!-?(air|flash|x|v))", None, 355, 32),
    (r"glm5(?!-?(air|flash|x|v))", None, 744, 40),
    (r"kimi-k2(\.5)?", 0, 1000, 32),
    ("kimi-vl", 0, 16.4, 2.8),
    (r"moonlight", 0, 16, 3),
    (r"minimax-m2(\.[15])?", None, 230, 10),
    (r"minimax-(m1|text-?01)", None, 456, 45.9),
    (r"(ling|ring)-?(2\.\d)?-?1t", 1000, 1000, 50),
    ("(ling|ring)-flash", None, 100, 6.1),
    ("(ling|ring)-mini", None, 16, 1.4),
    ("(ling|ring)-lite", None, 16.8, 2.75),
    ("longcat-flash(?!-lite)", None, 560, 27),
    ("mimo-v2-flash", None, 309, 15),
    (r"step-?3\.5-flash", None, 196, 11),
    (r"step-?3", None, 321, 38),
    ("intern-?s1(?!-mini)", None, 241, 28),
    ("hunyuan.*large", None, 389, 52),
    ("hunyuan", 13, 80, 13),
    (r"ernie-?4\.5", 300, 300, 47),
    (r"ernie-?4\.5", 424, 424, 47),
    (r"(snowflake-)?arctic(?!-embed)", None, 480, 17),
    ("dbrx", None, 132, 36),
    ("grok-?1", None, 314, 86),
    (r"(ai21-)?jamba-?(1\.[567])?-large", None, 398, 94),
    (r"(ai21-)?jamba-?(1\.[567]|2)?-(mini|v0\.1|instruct)", None, 51.6, 12),
    (r"phi3\.5-moe", None, 41.9, 6.6),
    ("phi-mini-moe", None, 7.6, 2.4),
    ("phi-tiny-moe", None, 3.8, 1.1),
    ("grin-moe", None, 41.9, 6.6),
    (r"granite4(\.0)?-(h-)?tiny", None, 6.9, 1),
    (r"granite4(\.0)?-(h-)?small", None, 32.2, 9),
    (r"granite3(\.[0-3])?-moe", 1, 1.33, 0.43),
    (r"granite3(\.[0-3])?-moe", 3, 3.3, 0.88),
    (r"granite3(\.[0-3])?", 1, 1.33, 0.43),
    (r"granite3\.[01]", 3, 3.3, 0.88),
    ("nemotron-?3-nano", 30, 31.6, 3.6),
    ("nemotron-?3-super", 0, 120, 12),
    ("mistral-small-?4|mistral-small-2603", 0, 119, 6.5),
    ("mistral-large-?3|mistral-large-2512", 0, 675, 41),
    ("solar-open", 0, 102, 12),
    (r"lfm2(\.5)?", 8, 8.3, 1.5),
    (r"lfm2(\.5)?", 24, 24, 2.3),
    ("gemma4", 26, 25.2, 3.8),
)  # fmt: skip

_DENSE: Final[tuple[_Row, ...]] = (
    # names that understate or overstate
    ("codegemma|gemma|gemma1\\.1", 7, 8.54),
    ("codegemma|gemma|gemma1\\.1", 2, 2.51),
    ("gemma2|shieldgemma", 2, 2.61),
    ("recurrentgemma", 2, 2.68),
    ("recurrentgemma", 9, 9.63),
    ("paligemma2", 3, 3.03),
    ("paligemma", 3, 2.92),
    ("gemma3|medgemma|translategemma", 4, 4.3),
    (r"llama3\.2", 1, 1.24),
    (r"llama-guard3", 1, 1.5),
    (r"llama3\.2(-vision)?", 11, 10.67),
    (r"llama3\.2(-vision)?", 90, 88.6),
    ("deepseek-r1|deepcoder|deepscaler", 1.5, 1.78),
    ("deepseek-(vl2-)?tiny", None, 3.37, 1.0),
    ("command-r7b|command-r", 7, 8.03),
    ("aya(-expanse|-vision)?", 8, 8.03),
    (r"qwen(1\.5)?", 0.5, 0.62),
    (r"qwen2\.5-?omni", 7, 10.73),
    (r"qwen2\.5-?omni", 3, 5.54),
    (r"qwen2-?(vl|audio)", 7, 8.3),
    (r"qwen2\.5-?vl", 7, 8.29),
    (r"qwen2\.5-?vl", 3, 3.75),
    ("qwen3-?vl", 8, 8.77),
    ("qwen2-?vl", 2, 2.21),
    ("granite-?code", 3, 3.48),
    (r"granite3(\.[0-3])?(-dense)?", 2, 2.53),
    (r"granite(-vision)?-?3\.[1-3](-vision)?|granite-?vision.*", 2, 2.98),
    (r"granite4(\.0)?-h", 1, 1.46),
    (r"granite4(\.0)?", 1, 1.63),
    (r"granite4(\.0)?", 3, 3.4),
    (r"granite4(\.0)?-(h-)?micro", None, 3.3),
    ("falcon3", 1, 1.67),
    ("falcon3", 10, 10.31),
    ("olmo2", 1, 1.48),
    ("opencoder", 1.5, 1.91),
    ("stable-?code|stablelm(-zephyr|-base)?|rocket", 3, 2.8),
    ("starcoder2", 3, 3.03),
    ("smollm3", 3, 3.08),
    ("(mini)?orca-mini", 3, 3.43),
    ("smallthinker", 3, 3.4),
    ("ministral-?3", 3, 3.85),
    ("ministral-?3", 8, 8.92),
    ("codegeex4|glm4", 9, 9.4),
    (r"ernie-?4\.5", 0.3, 0.36),
    ("exaone4(\\.0)?", 1.2, 1.28),
    ("tinyllama|tinydolphin", 0, 1.1),
    ("llama-pro", 8, 8.36),
    ("moondream2?", 1.8, 1.87),
    ("mpt-1b", 0, 1.31),
    # names that round
    (r"llama3\.2", 3, 3.21),
    (r"(meta-)?llama3(\.1)?(-instruct|-nemotron-nano)?", 8, 8.03),
    (r"llama3(\.[13])?|tulu3|hermes3", 70, 70.55),
    (r"llama3\.1|hermes[34]", 405, 405.85),
    ("(code)?llama-?2?", 7, 6.74),
    ("(code)?llama-?2?", 13, 13.02),
    (r"mistral", 7, 7.25),
    (r"qwen2(\.5)?(-coder|-math)?|qwq", 1.5, 1.54),
    (r"qwen2\.5(-coder)?", 3, 3.09),
    (r"(qwen2(\.5)?(-coder|-math)?|deepseek-r1)", 7, 7.62),
    (r"(qwen2\.5(-coder)?|qwen3|deepseek-r1|deepcoder)", 14, 14.77),
    (r"(qwen2\.5(-coder)?|qwen3|qwq|deepseek-r1)", 32, 32.76),
    (r"qwen2(\.5)?(-math)?", 72, 72.7),
    ("qwen3", 0.6, 0.596),
    ("qwen3", 1.7, 1.72),
    ("qwen3", 4, 4.02),
    ("qwen3", 8, 8.19),
    ("gemma2", 9, 9.24),
    ("gemma3", 12, 12.19),
    ("gemma3", 27, 27.43),
    (r"granite3(\.\d)?(-dense)?", 8, 8.17),
    ("phi4", 14, 14.66),
    ("starcoder2", 15, 15.96),
    # names that state no size
    ("phi4-mini-?(flash-)?(reasoning|instruct)?", None, 3.84),
    ("phi4-multimodal", None, 5.57),
    ("phi4(?!-mini|-multi)", None, 14.66),
    (r"phi3(\.5)?-vision", None, 4.15),
    (r"phi3(\.5)?-mini", None, 3.82),
    ("phi3-small", None, 7.39),
    ("phi3-medium", None, 13.96),
    ("phi-?2", None, 2.78),
    (r"phi-?1(\.5)?", None, 1.42),
    ("dolphin-phi", None, 2.78),
    ("qwq|qvq-32b", None, 32.8),
    ("qvq-72b", None, 73.4),
    ("codestral-mamba", None, 7.29),
    ("codestral-(2405|22b)", None, 22.2),
    ("mistral-nemo|open-mistral-nemo", None, 12.25),
    ("mistral-large-2(407|411)", None, 122.6),
    ("mistral-small-24(09)", None, 22.2),
    ("mistral-small-(2501|2503|2506)|mistral-small3(\\.[12])?", None, 23.6),
    ("devstral-small|magistral-small", None, 23.6),
    ("pixtral-large", None, 124),
    (r"command-r(-plus|\+)", None, 103.8),
    ("command-r-08-2024", None, 32.3),
    (r"command-r(?!\+|-plus|7)", None, 35.0),
    ("command-a", None, 111),
    ("aya-?101", None, 12.9),
    ("tiny-aya", None, 3.35),
    ("solar-pro2", None, 31),
    ("falcon-?mamba", None, 7.27),
    ("gpt-j", None, 6.05),
    ("gpt-neox", None, 20.6),
    ("gpt-?2-?xl", None, 1.56),
    ("gpt-?2-?large", None, 0.774),
    ("gpt-?2-?medium", None, 0.355),
    ("(distil)gpt-?2", None, 0.082),
    ("(openai-community-)?gpt2", None, 0.124),
    ("(flan-)?t5-?xxl", None, 11.1),
    ("(flan-)?t5-?xl", None, 2.85),
    ("(flan-)?t5-?large", None, 0.78),
    ("(flan-)?t5-?base", None, 0.25),
    ("bloomz?", None, 176),
    ("moondream2", None, 1.93),
    ("goliath", None, 117.7),
    ("megadolphin", None, 120.2),
)  # fmt: skip

EFFECTIVE: Final[tuple[tuple[str, float, Counts], ...]] = (
    ("gemma3n", 2, Counts(5.0, 2.0)),
    ("gemma3n", 4, Counts(8.0, 4.0)),
    ("gemma4", 2, Counts(5.1, 2.3)),
    ("gemma4", 4, Counts(8.0, 4.5)),
)
"""Models named by their effective size: line, effective size, counts."""

NATIVE_QUANTISATION: Final = (("gpt-oss", "mxfp4"),)
"""Models published in a quantised form that their names do not state."""

DEFAULT_TAGS: Final[dict[str, str]] = {
    "alfred": "40b", "aya": "8b", "aya-expanse": "8b", "bakllava": "7b", "codegemma": "7b",
    "codellama": "7b", "codeqwen": "7b", "codestral": "22b", "codegeex4": "9b", "cogito": "8b",
    "command-r": "35b", "command-r-plus": "104b", "command-r7b": "7b", "command-a": "111b",
    "deepcoder": "14b", "deepscaler": "1.5b", "deepseek-coder": "1.3b",
    "deepseek-coder-v2": "16b", "deepseek-llm": "7b", "deepseek-r1": "8b", "deepseek-v2": "16b",
    "deepseek-v2.5": "236b", "deepseek-v3": "671b", "deepseek-v3.1": "671b", "devstral": "24b",
    "devstral-small2": "24b", "devstral2": "123b", "dolphin-llama3": "8b",
    "dolphin-mistral": "7b", "dolphin-mixtral": "8x7b", "dolphin3": "8b", "exaone-deep": "7.8b",
    "exaone3.5": "7.8b", "falcon": "7b", "falcon2": "11b", "falcon3": "7b", "gemma": "7b",
    "gemma2": "9b", "gemma3": "4b", "gemma3n": "e4b", "gemma4": "e4b", "glm4": "9b",
    "gpt-oss": "20b", "gpt-oss-safeguard": "20b", "granite-code": "3b", "granite3-dense": "2b",
    "granite3-moe": "1b", "granite3.1-dense": "8b", "granite3.1-moe": "1b",
    "granite3.2": "8b", "granite3.2-vision": "2b", "granite3.3": "8b", "granite4": "micro",
    "hermes3": "8b", "internlm2": "7b", "lfm2": "24b", "llama-guard3": "8b", "llama-pro": "8b",
    "llama2": "7b", "llama3": "8b", "llama3-chatqa": "8b", "llama3-gradient": "8b",
    "llama3-groq-tool-use": "8b", "llama3.1": "8b", "llama3.2": "3b", "llama3.2-vision": "11b",
    "llama3.3": "70b", "llama4": "16x17b", "llava": "7b", "llava-llama3": "8b",
    "magistral": "24b", "mathstral": "7b", "medgemma": "4b", "minicpm-v": "8b",
    "ministral3": "8b", "mistral": "7b", "mistral-large": "123b", "mistral-nemo": "12b",
    "mistral-openorca": "7b", "mistral-small": "24b", "mistral-small3.1": "24b",
    "mistral-small3.2": "24b", "mixtral": "8x7b", "moondream": "1.8b", "nemotron": "70b",
    "nemotron-mini": "4b", "nemotron3-nano": "30b", "neural-chat": "7b", "nous-hermes": "7b",
    "nous-hermes2": "10.7b", "nous-hermes2-mixtral": "8x7b", "olmo2": "7b", "olmo3": "7b",
    "opencoder": "8b", "openchat": "7b", "openhermes": "7b", "openthinker": "7b",
    "orca-mini": "3b", "orca2": "7b", "phi": "2.7b", "phi3": "3.8b", "phi3.5": "3.8b",
    "phi4": "14b", "phi4-mini": "3.8b", "phi4-mini-reasoning": "3.8b", "phi4-reasoning": "14b",
    "phind-codellama": "34b", "qwen": "4b", "qwen2": "7b", "qwen2-math": "7b", "qwen2.5": "7b",
    "qwen2.5-coder": "7b", "qwen2.5vl": "7b", "qwen3": "8b", "qwen3-coder": "30b",
    "qwen3-coder-next": "80b", "qwen3-next": "80b", "qwen3-vl": "8b", "qwen3.5": "9b",
    "qwq": "32b", "r1-1776": "70b", "reflection": "70b", "shieldgemma": "9b",
    "smallthinker": "3b", "smollm": "1.7b", "smollm2": "1.7b", "solar": "10.7b",
    "solar-pro": "22b", "stable-beluga": "7b", "stable-code": "3b", "stablelm-zephyr": "3b",
    "stablelm2": "1.6b", "starcoder": "3b", "starcoder2": "3b", "starling-lm": "7b",
    "tinydolphin": "1.1b", "tinyllama": "1.1b", "tulu3": "8b", "vicuna": "7b",
    "wizardcoder": "33b", "wizardlm2": "7b", "yi": "6b", "yi-coder": "9b", "zephyr": "7b",
}  # fmt: skip
"""The size that Ollama serves under a line's bare name (its tag `latest`, as of 2026)."""


@lru_cache(maxsize=256)
def _compiled(named_b: float | None) -> tuple[tuple[re.Pattern[str], Counts], ...]:
    """The rows of one stated size; to compile all of them would slow every command down."""
    return tuple(
        (line_pattern(line), Counts(total_b, active[0] if active else total_b))
        for line, named, total_b, *active in (*_MIXTURES, *_DENSE)
        if named == named_b
    )


def line_pattern(line: str) -> re.Pattern[str]:
    """A pattern that finds a line as a whole word, not within a longer version or name."""
    return re.compile(rf"(?<![a-z0-9])(?:{line})(?![a-z0-9]|\.\d)")


def counts_of(text: str, named_b: float | None) -> Counts | None:
    """Published counts of the model that a name tells, or None without a row for it.

    Args:
        text: The name in its one way of writing.
        named_b: The size that the name states, in billions; None when it states none or a
            product such as 8x7b.
    """
    for key in (named_b, 0):
        for pattern, counts in _compiled(key):
            if pattern.search(text):
                return counts
    return None
