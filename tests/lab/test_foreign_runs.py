"""Runs of other tools: files that inspect_ai and promptfoo wrote, read and judged like our own.

`python -m tests.lab.foreign.make` made the files, with those tools.
"""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from preamblelab.errors import MissingExtraError, SpecError
from preamblelab.lab.exchange import packed
from preamblelab.lab.exchange.foreign_exports import literal
from preamblelab.lab.exchange.foreign_scores import best_values, share_of
from preamblelab.lab.exchange.importing import import_file
from preamblelab.lab.exporting import export_experiment
from preamblelab.lab.reporting import analyze
from preamblelab.store import Store

FOLDER = Path(__file__).resolve().parent / "foreign"
LOGS = (FOLDER / "inspect-baseline.eval", FOLDER / "inspect-careful.eval")
RESULTS = FOLDER / "promptfoo.json"


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store(tmp_path / "runs.db") as opened:
        yield opened


def imported(store: Store, *paths: Path, **options: Any) -> tuple[str, list[str]]:
    said: list[str] = []
    (name,) = import_file(paths, store, say=said.append, **options)
    return name, said


def log(path: Path, **changes: Any) -> Path:
    """A log as one document, with one sample changed or with other facts of the run."""
    sample = {
        "id": "s", "epoch": 1, "input": "2 plus 2?", "target": "4",
        "messages": [{"role": "user", "content": "2 plus 2?"}],
        "output": {"completion": "4", "choices": [{"stop_reason": "stop"}]},
        "scores": {"match": {"value": "C"}},
    }  # fmt: skip
    run = {"eval_id": "e", "task": "sums", "model": "openai/m", "metadata": {}}
    run |= changes.pop("run", {})
    document = {"version": 2, "eval": run, "samples": [sample | changes]}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def arms(folder: Path, **changes: Any) -> tuple[Path, Path]:
    """The logs of two arms, changed alike."""
    runs = [{"metadata": {"variant": name}} for name in ("baseline", "careful")]
    first, second = (log(folder / f"{n}.json", run=run, **changes) for n, run in enumerate(runs))
    return first, second


