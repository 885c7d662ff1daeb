"""What is open in an experiment, and what stored answers tell the delivery review."""

from dataclasses import replace

import pytest

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Response
from preamblelab.errors import SpecError
from preamblelab.store.reviewing import BEGINNING

LONG = "x" * BEGINNING


def test_unanswered_trials_come_in_their_order_and_failures_stay_open(store, made):
    made.register(store, 4)
    store.put([made.answer(2), made.answer(0)])
    store.put([(made.request(1), Response(status="failed", reason="server: down"))])
    assert [trial.ordinal for trial in store.unanswered("e")] == [1, 3]
    with pytest.raises(SpecError, match="no experiment named 'f'"):
        store.unanswered("f")


def test_unmarked_counts_only_what_is_answered(store, made):
    made.register(store, 3)
    store.put([made.answer(0), made.answer(1)])
    assert store.count_unmarked("e", "m") == 2
    store.put_marks(made.marks(0))
    assert store.count_unmarked("e", "m") == 1
    assert store.count_unmarked("e", "other") == 2


def ask(made, number, system=None, *, text="short", base=None, **fields):
    request = made.request(number)
    messages = list(request.messages)
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    model = ModelSpec(id="openai/m", name="m", api_base=base)
    return replace(request, model=model, messages=tuple(messages)), Response(text=text, **fields)


def plan(store, made, rows, name="e"):
    trials = [
        made.trial(place, response_key=request.key, model="m")
        for place, (request, _) in enumerate(rows)
    ]
    store.register(name, digest="d", document={}, trials=trials, plan_digest=name)
    store.put(rows)


def test_an_answer_is_told_by_system_question_beginning_and_counted_tokens(store, made):
    rows = [
        ask(made, 1, text=LONG + "one", prompt_tokens=10),
        ask(made, 1, "Be careful.", text=LONG + "two", prompt_tokens=30),
        ask(made, 2, "Be careful.", prompt_tokens=31, estimated=True),
    ]
    plan(store, made, rows)
    bare, careful, guessed = store.delivery_rows("e")
    assert bare["model"] == "m"
    assert (bare["system"], bare["system_characters"]) == ("", 0)
    assert careful["system_characters"] == len("Be careful.")
    assert careful["system"] == guessed["system"] != ""
    assert bare["question"] == careful["question"] != guessed["question"]
    assert bare["beginning"] == careful["beginning"] != "", "they differ only after it"
    assert guessed["beginning"] == "", "too short to compare"
    assert [row["prompt_tokens"] for row in (bare, careful, guessed)] == [10, 30, None]


def test_answers_of_other_experiments_count_and_those_of_other_servers_do_not(store, made):
    here, there = "http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1"
    plan(store, made, [ask(made, 1, base=here)], "e")
    plan(store, made, [ask(made, 2, "Be brief.", base=here)], "second")
    plan(store, made, [ask(made, 1, base=there), ask(made, 3, base=there)], "elsewhere")
    assert len(store.delivery_rows("e")) == 2
    assert len(store.delivery_rows("second")) == 2
    assert len(store.delivery_rows("elsewhere")) == 2


def test_probes_and_judges_are_not_reviewed(store, made):
    request, response = ask(made, 1)
    judge = replace(made.request(5), model=request.model, role="judge")
    probe = replace(made.request(6), model=request.model, role="probe")
    plan(store, made, [(request, response)])
    store.put([(judge, response), (probe, response)])
    assert len(store.delivery_rows("e")) == 1
