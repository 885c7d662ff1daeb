"""The direct way to Ollama, against a fake that speaks its interface."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.errors import SpecError
from preamblelab.execution.breaker import Breaker
from preamblelab.execution.clients import Fault, Limits
from preamblelab.execution.ollama import OllamaClient, OllamaReader
from preamblelab.execution.redaction import Redactor
from preamblelab.execution.settings import ollama_settings, sent_settings
from tests.engines.fake_ollama import FakeModel, FakeOllama, running

GEMMA = FakeModel(name="gemma3:4b")
LOOPING = FakeModel(name="looping:1b", answer="and then it repeats itself again " * 400)
MESSAGES = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Go on."})


def ask(fake: FakeOllama, name: str = "gemma3:4b", *, stream: bool = True, **rest: Any) -> Response:
    model = ModelSpec(id=f"ollama_chat/{name}", api_base=fake.base, stream=stream)
    request = Request(model=model, messages=MESSAGES, **rest)

    async def once() -> Response:
        client = OllamaClient()
        try:
            return await client.ask(request, limits=Limits(), watch=Breaker().feed)
        finally:
            await client.close()

    return asyncio.run(once())


@pytest.mark.parametrize("stream", [True, False])
def test_load_time_is_kept_apart_and_counts_are_ollamas(stream):
    with running(GEMMA, seconds_per_word=0.01) as fake:
        answer = ask(fake, stream=stream)
    assert (answer.status, answer.text) == ("ok", "A fixed answer, one word at a time.")
    assert (answer.prompt_tokens, answer.completion_tokens) == (4, 8)
    assert (answer.load_seconds, answer.route) == (1.0, "direct/ollama")
    assert answer.seconds == 0.0, "the fake says that it loaded for longer than the call took"
    assert answer.finish == "stop"


@pytest.mark.parametrize("stream", [True, False])
def test_context_and_penalty_reach_ollama_as_options(stream):
    settings = {"num_ctx": 8192, "repetition_penalty": 1.2, "max_tokens": 3, "keep_alive": "5m"}
    with running(GEMMA) as fake:
        answer = ask(fake, stream=stream, settings=settings)
        (sent,) = fake.chats
        assert fake.unknown_options == []
    assert sent["options"] == {"num_ctx": 8192, "repeat_penalty": 1.2, "num_predict": 3}
    assert (sent["keep_alive"], sent["stream"]) == ("5m", stream)
    assert sent["messages"] == list(MESSAGES)
    assert (answer.status, answer.text) == ("truncated", "A fixed answer,")


def test_a_loop_stops_ollama():
    with running(LOOPING, seconds_per_word=0.0005) as fake:
        answer = ask(fake, "looping:1b")
        assert answer.status == "looped"
        assert answer.loop is not None
        assert answer.loop["at"] == len(answer.text)
        assert fake.words_sent < 2_000


def test_a_model_that_is_not_there_is_a_permanent_fault():
    with running(GEMMA) as fake, pytest.raises(Fault, match="not found") as caught:
        ask(fake, "absent:1b")
    assert (caught.value.kind, caught.value.status) == ("permanent", 404)


def test_no_key_goes_to_ollama(monkeypatch):
    monkeypatch.setenv("OLLAMA_API_KEY", "sk-somebody-elses-0123")
    with running(GEMMA) as fake:
        ask(fake)
        assert not [name for head in fake.headers for name in head if name == "Authorization"]


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({"response_format": {"type": "json_object"}}, {"format": "json"}),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"a": 1}}}},
            {"format": {"a": 1}},
        ),
        ({"reasoning_effort": "low"}, {"think": "low"}),
        ({"max_tokens": 5, "num_predict": 5}, {"options": {"num_predict": 5}}),
    ],
)
def test_settings_take_ollamas_names(settings, sent):
    request = Request(model=ModelSpec(id="ollama_chat/x"), messages=(), settings=settings)
    assert ollama_settings(request) == sent


@pytest.mark.parametrize(
    "settings",
    [
        {"logit_bias": {"1": -100}},
        {"max_tokens": 5, "num_predict": 6},
        {"response_format": {"type": "text"}},
    ],
)
def test_what_ollama_would_drop_without_a_word_is_refused(settings: Mapping[str, Any]):
    request = Request(model=ModelSpec(id="ollama_chat/x"), messages=(), settings=settings)
    with pytest.raises(SpecError, match="ollama_chat/x"):
        ollama_settings(request)


def test_what_will_be_sent_can_be_checked_before_anything_is():
    for fields in ({"id": "openai/x", "api_base": "http://gpu/v1"}, {"id": "openai/gpt-4o"}):
        request = Request(model=ModelSpec(**fields), messages=(), settings={"num_ctx": 8192})
        with pytest.raises(SpecError, match="num_ctx"):
            sent_settings(request)
    model = ModelSpec(id="ollama_chat/x")
    request = Request(model=model, messages=(), settings={"num_ctx": 8192})
    assert sent_settings(request) == {"options": {"num_ctx": 8192}}


@pytest.mark.parametrize(
    ("provider", "settings"),
    [
        ("openai", {"max_tokens": 5, "num_predict": 6}),
        ("hosted_vllm", {"repeat_penalty": 1.1, "repetition_penalty": 1.2}),
        ("lm_studio", {"repeat_penalty": 1.1, "repetition_penalty": 1.2}),
    ],
)
def test_of_two_names_for_one_setting_neither_is_dropped(provider, settings):
    model = ModelSpec(id=f"{provider}/x", api_base="http://gpu/v1")
    with pytest.raises(SpecError, match="one setting"):
        sent_settings(Request(model=model, messages=(), settings=settings))


def reader_of(*lines: Any) -> OllamaReader:
    reader = OllamaReader(Redactor(environment={}))
    for line in lines:
        text = line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"
        for place in range(0, len(text), 5):
            reader.feed(text[place : place + 5])
    return reader


HALF = {"model": "m", "message": {"content": "half of "}, "done": False}


def test_a_stream_that_is_not_done_is_no_answer():
    with pytest.raises(Fault, match="done"):
        reader_of(HALF).finish()


@pytest.mark.parametrize(
    "line", [b"{not json}\n", [1], {"model": "m"}, {"error": "out of memory"}, {"message": 3}]
)
def test_a_line_that_is_no_piece_is_a_fault(line):
    with pytest.raises(Fault):
        reader_of(HALF, line)


def test_ollamas_own_guard_against_repetition_is_an_outcome():
    reader = reader_of(HALF, {"error": "prediction aborted, token repeat limit reached"})
    reader.finish()
    assert reader.raw.said_looped
    assert reader.raw.text == ["half of "]


def test_thinking_and_nonsense_durations():
    reader = reader_of(
        {"message": {"content": "", "thinking": "Hm."}, "done": False},
        {"message": {"content": "Yes."}, "done": True, "done_reason": "stop", "load_duration": -1},
    )
    assert (reader.raw.reasoning, reader.raw.text) == (["Hm."], ["Yes."])
    assert reader.load_seconds is None
