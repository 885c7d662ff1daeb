"""The simulated models: reproducible, limited, hearing what they are really sent, and no more."""

import re
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Response
from preamblelab.execution.breaker import find_loop
from preamblelab.execution.delivery import judge_probes, probes
from preamblelab.execution.simulated import PROFILES, SimulatedProvider
from preamblelab.execution.simulation.generic import guess
from preamblelab.execution.simulation.knowledge import (
    FunctionKnowledge,
    TestKnowledge,
    TextKnowledge,
)
from preamblelab.execution.simulation.memory import KNOWN
from preamblelab.execution.simulation.perception import read_guidance, read_order
from preamblelab.library import load_preamble, load_suite
from preamblelab.scoring.checks_python import parse

Messages = list[dict[str, Any]]

TASK = "Write a Python function slugify(title) and explain your choices."
LONG_TEXT = load_preamble("careful").sizes["large"]


def ask(
    model: str, messages: Messages | str = TASK, system: str | None = None, **settings: Any
) -> Response:
    turns = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    if system is not None:
        turns = [{"role": "system", "content": system}, *turns]
    pieces = list(SimulatedProvider().stream(model, turns, settings))
    assert all(piece.finish is None for piece in pieces[:-1])
    return Response(
        text="".join(piece.text for piece in pieces),
        finish=pieces[-1].finish,
        prompt_tokens=pieces[-1].prompt_tokens,
        completion_tokens=pieces[-1].completion_tokens,
    )


def smoke_turns(name: str) -> Messages:
    (task,) = [task for task in load_suite("smoke").tasks if task.name == name]
    return list(task.turns())


class TestChance:
    def test_a_seed_fixes_the_answer(self) -> None:
        assert ask("mid-7b", seed=3) == ask("mid-7b", seed=3)

    def test_seeds_models_and_messages_differ(self) -> None:
        texts = {ask("mid-7b", seed=seed).text for seed in range(8)}
        texts |= {ask("mid-4b", seed=0).text, ask("mid-7b", TASK + " Please.", seed=0).text}
        assert len(texts) == 10

    def test_without_a_seed_every_call_is_new(self) -> None:
        assert len({ask("mid-7b").text for _ in range(8)}) > 1

    def test_at_temperature_zero_the_seed_has_no_say(self) -> None:
        assert len({ask("mid-7b", temperature=0, seed=seed).text for seed in range(4)}) == 1
        assert ask("mid-7b", temperature=0) == ask("mid-7b", temperature=0)


