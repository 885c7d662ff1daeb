"""Writes what the peer promptfoo needs to ask the same cells, with a cheap assertion."""

import json
from pathlib import Path

from benchmarks.matrix import TASKS, preamble, prompt


def write_config(folder: Path, address: str) -> Path:
    """Write the configuration of the 100 cells; `--repeat` gives the repetitions."""
    turns = [{"role": "user", "content": "{{task}}"}]
    with_system = [{"role": "system", "content": preamble()}, *turns]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "baseline.json").write_text(json.dumps(turns))
    (folder / "careful.json").write_text(json.dumps(with_system))
    provider = {
        "id": "openai:chat:instant",
        "config": {
            "apiBaseUrl": address, "apiKey": "none", "temperature": 0.5, "max_tokens": 1000,
        },
    }  # fmt: skip
    check = {"type": "javascript", "value": "output.length >= 100"}
    tests = [{"vars": {"task": prompt(number)}, "assert": [check]} for number in range(TASKS)]
    config = {
        "providers": [provider],
        "prompts": ["file://baseline.json", "file://careful.json"],
        "tests": tests,
    }
    file = folder / "promptfooconfig.json"
    file.write_text(json.dumps(config))
    return file
