"""A run from plan to marks, against a real server and a real store: nothing twice, nothing lost."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from preamblelab.domain.experiments import Budget
from preamblelab.domain.facts import ModelFacts
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.preambles import Preamble
from preamblelab.errors import BudgetError, ProviderError, SpecError, StoreError
from preamblelab.execution import servers
from preamblelab.execution.delivery import CANARY_USER
from preamblelab.lab.reporting import analyze
from preamblelab.lab.running import Outcome, execute, mark_again
from preamblelab.library import load_suite
from preamblelab.report.progress import Progress
from preamblelab.store import Store
from tests.engines.scripted_server import Asked, Reply, ScriptedServer, verdict
from tests.lab.plans import CAREFUL, OWN, RUBRIC, WARM_UP, experiment, model, subjects, tasks

LONG = " ".join(f"step {n} takes {n * n * 7919} of them" for n in range(40))


@pytest.fixture(autouse=True)
def _silent_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server says about its models is tried where it matters."""
    told(monkeypatch, lambda _: None)


def told(monkeypatch: pytest.MonkeyPatch, facts: Callable[[Any], ModelFacts | None]) -> None:
    async def answer(spec: Any) -> ModelFacts | None:
        return facts(spec)

    monkeypatch.setattr(servers, "facts_from_server", answer)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "runs.db") as opened:
        yield opened


def run(plan: Any, store: Store, **options: Any) -> Outcome:
    return execute(plan, store, scorers=options.pop("scorers", OWN), **options)


def asked_anew(server: ScriptedServer, plan: Any, store: Store) -> int:
    """How many trials another run asks."""
    before = len(subjects(server))
    assert run(plan, store).complete
    return len(subjects(server)) - before


def scores(store: Store, name: str = "e") -> Any:
    return store.scores(name).set_index(["model", "variant", "task", "repetition"])["score"]


def test_every_trial_is_asked_once_and_the_second_run_asks_nothing(server, store):
    plan = experiment(server, repetitions=3)
    outcome = run(plan, store)
    assert outcome.complete
    assert (outcome.tally.done, outcome.tally.outcomes) == (12, {"ok": 12})
    assert outcome.marks.done == 12
    assert len(subjects(server)) == 12
    everything = len(server.asked)
    assert run(plan, store).complete
    assert len(server.asked) == everything, "not even a probe"
    assert set(scores(store)) == {30.0}


def test_only_what_is_new_is_asked(server, store):
    plan = experiment(server)
    assert asked_anew(server, plan, store) == 4
    plan = plan.model_copy(update={"repetitions": 3})
    assert asked_anew(server, plan, store) == 8
    plan = plan.model_copy(update={"suite": tasks(3)})
    assert asked_anew(server, plan, store) == 6
    plan = plan.model_copy(update={"models": (*plan.models, model(server, "other"))})
    assert asked_anew(server, plan, store) == 18
    more = Preamble(name="brief", text="Be brief.")
    preambles = {**plan.preambles, "brief": more}
    plan = plan.model_copy(update={"variants": ("careful", "brief"), "preambles": preambles})
    assert asked_anew(server, plan, store) == 18


def test_a_second_experiment_uses_the_baseline_of_the_first(server, store):
    run(experiment(server), store)
    brief = {"brief": Preamble(name="brief", text="Be brief.")}
    second = experiment(server, name="second", variants=("brief",), preambles=brief)
    assert asked_anew(server, second, store) == 2
    assert all(asked.system == "Be brief." for asked in subjects(server)[-2:])


def test_a_changed_preamble_is_never_answered_from_the_old_one(server, store):
    run(experiment(server), store)
    changed = {"careful": Preamble(name="careful", text=CAREFUL + " Always.")}
    assert asked_anew(server, experiment(server, preambles=changed), store) == 2
    assert asked_anew(server, experiment(server, settings={"max_tokens": 99}), store) == 4
    assert asked_anew(server, experiment(server), store) == 0, "the old ones are still there"


