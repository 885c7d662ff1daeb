"""Which way a model is asked, where, by which name and with which key."""

import pytest

from preamblelab.domain.models import ModelSpec
from preamblelab.errors import ProviderError
from preamblelab.execution.choose import address_of, client_for, key_of, ollama_address, wire_name
from preamblelab.execution.clients import Fault

HERE = "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    ("fields", "way"),
    [
        ({"id": "openai/gpt-4o"}, "litellm"),
        ({"id": "openai/qwen", "api_base": HERE}, "direct/openai"),
        ({"id": "openai/qwen", "api_base": HERE, "route": "litellm"}, "litellm"),
        ({"id": "hosted_vllm/Qwen/Qwen2.5-7B", "api_base": HERE}, "direct/openai"),
        ({"id": "lm_studio/phi", "api_base": HERE}, "direct/openai"),
        ({"id": "llamafile/phi", "api_base": HERE}, "direct/openai"),
        ({"id": "groq/llama", "api_base": "https://api.groq.com/openai/v1"}, "litellm"),
        (
            {"id": "groq/llama", "api_base": "https://api.groq.com/v1", "dialect": "openai"},
            "direct/openai",
        ),
        ({"id": "anthropic/claude", "api_base": "https://proxy.example"}, "litellm"),
        ({"id": "ollama_chat/gemma3:4b"}, "direct/ollama"),
        ({"id": "ollama_chat/gemma3:4b", "route": "litellm"}, "litellm"),
        ({"id": "ollama_chat/gemma3:4b", "api_base": HERE, "dialect": "openai"}, "direct/openai"),
        ({"id": "my-model", "api_base": HERE, "dialect": "ollama"}, "direct/ollama"),
        ({"id": "sim/large"}, "litellm"),
        ({"id": "replay/run"}, "litellm"),
    ],
)
def test_the_way_follows_from_address_dialect_and_route(fields, way):
    assert client_for(ModelSpec(**fields)) == way


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"id": "ollama/gemma3:4b"}, "ollama_chat/gemma3:4b"),
        ({"id": "ollama/gemma3:4b", "route": "litellm"}, "ollama_chat/gemma3:4b"),
        ({"id": "hosted_vllm/qwen"}, "api_base"),
        ({"id": "lm_studio/phi", "route": "litellm"}, "api_base"),
        ({"id": "openai/gpt-4o", "route": "direct"}, "api_base"),
        ({"id": "text-completion-openai/x"}, "system message"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_mend(fields, words):
    with pytest.raises(ProviderError, match=words):
        client_for(ModelSpec(**fields))


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("openai/gpt-4o", "gpt-4o"),
        ("hosted_vllm/Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B"),
        ("openai//models/tiny", "/models/tiny"),
        ("ollama_chat/gemma3:4b", "gemma3:4b"),
        ("Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B"),
        ("my-model", "my-model"),
    ],
)
def test_a_server_reads_the_name_without_the_providers_prefix(name, wire):
    assert wire_name(ModelSpec(id=name)) == wire


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:9999", "http://127.0.0.1:9999"),
        (":9999", "http://127.0.0.1:9999"),
        ("gpu.example", "http://gpu.example:11434"),
        ("http://gpu.example:1234/", "http://gpu.example:1234"),
        ("https://gpu.example", "https://gpu.example:443"),
        ("https://gpu.example/ollama", "https://gpu.example:443/ollama"),
        ("[::1]:5", "http://[::1]:5"),
    ],
)
def test_ollama_is_found_where_its_own_variable_says(host, address):
    assert ollama_address({"OLLAMA_HOST": host}) == address


def test_an_address_of_ollamas_other_dialect_still_leads_to_it():
    for base in ("http://gpu:11434/v1", "http://gpu:11434/api", "http://gpu:11434"):
        assert address_of(ModelSpec(id="ollama_chat/x", api_base=base)) == "http://gpu:11434"


def test_no_key_is_read_that_was_not_named(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-somebody-elses")
    assert key_of(ModelSpec(id="openai/x", api_base=HERE)) is None


@pytest.mark.parametrize("value", ["", "  ", "line\nbreak", "schlüssel"])
def test_what_cannot_be_a_key_is_told_without_showing_it(monkeypatch, value):
    monkeypatch.setenv("CANARY_KEY", value)
    with pytest.raises(Fault, match="CANARY_KEY") as caught:
        key_of(ModelSpec(id="openai/x", api_base=HERE, api_key_env="CANARY_KEY"))
    assert caught.value.kind == "auth"
    assert not caught.value.sent
    assert not value.strip() or value not in caught.value.message
