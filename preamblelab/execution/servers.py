"""Servers on this host that offer models: who answers, what they offer, how to name it.

Nothing here raises because of a server, and no key is ever sent.
"""

import asyncio
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import aiohttp

from preamblelab.domain.facts import UNKNOWN, ModelFacts, merge
from preamblelab.domain.models import ModelSpec, check_address
from preamblelab.domain.naming import describe_id
from preamblelab.errors import SpecError
from preamblelab.execution.choose import (
    OWN_SERVERS,
    ollama_address,
    provider_of,
    wire_name,
)
from preamblelab.execution.server_facts import (
    CANARY_MESSAGES,
    FOLDED_MESSAGES,
    entries,
    known,
    llama_cpp_facts,
    lm_studio_facts,
    mapping,
    ollama_facts,
    vllm_facts,
    word,
)

Kind = Literal["ollama", "llama.cpp", "vllm", "lm studio", "openai", "none"]

TIMEOUT_SECONDS: Final = 3.0
"""Longest wait for one question; a server on this host answers in milliseconds."""

_USUAL: Final = ("http://127.0.0.1:8080", "http://127.0.0.1:8000", "http://127.0.0.1:1234")
_PREFIX: Final[Mapping[Kind, str]] = {
    "ollama": "ollama_chat",
    "llama.cpp": "openai",
    "vllm": "hosted_vllm",
    "lm studio": "lm_studio",
    "openai": "openai",
}
_MOST_BYTES: Final = 8_000_000
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalServer:
    """A server that was asked what it offers."""

    kind: Kind
    """What answers; "none": nothing that we can read, `reason` says why."""
    base: str
    """Its address, without `/v1`."""
    models: tuple[ModelFacts, ...] = ()
    """What it offers; each `model` is the litellm id to write."""
    reason: str | None = None
    """Why nothing is listed; None when something is."""

    @property
    def api_base(self) -> str:
        """The address as an experiment writes it."""
        return self.base if self.kind == "ollama" else f"{self.base}/v1"

    def how_to_name(self, facts: ModelFacts) -> str:
        """The line of YAML that puts one of its models into an experiment's catalogue.

        Texts are quoted as JSON, so that no name of a server can be read as anything else.
        """
        short = re.sub(r"[^A-Za-z0-9._-]+", "-", facts.model.rpartition("/")[2]).strip("-._")
        fields = {"id": facts.model}
        if self.base != ollama_address({}):
            fields["api_base"] = self.api_base
        inner = ", ".join(f"{name}: {json.dumps(value)}" for name, value in fields.items())
        return f"{short[:100] or 'model'}: {{{inner}}}"


async def discover(
    api_bases: Iterable[str] = (),
    *,
    environment: Mapping[str, str] | None = None,
    usual: Iterable[str] = _USUAL,
) -> list[LocalServer]:
    """What answers on this host, and at the addresses a user named.

    Asks Ollama (`OLLAMA_HOST`, else its default), the usual ports of llama.cpp (8080), vLLM
    (8000) and LM Studio (1234), and `api_bases`. Each address is asked once.

    Args:
        api_bases: Further addresses, with or without `/v1`.
        environment: Where `OLLAMA_HOST` is read; the process's own when None.
        usual: Addresses that are asked on a guess, and left out when nobody answers.

    Returns:
        One entry for each server that answers, and for each named address, also where nothing
        answers: then with kind "none" and a reason.
    """
    environment = os.environ if environment is None else environment
    named = [*api_bases, *([ollama_address(environment)] if environment.get("OLLAMA_HOST") else [])]
    guessed = [ollama_address({}), *usual]
    wanted = {_root(base): False for base in guessed} | {_root(base): True for base in named}
    async with _session() as session:
        found = await asyncio.gather(*(_identify(_Server(session, base)) for base in wanted))
    return [
        server
        for server, by_name in zip(found, wanted.values(), strict=True)
        if by_name or server.kind != "none"
    ]


