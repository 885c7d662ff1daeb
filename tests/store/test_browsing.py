"""Pages of trials against the slow, obvious way; progress; who is at work on the store."""

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preamblelab.errors import SpecError
from preamblelab.store import Order, Snapshot, Store, TrialFilter, browsing
from preamblelab.store.snapshots import COLUMNS, SORTS

MODELS, VARIANTS, TASKS = ("a", "b"), ("baseline", "x"), ("t1", "t2", "t3")
few = st.one_of(st.none(), st.sampled_from([0.0, 12.5, 50.0, 100.0]))


def row(number: int, **fields: Any) -> tuple[Any, ...]:
    """A row of a snapshot; what is not named is the same for all."""
    values = {**dict.fromkeys(COLUMNS), "ordinal": number, "status": "ok", "simulated": False}
    values |= {"model": "a", "variant": "x", "task": "t1", "repetition": number, "delivery": ""}
    return tuple({**values, "response_key": f"key-{number}", **fields}[name] for name in COLUMNS)


@st.composite
def tables(draw: st.DrawFn) -> Snapshot:
    """Up to 30 trials with ties and holes in every column."""
    drawn = {
        "model": st.sampled_from(MODELS),
        "variant": st.sampled_from(VARIANTS),
        "task": st.sampled_from(TASKS),
        "status": st.sampled_from(["ok", "failed"]),
        "score": few,
        "seconds": few,
        "flags": st.sampled_from([None, json.dumps(["odd"]), json.dumps(["odd", "late"])]),
    }
    count = draw(st.integers(0, 30))
    rows = [row(n, **draw(st.fixed_dictionaries(drawn))) for n in range(count)]
    return Snapshot(experiment="e", baseline="baseline", taken="now", rows=rows)


filters = st.builds(
    TrialFilter,
    model=st.sampled_from(["", *MODELS]),
    status=st.sampled_from(["", "ok"]),
    flag=st.sampled_from(["", "odd", "late"]),
    lowest=few,
    highest=few,
    unscored=st.booleans(),
)


def obvious(snapshot: Snapshot, wanted: TrialFilter, order: Order) -> list[int]:
    """The ordinals in order, by Python's own sort; what is missing last either way."""
    count = sum(snapshot.facets["status"].values())
    lines = [snapshot.line(number) for number in range(count)]
    kept = [
        line
        for line in lines
        if wanted.model in {"", line.model}
        and wanted.status in {"", line.status}
        and (not wanted.flag or wanted.flag in line.flags)
        and (wanted.lowest is None or (line.score is not None and line.score >= wanted.lowest))
        and (wanted.highest is None or (line.score is not None and line.score <= wanted.highest))
        and not (wanted.unscored and line.score is not None)
    ]
    there = [line for line in kept if getattr(line, order.column) is not None]
    falling = order.direction == "down"
    there.sort(key=lambda line: getattr(line, order.column), reverse=falling)
    return [line.ordinal for line in there] + [
        line.ordinal for line in kept if getattr(line, order.column) is None
    ]


@given(
    tables(),
    filters,
    st.builds(Order, column=st.sampled_from(SORTS), direction=st.sampled_from(["up", "down"])),
    st.integers(1, 7),
)
def test_pages_forward_and_back_are_the_sorted_list_in_pieces(
    snapshot: Snapshot, wanted: TrialFilter, order: Order, limit: int
) -> None:
    # Python keeps equal ones in their order even when it sorts down, as the pages do.
    expected = obvious(snapshot, wanted, order)
    seen, page = [], snapshot.page(wanted, order, limit=limit)
    assert page.matching == len(expected)
    assert page.before is None
    pages = [page]
    while page.after is not None:
        page = snapshot.page(wanted, order, limit=limit, after=page.after)
        pages.append(page)
    for page in pages:
        seen += [line.ordinal for line in page.lines]
    assert seen == expected
    for earlier, later in zip(pages[-2::-1], pages[:0:-1], strict=True):
        back = snapshot.page(wanted, order, limit=limit, before=later.before)
        assert back.lines == earlier.lines
        assert (back.before is None) == (earlier is pages[0])
    snapshot.close()


def test_a_gain_is_over_the_baseline_of_the_same_task_and_repetition() -> None:
    rows = [
        row(0, variant="baseline", repetition=1, score=40.0),
        row(1, variant="baseline", repetition=2, score=None),
        row(2, repetition=1, score=55.0),
        row(3, repetition=2, score=70.0),
        row(4, repetition=1, score=90.0, model="b"),
    ]
    snapshot = Snapshot(experiment="e", baseline="baseline", taken="now", rows=rows)
    assert [snapshot.line(n).gain for n in range(5)] == [None, None, 15.0, None, None]
    assert [line.ordinal for line in snapshot.arms(snapshot.line(2))] == [0, 2]
    assert [line.ordinal for line in snapshot.repetitions(snapshot.line(3))] == [2, 3]


