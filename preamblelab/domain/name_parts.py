"""The grammar of model names: what in an id is a size, a quantisation, a version, a context."""

import re
from dataclasses import dataclass
from typing import Final

_OLLAMA: Final = frozenset({"ollama", "ollama_chat"})

_HASH: Final = re.compile(r"[0-9a-f]{7,64}")
_FILE_ENDING: Final = re.compile(
    r"(-\d{5}-of-\d{5})?\.(gguf|ggml|bin|safetensors|llamafile)$", re.IGNORECASE
)
_REGISTRIES: Final = ("hf.co", "huggingface.co", "registry.ollama.ai", "ollama.com")

# How a vendor stands before a name on Bedrock: "us.meta.llama3-1-8b", "anthropic.claude-3".
_VENDOR: Final = re.compile(r"^(?:(?:us|eu|apac|ap|ca|jp|au|global)\.)?([a-z][a-z0-9]+)\.(?=[a-z])")

_QUANTISATIONS: Final = re.compile(
    r"""(?<![a-z0-9])(?:
    (?:ud[-_])?i?q[1-8](?:_(?:k(?:_[a-z]{1,2})?|nl|xxs|xs|s|m|l|[01](?:_[48]){0,2}))?
  | tq[12]_0
  | q[348]f(?:16|32)(?:_[01])?
  | (?:gptq|awq|bnb|hqq|aqlm|exl2|exl3|eetq|marlin|quip|quanto|mlx|nf4)
      (?:[-_.](?:int[248]|[2348][-_]?bits?|w[248]a(?:8|16)|\d(?:\.\d+)?bpw))?
  | w[248]a(?:4|8|16)(?:[-_.](?:fp8|int8))?
  | (?:nv|mx)fp[468]
  | fp8(?:[-_](?:dynamic|block|e4m3|e5m2|kv))?
  | fp4 | nf4 | int[248] | uint4
  | [2345678][-_]?bits?
  | \d(?:\.\d+)?bpw
  | bf16 | fp16 | fp32 | f16 | f32
    )(?![a-z0-9])""",
    re.IGNORECASE | re.VERBOSE,
)

_NUMBER: Final = r"((?=[\d.]*[1-9])\d{1,4}(?:\.\d{1,4})?)"
_END: Final = r"(?![a-z0-9])"
_START: Final = r"(?<![a-z0-9.])"
_PRODUCT: Final = re.compile(rf"{_START}([1-9]\d{{0,3}})x{_NUMBER}b{_END}")
_ACTIVE: Final = re.compile(rf"(?:{_START}|(?<=b))a{_NUMBER}([bm]){_END}")
_EFFECTIVE: Final = re.compile(rf"{_START}e{_NUMBER}b{_END}")
_EXPERTS: Final = re.compile(rf"{_START}{_NUMBER}b-\d+e{_END}")
# A size may follow letters that run on ("command-r7b") and may run into an active size ("30ba3b").
_PLAIN: Final = re.compile(
    rf"(?<![\d.])(?<!\dx){_NUMBER}b(?:(\d)(?!\d|[-_]?bit))?(?=a\d|[^a-z0-9]|$)"
)
_MILLIONS: Final = re.compile(rf"{_START}{_NUMBER}m{_END}")
_TRILLIONS: Final = re.compile(rf"{_START}{_NUMBER}t{_END}")

# "7b-instruct-1m" and "gradient:1m" tell a context; the smallest real model names start at 14m.
_LARGEST_CONTEXT_M: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSizes:
    """The sizes that a name states, in billions; None is what it does not state."""

    total_b: float | None = None
    active_b: float | None = None
    effective_b: float | None = None
    experts: int | None = None
    """Number of copies in a product such as 8x7b."""
    of_one_expert_b: float | None = None
    """Second factor of a product such as 8x7b."""
    others_b: tuple[float, ...] = ()
    """Further sizes that contradict `total_b`."""

    @property
    def none(self) -> bool:
        """Whether the name states no size of any kind."""
        return not (self.total_b or self.active_b or self.effective_b or self.experts)


@dataclass(frozen=True, slots=True, kw_only=True)
class NameParts:
    """An id taken apart."""

    provider: str
    """What stands before the first slash, in lower case; "" when nothing does."""
    path: str
    """Everything between provider and name, in lower case: organisations and registries."""
    line: str
    """The name without tag, quantisation and file ending, written in one way."""
    tag: str
    """What follows the colon, in lower case; "" when nothing does."""
    text: str
    """Line and tag together, in one way of writing: what the table is asked for."""
    sizes: NamedSizes
    quantisation: str | None

    @property
    def ollama(self) -> bool:
        """Whether Ollama is asked, whose tags and defaults have rules of their own."""
        return self.provider in _OLLAMA


