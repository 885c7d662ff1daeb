"""Ctrl-C: what is nearly done is finished, and whoever stopped a run hears what is stored."""

import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from preamblelab.cli import main
from preamblelab.lab import running
from preamblelab.lab.interrupting import finished_first
from preamblelab.lab.running import execute
from preamblelab.store import Store
from tests.lab.worlds import World, number


def press(*_: object, **__: object) -> None:
    """Ctrl-C, as a terminal sends it; Python runs the handler before the next line."""
    os.kill(os.getpid(), signal.SIGINT)
    signal.getsignal(signal.SIGINT)


@pytest.fixture(autouse=True)
def _as_in_a_program():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_is_heard_and_the_work_ends_the_second_ends_it():
    said, done = [], []
    with finished_first(said.append, "deciding"):
        press()
        done.append("decided")
    assert (said, done) == (["deciding first; Ctrl-C again gives it up"], ["decided"])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def twice() -> None:
        press()
        press()

    with pytest.raises(KeyboardInterrupt), finished_first(said.append, "deciding"):
        twice()


def test_where_ctrl_c_is_ignored_it_stays_ignored():
    """A job in a shell's background is started so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    said = []
    with finished_first(said.append, "deciding"):
        press()
    assert said == []
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_before_the_first_call_it_says_what_earlier_runs_have_stored(tmp_path, monkeypatch):
    world = World(effects={"a": 0.0})
    plan = world.experiment(tasks=4, repetitions=1)
    with Store(tmp_path / "s.db") as store:
        execute(plan, store, client=world, scorers=[number], limit=3)
        monkeypatch.setattr(running, "rounds_of", press)
        with pytest.raises(KeyboardInterrupt):
            execute(plan, store, client=world, scorers=[number])
        outcome = execute(plan, store, client=world, scorers=[number], handle_interrupts=True)
    assert outcome.interrupted == "interrupted: 3 of 8 answers are stored; the same command goes on"
    assert not outcome.complete
    assert len(world.asked) == 3


SLEEPS = """
import os, signal, threading
threading.Thread(target=lambda: None).start()
os.kill(os.getpid(), signal.SIGINT)
signal.getsignal(signal.SIGINT)
raise RuntimeError("it went on")
"""


def test_ctrl_c_in_the_middle_of_an_import_ends_the_program_and_no_thread_waits_for_ever(tmp_path):
    """Python may drop the exception there and keep its import lock; seen in one start of four."""
    (tmp_path / "slow_to_import.py").write_text(SLEEPS)
    program = (
        "import sys\n"
        "from preamblelab.cli import main\n"
        "import preamblelab.cli.root as root\n"
        "@root.app.command('slow')\n"
        "def slow():\n"
        "    import slow_to_import\n"
        "sys.argv = ['preamblelab', 'slow']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{Path.cwd()}{os.pathsep}{tmp_path}"},
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "interrupted: what was stored stays; the same command goes on\n"


def test_ctrl_c_while_the_model_libraries_are_imported_says_how_much_is_stored(tmp_path):
    """They take seconds; by then the plan is known, and what earlier runs have stored."""
    (tmp_path / "ship.yaml").write_text(PLAN)
    program = (
        "import os, signal, sys\n"
        "from preamblelab.cli import main\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'preamblelab.execution.litellm_client':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "sys.argv = ['preamblelab', 'run', 'ship.yaml', '--quiet']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == ("interrupted: 0 of 10 answers are stored; the same command goes on\n")


PLAN = """\
name: ship
models: [sim/mid-7b]
variants: [careful]
suite: smoke
rubric: verified
delivery: off
"""


@pytest.mark.parametrize(
    ("where", "told"),
    [
        (
            "preamblelab.lab.commands.load_planned",
            "what was stored stays; the same command goes on",
        ),
        ("preamblelab.lab.running.rounds_of", "0 of 10 answers are stored; the same command"),
    ],
)
def test_a_program_that_is_stopped_early_ends_with_130_and_that_line(
    tmp_path, monkeypatch, capsys, where, told
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ship.yaml").write_text(PLAN)
    monkeypatch.setattr(where, press)
    monkeypatch.setattr(sys, "argv", ["preamblelab", "run", "ship.yaml", "--quiet"])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr()
    assert (left.value.code, said.out) == (130, "")
    assert said.err.startswith(f"interrupted: {told}")
    assert said.err.count("\n") == 1


def test_ctrl_c_while_the_commands_are_built_is_one_line_too(monkeypatch, capsys):
    monkeypatch.setattr("preamblelab.cli.printing._interruptible", nullcontext)
    monkeypatch.setattr("typer.main.get_command", press)
    monkeypatch.setattr(sys, "argv", ["preamblelab", "list", "models"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 130
    assert capsys.readouterr().err.startswith("interrupted: what was stored stays")
