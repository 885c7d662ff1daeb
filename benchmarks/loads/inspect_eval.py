"""The peer inspect_ai on the same cells, with a cheap scorer; needs an environment of its own."""

import json
import os
import sys
import time
from typing import Any

from benchmarks.matrix import conversations

address, calls, concurrency, folder, how = sys.argv[1:6]
os.environ["SPEED_BASE_URL"] = address
os.environ["SPEED_API_KEY"] = "none"
os.environ["INSPECT_LOG_DIR"] = folder

from inspect_ai import Task, eval  # noqa: A004, E402 - its name; the environment comes first
from inspect_ai.dataset import MemoryDataset, Sample  # noqa: E402
from inspect_ai.model import (  # noqa: E402
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    get_model,
)
from inspect_ai.scorer import Score, Target, accuracy, scorer  # noqa: E402
from inspect_ai.solver import TaskState, generate  # noqa: E402

KINDS = {"system": ChatMessageSystem, "user": ChatMessageUser}


@scorer(metrics=[accuracy()])
def length() -> Any:
    """Full marks for an answer of at least 100 characters."""

    async def score(state: TaskState, target: Target) -> Score:
        del target
        return Score(value=1 if len(state.output.completion) >= 100 else 0)

    return score


def main() -> None:
    cells = conversations()
    samples = [
        Sample(input=[KINDS[turn["role"]](content=turn["content"]) for turn in cell], target="x")
        for cell in cells
    ]
    task = Task(
        dataset=MemoryDataset(samples), solver=[generate()], scorer=length(),
        epochs=max(1, int(calls) // len(cells)),
        config=GenerateConfig(temperature=0.5, max_tokens=1000),
    )  # fmt: skip
    started = time.monotonic()
    logs = eval(
        task,
        model=get_model("openai-api/speed/instant", stream=how == "stream"),
        max_connections=int(concurrency),
        max_samples=int(concurrency),
        display="none",
    )
    assert logs[0].status == "success", logs[0].error
    print(json.dumps({"seconds": time.monotonic() - started}))


if __name__ == "__main__":
    main()
