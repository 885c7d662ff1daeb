"""Names of models: what they tell, where they lie, and what nobody may guess."""

import csv
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preamblelab.domain.facts import FIELDS, TRUST
from preamblelab.domain.model_table import DEFAULT_TAGS, counts_of
from preamblelab.domain.name_parts import take_apart
from preamblelab.domain.naming import describe_id
from preamblelab.domain.sizes import size_class


def near(count, published, share=0.15):
    """Whether a count lies within a share of the published one; None only equals None."""
    if count is None or published is None:
        return count is published
    return abs(count - published) <= share * published


# ------------------------------------------------------------------ forty recorded ids with traps


def recorded(shared_data):
    with (shared_data / "model_ids.csv").open(encoding="utf-8") as file:
        return [(row, describe_id(row["model_id"])) for row in csv.DictReader(file)]


def number(text):
    return float(text) if text else None


def test_all_forty_recorded_ids_get_their_size_class(shared_data):
    wrong = {
        row["model_id"]: facts.size
        for row, facts in recorded(shared_data)
        if facts.size != row["size_class"]
    }
    assert wrong == {}


@pytest.mark.parametrize("field", ["total_b", "active_b"])
def test_counts_of_the_recorded_ids_lie_within_15_percent(shared_data, field):
    wrong = {
        row["model_id"]: getattr(facts, field)
        for row, facts in recorded(shared_data)
        if not near(getattr(facts, field), number(row[field]))
    }
    assert len(wrong) <= 1, wrong


def test_families_and_quantisations_of_the_recorded_ids(shared_data):
    for row, facts in recorded(shared_data):
        assert facts.family == row["family"], row["model_id"]
        assert (facts.quantisation or "") == row["quant"], row["model_id"]


def test_unpublished_counts_stay_unknown_with_their_source(shared_data):
    for row, facts in recorded(shared_data):
        assert (facts.source("total_b") == "unknown") == (row["known"] == "0"), row["model_id"]


# --------------------------------------------------------------- one table per way of misleading

MIXTURES = [
    # id, all parameters, active ones (published, billions)
    ("ollama_chat/mixtral:8x22b", 140.6, 39.15),  # not 176
    ("groq/mixtral-8x7b-32768", 46.7, 12.88),  # 32768 is a context
    ("ollama_chat/wizardlm2:8x22b", 140.6, 39.15),
    ("hosted_vllm/some-org/Merge-4x7B-v3", 24.15, 12.88),  # the rule, without a row
    ("ollama_chat/llama4:128x17b", 400, 17),
    ("hosted_vllm/meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8", 400, 17),
    ("groq/meta-llama/llama-4-scout-17b-16e-instruct", 109, 17),
    ("bedrock/meta.llama4-maverick-17b-instruct-v1:0", 400, 17),  # 17 is the active size
    ("ollama_chat/qwen3:30b", 30.5, 3.35),  # not marked in the name
    ("ollama_chat/qwen3-coder:30b", 30.5, 3.35),
    ("hosted_vllm/Qwen/Qwen3-Next-80B-A3B-Instruct", 80, 3),
    ("hosted_vllm/Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8", 480, 35),
    ("openrouter/z-ai/glm-4.5-air:free", 106, 12),
    ("openrouter/z-ai/glm-4.5", 355, 32),
    ("groq/moonshotai/kimi-k2-instruct-0905", 1000, 32),
    ("ollama_chat/kimi-k2:1t-cloud", 1000, 32),
    ("openrouter/minimax/minimax-m2", 230, 10),
    ("bedrock/us.deepseek.r1-v1:0", 671, 37),
    ("openrouter/deepseek/deepseek-chat-v3-0324", 671, 37),
    ("hosted_vllm/deepseek-ai/DeepSeek-V2-Lite-Chat", 15.7, 2.4),
    ("ollama_chat/deepseek-coder-v2:16b", 15.7, 2.4),
    ("openrouter/microsoft/phi-3.5-moe-instruct", 41.9, 6.6),
    ("bedrock/ai21.jamba-1-5-mini-v1:0", 51.6, 12),
    ("databricks/databricks-dbrx-instruct", 132, 36),
    ("hosted_vllm/xai-org/grok-1", 314, 86),
    ("hosted_vllm/baidu/ERNIE-4.5-21B-A3B-PT", 21, 3),
    ("ollama_chat/granite4:tiny-h", 6.9, 1),
    ("hosted_vllm/ibm-granite/granite-4.0-h-small", 32.2, 9),
    ("hosted_vllm/ibm-granite/granite-3.0-1b-a400m-instruct", 1.33, 0.43),
    ("ollama_chat/nemotron-3-nano:30b", 31.6, 3.6),
    ("hosted_vllm/tencent/Hunyuan-A13B-Instruct", 80, 13),
    ("hosted_vllm/LiquidAI/LFM2-8B-A1B", 8.3, 1.5),
    ("ollama_chat/gemma4:26b", 25.2, 3.8),
    ("cerebras/qwen-3-235b-a22b-instruct-2507", 235, 22),
    ("hosted_vllm/moonshotai/Kimi-Linear-48B-A3B-Instruct", 48, 3),  # the rule, without a row
]

