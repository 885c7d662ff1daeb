"""A small project on disk, for every test of the library."""

from collections.abc import Callable
from pathlib import Path

import pytest

CAREFUL = """\
name: careful
version: "2.1.0"
text: Think first.
sizes: {tiny: Write the code.}
clauses: {loop_guard: Do not repeat a test.}
brevity: |
  At most three sentences.
"""
CODING = """\
name: coding
dimensions:
  analysis:
    points: 40
    criteria:
      - 25: Names the rules
      - {points: 15, text: Names the limits, check: edge_cases}
  code: {points: 60}
"""
MODELS = """\
gemma: {id: "ollama_chat/gemma3:4b", parameters: 4.3B, family: gemma}
big: openai/some-model
NO: {id: openai/norwegian, size: mid}
"""
SMOKE = """\
name: smoke
tasks:
  - name: validator
    prompt: Write tests for this class.
    files: {user.js: files/user.js}
  - name: sort
    prompt: Sort these.
"""
PLAN = """\
name: plan
question: Does it help?
models: [gemma, big]
variants: [careful]
suite: smoke
rubric: coding
"""

Write = Callable[[str, str], Path]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a preamble, a rubric, a catalogue, a suite and an experiment."""
    root = tmp_path / "project"
    texts = {
        "preambles/careful.yaml": CAREFUL,
        "rubrics/coding.yaml": CODING,
        "experiments/models.yaml": MODELS,
        "experiments/suites/smoke.yaml": SMOKE,
        "experiments/suites/files/user.js": "class User {}\n",
        "experiments/plan.yaml": PLAN,
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def plan() -> str:
    """The text of the project's experiment."""
    return PLAN


@pytest.fixture
def write(project: Path) -> Write:
    """Writes a text below the project, and gives the path."""

    def _write(name: str, text: str) -> Path:
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return _write
