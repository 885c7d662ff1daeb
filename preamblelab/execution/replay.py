"""The provider `replay/`: answers that were recorded earlier, for the same model and messages."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from preamblelab.domain.base import content_digest
from preamblelab.errors import SpecError
from preamblelab.execution.providers import Piece

FOLDER_VARIABLE: Final = "PREAMBLELAB_REPLAY"
"""Names the folder of recordings; without it they lie in `replays/` of the current folder."""

_USUAL_FOLDER: Final = "replays"
_PIECE: Final = 200
_FINISH_OF_STATUS: Final[Mapping[str, str]] = {
    "truncated": "length",
    "looped": "repetition",
    "refused": "content_filter",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recorded answer."""

    model: str
    """The id without `replay/`."""
    messages: tuple[Mapping[str, str], ...]
    """Role and content of every message that was sent."""
    response: str
    seed: int | None = None
    """The seed it was asked with; None for any."""
    repetition: int = 1
    finish: str = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    @property
    def address(self) -> tuple[str, str]:
        """Model and digest of the messages: what a call must agree in."""
        return self.model, address_of(self.messages)


class ReplayProvider:
    """Answers from recordings, and only from them.

    `replay/NAME` is answered from recordings given here, then from `NAME.jsonl` in the folder. Of
    several recordings for the same messages the one with the call's seed answers; if none states
    its seed, seed 0 gets the first by repetition, seed 1 the next, and after the last the first
    again, byte for byte.
    """

    name = "replay"

    def __init__(
        self, recordings: Iterable[Recording] = (), *, folder: str | Path | None = None
    ) -> None:
        """A provider with these recordings, and those in a folder.

        Args:
            recordings: answers that are known from the start.
            folder: where `NAME.jsonl` files lie; None takes the environment's
                `PREAMBLELAB_REPLAY`, else `replays/` in the current folder.
        """
        self._folder = folder
        self._recorded: dict[tuple[str, str], list[Recording]] = {}
        self._read: set[str] = set()
        self._keep(recordings)

    def stream(
        self, model: str, messages: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]
    ) -> Iterator[Piece]:
        """The recorded answer in pieces; see `InProcessProvider`.

        Raises:
            LookupError: nothing is recorded for this model and these messages.
        """
        self._read_file_of(model)
        found = self._recorded.get((model, address_of(messages)))
        if not found:
            raise LookupError(self._nothing(model))
        return _pieces(_choose(found, model, settings.get("seed")))

    def _read_file_of(self, model: str) -> None:
        if model in self._read:
            return
        path = self._place(model)
        if path is not None and path.is_file():
            self._keep(read_recordings(path, model=model))
        self._read.add(model)

    def _place(self, model: str) -> Path | None:
        # A model's name must not lead out of the folder.
        if not model or "/" in model or "\\" in model or model.startswith("."):
            return None
        folder = self._folder or os.environ.get(FOLDER_VARIABLE) or _USUAL_FOLDER
        return Path(folder) / f"{model}.jsonl"

    def _keep(self, recordings: Iterable[Recording]) -> None:
        for recording in recordings:
            self._recorded.setdefault(recording.address, []).append(recording)

    def _nothing(self, model: str) -> str:
        models = sorted({name for name, _ in self._recorded})
        if model in models:
            return (
                f"replay/{model}: no answer is recorded for these messages; record them, or ask "
                "the model itself"
            )
        known = f"recorded: {', '.join(models[:8])}" if models else "nothing is recorded"
        place = self._place(model)
        where = f"put them into {place}" if place else "a name of letters, digits, '.', '_', '-'"
        return f"replay/{model}: no recordings of this model ({known}); {where}"


def address_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """The digest of messages: their roles and texts in order, and nothing else of them."""
    return content_digest([[str(m.get("role")), m.get("content")] for m in messages])


def read_recordings(path: str | Path, *, model: str | None = None) -> Iterator[Recording]:
    """The recordings in a JSONL file, one object in each line.

    Fields: `response` (the text; a line where it is null is a failed call and is passed over);
    `messages`, or `prompt` and, where there was one, `system`; optional `model` (else the file's
    own name), `seed`, `repetition`, `finish` or `status`, `prompt_tokens`, `completion_tokens`.
    Other fields are left alone.

    Args:
        path: the file.
        model: take the recordings of this model only; None takes all.

    Raises:
        SpecError: a line is no such object; the message names it.
    """
    path = Path(path)
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            recording = _recording(line, path.stem, f"{path}:{number}")
            if recording is not None and model in {None, recording.model}:
                yield recording


def _recording(line: str, stem: str, place: str) -> Recording | None:
    try:
        fields = json.loads(line)
    except ValueError as error:
        raise SpecError(f"{place}: not a JSON object: {error}") from None
    if not isinstance(fields, Mapping) or "response" not in fields:
        raise SpecError(f"{place}: a recording is an object with 'response'; see `read_recordings`")
    if fields["response"] is None:
        return None
    if not isinstance(fields["response"], str):
        raise SpecError(f"{place}: 'response' must be the text of the answer")
    status = str(fields.get("status") or "ok")
    return Recording(
        model=str(fields.get("model") or stem).removeprefix("replay/"),
        messages=_messages(fields, place),
        response=fields["response"],
        seed=_whole(fields, "seed", place),
        repetition=_whole(fields, "repetition", place) or 1,
        finish=str(fields.get("finish") or _FINISH_OF_STATUS.get(status, "stop")),
        prompt_tokens=_whole(fields, "prompt_tokens", place),
        completion_tokens=_whole(fields, "completion_tokens", place),
    )


def _messages(fields: Mapping[str, Any], place: str) -> tuple[Mapping[str, str], ...]:
    given = fields.get("messages")
    if given is None and isinstance(fields.get("prompt"), str):
        given = [{"role": "user", "content": fields["prompt"]}]
        if fields.get("system") is not None:
            given = [{"role": "system", "content": fields["system"]}, *given]
    if not isinstance(given, list) or not all(
        isinstance(each, Mapping) and {"role", "content"} <= set(each) for each in given
    ):
        raise SpecError(
            f"{place}: give 'messages' (a list of objects with role and content), or 'prompt' and, "
            "where there was one, 'system'"
        )
    return tuple({"role": each["role"], "content": each["content"]} for each in given)


def _whole(fields: Mapping[str, Any], name: str, place: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise SpecError(f"{place}: '{name}' is {value!r}; it must be a whole number")
    return value


def _choose(found: list[Recording], model: str, seed: object) -> Recording:
    """The recording for a seed, as the class describes it."""
    if not isinstance(seed, int):
        return found[0]
    exact = [recording for recording in found if recording.seed == seed]
    if exact:
        return exact[0]
    free = sorted((r for r in found if r.seed is None), key=lambda r: r.repetition)
    if not free:
        known = ", ".join(str(recording.seed) for recording in found[:8])
        raise LookupError(f"replay/{model}: no answer with seed {seed}; recorded: {known}")
    return free[seed % len(free)]


def _pieces(recording: Recording) -> Iterator[Piece]:
    for place in range(0, len(recording.response), _PIECE):
        yield Piece(text=recording.response[place : place + _PIECE])
    yield Piece(
        finish=recording.finish,
        prompt_tokens=recording.prompt_tokens,
        completion_tokens=recording.completion_tokens,
    )