async def facts_from_server(spec: ModelSpec) -> ModelFacts | None:
    """What the model's own server says about it; None when it cannot be asked or does not say.

    Asks Ollama at its address, and other servers only at the address that the user named.
    """
    provider = provider_of(spec)
    speaks_ollama = spec.dialect == "ollama" or (
        spec.dialect is None and provider in {"ollama", "ollama_chat"}
    )
    if speaks_ollama:
        base = spec.api_base or ollama_address(os.environ)
    elif spec.api_base and (spec.dialect == "openai" or provider in OWN_SERVERS):
        base = spec.api_base
    else:
        return None
    if _refused(base) is not None:
        return None
    async with _session() as session:
        server = _Server(session, _root(base))
        if speaks_ollama:
            name = spec.id.partition("/")[2] if provider == "ollama" else wire_name(spec)
            return await _ollama_model(server, spec.id, name)
        return await _openai_model(server, spec.id, wire_name(spec))


class _Server:
    """One address that can be asked for JSON; what fails is None, with a reason kept."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self.session = session
        self.base = base
        self.reason = "nothing that we can read answers there"

    async def get(self, path: str) -> Any:
        """The JSON at a path; None when there is none."""
        return await self._ask("GET", path, None)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON answer to a JSON question; None when there is none."""
        return await self._ask("POST", path, body)

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        try:
            # A redirect could lead to a host that the user did not name.
            async with self.session.request(
                method, self.base + path, json=body, allow_redirects=False
            ) as response:
                if response.status != 200:
                    self.reason = f"it answers with status {response.status}"
                    return None
                content = await _read(response)
            return json.loads(content)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            self.reason = f"no answer ({type(error).__name__})"
        except (ValueError, RecursionError):
            self.reason = "its answer is not JSON that we can read"
        return None


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body, refused where it is far larger than any list of models."""
    blocks: list[bytes] = []
    received = 0
    while block := await response.content.readany():
        received += len(block)
        if received > _MOST_BYTES:
            raise ValueError("larger than any list of models")
        blocks.append(block)
    return b"".join(blocks)


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "preamblelab"},
    )


def _root(base: str) -> str:
    """An address without the path of a dialect."""
    return base.rstrip("/").removesuffix("/v1").removesuffix("/api").rstrip("/")


def _refused(base: str) -> str | None:
    """Why an address may not be asked: it carries a password, or is none; None when it may."""
    try:
        check_address(base)
    except SpecError as error:
        return str(error)
    return None


async def _identify(server: _Server) -> LocalServer:
    """Who answers at an address, and what it offers."""
    if (refused := _refused(server.base)) is not None:
        return LocalServer(kind="none", base="(an address that is refused)", reason=refused)
    listed = entries(await server.get("/v1/models"), "data")
    owners = {word(entry.get("owned_by")) for entry in listed}
    kind: Kind
    if owners & {"llamacpp", "vllm"}:
        kind = "llama.cpp" if "llamacpp" in owners else "vllm"
        models = await _openai_models(server, kind, listed)
    elif isinstance(mapping(tags := await server.get("/api/tags")).get("models"), list):
        kind, models = "ollama", await _ollama_models(server, tags)
    elif studio := entries(await server.get("/api/v0/models"), "data"):
        kind, models = "lm studio", _lm_studio_models(studio)
    elif listed:
        kind, models = "openai", await _openai_models(server, "openai", listed)
    else:
        return LocalServer(kind="none", base=server.base, reason=server.reason)
    reason = None if models else "it answers, but offers no model"
    return LocalServer(kind=kind, base=server.base, models=models, reason=reason)


def _complete(facts: ModelFacts) -> ModelFacts:
    """What a server tells, completed by what the table and the name tell."""
    return merge((facts, describe_id(facts.model)))


async def _ollama_models(server: _Server, tags: object) -> tuple[ModelFacts, ...]:
    """Every model of an Ollama."""
    names = [name for entry in entries(tags, "models") if (name := word(entry.get("name")))]
    loaded = await server.get("/api/ps")
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str) -> ModelFacts:
        async with gate:
            show = mapping(await server.post("/api/show", {"model": name}))
        return _from_ollama(f"ollama_chat/{name}", name, show, tags, loaded)

    return tuple(_complete(facts) for facts in await asyncio.gather(*map(one, names)))


async def _ollama_model(server: _Server, model_id: str, name: str) -> ModelFacts | None:
    """One model of an Ollama, or None when it has no such model."""
    show = await server.post("/api/show", {"model": name})
    if not isinstance(show, Mapping):
        return None
    tags, loaded = await asyncio.gather(server.get("/api/tags"), server.get("/api/ps"))
    return _from_ollama(model_id, name, show, tags, loaded)


def _from_ollama(
    model_id: str, name: str, show: Mapping[str, Any], tags: object, loaded: object
) -> ModelFacts:
    return ollama_facts(
        model_id,
        show,
        digest=_named(entries(tags, "models"), name).get("digest"),
        loaded_context=_named(entries(loaded, "models"), name).get("context_length"),
    )


def _named(listed: Iterable[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """The entry of a name; Ollama reads a name without a tag as `latest`."""
    full = name if ":" in name.rpartition("/")[2] else f"{name}:latest"
    return next((each for each in listed if each.get("name") in {name, full}), {})


async def _openai_models(
    server: _Server, kind: Kind, listed: Iterable[Mapping[str, Any]]
) -> tuple[ModelFacts, ...]:
    """Every model of a server that speaks OpenAI's dialect."""
    about = await _about(server) if kind == "llama.cpp" else _NOTHING
    return tuple(
        _complete(_from_openai(f"{_PREFIX[kind]}/{name}", kind, entry, about))
        for entry in listed
        if (name := word(entry.get("id")))
    )


