"""The published truth: fresh simulations agree with it, and so does a run through the house."""

from dataclasses import asdict
from math import hypot

import pytest

from preamblelab.domain.preambles import parse_label
from preamblelab.domain.records import Response
from preamblelab.domain.rubrics import Rubric
from preamblelab.domain.sizes import size_class
from preamblelab.errors import SpecError
from preamblelab.execution.simulated import PROFILES
from preamblelab.lab.truth import (
    CODING_TESTS,
    VARIANTS,
    PublishedTruth,
    mark_by_checks,
    published_truth,
    simulated_truth,
    true_effect,
)
from preamblelab.library import load_preamble, load_rubric, load_suite
from preamblelab.scoring.evidence.executing_tests import missing_pair

pytestmark = pytest.mark.whole


def text_of(model: str, label: str) -> str:
    parts = parse_label(label)
    size = size_class(PROFILES[model.removeprefix("sim/")].total_b)
    text = load_preamble(parts.name).variant(parts, size).text
    assert text is not None
    return text


@pytest.fixture(scope="module")
def published() -> dict[tuple[str, str], PublishedTruth]:
    return {(row.model, row.variant): row for row in published_truth()}


def test_every_model_has_a_truth_for_every_variant(
    published: dict[tuple[str, str], PublishedTruth],
) -> None:
    expected = {(profile.id, label) for profile in PROFILES.values() for label in VARIANTS}
    assert set(published) == expected


class TestWhatThePublishedTruthShows:
    """The phenomena that the models are there to show; a change of profile must not lose them."""

    @pytest.fixture(autouse=True)
    def _table(self, published: dict[tuple[str, str], PublishedTruth]) -> None:
        self.effect = {key: row.effect for key, row in published.items()}
        self.baseline = {model: row.baseline for (model, _), row in published.items()}

    def test_middling_models_gain_clearly(self) -> None:
        assert self.effect["sim/mid-4b", "careful"] > 12
        assert self.effect["sim/mid-7b", "careful"] > 12

    def test_the_strongest_gains_next_to_nothing_and_loses_by_brevity(self) -> None:
        assert abs(self.effect["sim/large-70b", "careful"]) < 2
        assert self.effect["sim/large-70b", "careful+brevity"] < -1

    def test_brevity_costs_everybody_who_hears_it(self) -> None:
        for profile in PROFILES.values():
            if profile.hears_system:
                brief = self.effect[profile.id, "careful+brevity"]
                assert brief < self.effect[profile.id, "careful"] - 1, profile.id

    def test_a_long_text_hurts_tiny_models_and_their_own_helps_them(self) -> None:
        for model in ("sim/tiny-1b", "sim/tiny-2b-loopy"):
            assert self.effect[model, "careful:large"] < -3
            assert self.effect[model, "careful:tiny"] > 5

    def test_the_loopy_one_collapses_under_the_long_text(self) -> None:
        assert self.effect["sim/tiny-2b-loopy", "careful:large"] < -10

    def test_the_deaf_one_has_exactly_no_effect(self) -> None:
        assert {self.effect["sim/base-1.5b-deaf", label] for label in VARIANTS} == {0.0}

    def test_baselines_fall_into_three_tiers(self) -> None:
        assert self.baseline["sim/tiny-1b"] < 50
        assert 50 < self.baseline["sim/mid-7b"] < 90
        assert self.baseline["sim/large-70b"] > 90


