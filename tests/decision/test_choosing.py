"""Choosing a preamble for a model: what others show, what a probe shows, or none."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preamblelab.decision.choosing import COLUMNS, choose_preamble
from preamblelab.errors import SpecError, TableError

MODELS = pd.DataFrame(
    {"model": list("abcdef"), "size_b": [1.0, 1.5, 4.0, 8.0, 14.0, 70.0]},
)


def table(effects: dict[str, list[float]], se: float = 3.0, **more: object) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"model": m, "variant": v, "effect": e, "se": se, **more}
            for v, values in effects.items()
            for m, e in zip("abcdef", values, strict=True)
        ]
    )


def test_what_helps_everywhere_is_chosen_for_a_model_never_tried_and_it_says_so() -> None:
    choice = choose_preamble(table({"mini": [12.0, 9, 11, 10, 13, 8]}), MODELS, new_size_b=7.0)
    assert choice.variant == "mini"
    assert 7 < choice.expected < 13
    assert choice.p_positive > 0.9
    assert not choice.tested
    assert "untested on this model" in str(choice)
    assert list(choice.to_pandas().columns) == list(COLUMNS)


def test_what_helps_one_size_is_chosen_for_that_size_only() -> None:
    effects = table({"mini": [-9.0, -8, 13, 14, -7, -8], "tiny": [9.0, 11, -6, -7, -8, -6]})
    assert choose_preamble(effects, MODELS, new_size_b=5.0).variant == "mini"
    assert choose_preamble(effects, MODELS, new_size_b=1.2).variant == "tiny"
    assert choose_preamble(effects, MODELS, new_size_b=30.0).variant is None


def test_the_baseline_of_the_new_model_counts() -> None:
    effects = table({"mini": [30.0, 20, 10, 0, -5, -15]})
    effects["baseline_mean"] = [10.0, 25.0, 40.0, 60.0, 75.0, 95.0]
    sizes = MODELS.assign(size_b=np.nan)
    low = choose_preamble(effects, sizes, new_size_b=None, new_baseline=15.0)
    high = choose_preamble(effects, sizes, new_size_b=None, new_baseline=95.0)
    assert low.expected > 15
    assert high.variant is None


def test_weak_evidence_abstains_and_gives_the_figures() -> None:
    effects = table({"mini": [9.0, -8, 7, -9, 6, -4]}, se=6.0)
    choice = choose_preamble(effects, MODELS, new_size_b=7.0, cautious=0.8)
    assert choice.variant is None
    assert choice.expected == 0.0
    assert str(choice).startswith("No preamble: untested on this model; the best, mini,")
    assert "Eight tasks" in str(choice)


def test_a_probe_overrules_the_other_models_and_counts_as_tested() -> None:
    effects = table({"mini": [12.0, 9, 11, 10, 13, 8], "long": [3.0, 2, 4, 1, 3, 2]})
    probe = pd.DataFrame({"variant": ["mini", "long"], "effect": [-14.0, 12.0], "se": [3.0, 3.0]})
    choice = choose_preamble(effects, MODELS, new_size_b=7.0, probe=probe)
    assert choice.variant == "long"
    assert choice.tested
    assert choice.table["probed"].all()
    assert "untested" not in str(choice)


def test_a_tested_model_is_drawn_towards_the_others_by_its_error_only() -> None:
    effects = table({"mini": [2.0, 1, 2, 1, 2, 30]}, se=1.0)
    sure = choose_preamble(effects, MODELS, model="f")
    effects.loc[effects["model"] == "f", "se"] = 20.0
    unsure = choose_preamble(effects, MODELS, model="f")
    assert sure.tested
    assert sure.expected == pytest.approx(30, abs=2)
    assert unsure.expected < 12


@pytest.mark.slow
def test_the_best_of_several_equal_variants_is_not_believed() -> None:
    # Winner's curse (section 7): the best of 6 equal variants looks 3 points better than it is.
    random = np.random.default_rng(0)
    shrunk, raw = [], []
    for _ in range(25):
        seen = {f"v{i}": list(random.normal(0, 3.0, 6)) for i in range(6)}
        choice = choose_preamble(table(seen), MODELS, new_size_b=7.0)
        shrunk.append(float(choice.table["expected"].max()))
        raw.append(max(np.mean(values) for values in seen.values()))
    assert np.mean(shrunk) < 0.8 * np.mean(raw)


def test_effects_without_errors_still_choose_nothing_rash() -> None:
    # One task, one answer: the published table of six models (+16.5 on average).
    effects = table({"mini": [63.0, -19, 9, 59, -12, -1]}, se=float("nan"))
    choice = choose_preamble(effects, MODELS, new_size_b=7.0, cautious=0.8)
    assert choice.variant is None
    assert choice.to_pandas()["sd"].iloc[0] > 5


def test_a_variant_seen_only_in_the_probe_and_models_without_size_are_fine() -> None:
    effects = table({"mini": [1.0, 2, 1, 2, 1, 2]})
    probe = pd.DataFrame({"variant": ["new"], "effect": [20.0], "se": [2.0]})
    choice = choose_preamble(effects, MODELS[["model"]], new_size_b=7.0, probe=probe)
    assert choice.variant == "new"
    assert choice.table.set_index("variant").loc["new", "models"] == 0
    labels = pd.DataFrame({"model": list("abcdef"), "size": ["tiny"] * 5 + ["large"]})
    assert choose_preamble(effects, labels, new_size_b=70.0).table["models"].iloc[0] == 6


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_row_order_does_not_matter_and_a_better_probe_never_lowers_the_chance(seed: int) -> None:
    random = np.random.default_rng(seed)
    effects = table({"mini": list(random.normal(2, 6, 6)), "long": list(random.normal(0, 6, 6))})
    first = choose_preamble(effects, MODELS, new_size_b=4.0)
    mixed = choose_preamble(
        effects.sample(frac=1.0, random_state=seed), MODELS.iloc[::-1], new_size_b=4.0
    )
    pd.testing.assert_frame_equal(first.table, mixed.table, rtol=1e-9)
    chances = []
    for effect in (-5.0, 0.0, 5.0):
        probe = pd.DataFrame({"variant": ["mini"], "effect": [effect], "se": [4.0]})
        found = choose_preamble(effects, MODELS, new_size_b=4.0, probe=probe).table
        chances.append(found.set_index("variant").loc["mini", "p_positive"])
    assert chances == sorted(chances)


def test_the_posterior_equals_the_obvious_regression_under_one_prior(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One grid point, joint normal of seven effects written out and conditioned at once."""
    monkeypatch.setattr("preamblelab.decision.choosing._GRID", ((6.0, 5.0, 3.0, 3.0),))
    effect = np.array([4.0, 6.0, -1.0, 3.0, 8.0, 2.0])
    baseline = np.array([20.0, 30.0, 45.0, 60.0, 80.0, 90.0])
    effects = table({"mini": list(effect)}).assign(baseline_mean=baseline)
    probe = pd.DataFrame({"variant": ["mini"], "effect": [5.0], "se": [4.0]})
    found = choose_preamble(effects, MODELS, new_size_b=5.0, new_baseline=35.0, probe=probe)
    size = np.array([0, 0, 1, 1, 2, 2, 1])
    z = (np.append(baseline, 35.0) - 50) / 25
    joint = 36 + 25 * (size[:, None] == size) + 9 * np.outer(z, z) + 9 * np.eye(7)
    # The probe sees the new model itself: the seventh effect plus its own error.
    seen = joint + np.diag([9.0] * 6 + [16.0])
    weights = np.linalg.solve(seen, joint[6])
    row = found.table.iloc[0]
    assert row["expected"] == pytest.approx(weights @ np.append(effect, 5.0))
    assert row["sd"] == pytest.approx(np.sqrt(joint[6, 6] - joint[6] @ weights))


