"""Answers come back as they went in, are never overwritten, and failures are no answers."""

import sqlite3
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preamblelab.domain.records import Response
from preamblelab.errors import StoreError
from preamblelab.store import Store

# Lone surrogates, NUL, emoji, controls: whatever Python calls a text.
ANY_TEXT = st.text(st.characters(), max_size=40)
COUNTS = st.none() | st.integers(0, 2**40)
NUMBERS = st.none() | st.floats(0, 1e9)
JSON = st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=8), max_size=3)

RESPONSES = st.builds(
    Response,
    text=ANY_TEXT,
    status=st.sampled_from(["ok", "truncated", "looped", "refused", "empty"]),
    reason=ANY_TEXT,
    reasoning=ANY_TEXT,
    finish=st.none() | ANY_TEXT,
    prompt_tokens=COUNTS,
    completion_tokens=COUNTS,
    estimated=st.booleans(),
    usd=NUMBERS,
    seconds=NUMBERS,
    first_token_seconds=NUMBERS,
    load_seconds=NUMBERS,
    served_model=st.none() | ANY_TEXT,
    route=st.sampled_from(["direct/openai", "litellm", "imported"]),
    loop=st.none() | JSON.filter(bool),
    tool_calls=st.lists(JSON, max_size=2).map(tuple),
    flags=st.lists(ANY_TEXT, max_size=2).map(tuple),
    attempts=st.integers(1, 9),
)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One store for many examples."""
    with Store(tmp_path_factory.mktemp("store") / "runs.db") as store:
        yield store


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(response=RESPONSES, content=ANY_TEXT, number=st.integers(0, 2**62))
def test_any_answer_and_any_message_comes_back_as_it_was(
    lasting: Store, made: SimpleNamespace, response: Response, content: str, number: int
) -> None:
    asked = made.request(messages=({"role": "user", "content": content},), repetition=number)
    if lasting.response(asked.key) is not None:
        return
    lasting.put([(asked, response)])
    assert lasting.response(asked.key) == response
    assert lasting.messages(asked.key) == [{"role": "user", "content": content}]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("def f(): pass", "text"),
        ("Zoë 👩‍👩‍👧 שלום \u2028 \x85", "text"),
        ("half \ud800 an emoji", "blob"),
        ("before\0after", "blob"),
    ],
)
def test_text_is_readable_in_sql_unless_sql_would_lose_some_of_it(
    store: Store, path: Path, made: SimpleNamespace, text: str, kind: str
) -> None:
    store.put([(made.request(), Response(text=text))])
    with sqlite3.connect(path) as connection:
        found, stored = connection.execute("SELECT typeof(text), text FROM texts").fetchone()
    connection.close()
    assert found == kind
    assert stored == (text if kind == "text" else text.encode("utf-8", "surrogatepass"))


def test_an_answer_is_never_overwritten(store: Store, made: SimpleNamespace) -> None:
    asked = made.request()
    store.put([(asked, Response(text="first"))])
    store.put([(asked, Response(text="second")), (asked, Response(status="failed", reason="rate"))])
    answer = store.response(asked.key)
    assert answer is not None
    assert answer.text == "first"
    assert store.verify() == []


def test_a_failed_call_is_recorded_counts_as_spent_and_is_not_answered(
    store: Store, made: SimpleNamespace
) -> None:
    asked = made.request()
    for reason in ("timeout: 3 s", "server: 500 \ud800"):
        store.put([(asked, Response(status="failed", reason=reason, attempts=2, usd=0.5))])
    assert store.answered([asked.key]) == set()
    assert store.response(asked.key) is None
    assert store.failures([asked.key, "other"]) == {asked.key: (2, "server: 500 \\ud800")}
    assert (store.spend().calls, store.spend().attempts, store.spend().usd) == (2, 4, 1.0)
    store.put([(asked, Response(text="at last"))])
    assert store.answered([asked.key]) == {asked.key}


@pytest.mark.parametrize("status", ["ok", "truncated", "looped", "refused", "empty"])
def test_every_other_outcome_is_an_answer(store: Store, made: SimpleNamespace, status: Any) -> None:
    store.put([(made.request(), Response(status=status))])
    assert store.answered([made.request().key]) == {made.request().key}


def test_what_decides_an_answer_decides_its_address(store: Store, made: SimpleNamespace) -> None:
    asked = made.request()
    others = [
        made.request(model="sim/tiny"),
        made.request(settings={"temperature": 0.1}),
        made.request(repetition=2),
        made.request(digest="sha256:1"),
        made.request(messages=({"role": "system", "content": ""}, *asked.messages)),
    ]
    store.put([(asked, Response(text="x"))])
    assert store.answered([asked.key, *(other.key for other in others)]) == {asked.key}


def test_all_rows_or_none(store: Store, made: SimpleNamespace) -> None:
    impossible = (made.request(1), Response(prompt_tokens=2**70))
    with pytest.raises(StoreError, match=r"runs\.db: cannot store answers: .* 64 bits"):
        store.put([made.answer(0), impossible, made.answer(2)])
    assert store.answered(made.request(n).key for n in range(3)) == set()
    store.put([made.answer(0)])
    assert store.answered([made.request(0).key]) == {made.request(0).key}


def test_many_keys_at_once(store: Store, made: SimpleNamespace) -> None:
    keys = [made.request(n).key for n in range(12_001)]
    store.put([made.answer(n) for n in range(0, 1200, 2)])
    assert store.answered(iter(keys)) == {keys[n] for n in range(0, 1200, 2)}
    found = dict(store.responses(keys))
    assert {key: response.text for key, response in found.items()} == {
        keys[n]: f"answer {n}" for n in range(0, 1200, 2)
    }


def test_reading_answers_goes_on_while_others_are_stored(
    store: Store, made: SimpleNamespace
) -> None:
    store.put([made.answer(n) for n in range(500)])
    seen = 0
    for _, _ in store.responses(made.request(n).key for n in range(500)):
        store.put([made.answer(1000 + seen)])
        seen += 1
    assert seen == 500


def test_threads_take_turns(store: Store, made: SimpleNamespace) -> None:
    def work(first: int) -> None:
        for number in range(first, first + 40):
            store.put([made.answer(number)])
            assert store.response(made.request(number).key) is not None

    threads = [threading.Thread(target=work, args=(1000 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.spend().calls == 160


def test_messages_are_kept_once(store: Store, path: Path, made: SimpleNamespace) -> None:
    store.put([(made.request(0, repetition=n), Response(text=str(n))) for n in range(1, 9)])
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM messages").fetchone() == (1,)
    connection.close()


def test_spend_by_time_role_and_key(path: Path, made: SimpleNamespace) -> None:
    now = ["2026-01-01T00:00:00.000000Z"]
    with Store(path, clock=lambda: now[0]) as store:
        assert store.spend().calls == 0
        store.put([made.answer(0, usd=0.5, prompt_tokens=10, completion_tokens=5, attempts=3)])
        now[0] = "2026-01-02T00:00:00.000000Z"
        judged = made.request(1, role="judge")
        store.put([(judged, Response(text="20", completion_tokens=7))])
        store.put([(made.request(2), Response(text="old", route="imported", prompt_tokens=99))])
        everything = store.spend()
        assert (everything.calls, everything.attempts, everything.usd) == (2, 4, 0.5)
        assert (everything.prompt_tokens, everything.completion_tokens) == (10, 12)
        assert everything.unpriced == 1, "a call without a known price is counted, not taken as 0"
        assert {role: each.calls for role, each in everything.by_role.items()} == {
            "judge": 1,
            "subject": 1,
        }
        assert store.spend(since=now[0]).by_role.keys() == {"judge"}
        assert store.spend(keys=[made.request(0).key]).calls == 1
        assert store.spend(keys=[]).calls == 0


def test_verify_sees_what_was_changed_behind_our_back(
    store: Store, path: Path, made: SimpleNamespace
) -> None:
    store.put([made.answer(n) for n in range(5)])
    assert store.verify() == []
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE texts SET text = 'nicer' WHERE response_id = 1")
        connection.execute("UPDATE responses SET settings = '{\"seed\":1}' WHERE id = 2")
        connection.execute("UPDATE messages SET body = '[]' WHERE rowid = 3")
        connection.execute("DELETE FROM texts WHERE response_id = 4")
    connection.close()
    faults = store.verify()
    assert [made.request(n).key in fault for n, fault in enumerate(faults)] == [True] * 4
    assert ["text" in faults[0], "request" in faults[1], "messages" in faults[2]] == [True] * 3
    assert "lost its text" in faults[3]
    assert len(faults) == 4


def test_a_closed_store_says_so(path: Path, made: SimpleNamespace) -> None:
    store = Store(path)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.put([made.answer()])


def test_no_key_is_ever_written(
    path: Path, made: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from preamblelab.domain.models import ModelSpec

    secret = "sk-canary-6f1d0c2b9a"
    monkeypatch.setenv("CANARY_API_KEY", secret)
    spec = ModelSpec(id="openai/x", api_base="http://127.0.0.1:1/v1", api_key_env="CANARY_API_KEY")
    asked = made.request().__class__(model=spec, messages=({"role": "user", "content": "hi"},))
    with Store(path) as store, store.lock("run"):
        store.put([(asked, Response(text="x"))])
        store.put([(asked, Response(status="failed", reason="auth: 401"))])
        store.register(
            "e",
            digest="d",
            document={"models": [spec.model_dump(mode="json")]},
            trials=[made.trial(response_key=asked.key)],
            plan_digest="p",
        )
        written = b"".join(file.read_bytes() for file in path.parent.iterdir())
        assert b"openai/x" in written
        assert secret.encode() not in written
