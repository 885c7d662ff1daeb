"""A preamble before somebody's messages: one system message, nothing mutated, nothing doubled."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preamblelab.domain.applying import EXISTING, apply_preamble, place_for
from preamblelab.errors import SpecError

TEXT = "Think of every edge case first."
USER = {"role": "user", "content": "Write a test."}
OWN = {"role": "system", "content": "You are a bank's assistant."}


def test_a_preamble_becomes_the_one_system_message_and_the_given_messages_stay() -> None:
    given_messages = [USER]
    applied = apply_preamble(given_messages, TEXT, place="system")
    assert applied == [{"role": "system", "content": TEXT}, USER]
    applied[1]["content"] = "changed"
    assert given_messages == [USER]
    assert USER["content"] == "Write a test."


def test_without_a_preamble_nothing_is_put_in_not_even_an_empty_system_message() -> None:
    assert apply_preamble([USER], None, place="system") == [USER]
    assert apply_preamble([OWN, USER], None, place="user") == [OWN, USER]


def test_a_template_without_a_system_role_gets_it_before_the_first_users_words() -> None:
    turns = [USER, {"role": "assistant", "content": "Done."}, {"role": "user", "content": "More."}]
    applied = apply_preamble(turns, TEXT, place="user")
    assert applied[0] == {"role": "user", "content": f"{TEXT}\n\nWrite a test."}
    assert applied[1:] == turns[1:]
    parts = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]
    with_parts = apply_preamble(parts, TEXT, place="user")
    assert with_parts[0]["content"][0] == {"type": "text", "text": f"{TEXT}\n\n"}
    assert len(parts[0]["content"]) == 1


def test_a_system_message_of_yours_is_never_doubled_without_your_word() -> None:
    with pytest.raises(SpecError, match="say what is meant with existing="):
        apply_preamble([OWN, USER], TEXT, place="system")
    assert apply_preamble([OWN, USER], TEXT, place="system", existing="keep") == [OWN, USER]
    replaced = apply_preamble([OWN, USER], TEXT, place="system", existing="replace")
    assert replaced == [{"role": "system", "content": TEXT}, USER]
    before = apply_preamble([OWN, USER], TEXT, place="system", existing="before")
    assert before[0]["content"] == f"{TEXT}\n\nYou are a bank's assistant."
    assert len(before) == 2
    developer = [{"role": "developer", "content": "Short."}, USER]
    kept_role = apply_preamble(developer, TEXT, place="system", existing="before")
    assert kept_role[0] == {"role": "developer", "content": f"{TEXT}\n\nShort."}


def test_two_system_messages_become_one() -> None:
    both = [OWN, {"role": "system", "content": "Be polite."}, USER]
    applied = apply_preamble(both, TEXT, place="system", existing="before")
    assert applied[0]["content"] == f"{TEXT}\n\nYou are a bank's assistant.\n\nBe polite."
    folded = apply_preamble(both, TEXT, place="user", existing="before")
    assert [message["role"] for message in folded] == ["user"]
    assert folded[0]["content"].endswith("Be polite.\n\nWrite a test.")


@pytest.mark.parametrize("place", ["system", "user"])
@pytest.mark.parametrize("existing", EXISTING)
def test_doing_it_twice_is_doing_it_once(place: Any, existing: Any) -> None:
    once = apply_preamble([USER], TEXT, place=place)
    assert apply_preamble(once, TEXT, place=place, existing=existing) == once


_CONTENT = st.text(max_size=8) | st.lists(
    st.fixed_dictionaries({"type": st.just("text"), "text": st.text(max_size=5)}), max_size=2
)
_MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user", "assistant"]), "content": _CONTENT}
    ),
    max_size=4,
)


@given(_MESSAGES, st.sampled_from(["system", "user"]), st.sampled_from(EXISTING[1:]))
def test_no_messages_are_mutated_and_at_most_one_system_message_is_new(
    messages: list[dict[str, Any]], place: Any, existing: Any
) -> None:
    before = copy.deepcopy(messages)
    try:
        applied = apply_preamble(messages, TEXT, place=place, existing=existing)
    except SpecError:
        assert place == "user"
        return
    assert messages == before
    systems = [m for m in applied if m["role"] == "system"]
    if existing != "keep":
        assert len(systems) == (place == "system")
    assert sum(m["role"] == "assistant" for m in applied) == sum(
        m["role"] == "assistant" for m in messages
    )


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        (["hello"], "message 1 is no message"),
        ([USER, {"content": "x"}], "message 2 is no message"),
        ([{"role": "user"}], "message 1 .user. has no content"),
        ([{"role": "assistant", "content": None}], "no user's message"),
    ],
)
def test_what_is_no_message_is_refused_by_its_number(messages: list[Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        apply_preamble(messages, TEXT, place="user")


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(SpecError, match="give one of: refuse, keep, replace, before"):
        apply_preamble([USER], TEXT, place="system", existing="both")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "place"),
    [
        ("ollama_chat/gemma3:4b", "system"),
        ("hosted_vllm/google/gemma-3-4b-it", "system"),
        ("hosted_vllm/google/gemma-2-9b-it", "user"),
        ("ollama_chat/gemma2:9b", "user"),
        ("ollama_chat/gemma:7b", "user"),
        ("google/gemma-7b-it", "user"),
        ("ollama_chat/codegemma:7b", "user"),
        ("openai/o1-mini", "user"),
        ("openai/o1", "system"),
        ("hosted_vllm/mistralai/Mistral-7B-Instruct-v0.2", "user"),
        ("hosted_vllm/mistralai/Mistral-7B-Instruct-v0.3", "system"),
        ("ollama_chat/qwen2.5-coder:7b", "system"),
    ],
)
def test_templates_without_a_system_role_are_known(model: str, place: str) -> None:
    assert place_for(model) == place


@pytest.mark.parametrize("model", ["ollama/gemma3:4b", "text-completion-openai/davinci-002"])
def test_a_provider_that_would_send_the_preamble_astray_is_refused(model: str) -> None:
    with pytest.raises(SpecError, match="chat"):
        place_for(model)
