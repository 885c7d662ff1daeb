"""The commands on a policy: only the text on standard output, exit code 11 where it abstains."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from preamblelab.cli import main
from preamblelab.lab.policy_files import write_policy
from preamblelab.library import json_schema
from preamblelab.library.policies import load_policy_spec
from tests.lab.test_policies import WORDS, spec


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["preamblelab", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


@pytest.fixture(autouse=True)
def _in_a_folder_with_a_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_policy(tmp_path / "policy.yaml", spec(simulated=True), expected=None)


def test_resolve_prints_the_text_alone_and_the_reason_beside_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "resolve", "ollama_chat/qwen3:8b", "--task", "coding") == 0
    told = capsys.readouterr()
    assert told.out == WORDS
    assert told.err.startswith("ollama_chat/qwen3:8b: SIMULATED: careful@")
    assert "mid/any (mid, 8.19B total parameters by our table): shown" in told.err


def test_resolve_tells_a_decided_none_from_an_abstention_by_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "resolve", "ollama_chat/gemma3:4b") == 0
    assert capsys.readouterr().out == ""
    assert call(monkeypatch, "resolve", "openai/gpt-4.1") == 11
    told = capsys.readouterr()
    assert told.out == ""
    assert "nobody published its number of parameters" in told.err
    assert call(monkeypatch, "resolve", "openai/gpt-4.1", "--parameters", "8B") == 0
    assert call(monkeypatch, "resolve", "openai/gpt-4.1", "--assume", "mid") == 0
    capsys.readouterr()
    assert call(monkeypatch, "resolve", "openai/gpt-4.1", "--format", "json") == 11
    assert json.loads(capsys.readouterr().out)["abstained"] is True


def test_a_missing_policy_is_one_line_that_says_how_to_write_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "resolve", "m/x", "--policy", "none.yaml") == 2
    told = capsys.readouterr()
    assert told.err == (
        "error: none.yaml: no such policy; write one with: "
        "preamblelab choose EXPERIMENT --write none.yaml\n"
    )


def test_show_history_and_rollback_read_and_undo(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "policy.yaml"
    now = load_policy_spec(file)
    changed = now.model_copy(update={"entries": now.entries[1:], "models": {}})
    write_policy(file, changed, expected=now)
    assert call(monkeypatch, "policy", "history") == 0
    told = capsys.readouterr().out
    assert "2  2026-11-28" in told
    assert "<- in force" in told
    assert call(monkeypatch, "policy", "rollback") == 0
    assert "version 3 says again what version 1 said" in capsys.readouterr().out
    assert call(monkeypatch, "policy", "show") == 0
    told = capsys.readouterr().out
    assert "version 3, which is version 1 again" in told
    assert "SIMULATED: no real model was asked" in told
    assert call(monkeypatch, "policy", "show", "--format", "json") == 0
    document = json.loads(capsys.readouterr().out)
    Draft202012Validator(json_schema("policy")).validate(document)
    assert [entry.get("model", entry.get("size")) for entry in document["entries"]] == [
        "ollama_chat/gemma3:4b", "mid", "tiny",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("policy show none.yaml", "none.yaml: no such policy"),
        ("policy history none.yaml", "none.yaml: no such policy"),
        ("policy rollback none.yaml", "none.yaml: no such policy"),
        ("policy rollback", "nothing to go back to"),
        ("policy rollback --to 9", "no version 9 in its history"),
        ("policy show wrong.yaml", "wrong.yaml: this is no policy"),
        ("choose e --write policy.txt", "a policy is a .yaml or .json file"),
        ("choose e --write new.yaml --store none.db", "there is no store"),
        ("choose e --write new.yaml --store wrong.yaml", "not a store of preamblelab"),
        ("choose e --gain 3", "--write"),
    ],
)
def test_a_wrong_file_or_command_ends_with_2_and_one_line(
    words: str,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """The table of docs/decisions.md holds for policies as it does for gates and roles."""
    (tmp_path / "wrong.yaml").write_text("polcy: 1\n")
    assert call(monkeypatch, *words.split()) == 2
    said = capsys.readouterr().err
    assert (told in said, said.count("\n")) == (True, 1), said
