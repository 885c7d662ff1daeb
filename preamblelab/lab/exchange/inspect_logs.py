"""Logs of inspect_ai as rows of our own shape, read without inspect_ai.

inspect_ai cannot live in one environment with litellm, so that its logs are read by their format:
`.eval` is a zip file with `header.json` and a member for each sample and epoch, `.json` is one
document. What a verdict needs is taken: messages, answer, scores, tokens, time. A log is one arm:
which one, its metadata or arguments say (`variant`, `preamble`), else its system message.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from preamblelab.domain.base import text_digest
from preamblelab.domain.preambles import BASELINE
from preamblelab.errors import SpecError
from preamblelab.lab.exchange.foreign_scores import dimension, points, rating, share_of
from preamblelab.lab.exchange.packed import Packed
from preamblelab.lab.exchange.row_values import mended_name

HEADER: Final = "header.json"
_ARMS: Final = ("variant", "preamble", "arm")
_ATTACHED: Final = "attachment://"
_OUTCOMES: Final[Mapping[str, str]] = {
    "max_tokens": "truncated",
    "model_length": "truncated",
    "content_filter": "refused",
}


def is_inspect_log(head: bytes) -> bool:
    """Whether a file is such a log, by its first bytes."""
    if head.startswith(b"PK"):
        # Its first member says it even where the list of members, at the end, is damaged.
        return b"_journal/" in head[:64] or b"header.json" in head[:64] or b"samples/" in head[:64]
    text = head.decode("utf-8", "replace")
    return text.lstrip().startswith("{") and '"eval"' in text and '"eval_id"' in text


def inspect_rows(path: Path, best: Mapping[str, float]) -> list[tuple[int, dict[str, Any]]]:
    """The samples of a log, in the shape of `trial_rows`; numbered in the place of lines.

    Args:
        path: an `.eval` or `.json` log.
        best: the best value of a scorer, by its name, where it gives no shares.

    Raises:
        SpecError: the log cannot be read, was written without samples, or holds a score that is
            no share.
    """
    shown = str(path)
    header, samples = _packed(path) if _is_zip(path) else _document(path)
    run = header.get("eval")
    if not isinstance(run, dict) or not isinstance(run.get("model"), str):
        raise SpecError(f"{shown}: no log of inspect_ai: it says neither what was run nor on what")
    rows = [
        (number, _row(sample, run, f"{shown}: sample {number}", best))
        for number, sample in enumerate(samples, 1)
    ]
    if not rows:
        raise SpecError(f"{shown}: the log holds no samples; log them (log_samples) and run again")
    return rows


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _packed(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    packed = Packed(path)
    try:
        names = [name for name in packed.names() if name.startswith("samples/")]
        header = _object(packed.read(HEADER), f"{path}: {HEADER}")
        return header, [_object(packed.read(name), f"{path}: {name}") for name in names]
    finally:
        packed.close()


def _document(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    log = _object(path.read_bytes(), str(path))
    samples = log.get("samples") or []
    return log, [sample for sample in samples if isinstance(sample, dict)]


def _object(content: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{where}: no JSON: {error}") from None
    if not isinstance(value, dict):
        raise SpecError(f"{where}: not an object")
    return value


def _row(
    sample: Mapping[str, Any], run: Mapping[str, Any], where: str, best: Mapping[str, float]
) -> dict[str, Any]:
    attached = sample.get("attachments") or {}
    asked = list(_asked(sample, attached))
    system = "\n\n".join(text for role, text in asked if role == "system")
    output = sample.get("output") or {}
    row = {
        "experiment": mended_name(str(run.get("task") or "inspect")),
        "model": run["model"],
        "simulated": str(run["model"]).startswith("mockllm/"),
        "variant": _arm(run, system),
        "task": mended_name(str(sample.get("id", ""))),
        "category": _category(sample),
        "repetition": sample.get("epoch", 1),
        "messages": [{"role": role, "content": text} for role, text in asked],
        "settings": _settings(run),
        "response": _restored(str(output.get("completion") or ""), attached),
        **_outcome(sample, output),
        **_counts(sample, output),
        "route": "imported/inspect",
        "rubric": "imported",
        **_scores(sample, where, best),
    }
    return {name: value for name, value in row.items() if value is not None}


def _asked(sample: Mapping[str, Any], attached: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Role and text of the messages that were sent: all before the first answer."""
    for message in sample.get("messages") or _inputs(sample):
        if message.get("role") == "assistant" and message.get("source") == "generate":
            return
        yield str(message.get("role")), _restored(_text(message.get("content")), attached)


