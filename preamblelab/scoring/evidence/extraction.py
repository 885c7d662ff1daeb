"""From an answer's text to one text of code: as it was written, and after repairs of its frame."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from preamblelab.domain.evidence import CodeLanguage
from preamblelab.scoring.checks_reading import Block, read_text

NO_FENCE: Final = "code without a fence"
SPECIAL_TOKEN: Final = "leaked special token"  # noqa: S105 - a token of a model's vocabulary

# <|im_end|>, <｜fim▁begin｜>, </s>, [INST], and what breakers leave behind.
_TOKENS: Final = re.compile(
    r"<[|｜][^<>\n]{1,40}[|｜]>|</?s>|<(?:start|end)_of_turn>|\[/?INST\]"
    r"|\[OUTPUT TRUNCATED[^\]\n]{0,80}\]"
)
_TESTS: Final = {
    "python": re.compile(r"^\s*(?:async\s+)?def\s+test|^class\s+Test", re.MULTILINE),
    "javascript": re.compile(r"\b(?:describe|it|test)(?:\.\w+)*\s*\("),
}
_OTHER_FENCE: Final = re.compile(r"^[ \t>]{0,12}(?:`{3,}|~{3,})", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """The code of an answer in both modes."""

    strict: str
    """As it was written; where there is no fence at all, the whole text."""
    repaired: str
    repairs: tuple[str, ...] = ()
    """What was repaired outside of the code itself."""


def extract(text: str, language: CodeLanguage, kind: Literal["tests", "code"]) -> Extraction:
    """The code of an answer.

    Of several blocks in the language (or, where no block names one, of those without a name),
    those with tests are taken where tests are asked for, and all blocks where there are none;
    where code is asked for, those without tests. They are put below each other in their order.

    Args:
        text: the answer as it was stored.
        language: what was asked for.
        kind: whether tests or code were asked for.
    """
    strict = _written(text, language, kind)
    clean = _TOKENS.sub("", text)
    repairs = [SPECIAL_TOKEN] if clean != text else []
    found = read_text(clean, language).blocks
    if found and not found[0].fenced and not _OTHER_FENCE.search(clean):
        if found[0].code.strip() != clean.strip():
            repairs.append(NO_FENCE)
        return Extraction(strict=strict, repaired=found[0].code, repairs=tuple(repairs))
    repaired = _written(clean, language, kind)
    return Extraction(strict=strict, repaired=repaired, repairs=tuple(repairs))


def _written(text: str, language: CodeLanguage, kind: Literal["tests", "code"]) -> str:
    blocks = read_text(text, language).blocks
    if not blocks:
        return "" if _OTHER_FENCE.search(text) else text
    if not blocks[0].fenced:
        return text
    return "\n".join(block.code for block in _chosen(blocks, language, kind))


def _chosen(
    blocks: tuple[Block, ...], language: CodeLanguage, kind: Literal["tests", "code"]
) -> list[Block]:
    with_tests = [block for block in blocks if _TESTS[language].search(block.code)]
    if kind == "tests":
        return with_tests or list(blocks)
    without = [block for block in blocks if block not in with_tests]
    return without or list(blocks)
