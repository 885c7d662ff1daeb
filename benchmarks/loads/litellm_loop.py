"""A litellm.acompletion loop: asks, reads every answer, keeps nothing."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
os.environ.setdefault("LITELLM_MODE", "PRODUCTION")

import litellm

from benchmarks.matrix import conversations


async def worker(address: str, queue: Iterator[list[dict[str, str]]], stream: bool) -> int:
    """Ask until the queue is empty; returns pieces of text read."""
    pieces = 0
    # Token counts come with a stream only where they are asked for; a whole answer has them.
    streaming = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    for messages in queue:
        answer = await litellm.acompletion(
            model="openai/instant", messages=messages, api_base=address, api_key="none",
            temperature=0.5, max_tokens=1000, num_retries=0, max_retries=0, **streaming,
        )  # fmt: skip
        if stream:
            parts = [p.choices[0].delta.content or "" async for p in answer if p.choices]
            pieces += sum(bool(part) for part in parts)
            assert "".join(parts)
        else:
            assert answer.choices[0].message.content
    return pieces


async def main(address: str, calls: int, concurrency: int, stream: bool) -> None:
    cells = conversations()
    await worker(address, iter(cells[:1]), stream)
    queue = iter([cells[number % len(cells)] for number in range(calls)])
    cpu, started = time.process_time(), time.monotonic()
    pieces = sum(
        await asyncio.gather(*(worker(address, queue, stream) for _ in range(concurrency)))
    )
    print(
        json.dumps(
            {
                "seconds": time.monotonic() - started,
                "cpu_after_start": time.process_time() - cpu,
                "pieces": pieces,
            }
        )
    )


if __name__ == "__main__":
    address, calls, concurrency, how = sys.argv[1:5]
    asyncio.run(main(address, int(calls), int(concurrency), how == "stream"))
