"""Runs that another benchmark recorded, turned into rows of our own shape."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from preamblelab.errors import SpecError
from preamblelab.lab.exchange.imported_plan import PROVIDER
from preamblelab.lab.exchange.row_values import mended_name

MARKS: Final = frozenset(
    {"run", "model", "preamble", "system_prompt_sha256", "response", "scores", "score_max"}
)
"""Fields by which such a record is recognised."""
READ: Final = MARKS | {
    "id", "size_b", "preamble_version", "prompt_sha256", "duration_ms", "tokens_in_est",
    "tokens_out_est", "breaker_recorded", "breaker_reason", "response_truncated_by_breaker",
    "feedback", "total",
}  # fmt: skip
SCORER: Final = "imported/judge"
"""Who gave the recorded points: a judge that this project never asked."""
BY_DIGEST: Final = "imported-by-digest"
"""Stands before a model's name where only the digests of system texts are known."""
TASK: Final = "recorded-task"
BASELINE_WORD: Final = "baseline"
"""An arm whose name begins so is its run's baseline."""

_PROMPTS_SUFFIX: Final = "_prompts.json"
_MAX_PROMPTS: Final = 10_000_000


class Prompts:
    """Prompts by their sha256; where one is not known, a text that carries the digest."""

    def __init__(self, task: str | None, systems: Mapping[str, str]) -> None:
        """Keep the task's prompt and the system texts.

        Args:
            task: what the models were asked; None when it is not known.
            systems: system texts by sha256.
        """
        self.task = task
        self._systems = systems

    def known(self, digest: str) -> str | None:
        """The system text, if it is known."""
        return self._systems.get(digest)

    def system(self, digest: str) -> str:
        """The system text; different unknown texts stay different."""
        return self._systems.get(
            digest, f"[system text not in the imported record; sha256 {digest}]"
        )

    def user(self, digest: str) -> str:
        """The task's prompt."""
        return self.task or f"[task prompt not in the imported record; sha256 {digest}]"


def is_recorded(fields: Mapping[str, Any]) -> bool:
    """Whether a row is one of a recorded run."""
    return fields.keys() >= MARKS


