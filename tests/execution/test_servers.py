"""Discovery: what servers on this host say about their models, and what bad servers cannot do."""

import asyncio
import contextlib
import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from preamblelab.domain.facts import LLAMA_CPP, OLLAMA, VLLM
from preamblelab.domain.models import ModelSpec
from preamblelab.execution import servers
from preamblelab.execution.server_facts import (
    llama_cpp_facts,
    lm_studio_facts,
    ollama_facts,
    vllm_facts,
)
from preamblelab.execution.servers import LocalServer, discover, facts_from_server
from tests.engines.fake_ollama import FakeModel, running
from tests.engines.llama_server import serving
from tests.engines.tiny_gguf import DEAF_TEMPLATE, parameter_count, write_gguf

GEMMA = FakeModel(name="gemma3:4b", num_ctx=8192)
DISTILL = FakeModel(
    name="deepseek-r1:14b", family="qwen2", parameters=14_770_033_664, system="You are R1."
)
OWN = FakeModel(name="my-own:latest", family="llama", parameters=8_030_261_248)
DEAF = FakeModel(name="deaf:1b", template="{{ .Prompt }}", parameters=1_000_000_000)
CLOUD = FakeModel(name="gpt-oss:120b-cloud", remote_host="https://ollama.com", family="gptoss")


@contextlib.contextmanager
def answering(routes: Mapping[str, Any], status: int = 200) -> Iterator[tuple[str, list[Any]]]:
    """A server with canned bodies by path, and what it was asked: path, key header."""
    asked: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers.get("Authorization")))
            body = routes.get(self.path)
            self.send_response(404 if body is None else status)
            if status in {301, 307}:
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.end_headers()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def found(*bases: str, environment: Mapping[str, str] | None = None) -> list[LocalServer]:
    """What `discover` finds at these addresses; whatever runs on the usual ones is left out."""
    every = asyncio.run(discover(bases, environment=environment or {}, usual=()))
    return [server for server in every if server.base != "http://127.0.0.1:11434"]


def asked_of(spec: ModelSpec) -> Any:
    return asyncio.run(facts_from_server(spec))


# --------------------------------------------------------------------------------------- Ollama


def test_ollama_lists_its_models_with_everything_it_knows():
    with running(GEMMA, DISTILL, OWN) as fake:
        fake.loaded["deepseek-r1:14b"] = 4096
        (server,) = found(fake.base)
    gemma, distill, own = server.models
    assert server.kind == "ollama"
    assert (gemma.model, gemma.total_b, gemma.size) == ("ollama_chat/gemma3:4b", 4.3, "mid")
    assert (gemma.quantisation, gemma.context, gemma.digest) == ("Q4_K_M", 8192, GEMMA.digest)
    assert gemma.sources["total_b"] == gemma.sources["digest"] == OLLAMA
    assert (distill.context, distill.default_system) == (4096, "You are R1.")
    assert (own.total_b, own.family) == (pytest.approx(8.03, rel=1e-3), "llama")


def test_the_brand_in_a_name_goes_before_the_architecture():
    with running(DISTILL) as fake:
        (server,) = found(fake.base)
    assert server.models[0].family == "deepseek"
    assert "architecture: qwen2" in server.models[0].notes


def test_the_most_that_a_model_allows_is_not_taken_for_what_is_served():
    with running(OWN) as fake:
        (server,) = found(fake.base)
    assert server.models[0].context == OWN.context
    assert any("num_ctx" in note for note in server.models[0].notes)


def test_a_template_without_a_place_for_a_system_message_is_noted():
    with running(DEAF, GEMMA) as fake:
        (server,) = found(fake.base)
    deaf, gemma = server.models
    note = "its template has no place for a system message"
    assert note in deaf.notes
    assert note not in gemma.notes


def test_a_cloud_model_is_not_local():
    with running(CLOUD) as fake:
        (server,) = found(fake.base)
    assert server.models[0].notes.count("cloud tag: not local") == 1


def test_ollama_host_says_where_ollama_listens():
    with running(GEMMA) as fake:
        place = fake.base.removeprefix("http://")
        (server,) = found(environment={"OLLAMA_HOST": place})
    assert (server.kind, server.base) == ("ollama", fake.base)


