"""Imports: the published table comes out, a bad row is one line, nothing is ever half there."""

import csv
import gzip
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import preamblelab as pl
from preamblelab.errors import SpecError
from preamblelab.lab.exchange import row_files
from preamblelab.lab.exchange.importing import import_file
from preamblelab.lab.exchange.trial_rows import FIELDS, IGNORED
from preamblelab.lab.reporting import analyze
from preamblelab.store import Store

QWEN = "qwen2.5-coder:1.5b-base"

PUBLISHED = {
    "phi4:14b": (99, 98),
    "gemma3:4b": (95, 83),
    "deepseek-coder:6.7b": (35, 94),
    "phi4-mini:3.8b": (57, 66),
    QWEN: (15, 78),
    "deepcoder:1.5b": (43, 24),
}
"""Table of the first recorded run: baseline and with the preamble, of 100 points."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "runs.db") as store:
        yield store


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows as JSONL, or a text as it is."""

    def write(content: Any, name: str = "trials.jsonl") -> Path:
        if not isinstance(content, str | bytes):
            content = "".join(json.dumps(row) + "\n" for row in content)
        raw = content if isinstance(content, bytes) else content.encode()
        path = tmp_path / name
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return write


def trial(**fields: Any) -> dict[str, Any]:
    """A trial that can be imported, but for what a test changes."""
    row = {
        "experiment": "e",
        "model": "m",
        "variant": "careful",
        "task": "t1",
        "system": "Be careful.",
        "prompt": "Add two numbers.",
        "response": "def add(a, b): return a + b",
        "score": 50,
        **fields,
    }
    return {name: value for name, value in row.items() if value is not None}


def pair(**fields: Any) -> list[dict[str, Any]]:
    """A baseline trial, and one that a test changes."""
    return [trial(variant="baseline", system=None), trial(**fields)]


# The recorded runs


@pytest.fixture(scope="module")
def recorded(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("recorded") / "runs.db") as store:
        made = import_file(shared_data / "mimir_runs.jsonl.gz", store)
        assert made == ["mimir-1", "mimir-2", "mimir-3", "mimir-4"]
        yield store


def test_the_published_table_comes_out_with_what_is_wrong_with_it(recorded: Store) -> None:
    report = analyze(recorded, "mimir-1").to_dict()
    found = {row["model"]: (row["baseline_mean"], row["variant_mean"]) for row in report["models"]}
    assert found == PUBLISHED
    by_model = {row["model"]: row for row in report["models"]}
    assert {name: row["difference"] for name, row in by_model.items()} == {
        name: after - before for name, (before, after) in PUBLISHED.items()
    }
    # One task, asked once: no interval for any single model.
    assert all(row["low"] is None and row["high"] is None for row in by_model.values())
    assert {row["verdict"] for name, row in by_model.items() if name != QWEN} == {"refused"}
    assert by_model[QWEN]["effect"] is None
    (measured,) = report["recorded"]
    assert measured["baseline_mean"] == pytest.approx(57.333, abs=0.001)
    assert measured["variant_mean"] == pytest.approx(73.833, abs=0.001)
    assert measured["effect"] == pytest.approx(16.5)
    # Six differences, by hand: mean 16.5, sd 35.8, t 1.13 on 5 df, two-sided p 0.31.
    assert measured["effect"] / measured["se"] == pytest.approx(1.13, abs=0.005)
    assert (measured["df"], round(measured["p"], 2)) == (5, 0.31)
    assert measured["verdict"] == "undecided"
    assert "+16.5 points (57.3 to 73.8) over 6 models, of which 1 undelivered" in str(
        analyze(recorded, "mimir-1")
    ).replace("\n  ", " ")


@pytest.mark.parametrize(
    ("name", "baseline", "before", "after"),
    [
        ("mimir-1", "baseline-no-instructions", 57.333, 73.833),
        ("mimir-2", "baseline-no-instructions", 46.333, 76.667),
        ("mimir-3", "claudette-mini", 71.0, 45.0),
        ("mimir-4", "claudette-mini", 76.0, 45.0),
    ],
)
def test_each_run_has_its_baseline_and_its_means(
    recorded: Store, name: str, baseline: str, before: float, after: float
) -> None:
    report = analyze(recorded, name)
    assert report.baseline == baseline
    (measured,) = report.to_dict()["recorded"]
    assert measured["baseline_mean"] == pytest.approx(before, abs=0.001)
    assert measured["variant_mean"] == pytest.approx(after, abs=0.001)


