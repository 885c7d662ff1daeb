"""A dspy judge, through our engine or through dspy's own; prints the CPU after the imports."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

from benchmarks.matrix import preamble, prompt

FIELDS = {"rubric": preamble(), "task": prompt(1), "nonce": "n1", "response": prompt(2)}


async def measured(ask: Callable[[], Awaitable[object]], calls: int, at_once: int) -> float:
    """CPU of so many judgements."""
    await ask()
    queue = iter(range(calls))

    async def work() -> None:
        for _ in queue:
            await ask()

    cpu = time.process_time()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return time.process_time() - cpu


async def ours(address: str, calls: int, at_once: int) -> float:
    """`Judge.ask`: dspy's program, our gateway, streamed like every call of ours."""
    from preamblelab.domain.models import ModelSpec
    from preamblelab.execution.doors import Doors
    from preamblelab.execution.gateway import Gateway
    from preamblelab.scoring.judges import Judge

    model = ModelSpec(id="openai/instant", api_base=address, concurrency=at_once)
    doors = Doors()
    doors.prepare([model])
    gateway = Gateway(client_for=doors)
    judge = Judge(model, gateway.call)

    async def ask() -> None:
        _, response = await judge.ask(FIELDS)
        assert response.status == "ok", response.reason

    try:
        return await measured(ask, calls, at_once)
    finally:
        await gateway.close()


async def theirs(address: str, calls: int, at_once: int) -> float:
    """`dspy.Predict` as dspy ships it: its own engine and adapter, no cache."""
    import dspy

    lm: Any = dspy.LM(
        "openai/instant", api_base=address, api_key="none", cache=False, num_retries=0
    )
    program = dspy.Predict("rubric, task, nonce, response -> verdict")

    async def ask() -> None:
        with dspy.context(lm=lm, disable_history=True):
            answer = await program.acall(**FIELDS)
        assert answer.verdict

    return await measured(ask, calls, at_once)


if __name__ == "__main__":
    how, address, calls, at_once = sys.argv[1:5]
    program = {"ours": ours, "theirs": theirs}[how]
    print(json.dumps({"cpu": asyncio.run(program(address, int(calls), int(at_once)))}))
