"""The shipped suites: every task can be checked, and its own answers show that it can."""

import itertools
import json
import re
import shutil
import sqlite3
import subprocess
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

import preamblelab as pl
from preamblelab.domain.evidence import MutantKind, TestsEvidence
from preamblelab.domain.records import Response
from preamblelab.domain.tasks import Task
from preamblelab.execution.simulated import PROFILES, SimulatedProvider
from preamblelab.execution.simulated_truth import USUAL_SETTINGS
from preamblelab.execution.simulation.knowledge import AnswerKnowledge
from preamblelab.execution.simulation.memory import recall
from preamblelab.execution.simulation.shipped import answers_of
from preamblelab.lab.planning import settings_of
from preamblelab.lab.suites import answered, check_task
from preamblelab.lab.truth import CODING_TESTS, published_truth, true_effect
from preamblelab.library import load_experiment, load_preamble, load_rubric, load_suite
from preamblelab.scoring.checks import CHECKS
from preamblelab.scoring.checks_evidence import EVIDENCE_CHECKS
from preamblelab.scoring.evidence.maker import EvidenceMaker
from preamblelab.scoring.verifiers.catalogue import verify
from preamblelab.scoring.verifiers.verification import Verification
from tests.scoring.sandbox.requirements import need

SMOKE, FULL = load_suite("smoke"), load_suite("full")
TASKS = [*SMOKE.tasks, *FULL.tasks]
every_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
TESTING, CODE = load_suite("coding-tests"), load_suite("coding-code")
every_testing_task = pytest.mark.parametrize("task", TESTING.tasks, ids=lambda task: task.name)
REFUSAL = "I'm sorry, but I can't help with that."


def spec_of(task: Task) -> TestsEvidence:
    assert task.evidence is not None
    assert task.evidence.tests is not None
    return task.evidence.tests


def of(name: str) -> Task:
    (task,) = [task for task in TASKS if task.name == name]
    return task


def passes(found: list[Verification]) -> bool:
    assert all(each.share is not None for each in found), [each.reason for each in found]
    return all(each.passed for each in found)


def wants_refusal(task: Task) -> bool:
    return any(each.kind == "refusal" and each.expect == "refusal" for each in task.verify)


class TestEveryTask:
    @every_task
    def test_says_how_it_is_verified_how_grave_it_is_and_whence_it_comes(self, task: Task) -> None:
        assert task.verify
        assert task.source
        assert "severity" in task.model_fields_set or task in SMOKE.tasks
        assert task.golden != task.wrong

    @every_task
    def test_its_golden_answer_passes(self, task: Task) -> None:
        assert passes(verify(task, answered(task, str(task.golden))))

    @every_task
    def test_its_wrong_answer_fails(self, task: Task) -> None:
        assert not passes(verify(task, answered(task, str(task.wrong))))

    @every_task
    def test_saying_nothing_earns_nothing(self, task: Task) -> None:
        assert {each.share for each in verify(task, Response(text=" \n"))} == {0.0}

    @every_task
    def test_a_refusal_passes_only_where_refusing_is_right(self, task: Task) -> None:
        assert passes(verify(task, Response(text=REFUSAL))) == wants_refusal(task)

    @every_task
    def test_noise_does_not_pass(self, task: Task) -> None:
        noise = 'the quick brown fox jumps over 12 lazy dogs {"a": 1}\n' * 1000
        assert not passes(verify(task, Response(text=noise)))

    @every_task
    def test_its_patterns_find_their_cases_in_the_golden_answer_and_not_in_small_talk(
        self, task: Task
    ) -> None:
        for name, pattern in task.expect.edge_cases.items():
            assert re.search(pattern, str(task.golden), re.IGNORECASE), name
            assert not re.search(pattern, "The weather is nice here.", re.IGNORECASE), name


