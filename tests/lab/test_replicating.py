"""Repeated runs in a store: what the report says of them, and what it refuses to call repeated."""

import json
import random

import pytest

from preamblelab.decision.replication import manifest_of
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Response
from preamblelab.domain.tasks import Suite, Task
from preamblelab.errors import SpecError, TableError
from preamblelab.lab.replicating import replicated
from preamblelab.lab.running import execute
from preamblelab.scoring.scorers import scorer
from preamblelab.store import Store
from tests.lab.plans import experiment

pytestmark = pytest.mark.whole

SKILL = {"strong": {"talk": 0.8, "code": 0.5}, "weak": {"talk": 0.3, "code": 0.5}, "nil": {}}


@scorer(dimension="worth")
def worth(task, response):
    """The share that the answer carries."""
    return float(response.text)


@scorer(dimension="depth")
def depth(task, response):
    """The same again."""
    return float(response.text)


def suite(count: int = 8) -> Suite:
    made = [
        Task(name=f"{category}-{n}", category=category, prompt=f"{category} {n}")
        for category in ("talk", "code")
        for n in range(count)
    ]
    return Suite(name="two", tasks=tuple(made))


def asked(store, name: str, seed: int, **changes) -> None:
    """A run whose answers carry their worth, drawn anew with each seed."""

    def answer(trial) -> Response:
        draw = random.Random(f"{seed} {trial.model.name} {trial.task.name} {trial.variant.label}")
        skill = SKILL[trial.model.name].get(trial.task.category)
        text = "0" if skill is None else f"{min(max(draw.gauss(skill, 0.1), 0), 1):.4f}"
        return Response(text=text, status="ok", seconds=0.1, usd=0.01)

    models = tuple(
        ModelSpec(id=f"openai/{m}", name=m, size="mid", settings={"seed": seed * 100})
        for m in SKILL
    )
    plan = experiment(None, name=name, models=models, suite=suite(), seed=seed, **changes)
    execute(plan, store, scorers=(worth, depth), client=answer)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "runs.db"
    with Store(path) as store:
        for number in (1, 2, 3):
            asked(store, f"run-{number}", number)
        asked(store, "hot", 4, settings={"max_tokens": 100, "temperature": 1.5})
    return path


def test_three_runs_give_tiers_findings_and_what_they_rest_on(runs):
    report = replicated(["run-1", "run-2", "run-3"], runs)
    assert "<h2" in report._repr_html_(), "a notebook shows its sections"
    assert report.replicates
    found = {row["category"]: row for row in report.to_dict()["findings"]}
    assert found["talk"]["status"] == "survived"
    assert found["talk"]["leader"] == "strong"
    assert set(found["talk"]["basis"]["arms"]) == {"strong", "weak"}
    assert found["code"]["status"] != "survived"
    text = str(report)
    assert "equal manifests" in text
    assert "as they answered under 'baseline'" in text
    assert "at the floor" in text
    assert "1.33" not in text or "take" in text
    assert "give or take" in text
    assert "usd subject" in text
    assert json.loads(report.to_json())["runs"][0]["usd"]["subject"] == pytest.approx(0.96)


def test_neither_the_order_of_the_runs_nor_their_clocks_change_what_is_found(runs, tmp_path):
    """Edge case: clock or time zone between runs. A manifest has no time; names tell runs apart."""
    late = tmp_path / "late.db"
    with Store(late, clock=lambda: "1999-12-31T23:59:59.000000Z") as store:
        asked(store, "run-3", 3)
    straight = replicated(["run-1", "run-2", "run-3"], runs)
    turned = replicated([f"{late}:run-3", "run-2", "run-1"], runs)
    assert turned.replicates
    columns = ["category", "leader", "status", "low", "high"]
    one, other = (r.findings.sort_values("category")[columns] for r in (straight, turned))
    assert one.round(9).to_dict("list") == other.round(9).to_dict("list")


def test_two_runs_are_labelled_so(runs):
    report = replicated(["run-1", "run-2"], runs)
    assert set(report.findings["status"]) == {"two-run"}
    assert "no routing rule may rest on it" in " ".join(str(report).split())


def test_a_run_with_another_profile_is_not_called_a_replicate(runs):
    """G22: one profile changed."""
    report = replicated(["run-1", "run-2", "hot"], runs)
    assert report.replicates is False
    assert "models.strong.settings.temperature is nothing in run-1 and 1.5 in hot" in " ".join(
        str(report).split()
    )

    assert report.replication.group == ("run-1", "run-2")
    assert set(report.findings["status"]) == {"two-run"}


def test_runs_of_which_no_two_measure_the_same_are_single_runs(runs):
    report = replicated(["run-1", "hot"], runs)
    assert "No two runs measure the same" in " ".join(str(report).split())
    assert set(report.findings["status"]) == {"single-run"}


