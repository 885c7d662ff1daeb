"""What is spared in pytest changes no outcome: the lean run says what plain pytest says."""

import re
from dataclasses import replace

import pytest
from parcels import MODULE

from preamblelab.scoring.evidence import python_runner
from preamblelab.scoring.evidence.protocol import SuiteJob
from preamblelab.scoring.evidence.python_runner import PythonRunner
from preamblelab.scoring.sandbox import Pool

SUITE = """
import pytest
import parcel
from parcel import TooHeavy, fee

made = []

def setup_module(module):
    module.made.append("module")

def setup_function(function):
    made.append(function.__name__)

@pytest.fixture
def small():
    made.append("small")
    yield fee(5)
    made.pop()

@pytest.fixture(params=[0, -1])
def bad(request):
    return request.param

@pytest.fixture
def broken():
    raise LookupError("no such thing")

@pytest.fixture
def breaks_later():
    yield 1
    raise RuntimeError("too late")

@pytest.fixture(autouse=True)
def each_time(request):
    request.node.seen = True

def test_plain(small):
    assert (small, made[0], made[-1]) == (5, "module", "small")

def test_fails(small):
    assert small == 6, "told so"

def test_parametrised_fixture(bad):
    with pytest.raises(ValueError, match="positive"):
        fee(bad)

@pytest.mark.parametrize("weight, price", [(5, 5), (6, 9), (7, 5)])
def test_parameters(weight, price):
    assert fee(weight) == price

@pytest.mark.usefixtures("small")
def test_marked():
    assert made[-1] == "small"

def test_setup_fails(broken):
    assert fee(1)

def test_teardown_fails(breaks_later):
    assert fee(1) == 5

def test_no_such_fixture(unknown):
    assert fee(1) == 5

def test_raises_what_it_should_not():
    fee(31)

def test_declares_its_failure():
    pytest.fail("on purpose")

def test_leaves():
    raise SystemExit(3)

def test_environment():
    import os
    assert "HOME" in os.environ

async def test_waits():
    assert fee(1) == 5

class Mute(Exception):
    def __str__(self):
        raise ValueError("it cannot speak")

def test_mute():
    raise Mute()

class TestOfClass:
    level = 1

    def setup_method(self):
        self.level += 1

    def test_own_instance(self):
        self.level += 1
        assert self.level == 3

    def test_own_instance_again(self, small):
        assert (self.level, small) == (2, 5)

    @staticmethod
    def test_static(small):
        assert small == 5

    @pytest.mark.parametrize("a", [1, 2])
    def test_of_class(self, a):
        assert fee(a) == 5

@pytest.mark.parametrize("b", [1, 2])
class TestWithParameters:
    def test_b(self, b):
        assert fee(b) == 5

def pytest_generate_tests(metafunc):
    if "generated" in metafunc.fixturenames:
        metafunc.parametrize("generated", [1, 30])

def test_generated(generated):
    assert fee(generated) == 5
"""


@pytest.mark.whole
def test_lean_and_plain_pytest_agree(
    runner: PythonRunner, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = runner.dead(MODULE)
    assert dead is not None
    # With and without `pytest_generate_tests`, which keeps every test on pytest's own way.
    suites = [SUITE, SUITE.partition("def pytest_generate_tests")[0]]
    jobs = [SuiteJob(code=code, module="parcel.py", versions=(MODULE, dead)) for code in suites]
    lean = [runner.run(pool, job) for job in jobs]
    drivers = python_runner._drivers()
    name = "evidence_driver/lean_pytest.py"
    idle = "def make_lean(session, tests, opening):\n    pass\n"
    assert name in drivers
    monkeypatch.setattr(python_runner, "_drivers", lambda: {**drivers, name: idle})
    monkeypatch.setattr(python_runner, "_UNSPOKEN", {})
    monkeypatch.setattr(python_runner, "_CAPTURED", re.compile(""))
    plain = [runner.run(pool, job) for job in jobs]
    for mine, pytests in zip(lean, plain, strict=True):
        assert [each.tests for each in mine.versions] == [each.tests for each in pytests.versions]
    statuses = {test.name: test.status for test in lean[0].versions[0].tests}
    assert statuses["test_setup_fails"] == statuses["test_teardown_fails"] == "error"
    assert (statuses["test_leaves"], statuses["test_mute"]) == ("failed", "failed")
    assert len(statuses) == 26


def test_modules_that_are_imported_for_all_are_of_the_library_alone(
    runner: PythonRunner, pool: Pool
) -> None:
    """Nothing of the answer or of the module runs before its version does."""
    code = (
        "import json, antigravity, parcel, nowhere\nfrom unittest import mock\n"
        "def test_a():\n    assert True\n"
    )
    assert python_runner._library_of(code, MODULE) == ["json", "unittest", "unittest.mock"]
    job = SuiteJob(code=code.replace(", nowhere", ""), module="parcel.py", versions=(MODULE,))
    assert runner.run(pool, job).versions[0].load_fault == ""
    lost = runner.run(pool, replace(job, code=code))
    assert "nowhere" in lost.versions[0].load_fault


def test_a_package_is_a_module_too(runner: PythonRunner, pool: Pool) -> None:
    """`shop/__init__.py` is what `import shop` gives, and finds the modules beside it."""
    code = (
        "import shop\nfrom shop import fee, rates\n"
        "def test_a():\n    assert fee(1) == rates.LEAST\n    assert shop.__path__\n"
    )
    job = SuiteJob(
        code=code,
        module="shop/__init__.py",
        versions=("from shop.rates import LEAST\n\ndef fee(n):\n    return n * LEAST\n",),
        files={"shop/rates.py": "LEAST = 4\n"},
    )
    (version,) = runner.run(pool, job).versions
    assert [(each.name, each.status) for each in version.tests] == [("test_a", "passed")], version
