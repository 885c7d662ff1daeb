"""A model that can be asked: its id, its address, its settings, and the user's word about it."""

import datetime as dt
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, JsonValue, field_validator, model_validator

from preamblelab.domain.base import Spec
from preamblelab.domain.facts import USER, ModelFacts, SizeBy, merge
from preamblelab.domain.naming import describe_id
from preamblelab.domain.sizes import Size, parse_parameters, size_class
from preamblelab.errors import SpecError

__all__ = ["ModelFacts", "ModelSpec", "Price", "Size"]

Dialect = Literal["openai", "ollama"]
Route = Literal["auto", "direct", "litellm"]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Usd = Annotated[float, Field(ge=0, allow_inf_nan=False)]

_KNOWN_SETTINGS: Final = (
    "frequency_penalty", "logit_bias", "max_completion_tokens", "max_tokens", "min_p", "num_ctx",
    "presence_penalty", "reasoning_effort", "repeat_last_n", "repeat_penalty",
    "repetition_penalty", "response_format", "seed", "stop", "temperature", "think", "top_k",
    "top_p",
)  # fmt: skip

_OWNED_ELSEWHERE: Final[Mapping[str, str]] = {
    "api_base": "it is a field of the model, beside 'settings'",
    "api_key": "name the environment variable that holds it in 'api_key_env'",
    "base_url": "write 'api_base' beside 'settings'",
    "extra_headers": "headers can carry secrets; name the key's variable in 'api_key_env'",
    "headers": "headers can carry secrets; name the key's variable in 'api_key_env'",
    "max_retries": "the runner owns retries",
    "messages": "they come from the preamble and the task",
    "model": "it is the field 'id', beside 'settings'",
    "n": "use 'repetitions' in the experiment",
    "num_retries": "the runner owns retries",
    "stream": "it is a field of the model, beside 'settings'",
    "system": "the system message is what an experiment tests: write a preamble",
    "timeout": "use 'deadline_seconds', 'first_token_seconds' or 'idle_seconds' beside 'settings'",
}

# Beginnings of the keys that vendors hand out; none begins the name of a variable.
_KEY_BEGINNINGS: Final = re.compile(
    r"(sk|pk|rk|hf|gsk|ghp|gho|xai|pplx|nvapi|fw|r8|key)[-_][A-Za-z0-9]*\d|AIza|AKIA|ya29|eyJ",
)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Price(Spec):
    """What a million tokens cost, in US dollars."""

    input_usd_per_million: Usd
    """Price of a million prompt tokens."""
    output_usd_per_million: Usd
    """Price of a million answer tokens."""