@pytest.mark.parametrize("provider", ["ollama_chat", "ollama"])
def test_facts_of_one_model_come_from_its_own_ollama(provider):
    with running(GEMMA) as fake:
        spec = ModelSpec(id=f"{provider}/gemma3:4b", api_base=fake.base)
        facts = spec.facts(asked_of(spec))
        missing = asked_of(ModelSpec(id=f"{provider}/absent", api_base=fake.base))
    assert (facts.model, facts.total_b, facts.digest) == (spec.id, 4.3, GEMMA.digest)
    assert facts.source("total_b") == OLLAMA
    assert missing is None


def test_a_name_without_a_tag_means_latest():
    with running(OWN) as fake:
        facts = asked_of(ModelSpec(id="ollama_chat/my-own", api_base=fake.base))
    assert facts.digest == OWN.digest


def test_an_ollama_without_models_says_so():
    with running() as fake:
        (server,) = found(fake.base)
    assert (server.kind, server.models) == ("ollama", ())
    assert server.reason == "it answers, but offers no model"


@pytest.mark.parametrize(
    ("written", "total_b"),
    [("4.3B", 4.3), ("268.10M", 0.2681), ("116829156672", 116.829), ("", None), ("many", None)],
)
def test_a_count_as_ollama_writes_it(written, total_b):
    facts = ollama_facts("ollama_chat/x", {"details": {"parameter_size": written}})
    assert facts.total_b == (None if total_b is None else pytest.approx(total_b, rel=1e-3))


# ------------------------------------------------------------------------------------ llama.cpp


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    model = write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")
    with serving(model, context=4096, parallel=2) as server:
        yield server


def test_a_real_llama_cpp_counts_its_own_parameters(llama):
    (server,) = found(llama.api_base)
    (model,) = server.models
    assert (server.kind, server.base) == ("llama.cpp", llama.base)
    assert model.total_b == pytest.approx(parameter_count() / 1e9)
    assert (model.size, model.quantisation) == ("tiny", "F32")
    assert model.context == 2048  # 4096 shared by two slots: what one answer really has
    assert model.sources["total_b"] == LLAMA_CPP
    assert model.notes == ("file: tiny.gguf",)


@pytest.mark.parametrize("name", ["openai/tiny", "hosted_vllm/tiny", "llamafile/whatever"])
def test_facts_of_one_model_come_from_its_own_llama_cpp(llama, name):
    spec = ModelSpec(id=name, api_base=llama.api_base, parameters="4B")
    facts = spec.facts(asked_of(spec))
    assert (facts.total_b, facts.source("total_b")) == (4.0, "user")
    assert (facts.context, facts.source("context")) == (2048, LLAMA_CPP)


def test_a_template_without_a_system_role_is_noted(tmp_path):
    # llama.cpp does not drop the message then: it puts it before the user's words.
    model = write_gguf(tmp_path / "deaf.gguf", template=DEAF_TEMPLATE)
    with serving(model) as server:
        (deaf,) = found(server.base)
    assert any("the preamble goes into the user's message" in note for note in deaf.models[0].notes)


def test_a_system_message_that_is_not_in_the_prompt_is_noted():
    dropped = {"prompt": "[user] hello"}
    facts = llama_cpp_facts("openai/x", {"meta": {"n_params": 10}}, None, rendered=dropped)
    assert facts.notes == ("its template has no place for a system message",)


@pytest.mark.parametrize(
    ("told", "quantisation"),
    [
        ("all F32", "F32"),
        ("Q4_K - Medium", "Q4_K_M"),
        ("(guessed) mostly Q8_0", "Q8_0"),
        ("", None),
    ],
)
def test_file_types_are_written_like_quantisations(told, quantisation):
    facts = llama_cpp_facts("openai/x", {"meta": {"ftype": told}}, None)
    assert facts.quantisation == quantisation


def test_a_server_that_still_loads_says_so_and_counts_nothing():
    facts = llama_cpp_facts("openai/x", {"id": "x", "meta": None}, None)
    assert facts.total_b is None
    assert facts.notes == ("the server is still loading this model",)


# -------------------------------------------------------------------- vLLM, LM Studio, others

VLLM_MODELS = {
    "data": [
        {"id": "house", "owned_by": "vllm", "root": "Qwen/Qwen3-30B-A3B", "max_model_len": 32768},
        {"id": "Qwen/Qwen3-8B", "owned_by": "vllm", "root": "Qwen/Qwen3-8B", "max_model_len": 4096},
    ]
}


