"""The replay provider: what was recorded, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from preamblelab.errors import SpecError
from preamblelab.execution.replay import Recording, ReplayProvider, read_recordings

USER = {"role": "user", "content": "Hello?"}
SYSTEM = {"role": "system", "content": "Be kind."}


def said(provider: ReplayProvider, model: str, *messages: dict[str, str], **settings: Any) -> str:
    return "".join(piece.text for piece in provider.stream(model, messages, settings))


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_messages_decide() -> None:
    provider = ReplayProvider(
        [
            Recording(model="a", messages=(USER,), response="bare"),
            Recording(model="a", messages=(SYSTEM, USER), response="kind " * 100),
        ]
    )
    assert said(provider, "a", USER) == "bare"
    assert said(provider, "a", SYSTEM, USER) == "kind " * 100


def test_what_is_not_recorded_is_not_made_up(tmp_path: Path) -> None:
    provider = ReplayProvider(
        [Recording(model="a", messages=(USER,), response="x", seed=1)], folder=tmp_path
    )
    with pytest.raises(LookupError, match="replay/a: no answer is recorded for these messages"):
        said(provider, "a", SYSTEM, USER)
    with pytest.raises(LookupError, match=r"replay/b: no recordings of this model \(recorded: a\)"):
        said(provider, "b", USER)
    with pytest.raises(LookupError, match="no answer with seed 2; recorded: 1"):
        said(provider, "a", USER, seed=2)


def test_a_file_of_the_models_name_is_read(tmp_path: Path) -> None:
    write(
        tmp_path / "run-1.jsonl",
        {"prompt": "Hello?", "response": "hi", "other": 1},
        {"prompt": "Hello?", "system": "Be kind.", "response": "dear", "status": "truncated"},
        {"prompt": "Lost?", "response": None, "status": "failed"},
    )
    provider = ReplayProvider(folder=tmp_path)
    assert said(provider, "run-1", USER) == "hi"
    *_, last = provider.stream("run-1", [SYSTEM, USER], {})
    assert last.finish == "length"
    with pytest.raises(LookupError):
        said(provider, "run-1", {"role": "user", "content": "Lost?"})


def test_the_folder_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "m.jsonl", {"prompt": "Hello?", "response": "hi"})
    monkeypatch.setenv("PREAMBLELAB_REPLAY", str(tmp_path))
    assert said(ReplayProvider(), "m", USER) == "hi"


def test_seeds_choose_among_recordings() -> None:
    free = [
        Recording(model="a", messages=(USER,), response=f"r{number}", repetition=number)
        for number in (3, 1, 2)
    ]
    provider = ReplayProvider(
        [*free, Recording(model="a", messages=(USER,), response="exact", seed=41)]
    )
    assert [said(provider, "a", USER, seed=seed) for seed in (0, 1, 2, 3)] == [
        "r1", "r2", "r3", "r1",
    ]  # fmt: skip
    assert said(provider, "a", USER, seed=41) == "exact"
    assert said(provider, "a", USER) == "r3"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", r"bad\.jsonl:2: not a JSON object"),
        ('{"prompt": "x"}', r"bad\.jsonl:2: a recording is an object with 'response'"),
        ('{"prompt": "x", "response": 3}', "'response' must be the text"),
        ('{"response": "x"}', "give 'messages'"),
        ('{"messages": [{"role": "user"}], "response": "x"}', "give 'messages'"),
        ('{"prompt": "x", "response": "y", "seed": "1"}', "'seed' is '1'; it must be a whole"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"prompt": "x", "response": "y"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(SpecError, match=message):
        list(read_recordings(path))


@pytest.mark.parametrize("name", ["../secret", "a/b", ".hidden", "..", "a\\b", ""])
def test_a_name_does_not_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    write(tmp_path / "secret.jsonl", {"prompt": "Hello?", "response": "leaked"})
    (tmp_path / "inner" / "a").mkdir(parents=True)
    with pytest.raises(LookupError):
        said(ReplayProvider(folder=tmp_path / "inner"), name, USER)


def test_one_file_can_hold_several_models(tmp_path: Path) -> None:
    path = write(
        tmp_path / "all.jsonl",
        {"model": "replay/a", "messages": [USER], "response": "from a", "repetition": 2},
        {"model": "b", "messages": [USER], "response": "from b"},
    )
    provider = ReplayProvider(read_recordings(path))
    assert said(provider, "a", USER) == "from a"
    assert said(provider, "b", USER) == "from b"
