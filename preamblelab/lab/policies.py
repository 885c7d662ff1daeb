"""A policy in use: ask it for a model, put its preamble before messages, give it to a program."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from preamblelab.decision.resolving import Resolution, resolve
from preamblelab.domain.applying import Existing, Message, Place, apply_preamble, place_for
from preamblelab.domain.facts import ModelFacts
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.naming import describe_id
from preamblelab.domain.policies import Entry, PolicySpec, Tier
from preamblelab.domain.sizes import Size
from preamblelab.errors import SpecError
from preamblelab.lab.policy_files import today
from preamblelab.library import load_models
from preamblelab.library.policies import load_policy_spec, policy_json, policy_text
from preamblelab.report.policies import policy_page

if TYPE_CHECKING:
    from preamblelab.lab.falling_back import Answered

__all__ = ["Policy", "Resolution", "load_policy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Which preamble for which model; `load_policy` makes one from a file."""

    spec: PolicySpec
    """What the file says."""
    source: str = ""
    clock: Callable[[], date] = field(default=today, repr=False)
    """Gives the day by which entries expire."""
    catalogue: Mapping[str, ModelSpec] | None = field(default=None, repr=False)
    """Models by name; None: those of models.yaml, read when a model is asked about."""

    def __str__(self) -> str:
        """For whom it says what, and why."""
        return policy_page(self.spec, with_texts=False)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The choices, in the order in which they are asked."""
        return self.spec.ladder

    @property
    def simulated(self) -> bool:
        """Whether any of the evidence is from simulated models."""
        return self.spec.simulated

    def resolve(
        self,
        model: str | ModelSpec,
        task: str | None = None,
        *,
        baseline_score: float | None = None,
        assume: Size | None = None,
        strict: bool = False,
    ) -> Resolution:
        """What to send this model: by its id, else its family, else its size class, else none.

        Args:
            model: a litellm id ("ollama_chat/qwen2.5-coder:7b"), a name of models.yaml, or a spec
                whose `parameters` or `size` you state.
            task: the task family, as suites call it: "coding".
            baseline_score: its own mean score without preamble, 0 to 100, where you measured it;
                only then can an entry for a tier speak.
            assume: the size class to take where nobody knows one.
            strict: raise where the policy abstains.

        Returns:
            Text, label, reason and evidence; `abstained` where none is sent because nothing is
            proven: an unknown size, weak or expired evidence, an open decision.

        Raises:
            SpecError: `strict`, and the policy abstains; or an argument cannot be.
        """
        if not isinstance(model, str | ModelSpec):
            raise SpecError(f"model is {model!r}; give a litellm id, a name, or a ModelSpec")
        found = resolve(
            self.spec,
            self._facts(model),
            on=self.clock(),
            task=task,
            tier=_tier(baseline_score),
            assume=assume,
        )
        if strict and found.abstained:
            raise SpecError(f"no preamble for {found.model}: {found.reason}")
        return found

    def apply(
        self,
        messages: Sequence[Message],
        model: str | ModelSpec,
        task: str | None = None,
        *,
        existing: Existing = "refuse",
        place: Place | None = None,
        **more: Any,
    ) -> list[dict[str, Any]]:
        """The messages with the model's preamble, for litellm: one system message at most.

        Args:
            messages: OpenAI-style; never changed.
            model: as for `resolve`.
            task: the task family.
            existing: what happens to a system message of yours: `refuse` (an error), `keep`,
                `replace`, `before`.
            place: `system`, or `user` for a template without a system role; by the id when not
                given.
            more: further arguments of `resolve`.

        Raises:
            SpecError: they are no messages, bring a system message that `existing` refuses, or the
                model's provider would send the preamble astray.
        """
        found = self.resolve(model, task, **more)
        where = place or (place_for(found.model) if found.text is not None else "system")
        return apply_preamble(messages, found.text, place=where, existing=existing)

    def for_openai(
        self,
        model: str | ModelSpec,
        messages: Sequence[Message],
        task: str | None = None,
        *,
        existing: Existing = "refuse",
        **settings: Any,
    ) -> dict[str, Any]:
        """Keyword arguments for `client.chat.completions.create(**...)` of an OpenAI client.

        Args:
            model: as for `resolve`; sent without litellm's provider prefix.
            messages: as for `apply`.
            task: the task family.
            existing: as for `apply`.
            settings: passed through: temperature, max_tokens, ...

        Raises:
            SpecError: as `apply`.
        """
        applied = self.apply(messages, model, task, existing=existing)
        return {**settings, "model": _bare(self._facts(model).model), "messages": applied}

    def dspy_adapter(self, adapter: Any = None, *, task: str | None = None, **more: Any) -> Any:
        """A dspy adapter that puts each model's preamble first in the system message.

        dspy writes a system message of its own, with the fields of the signature; the preamble
        goes before it. That is another condition than the one that was measured, in which the
        preamble stood alone: measure your program with and without.

        Args:
            adapter: any dspy adapter (Chat, JSON, XML, BAML); None: a ChatAdapter.
            task: the task family.
            more: further arguments of `resolve`.
        """
        from preamblelab.execution.dspy_door import with_preamble

        def text_for(model: str) -> str | None:
            return self.resolve(model, task, **more).text

        return with_preamble(adapter, text_for)

    def ask(
        self,
        messages: Sequence[Message],
        model: str | ModelSpec,
        task: str | None = None,
        **more: Any,
    ) -> "Answered":
        """Ask the model under its preamble; where the answer collapses, under less of it.

        A collapse is an answer that loops, is empty or is cut off. It is asked for again under a
        shorter text of the lineage, where the policy has one, and then under none, each once.
        Every level is stored with its tag, and none counts as the preamble's own score.

        Args:
            messages: as for `apply`.
            model: as for `resolve`.
            task: the task family.
            more: `store`, `settings`, `existing`, `usd`, `client`: see `ask_with_fallback`.
        """
        from preamblelab.lab.falling_back import ask_with_fallback

        found = self.resolve(model, task)
        return ask_with_fallback(self.spec, found, messages, model, **more)

    def _facts(self, model: str | ModelSpec) -> ModelFacts:
        """What is known of a model: the user's word, the catalogue's, its name's."""
        if isinstance(model, ModelSpec):
            return model.facts()
        known = load_models() if self.catalogue is None else self.catalogue
        spec = known.get(model) or next((m for m in known.values() if m.id == model), None)
        return describe_id(model) if spec is None else spec.facts()

    def to_json(self) -> str:
        """A document that a program reads without this library; its shape is in docs/policy.md."""
        return policy_json(self.spec)

    def to_yaml(self) -> str:
        """The policy as its file."""
        return policy_text(self.spec)