class TestInspect:
    def test_two_logs_become_one_experiment_with_a_verdict(self, store: Store):
        name, said = imported(store, *LOGS)
        assert said[0] == "sums: imported: 20 trials of 1 model (2 failed, 18 ok)"
        report = analyze(store, name)
        assert list(report.effects["variant"]) == ["careful"]
        assert "(simulated results)" in str(report)

    def test_what_was_asked_answered_and_marked_is_there(self, store: Store):
        name, _ = imported(store, *LOGS)
        scores = store.scores(name)
        first = scores[(scores["variant"] == "careful") & (scores["task"] == "sum-1")].iloc[0]
        assert first["score"] == pytest.approx(50 + 50 * 6 / 15)
        key = next(trial.response_key for trial in store.trials(name) if trial.variant == "careful")
        text = dict(store.responses([key]))[key].text
        assert text.startswith("I add both numbers")
        assert "You are a careful engineer." in json.dumps(store.messages(key))

    def test_rows_of_two_files_do_not_get_each_others_points(self, store: Store):
        name, _ = imported(store, *LOGS)
        scores = store.scores(name)
        found = scores[(scores["variant"] == "baseline") & (scores["repetition"] == 1)]
        assert found.set_index("task")["score"].to_dict() == {
            "sum-1": 100, "sum-2": 50, "sum-3": 50, "sum-4": 100, "sum-5": 50
        }  # fmt: skip

    def test_a_sample_that_broke_is_missing_with_its_reason(self, store: Store):
        name, _ = imported(store, *LOGS)
        scores = store.scores(name)
        broken = scores[(scores["task"] == "sum-5") & (scores["repetition"] == 2)]
        assert broken["score"].isna().all()
        assert "the tool's server went away" in str(analyze(store, name))

    def test_without_a_word_on_the_arm_its_system_message_tells(self, store: Store, tmp_path: Path):
        bare = log(tmp_path / "a.json")
        told = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2?"}]
        brief = log(tmp_path / "b.json", messages=told)
        name, _ = imported(store, bare, brief)
        variants = sorted(set(store.scores(name)["variant"]))
        assert variants[0] == "baseline"
        assert variants[1].startswith("system-")

    @pytest.mark.parametrize(
        ("value", "score"),
        [("C", 100), ("P", 50), ("I", 0), ("N", 0), (True, 100), (0.25, 25), ("maybe", None)],
    )
    def test_values_of_scorers(self, value: Any, score: float | None, store: Store, tmp_path: Path):
        name, _ = imported(store, *arms(tmp_path, scores={"m": {"value": value}}))
        found = store.scores(name)["score"].iloc[0]
        assert found == score if score is not None else found != found

    def test_a_scorer_of_several_values_is_several(self, store: Store, tmp_path: Path):
        scores = {"judge": {"value": {"clear": 1, "right": 0.5}}, "match": {"value": "C"}}
        name, _ = imported(store, *arms(tmp_path, scores=scores))
        assert store.scores(name)["score"].iloc[0] == pytest.approx(100 * 2.5 / 3, abs=1e-4)

    def test_grades_need_their_best_value(self, store: Store, tmp_path: Path):
        paths = arms(tmp_path, scores={"grade": {"value": 7}})
        with pytest.raises(SpecError, match=r"0\.json: sample 1: scorer 'grade': .* --best"):
            imported(store, *paths)
        name, _ = imported(store, *paths, best={"grade": 10})
        assert store.scores(name)["score"].iloc[0] == 70

    def test_long_texts_that_a_log_keeps_apart_are_put_back(self, store: Store, tmp_path: Path):
        turns = [{"role": "user", "content": "attachment://abc"}]
        paths = arms(tmp_path, attachments={"abc": "a long question"}, messages=turns)
        name, _ = imported(store, *paths)
        key = next(iter(store.trials(name))).response_key
        assert "a long question" in json.dumps(store.messages(key))

    def test_a_log_without_samples_is_refused(self, store: Store, tmp_path: Path):
        path = tmp_path / "empty.json"
        path.write_text(json.dumps({"eval": {"eval_id": "e", "model": "m"}, "samples": []}))
        with pytest.raises(SpecError, match="holds no samples; log them"):
            imported(store, path)

    def test_an_older_log_is_packed_otherwise(self, store: Store, tmp_path: Path):
        paths = []
        for path in arms(tmp_path):
            document = json.loads(path.read_text())
            paths.append(path.with_suffix(".eval"))
            with zipfile.ZipFile(paths[-1], "w", zipfile.ZIP_DEFLATED) as file:
                file.writestr("header.json", json.dumps({"eval": document["eval"]}))
                file.writestr("samples/s_epoch_1.json", json.dumps(document["samples"][0]))
        name, _ = imported(store, *paths)
        assert store.scores(name)["score"].iloc[0] == 100

    def test_one_arm_alone_is_no_comparison(self, store: Store, tmp_path: Path):
        with pytest.raises(SpecError, match="has only 'baseline'; a comparison needs a baseline"):
            imported(store, arms(tmp_path)[0])


