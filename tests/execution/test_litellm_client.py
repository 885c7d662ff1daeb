"""The way through litellm: parity with the direct way, caps, in-process providers.

All in one file, for importing litellm takes seconds.
"""

import asyncio
import json
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.errors import ProviderError, SpecError
from preamblelab.execution.breaker import Breaker
from preamblelab.execution.clients import Client, Fault, Limits
from preamblelab.execution.direct import DirectClient
from preamblelab.execution.ollama import OllamaClient
from preamblelab.execution.providers import Piece
from tests.engines.fake_ollama import FakeModel, running
from tests.engines.misbehaving_server import MisbehavingServer
from tests.engines.misbehaviours import TEXT

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from preamblelab.execution import litellm_client as door

KEY = "sk-canary-7Qd0/xY+zz9-abcdefgh1234"
PATIENT = Limits(deadline_seconds=20.0)
QUICK = Limits(deadline_seconds=0.6, first_token_seconds=0.4, idle_seconds=0.2)
MESSAGES = ({"role": "user", "content": "Check it."},)

# litellm leaves sessions and its own warnings behind; neither is what these tests are about.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def server() -> Iterator[MisbehavingServer]:
    with MisbehavingServer() as running_server:
        yield running_server


def once(client: Client, request: Request, limits: Limits = PATIENT) -> Response | Fault:
    async def ask() -> Response | Fault:
        try:
            return await client.ask(request, limits=limits, watch=Breaker().feed)
        except Fault as fault:
            return fault
        finally:
            await client.close()

    return asyncio.run(ask())


def through(
    server: MisbehavingServer, name: str, *, limits: Limits = PATIENT, **fields: Any
) -> Response | Fault:
    settings = fields.pop("settings", {})
    provider = fields.pop("provider", "openai")
    model = ModelSpec(id=f"{provider}/{name}", api_base=server.url, route="litellm", **fields)
    request = Request(model=model, messages=MESSAGES, settings=settings)
    return once(door.LitellmClient(), request, limits)


def comparable(result: Response | Fault) -> object:
    """What must not depend on the way: all but clocks and the way's own name."""
    if isinstance(result, Fault):
        return result.kind, result.status, result.sent, result.retry_after
    return replace(
        result, seconds=None, first_token_seconds=None, load_seconds=None, route="", reason=""
    )


QUICKLY = ["good", "length", "refusal", "think", "usage-none", "unknown-finish", "rate-seconds",
           "500", "truncated-json", "redirect", "loop"]  # fmt: skip
THOROUGHLY = [
    "filter", "null-content", "reasoning", "think-open", "tool-call", "repetition", "no-finish",
    "swapped", "several", "surrogate", "content-list", "usage-negative", "usage-nan", "bad-utf8",
    "json", "400", "401", "402", "403", "404", "408", "422", "503", "529", "quota", "context",
    "prompt-filter", "token-repeat", "rate-milliseconds", "rate-nonsense", "html-502",
    "huge-error", "gzip-bomb", "no-http", "reset", "html", "empty-body", "null-body", "list-body",
    "error-in-200", "no-choices", "missing-choices", "no-message", "content-number", "deep-json",
    "abort",
]  # fmt: skip


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "name", [*QUICKLY, *(pytest.param(name, marks=pytest.mark.slow) for name in THOROUGHLY)]
)
def test_the_same_question_has_the_same_outcome_both_ways(server, name, stream):
    model = ModelSpec(id=f"openai/{name}", api_base=server.url, stream=stream)
    direct = once(DirectClient(), Request(model=model, messages=MESSAGES))
    carried = through(server, name, stream=stream)
    if name == "loop" and stream:
        # How many tokens a cut stream had is our estimate, by what had been read of it.
        assert isinstance(direct, Response)
        assert isinstance(carried, Response)
        assert (carried.text, carried.loop) == (direct.text, direct.loop)
        assert carried.estimated
        return
    assert comparable(carried) == comparable(direct)


