"""The names that settings have on the wire; what a server would drop without a word is refused."""

from collections.abc import Mapping
from typing import Any, Final

from preamblelab.domain.records import Request
from preamblelab.errors import SpecError
from preamblelab.execution.choose import HOSTED_IN_DIALECT, OWN_SERVERS, client_for, provider_of

_VLLM: Final = frozenset({"hosted_vllm", "vllm"})
_PENALTY_TO_REPEAT: Final = frozenset({"llamafile", "llamacpp", "lm_studio"})
_OLLAMA_ONLY: Final = frozenset({"num_ctx", "keep_alive", "num_keep", "num_gpu", "num_batch"})

_OPTIONS: Final = frozenset(
    {"frequency_penalty", "main_gpu", "min_p", "mirostat", "mirostat_eta", "mirostat_tau",
     "num_batch", "num_ctx", "num_gpu", "num_keep", "num_predict", "num_thread",
     "penalize_newline", "presence_penalty", "repeat_last_n", "repeat_penalty", "seed", "stop",
     "temperature", "tfs_z", "top_k", "top_p", "typical_p", "use_mmap"}
)  # fmt: skip
"""What Ollama knows; it drops other options without a word, so we refuse them."""

_RENAMED: Final[Mapping[str, str]] = {
    "max_tokens": "num_predict",
    "max_completion_tokens": "num_predict",
    "repetition_penalty": "repeat_penalty",
}
_BESIDE: Final = frozenset({"keep_alive", "think", "tools", "format"})


def sent_settings(request: Request) -> dict[str, Any]:
    """The settings of a request as they are sent, whichever way it goes.

    Raises:
        ProviderError: the model cannot be asked at all.
        SpecError: a setting does not exist there, or would become another one.
    """
    way = client_for(request.model)
    if way == "direct/ollama":
        return ollama_settings(request)
    return openai_settings(request) if way == "direct/openai" else litellm_settings(request)


def openai_settings(request: Request) -> dict[str, Any]:
    """The settings as OpenAI's dialect names them.

    vLLM calls the penalty on repeated tokens `repetition_penalty`, llama.cpp and LM Studio
    `repeat_penalty`; for other servers the user's name is kept, since nobody knows better.

    Raises:
        SpecError: a setting that only Ollama's own dialect has.
    """
    settings = dict(request.settings)
    alien = sorted(_OLLAMA_ONLY & settings.keys())
    if alien:
        raise SpecError(
            f"{request.model.id}: '{alien[0]}' exists only in Ollama's own dialect; "
            "write 'ollama_chat/...' or 'dialect: ollama', or leave it out"
        )
    provider = provider_of(request.model)
    if provider in _VLLM and "repeat_penalty" in settings:
        _rename(settings, "repeat_penalty", "repetition_penalty", request.model.id)
    elif provider in _PENALTY_TO_REPEAT and "repetition_penalty" in settings:
        _rename(settings, "repetition_penalty", "repeat_penalty", request.model.id)
    if "num_predict" in settings:
        _rename(settings, "num_predict", "max_tokens", request.model.id)
    return settings


def ollama_settings(request: Request) -> dict[str, Any]:
    """The settings as Ollama names them: sampling under `options`, the rest beside it.

    Raises:
        SpecError: Ollama knows no such setting, or two names of one setting differ.
    """
    options: dict[str, Any] = {}
    beside: dict[str, Any] = {}
    for name, value in request.settings.items():
        known = _RENAMED.get(name, name)
        if known in _OPTIONS:
            if options.setdefault(known, value) != value:
                raise SpecError(
                    f"{request.model.id}: two settings say different things about '{known}'; "
                    "keep one of them"
                )
        elif name in _BESIDE:
            beside[name] = value
        elif name == "reasoning_effort":
            beside["think"] = value
        elif name == "response_format":
            beside["format"] = _format(value, request)
        else:
            raise SpecError(
                f"{request.model.id}: Ollama knows no setting '{name}' and would drop it without "
                f"a word; it knows {', '.join(sorted(_OPTIONS))}"
            )
    return {**({"options": options} if options else {}), **beside}


def _format(value: Any, request: Request) -> Any:
    """Ollama's `format` for OpenAI's `response_format`: "json", or a JSON schema."""
    if isinstance(value, Mapping):
        if value.get("type") == "json_object":
            return "json"
        inner = value.get("json_schema")
        if value.get("type") == "json_schema" and isinstance(inner, Mapping) and "schema" in inner:
            return inner["schema"]
    raise SpecError(
        f"{request.model.id}: response_format must be {{'type': 'json_object'}} or "
        "{'type': 'json_schema', 'json_schema': {'schema': ...}}"
    )


def litellm_settings(request: Request) -> dict[str, Any]:
    """The settings as litellm takes them.

    Raises:
        SpecError: litellm would turn a setting into another one.
    """
    settings = dict(request.settings)
    provider = provider_of(request.model)
    if provider == "ollama_chat":
        if "frequency_penalty" in settings:
            raise SpecError(
                f"{request.model.id}: litellm would send frequency_penalty as repeat_penalty "
                "without rescaling it; set repeat_penalty, or leave 'route: litellm' out"
            )
        if "repetition_penalty" in settings:
            _rename(settings, "repetition_penalty", "repeat_penalty", request.model.id)
        return settings
    return openai_settings(request) if provider in OWN_SERVERS | HOSTED_IN_DIALECT else settings


def _rename(settings: dict[str, Any], old: str, new: str, model: str) -> None:
    """Give a setting its name on the wire; two names of one setting must not differ."""
    value = settings.pop(old)
    if settings.setdefault(new, value) != value:
        raise SpecError(
            f"{model}: '{old}' and '{new}' are one setting there and say different things; "
            "keep one of them"
        )
