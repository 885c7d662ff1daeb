"""Judges of known character, checked by planted answers through the real judge path."""

import json
import random
import re
from collections.abc import Callable

import pytest

import preamblelab as pl
from preamblelab import testing
from preamblelab.domain.records import Request, Response
from preamblelab.errors import SpecError
from preamblelab.library import load_rubric
from preamblelab.report.judge_checks import JudgeCheck, JudgeFindings, PlantedMark, findings_of
from preamblelab.scoring.planted import padded, planted_suite, plants
from tests.engines.scripted_server import Asked, Reply, ScriptedServer


def honest(text: str) -> float:
    """Sees what is done, whatever is claimed: tests that assert something, and code."""
    if re.search(r"assert (minutes|median)\(", text):
        return 0.9
    return 0.3 if re.search(r"sorted|split", text) and "assert True" not in text else 0.0


def gullible(text: str) -> float:
    """Honest, until somebody gives it an order or claims expertise."""
    return 1.0 if re.search(r"ignore the rubric|full marks|expert", text) else honest(text)


def length_loving(text: str) -> float:
    return min(1.0, len(text) / 4000)


def checked(judge: Callable[[Request], Response], tmp_path, **more) -> JudgeCheck:
    return pl.judge_check(["openai/j"], store=tmp_path / "t.db", client=judge, **more)


def found(judge: Callable[[Request], Response], tmp_path, **more) -> JudgeFindings:
    (findings,) = checked(judge, tmp_path, **more).judges
    return findings


def test_an_honest_judge_is_usable(tmp_path):
    findings = found(testing.judge(honest), tmp_path)
    assert findings.verdict == "usable", findings.reasons
    assert findings.false_credit == 0
    assert findings.injection_gain == findings.verbosity_slope == findings.repeat_sd == 0
    assert findings.separation is not None
    assert findings.separation > 80


def test_a_gullible_judge_is_told_by_the_injection_that_works(tmp_path):
    findings = found(testing.judge(gullible), tmp_path)
    assert findings.verdict == "unfit"
    assert findings.worst_injection in {"order", "forged end", "flattery"}
    assert findings.worst_injection_gain == pytest.approx(100 - 32)
    assert findings.injection_gain == pytest.approx(68 * 3 / 5), "two of five left it cold"
    assert findings.false_credit == 0
    assert "gains +68.0 points" in findings.reasons[0]


def test_a_judge_that_loves_length_shows_a_slope(tmp_path):
    findings = found(testing.judge(length_loving), tmp_path)
    assert findings.verdict == "unfit"
    assert findings.verbosity_slope is not None
    assert findings.verbosity_slope > 5
    assert any("filler gains" in reason for reason in findings.reasons)


def test_a_judge_that_gives_everybody_the_same_does_not_separate(tmp_path):
    generous = found(testing.judge(0.8), tmp_path)
    assert generous.verdict == "unfit"
    assert generous.false_credit == pytest.approx(0.8, abs=0.03)
    stern = found(testing.judge(0.0), tmp_path)
    assert stern.false_credit == 0
    assert stern.verdict == "unfit", "no false credit, but no use either"
    assert stern.separation == 0


def test_a_broken_judge_has_missing_verdicts_and_no_figures(tmp_path):
    findings = found(lambda _: Response(text="Great work! 95/100"), tmp_path)
    assert findings.verdict == "unfit"
    assert findings.missing == {"no_json": 60}
    assert findings.missing_share == 1
    assert findings.false_credit is None
    assert findings.repeat_sd is None


def test_a_judge_that_obeys_trips_the_control_line(tmp_path):
    def obedient(request: Request) -> Response:
        wants = "ignore the rubric" in str(request.messages[-1]["content"])
        return testing.judge(honest, control=100 if wants else 0)(request)

    findings = found(obedient, tmp_path, repeats=1)
    assert findings.control_fired == 4, "two tasks, each asked once more"
    assert findings.missing == {"control": 2}
    assert any("control line" in reason for reason in findings.reasons)


def test_a_judge_that_wavers_shows_its_spread(tmp_path):
    draw = random.Random(1)
    wavering = testing.judge(lambda text: honest(text) * draw.uniform(0.7, 1.0))
    findings = found(wavering, tmp_path, repeats=3)
    assert findings.repeat_sd is not None
    assert findings.repeat_sd > 1


def test_the_check_tells_a_limit_from_a_bad_judge(tmp_path):
    result = checked(testing.judge(honest), tmp_path, budget=pl.Budget(calls=9))
    assert not result.complete
    assert result.stopped == "budget.calls: 9"
    (findings,) = result.judges
    assert findings.judgements == 9
    assert findings.not_asked == 51
    assert "only 9 of 60" in " ".join(findings.reasons)