LYING = [
    ("ollama_chat/codegemma:7b", 8.54),
    ("ollama_chat/gemma:2b", 2.51),
    ("ollama_chat/gemma2:2b", 2.61),
    ("bedrock/meta.llama3-2-1b-instruct-v1:0", 1.24),
    ("hosted_vllm/deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", 1.78),
    ("fireworks_ai/accounts/fireworks/models/deepseek-r1-distill-qwen-1p5b", 1.78),
    ("ollama_chat/command-r7b", 8.03),
    ("ollama_chat/falcon3:10b", 10.3),  # large, though "10b" would be mid
    ("ollama_chat/falcon3:1b", 1.67),
    ("ollama_chat/stable-code:3b", 2.8),  # tiny, though "3b" would be mid
    ("hosted_vllm/allenai/OLMo-2-0425-1B-Instruct", 1.48),
    ("hosted_vllm/Qwen/Qwen2.5-VL-7B-Instruct", 8.29),
    ("hosted_vllm/Qwen/Qwen1.5-0.5B-Chat", 0.62),
    ("ollama_chat/granite3-dense:2b", 2.63),
    ("hosted_vllm/TinyLlama/TinyLlama-1.1B-step-50K-105b", 1.1),  # 105b tokens of training
]

SILENT = [
    ("ollama_chat/llama3.2", 3.21),
    ("ollama_chat/gemma3", 4.3),
    ("ollama_chat/qwen3:latest", 8.19),
    ("ollama_chat/mistral", 7.25),
    ("ollama_chat/phi", 2.78),
    ("ollama_chat/phi3:medium-128k", 13.96),
    ("ollama_chat/deepseek-r1", 8.19),
    ("ollama_chat/command-r-plus", 103.8),
    ("ollama_chat/devstral", 23.6),
    ("hosted_vllm/microsoft/phi-1_5", 1.42),
    ("hosted_vllm/microsoft/Phi-3-small-8k-instruct", 7.39),
    ("cohere/command-r-08-2024", 32.3),
    ("vertex_ai/mistral-large@2411-001", 122.6),
    ("mistral/open-mistral-nemo", 12.2),
]

NOT_A_SIZE = [
    ("lm_studio/glm-4-9b-chat-1m", 9.4),  # context
    ("ollama_chat/llama3-gradient:70b-instruct-1048k-q4_0", 70.55),
    ("ollama_chat/yarn-llama2:7b-128k", 6.74),
    ("hosted_vllm/Qwen/Qwen3-4B-Instruct-2507", 4.02),  # date
    ("databricks/databricks-meta-llama-3-1-70b-instruct", 70.55),  # version, with dashes
    ("fireworks_ai/accounts/fireworks/models/qwen2p5-coder-32b-instruct", 32.76),
    ("hosted_vllm/qwen2-5-coder-1-5b-instruct", 1.54),
    ("hosted_vllm/org/dolphin-2.9.1-mixtral-1x22b", 22),  # one expert is a dense model
    ("replicate/meta/llama-2-70b-chat:2796ee9483c3fd7aa2e171d38f4ca12251a3060946ca12b", 69),
    ("hosted_vllm/bigscience/bloomz-7b1", 7.07),  # 7b1 is 7.1
    ("hosted_vllm/EleutherAI/pythia-410m", 0.41),
]


@pytest.mark.parametrize(("model_id", "total_b", "active_b"), MIXTURES)
def test_mixtures_of_experts(model_id, total_b, active_b):
    facts = describe_id(model_id)
    assert near(facts.total_b, total_b)
    assert near(facts.active_b, active_b)
    assert facts.size == size_class(total_b)


@pytest.mark.parametrize(("model_id", "total_b"), LYING + SILENT + NOT_A_SIZE)
def test_dense_models_whose_names_mislead(model_id, total_b):
    facts = describe_id(model_id)
    assert near(facts.total_b, total_b)
    assert facts.active_b == facts.total_b
    assert facts.size == size_class(total_b)


@pytest.mark.parametrize(("model_id", "total_b"), LYING + SILENT)
def test_a_name_that_lies_or_is_silent_is_answered_by_the_table(model_id, total_b):
    assert describe_id(model_id).source("total_b") == "table"