@pytest.mark.parametrize("name", ["cut", "only-done", "no-event", "bad-event"])
def test_litellm_takes_a_cut_stream_for_an_answer_and_we_do_not(server, name):
    result = through(server, name)
    assert isinstance(result, Fault)
    assert result.kind == "malformed"


@pytest.mark.parametrize("name", ["no-done", "comments", "crlf"])
def test_servers_have_habits_that_change_nothing(server, name):
    result = through(server, name)
    assert isinstance(result, Response)
    assert result.text == TEXT


@pytest.mark.parametrize("name", ["hang", "keep-alive", "hang-middle"])
def test_silence_ends_a_call_though_litellm_would_wait(server, name):
    result = through(server, name, limits=QUICK)
    assert isinstance(result, Fault)
    assert result.kind == "timeout"


@pytest.mark.parametrize("provider", ["openai", "hosted_vllm"])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", ["huge", "endless"])
def test_an_answer_without_measure_is_not_read_on(server, name, stream, provider):
    limits = Limits(deadline_seconds=20.0, answer_bytes=300_000)
    result = through(server, name, limits=limits, stream=stream, provider=provider)
    assert isinstance(result, Fault)
    assert result.kind == "too_large"


def test_a_loop_stops_the_server():
    with MisbehavingServer(pause=0.001) as server:
        result = through(server, "loop")
        assert isinstance(result, Response)
        assert result.status == "looped"
        assert server.wait_for_abort()


def test_only_the_key_that_was_named_travels_and_it_is_masked(server, monkeypatch):
    for name in ("OPENAI_API_KEY", "HOSTED_VLLM_API_KEY"):
        monkeypatch.setenv(name, "sk-somebody-elses-0123456789")
    for provider in ("openai", "hosted_vllm"):
        through(server, "good", provider=provider)
        assert server.calls[-1].key == door.NO_KEY
    monkeypatch.setenv("CANARY_KEY", KEY)
    result = through(server, "echo-key", api_key_env="CANARY_KEY")
    assert server.calls[-1].key == KEY
    assert isinstance(result, Fault)
    assert result.kind == "auth"
    assert KEY[:12] not in result.message


def test_a_missing_key_is_told_before_anything_is_sent(server, monkeypatch):
    monkeypatch.delenv("CANARY_KEY", raising=False)
    before = len(server.calls)
    result = through(server, "good", api_key_env="CANARY_KEY")
    assert isinstance(result, Fault)
    assert (result.kind, result.sent, len(server.calls)) == ("auth", False, before)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    model = ModelSpec(id="anthropic/claude-3-5-haiku-20241022")
    assert door.missing_keys(model) == ("ANTHROPIC_API_KEY",)
    vendor = once(door.LitellmClient(), Request(model=model, messages=MESSAGES))
    assert isinstance(vendor, Fault)
    assert (vendor.kind, vendor.sent) == ("auth", False)
    assert "ANTHROPIC_API_KEY" in vendor.message


def test_one_request_is_sent_and_none_repeated(server):
    before = len(server.calls)
    through(server, "500")
    through(server, "rate-seconds")
    assert len(server.calls) == before + 2


def test_settings_that_litellm_would_turn_into_others_are_refused(server):
    model = ModelSpec(id="ollama_chat/x", route="litellm")
    request = Request(model=model, messages=MESSAGES, settings={"frequency_penalty": 0.1})
    with pytest.raises(SpecError, match="frequency_penalty"):
        once(door.LitellmClient(), request)
    with pytest.raises(ProviderError, match="ollama_chat"):
        once(door.LitellmClient(), replace(request, model=ModelSpec(id="ollama/x")))


@pytest.mark.parametrize("stream", [True, False])
def test_ollama_answers_the_same_both_ways(stream):
    settings = {"num_ctx": 8192, "repetition_penalty": 1.2, "max_tokens": 3}
    with running(FakeModel(name="gemma3:4b")) as fake:
        model = ModelSpec(id="ollama_chat/gemma3:4b", api_base=fake.base, stream=stream)
        direct = once(OllamaClient(), Request(model=model, messages=MESSAGES, settings=settings))
        carried = once(
            door.LitellmClient(),
            Request(
                model=model.model_copy(update={"route": "litellm"}),
                messages=MESSAGES,
                settings=settings,
            ),
        )
        first, second = (chat["options"] for chat in fake.chats)
        assert first == second
    assert isinstance(carried, Response)
    assert comparable(replace(carried, served_model="gemma3:4b")) == comparable(direct)


