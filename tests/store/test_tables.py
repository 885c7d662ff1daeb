"""The tables that analysis reads: one row per trial, and missing where anything is missing."""

import math
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from preamblelab.domain.records import Rating, Response
from preamblelab.errors import SpecError
from preamblelab.store import Delivery, MarkRow, PlannedTrial, RatingRow, Store

SEAM = ["model", "size", "variant", "task", "repetition", "score"]


def test_an_empty_experiment_is_an_empty_table_with_all_columns(store: Store) -> None:
    store.register("e", digest="d", document={}, trials=[], plan_digest="p")
    for frame in (store.scores("e"), store.dimension_scores("e"), store.ratings("e")):
        assert len(frame) == 0
    frame = store.scores("e")
    assert list(frame)[:6] == SEAM
    assert frame["score"].dtype == "float64"
    assert frame["simulated"].dtype == "bool"


def test_a_score_is_the_sum_of_all_dimensions_or_missing(
    store: Store, made: SimpleNamespace
) -> None:
    made.register(store, 7)
    store.set_marking("e", "m", {})
    store.put([made.answer(n) for n in range(5)])
    store.put([(made.request(5), Response(status="failed", reason="timeout: \ud800"))])
    store.put_marks(made.marks(0, strategy=0.0, code=12.5))
    store.put_marks(made.marks(1, code=None))
    store.put_marks(made.marks(2)[:4])
    store.put_marks(made.marks(4, **dict.fromkeys(made.five, 0.0)))
    frame = store.scores("e")
    assert list(frame)[:6] == SEAM
    assert list(frame["score"].fillna(-1)) == [72.5, -1, -1, -1, 0.0, -1, -1]
    assert list(frame["status"]) == ["ok"] * 5 + ["failed", "pending"]
    assert list(frame["reason"]) == [
        "",
        "code has no points (no_json: prose only)",
        "marks cover 90 of 100 points",
        "not marked",
        "",
        "timeout: \\ud800",
        "",
    ]


def test_an_outcome_short_of_ok_keeps_its_reason_and_its_score(
    store: Store, made: SimpleNamespace
) -> None:
    made.register(store, 1)
    store.set_marking("e", "m", {})
    store.put([(made.request(0), Response(text="aaa", status="looped", reason="a, 3 times"))])
    store.put_marks(made.marks(0))
    row = store.scores("e").iloc[0]
    assert (row["score"], row["status"], row["reason"]) == (100.0, "looped", "a, 3 times")


@pytest.mark.parametrize("name", ["NA", "null", "nan", "None", "", "3.10", "on", "1e3"])
def test_names_stay_texts(store: Store, made: SimpleNamespace, name: str) -> None:
    made.register(store, 2, model=name, variant=name, task=name, family=name, cluster=name)
    row = store.scores("e").iloc[0]
    assert [row[column] for column in ("model", "variant", "task", "family", "cluster")] == [
        name
    ] * 5
    assert not store.scores("e")["model"].isna().any()


def test_figures_are_missing_where_nobody_told_them(store: Store, made: SimpleNamespace) -> None:
    made.register(store, 2)
    store.put([made.answer(0, prompt_tokens=0, seconds=0.0, usd=0.0), made.answer(1)])
    frame = store.scores("e")
    for column in ("prompt_tokens", "seconds", "usd"):
        assert frame[column].iloc[0] == 0
        assert pd.isna(frame[column].iloc[1])
    assert frame["prompt_tokens"].dtype == "Int64"


def test_equal_answers_have_equal_hashes(store: Store, made: SimpleNamespace) -> None:
    made.register(store, 3)
    store.put([(made.request(n), Response(text="same" if n else "other")) for n in range(3)])
    hashes = list(store.scores("e")["output_hash"])
    assert hashes[1] == hashes[2] != hashes[0]


def test_delivery_stands_beside_every_trial(store: Store, made: SimpleNamespace) -> None:
    trials = [made.trial(0), made.trial(1, variant="careful"), made.trial(2, variant="other")]
    store.register("e", digest="d", document={}, trials=trials, plan_digest="p")
    store.put_delivery("e", [Delivery(model="mid", variant="careful", state="undelivered")])
    assert list(store.scores("e")["delivery"]) == ["unknown", "undelivered", "unknown"]


