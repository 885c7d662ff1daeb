"""Where the variance comes from, and what a design cannot see for it."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from preamblelab.errors import TableError
from preamblelab.stats.effects import effects
from preamblelab.stats.henderson import chain_components
from preamblelab.stats.intervals import visible_effect
from preamblelab.stats.noise import below_floor, components, noise_floor

TRUTH = {"task": 144, "task_model": 64, "task_variant": 36, "repetition": 64, "judge": 25}


def draw(
    seed: int,
    shape: tuple[int, int, int, int, int] = (6, 2, 20, 3, 2),
    *,
    missing: float = 0.0,
    truth: dict[str, float] = TRUTH,
) -> pd.DataFrame:
    """Scores of models x variants x tasks x repetitions x judges with known variances."""
    rng = np.random.default_rng(seed)
    model, variant, task, repetition, judge = np.indices(shape).reshape(5, -1)
    n_models, n_variants, n_tasks, n_repetitions, _ = shape

    def part(name: str, *factors: tuple[np.ndarray, int]) -> np.ndarray:
        code = np.zeros(len(model), dtype=int)
        for values, size in factors:
            code = code * size + values
        return rng.normal(0, np.sqrt(truth[name]), code.max() + 1)[code]

    by_task, by_model, by_variant = (task, n_tasks), (model, n_models), (variant, n_variants)
    by_repetition = (repetition, n_repetitions)
    score = 50.0 + 3 * judge + 2 * variant + 5 * model + part("task", by_task)
    score += part("task_model", by_task, by_model)
    score += part("task_variant", by_task, by_model, by_variant)
    score += part("repetition", by_task, by_model, by_variant, by_repetition)
    score += rng.normal(0, np.sqrt(truth["judge"]), len(score))
    table = pd.DataFrame(
        {
            "model": model,
            "variant": np.where(variant == 0, "baseline", "v" + pd.Series(variant).astype(str)),
            "task": task,
            "repetition": repetition,
            "judge": judge,
            "score": score,
        }
    )
    return table[rng.random(len(table)) >= missing]


def raw(table: pd.DataFrame) -> pd.Series:
    return components(table).set_index("component")["raw"]


class TestComponents:
    @pytest.mark.parametrize("missing", [0.0, 0.25])
    def test_they_find_the_truth(self, missing: float):
        found = np.mean([raw(draw(seed, missing=missing)) for seed in range(12)], axis=0)
        ratio = found / np.array(list(TRUTH.values()))
        assert ratio[3:] == pytest.approx([1, 1], abs=0.10)
        assert ratio[1:3] == pytest.approx([1, 1], abs=0.25)
        assert ratio[0] == pytest.approx(1, abs=0.40)

    @pytest.mark.parametrize("seed", range(3))
    def test_the_sparse_way_equals_dense_projections(self, seed: int):
        """The definition, with matrices: SS = y'(P_k - P_k-1)y and its expectation by traces."""
        table = draw(seed, (3, 3, 5, 2, 2), missing=0.3, truth=dict.fromkeys(TRUTH, 50))
        names = ["model", "variant", "task", "repetition"]
        keys = table[names].astype(str)

        def codes(*columns: str) -> np.ndarray:
            return pd.factorize(keys[list(columns)].agg("|".join, axis=1), sort=True)[0]

        chain = [
            ("task", codes("task")),
            ("task_model", codes("task", "model")),
            ("task_variant", codes("task", "model", "variant")),
            ("repetition", codes(*names)),
            ("judge", np.arange(len(table))),
        ]
        values = table["score"].to_numpy()
        fixed, judge = codes("model", "variant"), table["judge"].to_numpy()
        fast = chain_components(values, fixed, judge, chain)

        def dummies(code: np.ndarray) -> np.ndarray:
            return np.eye(code.max() + 1)[code]

        design = [np.hstack([dummies(fixed), dummies(judge)])]
        for _, code in chain[:-1]:
            design.append(np.hstack([design[-1], dummies(code)]))
        projections = [one @ np.linalg.pinv(one) for one in design] + [np.eye(len(values))]
        steps = np.diff(projections, axis=0)
        squares = [values @ step @ values for step in steps]
        weights = [
            [np.trace(dummies(code).T @ step @ dummies(code)) for _, code in chain]
            for step in steps
        ]
        slow = np.linalg.solve(weights, squares)
        assert [one.df for one in fast] == [round(np.trace(step)) for step in steps]
        # The fast way goes on with 0 above a negative, so it is held against the same rule.
        rule = np.zeros(len(chain))
        for level in range(len(chain) - 1, -1, -1):
            explained = np.dot(weights[level][level + 1 :], np.maximum(rule[level + 1 :], 0))
            rule[level] = (squares[level] - explained) / weights[level][level]
        assert [one.raw for one in fast] == pytest.approx(rule)
        if (slow >= 0).all():
            assert [one.raw for one in fast] == pytest.approx(slow)

    def test_one_judge_is_inside_the_repetition(self):
        table = components(draw(0, (4, 2, 8, 2, 1))).set_index("component")
        assert table.loc["judge", "flags"] == "not_separable: inside repetition"
        assert np.isnan(table.loc["judge", "variance"])
        assert table.loc["repetition", "flags"] == ""

    def test_one_repetition_of_one_judge_is_inside_the_task(self):
        table = components(draw(0, (4, 2, 8, 1, 1))).set_index("component")
        assert table.loc["repetition", "flags"] == "not_separable: inside task_variant"
        assert table.loc["judge", "flags"] == "not_separable: inside task_variant"

    def test_one_model_and_one_task(self):
        one_model = components(draw(0, (1, 2, 8, 2, 1))).set_index("component")
        assert one_model.loc["task_model", "flags"] == "not_separable: inside task"
        one_task = components(draw(0, (4, 2, 1, 3, 2))).set_index("component")
        assert one_task.loc["task", "flags"] == "not_estimable"
        assert one_task.loc["repetition", "variance"] > 0

    def test_negatives_are_kept_and_flagged(self):
        truth = {**TRUTH, "task_variant": 0.0}
        tables = [components(draw(seed, truth=truth)).set_index("component") for seed in range(8)]
        rows = [table.loc["task_variant"] for table in tables]
        negative = [row for row in rows if row["raw"] < 0]
        assert negative
        for row in negative:
            assert (row["variance"], row["flags"]) == (0, "negative_set_to_0")

    def test_dimensions_are_summed_per_judge(self):
        table = draw(1, (3, 2, 6, 2, 2))
        halves = [table.assign(dimension=name, score=table["score"] / 2) for name in "xy"]
        assert raw(pd.concat(halves)).to_numpy() == pytest.approx(raw(table).to_numpy())

    def test_an_executed_test_beside_the_judges_counts_for_each_alike(self):
        table = draw(1, (3, 2, 6, 2, 2))
        marks = table.assign(dimension="x", judge=table["judge"].astype(str))
        tests = table[table["judge"] == 0].assign(dimension="tests", judge="run", score=10.0)
        assert raw(pd.concat([marks, tests])).to_numpy() == pytest.approx(raw(table).to_numpy())

    def test_copies_show_the_judge_alone(self):
        table = draw(3, (3, 2, 10, 1, 1)).drop(columns="judge")
        table["output_hash"] = [f"h{row}" for row in range(len(table))]
        again = table.assign(repetition=2)
        again["score"] += np.random.default_rng(0).normal(0, 2, len(again))
        found = components(pd.concat([table, again])).set_index("component")
        assert found.loc["judge", "sd"] == pytest.approx(np.sqrt(2), rel=0.3)
        assert found.loc["repetition", "flags"].startswith("not_separable")

    def test_a_table_without_scores_is_refused(self):
        with pytest.raises(TableError, match="holds no score"):
            components(draw(0, (2, 2, 2, 1, 1)).assign(score=np.nan))


