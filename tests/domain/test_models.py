"""Models as a user writes them down: what is refused, and whose word counts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from preamblelab.domain.facts import FIELDS, LLAMA_CPP, OLLAMA, USER, VLLM, ModelFacts, merge
from preamblelab.domain.models import ModelSpec, check_address, check_settings


def refusal(**fields):
    with pytest.raises(ValidationError) as refused:
        ModelSpec(**({"id": "openai/local"} | fields))
    return str(refused.value)


# --------------------------------------------------------------------------------- writing down


def test_the_name_is_the_id_until_a_user_gives_one():
    assert ModelSpec(id="ollama_chat/phi4").name == "ollama_chat/phi4"
    assert ModelSpec(id="ollama_chat/phi4", name="phi").name == "phi"


def test_a_model_cannot_be_changed_after_it_is_made():
    model = ModelSpec(id="ollama_chat/phi4")
    with pytest.raises(ValidationError):
        model.id = "ollama_chat/gemma3:4b"


def test_it_survives_a_round_trip():
    model = ModelSpec(
        id="hosted_vllm/Qwen/Qwen3-8B",
        parameters="8.2B",
        settings={"temperature": 0.7, "stop": ["END"]},
        api_base="http://127.0.0.1:8000/v1/",
        api_key_env="VLLM_KEY",
        price={"input_usd_per_million": 0, "output_usd_per_million": 0.5},
    )
    assert ModelSpec.model_validate_json(model.model_dump_json()) == model
    assert model.api_base == "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"repetition": 3}, "Extra inputs are not permitted"),
        ({"id": ""}, "at least 1 character"),
        ({"parameters": "big"}, "cannot read 'big' as a parameter count"),
        ({"parameters": 8_190_735_360}, "written '8.19B'"),
        ({"parameters": "8B", "active_parameters": "9B"}, "more than all parameters, 8B"),
        ({"parameters": "14B", "size": "mid"}, "contradicts 14B total parameters"),
        ({"size": "huge"}, "'tiny', 'mid', 'large' or 'unknown'"),
        ({"concurrency": 0}, "greater than or equal to 1"),
        ({"idle_seconds": 0}, "greater than 0"),
        ({"deadline_seconds": float("inf")}, "finite"),
        ({"route": "proxy"}, "'auto', 'direct' or 'litellm'"),
        ({"dialect": "anthropic"}, "'openai' or 'ollama'"),
        ({"settings": {"temprature": 0}}, "did you mean 'temperature'?"),
        ({"settings": {"api_key": "x"}}, "'api_key_env'"),
        ({"settings": {"system": "Be brief."}}, "write a preamble"),
        ({"settings": {"extra_headers": {}}}, "can carry secrets"),
        (
            {"price": {"input_usd_per_million": -1, "output_usd_per_million": 1}},
            "greater than or equal to 0",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_the_mend(fields, message):
    assert message in refusal(**fields)


def test_settings_of_a_provider_that_we_do_not_know_pass():
    check_settings({"mirostat": 2, "top_k": 40, "repeat_penalty": 1.1})


# ------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize(
    "key",
    [
        "sk-proj-4f9d8s7f6a5s4d3f2",
        "sk_live_4f9d8s7f6a5s4d3f2",
        "hf_aBcDeFgHiJkLm1234567890",
        "gsk_9f8e7d6c5b4a39281706",
        "AIzaSyD4f9d8s7f6a5s4d3f2",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "d41d8cd98f00b204e9800998ecf8427e",
        "e3b0c44298fc1c149afbf4c8996fb924",
        "Bearer abc",
        "eyJhbGciOiJIUzI1NiJ9",
        "",
    ],
)
def test_a_key_pasted_for_its_name_is_refused_and_never_repeated(key):
    message = refusal(api_key_env=key)
    assert "environment" in message
    assert not key or key not in message


@pytest.mark.parametrize(
    "name", ["OPENAI_API_KEY", "HF_TOKEN", "key", "LITELLM_KEY_2", "AWS_BEARER_TOKEN_BEDROCK"]
)
def test_names_of_variables_pass(name):
    assert ModelSpec(id="openai/x", api_key_env=name).api_key_env == name


@pytest.mark.parametrize(
    "address",
    [
        "http://user:hunter2@host/v1",
        "https://hunter2@host/v1",
        "https://host/v1?api-key=hunter2",
        "https://host/v1#hunter2",
        "ftp://host/hunter2",
        "file:///etc/hunter2",
        "hunter2",
        "//host/hunter2",
        "http:///hunter2",
        "http://host:99999/hunter2",
        "http://[::1/hunter2",
    ],
)
def test_an_address_that_may_hold_a_secret_or_is_none_is_refused(address):
    assert "hunter2" not in refusal(api_base=address)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:11434", "https://host.example/v1", "http://[::1]:8080/v1"]
)
def test_plain_addresses_pass_as_they_are(address):
    assert check_address(address + "/") == address


# -------------------------------------------------------------------------------- whose word


def told(source, **known):
    return ModelFacts(model="m", sources=dict.fromkeys(known, source), **known)


def test_the_users_word_goes_before_everybody():
    model = ModelSpec(id="ollama_chat/gemma3:4b", parameters="12B", family="mine")
    facts = model.facts(told(OLLAMA, total_b=4.3, family="gemma3", quantisation="Q4_K_M"))
    assert (facts.total_b, facts.size, facts.family) == (12.0, "large", "mine")
    assert facts.quantisation == "Q4_K_M"
    assert facts.sources["total_b"] == facts.sources["size"] == USER
    assert facts.sources["quantisation"] == OLLAMA


def test_a_server_goes_before_the_table_and_the_name():
    facts = ModelSpec(id="ollama_chat/gemma:7b").facts(told(OLLAMA, total_b=8.54))
    assert facts.source("total_b") == OLLAMA
    assert ModelSpec(id="ollama_chat/gemma:7b").facts().source("total_b") == "table"
    assert ModelSpec(id="openai/newcomer-7b").facts().source("total_b") == "name"


def test_the_active_count_of_a_dense_model_follows_the_total_that_a_server_counted():
    facts = ModelSpec(id="openai/newcomer-7b").facts(told(LLAMA_CPP, total_b=7.4))
    assert (facts.total_b, facts.active_b) == (7.4, 7.4)


def test_the_active_count_of_a_mixture_stays_when_a_server_counts_the_total():
    facts = ModelSpec(id="ollama_chat/qwen3:30b").facts(told(OLLAMA, total_b=30.53))
    assert (facts.total_b, facts.active_b) == (30.53, 3.35)
    assert (facts.source("total_b"), facts.source("active_b")) == (OLLAMA, "table")


def test_an_active_count_of_another_model_is_dropped():
    facts = ModelSpec(id="ollama_chat/gpt-oss:20b").facts(told(OLLAMA, total_b=0.5))
    assert (facts.total_b, facts.active_b, facts.source("active_b")) == (0.5, None, "unknown")


def test_size_by_active_parameters():
    by_total = ModelSpec(id="ollama_chat/qwen3:30b")
    by_active = ModelSpec(id="ollama_chat/qwen3:30b", size_by="active")
    assert (by_total.facts().size, by_active.facts().size) == ("large", "mid")


def test_a_class_without_a_count_is_the_users_word():
    facts = ModelSpec(id="openai/gpt-4o", size="large").facts()
    assert (facts.size, facts.total_b, facts.source("size")) == ("large", None, USER)


def test_the_user_may_say_that_nobody_knows():
    assert ModelSpec(id="ollama_chat/phi4", size="unknown").facts().size == "unknown"


def test_num_ctx_is_the_context_that_will_be_served():
    model = ModelSpec(id="ollama_chat/phi4", settings={"num_ctx": 4096})
    facts = model.facts(told(OLLAMA, context=16384))
    assert (facts.context, facts.source("context")) == (4096, USER)


def test_only_simulated_models_are_simulated():
    assert ModelSpec(id="sim/mid-4b").simulated
    assert not ModelSpec(id="ollama_chat/sim").simulated


sources = st.permutations([USER, OLLAMA, LLAMA_CPP, VLLM, "table", "name"])


@settings(deadline=None)
@given(sources)
def test_trust_does_not_depend_on_the_order_of_asking(order):
    rank = [USER, OLLAMA, LLAMA_CPP, VLLM, "table", "name"]
    every = [told(source, total_b=float(rank.index(source) + 1)) for source in order]
    merged = merge(every)
    assert (merged.total_b, merged.source("total_b")) == (1.0, USER)


@settings(deadline=None)
@given(st.sets(st.sampled_from(FIELDS)))
def test_every_field_has_a_source_and_only_known_ones_have_a_known_one(known):
    values = {"size": "mid", "total_b": 4.0, "active_b": 4.0, "context": 8}
    facts = merge([told(USER, **{name: values.get(name, "x") for name in known})])
    for name in FIELDS:
        derived = name == "size" and "total_b" in known
        assert (facts.source(name) == USER) == (name in known or derived)