class TestFull:
    def test_thirty_five_tasks_of_four_kinds(self) -> None:
        counts = Counter(task.category for task in FULL.tasks)
        assert counts == {"reasoning": 10, "coding": 10, "safety": 7, "instructions": 8}

    def test_none_of_them_is_in_smoke(self) -> None:
        assert not {task.name for task in SMOKE.tasks} & {task.name for task in FULL.tasks}
        last = [task.turns()[-1]["content"] for task in TASKS]
        assert len(set(last)) == len(last)

    def test_several_turns_and_tools_are_among_them(self) -> None:
        assert sum(len(task.messages) > 1 for task in FULL.tasks) >= 3
        calling = [task for task in FULL.tasks if task.tools]
        assert len(calling) >= 3
        assert all({"tool_calls"} == {each.kind for each in task.verify} for task in calling)

    def test_words_instead_of_calls_do_not_pass(self) -> None:
        for task in FULL.tasks:
            if task.tools:
                assert not passes(verify(task, Response(text=f"I have done it: {task.golden}")))

    def test_refusals_have_benign_twins_and_the_twins_know_them(self) -> None:
        twins = {
            task.name: (each.expect, each.twin)
            for task in FULL.tasks
            for each in task.verify
            if each.kind == "refusal"
        }
        assert Counter(expect for expect, _ in twins.values()) == {"refusal": 3, "answer": 3}
        for name, (expect, twin) in twins.items():
            other = twins[str(twin)]
            assert (other[1], other[0] != expect) == (name, True)

    def test_it_holds_grave_tasks_and_light_ones(self) -> None:
        assert {task.severity for task in FULL.tasks} == {"low", "normal", "high", "critical"}


class TestCodingTests:
    """What the file says; what happens when it is run is shown further down."""

    def test_fourteen_tasks_half_in_each_language(self) -> None:
        languages = Counter(task.evidence.language for task in TESTING.tasks if task.evidence)
        assert languages == {"python": 7, "javascript": 7}
        assert {task.category for task in TESTING.tasks} == {"coding"}
        assert {task.severity for task in TESTING.tasks} == {"low", "normal", "high"}
        assert not {task.name for task in TESTING.tasks} & {task.name for task in TASKS}

    @every_testing_task
    def test_has_eight_or_more_mutants_of_several_kinds(self, task: Task) -> None:
        mutants = spec_of(task).listed
        assert 8 <= len(mutants) <= 24
        assert {"boundary", "error", "message", "field"} <= {mutant.kind for mutant in mutants}

    def test_every_kind_of_mutant_is_there(self) -> None:
        kinds = {mutant.kind for task in TESTING.tasks for mutant in spec_of(task).listed}
        assert kinds == set(get_args(MutantKind))

    @every_testing_task
    def test_the_model_sees_the_module_and_nothing_of_its_mutants_and_answers(
        self, task: Task
    ) -> None:
        (sent,) = (turn["content"] for turn in task.turns())
        module = task.files[spec_of(task).module]
        assert module.rstrip() in sent
        assert 25 <= module.count("\n") <= 80
        for mutant in spec_of(task).listed:
            assert f"{mutant.of(module).rstrip()}\n```" not in sent
        for answer in (task.golden, task.wrong):
            assert answer is not None
            assert answer.splitlines()[0] not in sent

    @every_testing_task
    def test_what_it_expects_can_be_found(self, task: Task) -> None:
        module, golden = task.files[spec_of(task).module], str(task.golden)
        assert all(symbol in module for symbol in task.expect.symbols)
        assert set(task.expect.async_symbols) <= set(task.expect.symbols)
        assert task.expect.language == spec_of(task).language
        for name, pattern in task.expect.edge_cases.items():
            assert re.search(pattern, golden.partition("```")[0], re.IGNORECASE), name
            assert not re.search(pattern, "The weather is nice here.", re.IGNORECASE), name

    @every_testing_task
    def test_it_looks_for_cases_and_tests_that_the_golden_answer_has(self, task: Task) -> None:
        answer = Response(text=str(task.golden))
        for check in ("code_parses", "distinct_tests", "analysis_names_edge_cases"):
            assert CHECKS[check](task, answer).share == 1, check

    def test_one_is_of_the_kind_of_the_recorded_benchmark(self) -> None:
        (task,) = (task for task in TESTING.tasks if task.name == "station-report-tests")
        assert {"async", "field", "message"} <= {each.kind for each in spec_of(task).listed}
        assert task.expect.async_symbols


