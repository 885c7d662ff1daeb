"""Experiments give names to answers; the names of one never touch those of another."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from preamblelab.domain.facts import ModelFacts
from preamblelab.domain.records import Rating, Response
from preamblelab.errors import SpecError
from preamblelab.store import Delivery, PlannedTrial, RatingRow, Store


def test_trials_come_back_as_they_were_planned(store: Store, made: SimpleNamespace) -> None:
    planned = [
        made.trial(0),
        made.trial(1, family="qwen", cluster="repository", part="tiny", version="2.1", size="tiny"),
        made.trial(2, repetition=3, category="coding", simulated=False),
    ]
    store.register("e", digest="d", document={}, trials=planned, plan_digest="p")
    assert list(store.trials("e")) == planned


def test_more_trials_than_a_page(store: Store, made: SimpleNamespace) -> None:
    made.register(store, 2500)
    assert [trial.ordinal for trial in store.trials("e")] == list(range(2500))


def test_an_unchanged_plan_is_not_walked_again(store: Store, made: SimpleNamespace) -> None:
    made.register(store, 3)

    def untouchable() -> Iterator[PlannedTrial]:
        pytest.fail("an unchanged plan was walked")
        yield

    store.register("e", digest="d2", document={}, trials=untouchable(), plan_digest="e-3")
    assert len(list(store.trials("e"))) == 3
    assert store.document("e") == {}


def test_a_changed_plan_replaces_the_names_and_keeps_the_answers(
    store: Store, made: SimpleNamespace
) -> None:
    made.register(store, 3)
    store.put([made.answer(n) for n in range(3)])
    made.register(store, 5)
    assert store.plan_digest("e") == "e-5"
    entry = store.experiments()[0]
    assert (entry.trials, entry.answered, entry.question, entry.simulated) == (5, 3, "why?", True)


def test_a_plan_that_breaks_off_changes_nothing(store: Store, made: SimpleNamespace) -> None:
    made.register(store, 3)

    def broken() -> Iterator[PlannedTrial]:
        yield made.trial(0)
        raise SpecError("no such preamble")

    with pytest.raises(SpecError, match="no such preamble"):
        store.register("e", digest="x", document={}, trials=broken(), plan_digest="x")
    assert store.plan_digest("e") == "e-3"
    assert len(list(store.trials("e"))) == 3


def test_a_second_experiment_reuses_the_answers_of_the_first(
    store: Store, made: SimpleNamespace
) -> None:
    made.register(store, 3, "first")
    store.put([made.answer(n) for n in range(3)])
    made.register(store, 4, "second", variant="careful")
    assert {entry.name: entry.answered for entry in store.experiments()} == {
        "first": 3,
        "second": 3,
    }
    assert {trial.variant for trial in store.trials("first")} == {"baseline"}


def test_an_unknown_name_is_told_with_the_known_ones(store: Store, made: SimpleNamespace) -> None:
    with pytest.raises(SpecError, match="'brevity'; the store holds none yet"):
        store.document("brevity")
    made.register(store, 1, "brevity")
    made.register(store, 1, "mimir-1")
    with pytest.raises(
        SpecError, match=r"'brevty'; did you mean 'brevity'\? known: brevity, mimir-1"
    ):
        store.document("brevty")
    for ask in (store.trials, store.scores, store.fingerprint, store.deliveries, store.markings):
        with pytest.raises(SpecError, match="known: brevity, mimir-1"):
            ask("zzz")
    assert store.plan_digest("zzz") is None


def test_the_newest_delivery_check_counts(store: Store, made: SimpleNamespace) -> None:
    made.register(store)
    first = Delivery(model="mid", variant="careful", state="delivered", evidence={"canary": True})
    second = Delivery(
        model="mid", variant="careful", state="undelivered", reasons=("identical answers",)
    )
    store.put_delivery("e", [first])
    store.put_delivery("e", [second])
    (found,) = store.deliveries("e")
    assert (found.state, found.reasons, found.evidence) == (
        "undelivered",
        ("identical answers",),
        {},
    )
    assert found.created


def test_facts_come_back_as_they_were(store: Store) -> None:
    facts = ModelFacts(
        model="m", size="mid", total_b=8.2, sources={"size": "table"}, notes=("a", "b")
    )
    store.put_facts("m", "http://127.0.0.1:1", facts)
    assert store.facts("m", "http://127.0.0.1:1") == facts
    assert store.facts("m", "elsewhere") is None


CHANGES: dict[str, Callable[[Store, SimpleNamespace], None]] = {
    "answer": lambda store, made: store.put([made.answer(1)]),
    "failure": lambda store, made: store.put(
        [(made.request(2), Response(status="failed", reason="rate"))]
    ),
    "marks": lambda store, made: store.put_marks(made.marks(0)),
    "ratings": lambda store, made: store.put_ratings(
        [
            RatingRow(
                response_key=made.request(0).key,
                mark_key="k",
                rating=Rating(scorer="text", dimension="code", points=1),
            )
        ]
    ),
    "marking": lambda store, made: store.set_marking("e", "other", {}),
    "delivery": lambda store, made: store.put_delivery(
        "e", [Delivery(model="mid", variant="careful", state="unknown")]
    ),
    "facts": lambda store, made: store.put_facts("m", "e", ModelFacts(model="m", size="mid")),
    "plan": lambda store, made: made.register(store, 9),
}


@pytest.mark.parametrize("what", CHANGES)
def test_the_fingerprint_changes_with_whatever_a_report_shows(
    store: Store, made: SimpleNamespace, what: str
) -> None:
    made.register(store)
    store.put([made.answer(0)])
    store.set_marking("e", "m", {})
    before = store.fingerprint("e")
    CHANGES[what](store, made)
    assert store.fingerprint("e") != before


def test_the_fingerprint_stays_when_the_same_is_stored_again(
    store: Store, made: SimpleNamespace
) -> None:
    def everything() -> None:
        made.register(store)
        store.put([made.answer(0)])
        store.set_marking("e", "m", {"mark_keys": []})
        store.put_delivery("e", [Delivery(model="m", variant="v", state="unknown", reasons=("r",))])
        store.put_facts("m", "e", ModelFacts(model="m", size="mid"))

    everything()
    before = store.fingerprint("e")
    everything()
    store.put_report("e", before, "# Report \ud800")
    assert store.fingerprint("e") == before
    assert store.latest_report("e", before) == "# Report \ud800"
    assert store.latest_report("e", "other") is None


def test_old_reports_are_dropped(store: Store, made: SimpleNamespace) -> None:
    made.register(store)
    for number in range(40):
        store.put_report("e", f"print-{number}", str(number))
    kept = [n for n in range(40) if store.latest_report("e", f"print-{n}") == str(n)]
    assert kept == list(range(24, 40))
