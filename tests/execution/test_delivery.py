"""Did the preamble arrive? What each kind of evidence says, and which outweighs which."""

from collections.abc import Sequence
from typing import Any

import pytest

from preamblelab.domain.facts import ModelFacts
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Response
from preamblelab.execution.delivery import (
    CANARY_USER,
    IGNORED,
    SHARED_BEGINNING,
    Answer,
    Finding,
    canary_of,
    canary_system,
    joined,
    judge_probes,
    probes,
    review,
    static_findings,
)

MODEL = ModelSpec(id="openai/m")
WORD = canary_of(MODEL)
CANARY_TOKENS = len(canary_system(WORD)) // 4


def said(text: str = "Blue.", tokens: int | None = 10, **fields: Any) -> Response:
    return Response(text=text, prompt_tokens=tokens, **fields)


def test_probes_differ_by_the_system_message_and_keep_the_name_of_the_limit():
    bare, canary = probes(MODEL, {"temperature": 0.5, "max_completion_tokens": 4000})
    assert [message["role"] for message in canary.messages] == ["system", "user"]
    assert bare.messages == canary.messages[1:]
    assert bare.settings == {"temperature": 0.5, "max_completion_tokens": 48}
    assert probes(MODEL, {})[0].settings == {"max_tokens": 48}
    assert bare.role == canary.role == "probe"


@pytest.mark.parametrize(
    ("bare", "canary", "state"),
    [
        (said(), said(tokens=10 + CANARY_TOKENS), "delivered"),
        (said(), said(f"{WORD} Blue.", tokens=None), "delivered"),
        (said(), said(tokens=10), "undelivered"),
        (said(), said(tokens=12), "undelivered"),
        # It obeys: a count that was cached or cut says less than that.
        (said(), said(f"{WORD} Blue.", tokens=10), "delivered"),
        # Nothing is counted and nothing obeyed: it may have read and ignored it.
        (said(tokens=None), said(tokens=None), "unknown"),
        (said(estimated=True), said(tokens=10, estimated=True), "unknown"),
        # It thought of the word before it was cut off.
        (said(tokens=None), said("", tokens=None, reasoning=f"I must say {WORD}"), "delivered"),
    ],
)
def test_counted_tokens_and_the_canary_say_whether_it_arrived(bare, canary, state):
    finding = judge_probes(MODEL, bare, canary)
    assert finding.state == state
    assert bool(finding.reasons) is (state == "undelivered")


def failed(reason: str) -> Response:
    return Response(status="failed", reason=reason)


def test_a_server_that_refuses_a_system_message_but_answers_without_one_does_not_deliver():
    finding = judge_probes(MODEL, said(), failed("permanent: HTTP 400: System role not supported"))
    assert finding.state == "undelivered"
    assert "System role not supported" in finding.reasons[0]
    assert "put the preamble into the user message" in finding.reasons[0]


@pytest.mark.parametrize(
    ("bare", "canary"),
    [
        (said(), failed("server: HTTP 500")),
        (failed("permanent: HTTP 404"), failed("permanent: HTTP 404")),
        (failed("auth: HTTP 401"), failed("auth: HTTP 401")),
    ],
)
def test_a_server_in_trouble_says_nothing_about_delivery(bare, canary):
    assert judge_probes(MODEL, bare, canary).state == "unknown"


def test_a_vendors_own_system_text_is_noted():
    tokens = len(CANARY_USER) // 4 + 30
    finding = judge_probes(MODEL, said(tokens=tokens), said(tokens=tokens + CANARY_TOKENS))
    assert finding.state == "delivered"
    assert "system text of the vendor's" in finding.notes[0]
    assert not judge_probes(MODEL, said(), said(tokens=100)).notes


def facts(context: int | None) -> ModelFacts:
    return ModelFacts(model="m", context=context)


