"""The viewer in a real browser: pages are found, filtered, sorted, opened; nothing in them runs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from preamblelab.store import Store
from preamblelab.viewer.guarding import Guard
from tests.viewer.serving import fill, serving

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    path = tmp_path_factory.mktemp("viewer") / "runs.db"
    with Store(path) as store:
        fill(store)
        fill(store, "f", gain=2.0, tasks=12)
    with serving(path) as guard:
        yield guard


def entered(browser: Any, guard: Guard, **options: Any) -> Any:
    """A tab that has come in by the printed address; what goes wrong in it is kept in `faults`."""
    tab = browser.new_context(viewport={"width": 1200, "height": 900}, **options).new_page()
    tab.faults = []
    tab.on("pageerror", lambda error: tab.faults.append(str(error)))
    tab.on("dialog", lambda dialog: tab.faults.append(dialog.message))
    home = f"http://127.0.0.1:{guard.port}/"
    tab.on("request", lambda asked: asked.url.startswith(home) or tab.faults.append(asked.url))
    tab.goto(guard.address)
    tab.wait_for_url(home)
    return tab


def follow(tab: Any, link: Any) -> None:
    """Click on what leads to another page, and wait until that page is the tab's."""
    with tab.expect_navigation():
        link.click()


@pytest.fixture
def tab(browser: Any, guard: Guard) -> Iterator[Any]:
    tab = entered(browser, guard)
    yield tab
    assert tab.faults == []
    tab.context.close()


def column(tab: Any, place: int) -> list[str]:
    return [
        cell.strip() for cell in tab.locator(f"tbody tr > :nth-child({place})").all_inner_texts()
    ]


def test_from_the_list_to_the_answers_behind_one_number(tab: Any) -> None:
    follow(tab, tab.get_by_role("link", name="e", exact=True))
    tab.get_by_text("280 of 280 trials answered").wait_for()
    tab.get_by_text("Verdict on careful").wait_for()
    follow(tab, tab.get_by_role("link", name="Trials"))
    assert "280 trials, 50 on this page" in tab.locator("main").inner_text()

    tab.locator("select[name=model]").select_option("a")
    tab.locator("select[name=variant]").select_option("careful")
    follow(tab, tab.get_by_role("button", name="Show"))
    assert "70 of 280 trials" in tab.locator("main").inner_text()
    assert set(column(tab, 2)) == {"a"}

    follow(tab, tab.get_by_role("link", name="gain"))
    gains = [float(cell) for cell in column(tab, 8)]
    assert gains == sorted(gains, reverse=True)
    assert tab.locator("th[aria-sort=descending]").inner_text().startswith("gain")
    follow(tab, tab.get_by_role("link", name="Next →"))
    more = [float(cell) for cell in column(tab, 8)]
    assert len(gains) + len(more) == 70
    assert gains[-1] >= more[0]
    follow(tab, tab.get_by_role("link", name="← Before"))
    assert [float(cell) for cell in column(tab, 8)] == gains

    follow(tab, tab.locator("tbody tr").first.get_by_role("link"))
    words = tab.locator("main").inner_text()
    assert "answer of a" in words
    assert "+15.0" in words
    tab.get_by_text("Behind").last.click()
    tab.get_by_text("Criteria and the judge's words").last.click()
    assert tab.get_by_text("Names every edge case").last.is_visible()
    assert tab.get_by_text("the judge's words", exact=True).last.is_visible()
    tab.get_by_text("Messages as sent").last.click()
    assert tab.get_by_text("system", exact=True).last.is_visible()


def test_filters_by_status_flag_score_and_text(tab: Any, guard: Guard) -> None:
    base = f"http://127.0.0.1:{guard.port}/trials?experiment=e"

    def shown(query: str) -> list[str]:
        tab.goto(base + query)
        return column(tab, 4)

    assert set(shown("&status=looped")) == {"t3"}
    assert set(shown("&flag=swapped_model")) == {"t5"}
    assert shown("&lowest=99") == []
    assert len(shown("&text=to+task+6%0A")) == 4
    assert "4 found on this page" in tab.locator("main").inner_text()
    assert shown("&text=100%25") == []


def test_hostile_texts_are_shown_and_do_nothing(tab: Any, guard: Guard) -> None:
    home = f"http://127.0.0.1:{guard.port}"
    for path in ("/", "/experiment?experiment=e", "/trials?experiment=e&task=t69",
                 "/pair?experiment=e&trial=279", "/compare?first=e&second=f"):  # fmt: skip
        tab.goto(home + path)
        tab.locator(".waiting").first.wait_for(state="detached")
        for summary in tab.locator("summary").all():
            summary.evaluate("element => element.parentElement.open = true")
        assert tab.evaluate("window.ran") is None
        assert tab.locator("main script, main img, main [onerror], main [onload]").count() == 0
        assert tab.locator("a[href^=javascript]").count() == 0
    tab.goto(f"{home}/pair?experiment=e&trial=279")
    words = tab.locator("main").inner_text()
    assert "<script>window.ran = 1</script>" in words
    assert "\\x1b" in words
    assert "\\u202e" in words
    raw = tab.request.get(f"{home}/text?experiment=e&trial=279")
    assert raw.headers["content-type"] == "text/plain; charset=utf-8"


