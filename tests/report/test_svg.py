"""Pictures: well-formed, in proportion, told in words, and harmless whatever the names are."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preamblelab.report.markup import Markup, element, foreign
from preamblelab.report.svg.arrows import Arrow, arrows
from preamblelab.report.svg.drawing import standalone
from preamblelab.report.svg.dumbbell import Row, dumbbell
from preamblelab.report.svg.heat import Cell, heat
from preamblelab.report.svg.multiples import Effect, multiples
from preamblelab.report.svg.scales import Scale, fitting, room, symmetric, ticks
from preamblelab.report.svg.scatter import Spot, scatter
from preamblelab.report.svg.strips import Strip, strips

NONE = float("nan")
EVIL = "<script>alert(1)</script>\u202e\x1b[31m\"'&"
SVG = "{http://www.w3.org/2000/svg}"


def row(**changes):
    told = {"label": "m", "baseline": 40.0, "variant": 60.0, "effect": 20.0, "low": 10.0}
    return Row(**{**told, "high": 30.0, "verdict": "better", **changes})


def tree(picture: Markup) -> ET.Element:
    """The picture as a browser would read its file."""
    return ET.fromstring(standalone(picture))


def places(picture: Markup, tag: str, name: str) -> list[float]:
    return [float(each.get(name, "nan")) for each in tree(picture).iter(f"{SVG}{tag}")]


PICTURES = {
    "dumbbell": lambda name: dumbbell(
        [row(label=name, note=name, verdict=name, outcomes=[(True, name)]), row(effect=NONE)]
    ),
    "stacked": lambda name: dumbbell([row(label=name, delivered=False)], width=360),
    "heat": lambda name: heat(
        {(name, "tiny"): Cell(effect=NONE, low=NONE, high=NONE, n=1, note=name)},
        rows=[name], columns=["tiny", name], title=name,
    ),
    "multiples": lambda name: multiples(
        {name: [Effect(effect=3.0, low=1.0, high=5.0)]}, [name], unit=name, title=name
    ),
    "strips": lambda name: strips(
        [Strip(label=name, arm=name, scores=[1.0, NONE], note=name)], cuts=(50, 90)
    ),
    "arrows": lambda name: arrows(
        [Arrow(label=name, cost=(1, 2), score=(3, 4))], unit=name, title=name
    ),
    "scatter": lambda name: scatter(
        [Spot(label=name, x=1, y=99, marked=True)], axes=(name, name), title=name
    ),
}  # fmt: skip


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_a_picture_is_told_in_words_and_no_name_becomes_markup(picture) -> None:
    drawn = tree(picture(EVIL))
    assert drawn.get("role") == "img"
    ids = str(drawn.get("aria-labelledby")).split()
    told = [each.text for each in drawn if each.get("id") in ids]
    assert len(told) == 2
    assert all(told)
    names = {each.tag.removeprefix(SVG) for each in drawn.iter()}
    assert names <= {
        *("svg", "style", "title", "desc", "text", "tspan", "line", "circle", "rect", "path")
    }
    assert "\u202e" not in picture(EVIL)
    assert "\x1b" not in picture(EVIL)


def test_the_dumbbell_puts_scores_and_effects_where_they_belong() -> None:
    drawn = dumbbell([row(), row(baseline=80.0, variant=20.0, effect=-60.0, low=-70.0, high=-50.0)])
    first, second, effect, third, fourth, other = places(drawn, "circle", "cx")
    assert first < second
    assert third > fourth
    # 20 points are a third of the way that 60 are, and point the other way.
    assert second - first == pytest.approx((third - fourth) / 3, abs=0.1)
    assert effect > other
    assert "m: 40.0 without, 60.0 with; effect +20.0 (+10.0 to +30.0); better" in drawn


def test_the_band_lies_behind_every_effect() -> None:
    drawn = dumbbell([row(low=1.0, high=39.0)], band=(10.0, 20.0))
    wide, narrow = tree(drawn).iter(f"{SVG}rect")
    assert wide.get("class") == "band2"
    assert narrow.get("class") == "band"
    assert float(wide.get("width", 0)) == pytest.approx(2 * float(narrow.get("width", 0)), abs=0.1)
    order = [each.tag.removeprefix(SVG) for each in tree(drawn)]
    assert order.index("rect") < order.index("circle")


def test_what_did_not_arrive_has_no_effect_in_the_picture() -> None:
    drawn = dumbbell([row(effect=NONE, low=NONE, high=NONE, delivered=False)])
    assert len(places(drawn, "circle", "cx")) == 2
    assert "the preamble did not arrive, no effect is claimed" in drawn
    assert "(+20.0)" in drawn


def test_a_square_without_a_figure_says_why() -> None:
    cell = Cell(effect=NONE, low=NONE, high=NONE, n=3, note="one answer each")
    drawn = heat({("low", "tiny"): cell}, rows=["low"], columns=["tiny", "mid"], title="t")
    assert "low, tiny: 3 models, one answer each." in drawn
    assert "nan" not in drawn


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_ticks_are_few_round_and_inside(one: float, other: float) -> None:
    low, high = sorted((one, other))
    found = ticks(low, high, 6)
    assert len(found) <= 7
    slack = 1e-6 * max(abs(low), abs(high), 1)
    assert all(low - slack <= each <= high + slack for each in found)


def test_a_scale_holds_what_lies_outside() -> None:
    scale = Scale(low=0, high=100, start=10, end=110)
    assert [scale(-5), scale(0), scale(50), scale(200)] == [10, 10, 60, 110]
    assert symmetric([3.0, -44.0, NONE]) == 50
    assert symmetric([]) == 10


@given(st.text(min_size=1, max_size=80))
def test_a_name_that_is_too_long_keeps_its_ends(name: str) -> None:
    shown = fitting(name, 12, 100)
    assert shown == name or ("…" in shown and shown[0] == name[0] and shown[-1] == name[-1])
    assert room(shown, 12) <= max(room(name, 12), 100 + 12)


@given(st.text())
def test_no_text_becomes_markup(words: str) -> None:
    page = str(element("p", words, title=words))
    read = ET.fromstring(page)
    assert list(read) == []
    marked = ET.fromstring(str(element("p", foreign(words))))
    assert all(each.get("class") == "unseen" for each in marked)
