"""What one of several judges marked alone is put on the scale of all, or it is missing."""

import random
import re
from pathlib import Path

import pytest

from preamblelab.domain.records import Response
from preamblelab.scoring.settling import FEWEST_ANSWERS, lone_marks
from preamblelab.store import Store
from tests.engines.scripted_server import verdict
from tests.scoring.test_grader import Judge, answer, judged_by, mark

MILD, STRICT = "judge/openai/mild", "judge/openai/strict"


@pytest.fixture
def store(tmp_path: Path):
    with Store(tmp_path / "runs.db") as opened:
        yield opened


def says(lost: int):
    """The mild judge gives 75 %, the strict one 50 %; the mild one is lost on the first answers."""

    def say(asked) -> Response:
        if "mild" not in asked.model:
            return Response(text=verdict(asked, 0.5))
        number = int(re.search(r"Answer (\d+)\.", asked.user)[1])
        return Response(text="Very good!" if number < lost else verdict(asked, 0.75))

    return say


def marked(store: Store, answers: int, lost: int):
    answer(store, *(f"It holds. Answer {n}." for n in range(answers)))
    marking = judged_by(MILD, STRICT)
    mark(store, marking, Judge(says(lost)))
    return marking, store.scores("e", marking=marking.digest)


def test_a_lone_judges_leniency_is_taken_off_as_if_both_had_marked(store):
    """Mean of both: 62.5 of 100. The strict one alone gives 50, 12.5 below it."""
    marking, table = marked(store, answers=FEWEST_ANSWERS + 3, lost=3)
    assert set(table["score"]) == {62.5}
    told = store.dimension_scores("e", marking=marking.digest).set_index("repetition")
    assert "strict alone marked it; its -7.50 points" in told.loc[1, "reason"].iloc[0]
    assert (told.loc[5, "reason"] == "").all()
    # Marking again, with nothing new, changes nothing.
    mark(store, marking, Judge(says(3)))
    assert set(store.scores("e", marking=marking.digest)["score"]) == {62.5}


def test_below_thirty_answers_nobody_knows_the_leniency_and_the_mark_is_missing(store):
    """Never a made-up zero, never one judge's scale among the marks of two."""
    _, table = marked(store, answers=FEWEST_ANSWERS + 2, lost=3)
    lone = table[table["repetition"] <= 3]
    assert lone["score"].isna().all()
    assert lone["reason"].str.contains("known from 29 answers; 30 are needed").all()
    assert set(table[table["repetition"] > 3]["score"]) == {62.5}


def test_when_more_answers_come_the_missing_marks_are_settled_and_nobody_is_asked_again(store):
    marked(store, answers=20, lost=3)
    marking, table = marked(store, answers=FEWEST_ANSWERS + 3, lost=3)
    assert set(table["score"]) == {62.5}
    judge = Judge(says(3))
    mark(store, marking, judge)
    assert judge.calls == []


def cells(losses: dict[str, int], answers: int = 300, seed: int = 1):
    """Answers whose true mark is known; judges of other leniency, some of whom lose verdicts."""
    draw = random.Random(seed)
    for n in range(answers):
        true = draw.uniform(20, 40)
        for judge, leniency in (("a", 6.0), ("b", -2.0)):
            lost = draw.random() < losses[judge] / 100
            points = None if lost else true + leniency + draw.gauss(0, 1)
            yield (f"r{n:03d}", "t", "code"), judge, points


def test_the_offset_is_what_it_was_made_of():
    """Half of the distance between two judges, since the mark of both is their mean."""
    lone = lone_marks(cells({"a": 20, "b": 20}), judges=2)
    found = {each.judge: each.offset for each in lone}
    assert found["a"] == pytest.approx(4.0, abs=0.3)
    assert found["b"] == pytest.approx(-4.0, abs=0.3)
    assert 100 < lone[0].answers < 250


def test_one_judge_by_itself_and_an_answer_that_waits_for_a_judge_are_left_alone():
    alone = [each for each in cells({"a": 0, "b": 0}) if each[1] == "a"]
    assert lone_marks(alone, judges=1) == []
    assert lone_marks(alone, judges=2) == [], "the other was not asked yet"