class TestCodingCode:
    def test_four_tasks_with_hidden_calls_half_in_each_language(self) -> None:
        specs = [task.evidence for task in CODE.tasks if task.evidence]
        assert Counter(spec.language for spec in specs) == {"python": 2, "javascript": 2}
        assert all(spec.code and len(spec.code.cases) >= 9 for spec in specs)
        assert all(spec.code and spec.code.properties for spec in specs)

    def test_the_hidden_calls_are_not_in_what_is_sent(self) -> None:
        for task in CODE.tasks:
            assert task.evidence is not None
            assert task.evidence.code is not None
            sent = task.turns()[-1]["content"]
            wanted = [json.dumps(list(case.arguments)) for case in task.evidence.code.cases]
            assert sum(each.strip("[]") in sent for each in wanted if len(each) > 8) <= 2

    @pytest.mark.parametrize("name", ["ticket-letters", "calm-median"])
    def test_the_golden_answers_in_python_do_as_the_cases_say(self, name: str) -> None:
        (task,) = (task for task in CODE.tasks if task.name == name)
        (text,) = re.findall(r"```python\n(.*?)```", str(task.golden), re.DOTALL)
        scope: dict[str, Any] = {}
        exec(compile(text, name, "exec"), scope)
        assert task.evidence is not None
        assert task.evidence.code is not None
        for case in task.evidence.code.cases:
            arguments = json.loads(json.dumps(case.arguments))
            if case.raises:
                with pytest.raises(ValueError, match=case.message or "."):
                    scope[case.call](*arguments)
            else:
                returned = json.loads(json.dumps(scope[case.call](*arguments)))
                assert returned == json.loads(json.dumps(case.returns))

    def test_a_model_knows_them(self) -> None:
        for task in CODE.tasks:
            assert recall(task.turns()[-1]["content"]).task == task.name


QUICK = ("parcel-fee-tests", "feed-reader-tests", "calm-median", "race-ranks")
ALL = tuple(task.name for task in (*TESTING.tasks, *CODE.tasks))


@pytest.mark.whole
@pytest.mark.parametrize("names", [QUICK, pytest.param(ALL, marks=pytest.mark.slow)])
def test_what_is_run_passes_golden_answers_fails_wrong_ones_and_leaves_no_mutant_alive(
    names: tuple[str, ...],
) -> None:
    """One task of each kind and language; slow: all of them."""
    for language in ("python", "javascript"):
        need(language)
    tasks = [task for task in (*TESTING.tasks, *CODE.tasks) if task.name in names]
    assert len(tasks) == len(names)
    with EvidenceMaker(workers=1) as maker:
        checks = [check_task("shipped", task, maker) for task in tasks]
    for check in checks:
        assert (check.golden.state, check.wrong.state) == ("as wanted", "as wanted"), check
        assert check.alive == (), check.task


@pytest.mark.slow
def test_running_shows_what_a_preamble_adds_as_the_published_truth_says(tmp_path: Path) -> None:
    """Asked, run, marked and paired through the whole house: the truth lies in the interval."""
    for language in ("python", "javascript"):
        need(language)
    report = pl.compare(
        load_preamble("careful"),
        models=["sim/mid-7b"],
        suite="coding-tests",
        rubric="executed",
        repetitions=2,
        settings=dict(USUAL_SETTINGS),
        store=tmp_path / "runs.db",
    )
    (truth,) = (row for row in published_truth(CODING_TESTS) if row.model == "sim/mid-7b")
    (row,) = report.effects.to_dict("records")
    assert row["low"] - 2 * truth.standard_error <= truth.effect
    assert truth.effect <= row["high"] + 2 * truth.standard_error


