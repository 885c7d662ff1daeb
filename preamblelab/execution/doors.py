"""Opens the ways to models that a run needs, each once, and only those."""

from collections.abc import Callable, Iterable, Mapping

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.errors import ProviderError
from preamblelab.execution.choose import Way, client_for
from preamblelab.execution.clients import Client, Limits, Watch


class Doors:
    """One client for each way of asking, made when the run is prepared.

    `prepare` imports litellm where it is needed: it takes seconds, and inside a running event loop
    it would stop every other call.
    """

    def __init__(self) -> None:
        self._clients: dict[Way, Client] = {}

    def prepare(self, models: Iterable[ModelSpec]) -> None:
        """Make the clients of these models; call it before the event loop runs.

        Raises:
            ProviderError: a model cannot be asked at all.
        """
        for model in models:
            way = client_for(model)
            if way not in self._clients:
                self._clients[way] = _MAKERS[way]()
            if way == "litellm":
                _refuse_unknown(model)

    def __call__(self, model: ModelSpec) -> Client:
        """The client of a model that was prepared."""
        return self._clients[client_for(model)]


def _direct() -> Client:
    from preamblelab.execution.direct import DirectClient

    return DirectClient()


def _ollama() -> Client:
    from preamblelab.execution.ollama import OllamaClient

    return OllamaClient()


def _litellm() -> Client:
    from preamblelab.execution.litellm_client import LitellmClient, register_providers
    from preamblelab.execution.replay import ReplayProvider
    from preamblelab.execution.simulated import SimulatedProvider

    register_providers([SimulatedProvider(), ReplayProvider()])
    return LitellmClient()


def _refuse_unknown(model: ModelSpec) -> None:
    from preamblelab.execution.litellm_client import knows_provider

    if not knows_provider(model):
        raise ProviderError(
            f"{model.id}: litellm knows no provider '{model.id.partition('/')[0]}'; an id has its "
            "provider before the first slash, such as openai/gpt-4.1 or ollama_chat/gemma3:4b"
        )
    refuse_unknown_simulated([model])


def refuse_unknown_simulated(models: Iterable[ModelSpec]) -> None:
    """Refuse `sim/` models that there are none of, at once and without litellm.

    Raises:
        ProviderError: there is no such model; the message names those there are.
    """
    from preamblelab.execution.simulated import refuse_unknown

    for model in models:
        if model.simulated:
            refuse_unknown(model.id.removeprefix("sim/"))


_MAKERS: Mapping[Way, Callable[[], Client]] = {
    "direct/openai": _direct,
    "direct/ollama": _ollama,
    "litellm": _litellm,
}


class FunctionClient:
    """Asks a function instead of a model: for tests of one's own scripts."""

    def __init__(self, answer: Callable[[Request], Response]) -> None:
        self._answer = answer

    async def ask(self, request: Request, *, limits: Limits, watch: Watch | None) -> Response:
        """What the function answers."""
        del limits, watch
        return self._answer(request)

    async def close(self) -> None:
        """Nothing is open."""
