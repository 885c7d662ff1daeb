"""A gate as a real process against a slow server: killed, interrupted, shut out."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from preamblelab.store.registry_file import read_registry
from tests.engines.scripted_server import Reply, ScriptedServer

pytestmark = pytest.mark.slow

TASKS = 12
CONCURRENCY = 4
SUITE = """\
name: NAME
tasks:
"""
TASK = """\
  - {name: NAME-N, category: sums, prompt: "What is N plus 40, in NAME?", verify: [{regex: RIGHT}]}
"""
GATE = """\
slot: chat
suite: ./full.yaml
smoke: ./five.yaml
repetitions: 2
configuration: active.yaml
settings: {max_tokens: 50}
categories: {sums: {}}
"""
ACTIVE = b"model: old\r\n# in use\n"


def answers(asked):
    """The old model is wrong on most sums; the new one is right."""
    number = int(asked.user.split()[2])
    right = asked.model == "new" or number > TASKS - 3 or "five" in asked.user
    return Reply(text=str(number + 40) if right else "who knows", seconds=0.05)


@pytest.fixture
def project(tmp_path):
    with ScriptedServer(lambda a: answers(a) if "plus" in a.user else Reply()) as server:
        for name, count in (("full", TASKS), ("five", 5)):
            text = SUITE.replace("NAME", name)
            for n in range(count):
                task = TASK.replace("NAME", name).replace("RIGHT", str(n + 40))
                text += task.replace("N plus", f"{n} plus").replace("-N,", f"-{n},")
            (tmp_path / f"{name}.yaml").write_text(text)
        (tmp_path / "gate.yaml").write_text(GATE)
        (tmp_path / "active.yaml").write_bytes(ACTIVE)
        for name in ("old", "new"):
            fields = f"api_base: {server.url}, size: mid, concurrency: {CONCURRENCY}"
            overlay = f"model: {{id: openai/{name}, name: {name}, {fields}}}\n"
            (tmp_path / f"{name}.yaml").write_text(overlay)
        started = []

        def start(*arguments):
            process = subprocess.Popen(
                [sys.executable, "-m", "preamblelab", "gate", *arguments],
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": str(Path.cwd())},
            )
            started.append(process)
            return process

        assert start("adopt", "gate.yaml", "--overlay", "old.yaml").wait(60) == 0
        yield tmp_path, server, start
        for process in started:
            if process.poll() is None:
                process.kill()
            process.communicate()


RUN = ("run", "gate.yaml", "--overlay", "new.yaml", "--quiet")


def sums(server):
    return [asked for asked in server.answered if "in full" in asked.user]


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


def test_g14_killed_in_the_full_suite_it_goes_on_to_the_same_decision(project):
    folder, server, start = project
    kills = 2
    for round_ in range(kills):
        process = start(*RUN)
        until(lambda wanted=6 * (round_ + 1): len(sums(server)) >= wanted)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        until(lambda: server.in_flight == 0)
        assert (folder / "active.yaml").read_bytes() == ACTIVE
        assert not (folder / "gates" / "archive").exists()
        assert read_registry(folder / "gates" / "registry.json").champion("chat").name == "old"
    last = start(*RUN)
    out, err = last.communicate(timeout=120)
    assert last.returncode == 0, err
    assert "PROMOTE new@" in out
    planned = 2 * TASKS * 2
    waiting = CONCURRENCY + CONCURRENCY * (0.05 + 0.05) / 0.05
    assert planned <= len(sums(server)) <= planned + kills * waiting
    asked = Counter((each.user, each.model) for each in sums(server))
    assert len(asked) == 2 * TASKS, "champion and challenger on the same tasks"
    (archive,) = (folder / "gates" / "archive").iterdir()
    assert json.loads((archive / "decision.json").read_text())["outcome"] == "promote"
    assert (
        (archive / "config.before").read_bytes()
        == ACTIVE
        == (archive / "config.after").read_bytes()
    )


def test_g12_at_the_server_a_failed_smoke_test_asks_nothing_of_the_full_suite(project):
    _, server, start = project
    script = server.script
    server.script = lambda a: (
        Reply(text="no") if a.model == "new" and "3 plus 40, in five" in a.user else script(a)
    )
    process = start(*RUN)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 10
    assert "4 of 5 smoke tasks" in out
    assert sums(server) == []
    assert len([a for a in server.asked if "in five" in a.user]) == 10


def test_g15_ctrl_c_leaves_the_configuration_and_a_second_gate_is_kept_out(project):
    folder, server, start = project
    script = server.script
    # Slow enough that the first is not over before the second has begun.
    server.script = lambda a: replace(script(a), seconds=4.0 if "in full" in a.user else 0.0)
    first = start(*RUN)
    until(lambda: len(sums(server)) >= 1)
    second = start(*RUN)
    _, err = second.communicate(timeout=60)
    assert second.returncode == 3
    assert f"process {first.pid} is at work" in err
    first.send_signal(signal.SIGINT)
    out, err = first.communicate(timeout=60)
    assert first.returncode == 130
    assert "Traceback" not in err
    assert out == ""
    assert (folder / "active.yaml").read_bytes() == ACTIVE