def test_the_old_column_name_and_the_own_baseline_are_read() -> None:
    effects = table({"mini": [30.0, 20, 10, 0, -5, -15]})
    effects["baseline_mean"] = np.repeat([10.0, 25, 40, 60, 75, 95], 1)
    named = effects.rename(columns={"variant": "preamble"})
    assert choose_preamble(named, MODELS, model="a").expected > 15
    given = choose_preamble(effects, MODELS, model="a", new_baseline=10.0)
    assert choose_preamble(effects, MODELS, model="a").expected == pytest.approx(given.expected)


@pytest.mark.parametrize(("df", "most"), [(1, 0.95), (2, 0.98), (1000, 1.0)])
def test_an_error_from_two_tasks_is_no_known_spread(df: float, most: float) -> None:
    # The report says undecided: 12.7 and 4.3 standard errors reach below zero from 3.
    effects = table({"mini": [12.0] * 6}, se=4.0, df=df)[:1]
    chance = choose_preamble(effects, MODELS, model="a").p_positive
    assert chance < most
    if df == 1000:
        plain = choose_preamble(effects.drop(columns="df"), MODELS, model="a").p_positive
        assert chance == pytest.approx(plain, abs=1e-3)


def test_the_chance_never_falls_with_more_tasks_behind_one_error() -> None:
    chances = [
        choose_preamble(table({"mini": [12.0] * 6}, se=4.0, df=df)[:1], MODELS, model="a")
        for df in (1, 2, 3, 5, 10, 100)
    ]
    assert [c.p_positive for c in chances] == sorted(c.p_positive for c in chances)


