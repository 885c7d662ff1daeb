"""Escalating a review: a role's model, a larger one, a frontier one; fail closed; pure."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from preamblelab.decision.ladder import UNREACHABLE, Ladder, Level, Share, Telemetry, share
from preamblelab.domain.records import Response
from preamblelab.domain.roles import Turbo
from preamblelab.domain.steps import Step

LADDER: Final = "review"
"""How the store calls climbs of this kind."""
ACCEPT: Final = "accept"
REJECT: Final = "reject"
INVALID: Final = "invalid"
"""The word of a level that answered, and whose verdict cannot be read."""
TAG: Final = "turbo-escalation"
BASE, TURBO, FRONTIER = "base", "turbo", "frontier"

_UNUSABLE: Final = frozenset({"looped", "empty", "refused"})


def review_ladder(turbo: Turbo | None, category: str | None) -> Ladder:
    """The ladder of a review.

    The role's own model settles what it accepts, and what it rejects unless rejections of this
    category are asked again. The larger model settles what it accepts; the last one settles either.
    What cannot be read, and what cannot be reached, goes on; what no level settles is rejected.

    Args:
        turbo: whom to ask after the role's own model; None: nobody.
        category: of the task.
    """
    both = frozenset({ACCEPT, REJECT})
    if turbo is None:
        return Ladder(levels=(Level(name=BASE, settles=both),), closed=REJECT)
    again = category is not None and category in turbo.on_tasks
    last = turbo.frontier is None
    levels = [
        Level(name=BASE, settles=frozenset({ACCEPT}) if again else both),
        Level(name=TURBO, settles=both if last else frozenset({ACCEPT}), tag=TAG),
    ]
    if not last:
        levels.append(Level(name=FRONTIER, settles=both, tag=TAG))
    return Ladder(levels=tuple(levels), closed=REJECT, usd=turbo.usd)


def instruction(nonce: str) -> str:
    """What every level is asked to end with.

    Args:
        nonce: drawn for this review: a text that was written before it cannot carry a verdict.
    """
    return (
        f'End with one line of JSON and nothing after it: {{"check": "{nonce}", "verdict": '
        '"accept"} or the same with "reject".'
    )


def word_of(response: Response, nonce: str) -> str:
    """What a level said: accept, reject, invalid, or unreachable.

    Only an object with the right nonce counts, so that a text which quotes the reviewed work cannot
    be taken over by it; two different verdicts are none.
    """
    if not response.answered:
        return UNREACHABLE
    if response.status in _UNUSABLE:
        return INVALID
    words = {
        str(found["verdict"])
        for found in _objects(response.text)
        if found.get("check") == nonce and "verdict" in found
    }
    return words.pop() if len(words) == 1 and words <= {ACCEPT, REJECT} else INVALID


def _objects(text: str) -> Iterator[dict[str, object]]:
    decoder, place = json.JSONDecoder(), text.find("{")
    while place >= 0:
        try:
            found, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place = text.find("{", place + 1)
            continue
        if isinstance(found, dict):
            yield found
        place = text.find("{", end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What is accepted before and after escalating, side by side.

    Asking only rejections again can only raise acceptance: with three independent looks that each
    wrongly accept a share f, it becomes 1 - (1 - f)^3.
    """

    base: Share
    final: Share


def acceptances(ladder: Ladder, climbs: Sequence[Sequence[Step]]) -> Acceptance:
    """Acceptance by the first level's word, and by the end; faults of transport are in neither.

    Args:
        ladder: of these climbs.
        climbs: the steps of each review.
    """
    read = [steps for steps in climbs if steps and steps[0].word != UNREACHABLE]
    base = sum(steps[0].word == ACCEPT for steps in read)
    final = sum(ladder.state(s[-1]) == "settled" and s[-1].word == ACCEPT for s in read)
    return Acceptance(base=share(base, len(read)), final=share(final, len(read)))


def telemetry_lines(told: Telemetry, accepted: Acceptance) -> tuple[str, ...]:
    """What escalating came to, in words."""
    cost = "unknown" if told.usd_added is None else f"{told.usd_added:.4f} usd"
    each = "unknown" if told.usd_per_overturn is None else f"{told.usd_per_overturn:.4f} usd"
    later = "unknown" if told.seconds_added is None else f"{told.seconds_added:.1f} s"
    return (
        f"went on in {told.went_on}, and {told.by_fault} more for faults of transport",
        f"overturned {told.overturned}; added {cost} and {later}; {each} for each overturned",
        (
            f"accepted {accepted.base} by the role's own model, {accepted.final} after escalating; "
            "promotions read the first figure only"
        ),
        f"unresolved, and so rejected: {told.unresolved}",
    )