@pytest.mark.parametrize(
    ("model_id", "total_b", "active_b"),
    [
        ("ollama_chat/gemma3n:e2b", 5.0, 2.0),
        ("hosted_vllm/google/gemma-3n-E4B-it", 8.0, 4.0),
        ("ollama_chat/gemma4:e2b", 5.1, 2.3),
    ],
)
def test_effective_sizes_are_the_active_ones(model_id, total_b, active_b):
    facts = describe_id(model_id)
    assert (facts.total_b, facts.active_b) == (total_b, active_b)
    assert any(note.startswith("effective size") for note in facts.notes)


def test_an_effective_size_without_a_row_is_only_the_active_one():
    facts = describe_id("hosted_vllm/some-org/newcomer-e3b")
    assert (facts.total_b, facts.active_b, facts.size) == (None, 3.0, "unknown")


@pytest.mark.parametrize(
    "model_id",
    [
        "openai/gpt-4o-2024-08-06",
        "openai/gpt-5",
        "openai/o3-mini",
        "openai/chatgpt-4o-latest",
        "openai/ft:gpt-4o-mini-2024-07-18:some-org::abc7b",
        "anthropic/claude-3-haiku-20240307",
        "bedrock/us.anthropic.claude-sonnet-4-20250514-v1:0",
        "vertex_ai/claude-3-5-sonnet@20240620",
        "gemini/gemini-1.5-pro",
        "ollama_chat/gemini-3-flash-preview:cloud",
        "xai/grok-4-1-fast",
        "mistral/mistral-large-latest",  # has meant 123 and 675 billion
        "mistral/mistral-medium-latest",
        "deepseek/deepseek-chat",  # an alias that moves between models
        "dashscope/qwen-max",
        "bedrock/amazon.nova-pro-v1:0",
        "azure/llama-70b-prod",  # the name of a deployment is its owner's choice
        "openai/local-model",
        "ollama_chat/my-own-model",
        "vertex_ai/4567890123",
    ],
)
def test_what_nobody_published_stays_unknown(model_id):
    facts = describe_id(model_id)
    assert (facts.total_b, facts.active_b, facts.size) == (None, None, "unknown")
    assert facts.source("total_b") == facts.source("size") == "unknown"


def test_an_unpublished_mixture_keeps_its_active_size_only():
    facts = describe_id("hosted_vllm/some-org/newcomer-a3b")
    assert (facts.total_b, facts.active_b, facts.size) == (None, 3.0, "unknown")
    assert "the name carries only the active size" in facts.notes


def test_a_mixture_without_a_mark_for_its_active_size_does_not_pass_for_dense():
    facts = describe_id("hosted_vllm/some-org/newcomer-moe-16b")
    assert (facts.total_b, facts.active_b) == (16.0, None)


def test_contradicting_sizes_are_no_size():
    facts = describe_id("hosted_vllm/some-org/student-7b-teacher-70b")
    assert facts.size == "unknown"
    assert any("contradicting sizes: 7b, 70b" in note for note in facts.notes)


@pytest.mark.parametrize("name", ["newcomer-1b-a7b", "newcomer-0b", "newcomer-0x7b", "new-a0b"])
def test_sizes_that_cannot_be_are_no_sizes(name):
    assert describe_id(f"hosted_vllm/some-org/{name}").size == "unknown"


@pytest.mark.parametrize(
    ("model_id", "quantisation"),
    [
        ("ollama_chat/gemma2:27b-instruct-q4_0", "q4_0"),
        ("ollama_chat/llama3.1:8b-instruct-fp16", "fp16"),
        ("ollama_chat/hf.co/unsloth/Qwen3-30B-A3B-GGUF:UD-Q4_K_XL", "UD-Q4_K_XL"),
        ("ollama_chat/hf.co/someone/Llama-3-8B-i1-GGUF:IQ2_XXS", "IQ2_XXS"),
        ("llamafile/Meta-Llama-3.1-8B-Instruct.Q4_K_M.gguf", "Q4_K_M"),
        ("openai//models/Qwen2.5-32B-Q5_K_S-00001-of-00002.gguf", "Q5_K_S"),
        ("hosted_vllm/Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4", "gptq-int4"),
        ("hosted_vllm/org/Meta-Llama-3.1-8B-Instruct-quantized.w4a16", "w4a16"),
        ("hosted_vllm/unsloth/gemma-2-2b-it-bnb-4bit", "bnb-4bit"),
        ("hosted_vllm/mlx-community/Qwen3-4B-4bit", "4bit"),
        ("hosted_vllm/nvidia/Llama-3.3-70B-Instruct-NVFP4", "nvfp4"),
        ("cloudflare/@cf/meta/llama-2-7b-chat-int8", "int8"),
        ("hosted_vllm/org/Llama-3.1-70B-FP8-dynamic", "fp8-dynamic"),
        ("groq/openai/gpt-oss-20b", "mxfp4"),
        ("ollama_chat/gemma3:4b", None),
        ("openai/gpt-4o", None),
        ("groq/llama3-70b-8192", None),
    ],
)
def test_quantisations_are_read_and_are_not_sizes(model_id, quantisation):
    facts = describe_id(model_id)
    assert facts.quantisation == quantisation
    bare = take_apart(model_id).text
    assert "q4" not in bare
    assert "4bit" not in bare