def test_an_effect_without_variation_is_as_unsure_as_its_interval() -> None:
    flat = table({"mini": [5.0] * 6}, se=0.0, df=1.0, low=-40.0, high=60.0, level=0.95)[:1]
    sure = choose_preamble(flat.assign(low=4.0, high=6.0), MODELS, model="a")
    assert choose_preamble(flat, MODELS, model="a").p_positive < 0.75 < sure.p_positive


def test_refused_and_undelivered_pairs_are_left_out_and_named() -> None:
    effects = table({"mini": [30.0] * 6, "long": [1.0] * 6}, verdict="undecided", reason="few")
    mini = effects["variant"] == "mini"
    effects.loc[mini, ["verdict", "reason"]] = ["refused", "7 scores are missing"]
    choice = choose_preamble(effects, MODELS, model="a")
    assert list(choice.table["variant"]) == ["long"]
    assert choice.sentence.endswith("Left out on this model: 1 pair refused: 7 scores are missing.")
    nothing = choose_preamble(effects[mini], MODELS, model="a")
    assert nothing.variant is None
    assert not nothing.tested
    assert "nothing usable was measured; 6 pairs refused: 7 scores" in str(nothing)
    assert list(nothing.table.columns) == list(COLUMNS)


def test_wrong_tables_are_refused_in_words() -> None:
    effects = table({"mini": [1.0] * 6})
    with pytest.raises(TableError, match="needs the column 'se'"):
        choose_preamble(effects.drop(columns="se"), MODELS, new_size_b=1.0)
    with pytest.raises(TableError, match="'f' has effects and no row"):
        choose_preamble(effects, MODELS[:5], new_size_b=1.0)
    with pytest.raises(TableError, match="run an experiment first"):
        choose_preamble(effects[:0], MODELS, new_size_b=1.0)
    with pytest.raises(SpecError, match="chance from 0 to 1"):
        choose_preamble(effects, MODELS, new_size_b=1.0, cautious=1.2)


WORLDS = ("nothing", "one for all", "by size", "by baseline", "as the rule says", "both")
VARIANTS = ("large", "mid", "tiny")


