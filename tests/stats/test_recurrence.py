"""An answer that comes again shows the judge; another answer to the same request shows the rest."""

import pandas as pd
import pytest

from preamblelab.errors import TableError
from preamblelab.stats.recurrence import asked_again, judge_spread_of, recurrences


def asked(*rows: tuple[str, float, str], **more: object) -> pd.DataFrame:
    """A table of one task, with model, score and text of each row."""
    table = pd.DataFrame(rows, columns=["model", "score", "output_hash"])
    return table.assign(variant="v", task="t", repetition=1, **more)


def test_the_same_text_shows_the_judge_and_another_text_does_not():
    first = asked(("a", 35.0, "x"), ("b", 57.0, "y"))
    second = asked(("a", 64.0, "z"), ("b", 55.0, "y"))
    table, judge = asked_again({"one": first, "two": second})
    assert table.set_index("model")["same_text"].to_dict() == {"a": False, "b": True}
    assert table.set_index("model")["difference"].to_dict() == {"a": 29.0, "b": -2.0}
    assert judge.n_replicates == 1
    assert judge.sd == pytest.approx(2**0.5)
    assert "35 in one, 64 in two, another text" in table["sentence"][0]


def test_a_copy_is_held_against_its_copy_and_not_against_what_came_between():
    tables = {
        name: asked(("a", score, text))
        for name, score, text in (("1", 10.0, "x"), ("2", 90.0, "y"), ("3", 12.0, "x"))
    }
    table = recurrences(tables)
    assert table[["first", "second"]].to_numpy().tolist() == [["1", "2"], ["1", "3"]]
    assert table["same_text"].tolist() == [False, True]


def test_another_version_of_a_variant_is_another_arm_unless_the_text_is_the_same():
    old = asked(("a", 10.0, "x"), ("b", 20.0, "y"), version="1")
    new = asked(("a", 50.0, "z"), ("b", 22.0, "y"), version="2")
    assert recurrences({"old": old, "new": new})["model"].tolist() == ["b"]


def test_one_stored_answer_that_two_experiments_share_is_no_repetition():
    table = asked(("a", 10.0, "x"), response_key="k")
    assert recurrences({"one": table, "two": table}).empty
    assert judge_spread_of({"one": table, "two": table}) is None


def test_without_texts_nothing_is_known():
    bare = asked(("a", 10.0, "x")).drop(columns="output_hash")
    assert judge_spread_of({"one": bare, "two": bare}) is None
    with pytest.raises(TableError, match="output_hash"):
        recurrences({"one": bare})
