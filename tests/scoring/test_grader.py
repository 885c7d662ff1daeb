"""Answers to marks, as they are stored: rules, crashes, families, and stopping."""

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.domain.rubrics import Criterion, Dimension, Rubric
from preamblelab.domain.tasks import Task
from preamblelab.errors import StoreError
from preamblelab.scoring.checks import CheckResult
from preamblelab.scoring.grader import JUDGED_AT_ONCE, Grader, MarkTally, check_rating
from preamblelab.scoring.marking import Marking
from preamblelab.scoring.scorers import Scorer, scorer
from preamblelab.store import PlannedTrial, Store
from tests.engines.scripted_server import Asked, verdict

RUBRIC = Rubric(
    name="r",
    dimensions=(
        Dimension(
            name="code",
            points=60,
            criteria=(Criterion(points=20, text="Whole"), Criterion(points=40, text="Right")),
        ),
        Dimension(name="style", points=40),
    ),
)
TASK = Task(name="t", prompt="Solve it.")
JUDGE = "judge/openai/judge-7b"
EVERYTHING = {"code": (0, 1), "style": (0,)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "runs.db") as opened:
        yield opened


def judged_by(*judges: str, judgements: int = 1, **specs: ModelSpec) -> Marking:
    names = judges or (JUDGE,)
    models = {name: specs.get(name, ModelSpec(id=name.removeprefix("judge/"))) for name in names}
    return Marking(rubric=RUBRIC, judges=models, judgements=judgements, asked=EVERYTHING)


def answer(store: Store, *texts: str, family: str | None = None) -> None:
    """An experiment `e` with these answers, by a model of some family."""
    requests = [
        Request(model=ModelSpec(id="openai/m"), messages=({"role": "user", "content": str(n)},))
        for n in range(len(texts))
    ]
    trials = [
        PlannedTrial(
            ordinal=n, model="m", size="mid", family=family, variant="baseline", task="t",
            task_digest=TASK.digest, repetition=n + 1, response_key=request.key,
        )
        for n, request in enumerate(requests)
    ]  # fmt: skip
    store.register("e", digest="d", document={}, trials=trials, plan_digest=str(texts))
    store.put([(r, Response(text=text)) for r, text in zip(requests, texts, strict=True)])


class Judge:
    """Counts its calls; says what a function makes of the request."""

    def __init__(self, say: Callable[[Asked], Response] | None = None) -> None:
        self.say = say or (lambda asked: Response(text=verdict(asked, 0.5)))
        self.calls: list[Request] = []

    async def __call__(self, request: Request) -> Response:
        self.calls.append(request)
        asked = Asked(
            number=len(self.calls), of_model=len(self.calls), at_once=1, model=request.model.id,
            messages=list(request.messages), key="", body={},
        )  # fmt: skip
        return self.say(asked)


def mark(store: Store, marking: Marking, judge: Judge | None = None, **options: Any) -> MarkTally:
    store.set_marking("e", marking.digest, marking.document)
    grader = Grader(store, marking, {"t": TASK}, call=judge, **options)
    return asyncio.run(grader.mark("e"))


def points(store: Store, marking: Marking) -> list[Any]:
    table = store.scores("e", marking=marking.digest)
    return [None if value != value else value for value in table["score"]]


def ratings(store: Store, marking: Marking, name: str = JUDGE) -> list[Any]:
    (key, *_) = [trial.response_key for trial in store.trials("e")]
    return store.ratings_of(key, marking.mark_key(name, TASK.digest))


def test_every_answer_is_marked_once(store):
    answer(store, "It holds. One", "It holds. Two")
    judge, marking = Judge(), judged_by()
    tally = mark(store, marking, judge)
    assert (tally.done, tally.judgements, len(judge.calls)) == (2, 2, 2)
    assert points(store, marking) == [50.0, 50.0]
    assert mark(store, marking, judge).done == 0
    assert len(judge.calls) == 2


@pytest.mark.parametrize("text", ["", "   \n", "ok.", "42"])
def test_an_answer_with_nothing_in_it_gets_nothing_by_rule_and_no_judge_is_paid(store, text):
    answer(store, text)
    judge, marking = Judge(), judged_by()
    mark(store, marking, judge)
    assert not judge.calls
    assert points(store, marking) == [0.0]
    assert {rating.flags for rating in ratings(store, marking)} == {("by_rule",)}


def test_judges_of_the_judged_family_are_marked_so(store):
    answer(store, "It holds.", family="qwen")
    own, foreign = "judge/openai/qwen2.5-7b", "judge/openai/gemma3-4b"
    marking = judged_by(own, foreign)
    mark(store, marking, Judge())
    assert {r.flags for r in ratings(store, marking, own)} == {("self_family",)}
    assert {r.flags for r in ratings(store, marking, foreign)} == {()}


def test_an_unknown_family_is_nobodys_own(store):
    answer(store, "It holds.", family=None)
    marking = judged_by("judge/openai/mystery")
    mark(store, marking, Judge())
    assert {r.flags for r in ratings(store, marking, "judge/openai/mystery")} == {()}


def test_answers_that_are_one_answer_are_judged_once(store):
    """Two variants may come to one text for a model of some size; one judgement serves both."""
    answer(store, "It holds.")
    (trial,) = store.trials("e")
    fields = {name: getattr(trial, name) for name in PlannedTrial.__dataclass_fields__}
    twin = PlannedTrial(**{**fields, "ordinal": 1, "variant": "careful"})
    store.register("e", digest="d", document={}, trials=[trial, twin], plan_digest="twins")
    judge, marking = Judge(), judged_by()
    tally = mark(store, marking, judge)
    assert (len(judge.calls), tally.done) == (1, 2)
    assert points(store, marking) == [50.0, 50.0]