def test_what_is_not_there_is_refused_by_name(store: Store, made: SimpleNamespace) -> None:
    made.register(store, 2)
    snapshot = store.snapshot("e")
    with pytest.raises(SpecError, match="'e' has no trial number 9"):
        snapshot.line(9)
    with pytest.raises(SpecError, match="'e' has no trial number 9"):
        store.trial_page(snapshot, TrialFilter(), Order(), after=9)
    with pytest.raises(SpecError, match="cannot sort by 'colour'"):
        Order(column="colour")
    with pytest.raises(SpecError, match="no experiment named 'f'"):
        store.snapshot("f")


def test_a_snapshot_says_of_every_trial_what_the_score_table_says(
    store: Store, made: SimpleNamespace
) -> None:
    made.register(store, 4)
    store.put([made.answer(0), made.answer(1), made.answer(3, status="failed", reason="network")])
    store.set_marking("e", "m", {"mark_keys": []})
    store.put_marks([*made.marks(0, code=10.0), *made.marks(1, code=None)])
    snapshot = store.snapshot("e")
    for number, told in enumerate(store.scores("e").to_dict("records")):
        line = snapshot.line(number)
        assert (line.status, line.reason) == (told["status"], told["reason"])
        assert line.score == told["score"] or (line.score is None and math.isnan(told["score"]))
    assert [line.points for line in store.trial_marks("e", snapshot.line(0))][1] == 10.0
    (failed,) = store.failed_calls(snapshot.line(3).response_key)
    assert failed.reason == "network"


def test_answers_are_searched_literally_and_page_by_page(
    store: Store, made: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.register(store, 30)
    texts = {3: "100% of it", 7: "100 of it", 9: "One Hundred", 20: "100%\0 after a NUL", 25: "é_"}
    store.put([(made.request(n), made.answer(n, status="ok")[1]) for n in (1, 2)])
    for number, text in texts.items():
        request, response = made.answer(number)
        store.put([(request, type(response)(text=text))])
    snapshot = store.snapshot("e")

    def found(text: str, **more: Any) -> list[int]:
        page = store.trial_page(snapshot, TrialFilter(text=text), Order(), **more)
        return [line.ordinal for line in page.lines]

    assert found("100%") == [3, 20]
    assert found("ONE hundred") == [9]
    assert found("_") == [25]
    first = store.trial_page(snapshot, TrialFilter(text="100"), Order(), limit=2)
    assert [line.ordinal for line in first.lines] == [3, 7]
    assert found("100", after=first.after) == [20]
    monkeypatch.setattr(browsing, "_SEARCH_SECONDS", -1.0)
    monkeypatch.setattr(browsing, "_SEARCHED_AT_ONCE", 10)
    stopped = store.trial_page(snapshot, TrialFilter(text="100"), Order(), after=7)
    assert (stopped.lines, stopped.after, stopped.searched) == ((), 17, 10)


def test_progress_counts_answers_marks_and_failures(store: Store, made: SimpleNamespace) -> None:
    made.register(store, 4)
    store.set_marking("e", "m", {"mark_keys": []})
    store.put([made.answer(0, usd=0.5, prompt_tokens=7), made.answer(1)])
    store.put([made.answer(2, status="failed", reason="timeout: 60 s")])
    store.put_marks(made.marks(0))
    (arm,) = store.progress("e")
    assert (arm.trials, arm.answered, arm.failed, arm.marked) == (4, 2, 1, 1)
    assert (arm.tokens, arm.usd, arm.unpriced) == (7, 0.5, 1)


def test_who_is_at_work_is_told_without_the_lock_and_only_while_it_lasts(
    path: Path, store: Store
) -> None:
    with Store(path, read_only=True) as reader:
        assert reader.holder() is None
        with store.lock("run brevity"):
            holder = reader.holder()
            assert holder is not None
            assert holder.purpose == "run brevity"
        assert reader.holder() is None, "given back"
        lock = path.with_name(path.name + ".lock")
        lock.write_text(json.dumps({"pid": 2**22 + 1, "purpose": "run x", "since": "t"}))
        assert reader.holder() is None, "a killed process is at work on nothing"


def test_answers_in_common_are_counted_once(store: Store, made: SimpleNamespace) -> None:
    made.register(store, 3)
    made.register(store, 2, name="f")
    assert store.shared_answers("e", "f") == 2
