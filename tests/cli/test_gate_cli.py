"""What a pipeline sees of a decision: exit codes, JUnit XML, summary, annotations, error lines."""

import json
import os
import signal
import sys
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from preamblelab.cli import main
from preamblelab.decision.gate import decide
from preamblelab.decision.registering import adopted
from preamblelab.lab.gating.observing import observations_text
from preamblelab.lab.gating.publishing import publish
from preamblelab.lab.gating.runs import GateRun
from preamblelab.library import load_suite
from preamblelab.report.decisions import annotations, decision_markdown, junit_xml
from preamblelab.store.registry_file import change_registry, read_registry
from tests.decision.gates import CHALLENGER, CHAMPION, GUARDED, observed, policy, tasks

GATE = """\
slot: chat
suite: full
smoke: smoke
repetitions: 1
install: {overall: 0.5}
categories: {reasoning: {}, coding: {}, instructions: {}, safety: {role: guard, margin: 0.1}}
"""


def flat(value):
    return lambda category, task, repetition: value


def shaky(category, task, repetition):
    return 0.5 + (0.3 if hash_of(task) % 2 else -0.28)


def hash_of(task: str) -> int:
    return sum(map(ord, task))


@pytest.fixture
def cli(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)

    def run(*arguments) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["preamblelab", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return int(left.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def archive(tmp_path):
    def make(made, rules=None):
        folder = tmp_path / "run"
        folder.mkdir(exist_ok=True)
        (folder / "observations.json").write_text(observations_text(made))
        (folder / "policy.json").write_text((rules or policy()).model_dump_json())
        return folder

    return make


def incomplete():
    made = observed(flat(0.2), flat(0.8))
    return replace(made, rows=made.rows[:-20])


@pytest.mark.parametrize(
    ("made", "code", "word"),
    [
        (lambda: observed(flat(0.2), flat(0.8)), 0, "PROMOTE"),
        (lambda: observed(flat(0.8), flat(0.2)), 10, "KEEP"),
        (lambda: observed(flat(0.5), shaky), 11, "INCONCLUSIVE"),
        (incomplete, 3, "INVALID"),
    ],
)
def test_g19_each_outcome_has_its_exit_code_in_every_format(cli, archive, made, code, word):
    folder = archive(made())
    text = cli("gate", "decide", folder)
    document = cli("gate", "decide", folder, "--format", "json")
    assert text[0] == document[0] == code
    assert word in text[1]
    assert json.loads(document[1])["exit_code"] == code
    assert json.loads(document[1])["sentence"].startswith(word)


def test_g19_a_budget_a_key_a_wrong_file_and_an_interruption_have_theirs(
    cli, tmp_path, monkeypatch
):
    (tmp_path / "gate.yaml").write_text(GATE + "budget: {calls: 2}\n")
    code, _, said = cli("gate", "run", "gate.yaml", "-m", "sim/large-70b", "--quiet")
    assert code == 4
    assert "budget.calls: 2" in said
    assert "To go on: the same command" in said
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (tmp_path / "gate.yaml").write_text(GATE)
    code, _, said = cli("gate", "run", "gate.yaml", "-m", "openai/gpt-4o", "--quiet", "--new")
    assert (code, "OPENAI_API_KEY" in said) == (5, True)
    (tmp_path / "gate.yaml").write_text(GATE.replace(", margin: 0.1", ""))
    code, _, said = cli("gate", "run", "gate.yaml", "-m", "sim/large-70b")
    assert code == 2
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    stopped = GateRun(decision=None, folder=tmp_path, stopped="interrupted", interrupted=True)
    monkeypatch.setattr("preamblelab.lab.gating.commands.ran", lambda *_: stopped)
    assert cli("gate", "run", "gate.yaml", "-m", "sim/large-70b")[0] == 130
    assert cli("gate", "run")[0] == 2


def test_a_promotion_is_applied_once_and_rolled_back(cli, archive, tmp_path):
    registry = tmp_path / "gates" / "registry.json"
    change_registry(registry, "test", lambda r: adopted(r, "chat", CHAMPION, at="t"))
    folder = archive(observed(flat(0.2), flat(0.8)))
    code, said, _ = cli("gate", "apply", folder)
    assert (code, CHALLENGER.label in said) == (0, True)
    code, _, error = cli("gate", "apply", folder)
    assert (code, "already holds" in error) == (2, True)
    assert cli("gate", "rollback", "chat", "--reason", "complaints")[0] == 0
    assert read_registry(registry).champion("chat") == CHAMPION
    code, told, _ = cli("gate", "history", "chat")
    assert (code, "complaints" in told) == (0, True)
    code, _, error = cli("gate", "apply", archive(observed(flat(0.8), flat(0.2))))
    assert (code, "nothing is applied" in error) == (2, True)
    assert cli("gate", "rollback", "caht")[0] == 2
    assert cli("gate", "revert")[0] == 2
    assert cli("gate", "decide", tmp_path)[0] == 2


def test_junit_summary_and_annotations_say_what_the_decision_says(
    cli, archive, tmp_path, monkeypatch
):
    planned = tasks({"reasoning": 10, "coding": 10, "safety": 6, "following": 7})

    def score(right):
        return lambda c, t, r: float(int(t[-1]) < right) if c == "safety" else 0.7

    folder = archive(observed(score(5), score(4), planned=planned), policy(GUARDED))
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    code, out, err = cli("gate", "decide", folder, "--junit", "out/decision.xml", "--summary")
    assert code == 11
    suite = ET.parse(tmp_path / "out" / "decision.xml").getroot()[0]
    failed = {case.get("name") for case in suite if case.find("failure") is not None}
    assert failed == {"guard safety", "gain"}
    assert (suite.get("failures"), suite.get("errors")) == ("2", "0")
    sentence = suite.find(".//failure").text
    assert " ".join(sentence.split()) in " ".join(out.split())
    assert summary.read_text().startswith("before\n## Decision on new@")
    first, *others = err.splitlines()
    assert first == f"::warning title=chat::{sentence}"
    assert [line.split("::")[1] for line in others] == ["warning title=gain"]


def test_a_summary_that_has_nowhere_to_go_is_told(cli, archive):
    _, _, err = cli("gate", "decide", archive(observed(flat(0.8), flat(0.2))), "--summary")
    assert err.splitlines()[0] == (
        "note: no step summary was written: GITHUB_STEP_SUMMARY names no file"
    )
    assert err.splitlines()[1].startswith("::warning title=chat::KEEP")


def test_sentences_of_a_decision_fit_a_terminal(cli, archive):
    _, out, _ = cli("gate", "decide", archive(observed(flat(0.2), flat(0.8)), policy(GUARDED)))
    rules = out.split("Rules, in their order")[1].split("Scores, from 0 to 1")[0]
    assert max(map(len, rules.splitlines())) <= 100
    assert rules.count("\n") > 12, "nothing is cut off"


def test_ctrl_c_while_a_decision_is_told_changes_neither_its_words_nor_its_code(
    cli, archive, monkeypatch
):
    folder = archive(observed(flat(0.8), flat(0.2)))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def pressed(decision, **options):
        os.kill(os.getpid(), signal.SIGINT)
        return publish(decision, **options)

    monkeypatch.setattr("preamblelab.lab.gating.publishing.publish", pressed)
    try:
        code, out, err = cli("gate", "decide", folder)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (code, "KEEP old@" in out) == (10, True)
    assert err == "telling what was decided first; Ctrl-C again gives it up\n"


def test_invalid_data_are_an_error_in_junit_and_no_failure(cli, archive, tmp_path):
    cli("gate", "decide", archive(incomplete()), "--junit", "d.xml")
    suite = ET.parse(tmp_path / "d.xml").getroot()[0]
    assert (suite.get("failures"), suite.get("errors")) == ("0", "1")


def test_a_promotion_leaves_no_fault_in_junit(cli, archive, tmp_path):
    cli("gate", "decide", archive(observed(flat(0.2), flat(0.8))), "--junit", "d.xml")
    suite = ET.parse(tmp_path / "d.xml").getroot()[0]
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")


def test_hostile_names_stay_text_in_every_format(cli, archive, tmp_path):
    evil = "x](javascript:1)<b>\x1b[31m\n::error::pwned%0A]]>"
    made = observed(flat(0.8), flat(0.2), slot=evil)
    decision = decide(made, policy())
    assert "<b>" not in decision_markdown(decision)
    assert "\x1b" not in decision_markdown(decision)
    ET.fromstring(junit_xml([decision]))
    for line in annotations(decision):
        assert "\n" not in line
        assert line.startswith("::warning title=")
        assert "%250A" in line or "pwned" not in line


@pytest.mark.whole
def test_a_variant_of_a_stored_experiment_is_decided(cli, tmp_path):
    first = [task.name for task in load_suite("full").tasks if task.category == "reasoning"][:5]
    (tmp_path / "ship.yaml").write_text(
        "name: ship\nmodels: [sim/mid-7b]\nvariants: [careful]\nsuite: full\n"
        f"tasks: [{', '.join(first)}]\nrubric: verified\ndelivery: off\n"
    )
    assert cli("run", "ship.yaml", "--quiet")[0] == 0
    code, told, _ = cli("decide", "ship", "careful")
    assert code in {0, 10, 11}
    assert "SIMULATED" in told
    assert cli("decide", "ship", "careful")[1] == told, "the same inputs, the same bytes"
    assert cli("decide", "ship", "careful", "-m", "sim/mid-7b")[1] == told
    code, _, error = cli("decide", "ship", "carefull")
    assert (code, "it has: baseline, careful" in error) == (2, True)
    code, _, error = cli("decide", "ship", "careful", "-m", "sim/mid-8b")
    assert (code, "it asked: sim-mid-7b" in error) == (2, True)
    code, _, error = cli("decide", "ship", "careful", "--store", "none.db")
    assert (code, error.count("\n")) == (2, 1)
