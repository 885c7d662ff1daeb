"""What a report takes from the store beside the scores: marks of judges, answers asked again."""

import pandas as pd
import pytest

from preamblelab.lab.evidence import asked_elsewhere, judged_by, marks_of
from preamblelab.report.conclusions import judges_section, told
from preamblelab.report.reports import Report

CELL = {"model": "m", "variant": "v", "task": "t", "repetition": 1}


class FakeStore:
    """Ratings and documents, as a store hands them over."""

    def __init__(self, ratings=(), documents=(), scores=()):
        self._ratings, self._documents, self._scores = ratings, dict(documents), dict(scores)

    def ratings(self, experiment):
        columns = [*CELL, "judge", "judgement", "dimension", "criterion", "points"]
        return pd.DataFrame([{**CELL, **row} for row in self._ratings], columns=columns)

    def raters(self, experiment):
        found = {}
        for row in self._ratings:
            found.setdefault(row["judge"], set()).add(row["dimension"])
        return found

    def document(self, name):
        return self._documents[name]

    def scores(self, name):
        return self._scores[name]

    def experiments(self):
        return [type("Entry", (), {"name": name}) for name in self._documents]


def rated(judge, judgement, criterion, points, dimension="d"):
    return {
        "judge": judge, "judgement": judgement, "dimension": dimension, "criterion": criterion,
        "points": points,
    }  # fmt: skip


def test_criteria_are_summed_and_judgements_averaged():
    store = FakeStore([
        rated("a", 1, 0, 4.0), rated("a", 1, 1, 6.0), rated("a", 2, 0, 2.0), rated("a", 2, 1, 4.0),
        rated("b", 1, 0, 1.0), rated("b", 1, 1, 1.0),
    ])  # fmt: skip
    marks = marks_of(store, "e", {"judges": {"a": {}, "b": {}}})
    assert marks.set_index("judge")["score"].to_dict() == {"a": 8.0, "b": 2.0}


def test_a_dimension_with_a_criterion_unmarked_has_no_score():
    store = FakeStore([rated("a", 1, 0, 4.0), rated("a", 1, 1, None)])
    marks = marks_of(store, "e", {"judges": {"a": {}}})
    assert marks["score"].isna().all()


@pytest.mark.parametrize("marking", [{}, {"scorers": {"text": {}}}])
def test_without_a_judge_there_are_no_marks(marking):
    assert marks_of(FakeStore([rated("text", 1, 0, 4.0)]), "e", marking) is None


def test_marks_are_read_where_two_judges_marked_one_dimension(tmp_path):
    cell = {**CELL, "response_key": "k"}
    for second, agree in (("d", True), ("another", False)):
        store = FakeStore([rated("a", 1, 0, 4.0), rated("b", 1, 0, 2.0, dimension=second)])
        store.path = tmp_path / "gone.db"
        judged = judged_by(store, "e", {"judges": {"a": {}, "b": {}}})
        assert judged is not None
        assert judged.shared is agree
        report = Report(
            experiment="e", scores=pd.DataFrame([{**cell, "score": 4.0, "status": "ok"}]),
            judged=judged,
        )  # fmt: skip
        told = told_judges(report)
        assert bool(told.lines) is agree, "read only where judges can agree"
        assert not agree or "gone.db" in told.lines[0]
    assert judged_by(FakeStore(), "e", {"judges": {"a": {}}}) is None, "planned, and never rated"


def told_judges(report):
    return told(judges_section, report, "Judges")


def test_only_imports_are_looked_at_for_answers_asked_again():
    table = pd.DataFrame([{**CELL, "score": 50.0, "output_hash": "x"}])
    imported = {"suite": {"description": "imported answers"}, "models": [{"id": "m"}]}
    own = {"suite": {"description": "ours"}, "models": [{"id": "m"}]}
    other = {**imported, "models": [{"id": "another"}]}
    scores = dict.fromkeys(("one", "two", "ours", "other"), table)
    documents = {"one": imported, "two": imported, "ours": own, "other": other}
    store = FakeStore(documents=documents, scores=scores)
    again = asked_elsewhere(store, "one")
    assert again.table[["first", "second"]].to_numpy().tolist() == [["one", "two"]]
    assert again.judge.sd == 0.0
    assert asked_elsewhere(store, "ours") is None
    assert asked_elsewhere(store, "other") is None