def test_other_weights_behind_the_same_name_are_asked_anew(server, store, monkeypatch):
    told(monkeypatch, lambda spec: ModelFacts(model=spec.id, digest="sha256:one"))
    plan = experiment(server)
    run(plan, store)
    more = plan.model_copy(update={"repetitions": 2})
    told(monkeypatch, lambda spec: ModelFacts(model=spec.id, digest="sha256:two"))
    assert asked_anew(server, more, store) == 8


def test_a_server_that_is_down_does_not_hide_what_it_answered(server, store, monkeypatch):
    told(monkeypatch, lambda spec: ModelFacts(model=spec.id, digest="sha256:one"))
    plan = experiment(server)
    run(plan, store)
    told(monkeypatch, lambda _: None)
    server.script = lambda _: Reply(status=400, text="down")
    outcome = run(plan.model_copy(update={"repetitions": 2}), store)
    assert outcome.tally.open == 4, "those of the first repetition are still known"
    assert scores(store).notna().sum() == 4


def test_variants_that_come_to_one_text_are_asked_once(server, store):
    plan = experiment(server, variants=("careful", "careful:common"))
    outcome = run(plan, store)
    assert outcome.complete
    assert len(subjects(server)) == 4
    assert scores(store).notna().sum() == 6, "each variant has its scores"


def test_arms_are_interleaved_and_the_baseline_is_not_always_first(server, store):
    run(experiment(server, suite=tasks(12), seed=3), store)
    arms = [bool(asked.system) for asked in subjects(server)]
    pairs = list(zip(arms[::2], arms[1::2], strict=True))
    assert set(pairs) == {(True, False), (False, True)}, "both arms of a task, in either order"


def test_models_of_a_local_engine_are_asked_one_after_the_other_one_call_at_a_time(server, store):
    server.script = lambda _: Reply(seconds=0.002)
    run(experiment(server, models=[model(server, name) for name in "abc"]), store)
    order = [asked.model for asked in subjects(server)]
    assert order == sorted(order)
    assert server.most_at_once == 1


def test_the_user_may_ask_a_local_engine_more_at_one_time(server, store):
    server.script = lambda _: Reply(seconds=0.02)
    plan = experiment(server, models=[model(server, "m", concurrency=4)], suite=tasks(6))
    run(plan, store)
    assert server.most_at_once == 4


def test_a_failed_trial_is_missing_never_zero_and_asked_again_by_the_next_run(server, store):
    server.script = lambda asked: (
        Reply(status=400, text="no") if "problem 1" in asked.user else Reply()
    )
    plan = experiment(server)
    outcome = run(plan, store)
    assert not outcome.complete
    assert outcome.tally.outcomes == {"ok": 2, "failed": 2}
    table = store.scores("e")
    failed = table[table["task"] == "task-1"]
    assert failed["score"].isna().all()
    assert set(failed["status"]) == {"failed"}
    server.script = lambda _: Reply()
    assert asked_anew(server, plan, store) == 2
    assert scores(store).notna().all()


def test_a_spent_budget_stops_between_trials_and_going_on_asks_only_the_rest(server, store):
    plan = experiment(server, suite=tasks(5), budget=Budget(calls=8))
    outcome = run(plan, store)
    assert not outcome.complete
    assert outcome.tally.stopped == "budget.calls: 8"
    assert (len(server.asked), outcome.tally.done) == (8, 6), "two probes count as well"
    assert outcome.marks.done == 6, "what was answered is marked: checks cost nothing"
    outcome = run(plan, store)
    assert outcome.complete
    assert len(subjects(server)) == 10


def test_subjects_and_judges_share_one_budget(server, store):
    server.script = judging()
    plan = judged(server, budget=Budget(calls=7), delivery=False, warm_up=False)
    outcome = run(plan, store, scorers=())
    assert len(server.asked) == 7
    assert (outcome.tally.done, outcome.marks.judgements, outcome.marks.not_asked) == (4, 3, 1)
    assert outcome.marks.reason == "budget.calls: 7"
    assert not outcome.complete
    assert run(plan, store, scorers=()).complete
    assert len(server.asked) == 8


def test_a_money_limit_with_an_unknown_price_is_refused_before_anything_is_asked(server, store):
    with pytest.raises(BudgetError, match="no price is known for m"):
        run(experiment(server, budget=Budget(usd=1)), store)
    assert not server.asked
    assumed = Budget(usd=1, assume_usd_per_million_tokens=1)
    assert run(experiment(server, budget=assumed), store).complete


