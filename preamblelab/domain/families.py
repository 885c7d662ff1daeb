"""Whose model it is: families by the brand in a name, the brand before the architecture."""

import re
from functools import cache
from typing import Final

# Brands first: a DeepSeek distill of Qwen is DeepSeek's, a Hermes made from Llama is Hermes.
# A word is looked for where no letter stands before it; a trailing $ also forbids one after it.
_FAMILIES: Final[tuple[tuple[str, str], ...]] = (
    ("gpt-oss", r"gpt-?oss"),
    ("hermes", r"(?:open|nous|deep)?-?hermes"),
    ("dolphin", r"(?:mega|tiny)?dolphin"),
    ("deepcoder", r"deepcoder"),
    ("deepscaler", r"deepscaler"),
    ("openthinker", r"openthinker"),
    ("nemotron", r"nemotron|minitron"),
    ("tulu", r"tulu"),
    ("wizardlm", r"wizard"),
    ("vicuna", r"vicuna"),
    ("zephyr", r"zephyr"),
    ("openchat", r"openchat"),
    ("starling", r"starling"),
    ("orca", r"orca"),
    ("cogito", r"cogito"),
    ("solar", r"solar"),
    ("sonar", r"sonar"),
    ("marco", r"marco-o"),
    ("mimo", r"mimo"),
    ("minicpm", r"minicpm"),
    ("r1-1776", r"r1-1776"),
    ("deepseek", r"deepseek"),
    ("smollm", r"smollm|smolvlm"),
    ("stablelm", r"stable-?lm|stable-?code|stable-?beluga"),
    ("starcoder", r"starcoder"),
    ("granite", r"granite"),
    ("olmo", r"olmo|molmo"),
    ("exaone", r"exaone"),
    ("internlm", r"intern-?(?:lm|vl|s\d)"),
    ("glm", r"(?:chat|code)?-?glm|codegeex"),
    ("kimi", r"kimi|moonlight|moonshot"),
    ("minimax", r"minimax"),
    ("ernie", r"ernie"),
    ("hunyuan", r"hunyuan"),
    ("jamba", r"(?:ai21-)?jamba"),
    ("dbrx", r"dbrx"),
    ("falcon", r"falcon"),
    ("aya", r"(?:tiny-)?aya$"),
    ("command", r"(?:c4ai-)?command"),
    ("longcat", r"longcat"),
    ("ling", r"(?:ling|ring)-(?:\d|lite|mini|flash|plus|max|coder)"),
    ("step", r"step-?\d(?!\d)"),
    ("lfm", r"lfm"),
    ("reka", r"reka"),
    ("rwkv", r"rwkv"),
    ("arctic", r"(?:snowflake-)?arctic"),
    ("skywork", r"skywork"),
    ("baichuan", r"baichuan"),
    ("llava", r"llava|bakllava"),
    ("moondream", r"moondream"),
    (
        "mistral",
        r"(?:mistral|mixtral|ministral|codestral|devstral|magistral|mathstral|pixtral|voxtral)",
    ),
    ("qwen", r"(?:code)?qwen|qwq|qvq"),
    ("gemma", r"(?:code|med|pali|recurrent|shield|translate|function|embedding)?-?gemma"),
    ("phi", r"phi-?\d|phi$"),
    ("llama", r"(?:code|tiny|open|meta|perf|yarn)?-?llama"),
    ("yi", r"yi$|yi-?\d"),
    ("opt", r"opt$"),
    ("pythia", r"pythia"),
    ("bloom", r"bloomz?"),
    ("mpt", r"mpt$"),
    ("t5", r"(?:flan-)?t5"),
    ("claude", r"claude"),
    ("gemini", r"gemini"),
    ("grok", r"grok"),
    ("nova", r"nova$"),
    ("titan", r"titan$"),
    ("palm", r"(?:text|chat|code|codechat)-?(?:bison|unicorn)|palm$"),
    ("gpt", r"(?:chat)?gpt(?!q)|(?:text-)?(?:davinci|babbage|curie|ada)$|o[1-9]$"),
)


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    def compiled(pattern: str) -> re.Pattern[str]:
        either = pattern.replace("$", r"(?![a-z])")
        return re.compile(rf"(?<![a-z])(?:{either})")

    return tuple((family, compiled(pattern)) for family, pattern in _FAMILIES)


def family_of(text: str, path: str = "") -> str | None:
    """The family that a name tells; None when it tells none.

    Args:
        text: The name in lower case, without its provider.
        path: Organisations before the name, asked only when the name tells nothing.
    """
    for place in (text, path):
        for family, pattern in _patterns():
            if pattern.search(place):
                return family
    return None
