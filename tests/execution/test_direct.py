"""The direct way to OpenAI's dialect, against a server that misbehaves on demand."""

import asyncio
import base64
import os
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.errors import SpecError
from preamblelab.execution.breaker import Breaker
from preamblelab.execution.clients import Fault, Limits
from preamblelab.execution.direct import DirectClient
from tests.engines.misbehaving_server import MisbehavingServer
from tests.engines.misbehaviours import TEXT

KEY = "sk-canary-7Qd0/xY+zz9-abcdefgh1234"
PATIENT = Limits(deadline_seconds=20.0)
QUICK = Limits(deadline_seconds=0.6, first_token_seconds=0.4, idle_seconds=0.2)


@pytest.fixture(scope="module")
def server() -> Iterator[MisbehavingServer]:
    with MisbehavingServer() as running:
        yield running


def ask(
    server: MisbehavingServer,
    name: str,
    *,
    stream: bool = True,
    limits: Limits = PATIENT,
    settings: dict[str, Any] | None = None,
    provider: str = "openai",
    watch: bool = False,
    **fields: Any,
) -> Response:
    """One question to the server, whose model's name is the script of what goes wrong."""
    model = ModelSpec(id=f"{provider}/{name}", api_base=server.url, stream=stream, **fields)
    request = Request(
        model=model, messages=({"role": "user", "content": "Check it."},), settings=settings or {}
    )

    async def once() -> Response:
        client = DirectClient()
        try:
            watched = Breaker().feed if watch else None
            return await client.ask(request, limits=limits, watch=watched)
        finally:
            await client.close()

    return asyncio.run(once())


def fault(server: MisbehavingServer, name: str, **options: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        ask(server, name, **options)
    assert len(caught.value.message) <= 500
    assert caught.value.message.isprintable()
    return caught.value


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_keeps_its_text_its_finish_and_its_counts(server, stream):
    answer = ask(server, "good", stream=stream)
    assert (answer.status, answer.text, answer.finish) == ("ok", TEXT, "stop")
    assert (answer.prompt_tokens, answer.completion_tokens, answer.estimated) == (12, 34, False)
    assert (answer.route, answer.served_model, answer.flags) == ("direct/openai", "good", ())
    assert answer.usd is None, "nobody knows the price of a server of one's own"
    assert answer.seconds is not None
    assert (answer.first_token_seconds is not None) is stream


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("name", "status", "flags"),
    [
        ("length", "truncated", ()),
        ("filter", "refused", ()),
        ("filter-part", "refused", ()),
        ("refusal", "refused", ()),
        ("null-content", "empty", ()),
        ("blank", "empty", ()),
        ("reasoning", "ok", ()),
        ("reasoning-only", "empty", ("reasoning_only",)),
        ("think", "ok", ()),
        ("think-open", "truncated", ("reasoning_only",)),
        ("tool-call", "empty", ("unrequested_tool_call",)),
        ("repetition", "looped", ()),
        ("no-finish", "ok", ("unknown_finish",)),
        ("unknown-finish", "ok", ("unknown_finish",)),
        ("swapped", "ok", ("swapped_model",)),
        ("several", "ok", ("several_choices",)),
        ("surrogate", "ok", ()),
        ("nul", "ok", ()),
        ("content-list", "ok", ()),
        ("usage-none", "ok", ("usage_missing",)),
        ("usage-negative", "ok", ("usage_invalid",)),
        ("usage-huge", "ok", ("usage_invalid",)),
        ("usage-nan", "ok", ("usage_invalid",)),
        ("usage-strings", "ok", ("usage_invalid",)),
        ("usage-zero", "ok", ("usage_invalid",)),
    ],
)
def test_what_was_said_becomes_one_outcome_streamed_or_not(server, name, stream, status, flags):
    answer = ask(server, name, stream=stream)
    assert (answer.status, answer.flags) == (status, flags)
    assert answer.answered
    assert answer.estimated is any(flag.startswith("usage") for flag in flags)
    assert (answer.reason == "") is (status == "ok")


@pytest.mark.parametrize("stream", [True, False])
def test_thinking_stands_apart_from_the_answer_in_its_field_and_between_tags(server, stream):
    for name in ("reasoning", "think"):
        answer = ask(server, name, stream=stream)
        assert (answer.text, answer.reasoning) == (TEXT, "Let me see.")
    assert ask(server, "think-open", stream=stream).reasoning == "Let me"


def test_a_streamed_tool_call_is_put_together(server):
    (call,) = ask(server, "tool-call").tool_calls
    assert call["function"] == {"name": "rm", "arguments": '{"path": "/"}'}