def drawn_world(
    random: np.random.Generator, world: str, models: int
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Models, their true effects models x variants, and their sizes as a code of the variants."""
    size_b = np.exp(random.uniform(np.log(0.5), np.log(70), models))
    size = np.where(size_b < 3, 2, np.where(size_b <= 10, 1, 0))
    baseline = np.clip(35 + 7 * np.log2(size_b / 0.5) + random.normal(0, 15, models), 5, 98)
    match = size[:, None] == np.arange(3)
    headroom = (60 - baseline)[:, None] / 4
    effects = {
        "nothing": np.zeros((models, 3)),
        "one for all": np.tile(random.permutation([3.0, 9.0, 5.0]), (models, 1)),
        "by size": np.where(match, 11.0, -3.0),
        "by baseline": headroom * np.array([1.3, 1.0, 0.7]) + np.array([2.0, 1.0, 0.0]),
        "as the rule says": np.where(match & (baseline < 80)[:, None], 12.0, -4.0),
        "both": np.where(match, 6.0, 0.0) + 0.7 * headroom,
    }[world]
    known = pd.DataFrame(
        {"model": [f"m{i}" for i in range(models)], "size_b": size_b, "baseline_mean": baseline}
    )
    return known, effects + random.normal(0, 3.0, effects.shape), size


def regrets(world: str, models: int, draws: int, seed: int) -> pd.Series:
    """Mean points lost against the best of {none, three variants} for a model never seen."""
    random = np.random.default_rng(seed)
    lost: list[dict[str, float]] = []
    for _ in range(draws):
        known, true, size = drawn_world(random, world, models + 1)
        seen = true[:models] + random.normal(0, 4.0, (models, 3))
        effects = pd.DataFrame(
            {
                "model": np.repeat(known["model"][:models], 3).to_numpy(),
                "variant": VARIANTS * models,
                "effect": seen.ravel(),
                "se": 4.0,
                "baseline_mean": np.repeat(known["baseline_mean"][:models], 3).to_numpy(),
            }
        )
        new, here = known.iloc[models], dict(zip(VARIANTS, true[models], strict=True))
        baseline = float(new["baseline_mean"]) + random.normal(0, 2)
        probe = pd.DataFrame(
            {"variant": VARIANTS, "effect": true[models] + random.normal(0, 5, 3), "se": 5.0}
        )
        given = {"new_size_b": float(new["size_b"]), "new_baseline": baseline}
        # The published rule: the preamble of the model's size, none for a strong model.
        rule = None if baseline >= 80 else VARIANTS[size[models]]
        pooled = choose_preamble(effects, known, **given).variant  # type: ignore[arg-type]
        probed = choose_preamble(effects, known, probe=probe, **given).variant  # type: ignore[arg-type]
        best = max(*here.values(), 0.0)
        lost.append(
            {
                name: best - (here[pick] if pick else 0.0)
                for name, pick in (("rule", rule), ("pooled", pooled), ("probed", probed))
            }
        )
    return pd.DataFrame(lost).mean()


@pytest.mark.slow
@pytest.mark.parametrize("models", [6, 12])
def test_pooling_loses_less_than_the_rule_and_a_probe_least(models: int) -> None:
    """Bars of section 7: at most 3.0 points without, 1.5 with a probe, .85 of the rule's."""
    mean = pd.DataFrame([regrets(world, models, 150, seed=5) for world in WORLDS]).mean()
    assert mean["pooled"] <= 3.0
    assert mean["probed"] <= 1.5
    if models == 12:
        assert mean["pooled"] <= 0.85 * mean["rule"]


@pytest.mark.slow
def test_a_small_simulation_of_regret() -> None:
    mean = pd.DataFrame([regrets(world, 12, 6, seed=1) for world in WORLDS]).mean()
    assert mean["pooled"] < mean["rule"] + 0.5
    assert mean["probed"] < mean["pooled"]
