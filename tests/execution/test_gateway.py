"""The one way to a model: retries, pauses, what is closed, what is booked."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from preamblelab.domain.experiments import Budget
from preamblelab.domain.models import ModelSpec, Price
from preamblelab.domain.records import Request, Response
from preamblelab.execution.budget import BudgetSpent, Meter
from preamblelab.execution.clients import Fault, Limits, Watch
from preamblelab.execution.direct import DirectClient
from preamblelab.execution.gateway import (
    Gateway,
    RetryPolicy,
    concurrency_of,
    endpoint_of,
    is_local,
    worst_case_tokens,
)
from tests.engines.scripted_server import Asked, Reply, ScriptedServer

OK = Response(text="fine", prompt_tokens=10, completion_tokens=5)


class Scripted:
    """A client that answers one thing after the other; the last one for ever."""

    def __init__(self, *what: Fault | Response | Callable[[Request], Response]) -> None:
        self.what = list(what)
        self.asked: list[Request] = []
        self.closed = 0

    async def ask(self, request: Request, *, limits: Limits, watch: Watch | None) -> Response:
        self.asked.append(request)
        next_one = self.what.pop(0) if len(self.what) > 1 else self.what[0]
        await asyncio.sleep(0)
        if isinstance(next_one, Fault):
            raise next_one
        return next_one if isinstance(next_one, Response) else next_one(request)

    async def close(self) -> None:
        self.closed += 1


def model(name: str = "m", **fields: Any) -> ModelSpec:
    return ModelSpec(id=f"openai/{name}", name=name, **fields)


def request(number: int = 0, of: ModelSpec | None = None, **settings: Any) -> Request:
    message = {"role": "user", "content": f"task {number}"}
    return Request(model=of or model(), messages=(message,), settings=settings)


def play(
    client: Scripted, requests: Sequence[Request], **options: Any
) -> tuple[Gateway, list[Response], list[float]]:
    """All requests one after the other; no time passes."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        for limiter in gateway.limiters.values():
            limiter.paused_until -= seconds

    gateway = Gateway(client_for=lambda _: client, sleep=sleep, seed=1, **options)

    async def ask() -> list[Response]:
        return [await gateway.call(each) for each in requests]

    return gateway, asyncio.run(ask()), slept


@pytest.mark.parametrize("kind", ["rate", "server", "network", "malformed"])
def test_what_may_pass_is_tried_six_times_with_growing_pauses(kind):
    client = Scripted(Fault(kind, "down"))
    _, (response,), slept = play(client, [request()])
    assert (response.status, response.attempts, len(client.asked)) == ("failed", 6, 6)
    assert response.reason == f"{kind}: down"
    assert not response.answered
    if kind == "rate":
        return  # the endpoint's own pause lies between
    bounds = [(0.25, 0.75), (0.5, 1.5), (1, 3), (2, 6), (4, 12)]
    for wait, (least, most) in zip(slept, bounds, strict=True):
        assert least <= wait <= most


@pytest.mark.parametrize("kind", ["timeout", "unknown"])
def test_what_may_be_slow_for_ever_is_tried_once_more(kind):
    client = Scripted(Fault(kind, "late"))
    _, (response,), _ = play(client, [request()])
    assert (response.attempts, len(client.asked)) == (2, 2)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_that_was_understood_and_refused_is_never_sent_again(status):
    client = Scripted(Fault("permanent", "no such setting", status=status))
    gateway, responses, slept = play(client, [request(n) for n in range(8)])
    assert len(client.asked) == 8
    assert not slept
    assert not gateway.closed, "another request may be fine"
    assert {response.attempts for response in responses} == {1}


def test_the_answer_after_faults_counts_its_attempts():
    client = Scripted(Fault("server", "down"), Fault("network", "cut"), OK)
    _, (response,), _ = play(client, [request()])
    assert (response.status, response.text, response.attempts) == ("ok", "fine", 3)


def test_retries_end_after_ten_minutes_however_few_they_were():
    client = Scripted(Fault("server", "down", retry_after=100.0))
    policy = RetryPolicy(total_seconds=50.0)
    _, (response,), slept = play(client, [request()], retries=policy)
    assert response.attempts == 1
    assert not slept