def test_a_key_that_is_refused_halfway_keeps_the_rest_and_a_later_run_completes(
    server, store, monkeypatch
):
    monkeypatch.setenv("GOOD_KEY", "sk-good-0123456789")
    monkeypatch.setenv("BAD_KEY", "sk-revoked-0123456789")
    revoked = [True]

    def script(asked: Asked) -> Reply:
        if revoked[0] and "revoked" in asked.key and len(bad_calls()) > 5:
            return Reply(status=401, text="revoked")
        return Reply()

    def bad_calls() -> list[Asked]:
        return [asked for asked in server.asked if "revoked" in asked.key]

    server.script = script
    models = [model(server, name, api_key_env="BAD_KEY", concurrency=3) for name in "ab"]
    models.append(model(server, "c", api_key_env="GOOD_KEY", concurrency=3))
    plan = experiment(server, models=models, suite=tasks(6))
    outcome = run(plan, store)
    assert not outcome.complete
    assert len(bad_calls()) <= 5 + 3, "those in flight, at most"
    assert [asked.model for asked in server.answered].count("c") == 12 + 2
    (reason,) = outcome.tally.left_alone.values()
    assert reason == "auth: HTTP 401: revoked"
    revoked[0] = False
    assert run(plan, store).complete
    answered = [(asked.model, asked.user, asked.system) for asked in server.answered]
    assert len(answered) == len(set(answered)), "nothing that was answered is asked again"


def test_a_missing_key_ends_the_model_before_anything_is_sent(server, store, monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    plan = experiment(server, models=[model(server, "m", api_key_env="NO_SUCH_KEY")])
    outcome = run(plan, store)
    assert not server.asked
    assert "NO_SUCH_KEY is not set" in "".join(outcome.tally.left_alone.values())
    assert not outcome.complete


def test_the_ollama_prefix_is_refused_before_anything_is_asked(server, store):
    bad = model(server, "m").model_copy(update={"id": "ollama/gemma3:4b"})
    with pytest.raises(ProviderError, match="write 'ollama_chat/gemma3:4b'"):
        run(experiment(server, models=[bad]), store)
    assert not server.asked


def test_a_store_that_cannot_be_written_to_ends_the_run_and_the_paying(server, store, monkeypatch):
    def full(rows: object) -> None:
        raise StoreError("no space is left on the disk")

    plan = experiment(server, suite=tasks(60), delivery=False)
    server.script = lambda _: Reply(seconds=0.01)
    monkeypatch.setattr(store, "put", full)
    with pytest.raises(StoreError, match="no space is left"):
        run(plan, store)
    assert len(server.asked) < 30


@pytest.mark.whole
def test_a_full_disk_is_one_line_and_what_was_stored_stays(server, store):
    server.script = lambda _: Reply(text=LONG * 9, seconds=0.01)
    plan = experiment(server, suite=tasks(30))
    run(plan, store, limit=2)
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreError) as caught:
        run(plan, store)
    assert "no space is left on the disk" in str(caught.value)
    assert "\n" not in str(caught.value)
    store._connection.execute("PRAGMA max_page_count = 1000000")
    lost = len(subjects(server)) - len(store.answered(t.response_key for t in store.trials("e")))
    assert asked_anew(server, plan, store) + len(subjects(server)) >= 60
    assert lost < 30


def test_a_limit_asks_so_many_and_the_next_run_the_rest(server, store):
    plan = experiment(server)
    assert run(plan, store, limit=3).tally.done == 3
    assert asked_anew(server, plan, store) == 1


def judging(share: float = 0.5) -> Callable[[Asked], Reply]:
    def script(asked: Asked) -> Reply:
        if asked.model.startswith("judge"):
            return Reply(text=verdict(asked, share))
        return Reply()

    return script


def judged(server: ScriptedServer, *names: str, **fields: Any) -> Any:
    names = names or ("judge",)
    judges = {name: model(server, name) for name in names}
    scorers = tuple(f"judge/{name}" for name in names)
    return experiment(server, scorers=scorers, judges=judges, **fields)


