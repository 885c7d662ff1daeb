"""Reports on a CSV of scores: what must be said before anything is compared."""

from pathlib import Path

import pytest

from preamblelab.errors import SpecError, TableError
from preamblelab.lab.deciding import report_on

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
