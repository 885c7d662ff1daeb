"""The page: one file that runs nothing, says first what the terminal says, and shows answers."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

import preamblelab as pl
from preamblelab.errors import SpecError
from preamblelab.lab.deciding import report_on
from preamblelab.report.answers import Executed
from preamblelab.report.html.differences import aligned, said_of, side_by_side
from preamblelab.report.html.drill import executed_view
from preamblelab.report.html.tables import together
from preamblelab.report.pages import delivered, page_sections
from preamblelab.report.pictures import tier_figures
from preamblelab.report.reports import Arrival
from preamblelab.report.telling import telling_pairs
from tests.report.hostile import hostile_store

ROOT = Path(__file__).resolve().parents[2]
URLS = ("src", "href", "action", "data", "srcset", "poster", "xlink:href", "background")


class Page(HTMLParser):
    """What a browser would see: elements, attributes, words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def said(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> pl.Report:
    return report_on("hostile", hostile_store(tmp_path_factory.mktemp("hostile") / "runs.db"))


@pytest.fixture(scope="module")
def page(hostile: pl.Report) -> str:
    return hostile.to_html()


def report_of(scores: pd.DataFrame, **more: object) -> pl.Report:
    return pl.Report(experiment="e", scores=scores, **more)


def test_nothing_that_a_model_wrote_becomes_part_of_the_page(page) -> None:
    seen = Page(page)
    assert set(seen.tags) & {"script", "iframe", "img", "object", "embed", "link", "base"} == set()
    assert [name for name, _ in seen.attributes if name.startswith("on")] == []
    links = [value for name, value in seen.attributes if name in URLS]
    assert links
    assert all(re.fullmatch(r"#[a-z0-9-]+", str(each)) for each in links)
    assert seen.tags.count("style") == 1
    policy = next(str(value) for _, value in seen.attributes if "default-src" in str(value))
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline';")


def test_what_cannot_be_seen_is_shown(page) -> None:
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u061c\u200b]", page
    )
    marked = re.findall(r'<span class="unseen">(.*?)</span>', page)
    assert {r"\x1b", r"\x9b", r"\u202e", r"\u061c", r"\U000e0041"} <= set(marked)


def test_every_link_leads_somewhere(page) -> None:
    seen = Page(page)
    ids = {value for name, value in seen.attributes if name == "id"}
    assert {str(v)[1:] for name, v in seen.attributes if name == "href"} <= ids
    assert len(ids) == sum(name == "id" for name, _ in seen.attributes)


def test_page_and_terminal_begin_with_the_same_words() -> None:
    scores = pl.simulate_scores(tasks=6, repetitions=2)
    report = report_of(scores)
    first = str(report).split("\n\n")[0].splitlines()[2:]
    said = Page(report.to_html()).said
    lines = " ".join(" ".join(first).split())
    for sentence in re.findall(r"Verdict on .*?:.*?, |By model .*?\.", lines):
        assert re.sub(r"\W+", " ", sentence) in re.sub(r"\W+", " ", said)


def test_pairs_are_shown_with_all_that_is_behind_them(page) -> None:
    said = Page(page).said
    assert "Answers side by side" in said
    assert "Criteria and the judge's words" in said
    assert "Messages as sent" in said
    assert "No executed evidence" in said


def test_what_only_a_store_knows_is_missed_in_words() -> None:
    said = Page(report_of(pl.simulate_scores(tasks=4)).to_html()).said
    assert "There is no pair of answers to show" in said
    assert "No executed evidence: no answer was run" in said


def test_a_page_outlives_its_store(tmp_path: Path) -> None:
    path = hostile_store(tmp_path / "runs.db")
    report = report_on("hostile", path)
    path.unlink()
    assert "No answers can be shown:" in Page(report.to_html()).said


