"""How well one answer turns out: a level drawn for the call, and from it the odds of every part."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from preamblelab.execution.simulation.perception import Guidance
from preamblelab.execution.simulation.profiles import Profile

Fate = Literal["answers", "loops", "refuses", "blank"]

_USUAL_TEMPERATURE: Final = 0.8
_TASK_SPREAD: Final = 0.3

# Log-odds of each part at level 0, what a level adds, and what a request in the preamble adds.
_PARTS: Final[Mapping[str, tuple[float, float, Mapping[str, float]]]] = {
    "covers": (
        -0.3,
        0.9,
        {"distinct_tests": 1.0, "edge_cases": 0.5, "think": 0.2, "brevity": -0.6},
    ),
    "names_cases": (-1.0, 0.9, {"edge_cases": 1.8, "think": 0.8, "brevity": -0.9}),
    "analyses": (-0.4, 0.9, {"think": 1.8, "edge_cases": 0.9, "strategy": 0.6, "brevity": -1.0}),
    "strategy": (-0.9, 0.9, {"strategy": 2.0, "think": 0.5, "brevity": -0.6}),
    "reasons": (-0.8, 0.8, {"reasons": 1.6, "strategy": 0.4, "brevity": -1.8}),
    "gap": (-0.8, -1.1, {"complete": -1.8, "brevity": 0.5}),
    "broken": (-1.6, -0.9, {"complete": -0.6, "checking": -0.3}),
    "wrong": (-1.7, -0.8, {"think": -0.3, "checking": -0.5}),
    "unimported": (-1.4, -0.9, {"complete": -1.0}),
    "awaits": (0.3, 0.9, {"awaits": 1.4}),
    "closely": (-0.6, 0.9, {"messages": 1.5, "brevity": -0.3}),
    "names_well": (0.4, 0.8, {"naming": 0.8, "distinct_tests": 0.4}),
    "orders": (-0.2, 0.8, {"naming": 0.6, "distinct_tests": 0.3}),
    "repeats": (-2.4, -0.7, {"loop_guard": -1.0, "distinct_tests": -0.4}),
    "right": (-0.7, 1.1, {"think": 0.7, "checking": 0.5, "brevity": -0.3}),
    "slips": (-1.5, -0.9, {"complete": -0.3, "checking": -0.6}),
}


_KEPT_WHEN_BRIEF: Final[Mapping[str, float]] = {
    "reasons": 0.4, "names_cases": 0.7, "covers": 0.88, "strategy": 0.85, "closely": 0.9,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """The odds of one answer's parts; each part is drawn by itself while the answer is written."""

    covers: float
    """Probability that a test, a step or an entry is written."""
    names_cases: float
    """Probability that an edge case is named beforehand."""
    analyses: bool
    strategy: bool
    reasons: float
    """Probability that a reason is given."""
    gap: bool
    """A placeholder is left."""
    broken: bool
    """The code does not parse, or the text breaks off."""
    wrong: float
    """Probability that a part is wrong."""
    unimported: bool
    awaits: float
    """Probability that an asynchronous call is awaited."""
    closely: float
    """Probability that an error's message is looked at."""
    names_well: float
    orders: bool
    """Parts are grouped."""
    repeats: float
    """Probability that a part is written twice."""
    right: bool
    """The result is right."""
    brief: bool
    slips: float
    """Probability of a mistake that shows only when the code is run."""
    fate: Fate


def draw_skill(
    profile: Profile,
    guidance: Guidance,
    *,
    task: str,
    touchy: bool,
    settings: Mapping[str, Any],
    draw: random.Random,
) -> Skill:
    """The odds of one answer.

    Args:
        profile: the model.
        guidance: what its system text asks for.
        task: name of the task; each model is by nature better at some than at others.
        touchy: whether the task sounds harmful.
        settings: temperature and penalties of the call.
        draw: where chance comes from.
    """
    warmth = max(0.0, _number(settings, "temperature", _USUAL_TEMPERATURE)) / _USUAL_TEMPERATURE
    lost = max(0, guidance.tokens - profile.bears) / 100.0 * profile.burden
    heed = profile.heed * math.exp(-0.4 * lost)
    talent = random.Random(f"{profile.name}/{task}").gauss(0.0, _TASK_SPREAD)  # noqa: S311
    level = profile.ability + talent - lost + draw.gauss(0.0, profile.spread * min(warmth, 2.5))
    odds = {
        part: _chance(
            start
            + slope * level
            + heed * sum(w * guidance.wants(ask) for ask, w in pushes.items())
            + (profile.slips if part == "slips" else 0.0)
        )
        for part, (start, slope, pushes) in _PARTS.items()
    }
    brief = guidance.wants("brevity") > 0 and draw.random() < heed
    if brief:
        # Who can write it all and is asked to be brief leaves things out on purpose.
        odds = {part: chance * _KEPT_WHEN_BRIEF.get(part, 1.0) for part, chance in odds.items()}
    return Skill(
        covers=odds["covers"],
        names_cases=odds["names_cases"],
        analyses=draw.random() < odds["analyses"],
        strategy=draw.random() < odds["strategy"],
        reasons=odds["reasons"],
        gap=draw.random() < odds["gap"],
        broken=draw.random() < odds["broken"],
        wrong=odds["wrong"],
        unimported=draw.random() < odds["unimported"],
        awaits=odds["awaits"],
        closely=odds["closely"],
        names_well=odds["names_well"],
        orders=draw.random() < odds["orders"],
        repeats=odds["repeats"],
        right=draw.random() < odds["right"],
        brief=brief,
        slips=odds["slips"],
        fate=_fate(profile, guidance, lost, heed, touchy, settings, draw),
    )


def _fate(
    profile: Profile,
    guidance: Guidance,
    lost: float,
    heed: float,
    touchy: bool,
    settings: Mapping[str, Any],
    draw: random.Random,
) -> Fate:
    """Whether there will be an answer at all, and whether it will end."""
    penalty = max(
        _number(settings, "repeat_penalty", 1.0) - 1.0,
        _number(settings, "repetition_penalty", 1.0) - 1.0,
        _number(settings, "frequency_penalty", 0.0),
    )
    loops = profile.loops + profile.loops_under_burden * lost - 6.0 * penalty
    loops -= 1.8 * heed * max(0.0, guidance.wants("loop_guard"))
    chances = (draw.random(), draw.random(), draw.random())
    if chances[0] < _chance(profile.blank):
        return "blank"
    if touchy and chances[1] < _chance(profile.refuses):
        return "refuses"
    return "loops" if chances[2] < _chance(loops) else "answers"


def _chance(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, log_odds))))


def _number(settings: Mapping[str, Any], name: str, usual: float) -> float:
    value = settings.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return usual
    return float(value)