def test_vllm_tells_the_context_and_the_weights_behind_an_alias():
    with answering({"/v1/models": VLLM_MODELS}) as (base, _):
        (server,) = found(f"{base}/v1")
    house, plain = server.models
    assert server.kind == "vllm"
    assert (house.model, house.total_b, house.active_b) == ("hosted_vllm/house", 30.5, 3.35)
    assert (house.family, house.context, house.source("total_b")) == ("qwen", 32768, "table")
    assert "weights: Qwen/Qwen3-30B-A3B" in house.notes
    assert (plain.total_b, plain.source("context")) == (8.19, VLLM)


def test_facts_of_one_model_come_from_its_own_vllm():
    with answering({"/v1/models": VLLM_MODELS}) as (base, _):
        spec = ModelSpec(id="hosted_vllm/house", api_base=f"{base}/v1")
        facts = spec.facts(asked_of(spec))
        missing = asked_of(ModelSpec(id="hosted_vllm/absent", api_base=f"{base}/v1"))
    assert (facts.total_b, facts.size, facts.context) == (30.5, "large", 32768)
    assert missing is None


def test_lm_studio_lists_what_can_chat():
    studio = {
        "data": [
            {"id": "qwen2.5-7b-instruct", "type": "llm", "arch": "qwen2", "quantization": "Q4_K_M",
             "max_context_length": 32768, "loaded_context_length": 4096},
            {"id": "text-embedding-nomic", "type": "embeddings", "arch": "nomic-bert"},
        ]
    }  # fmt: skip
    listed = {"data": [{"id": "qwen2.5-7b-instruct", "owned_by": "organization_owner"}]}
    with answering({"/api/v0/models": studio, "/v1/models": listed}) as (base, _):
        (server,) = found(base)
        one = asked_of(ModelSpec(id="lm_studio/qwen2.5-7b-instruct", api_base=f"{base}/v1"))
    (model,) = server.models
    assert server.kind == "lm studio"
    assert (model.model, model.context) == ("lm_studio/qwen2.5-7b-instruct", 4096)
    assert (model.total_b, model.source("total_b")) == (7.62, "table")
    assert (one.context, one.quantisation) == (4096, "Q4_K_M")


def test_any_other_server_of_the_dialect_is_listed_by_name():
    with answering({"/v1/models": {"data": [{"id": "some-7b"}, {"id": 3}, "x"]}}) as (base, _):
        (server,) = found(base)
    assert server.kind == "openai"
    assert [model.model for model in server.models] == ["openai/some-7b"]


# ---------------------------------------------------------------------------------- how to name


def test_the_line_for_an_experiment_can_be_read_back(llama):
    with running(GEMMA) as fake:
        ollama, engine = found(fake.base, llama.base)
    for server in (ollama, engine):
        for facts in server.models:
            (name, fields), *none = yaml.safe_load(server.how_to_name(facts)).items()
            spec = ModelSpec(name=name, **fields)
            assert (spec.id, spec.api_base, none) == (facts.model, server.api_base, [])


def test_ollama_at_its_default_needs_no_address():
    server = LocalServer(kind="ollama", base="http://127.0.0.1:11434")
    with running(GEMMA) as fake:
        facts = found(fake.base)[0].models[0]
    assert server.how_to_name(facts) == 'gemma3-4b: {id: "ollama_chat/gemma3:4b"}'


def test_a_hostile_name_cannot_write_yaml():
    name = 'x"}\nevil: {id: "y'
    with answering({"/v1/models": {"data": [{"id": name}]}}) as (base, _):
        (server,) = found(base)
    (entry,) = yaml.safe_load(server.how_to_name(server.models[0])).values()
    assert entry["id"].startswith("openai/x")
    assert "\n" not in server.how_to_name(server.models[0])


# --------------------------------------------------------------------------- servers that are bad


