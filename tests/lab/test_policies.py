"""A policy file in use: load, resolve, apply, go back; and a program without this library."""

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import preamblelab as pl
from preamblelab.domain.base import text_digest
from preamblelab.domain.policies import PolicySpec, text_id
from preamblelab.errors import SpecError, StoreError
from preamblelab.lab import policy_files
from preamblelab.lab.policy_files import kept_versions, roll_back, write_policy
from preamblelab.library.policies import load_policy_spec, policy_text
from preamblelab.store.locking import writer_lock

WORDS = 'Think first.\n\nThen write:\n  - tests, complete\n  - nothing else; no "TODO"\t#1\n'
KEY = text_id("careful", WORDS)
USER = {"role": "user", "content": "Write a test."}


def spec(**fields: Any) -> PolicySpec:
    evidence = {
        "effect": 8.0, "low": 4.0, "high": 12.0, "tasks": 35, "models": 4, "families": 3,
        "categories": ["coding"],
    }  # fmt: skip
    common = {"reason": "shown", "decided": "2026-11-28", "expires": "2999-01-01"}
    entries = [
        {"size": "mid", "use": KEY, "said": "promote", "evidence": evidence, **common},
        {"size": "tiny", "use": "none", "said": "keep", **common},
        {"model": "ollama_chat/gemma3:4b", "use": "none", "said": "harm", **common},
    ]
    kept = {KEY: {"label": "careful", "digest": text_digest(WORDS), "text": WORDS}}
    return PolicySpec.model_validate(
        {
            "written": date(2026, 11, 28),
            "entries": entries,
            "preambles": kept,
            "models": {"ollama_chat/gemma3:4b": {"size": "mid", "family": "gemma"}},
            **fields,
        }
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    write_policy(path, spec(), expected=None)
    return path


def test_a_policy_is_read_back_as_it_was_written_texts_to_the_letter(tmp_path: Path) -> None:
    for name in ("policy.yaml", "policy.json"):
        path = tmp_path / name
        path.write_text(policy_text(spec(), name))
        assert load_policy_spec(path) == load_policy_spec(tmp_path / name)
        assert load_policy_spec(path).document() == spec().document()
        assert pl.load_policy(path).resolve("ollama_chat/qwen3:8b").text == WORDS


def test_apply_serves_litellm_and_for_openai_an_openai_client(file: Path) -> None:
    policy = pl.load_policy(file)
    applied = policy.apply([USER], "ollama_chat/qwen3:8b", task="coding")
    assert applied == [{"role": "system", "content": WORDS}, USER]
    assert policy.apply([USER], "ollama_chat/gemma3:4b") == [USER]
    assert policy.apply([USER], "hosted_vllm/google/gemma-2-9b-it")[0]["role"] == "user"
    arguments = policy.for_openai("openai/gpt-x-8b", [USER], temperature=0.2)
    assert arguments["model"] == "gpt-x-8b"
    assert arguments["temperature"] == 0.2
    assert arguments["messages"][0]["role"] == "system"
    with pytest.raises(SpecError, match="use 'ollama_chat/qwen3:8b'"):
        policy.apply([USER], "ollama/qwen3:8b")
    assert policy.apply([USER], "ollama/llama3.2:1b") == [USER]  # nothing to send astray


def test_what_is_no_model_is_one_line(file: Path) -> None:
    with pytest.raises(SpecError, match="model is None; give a litellm id"):
        pl.load_policy(file).resolve(None)  # type: ignore[arg-type]


def test_strict_turns_an_abstention_into_an_error(file: Path) -> None:
    policy = pl.load_policy(file)
    assert policy.resolve("openai/gpt-4.1").abstained
    with pytest.raises(SpecError, match=r"no preamble for openai/gpt-4\.1: none: nobody published"):
        policy.resolve("openai/gpt-4.1", strict=True)
    with pytest.raises(SpecError, match="mean score from 0 to 100"):
        policy.resolve("openai/gpt-4.1", baseline_score=120)


def test_every_day_asks_the_clock_so_that_a_long_lived_program_sees_the_expiry(file: Path) -> None:
    days = [date(2026, 12, 1), date(2999, 1, 1)]
    policy = pl.Policy(spec=load_policy_spec(file), clock=lambda: days.pop(0))
    assert not policy.resolve("ollama_chat/qwen3:8b").abstained
    assert policy.resolve("ollama_chat/qwen3:8b").abstained


PROGRAM = """
import json, sys
policy = json.load(open(sys.argv[1]))
known, day = json.loads(sys.argv[2]), sys.argv[3]
known = {**policy["models"].get(known.get("model"), {}), **known}
text = None
for entry in policy["entries"]:
    wanted = [f for f in ("model", "family", "size", "task", "tier") if f in entry]
    if all(entry[f] == known.get(f) for f in wanted):
        tested = entry.get("evidence", {}).get("categories", [])
        late = day >= entry["expires"]
        untested = known.get("task") and tested and known["task"] not in tested
        if entry["use"] != "none" and not late and not untested:
            text = policy["preambles"][entry["use"]]["text"]
        break
print(json.dumps(text))
"""
SCRIPT = """
const fs = require("fs");
const policy = JSON.parse(fs.readFileSync(process.argv[2]));
let known = JSON.parse(process.argv[3]), day = process.argv[4], text = null;
known = {...policy.models[known.model], ...known};
const fits = (e) => ["model", "family", "size", "task", "tier"]
  .every((f) => !(f in e) || e[f] === known[f]);
const entry = policy.entries.find(fits);
if (entry && entry.use !== "none" && day < entry.expires) {
  const tested = entry.evidence?.categories ?? [];
  if (!known.task || !tested.length || tested.includes(known.task))
    text = policy.preambles[entry.use].text;
}
console.log(JSON.stringify(text));
"""


@pytest.mark.parametrize("language", ["python", "node"])
def test_a_program_of_fifteen_lines_resolves_without_this_library(
    tmp_path: Path, file: Path, language: str
) -> None:
    runner = sys.executable if language == "python" else shutil.which("node")
    if runner is None:
        pytest.skip("node is not installed")
    lines = PROGRAM if language == "python" else SCRIPT
    assert len(lines.strip().splitlines()) <= 16
    program = tmp_path / "program.cjs"
    program.write_text(lines)
    policy = pl.load_policy(file)
    (tmp_path / "policy.json").write_text(policy.to_json())

    def ask(known: dict[str, str], day: str = "2026-12-01") -> Any:
        command = [runner, program, tmp_path / "policy.json", json.dumps(known), day]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    assert ask({"size": "mid", "task": "coding"}) == WORDS
    assert ask({"size": "mid", "task": "poems"}) is None
    assert ask({"model": "ollama_chat/gemma3:4b"}) is None
    assert ask({"size": "mid"}, day="2999-01-01") is None


def test_every_version_stays_and_a_rollback_is_a_new_one(file: Path) -> None:
    second = write_policy(file, spec(name="second"), expected=load_policy_spec(file))
    assert second.version == 2
    back = roll_back(file)
    assert (back.version, back.restored, back.name) == (3, 1, "policy")
    assert load_policy_spec(file) == back
    assert [kept.version for kept in kept_versions(file)] == [1, 2, 3]
    assert roll_back(file, to=2).name == "second"
    with pytest.raises(SpecError, match="no version 9 in its history; there are: 1, 2, 3, 4"):
        roll_back(file, to=9)


def test_nothing_is_written_where_nothing_changed(file: Path) -> None:
    there = load_policy_spec(file)
    again = write_policy(file, spec(written=date(2026, 12, 1)), expected=there)
    assert again == there
    assert [kept.version for kept in kept_versions(file)] == [1]


def test_a_policy_that_changed_meanwhile_is_not_overwritten(file: Path) -> None:
    """Races: the holder moved while a policy was decided."""
    stale = load_policy_spec(file)
    write_policy(file, spec(name="other"), expected=stale)
    with pytest.raises(StoreError, match="changed meanwhile"):
        write_policy(file, spec(name="mine"), expected=stale)
    with pytest.raises(StoreError, match="changed meanwhile"):
        write_policy(file, spec(name="mine"), expected=None)
    assert load_policy_spec(file).name == "other"


def test_a_kill_at_any_write_leaves_the_old_or_the_new_and_never_neither(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kills: `choose --write` and `policy rollback`."""
    old = load_policy_spec(file)
    real = policy_files.write_file
    for killed_at in range(3):
        calls = iter(range(10))

        def dies(path: Path, content: bytes, calls: Any = calls, at: int = killed_at) -> None:
            if next(calls) == at:
                raise KeyboardInterrupt
            real(path, content)

        monkeypatch.setattr(policy_files, "write_file", dies)
        with contextlib.suppress(KeyboardInterrupt):
            write_policy(file, spec(name=f"new{killed_at}"), expected=load_policy_spec(file))
        there = load_policy_spec(file)
        assert there.name in {old.name, f"new{killed_at}"}
        old = there
    monkeypatch.setattr(policy_files, "write_file", real)
    roll_back(file)
    assert {kept.policy.name for kept in kept_versions(file)} >= {
        "policy",
        load_policy_spec(file).name,
    }


def test_a_hand_edit_is_kept_as_a_version_or_named(file: Path) -> None:
    edited = file.read_text().replace("reason: shown", "reason: my own words", 1)
    file.write_text(edited)
    with pytest.raises(StoreError, match="changed by hand and still calls itself version 1"):
        write_policy(file, spec(name="x"), expected=load_policy_spec(file))
    file.write_text(edited.replace("version: 1", "version: 2"))
    written = write_policy(file, spec(name="x"), expected=load_policy_spec(file))
    assert written.version == 3
    assert any(e.reason == "my own words" for e in kept_versions(file)[1].policy.entries)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda text: text.replace("Think first", "Think last"),
            "is not the one that was measured",
        ),
        (lambda text: text.replace("policy: 1", "policy: 2"), "policy.yaml:3: policy"),
        (lambda text: text.replace("size: tiny", "size: mid"), "two entries for mid/any; keep one"),
        (lambda text: text.replace("use: none", "uze: none", 1), "unknown field 'uze'"),
        (lambda text: text.replace("expires: '2999", "expires: 'soon", 1), "expires"),
        (lambda _: "name: x\n", "this is no policy"),
        (lambda _: "[1, 2", "policy.yaml:1"),
    ],
)
def test_a_broken_file_is_refused_in_one_line_with_its_place(
    file: Path, change: Any, message: str
) -> None:
    text = file.read_text()
    changed = change(text)
    assert changed != text
    file.write_text(changed)
    with pytest.raises(SpecError, match=message) as refused:
        pl.load_policy(file)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [("policy.txt", "a .yaml or .json file"), ("", "a folder"), ("no/policy.yaml", "no folder")],
)
def test_a_place_where_no_policy_can_lie_is_refused(
    tmp_path: Path, name: str, message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        write_policy(tmp_path / name, spec(), expected=None)


def test_a_file_that_is_no_policy_is_never_overwritten(tmp_path: Path) -> None:
    notes = tmp_path / "notes.yaml"
    notes.write_text("a: 1\n")
    with pytest.raises(SpecError, match="no policy"):
        write_policy(notes, spec(), expected=None)
    assert notes.read_text() == "a: 1\n"
    with pytest.raises(SpecError, match="no such policy; write one with"):
        pl.load_policy(tmp_path / "none.yaml")


def test_of_two_writers_the_second_is_refused_and_readers_go_on(file: Path) -> None:
    """Races: two decisions on one policy at once."""
    there = load_policy_spec(file)
    with (
        writer_lock(file, "write policy.yaml", "now"),
        pytest.raises(StoreError, match=r"is at work on this store since now \(write policy"),
    ):
        write_policy(file, spec(name="second"), expected=there)
    assert load_policy_spec(file) == there


def test_a_policy_behind_a_link_is_read_as_it_is_shipped(file: Path) -> None:
    link = file.with_name("current.yaml")
    link.symlink_to(file)
    assert pl.load_policy(link).resolve("ollama_chat/qwen3:8b").text == WORDS


def test_asking_a_policy_loads_nothing_heavy(file: Path) -> None:
    program = (
        "import sys, preamblelab as pl\n"
        f"policy = pl.load_policy({str(file)!r})\n"
        "policy.apply([{'role': 'user', 'content': 'x'}], 'ollama_chat/qwen3:8b')\n"
        "print([m for m in ('litellm', 'dspy', 'pandas', 'scipy', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


class Recording:
    """A dspy engine that answers from a list and keeps what it was asked."""

    supports_response_schema = False
    supported_params = frozenset({"temperature"})

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.systems: list[str] = []

    def __deepcopy__(self, _memo: object) -> "Recording":
        return self

    def complete(self, request: Any) -> Any:
        from dspy import lm15

        system = request.system
        joined = system if isinstance(system, str) else "\n".join(p.text for p in system or ())
        self.systems.append(joined)
        text = self.replies.pop(0)
        message = lm15.Message.assistant([lm15.TextPart(text)])
        usage = lm15.Usage(input_tokens=1, output_tokens=1)
        return lm15.Response(id="1", model="m", message=message, finish_reason="stop", usage=usage)

    def stream(self, request: Any) -> Any:
        raise NotImplementedError

    def close(self) -> None: ...


class RecordingAsync(Recording):
    async def complete(self, request: Any) -> Any:  # type: ignore[override]
        return super().complete(request)

    async def aclose(self) -> None: ...


GOOD = "[[ ## answer ## ]]\n4\n\n[[ ## completed ## ]]"


def test_a_dspy_program_gets_each_models_preamble_first_and_its_own_system_text_after_it(
    file: Path,
) -> None:
    import dspy

    adapter = pl.load_policy(file).dspy_adapter(task="coding")
    engine, slow = Recording(GOOD, GOOD), RecordingAsync(GOOD)
    lms = {
        name: dspy.LM(name, engine=engine, async_engine=slow, num_retries=0, cache=False)
        for name in ("ollama_chat/qwen3:8b", "ollama_chat/gemma3:4b")
    }
    program = dspy.Predict("question -> answer")
    for lm in lms.values():
        with dspy.context(lm=lm, adapter=adapter, disable_history=True):
            assert program(question="2 + 2?").answer == "4"
    under, without = engine.systems
    assert under == f"{WORDS}\n\n{without}"
    assert without.startswith("Your input fields are")

    async def ask() -> str:
        lm = lms["ollama_chat/qwen3:8b"]
        with dspy.context(lm=lm, adapter=adapter, disable_history=True):
            return str((await program.acall(question="2 + 2?")).answer)

    assert asyncio.run(ask()) == "4"
    assert slow.systems == [under]


def test_the_fallback_of_dspys_chat_adapter_keeps_the_preamble(file: Path) -> None:
    import dspy

    engine = Recording("no headers at all", '{"answer": "4"}', '{"answer": "5"}')
    slow = RecordingAsync()
    lm = dspy.LM("ollama_chat/qwen3:8b", engine=engine, async_engine=slow, cache=False)
    policy = pl.load_policy(file)
    with dspy.context(lm=lm, adapter=policy.dspy_adapter(), disable_history=True):
        assert dspy.Predict("question -> answer")(question="2 + 2?").answer == "4"
    assert len(engine.systems) == 2
    assert all(system.startswith(WORDS) for system in engine.systems)
    plain = dspy.JSONAdapter()
    with dspy.context(lm=lm, adapter=policy.dspy_adapter(plain), disable_history=True):
        assert dspy.Predict("question -> answer")(question="2 + 3?").answer == "5"
    assert engine.systems[-1].startswith(WORDS)
    assert not hasattr(plain, "text_for")  # the given adapter is left as it is
