"""Real processes against a slow server: killed, interrupted, shut out, spied on."""

import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engines.scripted_server import Asked, Reply, ScriptedServer
from tests.lab.plans import CAREFUL, WARM_UP

pytestmark = pytest.mark.whole

CANARY = "sk-canary-5Xk9/wQ+7Zm2-abcdef0123456789"
CONCURRENCY = 4

PREAMBLE = f"name: careful\ntext: {CAREFUL}\n"
RUBRIC = """\
name: short
dimensions:
  - name: all
    points: 100
    criteria: [{points: 100, text: Nothing left out, check: no_placeholders}]
"""
EXPERIMENT = """\
name: slow
models:
MODELS
variants: [careful]
suite:
  name: small
  tasks:
TASKS
rubric: short
repetitions: REPETITIONS
settings: {max_tokens: 50}
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(lambda _: Reply(seconds=0.03)) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in {"preambles/careful.yaml": PREAMBLE, "rubrics/short.yaml": RUBRIC}.items():
        file = tmp_path / name
        file.parent.mkdir()
        file.write_text(text)
    (tmp_path / "experiments").mkdir()
    return tmp_path


def write(project: Path, server: ScriptedServer, *, tasks: int, repetitions: int, **models: str):
    """The experiment `slow`; models by name, with further fields as YAML."""
    fields = f"api_base: {server.url}, size: mid, concurrency: {CONCURRENCY}"
    listed = [
        f"  - {{id: openai/{name}, name: {name}, {fields}{more}}}"
        for name, more in (models or {"m": ""}).items()
    ]
    asked = [f"    - {{name: task-{n}, prompt: Solve problem {n}.}}" for n in range(tasks)]
    text = EXPERIMENT.replace("MODELS", "\n".join(listed)).replace("TASKS", "\n".join(asked))
    file = project / "experiments" / "slow.yaml"
    file.write_text(text.replace("REPETITIONS", str(repetitions)))


@pytest.fixture
def start(project: Path, project_root: Path) -> Iterator[Start]:
    """Starts `preamblelab` in the project; it is gone when the test ends."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "preamblelab", *arguments],
            cwd=project,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(project_root), **environment},
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


def receipts(project: Path) -> Counter[int]:
    """How often each receipt of the server stands in the store."""
    with sqlite3.connect(f"file:{project / 'preamblelab.db'}?mode=ro", uri=True) as connection:
        texts = [text for (text,) in connection.execute("SELECT text FROM texts")]
    connection.close()
    found = Counter[int]()
    for text in texts:
        found.update(int(number) for number in re.findall(r"\[rid:(\d+)\]", str(text)))
    return found


@pytest.mark.slow
def test_killed_twice_at_random_moments_nothing_is_lost_and_nothing_asked_twice(
    project, server, start
):
    write(project, server, tasks=30, repetitions=2)
    draw = random.Random()
    answered: list[set[int]] = []
    for _ in range(2):
        before = len(server.asked)
        process = start("run", "slow", "--quiet")
        until(lambda before=before: len(server.asked) > before + 5)
        time.sleep(draw.uniform(0.02, 0.2))
        process.kill()
        assert process.wait() == -signal.SIGKILL, "it really died of it"
        until(lambda: server.in_flight == 0)
        answered.append({asked.number for asked in server.answered})
    last = start("run", "slow", "--quiet")
    out, err = last.communicate(timeout=60)
    assert last.returncode == 0, err
    assert "slow" in out
    stored = receipts(project)
    assert max(stored.values()) == 1
    trials = [asked for asked in server.answered if asked.user.startswith("Solve")]
    assert sum(asked.number in stored for asked in trials) == 120
    # What was on its way when the process died: calls in flight, and a group not yet committed.
    lost = [asked for asked in trials if asked.number not in stored]
    waiting = CONCURRENCY + CONCURRENCY * (0.05 + 0.03) / 0.03
    assert len(lost) <= 2 * (waiting + CONCURRENCY)
    again = Counter((asked.user, asked.system, asked.body.get("seed")) for asked in trials)
    assert sum(again.values()) == 120 + len(lost), "only what was lost was asked again"


