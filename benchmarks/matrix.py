"""The matrix that is asked: one model, two arms, 50 tasks, as many repetitions as are needed."""

from dataclasses import dataclass
from pathlib import Path

TASKS = 50
ARMS = 2
PROMPT_CHARACTERS = 700
PREAMBLE_CHARACTERS = 400
ANSWER_CHARACTERS = 400
CHUNKS = 20

_SENTENCE = (
    "Task {number}: read the rules of the shelf below, say which values lie at a limit, write "
    "the function that keeps them, and the tests that would find each rule broken. "
)
_PREAMBLE = (
    "You are a careful engineer. Say first how you will go about it, then solve the task, then "
    "check the solution against every rule that the task names. "
)

_RUBRIC = """\
name: speed
version: "1"
dimensions:
  - name: length
    points: 100
    criteria:
      - {points: 100, text: "The answer has some length"}
"""

_SCORER = '''\
"""A scorer that costs next to nothing: what marking costs is not what is measured here."""

import preamblelab as pl


@pl.scorer(dimension="length", name="speed_scorer:length")
def length(task, response):
    """Some share that differs from answer to answer, so that there is something to analyse."""
    return len(response.text) * (response.seconds or 1.0) * 1e3 % 1.0
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """What is asked, and where."""

    trials: int
    address: str
    """With `/v1`."""
    concurrency: int = 100
    route: str = "direct"

    @property
    def repetitions(self) -> int:
        """Repetitions of the 100 cells."""
        return max(1, self.trials // (TASKS * ARMS))


def prompt(number: int) -> str:
    """The user's message of a task."""
    sentence = _SENTENCE.format(number=number)
    return (sentence * 9)[:PROMPT_CHARACTERS].strip()


def preamble() -> str:
    """The system message of the second arm."""
    return (_PREAMBLE * 9)[:PREAMBLE_CHARACTERS].strip()


def conversations() -> list[list[dict[str, str]]]:
    """The messages of the 100 cells, for programs that know no experiments."""
    system = {"role": "system", "content": preamble()}
    turns = [[{"role": "user", "content": prompt(number)}] for number in range(TASKS)]
    return [*turns, *([system, *each] for each in turns)]


def write_project(folder: Path, matrix: Matrix) -> Path:
    """Write a project with the experiment `speed`; returns the experiment's file."""
    files = {
        "preambles/careful.md": f"---\nname: careful\n---\n{preamble()}\n",
        "rubrics/speed.yaml": _RUBRIC,
        "speed_scorer.py": _SCORER,
        "experiments/suites/speed.yaml": _suite(),
        "experiments/speed.yaml": _experiment(matrix),
    }
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder / "experiments/speed.yaml"


def _suite() -> str:
    tasks = "".join(
        f"  - name: task-{number}\n    prompt: |\n      {prompt(number)}\n"
        for number in range(TASKS)
    )
    return f"name: speed\ntasks:\n{tasks}"


def _experiment(matrix: Matrix) -> str:
    return f"""\
name: speed
models:
  - id: openai/instant
    name: instant
    api_base: {matrix.address}
    route: {matrix.route}
    concurrency: {matrix.concurrency}
    api_key_env: SPEED_API_KEY
    price: {{input_usd_per_million: 1, output_usd_per_million: 2}}
variants: [careful]
suite: speed
rubric: speed
scorers: ["speed_scorer:length"]
repetitions: {matrix.repetitions}
settings: {{temperature: 0.5, max_tokens: 1000}}
"""