def undelivered(store: Store) -> dict[str, set[str]]:
    return {
        entry.name: {d.model for d in store.deliveries(entry.name) if d.state == "undelivered"}
        for entry in store.experiments()
    }


def test_the_model_that_never_saw_its_preamble_is_flagged_and_nobody_else(recorded: Store) -> None:
    assert undelivered(recorded) == {f"mimir-{run}": {QWEN} for run in (1, 2, 3, 4)}


def test_without_the_prompts_beside_it_the_record_says_the_same(
    shared_data: Path, tmp_path: Path, store: Store
) -> None:
    shutil.copy(shared_data / "mimir_runs.jsonl.gz", tmp_path)
    import_file(tmp_path / "mimir_runs.jsonl.gz", store)
    assert undelivered(store) == {f"mimir-{run}": {QWEN} for run in (1, 2, 3, 4)}
    # Afterwards with them: the same answers must not seem to have come under two system texts.
    said: list[str] = []
    import_file(shared_data / "mimir_runs.jsonl.gz", store, say=said.append)
    assert said[0].startswith("mimir-1: brought up to date")
    assert undelivered(store) == {f"mimir-{run}": {QWEN} for run in (1, 2, 3, 4)}


def test_records_are_kept_as_they_are(recorded: Store) -> None:
    trials = {(t.model, t.variant): t for t in recorded.trials("mimir-1")}
    base = trials["deepcoder:1.5b", "baseline-no-instructions"]
    messages = recorded.messages(base.response_key)
    assert messages is not None
    assert [m["role"] for m in messages] == ["system", "user"]
    assert len(messages[0]["content"]) == 435
    assert "(435 characters), not none" in recorded.document("mimir-1")["question"]
    answer = recorded.response(base.response_key)
    assert answer is not None
    assert answer.text.startswith("<think>\n")
    assert (answer.estimated, answer.usd, answer.route) == (True, None, "imported")
    assert (answer.prompt_tokens, answer.seconds) == (913, 23.331)
    assert recorded.spend().calls == 0
    assert {m: t.size for (m, _), t in trials.items()} == {
        "phi4:14b": "large",
        "gemma3:4b": "mid",
        "deepseek-coder:6.7b": "mid",
        "phi4-mini:3.8b": "mid",
        QWEN: "tiny",
        "deepcoder:1.5b": "tiny",
    }
    ratings = recorded.ratings("mimir-1")
    assert set(ratings["judge"]) == {"imported/judge"}
    assert len(ratings) == 60
    maxima = recorded.dimension_scores("mimir-1").groupby("dimension")["maximum"].first()
    assert sorted(maxima) == [10, 15, 20, 25, 30]


def test_our_own_breaker_decides_what_looped_and_the_record_keeps_its_word(recorded: Store) -> None:
    looped = {}
    for run in (1, 2, 3, 4):
        for each in recorded.trials(f"mimir-{run}"):
            answer = recorded.response(each.response_key)
            assert answer is not None
            if answer.status == "looped":
                looped[run, each.model, each.variant] = answer
    # The record's limit on tokens saw three of these, and missed the two under claudette-tiny.
    assert {place: "breaker_recorded" in a.flags for place, a in looped.items()} == {
        (1, "deepcoder:1.5b", "claudette-mini"): True,
        (1, QWEN, "baseline-no-instructions"): True,
        (2, QWEN, "baseline-no-instructions"): True,
        (3, QWEN, "claudette-tiny"): False,
        (4, QWEN, "claudette-tiny"): False,
    }
    first = looped[1, QWEN, "baseline-no-instructions"]
    assert first.loop is not None
    assert (first.loop["onset"], first.loop["period"]) == (188, 832)
    assert "Output tokens (96820) exceeded limit (5000)" in first.reason


def test_importing_twice_changes_nothing_and_says_so(recorded: Store, shared_data: Path) -> None:
    before = recorded.fingerprint("mimir-1")
    said: list[str] = []
    import_file(shared_data / "mimir_runs.jsonl.gz", recorded, say=said.append)
    assert said == [f"mimir-{run}: already imported, nothing changed" for run in (1, 2, 3, 4)]
    assert recorded.fingerprint("mimir-1") == before
    assert recorded.verify() == []


def test_imported_answers_can_be_marked_anew(shared_data: Path, store: Store) -> None:
    import_file(shared_data / "mimir_runs.jsonl.gz", store)
    remarked = pl.score("mimir-2", store, rubric="coding")
    assert remarked.rubric == "coding"
    assert remarked.scores["score"].notna().all()
    assert len(store.markings("mimir-2")) == 2
    before = store.fingerprint("mimir-2")
    import_file(shared_data / "mimir_runs.jsonl.gz", store)
    assert store.fingerprint("mimir-2") == before, "an import took a newer marking's place"