def test_nobody_there_is_a_reason_for_a_named_address_and_silence_for_a_guess():
    guess = asyncio.run(discover(environment={}, usual=["http://127.0.0.1:9"]))
    assert not [server for server in guess if server.base == "http://127.0.0.1:9"]
    (server,) = found("http://127.0.0.1:9/v1")
    assert (server.kind, server.models) == ("none", ())
    assert server.reason is not None
    assert server.reason.startswith("no answer")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>hello</html>",
        b"null",
        b"[]",
        b'"text"',
        b'{"data": null}',
        b'{"data": {"id": "x"}}',
        b'{"data": [1, null, "x", []]}',
        b'{"data": [{"id": {"a": 1}, "owned_by": {"a": 1}}]}',
        b'{"data": [{"id": "x", "owned_by": "llamacpp", "meta": [1]}]}',
        b'{"data": [{"id": "x", "owned_by": "llamacpp", "meta": {"n_params": NaN}}]}',
        b'{"data": [{"id": "x", "owned_by": "llamacpp", "meta": {"n_params": 1'
        + b"0" * 400
        + b"}}]}",
        b'{"data": [{"id": "x", "owned_by": "vllm", "max_model_len": -1, "root": 7}]}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"9" * 6_000,
    ],
)
def test_nonsense_raises_nothing_and_counts_nothing(body):
    paths = ["/v1/models", "/api/tags", "/api/v0/models", "/props", "/api/ps", "/api/show"]
    with answering(dict.fromkeys(paths, body)) as (base, _):
        (server,) = found(base)
        openai = asked_of(ModelSpec(id="openai/x", api_base=base))
        ollama = asked_of(ModelSpec(id="ollama_chat/x", api_base=base))
    for facts in (*server.models, openai, ollama):
        assert facts is None or (facts.total_b is None and facts.context is None)


def test_a_body_without_end_is_not_read_to_its_end(monkeypatch):
    monkeypatch.setattr(servers, "_MOST_BYTES", 10_000)
    with answering({"/v1/models": b" " * 1_000_000}) as (base, _):
        (server,) = found(base)
    assert server.kind == "none"


def test_a_server_that_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(servers, "TIMEOUT_SECONDS", 0.1)

    async def silent():
        hold = asyncio.Event()

        async def accept(_, writer):
            await hold.wait()
            writer.close()

        listener = await asyncio.start_server(accept, "127.0.0.1", 0)
        base = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        try:
            return await discover([base], environment={}, usual=())
        finally:
            hold.set()
            listener.close()
            await listener.wait_closed()

    server = asyncio.run(silent())[-1]
    assert server.reason is not None
    assert server.reason.startswith("no answer")


def test_a_redirect_is_not_followed():
    with answering({"/v1/models": b"x"}, status=307) as (base, asked):
        (server,) = found(base)
    assert server.kind == "none"
    assert [path for path, _ in asked].count("/v1/models") == 1


def test_an_address_with_a_password_is_not_asked_and_not_repeated():
    with answering({"/v1/models": VLLM_MODELS}) as (base, asked):
        (server,) = found(base.replace("http://", "http://user:hunter2@"))
    assert asked == []
    assert "hunter2" not in repr(server)


def test_an_ollama_host_with_a_password_is_not_asked(monkeypatch):
    monkeypatch.setenv("OLLAMA_HOST", "http://user:hunter2@127.0.0.1:9")
    assert asked_of(ModelSpec(id="ollama_chat/gemma3:4b")) is None


def test_no_key_is_sent(monkeypatch):
    monkeypatch.setenv("HOUSE_KEY", "not-for-discovery")
    with answering({"/v1/models": VLLM_MODELS}) as (base, asked):
        asked_of(ModelSpec(id="hosted_vllm/house", api_base=base, api_key_env="HOUSE_KEY"))
        found(base)
    assert asked
    assert {key for _, key in asked} == {None}


@pytest.mark.parametrize("name", ["openai/gpt-4o", "anthropic/claude", "sim/mid-4b", "groq/x-7b"])
def test_nobody_is_asked_about_a_model_without_an_address(name):
    assert asked_of(ModelSpec(id=name)) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
fields = st.dictionaries(
    st.sampled_from(
        ["details", "model_info", "template", "system", "parameters", "meta", "n_params", "arch",
         "default_generation_settings", "model_path", "chat_template", "root", "max_model_len",
         "general.parameter_count", "parameter_size", "family", "quantization", "ftype"]
    ),
    json_values,
)  # fmt: skip


@pytest.mark.slow
@settings(deadline=None)
@given(fields, fields)
def test_no_json_of_a_server_breaks_the_readers(one, other):
    nested = {**one, "details": other, "model_info": other, "meta": other}
    for facts in (
        ollama_facts(
            "ollama_chat/x", nested, digest=one.get("root"), loaded_context=one.get("arch")
        ),
        llama_cpp_facts("openai/x", nested, other, rendered={"prompt": one}),
        vllm_facts("hosted_vllm/x", nested),
        lm_studio_facts("lm_studio/x", nested),
    ):
        assert facts.total_b is None or facts.total_b > 0
        assert facts.context is None or facts.context > 0
        complete = ModelSpec(id=facts.model).facts(facts)
        assert complete.family is None or complete.family.isprintable()