def test_a_report_without_any_score_is_a_page_that_says_so() -> None:
    scores = pl.simulate_scores(tasks=3).assign(score=float("nan"), status="pending")
    assert "Nothing was answered yet" in Page(report_of(scores).to_html()).said


def test_a_report_is_written_as_its_suffix_says(tmp_path: Path) -> None:
    report = report_of(pl.simulate_scores(tasks=4, repetitions=2))
    for name in ("a.html", "a.md", "a.json", "a.csv", "a.TXT"):
        assert report.save(tmp_path / name).stat().st_size > 100
    text = (tmp_path / "a.md").read_text("utf-8")
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert "a-pictures/effects.svg" in pictures
    for each in pictures:
        assert ET.parse(tmp_path / each).getroot().tag.endswith("svg")
    with pytest.raises(SpecError, match=r"a\.pdf: a report is written as \.html, \.md"):
        report.save(tmp_path / "a.pdf")
    with pytest.raises(SpecError, match="cannot be written"):
        report.save(tmp_path / "nowhere" / "a.html")


def executed(scores: pd.DataFrame) -> pd.DataFrame:
    """Evidence in which the variant's answers load and fail, and the baseline's do well."""
    good = scores["variant"] == "baseline"
    ran = scores[["model", "variant", "task", "repetition"]].assign(
        kind="tests", status="ok", reason="", loads=True, tests=4, passed=good.astype(int) * 4,
        mutants=10, killed=good.astype(int) * 8, isolated=True, repairs="", backend="b", runner="r",
    )  # fmt: skip
    return pd.concat([ran.assign(mode=mode) for mode in ("strict", "repaired")])


@pytest.mark.whole
def test_praise_that_no_run_confirms_is_listed() -> None:
    rows = [
        {"model": m, "variant": v, "task": f"t{t}", "repetition": 1, "score": s + t}
        for m in ("a", "b")
        for v, s in (("baseline", 50.0), ("x", 80.0))
        for t in range(4)
    ]
    scores = pd.DataFrame(rows)
    report = report_of(scores, executed=executed(scores))
    section = next(
        each for each in page_sections(report) if each.title == "Judged against executed"
    )
    assert "x: +30.0 points of 100 judged; executed worth −80.0 points" in " ".join(section.lines)
    drawn = section.figures[0].draw(460)
    assert "16 answers, 8 of them contradictions" in drawn
    assert drawn.count('"f-loss"') == 8
    said = Page(report.to_html()).said
    ran = "killed 64 of 80 mutants without x and killed 0 of 80 mutants with it"
    mutant = "(a mutant is the code with one fault that tests should notice)"
    assert f"the answers {ran} {mutant}; their points differ by +30.0." in said


def test_every_test_and_mutant_is_a_line_that_begins_with_its_name() -> None:
    details = [
        {"what": "mutant", "killed": True, "killed_by": ["a > b", "c"], "name": "limit"},
        {"what": "test", "name": "a > b", "passed": True},
    ]
    seen = Page(
        str(executed_view([Executed(mode="strict", figures={"tests": 1}, details=details)]))
    )
    assert "1 test (strict)" in seen.said
    assert "1 mutant (strict)" in seen.said
    assert "name killed killed by limit yes a > b; c" in seen.said
    assert "name passed a > b yes" in seen.said


def test_the_most_telling_pairs_come_with_their_reasons() -> None:
    scores = pl.simulate_scores(tasks=8, repetitions=2)
    keyed = scores.assign(response_key=[f"k{n}" for n in range(len(scores))], status="ok")
    chosen, of, rule = telling_pairs(report_of(keyed), most=6)
    assert len(chosen) == 6
    assert of > 6
    assert "largest gain" in rule
    gain = chosen[0]
    found = keyed["score"][gain.variant] - keyed["score"][gain.baseline]
    assert gain.why.startswith("the largest gain under")
    variant = keyed["variant"][gain.variant]
    both = keyed.merge(
        keyed[keyed["variant"] == "baseline"],
        on=["model", "task", "repetition"],
        suffixes=("", "_b"),
    )
    own = both[both["variant"] == variant]
    assert found == pytest.approx((own["score"] - own["score_b"]).max())


