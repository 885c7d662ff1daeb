"""What a notebook shows: reports in a box of their own, live progress, a figure of matplotlib."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import preamblelab as pl
from preamblelab.errors import MissingExtraError
from preamblelab.report.pictures import effect_rows
from preamblelab.report.progress import NotebookProgress, Progress, usual_progress
from preamblelab.report.reports import Arrival
from tests.viewer.serving import HOSTILE

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module")
def report() -> pl.Report:
    scores = pl.simulate_scores(models=2, tasks=12, repetitions=2, effect=9.0, seed=4)
    lost = scores["model"].iloc[0]
    variant = next(each for each in scores["variant"] if each != "baseline")
    return pl.Report(
        experiment="told & shown",
        question=HOSTILE,
        scores=scores,
        arrivals={(lost, variant): Arrival(state="undelivered")},
    )


def test_a_report_stands_in_a_box_that_touches_nothing_else(
    browser: Any, report: pl.Report, tmp_path: Path
) -> None:
    page = tmp_path / "notebook.html"
    around = "<h1 id=mine>mine</h1><table><tr><td>x</td></tr></table>"
    page.write_text(f"<!doctype html><meta charset=utf-8>{around}", "utf-8")
    tab = browser.new_page()
    tab.goto(page.as_uri())
    look = """() => ['h1#mine', 'body', 'td'].map(
        name => ['font', 'color', 'margin', 'background', 'padding'].map(
            each => getComputedStyle(document.querySelector(name))[each]))"""
    before = tab.evaluate(look)
    page.write_text(f"{page.read_text('utf-8')}{report._repr_html_()}", "utf-8")
    tab.reload()
    assert tab.evaluate(look) == before
    box = tab.locator(".preamblelab-box")
    assert "told & shown" in box.locator("h1").inner_text()
    assert "simulated results" in box.inner_text()
    assert box.locator("svg.fig").count() >= 1
    assert box.locator("tbody tr").count() >= 2
    assert "system-ui" in box.evaluate("each => getComputedStyle(each).fontFamily")
    assert tab.evaluate("window.ran") is None
    assert "<script>window.ran = 1</script>" in box.inner_text()
    tab.close()


def test_the_figure_draws_the_numbers_of_the_report(report: pl.Report) -> None:
    figure = report.plot()
    left, right = figure.axes
    rows = effect_rows(report)
    ends = [line.get_xdata() for line in left.lines if len(line.get_xdata()) == 2]
    assert [list(pair) for pair in ends] == [[row.baseline, row.variant] for row in rows]
    spans = [list(line.get_xdata()) for line in right.lines if line.get_marker() == "|"]
    assert spans == [[row.low, row.high] for row in rows if row.effect == row.effect]
    words = [text.get_text() for text in right.texts]
    assert sum("not delivered" in each for each in words) == 1
    widths = sorted(patch.get_width() / 2 for patch in right.patches)
    assert widths == pytest.approx([report.noise.floor, report.noise.smallest_effect])
    assert "simulated" in figure.get_suptitle()
    assert figure._repr_png_().startswith(b"\x89PNG"), "a notebook shows it without any setting"


def test_a_figure_without_a_band_has_no_legend_and_marks_what_has_no_interval() -> None:
    columns = ["model", "variant", "task", "repetition", "score"]
    rows = [("a", v, "t", 1, s) for v, s in (("baseline", 40.0), ("v", 60.0))]
    figure = pl.Report(experiment="e", scores=pd.DataFrame(rows, columns=columns)).plot()
    assert not figure.legends
    assert "hollow: no interval can be had" in figure.axes[1].get_xlabel()
    assert figure.axes[1].lines[-1].get_markerfacecolor() == "white"


def test_without_matplotlib_the_install_line_is_told(
    report: pl.Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'preamblelab\[plot\]'"):
        report.plot()


def test_a_script_is_silent_and_a_servers_message_is_harmless() -> None:
    assert type(usual_progress()) is Progress
    progress = NotebookProgress()
    progress._said.append(HOSTILE)
    progress.phase, progress.tally.open, progress.tally.done = "asking", 10, 4
    shown = progress.html(8.0)
    assert '<progress value="4" max="10" aria-label="asking">' in shown
    assert "asking: 4 of 10 trials | about 12 s left" in shown
    assert "<script" not in shown
    assert "\x1b" not in shown


CELL = """
import asyncio, json, sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
import preamblelab as pl

shell = InteractiveShell.instance()
shell.kernel = object()  # what a kernel's shell has, and a terminal's has not

async def cell():  # a kernel runs cells inside its own loop
    return pl.compare("Name the edge cases.", models=["sim/mid-4b"], suite="smoke",
                      repetitions=1, store=sys.argv[1])

with capture_output() as seen:
    report = asyncio.run(cell())
shown = [each.data["text/html"] for each in seen.outputs]
formatted, _ = shell.display_formatter.format(report)
print(json.dumps({"shown": shown, "forms": sorted(formatted), "html": formatted["text/html"]}))
"""


@pytest.mark.slow
def test_a_cell_runs_shows_its_progress_and_then_the_report(
    tmp_path: Path, project_root: Path
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(project_root), "IPYTHONDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", CELL, str(tmp_path / "runs.db")],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert any("asking: " in each for each in told["shown"])
    assert "10 of 10" in told["shown"][-1]
    assert {"text/html", "text/plain"} <= set(told["forms"])
    assert "Verdict" in told["html"]