def test_a_tool_call_is_an_answer_where_tools_were_offered(server):
    assert ask(server, "tool-call", settings={"tools": []}).status == "ok"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("name", "kind", "status", "wait"),
    [
        ("400", "permanent", 400, None), ("401", "auth", 401, None), ("402", "quota", 402, None),
        ("403", "auth", 403, None), ("404", "permanent", 404, None), ("408", "server", 408, None),
        ("422", "permanent", 422, None), ("500", "server", 500, None), ("503", "server", 503, 2.0),
        ("529", "server", 529, None), ("context", "permanent", 400, None),
        ("rate-seconds", "rate", 429, 3.0), ("rate-milliseconds", "rate", 429, 0.7),
        ("rate-nonsense", "rate", 429, None), ("rate-negative", "rate", 429, None),
        ("rate-plain", "rate", 429, None), ("quota", "quota", 429, None),
        ("html-502", "server", 502, None), ("huge-error", "server", 500, None),
    ],
)  # fmt: skip
def test_an_error_status_is_a_fault_of_its_kind(server, name, stream, kind, status, wait):
    found = fault(server, name, stream=stream)
    assert (found.kind, found.status, found.retry_after) == (kind, status, wait)


def test_a_date_to_come_back_becomes_seconds(server):
    wait = fault(server, "rate-date").retry_after
    assert wait is not None
    assert 50 < wait <= 60


@pytest.mark.parametrize(
    "name",
    ["truncated-json", "html", "empty-body", "null-body", "list-body", "no-choices",
     "missing-choices", "no-message", "content-number", "deep-json", "long-number", "no-http",
     "gzip-bomb"],
)  # fmt: skip
@pytest.mark.parametrize("stream", [True, False])
def test_a_body_that_cannot_be_read_is_no_answer(server, name, stream):
    assert fault(server, name, stream=stream).kind == "malformed"


@pytest.mark.parametrize("name", ["cut", "only-done", "no-event", "bad-event"])
def test_a_stream_without_its_end_is_no_answer(server, name):
    assert fault(server, name).kind == "malformed"


@pytest.mark.parametrize("name", ["no-done", "comments", "crlf", "json", "no-options"])
def test_servers_have_habits_that_change_nothing(server, name):
    assert ask(server, name).text == TEXT


def test_an_error_within_an_answer_is_a_fault(server):
    assert fault(server, "error-in-200").status == 503
    assert fault(server, "error-event").kind == "server"
    assert fault(server, "abort").kind == "server"


def test_a_repetition_that_the_server_noticed_is_an_outcome_and_never_a_fault(server):
    said = ask(server, "token-repeat")
    assert (said.status, said.text) == ("looped", "")
    streamed = ask(server, "repeat-event")
    assert streamed.status == "looped"
    assert streamed.text
    assert TEXT.startswith(streamed.text), "what had come is kept"


def test_a_prompt_that_a_filter_refused_is_an_outcome(server):
    assert ask(server, "prompt-filter").status == "refused"


def test_bytes_that_are_no_text_are_shown_as_escapes(server):
    answer = ask(server, "bad-utf8")
    assert answer.text == r"a\xff\xfeb"
    assert "invalid_utf8" in answer.flags


def test_a_broken_connection_is_a_network_fault_and_its_part_is_dropped(server):
    assert fault(server, "reset").kind == "network"
    assert fault(server, "reset-middle").kind == "network"


def test_a_port_where_nobody_listens_was_never_asked():
    with MisbehavingServer() as gone:
        pass
    found = fault(gone, "good")
    assert (found.kind, found.sent) == ("network", False)
    assert str(gone.port) in found.message


@pytest.mark.parametrize(
    ("name", "stream", "words"),
    [
        ("hang", True, "no text"),
        ("keep-alive", True, "no text"),
        ("hang-middle", True, "stood still"),
        ("drip", False, "no complete answer"),
    ],
)
def test_silence_ends_whatever_keeps_the_connection_busy(server, name, stream, words):
    found = fault(server, name, stream=stream, limits=QUICK)
    assert found.kind == "timeout"
    assert words in found.message


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", ["huge", "endless"])
def test_an_answer_without_measure_is_not_read_on(server, name, stream):
    limits = Limits(deadline_seconds=20.0, answer_bytes=300_000)
    assert fault(server, name, stream=stream, limits=limits).kind == "too_large"