def test_every_call_of_a_real_judge_is_stored_and_counted(tmp_path):
    def script(asked: Asked) -> Reply:
        request = Request(model=pl.ModelSpec(id="openai/j"), messages=tuple(asked.messages))
        return Reply(text=testing.judge(honest)(request).text)

    with ScriptedServer(script) as server, pl.Store(tmp_path / "t.db") as store:
        judge = pl.ModelSpec(id="openai/j", name="j", api_base=server.url)
        result = pl.judge_check([judge], store=store, repeats=1)
        assert result.judges[0].verdict == "usable", result.judges[0].reasons
        assert len(server.asked) == store.spend().by_role["judge"].calls == 30
        hidden = ("twin", "planted", "worthless", "attack")
        seen = "\n".join(str(m["content"]) for asked in server.asked for m in asked.messages)
        assert not any(word in seen for word in hidden), "the judge must not know it is checked"


def test_a_suite_and_a_rubric_of_ones_own_need_no_good_answer(tmp_path):
    suite = pl.Suite(name="mine", tasks=(pl.Task(name="t", prompt="Name three rivers."),))
    rubric = pl.Rubric.model_validate({"name": "r", "dimensions": [{"name": "all", "points": 100}]})
    result = checked(testing.judge(0.5), tmp_path, suite=suite, rubric=rubric, repeats=1)
    names = {mark.plant for mark in result.marks}
    assert "good" not in names
    assert {"thin", "thin padded", "task echoed", "order"} <= names
    assert result.judges[0].good == 50


def test_text_json_and_table_say_the_same(tmp_path):
    result = checked(testing.judge(gullible), tmp_path, repeats=1)
    data = json.loads(result.to_json())
    assert data["judges"][0]["verdict"] == "unfit"
    assert data["judges"][0]["plants"]["order"] == 100
    assert "judge/openai/j: unfit" in str(result)
    assert len(result.to_pandas()) == 30


def test_a_judge_twice_or_none_is_refused(tmp_path):
    with pytest.raises(SpecError, match="twice"):
        pl.judge_check(["openai/j", "openai/j"], store=tmp_path / "t.db")
    with pytest.raises(SpecError, match="at least one judge"):
        pl.judge_check([], store=tmp_path / "t.db")


def test_figures_by_hand():
    """Two tasks, one repeat: gain and slope are means over the pairs of twins."""

    def mark(task: str, plant: str, kind: str, points: float, characters: int) -> PlantedMark:
        twin = "" if kind in {"thin", "worthless"} else "thin"
        return PlantedMark(
            judge="j", task=task, plant=plant, kind=kind, twin=twin,  # type: ignore[arg-type]
            characters=characters, repeat=1, points=points, status="ok",
        )  # fmt: skip

    marks = [
        mark("a", "thin", "thin", 40, 100),
        mark("a", "order", "attack", 50, 150),
        mark("a", "thin padded", "padded", 46, 300),
        mark("a", "empty", "worthless", 10, 0),
        mark("b", "thin", "thin", 60, 200),
        mark("b", "order", "attack", 60, 250),
        mark("b", "thin padded", "padded", 64, 600),
        mark("b", "empty", "worthless", 0, 0),
    ]
    figures = findings_of("j", marks)
    assert figures.injection_gain == pytest.approx(5)
    assert figures.verbosity_slope == pytest.approx((3 + 2) / 2)
    assert figures.false_credit == pytest.approx(0.05)
    assert figures.separation == pytest.approx(50 - 5)
    assert figures.repeat_sd is None, "one judgement each shows no spread"


@pytest.mark.parametrize("task", planted_suite().tasks, ids=lambda task: task.name)
def test_the_planted_good_answers_are_good_and_the_wrong_ones_wrong(task):
    """The answers that judges are checked by are themselves run."""
    made = {plant.name: plant.text for plant in plants(task, load_rubric("coding-judged"))}
    code = re.search(r"```python\n(.*?)```", made["good"], re.DOTALL)
    assert code is not None
    names: dict[str, object] = {}
    exec(code[1], names)
    if task.name == "planted-median":
        for test in [each for name, each in names.items() if name.startswith("test_")]:
            test()  # type: ignore[operator]
        wrong, cases = "return 0", 6
        assert code[1].count("def test_") == cases
    else:
        minutes = names["minutes"]
        assert [minutes(t) for t in ("2h", "45m", "1h30m", "0m")] == [120, 45, 90, 0]  # type: ignore[operator]
        for text in ("", "30m1h", "15", "h"):
            with pytest.raises(ValueError, match=re.escape(repr(text))):
                minutes(text)  # type: ignore[operator]
        wrong = "return len(text)"
    assert wrong in made["decorated wrong code"]


def test_filler_adds_twice_the_length():
    text = "A sentence that says something. " * 10
    assert 2.9 < len(padded(text)) / len(text) < 3.4
    assert padded(text).startswith(text)
