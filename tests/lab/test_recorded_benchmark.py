"""The recorded benchmark, read again: the table holds, the conclusions drawn from it mostly not."""

import gzip
import json
import re
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest

import preamblelab as pl
from preamblelab.errors import PreamblelabError
from preamblelab.lab.claims import claims_checked
from preamblelab.lab.exchange.importing import import_file

pytestmark = pytest.mark.whole

ROOT = Path(__file__).resolve().parents[2]
CLAIMS = ROOT / "examples" / "recorded_claims.yaml"
BASELINE, MINI = "baseline-no-instructions", "claudette-mini"
# Published per model: without and with the preamble (orneryd/Mimir at 01c0203).
PUBLISHED = {
    "phi4:14b": (99, 98), "gemma3:4b": (95, 83), "deepseek-coder:6.7b": (35, 94),
    "phi4-mini:3.8b": (57, 66), "qwen2.5-coder:1.5b-base": (15, 78), "deepcoder:1.5b": (43, 24),
}  # fmt: skip


def recorded(shared_data: Path, run: int) -> pd.DataFrame:
    """One recorded run as a score table."""
    with gzip.open(shared_data / "mimir_runs.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["run"] == run]
    table = pd.DataFrame(rows)[["model", "preamble", "total"]]
    return table.rename(columns={"total": "score"}).assign(task="t", repetition=1)


@pytest.fixture(scope="module")
def store(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recorded") / "recorded.db"
    with pl.Store(path) as opened:
        import_file(shared_data / "mimir_runs.jsonl.gz", opened)
    return path


@pytest.fixture(scope="module")
def report(store: Path) -> pl.Report:
    with pl.Store(store, read_only=True) as opened:
        return pl.analyze(opened, "mimir-1")


def test_the_published_table_comes_out(shared_data):
    found = pl.effects(recorded(shared_data, 1), baseline=BASELINE).set_index("model")
    for model, (before, after) in PUBLISHED.items():
        assert found.loc[model, ["baseline_mean", "variant_mean"]].tolist() == [before, after]
    overall = pl.overall_effect(recorded(shared_data, 1), baseline=BASELINE).iloc[0]
    assert (overall["effect"], overall["n_models"]) == (16.5, 6)
    assert overall["effect"] / overall["se"] == pytest.approx(1.13, abs=0.005)
    assert overall["df"] == 5
    assert pl.verdicts(pd.DataFrame([overall]))["verdict"][0] == "undecided"


def test_nothing_is_claimed_of_one_model_on_one_task(shared_data):
    table = pl.verdicts(pl.effects(recorded(shared_data, 1), baseline=BASELINE))
    assert (table["verdict"] == "refused").all()
    assert table["low"].isna().all()


def test_tiers_are_refused_with_one_task_and_one_answer(shared_data):
    table = pl.segment_effects(recorded(shared_data, 1), baseline=BASELINE)
    assert table["effect"].isna().all()
    assert (table["flags"] == "needs_independent_baseline").all()
    naive = table.set_index("tier")["naive_effect"]
    assert naive["low"] == pytest.approx(34.33, abs=0.01)
    assert naive["high"] == -6.5
    ranks = pl.rank_tiers(recorded(shared_data, 1), variants=[BASELINE])
    assert (ranks["flags"] == "one_task").all()
    assert ranks["tier"].isna().all()


def test_the_report_shows_what_a_second_look_showed(report):
    again = report.again.table
    moved = again[~again["same_text"] & (again["variant"] == BASELINE)].iloc[0]
    assert (moved["model"], moved["first_score"], moved["second_score"]) == (
        "deepseek-coder:6.7b", 35.0, 64.0,
    )  # fmt: skip
    assert again.loc[again["same_text"], "difference"].tolist() == [-1, 0, 4, -2, 1, 0, 0, -1]
    assert report.again.judge.sd == pytest.approx((23 / 16) ** 0.5)
    text = str(report)
    assert "35 in mimir-1, 64 in mimir-2, another text" in text
    assert "That is the judge" in text
    assert "undecided" in text
    assert "no honest figure" in text
    assert "One task tells no two models apart" in text


def test_the_published_sentences(store):
    found = claims_checked(CLAIMS, "mimir-1", store)
    said = {each.claim.says: each for each in found.checked}
    follow = [says for says, each in said.items() if each.follows]
    assert len(said) == 16
    assert len(follow) == found.follows == 6
    text = " ".join(str(found).split())
    assert "it is 3 of 6, because phi4:14b is −1" in text
    assert "+32.5 without deepcoder:1.5b −19, gemma3:4b −12" in text
    assert "+43.7 without deepcoder:1.5b −19, gemma3:4b −12, phi4:14b −1" in text
    assert "no choice among the 6 averages +35.5" in text
    assert "+21.1 over 9 deltas" in text
    assert "+23.4 as the mean of" in text
    assert "+37.0 over the 3 models of every experiment" in text
    assert "undecided: t 1.13 on 5 df" in text
    assert "never arrived at qwen2.5-coder:1.5b-base" in text
    assert json.loads(json.dumps(found.to_dict()))["follow"] == 6


RECORDS = {
    "mimir": ("mimir_runs.jsonl.gz", "mimir_prompts.json"),
    "brevity": ("alpaca_brevity.jsonl.gz", "alpaca_instructions.jsonl.gz"),
}


def page_run(shared_data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, of: str) -> None:
    """Run the commands of docs/recorded.md that speak of one record, where that record is."""
    from preamblelab.cli import main

    for name in RECORDS[of]:
        shutil.copy(shared_data / name, folder)
    shutil.copytree(ROOT / "examples", folder / "examples")
    monkeypatch.chdir(folder)
    page = (ROOT / "docs" / "recorded.md").read_text("utf-8")
    every = [line[2:] for line in page.splitlines() if line.startswith("$ ")]
    # Running the answers takes longer: test_recorded_evidence.py does it.
    every = [line for line in every if not line.startswith("preamblelab evidence ")]
    lines = [line for line in every if ("brevity" in line) is (of == "brevity")]
    assert len(lines) == {"mimir": 4, "brevity": 2}[of]
    if of == "brevity":
        for block in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
            if "mimir" not in block:
                exec(compile(block, "recorded.md", "exec"), {})
    for line in lines:
        monkeypatch.setattr("sys.argv", shlex.split(line))
        with pytest.raises(SystemExit) as left:
            main()
        assert not left.value.code, line


@pytest.mark.whole
def test_the_page_runs_where_the_record_is(shared_data, tmp_path, monkeypatch, capsys):
    page_run(shared_data, tmp_path, monkeypatch, "mimir")
    assert "6 of 16 sentences follow from mimir-1." in capsys.readouterr().out
    assert "What was claimed" in Path("recorded.html").read_text("utf-8")


@pytest.mark.slow
def test_the_page_runs_on_the_brevity_record(shared_data, tmp_path, monkeypatch):
    page_run(shared_data, tmp_path, monkeypatch, "brevity")
    text = Path("brevity.html").read_text("utf-8")
    told = " ".join(re.sub(r"<[^>]+>", "", text).split())
    assert "Verdict on concise: −1.8 points (−3.1 to −0.5), worse" in told
    assert "Verdict on verbose: +3.6 points (+1.7 to +5.5), better" in told
    assert "Be as concise as possible" in told


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("claims: []", "claims"),
        ("claims:\n- says: a\n  compute: mean_effect\n", "states"),
        ("claims:\n- says: a\n  compute: mean_efect\n  states: 1\n", "did you mean 'mean_effect'"),
        ("claims:\n- {says: a, compute: range, states: 1, subst: rose}\n", "subst"),
        ("claims:\n- {says: a, compute: range, subset: rose, states: 1}\n", "takes no 'subset'"),
        ("claims:\n- {says: a, compute: mean_effect, states: 1, experiments: [x]}\n", "'x'"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(text, says, tmp_path):
    scores = tmp_path / "scores.csv"
    pl.simulate_scores(models=2, tasks=3).to_csv(scores, index=False)
    file = tmp_path / "claims.yaml"
    file.write_text(text)
    with pytest.raises(PreamblelabError, match=says) as refused:
        claims_checked(file, str(scores), tmp_path / "absent.db")
    assert "claims.yaml:" in str(refused.value)


def test_claims_about_a_csv_need_no_store(tmp_path):
    scores = tmp_path / "scores.csv"
    drawn = pl.simulate_scores(models=3, tasks=6, effect=8.0, seed=2)
    drawn.to_csv(scores, index=False)
    mean = pl.overall_effect(drawn)["effect"][0]
    file = tmp_path / "claims.yaml"
    file.write_text(f"claims:\n- {{says: a, compute: mean_effect, states: {mean:.2f}}}\n")
    found = claims_checked(file, str(scores), tmp_path / "absent.db")
    assert found.follows == 1
    assert found.tables == "scores.csv"
