"""A bare aiohttp loop: asks, reads every answer, keeps nothing."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator

import aiohttp

from benchmarks.matrix import conversations


async def read_stream(response: aiohttp.ClientResponse) -> tuple[str, int]:
    """The text of a streamed answer, and in how many pieces it came."""
    text: list[str] = []
    async for line in response.content:
        if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
            continue
        choices = json.loads(line[6:])["choices"]
        if choices and (content := choices[0]["delta"].get("content")):
            text.append(content)
    return "".join(text), len(text)


async def worker(
    session: aiohttp.ClientSession, url: str, queue: Iterator[list[dict[str, str]]], stream: bool
) -> int:
    """Ask until the queue is empty; returns pieces of text read."""
    pieces = 0
    for messages in queue:
        body = {"model": "instant", "messages": messages, "temperature": 0.5, "max_tokens": 1000}
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        async with session.post(url, json=body) as response:
            response.raise_for_status()
            if stream:
                text, count = await read_stream(response)
                pieces += count
            else:
                text = (await response.json())["choices"][0]["message"]["content"]
            assert len(text) > 0
    return pieces


async def main(address: str, calls: int, concurrency: int, stream: bool) -> None:
    cells = conversations()
    queue = iter([cells[number % len(cells)] for number in range(calls)])
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        url = f"{address}/chat/completions"
        started = time.monotonic()
        workers = [worker(session, url, queue, stream) for _ in range(concurrency)]
        pieces = sum(await asyncio.gather(*workers))
    print(json.dumps({"seconds": time.monotonic() - started, "pieces": pieces}))


if __name__ == "__main__":
    address, calls, concurrency, how = sys.argv[1:5]
    asyncio.run(main(address, int(calls), int(concurrency), how == "stream"))