def test_answers_are_committed_before_any_of_them_is_judged(server, store):
    stored: list[int] = []

    def script(asked: Asked) -> Reply:
        if asked.model == "judge":
            with Store(store.path, read_only=True) as other:
                stored.append(len(other.answered(t.response_key for t in other.trials("e"))))
        return judging()(asked)

    server.script = script
    assert run(judged(server), store, scorers=()).complete
    assert stored == [4] * 4


def test_a_judge_sees_task_rubric_and_answer_never_arm_preamble_or_model(server, store):
    server.script = judging()
    plan = judged(server, models=[model(server, "secretive-model")])
    run(plan, store, scorers=())
    seen = [str(asked.messages) for asked in server.asked if asked.model == "judge"]
    assert len(seen) == 4
    for words in seen:
        assert "Solve problem" in words
        assert "It holds." in words
        assert "Is clear" in words
        for hidden in ("careful engineer", "secretive", "baseline"):
            assert hidden not in words


def test_a_judge_that_is_down_keeps_the_answers_and_scoring_later_asks_only_judges(server, store):
    server.script = lambda asked: (
        Reply(status=401, text="down") if asked.model == "judge" else Reply()
    )
    plan = judged(server)
    outcome = run(plan, store, scorers=())
    assert (outcome.tally.done, outcome.marks.done) == (4, 0)
    assert not outcome.complete
    assert outcome.marks.not_asked == 4
    assert scores(store).isna().all()
    server.script = judging()
    before = len(subjects(server))
    assert mark_again(plan, store).complete
    new = subjects(server)[before:]
    assert {asked.model for asked in new} == {"judge"}
    assert len(new) == 4
    assert set(scores(store)) == {50.0}


def test_another_judge_and_more_judgements_ask_only_for_what_is_new(server, store):
    server.script = judging()
    run(judged(server), store, scorers=())
    assert server.count("judge") == 4
    run(judged(server, "judge", "judge-b"), store, scorers=())
    assert (server.count("judge"), server.count("judge-b")) == (4, 4)
    run(judged(server, "judge", "judge-b", judgements=3), store, scorers=())
    assert (server.count("judge"), server.count("judge-b")) == (12, 12)
    assert len(server.asked) - 24 == 4 + 2, "subjects and their two probes were asked once"


def test_what_one_judge_said_is_kept_when_the_next_one_fails(server, store):
    server.script = lambda asked: (
        Reply(status=400, text="no") if asked.model == "judge-b" else judging()(asked)
    )
    plan = judged(server, "judge", "judge-b", judgements=2)
    assert not run(plan, store, scorers=()).complete
    assert server.count("judge") == 8
    server.script = judging()
    assert run(plan, store, scorers=()).complete
    assert server.count("judge") == 8, "its judgements were paid once"


def test_a_judge_that_dies_at_the_second_question_is_asked_again_by_the_next_run(server, store):
    """The first reply cannot be read, the re-ask fails: that is no verdict for ever."""
    seen: set[str] = set()

    def script(asked: Asked) -> Reply:
        if asked.model != "judge":
            return Reply()
        receipt = asked.user.partition("[rid:")[2].partition("]")[0]
        if receipt in seen:
            return Reply(status=400, text="no")
        seen.add(receipt)
        return Reply(text="nonsense")

    server.script = script
    plan = judged(server, suite=tasks(1))
    assert not run(plan, store, scorers=()).complete
    server.script = judging()
    assert run(plan, store, scorers=()).complete
    assert set(scores(store)) == {50.0}
    before = len(server.asked)
    assert run(plan, store, scorers=()).complete
    assert len(server.asked) == before


def test_an_unreadable_verdict_is_missing_with_its_status_and_not_asked_for_ever(server, store):
    server.script = lambda asked: Reply(text="eleven of ten")
    plan = judged(server, suite=tasks(1))
    outcome = run(plan, store, scorers=())
    assert outcome.marks.missing == {"no_json": 2}
    assert outcome.complete, "every answer was judged; the judge's nonsense is data"
    assert scores(store).isna().all()
    before = len(server.asked)
    run(plan, store, scorers=())
    assert len(server.asked) == before