def test_another_marking_gives_another_score_of_the_same_answers(
    store: Store, made: SimpleNamespace
) -> None:
    made.register(store, 1)
    store.put([made.answer(0)])
    store.set_marking("e", "m", {})
    store.put_marks(made.marks(0))
    store.set_marking("e", "strict", {})
    store.put_marks(made.marks(0, marking="strict", code=0.0))
    assert store.scores("e")["score"].tolist() == [70.0]
    assert store.scores("e", marking="m")["score"].tolist() == [100.0]


def test_every_trial_has_every_dimension(store: Store, made: SimpleNamespace) -> None:
    made.register(store, 4)
    store.set_marking("e", "m", {})
    store.put([made.answer(n) for n in range(3)])
    store.put_marks([*made.marks(0), *made.marks(1, code=None)])
    frame = store.dimension_scores("e")
    assert len(frame) == 4 * 5
    code = frame[frame["dimension"] == "code"]
    assert list(code["points"].fillna(-1)) == [30.0, -1, -1, -1]
    assert list(code["maximum"]) == [30.0] * 4
    assert list(code["status"]) == ["ok", "no_json", "unmarked", "pending"]


def test_ratings_are_those_of_the_marking_and_of_the_task(
    store: Store, made: SimpleNamespace
) -> None:
    key = made.request(0).key
    twin = made.trial(1, response_key=key)
    store.register("e", digest="d", document={}, trials=[made.trial(0), twin], plan_digest="p")
    store.put([made.answer(0)])

    def row(mark_key: str, scorer: str, **fields: Any) -> RatingRow:
        rating = Rating(scorer=scorer, dimension="code", **fields)
        return RatingRow(response_key=key, mark_key=mark_key, rating=rating)

    store.put_ratings(
        [
            row("a", "NA", criterion=0, points=3.0, flags=("self_family", "reasked")),
            row("a", "NA", criterion=1, points=None, status="no_nonce"),
            row("a", "NA", criterion=1, judgement=2, points=4.0),
            row("b", "judge/b", points=20.0),
        ]
    )
    store.set_marking("e", "m", {})
    with pytest.raises(SpecError, match="mark_keys"):
        store.ratings("e")
    store.set_marking("e", "m", {"mark_keys": ["a"]})
    frame = store.ratings("e")
    assert list(frame["judge"].unique()) == ["NA"]
    assert len(frame) == 6, "both trials share the answer and its ratings"
    first = frame.iloc[:3]
    assert list(first["criterion"]) == [0, 1, 1]
    assert list(first["judgement"]) == [1, 1, 2]
    assert list(first["points"].fillna(-1)) == [3.0, -1, 4.0]
    assert list(first["flags"]) == ["self_family,reasked", "", ""]
    assert store.raters("e") == {"NA": {"code"}}
    store.set_marking("e", "m2", {"mark_keys": {"digest-1": ["b"], "digest-0": []}})
    frame = store.ratings("e")
    assert list(zip(frame["task"], frame["judge"], strict=True)) == [("task-1", "judge/b")]
    assert pd.isna(frame["criterion"].iloc[0])
    assert store.raters("e") == {"judge/b": {"code"}}
    store.set_marking("e", "m3", {"mark_keys": ["of another experiment"]})
    assert store.raters("e") == {}


def _scores_slowly(
    trials: list[PlannedTrial], answered: set[str], marks: list[MarkRow]
) -> list[float | None]:
    """The obvious version of `scores`."""
    found: list[float | None] = []
    for trial in trials:
        mine = [
            mark.points
            for mark in marks
            if (mark.response_key, mark.task_digest) == (trial.response_key, trial.task_digest)
        ]
        whole = trial.response_key in answered and len(mine) == 5 and None not in mine
        found.append(sum(points for points in mine if points is not None) if whole else None)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_scores_agree_with_the_obvious_version(
    store: Store, made: SimpleNamespace, seed: int
) -> None:
    draw = random.Random(seed)
    trials = [made.trial(n) for n in range(60)]
    store.register("e", digest="d", document={}, trials=trials, plan_digest="p")
    store.set_marking("e", "m", {})
    answered = draw.sample(range(60), 45)
    store.put([made.answer(n) for n in answered])
    marks: list[MarkRow] = []
    for number in answered[:40]:
        points = {
            name: draw.choice([None, *[draw.uniform(0, top) for _ in range(9)]])
            for name, top in made.five.items()
        }
        rows = made.marks(number, **points)
        marks += rows if draw.random() < 0.9 else rows[:-1]
    store.put_marks(marks)
    store.put_marks(made.marks(answered[0], marking="other"))
    slow = _scores_slowly(trials, {made.request(n).key for n in answered}, marks)
    fast = store.scores("e")["score"]
    for expected, found in zip(slow, fast, strict=True):
        assert (expected is None) == math.isnan(found)
        assert expected is None or found == pytest.approx(expected, abs=1e-9)