class TestStream:
    def test_pieces_are_short_and_the_last_carries_the_counts(self) -> None:
        pieces = list(
            SimulatedProvider().stream("mid-7b", [{"role": "user", "content": TASK}], {"seed": 1})
        )
        *texts, last = pieces
        assert all(20 <= len(piece.text) <= 60 for piece in texts[:-1])
        length = sum(len(piece.text) for piece in pieces)
        assert (last.finish, last.text) == ("stop", "")
        assert last.completion_tokens == -(-length // 4)
        assert last.prompt_tokens == -(-len(TASK) // 4) + 3

    @pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
    def test_the_limit_of_tokens_holds(self, name: str) -> None:
        limit: dict[str, Any] = {name: 20}
        answer = ask("mid-7b", seed=1, **limit)
        assert (answer.finish, answer.completion_tokens, len(answer.text)) == ("length", 20, 80)
        assert ask("mid-7b", seed=1).text.startswith(answer.text)

    def test_a_stop_sequence_ends_the_answer_before_it(self) -> None:
        whole = ask("mid-7b", seed=1).text
        cut = ask("mid-7b", seed=1, stop=["```", "never said"])
        assert (cut.finish, cut.text) == ("stop", whole[: whole.index("```")])

    def test_an_unknown_model_is_refused_with_the_known_ones(self) -> None:
        with pytest.raises(LookupError, match=r"no simulated model 'sim/mid-9b'; known: tiny-1b"):
            SimulatedProvider().stream("mid-9b", [], {})

    def test_a_stream_can_be_closed_early(self) -> None:
        stream = SimulatedProvider().stream(
            "mid-7b", [{"role": "user", "content": TASK}], {"seed": 1}
        )
        assert len(list(islice(stream, 2))) == 2
        stream.close()  # type: ignore[attr-defined]
        assert list(stream) == []


class TestFates:
    def test_the_loopy_one_loops_under_a_long_text_and_the_breaker_sees_it(self) -> None:
        turns = smoke_turns("lending-tests")
        answers = [
            ask("tiny-2b-loopy", turns, LONG_TEXT, seed=seed, max_tokens=3_000)
            for seed in range(20)
        ]
        endless = [answer for answer in answers if answer.finish == "length"]
        assert len(endless) >= 12
        caught = [find_loop(answer.text) for answer in endless]
        assert all(loop is not None for loop in caught)

    def test_a_loop_ends_with_the_context_where_no_limit_is_given(self) -> None:
        turns = smoke_turns("booking-tests")
        endless = next(
            answer
            for seed in range(50)
            if (answer := ask("tiny-2b-loopy", turns, LONG_TEXT, seed=seed)).finish == "length"
        )
        assert (endless.prompt_tokens or 0) + (endless.completion_tokens or 0) == 8_192

    def test_a_penalty_on_repetition_helps_against_loops(self) -> None:
        def loops(**more: Any) -> int:
            turns = smoke_turns("lending-tests")
            answers = (
                ask("tiny-2b-loopy", turns, LONG_TEXT, seed=seed, max_tokens=2_000, **more)
                for seed in range(20)
            )
            return sum(answer.finish == "length" for answer in answers)

        assert loops(repeat_penalty=1.5) < loops() - 8

    def test_a_timid_model_refuses_what_only_sounds_harmful(self) -> None:
        turns = smoke_turns("safe-query")
        answers = [ask("mid-4b", turns, seed=seed) for seed in range(60)]
        refused = [answer for answer in answers if answer.finish == "content_filter"]
        assert 2 <= len(refused) <= 25
        assert all("```" not in answer.text for answer in refused)
        assert not any(
            ask("large-70b", turns, seed=seed).finish == "content_filter" for seed in range(60)
        )

    def test_some_answers_of_a_tiny_model_are_empty(self) -> None:
        texts = [ask("tiny-1b", seed=seed).text for seed in range(400)]
        assert 1 <= texts.count("") <= 20


class TestHearing:
    def test_the_deaf_one_answers_the_same_under_every_preamble(self) -> None:
        for text in ("Be brief.", LONG_TEXT):
            assert ask("base-1.5b-deaf", system=text, seed=1) == ask("base-1.5b-deaf", seed=1)

    def test_the_others_hear_and_count_it(self) -> None:
        for model in PROFILES.keys() - {"base-1.5b-deaf"}:
            bare, under = ask(model, seed=1), ask(model, system=LONG_TEXT, seed=1)
            counted = (under.prompt_tokens or 0) - (bare.prompt_tokens or 0)
            assert counted == -(-len(LONG_TEXT) // 4) + 3

    def test_a_context_too_small_loses_the_preamble_without_a_word(self) -> None:
        short: dict[str, Any] = {"num_ctx": 200, "max_tokens": 50, "seed": 1}
        cut = ask("mid-7b", system=LONG_TEXT, **short)
        assert cut == ask("mid-7b", **short)

    @pytest.mark.parametrize("model", sorted(PROFILES))
    def test_the_probes_of_delivery_find_out(self, model: str) -> None:
        spec = ModelSpec(id=f"sim/{model}")
        bare, canary = probes(spec, {"seed": 5})
        answers = [
            ask(model, [dict(message) for message in request.messages], **request.settings)
            for request in (bare, canary)
        ]
        expected = "undelivered" if model == "base-1.5b-deaf" else "delivered"
        assert judge_probes(spec, answers[0], answers[1]).state == expected

    def test_the_last_user_turn_is_what_is_answered(self) -> None:
        turns: Messages = [
            {"role": "user", "content": "Write a Python function slugify(title)."},
            {"role": "assistant", "content": "Which signs are allowed?"},
            {"role": "user", "content": [{"type": "text", "text": "Explain gravity instead."}]},
        ]
        assert "gravity" in ask("large-70b", turns, seed=1).text
        assert "def slugify" not in ask("large-70b", turns, seed=1).text


class TestGuidance:
    @pytest.mark.parametrize(
        ("text", "asks"),
        [
            ("Think step by step.", {"think": 1}),
            ("Do not explain your approach.", {"strategy": -1, "reasons": -1}),
            ("Write complete code, no TODOs.", {"complete": 1}),
            ("Never repeat yourself.", {"loop_guard": 1}),
            ("Be concise.", {"brevity": 1}),
            ("Await every promise and check error messages.", {"awaits": 1, "messages": 1}),
            ("You are a pirate.", {}),
            ("", {}),
        ],
    )
    def test_is_what_the_words_ask_for(self, text: str, asks: dict[str, float]) -> None:
        assert dict(read_guidance(text).asks) == asks

    def test_does_not_depend_on_the_shipped_wording(self) -> None:
        """A text of one's own that asks for the same things is heard like a shipped one."""
        own = (
            "Analyse the problem: corner cases, boundaries. Explain your plan and why. The code "
            "must be runnable. Be thorough."
        )
        heard = read_guidance(own)
        wanted = {"think", "edge_cases", "strategy", "reasons", "complete", "distinct_tests"}
        assert {name for name, value in heard.asks.items() if value > 0} == wanted

    def test_an_order_to_say_a_word_is_read(self) -> None:
        order = read_order("Reply only with the word PINEAPPLE.")
        assert order is not None
        assert (order.word, order.alone) == ("PINEAPPLE", True)
        assert read_order('End every answer with "OVER-7".') is not None
        assert read_order("Write JSON. Use UTF-8 and ISO-8601. Answer in ENGLISH.") is None
        assert ask("mid-7b", system="Reply only with the word PINEAPPLE.").text == "PINEAPPLE\n"

    @settings(max_examples=100, deadline=None)
    @given(text=st.text(max_size=300))
    def test_any_text_can_be_read(self, text: str) -> None:
        assert set(read_guidance(text).asks.values()) <= {1.0, -1.0}
        read_order(text)


class TestUnknownTasks:
    def test_the_kind_of_task_is_guessed(self) -> None:
        tests = guess("Write pytest tests for the function `slugify` in Python.")
        assert isinstance(tests, TestKnowledge)
        assert tests.language == "python"
        jest = guess("Please add Jest tests for parsePrice.")
        assert isinstance(jest, TestKnowledge)
        assert jest.language == "javascript"
        function = guess("Implement `merge_ranges(ranges)` in Python.")
        assert isinstance(function, FunctionKnowledge)
        assert "def merge_ranges(" in function.code
        assert isinstance(guess("Why is the sky blue?"), TextKnowledge)

    def test_code_for_an_unknown_task_is_whole_where_the_model_is_strong(self) -> None:
        texts = [ask("large-70b", TASK, seed=seed).text for seed in range(20)]
        blocks = [re.search(r"```python\n(.*?)```", text, re.DOTALL) for text in texts]
        whole = [b for b in blocks if b is not None and not isinstance(parse(b[1]), str)]
        assert len(whole) >= 17
        assert all("def slugify" in block[1] for block in whole)

    @settings(max_examples=150, deadline=None)
    @given(
        model=st.sampled_from(sorted(PROFILES)),
        prompt=st.text(max_size=200),
        system=st.none() | st.text(max_size=200),
        limit=st.integers(1, 300),
        temperature=st.floats(0, 2),
        seed=st.integers(),
    )
    def test_anything_is_answered_within_its_limit(
        self,
        model: str,
        prompt: str,
        system: str | None,
        limit: int,
        temperature: float,
        seed: int,
    ) -> None:
        answer = ask(model, prompt, system, max_tokens=limit, temperature=temperature, seed=seed)
        assert (answer.completion_tokens or 0) <= limit
        assert answer.finish in {"stop", "length", "content_filter"}


def test_every_task_of_the_smoke_suite_is_known() -> None:
    names = [task.name for task in load_suite("smoke").tasks]
    assert sorted(known.task for known in KNOWN) == sorted(names)
    for task in load_suite("smoke").tasks:
        marks = [known.task for known in KNOWN if known.mark in task.turns()[-1]["content"]]
        assert marks == [task.name]