def read_prompts(path: Path) -> Prompts:
    """The prompts that lie beside a file of recorded runs: `X_prompts.json` beside `X_runs...`.

    Raises:
        SpecError: the file is there and cannot be read.
    """
    beside = path.with_name(re.sub(r"(_runs)?(\.[a-z0-9]+)+$", "", path.name) + _PROMPTS_SUFFIX)
    if not beside.is_file() or beside == path:
        return Prompts(None, {})
    try:
        if beside.stat().st_size > _MAX_PROMPTS:
            raise SpecError(f"{beside}: larger than {_MAX_PROMPTS:,} bytes; move it away")
        found = json.loads(beside.read_text(encoding="utf-8"))
        task = found.get("prompt")
        systems = {str(each["sha256"]): str(each["text"]) for each in found["preambles"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SpecError(
            f"{beside}: not a file of prompts ({error!r}); mend it, or move it away"
        ) from None
    return Prompts(task if isinstance(task, str) else None, systems)


def recorded_rows(
    rows: Sequence[tuple[int, Mapping[str, Any]]], shown: str, prompts: Prompts
) -> list[tuple[int, dict[str, Any]]]:
    """The rows in the shape of `trial_rows`, one experiment for each run.

    Raises:
        SpecError: a field is missing or of another kind; the message names line and field.
    """
    for line, fields in rows:
        _check(fields, f"{shown}:{line}")
    runs: dict[object, dict[str, str]] = {}
    for _, fields in rows:
        arms = runs.setdefault(fields["run"], {})
        arms.setdefault(fields["preamble"], fields["system_prompt_sha256"])
    return [(line, _row(fields, runs[fields["run"]], prompts)) for line, fields in rows]


def baseline_of(arms: Sequence[str]) -> str:
    """The arm of a run that the others are compared with.

    One whose name begins with `baseline`; in a run without one, the first that was recorded.
    """
    named = [arm for arm in arms if arm.startswith(BASELINE_WORD)]
    return (named or list(arms))[0]


def _check(fields: Mapping[str, Any], where: str) -> None:
    kinds: dict[str, Callable[[Any], bool]] = {
        "run": lambda value: isinstance(value, int | str) and not isinstance(value, bool),
        "scores": lambda value: isinstance(value, dict),
        "score_max": lambda value: isinstance(value, dict),
        **dict.fromkeys(
            ("model", "preamble", "system_prompt_sha256", "response"),
            lambda value: isinstance(value, str),
        ),
    }
    for name, fits in kinds.items():
        if name not in fields or not fits(fields[name]):
            raise SpecError(
                f"{where}: {name}: missing, or not of the kind that recorded runs have; "
                "take the file as it was recorded"
            )
    total = fields.get("total")
    points = list(fields["scores"].values())
    known = all(isinstance(each, int | float) for each in points)
    if isinstance(total, int | float) and known and abs(sum(points) - total) > 1e-6:
        raise SpecError(
            f"{where}: total: {total:g}, and the scores add up to {sum(points):g}; mend one"
        )


def _row(fields: Mapping[str, Any], arms: Mapping[str, str], prompts: Prompts) -> dict[str, Any]:
    baseline = baseline_of(list(arms))
    milliseconds = fields.get("duration_ms")
    cut = bool(fields.get("response_truncated_by_breaker"))
    flags = ["breaker_recorded"] * bool(fields.get("breaker_recorded"))
    flags += ["response_truncated_by_breaker"] * cut
    row = {
        "experiment": _experiment(fields),
        "question": _question(fields, baseline, prompts.known(arms[baseline])),
        "model": fields["model"],
        "model_id": f"{_provider(arms, prompts)}/{fields['model']}",
        "parameters": fields.get("size_b"),
        "variant": fields["preamble"],
        "baseline": baseline,
        "version": fields.get("preamble_version"),
        "task": TASK,
        "system": prompts.system(fields["system_prompt_sha256"]),
        "prompt": prompts.user(str(fields.get("prompt_sha256") or "unknown")),
        "response": fields["response"],
        # The record cut the text after it was complete; our own breaker decides about a loop.
        "status": "truncated" if cut else None,
        "reason": _recorded_reason(fields) if cut else None,
        "flags": flags,
        "seconds": milliseconds / 1000 if isinstance(milliseconds, int | float) else None,
        "prompt_tokens": fields.get("tokens_in_est"),
        "completion_tokens": fields.get("tokens_out_est"),
        "estimated": True,
        "rubric": "recorded",
        "scores": fields["scores"],
        "maxima": fields["score_max"],
        "ratings": _ratings(fields),
    }
    return {name: value for name, value in row.items() if value is not None}


def _provider(arms: Mapping[str, str], prompts: Prompts) -> str:
    """Where the texts are known, and where only their digests are, answers lie apart.

    The same file, imported with its prompts beside it and without them, would otherwise look like
    the same answers under two system texts, which is how an undelivered preamble looks.
    """
    known = all(prompts.known(digest) is not None for digest in arms.values())
    return PROVIDER if known else BY_DIGEST


def _experiment(fields: Mapping[str, Any]) -> str:
    """`mimir-1` from the id `mimir-r1-...`; `run-1` where ids say nothing."""
    source = re.match(r"(.+?)-r\d", str(fields.get("id") or ""))
    return mended_name(f"{source[1] if source else 'run'}-{fields['run']}")


def _question(fields: Mapping[str, Any], baseline: str, text: str | None) -> str:
    length = f" ({len(text):,} characters)" if text is not None else ""
    return (
        f"Recorded run {fields['run']}, marked by the record's own judge: what does a preamble add "
        f"to '{baseline}'? That baseline is a system text of its own{length}, not none."
    )


def _recorded_reason(fields: Mapping[str, Any]) -> str:
    told = fields.get("breaker_reason")
    return f"cut by the record's own breaker: {told or 'no reason recorded'}"


def _ratings(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The recorded points, each with the judge's words."""
    feedback = fields.get("feedback")
    words = feedback if isinstance(feedback, dict) else {}
    return [
        {
            "scorer": SCORER,
            "dimension": dimension,
            "points": points,
            "status": "ok" if points is not None else "empty",
            "evidence": [words[dimension]] if isinstance(words.get(dimension), str) else [],
        }
        for dimension, points in fields["scores"].items()
    ]
