"""What tests are worth is seen by what they do on the right module and on its mutants."""

import pytest
from parcels import MODULE, MUTANTS, TESTS, fenced, task

from preamblelab.domain.evidence import AutoMutants
from preamblelab.domain.evidence_records import Evidence
from preamblelab.domain.tasks import Task
from preamblelab.scoring.evidence.executing_tests import execute_tests, mutants_of
from preamblelab.scoring.evidence.kills import lay_out
from preamblelab.scoring.evidence.python_mutants import auto_mutants
from preamblelab.scoring.sandbox import Pool
from preamblelab.scoring.sandbox.unsafe import Unsafe

pytestmark = pytest.mark.whole

COPY = """
def test_b():
    assert fee(3) == 5

def test_a():
    'The same once more.'
    assert fee(3) == 5
"""
PATCHED = """
from unittest.mock import patch

@patch("parcel.fee", return_value=9)
def test_a(fake):
    import parcel
    assert parcel.fee(30) == 9
"""
SET = """
import parcel

def test_a(monkeypatch):
    name = "f" + "ee"
    monkeypatch.setattr(parcel, name, lambda weight: 9)
    assert parcel.fee(30) == 9
"""


def _test(evidence: Evidence, name: str) -> dict[str, object]:
    return next(each for each in evidence.details["tests"] if each["name"] == name)


def test_good_tests_pass_and_kill_every_mutant(execute) -> None:
    pair = execute(task(), fenced(TESTS))
    found = pair.strict
    assert (found.parses, found.loads, found.status) == (True, True, "ok")
    assert (found.tests, found.passed, found.failed) == (6, 6, 0)
    assert (found.killed, found.mutants) == (5, 5)
    assert found.line_share == 1.0
    assert found.details["asserted"] == {"errors": 3, "messages": 2, "fields": 1}
    assert found.isolated
    assert pair.repaired.repairs == ()
    assert pair.repaired.killed == 5


def test_tests_that_assert_little_kill_little(execute) -> None:
    weak = "from parcel import fee\n\ndef test_fee():\n    assert fee(1) > 0\n"
    found = execute(task(), fenced(weak)).strict
    assert (found.tests, found.passed, found.killed) == (1, 1, 0)
    assert found.line_share is not None
    assert 0 < found.line_share < 1


def test_a_test_that_fails_on_the_right_module_kills_nothing(execute) -> None:
    wrong = "from parcel import fee\n\ndef test_limit():\n    assert fee(30) == 8\n"
    found = execute(task(), fenced(wrong)).strict
    assert (found.tests, found.passed, found.failed, found.killed) == (1, 0, 1, 0)
    assert _test(found, "test_limit")["message"] == "assert 9 == 8"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("def test_a():\n    fee(30)\n", "no assertion"),
        ("def test_a():\n    assert True\n", "passes though nothing in the module works"),
        (
            COPY,
            "copy of test_b",
        ),
        (
            PATCHED,
            "replaces what it should test",
        ),
        (
            SET,
            "replaces what it should test",
        ),
        (
            "def fee(weight):\n    return 9\ndef test_a():\n    assert fee(30) == 9\n",
            "passes though nothing in the module works",
        ),
    ],
)
def test_what_tests_nothing_does_not_count(execute, code: str, why: str) -> None:
    found = execute(task(MUTANTS[:1]), fenced("from parcel import fee\n" + code)).strict
    assert _test(found, "test_a")["why_not"] == why
    assert found.tests == (1 if "test_b" in code else 0)


def test_collaborators_of_the_module_may_be_replaced(execute) -> None:
    module = "import time\n\n\ndef nap(seconds):\n    time.sleep(seconds)\n    return seconds + 1\n"
    code = (
        "import nap\n\ndef test_nap(monkeypatch):\n    slept = []\n"
        "    monkeypatch.setattr(nap.time, 'sleep', slept.append)\n"
        "    assert nap.nap(3) == 4\n    assert slept == [3]\n"
    )
    mutant = {"name": "m", "kind": "value", "replace": "seconds + 1", "by": "seconds"}
    spec = {"language": "python", "module": "nap.py", "mutants": [mutant]}
    nap = Task.model_validate(
        {
            "name": "nap",
            "prompt": "x",
            "files": {"nap.py": module},
            "evidence": {"tests": spec},
        }
    )
    found = execute(nap, fenced(code)).strict
    assert (found.tests, found.passed, found.killed) == (1, 1, 1)


def test_coroutines_and_classes_are_tests_too(execute) -> None:
    code = (
        "import unittest\nfrom parcel import fee\n"
        "async def test_later():\n    assert fee(30) == 9\n"
        "class TestFee(unittest.TestCase):\n    def test_small(self):\n"
        "        self.assertEqual(fee(5), 5)\n"
    )
    found = execute(task(), fenced(code)).strict
    assert (found.tests, found.passed, found.killed) == (2, 2, 2)


