"""Makes the files of other tools that tests read: `python -m tests.lab.foreign.make`.

Each tool lives in an environment of its own below `.bench/` (benchmarks/peers.py): inspect_ai
cannot share ours, and promptfoo is a program of node.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.peers import inspect_python, promptfoo_command

HERE = Path(__file__).resolve().parent
CAREFUL = "You are a careful engineer. Check your result before you answer."
SUMS = [(2, 3), (17, 25), (99, 1), (8, 80), (41, 1)]


def inspect_logs() -> None:
    """Two logs in inspect_ai's own packed form."""
    script = HERE / "inspect_runs.py"
    subprocess.run([str(inspect_python()), str(script), str(HERE)], check=True, cwd=HERE)


def promptfoo_results() -> None:
    """One result file: two providers, two prompts, five tests, each repeated twice."""
    node, program = promptfoo_command()
    user = {"role": "user", "content": "{{question}}"}
    prompts = [("baseline", [user]), ("careful", [{"role": "system", "content": CAREFUL}, user])]
    providers = [
        {
            "id": "file://promptfoo_model.cjs",
            "label": name,
            "config": {"name": name, "strong": strong},
        }
        for name, strong in (("sums:small", False), ("sums:large", True))
    ]
    config = {
        "description": "sums",
        "prompts": [{"label": name, "raw": json.dumps(text)} for name, text in prompts],
        "providers": providers,
        "tests": [
            {
                "description": f"sum-{place}",
                "vars": {"question": f"What is {a} plus {b} ?"},
                "assert": [
                    {"type": "contains", "value": str(a + b), "metric": "right", "weight": 2},
                    {"type": "javascript", "value": "output.length < 40", "metric": "brief"},
                ],
            }
            for place, (a, b) in enumerate(SUMS, start=1)
        ],
    }
    with tempfile.TemporaryDirectory() as home:
        plan = HERE / "promptfooconfig.json"
        plan.write_text(json.dumps(config), encoding="utf-8")
        environment = {
            **os.environ, "PROMPTFOO_CONFIG_DIR": home, "PROMPTFOO_DISABLE_TELEMETRY": "1",
            "PROMPTFOO_DISABLE_UPDATE": "1", "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
        }  # fmt: skip
        command = [
            str(node), str(program), "eval", "-c", str(plan), "--repeat", "2", "--no-cache",
            "--no-progress-bar", "--no-table", "-o", str(HERE / "promptfoo.json"),
        ]  # fmt: skip
        # Exit code 100: some assertions failed, as they should.
        subprocess.run(command, cwd=HERE, env=environment, check=False, timeout=300)
        plan.unlink()
    _without_this_machine(HERE / "promptfoo.json")


def _without_this_machine(path: Path) -> None:
    """Take out where it was made; nothing that an import reads is touched."""
    text = path.read_text("utf-8").replace(str(HERE), ".")
    path.write_text(json.dumps(json.loads(text), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["inspect", "promptfoo"]
    if "inspect" in wanted:
        inspect_logs()
    if "promptfoo" in wanted:
        promptfoo_results()
