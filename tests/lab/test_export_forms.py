"""Every form of an export says the same; build servers read verdicts; no cell is a formula."""

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import preamblelab as pl
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.errors import MissingExtraError, SpecError
from preamblelab.lab.exporting import export_experiment, verdict_suite
from preamblelab.lab.reporting import analyze
from preamblelab.store import Delivery, MarkRow, PlannedTrial, Store

EFFECTS = {"helped": 12.0, "harmed": -12.0, "same": 0.0, "unread": 5.0}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Clear effects over ten tasks; one model never got its preamble, one answer is hostile."""
    with Store(tmp_path_factory.mktemp("export") / "runs.db") as store:
        rows, trials, marks = [], [], []
        for number, (model, effect) in enumerate(EFFECTS.items()):
            spec = ModelSpec(id=f"openai/{model}", name=model)
            for place, variant in enumerate(("baseline", "x")):
                for task in range(10):
                    request = Request(
                        model=spec,
                        messages=({"role": "user", "content": f"{task} {variant}"},),
                    )
                    text = "=1+1" if (number, place, task) == (0, 0, 0) else f"{model} {task}"
                    rows.append((request, Response(text=text, usd=0.25, seconds=1.5)))
                    trials.append(
                        PlannedTrial(
                            ordinal=len(trials), model=model, size="mid", variant=variant,
                            task=f"t{task}", task_digest=f"d{task}", response_key=request.key,
                            simulated=True,
                        )
                    )  # fmt: skip
                    points = 50 + task + 0.3 * ((task * 7 + place * 3) % 5) + effect * place
                    marks.append(
                        MarkRow(
                            response_key=request.key, task_digest=f"d{task}", marking="m",
                            dimension="all", points=points, maximum=100.0,
                        )
                    )  # fmt: skip
        document = {"name": "e", "question": "why?", "baseline": "baseline", "variants": ["x"]}
        document["models"] = [{"id": f"openai/{name}", "name": name} for name in EFFECTS]
        store.put(rows)
        store.register("e", digest="d", document=document, trials=trials, plan_digest="p")
        store.set_marking("e", "m", {"mark_keys": [], "rubric": {"name": "r"}})
        store.put_marks(marks)
        store.put_delivery("e", [Delivery(model="unread", variant="x", state="undelivered")])
        yield store


def written(store: Store, form: str, **more: str) -> str:
    stream = io.StringIO()
    export_experiment(store, "e", stream, format=form, **more)
    return stream.getvalue()


@pytest.mark.parametrize("what", ["trials", "effects"])
def test_json_csv_and_parquet_hold_the_same_rows(store: Store, tmp_path: Path, what: str) -> None:
    lines = [json.loads(line) for line in written(store, "jsonl", what=what).splitlines()]
    assert json.loads(written(store, "json", what=what)) == lines
    table = list(csv.DictReader(io.StringIO(written(store, "csv", what=what))))
    pq = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "rows.parquet"
    assert export_experiment(store, "e", file, format="parquet", what=what) == len(lines)
    typed = pq.read_table(file).to_pylist()
    assert len(table) == len(typed) == len(lines)
    for line, cells, values in zip(lines, table, typed, strict=True):
        assert list(cells) == list(values)
        for name, value in values.items():
            if isinstance(line.get(name), int | float | str):
                assert value == line[name]
            if isinstance(value, float):
                assert float(cells[name]) == value
            elif value is None:
                assert cells[name] == ""


def test_effects_are_those_of_the_report_with_the_overall_row_last(store: Store) -> None:
    report = analyze(store, "e")
    rows = json.loads(written(store, "json", what="effects"))
    assert [row["model"] for row in rows] == [*EFFECTS, "all models"]
    for row, told in zip(rows, report.effects.to_dict("records"), strict=False):
        assert row["verdict"] == told["verdict"]
        assert ("effect" in row) == (told["effect"] == told["effect"])
        assert row["simulated"] is True


def test_a_build_server_sees_each_verdict_as_a_test_case(store: Store) -> None:
    suite = ET.fromstring(written(store, "junit"))[0]
    seen = {
        case.get("classname"): next((child.tag for child in case if child.tag != "properties"), "")
        for case in suite
        if case.tag == "testcase"
    }
    # A passed case has its words under system-out.
    assert seen == {"helped": "system-out", "harmed": "failure", "same": "system-out",
                    "unread": "error"}  # fmt: skip
    assert suite.find("properties/property[@name='simulated']").get("value") == "true"
    with pytest.raises(SpecError, match="junit tells verdicts, not trials"):
        written(store, "junit", what="trials")


def test_an_open_verdict_is_skipped_with_what_would_decide_it() -> None:
    scores = pl.simulate_scores(effect=2.0, models=1, tasks=4, repetitions=1, seed=3)
    (case,) = verdict_suite(pl.Report(experiment="e", scores=scores)).cases
    assert case.outcome == "skipped"
    assert case.message.startswith("undecided: ")


def test_markdown_is_for_people(store: Store) -> None:
    lines = written(store, "md", what="trials").splitlines()
    head = [cell.strip() for cell in lines[0].strip("|").split("|")]
    assert "score" in head
    assert not {"prompt", "response", "cluster"} & set(head), "no long texts, no empty columns"
    assert len(lines) == 2 + 80


def test_a_formula_is_a_text_in_csv_only(store: Store, tmp_path: Path) -> None:
    first = next(csv.DictReader(io.StringIO(written(store, "csv"))))
    assert first["response"] == "'=1+1"
    assert json.loads(written(store, "jsonl").splitlines()[0])["response"] == "=1+1"
    table = list(csv.reader(io.StringIO(written(store, "csv", what="effects"))))
    lows = [row[table[0].index("low")] for row in table[1:]]
    assert any(low.startswith("-") for low in lows), "a negative number stays a number"


def test_parquet_needs_pyarrow_and_a_file(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SpecError, match="parquet is no text: name a file"):
        written(store, "parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'preamblelab\[parquet\]'"):
        export_experiment(store, "e", tmp_path / "x.parquet", format="parquet")
    assert list(tmp_path.iterdir()) == [], "nothing half written is left"
