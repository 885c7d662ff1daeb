"""Rules for repetitions: where the verdict is open, three everywhere, by the baseline's score."""

from pathlib import Path

import pytest

import preamblelab as pl
from preamblelab.domain.records import Response
from preamblelab.errors import SpecError
from preamblelab.library import experiment_document, experiment_from_document, load_experiment
from tests.lab.worlds import World, number

pytestmark = pytest.mark.whole


def run(world: World, path: Path, repetitions: int | str, **more) -> pl.Report:
    plan = world.experiment(repetitions=repetitions, tasks=more.pop("tasks", 10))
    return pl.run(plan, path, scorers=[number], client=more.pop("client", world), **more)


def test_auto_repeats_where_the_verdict_is_open_and_nowhere_else(tmp_path):
    world = World(effects={"clear": 40.0, "m5": 6.0}, task_sd=3, repetition_sd=10)
    report = run(world, tmp_path / "t.db", "auto")
    asked = world.per_pair()
    assert asked["clear", "p"] <= 10
    assert all(repetition == 1 for model, _, _, repetition in world.asked if model == "clear")
    assert asked["m5", "p"] > 10
    assert report.looks.saved.share < 0.8
    assert len({task for model, _, task, _ in world.asked if model == "m5"}) == 10


def test_auto_asks_for_no_third_copy_of_one_text(tmp_path):
    """At temperature 0 a model may say the same each time: two copies are enough to know."""
    world = World(effects={"m0": 6.0}, task_sd=9)
    twin = World(effects={"m0": 6.0}, task_sd=9, repetition_sd=0.0)

    def greedy(trial: pl.Trial) -> Response:
        world(trial)
        return twin(trial)

    run(world, tmp_path / "t.db", "auto", client=greedy)
    assert {repetition for _, _, _, repetition in world.asked} == {1, 2}
    assert world.per_pair()["m0", "p"] == 20


def test_always_3_says_what_the_other_rules_would_have_asked(tmp_path):
    world = World(effects={"weak": 30.0, "strong": 5.0}, base={"weak": 20.0, "strong": 85.0})
    report = run(world, tmp_path / "t.db", "always-3")
    assert set(world.per_pair().values()) == {30}
    lines = {line.split()[0]: line.split() for line in str(report).splitlines() if line}
    assert lines["always-3"][1:3] == ["120", "100%"]
    assert lines["seed"][1:3] == ["80", "67%"], "three for the weak model, one for the strong"
    assert int(lines["auto"][1]) < 80


def test_the_seed_rule_asks_three_two_or_one_by_the_first_baseline(tmp_path):
    world = World(
        effects={"weak": 5.0, "middling": 5.0, "strong": 5.0},
        base={"weak": 40.0, "middling": 70.0, "strong": 90.0},
    )
    report = run(world, tmp_path / "t.db", "seed")
    asked = world.per_pair()
    assert [asked[m, "p"] for m in ("weak", "middling", "strong")] == [30, 20, 10]
    assert asked["weak", "baseline"] == 30
    assert "120 of 180 answers were asked (67%): weak 3, middling 2, strong 1." in str(report)
    before = len(world.asked)
    run(world, tmp_path / "t.db", "seed")
    assert len(world.asked) == before


def test_the_seed_rule_goes_on_after_a_stop(tmp_path):
    world = World(effects={"weak": 5.0}, base={"weak": 40.0})
    for _ in range(12):
        run(world, tmp_path / "t.db", "seed", limit=7)
    assert world.per_pair()["weak", "p"] == 30
    assert len(world.asked) == 60


def test_a_rule_is_written_where_the_number_stands(tmp_path):
    text = (
        "name: x\nmodels: [sim/mid-4b]\nvariants: [careful]\nsuite: smoke\nrubric: coding\n"
        "repetitions: auto\nmargin: 3\n"
    )
    (tmp_path / "x.yaml").write_text(text)
    plan = load_experiment(tmp_path / "x.yaml")
    assert (plan.repetitions, plan.repetition_rule, plan.margin) == (3, "auto", 3.0)
    assert plan.stops_early
    assert experiment_from_document(experiment_document(plan)) == plan


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("repetitions: autos", "repetitions: must be 'auto', 'always-3' or 'seed', not 'autos'"),
        ("repetitions: 0", "repetitions: must be at least 1, not 0"),
        ("repetitions: seed\nuntil_decided: on", "exclude each other"),
        ("margin: 0", "margin: must be above 0, not 0"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, written, message):
    text = "name: x\nmodels: [sim/mid-4b]\nvariants: [careful]\nsuite: smoke\nrubric: coding\n"
    (tmp_path / "x.yaml").write_text(text + written + "\n")
    with pytest.raises(SpecError, match=message):
        load_experiment(tmp_path / "x.yaml")


def test_compare_takes_a_rule_and_looks(tmp_path):
    def client(trial: pl.Trial) -> Response:
        good = trial.variant.label != "baseline"
        return Response(text="def test_a():\n    assert add(1, 2) == 3\n" * good or "no")

    report = pl.compare(
        "Think first, please.", ["openai/m"], repetitions="auto", client=client,
        store=tmp_path / "t.db", margin=2.0,
    )  # fmt: skip
    assert report.looks.plan.margin == report.margin == 2.0
    with pytest.raises(SpecError, match="no number and no rule"):
        pl.compare("Think first, please.", ["openai/m"], repetitions="twice")
