"""Runs in an environment with inspect_ai: two real logs of its own mock model.

Usage: inspect_runs.py FOLDER
"""

import sys
from pathlib import Path

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.log import read_eval_log, write_eval_log
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score, match, mean, scorer
from inspect_ai.solver import generate, solver, system_message

CAREFUL = "You are a careful engineer. Check your result before you answer."
SUMS = {"sum-1": (2, 3), "sum-2": (17, 25), "sum-3": (99, 1), "sum-4": (8, 80), "sum-5": (41, 1)}
asked: dict[str, int] = {}


def answer(messages, tools, tool_choice, config):
    """Right where it was told to be careful, off by one on every other sum where it was not."""
    question = messages[-1].text
    first, second = (int(word) for word in question.rstrip("?").split() if word.isdigit())
    careful = any(message.role == "system" for message in messages)
    asked[question] = asked.get(question, 0) + 1
    off = 0 if careful or first % 2 == 0 else asked[question] % 2
    words = "I add both numbers and look at the result once more. " if careful else ""
    output = ModelOutput.from_content("mockllm/model", f"{words}The sum is {first + second + off}")
    # Without a usage inspect_ai counts tokens with tables that it fetches.
    output.usage = ModelUsage(input_tokens=20, output_tokens=8, total_tokens=28)
    return output


@scorer(metrics=[mean()])
def brevity():
    """1 for an answer of six words or fewer, less for longer ones."""

    async def score(state, target):
        words = len(state.output.completion.split())
        return Score(value=min(1.0, 6 / words), explanation=f"{words} words")

    return score


@solver
def fails_once():
    """The second epoch of one sample breaks, as a tool or a server would."""

    async def solve(state, generate):
        if state.sample_id == "sum-5" and state.epoch == 2:
            raise RuntimeError("the tool's server went away")
        return state

    return solve


def main(folder: Path) -> None:
    samples = [
        Sample(id=name, input=f"What is {a} plus {b} ?", target=str(a + b))
        for name, (a, b) in SUMS.items()
    ]
    for name, text in (("baseline", None), ("careful", CAREFUL)):
        asked.clear()
        told = [system_message(text)] if text else []
        sums = Task(
            name="sums",
            dataset=samples,
            solver=[*told, fails_once(), generate()],
            scorer=[match(numeric=True), brevity()],
            epochs=2,
        )
        model = get_model("mockllm/model", custom_outputs=answer)
        (log,) = evaluate(
            sums, model=model, log_dir=str(folder / name), fail_on_error=False,
            display="none", log_format="eval", metadata={"variant": name}, max_tasks=1,
            max_samples=1,
        )  # fmt: skip
        written = Path(log.location.removeprefix("file://"))
        log = read_eval_log(str(written))
        for sample in log.samples or []:
            # Events and tracebacks name the machine and are most of the file; an import reads none.
            sample.events = []
            if sample.error is not None:
                sample.error.traceback = sample.error.traceback_ansi = ""
        write_eval_log(log, str(folder / f"inspect-{name}.eval"), format="eval")
        written.unlink()
        (folder / name).rmdir()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
