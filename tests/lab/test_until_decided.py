"""Interim looks over a real run: what is settled is asked nothing more, and nothing is changed."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import preamblelab as pl
from preamblelab import testing
from preamblelab.domain.records import Request, Response
from preamblelab.errors import SpecError
from preamblelab.lab.stopping import look_plan
from tests.engines.scripted_server import Asked, Reply, ScriptedServer
from tests.lab.worlds import World, half, number

pytestmark = pytest.mark.whole

LOOKS = (4, 8, 12, 16, 20, 30, 40, 50, 60)
TRUTH = {"gains": 30.0, "same": 0.0, "loses": -25.0}


def run(world: World, store: Path | pl.Store, **more):
    plan = more.pop("plan", None) or world.experiment(until_decided=True)
    options = {"scorers": [number], "client": world, **more}
    return pl.run(plan, store, **options)


def verdicts(report: pl.Report) -> dict[str, str]:
    return dict(zip(report.effects["model"], report.effects["verdict"], strict=True))


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> tuple[World, pl.Report, Path]:
    """A run that came to its end by itself."""
    world, path = World(effects=TRUTH), tmp_path_factory.mktemp("done") / "t.db"
    return world, run(world, path), path


def test_settled_pairs_are_asked_nothing_more(done):
    world, report, _ = done
    assert verdicts(report) == {"gains": "better", "same": "equivalent", "loses": "worse"}
    asked = world.per_pair()
    assert asked["gains", "p"] == asked["gains", "baseline"] <= 16
    assert asked["loses", "p"] == asked["loses", "baseline"] <= 16
    assert set(asked.values()) <= set(LOOKS), "a pair is left at a look, never between two"
    assert len(world.asked) == len(set(world.asked)), "nothing twice"
    assert report.looks.saved.asked == len(world.asked) < 360 / 2


def test_tasks_come_in_the_order_of_the_plan_new_ones_before_repeats(done):
    world, report, _ = done
    order = report.looks.plan.order
    for model in TRUTH:
        places = [
            (repetition - 1) * 20 + order.index(task)
            for name, label, task, repetition in world.asked
            if (name, label) == (model, "p")
        ]
        assert sorted(places) == list(range(len(places))), "exactly the first of the plan"
    categories = ["abc"[int(task[1:]) % 3] for task in order[:6]]
    assert sorted(categories) == list("aabbcc"), "every category from the first look on"


def test_the_report_claims_what_the_looks_allow_and_no_more(done):
    _, report, _ = done
    row = report.effects.set_index("model").loc["gains"]
    seen = report.looks.reviewed.set_index("model").loc["gains"]
    assert (row["low"], row["high"]) == (seen["low"], seen["high"])
    assert row["stopped_early"]
    assert report.effects[["p", "se"]].isna().all(axis=None), "no figure of a single look"
    assert len(report.overall) == 0, "looks were planned for pairs, not for all together"
    ordinary = pl.effects(report.scores).set_index("model").loc["gains"]
    assert row["high"] - row["low"] > ordinary["high"] - ordinary["low"]


def test_every_figure_is_that_of_the_look_whatever_came_later(tmp_path):
    """A settled pair keeps its means while the baseline goes on for another variant."""
    world = World(effects={"m": 30.0, "n": 2.0}, task_sd=8, repetition_sd=8)
    report = run(world, tmp_path / "t.db")
    effects = report.effects.set_index("model")
    gain = effects["variant_mean"] - effects["baseline_mean"]
    assert gain.to_numpy() == pytest.approx(effects["effect"].to_numpy())
    scores = report.scores[report.scores["model"] == "m"]
    more = scores.assign(score=scores["score"].where(scores["variant"] == "p", 0.0))
    later = more.assign(repetition=scores["repetition"] + 1, output_hash=None)
    looks = dataclasses.replace(report.looks, asked=pd.concat([report.looks.asked, later]))
    again = pl.Report(
        experiment="e", scores=pd.concat([report.scores, later]), looks=looks, margin=report.margin
    )
    columns = ["model", "baseline_mean", "variant_mean", "effect", "low", "high", "n_tasks"]
    settled = report.effects["stopped_early"]
    assert settled.any()
    pd.testing.assert_frame_equal(again.effects[settled][columns], report.effects[settled][columns])
    assert "no verdict over all models" in str(report)


def test_the_report_says_what_each_look_saw_and_what_was_saved(done):
    world, report, _ = done
    text = str(report)
    assert "Planned before the first call" in text
    assert f"{len(world.asked)} of 360 answers were asked" in text
    assert "better, stopped early" in text
    data = json.loads(report.to_json())["looks"]
    assert data["looks"] == list(LOOKS)
    assert data["saved"]["settled"] == 3
    assert {each["look"] for each in data["seen"] if each["model"] == "gains"} == set(
        range(1, LOOKS.index(world.per_pair()["gains", "p"]) + 2)
    )


def test_a_second_run_asks_nothing(done):
    world, report, path = done
    before = len(world.asked)
    assert str(run(world, path)) == str(report)
    assert len(world.asked) == before


def test_the_plan_is_recorded_before_the_first_call(tmp_path):
    with pl.Store(tmp_path / "t.db") as store:

        def before(_: pl.Trial, count: int) -> None:
            if count == 1:
                recorded = store.look_plan("e")
                assert recorded is not None
                assert recorded.plan["margin"] == 5
                assert len(recorded.plan["order"]) == 20

        run(World(effects={"gains": 30}, before=before), store)


def test_where_nothing_works_hardly_anything_is_claimed(tmp_path):
    """16 pairs without an effect; at an error of 5 % more than 3 wrong claims come once in 100."""
    world = World(effects={f"m{n:02d}": 0.0 for n in range(16)}, task_sd=8, repetition_sd=8)
    report = run(world, tmp_path / "t.db", plan=world.experiment(tasks=10, until_decided=True))
    claims = report.effects["verdict"].isin(["better", "worse"]).sum()
    assert claims <= 3
    assert report.looks.saved.share < 0.8
    saved = report.looks.saved
    given_up = report.effects["reason"].str.contains("would hardly decide").sum()
    assert saved.given_up == given_up > 0
    assert f"{saved.settled - given_up} decided, {given_up} given up" in str(report)


class Killed(BaseException):
    """Ends the process in its tracks, as far as the store can see."""


@pytest.mark.parametrize("at", [1, 24, 60])
def test_a_run_that_dies_goes_on_as_if_it_had_not(at, done, tmp_path):
    whole, report, _ = done

    def die(_: pl.Trial, count: int) -> None:
        if count == at:
            raise Killed

    with pytest.raises(Killed):
        run(World(effects=TRUTH, before=die), tmp_path / "t.db")
    world = World(effects=TRUTH)
    again = run(world, tmp_path / "t.db")
    assert verdicts(again) == verdicts(report)
    assert again.effects["low"].tolist() == report.effects["low"].tolist()
    with pl.Store(tmp_path / "t.db") as store:
        scores = store.scores("e")
    kept = scores[scores["status"] == "ok"][["model", "variant", "task", "repetition"]]
    assert set(kept.itertuples(index=False, name=None)) == set(whole.asked)


@pytest.mark.slow
def test_a_real_kill_between_two_looks(done, tmp_path):
    _, report, _ = done
    script = tmp_path / "script.py"
    script.write_text(
        "import os, signal\n"
        "from tests.lab.test_until_decided import TRUTH, World, run\n"
        "def die(_, count):\n"
        "    if count == 60:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        f"run(World(effects=TRUTH, before=die), {str(tmp_path / 't.db')!r})\n"
    )
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    killed = subprocess.run([sys.executable, str(script)], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    world = World(effects=TRUTH)
    assert verdicts(run(world, tmp_path / "t.db")) == verdicts(report)
    assert 0 < len(world.asked) < report.looks.saved.asked


def test_in_small_steps_it_comes_to_the_same(done, tmp_path):
    whole, report, _ = done
    world = World(effects=TRUTH)
    for _ in range(10):
        before = len(world.asked)
        again = run(world, tmp_path / "t.db", limit=41)
        assert len(world.asked) - before <= 41
        if len(world.asked) == before:
            break
    assert set(world.asked) == set(whole.asked)
    assert verdicts(again) == verdicts(report)


def test_a_budget_may_end_between_two_looks(done, tmp_path):
    whole, _, _ = done
    world = World(effects=TRUTH)
    plan = world.experiment(until_decided=True, budget=pl.Budget(calls=30))
    first = run(world, tmp_path / "t.db", plan=plan)
    assert len(world.asked) == 30
    assert set(first.effects["verdict"]) == {"undecided"}
    assert "open at look 1 of 9: 4 more answers per arm are planned" in str(first)
    for _ in range(5):
        run(world, tmp_path / "t.db", plan=plan)
    assert set(world.asked) == set(whole.asked)


CHANGES = {
    "margin": ({"margin": 2.0}, "margin was 5.0, is 2.0"),
    "order": ({"seed": 7}, "order"),
    "repetitions": ({"repetitions": 2}, "n_repetitions was 3, is 2"),
    "no looks": ({"until_decided": False}, "was begun under a plan of looks"),
    "rule": ({"repetition_rule": "seed"}, "exclude each other"),
}


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_plan_is_refused_and_nothing_is_touched(change, message, done):
    world, report, path = done
    plan = world.experiment(until_decided=True).model_copy(update=change)
    before = len(world.asked)
    with pytest.raises(SpecError, match=message) as refused:
        run(world, path, plan=plan)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 2000
    assert len(world.asked) == before
    with pl.Store(path) as store:
        assert verdicts(pl.analyze(store, "e")) == verdicts(report)


def test_other_tasks_or_another_marking_are_refused(done):
    world, _, path = done
    with pytest.raises(SpecError, match="n_tasks was 20, is 19"):
        run(world, path, plan=world.experiment(tasks=19, until_decided=True))
    with pytest.raises(SpecError, match="reads another marking"):
        run(world, path, scorers=[half])


def test_another_margin_is_refused_by_the_report_as_well(done):
    _, _, path = done
    with pl.Store(path) as store, pytest.raises(SpecError, match="planned with a margin of 5"):
        pl.analyze(store, "e", margin=2.0)


def test_looks_cannot_be_planned_after_answers_were_seen(tmp_path):
    world = World(effects={"gains": 30})
    run(world, tmp_path / "t.db", plan=world.experiment(repetitions=1))
    with pytest.raises(SpecError, match="was run without a plan of looks"):
        run(world, tmp_path / "t.db")


def test_answers_from_another_experiment_are_used_and_told(tmp_path):
    world = World(effects={"gains": 30})
    run(world, tmp_path / "t.db", plan=world.experiment(name="before", repetitions=1))
    seen = len(world.asked)
    report = run(world, tmp_path / "t.db")
    assert len(world.asked) == seen, "the first looks needed nothing new"
    assert "20 answers of the variants were there before the plan" in str(report)


def test_a_look_waits_for_a_call_that_failed(tmp_path):
    world = World(effects={"gains": 30})
    plan = world.experiment(until_decided=True)
    first = look_plan(plan).order[0]

    def client(trial: pl.Trial) -> Response:
        if trial.task.name == first and trial.variant.label == "p":
            return Response(status="failed", reason="server: down", route="custom")
        return world(trial)

    report = run(world, tmp_path / "t.db", plan=plan, client=client)
    assert len(world.asked) == 7, "nothing beyond the look that waits"
    assert "look 1 of 9 waits for answers" in str(report)
    report = run(world, tmp_path / "t.db", plan=plan)
    assert verdicts(report) == {"gains": "better"}


def test_a_call_that_is_refused_for_good_does_not_hold_the_looks_for_ever(tmp_path):
    world = World(effects={"gains": 30})
    plan = world.experiment(until_decided=True)
    first = look_plan(plan).order[0]

    def client(trial: pl.Trial) -> Response:
        if trial.task.name == first and trial.variant.label == "p":
            return Response(status="failed", reason="permanent: 400 no", route="custom")
        return world(trial)

    for _ in range(2):
        report = run(world, tmp_path / "t.db", plan=plan, client=client)
    assert verdicts(report) == {"gains": "better"}
    assert (report.scores["status"] == "failed").sum() == 1, "it is missing, and stays missing"


def test_marks_of_judges_are_made_before_each_look(tmp_path):
    """A judge behind a real server; each answer is judged once, and none that is not asked for."""

    def script(asked: Asked) -> Reply:
        request = Request(model=pl.ModelSpec(id="openai/j"), messages=tuple(asked.messages))
        judge = testing.judge(lambda text: float(text) / 100)
        return Reply(text=judge(request).text)

    world = World(effects={"gains": 40, "same": 0.0})
    with ScriptedServer(script) as server:
        judge = pl.ModelSpec(id="openai/j", name="j", api_base=server.url, concurrency=8)
        plan = world.experiment(
            tasks=12, until_decided=True, scorers=("judge/j",), judges={"j": judge}
        )
        report = run(world, tmp_path / "t.db", plan=plan, scorers=[])
        assert len(server.asked) == len(world.asked) < 2 * 2 * 36
    assert verdicts(report)["gains"] == "better"
    assert not report.looks.other_marking


def test_a_look_waits_while_a_judge_is_away(tmp_path):
    away = True

    def script(asked: Asked) -> Reply:
        if away:
            return Reply(status=401, text="no such key")
        request = Request(model=pl.ModelSpec(id="openai/j"), messages=tuple(asked.messages))
        return Reply(text=testing.judge(lambda text: float(text) / 100)(request).text)

    world = World(effects={"gains": 40})
    with ScriptedServer(script) as server:
        judge = pl.ModelSpec(id="openai/j", name="j", api_base=server.url)
        plan = world.experiment(
            tasks=10, until_decided=True, scorers=("judge/j",), judges={"j": judge}
        )
        run(world, tmp_path / "t.db", plan=plan, scorers=[])
        assert len(world.asked) == 4, "the first look, and nothing on trust"
        away = False
        report = run(world, tmp_path / "t.db", plan=plan, scorers=[])
    assert verdicts(report) == {"gains": "better"}


def test_another_rubric_later_is_told_apart_from_what_was_planned(done, tmp_path):
    world = World(effects={"gains": 30})
    run(world, tmp_path / "t.db")
    report = pl.score("e", tmp_path / "t.db", scorers=[half])
    assert "marked otherwise than planned" in str(report)
