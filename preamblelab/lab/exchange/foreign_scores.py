"""Scores that other tools gave, as points: every scorer is a dimension, all weigh the same."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from preamblelab.domain.rubrics import TOTAL_POINTS
from preamblelab.errors import SpecError
from preamblelab.lab.exchange.row_values import mended_name

LETTERS: Final[Mapping[str, float]] = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
"""inspect_ai's verdicts: correct, partial, incorrect, no answer."""


def share_of(value: Any, best: float | None, where: str) -> float | None:
    """A score as a share from 0 to 1; None where the tool gave none.

    Args:
        value: a number, a truth value or one of `LETTERS`; anything else is no score.
        best: the best value that the scorer gives; None where it gives shares.
        where: what to name in a message.

    Raises:
        SpecError: a number lies outside what `best` allows.
    """
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        return LETTERS.get(value)
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    share = value / (best or 1.0)
    if not 0.0 <= share <= 1.0:
        raise SpecError(
            f"{where}: the score {value:g} is no share from 0 to 1; say what its best value is: "
            "--best SCORER=VALUE"
        )
    return float(share)


def points(shares: Mapping[str, float | None]) -> dict[str, Any]:
    """The fields `scores` and `maxima` of a row, from shares by scorer."""
    if not shares:
        return {}
    most = TOTAL_POINTS / len(shares)
    return {
        "scores": {
            dimension(name): None if share is None else share * most
            for name, share in shares.items()
        },
        "maxima": {dimension(name): most for name in shares},
    }


def dimension(scorer: str) -> str:
    """The name of the dimension that a scorer becomes."""
    return mended_name(scorer)


def rating(scorer: str, share: float | None, most: float, words: Iterable[str]) -> dict[str, Any]:
    """What one scorer said, as a rating of its dimension."""
    return {
        "scorer": f"imported/{scorer}",
        "dimension": dimension(scorer),
        "points": None if share is None else share * most,
        "status": "empty" if share is None else "ok",
        "reason": "the log holds no score" if share is None else "",
        "evidence": [word for word in words if word],
    }


def best_values(written: Sequence[str]) -> dict[str, float]:
    """Best values of scorers by name, from `SCORER=VALUE`.

    Raises:
        SpecError: one is not written so, or its value is not above 0.
    """
    found = {}
    for each in written:
        name, sign, value = each.rpartition("=")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not sign or not name or not (math.isfinite(number) and number > 0):
            raise SpecError(f"--best {each[:60]!r}: write SCORER=VALUE, such as grade=10")
        found[name] = number
    return found
