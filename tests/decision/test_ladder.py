"""Asking once more: each level once, nothing jumped over, failing closed, counted apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preamblelab.decision.ladder import Ladder, Level, Step, telemetry
from preamblelab.errors import SpecError

FINE = frozenset({"ok", "refused"})
PREAMBLES = Ladder(
    levels=(
        Level(name="preamble", settles=FINE, stops=frozenset({"unreachable"})),
        Level(name="shorter", settles=FINE, tag="preamble-fallback"),
        Level(name="none", settles=FINE, tag="preamble-fallback"),
    ),
    closed="collapsed",
)
REVIEW = Ladder(
    levels=(
        Level(name="base", settles=frozenset({"accept"})),
        Level(name="turbo", settles=frozenset({"accept"}), tag="turbo-escalation"),
        Level(name="frontier", settles=frozenset({"accept", "reject"}), tag="turbo-escalation"),
    ),
)


def climb(*words: str, ladder: Ladder = PREAMBLES, usd: float | None = 0.1) -> list[Step]:
    return [
        Step(level=level.name, word=word, usd=usd, seconds=1.0)
        for level, word in zip(ladder.levels, words, strict=False)
    ]


def test_a_good_answer_ends_the_climb_at_once_and_says_nothing_of_going_on() -> None:
    assert PREAMBLES.next([]).name == "preamble"
    assert PREAMBLES.next(climb("ok")) is None
    end = PREAMBLES.end(climb("ok"))
    assert (end.resolved, end.level, end.tag, end.reason) == (True, "preamble", "", "")


def test_a_collapse_goes_to_the_shorter_preamble_and_then_to_none() -> None:
    assert PREAMBLES.next(climb("looped")).name == "shorter"
    assert PREAMBLES.next(climb("looped", "empty")).name == "none"
    end = PREAMBLES.end(climb("looped", "empty", "ok"))
    assert (end.resolved, end.word, end.tag) == (True, "ok", "preamble-fallback")


def test_what_no_level_settles_is_unresolved_and_never_taken_for_good() -> None:
    end = PREAMBLES.end(climb("looped", "looped", "looped"))
    assert (end.resolved, end.word, end.tag) == (False, "collapsed", "unresolved")
    end = REVIEW.end(climb("reject", "reject", "unreachable", ladder=REVIEW))
    assert (end.resolved, end.word, end.tag) == (False, "reject", "unresolved")


def test_a_fault_of_transport_stops_where_a_simpler_question_would_not_help() -> None:
    steps = climb("unreachable")
    assert PREAMBLES.next(steps) is None
    assert not PREAMBLES.end(steps).resolved
    assert REVIEW.next(climb("unreachable", ladder=REVIEW)).name == "turbo"


def test_a_forbidden_level_is_not_jumped_over() -> None:
    private = {"turbo": "the task is private and turbo is a cloud"}
    steps = climb("reject", ladder=REVIEW)
    assert REVIEW.next(steps, forbidden=private) is None
    end = REVIEW.end(steps, forbidden=private)
    assert (end.word, end.tag) == ("reject", "unresolved")
    assert "turbo is forbidden: the task is private" in end.reason
    assert REVIEW.next([], forbidden={"base": "private"}) is None


@pytest.mark.parametrize(("usd", "said"), [(0.1, "is reached"), (None, "price of a level")])
def test_a_limit_stops_the_climb_and_an_unknown_price_is_not_zero(
    usd: float | None, said: str
) -> None:
    ladder = Ladder(levels=REVIEW.levels, usd=0.1)
    steps = climb("reject", ladder=ladder, usd=usd)
    assert ladder.next(steps) is None
    assert said in ladder.end(steps).reason
    assert ladder.next(climb("reject", ladder=ladder, usd=0.05)).name == "turbo"


def test_telemetry_keeps_overturns_and_faults_apart() -> None:
    climbs = [
        climb("accept", ladder=REVIEW),
        climb("reject", "accept", ladder=REVIEW),
        climb("reject", "reject", "reject", ladder=REVIEW),
        climb("unreachable", "accept", ladder=REVIEW),
        [],
    ]
    told = telemetry(REVIEW, climbs)
    assert (told.went_on.count, told.went_on.of, told.by_fault) == (2, 3, 1)
    assert (told.overturned.count, told.overturned.of) == (1, 2)
    assert told.overturned.low < 0.5 < told.overturned.high
    assert told.unresolved == 0
    assert told.words["base"] == {"accept": 1, "reject": 2, "unreachable": 1}
    assert told.usd_added == pytest.approx(0.4)
    assert told.usd_per_overturn == pytest.approx(0.4)
    assert str(told.went_on) == "2 of 3 (67%, 9% to 99%)"


def test_an_unknown_price_makes_the_cost_unknown_and_no_climb_no_share() -> None:
    told = telemetry(REVIEW, [climb("reject", "accept", ladder=REVIEW, usd=None)])
    assert told.usd_added is None
    assert told.usd_per_overturn is None
    assert told.seconds_added == 1.0
    nothing = telemetry(REVIEW, [])
    assert str(nothing.went_on) == "none of 0"
    assert (nothing.went_on.low, nothing.went_on.high) == (0.0, 1.0)


def test_ladders_and_steps_that_make_no_sense_are_refused() -> None:
    with pytest.raises(SpecError, match="each once"):
        Ladder(levels=(PREAMBLES.levels[0], PREAMBLES.levels[0]))
    with pytest.raises(SpecError, match="needs levels"):
        Ladder(levels=())
    with pytest.raises(SpecError, match="no amount"):
        Ladder(levels=REVIEW.levels, usd=float("nan"))
    with pytest.raises(SpecError, match="not the first levels"):
        PREAMBLES.next([Step(level="none", word="ok")])
    with pytest.raises(SpecError, match="not over"):
        PREAMBLES.end(climb("looped"))


@given(st.lists(st.sampled_from(["ok", "looped", "empty", "unreachable"]), min_size=3, max_size=3))
def test_every_climb_ends_and_asks_each_level_once(words: list[str]) -> None:
    steps: list[Step] = []
    while (level := PREAMBLES.next(steps)) is not None:
        steps.append(Step(level=level.name, word=words[len(steps)]))
    assert [s.level for s in steps] == [x.name for x in PREAMBLES.levels[: len(steps)]]
    end = PREAMBLES.end(steps)
    assert end.resolved == (steps[-1].word in FINE)
    assert end.word == (steps[-1].word if end.resolved else "collapsed")