def test_differences_are_marked_word_by_word() -> None:
    shown = str(
        side_by_side("same\nassert a == 1 and b", "same\nassert a == 2 and b\nmore", ("x", "y"))
    )
    assert "<del>1</del>" in shown
    assert "<ins>2</ins>" in shown
    assert "<ins>more</ins>" in shown
    assert [line.same for line in aligned("a\nb", "a\nc")] == [True, False]
    assert said_of("a" * 200 + "x", "a" * 200 + "y").endswith("first 200 characters are the same.")
    assert "byte for byte" in said_of("a", "a")


@pytest.mark.whole
def test_the_recorded_report_says_what_was_claimed_what_is_true_and_why(
    shared_data, tmp_path
) -> None:
    from preamblelab.lab.exchange.importing import import_file

    with pl.Store(tmp_path / "recorded.db") as store:
        import_file(shared_data / "mimir_runs.jsonl.gz", store)
    claims = ROOT / "examples" / "recorded_claims.yaml"
    report = report_on("mimir-1", tmp_path / "recorded.db", claims=claims)
    text = report.to_html()
    said = Page(text).said
    head = said[: said.index("What was published, and what holds")]
    assert "What was claimed “With the preamble the mean score is 16.5 points higher.”" in head
    assert "What is true The figure is right" in head
    assert "it lies between −21.1 and +54.1 (95 %, p 0.31): undecided" in head
    assert "6 of 16 published sentences follow" in head
    assert "The preamble most likely never reached qwen2.5-coder:1.5b-base (+63)" in head
    assert "scored 64 instead of 35" in head
    assert len(text) < 1_000_000


def test_figures_stay_on_one_line() -> None:
    line = "−1.8 points (−3.1 to −0.5) at 95 %, 5 tasks to come"
    assert (
        together(line) == "−1.8\u00a0points (−3.1\u00a0to\u00a0−0.5) at 95\u00a0%, 5 tasks to come"
    )


def test_a_map_without_any_figure_is_a_sentence() -> None:
    rows = [
        (model, "tiny", variant, "t", 1, score, "ok")
        for model, score in (("a", 40.0), ("b", 60.0))
        for variant in ("baseline", "v")
    ]
    columns = ["model", "size", "variant", "task", "repetition", "score", "status"]
    shown = report_of(pd.DataFrame(rows, columns=columns))
    assert tier_figures(shown) == []
    assert "By baseline tier and size no honest figure can be had" in Page(shown.to_html()).said


def test_delivery_that_nobody_checked_is_said_so() -> None:
    rows = [("a", v, t, 1, 50.0 + t, "ok") for v in ("baseline", "v") for t in range(4)]
    columns = ["model", "variant", "task", "repetition", "score", "status"]
    table = pd.DataFrame(rows, columns=columns)
    assert delivered(report_of(table)).lines == (
        "Nobody checked it, for 1 pair of model and variant.",
    )
    arrived = {("a", "v"): Arrival(state="delivered")}
    assert delivered(report_of(table, arrivals=arrived)).lines == (
        "It was seen to arrive for 1 pair of model and variant.",
    )


def test_pairs_that_were_not_asked_yet_do_not_hide_the_others() -> None:
    rows = [
        (model, variant, task, repetition, 50.0 + task + repetition if model == "a" else None)
        for model in ("a", "b", "c")
        for variant in ("baseline", "v")
        for task in range(5)
        for repetition in (1, 2)
    ]
    columns = ["model", "variant", "task", "repetition", "score"]
    noise = report_of(pd.DataFrame(rows, columns=columns)).noise
    assert noise.n_tasks == 5
    assert "No variant is compared" not in noise.sentence
