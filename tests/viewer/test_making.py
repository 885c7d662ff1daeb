"""What is dear is made aside, once for one state of the store, and holds up no page."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from preamblelab.errors import SpecError
from preamblelab.lab import reporting
from preamblelab.store import Store
from preamblelab.viewer.making import Maker
from preamblelab.viewer.pages import experiment, trials
from preamblelab.viewer.source import Source
from tests.viewer.serving import fill

LONG = 60.0


class Making:
    """Makes numbers, and waits to be let go."""

    def __init__(self) -> None:
        self.times, self.go = 0, threading.Event()
        self.state = "1"

    def __call__(self, name: str) -> tuple[str, str]:
        self.times += 1
        state = self.state
        assert self.go.wait(LONG)
        if name == "bad":
            raise SpecError("there can be none")
        return state, f"{name} {self.times}"


@pytest.fixture
def making() -> Iterator[tuple[Making, Maker[str]]]:
    make = Making()
    maker = Maker("test", make)
    yield make, maker
    make.go.set()
    maker.close()


def test_nobody_waits_and_nothing_is_made_twice(making: tuple[Making, Maker[str]]) -> None:
    make, maker = making
    for _ in range(3):
        assert maker.get("a", "1", running=False, patience=0) is None
    make.go.set()
    assert maker.get("a", "1", running=False, patience=LONG) == "a 1"
    assert maker.get("a", "1", running=False, patience=0) == "a 1"
    assert make.times == 1


def test_another_state_is_made_anew_also_where_nobody_fetched_the_last(
    making: tuple[Making, Maker[str]],
) -> None:
    make, maker = making
    make.go.set()
    maker.get("a", "1", running=False, patience=0)
    make.state = "2"
    assert maker.get("b", "2", running=False, patience=LONG) == "b 2"
    assert maker.get("a", "2", running=False, patience=LONG) == "a 3"


def test_while_a_run_writes_the_one_before_is_shown(making: tuple[Making, Maker[str]]) -> None:
    make, maker = making
    make.go.set()
    assert maker.get("a", "1", running=True, patience=LONG) == "a 1"
    assert maker.get("a", "2", running=True, patience=0) == "a 1"
    make.go.clear()
    assert maker.get("a", "2", running=False, patience=0) is None, "when it is over, never"


def test_a_failure_is_told_each_time_and_not_repeated(making: tuple[Making, Maker[str]]) -> None:
    make, maker = making
    make.go.set()
    for _ in range(2):
        with pytest.raises(SpecError, match="there can be none"):
            maker.get("bad", "1", running=False, patience=LONG)
    assert make.times == 1


@pytest.mark.whole
def test_the_page_of_an_experiment_is_there_before_its_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "runs.db"
    with Store(path) as store:
        fill(store, tasks=9)
    go, asked = threading.Event(), []

    def late(*arguments: Any) -> Any:
        asked.append(arguments[1])
        assert go.wait(LONG)
        return analyze(*arguments)

    analyze = reporting.analyze
    monkeypatch.setattr(reporting, "analyze", late)
    source, query = Source(path), {"experiment": "e"}
    try:
        while "being counted" in (page := experiment.page(source, query)):
            assert 'data-state="counting"' in page
        assert "36 of 36 trials answered" in page
        assert 'data-state="waiting"' in page
        assert '<noscript><meta http-equiv="refresh"' in page
        assert "36 trials" in trials.page(source, query), "no other page waits"
        go.set()
        assert source.shown("e", patience=LONG) is not None
        assert "Verdict on careful" in experiment.verdict(source, query)
        assert 'data-state="ready"' in experiment.page(source, query)
        while not isinstance(whole := experiment.whole_report(source, query), experiment.OwnPage):
            assert "being made" in whole
        assert "Verdict on careful" in whole
        assert asked == ["e"]
    finally:
        go.set()
        source.close()
