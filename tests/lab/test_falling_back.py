"""An answer that collapses under a preamble is asked for again under less of it, and kept apart."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import preamblelab as pl
from preamblelab.cli import main
from preamblelab.domain.base import text_digest
from preamblelab.domain.policies import PolicySpec, PolicyText, text_id
from preamblelab.domain.records import Request, Response
from preamblelab.errors import BudgetError
from preamblelab.lab.falling_back import fallbacks_of
from tests.lab.test_proposing import measured

USER = {"role": "user", "content": "Write a test."}
LONG, SHORT = "Think of every edge case before you write a line.", "Think first."


def policy(*, shorter: bool = True) -> pl.Policy:
    kept = {
        text_id("p", words): PolicyText(
            label="p", text=words, digest=text_digest(words), lineage="p",
            shorter=text_id("p", SHORT) if words == LONG and shorter else None,
        )
        for words in (LONG, SHORT)
    }  # fmt: skip
    entry = {
        "size": "mid", "use": text_id("p", LONG), "said": "stated", "reason": "for a test",
        "decided": "2026-11-28", "expires": "2999-01-01",
    }  # fmt: skip
    spec = PolicySpec.model_validate(
        {"written": date(2026, 11, 28), "entries": [entry], "preambles": kept}
    )
    return pl.Policy(spec=spec)


def model(**outcomes: Any) -> Callable[[Request], Response]:
    """Answers by what the system message is: `long`, `short`, `none`."""
    names = {LONG: "long", SHORT: "short"}

    def answer(request: Request) -> Response:
        first = request.messages[0]
        name = names[str(first["content"])] if first["role"] == "system" else "none"
        status = outcomes.get(name, "ok")
        reason = "rate: 429" if status == "failed" else ""
        return Response(text=f"under {name}", status=status, reason=reason, usd=0.1, seconds=1.0)

    return answer


def ask(store: Path, client: Any, **more: Any) -> Any:
    options = {"model": "openai/x-7b", "store": store, "client": client, **more}
    return policy().ask([USER], options.pop("model"), **options)


def test_a_good_answer_under_the_preamble_is_the_only_call(tmp_path: Path) -> None:
    answered = ask(tmp_path / "s.db", model())
    assert (answered.text, answered.fell_back, answered.end.tag) == ("under long", False, "")


@pytest.mark.parametrize("collapse", ["looped", "empty", "truncated"])
def test_a_collapse_goes_to_the_shorter_text_and_then_to_none(
    tmp_path: Path, collapse: Any
) -> None:
    store = tmp_path / "s.db"
    once = ask(store, model(long=collapse))
    assert (once.text, once.end.level, once.end.tag) == (
        "under short", "shorter", "preamble-fallback",
    )  # fmt: skip
    twice = ask(store, model(long=collapse, short=collapse))
    assert (twice.text, twice.end.level) == ("under none", "none")
    never = ask(store, model(long=collapse, short=collapse, none=collapse))
    assert (never.end.resolved, never.end.word, never.end.tag) == (False, "collapsed", "unresolved")


def test_a_refusal_is_an_answer_and_a_fault_is_no_collapse(tmp_path: Path) -> None:
    refused = ask(tmp_path / "s.db", model(long="refused"))
    assert refused.end.resolved
    failed = ask(tmp_path / "s.db", lambda _: Response(status="failed", reason="permanent: 404"))
    assert [step.word for step in failed.climb.steps] == ["unreachable"]
    assert not failed.end.resolved


def test_every_level_is_stored_with_its_tag_and_its_parent_and_its_answer(tmp_path: Path) -> None:
    answered = ask(tmp_path / "s.db", model(long="looped", short="empty"))
    with pl.Store(tmp_path / "s.db") as store:
        (climb,) = store.climbs("preamble")
        assert climb == answered.climb
        tags = [(step.level, step.word, step.tag) for step in climb.steps]
        assert tags == [
            ("preamble", "looped", ""),
            ("shorter", "empty", "preamble-fallback"),
            ("none", "ok", "preamble-fallback"),
        ]
        assert [step.parent for step in climb.steps] == ["", *[s.key for s in climb.steps[:-1]]]
        answers = dict(store.responses([step.key for step in climb.steps]))
        assert answers[climb.steps[2].key].text == "under none"
        assert store.spend().by_role["fallback"].calls == 3


def test_asking_twice_is_answering_twice(tmp_path: Path) -> None:
    first, second = (ask(tmp_path / "s.db", model()) for _ in range(2))
    assert first.climb.steps[0].key != second.climb.steps[0].key


def test_what_was_asked_again_counts_in_no_experiment(tmp_path: Path) -> None:
    store = tmp_path / "s.db"
    measured(store)
    with pl.Store(store) as opened:
        before = opened.scores("e")
    ask(store, model(long="looped"))
    with pl.Store(store) as opened:
        assert opened.scores("e").equals(before)


def test_without_a_preamble_or_a_shorter_one_there_are_fewer_levels(tmp_path: Path) -> None:
    store = tmp_path / "s.db"
    tiny = ask(store, model(none="looped"), model="openai/x-1b")
    assert [step.level for step in tiny.climb.steps] == ["none"]
    short = policy(shorter=False).ask(
        [USER], "openai/x-7b", store=store, client=model(long="looped")
    )
    assert [step.level for step in short.climb.steps] == ["preamble", "none"]


def test_a_limit_ends_the_climb_between_levels(tmp_path: Path) -> None:
    answered = ask(tmp_path / "s.db", model(long="looped"), usd=0.05)
    assert [step.level for step in answered.climb.steps] == ["preamble"]
    assert "the limit of 0.05 usd is reached" in answered.end.reason
    with pytest.raises(BudgetError, match="nothing can be asked"):
        ask(tmp_path / "s.db", model(), usd=0)


def test_telemetry_tells_rates_mends_and_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "s.db"
    for client in (
        model(),
        model(long="looped"),
        model(long="looped", short="looped", none="empty"),
    ):
        ask(store, client)
    ask(store, model(), model="openai/x-1b")
    with pl.Store(store) as opened:
        (told,) = fallbacks_of(opened).values()
    assert (told.went_on.count, told.went_on.of, told.overturned.count) == (2, 3, 1)
    assert told.unresolved == 1
    assert told.usd_added == pytest.approx(0.3)
    monkeypatch.setattr("sys.argv", ["p", "policy", "fallbacks", "--store", str(store)])
    with pytest.raises(SystemExit):
        main()
    assert "2 of 3 (67%, 9% to 99%)" in capsys.readouterr().out


@pytest.mark.slow
def test_a_simulated_model_that_loops_under_a_long_text_is_answered_under_less(
    tmp_path: Path,
) -> None:
    long = pl.load_preamble("careful").sizes["large"]
    kept = PolicyText(label="careful", text=long, digest=text_digest(long), lineage="careful")
    entry = {
        "size": "tiny", "use": kept.id, "said": "stated", "reason": "for a test",
        "decided": "2026-11-28", "expires": "2999-01-01",
    }  # fmt: skip
    document = {"written": "2026-11-28", "entries": [entry], "preambles": {kept.id: kept}}
    spec = PolicySpec.model_validate_json(json.dumps(document, default=lambda k: k.model_dump()))
    task = pl.load_suite("smoke").tasks[0]
    settings = {"temperature": 0.8, "max_tokens": 2048, "seed": 3}
    answered = pl.Policy(spec=spec).ask(
        task.turns(), "sim/tiny-2b-loopy", store=tmp_path / "s.db", settings=settings
    )
    assert answered.climb.steps[0].word == "looped"
    assert answered.climb.simulated
    assert answered.end.level == "none"
