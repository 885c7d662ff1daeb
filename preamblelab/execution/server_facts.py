"""What local servers say about their models, read from their JSON; pure, and trusting nothing."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from preamblelab.domain.facts import LLAMA_CPP, LM_STUDIO, OLLAMA, VLLM, ModelFacts
from preamblelab.domain.families import family_of
from preamblelab.domain.naming import describe_id
from preamblelab.domain.sizes import parse_parameters
from preamblelab.errors import SpecError

_BILLION: Final = 1e9
_LARGEST_COUNT: Final = 1e15
_LONGEST_TEXT: Final = 20_000
_LONGEST_WORD: Final = 200
_FTYPE: Final = re.compile(r"^(?:\(guessed\) )?(?:all |mostly )?(\w+)(?: - (Small|Medium|Large))?")

_CONTEXT_IS_MOST: Final = (
    "context: the most the model allows; Ollama serves less unless num_ctx is set"
)
CANARY: Final = "canary-7c41e9"
CANARY_MESSAGES: Final = (
    {"role": "system", "content": CANARY},
    {"role": "user", "content": "hello"},
)
"""Messages that show, once rendered, whether a template keeps the system message."""

FOLDED_MESSAGES: Final = ({"role": "user", "content": f"{CANARY}\nhello"},)
"""The same text from the user alone: llama.cpp folds it so where a template has no system role."""

_NO_PLACE: Final = "its template has no place for a system message"
_FOLDED: Final = "its template has no system role: the preamble goes into the user's message"


def ollama_facts(
    model: str,
    show: Mapping[str, Any],
    *,
    digest: object = None,
    loaded_context: object = None,
) -> ModelFacts:
    """Facts from Ollama's `/api/show`, with the digest of `/api/tags` and the context of `/api/ps`.

    The family that Ollama tells is an architecture (a DeepSeek distill is "qwen2"); it counts
    only where the name tells no brand, and is noted in any case.

    Args:
        model: The litellm id that the facts are about.
        show: The answer to `/api/show`.
        digest: What `/api/tags` calls these weights.
        loaded_context: Tokens of context of the loaded model, from `/api/ps`.
    """
    details, info = mapping(show.get("details")), mapping(show.get("model_info"))
    architecture = word(details.get("family")) or word(info.get("general.architecture"))
    context, notes = _ollama_context(show, info, loaded_context)
    template = text(show.get("template"))
    if template and not re.search(r"\.System|\.Messages|system", template):
        notes += (_NO_PLACE,)
    if show.get("remote_host") or show.get("remote_model"):
        notes += ("cloud tag: not local",)
    if architecture:
        notes += (f"architecture: {architecture}",)
    return known(
        model,
        OLLAMA,
        notes=notes,
        total_b=billions(info.get("general.parameter_count"))
        or _written(details.get("parameter_size")),
        family=_family_beside_name(model, architecture),
        quantisation=word(details.get("quantization_level")),
        context=context,
        digest=word(digest),
        default_system=text(show.get("system")),
    )


def llama_cpp_facts(
    model: str,
    entry: Mapping[str, Any],
    props: object,
    *,
    rendered: object = None,
    folded: object = None,
) -> ModelFacts:
    """Facts from llama.cpp's `/v1/models`, `/props` and `/apply-template`.

    Args:
        model: The litellm id that the facts are about.
        entry: The model's entry under `data`; its `meta` is empty while the model loads.
        props: The answer to `/props`, or None without one.
        rendered: What `/apply-template` makes of `CANARY_MESSAGES`, or None without an answer.
        folded: What it makes of `FOLDED_MESSAGES`.
    """
    told, meta = mapping(props), mapping(entry.get("meta"))
    served = mapping(told.get("default_generation_settings")).get("n_ctx")
    notes: tuple[str, ...] = () if meta else ("the server is still loading this model",)
    prompt = mapping(rendered).get("prompt")
    if isinstance(prompt, str):
        notes += (_NO_PLACE,) * (CANARY not in prompt)
        notes += (_FOLDED,) * (prompt == mapping(folded).get("prompt"))
    file = re.split(r"[/\\]", word(told.get("model_path")) or "")[-1]
    if file:
        notes += (f"file: {file}",)
    return known(
        model,
        LLAMA_CPP,
        notes=notes,
        total_b=billions(meta.get("n_params")),
        family=_family_beside_name(model, file.lower()),
        quantisation=_ftype(meta.get("ftype") or told.get("model_ftype")),
        context=count(served) or count(meta.get("n_ctx")) or count(meta.get("n_ctx_train")),
    )


def vllm_facts(model: str, entry: Mapping[str, Any]) -> ModelFacts:
    """Facts from vLLM's `/v1/models`: the context, and the weights behind an alias.

    vLLM counts no parameters, but `root` names the weights; where the served name is an alias,
    the table and the rules for names are asked about `root`, and their facts keep their source.
    """
    facts = known(model, VLLM, context=count(entry.get("max_model_len")))
    root = word(entry.get("root"))
    if not root or root == word(entry.get("id")):
        return facts
    told = describe_id(f"hosted_vllm/{root}")
    values = {
        name: getattr(told, name)
        for name in ("total_b", "active_b", "family", "quantisation")
        if told.source(name) != "unknown"
    }
    return ModelFacts(
        model=model,
        context=facts.context,
        sources={**{name: told.source(name) for name in values}, **facts.sources},
        notes=(f"weights: {root}", *told.notes),
        **values,
    )


def lm_studio_facts(model: str, entry: Mapping[str, Any]) -> ModelFacts:
    """Facts from LM Studio's `/api/v0/models`, which counts no parameters."""
    architecture = word(entry.get("arch"))
    return known(
        model,
        LM_STUDIO,
        notes=(f"architecture: {architecture}",) if architecture else (),
        family=_family_beside_name(model, architecture),
        quantisation=word(entry.get("quantization")),
        context=count(entry.get("loaded_context_length")) or count(entry.get("max_context_length")),
    )


