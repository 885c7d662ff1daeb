"""Published sentences are recomputed: what follows, what does not, and by which computation."""

import pandas as pd
import pytest

from preamblelab.errors import TableError
from preamblelab.stats.claims import Claim, agrees, check_claim, check_claims
from preamblelab.stats.computations import COMPUTATIONS, Evidence

# Six models on one task, before and after, as published (see docs/recorded.md).
PUBLISHED = {
    "phi4:14b": (99, 98),
    "gemma3:4b": (95, 83),
    "deepseek-coder:6.7b": (35, 94),
    "phi4-mini:3.8b": (57, 66),
    "qwen2.5-coder:1.5b-base": (15, 78),
    "deepcoder:1.5b": (43, 24),
}
AGAIN = {
    "deepseek-coder:6.7b": (64, 88),
    "phi4-mini:3.8b": (56, 66),
    "qwen2.5-coder:1.5b-base": (19, 76),
}


def scores(of: dict[str, tuple[float, float]]) -> pd.DataFrame:
    rows = [
        (model, arm, "task", 1, float(value), f"{model}{arm}")
        for model, pair in of.items()
        for arm, value in zip(("baseline", "mini"), pair, strict=True)
    ]
    columns = ["model", "variant", "task", "repetition", "score", "output_hash"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(size=["tiny" if ":1.5b" in model else "mid" for model in table["model"]])


EVIDENCE = Evidence(
    tables={"run-1": scores(PUBLISHED), "run-2": scores(AGAIN)},
    baselines={"run-1": "baseline", "run-2": "baseline"},
)


def checked(compute: str, states: object, **where: object):
    return check_claim(Claim(says="...", compute=compute, states=states, where=where), EVIDENCE)


@pytest.mark.parametrize(
    ("compute", "states", "where"),
    [
        ("mean_effect", 16.5, {}),
        ("mean_effect_percent", 28.8, {}),
        ("improved_count", 3, {}),
        ("regressed_count", 3, {}),
        ("model_effect", -12, {"model": "gemma3:4b"}),
        ("model_effect", 59, {"model": "deepseek-coder:6.7b"}),
        ("mean_effect_over", 43.7, {"subset": "rose"}),
        ("mean_effect_over", 32.5, {"subset": "without_regressions"}),
        ("mean_effect", 21.1, {"experiments": ["run-1", "run-2"]}),
        ("mean_effect", 23.4, {"experiments": ["run-1", "run-2"]}),
        ("mean_effect", 37.0, {"experiments": ["run-1", "run-2"]}),
        ("range", (-19, 63), {}),
        ("per_tier_mean", 34.3, {"bounds": [0, 50]}),
        ("best_tier", (0.0, 50.0), {"tiers": [[0, 50], [50, 80], [80, 100]]}),
        ("every_model", False, {"size": "tiny", "direction": "fell"}),
        ("t_over_models", 1.13, {}),
        ("t_over_models", "undecided", {}),
        ("same_again", 29, {"experiments": ["run-1", "run-2"], "model": "deepseek-coder:6.7b",
                            "variant": "baseline"}),
        ("win_floor", 1.52, {"tests": 28, "models": 11}),
        ("win_floor", 0.805, {"tests": 100, "models": 11, "per": 28}),
    ],
)  # fmt: skip
def test_what_follows_from_the_table(compute, states, where):
    found = checked(compute, states, **where)
    assert found.follows, found.sentence
    assert found.sentence.startswith("follows: ")


@pytest.mark.parametrize(
    ("compute", "states", "where", "says"),
    [
        ("improved_count", 4, {}, "it is 3 of 6, because phi4:14b is −1"),
        ("mean_effect_over", 35.5, {"subset": "without_regressions"}, "+32.5 without"),
        ("mean_effect_over", 35.5, {"subset": "without_regressions"}, "no choice among the 6"),
        ("mean_effect", 24.6, {"experiments": ["run-1", "run-2"]}, "+21.1 over 9 deltas"),
        ("range", (9, 60), {}, "leaves out deepcoder:1.5b −19, gemma3:4b −12, phi4:14b −1"),
        ("best_tier", (50.0, 80.0), {"tiers": [[0, 50], [50, 80], [80, 100]]}, "+34.3 (3)"),
        ("t_over_models", "better", {}, "undecided: t 1.13 on 5 df"),
        ("win_floor", 0.9, {"tests": 100, "models": 11, "per": 28}, "it is 0.805"),
    ],
)
def test_what_does_not_follow_names_the_computation(compute, states, where, says):
    found = checked(compute, states, **where)
    assert not found.follows
    assert found.sentence.startswith("does not follow: it is ")
    assert says in found.sentence


def test_a_figure_that_follows_still_says_what_it_does_not_show():
    assert "−21.1 and +54.1" in checked("mean_effect", 16.5).caution
    assert "same answers" in checked("per_tier_mean", 34.3, bounds=[0, 50]).caution
    assert "one task" in checked("model_effect", 59, model="deepseek-coder:6.7b").caution


@pytest.mark.parametrize(
    ("compute", "where", "says"),
    [
        ("mean_efect", {}, "did you mean 'mean_effect'"),
        ("mean_effect", {"subset": "rose"}, "takes no 'subset'"),
        ("mean_effect_over", {}, "needs 'subset:'"),
        ("mean_effect_over", {"subset": "some"}, "known: rose"),
        ("mean_effect", {"experiments": ["run-3"]}, "no experiment 'run-3'"),
        ("mean_effect", {"variant": "maxi"}, "run-1 has the variants mini"),
        ("model_effect", {"model": "gpt"}, "no effect on 'gpt'"),
        ("judge_spread", {}, "no answer was marked twice"),
        ("t_over_models", {"experiments": ["run-1", "run-2"]}, "name one"),
    ],
)
def test_a_claim_that_cannot_be_computed_is_refused(compute, where, says):
    with pytest.raises(TableError, match=says.replace("'", ".")):
        checked(compute, 1.0, **where)


@pytest.mark.parametrize(
    ("stated", "found", "same"),
    [
        (16.5, 16.5, True), (16.5, 16.54, True), (16.5, 16.56, False), (4, 3, False), (4, 4, True),
        (1.52, 1.521, True), (1.5, 1.521, True), (True, 1.0, False), ("better", "better", True),
        ((9, 60), (9.0, 60.0), True), ((9, 60), (9.0, 63.0), False), (9, (9.0, 60.0), False),
        (-12, -12.0, True), (12, -12.0, False),
    ],
)  # fmt: skip
def test_a_value_agrees_to_its_last_digit(stated, found, same):
    assert agrees(stated, found) is same


def test_all_claims_make_a_table_and_row_order_does_not_matter():
    claims = [
        Claim(says="rose", compute="improved_count", states=4),
        Claim(says="mean", compute="mean_effect", states=16.5),
    ]
    table = check_claims(claims, EVIDENCE)
    assert table["follows"].tolist() == [False, True]
    shuffled = Evidence(
        tables={"run-1": EVIDENCE.tables["run-1"].sample(frac=1, random_state=3)},
        baselines={"run-1": "baseline"},
    )
    again = check_claims(claims, shuffled)
    assert again["sentence"].tolist() == table["sentence"].tolist()


def test_every_computation_says_what_it_is():
    for name, computation in COMPUTATIONS.items():
        assert computation.work.__doc__, name
        assert "experiments" in computation.takes