async def _openai_model(server: _Server, model_id: str, name: str) -> ModelFacts | None:
    """One model of a server that speaks OpenAI's dialect, or None when it has no such model."""
    listed = entries(await server.get("/v1/models"), "data")
    entry = next((each for each in listed if name in _names(each)), None)
    # A server with one model answers under any name.
    entry = listed[0] if entry is None and len(listed) == 1 else entry
    if entry is None:
        return None
    owner = entry.get("owned_by")
    if owner == "llamacpp":
        return _from_openai(model_id, "llama.cpp", entry, await _about(server))
    if owner == "vllm":
        return vllm_facts(model_id, entry)
    studio = entries(await server.get("/api/v0/models"), "data")
    told = next((each for each in studio if name in _names(each)), None)
    return None if told is None else lm_studio_facts(model_id, told)


class _About(NamedTuple):
    """What llama.cpp tells beside its list of models."""

    props: object = None
    rendered: object = None
    folded: object = None


_NOTHING: Final = _About()


async def _about(server: _Server) -> _About:
    """llama.cpp's settings, and what its template makes of a system message; writes no token."""
    return _About(
        props=await server.get("/props"),
        rendered=await server.post("/apply-template", {"messages": CANARY_MESSAGES}),
        folded=await server.post("/apply-template", {"messages": FOLDED_MESSAGES}),
    )


def _names(entry: Mapping[str, Any]) -> set[Any]:
    aliases = entry.get("aliases")
    return {
        name
        for name in [entry.get("id"), *(aliases if isinstance(aliases, list) else [])]
        if isinstance(name, str)
    }


def _from_openai(model_id: str, kind: Kind, entry: Mapping[str, Any], about: _About) -> ModelFacts:
    if kind == "llama.cpp":
        return llama_cpp_facts(
            model_id, entry, about.props, rendered=about.rendered, folded=about.folded
        )
    return vllm_facts(model_id, entry) if kind == "vllm" else known(model_id, UNKNOWN)


def _lm_studio_models(listed: Iterable[Mapping[str, Any]]) -> tuple[ModelFacts, ...]:
    """Every model of LM Studio that can chat."""
    return tuple(
        _complete(lm_studio_facts(f"lm_studio/{name}", entry))
        for entry in listed
        if entry.get("type") in {None, "llm", "vlm"} and (name := word(entry.get("id")))
    )