def test_a_record_whose_scores_do_not_add_up_is_refused(
    shared_data: Path, store: Store, write: Callable[..., Path]
) -> None:
    with gzip.open(shared_data / "mimir_runs.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    rows[7]["total"] += 5
    with pytest.raises(SpecError, match=r"r\.jsonl:8: total: 71, and the scores add up to 66"):
        import_file(write(rows, "r.jsonl"), store)
    assert store.experiments() == []


# Our own shapes


def test_a_table_of_scores_gives_the_effects_of_that_table(
    store: Store, write: Callable[..., Path]
) -> None:
    table = pl.simulate_scores(models=3, tasks=6, repetitions=2, effect=4.0, seed=5)
    columns = ["model", "variant", "task", "repetition", "score"]
    path = write(table[columns].to_csv(index=False), "s.csv")
    assert import_file(path, store) == ["s"]
    ours = analyze(store, "s").effects.set_index(["model", "variant"])
    theirs = pl.effects(table).set_index(["model", "variant"])
    for column in ("effect", "se", "low", "high", "n_tasks"):
        assert list(ours[column]) == pytest.approx(list(theirs[column]), nan_ok=True)
    # A text that is not known is not the same text again and again.
    assert ours["distinct_outputs"].min() == 2


def test_names_stay_names_and_only_an_empty_score_is_missing(
    store: Store, write: Callable[..., Path]
) -> None:
    text = (
        "model,variant,task,repetition,score\n"
        "NA,baseline,null,1,0\nNA,nan,null,1,\nNA,baseline,None,1,40.5\nNA,nan,None,1,1e1\n"
    )
    import_file(write(text, "names.csv"), store, name="odd")
    scores = store.scores("odd")
    assert list(scores["model"]) == ["NA"] * 4
    assert list(scores["variant"]) == ["baseline", "nan"] * 2
    assert list(scores["task"]) == ["null", "null", "None", "None"]
    assert scores["score"].isna().tolist() == [False, True, False, False]
    assert scores["score"].dropna().tolist() == [0.0, 40.5, 10.0]
    assert scores["status"].tolist() == ["ok", "failed", "ok", "ok"]


def test_scores_by_dimension_with_their_maxima(store: Store, write: Callable[..., Path]) -> None:
    text = (
        "model,variant,task,score_right,score_short,maximum_right,maximum_short\n"
        "m,baseline,t,40,30,60,40\nm,brief,t,50,,60,40\n"
    )
    import_file(write(text, "d.csv.gz"), store)
    scores = store.scores("d")
    assert scores["score"].tolist()[0] == 70
    assert scores["score"].isna().tolist() == [False, True]
    assert scores["reason"][1] == "short has no points (unmarked: no points in the file)"


def test_the_shipped_dimensions_need_no_maxima(store: Store, write: Callable[..., Path]) -> None:
    five = {
        "problem_analysis": 20,
        "code_completeness": 30,
        "test_coverage": 25,
        "code_quality": 15,
        "strategy_explanation": 10,
    }
    less = {**five, "code_quality": 0}
    rows = [
        trial(score=None, scores=five),
        trial(variant="baseline", system=None, score=None, scores=less),
    ]
    import_file(write(rows), store)
    assert store.scores("e")["score"].tolist() == [100, 85]


def test_a_file_may_hold_several_experiments(store: Store, write: Callable[..., Path]) -> None:
    rows = [*pair(), *({**row, "experiment": "f"} for row in pair())]
    path = write(rows)
    with pytest.raises(SpecError, match=r"holds 2 experiments \(e, f\)"):
        import_file(path, store, name="g")
    assert import_file(path, store) == ["e", "f"]


def test_the_breaker_looks_at_what_a_file_calls_ok(
    store: Store, write: Callable[..., Path]
) -> None:
    endless = "It works like this:\n" + "then we check the address once more, and again.\n" * 80
    import_file(write(pair(response=endless, status="ok")), store)
    assert store.scores("e")["status"].tolist() == ["ok", "looped"]


@pytest.mark.parametrize(("vouched", "state"), [(True, "undelivered"), (None, "unknown")])
def test_foreign_token_counts_are_evidence_only_when_the_file_vouches_for_them(
    store: Store, write: Callable[..., Path], vouched: bool | None, state: str
) -> None:
    more = {"prompt_tokens": 10, "estimated": False if vouched else None}
    rows = [
        trial(variant="baseline", system=None, **more),
        trial(system="Be careful. " * 40, response="another answer", **more),
    ]
    import_file(write(rows), store)
    assert {d.state for d in store.deliveries("e")} == {state}


def test_arms_that_were_asked_differently_are_mentioned(
    store: Store, write: Callable[..., Path]
) -> None:
    said: list[str] = []
    import_file(write(pair(prompt="Be brief. Add two numbers.", extra=1)), store, say=said.append)
    assert any("not all arms were asked the same user message" in line for line in said)
    assert any("not read: extra" in line for line in said)


BAD: list[tuple[str, Any, str]] = [
    ("empty", "", "the file is empty"),
    ("array", "[1]", r":1: a JSON array; write one object on each line"),
    ("cut", '{"model": "m"', r":1: not one whole JSON object"),
    ("whole", '{\n "stats": {},\n "rows": [\n1]\n}', r"one JSON object \(stats, rows\), and"),
    ("deep", '{"a":' + "[" * 100_000, r":1: (nested too deeply|not one whole)"),
    ("nan", '{"score": NaN}', r":1: NaN is no number in JSON"),
    ("double", '{"model": "a", "model": "b"}', r":1: 'model' stands twice"),
    ("latin", b'{"model": "caf\xe9"}', r":1: not UTF-8 text"),
    ("utf16", "{}".encode("utf-16"), "UTF-16"),
    ("zip", b"PK\x03\x04....", "a zip or spreadsheet file"),
    ("nothing", "{}\n", r":1: model: every row needs one"),
    ("list", "{}\n3\n", r":2: a row is a JSON object, \{...\}, not '3'"),
    ("typo", pair(repetitions=2), r":2: no field is called 'repetitions'; did you mean"),
    ("type", pair(model=5), r":2: model: must be a text in quotes, not 5"),
    ("score", pair(score=101), r":2: score: 101 is out of range: it must be 0 to 100"),
    ("word", pair(score="high"), r":2: score: must be a number, not 'high'"),
    ("true", pair(score=True), r":2: score: must be a number, not 'True'"),
    ("task", pair(task="Human/0"), r":2: task: 'Human/0' is no name: .* as in 'Human-0'"),
    ("invisible", pair(model="a\u202eb"), r":2: model: .* cannot be a name"),
    ("surrogate", pair(model="a\ud800"), r":2: model: .* cannot be a name"),
    ("status", pair(status="good"), r":2: status: 'good' is none of: ok, truncated"),
    ("failed", pair(status="failed"), r":2: score: a trial that is 'failed' has no answer"),
    ("twice", [*pair(), trial()], r":3: repetition: the same trial as line 2"),
    ("alone", [trial()], r":1: baseline: which of careful is it\?"),
    ("one arm", [trial(variant="baseline", system=None)], r":1: variant: 'e' has only 'baseline'"),
    ("not bare", [*pair(), trial(variant="baseline", task="t2")],
     r":3: variant: 'baseline' means no system"),
    ("baseline", pair(baseline="none"), r"baseline: no row has the variant 'none'"),
    ("maxima", pair(score=None, scores={"a": 5}), r"maxima: how many points has each of a\?"),
    ("sum", pair(score=None, scores={"a": 5}, maxima={"a": 50}), r"maxima: .*add up to 50"),
    (
        "beyond",
        [
            trial(score=None, scores={"a": 60}, maxima={"a": 50, "b": 50}),
            trial(variant="baseline", system=None, score=None),
        ],
        r":1: scores: a has 60 of 50 points",
    ),
    ("mixed", [*pair(), trial(task="t2", score=None, scores={"a": 1}, maxima={"a": 100})],
     r":1: scores: other rows have scores by dimension"),
    ("two sizes", [*pair(size="mid"), trial(task="t2", size="tiny")],
     r":3: size: 'tiny', and line 2 has 'mid'; one model has one size"),
    ("rating", pair(ratings=[{"scorer": "j", "dimension": "score", "points": -1}]),
     r":2: ratings: points: -1 is out of range"),
    ("csv cells", "model,variant,task\nm,baseline\n", r":2: 2 cells under a header of 3"),
    ("csv number", "model,variant,task,score\nm,baseline,t,1\nm,a,t,\"1,5\"\n",
     r":3: score: '1,5' is no number"),
    ("csv header", "model,model\n", r":1: two columns are called 'model'"),
    ("csv line", 'model,variant,task,score\nm,baseline,"t\n1",1\nm,a,t,x\n', r":2: task: "),
]  # fmt: skip


@pytest.mark.parametrize(("content", "message"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_bad_row_is_one_line_that_names_it_and_nothing_is_stored(
    store: Store, write: Callable[..., Path], content: Any, message: str
) -> None:
    path = write(content)
    with pytest.raises(SpecError, match=message) as caught:
        import_file(path, store)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert store.experiments() == []
    assert store.answered([]) == set()
    with store._reading("count") as connection:
        assert connection.execute("SELECT count(*) FROM responses").fetchone() == (0,)


def test_a_gzip_bomb_and_a_huge_file_are_refused(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_files, "RATIO_COUNTS_FROM", 3_000_000)
    bomb = tmp_path / "bomb.jsonl.gz"
    bomb.write_bytes(gzip.compress(b" " * 6_000_000))
    with pytest.raises(SpecError, match="unpacks to more than 1000 times its size"):
        import_file(bomb, store)
    monkeypatch.setattr(row_files, "MAX_BYTES", 1000)
    for name, content in (("big.csv", b"a" * 1001), ("big.csv.gz", gzip.compress(b"a" * 1001))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SpecError, match="more than 1,000 bytes"):
            import_file(tmp_path / name, store)


def test_a_cut_gzip_file_a_folder_and_a_pipe_are_refused(store: Store, tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(json.dumps(trial()).encode())[:-9])
    os.mkfifo(tmp_path / "pipe.jsonl")
    for path, message in (
        (cut, "a damaged gzip file"),
        (tmp_path, "not a regular file"),
        (tmp_path / "pipe.jsonl", "not a regular file"),
        (tmp_path / "none.jsonl", "no such file"),
    ):
        with pytest.raises(SpecError, match=message):
            import_file(path, store)


def test_a_csv_as_other_programs_write_it(store: Store, write: Callable[..., Path]) -> None:
    text = (
        '\ufeffmodel,variant,task,response,score\r\nm,baseline,t,"a,\r\nb",1\r\nm,v,t,c,2\r\n\r\n'
    )
    limit = csv.field_size_limit()
    import_file(write(text, "x.csv"), store)
    answers = [store.response(t.response_key) for t in store.trials("x")]
    assert [a.text for a in answers if a is not None] == ["a,\r\nb", "c"]
    assert csv.field_size_limit() == limit


def test_an_experiment_of_our_own_is_never_replaced(
    store: Store, write: Callable[..., Path]
) -> None:
    store.register("e", digest="d", document={"question": ""}, trials=[], plan_digest="p")
    with pytest.raises(SpecError, match="already holds an experiment 'e' that was not imported"):
        import_file(write(pair()), store)
    assert import_file(write(pair()), store, name="other") == ["other"]


def test_a_corrected_file_brings_its_experiment_up_to_date(
    store: Store, write: Callable[..., Path]
) -> None:
    import_file(write(pair()), store)
    said: list[str] = []
    import_file(write([*pair(score=80), trial(task="t2", repetition=2)]), store, say=said.append)
    assert said[0] == "e: brought up to date: 3 trials of 1 model (3 ok)"
    assert store.scores("e")["score"].tolist() == [50, 80, 50]


@pytest.mark.parametrize("step", ["put_ratings", "put_marks", "register", "set_marking"])
def test_an_interrupted_import_is_completed_by_the_next(
    store: Store, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = write(pair())
    with monkeypatch.context() as patch:
        patch.setattr(store, step, lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            import_file(path, store)
    assert store.experiments() == [], "seen before it was whole"
    import_file(path, store)
    assert store.scores("e")["score"].tolist() == [50, 50]
    assert store.verify() == []


def test_the_documented_fields_are_those_that_are_read(project_root: Path) -> None:
    text = (project_root / "docs" / "formats.md").read_text("utf-8")
    table = text.partition("## Trials: all fields")[2].partition("## Ratings")[0]
    first_cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    documented = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert documented == set(FIELDS) | IGNORED


def test_the_smallest_documented_file_can_be_imported(
    store: Store, write: Callable[..., Path], project_root: Path
) -> None:
    text = (project_root / "docs" / "formats.md").read_text("utf-8")
    example = text.partition("```csv\n")[2].partition("```")[0]
    import_file(write(example, "smallest.csv"), store)
    assert analyze(store).to_dict()["models"][0]["difference"] == 13.5
