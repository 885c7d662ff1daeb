"""Other people's judgements, as CSV files through the commands: the published figures come out."""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import preamblelab as pl
from preamblelab.cli import main
from preamblelab.errors import TableError
from preamblelab.lab.agreeing import agreement_of
from preamblelab.lab.deciding import report_on
from preamblelab.lab.winning import wins_of


def rows(shared_data: Path, name: str) -> list[dict[str, Any]]:
    with gzip.open(shared_data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def written(folder: Path, table: pd.DataFrame) -> Path:
    path = folder / "table.csv"
    table.to_csv(path, index=False)
    return path


def published_wins(shared_data: Path) -> dict[str, list[int]]:
    return json.loads((shared_data / "seed_tables.json").read_text())["seed1_wins_per_run"][
        "models"
    ]


def test_the_three_run_benchmark(shared_data, tmp_path):
    counts = published_wins(shared_data)
    table = pd.DataFrame(
        [(m, i, w) for m, wins in counts.items() for i, w in enumerate(wins, start=1)],
        columns=["model", "repetition", "wins"],
    )
    told = wins_of(written(tmp_path, table), [])
    assert told.data["win_floor"] == pytest.approx(1.521, abs=5e-4)
    assert "2.5 of 28 tests give or take 1.52" in told.text
    # The same 28 tests asked three times tell no model from another.
    assert {(row["rank_low"], row["rank_high"]) for row in told.data["wins"]} == {(1, 11)}
    ranges = {row["model"]: row["range"] for row in told.data["by_repetition"]}
    assert [ranges[model] for model in counts][:8] == [2, 2, 2, 0, 3, 3, 2, 1]
    assert "hermes3:8b: 0, 0, 0 wins (range 0 over 3 repetitions): at the floor" in told.text
    # Were all 84 tests different ones, 13 pairs would be told apart.
    apart = wins_of(tmp_path / "table.csv", [], new_tests=True).data["wins"]
    ranks = {row["model"]: (row["rank_low"], row["rank_high"]) for row in apart}
    assert ranks["claude-opus"] == (1, 7)
    assert ranks["hermes3:8b"] == (5, 11)


def test_winners_of_single_tests(tmp_path):
    table = pd.DataFrame(
        {"test": [1, 2, 3, 4] * 2, "run": [1] * 4 + [2] * 4, "winner": list("aaab") + list("aabb")}
    )
    told = wins_of(written(tmp_path, table), ["a", "b", "c"])
    assert {row["model"]: row["wins"] for row in told.data["wins"]} == {"a": 5, "b": 3, "c": 0}
    assert told.data["by_repetition"][0]["wins_1"] == 3
    assert "of 4 tests" in told.text


def test_a_judge_asked_three_times(shared_data, tmp_path):
    found = rows(shared_data, "prometheus_gpt4_triple")
    table = pd.DataFrame(
        [
            (f"{row['set']}-{row['idx']}", row["response_source"], "gpt-4", place, mark)
            for row in found
            for place, mark in enumerate(row["gpt4_scores"])
        ],
        columns=["task", "model", "judge", "judgement", "score"],
    )
    text = " ".join(agreement_of(written(tmp_path, table)).text.split())
    assert "55.9% of 320 answers" in text
    assert "by 2 or more on 7.2%" in text
    assert "spread of one mark 0.507 points" in text


def test_two_judges_of_one_benchmark(shared_data, tmp_path):
    marks = [
        (row["model"], f"task-{place}", judge, dimension, row[f"{dimension}_{judge}"])
        for place, row in enumerate(rows(shared_data, "epam_dual_judge"))
        if row["set"] == "v2"
        for dimension in ("accuracy", "completeness")
        for judge in ("claude37", "o3mini")
    ]
    table = pd.DataFrame(marks, columns=["model", "task", "judge", "dimension", "score"])
    table = table.dropna()
    path = written(tmp_path, table)
    found = {row["dimension"]: row for row in agreement_of(path, threshold=1.0).data["agreement"]}
    wide = table.pivot_table(index=["task", "dimension"], columns="judge", values="score").dropna()
    apart = (wide["claude37"] - wide["o3mini"]).abs() >= 1.0 - 1e-9
    pooled = np.average(
        [found["accuracy"]["disagreement"], found["completeness"]["disagreement"]],
        weights=[found["accuracy"]["n"], found["completeness"]["n"]],
    )
    assert pooled == pytest.approx(apart.mean())
    assert pooled == pytest.approx(0.113, abs=0.001)
    assert found["accuracy"]["alpha"] > 0.8
    # The same table is a score table: a report shows its judges.
    table.assign(variant="baseline", repetition=1).to_csv(path, index=False)
    report = " ".join(str(report_on(str(path), tmp_path / "absent.db")).split())
    assert "accuracy, claude37 and o3mini" in report
    assert "No variant is compared with the baseline" in report


def test_order_length_and_labels(shared_data, tmp_path):
    chosen = [
        row
        for row in rows(shared_data, "llmbar_judges")
        if row["strategy"] == "Vanilla_NoRules" and row["subset"] == "Natural"
    ]
    longer = [
        "" if row["len_1"] == row["len_2"] else "12"[row["len_2"] > row["len_1"]] for row in chosen
    ]
    table = pd.DataFrame(
        [
            (row["i"], row["evaluator"], first, row[game], row["label"], long)
            for row, long in zip(chosen, longer, strict=True)
            for first, game in ((1, "winner_ab"), (2, "winner_ba"))
        ],
        columns=["item", "judge", "first", "winner", "label", "longer"],
    )
    data = agreement_of(written(tmp_path, table)).data
    labels = {row["judge"]: row for row in data["labels"]}
    # Published: GPT-4, plain prompt, natural subset 93.5 %.
    assert 100 * labels["GPT-4"]["accuracy_all"] == pytest.approx(93.5, abs=0.06)
    assert {row["judge"] for row in data["order"]} == set(labels)
    assert 0 < {row["judge"]: row for row in data["length"]}["GPT-4"]["picks_longer"] < 1
    table["longer"] = table["longer"].map({"1": "first", "2": "second", "": ""})
    with pytest.raises(TableError, match="no winner is named so"):
        agreement_of(written(tmp_path, table))


def test_brevity_on_and_off_needs_pairing(shared_data, tmp_path):
    kept = [
        row
        for row in rows(shared_data, "alpaca_brevity")
        if row["family"] == "gpt-3.5-turbo-1106" and row["judge_preference"] is not None
    ]
    names = {"plain": "baseline"}
    table = pd.DataFrame(
        [
            (row["family"], names.get(row["variant"], row["variant"]), f"i{row['idx']}", 1,
             100 * (row["judge_preference"] - 1))
            for row in kept
        ],
        columns=["model", "variant", "task", "repetition", "score"],
    )  # fmt: skip
    report = report_on(str(written(tmp_path, table)), tmp_path / "absent.db")
    found = report.effects.set_index("variant")
    # Published data, our computation: 805 instructions, points of win rate.
    assert found.loc["concise", ["effect", "se"]].tolist() == pytest.approx(
        [-1.762, 0.664], abs=5e-4
    )
    assert found.loc["verbose", ["effect", "se"]].tolist() == pytest.approx(
        [3.585, 0.832], abs=5e-4
    )
    assert found.loc["concise", "p"] == pytest.approx(0.0081, abs=5e-5)
    assert found["verdict"].to_dict() == {"concise": "worse", "verbose": "better"}
    arms = [own["score"] for _, own in table.groupby("variant")]
    unpaired = float(np.sqrt(sum(arm.var() / len(arm) for arm in arms[:2])))
    assert unpaired == pytest.approx(1.222, abs=5e-4)
    assert abs(found.loc["concise", "effect"]) / unpaired < 1.96, "unpaired, it is missed"


def test_a_ladder_of_sizes(shared_data, tmp_path):
    table = pd.DataFrame(
        [
            (row["model"], "baseline", f"p{row['idx']}", 1,
             None if row["response"] is None else 100 * np.mean(row["strict"]))
            for row in rows(shared_data, "ifeval_responses")
            if row["model"].startswith("Qwen__Qwen2.5")
        ],
        columns=["model", "variant", "task", "repetition", "score"],
    )  # fmt: skip
    report = report_on(str(written(tmp_path, table)), tmp_path / "absent.db")
    ladder = pl.rank_tiers(report.scores)
    sizes = [float(name.split("-")[1].rstrip("B")) for name in ladder["unit"]]
    assert sizes == sorted(sizes, reverse=True)
    assert (ladder["low"] < ladder["mean"]).all()
    assert ladder["tier"].is_monotonic_increasing
    assert "Models under baseline" in str(report)


@pytest.mark.parametrize(
    ("command", "text", "says"),
    [
        ("wins", "a,b\n1,2\n", "'test'"),
        ("wins", "model,wins\nx,2\n", "'repetition'"),
        ("wins", "model,repetition,wins\nx,1,2\ny,2,2\n", "write 0 for none"),
        ("agreement", "a,b\n1,2\n", "says nothing of agreement"),
    ],
)
def test_a_file_that_lacks_something_is_one_line(
    command, text, says, tmp_path, monkeypatch, capsys
):
    file = tmp_path / "table.csv"
    file.write_text(text)
    monkeypatch.setattr(sys, "argv", ["preamblelab", command, str(file)])
    with pytest.raises(SystemExit) as left:
        main()
    printed = capsys.readouterr()
    assert left.value.code == 1
    assert printed.out == ""
    assert says in printed.err
    assert len(printed.err.splitlines()) == 1