def _inputs(sample: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The sample's input as messages, where a broken sample has none."""
    given = sample.get("input")
    return given if isinstance(given, list) else [{"role": "user", "content": str(given)}]


def _text(content: Any) -> str:
    """The text of a message; pieces that are no text are named by their kind."""
    if isinstance(content, str):
        return content
    pieces = content if isinstance(content, list) else []
    return "\n".join(
        str(piece.get("text", f"[{piece.get('type', 'unknown')}]"))
        for piece in pieces
        if isinstance(piece, dict)
    )


def _restored(text: str, attached: Mapping[str, str]) -> str:
    """A text whose long parts the log keeps apart."""
    if not text.startswith(_ATTACHED):
        return text
    return str(attached.get(text.removeprefix(_ATTACHED), text))


def _arm(run: Mapping[str, Any], system: str) -> str:
    for source in ("metadata", "task_args"):
        told = run.get(source) or {}
        for name in _ARMS:
            if isinstance(told.get(name), str) and told[name].strip():
                return mended_name(told[name])
    return f"system-{text_digest(system)[3:9]}" if system else BASELINE


def _category(sample: Mapping[str, Any]) -> str | None:
    told = (sample.get("metadata") or {}).get("category")
    return mended_name(told) if isinstance(told, str) and told.strip() else None


def _settings(run: Mapping[str, Any]) -> dict[str, Any] | None:
    told = run.get("model_generate_config") or {}
    kept = {
        name: value for name, value in told.items() if isinstance(value, int | float | str | bool)
    }
    return kept or None


def _outcome(sample: Mapping[str, Any], output: Mapping[str, Any]) -> dict[str, Any]:
    error = sample.get("error")
    if isinstance(error, dict):
        return {"status": "failed", "reason": f"unknown: {str(error.get('message', ''))[:500]}"}
    choices = output.get("choices") or [{}]
    finish = choices[0].get("stop_reason")
    return {"status": _OUTCOMES.get(str(finish)), "finish": finish}


def _counts(sample: Mapping[str, Any], output: Mapping[str, Any]) -> dict[str, Any]:
    usage = output.get("usage") or {}
    seconds = sample.get("working_time") or sample.get("total_time")
    return {
        "prompt_tokens": usage.get("input_tokens"),
        "completion_tokens": usage.get("output_tokens"),
        "usd": usage.get("total_cost"),
        "seconds": seconds if isinstance(seconds, int | float) and seconds >= 0 else None,
    }


def _scores(sample: Mapping[str, Any], where: str, best: Mapping[str, float]) -> dict[str, Any]:
    """Points of every scorer; one that gives several values is several."""
    shares: dict[str, float | None] = {}
    words: dict[str, str] = {}
    for scorer, score in (sample.get("scores") or {}).items():
        told = score if isinstance(score, dict) else {}
        value = told.get("value")
        for name, each in _values(scorer, value).items():
            shares[name] = share_of(each, best.get(name), f"{where}: scorer '{name}'")
            words[name] = str(told.get("explanation") or "")
    fields = points(shares)
    if fields:
        fields["ratings"] = [
            rating(name, share, fields["maxima"][dimension(name)], [words[name][:2000]])
            for name, share in shares.items()
        ]
    return fields


def _values(scorer: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {f"{scorer}.{name}": each for name, each in value.items()}
    return {scorer: value}