def test_retry_after_is_obeyed_by_the_whole_endpoint():
    other = model("other")
    client = Scripted(Fault("rate", "slow down", retry_after=7.0, status=429), OK)
    gateway, responses, slept = play(client, [request(), request(of=other)])
    assert [response.status for response in responses] == ["ok", "ok"]
    assert slept[0] >= 7.0
    assert gateway.limiter(other) is gateway.limiter(model())
    assert gateway.limiter(model()).limit < 8


def test_a_server_in_trouble_is_left_alone_as_long_as_it_asks_but_not_shrunk():
    client = Scripted(Fault("server", "overloaded", retry_after=7.0, status=503), OK)
    gateway, _, _ = play(client, [request()])
    assert gateway.limiter(model()).limit == 8

    async def second_waits() -> float:
        gate = gateway.limiter(model())
        gate.pause(0.0, "")
        gateway._slow_down(gate, Fault("server", "x", retry_after=7.0))
        return gate.paused_until - gate.clock()

    assert asyncio.run(second_waits()) > 6


def test_a_server_that_asks_for_an_hour_closes_its_model_and_nobody_waits():
    client = Scripted(Fault("rate", "slow down", retry_after=3600.0), OK)
    gateway, responses, slept = play(client, [request(), request(1), request(of=model("other"))])
    assert [response.status for response in responses] == ["failed", "failed", "ok"]
    assert gateway.closed == {"m": "rate: the server asks to come back in 3600 s"}
    assert len(client.asked) == 2
    assert not slept, "the others of the endpoint need not wait for it"


@pytest.mark.parametrize(
    ("kind", "status"), [("auth", 401), ("auth", 403), ("quota", 402), ("quota", 429)]
)
def test_a_refused_key_closes_every_model_of_that_key_and_no_other(kind, status):
    bad = Fault(kind, "no", status=status)
    client = Scripted(lambda r: (_ for _ in ()).throw(bad) if r.model.api_key_env == "A" else OK)
    models = [model("a", api_key_env="A"), model("b", api_key_env="A"), model("c", api_key_env="B")]
    gateway, responses, _ = play(client, [request(of=each) for each in models])
    assert [(r.status, r.attempts) for r in responses] == [("failed", 1), ("failed", 0), ("ok", 1)]
    assert len(client.asked) == 2
    assert gateway.closed_reason(models[1]) == f"{kind}: no"


def test_calls_that_waited_while_their_key_was_refused_are_not_sent():
    client = Scripted(Fault("auth", "no key", status=401))
    gateway = Gateway(client_for=lambda _: client)
    judge = model(concurrency=4)

    async def ask() -> list[Response]:
        return await asyncio.gather(*(gateway.call(request(n, of=judge)) for n in range(64)))

    responses = asyncio.run(ask())
    assert len(client.asked) <= 4
    assert sum(response.attempts for response in responses) == len(client.asked)
    assert gateway.meter.calls == len(client.asked), "an unsent call uses up nothing"


def test_an_unknown_model_is_closed_at_its_first_call_only():
    missing = Fault("permanent", "no such model", status=404)
    gateway, responses, _ = play(Scripted(missing), [request(n) for n in range(3)])
    assert [response.attempts for response in responses] == [1, 0, 0]
    client = Scripted(OK, missing)
    gateway, responses, _ = play(client, [request(n) for n in range(4)])
    assert not gateway.closed, "it has answered before: the 404 is about something else"


def test_five_calls_in_a_row_without_an_answer_open_the_circuit():
    client = Scripted(Fault("server", "down"))
    policy = RetryPolicy(attempts=1)
    gateway, responses, _ = play(client, [request(n) for n in range(9)], retries=policy)
    assert len(client.asked) == 5
    assert gateway.closed["m"].startswith("5 calls in a row gave no answer; the last: server: down")
    assert [r.attempts for r in responses] == [1] * 5 + [0] * 4


def test_an_answer_between_failures_keeps_the_circuit_closed():
    down = Fault("server", "down")
    client = Scripted(*([down] * 4 + [OK]) * 3)
    gateway, _, _ = play(client, [request(n) for n in range(14)], retries=RetryPolicy(attempts=1))
    assert not gateway.closed