def test_runs_by_other_programs_or_prices_are_no_replicates_and_are_named(tmp_path, monkeypatch):
    """Versions concern all that was asked; a price concerns its model, which is left out."""
    from preamblelab.execution.prices import KnownPrice
    from preamblelab.lab import discovering

    path = tmp_path / "runs.db"
    prices = {"strong": 1.0, "weak": 1.0, "nil": 1.0}
    monkeypatch.setattr(
        discovering,
        "price_of",
        lambda m: KnownPrice(input_usd=prices[m.name], output_usd=2.0, source="user"),
    )
    with Store(path) as store:
        for name, seed in (("run-1", 1), ("run-2", 2)):
            asked(store, name, seed)
        prices["nil"] = 3.0
        asked(store, "dearer", 3)
        monkeypatch.setattr(discovering, "version", lambda _: "9.9")
        asked(store, "newer", 4)
    assert replicated(["run-1", "run-2"], path).replicates
    dearer = replicated(["run-1", "run-2", "dearer"], path).replication
    assert dearer.arms == ("strong", "weak")
    assert dearer.left_out == {"nil": "price is 1 in, 2 out in run-1 and 3 in, 2 out in dearer"}
    newer = replicated(["run-1", "run-2", "newer"], path).replication
    assert "versions.preamblelab" in newer.sentences[0]
    assert newer.group == ("run-1", "run-2")


def test_a_finding_does_not_expire_because_a_program_or_a_price_changed():
    plan = experiment(None, models=(ModelSpec(id="openai/a", name="a", size="mid"),))
    made = [
        {"versions": {"preamblelab": "1"}, "prices": {"a": "1 in"}},
        {"versions": {"preamblelab": "2"}, "prices": {"a": None}},
    ]
    first, second, both = (
        manifest_of("r", plan, made_with=each) for each in (made[:1], made[1:], made)
    )
    assert first.digest != second.digest
    assert both.common["versions"] == {"preamblelab": "1, then 2"}
    assert both.arms["a"]["price"] == "1 in, then unknown"
    assert first.basis("talk", ["a"]) == second.basis("talk", ["a"])


def test_a_run_that_is_not_there_is_named(runs):
    with pytest.raises(SpecError, match="nowhere"):
        replicated(["run-1", "nowhere"], runs)


def test_stored_answers_that_two_runs_share_repeat_nothing(tmp_path):
    """The store asks a thing once: another name and the same settings are the same answers."""
    with Store(tmp_path / "runs.db") as store:
        for name in ("one", "two"):
            asked(store, name, 1)
    report = replicated(["one", "two"], tmp_path / "runs.db")
    assert "two and one share 96 of 96 stored answers" in " ".join(str(report).split())


def test_the_same_texts_in_every_run_look_like_a_cache(tmp_path):
    """Other seeds, other stored answers, and every text is the same."""

    def always(trial) -> Response:
        return Response(text="0.5", status="ok", seconds=0.1)

    with Store(tmp_path / "runs.db") as store:
        for seed in (1, 2):
            models = (ModelSpec(id="openai/m", name="m", size="mid", settings={"seed": seed}),)
            plan = experiment(None, name=f"run-{seed}", models=models, suite=suite(3), seed=seed)
            execute(plan, store, scorers=(worth, depth), client=always)
    report = replicated(["run-1", "run-2"], tmp_path / "runs.db")
    assert "100% of the answers of run-2 equal those of run-1 byte for byte" in str(report.warnings)
    text = " ".join(str(report).split())
    # One arm: no tiers and no findings, only what moved.
    assert "One arm: no tiers, only its noise. Its mean moved between the runs: 50.0, 50.0" in text
    assert report.findings.empty


def test_a_run_that_no_judge_marked_is_refused_in_words(tmp_path):
    """Edge case: all judges of a run are invalid."""
    file = tmp_path / "runs.csv"
    rows = [f"r{run},{m},baseline,t,talk,1,{'' if run == 2 else 5}" for run in (1, 2) for m in "ab"]
    file.write_text("run,model,variant,task,category,repetition,score\n" + "\n".join(rows))
    with pytest.raises(TableError, match="run r2 has no score at all"):
        replicated([str(file)], tmp_path / "no.db")


def test_a_category_without_a_scored_task_is_left_out(tmp_path):
    """Edge case: no task in a category."""
    file = tmp_path / "runs.csv"
    rows = [
        f"r{run},{m},baseline,{category}-{n},{category},1,{'' if category == 'lost' else n + run}"
        for run in (1, 2, 3)
        for m in "ab"
        for category in ("talk", "lost")
        for n in range(5)
    ]
    file.write_text("run,model,variant,task,category,repetition,score\n" + "\n".join(rows))
    assert replicated([str(file)], tmp_path / "no.db").findings["category"].tolist() == ["talk"]


def test_a_benchmark_profile_that_is_not_productions_is_warned(runs, tmp_path):
    file = tmp_path / "profiles.yaml"
    file.write_text(
        "profiles:\n"
        "  strong-live: {model: strong, purpose: production, settings: {max_tokens: 100, "
        "temperature: 0.7}}\n"
        "  weak-live: {model: weak, purpose: production, settings: {max_tokens: 100}}\n"
    )
    text = " ".join(str(replicated(["run-1", "run-2", "run-3"], runs, profiles=file)).split())
    assert "strong was measured with temperature not sent instead of 0.7" in text
    assert "weak: asked with weak-live (b2:" in text
    assert "nil: asked with no named profile: max_tokens 100." in text


def test_a_table_is_taken_on_trust_and_says_so(tmp_path):
    file = tmp_path / "runs.csv"
    rows = [
        f"r{run},{model},baseline,t{task},talk,1,{50 + 5 * (model == 'a') + run + task}"
        for run in (1, 2, 3)
        for model in "ab"
        for task in range(6)
    ]
    file.write_text("run,model,variant,task,category,repetition,score\n" + "\n".join(rows))
    report = replicated([str(file)], tmp_path / "no.db")
    assert report.replicates is None
    assert "on your word" in str(report)
    assert report.findings["leader"].tolist() == ["a"]
