"""Ratings as they were given, marks as they count, and what is still to be marked."""

from types import SimpleNamespace

import pytest

from preamblelab.domain.records import Rating, Response
from preamblelab.errors import SpecError
from preamblelab.store import MarkRow, RatingRow, Store


def unmarked(store: Store, marking: str = "m") -> list[int]:
    return [trial.ordinal for trial in store.unmarked("e", marking)]


def test_only_answered_trials_are_to_be_marked(store: Store, made: SimpleNamespace) -> None:
    made.register(store, 3)
    store.put([made.answer(0), (made.request(1), Response(status="failed", reason="rate"))])
    assert unmarked(store) == [0]
    store.put_marks(made.marks(0))
    assert unmarked(store) == []
    assert unmarked(store, "other rubric") == [0]


def test_marks_that_were_cut_short_are_made_again(store: Store, made: SimpleNamespace) -> None:
    made.register(store, 1)
    store.put([made.answer(0)])
    store.put_marks(made.marks(0)[:4])
    assert unmarked(store) == [0]
    store.put_marks(made.marks(0)[4:])
    assert unmarked(store) == []


def test_missing_points_are_final_unless_the_judge_could_not_be_reached(
    store: Store, made: SimpleNamespace
) -> None:
    made.register(store, 2)
    store.put([made.answer(0), made.answer(1)])
    store.put_marks(made.marks(0, code=None))
    unreached = [
        MarkRow(
            response_key=made.request(1).key,
            task_digest="digest-1",
            marking="m",
            dimension=row.dimension,
            points=None,
            maximum=row.maximum,
            status="failed",
            reason="server: 500",
        )
        for row in made.marks(1)
    ]
    store.put_marks(unreached)
    assert unmarked(store) == [1]
    store.put_marks(made.marks(1))
    assert unmarked(store) == []


def test_one_answer_to_two_tasks_is_marked_for_each(store: Store, made: SimpleNamespace) -> None:
    twin = made.trial(1, response_key=made.request(0).key)
    store.register("e", digest="d", document={}, trials=[made.trial(0), twin], plan_digest="twins")
    store.put([made.answer(0)])
    store.put_marks(made.marks(0))
    assert unmarked(store) == [1], "the same text, but other tests decide about it"


def test_marks_may_be_stored_while_the_open_ones_are_read(
    store: Store, made: SimpleNamespace
) -> None:
    made.register(store, 2100)
    store.put([made.answer(n) for n in range(2100)])
    seen = []
    for trial in store.unmarked("e", "m"):
        seen.append(trial.ordinal)
        if trial.ordinal % 7 == 0:
            store.put_marks(made.marks(trial.ordinal))
    assert seen == list(range(2100))
    assert unmarked(store) == [n for n in range(2100) if n % 7]


def rating_row(made: SimpleNamespace, **fields: object) -> RatingRow:
    return RatingRow(
        response_key=made.request(0).key,
        mark_key="k",
        rating=Rating(**{"scorer": "judge/a", "dimension": "code", **fields}),  # type: ignore[arg-type]
    )


def test_ratings_come_back_as_they_were(store: Store, made: SimpleNamespace) -> None:
    rows = [
        rating_row(made, criterion=0, points=0.0, evidence=("a \ud800 quote", "two"), flags=("x",)),
        rating_row(made, criterion=1, status="invalid", reason="55 of 5 \0"),
        rating_row(made, judgement=2, points=12.5),
    ]
    store.put_ratings(rows)
    assert store.ratings_of(made.request(0).key, "k") == [row.rating for row in rows]
    assert store.ratings_of(made.request(0).key, "other") == []
    assert store.ratings_of("other", "k") == []


def test_a_judgement_is_replaced_as_a_whole(store: Store, made: SimpleNamespace) -> None:
    store.put_ratings([rating_row(made, status="failed", reason="server: 500")])
    better = [rating_row(made, criterion=n, points=1.0) for n in range(3)]
    store.put_ratings([*better, rating_row(made, dimension="tests", points=3.0)])
    store.put_ratings(better)
    found = store.ratings_of(made.request(0).key, "k")
    assert [(each.dimension, each.criterion) for each in found] == [
        ("tests", None),
        ("code", 0),
        ("code", 1),
        ("code", 2),
    ]


def test_the_newest_marking_is_the_current_one(store: Store, made: SimpleNamespace) -> None:
    made.register(store)
    assert store.marking("e") is None
    store.set_marking("e", "first", {"rubric": "a"})
    store.set_marking("e", "second", {"rubric": "b"})
    assert store.marking("e") == ("second", {"rubric": "b"})
    store.set_marking("e", "first", {"rubric": "a"})
    assert [(entry.marking, entry.current) for entry in store.markings("e")] == [
        ("first", True),
        ("second", False),
    ]


def test_an_unknown_marking_is_told_with_the_known_ones(
    store: Store, made: SimpleNamespace
) -> None:
    made.register(store)
    with pytest.raises(SpecError, match="none, score it first"):
        store.scores("e", marking="b2:1")
    store.set_marking("e", "b2:12345678", {})
    with pytest.raises(SpecError, match="did you mean 'b2:12345678'"):
        store.scores("e", marking="b2:1234567")
