"""The words and tables of a report: what a reader may rely on."""

import itertools

import numpy as np
import pandas as pd
import pytest

from preamblelab.report.reports import Report


def scores(models: int = 2, gains: tuple[float, ...] = (10.0, -9.0), tasks: int = 6, **columns):
    """Tasks that differ, and variants that gain so many points on each of them, more or less."""
    random = np.random.default_rng(0)
    arms = dict(zip(("baseline", "x", "y", "z"), (0.0, *gains), strict=False))
    names = [f"m{number}" for number in range(models)]
    rows = [
        {"model": model, "size": "mid", "variant": variant, "task": f"t{task}", "repetition": 1}
        | {"score": 40.0 + 3 * task + gain + random.normal(0, 3)}
        for model, (variant, gain), task in itertools.product(names, arms.items(), range(tasks))
    ]
    return pd.DataFrame(rows).assign(**columns)


def text(table: pd.DataFrame) -> str:
    return " ".join(str(Report(experiment="e", scores=table)).split())


def test_adjusted_intervals_say_for_what_they_hold() -> None:
    assert "interval: 95 %" in text(scores(gains=(10.0,)))
    three = Report(experiment="e", scores=scores(gains=(0.0, 0.0, 0.0)))
    levels = three.effects["adjusted_level"]
    assert (levels.min(), levels.max()) == pytest.approx((1 - 0.05 / 3, 1 - 0.05 / 3))
    shown = " ".join(str(three).split())
    assert "intervals hold for the 3 variants of a model together at 95 % (98.33 % each)" in shown


def test_there_is_one_minus_sign() -> None:
    shown = str(Report(experiment="e", scores=scores()))
    assert "−9." in shown or "−8." in shown or "−10." in shown
    assert not any(f" -{digit}" in shown for digit in range(10))


def test_the_main_columns_come_first() -> None:
    columns = list(Report(experiment="e", scores=scores()).effects)
    assert columns[:8] == [
        *("model", "size", "variant", "baseline_mean", "variant_mean", "effect", "low", "high")
    ]
    assert columns[8:11] == ["verdict", "reason", "delivery"]
    assert len(set(columns)) == len(columns)


def test_simulated_models_are_marked_once_where_all_are_and_each_where_some_are() -> None:
    every = str(Report(experiment="e", scores=scores(simulated=True)))
    assert "model (simulated)" in every
    assert "m0 (simulated)" not in every
    table = scores()
    some = str(Report(experiment="e", scores=table.assign(simulated=table["model"] == "m1")))
    assert "m1 (simulated)" in some
    assert "m0 (simulated)" not in some
    assert "model (simulated)" not in some


def test_the_verdict_over_all_models_says_its_scope() -> None:
    for table, scope in ((scores(), "tasks like these"), (scores(4, tasks=1), "models like these")):
        report = Report(experiment="e", scores=table)
        assert set(report.overall["scope"]) == {scope}
        said = " ".join(str(report).split()).partition("Verdict on x")[2]
        assert scope in said.partition("Verdict on y")[0]


def segments(table: pd.DataFrame) -> list[str]:
    shown = str(Report(experiment="e", scores=table))
    return (
        shown.partition("By baseline tier and size\n")[2].split("\n\nModels under")[0].splitlines()
    )


def test_segments_of_one_model_are_left_out_and_codes_are_words() -> None:
    assert not any(line.startswith("tier") for line in segments(scores(models=1, tasks=8)))
    table = scores(models=3, tasks=8)
    again = table.assign(repetition=2, score=table["score"] + 1)
    lines = segments(pd.concat([table, again], ignore_index=True))
    rows = [line for line in lines if line.startswith("tier")]
    assert rows
    assert not any("_" in line or "clusters" in line for line in rows)
    assert any(line.rstrip().endswith("note") for line in lines)


def test_a_model_near_a_bound_says_that_it_counts_twice() -> None:
    table = scores(models=3, tasks=8)
    table["score"] += 50.0 - table.loc[table["variant"] == "baseline", "score"].mean()
    up = table.assign(repetition=2, score=table["score"] + 3)
    lines = segments(pd.concat([table, up], ignore_index=True))
    assert any("near a bound" in line for line in lines if line.startswith("tier"))
    assert any("count in two tiers" in line for line in lines)


def test_one_repetition_has_no_range_and_models_stand_in_groups() -> None:
    shown = str(Report(experiment="e", scores=scores(models=2)))
    table = shown.partition("Models under baseline")[2]
    assert "group  model" in table
    rows = [line for line in table.splitlines() if "one repetition" in line]
    assert len(rows) == 2
    assert all(line.endswith(" -") for line in rows)


def test_without_replicates_no_effect_is_called_smaller_than_chance() -> None:
    """Equal marks of equal answers say nothing of chance, where no judge gave them."""
    table = scores(models=1, gains=(0.0,))
    table = table.assign(score=50.0, output_hash=table["task"])
    report = Report(experiment="e", scores=table)
    assert report.noise.floor is None
    assert "may be chance in the answers" not in str(report)
    assert not report.effects["below_floor"].any()


def test_a_verdict_says_over_how_many_of_the_models_it_is() -> None:
    rows = [
        {"model": model, "size": "mid", "variant": arm, "task": f"t{task}", "repetition": 1}
        | {"score": float("nan") if model == "keyless" else 50.0 + 10 * (arm == "x") + task}
        for model in ("a", "b", "keyless")
        for arm in ("baseline", "x")
        for task in range(5)
    ]
    said = str(Report(experiment="e", scores=pd.DataFrame(rows)))
    assert "Verdict on x over 2 of 3 models: +10.0 points" in " ".join(said.split())