@pytest.mark.parametrize(
    ("id_", "context", "characters", "answer", "state"),
    [
        ("ollama/gemma3:4b", None, 100, 100, "undelivered"),
        ("ollama_chat/gemma3:4b", 2048, 9000, 100, "undelivered"),
        ("ollama_chat/gemma3:4b", 2048, 4000, 2000, "unknown"),
        ("ollama_chat/gemma3:4b", 8192, 4000, 2000, None),
        ("ollama_chat/gemma3:4b", None, 10**6, None, None),
    ],
)
def test_what_the_plan_alone_shows(id_, context, characters, answer, state):
    finding = static_findings(ModelSpec(id=id_), facts(context), characters, answer)
    assert (finding.state if finding else None) == state
    if state == "undelivered":
        assert finding is not None
        assert "ollama_chat/gemma3:4b" in finding.reasons[0] or "num_ctx" in finding.reasons[0]


def answers(
    beginnings: Sequence[tuple[str, str]], *, tokens: tuple[int | None, int | None] = (None, None)
) -> list[Answer]:
    """Per task the beginnings under no preamble and under one of 400 characters."""
    return [
        Answer(
            model="m",
            system="b2:careful" if arm else "",
            system_characters=400 * arm,
            question=f"task-{task}",
            question_characters=200,
            beginning=pair[arm],
            prompt_tokens=tokens[arm],
        )
        for task, pair in enumerate(beginnings)
        for arm in (0, 1)
    ]


ALIKE = [("same", "same")] * 3
APART = [("one", "two")] * 3


@pytest.mark.parametrize(
    ("given", "state"),
    [
        (answers(ALIKE), "undelivered"),
        (answers(APART), "unknown"),
        (answers([("same", "same"), ("one", "two")]), "undelivered"),
        (answers([("same", "same"), ("one", "two"), ("three", "four")]), "unknown"),
        # Short answers have no beginning to compare: "42" is right under every preamble.
        (answers([("", "")] * 9), "unknown"),
        (answers(APART, tokens=(60, 160)), "delivered"),
        (answers(APART, tokens=(60, 62)), "undelivered"),
        (answers(ALIKE, tokens=(60, 160)), "delivered"),
        # Somewhere between lost and arrived: the beginnings decide.
        (answers(APART, tokens=(60, 60 + 40)), "unknown"),
    ],
)
def test_stored_answers_are_reviewed_and_counted_tokens_outweigh_beginnings(given, state):
    finding = review(given)["m"]
    assert finding.state == state
    assert bool(finding.reasons) is (state == "undelivered")


def test_the_share_of_a_beginning_is_what_the_store_keeps():
    from preamblelab.store.reviewing import BEGINNING

    assert BEGINNING == SHARED_BEGINNING


def test_nothing_to_compare_says_nothing():
    one_arm = [answer for answer in answers(ALIKE, tokens=(60, 160)) if not answer.system]
    assert review(one_arm)["m"].state == "unknown"
    assert review([]) == {}


COUNTED = Finding(state="delivered", evidence={"tokens_counted": 90})
OBEYED = Finding(state="delivered", evidence={"canary_obeyed": True})
BY_WORDS = Finding(state="undelivered", reasons=("they begin alike",), evidence={"tasks_alike": 3})
BY_COUNT = Finding(state="undelivered", reasons=("dropped",), evidence={"token_share": 0.1})
NOTHING = Finding(state="unknown", notes=("a note",))


@pytest.mark.parametrize(
    ("findings", "state"),
    [
        ([COUNTED, NOTHING], "delivered"),
        ([NOTHING], "unknown"),
        ([OBEYED, BY_WORDS], "undelivered"),
        ([COUNTED, BY_WORDS], "delivered"),
        ([COUNTED, BY_COUNT], "undelivered"),
        ([NOTHING, BY_COUNT], "undelivered"),
    ],
)
def test_several_findings_are_joined_by_their_strength(findings, state):
    assert joined(findings).state == state
    assert joined(findings[::-1]).state == state


def test_a_model_that_read_and_ignored_the_preamble_is_told_so():
    assert IGNORED in joined([COUNTED, BY_WORDS]).notes
