"""Steps of asking once more are kept beside the answers, and in no experiment's scores."""

from pathlib import Path

from preamblelab.domain.steps import Climb, Step
from preamblelab.store import Store


def climb(name: str, *words: str, subject: str = "sim/mid-4b") -> Climb:
    levels = ("preamble", "shorter", "none")
    steps = tuple(
        Step(level=level, word=word, key=f"{name}{place}", usd=None, seconds=0.5, reason="é\0")
        for place, (level, word) in enumerate(zip(levels, words, strict=False))
    )
    return Climb(ladder="preamble", name=name, subject=subject, about="careful@1", steps=steps)


def test_climbs_come_back_as_they_were_oldest_first(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db") as store:
        first, second = climb("b", "looped", "ok"), climb("a", "ok", subject="sim/mid-7b")
        store.put_climb(first)
        store.put_climb(second)
        assert store.climbs("preamble") == [first, second]
        assert store.climbs("preamble", "sim/mid-7b") == [second]
        assert store.climbs("review") == []


def test_a_climb_is_stored_step_by_step_and_no_step_is_changed(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db") as store:
        store.put_climb(climb("a", "looped"))
        store.put_climb(climb("a", "empty", "ok"))
        assert [step.word for step in store.climbs("preamble")[0].steps] == ["looped", "ok"]