def test_refused_requests_do_not_count_towards_the_circuit():
    refused = Fault("permanent", "too long", status=400)
    client = Scripted(refused, refused, refused, refused, Fault("server", "down"), OK)
    gateway, _, _ = play(client, [request(n) for n in range(6)], retries=RetryPolicy(attempts=1))
    assert not gateway.closed


def test_a_run_that_stops_gives_up_retries_and_keeps_why_the_call_failed():
    client = Scripted(Fault("server", "down", retry_after=60.0))
    gateway = Gateway(client_for=lambda _: client)

    async def ask() -> Response:
        call = asyncio.create_task(gateway.call(request()))
        await asyncio.sleep(0.01)
        assert client.asked
        gateway.stop("interrupted")
        return await asyncio.wait_for(call, 1)

    response = asyncio.run(ask())
    assert (response.status, response.reason, response.attempts) == ("failed", "server: down", 1)


def test_subjects_and_judges_of_one_endpoint_share_the_smaller_number():
    gateway = Gateway(client_for=lambda _: Scripted(OK))
    base = "http://10.0.0.1/v1"
    gateway.expect([model("a", api_base=base), model("b", api_base=base, concurrency=3)])
    assert gateway.limiter(model("a", api_base=base)).most == 3


@pytest.mark.parametrize(
    ("fields", "local", "at_once"),
    [
        ({"id": "openai/gpt"}, False, 8),
        ({"id": "openai/x", "api_base": "http://127.0.0.1:8080/v1"}, True, 1),
        ({"id": "openai/x", "api_base": "http://localhost:1/v1"}, True, 1),
        ({"id": "openai/x", "api_base": "http://[::1]:1/v1"}, True, 1),
        ({"id": "openai/x", "api_base": "https://example.com/v1"}, False, 8),
        ({"id": "ollama_chat/gemma3:4b"}, True, 1),
        ({"id": "ollama_chat/gemma3:4b", "api_base": "http://10.1.1.1:11434"}, False, 8),
        ({"id": "sim/mid-4b"}, True, 16),
        ({"id": "openai/gpt", "concurrency": 40}, False, 40),
    ],
)
def test_a_local_engine_gets_one_call_at_a_time_unless_the_user_says_more(fields, local, at_once):
    spec = ModelSpec(**fields)
    assert (is_local(spec), concurrency_of(spec)) == (local, at_once)
    assert endpoint_of(spec) == (spec.api_base or spec.id.partition("/")[0])


PRICED = model(price=Price(input_usd_per_million=1.0, output_usd_per_million=10.0))


def test_an_answer_is_booked_at_what_it_cost():
    gateway, (response,), _ = play(Scripted(OK), [request(of=PRICED)])
    assert response.usd == pytest.approx((10 * 1 + 5 * 10) / 1e6)
    assert gateway.meter.usd == response.usd
    assert (gateway.meter.tokens, gateway.meter.calls) == (15, 1)


@pytest.mark.parametrize(
    ("fault", "free"),
    [
        (Fault("permanent", "refused", status=400), True),
        (Fault("network", "no route", sent=False), True),
        (Fault("timeout", "late"), False),
        (Fault("network", "cut in the middle", status=200), False),
    ],
)
def test_a_refused_call_is_free_and_one_that_died_on_the_way_is_not(fault, free):
    policy = RetryPolicy(attempts=1)
    of = request(of=PRICED, max_tokens=1000)
    gateway, _, _ = play(Scripted(fault), [of], retries=policy)
    prompt, answer = worst_case_tokens(of)
    worst = (prompt * 1 + answer * 10) / 1e6
    assert gateway.meter.usd == (0.0 if free else pytest.approx(worst))


def test_an_unknown_price_is_not_zero_and_an_assumed_one_is_booked_not_claimed():
    gateway, (response,), _ = play(Scripted(OK), [request()])
    assert (response.usd, gateway.meter.unpriced_calls) == (None, 1)
    budget = Budget(usd=1, assume_usd_per_million_tokens=100.0)
    gateway, (response,), _ = play(Scripted(OK), [request()], meter=Meter(budget=budget))
    assert response.usd is None, "nobody knows what it cost"
    assert gateway.meter.usd == pytest.approx(15 * 100 / 1e6)


