"""Door 2: judges as dspy programs; the only module that imports dspy.

dspy formats the prompt and runs the program; it never talks to a provider, never caches and never
retries: its engine hands every call to the gateway, where it is stored, budgeted, limited and
redacted like a subject's. Parsing is ours (`verdict.py`), because an adapter's parser accepts
too much: the first of two verdicts, points above the maximum, `true` for 1.
"""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import dspy
from dspy import lm15

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.scoring.panel import INSTRUCTIONS, Call, judge_request

_CALLS: ContextVar[list[tuple[Request, Response]]] = ContextVar("calls of the running judgement")


class MarkResponse(dspy.Signature):  # type: ignore[misc]
    """Fields in the order of the prompt; the instructions come from `panel.py`."""

    rubric: str = dspy.InputField()
    task: str = dspy.InputField()
    nonce: str = dspy.InputField()
    response: str = dspy.InputField()
    verdict: str = dspy.OutputField()


class PlainAdapter(dspy.Adapter):  # type: ignore[misc]
    """Puts the fields under plain headings, and gives the whole reply back unread."""

    def format(
        self, signature: Any, demos: list[dict[str, Any]], inputs: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """System: the instructions. User: the fields in the signature's order."""
        del demos
        fields = [f"{name.upper()}\n{inputs[name]}" for name in signature.input_fields]
        return [
            {"role": "system", "content": signature.instructions},
            {"role": "user", "content": "\n\n".join(fields)},
        ]

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        """The reply as it is; `verdict.py` reads it."""
        return dict.fromkeys(signature.output_fields, completion)


class GatewayEngine:
    """dspy's engine whose one way out is the gateway."""

    supports_response_schema = False
    supported_params = frozenset({"temperature", "top_p", "max_tokens", "seed"})

    def __init__(self, model: ModelSpec, call: Call) -> None:
        self._model = model
        self._call = call

    def __deepcopy__(self, _memo: object) -> "GatewayEngine":
        return self

    async def complete(self, request: Any) -> Any:
        """One call through the gateway; a call that failed comes back as an empty message."""
        messages = _messages(request)
        ours = judge_request(self._model, messages)
        response = await self._call(ours)
        _CALLS.get().append((ours, response))
        return lm15.Response(
            id=ours.key,
            model=self._model.id,
            # dspy refuses an empty reply; ours is judged by its status, not by this text.
            message=lm15.Message.assistant([lm15.TextPart(response.text or "(no text)")]),
            finish_reason="stop",
            usage=lm15.Usage(
                input_tokens=response.prompt_tokens, output_tokens=response.completion_tokens
            ),
        )

    def stream(self, request: Any) -> Any:
        """Judges are not streamed through dspy; the gateway streams by itself."""
        raise NotImplementedError("judges answer whole")

    async def aclose(self) -> None:
        """The gateway owns the connections."""


class Judge:
    """One judge model behind a dspy program."""

    def __init__(self, model: ModelSpec, call: Call) -> None:
        engine = GatewayEngine(model, call)
        self._lm = dspy.LM(
            model.id, engine=_Refuse(), async_engine=engine, num_retries=0, cache=False
        )
        self._program = dspy.Predict(MarkResponse.with_instructions(INSTRUCTIONS))
        self._adapter = PlainAdapter()

    async def ask(self, fields: Mapping[str, str]) -> tuple[Request, Response]:
        """One call of the judge with these fields."""
        calls: list[tuple[Request, Response]] = []
        token = _CALLS.set(calls)
        try:
            with dspy.context(
                lm=self._lm, adapter=self._adapter, disable_history=True, track_usage=False
            ):
                await self._program.acall(**fields)
        finally:
            _CALLS.reset(token)
        return calls[-1]


class _Refuse:
    """The synchronous engine: nothing of ours calls a judge synchronously."""

    def complete(self, request: Any) -> Any:
        """Refuse."""
        raise NotImplementedError("judges are asked through the asynchronous engine")

    def stream(self, request: Any) -> Any:
        """Refuse."""
        raise NotImplementedError("judges are asked through the asynchronous engine")

    def close(self) -> None:
        """Nothing is open."""


def _messages(request: Any) -> Sequence[Mapping[str, object]]:
    system = request.system
    if isinstance(system, tuple):
        system = "\n".join(part.text for part in system)
    head = [{"role": "system", "content": system}] if system else []
    return [*head, *({"role": m.role, "content": m.text or ""} for m in request.messages)]