def test_parts_of_pytest_that_tests_speak_of_are_there(execute) -> None:
    code = """
import logging
import warnings

import pytest
from parcel import fee

def test_logged(caplog):
    logging.getLogger("shop").warning("fee %s", fee(1))
    assert caplog.messages == ["fee 5"]

@pytest.mark.filterwarnings("error")
def test_warned():
    with pytest.raises(UserWarning, match="5"):
        warnings.warn(str(fee(1)))
"""
    found = execute(task(), fenced(code)).strict
    assert (found.tests, found.passed) == (2, 2), found.details


def test_what_needed_a_repair_is_kept_apart_from_what_was_written(execute) -> None:
    broken = TESTS.replace("from parcel", "from your_module") + "\ndef test_cut():\n    assert fee("
    pair = execute(task(), f"Tests:\n```python\n{broken}")
    assert (pair.strict.parses, pair.strict.tests, pair.strict.killed) == (False, 0, 0)
    assert pair.strict.reason.startswith("it does not parse: line")
    assert pair.strict.repairs == ()
    assert pair.repaired.repairs == ("cut-off end", "module path")
    assert (pair.repaired.passed, pair.repaired.killed) == (6, 5)


def test_what_does_not_load_says_why(execute) -> None:
    found = execute(task(), fenced("from nowhere import x\n\ndef test_a():\n    assert x\n")).strict
    assert (found.parses, found.loads, found.tests) == (True, False, 0)
    assert found.reason == "it does not load: ModuleNotFoundError: No module named 'nowhere'"
    assert execute(task(), "I would rather not.").strict.loads is False
    assert execute(task(), fenced("x = 1")).strict.reason == (
        "it does not load: no test was found in it"
    )


def test_a_test_without_end_costs_itself_and_no_other(execute) -> None:
    code = TESTS + "\ndef test_for_ever():\n    while fee(1):\n        pass\n"
    found = execute(task(seconds=1), fenced(code)).strict
    assert _test(found, "test_for_ever")["message"] == "it did not end in time"
    assert (found.passed, found.killed) == (6, 5)


@pytest.mark.whole
def test_mutants_of_a_library_are_the_same_for_a_seed() -> None:
    pytest.importorskip("mutmut")
    spec = AutoMutants(auto=12, seed=1)
    first = auto_mutants(MODULE, spec)
    auto_mutants.cache_clear()
    assert first == auto_mutants(MODULE, spec)
    assert len({each.text for each in first}) == len(first) == 12
    assert first != auto_mutants(MODULE, AutoMutants(auto=12, seed=2))
    kinds = {each.kind for each in auto_mutants(MODULE, AutoMutants(auto=100))}
    assert {"boundary", "message", "logic", "value"} <= kinds


def test_versions_in_the_sandbox_differ_in_nothing_but_the_mutation(runner) -> None:
    """The order says nothing: the right module is first, last and somewhere in between."""
    spec = task().evidence.tests
    layout = lay_out(MODULE, mutants_of(spec, MODULE), runner.dead(MODULE), "seed")
    assert {0, len(layout.versions) - 1} < set(layout.controls)
    assert len(layout.controls) == 4
    assert len(layout.mutants) == len(MUTANTS)
    assert all(layout.versions[place] == MODULE for place in layout.controls)
    others = {lay_out(MODULE, mutants_of(spec, MODULE), None, str(n)).controls for n in range(9)}
    assert len(others) > 3


def test_a_module_in_a_folder_is_a_module_of_a_package(execute) -> None:
    mutant = {"name": "m", "kind": "value", "replace": "2 * n", "by": "3 * n"}
    spec = {"language": "python", "module": "shop/sums.py", "mutants": [mutant]}
    shop = Task.model_validate(
        {
            "name": "shop",
            "prompt": "x",
            "files": {"shop/sums.py": "def double(n):\n    return 2 * n\n"},
            "evidence": {"tests": spec},
        }
    )
    code = "from shop.sums import double\ndef test_two():\n    assert double(2) == 4\n"
    found = execute(shop, fenced(code)).strict
    assert (found.passed, found.killed) == (1, 1), found


def test_without_isolation_it_runs_and_every_piece_says_so(runner) -> None:
    with Pool(workers=1, read_only=runner.read_only(), backend=Unsafe()) as bare:
        found = execute_tests(task(MUTANTS[:2]), fenced(TESTS), runner, bare).strict
    assert (found.passed, found.killed, found.isolated) == (6, 2, False)
