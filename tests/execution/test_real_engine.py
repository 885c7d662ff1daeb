"""Both ways against a real llama.cpp server with a tiny model that the test writes."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.execution.breaker import Breaker, Loop
from preamblelab.execution.clients import Client, Fault, Limits, Watch
from preamblelab.execution.direct import DirectClient
from preamblelab.execution.gateway import Gateway
from tests.engines.llama_server import LlamaServer, serving
from tests.engines.tiny_gguf import write_gguf

MESSAGES = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Go on."})
PATIENT = Limits(deadline_seconds=60.0)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaServer]:
    model = write_gguf(tmp_path_factory.mktemp("engine") / "tiny.gguf", seed=1)
    with serving(model, context=16_384, parallel=1) as server:
        yield server


@pytest.fixture(scope="module")
def looping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaServer]:
    model = write_gguf(tmp_path_factory.mktemp("engine") / "loop.gguf", loop=True)
    with serving(model, context=16_384, parallel=1) as server:
        yield server


def request_to(
    engine: LlamaServer, *, stream: bool = True, route: str = "auto", **settings: Any
) -> Request:
    model = ModelSpec.model_validate(
        {
            "id": f"openai/{engine.alias}",
            "api_base": engine.api_base,
            "stream": stream,
            "route": route,
        }
    )
    given = {"temperature": 0.8, "seed": 7, "max_tokens": 40, **settings}
    return Request(model=model, messages=MESSAGES, settings=given)


async def close_after(
    client: Client, request: Request, *, limits: Limits = PATIENT, watch: Watch | None = None
) -> Response:
    try:
        return await client.ask(request, limits=limits, watch=watch)
    finally:
        await client.close()


def idle_within(engine: LlamaServer, seconds: float) -> bool:
    """Whether the engine stops writing within some seconds."""
    until = time.monotonic() + seconds
    while engine.busy_slots():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("stream", [True, False])
def test_a_real_answer_ends_by_length_with_the_engines_counts(engine, stream):
    answer = asyncio.run(close_after(DirectClient(), request_to(engine, stream=stream)))
    assert (answer.status, answer.finish) == ("truncated", "length")
    assert (answer.completion_tokens, answer.estimated) == (40, False)
    prompt = engine.ask("/slots")[0]
    assert prompt["is_processing"] is False
    assert answer.prompt_tokens is not None
    assert answer.prompt_tokens > 20, "a character is a token for this model"
    assert answer.served_model == engine.alias


def test_streamed_or_not_the_engine_writes_the_same(engine):
    both = [
        asyncio.run(close_after(DirectClient(), request_to(engine, stream=stream)))
        for stream in (True, False)
    ]
    assert both[0].text == both[1].text
    assert both[0].prompt_tokens == both[1].prompt_tokens
    assert both[0].finish == both[1].finish


def test_call_after_call_takes_one_attempt_each(engine):
    client = DirectClient()
    gateway = Gateway(client_for=lambda _: client)

    async def several() -> list[Response]:
        answers = [await gateway.call(request_to(engine)) for _ in range(5)]
        await gateway.close()
        return answers

    answers = asyncio.run(several())
    assert [(each.completion_tokens, each.attempts) for each in answers] == [(40, 1)] * 5
    assert gateway.meter.calls == 5, "the server closes each connection, and says it does not"


def test_a_watch_that_has_seen_enough_stops_the_engine(engine):
    seen: list[str] = []

    def enough(text: str) -> Loop | None:
        seen.append(text)
        at = sum(map(len, seen))
        if at < 100:
            return None
        return Loop(level="character", onset=0, period=1, repeats=1.0, at=at, exact=False)

    request = request_to(engine, max_tokens=15_000)
    answer = asyncio.run(close_after(DirectClient(), request, watch=enough))
    assert answer.status == "looped"
    assert answer.completion_tokens is not None
    assert answer.completion_tokens < 2_000
    assert answer.estimated
    assert idle_within(engine, 3.0)


def test_a_deadline_stops_the_engine(engine):
    limits = Limits(deadline_seconds=0.3)
    request = request_to(engine, max_tokens=15_000)
    with pytest.raises(Fault, match="no complete answer"):
        asyncio.run(close_after(DirectClient(), request, limits=limits))
    assert idle_within(engine, 3.0)


def test_a_real_loop_trips_the_breaker_and_frees_the_engine(looping):
    request = request_to(looping, temperature=0.0, max_tokens=15_000)
    answer = asyncio.run(close_after(DirectClient(), request, watch=Breaker().feed))
    assert answer.status == "looped"
    assert answer.loop is not None
    assert answer.loop["exact"]
    assert len(answer.text) == answer.loop["at"]
    assert answer.loop["at"] <= answer.loop["onset"] + max(600, 5 * answer.loop["period"])
    assert idle_within(looping, 3.0)


def test_a_prompt_that_is_too_long_is_a_permanent_fault(engine):
    request = request_to(engine)
    long = Request(model=request.model, messages=({"role": "user", "content": "x" * 40_000},))
    with pytest.raises(Fault) as caught:
        asyncio.run(close_after(DirectClient(), long))
    assert (caught.value.kind, caught.value.status) == ("permanent", 400)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("stream", [True, False])
def test_litellm_gives_what_the_direct_way_gives(engine, looping, stream):
    from preamblelab.execution.litellm_client import LitellmClient

    facts = []
    for client, route in ((DirectClient(), "auto"), (LitellmClient(), "litellm")):
        request = request_to(engine, stream=stream, route=route)
        answer = asyncio.run(close_after(client, request))
        facts.append(
            (answer.text, answer.status, answer.finish, answer.prompt_tokens,
             answer.completion_tokens, answer.flags)
        )  # fmt: skip
    assert facts[0] == facts[1]
    request = request_to(looping, route="litellm", temperature=0.0, max_tokens=15_000)
    answer = asyncio.run(close_after(LitellmClient(), request, watch=Breaker().feed))
    assert answer.status == "looped"
    assert idle_within(looping, 3.0)
