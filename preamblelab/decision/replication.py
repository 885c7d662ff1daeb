"""Whether runs are replicates: equal, field by field, in all that decides what they measure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from preamblelab.domain.base import content_digest
from preamblelab.domain.experiments import Experiment
from preamblelab.errors import SpecError

ABSENT = "nothing"
"""What a difference says of a field that one side lacks."""
ENOUGH_RUNS = 3
"""Replicates that findings need; more are welcome, but not at the price of an arm."""
LONGEST = 60
"""Characters of a value that a difference shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunManifest:
    """All that decides what a run measures; its id, its seed and its time are no part of it."""

    run: str
    common: Mapping[str, Any]
    """Suite by category and task, variants, rubric, scorers, judges, repetitions, versions."""
    arms: Mapping[str, Any]
    """By arm: the model's id, address, settings, price, and the digest of its weights."""

    @property
    def digest(self) -> str:
        """Equal for replicates."""
        return content_digest([dict(self.common), dict(self.arms)])

    def basis(self, category: str, arms: Sequence[str]) -> dict[str, Any]:
        """What a finding on a category rests on: when any of it changes, the finding expires."""
        suite = self.common.get("suite", {})
        # A newer program or another price is no other measurement of what was found.
        judging = {n: value for n, value in self.common.items() if n not in {"suite", "versions"}}
        known = {arm: dict(self.arms.get(arm) or {}) for arm in arms}
        for each in known.values():
            each.pop("price", None)
        return {
            "suite": content_digest(suite.get(category)),
            "judging": content_digest(judging),
            "arms": {arm: content_digest(each or None) for arm, each in known.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field in which two runs differ."""

    first: str
    second: str
    """Names of the runs."""
    field: str
    """`models.qwen.settings.temperature`."""
    one: str
    other: str
    """The values, as they are shown."""
    arm: str | None = None
    """The only arm that it concerns; None: all of them."""

    @property
    def sentence(self) -> str:
        """The difference in words."""
        return f"{self.field} is {self.one} in {self.first} and {self.other} in {self.second}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replication:
    """Which runs repeat which, and for which arms."""

    runs: tuple[str, ...]
    replicates: bool
    """Whether every run equals every other in all that counts."""
    differences: tuple[Difference, ...]
    group: tuple[str, ...]
    """The runs that findings are made from: those that show the most by repeating each other."""
    arms: tuple[str, ...]
    """Arms that are the same in every run of the group."""
    left_out: Mapping[str, str]
    """Arms that some run of the group has otherwise or not at all, with the reason."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What may be said of the runs."""
        if len(self.runs) == 1:
            return (f"One run: {self.runs[0]}.",)
        if self.replicates:
            return (f"{len(self.runs)} runs with equal manifests: {', '.join(self.runs)}.",)
        head = f"NOT REPLICATES: {len(self.runs)} runs differ in {_fields(self.differences)}."
        lines = [head, *(f"{each.sentence}." for each in self.differences)]
        if len(self.group) > 1:
            lines.append(
                f"{' and '.join(self.group)} repeat each other for {len(self.arms)} of "
                f"{len(self.arms) + len(self.left_out)} arms; findings are made from these."
            )
        else:
            lines.append(f"No two runs measure the same; what follows is {self.group[0]} alone.")
        lines += [f"{arm} is left out: {why}." for arm, why in self.left_out.items()]
        return tuple(lines)


def manifest_of(
    run: str,
    experiment: Experiment,
    *,
    weights: Mapping[str, str | None] | None = None,
    marking: str = "",
    made_with: Sequence[Mapping[str, Any]] = (),
) -> RunManifest:
    """The manifest of a run of an experiment.

    Args:
        run: what the run is called.
        experiment: its plan.
        weights: the server's digest of each model's weights, by model name, where it told one.
        marking: digest of the way in which answers were marked.
        made_with: versions of programs and prices, one entry for each that the run was asked
            with; a run that went on under another version has two.
    """
    suite: dict[str, dict[str, str]] = {}
    for task in experiment.suite.tasks:
        suite.setdefault(task.category, {})[task.name] = task.digest
    common = {
        "suite": suite,
        "baseline": experiment.baseline,
        "variants": list(experiment.variants),
        "preambles": {
            name: content_digest(preamble.model_dump(mode="json"))
            for name, preamble in experiment.preambles.items()
        },
        "rubric": experiment.rubric.digest,
        "scorers": list(experiment.scorers),
        "judges": {
            name: _arm(experiment, judge, None) for name, judge in experiment.judges.items()
        },
        "judgements": experiment.judgements,
        "repetitions": [experiment.repetitions, experiment.repetition_rule],
        "marking": marking,
        "versions": _together(made_with, "versions"),
    }
    known, prices = weights or {}, _together(made_with, "prices")
    arms = {
        m.name: {**_arm(experiment, m, known.get(m.name)), "price": prices.get(m.name)}
        for m in experiment.models
    }
    return RunManifest(run=run, common=common, arms=arms)


def replicates(runs: Sequence[RunManifest]) -> Replication:
    """Which runs are replicates: equal manifests apart from run id, seed and time.

    Args:
        runs: two or more manifests, in the order of the runs.

    Returns:
        The verdict with every field that differs from the first run's, the largest group of runs
        that measure the same, and the arms that are the same throughout that group.

    Raises:
        SpecError: no run was given, or one name stands for two.
    """
    names = [each.run for each in runs]
    if not runs or len(set(names)) != len(names):
        raise SpecError(f"name runs, each once; got: {', '.join(names) or 'none'}")
    found = [diff for other in runs[1:] for diff in _between(runs[0], other)]
    candidates: dict[str, list[RunManifest]] = {}
    for each in runs:
        # Either all runs that only differ in arms, less those arms, or those equal in everything.
        candidates.setdefault(content_digest(dict(each.common)), []).append(each)
        candidates.setdefault(each.digest, []).append(each)
    group = max(candidates.values(), key=_worth)
    every = list(dict.fromkeys(arm for each in group for arm in each.arms))
    left_out = _left_out(group)
    return Replication(
        runs=tuple(names),
        replicates=not found,
        differences=tuple(found),
        group=tuple(each.run for each in group),
        arms=tuple(arm for arm in every if arm not in left_out),
        left_out=left_out,
    )


def _together(made_with: Sequence[Mapping[str, Any]], part: str) -> dict[str, str]:
    """One value for each name, or all that it had, in their order."""
    found: dict[str, list[str]] = {}
    for each in made_with:
        for name, value in each.get(part, {}).items():
            found.setdefault(str(name), []).append("unknown" if value is None else str(value))
    return {name: ", then ".join(dict.fromkeys(values)) for name, values in found.items()}


def _left_out(group: Sequence[RunManifest]) -> dict[str, str]:
    every = dict.fromkeys(arm for each in group for arm in each.arms)
    return {arm: why for arm in every if (why := _apart(arm, group))}


def _worth(group: Sequence[RunManifest]) -> tuple[int, int, int]:
    """What a group can show: replicates first, as far as there are arms to compare, then arms."""
    arms = len(set(group[0].arms) - set(_left_out(group)))
    return (min(len(group), ENOUGH_RUNS) if arms > 1 else 0, arms, len(group))


def _arm(experiment: Experiment, model: Any, weights: str | None) -> dict[str, Any]:
    settings = {**experiment.settings, **model.settings}
    settings.pop("seed", None)
    return {
        "id": model.id,
        "api_base": model.api_base,
        "settings": settings,
        "weights": weights,
    }


def _apart(arm: str, group: Sequence[RunManifest]) -> str:
    """Why an arm is not the same in every run of a group; empty when it is."""
    lacking = [each.run for each in group if arm not in each.arms]
    if lacking:
        return f"{' and '.join(lacking)} lacks it"
    first = group[0]
    for other in group[1:]:
        found = _unequal(first.arms[arm], other.arms[arm], "")
        if found:
            field, one, two = found[0]
            return f"{field} is {one} in {first.run} and {two} in {other.run}"
    return ""


def _between(first: RunManifest, second: RunManifest) -> list[Difference]:
    found = [
        Difference(first=first.run, second=second.run, field=field, one=one, other=other)
        for field, one, other in _unequal(dict(first.common), dict(second.common), "")
    ]
    for arm in dict.fromkeys([*first.arms, *second.arms]):
        mine, theirs = first.arms.get(arm), second.arms.get(arm)
        found += [
            Difference(
                first=first.run, second=second.run, field=field, one=one, other=other, arm=arm
            )
            for field, one, other in _unequal(mine, theirs, f"models.{arm}")
        ]
    return found


def _unequal(one: Any, other: Any, field: str) -> list[tuple[str, str, str]]:
    """Fields that differ, as deep as both sides are mappings, with their values."""
    if one == other:
        return []
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        names = dict.fromkeys([*one, *other])
        return [
            row
            for name in names
            for row in _unequal(
                one.get(name), other.get(name), f"{field}.{name}" if field else str(name)
            )
        ]
    return [(field, _shown(one), _shown(other))]


def _shown(value: Any) -> str:
    if value is None:
        return ABSENT
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _fields(differences: Sequence[Difference]) -> str:
    names = list(dict.fromkeys(each.field for each in differences))
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
