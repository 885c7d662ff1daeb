"""A policy: which preamble for which model, what each choice rests on, and until when."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from preamblelab.domain.base import Name, Spec, content_digest, text_digest
from preamblelab.domain.facts import SizeBy
from preamblelab.domain.sizes import LARGE_ABOVE_B, TINY_BELOW_B, Size

NONE: Final = "none"
"""What an entry uses where no preamble is to be sent."""

POLICY_FORMAT: Final = 1
"""Changes when an older reader would read a policy otherwise."""

Tier = Literal["low", "mid", "high"]
Said = Literal["promote", "keep", "inconclusive", "invalid", "harm", "stated"]
"""What an entry rests on: a decision's outcome; `harm`: the class's preamble hurts here;
`stated`: somebody's word, without evidence."""

Points = Annotated[float, Field(allow_inf_nan=False)]

FIELDS: Final = ("model", "family", "size", "task", "tier")
"""What an entry can be for; those that are given must all agree with what is asked for."""


class PolicyText(Spec):
    """A preamble as it was measured; never changed, another text is another preamble."""

    label: str = Field(min_length=1)
    """The variant's label: `careful`, `careful:tiny+brevity`."""
    part: str = ""
    """Which text of the family it is: `common`, `tiny`, `mid`, `large`."""
    version: str = ""
    lineage: str = ""
    """The preamble that it is a variant of."""
    digest: str
    """Address of the text."""
    text: str = Field(min_length=1)
    """The system message, exactly."""
    shorter: str | None = None
    """Id of a shorter text of its lineage, for an answer that collapses under this one."""

    @property
    def id(self) -> str:
        """How entries name it: the label and the short digest."""
        return text_id(self.label, self.text)


class Evidence(Spec):
    """What a choice rests on; effects in points, the preamble minus what it was held against."""

    effect: Points
    low: Points
    """Lower end at `level`, two-sided; its one-sided error is half of 1 - level."""
    high: Points
    level: float = Field(default=0.9, gt=0, lt=1)
    low95: Points | None = None
    high95: Points | None = None
    tasks: int = Field(ge=1)
    """Independent tasks; repetitions never count as tasks."""
    repetitions: int = Field(default=1, ge=1)
    models: int = Field(ge=1)
    families: int = Field(ge=1)
    tested: tuple[str, ...] = ()
    """Ids of those models."""
    categories: tuple[Name, ...] = ()
    """Task families among the tasks."""
    like_these_low: Points | None = None
    """Were further models drawn like these: lower end; missing with fewer than two models."""
    like_these_high: Points | None = None
    against: str = NONE
    """What it was held against: none, or the preamble that stood in its place."""
    prompt_tokens: float | None = None
    """Added to each prompt."""
    completion_tokens: float | None = None
    """Added to each answer; below 0 where answers become shorter."""
    usd_per_1000: float | None = None
    """Added cost of 1,000 answers; missing where a price is unknown."""


