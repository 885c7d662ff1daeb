"""IFEval: our verdicts against those recorded for 9 models, instruction by instruction.

Where they differ (23 of 7,469 strict, 29 loose): 13 and 15 are sentence counts within a few of the
bound (IFEval's tokenizer takes "1." of a list for a sentence, ours does not); 7 and 7 ask for the
"letter" `#` or `!`, for which IFEval draws a letter at random; the rest is its unseeded language
detection and two tokens that its tokenizer takes for words in capital letters.
"""

import gzip
import json
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from preamblelab.domain.records import Response
from preamblelab.scoring.verifiers.catalogue import verify_one
from preamblelab.scoring.verifiers.constraints import judge
from tests.scoring.verifiers.answers import spec
from tests.scoring.verifiers.ifeval import constraints_of

MODES = ("strict", "loose")


def rows(file: Path) -> list[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@lru_cache(maxsize=2)
def compared(folder: Path, every: int) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Instructions compared, and those on which the verdicts differ, by mode and instruction."""
    prompts = {each["idx"]: each for each in rows(folder / "ifeval_prompts.jsonl.gz")}
    seen: Counter[tuple[str, str]] = Counter()
    different: Counter[tuple[str, str]] = Counter()
    for row in rows(folder / "ifeval_responses.jsonl.gz")[::every]:
        if row["response"] is None:
            continue
        prompt = prompts[row["idx"]]
        asked = zip(prompt["instruction_id_list"], prompt["kwargs"], strict=True)
        for place, (instruction, given) in enumerate(asked):
            known = {name: value for name, value in given.items() if value is not None}
            verdicts = [judge(each, row["response"]) for each in constraints_of(instruction, known)]
            for mode in MODES:
                ours = all(getattr(verdict, mode) for verdict in verdicts)
                seen[mode, instruction] += 1
                different[mode, instruction] += ours != row[mode][place]
    return seen, different


def agreement(folder: Path, mode: str, every: int) -> float:
    """The share of instructions with equal verdicts."""
    seen, different = compared(folder, every)
    total = sum(count for (each, _), count in seen.items() if each == mode)
    assert total * every > 7_000
    return 1 - sum(count for (each, _), count in different.items() if each == mode) / total


@pytest.mark.whole
@pytest.mark.parametrize("mode", MODES)
def test_verdicts_agree_with_the_recorded_ones_of_every_fifth_answer(shared_data: Path, mode: str):
    assert agreement(shared_data, mode, 5) >= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_verdicts_agree_with_the_recorded_ones(shared_data: Path, mode: str):
    assert agreement(shared_data, mode, 1) >= 0.995


@pytest.mark.slow
def test_every_instruction_agrees_for_itself(shared_data: Path):
    """One instruction read wrongly could hide in the mean: the worst is the count of sentences."""
    seen, different = compared(shared_data, 1)
    assert len({instruction for _, instruction in seen}) == 25
    for key, count in seen.items():
        bar = 0.95 if "number_sentences" in key[1] else 0.97
        assert 1 - different[key] / count >= bar, key


def test_responses_that_were_never_recorded_are_missing_with_a_reason(shared_data: Path):
    nothing = [
        row for row in rows(shared_data / "ifeval_responses.jsonl.gz") if row["response"] is None
    ]
    assert len(nothing) > 20
    response = Response(status="failed", reason="unknown: no response was recorded")
    found = verify_one(spec({"constraints": ["no_commas"]}), response)
    assert found.share is None
    assert "no response was recorded" in found.reason
