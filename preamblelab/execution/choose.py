"""Which way a model is asked, at which address, by which name, with which key."""

import os
from collections.abc import Mapping
from typing import Final, Literal

from preamblelab.domain.models import ModelSpec
from preamblelab.errors import ProviderError
from preamblelab.execution.clients import Fault

Way = Literal["direct/openai", "direct/ollama", "litellm"]

OWN_SERVERS: Final = frozenset(
    {"openai", "hosted_vllm", "vllm", "llamafile", "lm_studio", "custom_openai", "openai_like",
     "text-completion-openai", "llamacpp", "docker_model_runner", "lemonade", "xinference",
     "litellm_proxy", "infinity"}
)  # fmt: skip
"""Prefixes of servers that speak OpenAI's dialect, wherever the user says they are."""

HOSTED_IN_DIALECT: Final = frozenset(
    {"openrouter", "groq", "together_ai", "deepseek", "xai", "fireworks_ai", "mistral",
     "nvidia_nim", "perplexity", "deepinfra", "cerebras", "sambanova", "novita", "nebius"}
)  # fmt: skip
"""Vendors that speak it too: reached directly where `dialect: openai` is written."""

_NEEDS_ADDRESS: Final = OWN_SERVERS - {"openai", "text-completion-openai"}
_IN_PROCESS: Final = frozenset({"sim", "replay"})
_OLLAMA: Final = "ollama_chat"
_OLLAMA_PORT: Final = 11434


def client_for(model: ModelSpec) -> Way:
    """The way this model is asked.

    Directly where the user named the address of a server that speaks OpenAI's dialect, and for
    Ollama; by litellm everywhere else. `route` in the model overrides this.

    Raises:
        ProviderError: it cannot be asked: `ollama/` spoils the preamble, an address is missing.
    """
    provider = provider_of(model)
    _refuse(model, provider)
    direct = _direct_way(model, provider)
    if model.route == "litellm" or provider in _IN_PROCESS:
        return "litellm"
    if direct is not None:
        return direct
    if model.route == "direct":
        raise ProviderError(
            f"{model.id}: route 'direct' needs the server's address; add 'api_base' "
            "(and 'dialect: openai' where the id does not say it), or leave 'route' out"
        )
    return "litellm"


def provider_of(model: ModelSpec) -> str:
    """The part of the id before the first slash."""
    return model.id.partition("/")[0] if "/" in model.id else ""


def wire_name(model: ModelSpec) -> str:
    """The model's name as a server reads it: the id without a provider's prefix."""
    provider, slash, name = model.id.partition("/")
    known = OWN_SERVERS | HOSTED_IN_DIALECT | {_OLLAMA}
    return name if slash and provider in known else model.id


def address_of(model: ModelSpec) -> str:
    """The server's address without a trailing slash; for Ollama without `/v1` or `/api`.

    Raises:
        ProviderError: the user named none, and there is no local default.
    """
    if _speaks_ollama(model):
        base = model.api_base or ollama_address(os.environ)
        return base.rstrip("/").removesuffix("/v1").removesuffix("/api")
    if model.api_base is None:
        raise ProviderError(f"{model.id}: no address; add 'api_base' to the model")
    return model.api_base.rstrip("/")


def ollama_address(environment: Mapping[str, str]) -> str:
    """Where Ollama listens: `OLLAMA_HOST` in the forms that Ollama takes, else its default."""
    host = environment.get("OLLAMA_HOST", "").strip().strip("\"'").rstrip("/")
    if not host:
        return f"http://127.0.0.1:{_OLLAMA_PORT}"
    scheme, separator, rest = host.rpartition("://")
    scheme = scheme if separator else "http"
    place, slash, path = rest.partition("/")
    name, colon, port = place.rpartition(":")
    if not colon or not port.isdigit():
        default = (
            {"http": 80, "https": 443}[scheme]
            if separator and scheme in {"http", "https"}
            else _OLLAMA_PORT
        )
        name, port = place.rstrip(":"), str(default)
    # A server listens on 0.0.0.0; a client cannot ask there on every system.
    name = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(name, name)  # noqa: S104
    return f"{scheme}://{name}:{port}{slash}{path}"


def key_of(model: ModelSpec) -> str | None:
    """The key from the variable that the user named; None when the user named none.

    Raises:
        Fault: the variable is empty or holds what cannot be a key; nothing was sent.
    """
    if model.api_key_env is None:
        return None
    key = os.environ.get(model.api_key_env, "").strip()
    if not key:
        raise Fault(
            "auth",
            f"no key for {model.id}: the environment variable {model.api_key_env} is not set; "
            f"export {model.api_key_env}=... and go on",
            sent=False,
        )
    if not key.isascii() or not key.isprintable():
        raise Fault(
            "auth",
            f"the environment variable {model.api_key_env} holds characters that no key has",
            sent=False,
        )
    return key


def _speaks_ollama(model: ModelSpec) -> bool:
    return model.dialect == "ollama" or (model.dialect is None and provider_of(model) == _OLLAMA)


def _direct_way(
    model: ModelSpec, provider: str
) -> Literal["direct/openai", "direct/ollama"] | None:
    if _speaks_ollama(model):
        return "direct/ollama"
    if model.api_base is None:
        return None
    if model.dialect == "openai" or (
        provider in OWN_SERVERS and provider != "text-completion-openai"
    ):
        return "direct/openai"
    return None


def _refuse(model: ModelSpec, provider: str) -> None:
    if provider == "ollama" and model.dialect is None:
        name = model.id.partition("/")[2]
        raise ProviderError(
            f"{model.id}: 'ollama/' puts the preamble into the user's prompt, under a heading; "
            f"write 'ollama_chat/{name}'"
        )
    if provider == "text-completion-openai":
        raise ProviderError(
            f"{model.id}: a completion endpoint has no system message; name a chat model"
        )
    if provider in _NEEDS_ADDRESS and model.api_base is None:
        raise ProviderError(
            f"{model.id}: '{provider}/' is a server of yours; say where it is in 'api_base', "
            "for example http://127.0.0.1:8000/v1"
        )
