"""What tokens cost, and who says so; nobody's word is not zero."""

import pytest

from preamblelab.domain.models import ModelSpec, Price
from preamblelab.execution.prices import price_of

OWN = Price(input_usd_per_million=1.5, output_usd_per_million=6.0)


def test_the_users_word_comes_first():
    price = price_of(ModelSpec(id="openai/gpt-4.1", price=OWN))
    assert price is not None
    assert price.source == "user"
    assert price.cost(1_000_000, 500_000) == pytest.approx(1.5 + 3.0)


def test_models_in_this_process_are_known_to_cost_nothing():
    price = price_of(ModelSpec(id="sim/mid-4b"))
    assert price is not None
    assert (price.cost(10**9, 10**9), price.source) == (0.0, "in process")


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "ollama_chat/gemma3:4b"},
        {"id": "openai/some-model-nobody-lists"},
        {"id": "openai/gpt-4.1", "api_base": "http://127.0.0.1:8080/v1"},
        {"id": "hosted_vllm/Qwen/Qwen3-8B", "api_base": "http://127.0.0.1:8000/v1"},
    ],
)
def test_an_unknown_price_is_unknown(fields):
    assert price_of(ModelSpec(**fields)) is None


@pytest.mark.parametrize("id_", ["openai/gpt-4.1", "gpt-4.1", "anthropic/claude-haiku-4-5"])
def test_a_vendors_price_comes_from_litellms_list(id_):
    price = price_of(ModelSpec(id=id_))
    assert price is not None
    assert price.source == "litellm's price list"
    assert 0 < price.input_usd < price.output_usd < 1000