class TestWhereAnswersAreRun:
    """The table of `coding-tests` under `executed`: its points were earned by running."""

    @pytest.fixture
    def table(self) -> dict[str, PublishedTruth]:
        return {row.model: row for row in published_truth(CODING_TESTS)}

    def test_it_holds_its_models(self, table: dict[str, PublishedTruth]) -> None:
        assert set(table) == {f"sim/{name}" for name in CODING_TESTS.models}
        assert {row.variant for row in table.values()} == {"careful"}

    def test_middling_models_gain_and_the_strongest_hardly(
        self, table: dict[str, PublishedTruth]
    ) -> None:
        assert table["sim/mid-7b"].effect > 12
        assert abs(table["sim/large-70b"].effect) < 5
        assert table["sim/tiny-1b"].baseline < table["sim/mid-7b"].baseline < 60
        assert table["sim/large-70b"].baseline > 85

    def test_the_showy_one_gains_by_words_and_stays_far_below_what_its_words_are_worth(
        self, table: dict[str, PublishedTruth]
    ) -> None:
        showy = table["sim/mid-3b-showy"]
        assert showy.effect > 10
        # 44 points are to be had without running anything.
        assert showy.baseline + showy.effect < 44

    def test_marking_it_needs_a_sandbox_and_says_so_where_nothing_could_be_run(self) -> None:
        rubric, (task, *_) = load_rubric("executed"), load_suite("coding-tests").tasks
        with pytest.raises(SpecError, match="names no built-in check"):
            mark_by_checks(rubric)
        mark = mark_by_checks(rubric, lambda *_: missing_pair("tests", "no sandbox here", ""))
        with pytest.raises(SpecError, match=r"'parcel-fee-tests' cannot be marked: no sandbox"):
            mark(task, Response(text=str(task.golden)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "label"),
    [("sim/mid-7b", "careful"), ("sim/tiny-2b-loopy", "careful:large"),
     ("sim/large-70b", "careful+brevity")],
)  # fmt: skip
def test_a_fresh_simulation_agrees(
    model: str, label: str, published: dict[tuple[str, str], PublishedTruth]
) -> None:
    fresh = simulated_truth(model, text_of(model, label), draws=25, seed=4)
    known = published[model, label]
    noise = hypot(fresh.standard_error, known.standard_error)
    assert abs(fresh.effect - known.effect) < 4 * noise


def test_a_text_of_ones_own_has_a_truth_too() -> None:
    silent = true_effect("sim/mid-4b", "You are a pirate.", draws=20)
    asking = true_effect(
        "sim/mid-4b",
        "List edge cases, state your strategy and the reasons, write complete code without "
        "placeholders, and cover every case with distinct tests.",
        draws=20,
    )
    assert asking > silent + 8


def test_the_same_seed_gives_the_same_truth() -> None:
    first = simulated_truth("sim/tiny-1b", "Be brief.", draws=3, seed=1)
    assert asdict(first) == asdict(simulated_truth("sim/tiny-1b", "Be brief.", draws=3, seed=1))
    assert first != simulated_truth("sim/tiny-1b", "Be brief.", draws=3, seed=2)


@pytest.mark.slow
def test_the_standard_error_is_that_of_the_effect() -> None:
    """Independent simulations scatter as widely as each of them says."""
    truths = [
        simulated_truth("sim/mid-4b", "Write complete code.", draws=8, seed=seed)
        for seed in range(12)
    ]
    mean = sum(truth.effect for truth in truths) / len(truths)
    seen = (sum((truth.effect - mean) ** 2 for truth in truths) / (len(truths) - 1)) ** 0.5
    said = sum(truth.standard_error for truth in truths) / len(truths)
    assert 0.5 < seen / said < 1.8


def test_a_rubric_for_judges_has_no_simulated_truth() -> None:
    with pytest.raises(SpecError, match="names no built-in check"):
        mark_by_checks(load_rubric("coding-judged"))


def test_a_perfect_score_is_a_hundred() -> None:
    rubric: Rubric = load_rubric("coding")
    assert sum(c.points for d in rubric.dimensions for c in d.marked) == 100
    assert len(load_suite("smoke").tasks) == 5


@pytest.mark.slow
def test_a_run_through_the_whole_house_finds_the_truth(
    tmp_path: object, published: dict[tuple[str, str], PublishedTruth]
) -> None:
    """Asked through the gateway, stored, marked and paired: the effect lies where it should."""
    import preamblelab as pl

    models = ["sim/mid-7b", "sim/tiny-1b", "sim/large-70b"]
    report = pl.compare(
        load_preamble("careful"),
        models=models,
        suite="smoke",
        repetitions=40,
        settings={"temperature": 0.8, "max_tokens": 2048},
        store=f"{tmp_path}/runs.db",
    )
    effects = report.effects.set_index("model")["effect"]
    effects.index = effects.index.str.replace("sim-", "sim/")  # the catalogue's names
    for model in models:
        known = published[model, "careful"]
        # 40 repetitions are 40 draws of the 250 behind the published figure: the noise is known.
        noise = hypot(known.standard_error * (250 / 40) ** 0.5, known.standard_error)
        assert abs(effects[model] - known.effect) < 4 * noise
