"""What a model wrote runs nowhere: in a real browser, a real terminal, a spreadsheet, Markdown."""

import csv
import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from preamblelab.lab.deciding import report_on
from tests.report.browsers import Watched
from tests.report.hostile import hostile_store

pytestmark = pytest.mark.whole

WIDE = {"width": 1200, "height": 900}
NARROW = {"width": 400, "height": 800}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_store(tmp_path_factory.mktemp("hostile") / "runs.db")


@pytest.fixture(scope="module")
def file(store: Path) -> Path:
    return report_on("hostile", store).save(store.with_suffix(".html"))


def test_a_browser_runs_nothing_and_asks_nobody(browser, file) -> None:
    watched = Watched(browser, file, viewport=WIDE)
    page = watched.page
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    page.wait_for_timeout(100)
    assert watched.tried == []
    assert page.evaluate("window.hit") is None
    assert page.title() == "hostile · preamblelab"
    assert page.evaluate("document.querySelectorAll('script, iframe, img, link').length") == 0
    assert page.locator("span.unseen").count() > 20
    assert "<script>window.hit=1" in page.locator("h1 ~ *, p.question").first.inner_text()


def test_the_policy_alone_would_stop_a_script(browser, file, tmp_path) -> None:
    """Were escaping ever forgotten somewhere, nothing would run all the same."""
    text = file.read_text("utf-8")
    broken = tmp_path / "broken.html"
    attack = "<script>window.hit=1</script><img src=x onerror='window.hit=1'>"
    broken.write_text(text.replace("<main", f"{attack}<main"), "utf-8")
    watched = Watched(browser, broken, viewport=WIDE)
    assert watched.page.evaluate("window.hit") is None
    assert any("Content Security Policy" in each for each in watched.tried)


def test_everything_can_be_read_without_javascript(browser, file) -> None:
    page = Watched(browser, file, script=False, viewport=WIDE).page
    pair = page.locator("details.pair").first
    assert not pair.locator("table.diff").is_visible()
    pair.locator("summary").first.click()
    assert pair.locator("table.diff").is_visible()
    assert page.locator("figure .wide svg").first.is_visible()
    assert not page.locator("figure .narrow svg").first.is_visible()


def test_a_narrow_screen_has_pictures_of_its_own_and_no_sideways_scroll(browser, file) -> None:
    page = Watched(browser, file, viewport=NARROW).page
    assert page.locator("figure .narrow svg").first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    sizes = page.evaluate(
        "[...document.querySelectorAll('figure .narrow svg')].filter(e => e.checkVisibility())"
        ".map(e => e.getBoundingClientRect().width / e.viewBox.baseVal.width)"
    )
    assert min(sizes) > 0.85  # letters stay letters


CONTRAST = """() => {
  const light = colour => { const part = colour.match(/[\\d.]+/g).map(Number);
    const [r, g, b] = part.slice(0, 3).map(v => { v /= 255;
      return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = node => { while (node) { const found = getComputedStyle(node).backgroundColor;
    if (!/, 0\\)$|transparent/.test(found)) return found; node = node.parentElement; }
    return getComputedStyle(document.body).backgroundColor; };
  const seen = [];
  for (const node of document.querySelectorAll('body *')) {
    const words = [...node.childNodes].some(c => c.nodeType === 3 && c.textContent.trim());
    if (!words || /^(title|desc)$/i.test(node.tagName)) continue;
    const style = getComputedStyle(node), svg = node.ownerSVGElement;
    const [a, b] = [light(svg ? style.fill : style.color), light(ground(svg || node))];
    seen.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), node.tagName, node.className]);
  }
  seen.sort((a, b) => a[0] - b[0]);
  return seen[0];
}"""
"""The lowest contrast of any text with its ground, by WCAG 2.2."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(browser, file, scheme) -> None:
    page = Watched(browser, file, viewport=WIDE, color_scheme=scheme).page
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    lowest = page.evaluate(CONTRAST)
    assert lowest[0] >= 4.5, lowest


def test_a_keyboard_reaches_content_first_and_every_fold(browser, file) -> None:
    page = Watched(browser, file, viewport=WIDE).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url.endswith("#content")
    folds = "[...document.querySelectorAll('summary, .scroll, pre')]"
    assert page.evaluate(f"{folds}.length") > 10
    assert page.evaluate(f"{folds}.every(each => each.tabIndex === 0)")
    assert (
        page.evaluate("document.querySelectorAll('[tabindex]:not([tabindex=\"0\"])').length") == 0
    )


@pytest.mark.parametrize("words", [["report", "hostile"], ["export", "--format", "csv"]])
def test_a_terminal_gets_no_control_character(store, words) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "preamblelab", *words, "--store", str(store)]
    run = subprocess.Popen(command, stdout=follower, stderr=follower, close_fds=True)
    os.close(follower)
    seen = bytearray()
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(leader)
    assert run.wait() == 0
    # A tab within a cell moves a cursor to the right and can do no harm.
    text = seen.decode("utf-8").replace("\t", "" if words[0] == "export" else "\t")
    assert "Is it safe?" in text
    assert not re.search("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert r"\x1b[2J" in text


def test_a_spreadsheet_runs_no_formula(store) -> None:
    table = report_on("hostile", store).to_csv()
    cells = [cell for row in csv.reader(io.StringIO(table)) for cell in row]
    assert any(cell.startswith("'=HYPERLINK(") for cell in cells)
    for cell in cells:
        if cell[:1] in {"=", "@", "\t", "+", "-"}:
            float(cell)  # a number is no formula


def test_markdown_gets_no_markup(store) -> None:
    text = report_on("hostile", store).to_markdown()
    assert not re.search(r"(?<!\\)<", text)
    assert not re.search(r"(?<!\\)\]\(javascript:", text)
    assert not re.search(r"(?<!\\)!\[", text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