class Entry(Spec):
    """One choice: for whom, what to use, and why."""

    model: str | None = None
    """One model, by its litellm id."""
    family: str | None = None
    size: Size | None = None
    task: Name | None = None
    """A task family: the category that tasks of a suite name."""
    tier: Tier | None = None
    """By the model's own baseline score: low < 50, mid 50 to 90, high > 90."""
    use: str
    """Id of one of the policy's preambles, or `none`."""
    said: Said
    reason: str = Field(min_length=1)
    experiment: str = ""
    decided: date
    expires: date
    """From this day on a preamble is not used any more; `none` stays none."""
    hurt_by: str | None = None
    """Of an exception: id of the preamble that hurts here."""
    decision: str = ""
    """Digest of the decision."""
    evidence: Evidence | None = None
    """What it rests on; of `keep` for none, that of the best preamble that was not taken."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.model is None and self.family is None and self.size is None:
            raise ValueError("an entry is for a model, a family or a size; it names none of them")
        if self.model is not None and (self.family or self.size or self.tier):
            raise ValueError("an entry for one model names no family, size or tier besides")
        if self.tier is not None and self.size is None:
            raise ValueError("a tier needs the size class it was proven in")
        if self.size == "unknown":
            raise ValueError("'unknown' is no size class; name the model instead")
        if self.expires <= self.decided:
            raise ValueError(f"expires {self.expires}, not after it was decided, {self.decided}")
        if self.said == "promote" and (self.evidence is None or self.use == NONE):
            raise ValueError(
                "'promote' needs a preamble and its evidence; "
                "for your own word write 'said: stated'"
            )
        if self.said == "harm" and self.use != NONE:
            raise ValueError("'harm' says that no preamble is used; use: none")
        return self

    @property
    def place(self) -> tuple[str | None, ...]:
        """For whom it is; two entries of a policy never share it."""
        model = None if self.model is None else self.model.lower()
        family = None if self.family is None else self.family.lower()
        return (model, family, self.size, self.task, self.tier)

    @property
    def slot(self) -> str:
        """For whom it is, in words: `mid/coding`, `mid/any, tier low`, `model gemma3:4b`."""
        task = self.task or "any"
        if self.model is not None:
            return f"model {self.model}" + (f", {task} tasks" if self.task else "")
        named = f"family {self.family}, {self.size or 'any size'}" if self.family else self.size
        return f"{named}/{task}" + (f", tier {self.tier}" if self.tier else "")

    @property
    def rank(self) -> tuple[int, ...]:
        """The place on the ladder: model, family, size; within each, the more special first."""
        rung = 0 if self.model is not None else 1 if self.family is not None else 2
        missing = [self.size is None, self.task is None, self.tier is None]
        return (rung, *map(int, missing))


class TestedModel(Spec):
    """What a program needs to know of a model that was tested."""

    __test__ = False  # not a test, whatever pytest thinks of the name

    size: Size
    family: str | None = None


class PolicySpec(Spec):
    """Which preamble for which model; written by `choose`, read by programs."""

    policy: Literal[1] = POLICY_FORMAT
    """Format of this file."""
    name: Name = "policy"
    version: int = Field(default=1, ge=1)
    """Counts the writes of this file."""
    written: date
    restored: int | None = None
    """The version that a rollback brought back."""
    simulated: bool = False
    """Whether any of the evidence is from simulated models."""
    size_by: SizeBy = "total"
    """Whether the size class follows from all parameters or from the active ones."""
    tiny_below_b: float = TINY_BELOW_B
    """Billions of parameters below which a model is tiny."""
    large_above_b: float = LARGE_ABOVE_B
    """Billions of parameters above which a model is large."""
    entries: tuple[Entry, ...] = ()
    """The first that agrees with all that is known decides, in the order of the ladder."""
    models: Mapping[str, TestedModel] = Field(default_factory=dict)
    """Models that were tested, by id."""
    preambles: Mapping[str, PolicyText] = Field(default_factory=dict)
    """By id: label, `@`, short digest."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.tiny_below_b, self.large_above_b) != (TINY_BELOW_B, LARGE_ABOVE_B):
            raise ValueError(
                f"size classes are fixed: tiny below {TINY_BELOW_B:g}, large above "
                f"{LARGE_ABOVE_B:g} billion; this policy was made with other bounds"
            )
        for key, kept in self.preambles.items():
            if kept.digest != text_digest(kept.text) or key != kept.id:
                raise ValueError(
                    f"the text of '{key}' is not the one that was measured (its digest is "
                    f"{text_digest(kept.text)}): bring it back, or measure the new text"
                )
            if kept.shorter is not None and kept.shorter not in self.preambles:
                raise ValueError(f"'{key}': no shorter preamble '{kept.shorter}' in this policy")
        places: dict[tuple[str | None, ...], Entry] = {}
        for entry in self.entries:
            if entry.use != NONE and entry.use not in self.preambles:
                raise ValueError(f"{entry.slot}: no preamble '{entry.use}' in this policy")
            if entry.place in places:
                raise ValueError(f"two entries for {entry.slot}; keep one")
            places[entry.place] = entry
        return self

    @property
    def ladder(self) -> tuple[Entry, ...]:
        """The entries in the order in which they are asked."""
        return tuple(sorted(self.entries, key=lambda entry: (entry.rank, str(entry.place))))

    @property
    def digest(self) -> str:
        """The address of the whole policy."""
        return content_digest(self.model_dump(mode="json"))

    def document(self) -> dict[str, object]:
        """As JSON values, the entries in the order of the ladder; what is absent is left out."""
        plain = self.model_copy(update={"entries": self.ladder})
        return plain.model_dump(mode="json", exclude_none=True)


def text_id(label: str, text: str) -> str:
    """How a policy names a text: its label and the beginning of its digest."""
    return f"{label}@{text_digest(text).removeprefix('b2:')[:8]}"


def same_content(one: PolicySpec, other: PolicySpec) -> bool:
    """Whether two policies say the same, whatever their versions and days of writing."""
    but = {"version", "written", "restored"}
    first, second = (
        {name: value for name, value in each.document().items() if name not in but}
        for each in (one, other)
    )
    return first == second