def known(
    model: str,
    source: str,
    *,
    notes: tuple[str, ...] = (),
    total_b: float | None = None,
    family: str | None = None,
    quantisation: str | None = None,
    context: int | None = None,
    digest: str | None = None,
    default_system: str | None = None,
) -> ModelFacts:
    """Facts in which everything that is known comes from one source."""
    values = {
        "total_b": total_b,
        "family": family,
        "quantisation": quantisation,
        "context": context,
        "digest": digest,
        "default_system": default_system,
    }
    sources = {name: source for name, value in values.items() if value is not None}
    return ModelFacts(
        model=model,
        total_b=total_b,
        family=family,
        quantisation=quantisation,
        context=context,
        digest=digest,
        default_system=default_system,
        sources=sources,
        notes=notes,
    )


def mapping(value: object) -> Mapping[str, Any]:
    """The value when it is a JSON object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def entries(value: object, key: str) -> Sequence[Mapping[str, Any]]:
    """The JSON objects in the list that stands under a key; none when there is no such list."""
    listed = mapping(value).get(key)
    return (
        [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    )


def text(value: object) -> str | None:
    """A text of a server, cut to a bearable length; None when empty or no text."""
    return value[:_LONGEST_TEXT] or None if isinstance(value, str) else None


def word(value: object) -> str | None:
    """One short printable line of a server, safe to show on a terminal; None when empty."""
    if not isinstance(value, str) or value.lower() == "unknown":
        return None
    return (
        "".join(letter for letter in value if letter.isprintable())[:_LONGEST_WORD].strip() or None
    )


def count(value: object) -> int | None:
    """A whole number above 0; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 1 <= value < _LARGEST_COUNT else None


def billions(value: object) -> float | None:
    """A single count of parameters in billions; None for anything else."""
    single = count(value)
    return None if single is None else single / _BILLION


def _written(value: object) -> float | None:
    """A count as Ollama writes it, "4.3B" or a single count as text, in billions."""
    if not isinstance(value, str):
        return None
    if value.isascii() and value.isdigit():
        return billions(int(value[:20]))
    try:
        return parse_parameters(value)
    except SpecError:
        return None


def _ollama_context(
    show: Mapping[str, Any], info: Mapping[str, Any], loaded: object
) -> tuple[int | None, tuple[str, ...]]:
    """The context of the loaded model, else the Modelfile's num_ctx, else the model's most."""
    if served := count(loaded):
        return served, ()
    parameters = text(show.get("parameters")) or ""
    written = re.search(r"^num_ctx\s+(\d{1,9})\s*$", parameters, re.MULTILINE)
    if written:
        return int(written[1]), ()
    most = next((count(info[key]) for key in info if key.endswith(".context_length")), None)
    return most, (_CONTEXT_IS_MOST,) if most else ()


def _family_beside_name(model: str, told: str | None) -> str | None:
    """The family a server tells, where the model's name tells none."""
    if not told or describe_id(model).family is not None:
        return None
    return family_of(told.lower())


def _ftype(value: object) -> str | None:
    """llama.cpp's file type as quantisations are usually written: "Q4_K - Medium" is Q4_K_M."""
    found = _FTYPE.match(word(value) or "")
    if found is None:
        return None
    return found[1] + (f"_{found[2][0]}" if found[2] else "")