def fill(store: Store, made: SimpleNamespace, count: int, text: str) -> None:
    """So many trials of 10 models, two arms and 100 tasks, answered and marked."""

    def planned(number: int) -> PlannedTrial:
        return made.trial(  # type: ignore[no-any-return]
            number,
            model=f"model-{number % 10}",
            variant=("baseline", "careful")[number // 10 % 2],
            task=f"task-{number // 20 % 100}",
            repetition=number // 2000 + 1,
        )

    store.register("e", digest="d", document={}, trials=map(planned, range(count)), plan_digest="p")
    store.set_marking("e", "m", {})
    for first in range(0, count, 500):
        numbers = range(first, min(first + 500, count))
        store.put([(made.request(n), Response(text=text, seconds=1.0)) for n in numbers])
        store.put_marks([mark for n in numbers for mark in made.marks(n, code=n % 31)])


def test_many_trials_give_their_table(store: Store, made: SimpleNamespace) -> None:
    fill(store, made, 2000, "short")
    frame = store.scores("e")
    assert list(frame["score"]) == [70.0 + n % 31 for n in range(2000)]
    assert frame.groupby(["model", "variant"]).size().eq(100).all()


@pytest.mark.slow
def test_a_table_of_100_000_trials_reads_no_text(
    path: Path, made: SimpleNamespace, child: Any
) -> None:
    with Store(path) as store:
        fill(store, made, 100_000, "a text of four thousand characters. " * 110)
    process = child(_MEASURED, path)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    rows, cpu_seconds, megabytes = (float(word) for word in out.split())
    assert rows == 100_000
    print(f"\nscores(): {cpu_seconds:.2f} s CPU, {megabytes:.0f} MB above pandas; ", path.stat())
    assert megabytes < 250, "440 MB of text lie in the file"


_MEASURED = """
import resource, sys, time
import pandas
from preamblelab.store import Store
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
with Store(sys.argv[1], read_only=True) as store:
    before, start = peak(), time.process_time()
    frame = store.scores("e")
    print(len(frame), time.process_time() - start, peak() - before)
"""


def test_a_finished_run_is_looked_through_without_pandas(
    path: Path, made: SimpleNamespace, child: Any
) -> None:
    with Store(path) as store:
        fill(store, made, 2000, "short")
    process = child(_NO_OP, path)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out.split() == ["2000", "0", "[]"]


_NO_OP = """
import sys
from preamblelab.store import Store
with Store(sys.argv[1]) as store, store.lock("run e"):
    store.register("e", digest="d", document={}, trials=(), plan_digest=store.plan_digest("e"))
    keys = [trial.response_key for trial in store.trials("e")]
    open_ = sum(1 for _ in store.unmarked("e", "m"))
    store.fingerprint("e")
    heavy = {"pandas", "numpy", "litellm", "dspy", "scipy", "aiohttp", "yaml"} & set(sys.modules)
    print(len(store.answered(keys)), open_, sorted(heavy))
"""


def test_means_of_dimensions_are_those_of_the_single_rows(
    store: Store, made: SimpleNamespace
) -> None:
    made.register(store, 4)
    store.set_marking("e", "m", {})
    store.put([made.answer(n) for n in range(4)])
    store.put_marks(made.marks(0, code=10.0))
    store.put_marks(made.marks(1, code=None))
    store.put_marks(made.marks(2, code=4.0))
    scores, fast = store.scores_and_means("e")
    pd.testing.assert_frame_equal(scores, store.scores("e"))
    single = store.dimension_scores("e").dropna(subset=["points"])
    place = ["model", "variant", "task", "dimension"]
    slow = single.groupby(place, sort=True)["points"].mean()
    pd.testing.assert_series_equal(
        fast.set_index(place)["points"].sort_index(), slow, check_index_type=False
    )
    assert not fast["maximum"].isna().any()


def test_trials_are_found_by_their_answers(store: Store, made: SimpleNamespace) -> None:
    made.register(store, 5)
    every = list(store.trials("e"))
    wanted = [every[3].response_key, every[1].response_key, "none"]
    assert store.trials_with("e", wanted) == [every[1], every[3]]
    assert store.trials_with("e", []) == []