def test_ctrl_c_stops_cleanly_and_a_second_process_is_kept_out_until_then(project, server, start):
    # Slow enough that the first run is not over before the second has begun.
    server.script = lambda asked: Reply(seconds=0.01 if asked.number <= 12 else 1.0)
    write(project, server, tasks=60, repetitions=1)
    process = start("run", "slow")
    until(lambda: server.in_flight == CONCURRENCY)
    second = start("run", "slow")
    _, err = second.communicate(timeout=30)
    (line,) = err.strip().splitlines()
    assert second.returncode == 1
    assert f"process {process.pid} is at work on this store" in line
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert "the same command goes on: preamblelab run slow" in err
    assert "Traceback" not in err
    stored = receipts(project)
    finished = {asked.number for asked in server.answered if asked.user != WARM_UP}
    assert set(stored) == finished, "calls in flight were finished and stored"
    assert len(server.asked) < 120


def test_ctrl_c_twice_stops_at_once(project, server, start):
    server.script = lambda asked: Reply(seconds=60.0 if asked.number > 6 else 0.0)
    write(project, server, tasks=10, repetitions=1)
    process = start("run", "slow")
    until(lambda: server.in_flight == CONCURRENCY)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None, "it waits for what is in flight"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_a_request_to_end_is_like_ctrl_c_and_does_not_wait_for_a_retry(project, server, start):
    server.script = lambda asked: (
        Reply(status=429, headers={"Retry-After": "100"}) if asked.number > 6 else Reply()
    )
    write(project, server, tasks=10, repetitions=1)
    process = start("run", "slow")
    until(lambda: len(server.asked) > 6)
    time.sleep(0.2)
    process.terminate()
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "the same command goes on" in err


def test_a_key_stands_nowhere_even_if_the_server_tells_it(project, server, start):
    def tell(asked: Asked) -> Reply:
        words = f"Your key is {asked.key}, is it not? Authorization: Bearer {asked.key}"
        return Reply(status={"a401": 401, "b400": 400}.get(asked.model, 200), text=words)

    server.script = tell
    key = ", api_key_env: PREAMBLELAB_TEST_KEY"
    write(project, server, tasks=1, repetitions=1, answer=key, b400=key, a401=key)
    environment = {"PREAMBLELAB_TEST_KEY": CANARY, "PREAMBLELAB_DEBUG": "1"}
    process = start("run", "slow", **environment)
    out, err = process.communicate(timeout=60)
    report = start("report", "slow", "--format", "json", **environment)
    more_out, more_err = report.communicate(timeout=60)
    assert any(asked.key == CANARY for asked in server.asked), "it was used"
    kept = b"".join(file.read_bytes() for file in project.rglob("*") if file.is_file())
    for place in (kept.decode("latin-1"), out, err, more_out, more_err):
        for form in (CANARY, CANARY[:12], CANARY.replace("/", "%2F").replace("+", "%2B")):
            assert form not in place
    assert "***" in err


def test_a_finished_run_imports_nothing_heavy_and_prints_the_same(
    project, server, start, project_root
):
    write(project, server, tasks=3, repetitions=1)
    first = start("run", "slow", "--quiet")
    out, _ = first.communicate(timeout=60)
    asked = len(server.asked)
    program = (
        "import sys\n"
        "sys.argv = ['preamblelab', 'run', 'slow', '--quiet']\n"
        "from preamblelab.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    code = end.code\n"
        "heavy = {'pandas', 'numpy', 'scipy', 'aiohttp', 'litellm', 'dspy'} & set(sys.modules)\n"
        "print(code, sorted(heavy), file=sys.stderr)\n"
    )
    again = subprocess.run(
        [sys.executable, "-c", program],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project_root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert again.stderr.strip() in {"0 []", "None []"}
    assert again.stdout == out
    assert len(server.asked) == asked
