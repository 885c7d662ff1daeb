"""`check`: hits, misses and a bound of the cost that a run then keeps."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import preamblelab as pl
from preamblelab.domain.experiments import Budget
from preamblelab.domain.models import ModelSpec, Price
from preamblelab.domain.tasks import Suite, Task
from preamblelab.errors import BudgetError, ProviderError, SpecError
from preamblelab.execution import servers
from preamblelab.lab.checking import check_experiment, known_before
from preamblelab.lab.running import execute
from preamblelab.store import Store
from tests.engines.scripted_server import Asked, Reply, ScriptedServer, verdict
from tests.lab.plans import OWN, experiment, model

PRICE = Price(input_usd_per_million=10.0, output_usd_per_million=100.0)


@pytest.fixture(autouse=True)
def _silent_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(_: Any) -> None:
        return None

    monkeypatch.setattr(servers, "facts_from_server", nothing)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    def script(asked: Asked) -> Reply:
        judge = asked.model == "judge"
        # As long as the settings allow.
        return Reply(text=verdict(asked, 0.5) if judge else "It holds.", completion_tokens=100)

    with ScriptedServer(script) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "runs.db") as opened:
        yield opened


def judged(server: ScriptedServer, **fields: Any) -> Any:
    judge = model(server, "judge", price=PRICE, settings={"max_tokens": 100})
    return experiment(
        server,
        models=[model(server, "m", price=PRICE)],
        scorers=("judge/judge",),
        judges={"judge": judge},
        **fields,
    )


def test_without_a_store_everything_is_to_be_asked_and_nothing_is_sent(server):
    check = check_experiment(judged(server, judgements=2), None)
    assert (check.trials, check.hits, check.calls) == (4, 0, 4 + 8)
    assert check.probes == 2
    assert not server.asked
    (subject,) = check.models
    assert (subject.way, subject.size, subject.size_source) == ("direct/openai", "mid", "user")
    assert (subject.answer_tokens, subject.price_source) == (400, "user")


def test_hits_and_misses_of_subjects_and_judges_follow_the_store(server, store):
    plan = judged(server)
    execute(plan, store, limit=3)
    check = check_experiment(plan, store)
    (subject,), (judge,) = check.models, check.judges
    assert (subject.trials, subject.hits, subject.calls) == (4, 3, 1)
    assert (judge.trials, judge.hits, judge.calls) == (4, 3, 1)
    execute(plan, store)
    check = check_experiment(plan, store)
    assert (check.calls, check.usd, check.probes) == (0, 0.0, 0)


def test_a_run_costs_no_more_than_check_says(server, store):
    plan = judged(server)
    bound = check_experiment(plan, None)
    execute(plan, store)
    spent = store.spend().by_role
    assert bound.usd is not None
    assert 0 < spent["subject"].usd + spent["judge"].usd <= bound.usd
    (subject,), (judge,) = bound.models, bound.judges
    assert spent["subject"].completion_tokens <= subject.answer_tokens
    assert spent["judge"].prompt_tokens <= judge.prompt_tokens


def test_an_unknown_price_is_unknown_and_an_assumed_one_is_called_so(server):
    plan = experiment(server)
    check = check_experiment(plan, None, scorers=OWN)
    assert (check.usd, check.models[0].price_source) == (None, "unknown")
    assumed = plan.model_copy(update={"budget": Budget(usd=5, assume_usd_per_million_tokens=1000)})
    check = check_experiment(assumed, None, scorers=OWN)
    assert check.models[0].price_source == "assumed"
    assert check.usd is not None
    assert check.usd >= 400 * 1000 / 1e6


def test_what_a_run_would_refuse_is_refused(server):
    plan = experiment(server)
    with pytest.raises(BudgetError, match="no price is known"):
        check_experiment(plan.model_copy(update={"budget": Budget(usd=5)}), None, scorers=OWN)
    with pytest.raises(SpecError, match="nobody marks 'worth'"):
        check_experiment(plan, None)
    old = model(server, "m").model_copy(update={"id": "ollama/m"})
    with pytest.raises(ProviderError, match="ollama_chat/m"):
        check_experiment(plan.model_copy(update={"models": (old,)}), None, scorers=OWN)
    nobody = model(server, "m").model_copy(update={"id": "sim/mid-7x"})
    with pytest.raises(ProviderError, match="no simulated model 'sim/mid-7x'"):
        check_experiment(plan.model_copy(update={"models": (nobody,)}), None, scorers=OWN)


def test_variants_of_one_text_are_counted_as_one_call(server):
    plan = experiment(server, variants=("careful", "careful:common"))
    check = check_experiment(plan, None, scorers=OWN)
    assert (check.trials, check.calls) == (6, 4)


def test_an_assumed_length_of_answers_is_said(server):
    limited, unlimited = (experiment(server, settings=s) for s in ({"max_tokens": 9}, {}))
    assert not check_experiment(limited, None, scorers=OWN).answer_limit_assumed
    check = check_experiment(unlimited, None, scorers=OWN)
    assert check.answer_limit_assumed
    assert check.models[0].answer_tokens == 4 * 4096


def test_a_context_that_is_too_small_is_warned_of(server):
    small = model(server, "m", settings={"num_ctx": 30}, dialect="ollama")
    check = check_experiment(experiment(server, models=[small]), None, scorers=OWN)
    assert any("raise num_ctx" in warning for warning in check.models[0].warnings)


def test_a_setting_that_a_server_does_not_have_is_seen_before_anything_is_asked():
    foreign = pl.ModelSpec(
        id="openai/local", api_base="http://127.0.0.1:9/v1", settings={"num_ctx": 4096}
    )
    planned = pl.load_experiment("quickstart").model_copy(update={"models": (foreign,)})
    with pytest.raises(SpecError, match="num_ctx"):
        check_experiment(planned, None)


def test_a_model_that_may_have_seen_tasks_is_named():
    task = Task(name="t", prompt="Fix it.", date="2024-01-31")
    suite = Suite(name="s", tasks=(task, task.model_copy(update={"name": "new", "date": None})))
    later, earlier = (
        ModelSpec(id="sim/mid-4b", cutoff=day) for day in ("2024-02-01", "2024-01-01")
    )
    said = "1 of 2 tasks are from before its cutoff, 2024-02-01: it may have seen their answers"
    assert known_before(later, suite) == (said,)
    assert known_before(earlier, suite) == ()
    assert known_before(ModelSpec(id="sim/mid-4b"), suite) == ()
