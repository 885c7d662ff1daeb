"""Reports on a CSV of scores: what must be said before anything is compared."""

from pathlib import Path

import pytest

from preamblelab.domain.claims import ClaimsSpec
from preamblelab.domain.experiments import Budget, Experiment
from preamblelab.errors import SpecError, TableError
from preamblelab.lab.deciding import designs, planned_power, report_on
from preamblelab.lab.running import execute
from preamblelab.lab.usecases import comparison
from preamblelab.stats.planning import Spreads, plan_design
from preamblelab.store import Store

HEADER = "model,variant,task,score\n"


def written(folder: Path, labels: tuple[str, str], low: float = 40, high: float = 60) -> str:
    path = folder / "scores.csv"
    rows = [
        f"m,{label},t{task},{score + task}\n"
        for label, score in zip(labels, (low, high), strict=True)
        for task in range(6)
    ]
    path.write_text(HEADER + "".join(rows))
    return str(path)


def test_no_variant_is_the_baseline_for_coming_first(tmp_path: Path) -> None:
    path = written(tmp_path, ("short", "none"))
    with pytest.raises(
        TableError, match=r"scores\.csv: no variant is called 'baseline'.*short, no"
    ):
        report_on(path, tmp_path / "absent.db")
    report = report_on(path, tmp_path / "absent.db", baseline="none")
    assert list(report.effects["variant"]) == ["short"]
    assert float(report.effects["effect"].iloc[0]) == pytest.approx(-20)
    with pytest.raises(TableError, match="no variant is called 'nine'"):
        report_on(path, tmp_path / "absent.db", baseline="nine")


def test_options_of_a_csv_are_refused_for_an_experiment(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="scale is for a CSV"):
        report_on("quickstart", tmp_path / "absent.db", scale=100)


@pytest.mark.parametrize("judge", [0.0, 25.0])
def test_no_design_is_shown_that_a_cheaper_one_beats(judge: float) -> None:
    spreads = Spreads(task_variant=36.0, repetition=64.0, judge=judge)
    every = plan_design(spreads, 4.0, 1.0, 1.0)
    shown = designs(spreads, 4.0, cost_generation=1.0, cost_judge=1.0)
    assert shown["cost"].iloc[0] == every["cost"].min()
    for row in shown.itertuples():
        better = shown[(shown["cost"] <= row.cost) & (shown["n_tasks"] <= row.n_tasks)]
        assert len(better) == 1
    assert (shown["n_judges"] == 1).all() or judge > 0
    assert shown["n_tasks"].min() == every["n_tasks"].min()


def test_a_spread_that_nobody_measured_is_not_silently_none(tmp_path: Path) -> None:
    path = Path(written(tmp_path, ("baseline", "x")))

    def told() -> str:
        options = {"points": 5.0, "effect": None, "stated": (), "cost_answer": 1, "cost_mark": 1}
        return " ".join(planned_power(str(path), tmp_path / "s.db", **options).text.split())

    once = path.read_text().replace("m,x,t0,60", "m,x,t0,71")
    path.write_text(once)
    assert "the spread between repetitions is not known" in told()
    rows = [line.split(",") for line in once.splitlines()[1:]]
    lines = [f"{m},{v},{t},{r},{float(s) + r * 3}" for m, v, t, s in rows for r in (1, 2)]
    path.write_text("model,variant,task,repetition,score\n" + "\n".join(lines) + "\n")
    assert "not known" not in told()


def claimed(states: float, **more: str) -> Experiment:
    said = {"says": "It helps.", "compute": "mean_effect", "states": states, **more}
    plan = comparison(
        "Name the edge cases first.", ["sim/mid-4b"], suite="smoke", repetitions=1, rubric="coding",
        judges=(), settings={}, budget=Budget(), seed=1,
    )  # fmt: skip
    return plan.model_copy(
        update={"claims": ClaimsSpec.model_validate({"source": "a blog", "claims": (said,)})}
    )


def test_the_claims_of_an_experiment_are_checked_without_an_option(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    plan = claimed(99.0)
    with Store(path) as store:
        execute(plan, store)
    report = report_on(plan.name, path)
    assert report.published is not None
    assert report.published.source == "a blog"
    assert not report.published.checked[0].follows
    assert "What was claimed" in report.to_html()
    with Store(path) as store:
        execute(claimed(99.0, compute="no_such_thing"), store)
    facts = dict(report_on(plan.name, path).facts)
    assert f"claim 1 of '{plan.name}'" in facts["claims not checked"]