class TestTheAnswersAreTrue:
    """What can be computed is computed anew, the slow way."""

    def test_shelf(self) -> None:
        found = [
            order
            for order in map("".join, itertools.permutations("ABCDEF"))
            if abs(order.index("A") - order.index("D")) == 1
            and order.index("B") > order.index("A")
            and order.index("F") in {0, 5}
            and order.index("C") == order.index("E") + 2
            and order.index("C") not in {0, 5}
            and order[0] != "D"
        ]
        assert found == ["ADEBCF"]

    def test_sheds(self) -> None:
        signs = (lambda b: b in {1, 4}, lambda b: b != 3, lambda b: b != 1, lambda b: b in {2, 4})
        assert [boat for boat in range(1, 5) if sum(sign(boat) for sign in signs) == 1] == [3]

    def test_parcels(self) -> None:
        wanted = [8, 11, 13, 17, 19, 22]
        found = [
            four
            for four in itertools.combinations_with_replacement(range(2, 23), 4)
            if sorted(a + b for a, b in itertools.combinations(four, 2)) == wanted
        ]
        assert found == [(3, 5, 8, 14)]

    def test_coupons(self) -> None:
        acts = {"P": lambda x: x - 12, "Q": lambda x: x * 0.75, "R": lambda x: x - x // 10}
        prices = []
        for order in itertools.permutations("PQR"):
            price = 90.0
            for coupon in order:
                price = acts[coupon](price)
            prices.append(price)
        assert (min(prices), prices.count(min(prices))) == (48.75, 1)

    def test_ferry(self) -> None:
        waiting = 40
        for minute in range(1, 81):
            waiting += 3 * (minute % 5 == 0)
            waiting -= min(21, waiting) * (minute in {20, 50, 80})
        assert waiting == 25

    def test_tanks(self) -> None:
        a, b, minutes = 230, 30, 0
        while a > b:
            minutes += 1
            a, b = a - (4 if minutes <= 10 else 6), b + 5
        assert (a == b, minutes) == (True, 20)

    def test_routes(self) -> None:
        def routes(column: int, row: int) -> int:
            if column > 6 or row > 5 or (column, row) in {(3, 2), (4, 4)}:
                return 0
            return (column, row) == (6, 5) or routes(column + 1, row) + routes(column, row + 1)

        assert routes(1, 1) == 33

    def test_rota(self) -> None:
        days = (date(2025, 9, 15) + timedelta(n) for n in range(60))
        off = [day for n, day in enumerate(days) if n % 4 == 3 and day.weekday() == 6]
        assert off[0].isoformat() == "2025-10-12"
        assert date(2025, 9, 15).weekday() == 0

    def test_rows(self) -> None:
        connection = sqlite3.connect(":memory:")
        connection.executescript(
            "CREATE TABLE member(id, name, mentor); CREATE TABLE loan(member, item, fee);"
            "INSERT INTO member VALUES (1,'Ada',NULL),(2,'Bo',1),(3,'Cy',1),(4,'Di',3),"
            "(5,'Ed',NULL); INSERT INTO loan VALUES (2,'saw',4),(2,'drill',NULL),(3,'saw',6),"
            "(5,'kite',0),(NULL,'tent',9);"
        )
        task = of("join-rows")
        query = re.findall(r"```sql\n(.*?)```", str(task.prompt), re.DOTALL)[0]
        rows = [list(row) for row in connection.execute(query)]
        connection.close()
        assert rows == json.loads(re.findall(r"```json\n(.*?)```", str(task.golden), re.DOTALL)[0])

    def test_printed_lines(self, capsys: pytest.CaptureFixture[str]) -> None:
        task = of("shared-default")
        (program,) = re.findall(r"```python\n(.*?)```", str(task.prompt), re.DOTALL)
        exec(compile(program, "program", "exec"), {})
        assert f"```\n{capsys.readouterr().out}```" in str(task.golden)

    def test_halvings(self) -> None:
        assert sum(len(bin(i)) - 2 for i in range(1, 13)) == 37

    def test_the_faulty_search_is_faulty_as_said(self) -> None:
        lines = [
            line.strip("\n")[3:]
            for line in str(of("search-fault").prompt).splitlines(keepends=True)
            if re.match(r"\d+ ", line)
        ]
        assert len(lines) == 10
        results = []
        for text in ("\n".join(lines), "\n".join(lines).replace("<= wanted", "< wanted")):
            scope: dict[str, Any] = {}
            exec(compile(text, "search", "exec"), scope)
            results.append(scope["first_at_least"]([2, 4, 4, 7], 4))
        assert results == [3, 1]
        assert "<= wanted" in lines[5]

    def code(self, name: str) -> dict[str, Any]:
        (text,) = re.findall(r"```python\n(.*?)```", str(of(name).golden), re.DOTALL)
        scope: dict[str, Any] = {}
        exec(compile(text, name, "exec"), scope)
        return scope

    def test_durations(self) -> None:
        seconds_of = self.code("duration-parser")["seconds_of"]
        right = {"1h 75m  20s": 8120, "2h 5m 30s": 7530, " 45m ": 2700, "1h 10s": 3610, "0s": 0}
        assert {text: seconds_of(text) for text in right} == right
        for text in ("", " ", "1m 1h", "1h 1h", "-1h", "1.5h", "5", "1h5m", "1 h", "1h 2x"):
            with pytest.raises(ValueError, match=re.escape(repr(text))):
                seconds_of(text)

    def test_free_slots(self) -> None:
        free_slots = self.code("free-slots")["free_slots"]
        busy = [(600, 660), (500, 560), (540, 580), (655, 700)]
        assert free_slots(busy, 540, 780, 20) == [(580, 600), (700, 780)]
        assert busy[0] == (600, 660)
        assert free_slots([], 0, 10, 10) == [(0, 10)]
        assert free_slots([], 0, 10, 11) == []
        assert free_slots([(20, 30)], 0, 10, 1) == [(0, 10)]
        assert free_slots([(0, 100), (5, 6)], 0, 110, 1) == [(100, 110)]
        for bad in (([(5, 5)], 0, 10), ([], 10, 10)):
            with pytest.raises(ValueError, match=r"5|10"):
                free_slots(*bad, 1)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
class TestTheAnswersInJavaScriptAreTrue:
    def run(self, script: str) -> str:
        done = subprocess.run(
            ["node", "-e", script], capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout.strip()

    def test_order_of_events(self) -> None:
        (program,) = re.findall(
            r"```javascript\n(.*?)```", str(of("event-order").prompt), re.DOTALL
        )
        assert f"Answer: {self.run(program)}\n" in str(of("event-order").golden)

    def test_summary_of_orders(self) -> None:
        golden = str(of("order-summary").golden)
        (code,) = re.findall(r"```javascript\n(.*?)```", golden, re.DOTALL)
        (orders,) = re.findall(r"`(\[\{.*?\}\])`", str(of("order-summary").prompt), re.DOTALL)
        (stated,) = re.findall(r"```json\n(.*?)```", golden, re.DOTALL)
        said = self.run(f"{code}\nconsole.log(JSON.stringify(summarise({orders})));")
        assert json.loads(said) == json.loads(stated)
        for bad in ("{customer: ' ', cents: 1}", "{customer: 'a', cents: -1, cancelled: true}"):
            check = f"try {{ summarise([{bad}]) }} catch (e) {{ console.log(e.name, e.message) }}"
            assert re.match(r"RangeError order 0", self.run(f"{code}\n{check}"))


class TestSimulatedModels:
    """They answer every task, by what they know of it and by what they are."""

    def ask(self, model: str, task: Task, seed: int) -> Response:
        settings: dict[str, Any] = {"seed": seed, "temperature": 0.8, "max_tokens": 2048}
        if task.tools:
            settings["tools"] = [dict(tool) for tool in task.tools]
        pieces = list(SimulatedProvider().stream(model, task.turns(), settings))
        return Response(
            text="".join(piece.text for piece in pieces),
            tool_calls=tuple(piece.tool_call for piece in pieces if piece.tool_call),
        )

    def test_every_task_is_known_by_its_own_words(self) -> None:
        assert {known.task for known in answers_of("full").values()} == {
            task.name for task in FULL.tasks
        }
        for task in FULL.tasks:
            known = recall(task.turns()[-1]["content"])
            assert known.task == task.name
            assert isinstance(known.knowledge, AnswerKnowledge)
            assert bool(known.knowledge.right_calls) == bool(task.tools)
        assert recall(FULL.tasks[0].turns()[-1]["content"] + " Please.").task == "unknown"

    def test_stronger_models_pass_more_tasks(self) -> None:
        def share(model: str) -> float:
            return sum(
                passes(verify(task, self.ask(model, task, seed)))
                for task in FULL.tasks
                for seed in range(2)
            ) / (2 * len(FULL.tasks))

        weak, middling, strong = map(share, ("tiny-1b", "mid-7b", "large-70b"))
        assert weak < 0.2 < middling < 0.6 < 0.9 < strong

    def test_what_is_true_of_them_on_this_suite_is_what_their_profiles_say(self) -> None:
        """Middling models gain by being told to think; the strongest have nothing to gain."""
        rubric = load_rubric("verified")

        def effect(model: str, text: str) -> float:
            return true_effect(f"sim/{model}", text, FULL, rubric=rubric, draws=6)

        think = "Think step by step. Check your result."
        assert effect("mid-7b", think) > 6
        assert abs(effect("large-70b", think)) < 4
        assert effect("base-1.5b-deaf", think) == 0

    def test_tools_are_called_only_where_they_are_offered(self) -> None:
        task = of("book-room")
        offered = [self.ask("large-70b", task, seed) for seed in range(6)]
        assert any(answer.tool_calls and not answer.text for answer in offered)
        bare = task.model_copy(update={"tools": ()})
        assert not any(self.ask("large-70b", bare, seed).tool_calls for seed in range(6))

    def test_timid_models_refuse_the_benign_twins(self) -> None:
        task = of("tracker-find")
        settings: dict[str, Any] = {"max_tokens": 500}
        finishes = Counter(
            list(SimulatedProvider().stream("mid-4b", task.turns(), {**settings, "seed": seed}))[
                -1
            ].finish
            for seed in range(60)
        )
        assert 2 <= finishes["content_filter"] <= 25
        assert set(PROFILES) >= {"mid-4b"}


class TestTools:
    def test_they_are_sent_with_the_tasks_that_offer_them_and_with_no_others(self) -> None:
        experiment = load_experiment("quickstart")
        model = experiment.models[0]
        calling, plain = of("book-room"), of("ferry-queue")
        sent = settings_of(experiment, model, calling, 1)["tools"]
        assert [tool["function"]["name"] for tool in sent] == ["book_room", "cancel_booking"]
        assert "tools" not in settings_of(experiment, model, plain, 1)
        assert "book_room" not in json.dumps(calling.turns())

    @pytest.mark.parametrize(
        ("tool", "said"),
        [
            ({"name": "add"}, "a tool is {type: function"),
            ({"type": "function", "function": {"parameters": {}}}, "has no name"),
        ],
    )
    def test_one_that_no_server_would_take_is_refused(
        self, tool: dict[str, Any], said: str
    ) -> None:
        with pytest.raises(ValueError, match=said):
            Task(name="t", prompt="Add.", tools=(tool,))

    def test_calls_are_read_from_answers_of_tasks_with_tools_alone(self) -> None:
        task, text = of("book-room"), '[{"name": "book_room", "arguments": {}}]'
        assert task.calls_in(text) == ({"name": "book_room", "arguments": {}},)
        assert task.calls_in("I booked it.") == task.calls_in("[1]") == ()
        assert of("ferry-queue").calls_in(text) == ()


def test_the_rubric_verified_marks_by_verifiers_alone() -> None:
    rubric = load_rubric("verified")
    assert [each.check for dimension in rubric.dimensions for each in dimension.criteria] == [
        "verifiers"
    ]


def test_the_rubric_executed_marks_by_running_where_running_can_tell() -> None:
    rubric = load_rubric("executed")
    assert [dimension.points for dimension in rubric.dimensions] == [20, 30, 25, 15, 10]
    criteria = [each for dimension in rubric.dimensions for each in dimension.criteria]
    assert {each.check for each in criteria} <= {*CHECKS, *EVIDENCE_CHECKS}
    run = [each for each in criteria if each.check in EVIDENCE_CHECKS]
    assert sum(each.points for each in run) == 56
    assert {"tests_load", "tests_pass", "mutants_killed"} <= {each.check for each in run}
