"""Small parts of asking: events, thinking, loops, error words, secrets, deadlines."""

import asyncio
import base64
import itertools
import json
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preamblelab.execution.breaker import Loop
from preamblelab.execution.clients import Fault, Limits
from preamblelab.execution.deadlines import Deadlines
from preamblelab.execution.faults import error_words, fault_of, message_of, retry_after, status_of
from preamblelab.execution.outcomes import Raw, split_thinking
from preamblelab.execution.redaction import Redactor, safe_line
from preamblelab.execution.sse import EventReader

EVENTS = [b'{"a": 1}', b'{"text": "x\\ny"}', b"[DONE]"]


def read(blocks: list[bytes]) -> list[bytes]:
    reader = EventReader()
    return [data for block in blocks for data in reader.feed(block)] + reader.finish()


@given(
    cuts=st.lists(st.integers(0, 200), max_size=12),
    ending=st.sampled_from([b"\n\n", b"\r\n\r\n"]),
    noise=st.sampled_from([b"", b": ping\n\n", b"event: message\n", b"id: 7\nretry: 3\n"]),
    bom=st.booleans(),
    last=st.booleans(),
)
def test_events_do_not_depend_on_how_the_bytes_arrive(cuts, ending, noise, bom, last):
    stream = b"\xef\xbb\xbf" * bom + b"".join(noise + b"data: " + e + ending for e in EVENTS)
    if last:
        stream = stream.rstrip()
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    # A byte order mark is only known as a whole.
    places = [place for place in places if not bom or place not in {1, 2}]
    assert read([stream[a:b] for a, b in itertools.pairwise(places)]) == EVENTS


def test_several_data_lines_are_one_event_unless_each_is_an_object():
    assert read([b"data: [1,\ndata: 2]\n\n"]) == [b"[1,\n2]"]
    assert read([b'data: {"a":1}\ndata: {"b":2}\n\n']) == [b'{"a":1}', b'{"b":2}']
    assert read([b"data:{}\n\n"]) == [b"{}"]


@pytest.mark.parametrize(
    ("text", "answer", "thought"),
    [
        ("plain", "plain", ""),
        (" plain with think ", " plain with think ", ""),
        ("<think>a</think>\n\nb", "b", "a"),
        ("\n<thinking>\na\n</thinking>b", "b", "a"),
        ("<think>a</think><think>b</think>c", "c", "a\nb"),
        ("<think>never closed", "", "never closed"),
        ("opened by the template\n</think>\n\nb", "b", "opened by the template"),
        ("Use `</think>` to end it.", "Use `</think>` to end it.", ""),
        ("Write:\n<think>\nx\n</think>\nDone", "Write:\n<think>\nx\n</think>\nDone", ""),
        ("<think></think>b", "b", ""),
    ],
)
def test_only_thinking_before_the_answer_is_taken_out_of_it(text, answer, thought):
    assert split_thinking(text) == (answer, thought)


@given(st.text(max_size=60), st.text(max_size=60), st.integers(0, 140))
def test_what_a_loop_leaves_is_the_beginning_of_what_was_fed(reasoning, text, at):
    raw = Raw(reasoning=[reasoning], text=[text], pieces=9)
    fed = len(reasoning) + len(text)
    loop = Loop(level="line", onset=0, period=1, repeats=9.0, at=min(at, fed), exact=True)
    raw.stop_at(loop, fed)
    kept = "".join(raw.reasoning) + "".join(raw.text)
    assert kept == (reasoning + text)[: loop.at]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ({"error": {"message": "a", "code": "b"}}, "a (b)"),
        ({"error": "a"}, "a"),
        ({"message": "a"}, "a"),
        ({"detail": [{"msg": "a", "type": "t"}]}, "a (t)"),
        ([{"error": {"message": "a", "status": "b"}}], "a"),
        ({"error": {"message": {"error": "deep"}}}, "deep"),
        ({}, ""),
        (7, ""),
    ],
)
def test_the_message_is_found_however_it_is_nested(error, message):
    assert message_of(error) == message


def test_the_words_of_an_error_that_is_no_json_are_kept():
    assert error_words(b"<html>502</html>") == ("<html>502</html>", "<html>502</html>")
    assert error_words(b"\xff")[0] == r"\xff"


def test_a_status_within_an_error_counts_only_when_it_is_one():
    assert status_of({"error": {"code": 503}}) == 503
    assert status_of({"error": {"code": "overloaded"}}) is None
    assert status_of({"error": {"code": 7}}) is None
    assert fault_of(None, "rate_limit_exceeded", "x").kind == "rate"
    assert fault_of(None, "who knows", "x").kind == "server"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after-ms": "300", "retry-after": "9"}, 0.3),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 40.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:01 GMT"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
    ],
)
def test_the_wait_a_server_asks_for_is_read_or_unknown(headers, seconds):
    assert retry_after(headers, now=60.0) == seconds


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=16, max_size=60),
       st.text(max_size=20), st.text(max_size=20))  # fmt: skip
def test_a_secret_is_found_in_every_form_it_travels_in(secret, before, after):
    redactor = Redactor(["CANARY"], environment={"CANARY": secret})
    raw = secret.encode()
    forms = [
        secret,
        secret[:12],
        urllib.parse.quote(secret, safe=""),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
        json.dumps(secret)[1:-1],
    ]
    for form in forms:
        assert form not in redactor.redact(f"{before}|{form}|{after}")
    for user in (b"", b"a", b"ab"):
        login = base64.b64encode(user + raw + b":x").decode()
        # What is left of a login is its ends, which hold less than 3 bytes of the secret.
        assert len(redactor.redact(login).replace("***", "")) <= 10


def test_words_that_are_no_secrets_stay():
    names = {
        "MAX_TOKENS": "4096000000000000",
        "TOKENIZERS_PARALLELISM": "false-false-false",
        "LM_KEY": "not-needed",
        "PUBLIC_KEY": "/home/somebody/id.pub",
        "API_KEY": "short",
    }
    redactor = Redactor(["LM_KEY"], environment=names)  # fmt: skip
    for value in names.values():
        assert redactor.redact(f"say {value} twice") == f"say {value} twice"


@given(st.text(max_size=2_000))
def test_an_error_is_one_short_printable_line(text):
    line = safe_line(text)
    assert len(line) <= 500
    assert not set(line) & set("\n\r\t\x1b\x9b\u202e\u2028\ud800")


def test_logins_in_addresses_and_headers_are_masked_though_nobody_knows_them():
    line = Redactor(environment={}).line(
        "GET https://me:hunter2@host/?api_key=abcdef123 with Authorization: Bearer abcdef.ghijkl"
    )
    assert line == "GET https://***@host/?api_key=*** with Authorization: Bearer ***"


def test_a_cancellation_from_outside_is_no_timeout():
    async def cancelled() -> None:
        async def call() -> None:
            async with Deadlines(Limits(deadline_seconds=5.0)):
                await asyncio.sleep(10)

        task = asyncio.create_task(call())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())


def test_pieces_keep_a_call_alive_until_its_total_deadline():
    limits = Limits(deadline_seconds=0.25, first_token_seconds=0.1, idle_seconds=0.1)

    async def talk(pieces: list[int]) -> None:
        async with Deadlines(limits) as deadlines:
            while True:
                deadlines.piece()
                pieces.append(1)
                await asyncio.sleep(0.01)

    async def chatter() -> int:
        pieces: list[int] = []
        with pytest.raises(Fault, match="no complete answer"):
            await talk(pieces)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0, "the task can go on after the fault"
        return len(pieces)

    assert asyncio.run(chatter()) > 5