class ModelSpec(Spec):
    """A model that can be asked, as a user writes it down."""

    # An error must never print a value: somebody will paste a key into api_key_env.
    model_config = ConfigDict(hide_input_in_errors=True)

    id: Annotated[str, Field(min_length=1)]
    """The litellm id, provider first: "ollama_chat/gemma3:4b"."""
    name: str = ""
    """What tables call it; the id when not given."""
    parameters: str | float | None = None
    """All parameters: "8.2B", "270M", or a number of billions."""
    active_parameters: str | float | None = None
    """Parameters at work on one token, of a mixture of experts."""
    size: Size | None = None
    """The user's word on the class, where the count is not published."""
    family: str | None = None
    """Whose model it is; judges of the same family are marked."""
    quantisation: str | None = None
    """How the weights are stored: "q4_K_M", "awq"."""
    cutoff: dt.date | None = None
    """The day up to which its training data reach; tasks from before may be known to it."""
    settings: Mapping[str, JsonValue] = {}
    """Sampling and context, sent as they are: temperature, seed, max_tokens, num_ctx."""
    api_base: str | None = None
    """Address of the server; a key is sent to no other."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the key; never the key itself."""
    route: Route = "auto"
    """Our own transport ("direct"), litellm, or ours wherever it can ("auto")."""
    dialect: Dialect | None = None
    """What the server at `api_base` speaks; None follows from the id."""
    concurrency: Annotated[int, Field(ge=1)] | None = None
    """Calls at one time to this endpoint; None: 1 for a local engine."""
    stream: bool = True
    """Whether answers are read as they are written; only then can a loop be stopped."""
    deadline_seconds: Seconds | None = None
    """Longest time for a whole answer."""
    first_token_seconds: Seconds | None = None
    """Longest wait for the first token, with the time to load the model."""
    idle_seconds: Seconds | None = None
    """Longest silence between two tokens."""
    price: Price | None = None
    """What tokens cost; None: what litellm knows, else unknown."""
    size_by: SizeBy = "total"
    """Whether the class follows from all parameters or from the active ones."""

    @model_validator(mode="before")
    @classmethod
    def _name_is_id(cls, data: object) -> object:
        if isinstance(data, Mapping) and "id" in data and not data.get("name"):
            return {**data, "name": data["id"]}
        return data

    @field_validator("parameters", "active_parameters", mode="before")
    @classmethod
    def _readable_count(cls, value: object) -> object:
        if isinstance(value, (str, int, float)):
            parse_parameters(value)
        return value

    @field_validator("settings")
    @classmethod
    def _settings_are_settings(cls, settings: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        check_settings(settings)
        return dict(settings)

    @field_validator("api_base")
    @classmethod
    def _plain_address(cls, address: str | None) -> str | None:
        return None if address is None else check_address(address)

    @field_validator("api_key_env")
    @classmethod
    def _variable_not_key(cls, value: str | None) -> str | None:
        if value is not None and not _names_a_variable(value):
            raise SpecError(
                "this looks like a key itself, not like the name of a variable; "
                "put the key into the environment and write its name, for example OPENAI_API_KEY"
            )
        return value

    @model_validator(mode="after")
    def _counts_agree(self) -> Self:
        total, active = self.total_b, self.active_b
        if total is not None and active is not None and active > total:
            raise SpecError(
                f"active_parameters: {active:g}B are more than all parameters, {total:g}B"
            )
        counted = total if self.size_by == "total" else active
        if counted is not None and self.size is not None and self.size != size_class(counted):
            raise SpecError(
                f"size: '{self.size}' contradicts {counted:g}B {self.size_by} parameters, "
                f"which is '{size_class(counted)}'; leave one of the two out"
            )
        return self

    @property
    def total_b(self) -> float | None:
        """All parameters in billions, by the user's word."""
        return None if self.parameters is None else parse_parameters(self.parameters)

    @property
    def active_b(self) -> float | None:
        """Active parameters in billions, by the user's word."""
        return None if self.active_parameters is None else parse_parameters(self.active_parameters)

    @property
    def simulated(self) -> bool:
        """Whether answers come from a simulated model; results must say so."""
        return self.id.startswith("sim/")

    def facts(self, discovered: ModelFacts | None = None) -> ModelFacts:
        """What is known about this model, each fact with its source.

        Order of trust: the user's word, Ollama, llama.cpp, vLLM, the table, the name, unknown.

        Args:
            discovered: What a server on this host says about it.
        """
        known = (self._word(), *([discovered] if discovered else []), describe_id(self.id))
        return merge(known, size_by=self.size_by)

    def _word(self) -> ModelFacts:
        """The user's word as facts; `num_ctx` is the context that Ollama will give."""
        context = self.settings.get("num_ctx")
        word = {
            "size": self.size,
            "total_b": self.total_b,
            "active_b": self.active_b,
            "family": self.family,
            "quantisation": self.quantisation,
            "context": context if isinstance(context, int) else None,
        }
        given = {name: value for name, value in word.items() if value is not None}
        return ModelFacts(model=self.id, sources=dict.fromkeys(given, USER), **given)  # type: ignore[arg-type]


def check_settings(settings: Mapping[str, object]) -> None:
    """Refuse settings that belong elsewhere, or that misspell one we know.

    Other names pass: a provider may know settings that we do not.

    Raises:
        SpecError: A setting is refused; the message says where it belongs.
    """
    for key in settings:
        if key in _OWNED_ELSEWHERE:
            raise SpecError(f"'{key}' does not belong here: {_OWNED_ELSEWHERE[key]}")
        near = get_close_matches(key, _KNOWN_SETTINGS, n=1, cutoff=0.85)
        if near and key not in _KNOWN_SETTINGS:
            raise SpecError(f"unknown setting '{key}'; did you mean '{near[0]}'?")


def check_address(address: str) -> str:
    """The address of a server without a trailing slash.

    Args:
        address: An http or https URL: host, port, path, and nothing else.

    Raises:
        SpecError: The address carries a user, a password or a query, or is no such URL. The
            message does not repeat the address, which may hold a secret.
    """
    try:
        parts = urlsplit(address.strip())
        well_formed = parts.port is None or parts.port > 0
    except ValueError:
        well_formed = False
    if not well_formed or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SpecError(
            "this is not an http or https address; write for example http://127.0.0.1:8080/v1"
        )
    if parts.username is not None or parts.password is not None:
        raise SpecError(
            "an address must not carry a user or a password; "
            "name the variable that holds the key in 'api_key_env'"
        )
    if parts.query or parts.fragment:
        raise SpecError(
            "an address must not carry a query, which may hold a key; "
            "name the variable that holds the key in 'api_key_env'"
        )
    return address.strip().rstrip("/")


def _names_a_variable(value: str) -> bool:
    """Whether this is the name of a variable rather than a pasted key."""
    if not _VARIABLE.fullmatch(value) or len(value) > 64 or _KEY_BEGINNINGS.match(value):
        return False
    longest = max(value.split("_"), key=len)
    has_digit = any(letter.isdigit() for letter in longest)
    return not (len(longest) > 16 and has_digit)