class TestNoiseFloor:
    def test_the_spread_between_repetitions_and_what_the_design_sees(self):
        table = draw(5, (4, 2, 20, 3, 1)).assign(score=lambda one: one["score"].clip(0, 100))
        floor = noise_floor(table)
        assert floor.repetition is not None
        assert floor.repetition.sd == pytest.approx(np.sqrt(64 + 25), rel=0.15)
        assert floor.repetition.low < np.sqrt(89) < floor.repetition.high
        assert floor.repetition.n_replicates == 4 * 2 * 20 * 2
        quantile, sd = stats.t.ppf(0.975, 320), floor.repetition.sd
        assert floor.floor == pytest.approx(quantile * sd * np.sqrt(2 / (20 * 3)))
        limits = sd * np.sqrt(320 / stats.chi2.ppf([0.975, 0.025], 320))
        assert (floor.repetition.low, floor.repetition.high) == pytest.approx(tuple(limits))
        found = effects(table)
        assert floor.half_width == pytest.approx((found["high"] - found["effect"]).median())
        assert floor.smallest_effect > floor.half_width > 0
        assert floor.judge is None
        assert (floor.n_tasks, floor.n_repetitions, floor.n_copies) == (20, 3, 0)
        assert below_floor(found, floor).tolist() == (found["effect"].abs() < floor.floor).tolist()
        assert f"An effect below {floor.floor:.1f} points may be chance" in floor.sentence
        assert "An effect below" not in replace(floor, floor=0.0).sentence  # nothing was seen

    def test_the_smallest_effect_is_found_four_times_out_of_five(self):
        rng = np.random.default_rng(6)
        effect = float(visible_effect(np.array([1.0]), np.array([7.0]), level=0.95, chance=0.8)[0])
        draws = rng.normal(effect, np.sqrt(8), (20_000, 8))
        found = stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05
        assert found.mean() == pytest.approx(0.8, abs=0.01)

    def test_the_recorded_benchmark(self, shared_data: Path):
        """Eight byte-identical pairs, scored -1 0 +4 -2 +1 0 0 -1 apart: SD 1.20 is the judge."""
        with gzip.open(shared_data / "mimir_runs.jsonl.gz", "rt") as lines:
            rows = [json.loads(line) for line in lines]
        names = {"preamble": "variant", "run": "repetition", "total": "score"}
        table = pd.DataFrame(rows).rename(columns={**names, "response_sha256": "output_hash"})
        table["task"] = "user-validator"
        baseline = "baseline-no-instructions"
        both = noise_floor(table[table["repetition"] <= 2], baseline=baseline)
        assert both.repetition is not None
        assert both.judge is not None
        assert (both.n_repeats, both.n_copies) == (6, 4)
        assert both.repetition.sd == pytest.approx(14.8, abs=0.05)
        every = noise_floor(table, baseline=baseline)
        assert every.judge is not None
        assert every.judge.n_replicates == 8
        assert every.judge.sd == pytest.approx(np.sqrt((1 + 16 + 4 + 1 + 1) / 2 / 8))
        assert "8 such marks): that is the judge alone" in every.sentence
        assert "can see no effect on tasks like these" in every.sentence

    def test_nothing_repeated_is_said(self):
        floor = noise_floor(
            draw(5, (2, 2, 8, 1, 1)).assign(score=lambda one: one["score"] / 2 + 25)
        )
        assert floor.repetition is None
        assert floor.floor is None
        assert "No trial was repeated" in floor.sentence
        assert "With 8 tasks this design knows an effect to ±" in floor.sentence


def test_a_copy_that_keeps_its_points_says_nothing_of_a_judge() -> None:
    """A scorer of text marks a copy as it marked the first: that is no noise of a judge."""
    rows = [
        {"model": "m", "variant": arm, "task": f"t{task}", "repetition": n, "score": 10.0 * task}
        | {"output_hash": f"{arm}{task}"}
        for arm in ("baseline", "x")
        for task in range(4)
        for n in (1, 2)
    ]
    said = noise_floor(pd.DataFrame(rows)).sentence
    assert "A byte-identical answer marked again keeps its points." in said
    assert "judge" not in said
