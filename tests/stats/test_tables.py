"""The seam: what a score table must hold, and how marks become one score per trial."""

import numpy as np
import pandas as pd
import pytest

from preamblelab.errors import TableError
from preamblelab.stats.marks import fitted_offsets
from preamblelab.stats.tables import (
    cell_means,
    check_columns,
    combined_codes,
    read_scores,
    trial_scores,
)

NAMES = ["model", "variant", "task", "repetition", "judge", "dimension", "score"]


def marks_table(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=NAMES)


def random_marks(seed: int, missing: float = 0.3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = [
        ("m", variant, task, 1, judge, dimension, float(rng.uniform(0, 20)))
        for variant in ("baseline", "v")
        for task in range(6)
        for judge in "abc"
        for dimension in ("x", "y")
    ]
    table = marks_table(rows)
    table.loc[rng.random(len(table)) < missing, "score"] = np.nan
    return table


class TestColumns:
    def test_preamble_is_read_as_variant(self):
        table = marks_table([("m", "v", "t", 1, "j", "d", 5.0)]).rename(
            columns={"variant": "preamble"}
        )
        assert "variant" in check_columns(table)
        assert "preamble" in table, "the given table is not changed"

    def test_an_absent_column_says_what_there_is_and_what_was_meant(self):
        table = marks_table([("m", "v", "t", 1, "j", "d", 5.0)]).rename(columns={"model": "modell"})
        message = r"no column 'model'; it has: modell, .* did you mean 'modell'"
        with pytest.raises(TableError, match=message):
            check_columns(table)

    def test_an_absent_repetition_says_how_to_mend_it(self):
        table = pd.DataFrame({"model": ["m"], "variant": ["v"], "task": ["t"], "score": [1.0]})
        with pytest.raises(TableError, match="add it: 1 everywhere"):
            check_columns(table)

    def test_a_missing_name_is_refused(self):
        with pytest.raises(TableError, match="column 'model' has no name in row 0"):
            check_columns(marks_table([(None, "v", "t", 1, "j", "d", 5.0)]))

    @pytest.mark.parametrize("score", ["good", [1]])
    def test_a_score_that_is_no_number_is_refused(self, score: object):
        table = marks_table([("m", "v", "t", 1, "j", "d", 5.0)] * 2).astype({"score": object})
        table["score"] = pd.Series([5.0, score], dtype=object)
        with pytest.raises(TableError, match=r"in row 1 is no number"):
            check_columns(table)

    @pytest.mark.parametrize("score", [1000.0, -150.0, np.inf])
    def test_another_scale_is_refused(self, score: float):
        with pytest.raises(TableError, match="on another scale than 0 to 100"):
            check_columns(marks_table([("m", "v", "t", 1, "j", "d", score)]))


class TestReading:
    def test_names_such_as_null_stay_names_and_only_an_empty_score_is_missing(self, tmp_path):
        path = tmp_path / "scores.csv"
        path.write_text(
            "model,preamble,task,repetition,score,output_hash\n"
            "NA,null,nan,1,50,abc\nNA,baseline,nan,1,,\nNone,N/A,t,2,7.5,\n"
        )
        table = read_scores(path)
        assert list(table["model"]) == ["NA", "NA", "None"]
        assert list(table["variant"]) == ["null", "baseline", "N/A"]
        assert list(table["task"]) == ["nan", "nan", "t"]
        assert list(table["repetition"]) == [1, 1, 2]
        assert list(table["score"].isna()) == [False, True, False]
        assert list(table["output_hash"].isna()) == [False, True, True]

    @pytest.mark.parametrize("score", ["NA", "n/a", "inf", "3,5x"])
    def test_a_score_field_with_a_word_is_refused_with_its_line(self, tmp_path, score: str):
        path = tmp_path / "scores.csv"
        path.write_text(f'model,variant,task,repetition,score\nm,v,t,1,5\nm,v,t,2,"{score}"\n')
        with pytest.raises(TableError, match=r"in line 3 is no number"):
            read_scores(path)

    @pytest.mark.parametrize("scores", [("0", "1", "1"), ("0.2", "0.9", ""), ("0", "0.5", "1.0")])
    def test_shares_are_refused_and_become_points_by_a_scale(self, tmp_path, scores):
        path = tmp_path / "scores.csv"
        rows = "".join(f"m,v,t{place},{score}\n" for place, score in enumerate(scores))
        path.write_text("model,variant,task,score\n" + rows)
        with pytest.raises(TableError, match=r"scores\.csv: scores lie from 0 to 1 .*scale 100"):
            read_scores(path)
        share = [float(score) if score else np.nan for score in scores]
        np.testing.assert_allclose(read_scores(path, scale=100)["score"], np.array(share) * 100)
        np.testing.assert_allclose(read_scores(path, scale=1)["score"], share)

    def test_points_that_are_all_zero_are_no_shares(self, tmp_path):
        path = tmp_path / "scores.csv"
        path.write_text("model,variant,task,score\nm,v,t,0\nm,w,t,0\n")
        assert list(read_scores(path)["score"]) == [0.0, 0.0]

    def test_without_repetitions_each_row_is_the_first_and_a_typo_is_no_absence(self, tmp_path):
        path = tmp_path / "scores.csv"
        path.write_text("model,variant,task,score\nm,v,t,50\n")
        assert list(read_scores(path)["repetition"]) == [1]
        path.write_text("model,variant,task,repitition,score\nm,v,t,1,50\n")
        with pytest.raises(TableError, match=r"scores\.csv: .*did you mean 'repitition'"):
            read_scores(path)

    def test_no_file_and_no_table(self, tmp_path):
        with pytest.raises(TableError, match="no file at"):
            read_scores(tmp_path / "absent.csv")
        (tmp_path / "empty.csv").write_text("")
        with pytest.raises(TableError, match="no CSV table"):
            read_scores(tmp_path / "empty.csv")


class TestTrialScores:
    def test_dimensions_are_summed_and_judges_averaged(self):
        table = marks_table(
            [
                ("m", "v", "t", 1, judge, dimension, score)
                for judge, dimension, score in [
                    ("a", "x", 10.0),
                    ("b", "x", 14.0),
                    ("a", "y", 20.0),
                    ("b", "y", 24.0),
                ]
            ]
        )
        assert trial_scores(table)["score"].tolist() == [pytest.approx(34.0)]

    def test_a_missing_dimension_makes_the_score_missing_never_zero(self):
        table = marks_table(
            [
                ("m", "v", "t1", 1, "a", "x", 10.0),
                ("m", "v", "t1", 1, "a", "y", 20.0),
                ("m", "v", "t2", 1, "a", "x", 10.0),
                ("m", "v", "t2", 1, "a", "y", np.nan),
                ("m", "v", "t3", 1, "a", "x", 10.0),
            ]
        )
        scores = trial_scores(table)["score"]
        assert scores[0] == 30
        assert scores[1:].isna().all()

    def test_a_dimension_that_nobody_could_mark_is_still_missing(self):
        table = marks_table(
            [
                ("m", "v", "t1", 1, "a", "x", 10.0),
                ("m", "v", "t1", 1, "a", "y", np.nan),
            ]
        )
        assert trial_scores(table)["score"].isna().all()

    def test_a_lenient_judge_missing_on_one_arm_does_not_shift_it(self):
        rows = [
            ("m", variant, task, 1, judge, "x", 50.0 + 10.0 * (judge == "lenient"))
            for variant in ("baseline", "v")
            for task in range(8)
            for judge in ("strict", "lenient")
        ]
        table = marks_table(rows)
        gone = (table["variant"] == "v") & (table["judge"] == "lenient") & (table["task"] < 4)
        table.loc[gone, "score"] = np.nan
        means = trial_scores(table).groupby("variant")["score"].mean()
        assert means["v"] == pytest.approx(means["baseline"], abs=1e-9)
        naive = table.groupby("variant")["score"].mean()
        assert naive["v"] < naive["baseline"] - 1, "the plain mean is shifted"

    @pytest.mark.parametrize("seed", range(5))
    def test_offsets_equal_those_of_plain_least_squares(self, seed: int):
        table = random_marks(seed).dropna(subset="score")
        table = table[table["dimension"] == "x"]
        answer = pd.factorize(table["variant"] + table["task"].astype(str))[0].astype(np.int64)
        judge = pd.factorize(table["judge"], sort=True)[0].astype(np.int64)
        scores = table["score"].to_numpy()
        offsets, groups = fitted_offsets(scores, answer, judge)
        columns = np.hstack([np.eye(answer.max() + 1)[answer], np.eye(judge.max() + 1)[judge]])
        slow = np.linalg.lstsq(columns, scores, rcond=None)[0][answer.max() + 1 :]
        assert groups == 1
        assert offsets == pytest.approx(slow - slow.mean(), abs=1e-8)

    def test_judges_without_a_common_answer_are_not_compared(self):
        offsets, groups = fitted_offsets(np.array([10.0, 50.0]), np.array([0, 1]), np.array([0, 1]))
        assert groups == 2
        assert offsets == pytest.approx([0, 0])

    @pytest.mark.parametrize("column", ["trial", "mark"])
    def test_what_is_there_twice_is_refused(self, column: str):
        table = marks_table([("m", "v", "t", 1, "a", "x", 5.0)] * 2)
        if column == "trial":
            table = table.drop(columns=["judge", "dimension"])
        with pytest.raises(TableError, match=f"a {column} is in the table twice"):
            trial_scores(table)

    def test_totals_beside_dimensions_are_refused(self):
        table = marks_table(
            [("m", "v", "t", 1, "a", "x", 5.0), ("m", "v", "t2", 1, "a", None, 5.0)]
        )
        with pytest.raises(TableError, match="cannot be summed together"):
            trial_scores(table)


class TestCellMeans:
    def test_copies_weigh_in_the_mean_as_often_as_they_came_and_tell_nothing_of_the_spread(self):
        table = pd.DataFrame(
            {
                "model": "m",
                "variant": "v",
                "task": "t",
                "repetition": [1, 2, 3],
                "score": [40.0, 44.0, 60.0],
                "output_hash": ["same", "same", "other"],
            }
        )
        cell = cell_means(table).iloc[0]
        assert (cell["score"], cell["n_repetitions"], cell["distinct_outputs"]) == (48, 3, 2)
        assert cell["variance"] == pytest.approx(np.var([42, 60], ddof=1))

    def test_answers_without_a_hash_are_no_copies(self):
        table = pd.DataFrame(
            {
                "model": "m",
                "variant": "v",
                "task": "t",
                "repetition": [1, 2],
                "score": [40.0, 44.0],
                "output_hash": [None, ""],
            }
        )
        assert cell_means(table).iloc[0]["distinct_outputs"] == 2

    def test_missing_answers_are_counted(self):
        table = pd.DataFrame(
            {
                "model": "m",
                "variant": "v",
                "task": "t",
                "repetition": [1, 2],
                "score": [40.0, np.nan],
            }
        )
        cell = cell_means(table).iloc[0]
        assert (cell["score"], cell["distinct_outputs"], cell["missing"]) == (40, 1, 1)


def test_combined_codes_hold_for_many_combinations():
    rng = np.random.default_rng(0)
    columns = [rng.integers(0, 2**22, 50) for _ in range(4)]
    codes, first = combined_codes([(column, 2**22) for column in columns])
    rows = np.stack(columns, axis=1)
    assert (rows[first][codes] == rows).all()
    assert len(first) == len(np.unique(rows, axis=0))
