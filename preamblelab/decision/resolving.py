"""What a policy says for one model: exact model, then family, then size class, then none; pure."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from preamblelab.domain.facts import NAME, SIMULATED, TABLE, USER, ModelFacts
from preamblelab.domain.policies import NONE, Entry, Evidence, PolicySpec, Tier
from preamblelab.domain.sizes import Size, size_class
from preamblelab.errors import SpecError

_BY = defaultdict(
    lambda: "by its server",
    {USER: "as stated", TABLE: "by our table", NAME: "by its name", SIMULATED: "as simulated"},
)

Rung = Literal["model", "family", "size", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What to send a model before its messages, and why."""

    model: str
    text: str | None
    """The system message; None: send none."""
    label: str
    """The variant's label; `none` where none is sent."""
    id: str
    """Label and short digest of the text; `none` where none is sent."""
    rung: Rung
    """Which rung of the ladder spoke."""
    abstained: bool
    """None is sent because nothing is proven, not because a decision says so."""
    reason: str
    size: Size
    entry: Entry | None = None
    """The entry that spoke; None where none did."""
    simulated: bool = False
    """Whether the policy rests on simulated models."""

    @property
    def evidence(self) -> Evidence | None:
        """What the choice rests on."""
        return None if self.entry is None else self.entry.evidence

    def __str__(self) -> str:
        """The label, and why."""
        said = "SIMULATED: " if self.simulated else ""
        return f"{self.model}: {said}{self.id}: {self.reason}"

    def to_dict(self) -> dict[str, object]:
        """All of it as JSON values."""
        entry = self.entry
        return {
            "model": self.model,
            "text": self.text,
            "label": self.label,
            "id": self.id,
            "rung": self.rung,
            "abstained": self.abstained,
            "reason": self.reason,
            "size": self.size,
            "simulated": self.simulated,
            "entry": None if entry is None else entry.model_dump(mode="json", exclude_none=True),
        }


def resolve(
    policy: PolicySpec,
    facts: ModelFacts,
    *,
    on: date,
    task: str | None = None,
    tier: Tier | None = None,
    assume: Size | None = None,
) -> Resolution:
    """What the policy says for a model.

    The ladder: the exact model, its family, its size class, none. The first entry that agrees
    decides; where it has expired, or its evidence is weak, none is sent, and a more general entry
    is not asked instead. `none` does not expire.

    Args:
        policy: the policy.
        facts: what is known of the model.
        on: the day, for what expires.
        task: the task family; None is any.
        tier: the model's baseline tier, where it is known.
        assume: the size class to take where none is known.

    Raises:
        SpecError: `assume` is no size class.
    """
    if assume not in {None, "tiny", "mid", "large"}:
        raise SpecError(f"assume is '{assume}'; give tiny, mid or large")
    size, how = _size(policy, facts, assume)
    asked = {"family": (facts.family or "").lower(), "size": size, "task": task, "tier": tier}
    silent = Resolution(
        model=facts.model,
        text=None,
        label=NONE,
        id=NONE,
        rung="none",
        abstained=True,
        reason=_nothing(policy, size, how),
        size=size,
        simulated=policy.simulated,
    )
    for entry in _agreeing(policy, facts.model, asked):
        return _said(policy, entry, replace(silent, rung=_rung(entry), entry=entry), task, on, how)
    return silent


def same_model(one: str, other: str) -> bool:
    """Whether two ids mean one model.

    Case does not count, nor does a provider that one of them leaves out;
    `ollama_chat` are one provider.

    Examples:
        >>> same_model("qwen2.5-coder:7b", "ollama_chat/qwen2.5-coder:7b")
        True
        >>> same_model("groq/llama-3.1-8b", "ollama_chat/llama-3.1-8b")
        False
    """
    first, second = (_with_provider(each) for each in (one, other))
    return first == second or (
        "/" not in min(one, other, key=len)
        and first.rpartition("/")[2] == second.rpartition("/")[2]
    )


def _with_provider(model: str) -> str:
    lowered = model.strip().lower()
    return "ollama_chat/" + lowered[7:] if lowered.startswith("ollama/") else lowered


def _agreeing(policy: PolicySpec, model: str, asked: dict[str, str | None]) -> Iterator[Entry]:
    for entry in policy.ladder:
        if entry.model is not None and not same_model(entry.model, model):
            continue
        wanted = {name: getattr(entry, name) for name in ("family", "size", "task", "tier")}
        wanted["family"] = entry.family and entry.family.lower()
        if all(value is None or value == asked[name] for name, value in wanted.items()):
            yield entry


