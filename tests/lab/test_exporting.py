"""Exports: what is written and read again gives the same scores, outcomes and report."""

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import preamblelab as pl
from preamblelab.domain.base import content_digest
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Rating, Request, Response
from preamblelab.errors import SpecError, StoreError
from preamblelab.lab.exchange.importing import import_file
from preamblelab.lab.exporting import export_experiment
from preamblelab.lab.reporting import analyze
from preamblelab.store import Delivery, MarkRow, PlannedTrial, RatingRow, Store

pytestmark = pytest.mark.whole

STATUSES = ("ok", "truncated", "looped", "refused", "empty", "failed", None)
ADDRESSES = {"response_key"}

TEXTS = st.text(
    alphabet=st.one_of(
        st.characters(),  # with surrogates, controls and NUL
        st.sampled_from("=+-@\t\r\n\0\"',;\u2028\u202e\x85\ud800😀\u200d"),
    ),
    max_size=40,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "runs.db") as store:
        yield store


def fill(store: Store, texts: list[str], points: list[float | None]) -> None:
    """An experiment `e` as a run leaves it: two arms, every outcome, a judge and a delivery."""
    models = [
        {"id": "sim/mid-4b", "name": "mid"},
        {"id": "openai/x", "name": "x", "size": "large"},
    ]
    document = {
        "name": "e",
        "question": "Does it help?",
        "models": models,
        "baseline": "baseline",
        "variants": ["careful:tiny+brief"],
    }
    trials, answers, marks, ratings = [], [], [], []
    for number, (text, share) in enumerate(zip(texts, points, strict=True)):
        model = ModelSpec.model_validate(models[number % 2])
        variant = document["variants"][0] if number // 2 % 2 else "baseline"
        system = ({"role": "system", "content": f"Careful.{text}"},) if number // 2 % 2 else ()
        task = f"t{number // 4}"
        status = STATUSES[number % len(STATUSES)]
        request = Request(
            model=model,
            messages=(*system, {"role": "user", "content": f"{task} {text}"}),
            settings={"temperature": 0.5},
        )
        trials.append(
            PlannedTrial(
                ordinal=number,
                model=model.name,
                size="mid" if number % 2 == 0 else "large",
                family="sim" if number % 2 == 0 else None,
                variant=str(variant),
                part="tiny" if system else "",
                version="1.2" if system else "",
                task=task,
                task_digest=f"d{task}",
                cluster="c" if number < 4 else None,
                response_key=request.key,
                simulated=model.simulated,
            )
        )
        if status is None:
            continue
        answers.append((request, response(number, text, status)))
        if status == "failed":
            continue
        for dimension, maximum in (("right", 70), ("short", 30)):
            part = None if share is None and dimension == "short" else (share or 0) / 100
            mark = Rating(
                scorer="judge/j",
                dimension=dimension,
                criterion=0,
                points=None if part is None else part * maximum,
                status="no_json" if part is None else "ok",
                reason="prose only" if part is None else "",
                evidence=(text,),
                flags=("reasked",),
            )
            key = content_digest([task])
            ratings.append(RatingRow(response_key=request.key, mark_key=key, rating=mark))
            marks.append(
                MarkRow(
                    response_key=request.key,
                    task_digest=f"d{task}",
                    marking="m",
                    dimension=dimension,
                    points=mark.points,
                    maximum=maximum,
                    status=mark.status,
                    reason=mark.reason,
                )
            )
    store.put(answers)
    store.put_ratings(ratings)
    store.put_marks(marks)
    store.register("e", digest="d", document=document, trials=trials, plan_digest="p")
    keys = {f"dt{n}": [content_digest([f"t{n}"])] for n in range(len(texts) // 4 + 1)}
    store.set_marking(
        "e", "m", {"rubric": {"name": "two"}, "judges": {"judge/j": {}}, "mark_keys": keys}
    )
    told = {"state": "undelivered", "reasons": ["dropped"], "notes": ["n"], "evidence": {"a": 1}}
    store.put_delivery(
        "e",
        [
            Delivery(
                model="x",
                variant="careful:tiny+brief",
                state="undelivered",
                reasons=("dropped", "n"),
                evidence={"probe": told},
            )
        ],
    )


def response(number: int, text: str, status: Any) -> Response:
    return Response(
        text="" if status in {"empty", "failed"} else text,
        status=status,
        reason="" if status == "ok" else f"server: {number}",
        reasoning=text if number % 3 == 0 else "",
        finish="stop",
        prompt_tokens=100 + number,
        completion_tokens=number,
        estimated=number % 2 == 0,
        usd=0.25 if number % 2 else None,
        seconds=1.5,
        first_token_seconds=0.25,
        served_model=text or None,
        route="direct/openai",
        loop={"level": "line", "onset": 3} if status == "looped" else None,
        tool_calls=({"name": text},) if number % 5 == 0 else (),
        flags=("unknown_finish",),
        attempts=2,
    )


def told(store: Store, name: str = "e") -> dict[str, Any]:
    """All that an import must give back; addresses and where the store lies are its own."""
    ratings = store.ratings(name).drop(columns=["response_key", "judge_response_key"])
    columns = [c for c in store.scores(name).columns if c not in ADDRESSES]
    answers = []
    for trial in store.trials(name):
        answer = store.response(trial.response_key)
        answers.append(None if answer is None else (answer.text, answer.reasoning, answer.loop))
    return {
        "scores": store.scores(name)[columns].to_json(orient="records", double_precision=15),
        "dimensions": store.dimension_scores(name).drop(columns=["response_key"]).to_json(),
        "ratings": ratings.to_json(orient="records"),
        "answers": answers,
        "messages": [store.messages(trial.response_key) for trial in store.trials(name)],
        "deliveries": [(d.model, d.variant, d.state, d.reasons) for d in store.deliveries(name)],
    }


CASES = st.lists(
    st.tuples(TEXTS, st.one_of(st.none(), st.integers(0, 1000).map(lambda n: n / 10))),
    min_size=8,
    max_size=8,
)
ATTACKS = ["\ud800", "a\0b", "=HYPERLINK(1)", "😀\u200d", "\u2028x\x85", "\r\n", "'=1", '{"a":1}']


@pytest.mark.whole
@settings(max_examples=20, deadline=None)
@given(CASES)
@example([(text, 40.0) for text in ATTACKS])
@example([(text, None) for text in reversed(ATTACKS)])
@example([("", None)] * 8)
def test_a_trial_export_loses_nothing_that_a_report_rests_on(cases: list[Any]) -> None:
    texts, points = [text for text, _ in cases], [given for _, given in cases]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "e.jsonl"
        with Store(Path(folder) / "a.db") as first, Store(Path(folder) / "b.db") as second:
            fill(first, texts, points)
            assert export_experiment(first, "e", path) == len(texts)
            import_file(path, second)
            before, after = told(first), told(second)
            # A review of the answers joins what the run's own probe had found.
            wanted = dict.fromkeys(before["deliveries"])
            assert [d for d in after["deliveries"] if d in wanted] == list(wanted)
            for name in before.keys() - {"deliveries", "messages"}:
                assert after[name] == before[name], name
            asked = [m for m in before["messages"] if m is not None]
            assert [m for m in after["messages"] if m is not None] == asked
            assert second.verify() == []


def test_a_second_export_is_the_first_but_for_addresses_and_route(
    store: Store, tmp_path: Path
) -> None:
    fill(store, ATTACKS, [10.0] * 8)
    export_experiment(store, "e", tmp_path / "one.jsonl")
    with Store(tmp_path / "second.db") as second:
        import_file(tmp_path / "one.jsonl", second)
        export_experiment(second, "e", tmp_path / "two.jsonl")
    one, two = (
        [json.loads(line) for line in (tmp_path / name).read_text("ascii").splitlines()]
        for name in ("one.jsonl", "two.jsonl")
    )
    own = {"response_key", "route", "delivery", "system", "prompt", "messages"}
    for before, after in zip(one, two, strict=True):
        assert {n: v for n, v in after.items() if n not in own} == {
            n: v for n, v in before.items() if n not in own
        }


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_cells_that_a_spreadsheet_would_run_are_made_texts(store: Store) -> None:
    attacks = ["=1+1", "+1", "-1", "@a", "\t=1", ' "=1', "\uff1d1", "plain"]
    fill(store, attacks, [50.0] * 8)
    safe, raw = io.StringIO(), io.StringIO()
    assert export_experiment(store, "e", safe, format="csv") == 8
    export_experiment(store, "e", raw, format="csv", raw=True)
    for row in rows_of(safe.getvalue()):
        for cell in row.values():
            number = cell.replace(".", "").isdigit()
            assert (
                number
                or not cell.lstrip(" \"'\n").startswith(("=", "+", "-", "@", "\t", "\uff1d"))
                or cell.startswith("'")
            )
    shown = [row["response"] for row in rows_of(raw.getvalue())]
    assert shown[:4] == ["=1+1", "+1", "-1", "@a"]
    assert [row["score"] for row in rows_of(safe.getvalue())][:2] == ["50.0", "50.0"]


def test_a_csv_keeps_scores_and_outcomes_and_shows_what_it_cannot_hold(
    store: Store, tmp_path: Path
) -> None:
    fill(store, ATTACKS, [12.5, None] * 4)
    export_experiment(store, "e", tmp_path / "e.csv", format="csv")
    text = (tmp_path / "e.csv").read_bytes().decode("utf-8")
    rows = rows_of(text)
    assert rows[0]["response"] == "\\ud800"
    assert rows[1]["response"] == "a\\x00b"
    assert rows[2]["response"] == "'=HYPERLINK(1)"
    with Store(tmp_path / "second.db") as second:
        import_file(tmp_path / "e.csv", second)
        ours, theirs = store.scores("e"), second.scores("e")
        for column in ("model", "variant", "task", "size", "status", "cluster", "usd", "seconds"):
            assert (
                theirs[column].tolist()[:4] == pytest.approx(ours[column].tolist()[:4], nan_ok=True)
                if column in {"usd", "seconds"}
                else (theirs[column].tolist() == ours[column].tolist())
            )
        assert theirs["score"].isna().tolist() == ours["score"].isna().tolist()
        assert theirs["score"].dropna().tolist() == ours["score"].dropna().tolist()
        # The apostrophe of a safe cell is taken off again.
        answer = second.response([t.response_key for t in second.trials("e")][2])
        assert answer is not None
        assert answer.text == "=HYPERLINK(1)"


def test_ratings_are_one_row_each_with_their_evidence(store: Store) -> None:
    fill(store, ATTACKS, [10.0, None] * 4)
    lines, table = io.StringIO(), io.StringIO()
    count = export_experiment(store, "e", lines, what="ratings")
    assert count == export_experiment(store, "e", table, format="csv", what="ratings")
    rows = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert len(rows) == count == len(store.ratings("e")) == 12
    assert rows[0] == {
        "experiment": "e",
        "model": "mid",
        "variant": "baseline",
        "task": "t0",
        "repetition": 1,
        "scorer": "judge/j",
        "judgement": 1,
        "dimension": "right",
        "criterion": 0,
        "points": 7.0,
        "status": "ok",
        "evidence": ["\ud800"],
        "flags": ["reasked"],
        "response_key": rows[0]["response_key"],
    }
    missing = [row for row in rows if row["status"] == "no_json"]
    assert missing
    assert all("points" not in row and row["reason"] == "prose only" for row in missing)
    assert rows_of(table.getvalue())[0]["evidence"] == '["\\ud800"]'


def test_a_file_is_written_whole_or_not_at_all(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, ATTACKS, [10.0] * 8)
    target = tmp_path / "out.jsonl"
    target.write_text("before")
    with monkeypatch.context() as patch:
        patch.setattr(store, "messages", lambda _: (_ for _ in ()).throw(StoreError("disk")))
        with pytest.raises(StoreError, match="disk"):
            export_experiment(store, "e", target)
    assert target.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir() if "out.jsonl" in p.name] == ["out.jsonl"]
    with pytest.raises(StoreError, match="cannot be written"):
        export_experiment(store, "e", tmp_path / "none" / "out.jsonl")
    with pytest.raises(SpecError, match="no experiment named 'f'"):
        export_experiment(store, "f", target)


@pytest.mark.whole
def test_recorded_runs_come_back_from_their_export(
    shared_data: Path, store: Store, tmp_path: Path
) -> None:
    import_file(shared_data / "mimir_runs.jsonl.gz", store)
    with Store(tmp_path / "second.db") as second:
        for run in (1, 2, 3, 4):
            export_experiment(store, f"mimir-{run}", tmp_path / "run.jsonl")
            import_file(tmp_path / "run.jsonl", second)
        for run in (1, 4):
            assert told(second, f"mimir-{run}") == told(store, f"mimir-{run}")
            before, after = (analyze(each, f"mimir-{run}").to_dict() for each in (store, second))
            # Where the store lies is a fact of its own.
            assert {**after, "facts": None} == {**before, "facts": None}


def test_a_run_of_our_own_comes_back_with_the_same_report(store: Store, tmp_path: Path) -> None:
    def client(asked: pl.Trial) -> pl.Response:
        words = "def total(numbers):\n    return sum(numbers)\n" * (1 + asked.repetition)
        return pl.Response(text=f"{asked.task.name} {asked.variant.label}\n{words}", usd=0.0)

    experiment = pl.load_experiment("quickstart")
    # Variants in another order than that of the first trials.
    assert len(experiment.variants) > 1
    pl.run(experiment, store, client=client, limit=80)
    export_experiment(store, experiment.name, tmp_path / "run.jsonl")
    with Store(tmp_path / "second.db") as second:
        import_file(tmp_path / "run.jsonl", second)
        before, after = (analyze(each, experiment.name).to_dict() for each in (store, second))
        for row in before["models"]:
            # Published truths belong to the shipped suite; an import knows only its answers.
            row.pop("true_effect")
        assert {**after, "facts": None} == {**before, "facts": None}
        assert after["simulated"]
        assert told(second, experiment.name)["ratings"] == told(store, experiment.name)["ratings"]