@pytest.mark.parametrize("points", ["999", "-1", "NaN", "1e400", '"many"'])
def test_points_that_no_rubric_has_score_no_cell_and_every_one_is_counted(server, store, points):
    """A judge over the maximum, under zero, or with no number at all."""

    def script(asked: Asked) -> Reply:
        if asked.model != "judge":
            return Reply()
        return Reply(text=re.sub(r'"points": \d+', f'"points": {points}', verdict(asked)))

    server.script = script
    outcome = run(judged(server, suite=tasks(1)), store, scorers=())
    assert sum(outcome.marks.missing.values()) == 2
    assert scores(store).isna().all()


def test_scoring_with_another_rubric_asks_subjects_nothing_and_forgets_nothing(server, store):
    server.script = judging()
    plan = judged(server)
    run(plan, store, scorers=())
    before = len(server.asked)
    turned = RUBRIC.model_copy(update={"dimensions": tuple(reversed(RUBRIC.dimensions))})
    assert mark_again(plan.model_copy(update={"rubric": turned}), store).complete
    assert {asked.model for asked in server.asked[before:]} == {"judge"}
    before = len(server.asked)
    assert mark_again(plan, store).complete
    assert len(server.asked) == before, "the marks under the first rubric are still there"


def arrivals(store: Store) -> dict[str, Any]:
    return {row["model"]: row for row in analyze(store, "e").effects.to_dict("records")}


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (lambda asked: Reply(prompt_tokens=len(asked.user) // 4), "the server drops it"),
        (
            lambda asked: (
                Reply(status=400, text="System role not supported") if asked.system else Reply()
            ),
            "refuses a system message",
        ),
    ],
)
def test_a_server_that_loses_the_preamble_gets_no_effect_claimed(server, store, script, words):
    server.script = script
    run(experiment(server, repetitions=3), store)
    row = arrivals(store)["m"]
    assert (row["delivery"], row["verdict"]) == ("undelivered", "undelivered")
    assert words in row["delivery_reasons"]
    assert row["effect"] != row["effect"], "missing, not zero"


def test_why_a_call_through_litellm_failed_is_what_its_provider_said(server, store, monkeypatch):
    """It was told as "no running event loop", which the loop's own beginning had caught."""

    def refuses(*_: object) -> object:
        raise LookupError("temperature 9 is too hot")

    monkeypatch.setattr("preamblelab.execution.simulated.SimulatedProvider.stream", refuses)
    run(experiment(server, models=[ModelSpec(id="sim/mid-7b", name="m")], delivery=False), store)
    assert set(store.scores("e")["reason"]) == {"permanent: temperature 9 is too hot"}