def test_a_loop_ends_the_stream_and_keeps_the_prefix():
    with MisbehavingServer(pause=0.001) as server:
        answer = ask(server, "loop", watch=True)
        assert answer.status == "looped"
        assert answer.loop is not None
        assert len(answer.text) == answer.loop["at"]
        assert answer.estimated
        assert server.wait_for_abort(), "the server must notice that nobody listens"
        whole = ask(server, "loop", stream=False, watch=True)
        assert (whole.status, whole.text, whole.loop) == ("looped", answer.text, answer.loop)


def test_a_redirect_is_refused_and_no_key_follows_it(server, monkeypatch):
    monkeypatch.setenv("CANARY_KEY", KEY)
    with MisbehavingServer() as other:
        for target in ("", other.origin):
            server.redirect_to = target
            found = fault(server, "redirect", api_key_env="CANARY_KEY")
            assert (found.kind, found.status) == ("permanent", 307)
        assert not other.calls
    assert not any(call.path.startswith("/elsewhere") for call in server.calls)


def test_only_the_key_that_was_named_travels(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-somebody-elses-0123456789")
    ask(server, "good")
    assert server.calls[-1].key == ""
    monkeypatch.setenv("CANARY_KEY", KEY)
    ask(server, "good", api_key_env="CANARY_KEY")
    assert server.calls[-1].key == KEY


def test_a_missing_key_is_told_before_anything_is_sent(server, monkeypatch):
    monkeypatch.delenv("CANARY_KEY", raising=False)
    before = len(server.calls)
    found = fault(server, "good", api_key_env="CANARY_KEY")
    assert (found.kind, found.sent) == ("auth", False)
    assert "CANARY_KEY" in found.message
    assert len(server.calls) == before


def test_a_key_that_the_server_repeats_is_masked(server, monkeypatch):
    monkeypatch.setenv("CANARY_KEY", KEY)
    texts = [fault(server, "echo-key", api_key_env="CANARY_KEY").message]
    for stream in (True, False):
        answer = ask(server, "echo-key-in-answer", stream=stream, api_key_env="CANARY_KEY")
        assert "redacted" in answer.flags
        texts.append(answer.text)
    forms = (KEY, KEY[:12], base64.b64encode(KEY.encode()).decode(), urllib.parse.quote(KEY, ""))
    assert not [text for text in texts for form in forms if form in text]
    assert all("***" in text for text in texts)


def test_settings_travel_by_name_and_alien_ones_are_refused(server):
    settings = {"temperature": 0.5, "max_tokens": 9, "seed": 3, "stop": ["x"], "min_p": 0.1}
    ask(server, "good", settings=settings)
    sent = server.calls[-1].body
    assert {name: sent[name] for name in settings} == settings
    assert sent["stream_options"] == {"include_usage": True}
    with pytest.raises(SpecError, match="num_ctx"):
        ask(server, "good", settings={"num_ctx": 8192})


@pytest.mark.parametrize(
    ("provider", "name", "sent"),
    [
        ("hosted_vllm", "repeat_penalty", "repetition_penalty"),
        ("llamafile", "repetition_penalty", "repeat_penalty"),
        ("openai", "repeat_penalty", "repeat_penalty"),
        ("openai", "repetition_penalty", "repetition_penalty"),
    ],
)
def test_the_penalty_on_repetition_has_the_servers_own_name(server, provider, name, sent):
    ask(server, "good", provider=provider, settings={name: 1.1})
    body = server.calls[-1].body
    assert {key: value for key, value in body.items() if "penalty" in key} == {sent: 1.1}


def test_one_client_serves_several_loops_and_many_calls_at_once(server):
    model = ModelSpec(id="openai/good", api_base=server.url)
    request = Request(model=model, messages=({"role": "user", "content": "Check it."},))
    client = DirectClient()

    async def many() -> list[Response]:
        calls = (client.ask(request, limits=Limits(), watch=None) for _ in range(50))
        try:
            return await asyncio.gather(*calls)
        finally:
            await client.close()

    for _ in range(2):
        assert {answer.text for answer in asyncio.run(many())} == {TEXT}


def test_a_cancelled_call_closes_its_connection():
    with MisbehavingServer(pause=0.005) as server:
        model = ModelSpec(id="openai/loop", api_base=server.url)
        request = Request(model=model, messages=())

        async def cancel() -> None:
            client = DirectClient()
            call = asyncio.create_task(client.ask(request, limits=Limits(), watch=None))
            await asyncio.sleep(0.1)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await client.close()

        asyncio.run(cancel())
        assert server.wait_for_abort()


def test_the_environment_is_not_changed(server):
    before = dict(os.environ)
    ask(server, "good")
    assert dict(os.environ) == before
