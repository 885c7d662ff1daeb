"""Twenty paced streams at one time: a bare reader, our transport with its breaker, or litellm.

Prints the CPU of reading alone, without imports and without the first connections.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

from benchmarks.matrix import conversations

STREAMS = 20
One = Callable[[str], Awaitable[int]]
"""Reads one stream at an address; gives the characters of its text."""


async def measured(one: One, warm_up: str, address: str, passes: int) -> dict[str, float]:
    """CPU of `passes` times twenty streams at one time."""
    await asyncio.gather(*(one(warm_up) for _ in range(STREAMS)))
    cpu = time.process_time()
    characters = 0
    for _ in range(passes):
        characters += sum(await asyncio.gather(*(one(address) for _ in range(STREAMS))))
    return {"cpu": time.process_time() - cpu, "characters": characters}


async def bare(warm_up: str, address: str, passes: int) -> dict[str, float]:
    """A line iterator over an aiohttp response."""
    import aiohttp

    from benchmarks.loads.bare_loop import read_stream

    body = {"model": "instant", "messages": conversations()[60], "stream": True}
    async with aiohttp.ClientSession() as session:

        async def one(base: str) -> int:
            async with session.post(f"{base}/chat/completions", json=body) as response:
                return len((await read_stream(response))[0])

        return await measured(one, warm_up, address, passes)


async def ours(warm_up: str, address: str, passes: int) -> dict[str, float]:
    """The gateway: limiter, budget, deadlines, circuit breaker, outcome."""
    from preamblelab.domain.models import ModelSpec
    from preamblelab.domain.records import Request
    from preamblelab.execution.doors import Doors
    from preamblelab.execution.gateway import Gateway

    models = {
        base: ModelSpec(id="openai/instant", name=base, api_base=base, concurrency=STREAMS)
        for base in (warm_up, address)
    }
    doors = Doors()
    doors.prepare(models.values())
    gateway = Gateway(client_for=doors)
    assert gateway.breaker

    async def one(base: str) -> int:
        messages = tuple(conversations()[60])
        response = await gateway.call(Request(model=models[base], messages=messages))
        assert response.status == "ok", response.reason
        return len(response.text)

    try:
        return await measured(one, warm_up, address, passes)
    finally:
        await gateway.close()


async def by_litellm(warm_up: str, address: str, passes: int) -> dict[str, float]:
    """`litellm.acompletion(stream=True)`."""
    import litellm

    async def one(base: str) -> int:
        answer = await litellm.acompletion(
            model="openai/instant", messages=conversations()[60], api_base=base, api_key="none",
            stream=True, num_retries=0, max_retries=0,
        )  # fmt: skip
        return sum([len(part.choices[0].delta.content or "") async for part in answer])

    return await measured(one, warm_up, address, passes)


if __name__ == "__main__":
    how, server, path, passes = sys.argv[1:5]
    program = {"bare": bare, "ours": ours, "litellm": by_litellm}[how]
    address = f"{server}/{path}/v1"
    print(json.dumps(asyncio.run(program(f"{server}/chunks-3/v1", address, int(passes)))))