class TestPackedFiles:
    def test_a_damaged_log_is_one_line(self, store: Store, tmp_path: Path):
        content = bytearray(LOGS[0].read_bytes())
        middle = len(content) // 3
        content[middle : middle + 40] = bytes(40)
        path = tmp_path / "damaged.eval"
        path.write_bytes(content)
        with pytest.raises(SpecError, match=r"damaged\.eval: .*damaged"):
            imported(store, path)

    def test_a_bomb_is_not_unpacked(self, store: Store, tmp_path: Path):
        path = tmp_path / "bomb.eval"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("header.json", b"0" * 80_000_000)
        with pytest.raises(SpecError, match="unpacks to 80,000,000 bytes"):
            imported(store, path)

    def test_without_zstandard_the_line_says_what_to_install(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
        with pytest.raises(MissingExtraError, match=r"preamblelab\[inspect\]"):
            imported(store, *LOGS)

    def test_another_zip_file_is_still_no_table(self, store: Store, tmp_path: Path):
        path = tmp_path / "book.xlsx"
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("xl/workbook.xml", "<x/>")
        with pytest.raises(SpecError, match="a zip or spreadsheet file"):
            imported(store, path)

    def test_sizes_in_the_list_of_members_are_not_believed(self):
        packed_bytes = __import__("zstandard").compress(b"x" * 1000)
        with pytest.raises(ValueError, match="bytes instead of 10"):
            packed._zstandard(packed_bytes, 10)


class TestPromptfoo:
    def test_prompts_are_arms_and_equal_tests_repetitions(self, store: Store):
        name, said = imported(store, RESULTS, name="foo")
        assert said[0] == "foo: imported: 40 trials of 2 models (4 failed, 36 ok)"
        scores = store.scores(name)
        assert set(scores["variant"]) == {"baseline", "careful"}
        assert set(scores["task"]) == {f"sum-{place}" for place in range(1, 6)}
        assert set(scores["repetition"]) == {1, 2}

    def test_metrics_weigh_as_promptfoo_weighs_them(self, store: Store):
        name, _ = imported(store, RESULTS, name="foo")
        scores = store.scores(name)
        own = {}
        for each in json.loads(RESULTS.read_text("utf-8"))["results"]["results"]:
            if each["failureReason"] != 2:
                place = (each["provider"]["label"], each["prompt"]["label"])
                own.setdefault(place, []).append(100 * each["score"])
        for (model, variant), theirs in own.items():
            ours = scores[(scores["model"] == model) & (scores["variant"] == variant)]["score"]
            assert sorted(ours.dropna()) == pytest.approx(sorted(theirs), abs=1e-4)

    def test_a_call_that_failed_is_missing_and_no_zero(self, store: Store):
        name, _ = imported(store, RESULTS, name="foo")
        scores = store.scores(name)
        lost = scores[(scores["model"] == "sums:small") & (scores["task"] == "sum-5")]
        assert lost["score"].isna().all()
        assert "503 the server is busy" in str(analyze(store, name))

    def test_a_file_without_results_is_refused(self, store: Store, tmp_path: Path):
        path = tmp_path / "r.json"
        path.write_text('{"evalId": "e", "results": {"results": []}}')
        with pytest.raises(SpecError, match="holds no results; run promptfoo eval again"):
            imported(store, path)


@pytest.mark.parametrize("written", ["grade", "grade=", "=3", "grade=0", "grade=-1", "grade=nan"])
def test_a_best_value_is_a_name_and_a_number_above_0(written: str):
    with pytest.raises(SpecError, match="write SCORER=VALUE"):
        best_values([written])
    assert best_values(["a=b=10"]) == {"a=b": 10.0}


@pytest.mark.parametrize("value", [-0.1, 1.5, 5])
def test_no_score_is_clamped(value: float):
    with pytest.raises(SpecError, match="no share from 0 to 1"):
        share_of(value, None, "here")
    assert share_of(float("nan"), None, "here") is None


HOSTILE = ("{{ env.HOME }}", "file:///etc/passwd", "{% endraw %}{{ 7 * 7 }}", "{%- endraw -%}x")


class TestExports:
    @pytest.fixture
    def exported(self, store: Store, tmp_path: Path) -> tuple[Store, str]:
        name, _ = imported(store, *LOGS)
        return store, name

    def test_samples_hold_what_was_asked_and_answered(
        self, exported: tuple[Store, str], tmp_path: Path
    ):
        written = export_experiment(*exported, tmp_path / "s.jsonl", format="inspect")
        samples = [json.loads(line) for line in (tmp_path / "s.jsonl").read_text().splitlines()]
        assert len(samples) == written == 20
        assert len({sample["id"] for sample in samples}) == 20
        first = next(each for each in samples if each["metadata"]["variant"] == "careful")
        assert [turn["role"] for turn in first["input"]] == ["system", "user"]
        assert first["metadata"]["response"].startswith("I add both numbers")

    def test_a_test_of_promptfoo_is_a_pair(self, exported: tuple[Store, str], tmp_path: Path):
        written = export_experiment(*exported, tmp_path / "p.json", format="promptfoo")
        config = json.loads((tmp_path / "p.json").read_text())
        assert len(config["tests"]) == written == 9  # the broken sample has no pair
        assert config["providers"] == ["echo"]
        told = config["tests"][0]["metadata"]
        assert (told["baseline_score"], told["variant_score"]) == (100, 70)

    @pytest.mark.parametrize("text", HOSTILE)
    def test_a_text_ends_no_block_and_is_no_file(self, text: str):
        written = literal(text)
        assert written.startswith("{% raw %}")
        assert written.count("endraw") >= 1
        inner = re.sub(r"\{% raw %\}(.*?)\{% endraw %\}|\{\{ '(.*?)' \}\}", r"\1\2", written)
        assert inner == text

    def test_other_tables_have_no_such_form(self, exported: tuple[Store, str], tmp_path: Path):
        with pytest.raises(SpecError, match="inspect takes trials, not effects"):
            export_experiment(*exported, tmp_path / "x", format="inspect", what="effects")
