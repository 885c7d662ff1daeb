"""The paired effect of a variant: what it equals, when it has no interval, what leaves it be."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from preamblelab.errors import TableError
from preamblelab.stats.effects import effects
from preamblelab.stats.intervals import holm, summarise
from preamblelab.stats.overall import overall_effect
from preamblelab.stats.segments import segment_effects

FIGURES = ["effect", "se", "df", "low", "high", "p", "worst_low", "best_high"]


def score_table(
    baseline: list[float | None], variant: list[float | None], model: str = "m"
) -> pd.DataFrame:
    """One repetition of each task in both arms; None is a missing score."""
    rows = [
        (model, name, f"t{task}", 1, score)
        for name, scores in (("baseline", baseline), ("v", variant))
        for task, score in enumerate(scores)
    ]
    table = pd.DataFrame(rows, columns=["model", "variant", "task", "repetition", "score"])
    return table.astype({"score": float})


def random_table(
    seed: int,
    *,
    models: int = 2,
    tasks: int = 6,
    repetitions: int = 2,
    missing: float = 0.0,
    low: float = 0.0,
    high: float = 100.0,
) -> pd.DataFrame:
    """Uniform scores with hashes; every answer differs."""
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product(
        [range(models), ["baseline", "v", "w"], range(tasks), range(1, repetitions + 1)],
        names=["model", "variant", "task", "repetition"],
    )
    table = index.to_frame(index=False)
    table["score"] = rng.uniform(low, high, len(table))
    table["output_hash"] = [f"h{row}" for row in range(len(table))]
    table.loc[rng.random(len(table)) < missing, "score"] = np.nan
    return table


def figures(table: pd.DataFrame) -> np.ndarray:
    return table[FIGURES].to_numpy(dtype=float)


class TestFigures:
    def test_equals_scipys_paired_t(self):
        rng = np.random.default_rng(1)
        before, after = rng.uniform(40, 60, 12), rng.uniform(45, 70, 12)
        row = effects(score_table(list(before), list(after))).iloc[0]
        known = stats.ttest_rel(after, before)
        low, high = known.confidence_interval(0.95)
        assert row["effect"] == pytest.approx((after - before).mean())
        assert row["p"] == pytest.approx(known.pvalue)
        assert (row["low"], row["high"]) == pytest.approx((low, high))
        assert (row["df"], row["n_tasks"], row["scope"]) == (11, 12, "tasks like these")
        assert row["unseen_share"] == pytest.approx(1 - 0.05 ** (1 / 12))

    @pytest.mark.parametrize("seed", range(4))
    def test_the_obvious_slow_way_gives_the_same(self, seed: int):
        table = random_table(seed, missing=0.2)
        found = effects(table).set_index(["model", "variant"])
        for model in (0, 1):
            arms = table[table["model"] == model].groupby(["variant", "task"])["score"].mean()
            for variant in ("v", "w"):
                difference = (arms[variant] - arms["baseline"]).dropna()
                row = found.loc[(model, variant)]
                assert row["effect"] == pytest.approx(difference.mean())
                assert row["se"] == pytest.approx(stats.sem(difference))
                assert row["n_tasks"] == len(difference)

    def test_holm_equals_statsmodels_and_leaves_out_what_is_missing(self):
        p_values = np.array([0.04, np.nan, 0.01, 0.3, 0.02])
        known = ~np.isnan(p_values)
        assert holm(p_values)[known] == pytest.approx(
            multipletests(p_values[known], method="holm")[1]
        )
        assert np.isnan(holm(p_values)[1])

    def test_these_tasks_equals_welch_on_one_task(self):
        table = random_table(3, models=1, tasks=1, repetitions=4)
        row = effects(table, estimand="these_tasks").iloc[0]
        arms = {name: part["score"].to_numpy() for name, part in table.groupby("variant")}
        known = stats.ttest_ind(arms["v"], arms["baseline"], equal_var=False)
        low, high = known.confidence_interval(0.95)
        assert row["p"] == pytest.approx(known.pvalue)
        assert (row["low"], row["high"]) == pytest.approx((low, high))
        assert row["scope"] == "these tasks"

    def test_clusters_of_equal_size_equal_the_t_over_their_means(self):
        table = random_table(5, models=1, tasks=12, repetitions=1)
        table["cluster"] = [f"c{task // 3}" for task in table["task"]]
        row = effects(table).iloc[0]
        cells = table.pivot_table("score", "task", "variant")
        means = (cells["v"] - cells["baseline"]).groupby(np.arange(12) // 3).mean()
        assert row["se"] == pytest.approx(stats.sem(means))
        assert (row["df"], row["n_units"], row["method"]) == (3, 4, "cluster_t")

    def test_clusters_of_one_task_change_nothing(self):
        table = random_table(6)
        clustered = table.assign(cluster=[f"c{task}" for task in table["task"]])
        assert figures(effects(clustered)) == pytest.approx(figures(effects(table)), nan_ok=True)

    def test_moderation_pulls_the_variances_of_small_pairs_together(self):
        table = random_table(7, models=6, tasks=3, repetitions=1)
        plain, pooled = effects(table), effects(table, pool_variance=True)
        assert (pooled["method"] == "moderated_t").all()
        assert pooled["se"].std() < plain["se"].std()
        assert (pooled["df"] > plain["df"]).all()
        many = random_table(7, models=6, tasks=8)
        assert (effects(many, pool_variance=True)["method"] == "paired_t").all()

    def test_by_gives_the_effects_within_each_group(self):
        table = random_table(8, tasks=8)
        table["category"] = np.where(table["task"] < 4, "code", "prose")
        found = effects(table, by=("category",))
        code = effects(table[table["category"] == "code"])
        assert figures(found[found["category"] == "code"]) == pytest.approx(figures(code))


class TestEdges:
    def test_one_task_gives_a_figure_and_no_interval(self):
        row = effects(score_table([57.0], [66.0])).iloc[0]
        assert row["effect"] == 9
        assert row[["low", "high", "p", "se"]].isna().all()
        assert row["flags"] == "one_task"
        assert row["method"] == "none"

    def test_one_task_repeated_speaks_of_that_task(self):
        table = random_table(1, models=1, tasks=1, repetitions=3)
        row = effects(table).iloc[0]
        assert np.isfinite(row["low"])
        assert (row["scope"], row["flags"]) == ("these tasks", "one_task")
        assert effects(table, estimand="tasks")[["low", "high"]].isna().all(axis=None)

    def test_these_tasks_needs_repetitions_in_every_cell(self):
        row = effects(random_table(1, models=1, repetitions=1), estimand="these_tasks").iloc[0]
        assert np.isnan(row["low"])
        assert "needs_repetitions" in row["flags"]

    def test_no_common_task_keeps_the_row(self):
        table = score_table([50.0, None], [None, 60.0])
        row = effects(table).iloc[0]
        assert np.isnan(row["effect"])
        assert row["n_tasks"] == 0
        assert "no_common_task" in row["flags"]

    def test_a_model_without_a_baseline_keeps_its_row(self):
        table = random_table(2)
        table = table[~((table["model"] == 1) & (table["variant"] == "baseline"))]
        found = effects(table).set_index("model")
        assert (found.loc[1, "flags"] == "no_common_task").all()
        assert found.loc[0, "effect"].notna().all()

    def test_a_ceiling_is_no_certainty(self):
        """All 100 on 20 tasks: [-16.8, 0]."""
        row = effects(score_table([100.0] * 20, [100.0] * 20)).iloc[0]
        assert row["low"] == pytest.approx(-16.843, abs=1e-3)
        assert row["high"] == 0
        assert row["p"] == 1
        assert row["flags"] == "zero_variance"
        assert row["method"] == "no_variation_bound"

    def test_p_and_bound_agree_where_nothing_varies(self):
        for n_tasks in range(2, 40):
            row = effects(score_table([40.0] * n_tasks, [60.0] * n_tasks)).iloc[0]
            assert (row["low"] > 0) == (row["p"] < 0.05)

    def test_the_interval_stays_within_what_is_possible(self):
        row = effects(score_table([0.0, 100.0], [100.0, 0.0])).iloc[0]
        assert (row["low"], row["high"]) == (-100, 100)

    def test_all_tasks_of_one_source_give_no_interval(self):
        table = score_table([50.0, 60.0, 70.0], [60.0, 65.0, 90.0]).assign(cluster="repo")
        row = effects(table).iloc[0]
        assert np.isnan(row["low"])
        assert "one_cluster" in row["flags"]

    def test_informative_missing_is_flagged(self):
        row = effects(score_table([50.0] * 10, [60.0] * 8 + [None] * 2)).iloc[0]
        assert "missing_informative" in row["flags"]
        assert (row["missing"], row["missing_variant_share"]) == (2, 0.2)
        assert row["missing_baseline_share"] == 0

    def test_the_worst_case_puts_missing_scores_at_the_end_of_the_range(self):
        table = score_table([50.0, 50.0, 60.0, 40.0], [60.0, 65.0, None, 50.0])
        filled = table.fillna({"score": 0.0})
        row, worst = effects(table).iloc[0], effects(filled).iloc[0]
        assert row["worst_effect"] == pytest.approx(worst["effect"])
        assert row["worst_low"] == pytest.approx(worst["low"])
        best = effects(table.fillna({"score": 100.0})).iloc[0]
        assert row["best_high"] == pytest.approx(best["high"])

    def test_with_the_tasks_held_fixed_the_worst_case_moves_the_interval_as_it_is(self):
        table = random_table(2, models=1, tasks=3, repetitions=4, low=40, high=60)
        table = table[table["variant"] != "w"].reset_index(drop=True)
        table.loc[table.index[-1], "score"] = np.nan
        row = effects(table, estimand="these_tasks").iloc[0]
        shift = effects(table.fillna({"score": 0.0}))["effect"].iloc[0] - row["effect"]
        assert shift < -3
        assert row["worst_low"] == pytest.approx(row["low"] + shift)

    def test_simulated_scores_say_so(self):
        table = score_table([50.0, 60.0], [60.0, 61.0]).assign(simulated=True)
        assert "simulated" in effects(table).iloc[0]["flags"]

    def test_scores_out_of_range_are_flagged(self):
        assert (
            "outside_score_range" in effects(score_table([50.0, 60.0], [60.0, 103.0]))["flags"][0]
        )

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"baseline": "none"}, r"no variant is named 'none'; there are: baseline, v"),
            ({"estimand": "all"}, "estimand 'all' is unknown"),
            ({"level": 95}, "level 95 is no confidence"),
            ({"by": ("tier",)}, "no column 'tier'"),
        ],
    )
    def test_wrong_options_say_what_is_right(self, options: dict, message: str):
        with pytest.raises(TableError, match=message):
            effects(score_table([1.0, 2.0], [2.0, 3.0]), **options)

    def test_an_empty_table_is_refused_and_a_lone_baseline_is_not(self):
        table = score_table([1.0, 2.0], [2.0, 3.0])
        with pytest.raises(TableError, match="has no rows"):
            effects(table.iloc[:0])
        assert len(effects(table[table["variant"] == "baseline"])) == 0


class TestInvariants:
    @settings(max_examples=10, deadline=None)
    @given(seed=st.integers(0, 10**6), order=st.randoms(use_true_random=False))
    def test_the_order_of_rows_changes_nothing(self, seed: int, order):
        table = random_table(seed, missing=0.15)
        rows = list(range(len(table)))
        order.shuffle(rows)
        shuffled = effects(table.iloc[rows])
        assert np.allclose(figures(shuffled), figures(effects(table)), atol=1e-9, equal_nan=True)

    @settings(max_examples=10, deadline=None)
    @given(seed=st.integers(0, 10**6))
    def test_swapped_arms_flip_the_signs(self, seed: int):
        table = random_table(seed, missing=0.15)
        table = table[table["variant"] != "w"]
        there = effects(table)
        back = effects(table, baseline="v")
        for one, other in [("effect", "effect"), ("low", "high"), ("worst_low", "best_high")]:
            assert np.allclose(there[one], -back[other], atol=1e-9, equal_nan=True)
        assert np.allclose(there["p"], back["p"], equal_nan=True)

    @settings(max_examples=10, deadline=None)
    @given(seed=st.integers(0, 10**6), shift=st.floats(-20, 20))
    def test_a_constant_cancels(self, seed: int, shift: float):
        table = random_table(seed, low=30, high=70)
        moved = effects(table.assign(score=table["score"] + shift))
        names = ["effect", "se", "low", "high", "p"]
        assert np.allclose(moved[names], effects(table)[names], atol=1e-9)

    @settings(max_examples=10, deadline=None)
    @given(seed=st.integers(0, 10**6), times=st.integers(1, 3))
    def test_copies_of_every_answer_change_nothing(self, seed: int, times: int):
        table = random_table(seed, missing=0.1)
        copies = [
            table.assign(repetition=table["repetition"] + 100 * n) for n in range(1, times + 1)
        ]
        more = pd.concat([table, *copies])
        for estimand in ("tasks", "these_tasks"):
            one = effects(table, estimand=estimand)
            two = effects(more, estimand=estimand)
            assert np.allclose(figures(one), figures(two), atol=1e-9, equal_nan=True)
            assert (one["distinct_outputs"] == two["distinct_outputs"]).all()
            assert (one["flags"] == two["flags"]).all()

    def test_a_short_answer_counts_as_often_as_it_comes(self):
        """Right nine times of ten without a preamble is 90, though only two texts were seen."""
        slips = [
            {"variant": "baseline", "repetition": n, "score": 100.0 * (n > 0), "output_hash": n > 0}
            for n in range(10)
        ]
        right = [
            {"variant": "careful", "repetition": n, "score": 100.0, "output_hash": True}
            for n in range(10)
        ]
        rows = [row | {"model": "m", "task": f"t{k}"} for k in range(6) for row in slips + right]
        table = pd.DataFrame(rows).astype({"output_hash": str})
        row = effects(table).iloc[0]
        assert (row["baseline_mean"], row["variant_mean"], row["effect"]) == (90, 100, 10)
        assert row["distinct_outputs"] == 1.5
        assert segment_effects(table, by="size").iloc[0]["effect"] == pytest.approx(10)

    @settings(max_examples=10, deadline=None)
    @given(st.lists(st.integers(0, 2), min_size=2, max_size=6), st.integers(0, 10**6))
    def test_no_interval_has_zero_width(self, scores: list[int], seed: int):
        rng = np.random.default_rng(seed)
        other = rng.permutation(scores)
        table = score_table([50.0 * one for one in scores], [50.0 * float(two) for two in other])
        row = effects(table).iloc[0]
        assert row["high"] - row["low"] > 0


class TestOverall:
    def test_one_model_gives_its_own_row(self):
        table = random_table(4, models=1, missing=0.1)
        names = ["effect", "se", "df", "low", "high", "p", "worst_low", "best_high"]
        assert overall_effect(table)[names].to_numpy() == pytest.approx(
            effects(table)[names].to_numpy()
        )

    def test_over_tasks_equals_the_t_over_task_means_when_complete(self):
        table = random_table(4, models=3)
        row = overall_effect(table).iloc[0]
        cells = table.pivot_table("score", "task", ["variant", "model"])
        means = (cells["v"] - cells["baseline"]).mean(axis=1)
        assert row["effect"] == pytest.approx(means.mean())
        assert row["se"] == pytest.approx(stats.sem(means))
        assert row["df"] == pytest.approx(5)
        assert (row["scope"], row["n_models"]) == ("tasks like these", 3)

    def test_over_models_equals_the_t_over_models(self):
        table = random_table(4, models=5)
        row = overall_effect(table, over="models").iloc[0]
        each = effects(table).query("variant == 'v'")["effect"]
        assert row["se"] == pytest.approx(stats.sem(each))
        assert (row["df"], row["scope"]) == (4, "models like these")

    def test_a_model_with_one_task_is_no_ground_for_tasks_like_these(self):
        table = random_table(4)
        table = table[(table["model"] == 0) | (table["task"] == 0)]
        row = overall_effect(table, over="tasks").iloc[0]
        assert np.isnan(row["low"])
        assert "model_with_one_task" in row["flags"]
        assert overall_effect(table)["scope"].eq("models like these").all()


def recorded_benchmark(folder: Path) -> pd.DataFrame:
    """The recorded benchmark (orneryd/Mimir at 01c0203), all four of its sessions."""
    with gzip.open(folder / "mimir_runs.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    names = {"preamble": "preamble", "run": "repetition", "total": "score"}
    table = pd.DataFrame(rows).rename(columns={**names, "response_sha256": "output_hash"})
    table["task"] = "user-validator"
    return table[["model", "preamble", "task", "repetition", "score", "output_hash"]]


class TestPublishedFigures:
    def test_the_recorded_benchmark_is_undecided(self, shared_data: Path):
        """Published: 57.3 -> 73.8, +16.5; the interval over its 6 models was not."""
        table = recorded_benchmark(shared_data)
        first = table[table["repetition"] == 1]
        row = overall_effect(first, baseline="baseline-no-instructions").iloc[0]
        assert row["baseline_mean"] == pytest.approx(57.333, abs=1e-3)
        assert row["variant_mean"] == pytest.approx(73.833, abs=1e-3)
        assert row["effect"] == pytest.approx(16.5)
        assert (row["low"], row["high"]) == pytest.approx((-21.06, 54.06), abs=0.01)
        assert row["effect"] / row["se"] == pytest.approx(1.13, abs=0.005)
        assert (row["df"], row["scope"]) == (5, "models like these")
        assert row["p"] == pytest.approx(0.31, abs=0.005)

    def test_its_effects_per_model(self, shared_data: Path):
        table = recorded_benchmark(shared_data)
        found = effects(table[table["repetition"] == 1], baseline="baseline-no-instructions")
        assert found.set_index("model")["effect"].to_dict() == {
            "deepcoder:1.5b": -19,
            "deepseek-coder:6.7b": 59,
            "gemma3:4b": -12,
            "phi4-mini:3.8b": 9,
            "phi4:14b": -1,
            "qwen2.5-coder:1.5b-base": 63,
        }
        assert found["low"].isna().all()
        assert (found["effect"] > 0).sum() == 3, "published: 4 of 6 improved"
        assert found.loc[found["effect"] > -2, "effect"].mean() == 32.5, "published: +35.5"

    @pytest.mark.parametrize(
        ("variant", "effect", "se", "p"),
        [("concise", -1.762, 0.664, 0.0081), ("verbose", 3.585, 0.832, 1.8e-5)],
    )
    def test_brevity_needs_pairing(
        self, shared_data: Path, variant: str, effect: float, se: float, p: float
    ):
        """AlpacaEval (tatsu-lab/alpaca_eval at cd543a1), gpt-3.5-turbo-1106, win rate in points."""
        with gzip.open(shared_data / "alpaca_brevity.jsonl.gz", "rt") as lines:
            rows = [json.loads(line) for line in lines]
        table = pd.DataFrame([row for row in rows if row["family"] == "gpt-3.5-turbo-1106"])
        table = table.rename(columns={"family": "model", "idx": "task"}).assign(repetition=1)
        table["score"] = (table["judge_preference"] - 1) * 100
        found = effects(table, baseline="plain").set_index("variant").loc[variant]
        assert found["n_tasks"] == 805
        assert found["effect"] == pytest.approx(effect, abs=5e-4)
        assert found["se"] == pytest.approx(se, abs=5e-4)
        assert found["p"] == pytest.approx(p, rel=0.03)
        arms = {name: part["score"] for name, part in table.groupby("variant")}
        unpaired = stats.ttest_ind(arms[variant], arms["plain"], equal_var=False)
        if variant == "concise":
            assert unpaired.pvalue == pytest.approx(0.15, abs=0.005), "missed without pairing"


def test_summaries_with_clusters_equal_the_slow_sandwich():
    rng = np.random.default_rng(9)
    values, cluster = rng.normal(size=40), rng.integers(0, 7, 40)
    found = summarise(values, np.zeros(40, dtype=np.int64), 1, cluster)
    sums = [float((values[cluster == one] - values.mean()).sum()) for one in range(7)]
    assert found.se[0] == pytest.approx(np.sqrt(7 / 6 * np.sum(np.square(sums))) / 40)
    sizes = np.bincount(cluster)
    assert found.df[0] == pytest.approx(40**2 / (sizes**2).sum() - 1)