def test_what_has_streamed_is_not_watched_twice():
    text = "This paragraph is said once, and only once, whatever the way and the dialect. " * 3
    with running(FakeModel(name="gemma3:4b", answer=text)) as fake:
        model = ModelSpec(id="ollama_chat/gemma3:4b", api_base=fake.base, route="litellm")
        answer = once(door.LitellmClient(), Request(model=model, messages=MESSAGES))
    assert isinstance(answer, Response)
    assert (answer.status, answer.text) == ("ok", text)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", ["huge", "huge-error", "redirect", "401", "rate-seconds", "cut"])
def test_bounds_hold_for_providers_with_dialects_of_their_own(server, name, stream, monkeypatch):
    monkeypatch.setenv("CANARY_KEY", KEY)
    limits = Limits(deadline_seconds=20.0, answer_bytes=300_000)
    result = through(
        server, name, provider="anthropic", stream=stream, limits=limits, api_key_env="CANARY_KEY"
    )
    assert isinstance(result, Fault)
    kinds = {"huge": "too_large", "huge-error": "server", "redirect": "permanent", "401": "auth",
             "rate-seconds": "rate"}  # fmt: skip
    assert name == "cut" or result.kind == kinds[name]


class Echo:
    """A provider of this process that says what it was given."""

    name = "sim"

    def stream(
        self, model: str, messages: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]
    ) -> Iterator[Piece]:
        if model == "absent":
            raise LookupError("there is no simulated model 'absent'")
        if model == "broken":
            raise ZeroDivisionError
        for word in ("one ", "two ", "three "):
            yield Piece(text=word)
        if model == "endless":
            for _ in range(500):
                yield Piece(text="and so on and so forth ")
        seen = json.dumps({"messages": list(messages), "settings": dict(settings)}, sort_keys=True)
        yield Piece(text=seen)
        yield Piece(finish="length", prompt_tokens=7, completion_tokens=4)


def simulated(name: str, *, stream: bool = True) -> Response | Fault:
    door.register_providers([Echo()])
    model = ModelSpec(id=f"sim/{name}", stream=stream)
    settings = {"temperature": 0.5, "max_tokens": 9, "seed": 3, "num_ctx": 99}
    return once(door.LitellmClient(), Request(model=model, messages=MESSAGES, settings=settings))


@pytest.mark.parametrize("stream", [True, False])
def test_a_provider_of_this_process_is_carried_like_any_other(stream):
    answer = simulated("echo", stream=stream)
    assert isinstance(answer, Response)
    seen = json.loads(answer.text.removeprefix("one two three "))
    assert seen["messages"] == list(MESSAGES)
    assert seen["settings"] == {"temperature": 0.5, "max_tokens": 9, "seed": 3, "num_ctx": 99}
    assert (answer.status, answer.finish) == ("truncated", "length")
    assert (answer.prompt_tokens, answer.completion_tokens) == (7, 4)
    assert (answer.route, answer.flags) == ("litellm", ())


def test_a_provider_of_this_process_can_loop_lack_a_model_and_break():
    endless = simulated("endless")
    assert isinstance(endless, Response)
    assert endless.status == "looped"
    absent = simulated("absent")
    assert isinstance(absent, Fault)
    assert (absent.kind, absent.status) == ("permanent", 404)
    assert "absent" in absent.message
    broken = simulated("broken")
    assert isinstance(broken, Fault)
    assert broken.kind == "unknown"


def test_litellm_is_quiet_and_stays_on_this_host(server, capfd):
    through(server, "500")
    through(server, "unknown-finish")
    assert capfd.readouterr() == ("", "")
    assert door.litellm.num_retries in {None, 0}
    assert sys.modules["litellm"].suppress_debug_info
