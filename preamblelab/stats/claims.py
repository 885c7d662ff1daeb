"""Owns the check of published sentences: each names a computation and a value; both are compared.

The computations themselves are in `preamblelab.stats.computations`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import pandas as pd

from preamblelab.errors import TableError
from preamblelab.stats.computations import COMPUTATIONS, Evidence, Reading, Stated

__all__ = ["CLAIM_COLUMNS", "Checked", "Claim", "Evidence", "check_claim", "check_claims"]

CLAIM_COLUMNS = ("says", "compute", "states", "follows", "found", "caution", "sentence")
"""What `check_claims` returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A published sentence, the computation that it rests on, and the value that it states."""

    says: str
    """The sentence, in anybody's words."""
    compute: str
    """Name of a computation, see `COMPUTATIONS`."""
    states: Stated
    """A number, two numbers for a range, true or false, or a word such as a verdict."""
    where: Mapping[str, Any] = field(default_factory=dict)
    """What the computation is told: model, experiments, subset, bounds, ..."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What became of one claim."""

    claim: Claim
    follows: bool
    """Whether some reading of the computation gives the stated value."""
    readings: tuple[Reading, ...]
    """Every way in which the sentence may be computed."""
    caution: str
    """What the value would not show, even where it follows."""

    @property
    def sentence(self) -> str:
        """The finding in words, the computation in it."""
        if self.follows:
            right = next(each for each in self.readings if agrees(self.claim.states, each.value))
            text = f"follows: {right.words}"
        else:
            text = "does not follow: it is " + ", or ".join(each.words for each in self.readings)
        joint = "But" if self.follows else "Besides,"
        return text + (f". {joint} {self.caution}." if self.caution else ".")


def check_claim(claim: Claim, evidence: Evidence) -> Checked:
    """Recompute one published sentence.

    Args:
        claim: the sentence with its computation and value.
        evidence: the score tables it was drawn from.

    Raises:
        TableError: there is no such computation, or it lacks what it needs to be told.
    """
    if claim.compute not in COMPUTATIONS:
        close = get_close_matches(claim.compute, COMPUTATIONS, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(COMPUTATIONS)}"
        raise TableError(f"no computation '{claim.compute}'; {hint}")
    computation = COMPUTATIONS[claim.compute]
    foreign = sorted(set(claim.where) - computation.takes)
    if foreign:
        takes = ", ".join(sorted(computation.takes))
        raise TableError(f"{claim.compute} takes no '{foreign[0]}'; it takes {takes}")
    found = computation.work(evidence, claim.where, claim.states)
    return Checked(
        claim=claim,
        follows=any(agrees(claim.states, each.value) for each in found.readings),
        readings=found.readings,
        caution=found.caution,
    )


def check_claims(claims: Sequence[Claim], evidence: Evidence) -> pd.DataFrame:
    """Recompute published sentences from the table they were drawn from.

    Args:
        claims: the sentences.
        evidence: the score tables.

    Returns:
        A row per claim: `says, compute, states, follows, found` (the values of all readings),
        `caution, sentence`.
    """
    rows = []
    for claim in claims:
        checked = check_claim(claim, evidence)
        rows.append(
            {
                "says": claim.says,
                "compute": claim.compute,
                "states": claim.states,
                "follows": checked.follows,
                "found": [each.value for each in checked.readings],
                "caution": checked.caution,
                "sentence": checked.sentence,
            }
        )
    return pd.DataFrame(rows, columns=list(CLAIM_COLUMNS))


def agrees(stated: Stated, found: Stated) -> bool:
    """Whether a stated value is what was found, to the last digit that it states.

    16.5 stands for 16.45 to 16.55, and 4 for 3.5 to 4.5.
    """
    if isinstance(stated, (bool, str)) or isinstance(found, (bool, str)):
        return type(stated) is type(found) and stated == found
    if isinstance(stated, tuple):
        return (
            isinstance(found, tuple)
            and len(stated) == len(found)
            and all(agrees(one, other) for one, other in zip(stated, found, strict=True))
        )
    if isinstance(found, tuple):
        return False
    decimals = len(repr(float(stated)).partition(".")[2].rstrip("0"))
    return abs(float(stated) - float(found)) <= 0.5 * 10.0**-decimals + 1e-9
