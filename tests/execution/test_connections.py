"""Kept connections: what the server closed meanwhile is replaced unseen, all else is a fault."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.execution import connections
from preamblelab.execution.direct import DirectClient
from preamblelab.execution.gateway import Gateway, RetryPolicy
from tests.engines.misbehaving_server import MisbehavingServer
from tests.engines.misbehaviours import TEXT


@pytest.fixture
def server() -> Iterator[MisbehavingServer]:
    with MisbehavingServer() as running:
        yield running


def play(
    server: MisbehavingServer, name: str, *, calls: int, at_once: int = 1, attempts: int = 6
) -> tuple[Gateway, list[Response], list[float]]:
    """So many calls through the gateway, and the pauses that it would have made."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    model = ModelSpec(id=f"openai/{name}", api_base=server.url, concurrency=at_once)
    request = Request(model=model, messages=({"role": "user", "content": "Check it."},))
    client = DirectClient()
    gateway = Gateway(
        client_for=lambda _: client, sleep=sleep, retries=RetryPolicy(attempts=attempts)
    )

    async def ask() -> list[Response]:
        answers: list[Response] = []
        while len(answers) < calls:
            answers += await asyncio.gather(*(gateway.call(request) for _ in range(at_once)))
        await gateway.close()
        return answers

    return gateway, asyncio.run(ask()), pauses


@pytest.mark.parametrize("at_once", [1, 4])
@pytest.mark.parametrize("name", ["close-after", "close-kept", "reset-kept"])
def test_a_connection_closed_after_each_stream_costs_no_call_and_no_pause(server, name, at_once):
    gateway, answers, pauses = play(server, name, calls=12, at_once=at_once)
    assert [(each.text, each.attempts) for each in answers] == [(TEXT, 1)] * 12
    assert (gateway.meter.calls, pauses) == (12, [])
    answered = [call for call in server.calls if call.of_connection == 1]
    assert len(answered) == 12, "an answer was written for each call, and for nothing else"


def test_a_server_that_keeps_its_word_is_asked_over_one_connection(server):
    _, answers, _ = play(server, "good", calls=5)
    assert [each.attempts for each in answers] == [1] * 5
    assert server.connections == 1


@pytest.mark.parametrize("name", ["close", "reset"])
def test_a_new_connection_that_is_closed_is_a_fault_and_every_attempt_counts(server, name):
    gateway, (answer,), pauses = play(server, name, calls=1, attempts=3)
    assert (answer.status, answer.attempts) == ("failed", 3)
    assert answer.reason.startswith("network: the connection broke")
    assert (gateway.meter.calls, len(server.calls), len(pauses)) == (3, 3, 2)


def _begun(server: MisbehavingServer, monkeypatch: pytest.MonkeyPatch) -> str:
    return "cut-head-kept"


def _slow(server: MisbehavingServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """Any time is too long, so that nobody has to wait."""
    monkeypatch.setattr(connections, "STALE_SECONDS", -1.0)
    return "close-kept"


@pytest.mark.parametrize("case", [_begun, _slow])
def test_a_kept_connection_on_which_the_server_may_have_worked_is_a_fault_that_counts(
    server, monkeypatch, case: Callable[[MisbehavingServer, pytest.MonkeyPatch], str]
):
    gateway, answers, pauses = play(server, case(server, monkeypatch), calls=2)
    assert [(each.text, each.attempts) for each in answers] == [(TEXT, 1), (TEXT, 2)]
    assert (gateway.meter.calls, len(server.calls), len(pauses)) == (3, 3, 1)


def test_a_server_that_is_gone_when_we_come_back_was_not_reached():
    with MisbehavingServer() as server:
        model = ModelSpec(id="openai/close-after", api_base=server.url)
        request = Request(model=model, messages=({"role": "user", "content": "Check it."},))
        client = DirectClient()
        gateway = Gateway(client_for=lambda _: client, retries=RetryPolicy(attempts=1))

        async def ask() -> list[Response]:
            first = await gateway.call(request)
            listening = server._server
            server._loop.call_soon_threadsafe(listening.close)
            while listening.is_serving():  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.01)
            second = await gateway.call(request)
            await gateway.close()
            return [first, second]

        first, second = asyncio.run(ask())
    assert first.status == "ok"
    assert second.reason.startswith("network: cannot reach")
    assert (gateway.meter.calls, gateway.meter.unpriced_calls) == (2, 1)
