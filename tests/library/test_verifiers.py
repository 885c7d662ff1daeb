"""Verifiers in YAML: short forms, faults with their line, schemas, documents."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from preamblelab.domain.tasks import Suite, Task
from preamblelab.domain.verifiers import VERIFIER_SHORT_FORMS, Exact
from preamblelab.errors import SpecError
from preamblelab.library import (
    experiment_document,
    experiment_from_document,
    load_experiment,
    load_suite,
)
from preamblelab.library.strict_yaml import parse_yaml
from tests.library.published import validator

SHORT = """\
- exact: 42
- exact: [42, two]
- contains: [a, b]
- regex: '^a+$'
- numeric: 3.10
- symbolic: x^2
- choice: B
- json
- constraints: [no_commas, {words: {at_least: 10}}, {bullets: 3}, {keywords: sun}]
- refusal: answer
- canary: BLUE-HERON-42
- similarity: a text
- tool_calls: forecast
- tool_calls: []
- findings: [{file: fees.py, first: 3, last: 4}]
"""
LONG = """\
- {kind: exact, answer: ["42"]}
- {kind: exact, answer: ["42", two]}
- {kind: contains, all_of: [a, b]}
- {kind: regex, pattern: '^a+$'}
- {kind: numeric, value: "3.10"}
- {kind: symbolic, answer: x^2}
- {kind: choice, answer: B}
- {kind: json}
- kind: constraints
  all_of:
    - {kind: no_commas}
    - {kind: words, at_least: 10}
    - {kind: bullets, exactly: 3}
    - {kind: keywords, texts: [sun]}
- {kind: refusal, expect: answer}
- {kind: canary, secrets: [BLUE-HERON-42]}
- {kind: similarity, reference: a text}
- {kind: tool_calls, calls: [{name: forecast}]}
- {kind: tool_calls, calls: []}
- {kind: findings, expected: [{file: fees.py, first: 3, last: 4}]}
"""


def suite(verify: str) -> str:
    indented = verify.replace("\n", "\n      ")
    return f"name: s\ntasks:\n  - name: t\n    prompt: Do it.\n    verify:\n      {indented}\n"


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """Loads a suite of one task with these verifiers."""

    def _load(verify: str) -> Task:
        (tmp_path / "s.yaml").write_text(suite(verify), encoding="utf-8")
        return load_suite(tmp_path / "s.yaml").tasks[0]

    return _load


def test_short_forms_mean_the_long_ones(load: Any):
    short, long = load(SHORT), load(LONG)
    assert short.verify == long.verify
    assert short.digest == long.digest
    assert {each.kind for each in short.verify} == set(VERIFIER_SHORT_FORMS.main)


def test_one_verifier_needs_no_list(load: Any):
    assert load("exact: 3.10").verify == (Exact(answer=("3.10",)),)


@pytest.mark.parametrize("verify", [SHORT, LONG, "exact: 3", "exact: {answer: b}"])
def test_the_published_schema_takes_both_forms(verify: str):
    value = parse_yaml(suite(verify), "s.yaml").plain()
    validator("suite").validate(value)


@pytest.mark.parametrize("verify", ["- exat: 3", "- words: 3", "- {exact: 3, regex: a}"])
def test_the_published_schema_refuses_what_is_no_verifier(verify: str):
    value = parse_yaml(suite(verify), "s.yaml").plain()
    with pytest.raises(jsonschema.ValidationError):
        validator("suite").validate(value)


@pytest.mark.parametrize(
    ("verify", "message"),
    [
        ("exat: 3", "verify.0: no verifier 'exat'; did you mean 'exact'?"),
        ("regex: '(('", "verify.0.regex: no regular expression: "),
        ("regex: {patern: a}", "verify.0.regex: unknown field 'patern'; did you mean 'pattern'?"),
        ("json: 3", "'json' takes fields, not a value"),
        ("exact: []", "verify.0.exact: is empty"),
        ("choice: F", "'F' is none of the letters A, B, C, D, E"),
        ("constraints: [no_comma]", "no constraint 'no_comma'; did you mean 'no_commas'?"),
        ("constraints: [{words: {least: 3}}]", "unknown field 'least'; did you mean 'at_least'?"),
        ("constraints: [words]", "give at_least, at_most or exactly"),
        ("constraints: [{language: german}]", "'german' is no language code"),
        ("json: {fits: {type: objekt}}", "no JSON Schema: "),
        ("refusal: maybe", "must be 'refusal' or 'answer', not 'maybe'"),
        ("numeric: {value: 3, relative: 2}", "relative: must be below 1, not 2"),
        ("canary: abc", "the secret 'abc' is too short"),
        ("{exact: a, regex: b}", "a verifier is 'kind: value' or has a field 'kind'"),
        ("contains: {whole_words: on}", "give all_of, any_of or none_of"),
    ],
)
def test_a_fault_is_named_with_its_line_and_its_mend(load: Any, verify: str, message: str):
    with pytest.raises(SpecError) as caught:
        load(f"- {verify}")
    assert "s.yaml:6: tasks.0.verify" in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_verifiers_come_back_from_a_stored_document(project: Path, load: Any):
    experiment = load_experiment(project / "experiments/plan.yaml")
    task = load(SHORT)
    changed = experiment.model_copy(update={"suite": Suite(name="s", tasks=(task,))})
    text = json.dumps(experiment_document(changed), sort_keys=True)
    back = experiment_from_document(json.loads(text))
    assert back.suite.tasks[0].verify == task.verify
    assert back.suite.tasks[0].digest == task.digest


def test_an_experiment_may_write_verifiers_into_its_own_tasks(project: Path, plan: str):
    inline = "suite:\n  - {name: t, prompt: Hello, verify: {exact: 42}}"
    (project / "experiments/x.yaml").write_text(plan.replace("suite: smoke", inline))
    tasks = load_experiment(project / "experiments/x.yaml").suite.tasks
    assert tasks[0].verify == (Exact(answer=("42",)),)


def test_sample_answers_do_not_change_a_task_s_address_and_verifiers_do():
    bare = Task(name="t", prompt="Hello?")
    assert bare.model_copy(update={"golden": "a", "wrong": "b"}).digest == bare.digest
    assert bare.model_copy(update={"verify": (Exact(answer=("a",)),)}).digest != bare.digest