@pytest.mark.parametrize(
    ("model_id", "family"),
    [
        ("groq/deepseek-r1-distill-llama-70b", "deepseek"),  # the brand, not the architecture
        ("openrouter/nousresearch/hermes-3-llama-3.1-405b", "hermes"),
        ("ollama_chat/nous-hermes2-mixtral:8x7b", "hermes"),
        ("ollama_chat/dolphin-mixtral:8x22b", "dolphin"),  # "dolphin" holds "phi"
        ("nvidia_nim/nvidia/llama-3.1-nemotron-70b-instruct", "nemotron"),
        ("mistral/codestral-latest", "mistral"),
        ("ollama_chat/magistral:24b", "mistral"),
        ("ollama_chat/codellama:13b", "llama"),
        ("ollama_chat/codegemma:2b", "gemma"),
        ("ollama_chat/qwq", "qwen"),
        ("groq/openai/gpt-oss-20b", "gpt-oss"),
        ("openai/gpt-4.1-nano", "gpt"),
        ("openai/o3-mini", "gpt"),
        ("hosted_vllm/org/Mistral-7B-Instruct-v0.2-GPTQ", "mistral"),  # GPTQ is not GPT
        ("ollama_chat/someone/claude-3.7-sonnet-reasoning-gemma3-12b", "gemma"),
        ("ollama_chat/yi:34b", "yi"),
        ("ollama_chat/my-own-model", None),
    ],
)
def test_families(model_id, family):
    assert describe_id(model_id).family == family


@pytest.mark.parametrize(
    ("model_id", "note"),
    [
        ("ollama/llama3.1:8b", "ollama/ sends the preamble inside the prompt: use ollama_chat/"),
        ("ollama_chat/gpt-oss:120b-cloud", "cloud tag: not local"),
        ("ollama_chat/deepseek-v3:latest", "moving tag: latest"),
        ("ollama_chat/mistral", "moving tag: latest"),
        ("mistral/codestral-latest", "moving tag: latest"),
        ("ollama_chat/llama3.2", "without a size in its tag, Ollama serves llama3.2:3b"),
        (
            "ollama_chat/qwen2.5-coder:1.5b-base",
            "a base model: it was not trained to follow a system message",
        ),
    ],
)
def test_notes_say_what_to_know_before_believing(model_id, note):
    assert note in describe_id(model_id).notes


def test_a_pinned_chat_model_needs_no_notes():
    assert describe_id("ollama_chat/phi4:14b").notes == ()


def test_simulated_models_say_so():
    facts = describe_id("sim/mid-4b")
    assert (facts.size, facts.total_b, facts.family) == ("mid", 4.0, "sim")
    assert facts.source("total_b") == "simulated"
    assert describe_id("sim/large").source("size") == "simulated"


def test_a_snapshot_in_a_cache_is_named_by_its_model():
    path = "openai//cache/models--Qwen--Qwen3-8B/snapshots/9f1b2c3d4e5f60718293"
    assert describe_id(path).total_b == 8.19


def test_an_empty_id_is_refused():
    with pytest.raises(ValueError, match="needs an id"):
        describe_id("  ")


# ------------------------------------------------------------------------------- properties

words = st.text(alphabet=string.ascii_letters + string.digits + "-_.:/@+ ", min_size=1)


@settings(deadline=None)
@given(words.filter(str.strip))
def test_any_text_gets_facts_that_agree_with_themselves(model_id):
    facts = describe_id(model_id)
    assert set(facts.sources) == set(FIELDS)
    assert set(facts.sources.values()) <= set(TRUST)
    for field in FIELDS:
        unknown = getattr(facts, field) in {None, "unknown"}
        assert unknown == (facts.source(field) == "unknown")
    if facts.total_b is not None and facts.active_b is not None:
        assert facts.active_b <= facts.total_b


@settings(deadline=None)
@given(st.sampled_from(MIXTURES + [(name, total, total) for name, total in LYING]))
def test_case_does_not_matter(case):
    model_id = case[0]
    provider, slash, rest = model_id.partition("/")
    assert describe_id(provider + slash + rest.upper()).total_b == describe_id(model_id).total_b


@pytest.mark.parametrize("line", sorted(DEFAULT_TAGS))
def test_every_default_tag_leads_to_a_count(line):
    facts = describe_id(f"ollama_chat/{line}")
    assert facts.total_b is not None
    assert facts.source("total_b") == "table"
    assert counts_of(line, None) is None or facts.size in {"tiny", "mid", "large"}
