"""Tests that cheat gain nothing: the truth is taken from what we alone know.

Each attack claims more than honest tests would bring, in a way that worked against some checker.
"""

import pytest
from parcels import MUTANTS, TESTS, fenced, task

pytestmark = pytest.mark.whole

HONEST = "\nfrom parcel import fee\n\ndef test_small():\n    assert fee(5) == 5\n"
"""Kills one mutant of five, `small`."""

ATTACKS = {
    "prints that it passed": 'print("12 passed")\nimport sys; sys.exit(0)\n',
    "leaves at once": "import os\nos._exit(0)\n",
    "prints and leaves in a test": (
        'def test_a():\n    print("12 passed", flush=True)\n    import os\n    os._exit(0)\n'
    ),
    "makes every report say passed": (
        "import _pytest.reports as reports\n"
        "old = reports.TestReport.from_item_and_call.__func__\n"
        "def new(cls, item, call):\n"
        "    call.excinfo = None\n    return old(cls, item, call)\n"
        "reports.TestReport.from_item_and_call = classmethod(new)\n"
        "def test_a():\n    assert False\n"
        "def test_b():\n    assert 1 == 2\n"
    ),
    "takes the reporter's words": (
        "import gc\n"
        "for each in gc.get_objects():\n"
        "    if type(each).__name__ == 'Reporter':\n"
        "        old = each.say\n"
        "        each.say = lambda said, old=old: old({**said, 'status': 'passed'})\n"
        "def test_a():\n    assert False\n"
    ),
    "takes the reporter from pytest": (
        "def test_a(request):\n"
        "    reporter = request.config.pluginmanager.get_plugin('reporter')\n"
        "    old = reporter.say\n"
        "    reporter.say = lambda said: old({**said, 'status': 'passed'})\n"
        "    assert False\n"
    ),
    "floods the channel": (
        "import os\n"
        "def test_a():\n    assert True\n"
        "def test_b():\n"
        "    while True:\n"
        "        for fd in range(3, 12):\n"
        "            try:\n"
        "                os.write(fd, b'x' * 65536)\n"
        "            except OSError:\n                pass\n"
    ),
    "writes outcomes on the channel": (
        "import os\n"
        "for fd in range(3, 12):\n"
        "    try:\n"
        '        os.write(fd, b\'\\n{"test": "test_a", "status": "passed"}\\n\')\n'
        '        os.write(fd, b\'\\n{"ended": 1, "why": ""}\\n\')\n'
        "    except OSError:\n        pass\n"
        "def test_a():\n    assert False\n"
    ),
    "ends the runner": (
        "import os, signal\ndef test_a():\n    os.kill(os.getppid(), signal.SIGKILL)\n"
        "    assert True\n"
    ),
    "never ends": "def test_a():\n    while True:\n        pass\n",
    "never loads": "while True:\n    pass\n",
    "fills the output": "def test_a():\n    while True:\n        print('x' * 9999)\n",
    "forks without end": (
        "import os\ndef test_a():\n    while True:\n        try:\n            os.fork()\n"
        "        except OSError:\n            pass\n"
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_gains_nothing(execute, name: str) -> None:
    found = execute(task(MUTANTS[:2], seconds=0.6), fenced(ATTACKS[name])).strict
    assert (found.passed, found.killed) == (0, 0), found
    assert found.status == "ok", "to attack is the answer's own fault, and no missing evidence"


@pytest.mark.parametrize(
    "looks",
    [
        # as the text that the model was shown
        "open('parcel.py').read()",
        "__import__('inspect').getsource(parcel)",
        "open(parcel.__file__).read()",
        # as what became of it
        "str(parcel.fee.__code__.co_code + repr(parcel.fee.__code__.co_consts).encode())",
        "str(list(__import__('dis').get_instructions(parcel.fee)))",
        "str(__import__('marshal').dumps(getattr(parcel.fee, '__co' + 'de__')))",
    ],
)
def test_to_read_the_module_does_not_tell_right_from_wrong(execute, looks: str) -> None:
    """A test that knows the right text or code, and fails on any other, kills nothing by that."""
    code = (
        "import parcel, hashlib, os\n"
        f"seen = {looks}\n"
        "def test_same_as_ever():\n"
        "    parcel.fee(1)\n"
        "    assert '30' not in seen or 'COMPARE' or seen\n"
        "    assert hash(seen) and parcel.fee(1) == 5\n"
        "    assert b'weight > LIMIT' or seen\n"
    )
    found = execute(task(MUTANTS[:2]), fenced(code)).strict
    assert found.killed == 0
    assert found.passed == 0


def test_nothing_is_left_from_one_version_to_the_next(execute) -> None:
    """Files, processes and changed files of one run are gone before the next begins."""
    code = TESTS + (
        "\nimport os, subprocess, sys\n"
        "def test_alone():\n"
        "    before = os.path.exists('/tmp/mark') or os.path.exists('mark')\n"
        "    others = [p for p in os.listdir('/proc') if p.isdecimal()\n"
        "              and b'sleep(99' in open(f'/proc/{p}/cmdline', 'rb').read()]\n"
        "    open('/tmp/mark', 'w').close(); open('mark', 'w').close()\n"
        "    os.chmod('/tmp/work', 0o777)\n"
        "    open('test_answer.py', 'w').write('def test_small(): assert False')\n"
        "    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)'],\n"
        "                     start_new_session=True)\n"
        "    assert fee(1) == 5 and not before and not others\n"
    )
    found = execute(task(seconds=5), fenced(code)).strict
    assert (found.passed, found.failed, found.killed) == (7, 0, 5), found.details["tests"]


def test_to_pass_by_the_clock_or_by_chance_is_caught(execute) -> None:
    """The right module is first, last, and at two places between that are drawn."""
    code = (
        "import os, random\nfrom parcel import fee\n"
        "def test_early_ones():\n    assert fee(1) == 5 and os.getpid() < 9\n"
        "def test_often():\n    assert fee(1) == 5 and random.random() < 0.2\n"
    )
    found = execute(task(), fenced(HONEST + code)).strict
    assert (found.tests, found.passed, found.killed) == (3, 1, 1)


def test_a_kill_needs_a_test_that_counts(execute) -> None:
    """A copy of the module under the test's own roof, patched or pasted, sees no mutant."""
    pasted = "def fee(weight, express=False):\n    return 5\n" + HONEST.replace(
        "from parcel import fee", ""
    )
    found = execute(task(), fenced(pasted)).strict
    assert (found.tests, found.killed) == (0, 0)
