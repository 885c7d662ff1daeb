"""What an experiment file may say, before the names in it are looked up."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, JsonValue, Tag

from preamblelab.domain.base import Name, Spec
from preamblelab.domain.experiments import Budget
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.preambles import BASELINE
from preamblelab.domain.tasks import Suite, Task


def _word_or_mapping(value: Any) -> str:
    return "inline" if isinstance(value, dict) else "named"


def _one_or_many(value: Any) -> str:
    return "many" if isinstance(value, (list, tuple)) else "one"


def _number_or_rule(value: Any) -> str:
    # "3" in quotes is a number that was meant: the error should speak of numbers.
    return "rule" if isinstance(value, str) and not value.isdigit() else "number"


def _suite_shape(value: Any) -> str:
    return "many" if isinstance(value, (list, tuple)) else _word_or_mapping(value)


# Discriminators choose the one branch that the file means, so that an error speaks of that one.
NamedOrModel: TypeAlias = Annotated[
    Annotated[str, Tag("named")] | Annotated[ModelSpec, Tag("inline")],
    Discriminator(_word_or_mapping),
]
NamedOrTask: TypeAlias = Annotated[
    Annotated[str, Tag("named")] | Annotated[Task, Tag("inline")], Discriminator(_word_or_mapping)
]
Suites: TypeAlias = Annotated[
    Annotated[str, Tag("named")]
    | Annotated[Suite, Tag("inline")]
    | Annotated[tuple[NamedOrTask, ...], Field(min_length=1), Tag("many")],
    Discriminator(_suite_shape),
]
Switches: TypeAlias = Annotated[
    Annotated[bool, Tag("one")]
    | Annotated[tuple[bool, ...], Field(min_length=1, max_length=2), Tag("many")],
    Discriminator(_one_or_many),
]
NumberOrRule: TypeAlias = Annotated[
    Annotated[int, Field(ge=1, le=1000), Tag("number")]
    | Annotated[Literal["auto", "always-3", "seed"], Tag("rule")],
    Discriminator(_number_or_rule),
]
NamedOrEntry: TypeAlias = JsonValue


class ExperimentForm(Spec):
    """A plan as it is written: the names in it are not looked up yet."""

    name: Name
    """How tables and the store call the experiment; the file's name when not given."""
    question: str = ""
    """What the experiment is to answer, in one sentence."""
    models: tuple[NamedOrModel, ...] = Field(min_length=1)
    """Names from models.yaml, litellm ids (`ollama_chat/gemma3:4b`), or models written out."""
    baseline: str = BASELINE
    """`baseline` (no system message), or the label of an incumbent."""
    variants: tuple[str, ...] = Field(min_length=1)
    """What is compared with the baseline: `name[:size][+clause]`."""
    clauses: Mapping[Name, Switches] = Field(default_factory=dict)
    """Clauses to cross every variant with: `{brevity: [on, off]}`."""
    brevity: Switches | None = None
    """Short for `clauses: {brevity: ...}`."""
    suite: Suites
    """A suite's name, several, tasks written out, or a whole suite."""
    tasks: tuple[str, ...] = ()
    """Names of the tasks to take; all of them when not given."""
    rubric: str
    """The rubric's name."""
    scorers: tuple[str, ...] = Field(default=("text",), min_length=1)
    """`text` (without a model), `judge/MODEL`, or `module:name` of your own."""
    judges: Mapping[str, NamedOrEntry] = Field(default_factory=dict)
    """How judges among the scorers are reached, where models.yaml does not say it."""
    judgements: int = Field(default=1, ge=1, le=25)
    """How often each judge marks each answer."""
    repetitions: NumberOrRule = 1
    """How often each model is asked each task under each variant; or a rule: `auto` (where the
    verdict is open, at most 3), `always-3`, `seed` (3 under 60 points, 2 up to 80, 1 above)."""
    until_decided: bool = False
    """Whether planned looks end the asking of what they have settled."""
    margin: float = Field(default=5.0, gt=0, le=100)
    """The smallest effect that matters, in points."""
    settings: Mapping[str, JsonValue] = Field(default_factory=dict)
    """Settings of every model that does not set its own: temperature, max_tokens."""
    budget: Budget = Budget()
    """Limits for the whole run, subjects and judges together."""
    seed: int = 0
    """Draws the order of trials."""
    delivery: bool = True
    """Whether each model is probed first: does a preamble reach it?"""
    warm_up: bool = True
    """Whether each model gets one call that is dropped before its first trial."""
    allow_unsafe: bool = False
    """Whether answers are run without isolation where no sandbox holds; the report says so."""
    claims: str | None = None
    """A file of published sentences below this file's folder, which a report checks."""
