"""Who marks what: found, refused, and told apart by what may change the points."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from preamblelab.domain.experiments import Experiment
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.preambles import Preamble
from preamblelab.domain.records import Response
from preamblelab.domain.rubrics import Criterion, Dimension, Rubric
from preamblelab.domain.tasks import Suite, Task
from preamblelab.errors import SpecError
from preamblelab.scoring.marking import UnmarkedError, load_scorer, marking_of
from preamblelab.scoring.scorers import code_version, scorer

TASK = Task(name="t", prompt="Solve it.")
CHECKED = Dimension(
    name="code",
    points=60,
    criteria=(
        Criterion(points=20, text="Whole", check="no_placeholders"),
        Criterion(points=40, text="Right"),
    ),
)
RUBRIC = Rubric(name="r", dimensions=(CHECKED, Dimension(name="style", points=40)))
JUDGE = ModelSpec(id="openai/judge")


def experiment(*scorers: str, **fields: Any) -> Experiment:
    return Experiment(
        **{
            "name": "e",
            "models": (ModelSpec(id="sim/a"),),
            "variants": ("p",),
            "preambles": {"p": Preamble(name="p", text="x")},
            "suite": Suite(name="s", tasks=(TASK,)),
            "rubric": RUBRIC,
            "scorers": scorers,
            **fields,
        }
    )


@scorer(dimension="style")
def style(task: Task, response: Response) -> float:
    return 1.0


@scorer(dimension="code")
def whole(task: Task, response: Response) -> float:
    return 0.5


def test_checks_mark_what_they_can_and_judges_the_rest():
    marking = marking_of(experiment("text", "judge/openai/judge"))
    assert set(marking.checks) == {("code", 0)}
    assert marking.asked == {"code": (1,), "style": (0,)}
    assert marking.judges == {"judge/openai/judge": JUDGE}
    without = marking_of(experiment("judge/openai/judge"))
    assert without.asked == {"code": (0, 1), "style": (0,)}, "no checks where 'text' is not named"


def test_a_judge_is_reached_as_the_experiment_says():
    near = ModelSpec(id="openai/judge", api_base="http://127.0.0.1:1/v1")
    marking = marking_of(experiment("judge/near", judges={"near": near}))
    assert marking.judges == {"judge/near": near}


@pytest.mark.parametrize(
    ("given", "own", "dimension", "place"),
    [
        (("text",), (), "code", 1),
        (("text",), (whole,), "style", 0),
        ((), (whole,), "style", 0),
        ((), (), "code", 0),
    ],
)
def test_a_criterion_that_nobody_marks_is_refused_by_name(given, own, dimension, place):
    with pytest.raises(UnmarkedError, match=f"nobody marks '{dimension}'") as caught:
        marking_of(experiment(*given), scorers=own)
    assert (caught.value.dimension, caught.value.place) == (dimension, place)
    assert "judge/MODEL, or a scorer of your own" in str(caught.value)


def test_own_scorers_cover_whole_dimensions():
    assert marking_of(experiment(), scorers=(whole, style)).scorers == (whole, style)


def test_checks_of_a_dimension_whose_rest_only_an_own_scorer_marks_are_left_out():
    """Half of its criteria make no points of a dimension; the own scorer marks it whole."""
    assert not marking_of(experiment("text"), scorers=(whole, style)).checks
    judged = marking_of(experiment("text", "judge/openai/judge"), scorers=(whole,))
    assert set(judged.checks) == {("code", 0)}, "the judge marks the rest"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nonsense", "no scorer 'nonsense'; known: text, judge/MODEL, module:name"),
        ("no_such_module_here:f", "cannot import 'no_such_module_here'"),
        ("json:no_such", "module 'json' has no 'no_such'"),
        ("json:loads", "is no scorer: decorate it"),
    ],
)
def test_a_scorer_that_cannot_be_found_is_refused(name, words):
    with pytest.raises(SpecError, match=words):
        marking_of(experiment(name))


def test_a_module_that_breaks_while_it_is_imported_is_one_line(tmp_path: Path):
    (tmp_path / "broken_scorers_xyz.py").write_text("1 / 0\n")
    with pytest.raises(SpecError, match="ZeroDivisionError: division by zero"):
        load_scorer("broken_scorers_xyz:f", folder=tmp_path)


def test_a_scorer_of_a_dimension_that_is_not_there_is_refused():
    lost = scorer(lambda task, response: 1.0, dimension="speed", name="lost")
    with pytest.raises(SpecError, match="'lost' marks 'speed', which rubric 'r' does not have"):
        marking_of(experiment("judge/openai/judge"), scorers=(lost,))


def test_a_check_that_nobody_knows_is_refused():
    odd = Dimension(
        name="code", points=60, criteria=(Criterion(points=60, text="x", check="spells"),)
    )
    rubric = RUBRIC.model_copy(update={"dimensions": (odd, RUBRIC.dimensions[1])})
    with pytest.raises(SpecError, match=r"no check 'spells'; known: .*code_parses"):
        marking_of(experiment("text", rubric=rubric), scorers=(style,))


def test_a_mark_key_changes_only_with_what_may_change_the_marks():
    def key(*scorers: str, of: str = "judge/openai/judge", **fields: Any) -> str:
        return marking_of(experiment(*scorers, **fields)).mark_key(of, TASK.digest)

    plain = key("text", "judge/openai/judge")
    assert plain == key("text", "judge/openai/judge", "judge/openai/other")
    assert plain == key("text", "judge/openai/judge", judgements=5)
    changed = [
        key("judge/openai/judge"),
        key("text", "judge/openai/other", of="judge/openai/other"),
        key(
            "text",
            "judge/openai/judge",
            judges={"openai/judge": JUDGE.model_copy(update={"settings": {"temperature": 1}})},
        ),
        key("text", "judge/openai/judge", of="text"),
    ]
    assert len({plain, *changed}) == 5
    digests = {
        marking_of(experiment("text", *more, **fields)).digest
        for more, fields in [
            (("judge/a/a",), {}),
            (("judge/a/a", "judge/a/b"), {}),
            (("judge/a/a",), {"judgements": 2}),
        ]
    }
    assert len(digests) == 3, "but they are three ways of marking"


def one(task: Any, response: Any) -> bool:
    return response.text.lower() in {"alpha", "beta", "gamma"} or any(c == "x" for c in task.prompt)


def other(task: Any, response: Any) -> bool:
    return response.text.upper() in {"alpha", "beta", "gamma"} or any(c == "x" for c in task.prompt)


def nested(task: Any, response: Any) -> bool:
    return any(text == "a" for text in response.text.split())


def nested_otherwise(task: Any, response: Any) -> bool:
    return any(text == "b" for text in response.text.split())


def test_a_functions_version_changes_with_its_code():
    versions = {code_version(each) for each in (one, other, nested, nested_otherwise)}
    assert len(versions) == 4


@pytest.mark.whole
def test_a_functions_version_is_the_same_in_every_process(project_root: Path):
    """Sets have another order in each, and nested functions another address."""
    program = (
        "from tests.scoring.test_marking import one, nested, code_version\n"
        "print(code_version(one), code_version(nested))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=project_root,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(project_root)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


def test_a_changed_check_of_the_users_own_is_another_way_of_marking(tmp_path: Path, monkeypatch):
    rubric = RUBRIC.model_copy(
        update={
            "dimensions": (
                Dimension(
                    name="code",
                    points=100,
                    criteria=(Criterion(points=100, text="x", check="own_checks_xyz:check"),),
                ),
            )
        }
    )
    digests = []
    for body in ("1.0", "0.5"):
        (tmp_path / "own_checks_xyz.py").write_text(
            "from preamblelab.scoring.checks import CheckResult\n"
            f"def check(task, response):\n    return CheckResult({body}, ())\n"
        )
        sys.modules.pop("own_checks_xyz", None)
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        digests.append(marking_of(experiment("text", rubric=rubric), folder=tmp_path).digest)
    assert digests[0] != digests[1]


@pytest.mark.parametrize(
    ("share", "points", "status"),
    [
        (1.0, 40.0, "ok"),
        (True, 40.0, "ok"),
        (0, 0.0, "ok"),
        (0.25, 10.0, "ok"),
        (None, None, "invalid"),
        (1.5, None, "invalid"),
        (-0.1, None, "invalid"),
        (float("nan"), None, "invalid"),
        (float("inf"), None, "invalid"),
        ("good", None, "crashed"),
        ([1], None, "crashed"),
    ],
)
def test_whatever_a_users_scorer_returns_is_points_or_missing_never_zero(share, points, status):
    own = scorer(lambda task, response: share, dimension="style", name="own")
    rating = own.rate(TASK, Response(text="x"), RUBRIC.dimension("style"))
    assert (rating.points, rating.status) == (points, status)
    assert bool(rating.reason) is (status != "ok")


def test_a_users_scorer_that_raises_is_missing_with_the_error():
    def broken(task: Task, response: Response) -> float:
        raise KeyError("gone")

    rating = scorer(broken, dimension="style").rate(TASK, Response(), RUBRIC.dimension("style"))
    assert (rating.points, rating.status, rating.reason) == (None, "crashed", "KeyError: 'gone'")
