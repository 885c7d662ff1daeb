"""Result files of promptfoo as rows of our own shape.

A prompt is an arm and a provider a model. promptfoo numbers repeated tests anew: equal tests of one
arm and model are repetitions. What it counts as an error is missing here, not a zero.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from preamblelab.domain.base import content_digest, text_digest
from preamblelab.domain.preambles import BASELINE
from preamblelab.errors import SpecError
from preamblelab.lab.exchange.foreign_scores import dimension, rating, share_of
from preamblelab.lab.exchange.row_values import mended_name

ERROR: Final = 2
"""`failureReason` of a call that failed; 1 is an assertion that did not hold."""
_LONGEST_LABEL: Final = 60
_ALL: Final = "assertions"
"""The one dimension where not every assertion has a metric."""


def is_promptfoo_file(head: bytes) -> bool:
    """Whether a file is one of its results, by its first bytes."""
    text = head.decode("utf-8", "replace").lstrip()
    return text.startswith("{") and '"results"' in text and '"evalId"' in text


def promptfoo_rows(path: Path, best: Mapping[str, float]) -> list[tuple[int, dict[str, Any]]]:
    """The results of a file, in the shape of `trial_rows`; numbered in the place of lines.

    Args:
        path: what `promptfoo eval -o FILE.json` wrote.
        best: the best value of a metric, by its name, where it gives no shares.

    Raises:
        SpecError: the file cannot be read, holds no results, or a score that is no share.
    """
    document = _read(path)
    results = (document.get("results") or {}).get("results")
    if not isinstance(results, list) or not results:
        raise SpecError(f"{path}: holds no results; run promptfoo eval again with -o {path.name}")
    name = (document.get("config") or {}).get("description") or "promptfoo"
    seen: defaultdict[str, int] = defaultdict(int)
    tests: dict[str, str] = {}
    rows = []
    for number, result in enumerate(results, 1):
        where = f"{path}: result {number}"
        if not isinstance(result, dict):
            raise SpecError(f"{where}: not an object")
        row = _row(result, tests, where, best)
        seen[content_digest([row["model"], row["variant"], row["task"]])] += 1
        row["repetition"] = seen[content_digest([row["model"], row["variant"], row["task"]])]
        row["experiment"] = mended_name(str(name)[:_LONGEST_LABEL])
        rows.append((number, {key: value for key, value in row.items() if value is not None}))
    return rows


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise SpecError(f"{path}: cannot be read: {error}") from None
    return document if isinstance(document, dict) else {}


def _row(
    result: Mapping[str, Any], tests: dict[str, str], where: str, best: Mapping[str, float]
) -> dict[str, Any]:
    provider, prompt = _mapping(result.get("provider")), _mapping(result.get("prompt"))
    response = _mapping(result.get("response"))
    messages = _messages(str(prompt.get("raw") or ""))
    usage = _mapping(response.get("tokenUsage") or result.get("tokenUsage"))
    milliseconds = result.get("latencyMs")
    failed = result.get("failureReason") == ERROR
    output = response.get("output")
    return {
        "model": str(provider.get("label") or provider.get("id") or "unknown"),
        "variant": _arm(str(prompt.get("label") or ""), messages),
        "task": _task(_mapping(result.get("testCase")), result, tests),
        "messages": messages,
        "response": output if isinstance(output, str) else json.dumps(output) if output else "",
        "status": "failed" if failed else None,
        "reason": f"unknown: {str(result.get('error') or '')[:500]}" if failed else None,
        "finish": response.get("finishReason"),
        "prompt_tokens": usage.get("prompt"),
        "completion_tokens": usage.get("completion"),
        "usd": result.get("cost") or None,
        "seconds": milliseconds / 1000 if isinstance(milliseconds, int | float) else None,
        "route": "imported/promptfoo",
        "rubric": "imported",
        **({} if failed else _scores(result, where, best)),
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _messages(raw: str) -> list[dict[str, str]]:
    """The messages of a prompt: a chat in JSON or YAML, else one of the user."""
    value: Any = None
    try:
        if raw.lstrip().startswith("["):
            value = json.loads(raw)
        elif raw.lstrip().startswith("- role:"):
            value = yaml.safe_load(raw)
    except (ValueError, yaml.YAMLError, RecursionError):
        value = None
    chat = isinstance(value, list) and all(
        isinstance(turn, dict) and {"role", "content"} <= turn.keys() for turn in value
    )
    if not chat:
        return [{"role": "user", "content": raw}]
    return [{"role": str(turn["role"]), "content": _text(turn["content"])} for turn in value]


def _text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content)


def _arm(label: str, messages: list[dict[str, str]]) -> str:
    """The prompt's label; promptfoo takes its whole text where a user gave none."""
    if label and len(label) <= _LONGEST_LABEL and "\n" not in label and "{" not in label:
        return mended_name(label)
    system = "\n\n".join(turn["content"] for turn in messages if turn["role"] == "system")
    return f"system-{text_digest(system)[3:9]}" if system else BASELINE


def _task(test: Mapping[str, Any], result: Mapping[str, Any], tests: dict[str, str]) -> str:
    """The test's description, else its number among different tests."""
    variables = result.get("vars") or test.get("vars") or {}
    described = str(test.get("description") or "")
    key = content_digest([described, json.dumps(variables, sort_keys=True, default=str)])
    if key not in tests:
        name = mended_name(described[:_LONGEST_LABEL]) if described else f"test-{len(tests) + 1}"
        taken = name in tests.values()
        tests[key] = f"{name}-{len(tests) + 1}" if taken else name
    return tests[key]


def _scores(result: Mapping[str, Any], where: str, best: Mapping[str, float]) -> dict[str, Any]:
    """Points by metric, weighed as promptfoo weighs; of all assertions together without metrics."""
    graded = _mapping(result.get("gradingResult"))
    components = [each for each in graded.get("componentResults") or [] if isinstance(each, dict)]
    asserted = [_mapping(each.get("assertion")) for each in components]
    if not components or not all(isinstance(each.get("metric"), str) for each in asserted):
        share = share_of(result.get("score"), best.get(_ALL), f"{where}: score")
        told = rating("promptfoo", share, 100.0, [str(graded.get("reason") or "")[:2000]])
        return {
            "scores": {_ALL: told["points"]},
            "maxima": {_ALL: 100.0},
            "ratings": [{**told, "dimension": _ALL}],
        }
    shares: dict[str, list[tuple[float, float | None, str]]] = {}
    for each, assertion in zip(components, asserted, strict=True):
        metric = str(assertion["metric"])
        weight = assertion.get("weight", 1)
        share = share_of(each.get("score"), best.get(metric), f"{where}: metric '{metric}'")
        weighed = float(weight) if isinstance(weight, int | float) and weight > 0 else 0.0
        shares.setdefault(metric, []).append((weighed, share, str(each.get("reason") or "")))
    total = sum(weight for each in shares.values() for weight, _, _ in each)
    if not total:
        return {}
    fields: dict[str, Any] = {"scores": {}, "maxima": {}, "ratings": []}
    for metric, found in shares.items():
        weight = sum(each for each, _, _ in found)
        if not weight:
            continue  # an assertion of weight 0 informs and does not score
        known = [share * each for each, share, _ in found if share is not None]
        mean = sum(known) / weight if len(known) == len(found) else None
        most = 100 * weight / total
        told = rating(f"promptfoo/{metric}", mean, most, [why[:500] for _, _, why in found])
        told["dimension"] = dimension(metric)
        fields["scores"][dimension(metric)] = told["points"]
        fields["maxima"][dimension(metric)] = most
        fields["ratings"].append(told)
    return fields