def take_apart(model_id: str) -> NameParts:
    """The parts of an id: provider, organisations, name, tag, sizes, quantisation."""
    provider, slash, rest = model_id.strip().partition("/")
    if not slash:
        provider, rest = "", provider
    segments = [segment for segment in rest.split("/") if segment]
    name = _naming_segment(segments)
    path = "/".join(segments[:-1]).lower()
    name, _, tag = _FILE_ENDING.sub("", name).partition(":")
    name, tag = name.partition("@sha256")[0], "" if _is_hash(tag.lower()) else tag
    written = _quantisation(tag) or _quantisation(name)
    line, clean_tag = _one_way(_without(name)), _one_way(_without(tag))
    in_tag = _sizes(clean_tag)
    return NameParts(
        provider=provider.lower(),
        path=path,
        line=line,
        tag=tag.lower(),
        text=f"{line}-{clean_tag}".strip("-"),
        sizes=_sizes(line) if in_tag.none else in_tag,
        quantisation=written,
    )


def _naming_segment(segments: list[str]) -> str:
    """The segment that names the model: the last that is no hash, snapshot or registry."""
    for segment in reversed(segments):
        if segment.startswith("models--"):
            return segment.rpartition("--")[2]
        plain = segment.lower()
        if plain not in {"snapshots", "main", "latest", *_REGISTRIES} and not _is_hash(plain):
            return segment
    return segments[-1] if segments else ""


def _is_hash(text: str) -> bool:
    return bool(_HASH.fullmatch(text)) and any(letter.isdigit() for letter in text)


def _quantisation(text: str) -> str | None:
    """The quantisation a text names: GGUF types as written, all others in lower case."""
    found = [match[0] for match in _QUANTISATIONS.finditer(text)]
    # "mlx" alone says which library, not how many bits.
    found = [each for each in found if each.lower() not in {"mlx", "bnb"}]
    if not found:
        return None
    # Half precision beside a real quantisation names what was not quantised.
    stored = [each for each in found if each.lower() not in {"bf16", "fp16", "f16", "fp32", "f32"}]
    best = max(stored or found, key=len)
    return best if re.match(r"(?:ud[-_])?i?q\d|tq", best, re.IGNORECASE) else best.lower()


def _without(text: str) -> str:
    """The text without its quantisation."""
    return _QUANTISATIONS.sub("", text)


def _one_way(text: str) -> str:
    """One way of writing for what people write in many.

    "Llama-v3p2-1B", "llama3-2-1b" and "Llama-3.2-1B" all become "llama3.2-1b".
    """
    text = _VENDOR.sub(r"\1-", text.lower())
    text = re.sub(r"[_@\s]+", "-", text)
    text = re.sub(r"(\d)p(\d)", r"\1.\2", text)
    text = re.sub(r"(?<=llama)-?v(?=\d)", "-", text)
    size_ahead = r"(?![\d.]+(?:x[\d.]+)?[bmtk](?![a-z0-9]))(?!\d+x)"
    text = re.sub(rf"(?<=[a-z])(?<!\d[bm])-{size_ahead}(?=[1-9](?!\d\d))", "", text)
    text = re.sub(r"(?<![a-z0-9])([a-z]+\d)-(\d)(?=-|$)", r"\1.\2", text)
    # With its version written out, "qwen2.5-coder-1-5b" can only be 1.5 billion.
    text = re.sub(
        r"(\d\.\d(?:-(?:coder|math|vl|omni))?)-?(\d)-(\d)b(?![a-z0-9])", r"\1-\2.\3b", text
    )
    return re.sub(r"-{2,}|-\.|\.-", "-", text).strip("-.")


def _sizes(text: str) -> NamedSizes:
    """The sizes that a text states, most telling form first."""
    product = _PRODUCT.search(text)
    if product and product[1] == "1":
        # "1x22b" is one expert taken out of a mixture: a dense model.
        return NamedSizes(total_b=float(product[2]))
    if product:
        return NamedSizes(experts=int(product[1]), of_one_expert_b=float(product[2]))
    if experts := _EXPERTS.search(text):
        return NamedSizes(active_b=float(experts[1]))
    if effective := _EFFECTIVE.search(text):
        return NamedSizes(effective_b=float(effective[1]))
    active = _ACTIVE.search(text)
    active_b = None if active is None else float(active[1]) * (1 if active[2] == "b" else 1e-3)
    plain = _plain_sizes(_ACTIVE.sub("", text))
    if not plain:
        return NamedSizes(active_b=active_b)
    if len(plain) == 2 and "moe" in text and active_b is None:
        # OLMoE-1B-7B states the active size first.
        return NamedSizes(total_b=max(plain), active_b=min(plain))
    return NamedSizes(total_b=plain[0], active_b=active_b, others_b=plain[1:])


def _plain_sizes(text: str) -> tuple[float, ...]:
    """Distinct plain sizes in billions, in their order; millions only when no billions stand."""
    found = [float(each[1] + (f".{each[2]}" if each[2] else "")) for each in _PLAIN.finditer(text)]
    if not found:
        millions = [float(each[1]) for each in _MILLIONS.finditer(text)]
        found = [each * 1e-3 for each in millions if each > _LARGEST_CONTEXT_M]
    if not found:
        found = [float(each[1]) * 1e3 for each in _TRILLIONS.finditer(text)]
    return tuple(dict.fromkeys(found))
