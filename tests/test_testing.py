"""A user can test a script without a model."""

import pytest

import preamblelab as pl
from preamblelab.testing import answers, failing

CODE = "```python\ndef total(numbers):\n    return sum(numbers)\n```\n"


def compare(tmp_path, client, **options):
    return pl.compare(
        "Be careful. Name the edge cases first.",
        models=["openai/any"],
        repetitions=options.pop("repetitions", 1),
        store=tmp_path / "t.db",
        client=client,
        **options,
    )


def test_chosen_texts_come_back_as_answers(tmp_path):
    report = compare(tmp_path, answers("TODO", f"Edge cases: none.\n{CODE}"))
    (row,) = report.effects.to_dict("records")
    assert row["variant_mean"] > row["baseline_mean"]
    assert not report.simulated
    assert "openai/any" in str(report)


def test_a_function_sees_the_trial(tmp_path):
    seen = []

    def told(trial):
        seen.append((trial.model.name, trial.task.name, trial.repetition))
        return f"{trial.task.name} {trial.repetition}"

    compare(tmp_path, answers(told), repetitions=2)
    assert len(set(seen)) == len(seen) / 2, "once under each arm"
    assert {repetition for *_, repetition in seen} == {1, 2}


def test_answers_by_variant_go_before_the_others(tmp_path):
    preamble = pl.Preamble(name="own", text="Be careful.")
    texts = []

    def one(trial):
        texts.append(trial.variant.label)
        return "by variant"

    pl.compare(
        preamble, ["openai/any"], repetitions=1, store=tmp_path / "t.db",
        client=answers("a", "b", by_variant={"own": one}),
    )  # fmt: skip
    assert set(texts) == {"own"}


def test_any_outcome_can_be_played(tmp_path):
    report = compare(tmp_path, answers("again", status="looped"))
    assert set(report.scores["status"]) == {"looped"}


def test_failures_stay_missing_and_are_asked_again_next_time(tmp_path):
    report = compare(tmp_path, failing())
    assert set(report.scores["status"]) == {"failed"}
    assert report.scores["score"].isna().all()
    assert "failed" in str(report)
    report = compare(tmp_path, answers("fine"))
    assert set(report.scores["status"]) == {"ok"}


def test_an_error_in_the_users_function_is_the_users(tmp_path):
    with pytest.raises(ZeroDivisionError):
        compare(tmp_path, answers(lambda trial: str(1 / 0)))
