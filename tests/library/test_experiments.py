"""Experiment files: what they may say, what they become, and where they are wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest

from preamblelab.domain.models import ModelSpec
from preamblelab.errors import SpecError
from preamblelab.library import (
    experiment_document,
    experiment_from_document,
    load_experiment,
    load_experiment_with_source,
    read_experiment_file,
)

Write = Callable[[str, str], Path]


def test_every_name_is_looked_up_in_the_project_of_the_file(project: Path):
    experiment = load_experiment(project / "experiments/plan.yaml")
    assert experiment.arms == ("baseline", "careful")
    assert [model.id for model in experiment.models] == [
        "ollama_chat/gemma3:4b",
        "openai/some-model",
    ]
    assert [model.name for model in experiment.models] == ["gemma", "big"]
    assert experiment.suite.tasks[0].files == {"user.js": "class User {}\n"}
    assert [d.name for d in experiment.rubric.dimensions] == ["analysis", "code"]
    assert experiment.preambles["careful"].clauses["brevity"] == "At most three sentences.\n"


def test_a_name_finds_the_experiment_of_the_project_one_stands_in(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(project / "experiments")
    assert load_experiment("plan").name == "plan"
    assert load_experiment("plan.yaml").name == "plan"


def test_the_name_of_the_file_is_the_name_when_none_is_given(write: Write, plan: str):
    path = write("experiments/brevity study.yaml", plan.replace("name: plan\n", ""))
    assert load_experiment(path).name == "brevity-study"


@pytest.mark.parametrize(
    ("written", "labels"),
    [
        ("brevity: [on, off]", ("careful", "careful+brevity")),
        ("brevity: [true, false]", ("careful", "careful+brevity")),
        ("brevity: on", ("careful+brevity",)),
        ("brevity: yes", ("careful+brevity",)),
        ("brevity: [off]", ("careful",)),
        ("clauses: {loop_guard: [on]}", ("careful+loop_guard",)),
        (
            "clauses: {brevity: [on, off], loop_guard: [on, off]}",
            ("careful", "careful+loop_guard", "careful+brevity", "careful+brevity+loop_guard"),
        ),
    ],
)
def test_clauses_are_crossed_with_every_variant(
    write: Write, plan: str, written: str, labels: tuple[str, ...]
):
    assert load_experiment(write("experiments/x.yaml", plan + written)).variants == labels


def test_sizes_and_clauses_of_a_label_are_kept_when_another_clause_is_crossed(
    write: Write, plan: str
):
    text = plan.replace("[careful]", "[careful:tiny+loop_guard]") + "brevity: [on, off]\n"
    assert load_experiment(write("experiments/x.yaml", text)).variants == (
        "careful:tiny+loop_guard",
        "careful:tiny+loop_guard+brevity",
    )


def test_an_incumbent_may_be_the_baseline_and_no_preamble_a_variant(write: Write, plan: str):
    text = plan.replace("[careful]", "[baseline]") + "baseline: careful+brevity\n"
    experiment = load_experiment(write("experiments/x.yaml", text))
    assert experiment.arms == ("careful+brevity", "baseline")


def test_models_are_names_ids_or_written_out(write: Write, plan: str):
    models = "[gemma, ollama_chat/phi4:14b, openai/some-model, {id: sim/mid-4b, parameters: 4}, NO]"
    experiment = load_experiment(write("experiments/x.yaml", plan.replace("[gemma, big]", models)))
    assert [model.name for model in experiment.models] == [
        "gemma",
        "ollama_chat/phi4:14b",
        "big",  # the id of an entry of the catalogue means that entry
        "sim/mid-4b",
        "NO",
    ]


def test_judges_come_from_the_catalogue_an_id_or_the_experiment(write: Write, plan: str):
    text = (
        plan
        + "scorers: [text, judge/gemma, judge/openai/other, judge/mine, judge/anthropic/x]\n"
        + "judges:\n  mine: {id: openai/mine, settings: {temperature: 0}}\n"
        + "  anthropic/x: {settings: {max_tokens: 100}}\n"
        + "judgements: 2\n"
    )
    experiment = load_experiment(write("experiments/x.yaml", text))
    assert {
        word: (judge.id, dict(judge.settings)) for word, judge in experiment.judges.items()
    } == {
        "gemma": ("ollama_chat/gemma3:4b", {}),
        "openai/other": ("openai/other", {}),
        "mine": ("openai/mine", {"temperature": 0}),
        "anthropic/x": ("anthropic/x", {"max_tokens": 100}),
    }


def test_a_suite_is_a_name_a_list_or_written_out(write: Write, plan: str):
    write("experiments/suites/more.yaml", "tasks: [{name: extra, prompt: More.}]")
    inline = '{name: own, prompt: Mine., files: {a.txt: data/a.txt, b.txt: "one\\ntwo"}}'
    write("experiments/data/a.txt", "alpha")
    for suite, name, tasks in (
        ("more", "more", ["extra"]),
        ("[smoke, more]", "plan", ["validator", "sort", "extra"]),
        (f"[smoke, {inline}]", "plan", ["validator", "sort", "own"]),
        (f"{{name: whole, tasks: [{inline}]}}", "whole", ["own"]),
    ):
        text = plan.replace("suite: smoke", f"suite: {suite}")
        loaded = load_experiment(write("experiments/x.yaml", text)).suite
        assert loaded.name == name
        assert [task.name for task in loaded.tasks] == tasks
    assert loaded.tasks[0].files == {"a.txt": "alpha", "b.txt": "one\ntwo"}


def test_tasks_pick_from_the_suite_in_the_order_written(write: Write, plan: str):
    path = write("experiments/x.yaml", plan + "tasks: [sort, validator]\n")
    assert [task.name for task in load_experiment(path).suite.tasks] == ["sort", "validator"]


def test_the_source_names_lines_of_the_file_and_of_what_it_names(project: Path):
    loaded = load_experiment_with_source(project / "experiments/plan.yaml")
    assert loaded.source.line_of("rubric") == 6
    assert loaded.source.line_of("models.1") == 3
    assert loaded.source.line_of("budget.usd") == 1  # not there: the nearest above it
    rubric = loaded.source.parts["rubric"]
    assert rubric.line_of("dimensions.code") == 8
    assert str(rubric.error("dimensions.code", "has no scorer")).endswith(
        "rubrics/coding.yaml:8: dimensions: has no scorer"
    )


def test_the_form_of_a_file_can_be_read_without_what_it_names(write: Write, plan: str):
    path = write("experiments/x.yaml", plan.replace("smoke", "not-there"))
    form, source = read_experiment_file(path)
    assert form.question == "Does it help?"
    assert source.line_of("suite") == 5


BAD = [
    ("repetition: 3", 7, "unknown field 'repetition'; did you mean 'repetitions'?"),
    (
        "repetitions: '3'",
        7,
        "repetitions: must be a whole number, not a text; take the quotes away",
    ),
    (
        "repetitions: true",
        7,
        "repetitions: must be a whole number, not 'true', which is a yes or no",
    ),
    ("repetitions: 0", 7, "repetitions: must be at least 1, not 0"),
    ("repetitions: 2.5", 7, "repetitions: must be a whole number, not the number 2.5"),
    ("budget: {usd: .nan}", 7, "budget.usd: must be a number, not a text"),
    ("budget: {dollars: 3}", 7, "budget: unknown field 'dollars'; known: "),
    ("seed: [1]", 7, "seed: must be a whole number, not a list"),
    ("delivery: maybe", 7, "delivery: must be true or false (on or off), not a text"),
    ("scorers: text", 7, "scorers: must be a list, not a text; write [one, two]"),
    ("scorers: [judge/]", 7, "scorers: 'judge/' is not a scorer"),
    ("scorers: [text, text]", 7, "scorers: 'text' stands here a second time"),
    ("scorers: [judge/gema]", 7, "scorers: no model named 'gema'; did you mean 'gemma'?"),
    ("judges: {gemma: {}}", 7, "judges: no scorer is 'judge/gemma'; add it to scorers"),
    ("tasks: [srt]", 7, "tasks: suite 'smoke' has no task 'srt'; did you mean 'sort'?"),
    ("brevity: [on, maybe]", 7, "brevity.1: must be true or false (on or off), not a text"),
    ("clauses:\n  brief: [on]", 8, "clauses: preamble 'careful' has no clause 'brief'"),
    ("baseline: careful:large", 7, "baseline: preamble 'careful' has no text for large"),
    ("baseline: careful", 4, "variants: 'careful' is both the baseline and a variant"),
    ("settings: {temprature: 1}", 7, "settings: unknown setting 'temprature'; did you mean"),
    ("settings: {think: off}", 7, "settings.think: 'off' can be a word or a switch"),
    ("suite: other", 7, "'suite' stands here a second time"),
    ("version: 3\nrepetition: 1", 7, "unknown field 'version'; known: "),
]


MORE = [
    ("brevity: on\nclauses: {brevity: on}", 7, "brevity: stands under clauses too"),
    ("tasks: [sort, sort]", 7, "tasks: 'sort' stands here a second time"),
    ("judges: {gemma: 3}\nscorers: [judge/gemma]", 7, "judges.gemma: must be a mapping of fields"),
]


@pytest.mark.parametrize(
    ("written", "line", "message"), [*BAD, *MORE], ids=[bad[0] for bad in [*BAD, *MORE]]
)
def test_what_is_wrong_is_said_with_file_line_field_and_mend(
    write: Write, plan: str, written: str, line: int, message: str
):
    path = write("experiments/x.yaml", plan + written + "\n")
    with pytest.raises(SpecError) as caught:
        load_experiment(path)
    text = str(caught.value)
    assert f"experiments/x.yaml:{line}: {message}" in text
    assert "\n" not in text


REPLACED = [
    (
        "variants: [careful]",
        "variants: [careful+brevity]\nbrevity: [on, off]",
        5,
        "brevity: variant 'careful+brevity' names clause 'brevity' itself",
    ),
    ("[gemma, big]", "[gemma, qwen]", 3, "models: no model named 'qwen'; known: NO, big, gemma"),
    ("[gemma, big]", "[gemma, gemma]", 3, "models: 'gemma' stands here a second time"),
    ("[gemma, big]", "[]", 3, "models: is empty; write at least one"),
    ("[gemma, big]", "[{id: a/b, sise: tiny}]", 3, "models.0: unknown field 'sise'; did you mean"),
    ("[gemma, big]", "[{id: a/b, size: tny}]", 3, "models.0.size: must be 'tiny', 'mid', 'large'"),
    (
        "[careful]",
        "[carefull]",
        4,
        "variants: no preamble named 'carefull'; did you mean 'careful'",
    ),
    ("[careful]", "[careful, careful]", 4, "variants: 'careful' comes a second time"),
    ("[careful]", "[careful:huge]", 4, "variants: 'careful:huge': no size 'huge'"),
    ("[careful]", "[careful+brief]", 4, "variants: preamble 'careful' has no clause 'brief'"),
    ("[careful]", "[../../etc/passwd]", 4, "variants: '../../etc/passwd' is not the name of a pre"),
    ("suite: smoke", "suite: ../smoke", 5, "suite: '../smoke' is not the name of a suite"),
    ("suite: smoke", "suite: [smoke, smoke]", 5, "suite: a second task 'validator'"),
    ("rubric: coding", "rubric: codng", 6, "rubric: no rubric named 'codng'; did you mean"),
    ("rubric: coding", "", 1, "'rubric' is missing"),
    ("name: plan", "name: a/b", 1, "name: 'a/b' is not a name"),
]


@pytest.mark.parametrize(("old", "new", "line", "message"), REPLACED, ids=[r[1] for r in REPLACED])
def test_a_wrong_word_is_named_with_what_there_is(
    write: Write, plan: str, old: str, new: str, line: int, message: str
):
    path = write("experiments/x.yaml", plan.replace(old, new))
    with pytest.raises(SpecError) as caught:
        load_experiment(path)
    assert f"experiments/x.yaml:{line}: {message}" in str(caught.value)


def test_of_several_errors_the_first_line_is_named_and_the_others_counted(write: Write, plan: str):
    path = write("experiments/x.yaml", "nme: x\n" + plan + "repetition: 3\nseed: soon\n")
    with pytest.raises(SpecError, match=r"x.yaml:1: unknown field 'nme'.* \(and 2 more\)$"):
        load_experiment(path)


def test_a_key_pasted_where_its_variable_belongs_is_not_printed(write: Write, plan: str):
    secret = "sk-abc123def456ghi789"
    path = write(
        "experiments/x.yaml",
        plan.replace("[gemma, big]", f"[{{id: openai/x, api_key_env: {secret}}}]"),
    )
    with pytest.raises(SpecError, match="api_key_env: this looks like a key") as caught:
        load_experiment(path)
    assert secret not in str(caught.value)


def test_a_model_written_out_is_the_same_as_one_made_in_python(write: Write, plan: str):
    written = "[{id: openai/x, parameters: 8, settings: {temperature: 1e-3}, stream: off}]"
    experiment = load_experiment(write("experiments/x.yaml", plan.replace("[gemma, big]", written)))
    assert experiment.models == (
        ModelSpec(id="openai/x", parameters=8, settings={"temperature": 0.001}, stream=False),
    )


def test_a_preamble_without_common_text_has_no_common_variant(write: Write, plan: str):
    write("preambles/sized.yaml", "sizes: {tiny: Short.}")
    path = write("experiments/x.yaml", plan.replace("[careful]", "[sized:common]"))
    with pytest.raises(SpecError, match=r"x.yaml:4: variants: 'sized' has no common text"):
        load_experiment(path)


def test_crossing_leaves_the_arm_without_a_preamble_alone(write: Write, plan: str):
    text = (
        plan.replace("[careful]", "[baseline, careful]") + "baseline: careful:tiny\nbrevity: on\n"
    )
    assert load_experiment(write("experiments/x.yaml", text)).arms == (
        "careful:tiny",
        "baseline",
        "careful+brevity",
    )


CLAIMS = "source: a blog\nclaims:\n  - {says: It helps., compute: mean_effect, states: 4}\n"


def test_claims_stand_beside_the_plan_and_change_nothing_in_it(write: Write, plan: str):
    write("experiments/claims/blog.yaml", CLAIMS)
    plain = load_experiment(write("experiments/x.yaml", plan))
    claimed = load_experiment(write("experiments/x.yaml", plan + "claims: claims/blog.yaml\n"))
    assert claimed.claims is not None
    assert claimed.claims.claims[0].says == "It helps."
    assert claimed.digest == plain.digest
    assert "claims" not in experiment_document(plain)
    assert experiment_from_document(experiment_document(claimed)) == claimed


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("../blog.yaml", r"x.yaml:\d+: claims: '../blog.yaml' is not a path below"),
        ("claims/none.yaml", r"none.yaml"),
        ("claims/bad.yaml", r"bad.yaml:2: claims.0: unknown field 'say'; did you mean"),
    ],
)
def test_wrong_claims_are_named_with_their_file(write: Write, plan: str, named: str, words: str):
    write("experiments/claims/bad.yaml", "claims:\n  - {say: x, compute: mean_effect, states: 4}\n")
    with pytest.raises(SpecError, match=words):
        load_experiment(write("experiments/x.yaml", plan + f"claims: {named}\n"))