def test_an_unreadable_verdict_is_missing_with_its_status_after_one_more_question(store):
    answer(store, "It holds.")
    judge, marking = Judge(lambda _: Response(text="Very good!")), judged_by()
    tally = mark(store, marking, judge)
    assert len(judge.calls) == 2
    assert (tally.missing, tally.done) == ({"no_json": 1}, 1)
    assert points(store, marking) == [None]
    assert mark(store, marking, judge).judgements == 0, "it is not asked for ever"


BAD_JUDGES = {
    "beyond the maximum": (lambda asked: verdict(asked, 1.5), "invalid"),
    "no number": (
        lambda asked: re.sub(r'"points": \d+', '"points": NaN', verdict(asked)),
        "invalid",
    ),
    "nonsense": (lambda _: "Purple monkeys wash the ocean.", "no_json"),
}


@pytest.mark.parametrize("kind", BAD_JUDGES)
def test_g26_a_judge_that_gives_no_points_scores_no_cell_and_every_one_is_counted(store, kind):
    """Beyond the scale, not a number, nonsense: nothing is clamped, and nothing is zero."""
    answer(store, "It holds. One", "It holds. Two", "It holds. Three")
    say, status = BAD_JUDGES[kind]
    marking = judged_by()
    tally = mark(store, marking, Judge(lambda asked: Response(text=say(asked))))
    assert points(store, marking) == [None, None, None]
    assert (tally.missing, tally.done) == ({status: 3}, 3)
    table = store.scores("e", marking=marking.digest)
    assert table["reason"].str.contains(status).all(), "each cell says why"


def test_a_judge_that_cannot_be_reached_leaves_the_answer_unmarked(store):
    answer(store, "It holds.")
    down = Judge(lambda _: Response(status="failed", reason="network: gone"))
    marking = judged_by()
    tally = mark(store, marking, down)
    assert (tally.not_asked, tally.reason, tally.done) == (1, "network: gone", 0)
    assert not ratings(store, marking)
    assert mark(store, marking, Judge()).done == 1


def test_each_judgement_is_stored_as_it_comes(store):
    """A process that dies while the third is being made must not pay the first two again."""
    answer(store, "It holds.")
    marking = judged_by(judgements=3)
    seen: list[int] = []

    class Watching(Judge):
        async def __call__(self, request: Request) -> Response:
            await asyncio.sleep(0.12)  # longer than a group waits
            seen.append(len({rating.judgement for rating in ratings(store, marking)}))
            return await super().__call__(request)

    mark(store, marking, Watching())
    assert seen == [0, 1, 2]


def test_stored_judgements_keep_the_call_they_came_from(store):
    answer(store, "It holds.")
    mark(store, judged_by(), Judge())
    marking = judged_by(judgements=2)
    mark(store, marking, Judge())
    rows = store._connection.execute("SELECT judge_response_key FROM ratings").fetchall()
    assert len(rows) == 6
    assert all(key for (key,) in rows)


def test_stopping_ends_between_judgements(store):
    answer(store, *(f"It holds. {n}" for n in range(300)))
    judge = Judge()
    tally = mark(store, judged_by(), judge, stopping=lambda: len(judge.calls) >= 5)
    assert 5 <= len(judge.calls) <= JUDGED_AT_ONCE, "those that were already begun"
    assert tally.done == len(judge.calls)


def test_a_store_that_fails_stops_the_paying(store, monkeypatch):
    answer(store, *(f"It holds. {n}" for n in range(300)))

    def full(rows: object) -> None:
        raise StoreError("no space is left")

    class Slow(Judge):
        async def __call__(self, request: Request) -> Response:
            await asyncio.sleep(0.05)
            return await super().__call__(request)

    judge = Slow()
    monkeypatch.setattr(store, "put_ratings", full)
    with pytest.raises(StoreError, match="no space"):
        mark(store, judged_by(), judge)
    assert len(judge.calls) < 200


def own(function: Callable[..., Any], dimension: str = "code") -> Scorer:
    return scorer(function, dimension=dimension, name=f"own:{dimension}")


def test_a_crash_in_a_users_scorer_makes_its_dimension_missing_and_no_other_answer(store):
    answer(store, "bad", "good answer")

    def touchy(task: Task, response: Response) -> float:
        return 1.0 if response.text != "bad" else 1 / 0

    marking = Marking(rubric=RUBRIC, scorers=(own(touchy), own(lambda *_: 0.5, "style")))
    assert mark(store, marking).done == 2
    assert points(store, marking) == [None, 80.0]
    marks = store.dimension_scores("e", marking=marking.digest)
    (crashed,) = marks[marks["points"].isna()].to_dict("records")
    assert crashed["dimension"] == "code"
    assert crashed["status"] == "crashed"
    assert "ZeroDivisionError" in crashed["reason"]


@pytest.mark.parametrize(
    ("result", "given", "status"),
    [
        (CheckResult(0.5, ("seen",)), 10.0, "ok"),
        (CheckResult(1.2, ()), None, "invalid"),
        (CheckResult(float("nan"), ()), None, "invalid"),
        (0.5, None, "crashed"),
        (None, None, "crashed"),
    ],
)
def test_whatever_a_check_returns_is_points_or_missing(result, given, status):
    marking = Marking(rubric=RUBRIC, checks={("code", 0): lambda task, response: result})
    rating = check_rating(marking, "code", 0, TASK, Response(text="x"))
    assert (rating.points, rating.status) == (given, status)