def _rung(entry: Entry) -> Rung:
    return "model" if entry.model else "family" if entry.family else "size"


def _said(
    policy: PolicySpec, entry: Entry, silent: Resolution, task: str | None, on: date, how: str
) -> Resolution:
    """What one entry says: its preamble, or none with the reason."""
    who = "" if entry.model else f" ({how})"
    begin = f"{entry.slot}{who}: {entry.reason}"
    if entry.use == NONE:
        decided = entry.said in {"keep", "harm", "stated"}
        # An exception holds for every family: nobody gives back what hurt, because it is untested.
        untested = "" if entry.said == "harm" else _untested(entry, task)
        why = f"; not decided here: {untested}" if untested and decided else ""
        return replace(silent, abstained=not decided or bool(why), reason=begin + why)
    if why := _unfit(entry, task, on):
        return replace(silent, reason=f"{begin}; not used: {why}")
    kept = policy.preambles[entry.use]
    return replace(
        silent, text=kept.text, label=kept.label, id=entry.use, abstained=False, reason=begin
    )


def _unfit(entry: Entry, task: str | None, on: date) -> str:
    """Why an entry's preamble is not to be used today, for this task; empty where it may be."""
    if on >= entry.expires:
        return f"it expired on {entry.expires}; measure again"
    if entry.said == "stated":
        return ""
    evidence = entry.evidence
    if evidence is None or entry.said not in {"promote", "keep"}:
        return f"an entry that says '{entry.said}' carries no preamble"
    if evidence.low <= 0:
        return (
            f"the evidence is weak: {evidence.effect:+.1f} points, {evidence.low:+.1f} to "
            f"{evidence.high:+.1f}"
        )
    return _untested(entry, task)


def _untested(entry: Entry, task: str | None) -> str:
    """That an entry rests on other task families than the one that is asked about."""
    tested = () if entry.evidence is None else entry.evidence.categories
    if task is None or not tested or task in tested:
        return ""
    return f"no task of the family '{task}' was tested; tested: {', '.join(tested)}"


def _size(policy: PolicySpec, facts: ModelFacts, assume: Size | None) -> tuple[Size, str]:
    """The size class, and how it is known; a moving tag has none that its name could tell."""
    tested = next(
        (each for name, each in policy.models.items() if same_model(name, facts.model)), None
    )
    size, source = facts.size, facts.source("size")
    counted = facts.total_b if policy.size_by == "total" else facts.active_b
    # The user's word on the class stands, unless the user also gave the count.
    if counted is not None and (source != USER or facts.source(f"{policy.size_by}_b") == USER):
        size = size_class(counted)
    if any(note.startswith("moving tag") for note in facts.notes) and source in {NAME, TABLE}:
        size = "unknown"
    if size == "unknown" and tested is not None and tested.size != "unknown":
        return tested.size, f"{tested.size} when it was tested"
    if size == "unknown" and assume is not None:
        return assume, f"{assume} is assumed, its size is not known"
    if size == "unknown":
        return size, _unknown(facts)
    return size, _counted(policy, facts, size)


def _unknown(facts: ModelFacts) -> str:
    if any(note.startswith("moving tag") for note in facts.notes):
        return "its tag moves: what it stands for today has no size that the name could tell"
    return "nobody published its number of parameters"


def _counted(policy: PolicySpec, facts: ModelFacts, size: Size) -> str:
    """The class with the count it follows from; both counts where they would differ."""
    counts = {"total": facts.total_b, "active": facts.active_b}
    mine = counts[policy.size_by]
    if mine is None:
        return f"{size}, {_BY[facts.source('size')]}"
    source = _BY[facts.source(f"{policy.size_by}_b")]
    told = f"{size}, {mine:g}B {policy.size_by} parameters {source}"
    other = "active" if policy.size_by == "total" else "total"
    if (count := counts[other]) is not None and size_class(count) != size:
        told += f"; its {count:g}B {other} ones would be {size_class(count)}"
    return told


def _nothing(policy: PolicySpec, size: Size, how: str) -> str:
    if size == "unknown":
        return f"none: {how}; state the size, or assume one"
    sizes = dict.fromkeys(entry.size for entry in policy.ladder if entry.size)
    said = f"this policy speaks of {', '.join(map(str, sizes))}" if sizes else "it names no size"
    return f"none: nothing was decided for {how}; {said}"
