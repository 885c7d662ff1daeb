"""A budget that a run reaches, raised, and gone on with: no overshoot, and nothing asked twice."""

from collections import Counter

import pytest
import typer

from preamblelab.cli.printing import exit_for
from preamblelab.domain.experiments import Budget
from preamblelab.domain.models import Price
from preamblelab.errors import BudgetError
from preamblelab.lab.commands import Result
from preamblelab.lab.running import execute
from preamblelab.store import Store
from tests.engines.scripted_server import Reply, ScriptedServer
from tests.lab.plans import OWN, experiment, model, subjects, tasks


def plan(server: ScriptedServer, *, price: Price | None, **budget: float):
    asked = model(server, "m", price=price, concurrency=20)
    return experiment(
        server, models=(asked,), suite=tasks(30), delivery=False, warm_up=False,
        settings={"max_tokens": 1000}, budget=Budget(**budget),
    )  # fmt: skip


def exit_code(outcome) -> int:
    with pytest.raises(typer.Exit) as left:
        exit_for(Result(text="", outcome=outcome), "preamblelab run e")
    return left.value.exit_code


def test_a_dollar_for_sixty_calls_of_twelve_cents_and_then_the_rest(tmp_path):
    price = Price(input_usd_per_million=0.0, output_usd_per_million=121.0)
    reply = Reply(seconds=0.01, completion_tokens=1000, prompt_tokens=10)
    with ScriptedServer(lambda _: reply) as server, Store(tmp_path / "runs.db") as store:
        first = execute(plan(server, price=price, usd=1.0), store, scorers=OWN)
        assert len(subjects(server)) == 8
        assert store.spend().usd == pytest.approx(8 * 0.121)
        assert exit_code(first) == 4
        second = execute(plan(server, price=price, usd=20.0), store, scorers=OWN)
        assert second.complete
        sent = Counter((asked.system, asked.user) for asked in subjects(server))
        assert len(sent) == 60
        assert set(sent.values()) == {1}


def test_a_limit_in_money_needs_a_price(tmp_path):
    """Refused before anything is asked, unless the user says what to assume."""
    with ScriptedServer() as server, Store(tmp_path / "runs.db") as store:
        with pytest.raises(BudgetError, match="no price is known for m"):
            execute(plan(server, price=None, usd=1.0), store, scorers=OWN)
        assert server.asked == []
        assumed = plan(server, price=None, usd=9.0, assume_usd_per_million_tokens=1.0)
        assert execute(assumed, store, scorers=OWN).complete
