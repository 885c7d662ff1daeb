"""The fake of Ollama does what the tests that lean on it believe."""

import json
import urllib.error
import urllib.request

import pytest

from tests.engines.fake_ollama import DEFAULT_CONTEXT, FakeModel, running


def post(base, path, body):
    request = urllib.request.Request(
        base + path, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return [json.loads(line) for line in answer.read().splitlines()]


def chat(base, *messages, **fields):
    turns = [{"role": role, "content": content} for role, content in messages]
    return post(base, "/api/chat", {"model": "m:1b", "messages": turns, **fields})


def test_a_streamed_answer_is_the_text_piece_by_piece_and_a_last_line_with_counts():
    with running(FakeModel(name="m:1b", answer="one two three")) as fake:
        *pieces, last = chat(fake.base, ("system", "be brief"), ("user", "hello there"))
        (whole,) = chat(fake.base, ("user", "hello"), stream=False)
    assert "".join(piece["message"]["content"] for piece in pieces) == "one two three"
    assert (last["done"], last["done_reason"]) == (True, "stop")
    assert (last["prompt_eval_count"], last["eval_count"]) == (4, 3)
    assert whole["message"]["content"] == "one two three"


def test_num_predict_cuts_the_answer():
    with running(FakeModel(name="m:1b", answer="one two three")) as fake:
        *pieces, last = chat(fake.base, ("user", "x"), options={"num_predict": 2})
    assert (len(pieces), last["done_reason"]) == (2, "length")


def test_a_long_prompt_is_cut_without_a_word_from_its_front():
    words = " ".join(str(number) for number in range(DEFAULT_CONTEXT + 10))
    with running(FakeModel(name="m:1b")) as fake:
        chat(fake.base, ("system", "careful engineer"), ("user", words))
        chat(fake.base, ("system", "careful engineer"), ("user", words), options={"num_ctx": 8192})
        cut, whole = fake.prompts
    assert len(cut) == DEFAULT_CONTEXT
    assert cut[:3] == ["careful", "engineer", "12"]
    assert len(whole) == DEFAULT_CONTEXT + 12


def test_the_modelfile_fills_an_absent_system_message():
    with running(FakeModel(name="m:1b", system="the vendor's own")) as fake:
        chat(fake.base, ("user", "hello"))
        chat(fake.base, ("system", "mine"), ("user", "hello"))
    assert fake.prompts == [["the", "vendor's", "own", "hello"], ["mine", "hello"]]


def test_a_template_without_a_place_drops_the_system_message():
    with running(FakeModel(name="m:1b", template="{{ .Prompt }}")) as fake:
        chat(fake.base, ("system", "mine"), ("user", "hello"))
    assert fake.prompts == [["hello"]]


def test_options_that_the_real_one_drops_are_seen():
    with running(FakeModel(name="m:1b")) as fake:
        options = {"repetition_penalty": 1.1, "repeat_penalty": 1.1}
        chat(fake.base, ("user", "x"), options=options)
    assert fake.unknown_options == ["repetition_penalty"]


def test_an_unknown_model_is_not_found():
    with running() as fake, pytest.raises(urllib.error.HTTPError) as refused:
        chat(fake.base, ("user", "x"))
    with refused.value as error:
        assert (error.code, json.load(error)) == (404, {"error": "model 'm:1b' not found"})