def test_the_longest_answer_is_what_a_setting_says():
    assert worst_case_tokens(request(max_tokens=7))[1] == 7
    assert worst_case_tokens(request(max_completion_tokens=9))[1] == 9
    assert worst_case_tokens(request())[1] == 4096


def test_clients_are_closed_once_each():
    client = Scripted(OK)
    gateway, _, _ = play(client, [request(), request(1)])
    asyncio.run(gateway.close())
    assert client.closed == 1


def through_a_server(
    script: Callable[[Asked], Reply], *, calls: int, concurrency: int, **fields: Any
) -> tuple[ScriptedServer, Gateway, list[Response | BaseException]]:
    """So many calls at one time to a real server on this host."""
    budget = fields.pop("budget", Budget())
    with ScriptedServer(script) as server:
        of = model(api_base=server.url, concurrency=concurrency, **fields)
        client = DirectClient()
        gateway = Gateway(client_for=lambda _: client, meter=Meter(budget=budget))

        async def ask() -> list[Response | BaseException]:
            try:
                works = (gateway.call(request(n, of=of, max_tokens=1000)) for n in range(calls))
                return await asyncio.gather(*works, return_exceptions=True)
            finally:
                await gateway.close()

        return server, gateway, asyncio.run(ask())


def test_sixty_calls_of_twelve_cents_at_concurrency_twenty_do_not_pass_one_dollar():
    price = Price(input_usd_per_million=0.0, output_usd_per_million=121.0)
    server, gateway, results = through_a_server(
        lambda _: Reply(seconds=0.01, completion_tokens=1000),
        calls=60,
        concurrency=20,
        price=price,
        budget=Budget(usd=1.0),
    )
    assert len(server.asked) == 8
    assert gateway.meter.usd == pytest.approx(8 * 0.121)
    assert sum(isinstance(result, BudgetSpent) for result in results) == 52


def test_a_server_that_bears_four_is_found_out_with_few_refusals():
    def busy(asked: Asked) -> Reply:
        if asked.at_once > 4:
            return Reply(status=429, text="slow down", headers={"retry-after-ms": "50"})
        return Reply(seconds=0.01)

    server, _, results = through_a_server(busy, calls=80, concurrency=20)
    assert all(isinstance(result, Response) and result.answered for result in results)
    refused = len(server.asked) - len(server.answered)
    assert refused <= 40, "16 at first, and a few while it looks for more"


@pytest.mark.whole
@pytest.mark.parametrize(
    "headers", [{"Retry-After": "0"}, {"retry-after-ms": "30"}, {"Retry-After": "soon"}, {}]
)
def test_429_with_and_without_a_usable_wait_ends_in_an_answer(headers):
    server, gateway, results = through_a_server(
        lambda asked: Reply(status=429, headers=headers) if asked.number <= 2 else Reply(),
        calls=1,
        concurrency=4,
    )
    (response,) = results
    assert isinstance(response, Response)
    assert (response.status, response.attempts, len(server.asked)) == ("ok", 3, 3)
    assert gateway.meter.calls == 3


def test_an_endpoint_where_nobody_answers_is_given_up_soon():
    """A user who forgot to start the engine must not wait for minutes."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    class Nobody:
        async def ask(self, request, *, limits, watch):
            raise Fault("network", "cannot reach http://127.0.0.1:9", sent=False)

        async def close(self):
            return None

    gateway = Gateway(client_for=lambda _: Nobody(), sleep=sleep, seed=1)
    model = ModelSpec(id="openai/local", api_base="http://127.0.0.1:9/v1")
    request = Request(model=model, messages=({"role": "user", "content": "hi"},))
    first = asyncio.run(gateway.call(request))
    assert first.status == "failed"
    assert len(waits) == 2
    assert sum(waits) < 5
    assert gateway.closed_reason(model) is not None
    assert asyncio.run(gateway.call(request)).attempts == 0
