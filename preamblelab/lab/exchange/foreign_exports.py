"""Trials in the shapes that other tools read: samples for inspect_ai, tests for promptfoo.

inspect_ai's `json_dataset` reads one sample a line: what was asked, what is right where the task
says so, and the recorded answer as metadata. promptfoo gets pairs: the answers under the baseline
and under a variant to the same trial, which its `echo` provider gives back, so that its own
assertions or judges mark what was recorded without anything being asked again.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from preamblelab.domain.preambles import BASELINE

_KEPT: Final = (
    "experiment", "model", "variant", "repetition", "category", "response", "status", "score",
    "simulated",
)  # fmt: skip
_BLOCK_END: Final = re.compile(r"\{%(-?\s*endraw\s*-?)%\}")


def inspect_samples(
    rows: Iterable[Mapping[str, Any]], golden: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """A sample for each trial, as inspect_ai's `json_dataset` reads them.

    Args:
        rows: as an export of trials gives them.
        golden: the right answer by task, where the suite has one.
    """
    for row in rows:
        place = (row["task"], row["model"], row["variant"], str(row["repetition"]))
        yield {
            "id": "/".join(place),
            "input": messages(row),
            "target": golden.get(row["task"], ""),
            "metadata": {name: row[name] for name in _KEPT if row.get(name) is not None},
        }


def promptfoo_tests(rows: Iterable[Mapping[str, Any]], question: str) -> dict[str, Any]:
    """A configuration of promptfoo with a test for each pair of answers.

    Args:
        rows: as an export of trials gives them; those without an answer have no pair.
        question: what the experiment is to answer.

    Returns:
        `prompts`, `providers` and `tests`, to be written as JSON and run by `promptfoo eval -c`.
    """
    answers: dict[tuple[str, str, int], dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        if row.get("response"):
            place = (row["model"], row["task"], row["repetition"])
            answers.setdefault(place, {})[row["variant"]] = row
    tests = []
    for (model, task, repetition), arms in answers.items():
        baseline = next((arms[name] for name in arms if _is_baseline(arms, name)), None)
        for variant, row in arms.items():
            if baseline is None or row is baseline:
                continue
            tests.append(
                {
                    "description": f"{model} {variant} {task} {repetition}",
                    "vars": {
                        "question": literal(messages(row)[-1]["content"]),
                        "baseline": literal(baseline["response"]),
                        "variant": literal(row["response"]),
                    },
                    "metadata": {
                        "model": model,
                        "variant": variant,
                        "task": task,
                        "repetition": repetition,
                        "baseline_score": baseline.get("score"),
                        "variant_score": row.get("score"),
                    },
                }
            )
    return {
        "description": question,
        "prompts": [
            {"label": "baseline", "raw": "{{baseline}}"},
            {"label": "variant", "raw": "{{variant}}"},
        ],
        "providers": ["echo"],
        "tests": tests,
    }


def messages(row: Mapping[str, Any]) -> list[dict[str, str]]:
    """What was sent for a trial, as role and content."""
    told = row.get("messages")
    if told:
        return [{"role": str(m["role"]), "content": str(m["content"])} for m in told]
    system = [{"role": "system", "content": row["system"]}] if row.get("system") else []
    return [*system, {"role": "user", "content": str(row.get("prompt") or "")}]


def literal(text: str) -> str:
    """A text that promptfoo shows as it is: it would fill in templates and read `file://` names."""
    broken = _BLOCK_END.sub(r"{% endraw %}{{ '{%' }}\1{{ '%}' }}{% raw %}", text)
    return "{% raw %}" + broken + "{% endraw %}"


def _is_baseline(arms: Mapping[str, Mapping[str, Any]], name: str) -> bool:
    return name == (arms[name].get("baseline") or BASELINE)
