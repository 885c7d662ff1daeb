"""Calls of tools by a provider of this process: carried whole, streamed or not."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request
from preamblelab.execution import litellm_client as door
from preamblelab.execution.clients import Limits
from preamblelab.execution.providers import Piece

# litellm warns of its own types when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore")

TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]


class Caller:
    """Calls each of its tools twice when it is offered any; else says so in words."""

    name = "sim"

    def stream(
        self, model: str, messages: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]
    ) -> Iterator[Piece]:
        for index in range(2 * len(settings.get("tools", ()))):
            function = {"name": "add", "arguments": json.dumps({"number": index})}
            yield Piece(
                tool_call={
                    "index": index,
                    "id": f"call_{index}",
                    "type": "function",
                    "function": function,
                }
            )
        yield Piece(text="" if settings.get("tools") else "no tools")
        yield Piece(finish="stop", prompt_tokens=3, completion_tokens=5)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("tools", [TOOLS, None])
def test_calls_arrive_whole_where_tools_are_offered(
    stream: bool, tools: list[dict[str, Any]] | None
) -> None:
    door.register_providers([Caller()])
    request = Request(
        model=ModelSpec(id="sim/caller", stream=stream),
        messages=({"role": "user", "content": "add"},),
        settings={"tools": tools} if tools else {},
    )

    async def ask() -> Any:
        return await door.LitellmClient().ask(request, limits=Limits(), watch=None)

    answer = asyncio.run(ask())
    said = [
        (call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in answer.tool_calls
    ]
    if tools:
        assert said == [("add", {"number": 0}), ("add", {"number": 1})]
        assert (answer.status, answer.text, answer.flags) == ("ok", "", ())
    else:
        assert (said, answer.text) == ([], "no tools")