def test_tests_and_mutants_that_were_run_stand_behind_an_answer(tab: Any, guard: Guard) -> None:
    tab.goto(f"http://127.0.0.1:{guard.port}/pair?experiment=e&trial=277")
    for summary in tab.locator("summary").all():
        summary.evaluate("element => element.parentElement.open = true")
    words = tab.locator("main").inner_text()
    assert "Run: tests and mutants" in words
    for told in ("bubblewrap", "test_limit", "failed", "limit-30", "<script>window.ran = 1"):
        assert told in words
    assert tab.evaluate("window.ran") is None


def test_two_experiments_stand_side_by_side(tab: Any) -> None:
    tab.get_by_label("experiment first").select_option("e")
    tab.get_by_label("experiment second").select_option("f")
    follow(tab, tab.get_by_role("button", name="Compare"))
    rows = tab.locator("table", has_text="difference").locator("tbody tr")
    assert rows.count() == 2
    cells = rows.first.locator("th, td").all_inner_texts()
    assert cells[:2] == ["a", "careful"]
    one, two = (float(cells[place].replace("−", "-")) for place in (2, 5))
    assert float(cells[-1].replace("−", "-")) == pytest.approx(two - one, abs=0.11)
    assert tab.locator("svg.fig").first.get_by_text("f", exact=True).count() == 1
    assert "has no interval here" in tab.locator("main").inner_text()


def test_pages_can_be_used_by_keyboard_alone_and_without_scripts(
    browser: Any, guard: Guard
) -> None:
    tab = entered(browser, guard, java_script_enabled=False)
    tab.keyboard.press("Tab")
    with tab.expect_navigation():
        tab.keyboard.press("Enter")
    assert tab.url.endswith("#content")
    tab.goto(f"http://127.0.0.1:{guard.port}/trials?experiment=e")
    tab.get_by_role("searchbox").focus()
    tab.keyboard.type("to task 69")
    with tab.expect_navigation():
        tab.keyboard.press("Enter")
    assert set(column(tab, 4)) == {"t69"}
    for each in ("main", "header", "nav", "search"):
        assert tab.locator(f"{each}, [role={each}]").count() > 0
    assert tab.locator("input:not([type=hidden]), select").count() > 5
    unnamed = tab.locator("input:not([type=hidden]):not(label input):not([aria-label])")
    assert unnamed.count() == 0
    assert tab.faults == []
    tab.context.close()


RUN = """
import os, signal, sys
import preamblelab as pl
from preamblelab.lab.running import execute
from preamblelab.lab.usecases import comparison
from preamblelab.report.progress import Progress

class Pausing(Progress):
    def step(self):
        if self.tally.done == self.tally.open // 2:
            os.kill(os.getpid(), signal.SIGSTOP)

plan = comparison(
    "Name the edge cases first.", ["sim/mid-4b"], suite="smoke", repetitions=3, rubric="coding",
    judges=(), settings={}, budget=pl.Budget(), seed=1,
)
with pl.Store(sys.argv[1]) as store:
    assert execute(plan, store, progress=Pausing()).complete
"""


@pytest.mark.slow
def test_a_run_is_seen_to_move_and_to_end(browser: Any, project_root: Path, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    environment = {**os.environ, "PYTHONPATH": str(project_root)}
    run = subprocess.Popen([sys.executable, "-c", RUN, str(path)], cwd=tmp_path, env=environment)
    try:
        # It stops itself in the midst of its work, so that the page can be looked at in peace.
        seen = os.waitid(os.P_PID, run.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert seen.si_code == os.CLD_STOPPED
        with serving(path) as guard:
            tab = entered(browser, guard)
            assert tab.get_by_role("status").inner_text().startswith("running run compare-text")
            follow(tab, tab.locator("tbody a"))
            moving = tab.locator("#progress [role=status]")
            tab.get_by_text("of 30 trials answered").wait_for()
            before = moving.inner_text()
            assert before.startswith("running run compare-text")
            assert "of 30 trials answered" in before
            assert "30 marked" not in before
            run.send_signal(signal.SIGCONT)
            tab.get_by_text("30 of 30 trials answered, 30 marked").wait_for()
            tab.get_by_text("Verdict on text-").wait_for()
            assert not tab.locator(".label.live").is_visible()
            assert tab.faults == []
            tab.context.close()
        assert run.wait(60) == 0
    finally:
        run.kill()
        run.wait()