def load_policy(path: str | Path) -> Policy:
    """The policy in a file, YAML or JSON.

    Raises:
        SpecError: there is no such file, it is no policy, two entries are for one slot, or a text
            is not the one that was measured; the message names the line.
    """
    return Policy(spec=load_policy_spec(path), source=str(path), catalogue=load_models())


def _bare(model: str) -> str:
    """The name that an OpenAI-style server knows: without litellm's provider."""
    provider, slash, name = model.partition("/")
    return name if slash and provider in _PROVIDERS else model


_PROVIDERS = frozenset(
    {
        "openai", "azure", "hosted_vllm", "ollama_chat", "openrouter", "together_ai", "groq",
        "deepseek", "mistral", "xai", "fireworks_ai", "lm_studio", "llamafile", "custom_openai",
        "nvidia_nim", "sim",
    }
)  # fmt: skip


def _tier(score: float | None) -> Tier | None:
    if score is None:
        return None
    if not 0 <= score <= 100:
        raise SpecError(f"baseline_score is {score}; give a mean score from 0 to 100")
    from preamblelab.stats.segments import baseline_tier

    return baseline_tier(score)


def resolved(
    model: str,
    file: Path,
    *,
    task: str | None,
    parameters: str | None = None,
    baseline_score: float | None,
    assume: Literal["tiny", "mid", "large"] | None,
) -> Resolution:
    """What `preamblelab resolve` prints.

    Args:
        model: a litellm id, or a name of models.yaml.
        file: the policy.
        task: the task family.
        parameters: all its parameters, as the user states them.
        baseline_score: its own mean score without preamble, 0 to 100.
        assume: the size class to take where nobody knows one.
    """
    policy = load_policy(file)
    named = policy.catalogue or {}
    asked: str | ModelSpec = model
    if parameters is not None:
        spec = named.get(model)
        asked = ModelSpec(id=spec.id if spec else model, parameters=parameters)
    return policy.resolve(asked, task, baseline_score=baseline_score, assume=assume)
