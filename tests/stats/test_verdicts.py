"""The verdict on an effect: what may be claimed, when it is refused, what would decide it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.power import TTestPower

from preamblelab.errors import TableError
from preamblelab.stats.effects import effects
from preamblelab.stats.overall import overall_effect
from preamblelab.stats.sentences import roughly
from preamblelab.stats.verdicts import expected_wrong_claims, sentence, verdicts

N_TASKS = 20


def table_with(
    effect: float,
    spread: float = 6.0,
    *,
    n_tasks: int = N_TASKS,
    models: tuple[str, ...] = ("m",),
    variants: tuple[str, ...] = ("v",),
    repetitions: int = 1,
    noise: float = 0.0,
) -> pd.DataFrame:
    """Differences per task with exactly this mean and standard deviation, and some repetitions."""
    rng = np.random.default_rng(0)
    draws = rng.normal(size=n_tasks)
    shape = (draws - draws.mean()) / draws.std(ddof=1)
    rows = []
    for model in models:
        for number, variant in enumerate(("baseline", *variants)):
            for task in range(n_tasks):
                mean = 50.0 + (effect + spread * np.roll(shape, number)[task]) * (number > 0)
                rows += [
                    (model, variant, task, repetition, mean + noise * (-1) ** repetition)
                    for repetition in range(repetitions)
                ]
    return pd.DataFrame(rows, columns=["model", "variant", "task", "repetition", "score"])


def verdict_of(table: pd.DataFrame, **options) -> pd.Series:
    return verdicts(effects(table), **options).iloc[0]


class TestClaims:
    @pytest.mark.parametrize(
        ("effect", "verdict", "words"),
        [
            (20.0, "better", "a gain of more than 5 points on tasks like these"),
            (6.0, "better", "a gain on tasks like these"),
            (-20.0, "worse", "a loss of more than 5 points on tasks like these"),
            (0.5, "equivalent", "the difference is smaller than 5 points either way"),
            (2.7, "undecided", "more tasks like these would decide it at a margin of 5"),
        ],
    )
    def test_one_interval_makes_every_claim(self, effect: float, verdict: str, words: str):
        row = verdict_of(table_with(effect, spread=6.0 if verdict != "undecided" else 9.0))
        assert row["verdict"] == verdict
        assert words in row["reason"]

    def test_a_clear_gain_smaller_than_the_margin_says_so(self):
        row = verdict_of(table_with(2.0, spread=2.0))
        assert row["verdict"] == "better"
        assert "of less than the 5 points that matter" in row["reason"]

    def test_the_margin_is_the_users(self):
        table = table_with(0.5, spread=6.0)
        assert verdict_of(table, margin=5.0)["verdict"] == "equivalent"
        assert verdict_of(table, margin=1.0)["verdict"] == "undecided"

    def test_the_level_is_that_of_the_effects(self):
        table = table_with(2.7, spread=6.0)
        wide = verdicts(effects(table, level=0.999)).iloc[0]
        narrow = verdicts(effects(table, level=0.9)).iloc[0]
        assert (narrow["verdict"], wide["verdict"]) == ("better", "undecided")

    def test_a_ceiling_is_undecided_until_there_are_enough_tasks(self):
        flat = table_with(0.0, spread=0.0).assign(score=100.0)
        row = verdict_of(flat)
        assert row["verdict"] == "undecided"
        enough = table_with(0.0, spread=0.0, n_tasks=N_TASKS + int(row["more_tasks"]))
        assert verdict_of(enough.assign(score=100.0))["verdict"] == "equivalent"
        fewer = table_with(0.0, spread=0.0, n_tasks=N_TASKS + int(row["more_tasks"]) - 1)
        assert verdict_of(fewer.assign(score=100.0))["verdict"] == "undecided"


class TestHolm:
    def test_several_variants_of_a_model_are_corrected(self):
        alone = verdict_of(table_with(3.2, spread=6.5))
        both = verdicts(effects(table_with(3.2, spread=6.5, variants=("v", "w"))))
        assert alone["verdict"] == "better"
        assert alone["adjusted_level"] == 0.95
        assert set(both["verdict"]) == {"undecided"}
        assert both["adjusted_level"].tolist() == pytest.approx([0.975, 0.975])
        assert (both["adjusted_low"] < both["low"]).all()

    def test_the_clearest_claim_eases_the_next(self):
        table = table_with(3.2, spread=6.5, variants=("v", "w"))
        table.loc[table["variant"] == "w", "score"] += 15
        found = verdicts(effects(table)).set_index("variant")
        assert found["verdict"].to_dict() == {"v": "better", "w": "better"}
        assert found["adjusted_level"].to_dict() == pytest.approx({"v": 0.95, "w": 0.975})

    def test_a_claim_holds_exactly_when_holm_says_so(self):
        rng = np.random.default_rng(4)
        for _ in range(30):
            table = table_with(3.0, spread=6.0, variants=("u", "v", "w"))
            table["score"] += rng.normal(0, 3, len(table))
            found = verdicts(effects(table), margin=0.1)
            claimed = found["verdict"].isin(["better", "worse"])
            assert (claimed == (found["p_holm"] < 0.05)).all()

    def test_the_family_is_a_choice(self):
        table = table_with(3.2, spread=6.5, models=("a", "b", "c"))
        assert set(verdicts(effects(table))["verdict"]) == {"better"}
        assert set(verdicts(effects(table), family="none")["verdict"]) == {"better"}
        assert set(verdicts(effects(table), family="all")["verdict"]) == {"undecided"}
        assert expected_wrong_claims(12) == pytest.approx(0.6)


class TestRefusals:
    def test_one_task_once_is_refused(self):
        row = verdict_of(table_with(9.0, spread=0.0, n_tasks=2).query("task == 0"))
        assert row["verdict"] == "refused"
        assert "one task says nothing about other tasks" in row["reason"]

    def test_a_missing_score_that_could_undo_the_claim_refuses_it(self):
        table = table_with(6.0)
        table.loc[(table["variant"] == "v") & (table["task"] < 2), "score"] = np.nan
        row = verdict_of(table)
        assert row["verdict"] == "refused"
        assert "2 scores are missing and could undo 'better'" in row["reason"]

    def test_a_missing_score_that_could_not_is_reported_only(self):
        table = table_with(20.0, repetitions=3)
        table.loc[5, "score"] = np.nan
        row = verdict_of(table)
        assert (row["verdict"], row["missing"]) == ("better", 1)

    def test_equivalence_needs_both_ends_to_hold(self):
        table = table_with(0.5, spread=4.0)
        table.loc[(table["variant"] == "baseline") & (table["task"] == 3), "score"] = np.nan
        row = verdict_of(table)
        assert row["verdict"] == "refused"
        assert "could undo 'equivalent'" in row["reason"]

    @pytest.mark.parametrize(
        ("options", "message"),
        [({"margin": 0}, "margin 0 is not above 0"), ({"family": "x"}, "family 'x' is unknown")],
    )
    def test_wrong_options(self, options: dict, message: str):
        with pytest.raises(TableError, match=message):
            verdicts(effects(table_with(1.0)), **options)

    def test_a_table_that_is_none_of_effects(self):
        with pytest.raises(TableError, match="it lacks df, effect"):
            verdicts(pd.DataFrame({"model": ["m"], "se": [1.0]}))


class TestWhatWouldDecide:
    def test_more_tasks_of_the_same_kind_decide_it(self):
        row = verdict_of(table_with(3.0, spread=9.0))
        assert row["verdict"] == "undecided"
        more = N_TASKS + int(row["more_tasks"])
        assert verdict_of(table_with(3.0, spread=9.0, n_tasks=more))["verdict"] != "undecided"

    def test_the_tasks_asked_for_give_four_chances_out_of_five(self):
        table = table_with(9.0, spread=30.0)
        found = effects(table)
        row = verdicts(found).iloc[0]
        spread = float(found["se"].iloc[0] * np.sqrt(N_TASKS))
        known = [
            TTestPower().power(
                9.0 / spread, nobs=N_TASKS + int(row["more_tasks"]) - less, alpha=0.05
            )
            for less in (0, 3)
        ]
        assert known[0] >= 0.795
        assert known[1] < 0.8

    def test_with_the_tasks_held_fixed_only_repetitions_can_help(self):
        rng = np.random.default_rng(3)
        table = table_with(2.5, spread=0.0, n_tasks=4, repetitions=2)
        table["score"] += rng.normal(0, 6, len(table))
        row = verdicts(effects(table, estimand="these_tasks")).iloc[0]
        assert row["verdict"] == "undecided"
        assert pd.isna(row["more_tasks"])
        assert row["more_repetitions"] >= 1

    def test_repetitions_decide_when_they_are_the_noise(self):
        """More repetitions are named where they are the noise, and only there."""
        rng = np.random.default_rng(3)
        table = table_with(2.5, spread=0.0, repetitions=2)
        table["score"] += rng.normal(0, 12, len(table))
        row = verdict_of(table)
        assert row["more_repetitions"] >= 1
        still = verdict_of(table_with(2.7, spread=9.0, repetitions=2, noise=0.5))
        assert pd.isna(still["more_repetitions"])
        assert still["more_tasks"] >= 1

    def test_unrepeated_trials_say_nothing_of_repetitions(self):
        assert pd.isna(verdict_of(table_with(3.0, spread=9.0))["more_repetitions"])

    def test_models_are_asked_for_where_models_were_sampled(self):
        rng = np.random.default_rng(1)
        table = table_with(10.0, n_tasks=2, models=tuple("abcdef")).query("task == 0").copy()
        table["score"] += rng.normal(0, 15, len(table))
        row = verdicts(overall_effect(table)).iloc[0]
        assert row["verdict"] == "undecided"
        assert row["more_models"] >= 1
        assert pd.isna(row["more_tasks"])
        assert "more models like these" in row["reason"]


class TestSentences:
    def test_a_line_that_a_person_can_read(self):
        row = verdict_of(table_with(4.2, spread=11.1, models=("gemma3:4b",), variants=("mini",)))
        assert sentence(row) == (
            "gemma3:4b with mini: +4.2 points (−1.0 to +9.4), undecided: "
            f"{row['more_tasks']} more tasks like these would decide it at a margin of 5, if the "
            "effect is really this large"
        )

    @pytest.mark.parametrize(
        ("number", "said"), [(1, 1), (22, 22), (100, 100), (101, 110), (438, 440), (9_901, 10_000)]
    )
    def test_a_forecast_is_rounded_up_to_two_digits(self, number: int, said: int):
        assert roughly(number) == said

    def test_two_tasks_forecast_nothing(self):
        row = verdict_of(table_with(6.0, spread=3.0, n_tasks=2, repetitions=3, noise=4.0))
        assert row["verdict"] == "undecided"
        assert pd.isna(row["more_tasks"])
        assert pd.isna(row["more_repetitions"])
        assert (
            row["reason"] == "too few tasks to say how many more would decide it at a margin of 5"
        )

    @settings(max_examples=30, deadline=None)
    @given(st.floats(-8, 8), st.floats(0, 60), st.integers(2, 8), st.integers(0, 9))
    def test_no_advice_goes_beyond_what_anybody_could_ask(self, effect, spread, n_tasks, seed):
        table = table_with(effect, spread=spread, n_tasks=n_tasks, repetitions=2)
        table["score"] += np.random.default_rng(seed).normal(0, 6, len(table))
        row = verdict_of(table, margin=1.0)
        assert pd.isna(row["more_tasks"]) or row["more_tasks"] <= 10_000
        assert pd.isna(row["more_repetitions"]) or row["more_repetitions"] <= 20

    def test_every_verdict_has_a_sentence(self):
        table = table_with(20.0, spread=9.0, models=("a", "b"))
        table.loc[table["model"] == "b", "score"] = np.nan
        lines = [sentence(row) for _, row in verdicts(effects(table)).iterrows()]
        assert lines[0].startswith("a with v: +20.0 points (")
        assert lines[1] == (
            "b with v: no effect can be computed: no task has a score in both arms; ask or score "
            "the same tasks in both"
        )