@pytest.mark.parametrize("route", ["direct", "litellm"])
def test_calls_that_ctrl_c_gives_up_are_open_and_no_failures(server, store, monkeypatch, route):
    """Two Ctrl-C while answers are on their way: the trials are asked again, nothing is stored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    press = partial(os.kill, os.getpid(), signal.SIGINT)
    progress = Progress()
    monkeypatch.setattr(Progress, "say", lambda *_: press())

    def never(asked: Asked) -> Reply:
        if asked.number == 1:
            press()
        return Reply(seconds=60.0)

    server.script = never
    plan = experiment(server, models=[model(server, "m", route=route)], delivery=False)
    try:
        outcome = run(plan, store, progress=progress, handle_interrupts=True)
    finally:
        signal.signal(signal.SIGINT, before)
    assert "0 of 4 answers are stored" in outcome.interrupted
    assert set(store.scores("e")["status"]) == {"pending"}


@pytest.mark.slow
def test_a_simulated_model_that_hears_no_system_message_is_undelivered(server, store):
    """Slow, because it is asked through litellm like any other provider."""
    deaf, hearing = (ModelSpec(id=f"sim/{n}", name=n) for n in ("base-1.5b-deaf", "mid-4b"))
    plan = experiment(server, models=[deaf, hearing], suite=load_suite("smoke"), repetitions=2)
    run(plan, store)
    rows = arrivals(store)
    assert rows["base-1.5b-deaf"]["verdict"] == "undelivered"
    assert rows["base-1.5b-deaf"]["effect"] != rows["base-1.5b-deaf"]["effect"]
    assert rows["mid-4b"]["delivery"] == "delivered"


def test_a_delivered_preamble_is_not_flagged_and_short_equal_answers_are_no_evidence(server, store):
    server.script = lambda _: Reply(text="42")
    run(experiment(server, suite=tasks(4), repetitions=2), store)
    row = arrivals(store)["m"]
    assert row["delivery"] == "delivered"
    assert row["verdict"] != "undelivered"


def test_counted_tokens_outweigh_answers_that_begin_alike(server, store):
    server.script = lambda _: Reply(text=LONG)
    run(experiment(server), store)
    row = arrivals(store)["m"]
    assert row["delivery"] == "delivered"
    assert row["verdict"] != "undelivered"


def test_long_answers_that_begin_alike_without_a_count_mean_undelivered(server, store):
    server.script = lambda _: Reply(text=LONG, prompt_tokens=0)
    run(experiment(server), store)
    assert arrivals(store)["m"]["delivery"] == "undelivered"


def test_a_vendors_own_system_text_is_noted_and_a_small_context_is_undelivered(server, store):
    server.script = lambda asked: Reply(
        prompt_tokens=len(str(asked.messages)) // 4 + (0 if asked.system else 60)
    )
    small = model(server, "small", settings={"num_ctx": 20}, dialect="openai")
    plan = experiment(server, models=[model(server, "m"), small])
    with pytest.raises(SpecError, match="num_ctx"):
        run(plan, store)
    run(experiment(server), store)
    found = store.deliveries("e")
    assert any("vendor" in reason for each in found for reason in each.reasons)


def test_probes_are_stored_and_not_asked_again(server, store):
    run(experiment(server), store, limit=1)
    probes = [asked for asked in server.asked if asked.user == CANARY_USER]
    assert [bool(asked.system) for asked in probes] == [False, True]
    run(experiment(server), store)
    run(experiment(server, name="second", repetitions=2), store)
    assert sum(asked.user == CANARY_USER for asked in server.asked) == 2


def test_answers_of_the_same_id_on_another_server_are_no_evidence(server, store):
    """Two engines on one host often serve under one name; only one of them may be deaf."""
    with ScriptedServer(lambda asked: Reply(prompt_tokens=30)) as deaf:
        run(experiment(deaf, models=[model(deaf, "m")], name="deaf"), store)
    run(experiment(server, suite=tasks(3)), store)
    assert {each.state for each in store.deliveries("deaf")} == {"undelivered"}
    assert {each.state for each in store.deliveries("e")} == {"delivered"}


def test_an_engine_is_warmed_up_when_the_turn_of_its_model_has_come(server, store):
    plan = experiment(server, models=[model(server, "a"), model(server, "b")], delivery=False)
    run(plan, store)
    asked = [(each.model, each.user == WARM_UP) for each in server.asked]
    assert asked == [("a", True), *[("a", False)] * 4, ("b", True), *[("b", False)] * 4]
    run(plan, store)
    assert len(server.asked) == 10, "nothing is warmed up where nothing is asked"
    more = plan.model_copy(update={"repetitions": 2, "delivery": True})
    run(more, store)
    assert [each.user for each in server.asked[10:12]] == [CANARY_USER] * 2, "probes warm up too"
    run(more.model_copy(update={"repetitions": 3}), store)
    assert [each.user for each in server.asked if each.user == WARM_UP] == [WARM_UP] * 4


def test_a_custom_client_answers_instead_of_the_models(server, store):
    from preamblelab.testing import answers

    outcome = run(experiment(server), store, client=answers("no", "edge cases: none"))
    assert outcome.complete
    assert not server.asked
    by_variant = scores(store).groupby("variant").mean()
    assert (by_variant["baseline"], by_variant["careful"]) == (30.0, 70.0)


def test_an_answer_that_came_back_may_be_any_outcome(server, store):
    from preamblelab.testing import answers

    looped = answers("again again", status="looped")
    outcome = run(experiment(server), store, client=lambda trial: replace(looped(trial)))
    assert outcome.tally.outcomes == {"looped": 4}
    assert outcome.complete
